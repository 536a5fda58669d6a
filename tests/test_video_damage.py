import io
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.media import SourceError
from realtime.pattern import Pattern
from realtime.pipeline import run
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import stamps, write_clip


def long_clip(path: Path) -> Path:
    return write_clip(path, ticks=range(0, 24 * 60, 24), options={"g": "10"}, muxing={"movflags": "faststart"})


def test_a_truncated_mp4_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    reader = VideoReader(path)
    frames = list(reader)
    whole = len(frames)
    assert 20 < whole < 60
    assert stamps(frames)[:-1] == list(range(whole - 1))
    assert reader.losses.missing + whole + len(reader.losses.lost_seconds) == 60
    assert "breaks off at" in (reader.loss_summary() or "")


def test_a_truncated_mkv_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "clip.mkv")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = VideoReader(path)
    frames = list(reader)
    assert stamps(frames)[:-1] == list(range(len(frames) - 1))
    gone = reader.losses.missing + len(reader.losses.lost_seconds)
    # Matroska announces no count: it is reckoned from the clock, past the B-frames cut off before the last P.
    assert gone + len(frames) == pytest.approx(60, abs=4)
    assert f"{reader.losses.end_seconds:.2f} s" in (reader.loss_summary() or "")


def test_damage_in_the_middle_costs_only_what_it_hit(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "clip.mp4")
    with av.open(str(path)) as container:
        hit = [p.pos or 0 for p in container.demux(video=0) if p.size and p.pts == 20 * 24 * 600 * p.time_base][:1]
        [position] = hit or [path.stat().st_size // 2]
    content = bytearray(path.read_bytes())
    content[position : position + 40] = bytes(40)
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader)
    assert len(frames) >= 45
    assert [stamp for stamp in stamps(frames) if stamp is not None][-1] == 59
    assert len(frames) + len(reader.losses.lost_seconds) == 60
    summary = reader.loss_summary() or ""
    assert "lost" in summary or "damaged" in summary
    assert " s" in summary


def test_lost_frames_are_told_with_their_times(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "clip.mkv")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(video=0) if p.pts == 800)
        start = content.index(bytes(packet))
    content[start : start + packet.size] = bytes([255]) * packet.size
    path.write_bytes(content)
    reader = VideoReader(path)
    list(reader)
    assert 0.8 in [pytest.approx(second) for second in reader.losses.lost_seconds + reader.losses.damaged_seconds]


def test_packets_that_matroska_skips_are_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    pattern = Pattern((96, 160), frame_count=200)
    run(pattern, iter, [VideoWriter(path, size=pattern.size, rate=pattern.rate, encoder="software")])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 1500] = np.random.default_rng(0).bytes(1500)
    path.write_bytes(content)
    reader = VideoReader(path)
    frames = list(reader)
    assert 100 < len(frames) < 200
    assert len(frames) + len(reader.losses.lost_seconds) == 200


def test_a_gap_in_the_times_of_a_whole_file_is_no_loss(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", ticks=(0, 24, 48, 240, 264, 288))
    reader = VideoReader(path)
    assert len(list(reader)) == 6
    assert reader.loss_summary() is None


# Refusals


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        VideoReader(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.mp4")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "empty (0 bytes)" in refusal(tmp_path / "empty.mp4")


@pytest.mark.parametrize("name", ["words.mp4", "words.txt", "words.mkv"])
def test_a_text_file_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no video, only words\n" * 50)
    assert "no video" in refusal(tmp_path / name)


def test_a_file_of_sound_is_refused_with_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_bytes(song(cover=False))
    assert "only audio (aac)" in refusal(path)


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    path.write_bytes(song(cover=True))
    assert "no video stream" in refusal(path)


def test_a_file_of_which_nothing_decodes_is_refused(tmp_path: Path) -> None:
    path = long_clip(tmp_path / "clip.mp4")
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = bytes(len(content) - start)
    path.write_bytes(content)
    assert "not one frame" in refusal(path)


def test_a_start_beyond_the_end_is_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(SourceError, match="no frame from 20 s on"):
        VideoReader(path, start_seconds=20)


def song(*, cover: bool) -> bytes:
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=48000)
        if cover:
            picture = container.add_stream("mjpeg", rate=1, width=32, height=32, pix_fmt="yuvj420p")
            picture.disposition = av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame(32, 32, "yuvj420p")))
            container.mux(picture.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 4800), np.float32), format="fltp", layout="stereo")
        silence.sample_rate = 48000
        container.mux([*sound.encode(silence), *sound.encode(None)])
    return memory.getvalue()
