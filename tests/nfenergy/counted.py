"""Simulations in the closed form, by the words that a test says: the library's own in one call."""

from __future__ import annotations

from dataclasses import fields

from energy.curve import VoltageCurve
from energy.curve_files import load_curve
from nfenergy import pipeline
from nfenergy.machine import Machine
from nfenergy.simulation import SimulationReport
from topologies.convention import Convention, get_convention

MACHINE = {field.name for field in fields(Machine)}


def machine(**options: object) -> Machine:
    """A machine whose curve and convention may be named; its engine is the closed form."""
    named = {"engine": "closed-form", **options}
    if not isinstance(named.get("curve"), VoltageCurve | None):
        named["curve"] = load_curve(str(named["curve"]))
    if not isinstance(named.get("convention"), Convention | None):
        named["convention"] = get_convention(str(named["convention"]))
    return Machine(**named)  # type: ignore[arg-type]


def simulate(base: str, generator: str | None = None, **options: object) -> SimulationReport:
    """`nfenergy.pipeline.simulate`, whose machine's fields may stand among the options."""
    of_machine = {name: value for name, value in options.items() if name in MACHINE}
    rest = {name: value for name, value in options.items() if name not in MACHINE}
    return pipeline.simulate(base, generator, machine=machine(**of_machine), **rest)  # type: ignore[arg-type]
