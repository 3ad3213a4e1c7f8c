"""Kueue: flavors, cohorts, and the queues that teams submit to.

Quota of CPU and memory is counted in one flavor, `cpu` unless named otherwise, quota of devices in the flavors of their
accelerators.
Local disk is counted there too, without a bound that anybody reaches.
A ClusterQueue has one resource group for each resource name, because Kueue wants every resource, and every flavor, in
exactly one group; within the group the flavors stand in the order of preference.

Field names follow ``kueue.x-k8s.io/v1beta1`` or ``v1beta2`` as the cluster asks; of what is rendered here only the
ClusterQueue's cohort differs (``cohort``, ``cohortName``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.cluster import Flavor, KueueApi, QueueLayout
from allotment.model.manifest import Family, Manifest
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import NO_QUOTA, Allowance, FlavorAllowance, Quota
from allotment.model.team import Isolation, Placement
from allotment.render import amounts
from allotment.render.isolation import has_own_queue, node_labels, node_taints
from allotment.render.objects import Site, Tenant

Entry = dict[str, Any]
"""Kueue's quota of one resource in one flavor: name, nominalQuota and perhaps limits."""

_SCRATCH: Final = "ephemeral-storage"
_UNBOUNDED: Final = Bytes(1 << 50)
"""Quota of what is not divided among teams: more than any node has, and small enough for the sums of a cohort.

A queue never admits what asks for a resource that it does not name, and how much of these nodes have is not declared.
"""

_COHORT_FIELD: Final = {KueueApi.V1BETA1: "cohort", KueueApi.V1BETA2: "cohortName"}


def render_kueue(site: Site) -> Iterator[Manifest]:
    """Everything Kueue needs in one cluster; a team that leaves keeps its queues, on hold and without any quota.

    Were they taken away, Kueue would let what runs there run on, out of its accounts.
    """
    yield from _flavors(site)
    yield from _cohorts(site)
    yield from _cluster_queues(site)
    for tenant in site.tenants:
        yield _local_queue(site, tenant)


def _flavors(site: Site) -> Iterator[Manifest]:
    shelf = site.shelf(Family.KUEUE)
    type_ = (site.kueue_api, "ResourceFlavor")
    # Without node labels: any node will do for CPU and memory, the device's flavor decides where a pod lands.
    yield shelf.clustered(type_, site.cluster.cpu_flavor, {"spec": {}})
    for flavor in _device_flavors(site.cluster.flavors):
        yield shelf.clustered(type_, flavor.name, {"spec": _flavor_spec(flavor)})


def _device_flavors(flavors: Iterable[Flavor]) -> Iterator[Flavor]:
    return (flavor for flavor in flavors if flavor.accelerator is not None)


def _flavor_spec(flavor: Flavor) -> dict[str, Any]:
    spec: dict[str, Any] = {"nodeLabels": node_labels(flavor)}
    taints = node_taints(flavor)
    if taints:
        spec["nodeTaints"] = [
            {"key": taint.key, "value": taint.value, "effect": taint.effect.value} for taint in taints
        ]
        # Kueue adds these to the pods it admits, so that nobody has to write them and nobody else may.
        spec["tolerations"] = [
            {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect.value}
            for taint in taints
        ]
    return spec


def _cohorts(site: Site) -> Iterator[Manifest]:
    shelf = site.shelf(Family.KUEUE)
    for cohort in site.cluster.cohorts:
        spec: dict[str, Any] = {}
        if cohort.parent is not None:
            spec["parentName"] = cohort.parent
        if site.cluster.fair_sharing:
            spec["fairSharing"] = {"weight": amounts.thousandths(cohort.weight)}
        if cohort.quota != NO_QUOTA:
            spec["resourceGroups"] = _resource_groups(site, cohort.quota, bounded=cohort.parent is not None)
        yield shelf.clustered((site.kueue_api, "Cohort"), cohort.name, {"spec": spec})


def _cluster_queues(site: Site) -> Iterator[Manifest]:
    type_ = (site.kueue_api, "ClusterQueue")
    sharing = []
    for tenant in site.teams:
        if has_own_queue(tenant.team, site.cluster):
            name = site.cluster.queue_name(tenant.team.queue)
            yield tenant.shelf(Family.KUEUE).clustered(type_, name, {"spec": _team_spec(site, tenant)})
        elif not tenant.leaving:
            sharing.append(tenant)
    if site.cluster.queue_layout is QueueLayout.SHARED:
        name = site.cluster.queue_name(labels.SHARED_QUEUE)
        yield site.shelf(Family.KUEUE).clustered(type_, name, {"spec": _shared_spec(site, sharing)})


