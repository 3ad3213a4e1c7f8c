"""For whom a job made room, and how often it was displaced, in plain words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.operations.run.plain_reasons import lacks_room, plain_reason
from allotment.operations.run.unnamed import row_unnamed
from allotment.ports.store import JobFilter
from tests.unit.api.test_service import World, submitted

UIDS = "(UID: 4de38d46-7ade-4c1e-9b1e-0d5c8f3a2b11, JobUID: 0d5c8f3a-7ade-4c1e-9b1e-4de38d462b11)"
WHY = "prioritization in the ClusterQueue"
ROOM_MADE = (
    f"Preempted to accommodate a workload {UIDS} due to {WHY}; preemptor path: /all/nlp; preemptee path: /all/nlp"
)
SHORT = "insufficient unused quota for nvidia.com/gpu in flavor a100, 2 more needed"
LOST_PLACE = "Workload no longer fits after processing another workload"


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        (f"{ROOM_MADE}; preemptor: job/urgent in nlp", f"it made room for job/urgent in nlp ({WHY})"),
        (f"Previously: {ROOM_MADE}", f"it made room for other work ({WHY})"),
        (f"Preempted to accommodate a workload {UIDS} due to {WHY}", f"it made room for other work ({WHY})"),
        (
            f"{SHORT}; displaced 18 times so far, last by job/urgent in nlp",
            "displaced 18 times so far, last by job/urgent in nlp: 2 a100 short",
        ),
        (
            f"{ROOM_MADE}; preemptor: job/urgent in nlp; displaced 2 times so far, last by job/urgent in nlp",
            f"displaced 2 times so far, last by job/urgent in nlp: it made room for job/urgent in nlp ({WHY})",
        ),
        (f"{LOST_PLACE}; displaced 3 times so far", f"displaced 3 times so far: {plain_reason(LOST_PLACE)}"),
        ("displaced 3 times so far", "displaced 3 times so far"),
        ("ContainerCreating", "its containers are being made"),
    ],
)
def test_plain_words(said: str, plain: str) -> None:
    assert plain_reason(said) == plain


def test_what_is_displaced_again_and_again_lacks_room_as_before() -> None:
    assert lacks_room(f"{LOST_PLACE}; displaced 3 times so far")


def test_a_row_of_a_listing_says_it_plainly_and_names_nobody_to_whoever_may_not_see_him() -> None:
    world = World()
    submitted(world.desk)
    (row,) = world.desk.page(JobFilter()).rows
    assert row.plain == plain_reason(row.said)
    made_room = (
        "Preempted to accommodate a workload (UID: 1) due to reclamation within the cohort; preemptor: job of-cv"
    )
    told = world.desk.row_as_it_stands(replace(row, said=made_room))
    assert told.plain == "it made room for job of-cv (reclamation within the cohort)"
    assert row_unnamed(told).plain == "it made room for other work (reclamation within the cohort)"
