"""The records that reports are made of: `Saving` and `Tradeoff`; accuracies are `Accuracy`s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from energy.measures import MEASURES, energy_domains
from energy.savings import DomainEnergy, SavingBy
from neuralfuse.accuracy import Accuracy, Key
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION, generator_name, network_name
from nfenergy.ground.columns import Column, Spread
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import rate_key

SETTING = "chosen by the user"
CALCULATED = "calculated from other columns"
NETWORK = "network definition"
SIMULATED = "simulation engine named in `engine`"
CURVE = "voltage curve named in `curve`"

TOLERANCE = 1e-6
"""Percentage points that a saving in a file may differ from what its own columns give."""


def _base(name: str) -> str:
    return network_name("base", name)


def _coverage(network: str) -> Column:
    meaning = (
        f"share of the {network}'s multiplications of two tensors that its topology holds; empty: unknown"
    )
    name = f"{network.split()[0]}_coverage_percent"
    return Column(meaning, "%", NETWORK, name=name, percent=True, low=0.0, high=100.0)


def _left_out(network: str) -> Column:
    return Column(
        f"the {network}'s other multiplications, by operation and share; empty: none", source=NETWORK
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Energy saved and latency added by one base model behind one generator at one operating point.

    `generator` is `NO_GENERATOR` for the base model alone; its counts are then zero.

    Raises:
        InputError: a saving is not that of its own energies.
    """

    base: Annotated[str, Column("base model, run at the low voltage", source=SETTING, check=_base)]
    base_width: Annotated[
        float, Column("factor on the base model's channels; 1 is the full model", source=SETTING)
    ] = 1.0
    generator: Annotated[
        str,
        Column(
            "NeuralFuse generator at nominal voltage; none: no generator",
            source=SETTING,
            check=generator_name,
            empty=NO_GENERATOR,
        ),
    ]
    dataset: Annotated[str, Column("data set, which decides the networks' form", source=SETTING)]
    input_shape: Annotated[
        str, Column("channels x rows x columns of the input; empty: the data set's", source=SETTING)
    ] = ""
    batch: Annotated[int, Column("samples at a time, of which all figures are", source=SETTING, low=1)] = 1
    convention: Annotated[str, Column("how networks are written down and counted", source=SETTING)]
    deconvolution: Annotated[str, Column("mapping of transposed convolutions", source=SETTING)] = ""
    engine: Annotated[str, Column("simulation engine that counted reads and cycles", source=SETTING)]
    array_rows: Annotated[int, Column("rows of the systolic array", "PE", SETTING, low=1)]
    array_cols: Annotated[int, Column("columns of the systolic array", "PE", SETTING, low=1)]
    dataflow: Annotated[str, Column("os, ws or is: output, weight or input stationary", source=SETTING)]
    ifmap_sram_kb: Annotated[int, Column("size of the ifmap SRAM", "1,024 B", SETTING, low=1)]
    filter_sram_kb: Annotated[int, Column("size of the filter SRAM", "1,024 B", SETTING, low=1)]
    ofmap_sram_kb: Annotated[int, Column("size of the ofmap SRAM", "1,024 B", SETTING, low=1)]
    bandwidths: Annotated[
        str, Column("DRAM words a cycle for ifmap/filter/ofmap; empty: no stalls", source=SETTING)
    ] = ""
    weight_bits: Annotated[int, Column("bits a stored weight", "bit", SETTING, low=1, high=64)]
    curve: Annotated[str, Column("voltage curve", source=SETTING)]
    voltage_norm: Annotated[
        float, Column("supply voltage of the base model's weight SRAM", "Vmin", CURVE, low=0.0, high=1.0)
    ]
    bit_error_rate: Annotated[
        float, Column("bit error rate at that voltage", "fraction", SETTING, low=0.0, high=0.5)
    ]
    bit_error_rate_is_bound: Annotated[
        bool, Column("the rate was not measured there: it is below the one given", source=CURVE)
    ] = False
    energy_per_access_norm: Annotated[
        float, Column("energy of an SRAM access there", "of Vmin's", CURVE, low=0.0, high=1.0)
    ]
    base_params: Annotated[int, Column("trainable parameters of the base model", source=NETWORK, low=0)]
    base_cycles: Annotated[
        int, Column("cycles of the base model, stalls included", "cycles", SIMULATED, low=1)
    ]
    generator_params: Annotated[int, Column("trainable parameters of the generator", source=NETWORK, low=0)]
    generator_cycles: Annotated[
        int, Column("cycles of the generator, stalls included", "cycles", SIMULATED, low=0)
    ]
    base_coverage: Annotated[float | None, _coverage("base model")] = None
    base_left_out: Annotated[str, _left_out("base model")] = ""
    generator_coverage: Annotated[float | None, _coverage("generator")] = None
    generator_left_out: Annotated[str, _left_out("generator")] = ""
    energy_table: Annotated[str, Column("energy table; empty: no energies", source=SETTING)] = ""
    energy_unit: Annotated[
        str, Column("of energies: pj, or mac for multiples of one MAC", source=SETTING)
    ] = ""
    dram: Annotated[str, Column("kind of DRAM of the table", source=SETTING)] = ""
    residency: Annotated[str, Column("what stays on chip: none, weights or all", source=SETTING)] = ""
    access: Annotated[
        str, Column("word: values are read a word at a time; value: one by one", source=SETTING)
    ] = ""
    low_voltage: Annotated[str, Column("SRAMs of the base model at the operating point", source=SETTING)] = (
        "weight-sram"
    )
    leakage: Annotated[bool, Column("the leakage of the SRAMs is counted", source=SETTING)] = False
    activation_bits: Annotated[int, Column("bits a stored activation", "bit", SETTING, low=1, high=64)] = 8
    measures: Annotated[Mapping[str, SavingBy], Spread(SavingBy, MEASURES.values)] = field(hash=False)
    domains: Annotated[Mapping[str, DomainEnergy], Spread(DomainEnergy, energy_domains)] = field(
        default_factory=dict, hash=False
    )
    clock_ghz: Annotated[float, Column("clock that turns cycles into latency", "GHz", SETTING, low=0.0)]
    base_latency_ms: Annotated[
        float, Column("one inference of the base model alone", "ms", CALCULATED, low=0.0)
    ]
    total_latency_ms: Annotated[
        float, Column("one inference of generator and base model", "ms", CALCULATED, low=0.0)
    ]
    latency_overhead_percent: Annotated[
        float, Column("latency that the generator adds", "%", CALCULATED, low=0.0)
    ]

    def __post_init__(self) -> None:
        for name, by in self.measures.items():
            if not by.base > 0:
                raise InputError(f"the base model's energy by {name} is {by.base:g}, expected more than 0")
            own = 100.0 * (by.base - by.base_low - by.generator) / by.base
            if not abs(own - by.saving_percent) <= TOLERANCE:
                raise InputError(
                    f"it says {by.saving_percent:g} % saved by {name}, its energies give {own:g} %"
                )

    @property
    def has_generator(self) -> bool:
        return self.generator != NO_GENERATOR

    @property
    def key(self) -> Key:
        """What an accuracy must agree in; see `Accuracy.key`."""
        return (
            self.dataset
            + (f" at {self.input_shape}" if self.input_shape else "")
            + (f", batch {self.batch}" if self.batch != 1 else ""),
            self.base,
            self.base_width,
            self.generator,
            rate_key(self.bit_error_rate),
            self.weight_bits,
            NO_PROTECTION,
        )

    @property
    def configuration(self) -> Key:
        """What is the same for all savings of one accelerator, counted in one way."""
        return tuple(getattr(self, name) for name in CONFIGURATION)

    @property
    def accelerator(self) -> str:
        """The accelerator and the way of counting, for a caption."""
        mapping = "" if self.deconvolution in ("", self.convention) else f" ({self.deconvolution})"
        stalls = f", DRAM words a cycle {self.bandwidths}" if self.bandwidths else ""
        return (
            f"{self.array_rows}x{self.array_cols} {self.dataflow}, SRAM {self.ifmap_sram_kb}/"
            f"{self.filter_sram_kb}/{self.ofmap_sram_kb} kB{stalls}, {self.weight_bits}-bit weights, "
            f"convention {self.convention}{mapping}, engine {self.engine}, curve {self.curve}"
        )

    def saving_percent(self, measure: str) -> float:
        """Raises InputError: the file of the savings has no such measure."""
        if measure not in self.measures:
            raise InputError(
                f"the savings have no columns of measure {measure}; "
                f"choose --measure {' or '.join(self.measures) or 'in another file'}"
            )
        return self.measures[measure].saving_percent


