"""The page's explorer: choices, counts and curve as one JSON block, and the section that shows them.

The formulas in ``templates/explorer_energies.js`` and ``explorer_model.js`` are those of `energy.accesses`,
`energy.domains`, `energy.savings` and `energy.curve`; a test in a browser holds one against the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from energy.domains import EnergySetting
from energy.energy_tables import EnergyTable, PowerLaw
from energy.measures import DEFAULT_MEASURE, ENERGY_DOMAINS, LEAKAGE_EXPONENT, SYSTEM_MEASURE, Measure
from neuralfuse.accuracy_labels import base_labels, generator_labels
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.rates import percent_text
from reports.content import PageContent
from reports.explorer_data import (
    ExplorerArray,
    ExplorerData,
    ExplorerNetwork,
    arrays_of_savings,
    base_key,
    data_key,
)
from reports.measured import measures_of
from reports.plots.style import COLOURS, look
from reports.records import Tradeoff
from reports.verdict import PLACES

if TYPE_CHECKING:
    from markupsafe import Markup

SCRIPTS = tuple(f"explorer{part}.js" for part in ("_energies", "_model", "_marks", "_plots", "_panels", ""))
Json = dict[str, Any]


def explorer_section(content: PageContent) -> Markup:
    """The section, hidden until its script runs: without JavaScript the page is as it was."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    data = explorer_json(content)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    # "<" would end the block early in "</script>" and never occurs outside of JSON's strings.
    text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(
        environment.from_string(_resource("explorer.html.j2")).render(
            data=data, json=Markup(text), script=Markup("\n".join(map(_resource, SCRIPTS)))
        )
    )


def explorer_css() -> str:
    """The section's style."""
    return _resource("explorer.css")


def explorer_json(content: PageContent) -> Json:
    """Everything that the explorer knows."""
    shown = content.tradeoffs
    known = content.explorer or ExplorerData(
        arrays=arrays_of_savings(row.saving for row in shown), settings=(content.energy,)
    )
    measures = measures_of(row.saving for row in shown)
    has_energies = any(row.domains for row in measures.values())
    bases, generators, accuracies = _labelled(shown)
    settings = known.settings if has_energies else ()
    arrays = _arrays(known.arrays)
    return {
        "measures": [_measure(row) for row in measures.values()],
        "accessMeasure": DEFAULT_MEASURE,
        "systemMeasure": SYSTEM_MEASURE if SYSTEM_MEASURE in measures else "",
        "domains": [{"name": row.name, "title": row.title} for row in ENERGY_DOMAINS],
        "tables": [table_json(row) for row in settings],
        "residencies": [
            {"name": name, "place": place, "title": name} for name, place in PLACES.items() if settings
        ],
        "setting": setting_json(content.energy),
        "curve": {
            "name": content.data.curve.name,
            "points": [
                [point.voltage_norm, point.bit_error_rate_percent, point.energy_per_access_norm]
                for point in content.data.curve.points
            ],
        },
        "bases": bases,
        "generators": generators,
        "accuracies": accuracies,
        "marks": _marks(shown),
        "arrays": arrays,
        "leftOut": known.left_out,
        "initial": _initial(content, bases, accuracies)
        | {
            "generators": [row["id"] for row in generators],
            "measure": DEFAULT_MEASURE,
            "table": settings[0].table.name if settings else "",
            "residency": content.energy.residency if settings else "",
            "array": arrays[0]["id"],
            "against": "",
        },
    }


