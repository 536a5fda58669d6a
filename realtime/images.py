"""Still pictures and picture sequences, read and written with OpenCV."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media import Frame, Pixels, SinkError, SourceError
from realtime.picture_header import PNG_MAGIC, is_known, plain_png, read_header

READ_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".jp2", ".ppm", ".pgm")
WRITE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
ALPHA_SUFFIXES = (".png", ".webp", ".tif", ".tiff")
MIN_SIDE = 8
MAX_PIXELS = 200_000_000
MAX_BYTES = 2**30

_NUMBERED = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True, slots=True)
class Picture:
    """A still picture, upright.

    Attributes:
        pixels: uint8 [H, W, 3] BGR, C-contiguous.
        alpha: uint8 [H, W], 255 opaque; None where there is none.
    """

    pixels: Pixels
    alpha: Pixels | None = None


def read_picture(path: str | Path) -> Picture:
    """Picture in a file, turned as its EXIF orientation says; of an animation the first frame.

    Grey, palette, CMYK and 16-bit pictures become 8-bit BGR. Colour profiles are not applied.

    Raises:
        SourceError: it is missing, damaged, no picture, smaller than 8x8 or larger than 200 megapixels.
    """
    path = Path(path)
    data = _read_bytes(path)
    header = read_header(data)
    if header is not None:
        _check_size(header.size, path=path)
    stored = _decode(data)
    if stored is None:
        damaged, foreign = "damaged or cut short: copy or download it again", "no picture known here: convert it to PNG"
        raise SourceError(f"{path} is {damaged if is_known(data) else foreign}")
    if stored.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{path} holds {stored.dtype} samples: save it with 8 or 16 bits a channel")
    _check_size(stored.shape[:2], path=path)
    upright = _turn(_as_bytes(stored), orientation=header.orientation if header else 1)
    return _split(upright)


def write_picture(path: str | Path, picture: Picture, *, quality: int = 95) -> None:
    """Write a picture in the format of the path's suffix, whole or not at all.

    Args:
        path: where; alpha is kept by PNG, WebP and TIFF and dropped by JPEG and BMP.
        picture: what.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        SinkError: the suffix is unknown, the folder missing, or the disk full.
    """
    path = Path(path)
    suffix = _check_suffix(path)
    pixels = picture.pixels
    if picture.alpha is not None and suffix in ALPHA_SUFFIXES:
        pixels = np.dstack([pixels, picture.alpha])
    settings = [cv2.IMWRITE_WEBP_QUALITY if suffix == ".webp" else cv2.IMWRITE_JPEG_QUALITY, quality]
    height, width = pixels.shape[:2]
    with _silence():
        try:
            done, encoded = cv2.imencode(suffix, pixels, settings)
        except cv2.error:
            done = False
    if not done:
        raise SinkError(f"{path}: {width}x{height} pixels do not fit the format: use .png or .tif, or a smaller size")
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except OSError as error:
        remedy = "free some space or name another place" if path.parent.is_dir() else "make its folder first"
        raise SinkError(f"{path} cannot be written: {error.strerror or error}: {remedy}") from error
    finally:  # by now it has taken the name, or it is to go
        part.unlink(missing_ok=True)


def find_pictures(path: str | Path) -> list[Path]:
    """Pictures that a path names, in natural order (2 before 10).

    Args:
        path: a picture, a folder (hidden files and files of other kinds are passed over), a numbered pattern
            (`frames/%05d.png`) or a glob (`frames/*.png`).

    Raises:
        SourceError: there are none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if path.is_dir():
        found = [each for each in path.iterdir() if each.suffix.lower() in READ_SUFFIXES]
    elif _NUMBERED.search(path.name):
        name = re.compile(r"\d+".join(re.escape(text) for text in _NUMBERED.split(path.name)[::2]))
        found = [each for each in _folder(path.parent).iterdir() if name.fullmatch(each.name)]
    elif set("*?[") & set(path.name):
        found = [each for each in _folder(path.parent).glob(path.name) if each.suffix.lower() in READ_SUFFIXES]
    else:
        raise SourceError(f"{path}: no such picture or folder: check the name")
    shown = [each for each in found if each.is_file() and not each.name.startswith(".")]
    if not shown:
        raise SourceError(f"{path} holds no picture: the kinds read are {' '.join(READ_SUFFIXES)}")
    return sorted(shown, key=_natural)


