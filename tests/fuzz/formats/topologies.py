"""SCALE-Sim topology files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import demand, text_of
from tests.fuzz.mutations import damaged_text, several
from tests.fuzz.structures import damaged_table

CONVOLUTIONS = b"""\
Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,
Conv1, 12, 12, 3, 3, 3, 8, 1,
Conv2, 10, 10, 3, 3, 8, 8, 2,
ConvDP, 8, 8, 3, 3, 4, 1, 1,
FC1, 1, 1, 1, 1, 128, 10, 1,
"""
PRODUCTS = b"Layer, M, N, K,\nGEMM1, 8, 16, 32,\nGEMM2, 1, 10, 64,\n"
TWO_STRIDES = (
    CONVOLUTIONS.replace(b"Strides,", b"Stride height, Stride width, Sparsity,")
    .replace(b" 1,\n", b" 1, 1, 1:1,\n")
    .replace(b" 2,\n", b" 2, 2, 1:1,\n")
)
LINES = (
    ("layers", "--topology", "net.csv", "--engine", "closed-form", "--quiet", "--format", "json"),
    (
        "layers",
        "--topology",
        "net.csv",
        "--engine",
        "closed-form",
        "--array",
        "8x4",
        "--dataflow",
        "ws",
        "--quiet",
    ),
    ("layers", "--topology", "net.csv", "--engine", "closed-form", "--quiet", "--out", "out.txt"),
)
COLUMNS = {"ifmapheight", "ifmapwidth", "filterheight", "filterwidth"}


def _rules(folder: Path) -> None:
    """A header that names every column once; whole positive numbers; filters within their ifmaps."""
    lines = [line.split("#")[0].strip() for line in text_of(folder / "net.csv").splitlines()]
    rows = [[cell.strip() for cell in line.split("," if "," in line else "\t")] for line in lines]
    rows = [row for row in rows if any(row)]
    demand(len(rows) > 1, "no layers")
    titles = [re.sub("[^a-z]", "", title.lower()) for title in rows[0] if title]
    products = "m" in titles
    wanted = ["m", "n", "k"] if products else ["filterheight", "filterwidth"]
    for title in wanted:
        demand(titles.count(title) == 1, f"column {title} stands {titles.count(title)} times")
    for row in rows[1:]:
        while row and not row[-1]:
            row.pop()
        values = dict(zip(titles, row, strict=False))
        numbers = {title: cell for title, cell in values.items() if title in wanted or title in COLUMNS}
        numbers |= {
            title: cell
            for title, cell in values.items()
            if title.startswith(("channel", "numfilter", "stride"))
        }
        for title, cell in numbers.items():
            demand(re.fullmatch(r"[+-]?[0-9]+", cell), f"{title} is {cell[:30]!r}, no whole number")
            demand(1 <= int(cell) < 2**31, f"{title} is {cell[:30]}")
        demand(len(row) >= (4 if products else 8), f"a row of {len(row)} cells")
        for extent in ("height", "width"):
            if not products and {f"filter{extent}", f"ifmap{extent}"} <= values.keys():
                small, large = int(values[f"filter{extent}"]), int(values[f"ifmap{extent}"])
                demand(small <= large, "a filter beyond its ifmap")
        strides = [cell for title, cell in values.items() if title.startswith("stride")]
        demand(len({*map(int, strides)}) < 2, "two strides")
        ratio = re.fullmatch(r"([+-]?[0-9]+) *: *([+-]?[0-9]+)", values.get("sparsity") or "1:1")
        demand(ratio and 1 <= int(ratio[1]) <= int(ratio[2]), "no sparsity N:M")


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"net.csv": content},
            lines=LINES,
            rules=_rules,
            mutate=several(damaged_table, damaged_text, damaged_text),
        )
        for content in (CONVOLUTIONS, PRODUCTS, TWO_STRIDES)
    ]


FORMAT = file_format("topology", _samples, share=1.5)
