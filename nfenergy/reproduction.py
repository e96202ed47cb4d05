"""The published tables, computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from energy.array import SystolicArray
from energy.counts import twma
from energy.curve_files import load_curve
from energy.engines import ENGINES
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import BASES, DATASETS, paper_networks
from nfenergy.ground.errors import UnknownName
from nfenergy.ground.provenance import versions
from nfenergy.machine import DEFAULT_CURVE, Machine
from nfenergy.networks import network_model, network_topology
from nfenergy.pipeline import DEFAULT_BIT_ERROR_RATE
from nfenergy.simulation import simulate_together
from reports.printed import (
    TABLES,
    Comparison,
    compare_mac_savings,
    compare_sizes,
    compare_twma,
    compare_weights,
    differences,
)
from reports.tables import render
from topologies.convention import CONVENTIONS

PAPER = CONVENTIONS["paper"]
WEIGHT_BITS = 8


def reproduce(
    what: str,
    *,
    engine: str = "scalesim",
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> list[Comparison]:
    """Compute a published table, or ``all``, and set every entry beside the printed one.

    Args:
        what: one of `reports.printed.TABLES`, or ``all``.
        engine, jobs, on_progress: as in `nfenergy.pipeline.simulate`; Table 6 alone is simulated.

    Raises:
        UnknownName: no such table or engine.
        NfEnergyError: the engine failed.
    """
    engine = ENGINES.find(engine).name
    chosen = tuple(TABLES) if what.lower() == "all" else (what.lower(),)
    if not set(chosen) <= set(TABLES):
        raise UnknownName("table", what, (*TABLES, "all"))
    rows: list[Comparison] = []
    if "table6" in chosen:
        rows += _table6(engine, jobs, on_progress)
    if "table7" in chosen:
        rows += _table7()
    if "table8" in chosen:
        rows += _table8()
    if "stutz-table6" in chosen:
        rows += _stutz_table6()
    return rows


def _table6(engine: str, jobs: int | None, on_progress: ProgressCallback | None) -> list[Comparison]:
    topologies = [network_topology(network, DATASETS.find("cifar10"), PAPER) for network in paper_networks()]
    counts = simulate_together(topologies, Machine(engine=engine, jobs=jobs), on_progress=on_progress)
    return compare_twma(
        {
            topology.name: twma(records, weight_bits=WEIGHT_BITS)
            for topology, records in zip(topologies, counts, strict=True)
        }
    )


def _table7() -> list[Comparison]:
    return compare_sizes(
        {
            (network.name, dataset): network_model(network, DATASETS.find(dataset), PAPER).size
            for network in paper_networks()
            for dataset in ("cifar10", "imagenet10")
        }
    )


def _table8() -> list[Comparison]:
    point = load_curve(DEFAULT_CURVE).at_bit_error_rate(DEFAULT_BIT_ERROR_RATE)
    macs = {
        network.name: network_model(network, DATASETS.find("cifar10"), PAPER).size.macs
        for network in paper_networks()
    }
    return compare_mac_savings(macs, energy_per_access_norm=point.energy_per_access_norm)


def _stutz_table6() -> list[Comparison]:
    import torch

    forms = {"mnist": "simplenet-mnist", "cifar10": "simplenet"}
    with torch.device("meta"):
        models = {dataset: BASES[name].build(DATASETS.find(dataset)) for dataset, name in forms.items()}
    return compare_weights(
        {dataset: sum(part.numel() for part in model.parameters()) for dataset, model in models.items()}
    )


def reproduction_text(rows: Sequence[Comparison]) -> str:
    """All entries as a table, and the number of differences."""
    body = render(
        ["table", "entry", "quantity", "ours", "published", "difference", "", "note"],
        [
            [
                row.table,
                row.entry,
                row.quantity,
                row.ours,
                row.published,
                f"{row.difference:.3g}",
                "same" if row.agrees else "DIFFERS",
                row.note,
            ]
            for row in rows
        ],
        left=(0, 1, 2, 6, 7),
    )
    return f"{body}\n\n{differences(rows)} differences in {len(rows)} entries at the printed precision"


def reproduction_json(rows: Sequence[Comparison], *, engine: str) -> dict[str, object]:
    """All entries with their number, the number of differences, and what made them."""
    return {
        "differences": differences(rows),
        "entries": [asdict(row) for row in rows],
        "provenance": {
            "engine": engine,
            "convention": PAPER.name,
            "array": asdict(SystolicArray()),
            "curve": DEFAULT_CURVE,
            "versions": versions(),
        },
    }
