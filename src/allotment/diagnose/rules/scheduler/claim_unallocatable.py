"""A claim for devices (DRA) that cannot be allocated: too few devices of its class are free on one node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.verdicts import said_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.nodes import DeviceClass, DeviceRequest, ResourceClaimSpec
from allotment.model.observed.pods import PodSpec

_BY_DRIVER: Final = re.compile(r"""^\s*device\.driver\s*==\s*["']([^"']+)["']\s*$""")
_MESSAGE: Final = ("cannot allocate all claims", "resourceclaim")


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """Devices of a class: in all, on the node that has most of them free, and taken."""

    total: int
    most_free: int
    taken: int


def find(case: Case) -> Finding | None:
    """Decided from classes, slices and allocations; where a class selects by more than its driver, from the words."""
    pod = next((each for each in case.waiting_pods if each.spec.resource_claims), None)
    if pod is None or not case.seen_everywhere("resourceclaims") or not case.seen("deviceclasses"):
        return None
    for name, claim in _claims(case, pod.spec):
        for request in claim.devices.requests:
            found = _short(case, name, request)
            if found is not None:
                return found
    return None


def _claims(case: Case, spec: PodSpec) -> Iterator[tuple[str, ResourceClaimSpec]]:
    """The pod's claims that are not allocated. What is not there at all is told by the rules about storage."""
    claims = {each.name: each for each in case.index.objects.resource_claims if each.namespace == case.namespace}
    templates = {
        each.name: each for each in case.index.objects.resource_claim_templates if each.namespace == case.namespace
    }
    for use in spec.resource_claims:
        if use.resource_claim_name:
            claim = claims.get(use.resource_claim_name)
            if claim is not None and claim.status.allocation is None:
                yield claim.name, claim.spec
        else:
            template = templates.get(use.resource_claim_template_name)
            if template is not None:
                yield template.name, template.spec.spec


def _short(case: Case, name: str, request: DeviceRequest) -> Finding | None:
    exact = request.exact
    classes = {each.name: each for each in case.index.objects.device_classes}
    found = classes.get(exact.device_class_name)
    if found is None:
        return None
    counted = None if exact.selectors else _counted(case, found)
    if counted is None:
        return _by_words(case, name, found.name)
    if counted.most_free >= exact.count:
        return None
    never = counted.total < exact.count
    where = f"{counted.total} in all, {counted.taken} of them taken" if counted.total else "none is published"
    waiting = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        "wait until such devices are free",
        None,
        Patch(PatchOp.WAIT, {"until": "free"}),
    )
    return Finding(
        "claim-unallocatable",
        CauseVerdict.MISCONFIGURED if never else CauseVerdict.WAITING,
        f"claim {name} asks for {exact.count} devices of class {found.name}; at most {counted.most_free} are free on "
        f"one node ({where})",
        facts={"claim": name, "device_class": found.name, "asked": exact.count, "most_free": counted.most_free},
        evidence=(Evidence(reference_of(found), "spec.selectors", found.name, where),),
        proposals=() if never else (waiting,),
    )


def _counted(case: Case, of: DeviceClass) -> DeviceCount | None:
    """Devices of a class that selects by driver alone; None for one that selects by more."""
    drivers = [_BY_DRIVER.match(each.cel.expression) for each in of.spec.selectors if each.cel is not None]
    if len(drivers) != 1 or drivers[0] is None or len(of.spec.selectors) != 1:
        return None
    driver = drivers[0].group(1)
    taken = {
        (each.driver, each.pool, each.device)
        for claim in case.index.objects.resource_claims
        if claim.status.allocation is not None
        for each in claim.status.allocation.devices.results
    }
    total = used = 0
    free: dict[str, int] = {}
    for one in case.index.objects.resource_slices:
        if one.spec.driver != driver:
            continue
        for device in one.spec.devices:
            total += 1
            if (driver, one.spec.pool.name, device.name) in taken:
                used += 1
            elif not device.taints:
                node = one.spec.node_name or device.node_name
                free[node] = free.get(node, 0) + 1
    return DeviceCount(total, max(free.values(), default=0), used)


def _by_words(case: Case, name: str, device_class: str) -> Finding | None:
    said = said_of(case)
    if said is None or not any(word in said[0].lower() for word in _MESSAGE):
        return None
    return Finding(
        "claim-unallocatable",
        CauseVerdict.WAITING,
        f"claim {name} for devices of class {device_class} cannot be allocated on any node",
        facts={"claim": name, "device_class": device_class, "message": said[0]},
        evidence=(said[1],),
        confidence=Confidence.LIKELY,
    )
