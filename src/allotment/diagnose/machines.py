"""Nodes as one speaks of them: the pool that one is in, and more of its kind."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from allotment.diagnose.finding import Proposal
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node

A_NODE: Final = Reference(api_version="v1", kind="Node")
"""Target of a remedy that adds a node: its name is whoever makes it's to choose."""
_POOLS: Final = (
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "karpenter.sh/nodepool",
    "node.kubernetes.io/pool",
)
_NAMED_SO: Final = ("/pool", "/nodepool")
"""End the labels by which people name pools of their own."""
INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"


_DEVICES_WITHIN: Final = 600.0
"""Seconds in which the drivers and device plugins of a node that has joined are up."""


class _JustJoined(tuple[Node, ...]):
    """Nodes that have come lately."""

    __slots__ = ()


def just_joined(index: Index) -> tuple[Node, ...]:
    """Nodes that have come to others lately, and whose devices may not be there yet; none where all nodes are new."""
    return index.beside.once(_JustJoined, lambda: _JustJoined(_come_lately(index)))


def _come_lately(index: Index) -> tuple[Node, ...]:
    now = seconds(index.source.observed_at)
    ages = {node.name: now - seconds(node.metadata.creation_timestamp) for node in index.nodes.values()}
    if max(ages.values(), default=0.0) <= _DEVICES_WITHIN:
        return ()
    return tuple(node for node in index.nodes.values() if 0 <= ages[node.name] < _DEVICES_WITHIN)


def pool_of(node: Node) -> str:
    """The pool of a node, by the labels that clouds and people set; empty where none says it."""
    labels = node.metadata.labels
    known = next((labels[key] for key in _POOLS if key in labels), "")
    if known:
        return known
    named = [key for key in labels if key.endswith(_NAMED_SO)]
    return labels[min(named)] if named else ""


def added_node(like: Node, cost: int = 50, number: int = 1) -> Proposal:
    """More nodes like one that is there."""
    pool, instance = pool_of(like), like.metadata.labels.get(INSTANCE_TYPE, "")
    kind = f"{instance} node" if instance else "node"
    what = f"add {'one ' + kind if number == 1 else count(number, kind)}" + (
        f" to pool {pool}" if pool else f" like {like.name}"
    )
    return Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        what,
        A_NODE,
        Patch(PatchOp.SIGNAL, {"pool": pool, "nodes": number}),
        effect=tuple(new_node(like, at) for at in range(1, number + 1)),
        cost=cost,
    )


def new_node(like: Node, number: int) -> tuple[Reference, Patch]:
    """The creation of a node like another, sound and empty, for trying."""
    name = f"{like.name}-trial-{number}"
    raw = json.loads(msgspec.json.encode(like))
    raw |= {"apiVersion": "v1", "kind": "Node"}
    raw["metadata"] |= {"name": name, "uid": name}
    labels = raw["metadata"].setdefault("labels", {})
    if "kubernetes.io/hostname" in labels:
        labels["kubernetes.io/hostname"] = name
    raw.setdefault("spec", {}).pop("unschedulable", None)
    return Reference(api_version="v1", kind="Node", name=name), Patch(PatchOp.CREATE, raw)
