"""Colour of coded video: which matrix and range its samples have, and the way to BGR pixels and back.

swscale assumes BT.601 in limited range unless told, so both directions are always told.
Code points are those of ITU-T H.273, which FFmpeg's enums follow.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from realtime.media import Pixels

UNSPECIFIED = 2
BT709 = 1
BT601 = 6

# swscale's own numbers for the matrices it knows. It has no YCgCo, ICtCp or XYZ.
_SWSCALE_MATRIX = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_AV_RANGE = {"limited": ColorRange.MPEG, "full": ColorRange.JPEG}

# Without the last three flags swscale takes a short cut that loses 2 levels of brightness on average
# and repeats chroma instead of interpolating it (5 ms instead of 1 for a 720p frame on one core).
_INTERPOLATION = int(
    Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


@dataclass(frozen=True, slots=True)
class Colour:
    """How coded samples stand for colours.

    Attributes:
        matrix: H.273 MatrixCoefficients, one that swscale knows.
        range: "limited" is 16..235 for luma, "full" is 0..255.
        primaries: H.273 ColourPrimaries, 2 where the source does not tell.
        transfer: H.273 TransferCharacteristics, 2 where the source does not tell.
    """

    matrix: int = BT709
    range: Literal["limited", "full"] = "limited"
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @classmethod
    def usual(cls, height: int) -> "Colour":
        """What players assume of a stream that does not tell: BT.709 from 720 coded lines on, BT.601 below."""
        return cls(matrix=BT709 if height >= 720 else BT601)

    @classmethod
    def of(cls, frame: VideoFrame) -> "Colour":
        """What a decoded frame says of itself, the usual where it says nothing or is no YUV."""
        usual = cls.usual(frame.height)
        known = frame.colorspace in _SWSCALE_MATRIX and not _is_rgb(frame)
        is_full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        return cls(
            matrix=frame.colorspace if known else usual.matrix,
            range="full" if is_full and not _is_rgb(frame) else "limited",
            primaries=frame.color_primaries,
            transfer=frame.color_trc,
        )


def _is_rgb(frame: VideoFrame) -> bool:
    return frame.format.is_rgb or frame.format.has_palette


class ColourConverter:
    """Converts between coded frames of one colour and BGR pixels; one for each stream and direction.

    It keeps swscale's tables from frame to frame. Not to be shared between threads.
    """

    def __init__(self, colour: Colour) -> None:
        self._colour = colour
        self._matrix = _SWSCALE_MATRIX[colour.matrix]
        self._range = int(_AV_RANGE[colour.range])
        self._reformatter = VideoReformatter()
        self._widener = VideoReformatter()

    def to_pixels(self, frame: VideoFrame, *, size: tuple[int, int]) -> Pixels:
        """Give the picture of a coded frame of any pixel format, scaled to `size` where it differs.

        Returns:
            uint8 [H, W, 3] BGR, C-contiguous, the caller's own. Alpha is dropped.
        """
        converted = self._reformatter.reformat(
            frame,
            height=size[0],
            width=size[1],
            format="bgr24",
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=int(ColorRange.JPEG) if _is_rgb(frame) else self._range,
            dst_color_range=int(ColorRange.JPEG),
            interpolation=_INTERPOLATION,
        )
        pixels = np.ascontiguousarray(converted.to_ndarray(), dtype=np.uint8)
        # swscale hands a frame back untouched that is BGR already: its memory belongs to the decoder.
        return pixels.copy() if converted is frame else pixels

    def to_frame(self, pixels: Pixels, *, pix_fmt: str) -> VideoFrame:
        """Give a tagged frame for the encoder from uint8 [H, W, 3] BGR pixels."""
        frame = VideoFrame.from_numpy_buffer(np.ascontiguousarray(pixels), format="bgr24")
        if self._colour.range == "full":
            # swscale takes half a level off the chroma of 8-bit full range; through 12 bits it does not.
            wide = "yuv444p12le" if pix_fmt.startswith("yuv444") else "yuv420p12le"
            frame = self._code(self._widener, frame, pix_fmt=wide)
        frame = self._code(self._reformatter, frame, pix_fmt=pix_fmt)
        frame.colorspace = self._colour.matrix
        frame.color_range = self._range
        frame.color_primaries = self._colour.primaries
        frame.color_trc = self._colour.transfer
        return frame

    def _code(self, reformatter: VideoReformatter, frame: VideoFrame, *, pix_fmt: str) -> VideoFrame:
        return reformatter.reformat(
            frame,
            format=pix_fmt,
            src_colorspace=self._matrix,
            dst_colorspace=self._matrix,
            src_color_range=int(ColorRange.JPEG),
            dst_color_range=self._range,
            interpolation=_INTERPOLATION,
        )
