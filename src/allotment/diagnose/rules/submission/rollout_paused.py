"""A paused Deployment does not roll out what was changed."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.work import Replicas


def find(case: Case) -> Finding | None:
    """`spec.paused` with pods of the present template still to be made."""
    each = case.subject
    if not isinstance(each, Replicas) or not each.spec.paused:
        return None
    wanted = 1 if each.spec.replicas is None else each.spec.replicas
    if each.status.updated_replicas >= wanted:
        return None
    target = reference_of(each)
    return Finding(
        "rollout-paused",
        CauseVerdict.MISCONFIGURED,
        f"the Deployment {each.name} is paused: {each.status.updated_replicas} of {count(wanted, 'replica')} "
        f"{'has' if wanted == 1 else 'have'} its present template",
        facts={"spec.paused": True, "updated_replicas": each.status.updated_replicas, "replicas": wanted},
        evidence=(Evidence(target, "spec.paused", True, "nothing is rolled out"),),
        proposals=(
            Proposal(
                RemedyKind.UNSUSPEND,
                Doer.USER,
                "resume the rollout: set spec.paused to false",
                target,
                Patch(PatchOp.MERGE, {"spec": {"paused": False}}),
            ),
        ),
    )
