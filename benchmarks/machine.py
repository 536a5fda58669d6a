"""Results on disk, each with the machine, the versions and the commit."""

import json
from pathlib import Path

from engines.machine import facts

__all__ = ["facts", "write"]


def write(path: Path, results: dict[str, object]) -> None:
    """Write results with their facts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts() | results, indent=1) + "\n")
    print(f"wrote {path}")
