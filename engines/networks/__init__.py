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


MICROAST_FOLDER = "https://raw.githubusercontent.com/EndyWon/MicroAST/d2796c7dbf01dbc29ed35b11675d87fcc640f969/models"
MICROAST = (
    (
        "content_encoder_iter_160000.pth.tar",
        "c8d895c0eec52507c157e102fab217c37f0c399ef3e168ef8b0b2677714660a4",
        634983,
    ),
    ("style_encoder_iter_160000.pth.tar", "94f6b3fa386828692c20809a0af8bd0eba9c04e90a7d8842086976e4d223c5af", 634983),
    ("modulator_iter_160000.pth.tar", "8588055baf7d5ad8398d595d5518c6f030e3ff8dbb6007a7c1779776e11da28b", 12158),
    ("decoder_iter_160000.pth.tar", "32e04a46b953fd9f94ec9e20f351511305a5260e000c18f9aef6570d5f1e23d9", 619135),
)


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
            style_picture=384,
        ),
        NetworkCard(
            name="pincel-16",
            about="the default at half its width: paints more than twice as fast, and nearly as well",
            module="engines.networks.pincel",
            kind="Pincel16",
            licence="MIT, code and weights",
            citation="as pincel",
            bundled=DATA / "pincel-16.safetensors",
            style_picture=384,
        ),
        NetworkCard(
            name="adain",
            about="the classic: VGG-19, one AdaIN and a decoder; slow",
            module="engines.networks.adain",
            kind="AdaIN",
            licence="pytorch-AdaIN: MIT; its VGG-19 by Simonyan and Zisserman: CC BY 4.0",
            citation="Huang and Belongie 2017, Arbitrary Style Transfer in Real-time with Adaptive Instance "
            "Normalization (arXiv 1703.06868)",
            style_picture=512,
            importer="engines.importers.adain",
            files=("vgg_normalised.pth", "decoder.pth"),
        ),
        NetworkCard(
            name="microast",
            about="small: encoders and decoder of a third of a million parameters, filters modulated by the style",
            module="engines.networks.microast",
            kind="MicroAST",
            licence="MIT, code and weights",
            citation="Wang et al. 2023, MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer "
            "(arXiv 2211.15313)",
            style_picture=512,
            importer="engines.importers.microast",
            files=tuple(name for name, _, _ in MICROAST),
            downloads=tuple(Download(f"{MICROAST_FOLDER}/{name}", sha256, size) for name, sha256, size in MICROAST),
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
