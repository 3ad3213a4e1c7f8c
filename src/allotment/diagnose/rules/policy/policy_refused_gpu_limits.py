"""Containers with GPUs must say limits: of the GPUs themselves, as the API wants it, or of what a policy asks for."""

from __future__ import annotations

import re
from typing import Any, Final

from allotment.diagnose.amending import changed_pods, patch_by_name
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.policy.admission_policies import audit_only, denial
from allotment.diagnose.rules.submission.refused import refused
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Amount
from allotment.model.observed.pods import Container
from allotment.model.quantity import parse_quantity

_API: Final = re.compile(r"Limit must be set for non overcommitable resources|must be equal to .* limit of")
_LIMIT: Final = re.compile(r"\b(?P<kind>limits|requests)(?:\.|\[['\"]|.{0,3}\bfor )(?P<resource>[a-z][\w./-]*\w)")
_IN_LIMITS: Final = re.compile(r"'(?P<resource>[\w./-]+)'\s+in\s+\w+(?:\.\w+)*\.limits")
_CORE: Final = frozenset({"cpu", "memory", "ephemeral-storage"})


def find(case: Case) -> Finding | None:
    """The API's refusal of an extended resource without a limit, or a policy that speaks of limits."""
    return _by_api(case) or _by_policy(case)


def _by_api(case: Case) -> Finding | None:
    attempt = refused(case)
    if attempt is None or not _API.search(attempt.message):
        return None
    faults = [
        (each, resource)
        for each in _containers(case)
        for resource, amount in each.resources.requests.items()
        if resource not in _CORE and not _same(each.resources.limits.get(resource), amount)
    ]
    if not faults:
        return None
    container, resource = faults[0]
    request, limit = container.resources.requests[resource], container.resources.limits.get(resource)
    changes: dict[str, dict[str, Any]] = {}
    for each, name in faults:
        change = changes.setdefault(each.name, {"resources": {"limits": {}}})
        change["resources"]["limits"][name] = str(each.resources.requests[name])
    has = f"its limit is {limit}" if limit is not None else "it has no limit"
    return Finding(
        "policy-refused-gpu-limits",
        CauseVerdict.MISCONFIGURED,
        f"the container {container.name} asks for {request} {resource} and {has}: of such a resource request and "
        "limit must be equal",
        facts={
            "resource": resource,
            "request": str(request),
            "limit": None if limit is None else str(limit),
            "refused_by": "the API: an extended resource needs a limit",
        },
        evidence=(Evidence(case.reference, "message", attempt.message),),
        proposals=(
            changed_pods(
                RemedyKind.FIX_LIMITS, f"set the limit of {resource} to {request}", case, patch_by_name(case, changes)
            ),
        ),
    )


def _by_policy(case: Case) -> Finding | None:
    found = denial(case)
    if found is None or not re.search(r"\blimits?\b", found.why.lower()):
        return None
    with_gpus = [each for each in _containers(case) if _gpus(each)]
    wanted = [match["resource"] for match in _LIMIT.finditer(found.why) if match["kind"] == "limits"]
    wanted += [match["resource"] for match in _IN_LIMITS.finditer(found.expression)]
    wanted = [each for each in dict.fromkeys(wanted) if not each.endswith("gpu")]
    missing = {
        each.name: [
            name for name in wanted or sorted(_CORE - {"ephemeral-storage"}) if name not in each.resources.limits
        ]
        for each in with_gpus or _containers(case)
    }
    missing = {name: resources for name, resources in missing.items() if resources}
    resource = next((name for each in with_gpus for name in _gpus(each)), "")
    first = with_gpus[0] if with_gpus else None
    said = "; ".join(f"container {name} has no limit of {', '.join(each)}" for name, each in missing.items())
    return Finding(
        "policy-refused-gpu-limits",
        CauseVerdict.MISCONFIGURED,
        f"the policy {found.called} refused it: {quoted_message(found.why)}" + (f" ({said})" if said else ""),
        facts={
            "refused_by": f"policy {found.called}",
            "resource": resource or None,
            "request": str(first.resources.requests.get(resource, "")) or None if first is not None else None,
            "limit": str(first.resources.limits.get(resource, "")) or None if first is not None else None,
            "missing_limits": missing,
        },
        evidence=(Evidence(found.refusal.object, found.refusal.field, found.refusal.message),),
        confidence=found.refusal.sureness,
        proposals=(*_limited(case, missing), *audit_only(case, found)),
    )


def _limited(case: Case, missing: dict[str, list[str]]) -> list[Proposal]:
    by_name = {each.name: each for each in _containers(case)}
    changes = {
        name: {
            "resources": {
                "limits": {
                    resource: str(by_name[name].resources.requests[resource])
                    for resource in resources
                    if resource in by_name[name].resources.requests
                }
            }
        }
        for name, resources in missing.items()
    }
    changes = {name: change for name, change in changes.items() if change["resources"]["limits"]}
    complete = missing and all(
        set(resources) <= set(by_name[name].resources.requests) for name, resources in missing.items()
    )
    what = "set the limits that are missing to what is requested"
    if changes and complete:
        return [changed_pods(RemedyKind.FIX_LIMITS, what, case, patch_by_name(case, changes))]
    return [
        Proposal(
            RemedyKind.FIX_LIMITS,
            Doer.USER,
            "set the limits that the policy asks for",
            case.reference,
            Patch(PatchOp.SIGNAL, {"limits": missing}),
        )
    ]


def _containers(case: Case) -> list[Container]:
    return [
        container
        for part in case.to_come
        for container in (*part.template.spec.containers, *part.template.spec.init_containers)
    ]


def _gpus(each: Container) -> list[str]:
    named = {**each.resources.requests, **each.resources.limits}
    return [resource for resource in named if resource not in _CORE and "/" in resource]


def _same(one: Amount | None, other: Amount) -> bool:
    if one is None:
        return False
    try:
        return parse_quantity(str(one)) == parse_quantity(str(other))
    except ValueError:
        return False
