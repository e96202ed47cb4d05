"""Energy by domain: weight SRAM, activation SRAM, logic and DRAM; and the measures that add them up.

Source of the constants: an energy table. Nominal voltage unless scaled by `domain_scales`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from energy.accesses import (
    ACCESSES,
    RESIDENCIES,
    Access,
    Extents,
    MemorySizes,
    Residency,
    Traffic,
    accesses_per_value,
    memory_accesses,
    resident_sizes,
)
from energy.counts import SRAM_WORD_BITS
from energy.energy_tables import DEFAULT_ENERGY_TABLE, Amount, EnergyTable, load_energy_table
from energy.measures import LEAKAGE_EXPONENT
from nfenergy.ground.errors import InputError, UnknownName

LOWERABLE = ("weight_sram", "activation_sram", "logic")
LOGIC_EXPONENT = 2.0
LOWEST_CLOCK_GHZ, CLOCK_LIMIT_GHZ = 1e-6, 1000.0


CAVEATS = (
    "Batch 1, no fusion of layers: what does not stay on chip, SCALE-Sim writes to DRAM after a layer and "
    "reads again before the next.",
    "DRAM is at nominal voltage and without refresh; no clock tree, no control, no codec is counted.",
    "Deconvolutions cost what their mapping computes, multiplications by inserted zeros included.",
    "A table of one technology applied to another compares designs and does not predict: trust the ratios "
    "under one table.",
)
"""What a reader of any total must know."""
ACTIVATIONS_CAVEAT = (
    "The activation SRAM runs at the low voltage too: no accuracy measured here covers faults in activations."
)


def check_clock(clock_ghz: float) -> None:
    """Raises InputError: no clock of a chip."""
    if not LOWEST_CLOCK_GHZ <= clock_ghz < CLOCK_LIMIT_GHZ:
        raise InputError(f"clock is {clock_ghz:g} GHz, expected at least 1e-6 (1 kHz) and less than 1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySetting:
    """What, besides the machine and the networks, decides an energy.

    Attributes:
        table: its constants.
        dram: a kind of DRAM of the table; None for its default.
        residency: what stays on chip, a name in `RESIDENCIES`.
        access: how values are read, a name in `ACCESSES`.
        weight_bits, activation_bits: 1 to 64.
        leakage: count what the SRAMs leak.
        low_voltage: domains of the base model at the operating point, of `LOWERABLE`.
        clock_ghz: turns cycles into the time of leakage.
        logic_exponent, leakage_exponent: of energy a MAC and of leakage power, by voltage.

    Raises:
        InputError: a value that cannot be used, a kind of DRAM or leakage that the table lacks.
    """

    table: EnergyTable = field(default_factory=lambda: load_energy_table(DEFAULT_ENERGY_TABLE))
    dram: str | None = None
    residency: Residency = "none"
    access: Access = "word"
    weight_bits: int = 8
    activation_bits: int = 8
    leakage: bool = False
    low_voltage: tuple[str, ...] = ("weight_sram",)
    clock_ghz: float = 1.0
    logic_exponent: float = LOGIC_EXPONENT
    leakage_exponent: float = LEAKAGE_EXPONENT

    def __post_init__(self) -> None:
        self.table.dram_energy_per_bit(self.dram)
        if self.leakage:
            self.table.leakage()
        if self.residency not in RESIDENCIES:
            raise UnknownName("residency", self.residency, RESIDENCIES)
        if self.access not in ACCESSES:
            raise UnknownName("access", self.access, ACCESSES)
        for name in self.low_voltage:
            if name not in LOWERABLE:
                raise UnknownName("domain whose voltage can be lowered", name, LOWERABLE)
        for what, bits in (("weight", self.weight_bits), ("activation", self.activation_bits)):
            if not 1 <= bits <= SRAM_WORD_BITS:
                raise InputError(f"{what} bits are {bits}, expected 1 to {SRAM_WORD_BITS}")
        check_clock(self.clock_ghz)
        for what, exponent in (("logic", self.logic_exponent), ("leakage", self.leakage_exponent)):
            if not 0 <= exponent <= 10:
                raise InputError(f"exponent of {what} is {exponent:g}, expected 0 to 10")

    @property
    def dram_per_bit(self) -> float:
        return self.table.dram_energy_per_bit(self.dram)

    @property
    def dram_kind(self) -> str:
        return self.dram or self.table.dram_default

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader of a total must know."""
        return (*CAVEATS, *([ACTIVATIONS_CAVEAT] if "activation_sram" in self.low_voltage else []))

    def __str__(self) -> str:
        per_bit = f"{self.dram_per_bit:.4g} {self.table.unit_text} a bit"
        leakage = ", leakage counted" if self.leakage else ""
        lowered = ", activation SRAM lowered too" if "activation_sram" in self.low_voltage else ""
        return (
            f"energy table {self.table.name}, DRAM {self.dram_kind} ({per_bit}), resident {self.residency}, "
            f"access {self.access}{leakage}{lowered}"
        )

    def value_bits(self, *, weights: bool) -> int:
        """Bits of a stored weight or activation."""
        return self.weight_bits if weights else self.activation_bits

    def sizes(self, built: MemorySizes, extents: Extents) -> MemorySizes:
        """The memories of a network on a machine with buffers `built`."""
        return resident_sizes(
            built,
            extents,
            self.residency,
            weight_bits=self.weight_bits,
            activation_bits=self.activation_bits,
        )


