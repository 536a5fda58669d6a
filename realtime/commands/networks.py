"""`pincel networks`: which there are, and their weights."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from engines import network_id
from engines.download import pull_network
from engines.networks import NETWORKS
from engines.weights import import_network, network_card
from realtime.commands import options
from realtime.commands.terminal import Terminal, page, put

networks = typer.Typer(no_args_is_help=True, help="List networks, and install their weights.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `pincel networks list` shows it.")]


@networks.command("list")
def list_networks() -> None:
    """List the networks, and which are ready to paint."""
    table = Table("name", "what", "weights", box=None)
    for card in NETWORKS.values():
        ready = "bundled" if card.bundled else "installed" if card.weights.exists() else card.remedy
        table.add_row(card.name, card.about, ready)
    put(page(), table)


@networks.command()
def info(name: Name) -> None:
    """Tell what a network is, where its weights come from and whose they are."""
    card = network_card(name)
    ready = card.weights.exists()
    rows = {
        "name": card.name,
        "what": card.about,
        "licence": card.licence,
        "paper": card.citation,
        "id": network_id(name) if ready else f"not installed: {card.remedy}",
        "weights": str(card.weights),
        "made from": ", ".join(card.files),
        "published at": "\n".join(f"{each.url}\nsha256 {each.sha256}, {each.size} bytes" for each in card.downloads),
    }
    table = Table("", "", box=None, show_header=False)
    for label, text in rows.items():
        if text:
            table.add_row(label, escape(text))
    put(page(), table)


@networks.command("import")
def import_files(
    name: Name,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="As its makers published them, in any order.")],
    quiet: options.Quiet = False,
) -> None:
    """Make a network's weights from files that you have, and install them."""
    terminal = Terminal(quiet=quiet)
    with terminal.working(f"importing {name}"):
        path = import_network(name, files)
    terminal.say(f"{path}: use it with --network {name}")


@networks.command()
def pull(name: Name, quiet: options.Quiet = False) -> None:
    """Download a network's files, check them, and install its weights; goes on where it was interrupted."""
    terminal = Terminal(quiet=quiet)
    with terminal.share(name) as show:
        path = pull_network(
            name, report=lambda done, total: show(done / total, f"{done / 1e6:.1f} of {total / 1e6:.1f} MB")
        )
    terminal.say(f"{path}: use it with --network {name}")
