"""The pods inside every workload kind, as CEL variables that the rules share.

A rule names the variables it uses and gets them with everything they build on, in order. `dyn(object)` keeps the API
server's type checker from complaining that a Pod has no `spec.template`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.platform import Platform
from allotment.render.policies.admission import Resources, Variable
from allotment.render.policies.cel import Expr, quote, string_list

WORKLOADS: Final = (
    Resources("", ("pods", "replicationcontrollers")),
    Resources("apps", ("daemonsets", "deployments", "replicasets", "statefulsets")),
    Resources("batch", ("cronjobs", "jobs")),
)
"""Pods and everything built in that makes pods out of a template."""

ADMISSION_GATE: Final = "kueue.x-k8s.io/admission"
"""Kueue's scheduling gate: the pod waits for its quota."""

_IN_CRON_JOB: Final = "spec.jobTemplate.spec.template"
_IN_OTHERS: Final = "spec.template"


def _by_kind(pod: str, cron_job: str, others: str) -> str:
    return f'dyn(object).kind == "Pod" ? {pod} : (dyn(object).kind == "CronJob" ? {cron_job} : {others})'


_FIXED: Final = {
    "labels": "dyn(object).metadata.?labels.orValue({})",
    "template": _by_kind("dyn(object)", f"dyn(object).{_IN_CRON_JOB}", f"dyn(object).{_IN_OTHERS}"),
    "templateLabels": "variables.template.?metadata.?labels.orValue({})",
    "at": _by_kind('""', quote(f"{_IN_CRON_JOB}."), quote(f"{_IN_OTHERS}.")),
    "spec": "variables.template.spec",
    "containers": "variables.spec.containers + variables.spec.?initContainers.orValue([])",
    "amounts": (
        "variables.containers.map(c, c.?resources.?limits.orValue({}))"
        " + variables.containers.map(c, c.?resources.?requests.orValue({}))"
    ),
    "asked": (
        'variables.amounts.map(m, m.filter(r, m[r] != "0" && variables.domains.exists(d, r.startsWith(d))))'
        ".filter(names, size(names) > 0)"
    ),
    "claims": "size(variables.spec.?resourceClaims.orValue([])) > 0",
    "accelerated": "size(variables.asked) > 0 || variables.claims",
    "device": 'size(variables.asked) > 0 ? variables.asked[0][0] : "a resource claim"',
    "gated": f"variables.spec.?schedulingGates.orValue([]).exists(gate, gate.name == {quote(ADMISSION_GATE)})",
    "tolerations": "variables.spec.?tolerations.orValue([])",
    "selector": "variables.spec.?nodeSelector.orValue({})",
    "terms": (
        "variables.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution"
        ".?nodeSelectorTerms.orValue([])"
    ),
}

_NEEDS: Final = {
    "templateLabels": ("template",),
    "spec": ("template",),
    "containers": ("spec",),
    "amounts": ("containers",),
    "asked": ("domains", "amounts"),
    "claims": ("spec",),
    "accelerated": ("asked", "claims"),
    "device": ("asked",),
    "gated": ("spec",),
    "tolerations": ("spec",),
    "selector": ("spec",),
    "terms": ("spec",),
}


def accelerator_domains(platform: Platform) -> tuple[str, ...]:
    """Prefixes of the resources that are accelerators (``nvidia.com/`` …), sorted.

    Whole domains rather than names: a slice or a shared device that is not in the catalogue is a device all the same.
    """
    names = (item.resource_name for item in platform.accelerators.values())
    return tuple(sorted({f"{name.partition('/')[0]}/" for name in names}))


def pod_variables(platform: Platform, *names: str) -> tuple[Variable, ...]:
    """The named variables and all they build on, each after what it needs."""
    domains = string_list(accelerator_domains(platform))
    ordered: dict[str, None] = {}
    for name in names:
        ordered.update(dict.fromkeys(_with_needs(name)))
    return tuple(Variable(name, domains if name == "domains" else _FIXED[name]) for name in ordered)


def _with_needs(name: str) -> Iterator[str]:
    for needed in _NEEDS.get(name, ()):
        yield from _with_needs(needed)
    yield name


def field(path: str) -> Expr:
    """CEL: where a field of the pod stands in this kind of object, as text for a message."""
    return Expr(f'variables.at + "{path}"')