def domain_energies(traffic: Traffic, sizes: MemorySizes, setting: EnergySetting) -> dict[str, Amount]:
    """Energy by domain at nominal voltage, in the table's unit.

    Args:
        traffic: of a layer or a network, on one machine or on A.
        sizes: of its network's memories, from `EnergySetting.sizes`.
        setting: table, residency and so on.

    Returns:
        ``weight_sram``, ``activation_sram``, ``logic``, ``dram``; with leakage, also
        ``weight_sram_leakage`` and ``activation_sram_leakage``.
    """
    table = setting.table
    energies: dict[str, Amount] = {"weight_sram": 0.0, "activation_sram": 0.0, "logic": 0.0, "dram": 0.0}
    energies["logic"] = traffic.macs * table.mac
    for access in memory_accesses(traffic, setting.residency):
        bits = setting.value_bits(weights=access.weights)
        if access.memory == "dram":
            energy = access.values * (bits * setting.dram_per_bit)
        else:
            each = table.sram_energy(getattr(sizes, access.memory), access.action)
            energy = access.values * _per_value(setting, bits) * each
        energies[access.domain] += energy
    return energies | _leakage(traffic, sizes, setting)


def domain_accesses(traffic: Traffic, setting: EnergySetting) -> dict[str, Amount]:
    """What the energies are made of: SRAM accesses of the table's width, MACs, and bits of DRAM."""
    accesses: dict[str, Amount] = {"weight_sram": 0.0, "activation_sram": 0.0, "logic": 0.0, "dram": 0.0}
    accesses["logic"] = traffic.macs
    for access in memory_accesses(traffic, setting.residency):
        bits = setting.value_bits(weights=access.weights)
        each = bits if access.memory == "dram" else _per_value(setting, bits)
        accesses[access.domain] += access.values * each
    return accesses


def domain_scales(
    setting: EnergySetting, *, voltage_norm: Amount, energy_per_access_norm: Amount
) -> dict[str, Amount]:
    """Energy of every domain of the base model at an operating point, relative to nominal voltage."""
    dynamic = {
        "weight_sram": energy_per_access_norm,
        "activation_sram": energy_per_access_norm,
        "logic": voltage_norm**setting.logic_exponent,
    }
    scales: dict[str, Amount] = dict.fromkeys(("weight_sram", "activation_sram", "logic", "dram"), 1.0)
    scales |= {name: dynamic[name] for name in setting.low_voltage}
    if setting.leakage:
        lowered = voltage_norm**setting.leakage_exponent
        for name in ("weight_sram", "activation_sram"):
            scales[f"{name}_leakage"] = lowered if name in setting.low_voltage else 1.0
    return scales


def _per_value(setting: EnergySetting, bits: int) -> float:
    return accesses_per_value(setting.access, value_bits=bits, access_bits=setting.table.access_bits)


def _leakage(traffic: Traffic, sizes: MemorySizes, setting: EnergySetting) -> dict[str, Amount]:
    """Milliwatts times nanoseconds: picojoules."""
    if not setting.leakage:
        return {}
    power, nanoseconds = setting.table.leakage(), traffic.cycles / setting.clock_ghz
    return {
        "weight_sram_leakage": power.at(sizes.weight_sram) * nanoseconds,
        "activation_sram_leakage": (power.at(sizes.ifmap_sram) + power.at(sizes.ofmap_sram)) * nanoseconds,
    }
