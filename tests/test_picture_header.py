import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from realtime.images import read_picture
from realtime.media import Pixels, SourceError
from tests.pictures import corners, encoded, quarters, written


def exif(orientation: int, order: str = "<") -> bytes:
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_png_chunk(png: bytes, name: bytes, data: bytes) -> bytes:
    return png[:33] + png_chunk(name, data) + png[33:]


def with_orientation(suffix: str, pixels: Pixels, orientation: int) -> bytes:
    if suffix == ".tif":
        return tiff(pixels, orientation)
    data = encoded(suffix, pixels)
    if suffix == ".png":
        return with_png_chunk(data, b"eXIf", exif(orientation))
    if suffix == ".jpg":
        block = b"Exif\0\0" + exif(orientation, ">")
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    height, width = pixels.shape[:2]
    flags = 0x08 | (0x10 if pixels.shape[2] == 4 else 0)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body: bytes = b"WEBPVP8X" + struct.pack("<II", 10, flags) + size
    body += data[data.index(b"VP8L") :] + b"EXIF" + struct.pack("<I", 26) + exif(orientation)
    return b"RIFF" + struct.pack("<I", len(body)) + bytes(body)


def tiff(pixels: Pixels, orientation: int) -> bytes:
    """Uncompressed RGB in one strip (TIFF 6.0, section 6)."""
    height, width = pixels.shape[:2]
    strip = pixels[:, :, ::-1].tobytes()
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 2, 273: 8, 274: orientation, 277: 3, 278: height}
    tags[279] = len(strip)
    entries = b"".join(struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + struct.pack("<H", len(tags)) + entries + bytes(4)


def cmyk_jpeg(pixels: Pixels) -> bytes:
    """Four grey scans in one file, inverted, as Adobe writes them."""
    rgb = pixels[:, :, ::-1]
    black = rgb.max(axis=2)
    planes = [rgb[:, :, 0], rgb[:, :, 1], rgb[:, :, 2], np.full_like(black, 255)]
    greys = [encoded(".jpg", np.ascontiguousarray(plane)) for plane in planes]
    head, frame, scan = greys[0][:20], greys[0].index(b"\xff\xc0"), greys[0].index(b"\xff\xda")
    tables = greys[0][20:frame]
    huffman = greys[0][frame + 13 : scan]
    adobe = b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0\0"
    size = struct.pack(">BHH", 8, *pixels.shape[:2])
    parts = b"".join(bytes([number, 0x11, 0]) for number in range(1, 5))
    sof = b"\xff\xc0" + struct.pack(">H", 20) + size + b"\4" + parts
    scans = b""
    for number, grey in enumerate(greys, start=1):
        data = grey[grey.index(b"\xff\xda") + 10 : -2]
        scans += b"\xff\xda\x00\x08\x01" + bytes([number, 0, 0, 63, 0]) + data
    return head[:2] + adobe + tables + sof + huffman + scans + b"\xff\xd9"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize(
    ("orientation", "upright"),
    [(1, "rgbw"), (2, "grwb"), (3, "wbgr"), (4, "bwrg"), (5, "rbgw"), (6, "brwg"), (7, "wgbr"), (8, "gwrb")],
)
def test_exif_orientation_is_honoured(suffix: str, orientation: int, upright: str, tmp_path: Path) -> None:
    pixels = quarters() if suffix != ".webp" else np.dstack([quarters(), np.full((32, 48), 255, np.uint8)])
    picture = read_picture(written(tmp_path / f"a{suffix}", with_orientation(suffix, pixels, orientation)))
    assert corners(picture) == upright
    assert picture.pixels.shape == ((32, 48, 3) if orientation < 5 else (48, 32, 3))
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_alpha_is_turned_with_the_picture(suffix: str, tmp_path: Path) -> None:
    alpha = np.full((32, 48), 255, np.uint8)
    alpha[:16, :24] = 90
    path = written(tmp_path / f"a{suffix}", with_orientation(suffix, np.dstack([quarters(), alpha]), 6))
    picture = read_picture(path)
    assert picture.alpha is not None
    assert picture.alpha.flags.c_contiguous
    assert np.array_equal(picture.alpha, np.rot90(alpha, -1))


def test_a_cmyk_jpeg_is_read_in_its_colours(tmp_path: Path) -> None:
    assert corners(read_picture(written(tmp_path / "a.jpg", cmyk_jpeg(quarters())))) == "rgbw"


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    side = struct.pack("<HH", 30_000, 30_000)
    vp8x = (29_999).to_bytes(3, "little") * 2
    vp8l = struct.pack("<BI", 0x2F, 16_000 | 16_000 << 14)
    huge_png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    jpeg = bytearray(encoded(".jpg", quarters()))
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 30_000, 30_000)
    huge_tiff = bytearray(tiff(quarters(), 1))
    for tag in (256, 257):
        entry = huge_tiff.index(struct.pack("<HHI", tag, 3, 1))
        struct.pack_into("<I", huge_tiff, entry + 8, 30_000)
    files = {
        "a.png": huge_png + png_chunk(b"IEND", b""),
        "a.jpg": bytes(jpeg),
        "a.tif": bytes(huge_tiff),
        "a.gif": b"GIF89a" + side + bytes(20),
        "a.bmp": b"BM" + bytes(12) + struct.pack("<Iii", 40, 30_000, -30_000) + bytes(40),
        "x.webp": b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + vp8x,
        "l.webp": b"RIFF\0\0\0\0WEBPVP8L" + struct.pack("<I", 9) + vp8l + bytes(9),
        "y.webp": b"RIFF\0\0\0\0WEBPVP8 " + struct.pack("<I", 9) + bytes(6) + struct.pack("<HH", 16_383, 16_383),
    }
    for name, data in files.items():
        with pytest.raises(SourceError, match=r"x\d+ pixels, over the limit of 200 megapixels"):
            read_picture(written(tmp_path / name, data))


def test_a_broken_colour_profile_says_nothing_on_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = b"icc\0\0" + zlib.compress(bytes(200))
    path = written(tmp_path / "a.png", with_png_chunk(encoded(".png", quarters()), b"iCCP", profile))
    assert corners(read_picture(path)) == "rgbw"
    assert capfd.readouterr() == ("", "")
