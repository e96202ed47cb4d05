"""The header of a SCALE-Sim topology: which field of a row is what, by name and never by position.

SCALE-Sim itself skips the header and reads by position; its files come in its own order, for which both
readings agree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nfenergy.ground.errors import InputError

CONVOLUTION = ("ifmap_h", "ifmap_w", "filter_h", "filter_w", "channels", "filters", "stride")
GEMM = ("m", "n", "k")
OPTIONAL = ("stride_w", "batch", "sparsity")

TITLES = {
    "ifmap_h": "IFMAP Height",
    "ifmap_w": "IFMAP Width",
    "filter_h": "Filter Height",
    "filter_w": "Filter Width",
    "channels": "Channels",
    "filters": "Num Filter",
    "stride": "Strides",
}
"""The convolutional columns as SCALE-Sim heads them."""

_COLUMNS = {re.sub("[^a-z]", "", title.lower()): column for column, title in TITLES.items()} | {
    "layername": "name",
    "layer": "name",
    "name": "name",
    "l": "name",
    "channel": "channels",
    "numchannels": "channels",
    "numfilters": "filters",
    "filters": "filters",
    "stride": "stride",
    "strideheight": "stride",
    "stridewidth": "stride_w",
    "batch": "batch",
    "batchsize": "batch",
    "sparsity": "sparsity",
    "m": "m",
    "n": "n",
    "k": "k",
}


def columns(header: Sequence[str]) -> tuple[str, ...]:
    """What each field of a row is: ``name``, the columns of `CONVOLUTION` or of `GEMM`, any of `OPTIONAL`.

    A header that names the ifmap's width twice means its height and its width, as in 28 of the files in
    SCALE-Sim's repositories.

    Raises:
        InputError: a column is missing, unknown or there twice.
    """
    found: list[str] = []
    for title in header:
        column = _COLUMNS.get(re.sub("[^a-z]", "", title.lower()))
        if column is None:
            raise InputError(f"unknown column {title!r} in the header; expected {_expected()}")
        found.append(column)
    if found.count("ifmap_w") == 2 and "ifmap_h" not in found:
        found[found.index("ifmap_w")] = "ifmap_h"
    twice = next((column for column in found if found.count(column) > 1), None)
    if twice is not None:
        raise InputError(f"column {header[found.index(twice)]!r} stands twice in the header")
    gemm = bool({*GEMM} & {*found})
    demanded = ("name", *(GEMM if gemm else CONVOLUTION))
    missing = [column for column in demanded if column not in found]
    odd = [column for column in found if column not in (*demanded, *OPTIONAL[2 if gemm else 0 :])]
    if missing or odd:
        raise InputError(
            f"{', '.join(header)!r} is not the header of a SCALE-Sim topology; expected {_expected()}"
        )
    return tuple(found)


def _expected() -> str:
    return f"Layer name, {', '.join(TITLES.values())} or Layer, M, N, K"
