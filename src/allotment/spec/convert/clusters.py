"""Clusters: defaults by purpose, pools, flavors, cohorts."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.model.cluster import Cluster, Cohort, Environment, NodePool, Versions
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import NO_QUOTA, Allowance, FlavorAllowance, Quota
from allotment.spec import defaults
from allotment.spec.flavors import Flavors, devices_per_node, flavor_name, owner_of, pool_taints
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.cluster import ClusterSpec, CohortQuotaSpec, CohortSpec, NodePoolSpec, VersionsSpec


def environment_of(spec: ClusterSpec) -> Environment:
    """The cluster's environment; by purpose where it is not declared."""
    return spec.environment or defaults.ENVIRONMENT_OF[spec.purpose]


def cohort_names(spec: ClusterSpec) -> tuple[str, ...]:
    """Names of the cluster's cohorts; the first is the one that teams join unless they say otherwise."""
    return tuple(cohort.name for cohort in spec.cohorts) or (defaults.COHORT,)


def cluster(
    spec: ClusterSpec,
    flavors: Flavors,
    accelerators: Mapping[str, AcceleratorSpec],
    ids: Mapping[str, str],
    file: str = "",
) -> Cluster:
    """The model's cluster, read from a file. Its references have been checked.

    Args:
        spec: its document.
        flavors: its flavors.
        accelerators: the catalogue, by name.
        ids: of teams, by their names.
        file: where it stands.
    """
    return Cluster(
        name=spec.name,
        purpose=spec.purpose,
        environment=environment_of(spec),
        region=spec.region,
        provider=spec.provider,
        context=spec.context or spec.name,
        versions=_versions(spec.versions),
        kueue_api=spec.kueue_api or defaults.kueue_api(spec.versions.kueue),
        queue_layout=spec.queue_layout,
        fair_sharing=spec.fair_sharing,
        features=frozenset(spec.features),
        mutating_policies=(
            defaults.mutating_policies(spec.versions.kubernetes)
            if spec.mutating_policies is None
            else spec.mutating_policies
        ),
        runtime_classes=spec.runtime_classes,
        further_resources=spec.further_resources,
        node_pools=tuple(_pool(spec, pool, accelerators, ids) for pool in spec.node_pools),
        flavors=flavors.ordered,
        cohorts=_cohorts(spec.cohorts, flavors),
        without_network_policies=tuple(sorted(set(spec.without_network_policies))),
        queue_names={ids.get(team, team): name for team, name in spec.names.queues.items()},
        warn_namespaces=tuple(sorted(set(spec.warn_namespaces))),
        declared_in=file,
    )


def _versions(spec: VersionsSpec) -> Versions:
    return Versions(
        kubernetes=spec.kubernetes or "",
        kueue=spec.kueue or "",
        driver=spec.driver or "",
        cuda=spec.cuda or "",
        cudnn=spec.cudnn or "",
        runtime=spec.runtime or "",
    )


def _pool(
    cluster: ClusterSpec, spec: NodePoolSpec, accelerators: Mapping[str, AcceleratorSpec], ids: Mapping[str, str]
) -> NodePool:
    return NodePool(
        name=spec.name,
        accelerator=spec.accelerator,
        accelerators_per_node=devices_per_node(spec),
        cpu=MilliCpu(spec.cpu),
        memory=Bytes(spec.memory),
        pods=spec.pods,
        min_nodes=spec.min_nodes,
        max_nodes=spec.max_nodes,
        capacity_type=spec.capacity_type,
        machine_type=spec.machine_type,
        labels=dict(spec.labels),
        taints=pool_taints(spec, accelerators, ids),
        dedicated_to=owner_of(spec, ids),
        price_per_hour=spec.price_per_hour,
        flavor=flavor_name(cluster, spec, ids),
    )


def _cohorts(specs: tuple[CohortSpec, ...], flavors: Flavors) -> tuple[Cohort, ...]:
    """Parents before children, otherwise as declared."""
    if not specs:
        return (Cohort(defaults.COHORT, None, 1000),)
    children: dict[str | None, list[CohortSpec]] = {}
    for spec in specs:
        children.setdefault(spec.parent, []).append(spec)
    ordered: list[Cohort] = []
    level = children.get(None, [])
    while level:
        ordered.extend(Cohort(spec.name, spec.parent, spec.weight, _quota(spec.quota, flavors)) for spec in level)
        level = [child for spec in level for child in children.get(spec.name, [])]
    return tuple(ordered)


def _quota(spec: CohortQuotaSpec | None, flavors: Flavors) -> Quota:
    if spec is None:
        return NO_QUOTA
    devices = [(flavors.meant(word, ""), amount) for word, amount in spec.accelerators.items()]
    return Quota(
        cpu=Allowance(spec.cpu, None, None),
        memory=Allowance(spec.memory, None, None),
        accelerators=tuple(
            FlavorAllowance(flavor.name, Allowance(amount, None, None)) for flavor, amount in devices if flavor
        ),
    )
