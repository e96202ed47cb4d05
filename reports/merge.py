"""Savings joined with accuracies: partners found, partners missing, and what may be joined with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from neuralfuse.accuracy import MEASURED, PUBLISHED, Accuracy
from neuralfuse.registry import NO_PROTECTION, combination, dataset_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.records import Saving, Tradeoff

COMPUTED_WITH_PUBLISHED = "saving computed here, accuracy published"

ELSEWHERE = "which the report's section on them and `nfenergy protections` compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """Joins that are refused unless asked for.

    Attributes:
        published: savings computed here with published accuracies, as in the paper's own figures;
            ``--accuracy published`` asks for it by name.
        sources: published and measured accuracies in one result.
        fault_models: accuracies of different fault models in one result.
    """

    published: bool = False
    sources: bool = False
    fault_models: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Savings with their accuracies, and every row that found no partner.

    Attributes:
        tradeoffs: in the order of the savings.
        unmatched_savings, unmatched_accuracies: rows without a partner.
        joins: in words, each join that was asked for; empty where everything is of one kind.
    """

    tradeoffs: tuple[Tradeoff, ...]
    unmatched_savings: tuple[Saving, ...]
    unmatched_accuracies: tuple[Accuracy, ...]
    joins: tuple[str, ...]

    @property
    def unmatched(self) -> tuple[str, ...]:
        """A line for each row without partner, and one for all accuracies under protections."""
        bare = [row for row in self.unmatched_accuracies if row.protection == NO_PROTECTION]
        protected = len(self.unmatched_accuracies) - len(bare)
        return (
            *(
                f"no accuracy for {_where(saving)} at {percent_text(saving.bit_error_rate)} bit errors, "
                f"{saving.weight_bits}-bit weights"
                for saving in self.unmatched_savings
            ),
            *(
                f"no saving for {_where(row)} at {percent_text(row.bit_error_rate)} bit errors, "
                f"{row.weight_bits}-bit weights ({row.reference})"
                for row in bare
            ),
            *([f"{protected} accuracies under protections of the memory, {ELSEWHERE}"] * (protected > 0)),
        )


def merge(
    savings: Sequence[Saving], accuracies: Sequence[Accuracy], *, consent: Consent | None = None
) -> Merged:
    """Join on data set, base model and width, generator, bit error rate and weight bits.

    Savings know no fault model: each accuracy keeps its own, and a saving joined with accuracies of
    several fault models gives one row for each. Savings may be of several accelerators.

    Raises:
        InputError: a saving comes twice, or a join that `Consent` does not cover.
    """
    consent = consent or Consent()
    by_key: dict[object, list[Accuracy]] = defaultdict(list)
    for accuracy in accuracies:
        by_key[accuracy.key].append(accuracy)
    _refuse_duplicates(savings)
    partners = [(saving, by_key.get(saving.key, [])) for saving in savings]
    matched = [accuracy for _, rows in partners for accuracy in rows]
    joins = _joins(matched, consent)
    keys = {saving.key for saving in savings}
    return Merged(
        tradeoffs=tuple(
            Tradeoff(saving=saving, accuracy=accuracy, joined="; ".join(joins))
            for saving, rows in partners
            for accuracy in rows
        ),
        unmatched_savings=tuple(saving for saving, rows in partners if not rows),
        unmatched_accuracies=tuple(row for row in accuracies if row.key not in keys),
        joins=joins,
    )


def _joins(accuracies: Sequence[Accuracy], consent: Consent) -> tuple[str, ...]:
    sources = sorted({accuracy.source for accuracy in accuracies})
    models = sorted({accuracy.fault_model for accuracy in accuracies})
    joins = []
    if PUBLISHED in sources:
        if not consent.published:
            raise InputError(
                "published accuracies are not joined with savings computed here unless asked for; "
                "ask with --accuracy published, or --mixed for a file that holds them"
            )
        joins.append(COMPUTED_WITH_PUBLISHED)
    if len(sources) > 1:
        if not consent.sources:
            raise InputError(
                f"{PUBLISHED} and {MEASURED} accuracies are not joined in one result unless asked for; "
                "give one of them, or ask with --mixed"
            )
        joins.append("published and measured accuracies mixed")
    if len(models) > 1:
        if not consent.fault_models:
            raise InputError(
                f"accuracies under different fault models ({', '.join(models)}) do not compare; "
                "choose one with --fault-model, or ask for the join with --mixed"
            )
        joins.append(f"fault models mixed: {', '.join(models)}")
    return tuple(joins)


def _refuse_duplicates(savings: Sequence[Saving]) -> None:
    seen: set[object] = set()
    for saving in savings:
        key = (saving.key, saving.configuration)
        if key in seen:
            raise InputError(
                f"two savings for {saving.base} + {saving.generator} on {saving.dataset} at "
                f"{percent_text(saving.bit_error_rate)} bit errors and the same accelerator; keep one of them"
            )
        seen.add(key)


def _where(row: Saving | Accuracy) -> str:
    return f"{combination(row.base, row.generator)} on {dataset_title(row.dataset)}"
