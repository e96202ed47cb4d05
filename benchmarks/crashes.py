"""The long crash campaign: commands killed with SIGKILL at random moments, and what must hold afterwards.

python -m benchmarks.crashes --kills 200 --seed 1 --state crashes.json     # Ctrl-C; the same line goes on
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.pieces import children_seconds, load, save
from tests.fuzz.crashes import JOBS, Tally, kill_campaign


@dataclass(slots=True)
class Progress:
    """A campaign of several pieces.

    Attributes:
        next: number of the first kill that is still to be done.
        tallies: by command.
        findings: what did not hold.
        seconds, processor_seconds: of all pieces, by the clock and of all processes.
    """

    next: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def add(self, number: int, name: str, tally: Tally, findings: list[str]) -> None:
        """Count a kill."""
        whole = self.tallies.setdefault(name, Tally())
        for column in fields(Tally):
            setattr(whole, column.name, getattr(whole, column.name) + getattr(tally, column.name))
        self.findings += findings
        self.next = number + 1
        for finding in findings:
            print(finding, flush=True)


def main() -> None:
    """Run a campaign, or its next piece, and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(JOBS), help="commands, separated by commas")
    parser.add_argument("--seconds", type=float, default=math.inf, help="after which this piece ends")
    parser.add_argument("--state", type=Path, help="file that keeps what was run; another run goes on there")
    chosen = parser.parse_args()
    identity = {"seed": chosen.seed, "only": chosen.only}
    found = load(chosen.state, identity) or {}
    found["tallies"] = {name: Tally(**tally) for name, tally in found.get("tallies", {}).items()}
    progress = Progress(**found)
    run(progress, chosen, identity)
    print(table(progress, chosen.seed))
    sys.exit(bool(progress.findings))


def run(progress: Progress, chosen: argparse.Namespace, identity: dict[str, Any]) -> None:
    """Do the kills that are left; Ctrl-C ends it with all that was done kept."""
    before = (progress.seconds, progress.processor_seconds)
    began = time.monotonic()

    def add(number: int, name: str, tally: Tally, findings: list[str]) -> None:
        progress.add(number, name, tally, findings)
        progress.seconds = before[0] + time.monotonic() - began
        progress.processor_seconds = before[1] + children_seconds() + time.process_time()
        save(chosen.state, identity, progress)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        kill_campaign(
            chosen.kills - progress.next,
            seed=chosen.seed,
            first=progress.next,
            names=tuple(chosen.only.split(",")),
            seconds=chosen.seconds,
            on_kill=add,
        )
    except KeyboardInterrupt:
        print(f"interrupted before kill {progress.next}", file=sys.stderr)


def table(progress: Progress, seed: int) -> str:
    """The figures of a campaign as a table for `benchmarks/README.md`."""
    kills = sum(tally.kills for tally in progress.tallies.values())
    rows = [
        f"seed {seed}: {kills} kills in {progress.seconds:,.0f} s by the clock and "
        f"{progress.processor_seconds:,.0f} s of processor time, {len(progress.findings)} findings",
        "",
        "| command | kills | met it running | gone on with `--resume` | temporary files left |",
        "|---|---|---|---|---|",
    ]
    for name, tally in progress.tallies.items():
        rows.append(f"| {name} | {tally.kills} | {tally.in_time} | {tally.resumed} | {tally.left_behind} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
