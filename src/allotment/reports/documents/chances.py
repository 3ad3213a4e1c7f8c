"""What hangs on Kueue's random choice among equals, as JSON: written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.reports.documents.form import seconds
from allotment.scenarios.fields import Name, Number
from allotment.scenarios.parsing import SomeFields
from allotment.scheduling.queueing.choices import ChanceKind
from allotment.simulation.outcome import RandomChoice


def choice_document(choice: RandomChoice) -> Mapping[str, Any]:
    """A choice as JSON."""
    return {
        "seconds": seconds(choice.t),
        "what": choice.what.value,
        "preemptor": choice.preemptor or None,
        "chosen": list(choice.chosen),
        "others": list(choice.others),
    }


class ChoiceFields(SomeFields, frozen=True):
    """What `choice_document` writes, without nulls."""

    seconds: Number
    what: ChanceKind
    chosen: tuple[Name, ...]
    others: tuple[Name, ...]
    preemptor: Name | None = None


def read_choice(choice: ChoiceFields) -> RandomChoice:
    """A choice from JSON; which cycle it was is not kept."""
    return RandomChoice(
        round(choice.seconds * 1000), 0, choice.what, choice.preemptor or "", choice.chosen, choice.others
    )
