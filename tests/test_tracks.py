from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from realtime.media import SourceError
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import SIZE, TICK, frames, hashes, packets, paint, stamps, write_clip

WORDS = "1\n00:00:00,100 --> 00:00:00,300\nFirst\n\n2\n00:00:00,500 --> 00:00:00,700\nSecond\n"
CHAPTERS = [
    {"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {"title": "Dawn"}},
    {"id": 2, "start": 500, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "Noon"}},
]


def rich_clip(path: Path, **settings: Any) -> Path:
    """A clip with two languages, subtitles, chapters and a title."""
    words = path.with_suffix(".srt")
    words.write_text(WORDS)
    return write_clip(
        path,
        ticks=range(0, 24 * 25, 24),
        sounds=("eng", "spa"),
        subtitles=words if path.suffix == ".mkv" else None,
        metadata={"title": "A lake", "artist": "Nobody"},
        chapters=CHAPTERS,  # type: ignore[arg-type]
        **settings,
    )


@pytest.mark.parametrize("source", ["in.mp4", "in.mkv"])
@pytest.mark.parametrize("target", ["out.mp4", "out.mov", "out.mkv"])
def test_tracks_and_tags_go_along_untouched(source: str, target: str, tmp_path: Path) -> None:
    origin = rich_clip(tmp_path / source)
    writer = paint(origin, tmp_path / target)
    assert hashes(tmp_path / target, "audio") == hashes(origin, "audio")
    with av.open(str(tmp_path / target)) as container:
        assert container.metadata["title"] == "A lake"
        assert [stream.metadata["language"] for stream in container.streams.audio] == ["eng", "spa"]
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Dawn", "Noon"]
        assert float(container.chapters()[1]["start"] * (container.chapters()[1]["time_base"] or 0)) == 0.5
    if source == target.replace("out", "in") == "in.mkv":
        assert hashes(tmp_path / target, "subtitle") == hashes(origin, "subtitle")
        assert writer.notes == []
    elif source == "in.mkv":
        [note] = writer.notes
        assert "srt" in note
        assert ".mkv" in note


def test_painted_files_can_be_painted_again(tmp_path: Path) -> None:
    origin = rich_clip(tmp_path / "in.mp4")
    paint(origin, tmp_path / "once.mp4")
    writer = paint(tmp_path / "once.mp4", tmp_path / "twice.mp4")
    assert writer.notes == []
    assert hashes(tmp_path / "twice.mp4", "audio") == hashes(origin, "audio")
    with av.open(str(tmp_path / "twice.mp4")) as container:
        assert [stream.type for stream in container.streams].count("data") <= 1
        assert len(container.chapters()) == 2


@pytest.mark.parametrize("source", ["in.mp4", "in.mkv"])
@pytest.mark.parametrize("target", ["out.mp4", "out.mkv"])
@pytest.mark.parametrize(("sound", "first"), [(0.25, 0), (0.0, 150), (0.5, 300)])
def test_sound_stays_in_step(source: str, target: str, sound: float, first: int, tmp_path: Path) -> None:
    origin = write_clip(tmp_path / source, ticks=range(first, first + 240, 24), sounds=("eng",), sound_start=sound)
    paint(origin, tmp_path / target)
    for kind in ("audio", "video"):
        before, after = sorted(packets(origin, kind)[0]), sorted(packets(tmp_path / target, kind)[0])
        times = [[time for time, _ in stream] for stream in (before, after)]
        # Sound before 0 primes its decoder: Matroska has no time for it, only the first packet may differ.
        assert times[1][1:] == pytest.approx(times[0][1:], abs=0.0011)


def test_a_trimmed_clip_takes_the_sound_of_its_span(tmp_path: Path) -> None:
    origin = rich_clip(tmp_path / "in.mkv", options={"g": "5"})
    paint(origin, tmp_path / "out.mkv", start_seconds=0.4, end_seconds=0.8)
    read = list(VideoReader(tmp_path / "out.mkv"))
    assert stamps(read) == list(range(10, 20))
    assert read[0].pts_seconds == pytest.approx(0.0, abs=0.001)
    for before, after in zip(packets(origin, "audio"), packets(tmp_path / "out.mkv", "audio"), strict=True):
        wanted = [(time - 0.4, digest) for time, digest in before if 0.4 <= time < 0.8]
        assert [digest for _, digest in after] == [digest for _, digest in wanted]
        assert [time for time, _ in after] == pytest.approx([time for time, _ in wanted], abs=0.0011)
    assert [time for time, _ in packets(tmp_path / "out.mkv", "subtitle")[0]] == pytest.approx([0.1], abs=0.001)
    with av.open(str(tmp_path / "out.mkv")) as container:
        spans = [(chapter["start"], chapter["end"], chapter["time_base"]) for chapter in container.chapters()]
    seconds = [(float(a * (tick or 0)), float(b * (tick or 0))) for a, b, tick in spans]
    assert [part for span in seconds for part in span] == pytest.approx([0.0, 0.1, 0.1, 0.4])


