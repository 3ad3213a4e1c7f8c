"""Results to be told: a plan with every kind of change, and what its parts are made of."""

from __future__ import annotations

import datetime as dt

from allotment.model.manifest import Family, Manifest, ObjectKey
from allotment.plan.changes import (
    Action,
    Blocked,
    Conflict,
    Contested,
    Create,
    Delete,
    Drain,
    Plan,
    PlanWarning,
    Seen,
    Update,
    WarningCode,
)
from allotment.plan.difference import ABSENT, FieldChange

NOW = dt.datetime(2026, 11, 22, 9, 30, tzinfo=dt.UTC)
SEEN = Seen("uid", "1", "")


def manifest(kind: str, name: str, namespace: str = "", family: Family = Family.RBAC) -> Manifest:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return Manifest(family, namespace or None, {"apiVersion": "v1", "kind": kind, "metadata": metadata})


QUOTA = manifest("ResourceQuota", "q", "cv", Family.RESOURCE_QUOTAS)
GONE = ObjectKey("", "Namespace", "", "old")
PLAN = Plan(
    platform="acme",
    cluster="dev",
    digest="d",
    changes=(
        *(Create(manifest("Role", f"r{number}", team)) for team in ("cv", "nlp") for number in range(2)),
        Create(manifest("Namespace", "cv", family=Family.NAMESPACES)),
        Update(
            QUOTA,
            SEEN,
            (
                FieldChange(("f:spec", "f:pods"), "7", "50", "kubectl-edit", "2026-01-01T00:00:00Z"),
                FieldChange(("f:spec", "f:new"), ABSENT, "1"),
                FieldChange(("f:spec", "f:old"), "x\x1b[2J\ny", ABSENT),
                FieldChange(("f:spec", "f:same"), "s", "s"),
            ),
        ),
        Conflict(QUOTA, SEEN, (Contested(".spec.pods", "helm", "", "7", "50"),)),
        Delete(GONE, "v1", SEEN, "old"),
        Drain("old", "old", (("Job", 2),), again=False),
        Drain("old", "old", (), again=True),
        Blocked(GONE, Action.CREATE, "the namespace is somebody else's", "it has no inventory", "rename the team"),
    ),
    unchanged=3,
    warnings=(PlanWarning(WarningCode.QUOTA_BELOW_USE, QUOTA.key, "pods: 50 → 5, in use 9"),),
    forced=False,
)
