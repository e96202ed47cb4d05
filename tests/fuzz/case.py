"""What a format hands the campaign: one case, and what must be true of it.

A format is one module below `tests.fuzz.formats` and one row of its `FORMATS`. It draws cases: files in a
folder, a command line that reads them, and the rules that decide whether they may be accepted, stated
independently of the product.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Files = Mapping[str, bytes]
Mutate = Callable[[bytes, random.Random], bytes]


class Forbidden(Exception):
    """The rules of a format forbid a file; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One input and how it is to be judged.

    Attributes:
        argv: command line, run in the case's folder.
        check: raises `Forbidden` where the rules forbid the input; takes stdout of the run that accepted it.
        call: run instead of the command line; raises what the command line would report.
        changing: files that a successful run may change.
        may_warn: a library may warn of what the user's own code does.
        real: nothing is cut short where long work would begin (see `tests.fuzz.running`).
    """

    argv: tuple[str, ...]
    check: Callable[[str], None]
    call: Callable[[], None] | None = None
    changing: tuple[str, ...] = ()
    real: bool = False
    may_warn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of input.

    Attributes:
        name: of the format.
        draw: writes a case into a folder; `None` for the random numbers asks for the case without damage,
            which must be accepted.
        share: how often it is drawn, relative to the others.
    """

    name: str
    draw: Callable[[Path, random.Random | None], Case]
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Files without a mistake, the command lines that read them, and their rules.

    Attributes:
        files: by name; the first is damaged, sometimes another one.
        lines: command lines; one is drawn.
        rules: raises `Forbidden`; takes the folder.
        mutate: damages a file with knowledge of its structure.
        fixed: names of files that are never damaged.
        check_output: raises `Forbidden` where stdout of the accepted run cannot be right.
    """

    files: Files
    lines: Sequence[tuple[str, ...]]
    rules: Callable[[Path], None]
    mutate: Mutate
    fixed: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    check_output: Callable[[str], None] = lambda stdout: None
    may_warn: bool = False


def file_format(name: str, samples: Callable[[], Sequence[Sample]], *, share: float = 1.0) -> Format:
    """A format whose cases are damaged files."""
    from tests.fuzz.places import displace

    def draw(folder: Path, rng: random.Random | None) -> Case:
        found = samples()
        sample = found[0] if rng is None else rng.choice(found)
        target = None
        if rng is not None:
            open_ = [name for name in sample.files if name not in sample.fixed]
            target = open_[0] if rng.random() < 0.7 else rng.choice(open_)
        for file, content in sample.files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sample.mutate(content, rng) if rng is not None and file == target else content)
        place = None
        if rng is not None and target is not None and rng.random() < 0.05:
            place = displace(folder / target, rng)

        def check(stdout: str) -> None:
            if place is not None:
                raise Forbidden(place)
            sample.rules(folder)
            sample.check_output(stdout)

        line = sample.lines[0] if rng is None else rng.choice(sample.lines)
        return Case(argv=line, check=check, changing=sample.changing, may_warn=sample.may_warn)

    return Format(name=name, draw=draw, share=share)
