"""Ladder, tiers, policies, shared services, storage classes, prices, accelerators."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from allotment.model.policy import METADATA_NETWORKS, Direction, PolicyName
from allotment.spec.checks.context import Context, error, warning
from allotment.spec.devices import DECLARE, device_meant
from allotment.spec.problems import Issue, did_you_mean, echo

_METADATA: Final = tuple(ipaddress.ip_network(network) for network in METADATA_NETWORKS)


def ladder_has_one_default(context: Context) -> Iterator[Issue]:
    """Kubernetes takes any default it finds first; none at all leaves work at 0, below everything."""
    entries = context.declared.priorities
    defaults = [entry for entry in entries if entry.spec.default]
    for entry in defaults[1:]:
        what = f'"{defaults[0].spec.name}" is the default already'
        yield error(entry, ("default",), what, "keep default: true on one rung")
    if entries and not defaults and "Priority" not in context.declared.broken:
        yield error(entries[0], (), "no rung of the ladder is the default", "set default: true on the lowest one")
    for entry in defaults:
        if entry.spec.preempts:
            what = "the default rung preempts: experiments would displace each other"
            yield warning(entry, ("preempts",), what, "set preempts: false")


def rungs_differ(context: Context) -> Iterator[Issue]:
    """Two rungs of one value are one rung with two names; names that begin with system- are Kubernetes' own."""
    first: dict[int, str] = {}
    for entry in context.declared.priorities:
        spec = entry.spec
        seen = first.setdefault(spec.value, spec.name)
        if seen != spec.name:
            what = f"the value {spec.value} is already that of {echo(seen)}"
            yield error(entry, ("value",), what, "give each rung a value of its own")
        if spec.name.startswith("system-"):
            what = "names that begin with system- belong to Kubernetes"
            yield error(entry, ("name",), what, "choose another name")


def tiers_name_rungs(context: Context) -> Iterator[Issue]:
    """A tier's priority is a rung of the ladder."""
    rungs = {rung.name: rung for rung in context.ladder}
    for entry in context.declared.slo_tiers:
        name = entry.spec.default_priority
        if not context.known("Priority", rungs, name):
            yield error(entry, ("defaultPriority",), f"the ladder has no rung {echo(name)}", did_you_mean(name, rungs))


def registries_belong_to_their_policy(context: Context) -> Iterator[Issue]:
    """Only trusted-registries reads a list of registries."""
    for entry in context.declared.policies:
        spec = entry.spec
        if spec.name is PolicyName.TRUSTED_REGISTRIES and not spec.registries:
            what = "without registries the policy is off"
            yield warning(entry, ("registries",), what, "list the image prefixes to trust, or remove the document")
        if spec.name is not PolicyName.TRUSTED_REGISTRIES and spec.registries:
            what = f"registries have no meaning for {spec.name}"
            yield error(entry, ("registries",), what, "move them to the policy trusted-registries")


def drivers_belong_to_their_policy(context: Context) -> Iterator[Issue]:
    """Only no-side-doors reads a list of storage drivers."""
    for entry in context.declared.policies:
        if entry.spec.csi_drivers and entry.spec.name is not PolicyName.NO_SIDE_DOORS:
            what = f"csiDrivers have no meaning for {entry.spec.name}"
            yield error(entry, ("csiDrivers",), what, "move them to the policy no-side-doors")


def services_have_another_side(context: Context) -> Iterator[Issue]:
    """An opening leads to a namespace or to addresses, through named ports."""
    for entry in context.declared.shared_services:
        spec = entry.spec
        if (spec.namespace is None) == (not spec.cidrs):
            what = "an opening needs either a namespace or cidrs"
            yield error(entry, ("namespace",), what, "give one of the two")
        if spec.pod_labels and spec.namespace is None:
            yield error(entry, ("podLabels",), "podLabels without a namespace", "add namespace:, or remove them")
        if not spec.ports:
            yield error(entry, ("ports",), "the opening has no port", "name the ports of the service")


def metadata_stays_closed(context: Context) -> Iterator[Issue]:
    """No opening leads to where clouds hand out a node's credentials: rendering refuses it, or cuts it out."""
    for entry in context.declared.shared_services:
        for index, cidr in enumerate(entry.spec.cidrs):
            network = ipaddress.ip_network(cidr, strict=False)
            here = ("cidrs", index)
            same = [metadata for metadata in _METADATA if metadata.version == network.version]
            if any(network.subnet_of(metadata) for metadata in same):  # type: ignore[arg-type]
                what = f"{cidr} is a cloud's metadata address: a pod that reaches it can act as its node"
                yield error(entry, here, what, "name the service's own addresses")
            elif entry.spec.direction is Direction.EGRESS and any(network.overlaps(metadata) for metadata in same):
                what = f"{cidr} contains a cloud's metadata address, which stays closed"
                yield warning(entry, here, what, "name narrower ranges")


def one_storage_class_is_the_default(context: Context) -> Iterator[Issue]:
    """Two defaults: Kubernetes takes the newer one, whichever that is."""
    defaults = [entry for entry in context.declared.storage_classes if entry.spec.default]
    for entry in defaults[1:]:
        what = f'"{defaults[0].spec.name}" is the default already'
        yield error(entry, ("default",), what, "keep default: true on one class")


def prices_name_accelerators(context: Context) -> Iterator[Issue]:
    """A price of something that does not exist is a typo."""
    for entry in context.declared.prices:
        for name in entry.spec.accelerators:
            if not context.known("Accelerator", context.accelerators, name):
                fix = f"{device_meant(name, context.accelerators)}{DECLARE}"
                yield error(entry, ("accelerators", name), f"there is no accelerator {echo(name)}", fix)


def slices_have_a_device(context: Context) -> Iterator[Issue]:
    """A slice is of a whole device that exists."""
    for entry in context.declared.accelerators:
        spec = entry.spec
        whole = context.accelerators.get(spec.partition_of or "")
        if spec.partition_of is not None and not context.known("Accelerator", context.accelerators, spec.partition_of):
            what = f"there is no accelerator {echo(spec.partition_of)}"
            fix = f"{device_meant(spec.partition_of, context.accelerators)}{DECLARE}"
            yield error(entry, ("partitionOf",), what, fix)
        elif whole is not None and whole.partition_of is not None:
            yield error(entry, ("partitionOf",), f"{echo(whole.name)} is a slice itself", "name the whole device")
        if spec.partitions < 1 or (spec.partitions > 1 and spec.partition_of is None):
            what = f"{spec.partitions} slices of no device" if spec.partitions else "a device that gives no slice"
            yield error(entry, ("partitions",), what, "write 1 for a whole device; else set partitionOf too")


def kinds_of_work_have_one_rule_of_idleness(context: Context) -> Iterator[Issue]:
    """Of two rules about the same work nobody could say which one holds."""
    entry = context.declared.platform
    if entry is None:
        return
    first: dict[str, str] = {}
    for number, rule in enumerate(entry.spec.idle or ()):
        for work in rule.work:
            seen = first.setdefault(work, rule.name)
            if seen != rule.name:
                what = f"{echo(seen)} is the rule of idleness for {work} already"
                yield error(entry, ("idle", number, "work"), what, "name each kind of work in one rule")


CHECKS: Final = (
    ladder_has_one_default,
    rungs_differ,
    tiers_name_rungs,
    registries_belong_to_their_policy,
    drivers_belong_to_their_policy,
    services_have_another_side,
    metadata_stays_closed,
    one_storage_class_is_the_default,
    prices_name_accelerators,
    slices_have_a_device,
    kinds_of_work_have_one_rule_of_idleness,
)
