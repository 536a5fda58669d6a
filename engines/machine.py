"""What this machine has to compute with."""

import shutil
import sys
from pathlib import Path
from typing import Literal

Device = Literal["cuda", "mps", "cpu"]


def accelerator() -> Device:
    """Return the fastest device that PyTorch can use here."""
    # Importing torch takes seconds: look for a GPU's traces first.
    if sys.platform != "darwin" and not shutil.which("nvidia-smi") and not Path("/dev/nvidiactl").exists():
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
