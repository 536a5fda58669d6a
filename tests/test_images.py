import errno
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.images import Picture, PictureFolder, PictureSequence, find_pictures, read_picture, write_picture
from realtime.media import Frame, SinkError, Source, SourceError
from tests.pictures import corners, encoded, quarters, written


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_rounded_to_eight(suffix: str, tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 32 * 48).reshape(32, 48).astype(np.uint16)
    picture = read_picture(written(tmp_path / f"a{suffix}", encoded(suffix, np.dstack([deep] * 3))))
    assert np.array_equal(picture.pixels[:, :, 0], np.rint(deep / 257))


def test_grey_becomes_colour(tmp_path: Path) -> None:
    grey = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48).astype(np.uint8)
    picture = read_picture(written(tmp_path / "a.png", encoded(".png", grey)))
    assert picture.alpha is None
    assert np.array_equal(picture.pixels, np.dstack([grey] * 3))


@pytest.mark.parametrize(("pix_fmt", "has_alpha"), [("ya8", True), ("pal8", True), ("monob", False)])
def test_grey_with_alpha_palette_and_one_bit_are_read(pix_fmt: str, has_alpha: bool, tmp_path: Path) -> None:
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 48, 32, pix_fmt, Fraction(1, 25)
    frame = av.VideoFrame(48, 32, pix_fmt)
    values = {"ya8": (200, 80), "pal8": (0,), "monob": (255,)}[pix_fmt]
    for plane in frame.planes:
        plane.update(bytes(values) * (plane.buffer_size // len(values)))
    if pix_fmt == "pal8":
        frame.planes[1].update(struct.pack("<I", 0x50FF0000) * 256)  # ARGB
    data = b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
    picture = read_picture(written(tmp_path / "a.png", data))
    assert picture.pixels[16, 24].tolist() == {"ya8": [200] * 3, "pal8": [0, 0, 255], "monob": [255] * 3}[pix_fmt]
    assert (None if picture.alpha is None else int(picture.alpha[16, 24])) == (80 if has_alpha else None)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_the_first_frame_of_an_animation_is_read(suffix: str, tmp_path: Path) -> None:
    animation = cv2.Animation()
    bgra = cv2.COLOR_BGR2BGRA
    animation.frames = [cv2.cvtColor(quarters(), bgra), np.zeros((32, 48, 4), np.uint8)]
    animation.durations = [100, 100]
    assert cv2.imwriteanimation(str(tmp_path / f"a{suffix}"), animation)
    assert corners(read_picture(tmp_path / f"a{suffix}")) == "rgbw"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".PNG"])
