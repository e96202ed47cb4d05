"""The accelerator and the way of counting, from the words that the command line and the API share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TypedDict

from energy.array import SystolicArray
from energy.counts import weights_per_word
from energy.curve import VoltageCurve
from energy.curve_files import CURVES, load_curve
from energy.domains import EnergySetting, check_clock
from energy.energy_tables import DEFAULT_ENERGY_TABLE, EnergyTable, is_table_file, load_energy_table
from energy.engines import ENGINES
from energy.scalesim.cfg import load_array
from nfenergy.ground.errors import InputError
from topologies.convention import CONVENTIONS, Convention, get_convention

DEFAULT_CURVE = "stutz2021-14nm"
WEIGHTS_LOWERED = "weight-sram"


class MachineArguments(TypedDict, total=False):
    """What says on which machine, and how, something is counted; what is left out or None has its default.

    Keys:
        curve: a voltage curve, its name, or a YAML or CSV file; default `DEFAULT_CURVE`.
        assume_v2: take the square of the voltage for the energies that a curve's file does not give.
        array: rows x columns, such as ``32x32``, or a `SystolicArray`.
        dataflow: ``os``, ``ws`` or ``is``.
        config: a SCALE-Sim cfg, or the name of a preset; the others override it.
        sram_kb: size of the SRAMs in units of 1,024 bytes: ``64``, or ifmap/filter/ofmap ``64/128/64``.
        bandwidth: DRAM words a cycle of the SRAMs, ``10`` or ``10/10/10``; without it nothing stalls.
        convention: ``paper`` (default) or ``exact``, see `topologies.convention`.
        deconv: a mapping of transposed convolutions that the convention allows.
        weight_bits: bits a stored weight; default 8.
        clock_ghz: clock that turns cycles into latency; default 1.
        engine: see `energy.engines.ENGINES`.
        jobs: simulator processes at a time; default one a core.
        energy_table: an energy table, its name, or a YAML file; default `DEFAULT_ENERGY_TABLE`.
        dram: a kind of DRAM of the table; default the table's.
        resident: what stays on chip: ``none`` (default), ``weights`` or ``all``.
        access: ``word`` (default) or ``value``, see `energy.accesses.ACCESSES`.
        low_voltage: what the base model runs at the operating point: ``weight-sram`` (default), or
            ``weight-sram,activation-sram``.
        leakage: count what the SRAMs leak.
        activation_bits: bits a stored activation; default 8.
    """

    curve: str | VoltageCurve | None
    assume_v2: bool | None
    array: str | SystolicArray | None
    dataflow: str | None
    config: str | None
    sram_kb: str | int | None
    bandwidth: str | int | None
    convention: str | None
    deconv: str | None
    weight_bits: int | None
    clock_ghz: float | None
    engine: str | None
    jobs: int | None
    energy_table: str | EnergyTable | None
    dram: str | None
    resident: str | None
    access: str | None
    low_voltage: str | None
    leakage: bool | None
    activation_bits: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The accelerator and the way of counting.

    Attributes:
        array: the accelerator.
        curve: its voltage curve.
        curve_file: where the curve was read; empty for a shipped one.
        convention: see `topologies.convention`.
        deconvolution: a mapping that the convention allows; None for its default.
        weight_bits: bits a stored weight.
        clock_ghz: clock that turns cycles into latency.
        engine: a name in `energy.engines.ENGINES`.
        jobs: simulator processes at a time; None takes one a core.
        energy: energy table, residency and so on; its weight bits and clock are those here.
        energy_table_file: where the table was read; empty for a named one.

    Raises:
        InputError: a value that cannot be used.
    """

    array: SystolicArray = field(default_factory=SystolicArray)
    curve: VoltageCurve = field(default_factory=lambda: load_curve(DEFAULT_CURVE))
    curve_file: str = ""
    convention: Convention = CONVENTIONS["paper"]
    deconvolution: str | None = None
    weight_bits: int = 8
    clock_ghz: float = 1.0
    engine: str = "scalesim"
    jobs: int | None = None
    energy: EnergySetting = field(default_factory=EnergySetting)
    energy_table_file: str = ""

    def __post_init__(self) -> None:
        check_clock(self.clock_ghz)
        ENGINES.find(self.engine)
        weights_per_word(self.weight_bits)
        self.convention.deconvolution(self.deconvolution)
        setting = replace(self.energy, weight_bits=self.weight_bits, clock_ghz=self.clock_ghz)
        object.__setattr__(self, "energy", setting)

    @property
    def mapping(self) -> str:
        """The deconvolution mapping by name."""
        return self.convention.deconvolution(self.deconvolution)


