"""The training loop: it checkpoints, shows what it paints, keeps to a time limit and exports."""

import csv
import json
import logging
import math
import time
from collections import deque
from dataclasses import asdict, fields
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor

from engines.compact import compact
from engines.machine import commit
from engines.networks.pincel import Pincel
from engines.networks.vgg import load_vgg
from engines.training.data import Batches, DataError, Pictures, Sizes, read_pictures, resize
from engines.training.settings import Settings, Shares
from engines.training.teaching import halve
from engines.training.trainer import Trainer
from engines.weights import load_network

CHECKPOINT, METRICS, PREVIEW = "checkpoint.pt", "metrics.csv", "preview.png"
GPU = {"parts": 1, "sizes": Sizes(crop=256, style=288, contents=8, read=48, leaves=16)}
LOSSES = tuple(field.name for field in fields(Shares))
PREVIEWED = 6  # photographs and paintings on the contact sheet
LOOKED_AT = 64  # paintings by whose styles channels are chosen
RECENT = 200  # steps over which losses are averaged to be told

log = logging.getLogger(__name__)


def train(
    photos: list[Path],
    paintings: list[Path],
    *,
    vgg: Path,
    folder: Path,
    settings: Settings,
    network: str = "pincel",
    start: Path | None = None,
    teacher: Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    pause: float = math.inf,
) -> Path:
    """Train the default network, or its half; return the file of its averaged weights.

    Needs the extra `train`. On a GPU pictures stay in its memory; `Settings(**GPU)` fits it.

    Args:
        photos: folders and tar files of pictures to paint.
        paintings: folders and tar files of pictures to paint like.
        vgg: VGG-19 weights, conv0 .. conv4_1.
        folder: where checkpoint, metrics, preview, weights and their card go.
        settings: how, and how long.
        network: "pincel" or "pincel-16".
        start: weights to begin with, the bundled ones by default.
        teacher: weights of pincel, for pincel-16: it begins as half of those, whatever `start` is, copies what they
            paint and reads what they read.
        resume: go on from the checkpoint in `folder`.
        device: of PyTorch.
        pause: minutes after which this call ends, at the earliest after a step, to be resumed; its card tells how far
            the training is.

    Raises:
        DataError: the pictures, or the checkpoint to resume, cannot be used; Pillow is not installed; a teacher of
            another network than pincel-16.
        WeightsError: the weights cannot be used.
    """
    if teacher and network != "pincel-16":
        raise DataError(f"a teacher is for pincel-16, not for {network}: leave --teacher out")
    deadline = time.monotonic() + 60 * pause
    checkpoint = folder / CHECKPOINT
    if resume and not checkpoint.exists():
        raise DataError(f"{checkpoint} does not exist, so there is nothing to resume: train without --resume")
    folder.mkdir(parents=True, exist_ok=True)
    features = load_vgg(vgg)
    sets = [read_pictures(sources, side=settings.sizes.stored, device=device) for sources in (photos, paintings)]
    log.info("%d photographs, %d paintings, %d broken", len(sets[0]), len(sets[1]), sets[0].broken + sets[1].broken)
    batches = Batches(sets[0], sets[1], sizes=settings.sizes, seed=settings.seed)
    whole = cast(Pincel, load_network("pincel", teacher)) if teacher else None
    begun = halve(whole, styles_of(whole, batches)) if whole else cast(Pincel, load_network(network, start))
    trainer = Trainer(begun, features, batches, settings, teacher=whole)
    if resume:
        trainer.load(checkpoint)
    recent = run(trainer, folder, deadline=deadline)
    return export(trainer, folder / network, sets, recent)


def styles_of(network: Pincel, batches: Batches) -> Tensor:
    """Return the styles of some paintings, float32 [N, K]."""
    with torch.no_grad():
        return torch.cat([network.encode(batches.cut(i).cpu()) for i in range(min(LOOKED_AT, len(batches.paintings)))])


