"""The command `pincel`, also `python -m realtime`: hears Ctrl-C before the second that importing takes."""

import gc
import sys

FEW_COLLECTIONS = 50_000  # objects made before the garbage collector looks: what importing makes, stays


def main() -> None:
    """Import the command line and run it."""
    gc.set_threshold(FEW_COLLECTIONS)
    try:
        from realtime.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("pincel: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