CONFIGURATION = (
    "convention",
    "deconvolution",
    "engine",
    "array_rows",
    "array_cols",
    "dataflow",
    "ifmap_sram_kb",
    "filter_sram_kb",
    "ofmap_sram_kb",
    "bandwidths",
    "weight_bits",
    "curve",
    "clock_ghz",
    "energy_table",
    "dram",
    "residency",
    "access",
    "low_voltage",
    "leakage",
    "activation_bits",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a trade-off stands among those it competes with.

    Attributes:
        on_front: no competitor has at least the saving and the accuracy, and more of one.
        probability: of `on_front` for one chip, accuracies taken as normal and independent.
    """

    on_front: Annotated[
        bool,
        Column(
            "nothing else for this base model has more saving by {row.title} and accuracy",
            source=CALCULATED,
            name="on_front_{row.name}",
        ),
    ]
    probability: Annotated[
        float,
        Column(
            "probability of on_front_{row.name}, accuracies normal and independent with their deviations",
            source=CALCULATED,
            name="front_probability_{row.name}",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeoff:
    """A saving with the accuracy measured for the same combination.

    Attributes:
        joined: what was joined that does not come from one source, in words; empty for nothing.
        standings: by measure, among all that compete; see `reports.fronts`.
    """

    saving: Saving
    accuracy: Accuracy
    joined: Annotated[
        str, Column("joins of unlike figures that were asked for; empty: none", source=CALCULATED)
    ] = ""
    standings: Annotated[Mapping[str, Standing], Spread(Standing, MEASURES.values)] = field(
        default_factory=dict, hash=False
    )

    @property
    def has_generator(self) -> bool:
        return self.saving.has_generator

    @property
    def clean_accuracy_percent(
        self,
    ) -> Annotated[float, Column("of what runs, without bit errors", "%", "accuracy_reference")]:
        return self.accuracy.clean_percent

    @property
    def perturbed_accuracy_percent(
        self,
    ) -> Annotated[float, Column("of what runs, with bit errors, mean", "%", "accuracy_reference")]:
        return self.accuracy.perturbed_percent

    @property
    def perturbed_accuracy_std_percent(
        self,
    ) -> Annotated[float, Column("its standard deviation over chips", "%", "accuracy_reference")]:
        return self.accuracy.perturbed_std_percent
