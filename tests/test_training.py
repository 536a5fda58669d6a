"""Promises of the training loop, at sizes and with VGG weights that prove the code and train nothing."""

import csv
import io
import json
import math
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

pytest.importorskip("PIL", reason="Pillow, of the extra `train`, is not installed")

from engines.networks.pincel import Pincel, Pincel16
from engines.networks.vgg import LAYERS, Vgg
from engines.refine import SIDE
from engines.training.data import Batch, Batches, DataError, Pictures, Sizes, grounded, read_pictures
from engines.training.loop import CHECKPOINT, METRICS, PREVIEW, styles_of, train
from engines.training.settings import Settings
from engines.training.teaching import LOUDER, halve
from engines.training.trainer import Trainer
from engines.weights import load_network

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = Sizes(stored=40, crop=32, late_crop=40, margin=4, style=32, own=32, read=2)


def settings(steps: int, *, reading: float = 0.5) -> Settings:
    return Settings(
        steps=steps, rate=4e-4, warm_up=1, reading=reading, precision="fp32", sizes=TINY, save_every=math.inf
    )


def random_vgg() -> Vgg:
    torch.manual_seed(0)
    return Vgg()


def trainer(settings: Settings) -> Trainer:
    torch.manual_seed(1)
    bytes_ = torch.randint(0, 256, (2, 5, 3, 40, 40), dtype=torch.uint8)
    batches = Batches(Pictures(bytes_[0], 0), Pictures(bytes_[1], 0), sizes=settings.sizes, seed=settings.seed)
    return Trainer(Pincel(), random_vgg(), batches, settings)