class PictureSequence:
    """A folder, numbered pattern or glob of pictures as one stream; each is read when its turn comes.

    Raises:
        SourceError: there are none, one cannot be read, or one has another size than the first.
    """

    live = False

    def __init__(self, path: str | Path, *, rate: Fraction | int = 25) -> None:
        self._paths = find_pictures(path)
        self._closed = False
        self.rate = Fraction(rate)
        self.size = read_picture(self._paths[0]).pixels.shape[:2]

    @property
    def frame_count(self) -> int:
        return len(self._paths)

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self._paths):
            if self._closed:
                return
            picture = read_picture(path)
            if picture.pixels.shape[:2] != self.size:
                (height, width), (first_height, first_width) = picture.pixels.shape[:2], self.size
                raise SourceError(
                    f"{path} is {width}x{height} pixels and {self._paths[0].name} is {first_width}x{first_height}: "
                    "a sequence has one size; paint them as single pictures instead"
                )
            yield Frame(
                picture.pixels,
                pts_seconds=float(index / self.rate),
                index=index,
                duration_seconds=float(1 / self.rate),
                alpha=picture.alpha,
            )

    def close(self) -> None:
        self._closed = True


class PictureFolder:
    """A folder that takes each frame as a picture: 00000.png, 00001.png and so on, without gaps.

    Args:
        path: the folder, made where it is missing, or a pattern (`painted/%04d.jpg`).
        force: write into a folder that holds something already.
        quality: 1 to 100, of JPEG and WebP.

    Raises:
        SinkError: the folder cannot be made or holds something already.
    """

    def __init__(self, path: str | Path, *, force: bool = False, quality: int = 95) -> None:
        path = Path(path)
        pattern = path if _NUMBERED.search(path.name) else path / "%05d.png"
        self._folder, self._name, self._quality, self._written = pattern.parent, pattern.name, quality, 0
        _check_suffix(pattern)
        try:
            self._made = not self._folder.exists()
            self._folder.mkdir(parents=True, exist_ok=True)
            occupied = any(self._folder.iterdir())
        except OSError as error:
            raise SinkError(f"{self._folder}: {error.strerror or error}: name another folder") from error
        if occupied and not force:
            raise SinkError(f"{self._folder} is not empty: name a new folder, or force writing into it")

    def write(self, frame: Frame) -> None:
        name = _NUMBERED.sub(lambda found: f"{self._written:0{found[1] or 1}d}", self._name)
        write_picture(self._folder / name, Picture(frame.pixels, frame.alpha), quality=self._quality)
        self._written += 1

    def close(self, *, interrupted: bool = False) -> None:
        """Nothing is left to do: each picture was whole when it got its name."""

    def discard(self) -> None:
        """Leave the whole pictures, and no empty folder that was not there before."""
        if self._made and self._written == 0 and self._folder.is_dir():
            self._folder.rmdir()


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise SourceError(f"{path} is a folder, not a picture: name a file in it")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such picture: check the name") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise SourceError(f"{path} is empty (0 bytes): copy or download it again")
    if len(data) > MAX_BYTES:
        raise SourceError(f"{path} has over {MAX_BYTES // 2**20} MiB, too much for a picture: make it smaller")
    return data


def _check_size(size: tuple[int, ...], *, path: Path) -> None:
    height, width = size
    if min(size) < MIN_SIDE:
        raise SourceError(f"{path} is {width}x{height} pixels: use a picture of {MIN_SIDE}x{MIN_SIDE} or more")
    if height * width > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise SourceError(f"{path} is {width}x{height} pixels, over the limit of {limit} megapixels: make it smaller")


def _decode(data: bytes) -> NDArray[np.generic] | None:
    """Samples as stored, [H, W] or [H, W, 3 or 4], blue first; None where OpenCV cannot read them."""
    plain = plain_png(data) if data.startswith(PNG_MAGIC) else data
    if plain is None:
        return None
    with _silence():
        try:
            return cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return None


def _as_bytes(samples: NDArray[np.generic]) -> Pixels:
    if samples.dtype == np.uint8:
        return samples.astype(np.uint8, copy=False)
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _turn(samples: Pixels, *, orientation: int) -> Pixels:
    """Upright samples (EXIF 2.32, tag 0x0112): 5 to 8 exchange rows and columns, then flips follow."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def _split(samples: Pixels) -> Picture:
    if samples.ndim == 2:
        samples = samples[:, :, np.newaxis]
    channels = samples.shape[2]
    alpha = np.ascontiguousarray(samples[:, :, -1]) if channels in (2, 4) else None
    colour = samples[:, :, :3] if channels >= 3 else np.repeat(samples[:, :, :1], 3, axis=2)
    return Picture(np.ascontiguousarray(colour), alpha)


@contextmanager
def _silence() -> Iterator[None]:
    """OpenCV tells the terminal what we tell the caller."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _check_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in WRITE_SUFFIXES:
        raise SinkError(f"{path}: pictures are not written as '{path.suffix}': use {', '.join(WRITE_SUFFIXES)}")
    return suffix


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise SourceError(f"{path}: no such folder: check the name")
    return path


def _natural(path: Path) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
