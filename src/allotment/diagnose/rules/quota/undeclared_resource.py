"""It asks for a resource that its queue does not list: one that exists and is not covered, or a name that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.hardware import backing_of
from allotment.diagnose.rules.node import device_plugin_missing
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.quota.finding_of import quota_finding
from allotment.diagnose.rules.quota.refused import QuotaCause, QuotaRefusal, refused_as
from allotment.diagnose.rules.scheduler.extended_resource_unknown import asked_for
from allotment.diagnose.rules.submission.refused import told, unknown_resources
from allotment.diagnose.shortage import device
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.pods import PodSpec
from allotment.model.observed.queueing import ClusterQueue
from allotment.model.spelling import nearest
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.settings import CONFIG_MAP


def not_covered(case: Case) -> Finding | None:
    """The queue has no quota of a resource, so it admits nothing that asks for it."""
    found = refused_as(case, QuotaCause.NOT_COVERED)
    queue = None if found is None else case.index.cluster_queues.get(found.queue)
    if found is None or queue is None:
        return None
    names = found.lacks.undeclared
    covered = _covered(queue)
    finding = quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"it asks for {', '.join(names)}, of which the ClusterQueue {queue.name} has no quota: it covers "
        f"{', '.join(covered) or 'nothing'}",
        {"resource": names[0] if len(names) == 1 else list(names), "covered": covered},
        (*_dropped(case, names), *other_queues(case, cost=1), *_added(case, found, queue)),
    )
    return _as_sure_as_it_is(case, finding)


def wrong_name(case: Case) -> Finding | None:
    """No node offers what it asks for, and the device that was probably meant is there under another name."""
    found = refused_as(case, QuotaCause.WRONG_NAME)
    queue = None if found is None else case.index.cluster_queues.get(found.queue)
    if found is None or queue is None:
        return _not_taken(case) or _on_no_node(case)
    wrong = next(name for name in found.lacks.undeclared if device(name))
    covered = _covered(queue)
    devices = [name for name in covered if device(name)]
    meant = nearest(wrong, devices) or devices[0]
    order = [meant, *(name for name in devices if name != meant)]
    finding = quota_finding(
        case,
        found,
        CauseVerdict.MISCONFIGURED,
        f"it asks for {wrong}, which no node offers and the ClusterQueue {queue.name} does not list: its devices are "
        f"called {', '.join(devices)}",
        {"resource": wrong, "right_resource": meant, "covered": covered},
        _renamed(case, wrong, order),
    )
    return _as_sure_as_it_is(case, finding)


def _as_sure_as_it_is(case: Case, finding: Finding) -> Finding:
    """Kueue may be told to leave a resource out of account: unsure where that was not seen, and it says otherwise."""
    workload = case.workload
    if case.supposed or workload is None or CONFIG_MAP in case.index.config_maps or workload.status.resource_requests:
        return finding
    told = workload.condition("QuotaReserved")
    if told is None or not told.message or "unavailable in ClusterQueue" in told.message:
        return finding
    return replace(finding, confidence=Confidence.LIKELY, never=False)


def _on_no_node(case: Case) -> Finding | None:
    """No queue decides, or it has let it through: the scheduler finds no such device."""
    if case.workload is not None and not case.workload.says("QuotaReserved"):
        return None
    found = asked_for(case)
    if found is None or not found.facts["nearest"] or device_plugin_missing.find(case) is not None:
        return None
    facts = {**found.facts, "resource": found.facts["asked"], "right_resource": found.facts["nearest"]}
    return replace(found, cause=QuotaCause.WRONG_NAME, facts=facts)


def _not_taken(case: Case) -> Finding | None:
    """The API server refuses a short name: only a device plugin's full name is a resource."""
    names = unknown_resources(case)
    if not names:
        return None
    offered = {name for node in case.index.nodes.values() for name in node.status.allocatable if device(name)}
    known = sorted(offered)
    meant = nearest(names[0], known) or next((each for each in known if each.endswith(names[0])), "")
    order = [each for each in dict.fromkeys([meant, *known]) if each]
    said = f": nodes have {', '.join(known)}" if known else ""
    return told(
        case,
        QuotaCause.WRONG_NAME,
        CauseVerdict.MISCONFIGURED,
        f"the API server knows no resource {', '.join(names)}{said}",
        {"resource": names[0], "right_resource": meant or None},
        tuple(_renamed(case, names[0], order)),
    )


