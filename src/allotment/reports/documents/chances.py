"""What hangs on Kueue's random choice among equals, as JSON: written and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.reports.documents.form import seconds
from allotment.scenarios import checks
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


check_choices: Final = checks.each(
    checks.fields(
        {
            "seconds": checks.number,
            "what": checks.one_of(*(kind.value for kind in ChanceKind)),
            "chosen": checks.each(checks.name),
            "others": checks.each(checks.name),
        },
        {"preemptor": checks.name},
    )
)
"""The shape of what `choice_document` writes, without nulls."""


def read_choice(data: Mapping[str, Any]) -> RandomChoice:
    """A choice from JSON that `check_choices` found right; which cycle it was is not kept."""
    return RandomChoice(
        round(data["seconds"] * 1000),
        0,
        ChanceKind(data["what"]),
        data.get("preemptor", ""),
        tuple(data["chosen"]),
        tuple(data["others"]),
    )
