"""What the painting commands share: engines, sizes, and styles as people name them."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

from engines import BACKENDS, Engine, Style, WeightsError, blend, encode_style, library, network_id, open_engine
from engines import style as styles
from engines.machine import accelerator
from realtime.commands.terminal import Terminal, UsageError
from realtime.grid import bordered
from realtime.images import READ_SUFFIXES, read_picture
from realtime.media import Pixels, SourceError
from realtime.sizes import parse_size
from realtime.stylizer import Steadiness, Stylizer

NETWORK, LIGHT_NETWORK = "pincel", "pincel-16"
SMALLEST_STYLE = 16
MOST_PIXELS = 36_000_000  # a little over 8K; painting takes some 230 bytes a pixel

Size = tuple[int, int]


@dataclass(frozen=True)
class Painter:
    """How a command paints what it is given.

    Attributes:
        engine: opens the engine at the first call.
        size, work_size: as a person wrote them.
        working: shows that what it names goes on.
        Others as of `Stylizer`.
    """

    engine: Callable[[], Engine]
    style: Style
    strength: float = 1.0
    steadiness: Steadiness = 0.0
    colour: float = 0.0
    size: str = "native"
    work_size: str | None = None
    working: Callable[[str], AbstractContextManager[object]] = nullcontext

    def sizes(self, native: Size, *, even: bool = False) -> tuple[Size, Size]:
        """Return the sizes of the result and of the painting.

        Raises:
            UsageError: they cannot be.
        """
        try:
            size = parse_size(self.size, native=native, even=even)
            work_size = parse_size(self.work_size, native=size) if self.work_size else size
        except ValueError as wrong:
            raise UsageError(str(wrong)) from wrong
        height, width = work_size
        if height * width > MOST_PIXELS and self.strength > 0:
            raise UsageError(
                f"{width}x{height} pixels are too many to paint at once (up to {MOST_PIXELS // 10**6} million): "
                "paint smaller and scale up with --work-size 2160p"
            )
        return size, work_size

    def stylizer(
        self,
        sizes: tuple[Size, Size],
        *,
        rate: Fraction = Fraction(30),
        own_style: Literal["waits", "aside"] = "waits",
    ) -> Stylizer:
        """Prepare to paint a stream, the engine compiled for its size; `own_style` as of `Stylizer`.

        Raises:
            EngineError: the engine cannot, or the style is not for it.
        """
        engine = self.engine()
        if self.style.vector.size != engine.backend.style_size:
            raise WeightsError(f"the style {self.style.name} is damaged: encode its picture again")
        if self.strength > 0:
            self.prepare(engine, sizes[1])
        return Stylizer(
            engine,
            self.style.vector,
            strength=self.strength,
            steadiness=self.steadiness,
            colour=self.colour,
            rate=rate,
            size=sizes[0],
            work_size=sizes[1],
            own_style=own_style,
        )

    def prepare(self, engine: Engine, size: Size) -> None:
        """Compile the engine for a size, and show that this goes on: TensorRT takes up to a minute, once."""
        with self.working(f"preparing the engine for {size[1]}x{size[0]} (--verbose tells the steps)"):
            engine.prepare(bordered(size))


def engine_opener(terminal: Terminal, *, backend: str, precision: str, network: str = NETWORK) -> Callable[[], Engine]:
    """Return what opens an engine when it is first needed, and says which.

    Raises:
        UsageError: no engine is called so.
    """
    if backend not in ("auto", *BACKENDS):
        raise UsageError(f"no engine is called {backend!r}: choose one of auto, {', '.join(BACKENDS)}")

    @cache
    def opened() -> Engine:
        with terminal.working("opening the engine (the first time it is built)"):
            engine = open_engine(network, backend=backend, precision=precision)
        terminal.say(f"engine: {engine.backend.reason}")
        return engine

    return opened


def live_network(name: str, *, backend: str) -> str:
    """Return the network that paints a camera: for "auto" the light one, which keeps up better, where a CPU paints."""
    if name != "auto":
        return name
    return LIGHT_NETWORK if backend == "openvino" or accelerator() == "cpu" else NETWORK


def resolve_styles(texts: Sequence[str], *, terminal: Terminal, network: str = NETWORK) -> Style:
    """Find the styles that a person named, each with an optional ":weight", and blend them.

    Raises:
        UsageError: a name is unknown or a weight impossible.
        WeightsError: a style file cannot be used.
        SourceError: a picture cannot be read.
    """
    parts = [split_weight(text) for text in texts]
    if len(parts) == 1 and parts[0][1] != 1:
        raise UsageError(f"--style {texts[0]}: a weight is for blending styles; to paint more weakly use --strength")
    found = [(resolve_style(name, terminal=terminal, network=network), weight) for name, weight in parts]
    try:
        return blend(found)
    except WeightsError:
        raise
    except ValueError as wrong:
        raise UsageError(str(wrong)) from wrong


def split_weight(text: str) -> tuple[str, float]:
    """Split "name:0.3"; the weight is 1 where there is none, as in C:/x.png."""
    name, colon, number = text.rpartition(":")
    if not colon or Path(text).exists():
        return text, 1.0
    try:
        return name, float(number)
    except ValueError:
        return text, 1.0


def resolve_style(text: str, *, terminal: Terminal, network: str = NETWORK) -> Style:
    """Find a style by name, read it from a style file, or encode a picture; as `resolve_styles` for one."""
    path, made_by = Path(text), network_id(network)
    if text in {*library.names(made_by), *library.own()}:
        with terminal.working(f"reading the style {text}"):
            return library.find(text, network=made_by)
    if path.suffix.lower() == ".safetensors":
        return styles.load(path, network=made_by)
    if path.exists() or path.suffix.lower() in READ_SUFFIXES:
        return picture_style(path, name=path.stem, terminal=terminal, network=network)
    try:
        return library.find(text, network=made_by)
    except WeightsError as wrong:
        raise UsageError(str(wrong)) from wrong


def picture_style(
    path: Path, *, name: str, terminal: Terminal, network: str = NETWORK, cancelled: Callable[[], bool] | None = None
) -> Style:
    """Read the style of a picture; `cancelled` and its error are those of `encode_style`.

    Raises:
        SourceError: it cannot be read, or is too small.
    """
    picture = read_style_picture(path)
    with terminal.working(f"reading the style of {path.name}"):
        return encode_style(picture, name=name, network=network, cancelled=cancelled)


def read_style_picture(path: Path) -> Pixels:
    """Read a picture that is large enough to have a style; errors as of `picture_style`."""
    picture = read_picture(path).pixels
    if min(picture.shape[:2]) < SMALLEST_STYLE:
        raise SourceError(
            f"{path} is {picture.shape[1]}x{picture.shape[0]} pixels: "
            f"a style needs {SMALLEST_STYLE}x{SMALLEST_STYLE} or more"
        )
    return picture
