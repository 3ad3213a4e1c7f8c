"""A ResourceQuota bounds a resource that a container says nothing of: such pods are refused."""

from __future__ import annotations

from typing import Any, Final

from allotment.diagnose.amending import amended, container_of, sent_again
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import missing_pods, refusals, sureness
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.quota_use import quotas_of, unsaid
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.namespaced import ResourceQuota
from allotment.model.observed.pods import PodSpec

_SOME: Final = {"cpu": "4", "memory": "16Gi"}
"""What is proposed where nothing at all is said: enough for a container beside its GPUs, and to be looked at."""
_DEFAULTS: Final = {
    "default": {"cpu": "64", "memory": "512Gi"},
    "defaultRequest": {"cpu": "1", "memory": "1Gi"},
    "type": "Container",
}


def find(case: Case) -> Finding | None:
    """Recomputed from the quota and the pod, the LimitRanges' defaults filled in."""
    if not quotas_of(case) or (case.subject is not None and not missing_pods(case)):
        return None
    said = next((each for each in refusals(case) if "must specify" in each.message), None)
    if case.subject is None and said is None:
        return None
    for part in case.to_come:
        spec = admitted(case.index, case.namespace, part.template.spec)
        found = unsaid(case, spec)
        if found:
            break
    else:
        return None
    quota, resource, containers = found[0]
    must = sorted({each for _, each, _ in found})
    target = reference_of(quota)
    evidence = [
        Evidence(target, f"spec.hard[{resource}]", str(quota.spec.hard[resource]), "every container must say it")
    ]
    if said is not None:
        evidence.append(Evidence(said.object, said.field, said.message))
    return Finding(
        "resourcequota-missing-limits",
        CauseVerdict.MISCONFIGURED,
        f"the ResourceQuota {quota.name} bounds {', '.join(must)} in namespace {case.namespace}, and the container "
        f"{', '.join(containers)} does not say how much it wants",
        facts={
            "resource_quota": quota.name,
            "namespace": case.namespace,
            "must_specify": must[0] if len(must) == 1 else must,
            "containers": containers,
            "kueue_admitted": case.workload is not None and case.workload.holds_quota,
        },
        evidence=tuple(evidence),
        confidence=sureness(case) if said is None or said.by_event else Confidence.SURE,
        proposals=(_said(case, spec, found), _defaulted(case)),
    )


def _said(case: Case, spec: PodSpec, found: list[tuple[ResourceQuota, str, list[str]]]) -> Proposal:
    changes: dict[str, dict[str, dict[str, str]]] = {}
    for _, resource, containers in found:
        kind, dot, name = resource.partition(".")
        listed, name = (kind, name) if dot else ("requests", resource)
        for each in containers:
            container, _ = container_of(spec, each)
            own = container.resources if container is not None else None
            other = {**own.requests, **own.limits}.get(name) if own is not None else None
            value = str(other) if other is not None else _SOME.get(name, "1")
            changes.setdefault(each, {}).setdefault(listed, {})[name] = value
    body: dict[str, Any] = {}
    for each, resources in changes.items():
        _, key = container_of(spec, each)
        body.setdefault(key, []).append({"name": each, "resources": resources})
    target, patch = amended(case, body)
    numbers = ", ".join(
        f"{listed}.{name} {value}"
        for resources in changes.values()
        for listed, values in resources.items()
        for name, value in values.items()
    )
    return Proposal(RemedyKind.FIX_LIMITS, Doer.USER, f"say {numbers}", target, patch)


def _defaulted(case: Case) -> Proposal:
    metadata = {"name": "defaults", "namespace": case.namespace}
    return Proposal(
        RemedyKind.FIX_LIMITS,
        Doer.TEAM_OWNER,
        f"give the namespace {case.namespace} a LimitRange with defaults",
        Reference(api_version="v1", kind="LimitRange", namespace=case.namespace, name="defaults"),
        Patch(
            PatchOp.CREATE,
            {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": {"limits": [_DEFAULTS]}},
        ),
        effect=sent_again(case),
    )
