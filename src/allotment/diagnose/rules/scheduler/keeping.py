"""What alone keeps the subject from a node: found by lifting one thing after the other on the twin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.rules.scheduler.placing import Placing, is_accelerator, placing
from allotment.diagnose.rules.scheduler.reshaping import (
    beside_anyone,
    tolerating_all,
    unlabelled,
    without_affinity,
    without_ports,
    without_spread,
)
from allotment.model.observed.nodes import Node, NodeTaint
from allotment.scheduling.placement.reasons import Kind, Reason

_PODS: Final = Reason(Kind.POD_LIMIT)
_CONTROL_PLANE: Final = frozenset(
    f"node-role.kubernetes.io/{role}" for role in ("control-plane", "controlplane", "master", "etcd")
)


class Keeper(StrEnum):
    """What keeps a pod from every node."""

    NOTHING = "nothing"
    VOLUMES = "volumes"
    NO_NODE_MATCHES = "no-node-matches"
    TAINT = "taint"
    TOO_LARGE = "too-large"
    """It asks for more of one resource than any node it may use has."""
    SHAPE = "shape"
    """Each amount is to be had, on no node all of them."""
    PORTS = "ports"
    AFFINITY = "affinity"
    ANTI_AFFINITY = "anti-affinity"
    """Its own rule keeps it away from others."""
    EXISTING_ANTI_AFFINITY = "existing-anti-affinity"
    """The rule of others keeps it away from them."""
    SPREAD = "spread"
    POD_LIMIT = "pod-limit"
    RESOURCE = "resource"
    """Enough is there, but taken: one resource alone keeps it."""
    SEVERAL = "several"
    """Enough is there, but taken: several resources at once."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class KeptBy:
    """What keeps it; `resource` where it is one."""

    by: Keeper
    resource: str = ""


def kept(case: Case) -> KeptBy:
    """What alone keeps the subject from running, as far as the scheduler goes; found once."""
    found = case.beside.get(KeptBy)
    if not isinstance(found, KeptBy):
        it = placing(case)
        found = case.beside[KeptBy] = it.once((KeptBy, one_by_one(case)), lambda: _kept(it))
    return found


def _kept(it: Placing) -> KeptBy:
    if it.refused is None:
        return KeptBy(Keeper.NOTHING)
    if it.by_volume:
        return KeptBy(Keeper.VOLUMES)
    if not it.matching:
        return KeptBy(Keeper.NO_NODE_MATCHES)
    if not it.able:
        return _never(it)
    return _between_pods(it) or _room(it)


def _never(it: Placing) -> KeptBy:
    """It could not run even on an empty cluster."""
    if any(it.could_hold(node, it.requests) for node in meant_for_work(it)):
        return KeptBy(Keeper.TAINT)
    beyond = over(it)
    if not beyond:
        return KeptBy(Keeper.SHAPE)
    return KeptBy(Keeper.TOO_LARGE, it.device if it.device in beyond else beyond[0])


def meant_for_work(it: Placing) -> tuple[Node, ...]:
    """The nodes that match and are not kept for the control plane, nor for devices that the pod does not ask for.

    Those too, where there are no others.
    """
    kinds = taint_kinds(it)
    others_only = {number for number, kind in enumerate(kinds.all) if any(_not_for_it(it, each.key) for each in kind)}
    others = tuple(node for node in it.matching if kinds.of[node.name] not in others_only)
    return others or it.matching


class TaintKinds:
    """The different taints that nodes of a source have together.

    Attributes:
        of: of each node the number of its kind.
        all: by number.
    """

    __slots__ = ("all", "of")

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Of the nodes of a source."""
        numbers: dict[tuple[NodeTaint, ...], int] = {}
        self.of = {node.name: numbers.setdefault(node.spec.taints, len(numbers)) for node in nodes}
        self.all = list(numbers)


def taint_kinds(it: Placing) -> TaintKinds:
    """Those of the source; found once, for there are few, however many nodes and pods."""
    index = it.case.index
    return index.beside.once(TaintKinds, lambda: TaintKinds(index.nodes.values()))


def _not_for_it(it: Placing, taint: str) -> bool:
    return taint in _CONTROL_PLANE or (not it.device and is_accelerator(taint))


def over(it: Placing) -> list[str]:
    """Resources of which the refused pod asks for more than any node has that it may use."""
    nodes = it.open or it.matching
    largest = {name: max(it.allocatable(node.name, name) for node in nodes) for name in it.requests}
    return [name for name, amount in it.requests.items() if amount > largest[name]]


def _between_pods(it: Placing) -> KeptBy | None:
    """Rules between pods, and ports, in the order in which the scheduler looks."""
    lifts = (
        (Kind.PORTS, without_ports, Keeper.PORTS),
        (Kind.SPREAD_SKEW, without_spread, Keeper.SPREAD),
        (Kind.SPREAD_LABEL, without_spread, Keeper.SPREAD),
        (Kind.POD_AFFINITY, without_affinity, Keeper.AFFINITY),
        (Kind.POD_ANTI_AFFINITY, beside_anyone, Keeper.ANTI_AFFINITY),
        (Kind.EXISTING_ANTI_AFFINITY, unlabelled, Keeper.EXISTING_ANTI_AFFINITY),
    )
    for kind, change, keeper in lifts:
        if it.says(kind) and it.goes_on(change):
            return KeptBy(keeper)
    return None


def _room(it: Placing) -> KeptBy:
    """There would be room if less of it were taken."""
    assert it.refused is not None  # noqa: S101  asked only then
    answers = [refusal.reasons for refusal, _ in it.refused.answer.refusals]
    if any(reasons == (_PODS,) for reasons in answers):
        return KeptBy(Keeper.POD_LIMIT)
    short = {reason.detail for reasons in answers for reason in reasons if reason.kind is Kind.RESOURCE}
    # A device that is free on a node short of something else is the more telling: that something is the cause.
    for resource in sorted(short, key=lambda name: name == it.device):
        if it.lifted(resource):
            return KeptBy(Keeper.RESOURCE, resource)
    if short:
        return KeptBy(Keeper.SEVERAL, it.device if it.device in short else min(short))
    return KeptBy(Keeper.TAINT) if it.says(Kind.TAINTED) and it.goes_on(tolerating_all) else KeptBy(Keeper.UNKNOWN)