def _team_spec(site: Site, tenant: Tenant) -> dict[str, Any]:
    placement = tenant.placement
    cohort = _cohort_of(tenant)
    spec: dict[str, Any] = {}
    if cohort is not None:
        spec[_COHORT_FIELD[site.cluster.kueue_api]] = cohort
    # The name label is set by the API server and cannot be forged, unlike any other label of a namespace.
    spec["namespaceSelector"] = _named(tenant.team.namespaces)
    older = any(name in site.cluster.warned for name in tenant.team.namespaces)
    spec.update(_rules(in_cohort=cohort is not None, beside_older=older, stop=_stop(tenant)))
    if site.cluster.fair_sharing:
        spec["fairSharing"] = {"weight": amounts.thousandths(placement.weight)}
    quota, number = placement.quota, placement.namespace_quota.pods
    if tenant.leaving:
        quota, number = _nothing_of(quota), 0
    pods = _pods(number, bounded=cohort is not None)
    spec["resourceGroups"] = _resource_groups(site, quota, bounded=cohort is not None, beside=(pods,))
    return spec


def _nothing_of(quota: Quota) -> Quota:
    """The same flavors without any amount: what is still charged there stays charged until it has ended."""
    nothing = Allowance(0, borrowing_limit=0, lending_limit=None)
    return Quota(nothing, nothing, tuple(replace(entry, devices=nothing) for entry in quota.accelerators))


def _stop(tenant: Tenant) -> str:
    """Written out also where nothing is stopped, so that a queue somebody put on hold shows up as drift."""
    return "HoldAndDrain" if tenant.leaving else "None"


def _named(namespaces: tuple[str, ...]) -> dict[str, Any]:
    if len(namespaces) == 1:
        return {"matchLabels": {_NAME_LABEL: namespaces[0]}}
    return {"matchExpressions": [{"key": _NAME_LABEL, "operator": "In", "values": sorted(namespaces)}]}


_NAME_LABEL: Final = "kubernetes.io/metadata.name"


def _cohort_of(tenant: Tenant) -> str | None:
    # Nobody to borrow from in a cluster of one's own.
    alone = tenant.team.isolation in {Isolation.CLUSTER, Isolation.SUBSCRIPTION}
    return None if alone else tenant.placement.cohort


def _rules(*, in_cohort: bool, beside_older: bool, stop: str = "None") -> dict[str, Any]:
    return {
        "queueingStrategy": "BestEffortFIFO",
        # A cheaper flavor is worth a look before anybody's work is stopped.
        "flavorFungibility": {"whenCanPreempt": "TryNextFlavor"},
        "preemption": {
            # What is lent comes back at once, whoever holds it: that makes a guarantee of the nominal quota.
            "reclaimWithinCohort": "Any" if in_cohort else "Never",
            # Work that was there before the ladder stands below its lowest rung: any new work would take its place.
            "withinClusterQueue": "Never" if beside_older else "LowerPriority",
        },
        "stopPolicy": stop,
    }


def _pods(number: int, *, bounded: bool) -> Entry:
    """So many pods at once as each namespace of the team holds: beyond, its quota would refuse what the queue admits.

    They are of the namespaces, so nobody lends or borrows any.
    """
    limits = {"borrowingLimit": amounts.count(0), "lendingLimit": amounts.count(0)} if bounded else {}
    return {"name": "pods", "nominalQuota": amounts.count(number), **limits}


def _resource_groups(
    site: Site, given: Quota, *, bounded: bool, beside: tuple[Entry, ...] = ()
) -> list[dict[str, Any]]:
    """The groups of a queue's quota, or a cohort's.

    Args:
        site: the cluster.
        given: CPU, memory and devices.
        bounded: there is somebody to borrow from and to lend to.
        beside: what is counted with CPU and memory.
    """

    def quota(resource: str, allowance: Allowance, write: Callable[[int], str]) -> Entry:
        return _quota(resource, allowance, write, bounded=bounded)

    def devices(resource: str, entry: FlavorAllowance) -> dict[str, Any]:
        return {"name": entry.flavor, "resources": [quota(resource, entry.devices, amounts.count)]}

    groups = [_compute(site, quota("cpu", given.cpu, _cpu), quota("memory", given.memory, _memory), beside)]
    by_resource: dict[str, list[dict[str, Any]]] = {}
    for entry in given.accelerators:
        resource = _resource_of(site, entry.flavor)
        by_resource.setdefault(resource, []).append(devices(resource, entry))
    groups.extend(_group([resource], flavors) for resource, flavors in by_resource.items())
    return groups


