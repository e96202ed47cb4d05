"""Where the console script starts: an interruption is one line even while the imports run."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `nfenergy.cli.main`."""
    try:
        from nfenergy.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("nfenergy: interrupted before anything began\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
