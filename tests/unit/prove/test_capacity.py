"""A Job for proof is submitted only where something is idle."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from allotment.prove.capacity import has_room

GPU = "nvidia.com/gpu"


def queue(name: str, nominal: str, reserved: str | None, flavor: str = "a100") -> dict[str, Any]:
    used = [] if reserved is None else [{"name": flavor, "resources": [{"name": GPU, "total": reserved}]}]
    resources = [{"name": GPU, "nominalQuota": nominal}]
    return {
        "metadata": {"name": name},
        "spec": {"resourceGroups": [{"flavors": [{"name": flavor, "resources": resources}]}]},
        "status": {"flavorsReservation": used},
    }


@pytest.mark.parametrize(
    ("queues", "room"),
    [
        ([queue("nlp", "4", "3")], True),
        ([queue("nlp", "4", None)], True),
        ([queue("nlp", "4", "4")], False),
        ([queue("nlp", "4", "0"), queue("cv", "4", "8")], False),
        ([queue("nlp", "4", "0"), queue("cv", "4", "7")], True),
        ([queue("nlp", "4", "4"), queue("cv", "4", "0")], False),
        ([queue("nlp", "4", "0"), queue("cv", "0", "9", "t4")], True),
        ([queue("cv", "4", "4")], True),
        ([], True),
    ],
    ids=[
        "idle",
        "unused",
        "full",
        "lent out",
        "lent in part",
        "own is full",
        "other flavor",
        "queue gone",
        "no queues",
    ],
)
def test_room(queues: list[dict[str, Any]], room: bool) -> None:
    assert has_room(queues, "nlp", {GPU: Fraction(1)}) is room


def test_a_resource_that_the_queue_does_not_cover_has_no_room() -> None:
    assert not has_room([queue("nlp", "4", "0")], "nlp", {"cpu": Fraction(1)})


def test_nothing_asked_is_room_enough() -> None:
    assert has_room([queue("nlp", "0", "0")], "nlp", {})
