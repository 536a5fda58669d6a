"""The networks, by name. Reading this list imports no torch.

A network is a module of this folder with a class of the shape of `engines.networks.pincel.Pincel`, a card here and,
where its weights are not bundled, a module of `engines/importers`.
"""

from dataclasses import dataclass
from pathlib import Path

from engines.store import data_folder

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True, slots=True)
class Download:
    """A file as its makers published it; `size` in bytes."""

    url: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What is to be known of a network before it is loaded.

    Attributes:
        name: as given to `open_engine` and `--network`.
        about: what it is, in a line.
        module, kind: where its class stands.
        licence, citation: of code and weights, and of the paper.
        bundled: the weights that come with Pincel, None where they must be imported or pulled.
        style_picture: what its style encoder reads: the short side in pixels, or height and width.
        importer: module whose `convert(paths: list[Path]) -> dict[str, Tensor]` makes the weights from published files,
            whatever order they come in, and raises `WeightsError`.
        files: names of the published files.
        downloads: where those files lie; empty where no stable address is known.
    """

    name: str
    about: str
    module: str
    kind: str
    licence: str
    citation: str
    bundled: Path | None = None
    style_picture: int | tuple[int, int] = 256
    importer: str = ""
    files: tuple[str, ...] = ()
    downloads: tuple[Download, ...] = ()

    @property
    def weights(self) -> Path:
        """The safetensors file, bundled or in the user's data folder, whether it is there or not."""
        return self.bundled or data_folder() / "networks" / f"{self.name}.safetensors"

    @property
    def remedy(self) -> str:
        """The command that installs the weights."""
        return f"pincel networks {'pull' if self.downloads else 'import'} " + " ".join(
            (self.name,) if self.downloads else (self.name, *self.files)
        )


NETWORKS = {
    card.name: card
    for card in (
        NetworkCard(
            name="pincel",
            about="the default: light dense convolutions, every normalisation modulated by the style",
            module="engines.networks.pincel",
            kind="Pincel",
            licence="MIT, code and weights",
            citation="after Huang and Belongie 2017 (arXiv 1703.06868) and Ghiasi et al. 2017 (arXiv 1705.06830)",
            bundled=DATA / "pincel.safetensors",
        ),
        NetworkCard(
            name="magenta",
            about="Magenta's arbitrary image stylization, the small one for phones",
            module="engines.networks.magenta",
            kind="Magenta",
            licence="Apache-2.0, weights by Google Magenta",
            citation="Ghiasi et al. 2017 (arXiv 1705.06830)",
            style_picture=(256, 256),
            importer="engines.importers.magenta",
            files=("style_predict_quantized_256.tflite", "style_transfer_f16_384.tflite"),
        ),
    )
}
