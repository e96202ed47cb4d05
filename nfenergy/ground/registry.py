"""Everything that has a name: rows in registries, to which installed packages add their own.

A package names a function under the entry-point group `GROUP`; it takes nothing and adds rows with
`Registry.add`. The functions run once, before the first look-up or listing of any registry. Modules of
nfenergy look nothing up while they are imported, so that a package may import them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol, TypeVar

from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName

GROUP = "nfenergy"


class Row(Protocol):
    """What a registry lists: a name as users type it, a title or description for people."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...


R = TypeVar("R", bound=Row)


class Registry(Mapping[str, R]):
    """Rows of one kind by name, in the order in which they were added.

    Args:
        kind: what a row is called in messages, such as ``voltage curve``.
        rows: those of nfenergy itself.
    """

    def __init__(self, kind: str, rows: Iterable[R] = ()) -> None:
        self.kind = kind
        self._rows: dict[str, R] = {}
        for row in rows:
            self.add(row)

    def add(self, row: R) -> R:
        """Add a row.

        Raises:
            InputError: its name is taken, or cannot be typed as one word in lower case.
        """
        if row.name in self._rows:
            raise InputError(f"two rows for {self.kind} {row.name!r}; rename one")
        if row.name != row.name.lower() or not row.name or any(map(str.isspace, row.name)):
            raise InputError(f"{self.kind} {row.name!r}: a name is one word in lower case")
        self._rows[row.name] = row
        return row

    def find(self, name: str) -> R:
        """The row called `name`, in any case.

        Raises:
            UnknownName: there is none; the message lists near matches and all names.
        """
        try:
            return self[name.lower()]
        except KeyError:
            raise UnknownName(self.kind, name, self) from None

    def __getitem__(self, name: str) -> R:
        _add_packages()
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        _add_packages()
        return iter(self._rows)

    def __len__(self) -> int:
        _add_packages()
        return len(self._rows)


_pending = [GROUP]
"""Entry-point groups whose functions have not run yet."""


def _add_packages() -> None:
    """Let installed packages add their rows, once: the group is taken off before they run."""
    while _pending:
        from importlib.metadata import entry_points

        for entry in entry_points(group=_pending.pop()):
            package = f"package {entry.dist.name}" if entry.dist else f"entry point {entry.name}"
            try:
                entry.load()()
            except NfEnergyError as error:
                raise type(error)(f"{package}: {error}") from error
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise NfEnergyError(f"{package} cannot add its rows ({entry.value}): {reason}") from error
