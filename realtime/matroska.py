"""The one thing FFmpeg's Matroska muxer cannot be told through PyAV: the shape of a pixel.

The muxer takes it from a field of the stream that PyAV does not set. So the title of the track is made long
enough by a placeholder, and the finished file gives those bytes to the display size (RFC 9559, 5.1.4.1.28).
"""

from pathlib import Path

from realtime.media import SinkError

_SEGMENT, _TRACKS, _TRACK, _NAME, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x536E, 0xE0
_DISPLAY_WIDTH, _DISPLAY_HEIGHT = b"\x54\xb0\x84", b"\x54\xba\x84"  # each with a size of 4 bytes
_UNIT_UNKNOWN, _UNIT_PIXELS = b"\x54\xb2\x81\x04", b"\x54\xb2\x81\x00"
_GROWTH = len(_DISPLAY_WIDTH) + len(_DISPLAY_HEIGHT) + 8

PLACEHOLDER = "." * _GROWTH

Span = tuple[int, int, int]
"""Of an element: where its size is written, where its content begins and where it ends."""


def write_display_size(path: Path, *, width: int, height: int) -> None:
    """Give the first video track of a Matroska file the size at which it is shown.

    The track's title must end in `PLACEHOLDER` and the file must have no checksums; its length stays.

    Raises:
        SinkError: the file is not laid out as expected.
    """
    with path.open("r+b") as file:
        content = bytearray(file.read(1 << 20))
        track = _find(content, _find(content, _find(content, (0, 0, len(content)), _SEGMENT), _TRACKS), _TRACK)
        name, video = _find(content, track, _NAME), _find(content, track, _VIDEO)
        display = _DISPLAY_WIDTH + width.to_bytes(4, "big") + _DISPLAY_HEIGHT + height.to_bytes(4, "big")
        picture = content[video[1] : video[2]].replace(_UNIT_UNKNOWN, _UNIT_PIXELS)
        grown = _sized(content, video, _GROWTH) + picture + display
        shrunk = _sized(content, name, -_GROWTH) + content[name[1] : name[2] - _GROWTH]
        if not name[2] <= video[0] or not content[name[1] : name[2]].endswith(PLACEHOLDER.encode()):
            raise SinkError(f"{path} has no room for the shape of its pixels: write .mp4")
        content[name[0] : video[2]] = shrunk + content[name[2] : video[0]] + grown
        file.seek(0)
        file.write(content)


def _find(content: bytearray, parent: Span, wanted: int) -> Span:
    """Find the first child of a kind."""
    position = parent[1]
    while position < parent[2]:
        id_length = 9 - content[position].bit_length()
        kind = int.from_bytes(content[position : position + id_length], "big")
        size_at = position + id_length
        size_length = 9 - content[size_at].bit_length()
        size = int.from_bytes(content[size_at : size_at + size_length], "big") & ((1 << 7 * size_length) - 1)
        start = size_at + size_length
        if kind == wanted:
            return size_at, start, start + size
        position = start + size
    raise SinkError(f"the file has no Matroska element {wanted:X}: write .mp4")


def _sized(content: bytearray, element: Span, growth: int) -> bytes:
    """Write the size of an element anew in as many bytes as before."""
    length = element[1] - element[0]
    size = element[2] - element[1] + growth
    if size >= (1 << 7 * length) - 1:
        raise SinkError("the Matroska header has no room for the shape of its pixels: write .mp4")
    return ((1 << 7 * length) | size).to_bytes(length, "big")
