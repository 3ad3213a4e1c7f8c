"""Plans as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from allotment.plan.changes import MissingRight
from allotment.reports.documents.form import plain
from allotment.reports.documents.plan import plan_document, rows_of
from tests.unit.results import PLAN


def test_a_plan_as_a_document_is_plain_json() -> None:
    told = json.loads(json.dumps(plain(plan_document(PLAN, rows_of(PLAN)))))
    assert told["summary"] == {
        "create": 5, "update": 1, "delete": 1, "drain": 2, "conflict": 1, "blocked": 1, "unchanged": 3,
    }  # fmt: skip
    (update,) = [change for change in told["changes"] if change["action"] == "update"]
    assert [set(field) & {"old", "new"} for field in update["fields"]] == [
        {"old", "new"},
        {"new"},
        {"old"},
        {"old", "new"},
    ]
    assert told["warnings"][0]["code"] == "quota-below-use"


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (0, {"action": "create", "family": "rbac", "team": "cv"}),
        (6, {"action": "conflict", "family": "resource-quotas", "team": "cv"}),
        (7, {"action": "delete", "family": "no longer declared", "team": "old"}),
        (8, {"action": "drain", "family": "workloads that are ended", "team": "old", "running": {"Job": 2}}),
        (10, {"action": "blocked", "family": "blocked", "team": "", "wanted": "create", "fix": "rename the team"}),
    ],
    ids=lambda value: value["action"] if isinstance(value, dict) else "",
)
def test_a_change_tells_family_and_team(at: int, told: dict[str, object]) -> None:
    change = plan_document(PLAN, rows_of(PLAN))["changes"][at]
    assert {key: change[key] for key in told} == told


def test_what_is_chosen_of_a_plan_leaves_its_summary_whole() -> None:
    told = plan_document(PLAN, rows_of(PLAN)[:1])
    assert (len(told["changes"]), told["summary"]["create"]) == (1, 5)


def test_a_plan_that_saw_a_part_only_says_so() -> None:
    assert plan_document(PLAN, ())["partial"] is False
    unread = replace(PLAN, missing=(MissingRight("list", "", "secrets", unread=True),))
    told = plan_document(unread, ())
    assert told["partial"] is True
    assert told["missingRights"] == [{"verb": "list", "group": "", "resource": "secrets", "unread": True}]
