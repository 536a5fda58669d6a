import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from realtime.colour import Colour
from realtime.encoders import CONTAINERS, choose_encoding
from realtime.media import Frame, Sink, SinkError, Source, SourceError
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import SIZE, TICK, hashes, packets, stamped, stamps, write_clip

UNEVEN = (0, 24, 25, 90, 91, 300, 301, 302, 480, 1200)


def frames(ticks: tuple[int, ...] | range, *, time_base: Fraction = TICK, size: tuple[int, int] = SIZE) -> list[Frame]:
    return [
        Frame(stamped(index, size=size), pts_seconds=float(tick * time_base), index=index, duration_seconds=0.04)
        for index, tick in enumerate(ticks)
    ]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, ticks: tuple[int, ...] | range = UNEVEN, **settings: Any) -> VideoWriter:
    """Write stamped frames in software."""
    size = settings.pop("size", SIZE)
    time_base = settings.pop("time_base", TICK)
    writer = VideoWriter(path, size=size, rate=Fraction(25), time_base=time_base, **{"encoder": "software"} | settings)
    for frame in frames(ticks, time_base=time_base, size=size):
        writer.write(frame)
    writer.close()
    return writer


def paint(source: Path, target: Path, **settings: Any) -> VideoWriter:
    """Copy a file as `pincel convert` does, without the paint."""
    span = {key: settings.get(key) for key in ("start_seconds", "end_seconds")}
    reader = VideoReader(source, **span)
    writer = VideoWriter(
        target,
        size=reader.size,
        rate=reader.rate,
        time_base=reader.time_base,
        sample_aspect_ratio=reader.sample_aspect_ratio,
        colour=reader.colour,
        tracks=source,
        **{"encoder": "software"} | settings,
    )
    for frame in reader:
        writer.write(frame)
    writer.close()
    return writer


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("first", [0, 50, 3001])
def test_uneven_times_are_kept_to_the_tick(suffix: str, first: int, tmp_path: Path) -> None:
    ticks = tuple(tick + first for tick in UNEVEN)
    write(tmp_path / f"out{suffix}", ticks)
    read = list(VideoReader(tmp_path / f"out{suffix}"))
    assert stamps(read) == list(range(len(UNEVEN)))
    tolerance = 0.0006 if suffix == ".mkv" else 1e-9
    assert [f.pts_seconds for f in read] == pytest.approx([float(t * TICK) for t in ticks], abs=tolerance)


@pytest.mark.parametrize(
    "time_base",
    [Fraction(1, 25), Fraction(1001, 30_000), Fraction(1, 1000), Fraction(1, 57_600), Fraction(1, 1_000_000)],
    ids=str,
)
def test_the_ticks_of_any_source_are_kept(time_base: Fraction, tmp_path: Path) -> None:
    step = max(1, round(0.04 / time_base))
    ticks = range(2 * step, 14 * step, step)
    write(tmp_path / "out.mp4", ticks, time_base=time_base)
    read = list(VideoReader(tmp_path / "out.mp4"))
    assert [f.pts_seconds for f in read] == pytest.approx([float(t * time_base) for t in ticks], abs=1e-9)


def test_the_last_frame_stays_as_long_as_it_should(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), time_base=TICK, encoder="software")
    writer.write(Frame(stamped(0), pts_seconds=0.0, index=0))
    writer.write(Frame(stamped(1), pts_seconds=0.04, index=1, duration_seconds=2.5))
    writer.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert (container.duration or 0) / av.time_base == pytest.approx(2.54, abs=0.01)


def test_frames_nearer_than_a_tick_stay_in_order(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", (0, 24, 24, 24, 48))
    assert stamps(list(VideoReader(tmp_path / "out.mp4"))) == [0, 1, 2, 3, 4]


def test_times_that_go_back_are_refused(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), encoder="software")
    first, second = frames((0, 24))
    writer.write(second)
    with pytest.raises(ValueError, match="comes after"):
        writer.write(first)
    writer.discard()


def test_a_beginning_before_zero_loses_no_frame(tmp_path: Path) -> None:
    writer = write(tmp_path / "out.mp4", (-48, -24, 0, 24))
    read = list(VideoReader(tmp_path / "out.mp4"))
    assert stamps(read) == [0, 1, 2, 3]
    assert [f.pts_seconds for f in read] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert any("before 0" in note for note in writer.notes)


