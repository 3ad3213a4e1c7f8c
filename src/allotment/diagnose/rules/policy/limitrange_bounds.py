"""Pods that a LimitRange of the namespace does not take: too much, too little, or a limit far from the request."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from allotment.diagnose.amending import amended, container_of, sent_again
from allotment.diagnose.case import Case, PodsToCome, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import missing_pods
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.diagnose.rules.policy.limits import Breach, breaches
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Container, PodSpec

_CAUSES: Final = {"max": "limitrange-max", "min": "limitrange-min", "ratio": "limitrange-ratio"}
_WORDS: Final = {"max": "at most", "min": "at least"}


def above_max(case: Case) -> Finding | None:
    """Above a maximum."""
    return _find(case, "max")


def below_min(case: Case) -> Finding | None:
    """Below a minimum."""
    return _find(case, "min")


def beyond_ratio(case: Case) -> Finding | None:
    """A limit too many times the request."""
    return _find(case, "ratio")


def _find(case: Case, bound: str) -> Finding | None:
    if case.subject is not None and not missing_pods(case):
        return None
    for part in case.to_come:
        found = [each for each in breaches(case, part.template.spec) if each.bound == bound]
        if found:
            return _finding(case, part, found)
    return None


def _finding(case: Case, part: PodsToCome, found: list[Breach]) -> Finding:
    first = found[0]
    target = reference_of(first.range)
    same = [each for each in found if (each.range, each.container) == (first.range, first.container)]
    asked = {each.resource: _number(each, each.asked) for each in same}
    allowed = {each.resource: _number(each, each.allowed) for each in same}
    who = f"the container {first.container}" if first.container else "the pod"
    if first.bound == "ratio":
        says = "has " + " and ".join(
            f"a limit of {name} of {asked[name]} times its request where {allowed[name]} times it is allowed"
            for name in asked
        )
    else:
        says = "asks for " + " and ".join(f"{asked[name]} {name} where it allows {allowed[name]}" for name in asked)
        says += f" ({_WORDS[first.bound]} that much)"
    return Finding(
        _CAUSES[first.bound],
        CauseVerdict.MISCONFIGURED,
        f"{who} {says}: LimitRange {first.range.name} of namespace {case.namespace}",
        facts={
            "limit_range": first.range.name,
            "namespace": case.namespace,
            "type": first.type,
            "container": first.container or None,
            "asked": asked,
            first.bound: allowed,
        },
        evidence=tuple(
            Evidence(target, f"spec.limits[{each.index}].{each.bound}.{each.resource}", _number(each, each.allowed))
            for each in same
        ),
        proposals=(*_changed(case, part.template.spec, found), *_widened(case, first, same)),
    )


def _number(each: Breach, value: Fraction) -> str:
    return f"{float(value):g}" if each.bound == "ratio" else written(each.resource, value)


def _changed(case: Case, spec: PodSpec, found: list[Breach]) -> list[Proposal]:
    """The request moved to the nearest number that is allowed; of whole pods, only where one container has it all."""
    resources: dict[str, dict[str, dict[str, str]]] = {}
    for each in found:
        name = each.container or _only_container(spec, each.resource)
        container, _ = container_of(spec, name)
        if container is None:
            return []
        change = resources.setdefault(name, {"requests": {}, "limits": {}})
        for listed, own in (("requests", container.resources.requests), ("limits", container.resources.limits)):
            value = amount(own.get(each.resource)) if each.resource in own else None
            wanted = _wanted(each, listed, value, amount(container.resources.requests.get(each.resource)))
            if wanted is not None:
                change[listed][each.resource] = written(each.resource, wanted)
        if each.resource in change["requests"] and _limited_below(
            each, container, amount(change["requests"][each.resource])
        ):
            change["limits"][each.resource] = change["requests"][each.resource]
    body: dict[str, Any] = {}
    for name, change in resources.items():
        _, key = container_of(spec, name)
        body.setdefault(key, []).append({"name": name, "resources": {k: v for k, v in change.items() if v}})
    target, patch = amended(case, body)
    what = "ask for " + ", ".join(f"{_number(each, each.allowed)} {each.resource}" for each in found)
    if found[0].bound == "ratio":
        limits = [f"{value} {name}" for change in resources.values() for name, value in change["limits"].items()]
        what = f"set the limit to {', '.join(limits)}"
    kind = RemedyKind.REDUCE_REQUEST if found[0].bound == "max" else RemedyKind.FIX_LIMITS
    return [Proposal(kind, Doer.USER, what, target, patch)]


def _wanted(each: Breach, listed: str, value: Fraction | None, request: Fraction) -> Fraction | None:
    if each.bound == "max":
        return each.allowed if value is not None and value > each.allowed else None
    if each.bound == "min":
        return each.allowed if value is None or value < each.allowed else None
    return request * each.allowed if listed == "limits" and request else None


def _limited_below(each: Breach, container: Container, request: Fraction) -> bool:
    """Whether the limit that the container gets by default is below its request: such a pod is refused too."""
    default = each.range.spec.limits[each.index].default.get(each.resource)
    return each.resource not in container.resources.limits and default is not None and amount(default) < request


def _only_container(spec: PodSpec, resource: str) -> str:
    having = [each.name for each in spec.containers if resource in {**each.resources.requests, **each.resources.limits}]
    return having[0] if len(having) == 1 else ""


def _widened(case: Case, first: Breach, same: list[Breach]) -> list[Proposal]:
    target = reference_of(first.range)
    field = "maxLimitRequestRatio" if first.bound == "ratio" else first.bound
    steps: list[dict[str, object]] = []
    for each in same:
        value = _number(each, each.asked)
        path = each.resource.replace("~", "~0").replace("/", "~1")
        steps.append({"op": "replace", "path": f"/spec/limits/{each.index}/{field}/{path}", "value": value})
    again: tuple[tuple[Reference, Patch], ...] = ()
    if case.subject is not None and case.top is not None:
        # Kueue does not look at a workload again that it has refused for a LimitRange.
        again = ((reference_of(case.top), Patch(PatchOp.RESUBMIT, {})),)
    what = ", ".join(f"{_number(each, each.asked)} {each.resource}" for each in same)
    times = " (limit by request)" if first.bound == "ratio" else ""
    return [
        Proposal(
            RemedyKind.OTHER,
            Doer.TEAM_OWNER,
            f"let the LimitRange {first.range.name} allow {what}{times}, and submit again",
            target,
            Patch(PatchOp.JSON, steps),
            then=again,
            effect=sent_again(case),
            cost=5,
        )
    ]
