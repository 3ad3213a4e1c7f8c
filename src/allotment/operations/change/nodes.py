"""Use cases about nodes: are they as declared, and, as an act of its own, give them the labels of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from allotment.errors import CapacityError, NotFoundError, UsageError
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Body, ObjectKey
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.change.identity import admitted
from allotment.plan.changes import Plan, PlanWarning, WarningCode
from allotment.plan.labelling import NodeEdit, PoolEdits, edit_for, with_intolerant
from allotment.plan.nodes import DeclaredNodes, DeclaredPool, NodeFinding, alike, compare_nodes, declared_nodes, misfit
from allotment.ports.kube import KubePort, RefusedError

ATTEMPTS: Final = 5
"""Tries for one node: the kubelet writes to it all the time, and taints are only written as a whole."""


@dataclass(frozen=True, slots=True)
class NodesLook:
    """What was seen.

    Attributes:
        unknown: why nothing was, if so.
    """

    findings: tuple[NodeFinding, ...]
    unknown: str = ""


def look_at_nodes(kube: KubePort, declared: DeclaredNodes) -> NodesLook:
    """Compare a cluster's nodes with its declared pools. Who may not list nodes learns nothing, and is told so.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
    """
    try:
        return NodesLook(compare_nodes(declared, kube.list("v1", "Node")))
    except RefusedError as error:
        return NodesLook((), f"nodes were not compared with the declared pools: {error.message}")


def with_node_warnings(plan: Plan, look: NodesLook) -> Plan:
    """The plan, saying also what of the nodes is not as declared: no step of it can put that right."""
    said = [PlanWarning(WarningCode.NODES, one.key, f"{one}. {one.fix}") for one in look.findings]
    if look.unknown:
        said.append(PlanWarning(WarningCode.UNVERIFIED, ObjectKey("", "Node", "", "*"), look.unknown))
    return replace(plan, warnings=(*plan.warnings, *said))


def pool_named(declared: DeclaredNodes, name: str) -> DeclaredPool:
    """The pool of that name.

    Raises:
        NotFoundError: no such pool.
    """
    for pool in declared.pools:
        if pool.name == name:
            return pool
    known = ", ".join(pool.name for pool in declared.pools)
    raise NotFoundError(f"cluster {declared.cluster} has no node pool {name}", fix=f"its pools are {known}")


@dataclass(frozen=True, slots=True)
class ChosenNodes:
    """Nodes that shall belong to a pool.

    Attributes:
        names: of nodes.
        selector: label selector of further nodes; empty for none.
        force: take also nodes whose devices are not what the pool declares.
    """

    names: Sequence[str]
    selector: str = ""
    force: bool = False


def plan_labels(kube: KubePort, declared: DeclaredNodes, pool_name: str, chosen: ChosenNodes) -> PoolEdits:
    """What each of the nodes lacks to be one of the pool's, those that lack nothing included.

    Raises:
        NotFoundError: no such pool, or no such node.
        CapacityError: nodes have other devices than the pool declares.
        UsageError: no nodes were named.
    """
    pool = pool_named(declared, pool_name)
    if not chosen.names and not chosen.selector:
        raise _unnamed(declared, pool, kube)
    nodes = _found(kube, chosen.names, chosen.selector)
    edits = PoolEdits(pool, tuple(edit_for(pool, node) for _, node in sorted(nodes.items())))
    if not chosen.force:
        _refuse_misfits(declared, pool, [nodes[edit.node] for edit in edits.wanting])
    if not any(edit.closes for edit in edits.wanting):
        return edits
    try:
        return with_intolerant(edits, kube.list("v1", "Pod"))
    except RefusedError as error:
        return replace(edits, unknown=f"whether pods there tolerate the taints is not known: {error.message}")


def labels_for(
    kube: KubePort, platform: Platform, cluster: Cluster, pool: str, chosen: ChosenNodes, *, override: str = ""
) -> PoolEdits:
    """What nodes of a declared cluster lack to be a pool's, once it is the cluster that is meant.

    Raises:
        ConflictError: it is another cluster than is meant.
        NotFoundError: no such pool, or no such node.
        CapacityError: nodes have other devices than the pool declares.
        UsageError: no nodes were named.
    """
    admitted(kube, Mark(platform.name, cluster.name), override)
    return plan_labels(kube, declared_nodes(platform, cluster), pool, chosen)


def _refuse_misfits(declared: DeclaredNodes, pool: DeclaredPool, nodes: Sequence[Body]) -> None:
    said = [f"{node['metadata']['name']} {how}" for node in nodes if (how := misfit(declared, pool, node))]
    if said:
        raise CapacityError(
            f"not nodes of pool {pool.name}: {'; '.join(said)}",
            why="queues would admit work for devices that the nodes do not have, or leave some idle for ever",
            fix="choose the pool that declares their devices, correct acceleratorsPerNode, or use --force",
        )


def _unnamed(declared: DeclaredNodes, pool: DeclaredPool, kube: KubePort) -> UsageError:
    """Which nodes are meant, as far as it can be seen: a hint that names no nodes leads to one that does."""
    found = alike(declared, pool, kube.list("v1", "Node"))
    if not found:
        return UsageError(
            "no nodes are named",
            why=f"no node without a pool has the devices, CPU and memory of {pool.name}",
            fix="name them, or choose them with --selector",
        )
    return UsageError(
        "no nodes are named",
        why=f"by devices, CPU and memory, nodes without a pool can be {pool.name}'s",
        fix=f"{labels.label_command(pool.name, found)}, or choose them with --selector",
    )


def _found(kube: KubePort, names: Sequence[str], selector: str) -> dict[str, Body]:
    chosen: dict[str, Body] = {}
    for name in names:
        node = kube.get("v1", _key(name))
        if node is None:
            raise NotFoundError(f"there is no node {name}", fix="see: kubectl get nodes")
        chosen[name] = node
    if selector:
        chosen |= {node["metadata"]["name"]: node for node in kube.list("v1", "Node", labels=selector)}
    if not chosen:
        raise NotFoundError(f"no node matches {selector}", fix=f"see: kubectl get nodes -l '{selector}'")
    return chosen


def label_nodes(kube: KubePort, edits: PoolEdits, *, dry_run: bool = False) -> None:
    """Set what the nodes lack, one after the other; what others put on them meanwhile stays.

    Raises:
        RefusedError: the server refuses it, or somebody writes faster than we do.
        NotFoundError: the node is gone.
    """
    for edit in edits.wanting:
        _label(kube, edits.pool, edit, dry_run=dry_run)


def _label(kube: KubePort, pool: DeclaredPool, edit: NodeEdit, *, dry_run: bool) -> None:
    for attempt in range(ATTEMPTS):
        try:
            kube.merge_patch("v1", _key(edit.node), edit.patch, dry_run=dry_run)
        except RefusedError as error:
            if error.status != HTTPStatus.CONFLICT or attempt == ATTEMPTS - 1:
                raise
        else:
            return
        node = kube.get("v1", _key(edit.node))
        if node is None:
            raise NotFoundError(f"there is no node {edit.node} any more")
        edit = edit_for(pool, node)


def _key(name: str) -> ObjectKey:
    return ObjectKey("", "Node", "", name)
