"""The side table beside a topology: modules and operands survive the way through SCALE-Sim's CSV."""

from __future__ import annotations

from pathlib import Path

import pytest

from nfenergy.exports import topology_files
from nfenergy.ground.errors import InputError
from topologies import table
from topologies.layers import ACTIVATIONS, Layer, Topology

LAYERS = (
    Layer.gemm(name="to.q", m=4, k=6, n=5, operation="linear"),
    Layer.gemm(name='scores, "0"', m=4, k=6, n=4, operation="matmul", operands=ACTIVATIONS),
)


def exported(folder: Path, layers: tuple[Layer, ...] = LAYERS) -> Path:
    for name, text in topology_files(Topology(name="net", layers=layers)).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "net.csv"


def test_what_is_exported_reads_back_whole(tmp_path: Path) -> None:
    assert table.read(exported(tmp_path)).layers == LAYERS


def test_without_the_side_table_rows_carry_their_own_names_and_weights(tmp_path: Path) -> None:
    path = exported(tmp_path)
    (tmp_path / "net.layers.csv").unlink()
    assert [(layer.name, layer.reads_weights) for layer in table.read(path).layers] == [
        ("L000", True),
        ("L001", True),
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("activation x activation", "weights", "row 2 is not that of layer 'L001'"),
        ("L001", "L002", "row 2 is not that of layer 'L001'"),
        (",120,", ",121,", "row 1 is not that of layer 'L000'"),
        (",operands", ",", "row 1 is not that of layer 'L000'"),
        ("L000", "L000,to.q,linear,4,1,120,activation x weight\nL000", "has 3 rows for 2 layers"),
    ],
)
def test_a_side_table_of_other_rows_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    path, side = exported(tmp_path), tmp_path / "net.layers.csv"
    text = side.read_text(encoding="utf-8")
    assert old in text
    side.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match="export the topology anew, or remove that file") as error:
        table.read(path)
    assert reason in str(error.value)
