"""A team's presence in a cluster: overrides, quotas, and the namespace's quota that follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from allotment.model.cluster import Cluster
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import Allowance, FlavorAllowance
from allotment.model.team import AccessRule, NamespaceQuota, Placement
from allotment.spec import defaults
from allotment.spec.convert.grants import NO_SHIFT, Amounts, Shift
from allotment.spec.flavors import Flavors
from allotment.spec.identity import id_of
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.team import (
    CpuAllowanceSpec,
    DeviceAllowanceSpec,
    MemoryAllowanceSpec,
    NamespaceQuotaSpec,
    PlacementSpec,
    TeamSpec,
)


@dataclass(frozen=True, slots=True)
class PlacementSite:
    """A cluster as placements need it."""

    spec: ClusterSpec
    cluster: Cluster
    flavors: Flavors
    accelerators: Mapping[str, AcceleratorSpec]


def effective(team: TeamSpec, cluster: ClusterSpec) -> PlacementSpec:
    """The team's placement in a cluster with the cluster's overrides applied."""
    placement = team.placements[cluster.name]
    override = cluster.overrides.teams.get(team.name)
    if override is None:
        return placement
    replaced = {name: getattr(override, name) for name in override.model_fields_set}
    return placement.model_copy(update={name: value for name, value in replaced.items() if value is not None})


def placement(team: TeamSpec, site: PlacementSite, shift: Shift = NO_SHIFT) -> Placement:
    """The model's placement. Its references have been checked.

    Args:
        team: its document.
        site: where.
        shift: what grants give and take there.
    """
    spec = effective(team, site.spec)
    if shift is not NO_SHIFT:
        spec = spec.model_copy(update={"namespace_quota": _with_room(spec.namespace_quota, shift.given, site.flavors)})
    cohort = None if spec.standalone else spec.cohort or site.cluster.cohorts[0].name
    cpu = _shifted(_bounded(allowance(spec.cpu), cohort), shift.cpu)
    memory = _shifted(_bounded(allowance(spec.memory), cohort), shift.memory)
    devices = tuple(
        replace(entry, devices=_shifted(entry.devices, shift.devices(entry.flavor)))
        for entry in _devices(id_of(team), spec, site.flavors)
    )
    return Placement(
        cluster=site.cluster.name,
        environment=spec.environment or site.cluster.environment,
        cohort=cohort,
        weight=spec.weight,
        cpu=cpu,
        memory=memory,
        accelerators=devices,
        namespace_quota=_namespace_quota(team, spec, (cpu, memory, devices), site, lends=cohort is not None),
    )


def allowance(spec: CpuAllowanceSpec | MemoryAllowanceSpec | DeviceAllowanceSpec) -> Allowance:
    """Nominal, borrowing and lending as the model has them."""
    return Allowance(spec.nominal, spec.borrowing_limit, spec.lending_limit)


def _bounded(amount: Allowance, cohort: str | None) -> Allowance:
    """CPU or memory whose borrowing has a limit: none is borrowed unless the directory says how much.

    Work without a queue is held by the namespace's quota alone, and that has to admit whatever can be borrowed:
    without a limit here it would be as large as the cluster.
    """
    return replace(amount, borrowing_limit=0) if cohort and amount.borrowing_limit is None else amount


def _shifted(amount: Allowance, by: int) -> Allowance:
    """An amount whose guarantee rises or falls; what is gone is not lent any more."""
    if not by:
        return amount
    nominal = max(0, amount.nominal + by)
    lent = amount.lending_limit
    # Above the guarantee as it is written it is a mistake, which a check tells.
    if lent is not None and lent <= amount.nominal:
        lent = min(lent, nominal)
    return replace(amount, nominal=nominal, lending_limit=lent)


def _with_room(quota: NamespaceQuotaSpec, given: Amounts, flavors: Flavors) -> NamespaceQuotaSpec:
    """A namespace's quota in the team's own words with room for what is granted; the rest follows from the queue's."""
    more = {
        "requests_cpu": given.cpu,
        "limits_cpu": given.cpu,
        "requests_memory": given.memory,
        "limits_memory": given.memory,
    }
    accelerators = dict(quota.accelerators)
    for flavor, devices in given.devices.items():
        name = flavors.by_name[flavor].accelerator or ""
        if name in accelerators:
            accelerators[name] += devices
    said = {name: getattr(quota, name) for name in more}
    raised = {name: amount + more[name] for name, amount in said.items() if amount is not None}
    return quota.model_copy(update={**raised, "accelerators": accelerators})


