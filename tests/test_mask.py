from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines import WeightsError
from engines.segmentation import Segmenter
from realtime.mask import Mask, Part
from realtime.sizes import to_size
from realtime.video import VideoReader

SIZE = (32, 48)
SOURCE, PAINTED = np.full((64, 96, 3), 50, np.uint8), np.full((64, 96, 3), 200, np.uint8)


class FakeFinder:
    """Finds a person in the left half, and what it is told to besides."""

    def __init__(self) -> None:
        self.right = 0.0
        self.noise = 0.0
        self.random = np.random.default_rng(0)

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert pixels.shape == (*SIZE, 3)
        found = np.full(SIZE, self.right)
        found[:, : SIZE[1] // 2] = 1
        return (found + self.random.normal(0, self.noise, SIZE)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize(("part", "left", "right"), [("person", 200, 50), ("background", 50, 200)])
def test_one_part_is_painted_and_the_other_is_as_it_was(part: Part, left: int, right: int) -> None:
    mixed = Mask(FakeFinder(), size=SIZE, part=part).apply(SOURCE, PAINTED)
    assert mixed.shape == PAINTED.shape
    assert np.abs(mixed[:, :20].astype(int) - left).max() <= 1
    assert np.abs(mixed[:, -20:].astype(int) - right).max() <= 1


def test_the_edge_is_soft() -> None:
    row = Mask(FakeFinder(), size=SIZE, part="person").apply(SOURCE, PAINTED)[30, :, 0].astype(int)
    assert (np.diff(row) <= 0).all()
    assert np.abs(np.diff(row)).max() < 40


def test_a_noisy_mask_is_steadied() -> None:
    finder = FakeFinder()
    finder.right, finder.noise = 0.1, 0.05
    mask = Mask(finder, size=SIZE, part="person")
    steadied = [mask.apply(SOURCE, PAINTED).astype(int) for _ in range(30)][10:]
    fresh = [Mask(finder, size=SIZE, part="person").apply(SOURCE, PAINTED).astype(int) for _ in range(20)]
    flicker, before = (np.mean([np.abs(a - b).mean() for a, b in pairwise(each)]) for each in (steadied, fresh))
    assert flicker < 0.4 * before


def test_who_moves_is_followed_at_once_and_a_cut_forgets() -> None:
    finder = FakeFinder()
    mask = Mask(finder, size=SIZE, part="person")
    mask.apply(SOURCE, PAINTED)
    finder.right = 1.0
    assert mask.apply(SOURCE, PAINTED)[:, -20:].min() >= 199
    finder.right = 0.05
    mask.reset()
    assert mask.apply(SOURCE, PAINTED)[:, -20:].max() <= 59


def test_the_source_may_have_another_size_than_the_painting() -> None:
    assert Mask(FakeFinder(), size=SIZE, part="person").apply(SOURCE[::2, ::2].copy(), PAINTED).shape == PAINTED.shape


@pytest.mark.parametrize(("name", "side"), [("SINet_Softmax.onnx", 320), ("selfiesegmentation_mlkit-*.tflite", 256)])
def test_a_portrait_is_found(shared: Path, name: str, side: int) -> None:
    segmenter = Segmenter(next((shared / "weights/segmentation").glob(name)))
    assert segmenter.size == (side, side)
    reader = VideoReader(shared / "media/LivePortrait__d13.mp4")
    person = segmenter.find_person(to_size(next(iter(reader)).pixels, segmenter.size))
    reader.close()
    eighth = side // 8
    assert person[side // 2 : -eighth, 3 * eighth : 5 * eighth].min() > 0.9
    assert person[: side // 3, :eighth].max() < 0.1
    assert person[: side // 3, -eighth:].max() < 0.1


def test_a_tflite_model_is_run_as_tensorflow_runs_it(shared: Path) -> None:
    litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
    path = next((shared / "weights/segmentation").glob("*.tflite"))
    reader = VideoReader(shared / "media/LivePortrait__d13.mp4")
    pixels = to_size(next(iter(reader)).pixels, (256, 256))
    reader.close()
    reference = litert.Interpreter(str(path))
    reference.allocate_tensors()
    reference.set_tensor(reference.get_input_details()[0]["index"], pixels[None, ..., ::-1] / np.float32(255))
    reference.invoke()
    wanted = reference.get_tensor(reference.get_output_details()[0]["index"])[0, ..., 0]
    assert np.abs(Segmenter(path).find_person(pixels) - wanted).mean() < 0.005  # OpenVINO may use bfloat16


def test_models_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist"):
        Segmenter(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(WeightsError, match=r"OpenVINO cannot run the mask model .*broken.onnx"):
        Segmenter(broken)


def test_a_model_of_another_kind_is_refused_with_its_shapes(tmp_path: Path) -> None:
    import openvino as ov

    given = ov.opset13.parameter([1, 3, 8, 8], ov.Type.f32)
    ov.save_model(ov.Model([ov.opset13.relu(given)], [given]), tmp_path / "other.xml")
    with pytest.raises(WeightsError, match=r"takes \[\[1, 3, 8, 8\]\] and gives \[\[1, 3, 8, 8\]\]"):
        Segmenter(tmp_path / "other.xml")
