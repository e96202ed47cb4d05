"""Topologies of networks as files for SCALE-Sim."""

from __future__ import annotations

import re
from pathlib import Path

from energy.array import PRESETS, SystolicArray
from energy.scalesim.cfg import cfg_text
from neuralfuse.registry import DATASETS, paper_networks
from neuralfuse.user_networks import check_distinct, find_network
from nfenergy.ground.files import write_text
from nfenergy.networks import build_network_model, network_topology
from nfenergy.shipped import FOLDER, INDEX, index_text
from topologies import side_table, table
from topologies.convention import CONVENTIONS, get_convention
from topologies.layers import Coverage, Topology

REVIEWED_DATASETS = ("cifar10", "imagenet10")
CFG_FILE = "scale.cfg"
HOW_TO_RUN = (
    "SCALE-Sim 3.0.0 itself runs these files with numpy below 2.4 (its issue 160): "
    "python -m scalesim.scale -c scale.cfg -t NAME.csv -l NAME.layout.csv -p REPORTS"
)


def topology_files(topology: Topology, batch: int = 1) -> dict[str, str]:
    """File name -> text: the topology, the layout that SCALE-Sim 3 demands, the modules behind the rows."""
    stem = file_stem(topology.name, batch)
    return {
        f"{stem}.csv": table.dumps(topology),
        f"{stem}.layout.csv": table.dumps_layout(topology),
        f"{stem}{side_table.SUFFIX}": side_table.dumps(topology),
    }


def file_stem(network: str, batch: int = 1) -> str:
    """What a network's files are called: its name, in characters that every file system takes.

    >>> file_stem("resnet18"), file_stem("my net.py:build"), file_stem("vgg11", batch=8)
    ('resnet18', 'my_net.build', 'vgg11-batch8')
    """
    stem = re.sub(r"[^\w.-]", "_", network.replace(".py:", "."))
    return stem if batch == 1 else f"{stem}-batch{batch}"


def export(
    folder: Path,
    *,
    base: str | None,
    generator: str | None,
    dataset: str,
    convention: str,
    deconvolution: str | None,
    array: SystolicArray,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    action_counts: bool = False,
) -> list[str]:
    """Write one or two networks into `folder`; on request with Accelergy's action counts.

    `input_shape` is in place of the data set's, without the batch of `batch` samples.

    Returns:
        One line a network: its file and how much of the network it holds.

    Raises:
        InputError: an unknown name, a mapping that the convention does not allow, or a network of the
            user's own that cannot be built or traced.
        NfEnergyError: the folder cannot be written.
    """
    data, rules = DATASETS.find(dataset), get_convention(convention)
    networks = [find_network(base, "base")] if base else []
    networks += [find_network(generator, "generator")] if generator else []
    check_distinct(networks)
    topologies = [
        network_topology(network, data, rules, deconvolution, input_shape=input_shape, batch=batch)
        for network in networks
    ]
    lines = [_write(folder, topology, batch) for topology in topologies]
    if action_counts:
        for topology in topologies:
            lines.append(_write_action_counts(folder, topology, batch, array))
    write_text(folder / CFG_FILE, cfg_text(array))
    return lines


def _write_action_counts(folder: Path, topology: Topology, batch: int, array: SystolicArray) -> str:
    from energy.action_counts import action_counts, dump_action_counts
    from energy.engines import simulate

    path = folder / f"{file_stem(topology.name, batch)}.action_counts.yaml"
    counts = simulate(topology, array, engine="closed-form")
    write_text(path, dump_action_counts(action_counts(topology, counts, array)))
    return f"{path}: action counts on {array}, nothing stays on chip"


def export_all(
    folder: Path,
    *,
    dataset: str | None,
    convention: str | None,
    deconvolution: str | None,
    array: SystolicArray,
) -> list[str]:
    """Write every network into ``folder/convention/dataset``; returns and raises as `export`."""
    datasets = [DATASETS.find(name) for name in ([dataset] if dataset else REVIEWED_DATASETS)]
    conventions = [get_convention(name) for name in ([convention] if convention else CONVENTIONS)]
    for rules in conventions:
        rules.deconvolution(deconvolution)
    lines = []
    for rules in conventions:
        for data in datasets:
            target = folder / rules.name / data.name
            for network in paper_networks():
                lines.append(_write(target, network_topology(network, data, rules, deconvolution)))
            write_text(target / CFG_FILE, cfg_text(array))
    return lines


def _write(folder: Path, topology: Topology, batch: int = 1) -> str:
    for name, text in topology_files(topology, batch).items():
        write_text(folder / name, text)
    return f"{folder / file_stem(topology.name, batch)}.csv: {topology.coverage}"


def write_shipped(folder: Path = FOLDER) -> None:
    """Trace every network anew and write the reviewed topologies with their index."""
    coverage: dict[str, Coverage] = {}
    for rules in CONVENTIONS.values():
        for data in map(DATASETS.find, REVIEWED_DATASETS):
            target = folder / rules.name / data.name
            for network in paper_networks():
                topology = build_network_model(network, data, rules).topology
                assert topology.coverage is not None
                coverage[f"{rules.name}/{data.name}/{network.name}"] = topology.coverage
                for name, text in topology_files(topology).items():
                    write_text(target / name, text)
            write_text(target / CFG_FILE, cfg_text(PRESETS["scale"]))
    write_text(folder / INDEX, index_text(coverage))


if __name__ == "__main__":
    write_shipped()
