"""Where the console script starts: an interruption is one line even while the imports run."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Run `nfenergy.cli.main`."""
    try:
        from nfenergy.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("nfenergy: interrupted before anything began\n")
        sys.exit(130)
    run()


if __name__ == "__main__":
    # `python -m` looks for modules in the working folder first; that of a run has a folder called topologies.
    if not sys.flags.safe_path and Path.cwd() != Path(__file__).parents[1]:
        sys.path.pop(0)
    main()
