"""A claim for devices (DRA) that cannot be allocated: what it asks for is taken on every node, or published nowhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.rules.scheduler.claim_smaller import UnmetTerm, in_words, proposals_of, unmet_terms
from allotment.diagnose.rules.scheduler.device_expressions import PublishedDevice, says
from allotment.diagnose.rules.scheduler.verdicts import said_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import be, count
from allotment.model.observed.base import Reference
from allotment.model.observed.nodes import DeviceRequest, DeviceSelector, DeviceTaint, ExactRequest, ResourceClaimSpec
from allotment.model.observed.pods import Pod

_MADE_FOR: Final = "resource.kubernetes.io/pod-claim-name"
"""Annotation of a claim that was made for a pod: the name of the claim there."""
_MESSAGE: Final = ("cannot allocate all claims", "resourceclaim")
_MOST_LOOKED_AT: Final = 50_000
"""Devices that are compared with claims of one subject, in all: a pod may name claims without number."""
_KEEPS_OFF: Final = frozenset({"NoSchedule", "NoExecute"})
_WAITING: Final = Proposal(
    RemedyKind.WAIT_FOR_CAPACITY,
    Doer.USER,
    "wait until such devices are free",
    None,
    Patch(PatchOp.WAIT, {"until": "free"}),
)


def _mended(exact: ExactRequest) -> Proposal:
    what = f"see why devices of class {exact.device_class_name} are tainted, and mend them"
    return Proposal(RemedyKind.REPAIR_NODE, Doer.PLATFORM, what, None, Patch(PatchOp.SIGNAL, {"devices": "untainted"}))


def _published_first(exact: ExactRequest) -> Proposal:
    """A class without any device: most likely its driver does not run."""
    what = f"see that the driver of class {exact.device_class_name} runs on the nodes: it publishes no device"
    return Proposal(
        RemedyKind.REPAIR_DEVICE_PLUGIN, Doer.PLATFORM, what, None, Patch(PatchOp.SIGNAL, {"driver": "runs"}), cost=40
    )


@dataclass(frozen=True, slots=True)
class DeviceCount:
    """Devices that a request selects: all, and on the node with most of them, all and free ones.

    Attributes:
        most_sound: the same of those that are free but for taints which the request does not tolerate.
        tainted: devices with such taints.
        unsure: some of which it cannot be told whether they are selected.
    """

    total: int
    taken: int
    most: int
    most_free: int
    most_sound: int
    tainted: int
    unsure: int


def find(case: Case) -> Finding | None:
    """Decided from classes, slices and allocations; where an expression is not read, from the scheduler's words."""
    pod = next((each for each in case.waiting_pods if each.spec.resource_claims), None)
    kinds = ("resourceclaims", "deviceclasses", "resourceslices")
    if pod is None or not all(case.seen_everywhere(kind) for kind in kinds):
        return None
    claims = list(_claims(case, pod))
    devices = list(case.index.beside.once(_Published, lambda: _Published(_published(case)))) if claims else []
    # Who asks for very many claims is told of the first that are short among those that can be looked at.
    del claims[max(1, _MOST_LOOKED_AT // max(1, len(devices))) :]
    for target, claim in claims:
        for request in claim.devices.requests:
            found = _short(case, target, claim, request, devices)
            if found is not None:
                return found
    return None


def _claims(case: Case, pod: Pod) -> Iterator[tuple[Reference, ResourceClaimSpec]]:
    """The pod's claims that are not allocated. What is not there at all is told by the rules about storage."""
    index = case.index
    given = {
        each.metadata.annotations.get(_MADE_FOR)
        for each in index.resource_claims_of.get(pod.metadata.uid, ())
        if each.status.allocation is not None and each.namespace == case.namespace
    }
    for use in pod.spec.resource_claims:
        if use.name in given:
            continue
        if use.resource_claim_name:
            claim = index.resource_claims.get(f"{case.namespace}/{use.resource_claim_name}")
            if claim is not None and claim.status.allocation is None:
                yield reference_of(claim), claim.spec
        else:
            template = index.resource_claim_templates.get(f"{case.namespace}/{use.resource_claim_template_name}")
            if template is not None:
                yield reference_of(template), template.spec.spec


class _Published(tuple[PublishedDevice, ...]):
    """All devices of a source."""

    __slots__ = ()


def _published(case: Case) -> Iterator[PublishedDevice]:
    taken = {
        (each.driver, each.pool, each.device)
        for claim in case.index.objects.resource_claims
        if claim.status.allocation is not None
        for each in claim.status.allocation.devices.results
    }
    newest: Counter[tuple[str, str]] = Counter()
    for one in case.index.objects.resource_slices:
        pool = (one.spec.driver, one.spec.pool.name)
        newest[pool] = max(newest[pool], one.spec.pool.generation)
    for one in case.index.objects.resource_slices:
        if one.spec.pool.generation < newest[one.spec.driver, one.spec.pool.name]:
            continue  # of what the driver published before, and takes away
        for device in one.spec.devices:
            key = (one.spec.driver, one.spec.pool.name, device.name)
            yield PublishedDevice(one.spec.driver, device, one.spec.node_name or device.node_name, key in taken)


def _short(
    case: Case, target: Reference, claim: ResourceClaimSpec, request: DeviceRequest, devices: list[PublishedDevice]
) -> Finding | None:
    exact = request.exact
    of = next((each for each in case.index.objects.device_classes if each.name == exact.device_class_name), None)
    if of is None:
        return None
    counted = _counted(of.spec.selectors, exact, devices)
    if counted.most_free >= exact.count:
        return None
    if counted.unsure or len(request.first_available) > 1 or exact.allocation_mode == "All":
        return _by_words(case, target.name, of.name)
    never = counted.most < exact.count
    tainted = counted.most_sound >= exact.count
    proposals: Iterable[Proposal] = (_mended(exact),) if tainted else (_WAITING,)
    unmet: tuple[UnmetTerm, ...] = ()
    of_class = [each for each in devices if _selected(of.spec.selectors, each)]
    if never:
        unmet = unmet_terms(exact, of_class)
        proposals = proposals_of(case, (target, claim), request, unmet, counted.most)
        if not counted.total and not of_class:
            proposals = chain((_published_first(exact),), proposals)
    finding = _finding(target, request, counted, unmet, len(of_class))
    return replace(finding, proposals=Deferred(proposals))


def _counted(of_class: tuple[DeviceSelector, ...], exact: ExactRequest, devices: list[PublishedDevice]) -> DeviceCount:
    there: Counter[str] = Counter()
    free: Counter[str] = Counter()
    sound: Counter[str] = Counter()
    unsure = taken = tainted = 0
    for each in devices:
        chosen = _selected((*of_class, *exact.selectors), each)
        unsure += chosen is None
        if not chosen:
            continue
        there[each.node] += 1
        left = not each.taken or exact.admin_access or each.device.allow_multiple_allocations
        kept_off = any(not _tolerated(taint, exact) for taint in each.device.taints)
        taken, tainted = taken + (not left), tainted + kept_off
        sound[each.node] += left
        free[each.node] += left and not kept_off
    # What is on no one node can be used beside what a node has.
    most, most_free, most_sound = (
        max((number for node, number in some.items() if node), default=0) + some[""] for some in (there, free, sound)
    )
    return DeviceCount(there.total(), taken, most, most_free, most_sound, tainted, unsure)


def _tolerated(taint: DeviceTaint, exact: ExactRequest) -> bool:
    """Whether a taint keeps a request off a device."""
    if taint.effect not in _KEEPS_OFF:
        return True
    return any(
        (not each.effect or each.effect == taint.effect)
        and (not each.key or each.key == taint.key)
        and (each.operator == "Exists" or each.value == taint.value)
        for each in exact.tolerations
    )


def _selected(selectors: tuple[DeviceSelector, ...], each: PublishedDevice) -> bool | None:
    """Whether all expressions select a device; an expression after one that does not is not asked."""
    sure = True
    for selector in selectors:
        said = None if selector.cel is None else says(selector.cel.expression, each)
        if said is False:
            return False
        sure = sure and said is not None
    return True if sure else None


def _finding(
    target: Reference, request: DeviceRequest, counted: DeviceCount, unmet: tuple[UnmetTerm, ...], of_class: int
) -> Finding:
    exact = request.exact
    short_of_sound = counted.most_sound >= exact.count
    if counted.total:
        off = f", {counted.tainted} with a taint that it does not tolerate" if counted.tainted else ""
        where = f"{counted.total} in all, {counted.taken} of them taken{off}, at most {counted.most} on one node"
    elif of_class:
        where = f"of the {of_class} that are published it selects none{in_words(unmet)}"
    else:
        where = "none is published"
    field = f"spec.devices.requests[{request.name}]"
    return Finding(
        "claim-unallocatable",
        CauseVerdict.MISCONFIGURED
        if counted.most < exact.count
        else CauseVerdict.BROKEN
        if short_of_sound
        else CauseVerdict.WAITING,
        f"claim {target.name} asks for {count(exact.count, 'device')} of class {exact.device_class_name}; at most "
        f"{counted.most_free} that it selects {be(counted.most_free)} free on one node ({where})",
        facts={
            "claim": target.name,
            "device_class": exact.device_class_name,
            "asked": exact.count,
            "most_free": counted.most_free,
            **{f"requested_{each.name}": each.term.wanted for each in unmet},
            **{f"largest_{each.name}": each.best for each in unmet},
        },
        evidence=(
            Evidence(target, f"{field}.count", exact.count, where),
            *(Evidence(target, f"{field}.selectors", each.term.text, f"best: {each.best}") for each in unmet),
        ),
    )


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
