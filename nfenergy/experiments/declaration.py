"""An experiment's declaration: a YAML file, one of those shipped or a user's own, validated as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nfenergy.experiments.quantities import QUANTITIES
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.yaml_files import parse_yaml, read_yaml

Cell = str | int | float | bool | None
Name = Annotated[str, Field(min_length=1)]
Template = dict[str, Any]
Scale = Literal["smoke", "small", "paper"]
SCALES: tuple[Scale, ...] = ("smoke", "small", "paper")

SUFFIX = ".yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Changes(_Part):
    """What differs: of networks, of their test, or of the rows, at one scale or for one kind of row."""

    base: Template = {}
    generator: Template = {}
    test: Template = {}


class AtScale(Changes):
    """What differs at one scale; `where` and `rates` keep those rows and rates of the table."""

    where: dict[str, Cell | list[Cell]] = {}
    rates: list[str] | None = None
    cases: dict[str, dict[str, Changes]] = {}


class Side(_Part):
    """One side of a claim: a quantity of the rows that `where` names, at one rate or at all."""

    value: str
    where: dict[str, Cell | list[Cell]] = {}
    rate: str | None = None

    @model_validator(mode="after")
    def _known(self) -> Side:
        _check_quantity(self.value)
        if QUANTITIES[self.value].of is None:
            raise ValueError(f"{self.value} is counted and not tested: there is no interval to judge it by")
        return self


class Claim(_Part):
    """`greater` is greater than `than` by more than `by` points, or differs by less than `within` points.

    Below 0, `by` is how far short `greater` may fall; the text says so then.
    """

    text: str
    greater: Side
    than: Side
    by: float = 0.0
    within: float | None = None


class Lines(_Part):
    """A figure: a quantity over the rate (or over a cell), one line for each combination of `by`."""

    y: str
    x: str = "rate"
    by: list[str] = []
    log_x: bool = True

    @model_validator(mode="after")
    def _known(self) -> Lines:
        _check_quantity(self.y)
        return self


class Experiment(_Part):
    """A table or a figure; `nfenergy experiment show NAME` prints one to start from.

    Attributes:
        name: of the file, without its suffix.
        title: what it shows.
        source: where the papers print it.
        state: ``exact`` trains nothing, ``training`` trains and tests, ``drawing`` draws what others make.
        paper: whose recipes it takes, ``stutz``, ``neuralfuse``, or our own of a data set, ``nfenergy``.
        dataset: of the paper.
        draw: of a drawing, its kind, see `nfenergy.experiments.drawings`.
        study: of a comparison of protections, the accuracy floor in percent at each scale.
        command: of one that neither trains nor draws, what makes it.
        needs: likewise, what must be there before.
        published: name of the printed table among those shipped.
        where: rows of the printed table that belong here.
        row: columns whose cells name a row; a key of `cases` may be any of them.
        rate: column with the bit error rate of the test, in percent.
        rows: cells of each row, where there is no printed table.
        rates: bit error rates of every row, where there is no such column, such as ``1%``.
        values: quantities of the table, each with its column in the printed one, or null.
        base, generator, test: settings; ``$NAME`` is a cell of the row, ``$NAME%`` that as a rate.
        cases: what a cell changes, by column and cell.
        small, smoke: what differs at these scales.
        claims: what the table is to show.
        figure: drawn beside the table.
    """

    name: str
    title: str
    source: str = ""
    state: Literal["exact", "training", "drawing"] = "training"
    paper: Literal["stutz", "neuralfuse", "nfenergy"] = "neuralfuse"
    dataset: str = "cifar10"
    draw: Literal["fault-maps", "quantization", "weights", "protections"] | None = None
    study: dict[Scale, float] = {}
    command: str = ""
    needs: str = "nothing"
    published: Name | None = None
    where: dict[str, Cell | list[Cell]] = {}
    row: list[Name] = []
    rate: Name | None = None
    rows: list[dict[str, Cell]] = []
    rates: list[str] = []
    values: dict[str, Name | None] = {}
    base: Template = {}
    generator: Template = {}
    test: Template = {}
    cases: dict[str, dict[str, Changes]] = {}
    small: AtScale = AtScale()
    smoke: AtScale = AtScale()
    claims: list[Claim] = []
    figure: Lines | None = None

    @model_validator(mode="after")
    def _whole(self) -> Experiment:
        if (self.draw == "protections") != bool(self.study):
            raise ValueError("study: accuracy floors go with the drawing of protections")
        if self.study and (lacking := [scale for scale in SCALES if scale not in self.study]):
            raise ValueError(f"study: the accuracy floor of {lacking[0]} is missing")
        if self.draw is not None:
            if not self.rows:
                raise ValueError("rows: what is drawn is missing")
            return self
        if self.state != "training":
            if not self.command:
                raise ValueError("command: what makes it is missing")
            return self
        if (self.published is None) == (not self.rows):
            raise ValueError("give either the name of a printed table (published) or rows")
        if self.published is not None and not self.row:
            raise ValueError("row: the columns whose cells name a row are missing")
        if self.published is None and (self.row or self.rate or self.where or any(self.values.values())):
            raise ValueError("row, rate, where and columns of values are of a printed table (published)")
        if len({tuple(row) for row in self.rows}) > 1:
            raise ValueError("rows: each row has the same cells in the same order")
        if not self.values:
            raise ValueError("values: the quantities of the table are missing")
        if not self.base:
            raise ValueError("base: the settings of the base are missing")
        for quantity in self.values:
            _check_quantity(quantity)
            if QUANTITIES[quantity].behind and not self.generator:
                raise ValueError(f"values: {quantity} is of a generator, and there is none")
        if not self.rate and not self.rates and any(QUANTITIES[name].perturbed for name in self.values):
            raise ValueError("rates: the bit error rates of the test are missing")
        return self

    @property
    def origin(self) -> str:
        """Where it is printed, or its name where nobody printed it."""
        return self.source or self.name

    @property
    def runs(self) -> bool:
        """Whether `experiment run` makes it, not another command."""
        return self.state == "training" or self.draw is not None

    def at(self, scale: Scale) -> AtScale:
        """What differs at a scale; at the paper's nothing."""
        return {"smoke": self.smoke, "small": self.small}.get(scale, AtScale())


