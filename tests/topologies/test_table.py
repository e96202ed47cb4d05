"""Topology files: read as SCALE-Sim's repository ships them, written so that SCALE-Sim reads them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scalesim.layout_utils import layouts
from scalesim.topology_utils import topologies

from nfenergy.ground.errors import InputError
from tests.conftest import HEADER, WriteTopology, in_scalesim
from topologies import side_table, table
from topologies.layers import Layer, Topology
from topologies.their_reader import OTHER_ORDER

ROW = "Conv1, 8, 9, 3, 2, 4, 5, 1,"
SHAPE = (8, 9, 3, 2, 4, 5, 1)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    filter_h, filter_w = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    return Layer(
        name=draw(st.sampled_from(["conv", "features.0DP", "a,b", "", "DP", 'say "x"', "größe"])),
        ifmap_h=filter_h + draw(st.integers(0, 300)),
        ifmap_w=filter_w + draw(st.integers(0, 300)),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=draw(st.integers(1, 4096)),
        filters=draw(st.integers(1, 4096)),
        stride=draw(st.integers(1, 9)),
        operation="conv2d",
        sparsity=draw(st.sampled_from(["1:1", "1:1", "2:4", "3:4"])),
    )


topologies_of_layers = st.lists(layers(), min_size=1, max_size=6).map(
    lambda found: Topology(name="net", layers=tuple(found))
)


def write(folder: Path, content: str, name: str = "net.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@settings(max_examples=60, deadline=None)
@given(topology=topologies_of_layers)
def test_what_is_written_reads_back_to_the_same_shapes(folder: Path, topology: Topology) -> None:
    again = table.read(write(folder, table.dumps(topology)))
    assert [(layer.shape, layer.sparsity) for layer in again.layers] == [
        (layer.shape, layer.sparsity) for layer in topology.layers
    ]
    assert again.name == "net"
    assert again.coverage is None


@settings(max_examples=30, deadline=None)
@given(topology=topologies_of_layers)
@in_scalesim
def test_scalesims_own_class_reads_what_is_written(folder: Path, topology: Topology) -> None:
    theirs = topologies()
    theirs.load_arrays(str(write(folder, table.dumps(topology))), mnk_inputs=False)
    assert theirs.get_num_layers() == len(topology.layers)
    for entry, layer in zip(theirs.topo_arrays, topology.layers, strict=True):
        assert tuple(entry[1:8]) == tuple(layer.shape)
        assert entry[8] == layer.stride
        assert entry[9:] == [*map(int, layer.sparsity.split(":"))]
    layout = layouts()
    layout.load_arrays(str(write(folder, table.dumps_layout(topology), "layout.csv")), mnk_inputs=False)
    assert len(layout.layout_arrays) == len(topology.layers)


def test_rows_carry_safe_names_only() -> None:
    topology = Topology(name="n", layers=(Layer.gemm(name="blocks.DP.0", m=1, k=2, n=3),) * 2)
    assert table.dumps(topology) == f"{HEADER}\nL000, 1, 2, 1, 2, 1, 3, 1,\nL001, 1, 2, 1, 2, 1, 3, 1,\n"
    assert "DP" not in table.dumps(topology) + table.dumps_layout(topology)


def test_the_side_table_has_module_paths_and_quotes_what_csv_must() -> None:
    layer = Layer(
        name='f, "0"', ifmap_h=5, ifmap_w=6, filter_h=3, filter_w=3, channels=2, filters=4, stride=1,
        operation="conv2d",
    )  # fmt: skip
    text = side_table.dumps(Topology(name="n", layers=(layer,)))
    assert list(csv.DictReader(io.StringIO(text))) == [
        {
            "row": "L000",
            "layer": 'f, "0"',
            "operation": "conv2d",
            "ofmap_height": "3",
            "ofmap_width": "4",
            "macs": "864",
            "operands": "activation x weight",
        }
    ]


FORMS = [
    f"{HEADER}\n{ROW}\n",
    f"{HEADER}\n{ROW}",
    f"{HEADER}\n{ROW.rstrip(',')}\n",
    f"{HEADER.rstrip(',')}\n{ROW.rstrip(',')}\n",
    f"{HEADER}\r\n{ROW}\r\n",
    f"\ufeff{HEADER}\n{ROW}\n",
    f"{HEADER}\n\n{ROW}\n\n\n",
    f"{HEADER}\n,,,,,,,,\n{ROW}\n , , ,\n",
    f"{HEADER}\n{ROW} # the first\n# a remark, with, commas\n",
    f"# a remark\n{HEADER}\n{ROW}\n",
    f"{HEADER}\n{ROW.replace(', ', chr(9)).rstrip(',')}\n",
    f"{HEADER}\n{ROW.replace(', ', ',' + chr(9))}\n",
    f"{HEADER}\n{ROW.replace(' ', '')}\n",
    f"{HEADER}\n  {ROW.replace(',', ' ,')}  \n",
    f"{HEADER}\n{ROW} 1,\n",
    f"{HEADER}\n{ROW} 1:1,\n",
    f"{HEADER}\n{ROW} 1, 1:1,\n",
    f"{HEADER}\n{ROW},,,,\n",
    f"Layer name,IFMAP height,IFMAP width,Filter height,Filter width,Channels,Num filter,"
    f"Stride height,Stride width,\n{ROW} 1,\n",
]
"""Topologies as SCALE-Sim's repository ships them; its own reader fails on many."""


