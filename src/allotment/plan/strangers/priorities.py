"""Priority classes that are not ours but decide what our pods get."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.model.manifest import key_of
from allotment.plan.strangers.grounds import Grounds
from allotment.plan.strangers.stranger import Live, Stranger


def default_class(live: Live, around: Grounds) -> Iterator[Stranger]:
    """Another class is the cluster's default: the ladder's is not, then."""
    for body in live.of("PriorityClass"):
        key = key_of(body)
        if body.get("globalDefault") is True and key not in around.declared:
            what = f"is the cluster's default class, with value {body.get('value', 0)}"
            why = "pods that name no class get it, and not the ladder's default"
            yield Stranger(key, "", what, why, "take globalDefault off it, and apply the platform")
