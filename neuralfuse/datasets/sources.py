"""A data set by what names it: a name in the registry, ``folder:PATH``, or ``file.py:function``."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

from neuralfuse.datasets.images import Splits
from neuralfuse.datasets.loading import load
from neuralfuse.datasets.own import FOLDER_PREFIX, load_folder, load_function
from neuralfuse.registry import DATASETS, Dataset
from neuralfuse.user_networks import FORM, UserNetwork, find_module
from nfenergy.ground.errors import InputError, UnknownName

DEFAULT_EXTENT = 32
FORMS = f"{FOLDER_PREFIX}PATH with a folder of pictures for each class, {FORM} returning a torch Dataset"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoundData:
    """A data set with its images.

    Attributes:
        dataset: what a network must know of it.
        splits: its images.
        place: what names it again in any working folder; empty for one of the registry.
    """

    dataset: Dataset
    splits: Splits
    place: str = ""

    @property
    def is_own(self) -> bool:
        """Whether the registry does not hold it."""
        return bool(self.place)


def data_name(given: str) -> str:
    """The name that records and recipes have for a data set; nothing is read and no code runs.

    Raises:
        UnknownName: it is of neither form of one's own data, and the registry does not hold it.
        InputError: it names no folder, or no function in a file.
    """
    if given.startswith(FOLDER_PREFIX):
        return f"{FOLDER_PREFIX}{_folder(given).name}"
    if ":" in given:
        return _function(given).name
    try:
        return DATASETS.find(given).name
    except UnknownName as error:
        error.args = (f"{error} One of your own: {FORMS}.",)
        raise


def find_data(
    given: str, *, extent: int | None = None, data_dir: Path | None = None, verify: bool = True
) -> FoundData:
    """The images that `given` names.

    Args:
        given: name in the registry in any case, ``folder:PATH`` or ``file.py:function``.
        extent: rows and columns that the pictures of a folder are squeezed into; None for 32.
        data_dir: folder of the registry's data sets, see `neuralfuse.datasets.loading.load`.
        verify: compare their archives with published checksums.

    Raises:
        UnknownName: there is no such data set.
        InputError: files are missing or damaged, the user's code fails, or an extent is given for data that
            have their own.
    """
    name = data_name(given)
    if given.startswith(FOLDER_PREFIX):
        folder = _folder(given)
        dataset, splits = load_folder(folder, extent=extent or DEFAULT_EXTENT)
        return FoundData(dataset=dataset, splits=splits, place=f"{FOLDER_PREFIX}{folder}")
    if extent is not None:
        raise InputError(f"the images of {name} have their own extent; --extent is for {FOLDER_PREFIX}PATH")
    if ":" in given:
        file = _function(given)
        with file.function() as make:
            _check_takes_train(make)
            dataset, splits = load_function(make, name)
        return FoundData(dataset=dataset, splits=splits, place=file.anywhere)
    return FoundData(dataset=DATASETS.find(given), splits=load(name, data_dir=data_dir, verify=verify))


def _folder(given: str) -> Path:
    text = given.removeprefix(FOLDER_PREFIX)
    if not text.strip():
        raise InputError(f"{given!r} names no folder; write {FOLDER_PREFIX}PATH")
    return Path(text).resolve()


def _function(given: str) -> UserNetwork:
    network = find_module(given, "base")
    if not isinstance(network, UserNetwork):
        raise InputError(f"{given!r} names no data set. Known: {', '.join(DATASETS)}; {FORMS}.")
    return network


def _check_takes_train(make: object) -> None:
    try:
        taken = inspect.signature(make).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return
    if "train" not in taken and all(one.kind is not one.VAR_KEYWORD for one in taken.values()):
        raise InputError("the function takes no argument train; it is called with train=True and train=False")
