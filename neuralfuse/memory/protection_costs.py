"""What protections of a memory cost in energy and area, with the sources of the figures."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a protected memory costs, as multiples of the same memory without it at the same voltage.

    Attributes:
        read: energy of a read access.
        write: energy of a write access.
        leakage: leakage power.
        area: None where no source states it.
        source: where the figures come from, and what is not in them.
        of_code: the figures are of a code's check bits, and grow with their number.
    """

    read: float = 1.0
    write: float = 1.0
    leakage: float = 1.0
    area: float | None = None
    source: str
    of_code: bool = False

    def with_code_read(self, factor: float) -> Costs:
        """The same where reading under SECDED(72,64) takes `factor` instead of `ECC_READ`.

        What a code adds to a read grows with the check bits; other protections stay as they are.

        Raises:
            InputError: the factor is below 1 or above `LARGEST_READ`.
        """
        if not 1.0 <= factor <= LARGEST_READ:
            raise InputError(f"the read factor of SECDED is {factor:g}, expected 1 to {LARGEST_READ:g}")
        if not self.of_code or factor == ECC_READ:
            return self
        source = f"read factor {factor:g} of SECDED(72,64) as given, for others scaled; else {self.source}"
        return replace(self, read=1 + (self.read - 1) * (factor - 1) / (ECC_READ - 1), source=source)


UNPROTECTED = Costs(area=1.0, source="the memory as it is")

ECC_CELLS = 8 / 64
"""Cells that the code of the figures below adds."""

ECC_READ, ECC_WRITE, ECC_LEAKAGE, ECC_AREA = 1.14, 1.13, 1.11, 1.11

LARGEST_READ = 10.0
"""Greatest read factor that is believed."""

ECC_SOURCE = (
    "CACTI 7.0 with against without ECC, 64-bit words: read 1.14 (1.115 to 1.162), write 1.13, leakage 1.11, "
    "area 1.09 to 1.13; without the energy of encoder and decoder, for which no absolute figure was found"
)

HYBRID_8T_6T = Costs(
    area=1.1041,
    source=(
        "Srinivasan et al., DATE 2016 (22 nm, hybrid 8T-6T, banks by sensitivity): area +10.41 %, access "
        "power -30.91 % against 6T at nominal voltage, the lower voltage included; none at equal voltage, so "
        "accesses and leakage count as those of 6T cells, and the area is theirs for any number of bits"
    ),
)


def secded_costs(extra_storage: float) -> Costs:
    """Costs of a code that adds so many cells, as a fraction of those of the data.

    >>> round(secded_costs(5 / 8).read, 2)
    1.7
    """
    scale = extra_storage / ECC_CELLS
    scaled = "" if scale == 1.0 else "; what they add, scaled by the added cells"
    return Costs(
        read=1 + (ECC_READ - 1) * scale,
        write=1 + (ECC_WRITE - 1) * scale,
        leakage=1 + (ECC_LEAKAGE - 1) * scale,
        area=1 + (ECC_AREA - 1) * scale,
        source=ECC_SOURCE + scaled,
        of_code=True,
    )


def spare_row_costs(extra_storage: float) -> Costs:
    """Costs of spare rows, as a fraction of all others."""
    return Costs(
        leakage=1 + extra_storage,
        area=1 + extra_storage,
        source="derived: leakage and area grow with the cells; no source for the energy of remapping rows",
    )