def _compute(site: Site, cpu: Entry, memory: Entry, beside: tuple[Entry, ...] = ()) -> dict[str, Any]:
    undivided = [
        {"name": name, "nominalQuota": _memory(_UNBOUNDED)} for name in (_SCRATCH, *site.cluster.further_resources)
    ]
    resources = [cpu, memory, *undivided, *beside]
    return _group([entry["name"] for entry in resources], [{"name": site.cluster.cpu_flavor, "resources": resources}])


def _group(resources: list[str], flavors: list[dict[str, Any]]) -> dict[str, Any]:
    return {"coveredResources": resources, "flavors": flavors}


def _resource_of(site: Site, flavor: str) -> str:
    accelerator = site.cluster.flavor(flavor).accelerator
    if accelerator is None:
        raise InputError(
            f"a quota of devices names flavor {flavor} of cluster {site.cluster.name}, which has none",
            fix="name a flavor of an accelerator, and give CPU and memory as such",
        )
    return site.platform.accelerators[accelerator].resource_name


def _quota(resource: str, allowance: Allowance, write: Callable[[int], str], *, bounded: bool) -> Entry:
    quota = {"name": resource, "nominalQuota": write(allowance.nominal)}
    # Kueue refuses limits on a queue without a cohort and on a root: there is nothing to borrow and nobody to lend to.
    if bounded and allowance.borrowing_limit is not None:
        quota["borrowingLimit"] = write(allowance.borrowing_limit)
    if bounded and allowance.lending_limit is not None:
        quota["lendingLimit"] = write(allowance.lending_limit)
    return quota


def _cpu(amount: int) -> str:
    return amounts.cpu(MilliCpu(amount))


def _memory(amount: int) -> str:
    return amounts.memory(Bytes(amount))


def _shared_spec(site: Site, tenants: Iterable[Tenant]) -> dict[str, Any]:
    cluster, sharing = site.cluster, tuple(tenants)
    older = any(name in cluster.warned for tenant in sharing for name in tenant.team.namespaces)
    active = [tenant.placement for tenant in sharing]
    cpu = min(sum(placement.cpu.nominal for placement in active), cluster.cpu)
    memory = min(sum(placement.memory.nominal for placement in active), cluster.memory)
    groups = [
        _compute(
            site,
            {"name": "cpu", "nominalQuota": _cpu(cpu)},
            {"name": "memory", "nominalQuota": _memory(memory)},
        )
    ]
    handed_out = _handed_out(active)
    by_resource: dict[str, list[dict[str, Any]]] = {}
    for flavor in _device_flavors(cluster.flavors):
        if flavor.name in handed_out:
            resource = _resource_of(site, flavor.name)
            quota = {"name": resource, "nominalQuota": amounts.count(min(handed_out[flavor.name], flavor.capacity))}
            by_resource.setdefault(resource, []).append({"name": flavor.name, "resources": [quota]})
    groups.extend(_group([resource], flavors) for resource, flavors in by_resource.items())
    return {
        "namespaceSelector": {"matchExpressions": [{"key": labels.TENANT, "operator": "Exists"}]},
        **_rules(in_cohort=False, beside_older=older),
        "resourceGroups": groups,
    }


def _handed_out(placements: Iterable[Placement]) -> Mapping[str, int]:
    """Devices by flavor that the teams of the shared queue were given; what nobody was given stays out of it."""
    total: dict[str, int] = {}
    for placement in placements:
        for entry in placement.accelerators:
            total[entry.flavor] = total.get(entry.flavor, 0) + entry.devices.nominal
    return total


def _local_queue(site: Site, tenant: Tenant) -> Manifest:
    usual = tenant.team.queue if has_own_queue(tenant.team, site.cluster) else labels.SHARED_QUEUE
    return tenant.shelf(Family.KUEUE).namespaced(
        (site.kueue_api, "LocalQueue"),
        labels.LOCAL_QUEUE,
        {"spec": {"clusterQueue": site.cluster.queue_name(usual), "stopPolicy": _stop(tenant)}},
    )
