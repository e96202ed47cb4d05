"""Networks of one's own: ``file.py:function`` stands where the name of a network does.

The function returns an `nn.Module`. It takes no arguments, or the data set's number of classes where it
requires one argument called ``classes`` or ``num_classes``; a class of modules is as good as a function.
A function ``example_inputs()`` in the same file returns what its forward pass takes, where that is not one
image: a tensor, a tuple of arguments, or a dict of them by name.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from neuralfuse.library_networks import FORMS, is_library_network, library_network
from neuralfuse.onnx_networks import FORM as ONNX_FORM
from neuralfuse.onnx_networks import OnnxNetwork, is_onnx_file, onnx_network
from neuralfuse.registry import Dataset, FileNetwork, Network, Role, networks
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.files import check_regular

if TYPE_CHECKING:
    from torch import nn

FORM = "file.py:function"
CLASS_ARGUMENTS = ("classes", "num_classes")
EXAMPLE_INPUTS = "example_inputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserNetwork(FileNetwork):
    """A network that a function in a user's file builds; `name` and `title` are file and function."""

    @property
    def given(self) -> str:
        """What names it again in the same working folder."""
        return f"{self.path}:{self.factory}"

    @property
    def anywhere(self) -> str:
        """What names it again in any working folder."""
        return f"{self.path.absolute()}:{self.factory}"

    def build(self, dataset: Dataset, *, width: float = 1.0) -> nn.Module:
        """A new network: on the meta device, if that is the default and its file can, else on the CPU.

        Raises:
            InputError: the file or its function fails, or returns no module; or a width is wanted.
        """
        import torch

        with self.at_home():
            if self.role == "base" and width != 1.0:
                raise InputError(f"its function decides its width; leave out width {width:g}")
            wants_meta = torch.get_default_device().type == "meta"
            return self._build_on_meta(dataset) if wants_meta else self.build_on_cpu(dataset)

    def _build_on_meta(self, dataset: Dataset) -> nn.Module:
        import torch

        try:
            with torch.device("meta"), warnings.catch_warnings():
                # Trained weights have no place on the meta device, and each of them says so.
                warnings.simplefilter("ignore")
                return self._call(dataset).to("meta")
        except InputError:
            raise
        except (Exception, SystemExit):
            return self.build_on_cpu(dataset)

    def example_inputs(self, module: nn.Module, dataset: Dataset, *, batch: int) -> Any:
        """What the file's ``example_inputs()`` returns; None where it has no such function.

        To be called inside `at_home`; the function decides the batch.

        Raises:
            InputError: the function fails; or another batch is wanted.
        """
        file = self.path.resolve()
        if EXAMPLE_INPUTS not in file.read_text(encoding="utf-8", errors="replace"):
            return None
        try:
            function = getattr(_run(file), EXAMPLE_INPUTS, None)
            if function is None:
                return None
            if batch != 1:
                raise InputError(f"{EXAMPLE_INPUTS}() decides the batch; leave out batch {batch}")
            return function()
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(_what_went_wrong(error, file)) from error

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """The file's folder is importable, what its code prints goes to stderr, errors name the network.

        Modules that it imported from its folder are forgotten afterwards: the next run reads them anew,
        and another folder may hold modules of the same names.
        """
        # Before the folder comes first: what PyTorch imports must not be found there.
        importlib.import_module("torch")
        folder = self.path.resolve().parent
        modules, search_path, writes_bytecode = set(sys.modules), list(sys.path), sys.dont_write_bytecode
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        try:
            with redirect_stdout(sys.stderr):
                yield
        except InputError as error:
            if str(error).startswith(f"{self.name}: "):
                raise
            raise InputError(f"{self.name}: {error}") from error
        finally:
            sys.dont_write_bytecode = writes_bytecode
            sys.path[:] = search_path
            _forget(_imported_from(folder, set(sys.modules) - modules))

    def build_on_cpu(self, dataset: Dataset) -> nn.Module:
        """A new network with values in its tensors; raises as `build`."""
        import torch

        with self._telling_errors(), torch.device("cpu"):
            return self._call(dataset)

    @contextmanager
    def function(self) -> Iterator[Callable[..., Any]]:
        """The function itself. Raises InputError: the file fails, or what is done within the ``with``."""
        with self.at_home(), self._telling_errors():
            yield _function(_run(self.path.resolve()), self.factory)

    @contextmanager
    def _telling_errors(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(_what_went_wrong(error, self.path.resolve())) from error

    def _call(self, dataset: Dataset) -> nn.Module:
        from torch import nn

        function = _function(_run(self.path.resolve()), self.factory)
        built = function(**dict.fromkeys(_required(function), dataset.classes))
        if not isinstance(built, nn.Module):
            raise InputError(f"the function returned {type(built).__name__}, expected a torch.nn.Module")
        return built


def find_network(name: str, role: Role) -> Network:
    """The named network, one of a library, or the user's: ``file.py:function`` or ``model.onnx``.

    No code of the user's runs before the network is built, and no library is imported.

    Raises:
        UnknownName: no network of this role has the name.
        InputError: there is no such file, or `name` is not of that form.
    """
    if is_library_network(name):
        return library_network(name, role)
    if is_onnx_file(name):
        return onnx_network(name, role)
    if ":" in name or "/" in name or name.endswith(".py"):
        return _user_network(name, role)
    try:
        return networks(role).find(name)
    except UnknownName as error:
        others = f"One of your own: {FORM}. Of an installed library: {FORMS}. In a file: {ONNX_FORM}."
        error.args = (f"{error} {others}",)
        raise


def find_module(name: str, role: Role) -> Network:
    """As `find_network`, of networks that PyTorch runs: an ONNX file is refused at once.

    Raises:
        InputError: as `find_network`; or `name` is an ONNX file.
    """
    network = find_network(name, role)
    if isinstance(network, OnnxNetwork):
        raise network.no_module()
    return network


def check_distinct(networks: Iterable[Network]) -> None:
    """Networks of one run are told apart by the name of the file, and by function.

    Raises:
        InputError: two files of the same name.
    """
    paths: dict[str, Path] = {}
    for network in networks:
        if isinstance(network, FileNetwork):
            path = network.path.resolve()
            if paths.setdefault(network.name, path) != path:
                raise InputError(f"two networks are called {network.name}; rename one of the files")


def _user_network(name: str, role: Role) -> UserNetwork:
    file, _, function = name.rpartition(":")
    if not file or not function:
        raise InputError(f"{name!r} names no function in a file; write {FORM}")
    path = Path(file)
    if path.suffix != ".py":
        raise InputError(f"{file!r} is not a Python file; write {FORM}, or {FORMS}")
    if not function.isidentifier():
        raise InputError(f"{function!r} in {name!r} is not the name of a function; write {FORM}")
    check_regular(path, "network file")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read network file {path}: {error.strerror or error}") from error
    shown = f"{path.name}:{function}"
    return UserNetwork(name=shown, title=shown, role=role, factory=function, path=path, sha256=digest)


def _run(file: Path) -> ModuleType:
    """The file's module, registered while it runs, as dataclasses need it."""
    name = f"user_network_{hashlib.sha256(str(file).encode()).hexdigest()[:16]}"
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _function(module: ModuleType, name: str) -> Callable[..., Any]:
    from torch import nn

    found = getattr(module, name, None)
    if found is None:
        own = [key for key, value in vars(module).items() if _is_from(module, value)]
        if not own:
            raise InputError(f"the file holds no function named {name!r}, and no other")
        raise UnknownName("function", name, own)
    if not callable(found) or isinstance(found, nn.Module):
        raise InputError(
            f"{name!r} is of type {type(found).__name__}, expected a function that returns a network"
        )
    return found  # type: ignore[no-any-return]


def _is_from(module: ModuleType, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _required(function: Callable[..., Any]) -> list[str]:
    """Names of the arguments without default: none, or the one that takes the number of classes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return []
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]
    if len(required) > 1 or not set(required) <= set(CLASS_ARGUMENTS):
        raise InputError(
            f"the function requires {', '.join(required)}; expected no arguments, or only "
            f"{' or '.join(CLASS_ARGUMENTS)} for the number of classes"
        )
    return required


def _what_went_wrong(error: BaseException, file: Path) -> str:
    """Type and first line of an error in the user's code, and the line of `file` that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file)]
    message = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return f"line {lines[-1]} raised {what}" if lines else what


def _imported_from(folder: Path, names: Iterable[str]) -> set[str]:
    """Top-level modules and packages among `names` that lie directly in `folder`."""
    found = set()
    for name in names:
        if "." not in name and name in sys.modules:
            module = sys.modules[name]
            places = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None) or ""]
            if any(Path(place).parent == folder for place in places):
                found.add(name)
    return found


def _forget(names: set[str]) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
