"""What only a process of its own shows: signals, pipes, limits, standard streams."""

import contextlib
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clips import packets, write_clip
from tests.commands import STYLE, frame_count, names

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of POSIX")

COMMAND = (sys.executable, "-m", "realtime.cli")
SLOW = ("--work-size", "300x300", "--preset", "ultrafast")  # which writes every frame at once


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", ticks=range(0, 24 * 500, 24), sounds=("spa",))


def start(*args: str | Path, before: Callable[[], None] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def wait_until_painting(process: "subprocess.Popen[str]", output: Path) -> None:
    part = output.with_name(output.name + ".part")
    while process.poll() is None and not (part.exists() and part.stat().st_size > 1000):
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def end(process: "subprocess.Popen[str]", seconds: float = 40) -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_file_is_playable_and_says_how_much_it_holds(
    tmp_path: Path, clip: Path, number: signal.Signals
) -> None:
    output = tmp_path / "o.mp4"
    process = start("convert", clip, *STYLE, *SLOW, "--quiet", "-o", output)
    wait_until_painting(process, output)
    process.send_signal(number)
    code, said = end(process)
    count = frame_count(output)
    assert code == 130
    assert said == f"pincel: interrupted: {output} is playable and holds {count} frames, up to {count / 25:.1f} s\n"
    assert 0 < count < 500
    assert max(time for time, _ in packets(output, "audio")[0]) <= count / 25 + 0.1
    assert names(tmp_path) == ["o.mp4"]


def test_an_impatient_ctrl_c_leaves_a_whole_file_or_none(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "o.mp4"
    process = start("convert", clip, *STYLE, *SLOW, "-o", output)
    wait_until_painting(process, output)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    code, said = end(process)
    assert code == 130
    assert said.splitlines()[-1].startswith("pincel: interrupted")
    assert "Traceback" not in said
    if output.exists():
        assert frame_count(output) > 0


def test_ctrl_c_before_painting_keeps_what_was_there(tmp_path: Path) -> None:
    """While the style, a pipe that nobody writes to, is being read."""
    fifo, output = tmp_path / "style.png", tmp_path / "o.mp4"
    os.mkfifo(fifo)
    output.write_text("precious")
    process = start("convert", tmp_path / "x.mp4", "--style", fifo, "--force", "-o", output)
    with fifo.open("wb"):  # waits until the command reads
        process.send_signal(signal.SIGINT)
        code, said = end(process)
    assert (code, said) == (130, "pincel: interrupted\n")
    assert output.read_text() == "precious"


def test_a_person_is_asked_before_a_file_is_overwritten(tmp_path: Path, clip: Path) -> None:
    for answer, code in ((b"n\n", 2), (b"y\n", 0)):
        output = tmp_path / "o.mp4"
        output.write_text("precious")
        terminal, end_of_process = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "convert", clip, *STYLE, "--end", "0.1", "-o", output],
            stdin=end_of_process,
            stderr=end_of_process,
        )
        os.close(end_of_process)
        said = b""
        while b"[y/N]" not in said:
            said += os.read(terminal, 4096)
        os.write(terminal, answer)
        with contextlib.suppress(OSError):  # how a terminal tells that the other end has gone
            while True:
                said += os.read(terminal, 4096)
        os.close(terminal)
        assert process.wait(40) == code, said
        assert (output.read_bytes() == b"precious") == (code == 2)


def test_a_killed_run_leaves_nothing_under_the_name(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "o.mp4"
    process = start("convert", clip, *STYLE, *SLOW, "-o", output)
    wait_until_painting(process, output)
    process.kill()
    assert end(process)[0] == -signal.SIGKILL
    assert names(tmp_path) == ["o.mp4.part"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, clip: Path) -> None:
    """A limit on the size of files stands for it."""
    process = start(
        "convert", clip, *STYLE, "--quiet", "-o", tmp_path / "o.mp4",
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    code, said = end(process)
    assert (code, said.count("\n")) == (1, 1), said
    assert "cannot be written: File too large" in said
    assert names(tmp_path) == []


def test_a_reader_that_goes_away_costs_no_frame(tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "o.mp4"
    process = start("convert", clip, *STYLE, "--end", "1", "-o", output)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(40) == 0
    assert frame_count(output) == 25


def test_closed_streams_do_not_harm_the_file(tmp_path: Path, clip: Path) -> None:
    """The first files opened would get the numbers of the closed streams."""
    output = tmp_path / "o.mp4"
    line = '"$0" -m realtime.cli convert "$1" --style irises --end 1 -o "$2" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", line, sys.executable, clip, output], timeout=40, check=False)
    assert done.returncode == 0
    assert frame_count(output) == 25


def test_a_list_into_a_closed_pipe_ends_in_silence() -> None:
    line = '{ "$0" -m realtime.cli styles list; echo "exit $?" >&2; } | true'
    done = subprocess.run(["sh", "-c", line, sys.executable], timeout=40, check=False, capture_output=True, text=True)
    assert done.stderr == "exit 0\n"


def test_names_that_are_no_text_are_taken(tmp_path: Path, clip: Path) -> None:
    source = os.fsencode(tmp_path) + b"/b\xff.mp4"
    with open(source, "wb") as file:  # noqa: PTH123 - bytes are no Path
        file.write(clip.read_bytes())
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*COMMAND, "convert", source, *STYLE, "--end", "0.2", "--report", tmp_path / "r.json"],
        env=environment, timeout=40, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.json").exists()


def test_verbose_tells_where_the_engine_comes_from(tmp_path: Path, clip: Path) -> None:
    process = start("--verbose", "convert", clip, *STYLE, "--end", "0.1", "-o", tmp_path / "o.mp4")
    code, said = end(process)
    assert code == 0
    assert "engine auto" in said
