"""Protections of a low-voltage weight memory by name: what each leaves, costs and needs.

A protection says in closed form which bit error rate it leaves at each bit position of a weight, and its
injector gives the bit errors of one chip as the protected hardware would hand them to the accelerator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from neuralfuse.memory.bit_errors import FaultModel, WordFaults
from neuralfuse.memory.hsiao import DATA_BITS, secded_code
from neuralfuse.memory.injectors import repaired_rows, secded, sound_bits, unprotected
from neuralfuse.memory.protection_costs import (
    HYBRID_8T_6T,
    UNPROTECTED,
    Costs,
    secded_costs,
    spare_row_costs,
)
from neuralfuse.memory.row_repair import unrepaired_rate
from neuralfuse.memory.secded_rates import Rates, residual_rates
from neuralfuse.memory.stored_words import StoredWords
from neuralfuse.registry import NO_PROTECTION
from nfenergy.ground.errors import InputError
from nfenergy.ground.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One protection.

    Attributes:
        name: as users type it.
        title: what it does, in words.
        needs: what a design must have or do for it.
        extra_storage: bits of a weight -> cells added, as a fraction of the cells of the weights.
        costs: bits of a weight -> costs.
        residual: rate at which cells misread, bits of a weight -> bit error rate of each bit position of a
            weight, lowest bit first, shape (bits,); cells misread independently of each other.
        inject: stored words, fault model, bit error rate, chip -> bit errors of each layer as they come out
            of the protected memory; they hold for these stored words.
        highest_bits: how many bits of a weight it protects; None where all.
    """

    name: str
    title: str
    needs: str
    extra_storage: Callable[[int], float]
    costs: Callable[[int], Costs]
    residual: Callable[[float, int], Rates]
    inject: Callable[[StoredWords, FaultModel, float, int], tuple[WordFaults, ...]]
    highest_bits: int | None = None


BANK_ROWS, ROW_CELLS = 512, 64
"""An SRAM array as in Stutz et al., Fig. 1 (Chandramoorthy et al., HPCA 2019): 512 x 64 bits."""


def none() -> Protection:
    """The memory without protection."""
    return Protection(
        name=NO_PROTECTION,
        title="no protection",
        needs="nothing",
        extra_storage=lambda bits: 0.0,
        costs=lambda bits: UNPROTECTED,
        residual=lambda rate, bits: np.full(bits, rate),
        inject=unprotected,
    )


def secded_words(data_bits: int, *, zeroed: bool = False) -> Protection:
    """SECDED over words of so many data bits.

    Args:
        data_bits: of a code word, weights one after another.
        zeroed: words with detected errors are read as zeros, not as they are.

    Raises:
        InputError: there is no code of that width.
    """
    code = secded_code(data_bits)
    extra = code.check_bits / data_bits
    return Protection(
        name=_policy_name(f"secded-{code.cells}-{data_bits}", zeroed),
        title=f"SECDED({code.cells},{data_bits}), {_policy_title(zeroed)}",
        needs=f"{code.check_bits} check bits for {data_bits} data bits, encoder and decoder",
        extra_storage=lambda bits: extra,
        costs=lambda bits: secded_costs(extra),
        residual=lambda rate, bits: _by_position(residual_rates(code, rate, zeroed=zeroed), bits),
        inject=partial(secded, code=code, zeroed=zeroed),
    )


def secded_highest_bits(count: int, *, zeroed: bool = False) -> Protection:
    """SECDED(72,64) over each of the `count` highest bits of 64 weights; the other bits stay as they are."""
    code = secded_code(64)

    def extra(bits: int) -> float:
        return len(_highest(count, bits)) * code.check_bits / (code.data_bits * bits)

    def residual(rate: float, bits: int) -> Rates:
        found = np.full(bits, rate)
        found[_highest(count, bits)] = residual_rates(code, rate, zeroed=zeroed).mean()
        return found

    def inject(
        memory: StoredWords, fault_model: FaultModel, rate: float, seed: int
    ) -> tuple[WordFaults, ...]:
        planes = _highest(count, memory.bits)
        return secded(memory, fault_model, rate, seed, code=code, zeroed=zeroed, planes=planes)

    return Protection(
        name=_policy_name(f"secded-msb-{count}", zeroed),
        title=f"SECDED(72,64) on {_bits(count)} of 64 weights, {_policy_title(zeroed)}",
        needs="check bits over one bit of 64 weights each, encoder and decoder for 64 weights at once",
        extra_storage=extra,
        costs=lambda bits: secded_costs(extra(bits)),
        residual=residual,
        inject=inject,
        highest_bits=count,
    )


