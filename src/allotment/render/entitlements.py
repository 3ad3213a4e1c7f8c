"""What the work of a team can have at most: facts on its namespace, by which policies judge work when it is submitted.

Work that asks for more would be accepted and wait for ever: above what the queue has with all that it may borrow,
above what one pod may have, or above the namespace's quota.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import Allowance, Placement
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
        self._subtrees: dict[str, Mapping[str, int]] = {}

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
        own = _allowance(tenant.placement, resource)
        if not has_own_queue(tenant.team, self._site.cluster):
            return sum(_allowance(one.placement, resource).nominal for one in self._sharing)
        if tenant.placement.cohort is None or tenant.team.isolation in OWN_CLUSTER:
            return own.nominal
        most = _kept(own) + self._cohort_most(tenant.placement.cohort, resource)
        return most if own.borrowing_limit is None else min(most, own.nominal + own.borrowing_limit)

    def _cohort_most(self, name: str, resource: str) -> int:
        # Cohorts have no limits of their own here, so what is lent anywhere in the tree can reach the queue.
        root = name
        while (parent := self._parents[root]) is not None:
            root = parent
        return self._lent(resource).get(root, 0)

    def _lent(self, resource: str) -> Mapping[str, int]:
        """Quota that reaches the root of each tree of cohorts, by the root's name."""
        found = self._subtrees.get(resource)
        if found is None:
            lent: dict[str, int] = {}
            for tenant in self._site.tenants:
                name = tenant.placement.cohort
                if name is None or tenant.leaving or not has_own_queue(tenant.team, self._site.cluster):
                    continue
                while (parent := self._parents[name]) is not None:
                    name = parent
                own = _allowance(tenant.placement, resource)
                lent[name] = lent.get(name, 0) + own.nominal - _kept(own)
            found = self._subtrees[resource] = lent
        return found

    @cached_property
    def _parents(self) -> Mapping[str, str | None]:
        return {cohort.name: cohort.parent for cohort in self._site.cluster.cohorts}

    @cached_property
    def _sharing(self) -> tuple[Tenant, ...]:
        cluster = self._site.cluster
        return tuple(one for one in self._site.tenants if not one.leaving and not has_own_queue(one.team, cluster))


def _kept(own: Allowance) -> int:
    """What the queue does not lend."""
    return 0 if own.lending_limit is None else max(0, own.nominal - own.lending_limit)


def _allowance(placement: Placement, resource: str) -> Allowance:
    if resource == _CPU:
        return placement.cpu
    if resource == _MEMORY:
        return placement.memory
    nothing = Allowance(0, 0, 0)
    return next((entry.devices for entry in placement.accelerators if entry.flavor == resource), nothing)


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
    }