COMBINATIONS = [(suffix, codec) for suffix, (_, codecs) in CONTAINERS.items() for codec in codecs]


@pytest.mark.parametrize(("suffix", "codec"), COMBINATIONS)
@pytest.mark.parametrize("size", [SIZE, (65, 97)], ids=["even", "odd"])
def test_every_codec_in_every_container(suffix: str, codec: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / f"out{suffix}"
    colour = Colour(matrix=1, range="limited", primaries=1, transfer=1)
    writer = write(path, size=size, codec=codec, colour=colour, sample_aspect_ratio=Fraction(4, 3))
    reader = VideoReader(path)
    read = list(reader)
    assert stamps(read) == list(range(len(UNEVEN)))
    assert [f.pts_seconds for f in read] == pytest.approx([float(t * TICK) for t in UNEVEN], abs=0.0006)
    assert reader.size == size
    assert reader.colour == colour
    # Matroska holds the size at which a picture is shown, in whole pixels.
    assert abs(reader.sample_aspect_ratio - Fraction(4, 3)) * size[1] <= (0.5 if suffix in {".mkv", ".webm"} else 0)
    is_odd_for_420 = codec in {"h264", "hevc"} and size != SIZE
    assert any("4:4:4" in note for note in writer.notes) == is_odd_for_420
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        assert {"libdav1d": "av1"}.get(video.codec_context.name, video.codec_context.name) == codec
        if codec == "hevc" and suffix in {".mp4", ".mov"}:
            assert video.codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "h264"), (".mov", "h264"), (".mkv", "h264"), (".webm", "vp9")])
def test_the_default_codec_fits_the_container(suffix: str, codec: str, tmp_path: Path) -> None:
    write(tmp_path / f"out{suffix}", (0, 24))
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert container.streams.video[0].codec_context.name == codec


# The other tracks

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
    writer.end_tracks_here()
    writer.close()
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


def test_reader_and_writer_are_a_source_and_a_sink(tmp_path: Path) -> None:
    source: Source = VideoReader(write_clip(tmp_path / "in.mp4"))
    sink: Sink = VideoWriter(tmp_path / "out.mp4", size=source.size, rate=source.rate, encoder="software")
    for frame in source:
        sink.write(frame)
    sink.close()
    source.close()
    assert names(tmp_path) == ["in.mp4", "out.mp4"]


# Whole or not at all


def test_nothing_stands_under_the_name_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"an earlier painting")
    writer = VideoWriter(path, size=SIZE, rate=Fraction(25), encoder="software")
    for frame in frames(UNEVEN):
        writer.write(frame)
    assert path.read_bytes() == b"an earlier painting"
    writer.close()
    writer.close()
    assert names(tmp_path) == ["out.mp4"]
    assert len(list(VideoReader(path))) == len(UNEVEN)


def test_what_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25), encoder="software")
    for frame in frames(UNEVEN):
        writer.write(frame)
    writer.discard()
    writer.discard()
    writer.close()
    assert names(tmp_path) == []


def test_a_file_without_frames_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="not one frame"):
        write(tmp_path / "out.mp4", ())
    assert names(tmp_path) == []


SCRIPT = """
import os, resource, signal, sys
from fractions import Fraction
import numpy as np
from realtime.media import Frame, SinkError
from realtime.video_writer import VideoWriter
path, mode = sys.argv[1:]
writer = VideoWriter(path, size=(64, 96), rate=Fraction(25), crf=1, encoder="software")
noise = np.random.default_rng(0)
if mode == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    for index in range(200):
        writer.write(Frame(noise.integers(0, 256, (64, 96, 3), dtype=np.uint8), index / 25, index))
        if mode == "kill" and index == 150:
            os.kill(os.getpid(), signal.SIGKILL)
    writer.close()
except SinkError as error:
    print(error)
    sys.exit(1)
"""


def run(path: Path, mode: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), mode], check=False, capture_output=True, text=True, timeout=50
    )


def test_kill_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    done = run(tmp_path / "out.mp4", "kill")
    assert done.returncode == -9
    assert names(tmp_path) == ["out.mp4.part"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    done = run(tmp_path / "out.mp4", "full")
    assert done.returncode == 1
    assert done.stdout.count("\n") == 1
    assert "out.mp4 cannot be written: File too large" in done.stdout
    assert done.stderr == ""
    assert names(tmp_path) == []


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "vp9", "prores"])
def test_encoders_print_nothing(codec: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "out.mkv", codec=codec)
    assert capfd.readouterr() == ("", "")


