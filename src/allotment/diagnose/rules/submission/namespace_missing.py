"""The namespace that the object was to be made in does not exist."""

from __future__ import annotations

from allotment.diagnose.amending import moved, sent_again
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.submission.refused import refused, told
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A 404 at a creation, with no such namespace among those that were read."""
    attempt = refused(case)
    known = sorted(case.index.namespaces)
    if attempt is None or attempt.code != 404 or case.namespace in known:
        return None
    if f'namespaces "{case.namespace}" not found' not in attempt.message:
        return None
    meant = nearest(case.namespace, known)
    proposals = []
    if meant:
        there = Reference(
            api_version=case.reference.api_version, kind=case.reference.kind, namespace=meant, name=case.reference.name
        )
        proposals.append(
            Proposal(RemedyKind.OTHER, Doer.USER, f"submit it in namespace {meant}", there, moved(case, meant))
        )
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": case.namespace}}
    proposals.append(
        Proposal(
            RemedyKind.OTHER,
            Doer.PLATFORM,
            f"create the namespace {case.namespace}",
            Reference(api_version="v1", kind="Namespace", name=case.namespace),
            Patch(PatchOp.CREATE, body),
            effect=sent_again(case),
        )
    )
    return told(
        case,
        "namespace-missing",
        CauseVerdict.MISCONFIGURED,
        f"the namespace {case.namespace} does not exist" + (f"; there is {meant}" if meant else ""),
        {"namespace": case.namespace, "nearest": meant or None},
        tuple(proposals),
    )