def _covered(queue: ClusterQueue) -> list[str]:
    return list(dict.fromkeys(name for group in queue.spec.resource_groups for name in group.covered_resources))


def _spec(case: Case) -> PodSpec | None:
    return case.to_come[0].template.spec if case.to_come else None


def _dropped(case: Case, names: tuple[str, ...]) -> Iterator[Proposal]:
    """To ask for none of it; whoever asks for a device that is there means it."""
    if any(device(name) and name in each.status.allocatable for name in names for each in case.index.objects.nodes):
        return
    changes: dict[str, dict[str, Any]] = {}
    for part in case.to_come:
        for container in part.template.spec.containers:
            for field, amounts in (
                ("requests", container.resources.requests),
                ("limits", container.resources.limits),
            ):
                gone = {name: None for name in names if name in amounts}
                if gone:
                    changes.setdefault(container.name, {}).setdefault(field, {}).update(gone)
    if not changes:
        return
    containers = [{"name": name, "resources": each} for name, each in changes.items()]
    target, patch = amended(case, {"containers": containers})
    yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, f"do not ask for {', '.join(names)}", target, patch)


def _renamed(case: Case, wrong: str, order: list[str]) -> Iterator[Proposal]:
    spec = _spec(case)
    if spec is None:
        return
    for position, name in enumerate(order):
        containers = []
        for container in spec.containers:
            change: dict[str, Any] = {}
            for field, amounts in (("requests", container.resources.requests), ("limits", container.resources.limits)):
                if wrong in amounts:
                    change[field] = {wrong: None, name: amounts[wrong]}
            if change:
                containers.append({"name": container.name, "resources": change})
        if containers:
            target, patch = amended(case, {"containers": containers})
            said = f"ask for {name} in place of {wrong}"
            yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, said, target, patch, cost=position)


def _added(case: Case, found: QuotaRefusal, queue: ClusterQueue) -> Iterator[Proposal]:
    """Quota of the resource, as much as is asked for, in each flavor of the group that devices are in.

    A flavor whose nodes have no such device, or not as many, gets none: Kueue wants it listed in every one.
    """
    groups = list(enumerate(queue.spec.resource_groups))
    if not groups:
        return
    number, group = next(
        (each for each in groups if any(device(name) for name in each[1].covered_resources)), groups[0]
    )
    asked = dict(found.lacks.pod_set.requests)
    steps: list[dict[str, Any]] = []
    said, where = [], dict.fromkeys(each.name for each in group.flavors)
    for name in found.lacks.undeclared:
        wanted = asked.get(name, 1) * found.lacks.pod_set.count
        backed = [each.name for each in group.flavors if _has(case, each.name, name, wanted)]
        where = {each: None for each in where if each in backed}
        said.append(f"{render_amount(name, wanted)} {name}")
        steps.append({"op": "add", "path": f"/spec/resourceGroups/{number}/coveredResources/-", "value": name})
        for position, each in enumerate(group.flavors):
            amount = render_amount(name, wanted if each.name in backed else 0)
            path = f"/spec/resourceGroups/{number}/flavors/{position}/resources/-"
            steps.append({"op": "add", "path": path, "value": {"name": name, "nominalQuota": amount}})
    if not where:
        return
    flavors = "" if len(where) == len(group.flavors) else f" in flavor {', '.join(where)}"
    yield Proposal(
        RemedyKind.RAISE_QUOTA,
        Doer.PLATFORM,
        f"give the ClusterQueue {queue.name} quota of {', '.join(said)}{flavors}",
        reference_of(queue),
        Patch(PatchOp.JSON, steps),
    )


def _has(case: Case, flavor: str, resource: str, amount: int) -> bool:
    backing = backing_of(case, flavor, resource)
    return backing is None or backing.room >= amount
