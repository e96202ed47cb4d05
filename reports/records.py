"""The records that reports are made of: `Saving`, `Accuracy`, `Tradeoff`, `LayerRow`.

What each field means, and its unit, is written once, in `reports.columns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from energy.counts import LayerCounts
from reports.names import NO_GENERATOR
from topologies.layers import Layer

Measure = Literal["twma", "mac"]
"""What energy is reckoned by: weight memory accesses or multiply-accumulates."""

MEASURE_TITLES: dict[Measure, str] = {"twma": "T.W.M.A.", "mac": "MACs"}

CombinationKey = tuple[str, str, float, str, float, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Energy saved and latency added by one base model behind one generator at one operating point.

    `generator` is `NO_GENERATOR` for the base model alone; its counts are then zero.
    """

    base: str
    base_width: float = 1.0
    generator: str
    dataset: str
    convention: str
    engine: str
    array_rows: int
    array_cols: int
    dataflow: str
    ifmap_sram_kb: int
    filter_sram_kb: int
    ofmap_sram_kb: int
    weight_bits: int
    curve: str
    voltage_norm: float
    bit_error_rate: float
    energy_per_access_norm: float
    base_params: int
    base_macs: int
    base_twma: float
    base_cycles: int
    generator_params: int
    generator_macs: int
    generator_twma: float
    generator_cycles: int
    twma_saving_percent: float
    mac_saving_percent: float
    twma_break_even_voltage_norm: float | None
    mac_break_even_voltage_norm: float | None
    clock_ghz: float
    base_latency_ms: float
    total_latency_ms: float
    latency_overhead_percent: float

    def saving_percent(self, measure: Measure) -> float:
        return self.twma_saving_percent if measure == "twma" else self.mac_saving_percent

    def accesses(self, measure: Measure) -> tuple[float, float]:
        """What the base model and the generator cost by `measure`: words or MACs."""
        if measure == "twma":
            return self.base_twma, self.generator_twma
        return self.base_macs, self.generator_macs


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Accuracy of one base model behind one generator at one bit error rate; percent.

    Means and standard deviations are over chips (fault seeds). For the base model alone
    (`NO_GENERATOR`) the generator's three figures repeat the base model's.

    Attributes:
        bit_error_rate: a fraction; what it counts (cells or bits) is the fault model's business.
        source: ``published`` or ``measured``, with what was done to it since, if anything.
        reference: table or file that it was read from.
    """

    dataset: str
    base: str
    base_width: float = 1.0
    generator: str
    bit_error_rate: float
    fault_model: str
    weight_bits: int
    source: str
    reference: str
    base_clean_percent: float
    base_perturbed_percent: float
    base_perturbed_std_percent: float
    clean_percent: float
    perturbed_percent: float
    perturbed_std_percent: float
    seeds: str = ""

    @property
    def is_interpolated(self) -> bool:
        """Whether it lies between two measured bit error rates, where nobody measured."""
        return "interpolated" in self.source

    @property
    def recovery_percent(self) -> float:
        """Percentage points of perturbed accuracy that the generator gives back."""
        return self.perturbed_percent - self.base_perturbed_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """A saving with the accuracy measured for the same combination.

    Attributes:
        joined: what was joined that does not come from one source, in words; empty for nothing.
    """

    saving: Saving
    accuracy: Accuracy
    joined: str = ""

    @property
    def has_generator(self) -> bool:
        return self.saving.generator != NO_GENERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of one network: shape, what the engine counted, and its share of the energy.

    Attributes:
        base, generator: the combination that the layer runs in.
        network: the one of them that it belongs to; `role` is ``base`` or ``generator``.
        folds: fillings of the array.
        twma: SRAM words read for its weights.
        energy_share_percent: of the weight-access energy of one inference, base model at the low
            voltage and generator at the nominal one.
    """

    base: str
    generator: str
    network: str
    role: str
    dataset: str
    convention: str
    layer: Layer
    folds: int
    counts: LayerCounts
    twma: float
    energy_share_percent: float


def saving_key(saving: Saving) -> CombinationKey:
    """What a saving and an accuracy must agree in to be joined; the fault model is the accuracy's alone."""
    return (
        saving.dataset,
        saving.base,
        saving.base_width,
        saving.generator,
        round(saving.bit_error_rate, 12),
        saving.weight_bits,
    )


def accuracy_key(accuracy: Accuracy) -> CombinationKey:
    """See `saving_key`."""
    return (
        accuracy.dataset,
        accuracy.base,
        accuracy.base_width,
        accuracy.generator,
        round(accuracy.bit_error_rate, 12),
        accuracy.weight_bits,
    )


def configuration(saving: Saving) -> tuple[str | int | float, ...]:
    """What is the same for all savings of one accelerator, counted in one way."""
    return (
        saving.convention,
        saving.engine,
        saving.array_rows,
        saving.array_cols,
        saving.dataflow,
        saving.ifmap_sram_kb,
        saving.filter_sram_kb,
        saving.ofmap_sram_kb,
        saving.weight_bits,
        saving.curve,
        saving.clock_ghz,
    )


def configuration_title(saving: Saving) -> str:
    """The accelerator and the way of counting, for a caption."""
    return (
        f"{saving.array_rows}x{saving.array_cols} {saving.dataflow}, SRAM {saving.ifmap_sram_kb}/"
        f"{saving.filter_sram_kb}/{saving.ofmap_sram_kb} kB, {saving.weight_bits}-bit weights, convention "
        f"{saving.convention}, engine {saving.engine}, curve {saving.curve}"
    )
