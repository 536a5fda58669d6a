from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from realtime.colour import Colour
from realtime.encoders import CONTAINERS, choose_encoding
from realtime.media import SinkError
from realtime.video import VideoReader
from realtime.video_writer import VideoWriter
from tests.clips import SIZE, TICK, UNEVEN, frames, names, stamps, write, write_clip

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
        ("out.mp4", {"crf": 99}, ["crf 99", "0..51", "20"]),
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
