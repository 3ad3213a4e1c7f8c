"""Borrowing and lending: limits that Kueue refuses, and limits that can never matter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, QueueLayout
from allotment.model.policy import Mode, PolicyName
from allotment.model.quota import Allowance, Quota
from allotment.model.team import Placement, Team
from allotment.spec.checks.context import PlacedContext, error, warning
from allotment.spec.problems import Issue, Path


@dataclass(frozen=True, slots=True)
class _Quota:
    """One resource of one placement: where it stands in the file, and which flavor and resource it is."""

    fields: tuple[str, ...]
    flavor: str
    resource: str
    amount: Allowance


def limits_need_a_cohort(placed: PlacedContext) -> Iterator[Issue]:
    """Kueue refuses a queue with limits but without a cohort; with one shared queue there is nobody to borrow from."""
    for team, cluster, placement in placed.placements():
        alone = placement.cohort is None
        if not alone and cluster.queue_layout is not QueueLayout.SHARED:
            continue
        for quota in _quotas(placed, team, placement):
            for field, limit in _limits(quota.amount):
                if limit is None or (not alone and not placed.written(team.name, cluster.name, quota.fields, field)):
                    continue
                entry, path = placed.place(team.name, cluster.name, *quota.fields)
                if alone:
                    what = f"a {_words(field)} on a queue that stands alone"
                    yield error(entry, (*path, field), what, "remove it, or let the queue join a cohort")
                else:
                    what = f"a {_words(field)} has no effect with one shared queue"
                    yield warning(entry, (*path, field), what, "remove it, or use queueLayout: per-team")


def lending_stays_within_the_guarantee(placed: PlacedContext) -> Iterator[Issue]:
    """Nobody can lend more than is theirs; Kueue refuses it."""
    for team, cluster, placement in placed.placements():
        for quota in _quotas(placed, team, placement):
            limit = quota.amount.lending_limit
            if limit is not None and limit > quota.amount.nominal:
                entry, path = placed.place(team.name, cluster.name, *quota.fields)
                what = "the lending limit is above the guarantee"
                yield error(entry, (*path, "lendingLimit"), what, "lower it to the guarantee or less")


def somebody_lends_what_may_be_borrowed(placed: PlacedContext) -> Iterator[Issue]:
    """A borrowing limit where the rest of the cohort tree has nothing to lend."""
    lendable = _lendable(placed)
    roots = _roots(placed)
    for team, cluster, placement in placed.placements():
        if placement.cohort is None or cluster.queue_layout is QueueLayout.SHARED:
            continue
        root = roots[cluster.name, placement.cohort]
        for quota in _quotas(placed, team, placement):
            if not quota.amount.borrowing_limit:
                continue
            others = lendable.get((cluster.name, root, quota.flavor, quota.resource), 0) - _lends(quota.amount)
            if others <= 0:
                entry, path = placed.place(team.name, cluster.name, *quota.fields)
                what = f"nobody else in the cohort has {quota.flavor} to lend, so nothing can be borrowed"
                yield warning(entry, (*path, "borrowingLimit"), what, "remove the limit, or give others a guarantee")


def namespace_quota_leaves_room(placed: PlacedContext) -> Iterator[Issue]:
    """The namespace's ResourceQuota is a second gate: lower than the queue's it makes the queue's a lie.

    With several namespaces, those of all of them together: the queue's work may come from any.
    """
    for team, cluster, placement in placed.placements():
        allowed, times = placement.namespace_quota, len(team.namespaces)
        devices = dict(allowed.accelerators)
        for field, key, amount, most in (
            ("requestsCpu", "cpu", placement.cpu, allowed.requests_cpu),
            ("requestsMemory", "memory", placement.memory, allowed.requests_memory),
        ):
            if times * most < _usable(amount, placement):
                yield _too_low(placed, team, cluster, (field,), f"of {key}")
        if allowed.limits_cpu < allowed.requests_cpu:
            yield _too_low(placed, team, cluster, ("limitsCpu",), "of its own requestsCpu")
        if allowed.limits_memory < allowed.requests_memory:
            yield _too_low(placed, team, cluster, ("limitsMemory",), "of its own requestsMemory")
        for resource, amount_needed in _devices(placed, cluster, placement).items():
            given = times * devices.get(resource, 0)
            if given < amount_needed:
                what = f"of {resource}: {given} where the queue can give {amount_needed}"
                yield _too_low(placed, team, cluster, ("accelerators",), what)


def namespaces_hold_devices_once(placed: PlacedContext) -> Iterator[Issue]:
    """Where work gets past the queue, the quotas of a team's namespaces are all that bounds it, and they add up."""
    queued = next((policy for policy in placed.platform.policies if policy.name is PolicyName.QUEUE_REQUIRED), None)
    for team, cluster, placement in placed.placements():
        times = len(team.namespaces)
        if times == 1 or (queued is not None and queued.modes[cluster.name] is Mode.ENFORCE):
            continue
        devices = dict(placement.namespace_quota.accelerators)
        for resource, usable in _devices(placed, cluster, placement).items():
            held = times * devices.get(resource, 0)
            if held > usable:
                entry, path = placed.place(team.name, cluster.name, "namespaceQuota", "accelerators")
                what = (
                    f"{cluster.name} does not enforce {PolicyName.QUEUE_REQUIRED}, and work past the queue may hold "
                    f"{held} {resource} in {times} namespaces, where the queue can give {usable}"
                )
                fix = f"enforce {PolicyName.QUEUE_REQUIRED} there, or give a lower quota, which each namespace has"
                yield warning(entry, path, what, fix)


