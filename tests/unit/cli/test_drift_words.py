"""Drift in the words of plans: what is live against what is declared, by whom; paths in wide tables only."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import click
import pytest

from allotment.cli.commands.change.drift_view import drift_listing, drift_text
from allotment.operations.change.drift import ClusterDrift, DriftReport, DriftState, drifted_objects
from allotment.plan.changes import Plan, Update
from allotment.plan.difference import FieldChange
from tests.unit.cli.test_plan_words import RESERVED, binding, flavor, plan_of, policy, queue, quota, update

Body = dict[str, Any]
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def by_somebody(change: Update) -> Update:
    fields = tuple(replace(field, by="kubectl-edit", since="2026-01-01T00:00:00Z") for field in change.fields)
    return replace(change, fields=fields)


def report_of(plan: Plan) -> DriftReport:
    cluster = ClusterDrift("dev", DriftState.DRIFTED, drifted_objects(plan.changes), NOW, plan, None)
    return DriftReport("acme", (cluster,))


def details(change: Update) -> list[str]:
    report = report_of(plan_of(change))
    text = click.unstyle(drift_text(report, drift_listing(report).rows))
    return [line.strip() for line in text.splitlines()[2:]]


GPUS = "requests.nvidia.com/gpu"
MORE = flavor("t4", "nvidia.com/gpu", 8)
CASES = [
    (
        "amount",
        queue(flavor("a100-reserved", "nvidia.com/gpu", 2)),
        queue(RESERVED),
        "a100-reserved GPUs: is 2, declared 16",
    ),
    ("a flavor more", queue(RESERVED, MORE), queue(RESERVED), "t4 GPUs: is 8, declared none"),
    ("quota", quota(**{GPUS: "51"}), quota(**{GPUS: "50"}), "GPUs: is 51, declared 50"),
    ("mode", policy("Audit"), policy("Deny", "Audit"), "mode: is audit, declared enforce"),
    ("people", binding("ml", "eve"), binding("ml"), "access as member: + eve against what is declared"),
    ("no word", quota(), {**quota(), "extra": 1}, ".extra: is (absent), declared 1"),
]


@pytest.mark.parametrize(("live", "declared", "line"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_fields_in_words(live: Body, declared: Body, line: str) -> None:
    assert details(update(live, declared)) == [line]
    assert details(by_somebody(update(live, declared))) == [f"{line} (by kubectl-edit, 2026-01-01T00:00:00Z)"]


def test_a_value_that_is_given_up_is_no_difference() -> None:
    kept = update(quota(pods="5"), quota(pods="5"))
    kept = replace(kept, fields=(FieldChange(("f:spec", "f:hard", "f:pods"), "5", "5"),))
    assert details(kept) == ["pods: 5 stays, but is no longer ours"]


def test_wide_tables_have_the_paths() -> None:
    listing = drift_listing(
        report_of(plan_of(update(queue(flavor("a100-reserved", "nvidia.com/gpu", 2)), queue(RESERVED))))
    )
    (column,) = [column for column in listing.columns if column.title == "DETAILS"]
    path = ".spec.resourceGroups[1].flavors[0].resources[0].nominalQuota"
    assert column.of(listing.rows[0]) == f"{path}: is 2, declared 16"
