"""`pincel bench`: what it counts, how it takes turns, what it tells."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch

from engines import measure, open_engine
from engines.engine import Resident
from engines.measure import Ceilings, GpuMeter, Operation, count_work
from engines.networks.pincel import TRUNK_BLOCKS, Pincel, Pincel16
from realtime.bench import LEAST_TURNS, Contender, Row, memory_of, repeated, take_turns
from realtime.chart import COLOURS, draw
from realtime.commands.contest import STAGES
from realtime.pattern import Pattern
from tests.commands import pincel

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def small_ceilings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MATMUL_SIDE", {"cpu": 64})
    monkeypatch.setattr(measure, "COPIED_BYTES", {"cpu": 2**16})
    monkeypatch.setattr(measure, "CEILING_SECONDS", 0.0)


@pytest.mark.parametrize(("network", "kind"), [("pincel", Pincel), ("pincel-16", Pincel16)])
def test_the_work_counted_is_that_of_the_layers(network: str, kind: type[Pincel]) -> None:
    height, width = 64, 96
    low, middle, high = kind.width, 2 * kind.width, 4 * kind.width
    multiplied = {  # by how much each side is smaller: sum of kernel size x channels in x channels out
        2: 9 * 12 * low + low**2 + 9 * low * 12,
        4: 9 * low * middle + middle**2 + 2 * 9 * middle**2,
        8: 9 * middle * high + 2 * TRUNK_BLOCKS * 9 * high**2,
    }
    expected = sum(2 * count * (height // scale) * (width // scale) for scale, count in multiplied.items())
    for scale, channels in ((8, high * middle), (4, middle * low)):  # doublings, with the border that is repeated
        expected += 2 * 16 * channels * (height // scale + 2) * (width // scale + 2)
    operations = {precision: count_work(network, (2, 64, 96), precision) for precision in ("fp32", "fp16")}
    window, *layers, frames = operations["fp32"]
    assert window.flops == 2 * 2 * 25 * height * width  # of steadying
    assert sum(each.flops for each in layers) == 2 * expected
    assert frames == Operation(0, 2 * 2 * 64 * 96 * 3 * (1 + 4))  # bytes and the steadied float32, in and out
    moved = [sum(each.bytes for each in work[1:-1]) for work in operations.values()]
    assert moved[0] == 2 * moved[1]


def test_an_operation_takes_the_longer_of_computing_and_moving() -> None:
    assert Ceilings(100.0, 10.0).bound([Operation(100, 1), Operation(100, 20)]) == 1 + 2


def test_ceilings_are_measured(small_ceilings: None) -> None:
    found = measure.ceilings("cpu", "fp32")
    assert found.flops > 0
    assert found.bandwidth > 0


def test_contenders_take_turns_and_one_that_fails_drops_out() -> None:
    order: list[str] = []

    def turn(name: str) -> list[float]:
        order.append(name)
        if name == "b" and order.count("b") == 2:
            raise RuntimeError("no\nmemory")
        return [0.5]

    contenders = [Contender(lambda name=name: turn(name)) for name in "abc"]  # type: ignore[misc]
    take_turns(contenders, seconds=0, failures=(RuntimeError,))
    assert "".join(order) == "abcabcac"
    assert [len(each.seconds) for each in contenders] == [LEAST_TURNS, 1, LEAST_TURNS]
    assert [each.failed for each in contenders] == ["", "no memory", ""]
    row = Row("torch fp32", "bytes", (48, 64), 4)
    row.fill(contenders[1])
    assert row.as_dict() == {
        "engine": "torch fp32", "stage": "bytes", "size": "64x48", "batch": 4, "calls": 0, "left_out": "no memory"
    }  # fmt: skip


def test_a_row_tells_the_median_and_the_share_of_the_roofline() -> None:
    contender = Contender(list, seconds=[0.010, 0.020, 0.200], joules=30.0, powered_seconds=0.1)
    row = Row("torch fp32", "bytes", (48, 64), 4, bound_ms=5.0)
    row.fill(contender)
    assert (row.p50_ms, row.fps, row.watts, row.calls) == (20.0, 200.0, 300.0, 3)
    assert row.as_dict()["reached"] == 0.25


def test_energy_is_counted_during_the_turns_alone() -> None:
    readings = iter([10.0, 13.0, 20.0, 24.0, 30.0, 35.0])
    contender = Contender(repeated(lambda: None, seconds=1e-9))
    take_turns([contender], seconds=0, failures=(), joules=lambda: next(readings))
    assert contender.joules == 3 + 4 + 5
    without = Contender(repeated(lambda: None, seconds=1e-9))
    take_turns([without], seconds=0, failures=())
    assert without.watts is None


class FakeNvml(SimpleNamespace):
    """NVML with one card, or without the counter of energy."""

    class NVMLError(Exception):
        pass

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:  # noqa: N802
        if handle != "GPU-7":
            raise self.NVMLError
        return 2500


@pytest.mark.parametrize(("uuid", "joules"), [("7", 2.5), ("GPU-7", 2.5), ("8", math.nan)])
def test_watts_come_from_nvml_where_it_tells(monkeypatch: pytest.MonkeyPatch, uuid: str, joules: float) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(uuid=uuid))
    monkeypatch.setitem(sys.modules, "pynvml", cast(Any, FakeNvml()))
    assert GpuMeter().joules() == pytest.approx(joules, nan_ok=True)
    monkeypatch.setitem(sys.modules, "pynvml", cast(Any, None))
    assert math.isnan(GpuMeter().joules())


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux tells and forgets the peak")
def test_memory_is_the_peak_of_what_was_added() -> None:
    with memory_of() as memory:
        np.ones(40 * 2**20, np.uint8)
    assert memory.mb is not None
    assert 35 < memory.mb < 80


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_painting_on_the_device_moves_the_state_as_painting_does(backend: str) -> None:
    engine = open_engine(backend=backend, precision="fp32")
    program = engine.prepare((48, 64))
    assert isinstance(program, Resident)
    frames = Pattern((48, 64)).paint(0)[None]
    style = engine.read_style(frames[0])[None]
    controls = np.array([[0.8, 0.85, 0.01, 0.0]], np.float32)
    one, other = program.blank(), program.blank()
    for _ in range(3):
        program.run(frames, style, controls, one)
    assert program.repeat(frames, style, controls, other, 3) > 0
    assert (program.run(frames, style, controls, one) == program.run(frames, style, controls, other)).all()


def test_the_faster_has_the_longer_bar() -> None:
    rows = [
        Row("torch fp32", stage, (48, 64), 1, fps=fps, p5_ms=900 / fps, p50_ms=1e3 / fps, p95_ms=1100 / fps)
        for stage, fps in (("tensors", 80.0), ("bytes", 9.0))
    ]
    picture = draw([*rows, Row("torch fp32", "pipeline", (48, 64), 1, left_out="no")], title="a", machine="b")
    bars = picture[110:]
    longest = {stage: int((bars == COLOURS[stage]).all(2).sum(1).max()) for stage in COLOURS}
    assert longest["tensors"] > longest["bytes"] > 0
    assert longest["pipeline"] == 0


def test_the_command_measures_draws_and_writes(tmp_path: Path, small_ceilings: None) -> None:
    told, drawn = tmp_path / "new" / "b.json", tmp_path / "b.png"
    result = pincel(
        "bench", "--size", "32x24", "--batch", "1,2", "--precision", "fp32,fp16", "--seconds", "0.01",
        "--engine", "openvino,torch", "--json", told, "--plot", drawn,
    )  # fmt: skip
    assert result.code == 0, result.err
    found = json.loads(told.read_text())
    assert {"machine", "versions", "commit", "time"} < found.keys()
    rows = found["bench"]["rows"]
    ran = {(row["engine"], row["stage"], row["batch"]) for row in rows}
    for engine in ("openvino fp32", "torch fp32"):
        assert {(engine, stage, 1) for stage in STAGES if stage != "stream"} | {
            (engine, "tensors", 2),
            (engine, "bytes", 2),
        } <= ran
        assert not {(engine, "pipeline", 2), (engine, "stream", 1)} & ran  # nothing to overlap on a CPU
    for row in rows:
        assert row["p5_ms"] <= row["p50_ms"] <= row["p95_ms"]
        assert row["fps"] == pytest.approx(row["batch"] * 1e3 / row["p50_ms"], rel=0.01)
        assert ("reached" in row) == (row["stage"] != "pipeline")
    assert "torch fp16" in found["bench"]["left_out"]
    assert "left out: torch fp16: torch on cpu does not paint in fp16" in result.out
    assert np.asarray(cv2.imread(str(drawn))).shape[1] > 1000


def test_nothing_measured_is_exit_1(small_ceilings: None) -> None:
    result = pincel("bench", "--engine", "torch", "--precision", "bf16", "--size", "64x48")
    assert result.code == 1
    assert "left out: torch bf16" in result.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--engine", "warp"), "--engine 'warp': choose all, openvino, "),
        (("--precision", "fp8"), "--precision 'fp8'"),
        (("--stages", "dream"), "--stages 'dream'"),
        (("--size", "4kk"), "--size '4kk' is no size"),
        (("--batch", "1,0"), "--batch '0'"),
        (("--seconds", "nan"), "--seconds nan"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(options: tuple[str, ...], words: str) -> None:
    result = pincel("bench", *options)
    assert result.code == 2
    assert words in result.line
