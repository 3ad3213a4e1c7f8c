"""Two snapshots, object by object."""

from __future__ import annotations

from typing import Any

from allotment.model.observed.snapshot import Snapshot
from allotment.observe.differences import MOST_FIELDS, FieldMoved, Happened, differences
from allotment.observe.printed import printed_snapshot
from tests.unit.observe.objects import NOW, OURS, pod, raw


def of(*raws: dict[str, Any], name: str = "prod") -> Snapshot:
    return printed_snapshot(raws, NOW, name).snapshot


def ready(status: str, moment: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": status, "lastTransitionTime": moment}]
    return raw("Node", "v1", "n", number=5, status={"conditions": conditions, "allocatable": {"cpu": "4"}})


def test_what_came_went_and_changed() -> None:
    moved = pod("moved", OURS, 1, node="")
    before = of(moved, pod("gone", OURS, 2), pod("again", OURS, 3), ready("True", "a"))
    after = of(pod("moved", OURS, 1), pod("new", OURS, 4), pod("again", OURS, 9), ready("False", "b"))
    found = {each.name: each for each in differences(before, after)}
    assert {name: each.happened for name, each in found.items()} == {
        "moved": Happened.CHANGED, "gone": Happened.WENT, "again": Happened.REPLACED, "new": Happened.CAME,
        "n": Happened.CHANGED,
    }  # fmt: skip
    assert found["moved"].fields == (FieldMoved("spec.nodeName", "", "a100-0"),)
    assert found["n"].fields == (FieldMoved("status.conditions.Ready.status", "True", "False"),)
    assert not differences(before, before)


def test_a_time_that_moved_alone_is_no_difference() -> None:
    assert not differences(of(ready("True", "a")), of(ready("True", "b")))


def test_fields_are_bounded_and_the_rest_is_counted() -> None:
    many = {f"r{number}": "1" for number in range(MOST_FIELDS + 5)}
    (found,) = differences(
        of(raw("Node", "v1", "n")), of(raw("Node", "v1", "n", status={"allocatable": {**many, "x": "y" * 999}}))
    )
    assert (len(found.fields), found.more) == (MOST_FIELDS, 6)
    assert all(len(each.after) <= 121 for each in found.fields)
