"""The names that reports know, with their titles: handed in by the application, which holds the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nfenergy.ground.errors import UnknownName

NO_GENERATOR = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Titles by name, in the order in which colours, markers and rows are given out.

    Attributes:
        bases, generators, datasets: title by the name that users type.
        without_energy: generators that an accuracy may be of although no network computes them, such
            as the universal input perturbation.
    """

    bases: Mapping[str, str]
    generators: Mapping[str, str]
    datasets: Mapping[str, str]
    without_energy: Mapping[str, str] = field(default_factory=dict)

    def base(self, name: str) -> str:
        """Title of a base model; a network of the user's own is called by its name."""
        return self.bases.get(name, name)

    def generator(self, name: str) -> str:
        """Title of a generator, or what stands for none."""
        if name == NO_GENERATOR:
            return "no generator"
        return self.generators.get(name) or self.without_energy.get(name, name)

    def dataset(self, name: str) -> str:
        return self.datasets.get(name, name)

    def combination(self, base: str, generator: str) -> str:
        """Title of a base model behind a generator."""
        if generator == NO_GENERATOR:
            return f"{self.base(base)}, no generator"
        return f"{self.base(base)} + {self.generator(generator)}"

    def check_base(self, name: str) -> str:
        return _check("base model", name, self.bases)

    def check_dataset(self, name: str) -> str:
        return _check("data set", name, self.datasets)

    def check_generator(self, name: str) -> str:
        """The registered form of a generator's name; an empty one is `NO_GENERATOR`."""
        if name.lower() in ("", NO_GENERATOR):
            return NO_GENERATOR
        return _check("generator", name, {**self.generators, **self.without_energy})


def _check(kind: str, name: str, known: Mapping[str, str]) -> str:
    if name.lower() not in known:
        raise UnknownName(kind, name, known)
    return name.lower()
