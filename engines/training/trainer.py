"""A training: what it minimises, how it steps, and how it is saved and resumed exactly."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engines import losses
from engines.networks.pincel import Pincel
from engines.networks.statistics import moments
from engines.networks.vgg import Vgg
from engines.pixels import paint_still
from engines.training.data import Batch, Batches, DataError
from engines.training.settings import Settings
from engines.training.teaching import copying

LONGEST = 10.0  # norm of a gradient
COPYING_PACE = 5
READ = (0.5, 0.3, 0.1, 0.1)  # shares in learning to read: crops, painted leaves, both at half their size
LATE = 0.6  # of painting, until when crops are small, which is quicker; whole pictures are what is painted
HYPER_PACE = 0.1  # a step of its two thousand inputs together moves a style far


class Trainer:
    """A training: network, its averaged weights, optimiser, and how far it has got."""

    def __init__(
        self, network: Pincel, vgg: Vgg, batches: Batches, settings: Settings, *, teacher: Pincel | None = None
    ) -> None:
        self.settings, self.batches, self.teacher = settings, batches, teacher
        self.first = settings.copying if teacher else settings.reading  # the share of what comes before painting
        self.device = batches.photos.device
        self.dtype = torch.bfloat16 if settings.precision == "bf16" else torch.float32
        self.network = network.to(self.device).train().requires_grad_(True)
        self.network.style.c0.requires_grad_(False)  # it sees relu1_1 as VGG does, in maps too large to look at twice
        self.network.level()
        self.vgg = vgg.to(self.device, self.dtype)
        for module in filter(None, (self.network, self.vgg, teacher)):
            module.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights = learnt(self.network)
        self.average = [weight.detach().clone() for weight in self.weights]
        # Not fused: that takes a gradient whose memory format is not its weight's for one that is, and says nothing.
        groups = [{"params": learnt(module), "pace": pace} for module, pace in self.paces()]
        self.adam = torch.optim.Adam(groups, settings.rate, betas=(0.9, 0.99))
        self.targets: dict[int, list[Tensor]] = {}  # of paintings: see `targets_of`
        self.reads: dict[int, Tensor] = {}
        self.pool = ThreadPoolExecutor(settings.parts, initializer=share_cores, initargs=(settings.parts,))
        self.step, self.seconds = 0, 0.0

    def train_step(self) -> dict[str, float]:
        """Take one step; return every loss, unweighted."""
        for group in self.adam.param_groups:
            group["lr"] = self.rate() * group["pace"]
        count = self.settings.parts
        numbers = range(self.step * count, (self.step + 1) * count)
        gradients, parts = zip(*self.pool.map(self.part, numbers), strict=True)
        for weight, *each in zip(self.weights, *gradients, strict=True):
            weight.grad = None if each[0] is None else torch.stack(each).mean(0)
        nn.utils.clip_grad_norm_(self.weights, LONGEST)
        self.adam.step()
        if self.network.out.weight.grad is not None:  # it learnt to paint
            self.network.level()
        self.step += 1
        decay = min(self.settings.average, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.weights, 1 - decay)
        return {name: sum(part[name] for part in parts) / count for name in parts[0]}

    def paces(self) -> list[tuple[nn.Module, float]]:
        """Return the network's parts, each with its share of the learning rate."""
        return [(module, HYPER_PACE if module is self.network.hyper else 1.0) for module in self.network.children()]

    def part(self, number: int) -> tuple[tuple[Tensor | None, ...], dict[str, float]]:
        """Return the gradients of a batch, None for what has no part in it, and every loss, unweighted."""
        if self.progress() >= self.first:
            sizes = self.settings.sizes
            crop = sizes.crop if self.stage() < LATE else sizes.late_crop
            parts = self.painting(self.batches.draw(number, crop=crop))
        elif self.teacher:
            parts = self.copying(self.batches.draw(number, crop=self.settings.sizes.crop), self.teacher)
        else:
            parts = self.reading(*self.batches.reading(number))
        shares = asdict(self.settings.shares)
        total = torch.stack([shares[name] * loss for name, loss in parts.items()]).sum()
        gradients = torch.autograd.grad(total, self.weights, allow_unused=True)
        values = torch.stack([total.detach(), *(loss.detach() for loss in parts.values())]).tolist()
        return gradients, dict(zip(["total", *parts], values, strict=True))

    def reading(self, rgb: Tensor, leaves: Tensor) -> dict[str, Tensor]:
        """Return how far the style encoder is from seeing what VGG-19 sees, in paintings by the network, too.

        Refining a style it judges such paintings, of dead leaves, whole and at half their size.
        """
        with torch.no_grad():
            styles = self.style(self.network.read(rgb.contiguous(memory_format=torch.channels_last)))
            crops = torch.cat([rgb, self.paint(rgb[-1:], styles[:1])])
            leaves = self.paint(leaves, styles[: len(leaves)])
        reading, places = [], []
        for share, picture in zip(READ, (crops, leaves, F.avg_pool2d(crops, 2), F.avg_pool2d(leaves, 2)), strict=True):
            laid = picture.contiguous(memory_format=torch.channels_last)
            with torch.no_grad():
                seen = self.vgg(laid)[1:]
            read = self.read(laid)[1:]
            distance = losses.style_distance([moments(each) for each in read], [moments(each) for each in seen])
            reading.append(share * distance.mean())
            places.append(share * losses.relative_distance(read[1:], seen[1:]))
        return {"reading": torch.stack(reading).sum(), "places": torch.stack(places).sum()}

    def copying(self, batch: Batch, teacher: Pincel) -> dict[str, Tensor]:
        """Return how far paintings are from a teacher's."""
        read = torch.cat([self.read_of(index) for index in batch.paintings])
        contents = batch.contents.repeat_interleave(self.settings.sizes.styles, 0)
        with torch.no_grad():
            wanted = self.paint(contents, teacher.hyper(read), network=teacher)
        return copying(teacher, self.paint(contents, self.style(read)), wanted)

    def painting(self, batch: Batch) -> dict[str, Tensor]:
        """Return every loss of paintings in the styles that the encoder, taught by now, reads."""
        sizes, mixes = self.settings.sizes, batch.mixes[:, None]
        contents = batch.contents.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            seen = self.vgg(contents)
            own_read = self.network.read(batch.own.contiguous(memory_format=torch.channels_last))
        wanted, read = self.targets_of(batch.paintings)
        wanted = [torch.lerp(each, each.roll(-1, 0), mixes[:, None]) for each in wanted]
        vectors = self.style(read)
        vectors = torch.lerp(vectors, vectors.roll(-1, 0), mixes)
        photos = contents.repeat_interleave(sizes.styles, 0)
        painted = self.paint(photos, vectors)
        features = self.features(painted)
        strokes = [moments(each) for each in features]
        coarse, photo = features[2:4], [each.repeat_interleave(sizes.styles, 0) for each in seen[2:]]
        plain, photo_plain = ([losses.normalised(each) for each in maps] for maps in (coarse, photo))
        again = self.paint(batch.shifted, vectors[:: sizes.styles])
        own = self.paint(batch.own, self.style(own_read))
        pairs = zip(painted[:: sizes.styles], again, batch.offsets, strict=True)
        return {
            "style": losses.style_distance(strokes[:4], wanted[:4]).mean(),
            "broad_style": losses.style_distance(strokes[4:], wanted[4:]).mean(),
            "structure": losses.content_distance(plain[1], photo_plain[1]).mean(),
            "fine_structure": losses.content_distance(plain[0], photo_plain[0]).mean(),
            "content": losses.content_distance(coarse[1], photo[1]).mean(),
            "variation": losses.total_variation(painted),
            "stability": torch.stack([losses.overlap_distance(*pair) for pair in pairs]).mean(),
            "own": losses.fidelity(own, batch.own).mean(),
            "mesh": losses.mesh(painted, photos) + losses.mesh(own, batch.own),
            "halo": losses.halo(painted, photos),
        }

    def targets_of(self, paintings: list[int]) -> tuple[list[Tensor], Tensor]:
        """Return what paintings are measured and read as, once each.

        Returns:
            The moments of every feature map, [N, 2, C], and what the style encoder reads, [N, MOMENTS].
        """
        for index in paintings:
            if index not in self.targets:
                with torch.no_grad():
                    cut = self.batches.cut(index).contiguous(memory_format=torch.channels_last)
                    self.targets[index] = [*(moments(each) for each in self.features(cut)), self.read_of(index)]
        *wanted, read = (torch.cat(each) for each in zip(*(self.targets[index] for index in paintings), strict=True))
        return wanted, read

    def read_of(self, index: int) -> Tensor:
        """Return what the style encoder, taught by now, reads of a painting, once: [1, MOMENTS]."""
        if index not in self.reads:
            with torch.no_grad():
                self.reads[index] = self.network.read(
                    self.batches.cut(index).contiguous(memory_format=torch.channels_last)
                )
        return self.reads[index]

    def features(self, rgb: Tensor) -> list[Tensor]:
        """Return the features of the size given, then those of half the size."""
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        return [*self.vgg(rgb), *self.vgg(F.avg_pool2d(rgb, 2))]

    def paint(self, rgb: Tensor, style: Tensor, *, network: Pincel | None = None) -> Tensor:
        """Paint as the product does, without a memory, float32."""
        network = network or self.network
        with self.mixed_precision():
            return paint_still(network, rgb, style, margin=network.margin).float()

    def read(self, rgb: Tensor) -> list[Tensor]:
        """Return what the style encoder sees in pictures, float32."""
        with self.mixed_precision():
            return [each.float() for each in self.network.style(rgb)]

    def style(self, read: Tensor) -> Tensor:
        """Make what was read of pictures into styles, float32."""
        with self.mixed_precision():
            return self.network.hyper(read).float()  # type: ignore[no-any-return]

    def mixed_precision(self) -> AbstractContextManager[object]:
        """Return the context in which the network computes in `Settings.precision`."""
        narrow = self.dtype == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16) if narrow else nullcontext()

    def progress(self) -> float:
        """Return how much of the training is done, 0 to 1."""
        return min(1.0, max(self.step / self.settings.steps, self.seconds / 60 / self.settings.minutes))

    def stage(self) -> float:
        """Return how much is done of what comes before painting, then of painting, 0 to 1."""
        done, first = self.progress(), self.first
        return done / first if done < first else (done - first) / (1 - first)

    def rate(self) -> float:
        """Return the learning rate: warm-up, plateau, straight down, before painting and then again."""
        settings = self.settings
        pace = COPYING_PACE if self.teacher and self.progress() < self.first else 1
        falling = min(1.0, 1.5 * (1 - self.stage()) + 0.01)
        return pace * settings.rate * min(1.0, (self.step + 1) / settings.warm_up) * falling

    def save(self, path: Path) -> None:
        """Write everything that the rest of the training depends on; random numbers depend on seed and step alone."""
        state = {
            "measure": self.measure(),
            "step": self.step,
            "seconds": self.seconds,
            "network": self.network.state_dict(),
            "average": self.average,
            "adam": self.adam.state_dict(),
            "targets": self.targets,
        }
        draft = path.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            DataError: it was made with another seed, network or other sizes of paintings, or (not) by a teacher.
        """
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["measure"] != self.measure():
            raise DataError(f"{path} was made with {state['measure']}, not {self.measure()}: resume with the same")
        self.network.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])
        self.average, self.targets = state["average"], state["targets"]
        self.step, self.seconds = state["step"], state["seconds"]

    def measure(self) -> dict[str, int]:
        """Return what a checkpoint fits: the paintings' measured moments, the network, and whether it is taught."""
        sizes, width = self.settings.sizes, self.network.width
        return {
            "seed": self.settings.seed, "stored": sizes.stored, "style": sizes.style, "width": width,
            "teachers": int(self.teacher is not None),
        }  # fmt: skip

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averaged weights into the network for a while."""
        own = [weight.detach().clone() for weight in self.weights]
        try:
            copy(self.average, self.weights)
            yield
        finally:
            copy(own, self.weights)


def share_cores(parts: int) -> None:
    """Give a thread its part of the CPU: PyTorch's own threads are counted for each thread that calls it."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // parts))


def learnt(module: nn.Module) -> list[Tensor]:
    """Return a module's weights that are trained."""
    return [weight for weight in module.parameters() if weight.requires_grad]


@torch.no_grad()
def copy(values: list[Tensor], weights: list[Tensor]) -> None:
    """Copy values into weights."""
    for value, weight in zip(values, weights, strict=True):
        weight.copy_(value)
