"""Training pictures: decoded once, kept as bytes, and drawn so that a step's batch depends on seed and step alone."""

import io
import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engines.errors import EngineError
from engines.leaves import dead_leaves, leaf
from engines.refine import SIDE

SUFFIXES = (".webp", ".jpg", ".jpeg", ".png", ".bmp")
LEAVES = 96  # different pictures of dead leaves
GROUNDED = 1 / 12  # the share of contents that get an even ground
KINDS = {"photos": 1, "paintings": 2, "batch": 3, "cut": 4, "reading": 5}

log = logging.getLogger(__name__)


class DataError(EngineError, ValueError):
    """The training pictures cannot be used."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures.

    Attributes:
        pixels: uint8 [N, 3, S, S] RGB, the middle square of every picture.
        broken: how many files could not be decoded and were skipped.
    """

    pixels: Tensor
    broken: int

    def __len__(self) -> int:
        return len(self.pixels)


def read_pictures(sources: list[Path], *, side: int, device: str = "cpu") -> Pictures:
    """Decode folders and tar shards into the memory of a device.

    Raises:
        DataError: a source is neither, or there is no picture in any of them; Pillow is not installed.
    """
    if find_spec("PIL") is None:
        raise DataError("Pillow, which decodes training pictures, is not installed: pip install 'pincel[train]'")
    squares, broken = [], 0
    for source in sources:
        for name, data in files_of(source):
            square = decode(data, side=side)
            if square is None:
                broken += 1
                log.warning("%s in %s is no picture that can be decoded: skipped", name, source.name)
            else:
                squares.append(square)
    if not squares:
        raise DataError(f"no picture in {', '.join(map(str, sources))}: give folders or tar files of {SUFFIXES}")
    return Pictures(torch.stack(squares).to(device), broken)


def files_of(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every picture file of a folder or tar file, in order of name."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES):
            yield path.name, path.read_bytes()
        return
    try:
        with tarfile.open(source) as tar:
            for member in sorted(tar.getmembers(), key=lambda member: member.name):
                file = tar.extractfile(member) if member.name.lower().endswith(SUFFIXES) else None
                if file is not None:
                    yield member.name, file.read()
    except (OSError, tarfile.TarError) as error:
        raise DataError(f"{source} is neither a folder nor a whole tar file: {error}") from error


def decode(data: bytes, *, side: int) -> Tensor | None:
    """Decode a picture's middle square to uint8 [3, side, side] RGB, or return None when it is broken."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as image:
            square = ImageOps.fit(image.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # all that Pillow raises for bad bytes
        return None
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)


def generator(seed: int, kind: str, number: int) -> torch.Generator:
    """Return the random numbers of one purpose: the same for the same arguments, whatever was drawn before."""
    mixed = np.random.SeedSequence((seed, KINDS[kind], number)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed) >> 1)


@lru_cache(maxsize=8)  # threads draw batches of neighbouring epochs side by side
def shuffled(count: int, *, seed: int, kind: str, epoch: int) -> Tensor:
    """Return an epoch's order of pictures."""
    return torch.randperm(count, generator=generator(seed, kind, epoch))


@lru_cache(maxsize=LEAVES)
def leaves(number: int) -> Tensor:
    """Return a picture of dead leaves, drawn once."""
    return dead_leaves(number, side=SIDE)


def grounded(rgb: Tensor, *, seed: int) -> Tensor:
    """Return a picture [1, 3, S, S] of which only some pieces are left, before an even ground.

    So are title cards, drawings and faces before a wall, and hardly any of a thousand photographs.
    """
    random, side = np.random.default_rng(seed), rgb.shape[2]
    down, across = np.mgrid[0:side, 0:side].astype(np.float32) / side
    bright, coloured = random.random(), random.uniform(-0.3, 0.3, (3, 1, 1))
    ground = bright + coloured + random.choice([0, 0.3]) * random.uniform(-1, 1, (3, 1, 1)) * down
    ground += random.choice([0, 0.006]) * random.normal(0, 1, ground.shape)
    cover = np.zeros((side, side), np.float32)
    for middle in random.random((random.integers(4, 16), 2)):
        piece = leaf(random, down - middle[0], across - middle[1], radius=random.uniform(0.03, 0.25), pixel=1 / side)
        cover = np.maximum(cover, piece)
    flat, share = (torch.from_numpy(each).float().to(rgb.device) for each in (ground, cover))
    return torch.lerp(flat[None], rgb, share).clamp(0, 1)


class Order:
    """An endless order of pictures: every epoch a new shuffle."""

    def __init__(self, count: int, *, seed: int, kind: str) -> None:
        self.count, self.seed, self.kind = count, seed, kind

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self.count)
        return int(shuffled(self.count, seed=self.seed, kind=self.kind, epoch=epoch)[place])


