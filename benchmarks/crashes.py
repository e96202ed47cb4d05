"""The long crash campaign: commands killed with SIGKILL at random moments, and what must hold afterwards.

python -m benchmarks.crashes --kills 200 --seed 1
"""

from __future__ import annotations

import argparse
import math
import sys
import time

from tests.fuzz.crashes import JOBS, kill_campaign


def main() -> None:
    """Run a campaign and print its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(JOBS), help="commands, separated by commas")
    parser.add_argument("--seconds", type=float, default=math.inf, help="after which no other run begins")
    chosen = parser.parse_args()
    started = time.monotonic()
    tallies, findings = kill_campaign(
        chosen.kills,
        seed=chosen.seed,
        names=tuple(chosen.only.split(",")),
        seconds=chosen.seconds,
        on_finding=lambda fault: print(fault, flush=True),
    )
    kills = sum(tally.kills for tally in tallies.values())
    seconds = time.monotonic() - started
    print(f"seed {chosen.seed}: {kills} kills in {seconds:,.0f} s, {len(findings)} findings\n")
    print("| command | kills | met it running | gone on with `--resume` | temporary files left |")
    print("|---|---|---|---|---|")
    for name, tally in tallies.items():
        print(f"| {name} | {tally.kills} | {tally.in_time} | {tally.resumed} | {tally.left_behind} |")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