def pods_can_use_the_quota(placed: PlacedContext) -> Iterator[Issue]:
    """Pods at once times devices per pod must reach the guarantee and what may be borrowed."""
    for team, cluster, placement in placed.placements():
        per_pod = team.member_limits.accelerators
        if per_pod is None:
            continue
        pods = len(team.namespaces) * placement.namespace_quota.pods
        reach = pods * per_pod
        usable = sum(_usable(entry.devices, placement) for entry in placement.accelerators)
        if usable > reach:
            entry, path = placed.place(team.name, cluster.name, "namespaceQuota", "pods")
            what = f"{pods} pods of {per_pod} devices reach {reach} of {usable} devices"
            yield warning(entry, path, what, "allow more pods, or more devices per pod in memberLimits")


def weights_have_an_effect(placed: PlacedContext) -> Iterator[Issue]:
    """A weight of 0 is last for ever; a weight without fair sharing, or without a cohort, is ignored."""
    for team, cluster, placement in placed.placements():
        if placement.weight == 1000:
            continue
        if placement.weight == 0:
            what, fix = "weight 0: the team borrows only when nobody else wants to", "write a weight above 0"
        elif not cluster.fair_sharing:
            what, fix = "a weight without fair sharing has no effect", "set fairSharing: true in the cluster"
        elif placement.cohort is None or cluster.queue_layout is QueueLayout.SHARED:
            what, fix = "a weight without a cohort has no effect", "remove it, or let the queue join a cohort"
        else:
            continue
        entry, path = placed.place(team.name, cluster.name, "weight")
        yield warning(entry, path, what, fix)


def _quotas(placed: PlacedContext, team: Team, placement: Placement) -> Iterator[_Quota]:
    yield _Quota(("cpu",), labels.CPU_FLAVOR, "cpu", placement.cpu)
    yield _Quota(("memory",), labels.CPU_FLAVOR, "memory", placement.memory)
    for entry in placement.accelerators:
        limited = entry.devices.borrowing_limit is not None or entry.devices.lending_limit is not None
        # The word is only needed where something can be wrong; looking it up costs.
        word = placed.word(team.name, placement.cluster, entry.flavor) if limited else entry.flavor
        yield _Quota(("accelerators", word), entry.flavor, "devices", entry.devices)


def _limits(amount: Allowance) -> tuple[tuple[str, int | None], ...]:
    return ("borrowingLimit", amount.borrowing_limit), ("lendingLimit", amount.lending_limit)


def _words(field: str) -> str:
    return {"borrowingLimit": "borrowing limit", "lendingLimit": "lending limit"}[field]


def _lends(amount: Allowance) -> int:
    return amount.nominal if amount.lending_limit is None else min(amount.nominal, amount.lending_limit)


def _usable(amount: Allowance, placement: Placement) -> int:
    """Guaranteed plus what the declaration promises to lend; "no limit" promises nothing in particular."""
    return amount.nominal + (amount.borrowing_limit or 0 if placement.cohort is not None else 0)


def _lendable(placed: PlacedContext) -> dict[tuple[str, str, str, str], int]:
    """What all queues and cohorts below a root lend, by cluster, root, flavor and resource."""
    roots = _roots(placed)
    found: dict[tuple[str, str, str, str], int] = {}
    for cluster, cohort, quota in _lenders(placed):
        root = roots[cluster.name, cohort]
        amounts = [(labels.CPU_FLAVOR, "cpu", quota.cpu), (labels.CPU_FLAVOR, "memory", quota.memory)]
        amounts += [(entry.flavor, "devices", entry.devices) for entry in quota.accelerators]
        for flavor, resource, amount in amounts:
            key = (cluster.name, root, flavor, resource)
            found[key] = found.get(key, 0) + _lends(amount)
    return found


