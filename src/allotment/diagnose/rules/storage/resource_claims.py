"""Claims for devices (DRA) that do not exist, or that ask for a class that does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.reach import sureness
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.nodes import ResourceClaimSpec
from allotment.model.observed.pods import PodResourceClaim, PodSpec
from allotment.model.spelling import nearest

_API: Final = "resource.k8s.io/v1"


def _uses(case: Case) -> Iterator[PodResourceClaim]:
    specs: list[PodSpec] = [pod.spec for pod in case.waiting_pods]
    if not specs and not (case.starting_pods or case.running_pods):
        specs = [part.template.spec for part in case.to_come]
    seen = set()
    for spec in specs:
        for each in spec.resource_claims:
            if each not in seen:
                seen.add(each)
                yield each


def claim_missing(case: Case) -> Finding | None:
    """A claim, or a template of claims, that the pods name and that is not there."""
    index = case.index
    for use in _uses(case):
        template = bool(use.resource_claim_template_name)
        name = use.resource_claim_template_name or use.resource_claim_name
        kind = "ResourceClaimTemplate" if template else "ResourceClaim"
        there_are: Mapping[str, object] = index.resource_claim_templates if template else index.resource_claims
        if not name or f"{case.namespace}/{name}" in there_are or not case.seen(f"{kind.lower()}s"):
            continue
        known = _names(case, kind)
        key = "resourceClaimTemplateName" if template else "resourceClaimName"
        about = case.waiting_pods[0] if case.waiting_pods else case.work
        there = f"; there is {', '.join(known)}" if known else ""
        return Finding(
            "resource-claim-missing",
            CauseVerdict.MISCONFIGURED,
            f"the {kind} {name} does not exist in namespace {case.namespace}{there}",
            facts={"kind": kind, "claim": name, "existing": known},
            evidence=(
                Evidence(
                    case.reference if about is None else reference_of(about),
                    f"spec.resourceClaims[{use.name}].{key}",
                    name,
                    f"no such {kind}",
                ),
            ),
            confidence=sureness(case),
            proposals=Deferred(_there_or_made(case, use, kind, name, known)),
        )
    return None


class _ClaimNames(dict[tuple[str, str], list[str]]):
    """Names of claims and templates, by kind and namespace."""


def _names(case: Case, kind: str) -> list[str]:
    """Those of a kind in the subject's namespace, in order."""
    kept, index = case.index.beside.once(_ClaimNames, _ClaimNames), case.index
    if (kind, case.namespace) not in kept:
        named: Iterable[Object] = (
            index.resource_claims.values() if kind == "ResourceClaim" else index.resource_claim_templates.values()
        )
        kept[kind, case.namespace] = sorted(each.name for each in named if each.namespace == case.namespace)
    return kept[kind, case.namespace]


def _there_or_made(case: Case, use: PodResourceClaim, kind: str, name: str, known: list[str]) -> Iterator[Proposal]:
    meant = nearest(name, known)
    key = "resourceClaimTemplateName" if use.resource_claim_template_name else "resourceClaimName"
    order = [meant, *(each for each in known if each != meant)] if meant else known
    for position, other in enumerate(order[:2]):
        yield changed_pods(
            RemedyKind.OTHER,
            f"use the {kind} {other}, which exists",
            case,
            {"resourceClaims": [{"name": use.name, key: other}]},
            cost=position,
        )
    yield Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"create the {kind} {name}",
        Reference(api_version=_API, kind=kind, namespace=case.namespace, name=name),
        Patch(PatchOp.SIGNAL, {"kind": kind, "name": name}),
        cost=5,
    )


def class_missing(case: Case) -> Finding | None:
    """A DeviceClass that a claim of the pods asks for and that is not there."""
    known = sorted(each.name for each in case.index.objects.device_classes)
    if not case.seen("deviceclasses"):
        return None
    for target, spec in _specs(case):
        for request in spec.devices.requests:
            alternatives = request.first_available or (request.exact,)
            named = [each.device_class_name for each in alternatives if each.device_class_name]
            if not named or any(each in known for each in named):
                continue
            return _class_finding(case, target, request.name, named[0], known)
    return None


def _specs(case: Case) -> Iterator[tuple[Reference, ResourceClaimSpec]]:
    for use in _uses(case):
        template = case.index.resource_claim_templates.get(f"{case.namespace}/{use.resource_claim_template_name}")
        if template is not None:
            yield reference_of(template), template.spec.spec
        claim = case.index.resource_claims.get(f"{case.namespace}/{use.resource_claim_name}")
        if claim is not None:
            yield reference_of(claim), claim.spec


def _class_finding(case: Case, target: Reference, request: str, name: str, known: list[str]) -> Finding:
    meant = nearest(name, known)
    order = [meant, *(each for each in known if each != meant)] if meant else known
    there = f"; there is {', '.join(known)}" if known else "; there is none: is a DRA driver installed?"
    field = "spec.spec.devices" if target.kind == "ResourceClaimTemplate" else "spec.devices"
    return Finding(
        "device-class-missing",
        CauseVerdict.MISCONFIGURED,
        f"the {target.kind} {target.name} asks for the DeviceClass {name}, which does not exist{there}",
        facts={"device_class": name, "claim": target.name, "existing": known},
        evidence=(Evidence(target, f"{field}.requests[{request}].deviceClassName", name, "no such DeviceClass"),),
        confidence=sureness(case),
        proposals=(
            *(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.USER,
                    f"create {target.name} again with the DeviceClass {other}",
                    target,
                    Patch(PatchOp.SIGNAL, {"deviceClassName": other}),
                    cost=position,
                )
                for position, other in enumerate(order[:2])
            ),
            Proposal(
                RemedyKind.REPAIR_DEVICE_PLUGIN,
                Doer.PLATFORM,
                f"install the driver that brings the DeviceClass {name}, or create it",
                Reference(api_version=_API, kind="DeviceClass", name=name),
                Patch(PatchOp.SIGNAL, {"kind": "DeviceClass", "name": name}),
            ),
        ),
    )
