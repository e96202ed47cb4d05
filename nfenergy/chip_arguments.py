"""Arguments of what measures trained networks on chips: what a bit error is, and where images come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from neuralfuse.datasets.images import LabelledImages
    from neuralfuse.memory.bit_errors import FaultModel
    from neuralfuse.training.runs import Trained

OnMessage = Callable[[str], None]


class FaultArguments(TypedDict, total=False):
    """What a bit error is: one of these.

    Keys:
        fault_model: by name; default ``flip``.
        stuck_at_maps, flip_maps: two matrices of one's own memory, see docs/protections.md.
        fault_map: a file of stuck-at cells, or several that belong together.
    """

    fault_model: str | None
    stuck_at_maps: tuple[str | Path, str | Path] | None
    flip_maps: tuple[str | Path, str | Path] | None
    fault_map: str | Path | Sequence[str | Path] | None


class DataArguments(TypedDict, total=False):
    """Where data come from, and what computes with them.

    Keys:
        threads: of PyTorch; default its own choice.
        data_dir: folder of the data sets; else $NFENERGY_DATA_DIR, else the user's.
        verify: compare archives' checksums; default True.
    """

    threads: int | None
    data_dir: str | Path | None
    verify: bool


class ChipArguments(FaultArguments, DataArguments, total=False):
    """Both of these."""


def fault_model_of(chips: ChipArguments) -> FaultModel:
    """The one fault model that was asked for. Raises InputError: see `choose_fault_model`."""
    from neuralfuse.memory.fault_models import choose_fault_model

    one = chips.get("fault_map")
    files = [one] if isinstance(one, str | Path) else one or None
    zeros_ones, flips = chips.get("stuck_at_maps"), chips.get("flip_maps")
    return choose_fault_model(
        chips.get("fault_model"),
        stuck_at_maps=None if zeros_ones is None else (Path(zeros_ones[0]), Path(zeros_ones[1])),
        flip_maps=None if flips is None else (Path(flips[0]), Path(flips[1])),
        fault_map=None if files is None else [Path(path) for path in files],
    )


def test_images(
    trained: Trained, count: int | None, chips: ChipArguments, on_warning: OnMessage
) -> LabelledImages:
    """So many of the test images that a network was trained for, evenly spread; None takes all.

    Raises:
        InputError: no images are asked for, or the data set's files cannot be used.
    """
    from neuralfuse.datasets.own import FOLDER_PREFIX
    from neuralfuse.datasets.sources import find_data
    from neuralfuse.training import runs

    if count is not None and count < 1:
        raise InputError(f"{count} test images measure nothing; take at least 1")
    folder = chips.get("data_dir")
    runs.use_threads(chips.get("threads"))
    place = trained.record.data_place or trained.record.dataset
    splits = find_data(
        place,
        extent=trained.record.extent if place.startswith(FOLDER_PREFIX) else None,
        data_dir=None if folder is None else Path(folder),
        verify=chips.get("verify", True),
    ).splits
    if warning := runs.other_data(trained.record, splits):
        on_warning(warning)
    return splits.test if count is None else splits.test.spread(count)


def test_chips(seeds: int) -> tuple[int, ...]:
    """The first test chips. Raises InputError: none."""
    from neuralfuse.training.streams import TEST_CHIPS

    if seeds < 1:
        raise InputError(f"{seeds} chips measure nothing; take at least 1")
    return tuple(range(TEST_CHIPS[0], TEST_CHIPS[0] + seeds))