def resize(pixels: Tensor, side: int) -> Tensor:
    """Resize [N, 3, H, W], bytes or floats, to float [N, 3, side, side] in [0, 1]."""
    rgb = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
    if rgb.shape[2:] == (side, side):
        return rgb
    return F.interpolate(rgb, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a batch and its pictures are, in pixels where nothing else is said.

    Attributes:
        stored: side of the decoded squares.
        crop, late_crop: side of what is painted, at first and when painting is mostly learnt.
        margin: by how much the shifted copy may be off.
        style: side of the squares whose statistics are the target.
        contents, styles: photographs a batch, and paintings each of them is painted in.
        own: side of what is painted in its own style, a photograph for each of `contents`.
        read: crops a batch of those that the style encoder learns to read from.
        leaves: pictures of dead leaves, as styles are refined on, painted for it beside them; no more than `read`.
    """

    stored: int = 288
    crop: int = 192
    late_crop: int = 256
    margin: int = 16
    style: int = 224
    contents: int = 1
    styles: int = 2
    own: int = 256
    read: int = 4
    leaves: int = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch's pictures, float [N, 3, side, side] in [0, 1], and what is to be done with them.

    Attributes:
        contents: one for each content.
        shifted: the same, some pixels off, re-exposed and noisy.
        offsets: where `contents` lie in `shifted`'s coordinates, (down, right) for each.
        paintings: indices, one for each painted picture.
        mixes: float [N], how much of the next painting's style is mixed in; mostly 0.
        own: other crops of the photographs, to be painted in their own style.
    """

    contents: Tensor
    shifted: Tensor
    offsets: list[tuple[int, int]]
    paintings: list[int]
    mixes: Tensor
    own: Tensor


class Batches:
    """The batches of a training, by number."""

    def __init__(self, photos: Pictures, paintings: Pictures, *, sizes: Sizes, seed: int) -> None:
        self.photos, self.paintings, self.sizes, self.seed = photos.pixels, paintings.pixels, sizes, seed
        self.photo_order = Order(len(photos), seed=seed, kind="photos")
        self.painting_order = Order(len(paintings), seed=seed, kind="paintings")

    def cut(self, index: int) -> Tensor:
        """Return the square of a painting that stands for its style, float [1, 3, style, style]: always the same."""
        return self.square(self.paintings[index], self.sizes.style, generator(self.seed, "cut", index))

    def draw(self, number: int, *, crop: int) -> Batch:
        """Return a batch of contents of `crop` pixels a side."""
        sizes, random = self.sizes, generator(self.seed, "batch", number)
        first, count = number * sizes.contents, sizes.contents * sizes.styles
        indices = [self.painting_order[first * sizes.styles + i] for i in range(count)]
        mixed = torch.rand(count, generator=random) < 0.15
        mixes = torch.where(mixed, torch.rand(count, generator=random), 0.0).to(self.paintings.device)
        photos = [self.photos[self.photo_order[first + i]] for i in range(sizes.contents)]
        contents, shifted, offsets = zip(*(self.pair(photo, crop, random) for photo in photos), strict=True)
        own = torch.cat([self.square(photo, sizes.own, random) for photo in photos])
        return Batch(torch.cat(contents), torch.cat(shifted), list(offsets), indices, mixes, own)

    def reading(self, number: int) -> tuple[Tensor, Tensor]:
        """Return what the style encoder learns to read from.

        Returns:
            Crops, float [read, 3, crop, crop]: paintings, every fourth a photograph; and pictures of dead leaves, to
            be painted, float [leaves, 3, `engines.refine.SIDE`, `engines.refine.SIDE`].
        """
        sizes, random = self.sizes, generator(self.seed, "reading", number)
        crops = [self.glimpse(number * sizes.read + i, random) for i in range(sizes.read)]
        drawn = [leaves((number * sizes.leaves + i) % LEAVES) for i in range(sizes.leaves)]
        return torch.cat(crops), torch.cat(drawn).to(self.photos.device)

    def glimpse(self, number: int, random: torch.Generator) -> Tensor:
        """Return a crop, often flipped, and some with other colours than it had, for paintings are few."""
        photos, index = number % 4 == 3, number // 4
        pixels = self.photos[self.photo_order[index]] if photos else self.paintings[self.painting_order[number - index]]
        crop = self.square(pixels, self.sizes.crop, random)
        flip, permute, expose, contrast, exposure = torch.rand(5, generator=random).tolist()
        if flip < 0.5:
            crop = crop.flip(3)
        if permute < 0.25:
            crop = crop[:, torch.randperm(3, generator=random).to(crop.device)]
        if expose < 0.3:
            crop = ((crop - 0.5) * (0.6 + 0.8 * contrast) + 0.35 + 0.3 * exposure).clamp(0, 1)
        return crop

    def pair(self, photo: Tensor, crop: int, random: torch.Generator) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """Return a crop, the same shifted, re-exposed and noisy, and by how much it is shifted."""
        margin = self.sizes.margin
        area = self.square(photo, crop + margin, random)
        if torch.rand((), generator=random) < 0.5:
            area = area.flip(3)
        if torch.rand((), generator=random) < GROUNDED:
            area = grounded(area, seed=int(torch.randint(2**31, (), generator=random)))
        top, left, other_top, other_left = torch.randint(0, margin + 1, (4,), generator=random).tolist()
        exposure, contrast, noise = torch.rand(3, generator=random).tolist()
        shifted = area[:, :, other_top : other_top + crop, other_left : other_left + crop]
        grain = torch.randn(shifted.shape, generator=random).to(shifted.device)
        shifted = (shifted - 0.5) * (0.9 + 0.2 * contrast) + 0.5
        shifted = (shifted * (0.9 + 0.2 * exposure) + 0.02 * noise * grain).clamp(0, 1)
        return area[:, :, top : top + crop, left : left + crop], shifted, (top - other_top, left - other_left)

    @staticmethod
    def square(pixels: Tensor, side: int, random: torch.Generator) -> Tensor:
        """Cut a square of at least `side` pixels from anywhere in uint8 [3, S, S]; return it as [1, 3, side, side]."""
        stored = pixels.shape[1]
        cut = int(torch.randint(min(side, stored), stored + 1, (), generator=random))
        top, left = torch.randint(0, stored - cut + 1, (2,), generator=random).tolist()
        return resize(pixels[None, :, top : top + cut, left : left + cut], side)
