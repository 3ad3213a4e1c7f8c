"""What a valid platform amounts to: clusters, devices, promises against capacity, price. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.accelerator import Accelerator
from allotment.model.cluster import Cluster, Flavor, NodePool, QueueLayout
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import Placement

HOURS_PER_MONTH: Final = 730
"""8,760 hours a year over 12 months; what cloud price lists use."""


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """One resource of one cluster: what teams were promised against what the pools can hold.

    Attributes:
        flavor: the flavor; for CPU and memory the one that has no accelerator.
        resource: ``cpu`` (milli-CPU), ``memory`` (bytes), or the accelerator's name (devices).
        capacity: when every pool stands at its maximum.
        promised: sum of all nominal quotas: the teams', and the cohorts' own.
        teams: how many teams have quota of it.
        borrowable: how many of them may use more than their own.
        cohorts: what of the promised is the cohorts' own, for their teams to borrow.
    """

    cluster: str
    flavor: str
    resource: str
    capacity: int
    promised: int
    teams: int
    borrowable: int
    cohorts: int

    @property
    def free(self) -> int:
        """What nobody was promised; negative when more was promised than there can be.

        No queue may use it: what is borrowed is always somebody's, a team's or a cohort's.
        """
        return self.capacity - self.promised


@dataclass(frozen=True, slots=True)
class ClusterLine:
    """One cluster in numbers.

    Attributes:
        devices: accelerators when every pool stands at its maximum, by accelerator name.
        price_min: a month with every pool at its minimum, millionths of the currency.
        price_max: a month with every pool at its maximum.
        unpriced_pools: pools whose price is not known; they count nothing.
    """

    name: str
    purpose: str
    environment: str
    region: str
    pools: int
    nodes_min: int
    nodes_max: int
    cpu: MilliCpu
    memory: Bytes
    devices: tuple[tuple[str, int], ...]
    teams: int
    price_min: int
    price_max: int
    unpriced_pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A platform in numbers; `slurms` by name."""

    platform: str
    currency: str
    clusters: tuple[ClusterLine, ...]
    quotas: tuple[QuotaLine, ...]
    teams: tuple[str, ...]
    leaving: tuple[str, ...]
    policies: int
    slurms: tuple[str, ...] = ()


def summarize(platform: Platform) -> Summary:
    """Sum a platform up."""
    return Summary(
        platform=platform.name,
        currency=platform.currency,
        clusters=tuple(_cluster_line(platform, cluster) for cluster in platform.clusters),
        quotas=tuple(line for cluster in platform.clusters for line in quota_lines(platform, cluster)),
        teams=tuple(team.name for team in platform.teams if team.offboarding is None),
        leaving=tuple(team.name for team in platform.teams if team.offboarding is not None),
        policies=len(platform.policies),
        slurms=tuple(each.name for each in platform.slurms),
    )


def node_price(platform: Platform, pool: NodePool) -> int | None:
    """Price of one node of a pool for an hour, millionths of the currency; None when it is not known."""
    if pool.price_per_hour is not None:
        return pool.price_per_hour
    accelerator = platform.accelerators.get(pool.accelerator) if pool.accelerator else None
    if accelerator is None:
        return None
    device = accelerator.price_per_hour.get(pool.capacity_type)
    return None if device is None else device * pool.accelerators_per_node


def _cluster_line(platform: Platform, cluster: Cluster) -> ClusterLine:
    prices = [(pool, node_price(platform, pool)) for pool in cluster.node_pools]
    return ClusterLine(
        name=cluster.name,
        purpose=cluster.purpose,
        environment=cluster.environment,
        region=cluster.region,
        pools=len(cluster.node_pools),
        nodes_min=sum(pool.min_nodes for pool in cluster.node_pools),
        nodes_max=sum(pool.max_nodes for pool in cluster.node_pools),
        cpu=cluster.cpu,
        memory=cluster.memory,
        devices=_devices(cluster),
        teams=sum(1 for team, _ in platform.teams_in(cluster.name) if team.offboarding is None),
        price_min=HOURS_PER_MONTH * sum(pool.min_nodes * (price or 0) for pool, price in prices),
        price_max=HOURS_PER_MONTH * sum(pool.max_nodes * (price or 0) for pool, price in prices),
        unpriced_pools=tuple(pool.name for pool, price in prices if price is None),
    )


def _devices(cluster: Cluster) -> tuple[tuple[str, int], ...]:
    counts: dict[str, int] = {}
    for pool in cluster.node_pools:
        if pool.accelerator:
            counts[pool.accelerator] = counts.get(pool.accelerator, 0) + pool.accelerators_per_node * pool.max_nodes
    return tuple(counts.items())


def quota_lines(platform: Platform, cluster: Cluster) -> Iterator[QuotaLine]:
    """A cluster's promises against its capacity: CPU, memory, then every flavor with devices.

    A team that leaves has no queue any more: nothing is promised to it.
    """
    placements = [placement for team, placement in platform.teams_in(cluster.name) if team.offboarding is None]
    common = [] if cluster.queue_layout is QueueLayout.SHARED else [cohort.quota for cohort in cluster.cohorts]
    for resource, capacity in (("cpu", int(cluster.cpu)), ("memory", int(cluster.memory))):
        allowances = [placement.cpu if resource == "cpu" else placement.memory for placement in placements]
        own = sum((quota.cpu if resource == "cpu" else quota.memory).nominal for quota in common)
        yield QuotaLine(
            cluster=cluster.name,
            flavor=cluster.cpu_flavor,
            resource=resource,
            capacity=capacity,
            promised=sum(allowance.nominal for allowance in allowances) + own,
            teams=sum(1 for allowance in allowances if allowance.nominal),
            borrowable=sum(1 for allowance in allowances if allowance.borrowing_limit != 0),
            cohorts=own,
        )
    for flavor in cluster.flavors:
        if flavor.accelerator is not None:
            own = sum(quota.of(flavor.name) for quota in common)
            yield _flavor_line(cluster.name, flavor, flavor.accelerator, placements, own)


def _flavor_line(cluster: str, flavor: Flavor, accelerator: str, placements: list[Placement], own: int) -> QuotaLine:
    allowances = [
        entry.devices for placement in placements for entry in placement.accelerators if entry.flavor == flavor.name
    ]
    return QuotaLine(
        cluster=cluster,
        flavor=flavor.name,
        resource=accelerator,
        capacity=flavor.capacity,
        promised=sum(allowance.nominal for allowance in allowances) + own,
        teams=sum(1 for allowance in allowances if allowance.nominal),
        borrowable=sum(1 for allowance in allowances if allowance.borrowing_limit != 0),
        cohorts=own,
    )


@dataclass(frozen=True, slots=True)
class AcceleratorLine:
    """An accelerator of the catalogue and where the platform has it.

    Attributes:
        devices: at most, over all clusters.
    """

    accelerator: Accelerator
    clusters: tuple[str, ...]
    devices: int


def accelerator_lines(platform: Platform) -> tuple[AcceleratorLine, ...]:
    """The catalogue; what the platform has comes first."""
    lines = []
    for accelerator in platform.accelerators.values():
        counts = {cluster.name: dict(_devices(cluster)).get(accelerator.name, 0) for cluster in platform.clusters}
        present = tuple(name for name, count in counts.items() if count)
        lines.append(AcceleratorLine(accelerator, present, sum(counts.values())))
    return tuple(sorted(lines, key=lambda line: (not line.clusters, line.accelerator.name)))
