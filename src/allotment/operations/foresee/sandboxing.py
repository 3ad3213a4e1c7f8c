"""What a sandbox of a cluster is: the cluster's node pools as fake nodes, its features as what Kueue manages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.errors import UsageError
from allotment.model import labels
from allotment.model.cluster import WORKLOAD_FEATURES, Cluster, Feature, NodePool
from allotment.model.platform import Platform
from allotment.model.quantity import format_bytes, format_cpu
from allotment.ports.sandboxes import FakeNode, KueueOptions, SandboxSpec

_PLENTY: Final = "1Gi"
"""Of a resource whose amount is not declared, be it a number of adapters or a size."""


@dataclass(frozen=True, slots=True)
class SandboxWishes:
    """What is asked of a sandbox beside the cluster that it stands in for.

    Attributes:
        name: of the sandbox.
        max_nodes_per_pool: see `nodes_of`.
        extensions: beside those of the cluster's features.
        apiserver_flags: further flags of the API server, as NAME=VALUE.
    """

    name: str
    max_nodes_per_pool: int | None = None
    extensions: tuple[str, ...] = ()
    apiserver_flags: tuple[str, ...] = ()


def spec_of(platform: Platform, cluster: Cluster, wishes: SandboxWishes) -> SandboxSpec:
    """The sandbox that stands in for a cluster.

    Raises:
        UsageError: a flag of the API server without a value.
    """
    return SandboxSpec(
        wishes.name,
        nodes=tuple(nodes_of(platform, cluster, wishes.max_nodes_per_pool)),
        kueue=KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing),
        context=cluster.context,
        apiserver_flags=flags_of(wishes.apiserver_flags),
        extensions=(*extensions_of(cluster), *wishes.extensions),
        volumes=True,
    )


def nodes_of(platform: Platform, cluster: Cluster, max_nodes_per_pool: int | None = None) -> Iterator[FakeNode]:
    """Nodes of every pool at its maximum, or at `max_nodes_per_pool` if that is less, but never below its minimum.

    They carry every label that flavors select by, so that Kueue's node affinity finds them as on the real cluster.
    """
    for pool in cluster.node_pools:
        wanted = pool.max_nodes if max_nodes_per_pool is None else max(pool.min_nodes, max_nodes_per_pool)
        count = min(pool.max_nodes, wanted)
        for number in range(count):
            yield _node(platform, cluster, pool, number)


def _node(platform: Platform, cluster: Cluster, pool: NodePool, number: int) -> FakeNode:
    accelerator = platform.accelerators[pool.accelerator] if pool.accelerator else None
    own = {
        "topology.kubernetes.io/region": cluster.region,
        "node.kubernetes.io/instance-type": pool.machine_type,
        labels.NODE_POOL: pool.name,
        labels.CAPACITY_TYPE: pool.capacity_type.value,
    }
    allocatable = {"cpu": format_cpu(pool.cpu), "memory": format_bytes(pool.memory), "pods": str(pool.pods)}
    allocatable |= dict.fromkeys(cluster.further_resources, _PLENTY)
    if accelerator is not None:
        own[labels.ACCELERATOR] = accelerator.name
        own[accelerator.node_label[0]] = accelerator.node_label[1]
        allocatable[accelerator.resource_name] = str(pool.accelerators_per_node)
    if pool.dedicated_to is not None:
        own[labels.DEDICATED] = pool.dedicated_to
    flavor = cluster.flavor(pool.flavor)
    return FakeNode(
        name=f"{pool.name}-{number}",
        labels={key: value for key, value in {**own, **flavor.node_labels, **pool.labels}.items() if value},
        taints=tuple((taint.key, taint.value, taint.effect.value) for taint in pool.taints),
        allocatable=allocatable,
    )


def frameworks_of(cluster: Cluster) -> tuple[str, ...]:
    """Kueue integrations that a sandbox of this cluster has: those of kinds that every API server knows."""
    pods = ("pod", "deployment", "statefulset") if Feature.POD_INTEGRATION in cluster.features else ()
    return ("batch/job", *pods)


def extensions_of(cluster: Cluster) -> tuple[str, ...]:
    """Kinds of workloads that a sandbox of this cluster has beside those that every API server knows."""
    return tuple(feature.value for feature in WORKLOAD_FEATURES if feature in cluster.features)


def flags_of(texts: Iterable[str]) -> dict[str, str]:
    """Value by name of `NAME=VALUE` texts; leading dashes are fine, a value may hold further equals signs.

    Raises:
        UsageError: no `=`, or a name given twice.
    """
    flags: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.lstrip("-").partition("=")
        if not equals or not name:
            raise UsageError(
                f"{text!r} is no flag with its value",
                why="a flag of the API server is written NAME=VALUE",
                fix="for example --apiserver-flag feature-gates=MutatingAdmissionPolicy=false",
            )
        if name in flags:
            raise UsageError(
                f"the API server's flag {name} is given twice",
                fix=f"join the values with a comma: --apiserver-flag {name}={flags[name]},{value}",
            )
        flags[name] = value
    return flags