def test_a_picture_written_is_read_back_under_any_name(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"Ölbild 画{suffix}"
    write_picture(path, Picture(quarters(), np.full((32, 48), 128, np.uint8)))
    picture = read_picture(path)
    difference = np.abs(picture.pixels.astype(int) - quarters())
    assert difference.mean() < 4 if suffix in (".jpg", ".jpeg", ".webp") else difference.max() == 0
    assert (picture.alpha is not None) == (suffix.lower() in (".png", ".webp", ".tif", ".tiff"))
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_quality_is_followed(tmp_path: Path) -> None:
    noise = Picture(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for suffix in ("jpg", "webp"):
        write_picture(tmp_path / f"low.{suffix}", noise, quality=20)
        write_picture(tmp_path / f"high.{suffix}", noise, quality=95)
        assert (tmp_path / f"low.{suffix}").stat().st_size < (tmp_path / f"high.{suffix}").stat().st_size / 2


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp", ".gif"])
def test_a_picture_cut_short_is_refused(suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(suffix, noise)
    for share in (0.5, 0.98):
        path = written(tmp_path / f"a{suffix}", data[: int(len(data) * share)])
        with pytest.raises(SourceError, match="damaged or cut short"):
            read_picture(path)
    assert capfd.readouterr() == ("", "")


def test_a_flipped_bit_in_a_png_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(".png", quarters()))
    data[len(data) // 2] ^= 1
    with pytest.raises(SourceError, match="damaged"):
        read_picture(written(tmp_path / "a.png", bytes(data)))
    assert capfd.readouterr() == ("", "")


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder.png").mkdir()
    refused = {
        tmp_path / "missing.png": "no such picture: check the name",
        tmp_path / "folder.png": "is a folder, not a picture",
        written(tmp_path / "empty.png", b""): r"is empty \(0 bytes\)",
        written(tmp_path / "text.png", b"a letter, no picture\n" * 50): "is no picture known here",
        written(tmp_path / "dot.png", encoded(".png", quarters(1, 1))): "is 1x1 pixels: use a picture of 8x8 or more",
        written(tmp_path / "thin.bmp", encoded(".bmp", quarters(7, 90))): "is 90x7 pixels",
        written(tmp_path / "f.tif", encoded(".tif", np.zeros((9, 9), np.float32))): "holds float32 samples",
    }
    for path, message in refused.items():
        with pytest.raises(SourceError, match=message) as caught:
            read_picture(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_an_unknown_suffix_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"not written as '\.xyz': use \.png, \.jpg"):
        write_picture(tmp_path / "a.xyz", Picture(quarters()))
    with pytest.raises(SinkError, match="make its folder first"):
        write_picture(tmp_path / "no" / "a.png", Picture(quarters()))
    with pytest.raises(SinkError, match="do not fit the format"):
        write_picture(tmp_path / "a.webp", Picture(np.zeros((8, 17_000, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_picture_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "a.png"
    write_picture(path, Picture(quarters()))
    monkeypatch.setattr(Path, "write_bytes", no_space)
    with pytest.raises(SinkError, match="No space left on device: free some space"):
        write_picture(path, Picture(np.zeros((32, 48, 3), np.uint8)))
    assert corners(read_picture(path)) == "rgbw"
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]


def test_pictures_of_a_folder_come_in_natural_order(tmp_path: Path) -> None:
    for name in ("10.png", "9.JPG", "a2.png", "a10.png", "a1.webp", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in find_pictures(tmp_path)] == ["9.JPG", "10.png", "a1.webp", "a2.png", "a10.png"]
    assert [path.name for path in find_pictures(tmp_path / "a%d.png")] == ["a2.png", "a10.png"]
    assert [path.name for path in find_pictures(tmp_path / "1*")] == ["10.png"]
    assert [path.name for path in find_pictures(tmp_path / "notes.txt")] == ["notes.txt"]


@pytest.mark.parametrize("name", ["", "missing.png", "%05d.png", "*.png", "no/%05d.png"])
def test_no_pictures_is_an_error(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        PictureSequence(tmp_path / name)


def test_a_sequence_loses_no_picture_and_keeps_alpha_and_time(tmp_path: Path) -> None:
    for index in range(12):
        alpha = np.full((32, 48), 100 + index, np.uint8)
        write_picture(tmp_path / f"{index}.png", Picture(quarters(), alpha))
    source: Source = PictureSequence(tmp_path, rate=Fraction(24000, 1001))
    frames = list(source)
    assert (source.live, source.size, source.frame_count) == (False, (32, 48), 12)
    assert [frame.index for frame in frames] == list(range(12))
    assert [int(frame.alpha[0, 0]) for frame in frames if frame.alpha is not None] == list(range(100, 112))
    assert frames[11].pts_seconds == pytest.approx(11 * 1001 / 24000)
    source.close()
    source.close()


def test_a_sequence_of_two_sizes_names_the_picture_and_both_sizes(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", Picture(quarters()))
    write_picture(tmp_path / "2.png", Picture(quarters(16, 24)))
    frames = iter(PictureSequence(tmp_path))
    next(frames)
    with pytest.raises(SourceError, match=r"2\.png is 24x16 pixels and 1\.png is 48x32"):
        next(frames)


def test_a_sequence_reads_a_picture_when_its_turn_comes(tmp_path: Path) -> None:
    write_picture(tmp_path / "1.png", Picture(quarters()))
    (tmp_path / "2.png").write_bytes(b"")
    frames = iter(PictureSequence(tmp_path))
    assert next(frames).index == 0
    with pytest.raises(SourceError, match="is empty"):
        next(frames)


def test_a_folder_takes_frames_and_gives_them_back(tmp_path: Path) -> None:
    sink = PictureFolder(tmp_path / "made" / "here")
    for index in (0, 4, 5):
        sink.write(Frame(quarters(), pts_seconds=index / 25, index=index))
    sink.close()
    names = [path.name for path in find_pictures(tmp_path / "made" / "here")]
    assert names == ["00000.png", "00001.png", "00002.png"]
    assert [corners(Picture(frame.pixels)) for frame in PictureSequence(tmp_path / "made" / "here")] == ["rgbw"] * 3


def test_a_pattern_names_the_pictures(tmp_path: Path) -> None:
    sink = PictureFolder(tmp_path / "100%" / "painted_%03d.jpg")
    sink.write(Frame(quarters(), pts_seconds=0, index=0))
    assert (tmp_path / "100%" / "painted_000.jpg").is_file()


def test_a_folder_that_holds_something_is_not_written_into_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "00000.png").write_bytes(b"precious")
    with pytest.raises(SinkError, match="is not empty"):
        PictureFolder(tmp_path)
    PictureFolder(tmp_path, force=True).write(Frame(quarters(), pts_seconds=0, index=0))
    assert corners(read_picture(tmp_path / "00000.png")) == "rgbw"
    with pytest.raises(SinkError):
        PictureFolder(tmp_path / "00000.png")
    with pytest.raises(SinkError, match="not written as"):
        PictureFolder(tmp_path / "%05d.xyz", force=True)


def test_a_discarded_folder_keeps_whole_pictures_and_no_empty_folder(tmp_path: Path) -> None:
    PictureFolder(tmp_path / "none").discard()
    assert not (tmp_path / "none").exists()
    sink = PictureFolder(tmp_path / "one")
    sink.write(Frame(quarters(), pts_seconds=0, index=0))
    sink.discard()
    assert corners(read_picture(tmp_path / "one" / "00000.png")) == "rgbw"
