"""A few kills on every run of the tests; `benchmarks/crashes.py` is the long campaign."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.fuzz.campaign import ROOT

KILLS = 10


def test_ten_kills_lose_nothing() -> None:
    """In a process of its own: the campaign forks it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.crashes", "--kills", str(KILLS), "--seed", "3"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert f"{KILLS} kills" in done.stdout
