from pathlib import Path

import pytest

from realtime.commands.options import parse_steadiness, parse_time
from realtime.commands.outputs import choose_target, stem
from realtime.commands.painting import split_weight
from realtime.commands.terminal import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("0", 0), ("12.5", 12.5), ("1:30", 90), ("1:02:03.5", 3723.5), ("0:00:00", 0)],
)
def test_times_are_seconds_or_clock_time(text: str | None, seconds: float | None) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1:-2", "nan", "inf", "1:2:3:4", "1::2", "1,5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        parse_time(text)


def test_steadiness_is_auto_or_a_number() -> None:
    assert parse_steadiness("auto") == "auto"
    assert parse_steadiness("0.25") == 0.25
    for text in ("x", "nan", "1.1", "-0.1", ""):
        with pytest.raises(UsageError, match="--steady"):
            parse_steadiness(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("irises", ("irises", 1)),
        ("irises:0.3", ("irises", 0.3)),
        ("irises:", ("irises:", 1)),
        ("C:\\x.png", ("C:\\x.png", 1)),
        ("C:\\x.png:0.3", ("C:\\x.png", 0.3)),
        ("a/b.png:2", ("a/b.png", 2)),
    ],
)
def test_a_weight_follows_the_last_colon(text: str, parts: tuple[str, float]) -> None:
    assert split_weight(text) == parts


def test_a_file_with_a_colon_has_no_weight(tmp_path: Path) -> None:
    path = tmp_path / "half:0.5"
    path.touch()
    assert split_weight(str(path)) == (str(path), 1)
    assert split_weight(f"{path}:0.25") == (str(path), 0.25)


def test_patterns_are_named_by_their_text_or_their_folder(tmp_path: Path) -> None:
    assert stem(Path("clips/a.b.mp4")) == "a.b"
    assert stem(Path("frames/img_%04d.png")) == "img"
    assert stem(tmp_path / "*.png") == tmp_path.name
    assert stem(tmp_path / "%05d.png") == tmp_path.name
    (tmp_path / "v1.2").mkdir()
    assert stem(tmp_path / "v1.2") == "v1.2"


def test_a_result_lies_beside_its_source_named_by_the_style(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    target = choose_target(source, None, label="irises:0.5+bl/ue", suffix=".mp4", many=False)
    assert target == tmp_path / "a-irises_0_5+bl_ue.mp4"


def test_a_long_blend_makes_a_name_that_file_systems_take() -> None:
    target = choose_target(Path("a.mp4"), None, label="x" * 500, suffix=".mp4", many=False)
    assert len(target.name) < 100


def test_a_folder_is_one_that_exists_or_ends_as_one(tmp_path: Path) -> None:
    source = Path("a.mp4")
    for output in (str(tmp_path), f"{tmp_path}/new/"):
        target = choose_target(source, output, label="x", suffix=".mp4", many=False)
        assert target == Path(output) / "a-x.mp4"
    new = f"{tmp_path}/new.mp4"
    assert choose_target(source, new, label="x", suffix=".mp4", many=False) == Path(new)
