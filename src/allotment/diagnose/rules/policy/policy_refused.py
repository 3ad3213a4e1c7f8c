"""An admission policy refused it, for something that is neither a label, nor the namespace, nor a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.policy import (
    policy_refused_gpu_limits,
    policy_refused_label,
    policy_refused_namespace,
    queue_label_missing,
)
from allotment.diagnose.rules.policy.admission_policies import Denial, audit_only, denial
from allotment.errors import quoted_message
from allotment.model.cluster import Feature
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.policy import PolicyName

_KNOW_MORE: Final = (
    policy_refused_label.find,
    policy_refused_namespace.find,
    policy_refused_gpu_limits.find,
    queue_label_missing.find,
)

_OUR_MARKS: Final = f"{PolicyName.QUEUE_MARKS_PROTECTED}."
_FEATURES: Final[Mapping[str, Feature]] = {
    "JobSet": Feature.JOBSET,
    "LeaderWorkerSet": Feature.LEADERWORKERSET,
    "RayCluster": Feature.RAYJOB,
    "RayJob": Feature.RAYJOB,
    "TrainJob": Feature.TRAINJOB,
}
"""Kinds whose controllers that policy knows by a feature of the cluster."""


def find(case: Case) -> Finding | None:
    """Any refusal by a policy of which no other rule knows more."""
    found = denial(case)
    if found is None or any(rule(case) is not None for rule in _KNOW_MORE):
        return None
    return Finding(
        "policy-refused",
        CauseVerdict.MISCONFIGURED,
        f"the policy {found.called} refused it: {quoted_message(found.why)}",
        facts={"policy": found.name, "message": found.why, "namespace": case.namespace},
        evidence=(Evidence(found.refusal.object, found.refusal.field, found.refusal.message),),
        confidence=found.refusal.sureness,
        proposals=(_mended(case, found), *audit_only(case, found)),
    )


def _mended(case: Case, found: Denial) -> Proposal:
    patch = Patch(PatchOp.SIGNAL, {"policy": found.name, "message": found.why})
    feature = _FEATURES.get(found.refusal.object.kind)
    if found.refusal.by_event and feature is not None and found.name.startswith(_OUR_MARKS):
        said = f"add {feature} to features in the cluster's file, then plan and apply: the policy does not know the "
        said += f"controller of {found.refusal.object.kind} before"
        return Proposal(RemedyKind.FIX_POLICY_VIOLATION, Doer.PLATFORM, said, patch=patch)
    said = f"change what the policy {found.called} objects to, and submit again"
    return Proposal(RemedyKind.FIX_POLICY_VIOLATION, Doer.USER, said, case.reference, patch)
