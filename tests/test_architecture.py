"""The house: which room imports which, no circles, no giants, and names that tell modules apart."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("nfenergy", "topologies", "energy", "neuralfuse", "reports")
GROUND = "nfenergy.ground"
WITHOUT_TORCH = (
    "neuralfuse.registry",
    "neuralfuse.user_networks",
    "neuralfuse.accuracy",
    "neuralfuse.accuracy_files",
    "neuralfuse.accuracy_labels",
    "neuralfuse.layer_sensitivity",
    "neuralfuse.memory.fault_models",
)
"""The modules of neuralfuse that import no PyTorch, which reports may therefore use."""

ALLOWED = {
    "nfenergy.ground": (),
    "topologies": (GROUND,),
    "energy": (GROUND, "topologies"),
    "neuralfuse": (GROUND,),
    "reports": (GROUND, "topologies", "energy", *WITHOUT_TORCH),
    "nfenergy": ROOMS,
}
"""What a room may import of the others."""

SAME_NAME = {
    "engine": {"energy.closed_form.engine", "energy.scalesim.engine"},  # two engines, one interface
    "networks": {"neuralfuse.networks", "nfenergy.networks"},  # definitions; what is counted of them
    "registry": {"nfenergy.ground.registry", "neuralfuse.registry", "reports.plots.registry"},  # rows of each
    "layers": {"topologies.layers", "reports.plots.layers"},  # the record; the plot of it
    "scenarios": {"reports.scenarios", "reports.plots.scenarios"},  # the record; the plot of it
    "savings": {"energy.savings", "reports.plots.savings"},  # the formulas; the plot of them
    "figures": {"nfenergy.ground.figures", "reports.figures"},  # files of any figure; those of the page
    "tables": {"nfenergy.ground.tables", "reports.tables"},  # files of records; aligned text
}
"""Base names that several modules share, and which modules: what each room calls the same thing."""


def modules() -> dict[str, Path]:
    """Every module of the rooms by its dotted name."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def parsed(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text(encoding="utf-8"))


def imported(name: str, *, when_loaded: bool = False) -> set[str]:
    """The modules of the rooms that a module imports; `when_loaded`: not within functions."""
    found = set()
    for node in _loaded(parsed(name).body) if when_loaded else ast.walk(parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole if whole in MODULES else node.module for whole in inner}
    return {module for module in found if module.split(".")[0] in ROOMS}


def _loaded(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is loaded."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from _loaded([*node.body, *node.orelse])
        elif isinstance(node, ast.Try | ast.With | ast.ClassDef):
            yield from _loaded(node.body)


def is_below(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def room_of(module: str) -> str:
    return GROUND if is_below(module, GROUND) else module.split(".")[0]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_room_imports_only_what_it_stands_on(name: str) -> None:
    room = room_of(name)
    allowed = (room, *ALLOWED[room])
    strangers = {other for other in imported(name) if not any(is_below(other, part) for part in allowed)}
    assert not strangers, f"{name} imports {sorted(strangers)}"


def test_the_command_line_alone_knows_typer() -> None:
    users = {
        name
        for name in MODULES
        for node in ast.walk(parsed(name))
        if "typer" in _packages(node)
        if name != "nfenergy.cli" and not is_below(name, "nfenergy.commands")
    }
    assert not users


def _packages(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if isinstance(node, ast.ImportFrom) else set()


def test_no_module_imports_itself_in_a_circle() -> None:
    edges = {name: imported(name, when_loaded=True) & MODULES.keys() - {name} for name in MODULES}
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_measures_are_named_in_their_registry_alone() -> None:
    """A name of a measure as a value; keys and columns that hold one are written out whole."""
    from energy.measures import MEASURES

    named = [
        f"{MODULES[name].relative_to(ROOT)}:{node.lineno} {node.value!r}"
        for name in MODULES
        if name != "energy.measures"
        for node in ast.walk(parsed(name))
        if isinstance(node, ast.Constant) and node.value in tuple(MEASURES)
        if (name, node.value) not in COLUMNS
    ]
    assert not named


COLUMNS = {
    ("nfenergy.results", "twma"),  # key of a network in the JSON of simulate
    ("neuralfuse.memory.profiled_chips", "chip"),  # which chip of silicon, in a fault model's record
    ("energy.energy_tables", "mac"),  # field of an energy table: energy of one MAC
    ("energy.energy_table_files", "mac"),  # the same in its file
    ("reports.printed", "twma"),  # quantity of a row of the reproduced tables
    ("reports.published", "twma"),  # column of the published table 6
}
"""Where the name of a measure is that of a column or key of its own."""


def test_torch_is_imported_by_what_computes_with_it_alone() -> None:
    torchless = [
        name
        for name in MODULES
        if room_of(name) in ("reports", "energy", GROUND, "nfenergy") or name in WITHOUT_TORCH
        if name not in IMPORT_HEAVY and not name.endswith("__main__") and not name.startswith(TRAINS)
    ]
    code = (
        "import sys\nfrom importlib import import_module\n"
        f"for name in {torchless!r}:\n"
        "    import_module(name)\n"
        "    if 'torch' in sys.modules: sys.exit(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


TRAINS = "nfenergy.experiments."
"""What plans trainings, and so imports their recipes; `experiment list` alone does without."""

IMPORT_HEAVY = {"energy.scalesim.child", "energy.macs"}
"""A program of its own; the counter of the MACs of a PyTorch model."""


def test_modules_of_one_name_are_the_documented_ones() -> None:
    by_name = defaultdict(set)
    for name in MODULES:
        if "." in name and not is_below(name, "nfenergy.commands"):
            by_name[name.rpartition(".")[2]].add(name)
    shared = {base: names for base, names in by_name.items() if len(names) > 1}
    assert {base: names for base, names in shared.items() if names != SAME_NAME.get(base)} == {}


def test_files_are_short() -> None:
    lines = Counter(
        {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    )
    assert [(name, count) for name, count in lines.most_common(5) if count > 300] == []
    assert median(lines.values()) < 120