def _devices(team: str, spec: PlacementSpec, flavors: Flavors) -> tuple[FlavorAllowance, ...]:
    found = ((flavors.meant(word, team), amount) for word, amount in spec.accelerators.items())
    return tuple(FlavorAllowance(flavor.name, allowance(amount)) for flavor, amount in found if flavor is not None)


def _namespace_quota(
    team: TeamSpec,
    spec: PlacementSpec,
    quota: tuple[Allowance, Allowance, tuple[FlavorAllowance, ...]],
    site: PlacementSite,
    *,
    lends: bool,
) -> NamespaceQuota:
    cpu, memory, devices = quota
    given = spec.namespace_quota
    requests_cpu = _most(cpu, site.cluster.cpu, lends=lends) if given.requests_cpu is None else given.requests_cpu
    requests_memory = (
        _most(memory, site.cluster.memory, lends=lends) if given.requests_memory is None else given.requests_memory
    )
    claims = team.storage.claims
    storage = team.storage.total
    if storage is None:
        storage = max(defaults.STORAGE_TOTAL, sum(claim.size for claim in claims))
    return NamespaceQuota(
        requests_cpu=MilliCpu(requests_cpu),
        limits_cpu=MilliCpu(defaults.OVERCOMMIT * requests_cpu if given.limits_cpu is None else given.limits_cpu),
        requests_memory=Bytes(requests_memory),
        limits_memory=Bytes(
            defaults.OVERCOMMIT * requests_memory if given.limits_memory is None else given.limits_memory
        ),
        accelerators=tuple(sorted(_resources(devices, given.accelerators, site, lends=lends).items())),
        pods=given.pods,
        storage=Bytes(storage),
        claims=given.claims,
        objects=tuple({**defaults.object_counts(site.cluster.features, _created(team)), **given.objects}.items()),
    )


def _created(team: TeamSpec) -> Iterator[tuple[str, str]]:
    """Kinds that the team may create by rules of its own; they are counted like the others."""
    extra = team.extra_rules
    for rule in (*extra.owner, *extra.member, *extra.viewer, *extra.exec):
        yield from AccessRule(rule.api_groups, rule.resources, rule.verbs).creates()


def _resources(
    devices: tuple[FlavorAllowance, ...], given: Mapping[str, int], site: PlacementSite, *, lends: bool
) -> dict[str, int]:
    """Devices by extended resource: accelerators of one vendor share a resource, so their sums do too."""
    by_accelerator: dict[str, int] = {}
    for entry in devices:
        flavor = site.flavors.by_name[entry.flavor]
        name = flavor.accelerator or ""
        by_accelerator[name] = by_accelerator.get(name, 0) + _most(entry.devices, flavor.capacity, lends=lends)
    by_accelerator.update(given)
    resources: dict[str, int] = {}
    for name, amount in by_accelerator.items():
        resource = site.accelerators[name].resource_name
        resources[resource] = resources.get(resource, 0) + amount
    return resources


def _most(amount: Allowance, capacity: int, *, lends: bool) -> int:
    """The most that can be in use at once: guaranteed plus borrowed; what is not limited ends at the capacity."""
    if not lends:
        return amount.nominal
    if amount.borrowing_limit is None:
        return max(amount.nominal, capacity)
    return amount.nominal + amount.borrowing_limit
