"""The command `pincel`, also `python -m realtime`: hears Ctrl-C before the second that importing takes."""

import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from realtime.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("pincel: interrupted\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
