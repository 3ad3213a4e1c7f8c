"""What the rules about a cloud that refuses nodes share: where its answer stands, and what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of, seconds
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.autoscaler.groups import STATUS, autoscaler_of, events_of_pods, groups_of_nodes
from allotment.diagnose.rules.autoscaler.karpenter import refused_by_cloud
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.shaping import new_node, reduced
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import Event

_ROOM: Final = frozenset({Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT, Keeper.NO_NODE_MATCHES})
_FAILED: Final = (
    "FailedToScaleUpGroup",
    "FailedScaleUp",
    "FailedToScaleUp",
    "ScaleUpFailed",
    "InsufficientCapacityError",
)
_LONGEST: Final = 160
"""Characters of the cloud's words in a sentence."""
_RECENT: Final = 3600.0
"""Seconds for which a refusal that nothing repeats counts."""


@dataclass(frozen=True, slots=True)
class CloudRefusal:
    """What the cloud answered, for which group, and where that stands."""

    group: str
    message: str
    evidence: Evidence


def refused(
    case: Case,
    cause: str,
    words: tuple[str, ...],
    what: str,
    remedy: tuple[RemedyKind, str],
    otherwise: CauseVerdict = CauseVerdict.BROKEN,
) -> Finding | None:
    """A refusal of the cloud in such words, while the subject waits for a node.

    Args:
        case: the subject.
        cause: what it is called.
        words: of the cloud's answer, small letters.
        what: what it means.
        remedy: what the platform can do.
        otherwise: the verdict where waiting for others does not help.
    """
    it = placing(case)
    if it.refused is None or kept(case).by not in _ROOM:
        return None
    found = next((e for e in _refusals(case) if any(word in e.message.lower() for word in words)), None)
    if found is None:
        return None
    waiting = tuple(waits(it))
    kind, do = remedy
    like = next(iter(it.able), None)
    ask = Proposal(
        kind,
        Doer.PLATFORM,
        f"{do} ({found.group or 'the node group'})",
        Reference(kind="NodeGroup", name=found.group),
        Patch(PatchOp.SIGNAL, {"group": found.group}),
        (new_node(like, 1),) if like is not None else (),
    )
    return about_room(
        cause,
        CauseVerdict.WAITING if waiting else otherwise,
        f"node group {found.group or 'of the autoscaler'} does not grow: {what} ({_short(found.message)})",
        it,
        together(waiting, reduced(it, it.device, 25) if it.device else (), (ask,)),
        {"node_group": found.group, "cloud_says": found.message[:300]},
        (found.evidence,),
    )


def _short(message: str) -> str:
    """The cloud's words in one line."""
    said = " ".join(message.split())
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


class _OfGroups(tuple[Event, ...]):
    """Events of a source by which an autoscaler said of its groups that they do not grow, latest first."""

    __slots__ = ()


def _told_of_groups(case: Case) -> tuple[Event, ...]:
    kept = case.index.beside.get(_OfGroups)
    if not isinstance(kept, _OfGroups):
        found = (e for e in case.index.objects.events if e.reason in _FAILED and e.involved_object.kind != "Pod")
        kept = case.index.beside[_OfGroups] = _OfGroups(sorted(found, key=lambda each: each.at, reverse=True))
    return kept


def _refusals(case: Case) -> Iterator[CloudRefusal]:
    """What the cloud refused, of groups that would do first; events last, for they may be about others."""
    status = Reference(api_version="v1", kind="ConfigMap", namespace="kube-system", name=STATUS.partition("/")[2])
    groups = groups_of_nodes(case, placing(case).able) or list(autoscaler_of(case.index).groups)
    for group in groups:
        if group.trouble:
            where = f"nodeGroups[{group.name}].scaleUp.backoffInfo"
            yield CloudRefusal(group.name, group.trouble, Evidence(status, where, group.trouble, "the cloud's answer"))
    for claim in case.index.objects.node_claims:
        said = refused_by_cloud(claim)
        if said is not None:
            pool = claim.metadata.labels.get("karpenter.sh/nodepool", claim.name)
            where = "status.conditions[Launched].message"
            yield CloudRefusal(
                pool, f"{said.reason} {said.message}", Evidence(reference_of(claim), where, said.message)
            )
    names = {group.name for group in groups}
    for event in (*events_of_pods(case, *_FAILED), *_told_of_groups(case)):
        group_name = next((name for name in names if name in event.message), "")
        own = event.involved_object.kind == "Pod"
        if case.now - seconds(event.at) < _RECENT and (own or group_name):
            said_there = Evidence(status, f"events[{event.reason}].message", event.message, "the cloud's answer")
            yield CloudRefusal(group_name, event.message, said_there)