def run(trainer: Trainer, folder: Path, *, deadline: float) -> dict[str, float]:
    """Train until steps or minutes are used up, or the clock shows the deadline; return the last steps' mean losses."""
    recent: deque[dict[str, float]] = deque(maxlen=RECENT)
    metrics = folder / METRICS
    keep_rows(metrics, until=trainer.step)
    saved = before = time.monotonic()
    with metrics.open("a", newline="") as file:
        rows = csv.DictWriter(file, ["step", "seconds", "rate", "total", *LOSSES])
        while trainer.progress() < 1:
            rate, parts = trainer.rate(), trainer.train_step()
            now = time.monotonic()
            trainer.seconds, before = trainer.seconds + now - before, now
            recent.append(parts)
            if trainer.step == 1:
                rows.writeheader()
            values = {name: f"{value:.5g}" for name, value in (parts | {"rate": rate}).items()}
            rows.writerow({"step": trainer.step, "seconds": f"{trainer.seconds:.1f}", **values})
            if now - saved > trainer.settings.save_every:
                saved = now
                file.flush()
                keep(trainer, folder)
                log.info("step %d, %s", trainer.step, ", ".join(f"{k} {v:.3f}" for k, v in means(recent).items()))
            if now >= deadline:
                break
    keep(trainer, folder)
    return means(recent)


def means(rows: deque[dict[str, float]]) -> dict[str, float]:
    """Return the mean of every loss that the last step had."""
    names = rows[-1] if rows else ()
    return {name: sum(row[name] for row in rows if name in row) / sum(name in row for row in rows) for name in names}


def keep_rows(metrics: Path, *, until: int) -> None:
    """Drop what was written after the checkpoint, or everything when training starts anew."""
    rows = list(csv.reader(metrics.read_text().splitlines())) if until and metrics.exists() else []
    with metrics.open("w", newline="") as file:
        csv.writer(file).writerows(row for row in rows if row[0] == "step" or int(row[0]) <= until)


def keep(trainer: Trainer, folder: Path) -> None:
    """Save the training and show what it paints."""
    trainer.save(folder / CHECKPOINT)
    preview(trainer, folder / PREVIEW)


def preview(trainer: Trainer, path: Path) -> None:
    """Write a contact sheet of the first photographs (across) in the first paintings (down), averaged weights."""
    from PIL import Image

    sizes = trainer.settings.sizes
    photos = resize(trainer.batches.photos[:PREVIEWED], sizes.style)
    paintings = resize(trainer.batches.paintings[:PREVIEWED], sizes.style)
    rows = [torch.cat([torch.ones_like(photos[0]), *photos], 2)]
    with torch.no_grad(), trainer.averaged():
        vectors = trainer.network.encode(paintings)
        for painting, vector in zip(paintings, vectors, strict=True):
            painted = trainer.paint(photos, vector.expand(len(photos), -1))
            rows.append(torch.cat([painting, *painted], 2))
    sheet = (torch.cat(rows, 1) * 255).round().to("cpu", torch.uint8)
    Image.fromarray(sheet.permute(1, 2, 0).numpy()).save(path)


def export(trainer: Trainer, stem: Path, sets: list[Pictures], recent: dict[str, float]) -> Path:
    """Write the averaged weights, small, and a card that says how they were made: `stem` and .safetensors, .json."""
    path, settings = stem.with_name(f"{stem.name}.safetensors"), trainer.settings
    with trainer.averaged():
        save_file(compact(trainer.network.state_dict(), reading=trainer.network.reading), path)
    device = trainer.device
    card = {
        "network": stem.name,
        "photos": len(sets[0]),
        "paintings": len(sets[1]),
        "broken": sets[0].broken + sets[1].broken,
        "steps": trainer.step,
        "progress": round(trainer.progress(), 4),
        "seconds": round(trainer.seconds, 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "torch": torch.__version__,
        "commit": commit(),
        "settings": {name: value for name, value in asdict(settings).items() if value != float("inf")},
        "losses": {name: round(value, 4) for name, value in recent.items()},
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    return path
