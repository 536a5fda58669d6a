"""Bad input: one line, the right exit code, nothing lost, nothing opened in vain."""

import errno
import os
import struct
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

from realtime.commands import painting
from tests.clips import write_clip
from tests.commands import STYLE, names, pincel


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is worth the seconds that an engine takes to open."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("an engine was opened")

    monkeypatch.setattr(painting, "open_engine", refuse)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture
def clip(tmp_path: Path, original: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(original.read_bytes())
    return path


def picture(path: Path, height: int, width: int) -> Path:
    cv2.imwrite(str(path), np.full((height, width), 127, np.uint8))
    return path


def huge_png(path: Path, height: int, width: int) -> Path:
    """A picture that only says how large it is; the one behind it would take seconds to make."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)))
    return path


def test_a_missing_file_is_one_line_and_exit_1(tmp_path: Path) -> None:
    for command in ("convert", "image"):
        result = pincel(command, tmp_path / "nope.png", *STYLE)
        assert result.code == 1
        assert f"{tmp_path / 'nope.png'}" in result.line
    assert names(tmp_path) == []


def test_a_folder_without_pictures_is_no_input(tmp_path: Path) -> None:
    result = pincel("convert", tmp_path, *STYLE)
    assert (result.code, "holds no picture" in result.line) == (1, True)


@pytest.mark.parametrize("data", [b"", b"hello\n" * 99, bytes(999)], ids=["empty", "text", "zeros"])
def test_a_file_that_is_no_video_is_told_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.mp4").write_bytes(data)
    result = pincel("convert", tmp_path / "x.mp4", *STYLE)
    assert (result.code, "x.mp4" in result.line) == (1, True)
    assert names(tmp_path) == ["x.mp4"]


def test_a_file_with_sound_alone_has_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    result = pincel("convert", tmp_path / "sound.mp4", *STYLE)
    assert (result.code, "no video stream, only audio (aac)" in result.line) == (1, True)


@pytest.mark.parametrize("size", [(1, 1), (30_000, 30_000)])
def test_a_picture_too_small_or_too_large_is_refused(tmp_path: Path, clip: Path, size: tuple[int, int]) -> None:
    path = (picture if max(size) < 1000 else huge_png)(tmp_path / "x.png", *size)
    for args in (("image", path, *STYLE), ("convert", clip, "--style", path), ("styles", "add", path)):
        result = pincel(*args)
        assert result.code == 1
        assert f"{size[1]}x{size[0]} pixels" in result.line


def test_a_damaged_picture_is_refused_in_one_line(tmp_path: Path, clip: Path) -> None:
    path = picture(tmp_path / "x.jpg", 64, 64)
    path.write_bytes(path.read_bytes()[:200])
    for args in (("image", path, *STYLE), ("convert", clip, "--style", path)):
        result = pincel(*args)
        assert (result.code, "damaged" in result.line) == (1, True)


def test_an_unknown_style_suggests_the_nearest(clip: Path) -> None:
    result = pincel("convert", clip, "--style", "stary_nite")
    assert (result.code, "did you mean 'starry_night'?" in result.line) == (2, True)


def test_a_style_picture_that_is_missing_is_told_by_name(clip: Path) -> None:
    for name in ("nope.png", "C:\\x.png", "nope.safetensors"):
        result = pincel("convert", clip, "--style", name)
        assert (result.code, name in result.line) == (1, True)


def test_style_files_that_cannot_be_used_say_why(tmp_path: Path, clip: Path) -> None:
    vector = {"style": np.zeros(3, np.float32)}
    save_file(vector, tmp_path / "foreign.safetensors", {"network": "other-0"})
    save_file(vector, tmp_path / "none.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"abc" * 30)
    for name, why in (("foreign", "made by the network other-0"), ("none", "no Pincel style"), ("damaged", "cannot")):
        result = pincel("convert", clip, "--style", tmp_path / f"{name}.safetensors")
        assert (result.code, why in result.line) == (1, True), result.err


def test_a_weight_on_a_single_style_points_to_strength(clip: Path) -> None:
    result = pincel("convert", clip, "--style", "irises:0.3")
    assert (result.code, "--strength" in result.line) == (2, True)
    result = pincel("convert", clip, "--style", "irises:-1", "--style", "the_scream")
    assert (result.code, "-1" in result.line) == (2, True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--size", "0"], "'0' is no size"),
        (["--size", "4x4"], "8 to 16384"),
        (["--work-size", "huge"], "'huge' is no size"),
        (["--strength", "7"], "--strength 7: give a number from 0 to 1"),
        (["--strength", "nan"], "--strength nan"),
        (["--steady", "x"], "--steady x"),
        (["--fps", "0"], "--fps 0"),
        (["--engine", "cuda"], "'cuda'"),
        (["--precision", "fp64"], "'fp64'"),
        (["--audio", "mp3"], "'mp3'"),
        (["--codec", "xvid"], "xvid"),
        (["--crf", "99"], "crf 99"),
        (["--start", "x"], "'x' is no time"),
        (["--start", "5", "--end", "3"], "--end 3 is not after --start 5"),
        (["--report", "x.mp4"], "reports are JSON"),
        (["--stile", "x"], "--stile"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_2(clip: Path, args: list[str], words: str) -> None:
    result = pincel("convert", clip, *STYLE, *args)
    assert (result.code, words in result.line) == (2, True), result.err


def test_a_wrong_option_is_told_before_a_wrong_file() -> None:
    assert "'0' is no size" in pincel("convert", "nope.mp4", *STYLE, "--size", "0").line


@pytest.mark.parametrize(("output", "codec"), [("x.webm", "h264"), ("x.mp4", "prores"), ("x.txt", "h264")])
def test_a_container_that_cannot_hold_the_codec_is_refused(tmp_path: Path, clip: Path, output: str, codec: str) -> None:
    result = pincel("convert", clip, *STYLE, "-o", tmp_path / output, "--codec", codec)
    assert (result.code, output in result.line) == (2, True)
    assert names(tmp_path) == ["clip.mp4"]


def test_a_start_past_the_end_says_where_the_end_is(clip: Path) -> None:
    result = pincel("convert", clip, *STYLE, "--start", "5")
    assert (result.code, "its last is at 0.36 s" in result.line) == (1, True)


def test_too_many_pixels_to_paint_name_the_remedy(clip: Path) -> None:
    result = pincel("convert", clip, *STYLE, "--size", "9000x9000")
    assert (result.code, "--work-size" in result.line) == (2, True)


@pytest.mark.parametrize("way", ["same", "relative", "symlink", "hardlink"])
def test_the_input_is_never_overwritten(clip: Path, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before, output = clip.read_bytes(), Path("other.mp4")
    if way == "symlink":
        output.symlink_to(clip)
    elif way == "hardlink":
        output.hardlink_to(clip)
    else:
        output = clip if way == "same" else Path("clip.mp4")
    result = pincel("convert", clip, *STYLE, "-o", output, "--force")
    assert (result.code, "is the input itself" in result.line) == (2, True)
    assert clip.read_bytes() == before


def test_an_existing_output_is_kept_without_force(tmp_path: Path, clip: Path) -> None:
    for command, source, name in (("convert", clip, "o.mp4"), ("image", picture(tmp_path / "p.png", 64, 64), "o.png")):
        (tmp_path / name).write_text("precious")
        result = pincel(command, source, *STYLE, "-o", tmp_path / name)
        assert (result.code, "--force" in result.line) == (2, True)
        assert (tmp_path / name).read_text() == "precious"


def test_two_inputs_never_become_one_output(tmp_path: Path, clip: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.mp4").write_bytes(clip.read_bytes())
    result = pincel("convert", tmp_path / "a/x.mp4", tmp_path / "b/x.mp4", *STYLE, "-o", tmp_path / "out", "--force")
    assert (result.code, "would both become" in result.line) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_painting_never_replaces_another_input(tmp_path: Path, clip: Path) -> None:
    other = tmp_path / "clip-irises.mp4"
    other.write_bytes(clip.read_bytes())
    result = pincel("convert", clip, other, *STYLE, "--force")
    assert (result.code, "is an input" in result.line) == (2, True)


def test_several_inputs_need_a_folder(tmp_path: Path, clip: Path) -> None:
    result = pincel("convert", clip, tmp_path / "b.mp4", *STYLE, "-o", clip)
    assert (result.code, "name a folder" in result.line) == (2, True)


def test_a_missing_folder_is_told_and_not_made(tmp_path: Path, clip: Path) -> None:
    result = pincel("convert", clip, *STYLE, "-o", tmp_path / "no/x.mp4")
    assert (result.code, "make it" in result.line) == (1, True)
    result = pincel("convert", clip, *STYLE, "--report", tmp_path / "no/r.json")
    assert (result.code, "make it" in result.line) == (1, True)


def test_a_folder_that_takes_no_files_is_told(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def denied(path: Path, *args: str, **options: object) -> object:
        if path.suffix == ".part":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", denied)  # root may write everywhere
    result = pincel("convert", clip, *STYLE)
    assert (result.code, "cannot be written: Permission denied" in result.line) == (1, True)
    assert names(tmp_path) == ["clip.mp4"]


def test_pictures_and_videos_are_sent_to_each_others_command(tmp_path: Path, clip: Path) -> None:
    assert "pincel image" in pincel("convert", picture(tmp_path / "p.png", 64, 64), *STYLE).line
    assert "pincel convert" in pincel("image", clip, *STYLE).line


def test_a_sequence_is_not_painted_into_its_own_folder(tmp_path: Path) -> None:
    picture(tmp_path / "0.png", 64, 64)
    for source in (tmp_path, tmp_path / "%d.png"):
        result = pincel("convert", source, *STYLE, "-o", tmp_path, "--force")
        assert (result.code, "is the input itself" in result.line) == (2, True)


def test_a_name_too_long_for_the_system_is_no_traceback(clip: Path) -> None:
    assert "too long" in pincel("convert", "x" * 300 + ".mp4", *STYLE).line
    assert "too long" in pincel("convert", clip, *STYLE, "-o", "x" * 300 + ".mp4").line


def test_a_bug_is_one_line_too(clip: Path) -> None:
    result = pincel("convert", clip, *STYLE)
    assert (result.code, "this is a bug in Pincel" in result.line) == (1, True)
    assert names(clip.parent) == ["clip.mp4"]


def test_names_are_shown_as_they_are() -> None:
    assert "[red]:smile:[b] ñ.mp4 does not exist" in pincel("convert", "[red]:smile:[b] ñ.mp4", *STYLE).line


def test_no_command_shows_the_help() -> None:
    result = pincel()
    assert (result.code, result.err) == (2, "")
    assert "convert" in result.out


@pytest.mark.parametrize("command", [(), ("convert",), ("image",), ("demo",), ("doctor",), ("styles", "show")])
def test_help_fits_80_columns(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = pincel(*command, "--help")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    assert "Ⓜ" not in result.out
