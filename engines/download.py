"""Published files fetched: gone on with where they were cut, refused where they are not what was published."""

import shutil
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from engines.errors import WeightsError
from engines.networks import Download
from engines.store import cache_folder, file_sha256
from engines.weights import import_network, network_card

CHUNK = 1 << 16
TIMEOUT_SECONDS = 30.0


def pull_network(name: str, *, report: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Download a network's files, and install its weights, whole or not at all, in place of older ones.

    What has arrived stays in the user's cache until the weights are installed; the next call goes on from there.

    Args:
        name: of the network.
        report: called with the bytes that are there and those wanted, of all files together.

    Returns:
        The installed file.

    Raises:
        WeightsError: there is no such network, no address is known, a file cannot be had or is another one.
    """
    card = network_card(name)
    if not card.downloads:
        remedy = "it comes with Pincel" if card.bundled else card.remedy
        raise WeightsError(f"no address is known for the network {name!r}: {remedy}")
    folder = cache_folder() / "downloads" / name
    total, before, files = sum(each.size for each in card.downloads), 0, []
    for published in card.downloads:
        files.append(download(published, folder, report=lambda done, before=before: report(before + done, total)))  # type: ignore[misc]
        before += published.size
    path = import_network(name, files)
    shutil.rmtree(folder, ignore_errors=True)
    return path


def download(published: Download, folder: Path, *, report: Callable[[int], None] = lambda done: None) -> Path:
    """Download a file under its own name, going on with what an earlier call left.

    Raises:
        WeightsError: it cannot be had, or its size or sha256 is not that of the published file.
    """
    target = folder / Path(urlsplit(published.url).path).name
    part = target.with_name(f"{target.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if target.exists():
            target.replace(part)  # looked at again: who knows what happened to it
        while (before := size_of(part)) < published.size:
            reason = fetch(published, part, report)
            if size_of(part) <= before:
                raise WeightsError(f"cannot download {published.url}: {reason or 'nothing came'}; pull again later")
        report(published.size)
        found = file_sha256(part)
        if found != published.sha256:
            part.unlink()
            raise refusal(published, f"sha256 {found}", f"not {published.sha256}")
        part.replace(target)
    except OSError as error:
        raise WeightsError(f"cannot write {part}: {error.strerror}") from error
    return target


def fetch(published: Download, part: Path, report: Callable[[int], None]) -> str:
    """Append to a file what is missing, as far as it comes; return what ended it, "" for the server's own end.

    Raises:
        WeightsError: the server has a file of another size.
        OSError: it cannot be written.
    """
    have = size_of(part)
    request = Request(published.url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - from a card
    try:
        response: HTTPResponse = urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310 - from a card
    except HTTPError as error:
        error.close()
        return f"{error.code} {error.reason}"
    except (OSError, HTTPException) as error:
        return str(getattr(error, "reason", error))
    with response:
        if response.status != 206:  # the server knows no ranges: from the start
            have = 0
        length = response.headers["Content-Length"]
        if length is not None and have + int(length) != published.size:
            part.unlink(missing_ok=True)
            raise refusal(published, f"{have + int(length)} bytes", f"not {published.size}")
        with part.open("ab" if have else "wb") as file:
            while have < published.size:
                try:
                    data = response.read(CHUNK)
                except (OSError, HTTPException) as error:
                    return str(error)
                if not data:
                    return "the connection was cut"
                file.write(data)
                have += len(data)
                report(min(have, published.size))
    return ""


def size_of(path: Path) -> int:
    """Return a file's size in bytes, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def refusal(published: Download, found: str, wanted: str) -> WeightsError:
    """Return the error for a file that is not the published one."""
    return WeightsError(f"{published.url} is not the file that was published ({found}, {wanted}): it is deleted")
