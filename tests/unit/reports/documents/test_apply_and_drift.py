"""What apply did, what drifted, and what was repaired, as JSON."""

from __future__ import annotations

from allotment.errors import UnreachableError
from allotment.operations.change.apply import ApplyReport, Outcome, Status
from allotment.operations.change.drift import (
    ClusterDrift,
    DriftedField,
    DriftedObject,
    DriftKind,
    DriftReport,
    DriftState,
)
from allotment.plan.difference import ABSENT
from allotment.plan.refused import Refusals
from allotment.reports.documents.apply import report_document
from allotment.reports.documents.drift import drift_document, drift_rows, drifted_document, repair_document
from allotment.reports.documents.form import plain
from tests.unit.results import GONE, NOW, PLAN, QUOTA

QUOTA_OBJECT = {"group": "", "kind": "ResourceQuota", "namespace": "cv", "name": "q"}
FIELD = DriftedField(".spec.pods", ABSENT, "50", "kubectl-edit", "2026-01-01T00:00:00Z")
CHANGED = DriftedObject(QUOTA.key, DriftKind.CHANGED, (FIELD,))
KEPT = DriftedObject(QUOTA.key, DriftKind.KEPT, message="is not ours")
FOREIGN = DriftedObject(GONE, DriftKind.FOREIGN, message="is not ours")
REFUSED = Refusals("legacy", "queue-required", ("Job old",), NOW, NOW, "it names no queue")
DRIFT = DriftReport(
    "acme",
    (
        ClusterDrift("a", DriftState.IN_SYNC, (KEPT,), NOW, PLAN, None, refused=(REFUSED,)),
        ClusterDrift("b", DriftState.DRIFTED, (CHANGED, FOREIGN), NOW, PLAN, None),
        ClusterDrift("c", DriftState.UNREACHABLE, (), NOW, None, UnreachableError("no answer", why="timeout")),
    ),
)


def test_a_report_counts_every_status_and_says_whether_all_is_done() -> None:
    outcomes = (
        Outcome(PLAN.changes[0], Status.APPLIED, warnings=("deprecated",)),
        Outcome(PLAN.changes[5], Status.REFUSED, "no"),
    )
    told = report_document(ApplyReport("acme", "dev", outcomes, 7), outcomes[:1])
    assert (told["complete"], told["server"]) == (False, None)
    assert set(told["summary"]) == {*(status.value for status in Status), "unchanged"}
    assert (told["summary"]["applied"], told["summary"]["refused"], told["summary"]["unchanged"]) == (1, 1, 7)
    assert [(each["done"], each["warnings"]) for each in told["outcomes"]] == [(True, ("deprecated",))]


def test_drift_tells_each_cluster_with_what_is_chosen_of_it() -> None:
    told = plain(drift_document(DRIFT, drift_rows(DRIFT)[1:]))
    assert [each["state"] for each in told["clusters"]] == ["in-sync", "drifted", "unreachable"]
    assert [len(each["objects"]) for each in told["clusters"]] == [0, 2, 0]
    assert told["clusters"][0]["observedAt"] == "2026-11-22T09:30:00Z"
    assert told["clusters"][0]["refused"][0]["work"] == ["Job old"]
    assert told["clusters"][2]["error"] == {"what": "no answer", "why": "timeout"}
    assert told["degraded"] == ["c"]


def test_a_drifted_object_names_its_cluster_and_lacks_the_side_that_is_absent() -> None:
    row = drift_rows(DRIFT)[1]
    field = {"field": ".spec.pods", "by": "kubectl-edit", "since": "2026-01-01T00:00:00Z", "declared": "50"}
    assert drifted_document(row) == {
        "cluster": "b", "drift": "changed", "object": QUOTA_OBJECT, "message": "", "fields": [field],
    }  # fmt: skip


def test_a_repair_tells_what_it_left_alone() -> None:
    outcome = Outcome(PLAN.changes[0], Status.APPLIED)
    done = ApplyReport("acme", "b", (outcome,), 0)
    told = repair_document(DRIFT, (done,), (outcome,))
    assert [(each["cluster"], each["drift"]) for each in told["leftAlone"]] == [("b", "foreign")]
    assert (told["complete"], list(told["degraded"]), len(told["clusters"][0]["outcomes"])) == (False, ["c"], 1)
    reached = DriftReport("acme", DRIFT.clusters[:1])
    assert repair_document(reached, (), ())["complete"] is True