def their_rows(path: Path, *, gemm: bool = False) -> list[tuple[int, ...]] | None:
    """What SCALE-Sim's own class reads; None where it fails."""
    theirs = topologies()
    try:
        theirs.load_arrays(str(path), mnk_inputs=gemm)
    except (AssertionError, IndexError, ValueError):
        return None
    return [(*entry[1:8], *entry[9:11]) for entry in theirs.topo_arrays]


@pytest.mark.parametrize("content", FORMS)
@in_scalesim
def test_every_form_that_scalesims_repository_ships_is_read_or_refused_as_it_does(
    tmp_path: Path, content: str
) -> None:
    path = write(tmp_path, content)
    (layer,) = table.read(path, lenient=True).layers
    assert (layer.name, tuple(layer.shape)) == ("Conv1", SHAPE)
    if (theirs := their_rows(path)) is None:
        with pytest.raises(InputError, match=r"SCALE-Sim .* fails; --lenient reads it all the same"):
            table.read(path)
    else:
        assert table.read(path).layers == (layer,)
        assert theirs == [(*SHAPE, 1, 1)]


FIELDS = st.sampled_from(["1", "2", " 3 ", "9", "", "1:4", "4:1", "1:1:7", "x", "1.0", "#dw", "+4", "DP"])


@settings(max_examples=400)
@given(
    rows=st.lists(st.lists(FIELDS, max_size=12).map(",".join), min_size=1, max_size=2),
    gemm=st.booleans(),
    header=st.booleans(),
)
@in_scalesim
def test_whatever_scalesim_cannot_read_is_refused_and_what_both_read_is_the_same(
    folder: Path, rows: list[str], gemm: bool, header: bool
) -> None:
    first = ["Layer, M, N, K," if gemm else HEADER] * header or [""]
    path = write(folder, "\n".join([*first, *(f"Conv1,{row}" for row in rows)]))
    theirs = their_rows(path, gemm=gemm)
    try:
        ours, refused = table.read(path).layers, ""
    except InputError as error:
        ours, refused = (), str(error)
    if not refused:
        assert theirs == [(*layer.shape, *map(int, layer.sparsity.split(":"))) for layer in ours]
    elif header and "SCALE-Sim" in refused:
        assert theirs is None