def test_sound_the_container_cannot_hold_is_encoded_anew(tmp_path: Path) -> None:
    origin = write_clip(tmp_path / "in.mp4", ticks=range(0, 600, 24), sounds=("eng",), sound_start=0.25)
    writer = paint(origin, tmp_path / "out.webm")
    assert any("aac" in note and "opus" in note for note in writer.notes)
    with av.open(str(tmp_path / "out.webm")) as container:
        sound = container.streams.audio[0]
        assert sound.codec_context.name == "opus"
        assert sound.metadata["language"] == "eng"
    assert onset(tmp_path / "out.webm") == pytest.approx(onset(origin), abs=0.03)


def test_sound_can_be_encoded_anew_or_left_out(tmp_path: Path) -> None:
    origin = write_clip(tmp_path / "in.webm", encoder="libvpx-vp9", ticks=range(0, 240, 24), sounds=("eng",))
    assert paint(origin, tmp_path / "aac.mp4", audio="aac").notes == []
    with av.open(str(tmp_path / "aac.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    paint(origin, tmp_path / "silent.mp4", audio="none")
    with av.open(str(tmp_path / "silent.mp4")) as container:
        assert not container.streams.audio


def test_a_video_cut_short_has_no_sound_beyond_it(tmp_path: Path) -> None:
    origin = rich_clip(tmp_path / "in.mp4")
    writer = VideoWriter(
        tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), time_base=TICK, tracks=origin, encoder="software"
    )
    for frame in frames(range(0, 240, 24)):
        writer.write(frame)
    writer.close(interrupted=True)
    assert max(time for time, _ in packets(tmp_path / "out.mp4", "audio")[0]) < 0.4


def test_dispositions_go_along(tmp_path: Path) -> None:
    origin = rich_clip(tmp_path / "in.mkv")
    changed = tmp_path / "second.mkv"
    with av.open(str(origin)) as source, av.open(str(changed), "w") as target:
        streams = [target.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        streams[1].disposition = Disposition.comment
        streams[2].disposition = Disposition.default
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    paint(changed, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        first, second = container.streams.audio
        assert first.disposition & Disposition.comment
        assert not first.disposition & Disposition.default
        assert second.disposition & Disposition.default


def onset(path: Path) -> float:
    """When sound is first loud, in seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            levels = np.abs(frame.to_ndarray()).max(axis=0) > 0.1
            if levels.any() and frame.time is not None:
                return frame.time + int(levels.argmax()) / frame.sample_rate
    raise AssertionError(f"{path} is silent")


@pytest.mark.parametrize("title", [None, "A lake", "x" * 200])
def test_the_shape_of_pixels_leaves_the_title_alone(title: str | None, tmp_path: Path) -> None:
    def prepare(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        stream.metadata.update({"title": title} if title else {})

    origin = write_clip(tmp_path / "in.mkv", sounds=("eng",), prepare=prepare)
    paint(origin, tmp_path / "out.webm")
    reader = VideoReader(tmp_path / "out.webm")
    assert reader.sample_aspect_ratio == 2
    assert stamps(list(reader)) == list(range(10))
    with av.open(str(tmp_path / "out.webm")) as container:
        assert (container.streams.video[0].metadata.get("title") or None) == title
        assert container.streams.audio[0].metadata["language"] == "eng"
        container.seek(200_000)
        assert len(list(container.decode(video=0))) > 0


DAMAGEABLE = [("in.mp4", "libx264"), ("in.mkv", "libx264"), ("in.ts", "libx264"), ("in.webm", "libvpx-vp9")]


@pytest.mark.parametrize(("name", "encoder"), DAMAGEABLE)
def test_random_damage_never_stops_the_painting(name: str, encoder: str, tmp_path: Path) -> None:
    origin = write_clip(
        tmp_path / name,
        encoder=encoder,
        ticks=range(20),
        time_base=Fraction(1, 25),
        sounds=("eng",),
        options={"g": "6"},
    )
    content = np.frombuffer(origin.read_bytes(), np.uint8)
    for seed in range(12):
        random = np.random.default_rng(seed)
        damaged = content[: len(content) if seed % 3 else int(random.integers(len(content)))].copy()
        for start in random.integers(0, len(damaged), 1 + seed):
            damaged[start : start + 8] = random.integers(0, 256)
        origin.write_bytes(damaged.tobytes())
        try:
            paint(origin, tmp_path / "out.mkv", preset="ultrafast")
        except SourceError as error:
            assert "\n" not in str(error)  # noqa: PT017
