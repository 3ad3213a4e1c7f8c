"""Nodes in words and numbers: pools, what is free, and amounts as people write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from allotment.diagnose.case import reference_of
from allotment.diagnose.machines import pool_of
from allotment.diagnose.rules.scheduler.placing import Placing, is_accelerator
from allotment.model.explanation import Evidence
from allotment.model.observed.nodes import Node
from allotment.scheduling.snapshot.quantities import all_units

_PRODUCTS: Final = (
    "nvidia.com/gpu.product",
    "cloud.google.com/gke-accelerator",
    "amd.com/gpu.product-name",
    "gpu.intel.com/product",
)
"""Labels that say which accelerator a node has."""
_GIB: Final = 1 << 30
_MIB: Final = 1 << 20
_MOST: Final = 8
"""Nodes that a sentence or a list names."""


class _Pools(dict[str, str]):
    """The pool of each node of a source, by its name."""


def pools_of(placing: Placing, nodes: Iterable[Node]) -> list[str]:
    """The pools that nodes of the source are in."""
    index = placing.case.index
    kept = index.beside.once(_Pools, lambda: _Pools((name, pool_of(node)) for name, node in index.nodes.items()))
    return sorted({kept[node.name] for node in nodes} - {""})


def product_of(node: Node) -> str:
    """Which accelerator a node has, as its labels say."""
    return next((node.metadata.labels[key] for key in _PRODUCTS if key in node.metadata.labels), "")


def is_product_label(key: str) -> bool:
    """Whether a label says which accelerator a node has."""
    return key in _PRODUCTS


def devices_of(node: Node) -> dict[str, int]:
    """Accelerators of a node that pods can ask for."""
    return {name: amount for name, amount in all_units(node.status.allocatable).items() if is_accelerator(name)}


def written(resource: str, amount: int) -> str:
    """An amount in the twin's units as Kubernetes writes it."""
    if resource == "cpu":
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if resource in {"memory", "ephemeral-storage"} or resource.startswith("hugepages-"):
        for unit, suffix in ((_GIB, "Gi"), (_MIB, "Mi")):
            if amount % unit == 0 and amount:
                return f"{amount // unit}{suffix}"
    return str(amount)


def told(resource: str, amount: int) -> str:
    """The same for a sentence, rounded."""
    if resource == "cpu":
        return f"{amount / 1000:g} CPU"
    if resource in {"memory", "ephemeral-storage"}:
        return f"{amount / _GIB:.4g} GiB" + (" of disk" if resource == "ephemeral-storage" else "")
    return f"{written(resource, amount)} {resource}"


def free_by_node(placing: Placing, nodes: Iterable[Node], resource: str) -> dict[str, int]:
    """What is free of a resource, by node."""
    left, at = placing.free_everywhere(resource), placing.view.state.nodes.index
    return {node.name: left[at[node.name]] for node in nodes}


def listed(names: Iterable[str]) -> str:
    """Names for a sentence, the first few."""
    known = list(names)
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return ", ".join(known[:_MOST]) + more


def room_facts(placing: Placing, short_of: str = "") -> dict[str, Any]:
    """Names and numbers that every answer about room gives: what is asked, what there is, what is free.

    Args:
        placing: the case on the twin.
        short_of: what there is too little of, told of work without accelerators.
    """
    device = placing.device or short_of or "cpu"
    nodes = _of_interest(placing, device)
    free = free_by_node(placing, nodes[:64], device)
    facts: dict[str, Any] = {
        "requested": {name: written(name, amount) for name, amount in placing.requests.items()},
        "pools": list(placing.once("pools", lambda: pools_of(placing, nodes))),
        "free_by_node": free if placing.device else {name: told(device, amount) for name, amount in free.items()},
    }
    if placing.device:
        total = placing.once(("total", device), lambda: _total(placing, nodes))
        facts |= {"resource": device, "requested_gpus_per_pod": placing.requests[device]}
        facts |= device_facts(placing, nodes, free, total)
    if placing.refused is not None:
        message = placing.refused.answer.message
        said = {part.value for part in condition_evidence(placing)}
        facts["message" if message in said else "message_of_the_twin"] = message
    return facts


def device_facts(
    placing: Placing, nodes: Sequence[Node], free: Mapping[str, int] | None = None, total: int | None = None
) -> dict[str, Any]:
    """What some nodes have of the device that is asked for; nothing where none is.

    Args:
        placing: the case on the twin.
        nodes: these.
        free: by node, where it is known already.
        total: of all of them, where it is known already.
    """
    if not placing.device:
        return {}
    free = free_by_node(placing, nodes[:64], placing.device) if free is None else free
    return {
        "free_by_node": free,
        "gpus_free": sum(free.values()),
        "gpus_total": _total(placing, nodes) if total is None else total,
        "gpu_model": next((product for node in nodes if (product := product_of(node))), ""),
    }


def _total(placing: Placing, nodes: Sequence[Node]) -> int:
    sizes = placing.sizes(placing.device)
    return sum(sizes[node.name] for node in nodes)


def _of_interest(placing: Placing, device: str) -> tuple[Node, ...]:
    """Nodes that take the pod, and of those the ones that have what it asks for, where there are any."""

    def chosen() -> tuple[Node, ...]:
        nodes = placing.open or placing.matching
        return tuple(node for node in nodes if placing.allocatable(node.name, device)) or nodes

    return placing.once(("of interest", device), chosen)


def condition_evidence(placing: Placing) -> tuple[Evidence, ...]:
    """What kube-scheduler itself wrote of a pod that waits, as evidence beside the twin's own decision."""
    for pod in placing.case.waiting_pods:
        for each in pod.status.conditions:
            if each.type == "PodScheduled" and each.reason == "Unschedulable":
                path = "status.conditions[PodScheduled].message"
                return (Evidence(reference_of(pod), path, each.message, "kube-scheduler says the same"),)
    return ()


def of_nodes(nodes: Iterable[Node], path: str, values: Mapping[str, Any], says: str) -> tuple[Evidence, ...]:
    """A value of each of some nodes."""
    found = (Evidence(reference_of(node), path, values[node.name], says) for node in nodes if node.name in values)
    return tuple(islice(found, _MOST))