def robust_highest_bits(count: int) -> Protection:
    """The `count` highest bits of every weight in 8T cells, which do not fail at the operating point."""

    def residual(rate: float, bits: int) -> Rates:
        found = np.full(bits, rate)
        found[_highest(count, bits)] = 0.0
        return found

    def inject(
        memory: StoredWords, fault_model: FaultModel, rate: float, seed: int
    ) -> tuple[WordFaults, ...]:
        return sound_bits(memory, fault_model, rate, seed, planes=_highest(count, memory.bits))

    return Protection(
        name=f"8t-msb-{count}",
        title=f"8T cells for {_bits(count)}",
        needs="columns of 8T cells beside those of 6T cells",
        extra_storage=lambda bits: 0.0,
        costs=lambda bits: HYBRID_8T_6T,
        residual=residual,
        inject=inject,
        highest_bits=count,
    )


def row_repair(spares: int, *, row_cells: int = ROW_CELLS, bank_rows: int = BANK_ROWS) -> Protection:
    """Spare rows for the faulty rows of every bank.

    Args:
        spares: spare rows of a bank.
        row_cells: cells of a row.
        bank_rows: rows of a bank, without the spares.

    Raises:
        InputError: a bank without rows or cells, or a negative number of spares.
    """
    if spares < 0 or row_cells < 1 or bank_rows < 1:
        raise InputError(f"no bank has {bank_rows} rows of {row_cells} cells and {spares} spare rows")
    extra = spares / bank_rows
    usual = (row_cells, bank_rows) == (ROW_CELLS, BANK_ROWS)
    costs = spare_row_costs(extra)
    return Protection(
        name=f"row-repair-{spares}" if usual else f"row-repair-{spares}-of-{bank_rows}x{row_cells}",
        title=f"{spares} spare rows for every {bank_rows} rows of {row_cells} cells",
        needs="a test of every cell at the operating point, and remapping of rows",
        extra_storage=lambda bits: extra,
        costs=lambda bits: costs,
        residual=lambda rate, bits: np.full(
            bits, unrepaired_rate(rate, spares=spares, row_cells=row_cells, bank_rows=bank_rows)
        ),
        inject=partial(repaired_rows, spares=spares, row_cells=row_cells, bank_rows=bank_rows),
    )


def _by_position(of_code: Rates, bits: int) -> Rates:
    """Rate of each bit of a weight, weights filling data words one after another."""
    stream = np.arange(np.lcm(len(of_code), bits))
    return np.bincount(stream % bits, of_code[stream % len(of_code)]) / np.bincount(stream % bits)


def _highest(count: int, bits: int) -> range:
    if not 1 <= count <= bits:
        raise InputError(f"a weight of {bits} bits has no {count} highest bits to protect")
    return range(bits - count, bits)


def _bits(count: int) -> str:
    return "the highest bit" if count == 1 else f"the {count} highest bits"


def _policy_name(name: str, zeroed: bool) -> str:
    return f"{name}-zero" if zeroed else name


def _policy_title(zeroed: bool) -> str:
    return "detected errors read as zero" if zeroed else "detected errors passed on"


PROTECTIONS: Registry[Protection] = Registry(
    "protection",
    (
        none(),
        *(secded_words(width, zeroed=zeroed) for width in DATA_BITS for zeroed in (False, True)),
        *(secded_highest_bits(count) for count in (1, 2, 3, 4)),
        *(robust_highest_bits(count) for count in (1, 2, 3, 4)),
        *(row_repair(spares) for spares in (8, 32, 128)),
    ),
)


def get_protection(name: str) -> Protection:
    """The protection called `name`, in any case.

    Raises:
        UnknownName: there is none.
    """
    return PROTECTIONS.find(name)
