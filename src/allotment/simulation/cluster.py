"""A cluster that changes: what is declared, and which nodes are away. Each change returns another cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    FlavorQuotas,
    ResourceGroup,
    ResourceQuota,
)
from allotment.simulation.events import (
    UNLIMITED,
    Cordon,
    NodeDown,
    NodeDrain,
    NodeEvent,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
)

_Owner = TypeVar("_Owner", ClusterQueue, Cohort)


@dataclass(frozen=True, slots=True)
class ChangingCluster:
    """Declared state and the nodes that do not count.

    Attributes:
        declared: with all its nodes.
        down: nodes that are not ready.
        cordoned: nodes that take no further pods.
    """

    declared: ClusterState
    down: frozenset[str] = frozenset()
    cordoned: frozenset[str] = frozenset()

    @property
    def state(self) -> ClusterState:
        """What the queueing engine sees: Kueue counts only nodes that are ready and not cordoned."""
        away = self.down | self.cordoned
        if not away:
            return self.declared
        return replace(self.declared, nodes=tuple(node for node in self.declared.nodes if node.name not in away))

    @property
    def uses_topology(self) -> bool:
        """Without a topology flavor Kueue looks at no node."""
        return any(flavor.topology is not None for flavor in self.declared.flavors)

    def with_node(self, event: NodeEvent) -> ChangingCluster:
        """After a node went, came back, was cordoned or uncordoned."""
        node = frozenset((event.node,))
        match event:
            case NodeDown():
                return replace(self, down=self.down | node)
            case NodeUp():
                return replace(self, down=self.down - node)
            case Cordon() | NodeDrain():
                return replace(self, cordoned=self.cordoned | node)
            case _:
                return replace(self, cordoned=self.cordoned - node)

    def with_quota(self, event: QuotaChange) -> ChangingCluster:
        """After a change of quota; one that names a quota that does not exist changes nothing."""
        state = self.declared
        if event.of_cohort:
            state = replace(state, cohorts=tuple(_owner(each, event) for each in state.cohorts))
        else:
            state = replace(state, cluster_queues=tuple(_owner(each, event) for each in state.cluster_queues))
        return replace(self, declared=state)

    def with_stop(self, event: StopChange) -> ChangingCluster:
        """After a queue was stopped or let go on."""
        stopped = event.policy is not StopPolicy.NONE
        queues = tuple(
            replace(each, stopped=stopped) if each.name == event.cluster_queue else each
            for each in self.declared.cluster_queues
        )
        return replace(self, declared=replace(self.declared, cluster_queues=queues))


def _owner(owner: _Owner, event: QuotaChange) -> _Owner:
    if owner.name != event.owner:
        return owner
    return replace(owner, resource_groups=_groups(owner.resource_groups, event))


def _groups(groups: tuple[ResourceGroup, ...], event: QuotaChange) -> tuple[ResourceGroup, ...]:
    return tuple(replace(group, flavors=tuple(_flavor(quotas, event) for quotas in group.flavors)) for group in groups)


def _flavor(quotas: FlavorQuotas, event: QuotaChange) -> FlavorQuotas:
    if quotas.flavor != event.flavor:
        return quotas
    return replace(
        quotas,
        resources=tuple(
            (name, _quota(quota, event) if name == event.resource else quota) for name, quota in quotas.resources
        ),
    )


def _quota(quota: ResourceQuota, event: QuotaChange) -> ResourceQuota:
    return ResourceQuota(
        nominal=quota.nominal if event.nominal is None else event.nominal,
        borrowing_limit=_limit(quota.borrowing_limit, event.borrowing_limit),
        lending_limit=_limit(quota.lending_limit, event.lending_limit),
    )


def _limit(old: int | None, new: int | None) -> int | None:
    if new is None:
        return old
    return None if new == UNLIMITED else new
