"""The long fuzzing campaign: malformed input by seed, for every format and option.

    python -m benchmarks.fuzz --cases 100000 --seed 1
    python -m benchmarks.fuzz --only topology,cfg --first 1234 --cases 1    # one case again

Status 1 where a case ended in anything but a success that the format's rules permit or one line on stderr
with status 1 or 2.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from typing import Any

from tests.fuzz.campaign import Summary, run_campaign


def main() -> None:
    """Run a campaign and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="formats, separated by commas; default all")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=math.inf, help="after which the campaign ends")
    chosen = parser.parse_args()
    summary = run_campaign(
        chosen.cases,
        seed=chosen.seed,
        first=chosen.first,
        names=chosen.only,
        seconds=chosen.seconds,
        workers=min(chosen.workers, chosen.cases),
        on_finding=show,
    )
    print(table(summary, chosen.seed))
    sys.exit(bool(summary.findings))


def show(found: dict[str, Any]) -> None:
    """One finding, so that it can be run again."""
    print(f"case {found['number']} ({found['format']}): {found['wrong']}", flush=True)
    print(f"    nfenergy {' '.join(map(repr, found['argv']))}", flush=True)
    print(f"    {found['said'][:400]!r}", flush=True)


def table(summary: Summary, seed: int) -> str:
    """The figures of a campaign as a table for `benchmarks/README.md`."""
    rows = [
        f"seed {seed}: {summary.cases:,} cases in {summary.seconds:,.0f} s, {len(summary.findings)} findings",
        "",
        "| format | cases | accepted | processor time, mean ms | greatest, s | memory above its start, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, tally in sorted(summary.formats.items()):
        mean = 1000 * tally.seconds / tally.cases
        rows.append(
            f"| {name} | {tally.cases:,} | {tally.accepted:,} | {mean:.0f} | {tally.slowest:.1f} "
            f"| {tally.megabytes:.0f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    main()
