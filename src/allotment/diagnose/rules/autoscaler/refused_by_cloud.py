"""What the rules about a cloud that refuses nodes share: where its answer stands, and what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import new_node
from allotment.diagnose.node_groups import STATUS, autoscaler_of, events_of_pods, groups_of_nodes
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.karpenter import (
    POOL,
    PoolView,
    pool_views,
    refusals_of_cloud,
    refused_by_cloud,
)
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.shaping import reduced
from allotment.errors import quoted
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
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
    """What the cloud answered, for which group, and where that stands.

    Attributes:
        pool: the group, where it is a NodePool of Karpenter's.
        sure: whether the cloud itself says so; Karpenter alone may mean that such a machine is not rented out there,
            and into an event of a pod anybody may have written it.
    """

    group: str
    message: str
    evidence: Evidence
    pool: PoolView | None = None
    sure: bool = True

    @property
    def target(self) -> Reference:
        """The group as the target of an act."""
        return reference_of(self.pool.pool) if self.pool is not None else Reference(kind="NodeGroup", name=self.group)

    @property
    def called(self) -> str:
        """The group in a sentence."""
        kind = "NodePool" if self.pool is not None else "node group"
        return f"{kind} {self.group or 'of the autoscaler'}"


def refused(
    case: Case,
    cause: str,
    words: tuple[str, ...],
    what: str,
    remedy: tuple[RemedyKind, str],
    otherwise: CauseVerdict,
) -> Finding | None:
    """A refusal of the cloud in such words, while the subject waits for a node.

    Args:
        case: the subject.
        cause: what it is called.
        words: of the cloud's answer, small letters.
        what: what it means.
        remedy: what the platform can do.
        otherwise: the verdict where waiting for others does not help; waiting, where asking the cloud again may.
    """
    it = placing(case)
    if it.refused is None:
        return None
    told = chain(_of_node_pools(case), _refusals(case) if kept(case).by in _ROOM else ())
    found = next((e for e in told if any(word in e.message.lower() for word in words)), None)
    if found is None:
        return None
    waiting = tuple(waits(it))
    kind, do = remedy
    like = next(iter(it.able), None)
    ask = Proposal(
        kind,
        Doer.PLATFORM,
        f"{do} ({found.group or 'the node group'})",
        found.target,
        Patch(PatchOp.SIGNAL, {"group": found.group}),
        effect=(new_node(like, 1),) if like is not None else (),
    )
    finding = about_room(
        cause,
        CauseVerdict.WAITING if waiting else otherwise,
        f"{found.called} does not grow: {what} ({quoted(found.message, _LONGEST)})",
        it,
        together(
            waiting,
            reduced(it, it.device, 25) if it.device else (),
            (_asked_again(found),) if otherwise is CauseVerdict.WAITING else (),
            (ask,),
        ),
        {"node_group": found.group, "cloud_says": found.message[:300]},
        (found.evidence,),
    )
    return finding if found.sure else replace(finding, confidence=Confidence.LIKELY)


def _asked_again(found: CloudRefusal) -> Proposal:
    """Autoscalers ask the cloud anew of themselves."""
    return Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait: the autoscaler asks for machines of {found.called} again every few minutes",
        found.target,
        Patch(PatchOp.WAIT, {"until": "node joins"}),
        cost=30,
    )


class _OfGroups(tuple[Event, ...]):
    """Events of a source by which an autoscaler said of its groups that they do not grow, latest first.

    They stand where the autoscaler is, and not in a tenant's namespace, in which anybody may have written one.
    """

    __slots__ = ()


def _told_of_groups(case: Case) -> tuple[Event, ...]:
    kept = case.index.beside.get(_OfGroups)
    if not isinstance(kept, _OfGroups):
        home = STATUS.partition("/")[0]
        found = (
            e
            for e in case.index.objects.events
            if e.reason in _FAILED and e.involved_object.kind != "Pod" and e.involved_object.namespace == home
        )
        kept = case.index.beside[_OfGroups] = _OfGroups(sorted(found, key=lambda each: each.at, reverse=True))
    return kept


def _of_node_pools(case: Case) -> Iterator[CloudRefusal]:
    """What the cloud refused to NodePools whose machines would do."""
    for view in pool_views(case).pools:
        for event in refusals_of_cloud(case, view.pool) if view.bar is PoolBar.STOCK else ():
            claim = event.involved_object
            where = f"events[{event.reason}].message"
            said = Evidence(claim, where, event.message, "the cloud's answer")
            yield CloudRefusal(view.name, event.message, said, view)
    word = pool_views(case).word
    for view in pool_views(case).pools:
        if view.bar is PoolBar.STOCK and word is not None and word.refusals:
            where = "events[FailedScheduling].message"
            said = Evidence(reference_of(word.pod), where, word.event.message, "Karpenter says so")
            yield CloudRefusal(view.name, word.event.message, said, view, sure=False)


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
            pool = claim.metadata.labels.get(POOL, claim.name)
            where = "status.conditions[Launched].message"
            yield CloudRefusal(
                pool, f"{said.reason} {said.message}", Evidence(reference_of(claim), where, said.message)
            )
    names = {group.name for group in groups}
    for event in (*events_of_pods(case, *_FAILED), *_told_of_groups(case)):
        group_name = next((name for name in names if name in event.message), "")
        own = event.involved_object.kind == "Pod"
        if case.now - seconds(event.at) < _RECENT and (own or group_name):
            where = f"events[{event.reason}].message"
            said_there = Evidence(event.involved_object, where, event.message, "the cloud's answer")
            yield CloudRefusal(group_name, event.message, said_there, sure=not own)
