"""The namespace is being deleted: nothing new can be made in it."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import missing_pods, refusals
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference


def find(case: Case) -> Finding | None:
    """A deletion time on the namespace, or a refusal that says so, while something is to be made."""
    namespace = case.namespace_object
    going = namespace.metadata.deletion_timestamp if namespace is not None else ""
    said = next((each for each in refusals(case) if "because it is being terminated" in each.message), None)
    # Anybody can have written an event; a namespace that goes says so itself.
    if not going and (said is None or (said.by_event and namespace is not None)):
        return None
    if case.subject is not None and not (missing_pods(case) or case.waiting_pods):
        return None
    target = Reference(api_version="v1", kind="Namespace", name=case.namespace)
    evidence = [Evidence(target, "metadata.deletionTimestamp", going, "it is being deleted")] if going else []
    if said is not None:
        evidence.append(Evidence(said.object, said.field, said.message))
    return Finding(
        "namespace-terminating",
        CauseVerdict.MISCONFIGURED,
        f"the namespace {case.namespace} is being deleted" + (f" since {going}" if going else ""),
        facts={"namespace": case.namespace, "deletion_timestamp": going or None},
        evidence=tuple(evidence),
        confidence=Confidence.SURE if going or said is None else said.sureness,
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "submit it in another namespace: this one and all in it go",
                case.reference,
                Patch(PatchOp.SIGNAL, {"namespace": case.namespace}),
            ),
        ),
        never=bool(going) or (said is not None and not said.by_event),
    )
