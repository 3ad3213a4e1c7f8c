"""Does a cluster that carries no mark look like the one that is meant? Pure judgments; each doubt is a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.plan.nodes import DeclaredNodes, Node, devices_of, recognised

SAYS_WHICH: Final = "`allot preflight` says which can be whose"
"""Where to look for the nodes that lack labels."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A sign that it may be another cluster.

    Attributes:
        grave: nothing is written there before somebody has said that it is the right one.
    """

    message: str
    grave: bool


def by_nodes(declared: DeclaredNodes, nodes: Sequence[Node], place: str) -> Doubt | None:
    """What the nodes say: not one of them is of a declared pool.

    A pool that may be empty says nothing by being so, and nodes without devices are alike everywhere.
    """
    if not declared.pools or recognised(declared, nodes):
        return None
    if not nodes:
        message = f"{place} has no nodes: nothing shows that it is {declared.cluster}. Is it the right cluster?"
        return Doubt(message, grave=False)
    offered, awaited = _offered(declared, nodes), any(pool.resource and pool.min_nodes for pool in declared.pools)
    if not awaited and not offered:
        return None
    names = ", ".join(pool.name for pool in declared.pools)
    message = (
        f"none of the declared pools of {declared.cluster} ({names}) matches {_one_of(len(nodes))} of {place} "
        f"({offered or 'no accelerators'}): is this the right cluster? If it is, label its nodes first: "
        f"{SAYS_WHICH}"
    )
    return Doubt(message, grave=awaited)


def _one_of(number: int) -> str:
    return "the only node" if number == 1 else f"any of the {number} nodes"


def _offered(declared: DeclaredNodes, nodes: Sequence[Node]) -> str:
    devices: Counter[str] = Counter()
    for node in nodes:
        devices.update({name: number for name in sorted(declared.resources) if (number := devices_of(node, name))})
    return ", ".join(f"{number} {name}" for name, number in sorted(devices.items()))


def by_contexts(meant: str, own: str, others: Mapping[str, str], used: Collection[str]) -> Doubt | None:
    """What the kubeconfig says: the way there is that of another cluster of the directory.

    Args:
        meant: the cluster's name.
        own: the context that the directory gives it.
        others: the contexts of the other clusters, by their names.
        used: the context in use, and every other one that leads to the same server.
    """
    if own in used:
        return None
    found = next((name for name, context in sorted(others.items()) if context in used), "")
    if not found:
        return None
    message = f"the context {others[found]}, which leads there, is that of the cluster {found}: is it really {meant}?"
    return Doubt(message, grave=True)
