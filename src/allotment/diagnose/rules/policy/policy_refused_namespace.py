"""An admission policy lets such work into other namespaces only."""

from __future__ import annotations

from allotment.diagnose.amending import sent_again, submitted_in
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.policy.admission_policies import about_namespace, audit_only, denial
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import TEAM
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import Namespace


def find(case: Case) -> Finding | None:
    """What the policy looks at is the namespace: by its selector, its expression, or in its own words."""
    found = denial(case)
    wanted = about_namespace(found) if found is not None else None
    if found is None or wanted is None:
        return None
    here = case.namespace_object
    labels = here.metadata.labels if here is not None else {}
    if wanted and all(labels.get(key) == value for key, value in wanted.items()):
        return None
    homes = _homes(case, wanted)
    target = Reference(api_version="v1", kind="Namespace", name=case.namespace)
    asked = ", ".join(f"{key}={value}" for key, value in wanted.items())
    proposals = [
        submitted_in(case, home, RemedyKind.FIX_POLICY_VIOLATION, f"submit it in the namespace {home}", position)
        for position, home in enumerate(homes[:2])
    ]
    if wanted and not found.refusal.by_event:
        proposals.append(
            Proposal(
                RemedyKind.FIX_LABEL,
                Doer.PLATFORM,
                f"label the namespace {case.namespace} {asked}",
                target,
                Patch(PatchOp.MERGE, {"metadata": {"labels": wanted}}),
                effect=sent_again(case),
            )
        )
    return Finding(
        "policy-refused-namespace",
        CauseVerdict.MISCONFIGURED,
        f"the policy {found.called} does not let it into the namespace {case.namespace}: {quoted_message(found.why)}",
        facts={
            "policy": found.name,
            "namespace": case.namespace,
            "required_namespace_label": wanted or None,
            "team_namespace": homes[0] if homes else None,
        },
        evidence=(
            Evidence(found.refusal.object, found.refusal.field, found.refusal.message),
            Evidence(target, "metadata.labels", {key: labels.get(key) for key in wanted}, "what the policy looks at"),
        ),
        confidence=found.refusal.sureness,
        proposals=(*proposals, *audit_only(case, found)),
    )


def _homes(case: Case, wanted: dict[str, str]) -> list[str]:
    """Namespaces that the policy lets through, the submitter's likely own: what they share with this one decides."""
    here = case.namespace_object
    sent = case.submission.manifest if case.submission else None
    own = {sent.metadata.labels.get(TEAM, "")} - {""} if sent is not None else set()
    if here is not None:
        own |= {here.metadata.labels.get(TEAM, ""), here.metadata.labels.get("owner", "")} - {""}

    def likeness(each: Namespace) -> int:
        same = sum(1 for key, value in each.metadata.labels.items() if here and here.metadata.labels.get(key) == value)
        return same + 4 * bool({each.metadata.labels.get(TEAM, ""), each.name} & own)

    fitting = [
        each
        for each in case.index.namespaces.values()
        if wanted
        and each.name != case.namespace
        and all(each.metadata.labels.get(key) == value for key, value in wanted.items())
    ]
    fitting = [each for each in fitting if likeness(each)]
    queued = {each.namespace for each in case.index.objects.local_queues}
    fitting.sort(key=lambda each: (-likeness(each), each.name not in queued, each.name))
    best = likeness(fitting[0]) if fitting else 0
    return [each.name for each in fitting if likeness(each) == best]
