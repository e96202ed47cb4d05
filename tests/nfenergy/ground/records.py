"""Records for the tests of tables: every kind of column, a record within a record, and one column a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from nfenergy.ground.columns import Column, Kind, Spread
from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal:
    """A row of a registry that columns are spread over."""

    name: str
    title: str
    kind: Kind = "number"


METALS = [Metal(name="iron", title="Iron", kind="integer"), Metal(name="tin", title="Tin")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    amount: Annotated[int | float, Column("{row.title} in it", "g", name="{row.name}_grams", low=0)]
    price: Annotated[float | None, Column("of {row.title}", "EUR", name="{row.name}_price")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    name: Annotated[str, Column("who made it", joined="maker")]
    town: Annotated[str, Column("where", joined="maker_town")] = ""
    founded: Annotated[int, Column("year", joined=None)] = 1900
    note: str = "in no table"


def _colour(text: str) -> str:
    if text.lower() not in ("red", "blue"):
        raise InputError(f"{text!r} is neither red nor blue")
    return text.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: Annotated[str, Column("what it is called", source="its maker")]
    width_mm: Annotated[int, Column("how wide", "mm", low=1, high=10**9)]
    weight_g: Annotated[float | None, Column("how heavy", "g", low=0.0)]
    waste: Annotated[float, Column("what is cut off", "%", name="waste_percent", percent=True, high=100.0)]
    sold: Annotated[bool, Column("whether it is sold")] = False
    colour: Annotated[str, Column("its colour", check=_colour, empty="red")]
    maker: Maker
    metals: Annotated[Mapping[str, Share], Spread(Share, METALS.copy)] = field(
        default_factory=dict, hash=False
    )

    @property
    def area_mm2(self) -> Annotated[int, Column("of a square of that width", "mm2", "calculated")]:
        return self.width_mm**2

    def __post_init__(self) -> None:
        if self.name == "nothing":
            raise InputError("a part has a name")


COLUMNS = (
    "name", "width_mm", "weight_g", "waste_percent", "sold", "colour", "maker", "maker_town",
    "iron_grams", "iron_price", "tin_grams", "tin_price", "area_mm2",
)  # fmt: skip


def part(**change: object) -> Part:
    values: dict[str, object] = {
        "name": "bolt", "width_mm": 8, "weight_g": 2.5, "waste": 0.125, "colour": "blue",
        "maker": Maker(name="Acme", town="Ulm"),
        "metals": {"iron": Share(amount=3, price=0.5), "tin": Share(amount=0.25)},
    }  # fmt: skip
    return Part(**{**values, **change})  # type: ignore[arg-type]
