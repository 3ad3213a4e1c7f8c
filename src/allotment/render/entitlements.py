"""What the work of a team can have at most: facts on its namespace, by which policies judge work when it is submitted.

Work that asks for more would be accepted and wait for ever: above what the queue has with all that it may borrow,
above what one pod may have, or above the namespace's quota.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from allotment.model.cluster import Cohort
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import NOTHING, Allowance, Quota
from allotment.render import amounts
from allotment.render.isolation import OWN_CLUSTER, has_own_queue
from allotment.render.limit_ranges import container_defaults
from allotment.render.objects import Site, Tenant

Facts = dict[str, str]
"""Name of a limit → its amount, as Kubernetes writes quantities."""

_CPU: Final = "cpu"
_MEMORY: Final = "memory"


class Entitlements:
    """The limits of all teams of one cluster."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._trees: dict[str, _Tree] = {}

    def limits(self, tenant: Tenant) -> Facts:
        """Every limit of a team's work, by the names that the policies use."""
        return {
            **container_defaults(tenant),
            **_per_pod(tenant),
            **_of_namespace(tenant),
            **self._of_queue(tenant),
        }

    def _of_queue(self, tenant: Tenant) -> Facts:
        flavors = [entry.flavor for entry in tenant.placement.accelerators]
        return {
            "queue.cpu": amounts.cpu(MilliCpu(self._most(tenant, _CPU))),
            "queue.memory": amounts.memory(Bytes(self._most(tenant, _MEMORY))),
            **{f"queue.{flavor}": amounts.count(self._most(tenant, flavor)) for flavor in flavors},
        }

    def _most(self, tenant: Tenant, resource: str) -> int:
        """What the team's queue has when everybody lends all they may: Kueue's potential capacity."""
        own = _allowance(tenant.placement.quota, resource)
        if not has_own_queue(tenant.team, self._site.cluster):
            return sum(_allowance(one.placement.quota, resource).nominal for one in self._sharing)
        if tenant.placement.cohort is None or tenant.team.isolation in OWN_CLUSTER:
            return own.nominal
        return _capped(own, own.nominal, self._tree(resource).most(tenant.placement.cohort))

    def _tree(self, resource: str) -> _Tree:
        found = self._trees.get(resource)
        if found is None:
            queues: dict[str, int] = {}
            for tenant in self._site.teams:
                name = tenant.placement.cohort
                if name is not None and not tenant.leaving and has_own_queue(tenant.team, self._site.cluster):
                    own = _allowance(tenant.placement.quota, resource)
                    queues[name] = queues.get(name, 0) + own.nominal - _kept(own, own.nominal)
            found = self._trees[resource] = _Tree(self._site.cluster.cohorts, resource, queues)
        return found

    @cached_property
    def _sharing(self) -> tuple[Tenant, ...]:
        cluster = self._site.cluster
        return tuple(one for one in self._site.teams if not one.leaving and not has_own_queue(one.team, cluster))


class _Tree:
    """The cohorts of a cluster, for one resource in one flavor.

    Quantities as Kueue defines them (kubernetes-sigs/kueue v0.19, pkg/cache/scheduler/resource_node.go): a subtree's
    quota is a cohort's own with what is lent to it from below; of it the cohort keeps what it may not lend.
    """

    def __init__(self, cohorts: Sequence[Cohort], resource: str, lent_by_queues: Mapping[str, int]) -> None:
        self._parents = {cohort.name: cohort.parent for cohort in cohorts}
        self._own = {cohort.name: _allowance(cohort.quota, resource) for cohort in cohorts}
        self._subtree: dict[str, int] = {}
        for cohort in reversed(cohorts):  # children before parents
            below = sum(
                self._subtree[child] - _kept(self._own[child], self._subtree[child])
                for child, parent in self._parents.items()
                if parent == cohort.name
            )
            lent = lent_by_queues.get(cohort.name, 0)
            self._subtree[cohort.name] = self._own[cohort.name].nominal + lent + below

    def most(self, name: str) -> int:
        """What can come to a cohort when everybody lends all they may."""
        parent = self._parents[name]
        if parent is None:
            return self._subtree[name]
        return _capped(self._own[name], self._subtree[name], self.most(parent))


def _kept(own: Allowance, subtree: int) -> int:
    """What is not lent to the parent."""
    return 0 if own.lending_limit is None else max(0, subtree - own.lending_limit)


def _capped(own: Allowance, subtree: int, from_parent: int) -> int:
    most = _kept(own, subtree) + from_parent
    return most if own.borrowing_limit is None else min(most, subtree + own.borrowing_limit)


def _allowance(quota: Quota, resource: str) -> Allowance:
    if resource == _CPU:
        return quota.cpu
    if resource == _MEMORY:
        return quota.memory
    return next((entry.devices for entry in quota.accelerators if entry.flavor == resource), NOTHING)


def _per_pod(tenant: Tenant) -> Facts:
    most = tenant.team.member_limits
    facts: Facts = {}
    if most.cpu is not None:
        facts["pod.cpu"] = amounts.cpu(most.cpu)
    if most.memory is not None:
        facts["pod.memory"] = amounts.memory(most.memory)
    if most.accelerators is not None:
        facts["pod.devices"] = amounts.count(most.accelerators)
    return facts


def _of_namespace(tenant: Tenant) -> Facts:
    quota = tenant.placement.namespace_quota
    return {
        "namespace.requests.cpu": amounts.cpu(quota.requests_cpu),
        "namespace.limits.cpu": amounts.cpu(quota.limits_cpu),
        "namespace.requests.memory": amounts.memory(quota.requests_memory),
        "namespace.limits.memory": amounts.memory(quota.limits_memory),
        "namespace.pods": amounts.count(quota.pods),
        **{f"namespace.requests.{name}": amounts.count(devices) for name, devices in quota.accelerators},
    }
