"""Errors that reach the user as one line: what was found, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NfEnergyError(Exception):
    """A run that failed. The command line prints the message and exits with `exit_status`.

    `details`, where a subclass has any, are lines for stdout that the message sums up.
    """

    exit_status = 1
    details = ""


class InputError(NfEnergyError):
    """Something that the user gave cannot be used: an option, a name, a file."""

    exit_status = 2


class UnknownName(InputError):
    """A name that its registry does not hold; the message lists near matches."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(repr(match) for match in near)}?" if near else ""
        super().__init__(f"no {kind} named {name!r}.{hint} Known: {', '.join(names)}.")
