"""Every real clip goes through the reader and the writer, and nothing of it is lost but what it lost before."""

import os
from pathlib import Path

import pytest

from benchmarks.media_table import read
from realtime.media import SourceError
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import hashes, packets
from tests.commands import pincel

FOLDER = Path(os.environ.get("PINCEL_SHARED", "../shared")) / "media"
CLIPS = sorted(path for path in FOLDER.glob("**/*") if path.is_file())

# Enough of a clip to meet its reordering, its edit list and its sound.
SECONDS = 1.2
WITHOUT_VIDEO = {"mediabunny__eac3.mkv"}
DAMAGED = {"decord__corrupted.mp4", "mediabunny__annex-b.mp4"}


def of_clips(clips: list[Path]) -> pytest.MarkDecorator:
    missing = pytest.param(None, marks=pytest.mark.skip(reason=f"{FOLDER} is absent: set PINCEL_SHARED"), id="absent")
    return pytest.mark.parametrize("clip", [pytest.param(clip, id=clip.name) for clip in clips] or [missing])


@of_clips([clip for clip in CLIPS if clip.name not in WITHOUT_VIDEO])
def test_a_real_clip_keeps_frames_times_shape_and_sound(clip: Path, tmp_path: Path) -> None:
    reader = VideoReader(clip, end_seconds=SECONDS)
    target = tmp_path / "out.mp4"
    writer = VideoWriter(
        target,
        size=reader.size,
        rate=reader.rate,
        time_base=reader.time_base,
        sample_aspect_ratio=reader.sample_aspect_ratio,
        colour=reader.colour,
        preset="ultrafast",
        encoder="software",
        tracks=clip,
        end_seconds=SECONDS,
    )
    times = []
    for frame in reader:
        assert frame.pixels.shape == (*reader.size, 3)
        writer.write(frame)
        times.append(frame.pts_seconds)
    writer.close()
    again = VideoReader(target)
    assert [frame.pts_seconds for frame in again] == pytest.approx(times, abs=float(reader.time_base))
    assert again.size == reader.size
    assert again.sample_aspect_ratio == reader.sample_aspect_ratio
    assert again.colour == reader.colour
    assert again.loss_summary() is None
    wanted = [[digest for time, digest in track if time < SECONDS] for track in packets(clip, "audio")]
    assert hashes(target, "audio") == wanted


@of_clips(CLIPS)
def test_a_real_clip_is_converted_or_refused_in_one_line(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    done = pincel(
        "convert", clip, "-o", target, "-s", "starry_night", "--end", "0.5", "--work-size", "48p",
        "--preset", "ultrafast", "--quiet",
    )  # fmt: skip
    if clip.name in WITHOUT_VIDEO:
        assert done.code == 1
        assert "has no video stream" in done.line
        assert list(tmp_path.iterdir()) == []
        return
    assert (done.code, done.err) == (0, "") or (done.code == 1 and clip.name in DAMAGED and "is kept, but" in done.line)
    after = read(target)
    count = len(after.seconds)
    before = read(clip, count=count)
    assert count > 0
    if clip.suffix != ".avi":  # AVI stores no presentation times: the reader's are better than FFmpeg's
        assert after.seconds == pytest.approx(before.seconds[:count], abs=before.tick)
    assert (after.size, after.aspect) == (before.size, before.aspect)


@of_clips([clip for clip in CLIPS if clip.name in WITHOUT_VIDEO])
def test_a_real_file_without_video_is_refused_in_one_line(clip: Path) -> None:
    with pytest.raises(SourceError, match="has no video stream, only audio") as caught:
        VideoReader(clip)
    assert "\n" not in str(caught.value)


@of_clips([clip for clip in CLIPS if clip.name in DAMAGED])
def test_a_real_damaged_file_is_read_as_far_as_it_goes(clip: Path) -> None:
    reader = VideoReader(clip)
    frames = list(reader)
    summary = reader.loss_summary()
    assert frames
    assert summary
    assert "\n" not in summary
    assert len(frames) + len(reader.losses.lost_seconds) + reader.losses.missing == reader.frame_count


@of_clips([clip for clip in CLIPS if clip.name == "mediabunny__cursed-vfr.mp4"])
def test_the_cursed_times_are_kept(clip: Path, tmp_path: Path) -> None:
    reader = VideoReader(clip, start_seconds=1.0, end_seconds=1.3)
    writer = VideoWriter(
        tmp_path / "out.mp4", size=reader.size, rate=reader.rate, time_base=reader.time_base, preset="ultrafast"
    )
    times = []
    for frame in reader:
        writer.write(frame)
        times.append(frame.pts_seconds)
    writer.close()
    assert len(times) > 5
    assert [frame.pts_seconds for frame in VideoReader(tmp_path / "out.mp4")] == pytest.approx(times, abs=1e-9)