def _lenders(placed: PlacedContext) -> Iterator[tuple[Cluster, str, Quota]]:
    """Every quota in a cohort, with the cohort: the teams', and the cohorts' own."""
    for _team, cluster, placement in placed.placements():
        if placement.cohort is not None:
            yield cluster, placement.cohort, placement.quota
    for cluster in placed.platform.clusters:
        for cohort in cluster.cohorts:
            yield cluster, cohort.name, cohort.quota


def cohorts_with_quota_have_borrowers(placed: PlacedContext) -> Iterator[Issue]:
    """A cohort's own quota that no queue below may borrow is used by nobody."""
    roots = _roots(placed)
    for cluster in placed.platform.clusters:
        entry = placed.context.clusters[cluster.name]
        index = {spec.name: number for number, spec in enumerate(entry.spec.cohorts)}
        for cohort in cluster.cohorts:
            for kind, fields, flavor, resource, amount in _own(cohort.quota):
                if amount and not _borrowed(placed, roots, cluster, cohort.name, flavor, resource):
                    here: Path = ("cohorts", index[cohort.name], "quota", *fields)
                    what = f"no team of the cohort's tree may borrow {kind}, so this can be used by nobody"
                    fix = "let a team borrow it (a quota of that flavor with a borrowing limit), or give it to a team"
                    yield warning(entry, here, what, fix)


def _own(quota: Quota) -> Iterator[tuple[str, tuple[str, ...], str, str, int]]:
    """A cohort's amounts: word for messages, field, flavor, resource, how much."""
    yield "CPU", ("cpu",), labels.CPU_FLAVOR, "cpu", quota.cpu.nominal
    yield "memory", ("memory",), labels.CPU_FLAVOR, "memory", quota.memory.nominal
    for entry in quota.accelerators:
        yield entry.flavor, ("accelerators",), entry.flavor, "devices", entry.devices.nominal


def _borrowed(
    placed: PlacedContext, roots: dict[tuple[str, str], str], cluster: Cluster, cohort: str, flavor: str, resource: str
) -> bool:
    root = roots[cluster.name, cohort]
    return any(
        quota.flavor == flavor and quota.resource == resource and quota.amount.borrowing_limit != 0
        for team, place, placement in placed.placements()
        if place.name == cluster.name and placement.cohort and roots[cluster.name, placement.cohort] == root
        for quota in _quotas(placed, team, placement)
    )


def _roots(placed: PlacedContext) -> dict[tuple[str, str], str]:
    """The root of every cohort; parents stand before their children."""
    roots: dict[tuple[str, str], str] = {}
    for cluster in placed.platform.clusters:
        for cohort in cluster.cohorts:
            parent = cohort.parent
            roots[cluster.name, cohort.name] = cohort.name if parent is None else roots[cluster.name, parent]
    return roots


def _resource(placed: PlacedContext, cluster: Cluster, flavor: str) -> str:
    accelerator = placed.context.flavors[cluster.name].by_name[flavor].accelerator
    return placed.platform.accelerators[accelerator or ""].resource_name


def _devices(placed: PlacedContext, cluster: Cluster, placement: Placement) -> dict[str, int]:
    """Devices that the queue can give, by extended resource."""
    found: dict[str, int] = {}
    for entry in placement.accelerators:
        resource = _resource(placed, cluster, entry.flavor)
        found[resource] = found.get(resource, 0) + _usable(entry.devices, placement)
    return found


def _too_low(placed: PlacedContext, team: Team, cluster: Cluster, fields: tuple[str, ...], what: str) -> Issue:
    entry, path = placed.place(team.name, cluster.name, "namespaceQuota", *fields)
    text = f"the namespace's quota is below what the queue can give {what}"
    return warning(entry, path, text, "raise it, or leave it out: it then follows from the queue's")


CHECKS: Final = (
    limits_need_a_cohort,
    lending_stays_within_the_guarantee,
    somebody_lends_what_may_be_borrowed,
    cohorts_with_quota_have_borrowers,
    namespace_quota_leaves_room,
    namespaces_hold_devices_once,
    pods_can_use_the_quota,
    weights_have_an_effect,
)