def _check_quantity(name: str) -> None:
    if name not in QUANTITIES:
        raise ValueError(f"no quantity named {name!r}. Known: {', '.join(QUANTITIES)}.")


def experiments() -> tuple[str, ...]:
    """Names of the shipped experiments, in the order of the papers' tables and figures."""
    return tuple(sorted(_shipped(), key=_place))


def get_experiment(name: str) -> Experiment:
    """A shipped experiment by its name, or that of a YAML file.

    Raises:
        UnknownName: there is none of that name.
        InputError: the file is no experiment; the message names the field.
    """
    if name.endswith((SUFFIX, ".yml")):
        path = Path(name)
        return validated(read_yaml(path, "experiment"), path.stem, name)
    if name.lower() not in _shipped():
        raise UnknownName("experiment", name, experiments())
    return _shipped_experiment(name.lower())


def shipped_text(name: str) -> str:
    """The file of a shipped experiment. Raises UnknownName: there is none of that name."""
    if name.lower() not in _shipped():
        raise UnknownName("experiment", name, experiments())
    return _shipped()[name.lower()]


@cache
def _shipped_experiment(name: str) -> Experiment:
    return validated(parse_yaml(_shipped()[name], name), name, name)


@cache
def _shipped() -> dict[str, str]:
    folder = files("nfenergy.experiments") / "recipes"
    return {
        entry.name.removesuffix(SUFFIX): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(SUFFIX)
    }


def _place(name: str) -> tuple[str, str, int, str]:
    """``stutz-table9`` before ``stutz-table10``."""
    paper, _, rest = name.partition("-")
    kind = rest.rstrip("0123456789")
    number = rest[len(kind) :]
    return paper, kind, int(number or 0), rest


def validated(content: object, name: str, where: str) -> Experiment:
    """The experiment that a mapping declares.

    Raises:
        InputError: it declares none; the message names the field.
    """
    if not isinstance(content, Mapping):
        raise InputError(f"{where} is no experiment; `nfenergy experiment show stutz-table2` prints one")
    try:
        return Experiment.model_validate({"name": name, **content})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        known = f"; known fields: {', '.join(Experiment.model_fields)}"
        hint = known if first["type"] == "extra_forbidden" and len(first["loc"]) == 1 else ""
        raise InputError(f"{where}: {field + ': ' if field else ''}{message}{hint}") from error