# Refusals, all before the first frame


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("out.gif", {}, [".mp4, .mov, .mkv or .webm"]),
        ("out", {}, ["no suffix", ".mp4"]),
        ("out.webm", {"codec": "h264"}, ["cannot hold h264", ".mkv", "vp9 or av1"]),
        ("out.mp4", {"codec": "prores"}, ["cannot hold prores", ".mov or .mkv"]),
        ("out.mov", {"codec": "vp9"}, ["cannot hold vp9", ".webm"]),
        ("out.mp4", {"codec": "divx"}, ["divx", "h264"]),
        ("out.mp4", {"crf": 99}, ["crf 99", "0..51", "18"]),
        ("out.mov", {"codec": "prores", "crf": 20}, ["crf 20", "profile"]),
        ("out.mp4", {"preset": "warp"}, ["libx264", "preset=warp"]),
        ("out.mp4", {"size": (1, 1), "codec": "hevc"}, ["1x1", "libx265"]),
        ("out.mp4", {"encoder": "abacus"}, ["abacus", "software"]),
        ("none/out.mp4", {}, ["none is no folder", "make it"]),
    ],
)
def test_refusals_name_the_remedy(name: str, settings: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    wanted: dict[str, Any] = {"size": SIZE, "rate": Fraction(25), "encoder": "software"} | settings
    with pytest.raises(SinkError) as caught:
        VideoWriter(tmp_path / name, **wanted)
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []
    assert names(tmp_path) == []


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    origin = write_clip(tmp_path / "in.mp4")
    content = origin.read_bytes()
    with pytest.raises(SinkError, match="the input itself"):
        VideoWriter(origin, size=SIZE, rate=Fraction(25), tracks=origin)
    assert origin.read_bytes() == content
    assert names(tmp_path) == ["in.mp4"]


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(SinkError, match="is a folder"):
        VideoWriter(tmp_path / "out.mp4", size=SIZE, rate=Fraction(25))


def test_a_frame_of_another_size_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", size=(32, 32), rate=Fraction(25), encoder="software")
    with pytest.raises(ValueError, match="does not fit"):
        writer.write(frames((0,))[0])
    writer.discard()


# Hardware


def choose(works: tuple[str, ...], **settings: Any) -> tuple[str, dict[str, str]]:
    """Choose on a pretended machine on which only these encoders work."""
    wanted = {"size": SIZE, "codec": "h264", "crf": None, "preset": None, "encoder": "auto"} | settings
    encoding = choose_encoding(Path("out.mp4"), works=lambda name, size, pix_fmt: name in works, **wanted)
    return encoding.encoder, encoding.options


def test_hardware_is_used_where_it_works() -> None:
    assert choose(())[0] == "libx264"
    assert choose(("h264_qsv",))[0] == "h264_qsv"
    assert choose(("h264_qsv", "h264_nvenc"))[0] == "h264_nvenc"
    assert choose(("h264_nvenc",), encoder="software")[0] == "libx264"
    assert choose(("h264_nvenc", "h264_amf"), encoder="amf")[0] == "h264_amf"
    assert choose(("h264_nvenc",), codec="hevc")[0] == "libx265"
    assert choose(("h264_nvenc",), size=(65, 97))[0] == "libx264"


def test_hardware_asked_for_by_name_must_work() -> None:
    with pytest.raises(SinkError, match="nvenc does not work here for h264 at 96x64: use software"):
        choose((), encoder="nvenc")


@pytest.mark.parametrize(
    ("encoder", "option"),
    [("h264_nvenc", ("cq", "21")), ("h264_qsv", ("global_quality", "21")), ("h264_amf", ("qp_i", "21"))],
)
def test_quality_reaches_the_hardware(encoder: str, option: tuple[str, str]) -> None:
    assert option in choose((encoder,), crf=21)[1].items()


def test_a_probe_is_quiet_and_says_no_to_what_is_not_there(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    writer = write(tmp_path / "out.mp4", (0, 24), encoder="auto")
    assert writer.encoder in {"libx264", "h264_nvenc", "h264_videotoolbox", "h264_qsv", "h264_amf"}
    assert capfd.readouterr() == ("", "")