def machine_of(arguments: MachineArguments, *, engine: str, sparse: bool = False) -> Machine:
    """The machine that the arguments describe; `engine` is its engine unless they name one.

    Raises:
        InputError: a value that cannot be used; or filters are sparse where `sparse` does not allow it.
    """
    array = array_of(arguments)
    if array.sparsity is not None and not sparse:
        raise InputError(
            "the cfg sets SparsitySupport, but a network has no sparsity ratios; export it, add a column "
            "Sparsity and count that file with nfenergy layers, or set it to false"
        )
    given = {name: value for name, value in arguments.items() if value is not None}
    named = given.get("curve", DEFAULT_CURVE)
    assume_v2 = bool(given.get("assume_v2", False))
    curve = named if isinstance(named, VoltageCurve) else load_curve(str(named), assume_v2=assume_v2)
    table = given.get("energy_table", DEFAULT_ENERGY_TABLE)
    is_file = isinstance(table, str) and is_table_file(table)
    return Machine(
        array=array,
        curve=curve,
        curve_file="" if named is curve or curve.name in CURVES else str(named),
        convention=get_convention(str(given.get("convention", "paper"))),
        deconvolution=arguments.get("deconv"),
        weight_bits=int(str(given.get("weight_bits", 8))),
        clock_ghz=float(str(given.get("clock_ghz", 1.0))),
        engine=ENGINES.find(str(given.get("engine", engine))).name,
        jobs=arguments.get("jobs"),
        energy=energy_setting(arguments),
        energy_table_file=str(table) if is_file else "",
    )


def energy_setting(arguments: MachineArguments) -> EnergySetting:
    """Energy table, residency and so on, but for weight bits and clock.

    Raises:
        InputError: a value that cannot be used.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    table, dram = given.get("energy_table", DEFAULT_ENERGY_TABLE), given.get("dram")
    return EnergySetting(
        table=table if isinstance(table, EnergyTable) else load_energy_table(str(table)),
        dram=None if dram is None else str(dram).lower(),
        residency=str(given.get("resident", "none")).lower(),  # type: ignore[arg-type]
        access=str(given.get("access", "word")).lower(),  # type: ignore[arg-type]
        low_voltage=parse_low_voltage(str(given.get("low_voltage", WEIGHTS_LOWERED))),
        leakage=bool(given.get("leakage")),
        activation_bits=int(str(given.get("activation_bits", 8))),
    )


def parse_low_voltage(text: str) -> tuple[str, ...]:
    """The SRAM domains at the operating point, from ``weight-sram,activation-sram``.

    Raises:
        InputError: other domains, or not the weight SRAM, whose bit errors the accuracies are of.
    """
    names = {part.strip().lower().replace("-", "_") for part in text.split(",")}
    if "weight_sram" not in names or not names <= {"weight_sram", "activation_sram"}:
        raise InputError(
            f"--low-voltage is {text!r}, expected {WEIGHTS_LOWERED} or {WEIGHTS_LOWERED},activation-sram"
        )
    return tuple(sorted(names, reverse=True))


def low_voltage_text(setting: EnergySetting) -> str:
    """The SRAM domains at the operating point as ``--low-voltage`` takes them."""
    return ",".join(name.replace("_", "-") for name in setting.low_voltage)


def array_of(arguments: MachineArguments) -> SystolicArray:
    """The accelerator alone. Raises InputError: a value that cannot be used."""
    size, dataflow = arguments.get("array"), arguments.get("dataflow")
    if isinstance(size, SystolicArray):
        array = size if dataflow is None else replace(size, dataflow=dataflow.lower())
    else:
        array = load_array(config=arguments.get("config"), size=size, dataflow=dataflow)
    if (sram := arguments.get("sram_kb")) is not None:
        ifmap, filter_, ofmap = _three(sram, "--sram-kb", "64 or 64/128/64")
        array = replace(array, ifmap_sram_kb=ifmap, filter_sram_kb=filter_, ofmap_sram_kb=ofmap)
    if (bandwidth := arguments.get("bandwidth")) is not None:
        array = replace(array, interface_bandwidths=_three(bandwidth, "--bandwidth", "10 or 10/10/10"))
    return array


def _three(text: str | int, option: str, example: str) -> tuple[int, int, int]:
    """One whole number for all three SRAMs, or ifmap/filter/ofmap."""
    parts = str(text).split("/")
    if len(parts) not in (1, 3) or not all(re.fullmatch(r"\s*\d{1,9}\s*", part) for part in parts):
        raise InputError(f"{option} is {str(text)!r}, expected {example} (ifmap/filter/ofmap)")
    ifmap, filter_, ofmap = (int(part) for part in (parts * 3 if len(parts) == 1 else parts))
    return ifmap, filter_, ofmap


def bandwidths_text(array: SystolicArray) -> str:
    """User-given bandwidths as ``--bandwidth`` takes them; empty without any."""
    return "/".join(map(str, array.interface_bandwidths or ()))
