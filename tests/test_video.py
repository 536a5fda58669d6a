import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.stream import VideoStream

from realtime.media import Pixels
from realtime.video import VideoReader
from tests.clips import SIZE, TICK, UNEVEN, stamped, stamps, write_clip

COUNT = 10


def test_a_file_loses_no_frame(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mp4", ticks=range(0, 24 * 40, 24)))
    frames = list(reader)
    assert stamps(frames) == list(range(40))
    assert [frame.index for frame in frames] == list(range(40))
    assert reader.loss_summary() is None
    assert reader.notes == []


def test_what_a_reader_tells_before_it_reads(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mp4"))
    assert not reader.live
    assert reader.size == SIZE
    assert reader.rate == 25
    assert reader.frame_count == COUNT
    assert reader.time_base.denominator % 600 == 0
    assert reader.sample_aspect_ratio == 1


@pytest.mark.parametrize("first", [0, 7, 600])
def test_uneven_times_are_kept_to_the_tick(first: int, tmp_path: Path) -> None:
    ticks = [tick + first for tick in UNEVEN]
    reader = VideoReader(write_clip(tmp_path / "clip.mp4", ticks=ticks))
    assert [Fraction(frame.pts_seconds) / TICK for frame in reader] == pytest.approx(ticks, abs=1e-6)


def test_pixels_belong_to_their_frame(tmp_path: Path) -> None:
    frames = list(VideoReader(write_clip(tmp_path / "clip.mp4")))
    for one, other in itertools.combinations(frames, 2):
        assert not np.shares_memory(one.pixels, other.pixels)
    assert all(frame.pixels.flags.c_contiguous and frame.pixels.dtype == np.uint8 for frame in frames)
    assert stamps(frames) == list(range(COUNT))


def test_frames_tell_how_long_they_stay(tmp_path: Path) -> None:
    frames = list(VideoReader(write_clip(tmp_path / "clip.mp4", options={"bf": "0"})))
    assert [frame.duration_seconds for frame in frames[:-1]] == pytest.approx([24 / 600] * (COUNT - 1))


TURNS: dict[str, tuple[int, bool, bool, Callable[[Pixels], object]]] = {
    "counter-clockwise 90": (90, False, False, lambda p: cv2.rotate(p, cv2.ROTATE_90_CLOCKWISE)),
    "half": (180, False, False, lambda p: cv2.rotate(p, cv2.ROTATE_180)),
    "clockwise 90": (-90, False, False, lambda p: cv2.rotate(p, cv2.ROTATE_90_COUNTERCLOCKWISE)),
    "mirrored": (0, True, False, lambda p: cv2.flip(p, 1)),
    "flipped": (0, False, True, lambda p: cv2.flip(p, 0)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_pictures_stand_upright(turn: str, tmp_path: Path) -> None:
    degrees, mirrored, flipped, lay = TURNS[turn]

    def prepare(stream: VideoStream) -> None:
        stream.set_display_rotation(degrees, hflip=mirrored, vflip=flipped)
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)

    def laid(pixels: Pixels) -> Pixels:
        return np.asarray(lay(pixels), dtype=np.uint8)

    reader = VideoReader(write_clip(tmp_path / "clip.mp4", prepare=prepare, lay=laid))
    frames = list(reader)
    assert reader.size == SIZE
    assert {frame.pixels.shape for frame in frames} == {(*SIZE, 3)}
    assert stamps(frames) == list(range(COUNT))
    assert reader.sample_aspect_ratio == (Fraction(3, 4) if abs(degrees) == 90 else Fraction(4, 3))


@pytest.mark.parametrize(
    ("name", "encoder", "pix_fmt", "size"),
    [
        ("ten-bit.mp4", "libx264", "yuv420p10le", SIZE),
        ("full.mp4", "libx264", "yuv444p", SIZE),
        ("odd.mp4", "libx264", "yuv444p", (65, 97)),
        ("odd.webm", "libvpx-vp9", "yuv420p", (65, 97)),
        ("grey.mkv", "ffv1", "gray", SIZE),
        ("sixteen.mkv", "ffv1", "gbrp16le", SIZE),
        ("alpha.mov", "qtrle", "argb", SIZE),
        ("rgb.mkv", "ffv1", "bgra", SIZE),
        ("hevc.mkv", "libx265", "yuv420p", SIZE),
        ("mpeg4.avi", "mpeg4", "yuv420p", SIZE),
    ],
)
def test_every_kind_of_picture_is_read(
    name: str, encoder: str, pix_fmt: str, size: tuple[int, int], tmp_path: Path
) -> None:
    options = {"x265-params": "log-level=none"} if encoder == "libx265" else {}
    path = write_clip(
        tmp_path / name,
        encoder=encoder,
        pix_fmt=pix_fmt,
        size=size,
        options=options,
        time_base=Fraction(1, 25),
        ticks=range(COUNT),
    )
    reader = VideoReader(path)
    frames = list(reader)
    assert reader.size == size
    assert stamps(frames) == list(range(COUNT))
    assert any("transparency" in note for note in reader.notes) == (pix_fmt in {"argb", "bgra"})
    assert any("bit colour" in note for note in reader.notes) == ("10" in pix_fmt or "16" in pix_fmt)


def test_avi_with_reordered_frames_gets_rising_times(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.avi", encoder="mpeg4", options={"bf": "2"}, time_base=Fraction(1, 25), ticks=range(COUNT)
    )
    frames = list(VideoReader(path))
    assert stamps(frames) == list(range(COUNT))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([index / 25 for index in range(COUNT)])


def test_a_raw_stream_without_times_gets_them_from_its_rate(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.h264", time_base=Fraction(1, 25), ticks=range(COUNT))
    frames = list(VideoReader(path))
    assert stamps(frames) == list(range(COUNT))
    gaps = np.diff([frame.pts_seconds for frame in frames])
    assert gaps == pytest.approx([0.04] * (COUNT - 1), abs=1e-3)


def test_pictures_that_change_size_are_scaled_to_the_first(tmp_path: Path) -> None:
    parts = [
        write_clip(tmp_path / f"{height}.h264", size=(height, width), time_base=Fraction(1, 25), ticks=range(5))
        for height, width in [(64, 96), (128, 192)]
    ]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    reader = VideoReader(path)
    frames = list(reader)
    assert {frame.pixels.shape for frame in frames} == {(64, 96, 3)}
    assert len(frames) == 10
    assert [note for note in reader.notes if "96x64" in note] == [
        "pictures change size: all are scaled to the first, 96x64"
    ]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_trimmed_clip_starts_at_zero(suffix: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / f"clip{suffix}", ticks=range(50), time_base=Fraction(1, 25), options={"g": "10"})
    reader = VideoReader(path, start_seconds=0.6, end_seconds=1.0)
    frames = list(reader)
    assert stamps(frames) == list(range(15, 25))
    assert [frame.pts_seconds for frame in frames] == pytest.approx([index / 25 for index in range(10)], abs=6e-4)
    assert frames[0].index == 0
    assert reader.loss_summary() is None
    assert reader.frame_count == pytest.approx(10, abs=1)


def test_a_clip_that_starts_late_is_trimmed_from_its_beginning(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "late.mkv", ticks=range(3000, 3000 + 24 * 20, 24), options={"g": "5"})
    assert stamps(list(VideoReader(path, start_seconds=0.4, end_seconds=0.6))) == [10, 11, 12, 13, 14]
    assert next(iter(VideoReader(path))).pts_seconds == pytest.approx(5.0)


def test_the_best_of_several_pictures_is_read(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        for size in [(16, 16), SIZE]:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width = size
        for stream, size in zip(container.streams.video, [(16, 16), SIZE], strict=True):
            pixels = stamped(0)[: size[0], : size[1]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            container.mux([*stream.encode(frame), *stream.encode(None)])
    assert VideoReader(path).size == SIZE


def test_an_abandoned_reader_closes_cleanly(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mp4"))
    frames = iter(reader)
    next(frames)
    reader.close()
    assert list(frames) == []
    reader.close()
    other = iter(VideoReader(tmp_path / "clip.mp4"))
    next(other)
    del other


def test_a_reader_is_read_once(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "clip.mp4"))
    list(reader)
    with pytest.raises(ValueError, match="open it again"):
        next(iter(reader))
