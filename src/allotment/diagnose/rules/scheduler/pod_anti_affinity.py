"""The pod has to keep away from others, or others from it, and they are on every node that would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.rules_between_pods import in_scope, said, selected, softer, terms
from allotment.diagnose.rules.scheduler.shaping import fewer
from allotment.model.explanation import CauseVerdict, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod, PodAffinityTerm
from allotment.model.observed.work import Owner, Replicas

_EXCLUSIVE: Final = "alpha.jobset.sigs.k8s.io/exclusive-topology"
_JOB_KEY: Final = "jobset.sigs.k8s.io/job-key"


def find(case: Case) -> Finding | None:
    """Without the rule it would fit."""
    it = placing(case)
    by = kept(case).by
    if by not in {Keeper.ANTI_AFFINITY, Keeper.EXISTING_ANTI_AFFINITY} or it.refused is None:
        return None
    mine = by is Keeper.ANTI_AFFINITY
    found = list(_repelled(it) if mine else _repelling(it))
    if not found:
        return _among_themselves(it) if mine else None
    term, pods = found[0][0], [pod for _, pod in found]
    own = {pod.key for pod in case.pods}
    itself = all(pod.key in own for pod in pods) or _of_itself(it, term)
    nodes = sorted({pod.spec.node_name for pod in pods})
    names = list(dict.fromkeys(called(case, pod) for pod in pods))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    whom = "the other pods of the same work" if itself else f"{names[0]}{more}"
    keys = {pod.key for pod in pods}
    domains = _around(it, term)
    blockers = [each for each in holders(case, domains) if keys & {pod.key for pod in each.pods}]
    ending = not itself and all(each.ends for each in blockers)
    alone = _alone(it, term) if mine else None
    rule = f"the pod has to keep away from pods with {said(term)}" if mine else f"pods keep away from {said(term)}"
    rule += f" (in one {term.topology_key})"
    if alone is not None:
        rule = f"the JobSet {alone.name} wants each of its Jobs alone in a {term.topology_key} ({_EXCLUSIVE})"
    softened = () if not mine else _softer(it, 2) if alone is None else (_beside_others(alone),)
    return about_room(
        "pod-anti-affinity",
        CauseVerdict.WAITING if ending else CauseVerdict.MISCONFIGURED,
        f"{rule}, and {whom} {'are' if itself or more else 'is'} on {listed(nodes)}",
        it,
        together(fewer(it) if itself else (), softened, waits(it, domains), more_nodes(it)),
        {
            "anti_affinity_labels": dict(term.label_selector.match_labels) if term.label_selector else {},
            "topology_key": term.topology_key,
            "set_by": "subject" if mine else names[0],
            "nodes": nodes,
        },
    )


def _among_themselves(it: Placing) -> Finding | None:
    """Its pods keep apart, and there are fewer places than pods; none of them runs yet."""
    assert it.refused is not None  # noqa: S101  asked only then
    term = next((each for each in terms(it.refused.pod.spec, anti=True) if _of_itself(it, each)), None)
    if term is None:
        return None
    placed = it.refused.placed
    return about_room(
        "pod-anti-affinity",
        CauseVerdict.MISCONFIGURED,
        f"the pod has to keep away from pods with {said(term)} (in one {term.topology_key}), and so have the other "
        f"pods of the same work: {placed:,} of {len(it.pods):,} {'finds' if placed == 1 else 'find'} a place",
        it,
        together(fewer(it), _softer(it, 2), more_nodes(it)),
        {
            "anti_affinity_labels": dict(term.label_selector.match_labels) if term.label_selector else {},
            "topology_key": term.topology_key,
            "set_by": "subject",
            "nodes": [],
        },
    )


def _of_itself(it: Placing, term: PodAffinityTerm) -> bool:
    """Whether the pods of the work repel each other: then no more of them run than there are domains."""
    return (
        it.refused is not None
        and it.refused.placed > 0
        and selected(term, dict(it.refused.pod.waiting.pod.shape.labels))
    )


def _repelled(it: Placing) -> Iterator[tuple[PodAffinityTerm, Pod]]:
    assert it.refused is not None  # noqa: S101  asked only then
    case = it.case
    for term in terms(it.refused.pod.spec, anti=True):
        for node in _around(it, term):
            for pod in case.index.pods_on.get(node.name, ()):
                if selected(term, pod.metadata.labels) and in_scope(case, term, case.namespace, pod.namespace):
                    yield term, pod


def _repelling(it: Placing) -> Iterator[tuple[PodAffinityTerm, Pod]]:
    assert it.refused is not None  # noqa: S101  asked only then
    labels = dict(it.refused.pod.waiting.pod.shape.labels)
    for name, pods in it.case.index.pods_on.items():
        for pod in pods:
            for term in terms(pod.spec, anti=True):
                if not selected(term, labels) or not in_scope(it.case, term, pod.namespace, it.case.namespace):
                    continue
                if any(node.name == name for node in _around(it, term)):
                    yield term, pod


def _around(it: Placing, term: PodAffinityTerm) -> tuple[Node, ...]:
    """All nodes of the domains of a term in which nodes are that could hold the subject."""
    key = term.topology_key
    return it.once(("around", key), lambda: _of_domains(it, key))


def _of_domains(it: Placing, key: str) -> tuple[Node, ...]:
    domains = {node.metadata.labels.get(key, "") for node in it.able} - {""}
    return tuple(node for node in it.case.index.nodes.values() if node.metadata.labels.get(key, "") in domains)


def _alone(it: Placing, term: PodAffinityTerm) -> Owner | None:
    """The JobSet that asks for domains of its own: its webhook writes the rule into its pods."""
    selector = term.label_selector
    if selector is None or all(each.key != _JOB_KEY for each in selector.match_expressions):
        return None
    pods = it.case.waiting_pods[:1]
    above = [it.case.work, *(each for pod in pods for each in it.case.index.chain(pod.metadata))]
    return next((each for each in above if isinstance(each, Owner) and each.kind == "JobSet"), None)


def _beside_others(alone: Owner) -> Proposal:
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"submit it without the annotation {_EXCLUSIVE}: its Jobs may lie beside others then",
        reference_of(alone),
        Patch(PatchOp.RESUBMIT, {"metadata": {"annotations": {_EXCLUSIVE: None}}}),
        cost=2,
    )


def _softer(it: Placing, cost: int) -> Iterator[Proposal]:
    """Preferred in place of required. Old pods with the rule repel new ones, so a service is made anew for it."""
    assert it.refused is not None  # noqa: S101  asked only then
    body: dict[str, Any] = softer("podAntiAffinity", terms(it.refused.pod.spec, anti=True))
    what = "make the anti-affinity preferred instead of required"
    proposal = changed_pods(RemedyKind.OTHER, what, it.case, body, cost)
    if isinstance(worked_on(it.case), Replicas):
        target, patch = amended(it.case, body)
        again = Patch(PatchOp.RESUBMIT, patch.body)
        yield Proposal(proposal.kind, proposal.who, f"{what}, and create it anew", target, again, cost=cost)
        return
    yield proposal
