"""What the first bytes of a picture file say, read before its pixels are: size and orientation."""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
ORIENTATION, WIDTH, HEIGHT = 0x0112, 0x0100, 0x0101


@dataclass(frozen=True, slots=True)
class Header:
    """Size as stored, (height, width), and the EXIF orientation (1 to 8) that the decoder leaves to us."""

    size: tuple[int, int]
    orientation: int = 1


def read_header(data: bytes) -> Header | None:
    """Header of a PNG, JPEG, WebP, GIF, BMP or TIFF; None where `data` is none of these or has no size."""
    for magic, read in _READERS:
        if data.startswith(magic):
            try:
                return read(data)
            except (struct.error, KeyError):
                return None
    return None


def is_known(data: bytes) -> bool:
    """Whether `data` begins as one of these formats does, however it goes on."""
    return data[8:12] == b"WEBP" if data.startswith(b"RIFF") else any(data.startswith(each) for each, _ in _READERS)


def plain_png(data: bytes) -> bytes | None:
    """PNG with only the chunks that pixels need; None where the end is missing or a checksum is wrong.

    libpng tells the terminal, past OpenCV's log, about wrong checksums and about colour profiles that nobody uses.
    """
    kept, last = [PNG_MAGIC], b""
    for name, start, end in _png_chunks(data):
        last = name
        if struct.pack(">I", zlib.crc32(data[start - 4 : end])) != data[end : end + 4]:
            return None
        if name[:1].isupper() or name == b"tRNS":
            kept.append(data[start - 8 : end + 4])
    return b"".join(kept) if last == b"IEND" else None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(PNG_MAGIC)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, at + 8, at + 8 + length
        at += 12 + length


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    exif = next((data[start:end] for name, start, end in _png_chunks(data) if name == b"eXIf"), b"")
    return Header((height, width), _orientation(exif))


def _jpeg(data: bytes) -> Header | None:
    orientation, at = 1, 2
    while data[at : at + 1] == b"\xff":
        marker, length = struct.unpack_from(">BH", data, at + 1)
        if marker == 0xFF:  # a filler before the marker
            at += 1
            continue
        if marker == 0xE1 and data.startswith(b"Exif\0\0", at + 4):
            orientation = _orientation(data[at + 10 : at + 2 + length])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header((height, width), orientation)
        at += 2 + length
    return None


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return Header((height, width), _orientation(_webp_exif(data)))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header(((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header((height & 0x3FFF, width & 0x3FFF))
    return None


def _webp_exif(data: bytes) -> bytes:
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        if name == b"EXIF":
            return data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    return b""


def _gif(data: bytes) -> Header:
    width, height = struct.unpack_from("<HH", data, 6)
    return Header((height, width))


def _bmp(data: bytes) -> Header:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_bytes == 12 else "<ii", data, 18)
    return Header((abs(height), abs(width)))


def _tiff(data: bytes) -> Header:
    tags = _tiff_tags(data)
    return Header((tags[HEIGHT], tags[WIDTH]))  # OpenCV turns a TIFF upright itself


def _orientation(exif: bytes) -> int:
    try:
        value = _tiff_tags(exif).get(ORIENTATION, 1)
    except struct.error:
        return 1
    return value if 1 <= value <= 8 else 1


def _tiff_tags(data: bytes) -> dict[int, int]:
    """First values of the short and long tags of the first directory (TIFF 6.0, section 2)."""
    order = ">" if data.startswith(b"MM") else "<"
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    tags = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if kind in (3, 4):
            (tags[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, entry + 8)
    return tags


_READERS: tuple[tuple[bytes, Callable[[bytes], Header | None]], ...] = (
    (PNG_MAGIC, _png),
    (b"\xff\xd8\xff", _jpeg),
    (b"RIFF", _webp),
    (b"GIF8", _gif),
    (b"BM", _bmp),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
