"""A port of the node that the pod asks for is taken on every node that would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allotment.diagnose.amending import changed_pods, containers_patch
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import RoomHolder, holders, waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.shaping import fewer
from allotment.model.explanation import CauseVerdict, RemedyKind
from allotment.model.observed.pods import PodSpec


def find(case: Case) -> Finding | None:
    """Without the port it would fit."""
    it = placing(case)
    if kept(case).by is not Keeper.PORTS or it.refused is None:
        return None
    wanted = _ports(it.refused.pod.spec)
    blockers = [each for each in holders(case, it.able) if any(_ports(pod.spec) & wanted for pod in each.pods)]
    nodes = sorted({pod.spec.node_name for each in blockers for pod in each.pods if _ports(pod.spec) & wanted})
    taken = sorted({port for each in blockers for pod in each.pods for port in _ports(pod.spec) & wanted} or wanted)
    ending = bool(blockers) and any(each.ends for each in blockers)
    held = _held(case, blockers)
    return about_room(
        "host-port-conflict",
        CauseVerdict.WAITING if ending else CauseVerdict.MISCONFIGURED,
        f"host port {', '.join(map(str, taken))} is taken on {listed(nodes) or 'every node that would do'}{held}",
        it,
        together(_without(it), fewer(it, 5), waits(it)),
        {"host_port": taken[0], "nodes": nodes, "held_by": [called(case, each.pods[0]) for each in blockers][:8]},
    )


def _held(case: Case, blockers: list[RoomHolder]) -> str:
    return f" by {called(case, blockers[0].pods[0])}" if blockers else " by other pods of the same work"


def _ports(spec: PodSpec) -> set[int]:
    return {port.host_port for container in spec.containers for port in container.ports if port.host_port}


def _without(it: Placing) -> Iterator[Proposal]:
    """No port of the node; clients then reach the pod by its own address.

    On the node's network every port is one of the node's: that goes, too.
    """
    assert it.refused is not None  # noqa: S101  asked only then
    changed: dict[str, dict[str, Any]] = {}
    for container in it.refused.pod.spec.containers:
        if any(port.host_port for port in container.ports):
            # Ports are merged by their number, so that each is named with what goes.
            ports = [{"containerPort": port.container_port, "hostPort": None} for port in container.ports]
            changed[container.name] = {"ports": ports}
    body, what = containers_patch(changed), "drop the hostPort, keep the containerPort"
    if it.refused.pod.spec.host_network:
        body, what = {"hostNetwork": False, **body}, f"{what}, and leave the node's network (hostNetwork false)"
    yield changed_pods(RemedyKind.OTHER, what, it.case, body, 0)
