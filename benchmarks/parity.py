"""How far every engine paints from plain PyTorch in float32 on the CPU: `python -m benchmarks.parity`.

Two frames of the moving test picture, the second steadied and with the first's scene, in grey levels.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import write
from engines import BACKENDS, Engine, Stream, open_engine
from engines.engine import Pixels
from engines.torch_engine import TorchBackend
from engines.weights import network_card
from realtime.bench import why
from realtime.commands.bench import PRECISIONS, read_size
from realtime.commands.contest import FAILURES, open_all
from realtime.pattern import Pattern
from realtime.stylizer import GAIN, MEMORY


def paint(engine: Engine, frames: list[Pixels], style: NDArray[np.float32]) -> NDArray[np.int16]:
    """Paint frames as a stream."""
    stream = Stream()
    painted = [engine.paint(each, style, stream=stream, gain=GAIN, memory=MEMORY, noise=0.01) for each in frames]
    return np.stack(painted).astype(np.int16)


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="pincel")
    parser.add_argument("--engine", default=",".join(BACKENDS))
    parser.add_argument("--size", default="480p,1080p")
    parser.add_argument("--json", type=Path, required=True)
    arguments = parser.parse_args()
    network_card(arguments.network)
    plain = open_engine(arguments.network, backend="torch", precision="fp32")
    plain.backend = TorchBackend(network=arguments.network, precision="fp32", device="cpu")
    opened = open_all(arguments.network, arguments.engine.split(","), PRECISIONS)
    rows: list[dict[str, object]] = [
        {"engine": each.name, "left_out": each.left_out} for each in opened if each.left_out
    ]
    for size in map(read_size, arguments.size.split(",")):
        pattern = Pattern(size)
        frames = [pattern.paint(index)[None] for index in range(2)]
        style = plain.read_style(frames[0][0])
        expected = paint(plain, frames, style)
        for each in opened:
            if each.engine is None:
                continue
            row: dict[str, object] = {"engine": each.name, "size": f"{size[1]}x{size[0]}"}
            try:
                difference = np.abs(paint(each.engine, frames, style) - expected)
                row |= {"mean": round(float(difference.mean()), 4), "largest": int(difference.max())}
            except FAILURES as wrong:
                row["left_out"] = why(wrong)
            print(row)
            rows.append(row)
    write(arguments.json, {"parity": rows})


if __name__ == "__main__":
    main()
