"""An admission policy refused it, for something that is neither a label, nor the namespace, nor a limit."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.policy import (
    policy_refused_gpu_limits,
    policy_refused_label,
    policy_refused_namespace,
    queue_label_missing,
)
from allotment.diagnose.rules.policy.admission_policies import audit_only, denial
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind

_KNOW_MORE: Final = (
    policy_refused_label.find,
    policy_refused_namespace.find,
    policy_refused_gpu_limits.find,
    queue_label_missing.find,
)


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
        proposals=(
            Proposal(
                RemedyKind.FIX_POLICY_VIOLATION,
                Doer.USER,
                f"change what the policy {found.called} objects to, and submit again",
                case.reference,
                Patch(PatchOp.SIGNAL, {"policy": found.name, "message": found.why}),
            ),
            *audit_only(case, found),
        ),
    )
