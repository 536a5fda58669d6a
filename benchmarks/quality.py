"""Measure how well networks paint, side by side.

    python -m benchmarks.quality --content ../shared/eval/content --style ../shared/eval/style \
        --networks pincel,adain,microast,magenta [--limit PAIRS] [--clips ../shared/media] [-o FOLDER]

Every content is painted in every style; both are cut to their middle squares and resized to 384x384. A style is read
as the product reads it (the default network's refined), but at 384 pixels where that is more (AdaIN, MicroAST), else
strokes come out larger than those they are compared with. With the features of AdaIN's normalised VGG-19 (relu1_1,
2_1, 3_1, 4_1; float32; reflection padding):

* style: sum over the four layers of the mean squared difference, painted against style, of the channels' means, plus
  that of their standard deviations;
* gram: sum over the four layers of the mean squared difference of Gram matrices over positions;
* content: mean squared difference, painted against photograph, of relu4_1;
* structure: the same after instance normalisation of both;
* ssim: structural similarity (Wang et al. 2004, Gaussian window 11, sigma 1.5) of the grey values;
* lpips: perceptual distance (Zhang et al. 2018, version 0.1, SqueezeNet), painted against photograph;
* own_psnr: of the photograph painted in its own style, in dB;
* flicker, steadied: warped error of real clips as in benchmarks.flicker, in grey levels, without and with steadying,
  in the first style, painted by the engine;
* seconds: for a 640x480 frame, bytes in to bytes out, by the engine; the networks take turns, medians.

Figures are means over all pairs (contents, clips). "photograph" is what not painting scores. The figures of the
training (docs/training.md) are means over six of the contents, which have a table of their own where they are measured.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np
import torch
from torch import Tensor

from benchmarks.flicker import CLIPS, flows, read_clip, warped_error
from benchmarks.lpips import load_lpips
from benchmarks.machine import facts
from benchmarks.measures import Features, as_pixels, compare, psnr, read_square, ssim, tensor
from benchmarks.sheet import write_sheet
from engines import BACKENDS, Engine, EngineError, Stream, open_engine
from engines.encoder import REFINEMENT, encode_vector
from engines.networks.vgg import load_vgg
from engines.pixels import MARGIN, paint_still
from engines.style import Vector
from engines.weights import load_network, network_card, weights_path, weights_sha256
from realtime.images import find_pictures
from realtime.media import Frame, MediaError, Pixels, SourceError
from realtime.pattern import Pattern
from realtime.stylizer import Steadiness, Stylizer

OUTPUT = Path("benchmarks/results")
TRAINING = ("Kinkaku-ji", "astronaut", "avril", "chelsea", "chicago", "coffee")
FIGURES = ("style", "gram", "content", "structure", "ssim", "lpips", "own_psnr", "flicker", "steadied", "seconds")
STREAMS: dict[str, Steadiness] = {"flicker": 0.0, "steadied": "auto"}
PHOTOGRAPH = "photograph"
SHEET_ROWS = 5
MOST_CLIPS, CLIP_FRAMES = 4, 16
FRAME, ROUNDS = (480, 640), 9
Pair = tuple[Path, Path]
Row = dict[str, str | float]


class Contender:
    """A network with weights."""

    def __init__(self, network: str, weights: Path) -> None:
        self.network, self.weights = network, weights
        self.module = load_network(network, weights)

    def read(self, picture: Pixels, *, refinement: int = REFINEMENT) -> Vector:
        """Return the style of a square as the product does, but as large as it is where that would enlarge it."""
        wanted = network_card(self.network).style_picture
        if isinstance(wanted, int) and wanted > len(picture):
            rgb = tensor(picture)
            return np.asarray(self.module.encode(rgb)[0].numpy(), np.float32)  # type: ignore[operator]
        return encode_vector(picture, network=self.network, weights=self.weights, refinement=refinement)

    def paint(self, rgb: Tensor, style: Vector) -> Tensor:
        """Paint float [1, 3, H, W] in [0, 1], as the product does, rounded to bytes as a viewer sees it."""
        margin = getattr(self.module, "margin", MARGIN)
        painted = paint_still(self.module, rgb, torch.from_numpy(style)[None], margin=margin)
        return (painted.clamp(0, 1) * 255).round() / 255

    def engine(self, backend: str) -> Engine:
        """Open what paints frames in the product."""
        return open_engine(self.network, backend=backend, weights=self.weights)


Contenders = dict[str, Contender]


@dataclass(frozen=True, slots=True)
class Look:
    """What is compared of a photograph or a painting."""

    rgb: Tensor
    features: Features
    perceived: list[Tensor]


class Judge:
    """Looks and compares; `references` is the folder of its networks' weights."""

    def __init__(self, references: Path) -> None:
        self.vgg = load_vgg(references / "vgg19_normalised_relu4_1.fp16.safetensors")
        self.vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.lpips = load_lpips(references / "lpips")

    def look(self, rgb: Tensor) -> Look:
        """Look at a picture, float [1, 3, H, W] in [0, 1]."""
        return Look(rgb, Features(self.vgg, rgb), self.lpips.features(rgb))

    def compare(self, painted: Look, photo: Look, style: Features) -> Row:
        """Return the figures of a painting."""
        distance = self.lpips(painted.perceived, photo.perceived)
        similarity = ssim(painted.rgb, photo.rgb)
        return {**compare(painted.features, photo.features, style), "ssim": similarity, "lpips": distance}


