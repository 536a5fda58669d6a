import io
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from realtime.media import Pixels, Source
from realtime.pattern import Pattern, read_stamp


class Clock:
    """Time that passes only when someone sleeps or works."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def through_x264(frames: list[Pixels], *, crf: int) -> Iterator[Pixels]:
    file = io.BytesIO()
    height, width = frames[0].shape[:2]
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for pixels in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        output.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as source:
        for frame in source.decode(video=0):
            yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)


def test_it_is_a_source_that_gives_the_frames_it_promises() -> None:
    source: Source = Pattern((90, 160), rate=Fraction(30000, 1001), frame_count=7)
    frames = list(source)
    assert len(frames) == source.frame_count == 7
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.pts_seconds for frame in frames] == [pytest.approx(n * 1001 / 30000) for n in range(7)]
    for frame in frames:
        assert frame.pixels.shape == (*source.size, 3)
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.flags.c_contiguous


@pytest.mark.parametrize("size", [(16, 16), (17, 333), (361, 203), (90, 160)])
def test_any_size_is_painted(size: tuple[int, int]) -> None:
    pixels = Pattern(size).paint(12)
    assert pixels.shape == (*size, 3)
    assert pixels.std() > 20


def test_it_is_the_same_in_every_run_and_moves() -> None:
    first, second = Pattern((90, 160)), Pattern((90, 160))
    assert np.array_equal(first.paint(5), second.paint(5))
    assert np.array_equal(first.paint(5), first.paint(5))
    moved = np.abs(first.paint(5).astype(int) - first.paint(6)).max(axis=2) > 4
    assert moved.mean() > 0.02, "share of pixels that move from frame to frame"


def test_a_frame_once_given_is_not_painted_over() -> None:
    frames = Pattern((90, 160), frame_count=2)
    first = next(iterator := iter(frames)).pixels
    before = first.copy()
    next(iterator)
    assert np.array_equal(first, before)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 65_535, 1_234_567, 2**24 - 1])
def test_a_stamp_is_read_back(index: int) -> None:
    assert read_stamp(Pattern((64, 64), stamped=True).paint(index)) == index


def test_stamps_survive_x264_at_crf_40() -> None:
    pattern = Pattern((360, 640), stamped=True)
    indices = [*range(20), 65_535, 65_536, 1_234_567]
    coded = through_x264([pattern.paint(index) for index in indices], crf=40)
    assert [read_stamp(pixels) for pixels in coded] == indices


def test_no_stamp_is_read_where_there_is_none() -> None:
    random = np.random.default_rng(0)
    assert read_stamp(Pattern((64, 64)).paint(3)) is None
    for flat in (0, 128, 255):
        assert read_stamp(np.full((64, 64, 3), flat, np.uint8)) is None
    assert read_stamp(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)) is None
    assert read_stamp(np.zeros((16, 16, 3), np.uint8)) is None


def test_a_live_pattern_keeps_real_time() -> None:
    clock = Clock()
    source = Pattern((16, 16), rate=10, frame_count=5, live=True, clock=clock, sleep=clock.sleep)
    arrivals = [clock.seconds - 100 for _ in source]
    assert arrivals == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_a_live_pattern_drops_what_a_slow_reader_misses() -> None:
    clock = Clock()
    source = Pattern((16, 16), rate=10, frame_count=10, live=True, clock=clock, sleep=clock.sleep)
    indices = []
    for frame in source:
        indices.append(frame.index)
        clock.sleep(0.36)
    assert indices == [0, 3, 7]


def test_a_file_like_pattern_waits_for_nobody_and_loses_nothing() -> None:
    clock = Clock()
    source = Pattern((16, 16), rate=10, frame_count=10, clock=clock, sleep=clock.sleep)
    assert [frame.index for frame in source] == list(range(10))
    assert clock.seconds == 100


def test_an_endless_pattern_ends_when_closed() -> None:
    source = Pattern((16, 16))
    indices = []
    for frame in source:
        indices.append(frame.index)
        if frame.index == 3:
            source.close()
            source.close()
    assert indices == [0, 1, 2, 3]


def test_what_cannot_be_painted_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        Pattern((8, 8))
    with pytest.raises(ValueError, match="too small"):
        Pattern((16, 64), stamped=True)
    with pytest.raises(ValueError, match="above 0"):
        Pattern(rate=0)
