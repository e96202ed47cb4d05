"""The fault models by name: built in, of profiled chips, and maps of the user's own memory from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neuralfuse.memory.bit_errors import FaultModel, flip, neuralfuse_map, stuck_at
from neuralfuse.memory.fault_maps import FaultMap, map_model
from neuralfuse.memory.map_files import read_fault_map, read_flip_maps, read_stuck_at_maps
from neuralfuse.memory.profiled_chips import PROFILED_CHIPS, chip_model
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.registry import Registry

FAULT_MODELS: Registry[FaultModel] = Registry(
    "fault model",
    (
        FaultModel(name="flip", title="each bit flips with the given probability", draw=flip),
        FaultModel(
            name="stuck-at",
            title="the given share of cells is stuck at 0 or 1, so that about half of it flips",
            draw=stuck_at,
        ),
        FaultModel(
            name="neuralfuse-map",
            title="the given share of cells of a tiled 8192 x 128 map is stuck at 0 or 1, as in the released "
            "code of NeuralFuse; about half of it flips, 16 weights of each layer at a time",
            draw=neuralfuse_map,
        ),
    ),
)

DEFAULT = "flip"

MEASURED_PREFIX = "map-"
"""Of the names of measured maps; the first digits of a digest of their contents follow."""

SCATTERED_SUFFIX = "-scattered"
"""Of the name of a measured map whose faults were moved to cells drawn at random."""

Files = tuple[Path, Path]

_measured: dict[str, FaultModel] = {}
_maps: dict[str, FaultMap] = {}


def get_fault_model(name: str) -> FaultModel:
    """The fault model called `name`, in any case: built in, a profiled chip, or a map read before.

    Raises:
        UnknownName: there is none; all fault models are listed.
        InputError: it is a measured map that this process has not read.
    """
    key = name.lower()
    if key in FAULT_MODELS:
        return FAULT_MODELS[key]
    if key in PROFILED_CHIPS:
        return chip_model(key)
    if key in _measured:
        return _measured[key]
    if key.startswith(MEASURED_PREFIX):
        raise InputError(
            f"{name} is a measured map; give its files with --stuck-at-maps, --flip-maps or --fault-map"
        )
    raise UnknownName("fault model", name, [*FAULT_MODELS, *PROFILED_CHIPS])


def choose_fault_model(
    name: str | None = None,
    *,
    stuck_at_maps: Files | None = None,
    flip_maps: Files | None = None,
    fault_map: Sequence[Path] | None = None,
) -> FaultModel:
    """The one fault model that was asked for; `DEFAULT` if none was.

    Args:
        name: of a built-in fault model or a profiled chip.
        stuck_at_maps: matrices of the cells stuck at 0 and of those stuck at 1.
        flip_maps: matrices of the probabilities to read 1 for 0 and 0 for 1.
        fault_map: one file or two of stuck-at cells, in any format of `read_fault_map`.

    Raises:
        InputError: more than one was asked for, there is none of that name, or the files are no map.
    """
    if sum(asked is not None for asked in (name, stuck_at_maps, flip_maps, fault_map)) > 1:
        raise InputError(
            "--fault-model, --fault-map, --stuck-at-maps and --flip-maps exclude each other; give one of them"
        )
    if fault_map is not None:
        return measured_model(read_fault_map(fault_map), kind="stuck-at", files=fault_map)
    if stuck_at_maps is not None:
        return measured_model(read_stuck_at_maps(*stuck_at_maps), kind="stuck-at", files=stuck_at_maps)
    if flip_maps is not None:
        return measured_model(read_flip_maps(*flip_maps), kind="flip", files=flip_maps)
    return get_fault_model(DEFAULT if name is None else name)


def measured_model(found: FaultMap, *, kind: str, files: Sequence[Path]) -> FaultModel:
    """A measured map as a fault model, which this process knows by its name from now on.

    The name holds the first digits of a digest of the map: rows of a table that were measured on two
    maps never count as one fault model, and a training does not go on with another map.

    Args:
        found: what was read.
        kind: of its files, ``stuck-at`` or ``flip``.
        files: as the user named them.

    Raises:
        InputError: more than half of the cells misread.
    """
    if found.fault_rate > 0.5:
        raise InputError(
            f"{' and '.join(map(str, files))} let {100 * found.fault_rate:.4g} % of the cells misread; "
            "beyond 50 % bits say nothing. Is 1 the mark of a faulty cell?"
        )
    model = map_model(
        found,
        name=f"{MEASURED_PREFIX}{found.digest[:8]}",
        title=f"measured map of {found.rows} x {found.columns} cells, {100 * found.fault_rate:.4g} % misread",
        origin={"kind": kind, "files": [str(path) for path in files]},
    )
    _measured[model.name], _maps[model.name] = model, found
    return model


def measured_map(name: str) -> FaultMap:
    """The map behind a fault model that this process has read.

    Raises:
        InputError: the fault model is no measured map.
    """
    if name not in _maps:
        raise InputError(
            f"fault model {name} is no measured map; give one with --fault-map or --stuck-at-maps"
        )
    return _maps[name]


def scattered_model(name: str, *, seed: int = 0) -> FaultModel:
    """The faults of a measured map in cells drawn at random: what a map of independent faults would do.

    Raises:
        InputError: the fault model is no measured map.
    """
    model = map_model(
        measured_map(name).scattered(seed=seed),
        name=f"{name}{SCATTERED_SUFFIX}",
        title=f"the faults of {name} in cells drawn at random",
        origin={"scattered": name, "seed": seed},
    )
    _measured[model.name] = model
    return model


def fault_model_title(name: str) -> str:
    """What a fault model's bit errors are, in words; without drawing any, and of a map without its files."""
    known = FAULT_MODELS.get(name.lower()) or PROFILED_CHIPS.get(name.lower())
    return known.title if known else "a fault map of the user's own"


def map_record(name: str) -> dict[str, Any]:
    """What a result's record says of the fault model besides its name: of a map all, of others nothing."""
    record = get_fault_model(name).record
    return {"fault_map": record} if record else {}