def pick(contents: list[Path], styles: list[Path], limit: int | None) -> list[Pair]:
    """Return at most so many pairs, spread evenly over all."""
    pairs = [(content, style) for content in contents for style in styles]
    count = min(len(pairs), limit or len(pairs))
    return [pairs[index * len(pairs) // count] for index in range(count)]


@torch.no_grad()
def measure_pairs(contenders: Contenders, judge: Judge, pairs: list[Pair]) -> tuple[list[Row], list[list[Pixels]]]:
    """Paint and compare; return a row for each painting (own_psnr in rows without a style), and the sheet's rows."""
    styles = {path: read_square(path) for path in dict.fromkeys(style for _, style in pairs)}
    wanted = {path: Features(judge.vgg, tensor(square)) for path, square in styles.items()}
    vectors = {(name, path): each.read(styles[path]) for name, each in contenders.items() for path in styles}
    shown = {pairs[index * len(pairs) // SHEET_ROWS] for index in range(SHEET_ROWS)}
    rows: list[Row] = []
    sheet: list[list[Pixels]] = []
    for content in dict.fromkeys(content for content, _ in pairs):
        square = read_square(content)
        photo = judge.look(tensor(square))
        for name, each in contenders.items():
            own = psnr(each.paint(photo.rgb, each.read(square, refinement=0)), photo.rgb)
            rows.append({"network": name, "content_picture": content.stem, "own_psnr": own})
        for style in (style for other, style in pairs if other == content):
            names = {"content_picture": content.stem, "style_picture": style.stem}
            rows.append({"network": PHOTOGRAPH, **names, **judge.compare(photo, photo, wanted[style])})
            tiles = [square, styles[style]]
            for name, each in contenders.items():
                painted = each.paint(photo.rgb, vectors[name, style])
                rows.append({"network": name, **names, **judge.compare(judge.look(painted), photo, wanted[style])})
                tiles.append(as_pixels(painted))
            if (content, style) in shown:
                sheet.append(tiles)
        print(f"{content.stem} painted", flush=True)
    return rows, sheet


def measure_clips(engines: dict[str, tuple[Engine, Vector]], folder: Path) -> list[Row]:
    """Paint the beginnings of clips, unsteadied and steadied; return a row for each clip and network."""
    clips = [folder / name for name in CLIPS if (folder / name).is_file()][:MOST_CLIPS]
    if not clips:
        raise SourceError(f"{folder} holds none of the clips that flicker is measured on: {', '.join(CLIPS)}")
    rows: list[Row] = []
    for clip in clips:
        sources, rate = read_clip(clip, frames=CLIP_FRAMES)
        found = flows(sources)
        still = warped_error(sources, found)
        rows.append({"network": PHOTOGRAPH, "clip": clip.name, "flicker": still, "steadied": still})
        for name, (engine, style) in engines.items():
            row: Row = {"network": name, "clip": clip.name}
            for figure, steadiness in STREAMS.items():
                stream = Stylizer(engine, style, steadiness=steadiness, rate=rate)
                frames = (Frame(each, float(index / rate), index) for index, each in enumerate(sources))
                row[figure] = warped_error([stream.paint(frame).pixels for frame in frames], found)
            rows.append(row)
        print(f"{clip.name} painted", flush=True)
    return rows


def measure_seconds(engines: dict[str, tuple[Engine, Vector]]) -> list[Row]:
    """Time one frame after the other, the networks in turn; steadying is on."""
    pattern = Pattern(FRAME)
    frames = [pattern.paint(index)[None] for index in range(ROUNDS)]
    streams = {name: Stream() for name in engines}
    times: dict[str, list[float]] = {name: [] for name in engines}
    for frame in frames:
        for name, (engine, style) in engines.items():
            started = time.perf_counter()
            engine.paint(frame, style, stream=streams[name], gain=0.85, memory=0.8, noise=0.01)
            times[name].append(time.perf_counter() - started)
    return [
        {"network": name, "engine": engines[name][0].name, "seconds": median(each[2:])} for name, each in times.items()
    ]


def means(rows: list[Row], networks: list[str]) -> dict[str, dict[str, float]]:
    """Return every network's mean figures."""
    found: dict[str, dict[str, float]] = {}
    for name in networks:
        own = [row for row in rows if row["network"] == name]
        columns = {figure: [float(row[figure]) for row in own if figure in row] for figure in FIGURES}
        found[name] = {figure: round(fmean(values), 4) for figure, values in columns.items() if values}
    return found


def table(results: dict[str, dict[str, float]]) -> str:
    """Return mean figures as a Markdown table; "-" stands for what was not measured."""
    lines = [f"| | {' | '.join(results)} |", "|---" + "|---:" * len(results) + "|"]
    for figure in FIGURES:
        if any(figure in each for each in results.values()):
            cells = (f"{each[figure]:.3f}" if figure in each else "-" for each in results.values())
            lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(rows: list[Row], networks: list[str]) -> str:
    """Return the page: all pairs, and the contents that docs/training.md speaks of."""
    contents = {str(row["content_picture"]) for row in rows if "content_picture" in row}
    pairs = sum(row["network"] == PHOTOGRAPH and "style_picture" in row for row in rows)
    page = f"{pairs} pairs; what the figures are tells `python -m benchmarks.quality --help`.\n\n"
    page += table(means(rows, networks)) + "\n"
    if contents > set(TRAINING):
        few = [row for row in rows if row.get("content_picture") in TRAINING]
        page += f"\nThe contents of docs/training.md alone ({', '.join(TRAINING)}):\n\n{table(means(few, networks))}\n"
    return page


def write(folder: Path, rows: list[Row], contenders: Contenders, sheet: list[list[Pixels]]) -> None:
    """Write quality.json, a line for each row, quality.md and quality.png."""
    networks = [PHOTOGRAPH, *contenders]
    weights = {name: weights_sha256(each.weights) for name, each in contenders.items()}
    results = facts() | {"weights_sha256": weights, "results": means(rows, networks)}
    head = json.dumps(results, indent=1).removesuffix("\n}")
    short = [{key: round(each, 4) if isinstance(each, float) else each for key, each in row.items()} for row in rows]
    lines = ",\n  ".join(json.dumps(row) for row in short)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quality.json").write_text(f'{head},\n "rows": [\n  {lines}\n ]\n}}\n')
    (folder / "quality.md").write_text(report(rows, networks))
    write_sheet(folder / "quality.png", ["content", "style", *contenders], sheet)


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--style", type=Path, required=True, help="folder of paintings")
    parser.add_argument("--networks", default="pincel", help="names, with commas between")
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="more weights of the default network")
    parser.add_argument(
        "--references", type=Path, default=Path("../shared/weights"), help="folder of VGG-19 and lpips/"
    )
    parser.add_argument("--limit", type=int, help="at most so many pairs")
    parser.add_argument("--clips", type=Path, help="folder of the clips of benchmarks.flicker")
    parser.add_argument("--engine", choices=("auto", *BACKENDS), default="auto")
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    return parser.parse_args()


def main() -> None:
    """Measure, print a table and write the results."""
    given = options()
    try:
        contenders = {name: Contender(name, weights_path(name)) for name in given.networks.split(",")}
        contenders |= {path.stem: Contender("pincel", path) for path in given.weights}
        pairs = pick(find_pictures(given.content), find_pictures(given.style), given.limit)
        rows, sheet = measure_pairs(contenders, Judge(given.references), pairs)
        first = read_square(pairs[0][1])
        engines = {name: (each.engine(given.engine), each.read(first)) for name, each in contenders.items()}
        rows += measure_clips(engines, given.clips) if given.clips else []
        rows += measure_seconds(engines)
        write(given.output, rows, contenders, sheet)
    except (EngineError, MediaError) as wrong:
        raise SystemExit(str(wrong)) from wrong
    print(report(rows, [PHOTOGRAPH, *contenders]))


if __name__ == "__main__":
    main()