def _resource(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def _measure(row: Measure) -> Json:
    return {
        "name": row.name,
        "title": row.title,
        "unit": "" if row.domains else row.unit,
        "domains": row.domains,
        "lowered": row.lowered if row.domains else (),
    }


def setting_json(setting: EnergySetting) -> Json:
    """What the formulas take of a setting, besides its table and residency."""
    return {
        "access": setting.access,
        "weightBits": setting.weight_bits,
        "activationBits": setting.activation_bits,
        "lowVoltage": setting.low_voltage,
        "clockGhz": setting.clock_ghz,
        "leakageExponent": LEAKAGE_EXPONENT,
    }


def table_json(setting: EnergySetting) -> Json:
    """The constants of a setting's energy table; leakage only where it is counted."""
    table: EnergyTable = setting.table
    return {
        "name": table.name,
        "title": table.title,
        "unit": table.unit_text,
        "accessBits": table.access_bits,
        "energyPerMac": table.mac,
        "read": _law(table.sram_read),
        "write": _law(table.sram_write),
        "dram": setting.dram_kind,
        "dramPerBit": setting.dram_per_bit,
        "leakage": _law(table.leakage()) if setting.leakage else None,
    }


def _law(law: PowerLaw) -> Json:
    return {"kb": law.capacities_kb, "values": law.values}


def _labelled(shown: Sequence[Tradeoff]) -> tuple[list[Json], list[Json], list[Json]]:
    """Base models and generators as people tell them apart, and what was measured of each pair."""
    rows = [row.accuracy for row in shown]
    base_titles, generator_titles = base_labels(rows), generator_labels(rows)
    sets = {data_key(row.saving) for row in shown}
    if len(sets) > 1:
        named = zip(base_titles, shown, strict=True)
        base_titles = [f"{title} on {data_key(row.saving)}" for title, row in named]
    base_ids, generator_ids = _ids(base_titles), _ids(generator_titles)
    bases: dict[str, Json] = {}
    generators: dict[str, Json] = {}
    accuracies = []
    for row, base, generator in zip(shown, base_titles, generator_titles, strict=True):
        saving, accuracy = row.saving, row.accuracy
        bases.setdefault(
            base, {"id": base_ids[base], "title": base, "network": base_key(saving), "data": data_key(saving)}
        )
        generators.setdefault(generator, _generator(saving.base, saving.generator, generator, generator_ids))
        accuracies.append(
            {
                "base": base_ids[base],
                "generator": generator_ids[generator],
                "voltage": saving.voltage_norm,
                "rate": saving.bit_error_rate,
                "percent": accuracy.perturbed_percent,
                "deviation": accuracy.perturbed_std_percent,
            }
        )
    alone = [row for row in generators.values() if not row["network"]]
    return list(bases.values()), [*alone, *(row for row in generators.values() if row["network"])], accuracies


def _generator(base: str, name: str, title: str, ids: Mapping[str, str]) -> Json:
    mark = look(base, name)
    return {
        "id": ids[title],
        "title": title,
        "network": "" if name == NO_GENERATOR else name,
        "tone": COLOURS.index(mark.colour) if mark.colour in COLOURS else -1,
        "dashed": mark.dotted,
    }


def _ids(titles: Iterable[str]) -> dict[str, str]:
    """A name for each title that an address can hold."""
    found: dict[str, str] = {}
    for title in dict.fromkeys(titles):
        short = re.sub(r"[^a-z0-9.]+", "-", title.lower()).strip("-") or "x"
        taken = sum(other == short or other.startswith(f"{short}~") for other in found.values())
        found[title] = f"{short}~{taken + 1}" if taken else short
    return found


def _marks(shown: Sequence[Tradeoff]) -> list[Json]:
    """The voltages at which accuracies are known, Vmin last."""
    rates = {row.saving.voltage_norm: row.saving.bit_error_rate for row in shown} | {1.0: 0.0}
    return [
        {"voltage": voltage, "rate": rate, "title": percent_text(rate) if rate else "Vmin"}
        for voltage, rate in sorted(rates.items())
    ]


def _arrays(arrays: Sequence[ExplorerArray]) -> list[Json]:
    short = [row.title for row in arrays]
    titles = [row.title if short.count(row.title) == 1 else f"{row.title}, {row.memory}" for row in arrays]
    ids = _ids(titles)
    return [
        {
            "id": ids[title],
            "title": title,
            "memory": row.memory,
            "sizes": asdict(row.sizes),
            "bases": {key: _network(network) for key, network in row.bases.items()},
            "generators": {key: _network(network) for key, network in row.generators.items()},
        }
        for row, title in zip(arrays, titles, strict=True)
    ]


def _network(network: ExplorerNetwork) -> Json:
    found: Json = {"accesses": network.accesses, "cycles": network.cycles}
    if network.traffic is not None and network.extents is not None:
        traffic = {name: int(values) for name, values in asdict(network.traffic).items()}
        return found | {"traffic": traffic, "extents": asdict(network.extents)}
    return found | {"energies": {" ".join(key): by for key, by in network.energies.items()}}


def _initial(content: PageContent, bases: Sequence[Json], accuracies: Sequence[Json]) -> Json:
    """The combination that the page shows in detail, at the highest bit error rate measured of it."""
    pair = content.data.shown or (content.tradeoffs[0].saving.base, "")
    keys = {base_key(row.saving) for row in content.tradeoffs if row.saving.base == pair[0]}
    base = next((row["id"] for row in bases if row["network"] in keys), bases[0]["id"])
    voltages = [row["voltage"] for row in accuracies if row["base"] == base]
    return {"base": base, "voltage": min(voltages)}
