"""The networks, by name. Reading this list imports no torch."""

from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """Where a network's code and weights lie.

    Attributes:
        name: as given to `open_engine` and `--network`.
        module, kind: where its class stands.
        weights: the bundled weights, a safetensors file.
    """

    name: str
    module: str
    kind: str
    weights: Path


NETWORKS = {
    card.name: card
    for card in (NetworkCard("pincel", "engines.networks.pincel", "Pincel", DATA / "pincel.safetensors"),)
}