def webp(shade: int) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(shade).integers(0, 256, (48, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "webp")
    return file.getvalue()


def shard(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def vgg_file(path: Path) -> Path:
    torch.manual_seed(0)
    tensors = {"conv0.weight": torch.eye(3)[:, :, None, None] * 255, "conv0.bias": torch.zeros(3)}
    for name, (inputs, outputs) in LAYERS.items():
        tensors[f"{name}.weight"] = torch.randn(outputs, inputs, 3, 3) / (inputs * 9) ** 0.5
        tensors[f"{name}.bias"] = torch.zeros(outputs)
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(("stage", "reading"), [("reading", 1.0), ("draw", 0.0)])
def test_steps_on_the_same_batch_lower_the_loss(stage: str, reading: float) -> None:
    training = trainer(settings(1000, reading=reading))
    batch = training.batches.reading(0) if stage == "reading" else training.batches.draw(0, crop=TINY.crop)
    setattr(training.batches, stage, lambda number, crop=0: batch)
    losses = [training.train_step()["total"] for _ in range(6)]
    assert losses[-1] < losses[0] * 0.98


def test_the_style_encoder_is_taught_first_and_then_stays_as_it_is() -> None:
    training = trainer(settings(4))

    def weights() -> dict[str, torch.Tensor]:
        return {name: weight.detach().clone() for name, weight in training.network.named_parameters()}

    for _ in range(2):
        before = weights()
        losses = training.train_step()
        assert losses.keys() == {"total", "reading", "places"}
        changed = {name for name, weight in weights().items() if not torch.equal(weight, before[name])}
        assert changed
        assert all(name.startswith("style.") and not name.startswith("style.c0.") for name in changed)
    for _ in range(2):
        before = weights()
        assert training.train_step()["style"] > 0
        changed = {name for name, weight in weights().items() if not torch.equal(weight, before[name])}
        assert {"hyper.widen.weight", "e1.weight"} < changed
        assert not any(name.startswith("style.") for name in changed)


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(tmp_path: Path) -> None:
    whole, first, second = (trainer(settings(4)) for _ in range(3))
    for _ in range(4):
        whole.train_step()
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "checkpoint.pt")
    second.load(tmp_path / "checkpoint.pt")
    second.train_step()
    assert second.step == whole.step == 4
    for ours, theirs in zip(second.weights + second.average, whole.weights + whole.average, strict=True):
        assert torch.equal(ours, theirs)


def test_crops_grow_when_painting_is_mostly_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    training, sides = trainer(settings(7, reading=0.28)), []
    draw = training.batches.draw

    def spy(number: int, *, crop: int) -> Batch:
        sides.append(draw(number, crop=crop).contents.shape[-1])
        return draw(number, crop=TINY.crop)

    monkeypatch.setattr(training.batches, "draw", spy)
    for _ in range(7):
        training.train_step()
    assert sides == [TINY.crop] * 3 * 2 + [TINY.late_crop] * 2 * 2  # two batches a step


def test_a_training_that_nobody_holds_ends_its_threads() -> None:
    training = trainer(settings(1))
    training.train_step()
    threads = list(training.pool._threads)
    assert threads
    del training
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_the_same_seed_draws_the_same_batches_and_another_seed_others() -> None:
    pictures = Pictures(torch.randint(0, 256, (5, 3, 40, 40), dtype=torch.uint8), 0)
    first, again, other = (Batches(pictures, pictures, sizes=TINY, seed=seed).draw(7, crop=32) for seed in (0, 0, 1))
    assert torch.equal(first.shifted, again.shifted)
    assert first.paintings == again.paintings
    assert not torch.equal(first.shifted, other.shifted)


def test_crops_and_dead_leaves_to_read_from_are_the_same_for_the_same_number() -> None:
    batches = trainer(settings(1)).batches
    (crops, leaves), again, others = batches.reading(3), batches.reading(3), batches.reading(4)
    assert crops.shape == (TINY.read, 3, TINY.crop, TINY.crop)
    assert leaves.shape == (TINY.leaves, 3, SIDE, SIDE)
    for ours, same, other in zip((crops, leaves), again, others, strict=True):
        assert torch.equal(ours, same)
        assert not torch.equal(ours, other)


def test_an_epoch_draws_every_painting_once() -> None:
    pictures = Pictures(torch.randint(0, 256, (6, 3, 40, 40), dtype=torch.uint8), 0)
    batches = Batches(pictures, pictures, sizes=TINY, seed=0)
    drawn = [index for number in range(3) for index in batches.draw(number, crop=32).paintings]
    assert sorted(drawn) == list(range(6))


def test_pieces_of_a_picture_are_left_before_an_even_ground() -> None:
    noise = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    for seed in range(4):
        picture = grounded(noise, seed=seed)
        assert torch.equal(picture, grounded(noise, seed=seed))
        left = (picture == noise).all(1, keepdim=True).float()
        assert 0.02 < left.mean() < 0.9
        ground = F.max_pool2d(left, 33, 1, 16)[0, 0] == 0  # far from what is left
        rough = (picture[0, :, :, 1:] - picture[0, :, :, :-1]).abs().mean(0)
        assert ground.any()
        assert rough[ground[:, 1:]].mean() < 0.01 < rough.mean()


def test_a_broken_image_in_a_shard_is_skipped_and_counted(tmp_path: Path) -> None:
    good = webp(1)
    files = {
        "a.webp": good,
        "b.webp": b"not a picture",
        "c.webp": good[: len(good) // 2],
        "d.webp": webp(2),
        "e.txt": b"",
    }
    pictures = read_pictures([shard(tmp_path / "shard.tar", files)], side=40)
    assert (len(pictures), pictures.broken) == (2, 2)
    assert pictures.pixels.shape == (2, 3, 40, 40)


@pytest.mark.parametrize("name", ["missing.tar", "damaged.tar"])
def test_a_source_that_is_no_tar_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "damaged.tar").write_bytes(b"no tar" * 200)
    with pytest.raises(DataError, match=name):
        read_pictures([tmp_path / name], side=40)


@pytest.mark.parametrize("network", ["pincel", "pincel-16"])
def test_a_training_leaves_weights_that_load_metrics_preview_and_card(tmp_path: Path, network: str) -> None:
    photos = shard(tmp_path / "photos.tar", {f"{i}.webp": webp(i) for i in range(3)} | {"bad.webp": b"bad"})
    paintings = tmp_path / "paintings"
    paintings.mkdir()
    for i in range(3):
        (paintings / f"{i}.webp").write_bytes(webp(10 + i))
    out, vgg = tmp_path / "out", vgg_file(tmp_path / "vgg.safetensors")
    train([photos], [paintings], vgg=vgg, folder=out, settings=settings(2), network=network)
    weights = train([photos], [paintings], vgg=vgg, folder=out, settings=settings(3), network=network, resume=True)
    assert weights == out / f"{network}.safetensors"
    load_network(network, weights)
    kinds = {name: tensor.dtype for name, tensor in load_file(weights).items()}
    assert (kinds["e1.weight"], kinds["style.c0.weight"], kinds["hyper.a.bias"]) == (
        torch.float16, torch.int8, torch.float16
    )  # fmt: skip
    rows = list(csv.DictReader((out / METRICS).read_text().splitlines()))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert [row["style"] == "" for row in rows] == [row["reading"] != "" for row in rows] == [True, False, False]
    card = json.loads((out / f"{network}.json").read_text())
    assert (card["photos"], card["paintings"], card["broken"], card["steps"]) == (3, 3, 1, 3)
    assert (out / PREVIEW).stat().st_size > 0


@pytest.fixture(scope="module")
def whole() -> Pincel:
    network = load_network("pincel")
    assert isinstance(network, Pincel)
    return network


def test_the_half_begins_with_the_channels_that_matter() -> None:
    """A network whose other half of channels does nothing is halved without a loss."""
    torch.manual_seed(0)
    half = Pincel16()
    for name, weight in half.named_parameters():
        if not name.startswith("style."):
            weight.data.normal_(0, 0.1)
    twice = Pincel()
    state = {name: torch.zeros_like(tensor) for name, tensor in twice.state_dict().items()}
    for name, tensor in half.state_dict().items():
        odd = [slice(1, None, 2) if size != other else slice(None) for size, other in
               zip(tensor.shape, state[name].shape, strict=True)]  # fmt: skip
        state[name][tuple(odd)] = tensor
    twice.load_state_dict(state)
    read = torch.randn(3, 1920)
    with torch.no_grad():
        begun = halve(twice, twice.hyper(read))
        for name, weight in begun.named_parameters():
            expected = half.get_parameter(name)
            louder = name.endswith("weight") and not name.startswith(("style.", "hyper.", "e1."))
            assert torch.allclose(weight, expected * (LOUDER if louder else 1)), name


def test_the_half_copies_its_teacher_and_then_learns_for_itself(whole: Pincel, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = trainer(settings(1)).batches
    batch = batches.draw(0, crop=TINY.crop)
    monkeypatch.setattr(batches, "draw", lambda number, crop: batch)
    training = Trainer(
        halve(whole, styles_of(whole, batches)), random_vgg(), batches, replace(settings(20), rate=1e-4), teacher=whole
    )
    before = training.network.style.state_dict()["c2.weight"].clone()
    losses = [training.train_step() for _ in range(9)]
    copied = [row.keys() == {"total", "copy", "broad_copy", "copied_style", "copied_structure"} for row in losses]
    assert copied == [*[True] * 8, False]
    assert losses[7]["total"] < 0.9 * losses[0]["total"]
    assert losses[8]["style"] > 0
    assert torch.equal(training.network.style.state_dict()["c2.weight"], before)


@pytest.mark.parametrize("teaches", [False, True])
def test_a_checkpoint_of_another_training_is_refused(whole: Pincel, tmp_path: Path, *, teaches: bool) -> None:
    saved = trainer(settings(1))
    saved.save(tmp_path / "checkpoint.pt")
    teacher, network = (whole, Pincel()) if teaches else (None, Pincel16())
    other = Trainer(network, random_vgg(), saved.batches, saved.settings, teacher=teacher)
    with pytest.raises(DataError, match="resume with the same"):
        other.load(tmp_path / "checkpoint.pt")


def test_a_teacher_is_for_the_half_alone(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a teacher is for pincel-16"):
        train([], [], vgg=tmp_path, folder=tmp_path, settings=settings(1), teacher=tmp_path)


def test_resuming_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=CHECKPOINT):
        train([], [], vgg=tmp_path, folder=tmp_path, settings=settings(1), resume=True)
