from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from av import VideoFrame

from realtime.colour import BT601, BT709, Colour, ColourConverter
from realtime.media import Pixels
from realtime.pattern import Pattern
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter

# Kr and Kb of the matrices (ITU-T H.273, table 4).
WEIGHTS = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), 9: (0.2627, 0.0593)}
COLOURS = [
    Colour(BT709, "limited", 1, 1),
    Colour(BT709, "full", 1, 1),
    Colour(BT601, "limited", 6, 6),
    Colour(BT601, "full"),
    Colour(9, "limited", 9, 14),
]


def coded(red: int, green: int, blue: int, colour: Colour) -> VideoFrame:
    """A 4:4:4 frame of one colour, by the textbook's formula."""
    kr, kb = WEIGHTS[colour.matrix]
    luma = (kr * red + (1 - kr - kb) * green + kb * blue) / 255
    chroma = (blue / 255 - luma) / (2 * (1 - kb)), (red / 255 - luma) / (2 * (1 - kr))
    if colour.range == "full":
        levels = [luma * 255, *(128 + 255 * part for part in chroma)]
    else:
        levels = [16 + 219 * luma, *(128 + 224 * part for part in chroma)]
    planes = np.stack([np.full((16, 32), round(level), np.uint8) for level in levels])
    frame = VideoFrame.from_ndarray(planes, format="yuv444p")
    frame.colorspace, frame.color_range = colour.matrix, 2 if colour.range == "full" else 1
    frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
    return frame


@pytest.mark.parametrize("colour", COLOURS, ids=str)
@pytest.mark.parametrize("rgb", [(200, 50, 30), (20, 180, 90), (255, 255, 255), (0, 0, 0), (40, 60, 220)])
def test_coded_colours_come_out_as_the_standard_says(colour: Colour, rgb: tuple[int, int, int]) -> None:
    frame = coded(*rgb, colour)
    pixels = ColourConverter(Colour.of(frame)).to_pixels(frame, size=(16, 32))
    assert Colour.of(frame) == colour
    assert np.abs(pixels.mean(axis=(0, 1)) - rgb[::-1]).max() <= 2


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_pixels_survive_coding_in_every_matrix_and_range(colour: Colour) -> None:
    pixels = Pattern((72, 128)).paint(3)
    frame = ColourConverter(colour).to_frame(pixels, pix_fmt="yuv444p")
    back = ColourConverter(Colour.of(frame)).to_pixels(frame, size=(72, 128))
    assert Colour.of(frame) == colour
    assert np.abs(back.astype(int) - pixels).mean(axis=(0, 1)).max() <= 1.0


@pytest.mark.parametrize(("height", "matrix"), [(480, BT601), (719, BT601), (720, BT709), (1080, BT709)])
def test_an_untagged_stream_is_read_as_players_do(height: int, matrix: int) -> None:
    assert Colour.of(VideoFrame(64, height, "yuv420p")) == Colour(matrix)


def test_yuvj_is_full_range_though_untagged() -> None:
    assert Colour.of(VideoFrame(64, 64, "yuvj420p")).range == "full"


@pytest.mark.parametrize(
    "pix_fmt", ["gray", "rgb24", "bgr24", "gbrp", "rgba", "pal8", "yuv420p10le", "yuv422p", "nv12"]
)
def test_every_pixel_format_gives_owned_bgr(pix_fmt: str) -> None:
    grey = np.full((32, 64, 3), 99, np.uint8)
    if pix_fmt == "pal8":
        palette = np.full((256, 4), 99, np.uint8)
        frame = VideoFrame.from_ndarray((np.zeros((32, 64), np.uint8), palette), format="pal8")  # type: ignore[arg-type]
    else:
        frame = VideoFrame.from_ndarray(grey, format="bgr24").reformat(format=pix_fmt)
    pixels = ColourConverter(Colour.of(frame)).to_pixels(frame, size=(32, 64))
    assert pixels.shape == (32, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert np.abs(pixels.astype(int) - 99).max() <= 2
    assert not any(np.shares_memory(pixels, np.frombuffer(memoryview(plane), np.uint8)) for plane in frame.planes)


def test_read_only_pixels_can_be_coded() -> None:
    pixels: Pixels = np.full((16, 32, 3), 77, np.uint8)
    pixels.flags.writeable = False
    frame = ColourConverter(Colour()).to_frame(pixels, pix_fmt="yuv420p")
    assert (frame.width, frame.height) == (32, 16)


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0), dtype=np.uint8)


@pytest.mark.parametrize("colour", COLOURS, ids=str)
def test_a_file_keeps_its_colours_through_reader_and_writer(colour: Colour, tmp_path: Path) -> None:
    # As soft as a lens: 4:2:0 halves the resolution of colour, which is not what is measured here.
    source = [replace(f, pixels=blurred(f.pixels)) for f in Pattern((128, 192), frame_count=3)]
    paths = [tmp_path / "once.mp4", tmp_path / "twice.mp4"]
    frames, seen = source, []
    for path in paths:
        writer = VideoWriter(path, size=(128, 192), rate=Fraction(30), colour=colour, crf=4, encoder="software")
        for frame in frames:
            writer.write(frame)
        writer.close()
        reader = VideoReader(path)
        assert reader.colour == colour
        frames = list(reader)
        seen.append(np.stack([frame.pixels for frame in frames]).astype(int))
    original = np.stack([frame.pixels for frame in source])
    assert np.abs(seen[0] - original).mean(axis=(0, 1, 2)).max() <= 2
    assert np.abs(seen[1] - seen[0]).mean(axis=(0, 1, 2)).max() <= 2
    assert np.abs((seen[1] - original).mean(axis=(0, 1, 2))).max() <= 0.6
