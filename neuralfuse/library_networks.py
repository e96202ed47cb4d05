"""Networks of installed libraries: ``torchvision:NAME``, ``timm:NAME``, ``transformers:NAME``.

None of the libraries is a dependency, none is imported before one of its networks is built, and no weights
are downloaded. A transformers network is named by its model type (``bert``), with that type's default
configuration, or by a ``config.json`` on disk.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralfuse.libraries import LIBRARIES, is_config_file
from neuralfuse.registry import Dataset, Network, Role
from nfenergy.ground.errors import InputError, UnknownName

if TYPE_CHECKING:
    from torch import nn

FORMS = ", ".join(f"{library}:NAME" for library in LIBRARIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryNetwork(Network):
    """A network that an installed library defines; `name` is library and name, `factory` the latter.

    Attributes:
        library: ``torchvision``, ``timm`` or ``transformers``.
    """

    library: str

    def build(self, dataset: Dataset, *, width: float = 1.0) -> nn.Module:
        """A new network with random weights (none on the meta device) for the data set's classes.

        On the CPU where the library cannot build it on the meta device.

        Raises:
            InputError: the library cannot build it; or a width is wanted.
            UnknownName: the library has no network of this name.
        """
        if self.role == "base" and width != 1.0:
            raise InputError(f"{self.library} decides its width; leave out width {width:g}")
        try:
            return self._build(dataset)
        except InputError:
            raise
        except Exception:
            # Some compute their shapes with values, which the meta device does not hold.
            return self.build_on_cpu(dataset)

    def build_on_cpu(self, dataset: Dataset) -> nn.Module:
        """A new network with values in its tensors; raises as `build`."""
        import torch

        try:
            with torch.device("cpu"):
                return self._build(dataset)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.library} cannot build it: {_first_line(error)}") from error

    def _build(self, dataset: Dataset) -> nn.Module:
        library = _import(self.library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module: nn.Module = LIBRARIES[self.library].build(library, self.factory, dataset)
        return module.eval()

    @contextmanager
    def naming_errors(self) -> Iterator[None]:
        """Errors name the network."""
        try:
            yield
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error

    def example_inputs(self, module: nn.Module, dataset: Dataset, *, batch: int) -> Any:
        """A tuple or dict of what its forward pass takes; None for one image of the data set's shape.

        Raises:
            InputError: nothing is known of its inputs.
        """
        return LIBRARIES[self.library].inputs(self.factory, module, dataset, batch)

    def identity(self) -> dict[str, str]:
        """The library's version and, of a configuration file, its digest: what decides the network."""
        found = {"version": version(self.library)}
        if is_config_file(self.factory):
            found["config"] = hashlib.sha256(_config_bytes(Path(self.factory))).hexdigest()
        return found


def is_library_network(name: str) -> bool:
    """Whether `name` begins with a library's name and a colon."""
    return name.partition(":")[0].lower() in LIBRARIES and ":" in name


def library_network(name: str, role: Role) -> LibraryNetwork:
    """The network called ``library:name``; the library itself is not imported yet.

    Raises:
        InputError: the library is not installed, the name is empty, or a configuration cannot be read.
    """
    library, _, network = name.partition(":")
    library = library.lower()
    _check_installed(library)
    if not network:
        raise InputError(f"{name!r} names no network; write {library}:NAME")
    if is_config_file(network):
        _config_bytes(Path(network))
    shown = f"{library}:{network}"
    return LibraryNetwork(name=shown, title=shown, role=role, factory=network, library=library)


def library_names(library: str) -> list[str]:
    """Names of an installed library's networks, sorted: what may stand after ``library:``.

    Raises:
        UnknownName: no such library.
        InputError: it is not installed, or cannot be imported.
    """
    if library.lower() not in LIBRARIES:
        raise UnknownName("library", library, LIBRARIES)
    return sorted(LIBRARIES[library.lower()].names(_import(library.lower())))


def _check_installed(library: str) -> None:
    try:
        found = find_spec(library) is not None and version(library)
    except (ImportError, PackageNotFoundError, ValueError):
        found = False
    if not found:
        raise InputError(
            f"{library} is not installed here; install it beside nfenergy: pip install {library}"
        )


def _import(library: str) -> Any:
    _check_installed(library)
    try:
        return import_module(library)
    except Exception as error:
        raise InputError(f"{library} is installed, but cannot be imported: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _config_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read configuration {path}: {error.strerror or error}") from error
