"""What the READMEs say is what is there."""

import re
from pathlib import Path

import pytest

from benchmarks.readme_figures import END, START, WORDS, figures

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for pattern in ("*.md", "docs/*.md") for path in ROOT.glob(pattern))


@pytest.mark.parametrize("page", WORDS)
def test_figures_are_those_of_the_results(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.split(START)[1].split(END)[0].strip() == figures(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_both_readmes_give_the_same_two_commands() -> None:
    commands = [
        re.findall(r"^pip install .*$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE) for page in WORDS
    ]
    assert commands == [["pip install . && pincel demo", "pip install '.[test]' && pytest"]] * 2


def test_the_ten_lines_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    from realtime.images import Picture, write_picture
    from realtime.pattern import Pattern
    from realtime.pipeline import run
    from realtime.video_writer import VideoWriter

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    pattern, shown = Pattern((64, 96), frame_count=4), []
    write_picture(tmp_path / "drawing.jpg", Picture(pattern.paint(0)))
    run(pattern, iter, [VideoWriter(tmp_path / "holiday.mp4", size=pattern.size, rate=pattern.rate)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "imshow", lambda _, frame: shown.append(frame))
    monkeypatch.setattr(cv2, "waitKey", lambda _: -1)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102
    assert [frame.shape for frame in shown] == [(64, 96, 3)] * 4
