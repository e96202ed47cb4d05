"""The long fuzzing campaign: malformed input by seed, for every format and option.

    python -m benchmarks.fuzz --cases 100000 --seed 1 --state fuzz.json     # Ctrl-C; the same line goes on
    python -m benchmarks.fuzz --only topology,cfg --first 1234 --cases 1    # one case again

Status 1 where a case ended in anything but a success that the format's rules permit or one line on stderr
with status 1 or 2.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.pieces import children_seconds, load, save
from tests.fuzz.campaign import Summary, Tally, run_campaign

SECONDS_BETWEEN_SAVES = 20.0


@dataclass(slots=True)
class Progress:
    """A campaign of several pieces.

    Attributes:
        next: number of the first case that is still to be run.
        beyond: numbers above it that were run.
        summary: of all pieces.
    """

    next: int
    beyond: set[int] = field(default_factory=set)
    summary: Summary = field(default_factory=Summary)

    def add(self, found: dict[str, Any]) -> None:
        """Count a case, unless a piece before this one did."""
        number = found["number"]
        if number < self.next or number in self.beyond:
            return
        self.summary.add(found)
        self.beyond.add(number)
        while self.next in self.beyond:
            self.beyond.remove(self.next)
            self.next += 1
        if found["wrong"]:
            show(found)


def main() -> None:
    """Run a campaign, or its next piece, and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--only", default="", help="formats, separated by commas; default all")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=math.inf, help="after which this piece ends")
    parser.add_argument("--state", type=Path, help="file that keeps what was run; another run goes on there")
    chosen = parser.parse_args()
    identity = {"seed": chosen.seed, "first": chosen.first, "only": chosen.only}
    progress = _progress(chosen.state, identity)
    run(progress, chosen, identity)
    print(table(progress.summary, chosen.seed))
    sys.exit(bool(progress.summary.findings))


def run(progress: Progress, chosen: argparse.Namespace, identity: dict[str, Any]) -> None:
    """Run what is left; Ctrl-C ends it with all that was run kept."""
    before = (progress.summary.seconds, progress.summary.processor_seconds)
    began, saved = time.monotonic(), time.monotonic()

    def keep() -> None:
        progress.summary.seconds = before[0] + time.monotonic() - began
        progress.summary.processor_seconds = before[1] + children_seconds()
        save(chosen.state, identity, progress)

    def add(found: dict[str, Any]) -> None:
        nonlocal saved
        progress.add(found)
        if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
            keep()
            saved = time.monotonic()

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    left = chosen.first + chosen.cases - progress.next
    try:
        if left > 0:
            run_campaign(
                left,
                seed=chosen.seed,
                first=progress.next,
                names=chosen.only,
                seconds=chosen.seconds,
                workers=min(chosen.workers, left),
                on_case=add,
            )
    except KeyboardInterrupt:
        print(f"interrupted before case {progress.next}", file=sys.stderr)
    finally:
        keep()


def _progress(state: Path | None, identity: dict[str, Any]) -> Progress:
    found = load(state, identity)
    if found is None:
        return Progress(next=identity["first"])
    summary = Summary(**found["summary"])
    summary.formats = {name: Tally(**tally) for name, tally in summary.formats.items()}
    return Progress(next=found["next"], beyond=set(found["beyond"]), summary=summary)


def show(found: dict[str, Any]) -> None:
    """One finding, so that it can be run again."""
    print(f"case {found['number']} ({found['format']}): {found['wrong']}", flush=True)
    print(f"    nfenergy {' '.join(map(repr, found['argv']))}", flush=True)
    print(f"    {found['said'][-400:]!r}", flush=True)


def table(summary: Summary, seed: int) -> str:
    """The figures of a campaign as a table for `benchmarks/README.md`."""
    rows = [
        f"seed {seed}: {summary.cases:,} cases in {summary.seconds:,.0f} s by the clock and "
        f"{summary.processor_seconds:,.0f} s of processor time, {len(summary.findings)} findings",
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
