import faulthandler
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PINCEL_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Say what it waits for, and fail, should this process not end within a minute of its last test."""
    faulthandler.dump_traceback_later(60, exit=True)


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """Hear SIGINT, and let child processes hear it: a shell starts background jobs with it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's own cache and styles out of the tests; an engine is built once a session."""
    folder = tmp_path_factory.mktemp("home")
    before = os.environ.get("PINCEL_HOME")
    os.environ["PINCEL_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["PINCEL_HOME"]
    else:
        os.environ["PINCEL_HOME"] = before


@pytest.fixture(autouse=True, scope="session")
def one_step_of_refinement() -> Iterator[None]:
    """Refine styles by one step, not by seconds of them; tests/test_refine.py and the gallery's test take more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engines.encoder.REFINEMENT", 1)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of reference data, or skip."""
    if not SHARED.is_dir():
        pytest.skip(f"no reference data at {SHARED}: set PINCEL_SHARED")
    return SHARED


@pytest.fixture(scope="session")
def gpu() -> str:
    """Return the name of the GPU, or skip; with PINCEL_REQUIRE_GPU=1 a missing one is a failure."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    if os.environ.get("PINCEL_REQUIRE_GPU") == "1":
        pytest.fail("PINCEL_REQUIRE_GPU=1, and PyTorch finds no GPU")
    pytest.skip("PyTorch finds no GPU: PINCEL_REQUIRE_GPU=1 on a machine that has one")


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Keep PyTorch, on frames this small, from waiting longer for its threads than for their work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
