"""`pincel doctor`: what this machine has, and what Pincel would use of it."""

import os
import platform
import sys
from pathlib import Path

import av
import cv2
from rich.table import Table

from engines import BACKENDS, EngineError, network_id, open_engine, pick_backend
from engines.machine import versions
from engines.store import cache_folder, data_folder
from engines.style import gallery
from realtime.commands.painting import NETWORK
from realtime.commands.terminal import describe, page, put
from realtime.encoders import CONTAINERS, choose_encoding
from realtime.media import SinkError

CAMERAS_TRIED = 4


def doctor() -> int:
    """Tell versions, engines, codecs and cameras, and what would be picked and why."""
    console = page()
    for title, rows in (
        ("versions", installed()),
        ("engines", engines()),
        ("codecs", codecs()),
        ("cameras", cameras()),
        ("folders", [("cache", str(cache_folder())), ("your styles", str(data_folder() / "styles"))]),
    ):
        table = Table("", "", box=None, show_header=False, title=title, title_justify="left", title_style="bold")
        for row in rows:
            table.add_row(*row)
        put(console, table)
    return 0


def installed() -> list[tuple[str, str]]:
    """Return what is installed."""
    python = f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    ffmpeg = ".".join(map(str, av.library_versions["libavcodec"]))
    return [("python", python), *versions().items(), ("libavcodec", ffmpeg)]


def engines() -> list[tuple[str, str]]:
    """Try every engine, and tell which one "auto" is."""
    rows = []
    for name in BACKENDS:
        try:
            rows.append((name, f"works: {open_engine(NETWORK, backend=name).backend.reason}"))
        except (EngineError, OSError) as error:
            rows.append((name, f"does not work: {describe(error)}"))
    picked, why = pick_backend()
    styles = len(gallery(network_id(NETWORK)))
    return [
        *rows,
        ("auto", f"{picked}, because {why}"),
        ("network", f"{network_id(NETWORK)}, {styles} built-in styles"),
    ]


def codecs() -> list[tuple[str, str]]:
    """Tell which encoder writes each codec, and what holds it."""
    rows = []
    for codec in dict.fromkeys(codec for _, held in CONTAINERS.values() for codec in held):
        suffixes = [suffix for suffix, (_, held) in CONTAINERS.items() if codec in held]
        try:
            encoder = choose_encoding(
                Path(f"x{suffixes[0]}"), size=(360, 640), codec=codec, crf=None, preset=None, encoder="auto"
            ).encoder
            rows.append((codec, f"{encoder}, in {' '.join(suffixes)}"))
        except SinkError as error:
            rows.append((codec, f"cannot be written: {error}"))
    return rows


def cameras() -> list[tuple[str, str]]:
    """Open the first cameras and tell their size."""
    if sys.platform == "linux":
        found = sorted(Path("/dev").glob("video*"))
        indices = [int(path.name[5:]) for path in found if path.name[5:].isdigit()]
    else:
        indices = list(range(CAMERAS_TRIED))
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    rows = []
    for index in indices:
        camera = cv2.VideoCapture(index)
        if camera.isOpened():
            width, height = (int(camera.get(each)) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
            rows.append((str(index), f"opens at {width}x{height}"))
        camera.release()
    return rows or [("none", "no camera was found")]
