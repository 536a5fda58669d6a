"""What the painting commands write."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.images import read_picture
from realtime.media import Frame
from realtime.video import VideoReader
from tests.clips import hashes, stamped, stamps, write_clip
from tests.commands import STYLE, frame_count, names, pincel, size


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("año 1 ñ") / "mi vídeo.mp4", sounds=("spa",))


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    for index in range(4):
        cv2.imwrite(str(folder / f"{index:03}.png"), stamped(index))
    return folder


def read(path: Path) -> list[Frame]:
    return list(VideoReader(path))


def test_a_clip_is_painted_beside_itself_with_its_sound(tmp_path: Path, clip: Path) -> None:
    own = tmp_path / clip.name
    own.write_bytes(clip.read_bytes())
    result = pincel("convert", own, *STYLE)
    assert result.code == 0
    painted = tmp_path / "mi vídeo-irises.mp4"
    assert names(tmp_path) == sorted([clip.name, painted.name])
    assert (frame_count(painted), size(painted)) == (10, (64, 96))
    assert hashes(painted, "audio") == hashes(clip, "audio")
    assert np.abs(read(painted)[5].pixels.astype(int) - read(clip)[5].pixels).mean() > 10


def test_quiet_says_nothing(tmp_path: Path, clip: Path) -> None:
    result = pincel("convert", clip, *STYLE, "-o", tmp_path / "o.mp4", "--quiet")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_nothing_but_lines_of_text_goes_into_a_pipe(tmp_path: Path, clip: Path) -> None:
    result = pincel("convert", clip, *STYLE, "-o", tmp_path / "o.mp4")
    assert len(result.err.splitlines()) == 2, result.err  # the engine, the result
    assert "\x1b" not in result.err
    assert result.out == ""


def test_a_span_is_painted_and_no_more(tmp_path: Path, clip: Path) -> None:
    result = pincel(
        "convert", clip, *STYLE, "-o", tmp_path / "o.mp4", "--start", "0:00.1", "--end", "0.3", "--strength", "0"
    )
    assert result.code == 0
    assert stamps(read(tmp_path / "o.mp4")) == [3, 4, 5, 6, 7]


def test_size_and_work_size_are_kept_to(tmp_path: Path, clip: Path) -> None:
    args = ("--size", "32p", "--work-size", "16x16")
    assert pincel("convert", clip, *STYLE, *args, "-o", tmp_path / "o.mp4").code == 0
    assert size(tmp_path / "o.mp4") == (32, 48)


def test_several_inputs_fill_a_folder_and_one_failure_stops_none(tmp_path: Path, clip: Path) -> None:
    second = tmp_path / "b.mkv"
    second.write_bytes(clip.read_bytes())
    report = tmp_path / "report.json"
    result = pincel("convert", clip, "nope.mp4", second, *STYLE, "-o", tmp_path / "out", "--report", report)
    assert (result.code, result.err.count("pincel: ")) == (1, 1)
    assert names(tmp_path / "out") == ["b-irises.mkv", "mi vídeo-irises.mp4"]
    runs = json.loads(report.read_text("utf-8"))["runs"]
    assert ["error" in run for run in runs] == [False, True, False]
    assert {run["input"] for run in runs} == {str(clip), "nope.mp4", str(second)}


def test_the_report_tells_what_was_done_and_how_fast(tmp_path: Path, clip: Path) -> None:
    report = tmp_path / "report.json"
    assert pincel("convert", clip, *STYLE, "-o", tmp_path / "o.mp4", "--report", report).code == 0
    (run,) = json.loads(report.read_text("utf-8"))["runs"]
    assert (run["frames"], run["lost"], run["interrupted"], run["style"]) == (10, None, False, "irises")
    assert (run["output"], run["encoder"]) == (str(tmp_path / "o.mp4"), "libx264")
    assert run["engine"].split()[0] in {"openvino", "torch"}
    assert run["fps"] > 0
    assert set(run["stages"]) == {"read", "paint", "write", "age"}
    assert set(run["stages"]["paint"]) == {"p50_ms", "p95_ms", "p99_ms"}


def test_a_cut_off_file_is_painted_as_far_as_it_goes(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "cut.mkv", ticks=range(0, 24 * 60, 24))
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    report, output = tmp_path / "report.json", tmp_path / "o.mkv"
    result = pincel("convert", source, *STYLE, "-o", output, "--report", report)
    assert (result.code, "is kept, but the file breaks off at" in result.err) == (1, True)
    (run,) = json.loads(report.read_text("utf-8"))["runs"]
    assert 0 < run["frames"] == frame_count(output) < 60
    assert run["lost"]["frames"] == 60 - run["frames"]


def test_a_sequence_becomes_a_video(tmp_path: Path, frames: Path) -> None:
    for number, source in enumerate((frames, frames / "%03d.png", frames / "*.png")):
        output = tmp_path / f"{number}.mp4"
        assert pincel("convert", source, *STYLE, "-o", output, "--fps", "12.5", "--strength", "0").code == 0
        assert stamps(read(output)) == [0, 1, 2, 3]
        assert VideoReader(output).rate == 12.5


def test_a_sequence_becomes_pictures(tmp_path: Path, frames: Path) -> None:
    assert pincel("convert", frames, *STYLE, "-o", tmp_path / "a", "--strength", "0").code == 0
    assert names(tmp_path / "a") == ["00000.png", "00001.png", "00002.png", "00003.png"]
    assert (read_picture(tmp_path / "a/00002.png").pixels == stamped(2)).all()
    result = pincel("convert", frames, *STYLE, "-o", tmp_path / "a")
    assert (result.code, "--force" in result.line) == (2, True)
    assert pincel("convert", frames, *STYLE, "-o", tmp_path / "b/x_%02d.jpg").code == 0
    assert names(tmp_path / "b") == ["x_00.jpg", "x_01.jpg", "x_02.jpg", "x_03.jpg"]


def test_a_video_becomes_pictures(tmp_path: Path, clip: Path) -> None:
    assert pincel("convert", clip, *STYLE, "-o", tmp_path / "a/%02d.png", "--end", "0.1").code == 0
    assert names(tmp_path / "a") == ["00.png", "01.png", "02.png"]


def test_a_picture_keeps_its_alpha_and_its_format(tmp_path: Path) -> None:
    alpha = np.tile(np.arange(96, dtype=np.uint8), (64, 1))
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([stamped(1), alpha]))
    cv2.imwrite(str(tmp_path / "b.jpg"), stamped(2))
    result = pincel("image", tmp_path / "a.png", tmp_path / "b.jpg", *STYLE, "-o", tmp_path / "out")
    assert result.code == 0
    assert names(tmp_path / "out") == ["a-irises.png", "b-irises.jpg"]
    painted = read_picture(tmp_path / "out/a-irises.png")
    assert painted.alpha is not None
    assert (painted.alpha == alpha).all()
    result = pincel("image", tmp_path / "a.png", *STYLE, "-o", tmp_path / "a.jpg")
    assert (result.code, "transparency is dropped" in result.err) == (0, True)


def test_a_folder_of_pictures_is_painted_past_the_damaged_one(tmp_path: Path, frames: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for path in frames.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "001.png").write_bytes(b"no picture")
    report = tmp_path / "report.json"
    result = pincel("image", folder, *STYLE, "-o", tmp_path / "out", "--report", report)
    assert (result.code, result.err.count("pincel: ")) == (1, 1)
    assert names(tmp_path / "out") == ["000-irises.png", "002-irises.png", "003-irises.png"]
    assert len(json.loads(report.read_text())["runs"]) == 4


def test_styles_are_blended_by_weight(tmp_path: Path, frames: Path) -> None:
    source = frames / "000.png"
    args = ("image", source, "--size", "64x96")
    for name, styles in (
        ("a", ("irises:1", "the_scream:0")),
        ("b", ("irises",)),
        ("c", ("irises:0.5", f"{frames / '001.png'}:0.5")),
    ):
        chosen = [part for style in styles for part in ("--style", style)]
        assert pincel(*args, *chosen, "-o", tmp_path / f"{name}.png").code == 0
    one, two, three = (read_picture(tmp_path / f"{name}.png").pixels.astype(int) for name in "abc")
    assert (one == two).all()
    assert np.abs(one - three).mean() > 1


def test_libraries_do_not_speak(tmp_path: Path, clip: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "x.jpg"), np.random.default_rng(0).integers(0, 255, (256, 256, 3), np.uint8))
    data = bytearray((tmp_path / "x.jpg").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = b"\x55" * 200
    (tmp_path / "x.jpg").write_bytes(data)
    assert pincel("image", tmp_path / "x.jpg", *STYLE, "-o", tmp_path / "o.png").code == 0
    assert pincel("convert", clip, *STYLE, "-o", tmp_path / "o.mp4", "--preset", "hyper").code == 1
    assert capfd.readouterr() == ("", "")


def test_a_corrupted_cache_is_made_anew(
    tmp_path: Path, clip: Path, home: Path, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = ("--style", frames / "002.png")
    assert pincel("convert", clip, *style, "-o", tmp_path / "a/%03d.png").code == 0
    shutil.copytree(home / "cache", tmp_path / "home/cache")
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path / "home"))
    stored = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert len(stored) >= 2
    for path in stored:
        path.write_bytes(b"damaged")
    assert pincel("convert", clip, *style, "-o", tmp_path / "b/%03d.png").code == 0
    ours, theirs = (sorted((tmp_path / name).iterdir()) for name in "ab")  # pictures: an encoder makes more of rounding
    assert len(ours) > 1
    for one, two in zip(ours, theirs, strict=True):
        assert np.abs(np.asarray(cv2.imread(str(one)), int) - np.asarray(cv2.imread(str(two)), int)).mean() < 1
