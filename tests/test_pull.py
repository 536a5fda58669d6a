"""`pincel networks pull`, against a server that cuts connections."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from engines.networks import NETWORKS, Download
from engines.store import cache_folder
from engines.weights import load_network
from tests.commands import names, pincel
from tests.test_microast import files, publish


@dataclass
class Server:
    """What is served, and how badly.

    Attributes:
        files: by name.
        cut: bytes after which every answer ends, 0 for none of them.
        knows_ranges: whether an answer begins where it was asked to.
        requests: name and first byte of each.
    """

    files: dict[str, bytes]
    cut: int = 1 << 30
    knows_ranges: bool = True
    requests: list[tuple[str, int]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.rpartition("/")[2]
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", "bytes=0-"))
        assert asked
        first = int(asked[1]) if self.knows_ranges else 0
        self.requests.append((name, int(asked[1])))
        if name not in self.files:
            handler.send_error(404)
            return
        data = self.files[name][first:]
        handler.send_response(206 if first else 200)
        handler.send_header("Content-Length", str(len(data)))
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{first + len(data) - 1}/{first + len(data)}")
        handler.end_headers()
        handler.wfile.write(data[: self.cut])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve MicroAST's four files with random weights, and make its card name them."""
    publish(tmp_path)
    served = Server({path.name: path.read_bytes() for path in files(tmp_path)})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.address = f"http://127.0.0.1:{httpd.server_port}/models"
    downloads = tuple(
        Download(f"{served.address}/{name}", sha256(data).hexdigest(), len(data)) for name, data in served.files.items()
    )
    monkeypatch.setenv("PINCEL_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(NETWORKS, "microast", replace(NETWORKS["microast"], downloads=downloads))
    thread = Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def left() -> list[str]:
    folder = cache_folder() / "downloads" / "microast"
    return list(names(folder)) if folder.exists() else []


def test_a_pulled_network_is_installed(server: Server) -> None:
    result = pincel("networks", "pull", "microast")
    assert (result.code, "--network microast" in result.err) == (0, True)
    load_network("microast")
    assert [first for _, first in server.requests] == [0, 0, 0, 0]
    assert left() == []


@pytest.mark.parametrize("cut", [200_000, 4096])
def test_cut_connections_are_gone_on_with(server: Server, cut: int) -> None:
    server.cut = cut
    assert pincel("networks", "pull", "microast").code == 0
    load_network("microast")
    name, data = next(iter(server.files.items()))
    assert [first for asked, first in server.requests if asked == name] == list(range(0, len(data), cut))


def test_a_pull_goes_on_where_an_earlier_one_gave_up(server: Server) -> None:
    first, second = list(server.files)[:2]
    server.cut, whole = 30_000, server.files.pop(second)
    result = pincel("networks", "pull", "microast")
    assert (result.code, result.line) == (
        1, f"cannot download {server.address}/{second}: 404 Not Found; pull again later"
    )  # fmt: skip
    assert left() == [first]
    server.files[second], server.cut = whole, 0
    (cache_folder() / "downloads/microast" / f"{second}.part").write_bytes(whole[:1000])
    refused = pincel("networks", "pull", "microast")
    assert (refused.code, "the connection was cut; pull again later" in refused.line) == (1, True)
    server.requests.clear()
    server.cut = 1 << 30
    assert pincel("networks", "pull", "microast").code == 0
    assert server.requests[0] == (second, 1000)
    assert len(server.requests) == 3


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole(server: Server) -> None:
    server.cut = 100_000
    server.knows_ranges = False
    assert pincel("networks", "pull", "microast").code == 1
    server.cut = 1 << 30
    assert pincel("networks", "pull", "microast").code == 0
    load_network("microast")


@pytest.mark.parametrize(("change", "says"), [("bytes", "sha256"), ("shorter", "bytes, not"), ("longer", "bytes, not")])
def test_another_file_is_refused_and_deleted(server: Server, change: str, says: str) -> None:
    assert pincel("networks", "pull", "microast").code == 0
    before = NETWORKS["microast"].weights.read_bytes()
    name = list(server.files)[2]
    data = server.files[name]
    server.files[name] = {
        "bytes": data[:999] + bytes([data[999] ^ 1]) + data[1000:],
        "shorter": data[:-1],
        "longer": data + b"\0",
    }[change]
    result = pincel("networks", "pull", "microast")
    assert result.code == 1
    assert f"{name} is not the file that was published" in result.line
    assert says in result.line
    assert not any(name in kept for kept in left())
    assert NETWORKS["microast"].weights.read_bytes() == before


def test_what_cannot_be_pulled_is_said_in_one_line(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "it comes with Pincel" in pincel("networks", "pull", "pincel").line
    assert "pincel networks import adain" in pincel("networks", "pull", "adain").line
    nowhere = tuple(replace(each, url="http://127.0.0.1:1/x.pth") for each in NETWORKS["microast"].downloads)
    monkeypatch.setitem(NETWORKS, "microast", replace(NETWORKS["microast"], downloads=nowhere))
    result = pincel("networks", "pull", "microast")
    assert (result.code, "cannot download http://127.0.0.1:1/x.pth:" in result.line) == (1, True)
