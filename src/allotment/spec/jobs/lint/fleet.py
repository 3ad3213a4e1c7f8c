"""Rules about hardware and quota: what can never start, and what leaves devices of a node useless to others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.grammar import count
from allotment.model.jobs.job import JobType
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.model.quota import Allowance
from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule
from allotment.spec.jobs.wishes import placements_of, quota_of

_AT: Final = ("resources", "accelerators")
_GIB: Final = 1 << 30
_CPUS_OF_A_DEVICE: Final = 4
"""Below that, data loaders do not keep a whole device busy; the reference platform gives 8 and more."""
_FEEDS_A_DEVICE: Final = frozenset({JobType.TRAINING, JobType.SWEEP, JobType.SCHEDULED, JobType.EVALUATION})


def no_quota(linted: LintedJob) -> Iterator[LintAdvice]:
    """The team has none of these devices."""
    wish = linted.job.needs.accelerators
    if wish is None:
        return
    quota = quota_of(linted.platform, linted.team)
    own = [name for name in wish.classes if name in quota]
    if not own:
        has = ", ".join(sorted(quota)) or "no accelerators at all"
        why = f"team {linted.team.name} has quota for none of {', '.join(wish.classes)}; it has {has}"
        yield LintAdvice(_AT, why, "choose a class that the team has quota for, or ask for quota")
    elif not any(linted.takes(kind) for name in own for kind in quota[name]):
        types = ", ".join(sorted({kind.value for name in own for kind in quota[name]}))
        path = (*_AT, "capacityType") if wish.capacity_type else ("spot",)
        why = f"team {linted.team.name} has {', '.join(own)} as {types} only, which the job does not take"
        yield LintAdvice(path, why, "let it run there, or choose another class")


def over_quota(linted: LintedJob) -> Iterator[LintAdvice]:
    """More at once than the team can ever have in one cluster."""
    job, wish = linted.job, linted.job.needs.accelerators
    if wish is None:
        return
    together = wish.count * (job.replicas if job.gang else 1)
    most = _most_at_once(linted)
    if most is not None and 0 < most < together:
        path = ("replicas",) if job.gang and wish.count <= most else (*_AT, "count")
        why = f"{count(together, 'device')} at once are more than the {most} that team {linted.team.name} can ever have"
        yield LintAdvice(path, why, "ask for fewer, or ask for quota")


def _most_at_once(linted: LintedJob) -> int | None:
    """Most devices of its classes that its team may hold in one cluster, borrowed ones included; None: no bound."""
    found: list[int] = []
    for cluster, placement in placements_of(linted.platform, linted.team):
        held = 0
        for each in placement.accelerators:
            flavor = cluster.flavor(each.flavor)
            if flavor.accelerator in linted.classes and linted.takes(flavor.capacity_type):
                held += min(flavor.capacity, _bound(each.devices, flavor.capacity))
        found.append(held)
    return max(found, default=None)


def _bound(allowance: Allowance, capacity: int) -> int:
    return capacity if allowance.borrowing_limit is None else allowance.nominal + allowance.borrowing_limit


def no_node_large_enough(linted: LintedJob) -> Iterator[LintAdvice]:
    """One replica needs more than any node of its devices has."""
    needs, wish = linted.job.needs, linted.job.needs.accelerators
    if wish is None or not linted.pools:
        return
    devices = max(pool.accelerators_per_node for pool in linted.pools)
    if wish.count > devices:
        named = ", ".join(wish.classes)
        why = f"a replica needs {count(wish.count, 'device')}, and no node of {named} has more than {devices}"
        yield LintAdvice((*_AT, "count"), why, f"ask for {devices} or fewer, with more replicas")
        return
    large = [pool for pool in linted.pools if pool.accelerators_per_node >= wish.count]
    cpu, memory = max(pool.cpu for pool in large), max(pool.memory for pool in large)
    if needs.cpu > cpu:
        asked, most = format_cpu(needs.cpu), format_cpu(cpu)
        why = f"a replica needs {asked} CPUs, and no node with its devices has more than {most}"
        yield LintAdvice(("resources", "cpu"), why, "ask for less, or leave the field out")
    if needs.memory > memory:
        asked, most = format_bytes(needs.memory), format_bytes(memory)
        why = f"a replica needs {asked}, and no node with its devices has more than {most}"
        yield LintAdvice(("resources", "memory"), why, "ask for less, or leave the field out")


def strands_devices(linted: LintedJob) -> Iterator[LintAdvice]:
    """CPU or memory of a node run out while devices are left: nobody can use them."""
    needs, wish = linted.job.needs, linted.job.needs.accelerators
    if wish is None or not linted.pools or wish.count > max(pool.accelerators_per_node for pool in linted.pools):
        return
    for field, asked, of_node, words in (
        ("cpu", needs.cpu, [pool.cpu for pool in linted.pools], "CPUs"),
        ("memory", needs.memory, [pool.memory for pool in linted.pools], "bytes of memory"),
    ):
        shares = [
            amount * wish.count // pool.accelerators_per_node
            for amount, pool in zip(of_node, linted.pools, strict=True)
            if pool.accelerators_per_node >= wish.count
        ]
        share = max(shares, default=0)
        if linted.was_written(f"resources.{field}") and share and share < asked <= max(of_node):
            whole = Bytes(share - share % _GIB or share)
            text = format_cpu(MilliCpu(share)) if field == "cpu" else format_bytes(whole)
            why = f"it takes more {words} than its share of a node: other devices of it stay free, and useless"
            yield LintAdvice(("resources", field), why, f"ask for {text} or less, or leave the field out")


def few_cpus(linted: LintedJob) -> Iterator[LintAdvice]:
    """Too few CPUs for the data loaders of a device."""
    needs, wish = linted.job.needs, linted.job.needs.accelerators
    if wish is None or linted.job.type not in _FEEDS_A_DEVICE:
        return
    first = linted.platform.accelerators.get(wish.classes[0]) if wish.classes else None
    parts = 1 if first is None else first.partitions
    least = _CPUS_OF_A_DEVICE * 1000 * wish.count // parts
    if needs.cpu < least:
        why = (
            f"{format_cpu(needs.cpu)} CPUs feed {count(wish.count, 'device')}: data loaders are throttled, devices idle"
        )
        yield LintAdvice(("resources", "cpu"), why, f"ask for {-(-least // 1000)} CPUs or more, or leave the field out")


RULES: Final = (
    LintRule(
        "no-quota",
        "The team has no quota for the devices",
        "It waits for ever, wherever quotas are.",
        no_quota,
    ),
    LintRule(
        "over-quota",
        "More devices at once than the team can ever have in one cluster",
        "A gang that does not fit the quota is never admitted, not even in part.",
        over_quota,
    ),
    LintRule(
        "no-node-large-enough",
        "A replica that no node can hold",
        "Two GPUs asked for where nodes have one: an autoscaler adds nodes in vain, or none.",
        no_node_large_enough,
    ),
    LintRule(
        "strands-devices",
        "More CPU or memory than its share of a node",
        "The node's other devices stay free, and nothing that needs CPU and memory can use them.",
        strands_devices,
    ),
    LintRule(
        "few-cpus",
        "Too few CPUs beside the devices",
        "Data loaders that are short of CPU look like an idle GPU.",
        few_cpus,
    ),
)