@pytest.mark.parametrize(
    "content",
    [
        "Layer, M, N, K,\nGEMM1, 6, 8, 7,\n",
        "Layer,M,N,K\r\nGEMM1,6,8,7,\r\n",
        "Layer, M, N, K, Sparsity,\nGEMM1, 6, 8, 7, 1:1,\n",
    ],
)
@in_scalesim
def test_matrix_products_are_read_as_scalesim_reads_them(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    (layer,) = table.read(path).layers
    assert tuple(layer.shape) == (6, 7, 1, 7, 1, 8, 1)
    assert their_rows(path, gemm=True) == [(*layer.shape, 1, 1)]


@in_scalesim
def test_depthwise_names_are_expanded_as_scalesim_does(topology_file: WriteTopology) -> None:
    path = topology_file("ConvDP, 8, 8, 3, 3, 3, 2, 1,", ROW)
    theirs = topologies()
    theirs.load_arrays(str(path), mnk_inputs=False)
    ours = table.read(path).layers
    assert [entry[0] for entry in theirs.topo_arrays] == [layer.name for layer in ours]
    assert [tuple(entry[1:8]) for entry in theirs.topo_arrays] == [tuple(layer.shape) for layer in ours]
    assert [layer.name for layer in ours][:2] == ["ConvDPChannel_0", "ConvDPChannel_1"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Conv1, 8, 9, 3, 2, 4, 5", "expected a name and seven numbers, found 7 fields"),
        ("Conv1", "found 1 fields"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 1, 1:1, 7,", "found 11 fields"),
        ("Conv1, 8, 9, 3, 2, four, 5, 1,", "'four' is not a whole number"),
        ("Conv1, 8.0, 9, 3, 2, 4, 5, 1,", "'8.0' is not a whole number"),
        ("Conv1, 1e3, 9, 3, 2, 4, 5, 1,", "'1e3' is not a whole number"),
        ("Conv1, , 9, 3, 2, 4, 5, 1,", "'' is not a whole number"),
        ("Conv1, 0x8, 9, 3, 2, 4, 5, 1,", "'0x8' is not a whole number"),
        ("Conv1, nan, 9, 3, 2, 4, 5, 1,", "'nan' is not a whole number"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 0,", "stride is 0"),
        ("Conv1, 8, 9, 3, 2, 0, 5, 1,", "channels is 0"),
        ("Conv1, 8, 9, 3, 2, 4, -5, 1,", "filters is -5"),
        ("Conv1, 2147483648, 9, 3, 2, 4, 5, 1,", "ifmap_h is 2147483648"),
        (f"Conv1, {'9' * 40}, 9, 3, 2, 4, 5, 1,", "is not a whole number"),
        ("Conv1, 8, 9, 9, 2, 4, 5, 1,", "9 x 2 filter is larger than its 8 x 9 ifmap"),
        ("Conv1, 8, 9, 3, 10, 4, 5, 1,", "3 x 10 filter is larger than its 8 x 9 ifmap"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 2,", "strides 1 x 2"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 4:2,", "sparsity is 4:2, expected N:M with 1 <= N <= M"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 0:4,", "sparsity is 0:4"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 1:65537,", "sparsity is 1:65537"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, 2:x,", "'x' is not a whole number"),
        ("Conv1, 8, 9, 3, 2, 4, 5, 1, fast,", "sparsity 'fast': expected a ratio N:M"),
        ("Conv1; 8; 9; 3; 2; 4; 5; 1", "found 1 fields"),
        ("ConvDP, 8, 9, 3, 2, 0, 5, 1,", "0 depthwise channels"),
        ("ConvDP, 8, 9, 3, 2, 2147483647, 5, 1,", "2147483647 depthwise channels"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_and_line(
    topology_file: WriteTopology, row: str, reason: str
) -> None:
    path = topology_file(ROW, "", row)
    with pytest.raises(InputError) as error:
        table.read(path)
    assert str(error.value).startswith(f"{path}, line 4: ")
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("G, 6, 8,", "expected a name and M, N, K, found 3 fields"),
        ("G, 6, 8, x,", "'x' is not a whole number"),
        ("G, 6, 0, 7,", "filters is 0"),
        ("G, 6, 8, 7, 2:1,", "sparsity is 2:1"),
    ],
)
def test_a_matrix_product_that_cannot_be_read_is_refused(
    topology_file: WriteTopology, row: str, reason: str
) -> None:
    path = topology_file(row, header="Layer, M, N, K,")
    with pytest.raises(InputError, match=f"{re.escape(str(path))}, line 2: .*{re.escape(reason)}"):
        table.read(path)


NAMED = "Layer name, Strides, Num Filter, Channels, Filter Width, Filter Height, IFMAP Width, IFMAP Height,"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (NAMED, "Conv1, 1, 5, 4, 2, 3, 9, 8,"),
        (NAMED.replace(" name", "").upper(), "Conv1, 1, 5, 4, 2, 3, 9, 8,"),
        (NAMED.replace(",", ",\N{NO-BREAK SPACE}"), "Conv1, 1, 5, 4, 2, 3, 9, 8, 1:1"),
        ("Strides, Batch Size, " + NAMED.replace(" Strides,", ""), "1, 1, Conv1, 5, 4, 2, 3, 9, 8,"),
        (f"{HEADER} Batch Size,", f"{ROW} 1,"),
        (f"{HEADER} Batch Size,", ROW),
        (f"{HEADER} Sparsity, Stride Width,", f"{ROW} 1:1, 1,"),
        (HEADER.replace("Height", "Width", 1), ROW),
        (HEADER.replace("Channels", "channel").replace("Filter,", "filters,"), ROW),
    ],
)
def test_columns_are_found_by_their_names(
    topology_file: WriteTopology, header: str, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = topology_file(row, header=header)
    (layer,) = table.read(path, lenient=True).layers
    assert (layer.name, tuple(layer.shape)) == ("Conv1", SHAPE)
    assert (OTHER_ORDER in capsys.readouterr().err) == ("IFMAP" not in header.split(",")[1])


@pytest.mark.parametrize("order", ["Layer, M, K, N", "layer,k,m,n", "N, Sparsity, Layer, K, M", "L,M,N,K"])
def test_a_matrix_product_is_read_by_its_names(topology_file: WriteTopology, order: str) -> None:
    values = {"m": "6", "n": "8", "k": "7", "sparsity": "1:1"}
    row = ",".join(values.get(name.strip().lower(), "GEMM1") for name in order.split(","))
    (layer,) = table.read(topology_file(f"{row},", header=f"{order},")).layers
    assert (layer.name, tuple(layer.shape)) == ("GEMM1", (6, 7, 1, 7, 1, 8, 1))


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        (f"{HEADER} Batch Size,", f"{ROW} 4,", "batch size '4': nfenergy counts one input at a time"),
        (f"{HEADER} Stride Width,", f"{ROW} 2,", "strides 1 x 2"),
        (f"{HEADER} Batch Size,", f"{ROW} 1, 7,", "strides 1 x 7"),
        (f"{HEADER} Bias,", f"{ROW} 4,", "unknown column 'Bias' in the header; expected Layer name, IFMAP"),
        (f"{HEADER} Strides,", f"{ROW} 1,", "column 'Strides' stands twice in the header"),
        (HEADER.replace(" Channels,", ""), ROW, "is not the header of a SCALE-Sim topology; expected"),
        (f"{HEADER} M,", f"{ROW} 1,", "is not the header of a SCALE-Sim topology; expected"),
        ("Layer, M, N,", "G, 6, 8,", "is not the header of a SCALE-Sim topology"),
        ("Layer, M, N, K, Batch Size,", "G, 6, 8, 7, 1,", "is not the header of a SCALE-Sim topology"),
        (HEADER.replace(",", ";"), ROW, "its columns must be separated by commas"),
    ],
)
def test_a_header_that_says_something_else_is_not_read_by_position(
    topology_file: WriteTopology, header: str, row: str, reason: str
) -> None:
    with pytest.raises(InputError, match=re.escape(reason)):
        table.read(topology_file(row, header=header))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no layers"),
        ("\n\n,,,\n", "holds no layers"),
        (f"{HEADER}\n", "holds no layers"),
        (f"{ROW}\n", "line 1: a layer stands where SCALE-Sim expects the header"),
        ("hello\n", "line 1: 'hello' is not the header"),
        ("<html><body>404</body></html>\n", "line 1: "),
    ],
)
def test_a_file_that_is_no_topology_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=re.escape(reason)) as error:
        table.read(path)
    assert str(path) in str(error.value)


def test_files_that_are_no_text_or_not_there_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "net.csv"
    binary.write_bytes(b"\x89PNG\xff\xfe\x00")
    for path in (binary, tmp_path / "absent.csv", tmp_path):
        with pytest.raises(InputError, match=re.escape(str(path))):
            table.read(path)
