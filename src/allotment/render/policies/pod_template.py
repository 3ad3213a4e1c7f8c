"""The pods inside every workload kind, as CEL variables that the rules share.

`variables.pods` is a list with one record for each pod template of the object (a Pod is its own): a JobSet or a Ray
cluster has several. A rule looks at every record and gives a list of faults, so it reads the same for all kinds. A
rule names the variables it uses and gets them with everything they build on, in order. `dyn(object)` keeps the API
server's type checker from complaining that a Pod has no `spec.template`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model.platform import Platform
from allotment.render.policies.admission import Resources, Variable
from allotment.render.policies.cel import Expr, quote, sentence, string_list

# Of every version: the controller manager type-checks a policy for each kind of which a rule names the version, which
# finds nothing in expressions over `dyn(object)`, and would take it minutes for the rules together.
WORKLOADS: Final = (
    Resources("", ("pods", "replicationcontrollers"), versions=("*",)),
    Resources("apps", ("daemonsets", "deployments", "replicasets", "statefulsets"), versions=("*",)),
    Resources("batch", ("cronjobs", "jobs"), versions=("*",)),
    Resources("jobset.x-k8s.io", ("jobsets",), versions=("*",)),
    Resources("leaderworkerset.x-k8s.io", ("leaderworkersets",), versions=("*",)),
    Resources("ray.io", ("rayclusters", "rayjobs", "rayservices"), versions=("*",)),
    Resources("trainer.kubeflow.org", ("trainjobs",), versions=("*",)),
)
"""Pods and every kind that makes pods; a kind whose definition a cluster does not have does no harm in the list."""

DEBUGGED: Final = Resources("", ("pods/ephemeralcontainers",), operations=("UPDATE",))
"""A container added to a running pod."""

DEVICE_CLASSES: Final = "deviceclass.resource.kubernetes.io/"
"""A resource of this domain is a device of the class that it names: the scheduler makes a resource claim of it."""

ADMISSION_GATE: Final = "kueue.x-k8s.io/admission"
"""Kueue's scheduling gate: the pod waits for its quota."""

POD_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
"""Label or annotation: pods with the same name are admitted together."""


def _record(at: str, pod: str, count: str = "1") -> str:
    # Values of one map literal must have one type for the API server's compiler: hence dyn everywhere.
    return f'{{"at": dyn({at}), "pod": {pod}, "count": dyn({count})}}'


def _side_by_side(job: str) -> str:
    """How many pods of a Job's spec run at once, as Kueue counts them."""
    return f"[int({job}.?parallelism.orValue(1)), int({job}.?completions.orValue({job}.?parallelism.orValue(1)))].min()"


_HERE: Final = "dyn(object)"
_IN_CRON_JOB: Final = f"{_HERE}.spec.jobTemplate.spec"
_CRON_AT: Final = quote("spec.jobTemplate.spec.template.")
_GROUP: Final = f"{_HERE}.spec.leaderWorkerTemplate"
RAY: Final = (
    f'(variables.kind == "RayCluster" ? {_HERE}.spec : (variables.kind == "RayJob"'
    f" ? {_HERE}.spec.?rayClusterSpec.orValue({{}}) : {_HERE}.spec.?rayClusterConfig.orValue({{}})))"
)
"""CEL: the Ray cluster that the object is or holds."""
RAY_AT: Final = (
    '(variables.kind == "RayCluster" ? "spec." : (variables.kind == "RayJob" ? "spec.rayClusterSpec."'
    ' : "spec.rayClusterConfig."))'
)
"""CEL: where its spec begins."""


_WORKERS: Final = f"[int({_GROUP}.?size.orValue(1)) - 1, 1].max()"


def _in_group(name: str, count: str = "1") -> str:
    return _record(quote(f"spec.leaderWorkerTemplate.{name}."), f"{_GROUP}.{name}", count)


_TEMPLATES: Final = (
    ('variables.kind == "Pod"', f"[{_record(quote(''), _HERE)}]"),
    (
        'variables.kind == "CronJob"',
        f"[{_record(_CRON_AT, f'{_IN_CRON_JOB}.template', _side_by_side(_IN_CRON_JOB))}]",
    ),
    (
        'variables.kind == "JobSet"',
        f"{_HERE}.spec.?replicatedJobs.orValue([]).map(j, "
        + _record(
            '"spec.replicatedJobs[" + j.name + "].template.spec.template."',
            "j.template.spec.template",
            f"int(j.?replicas.orValue(1)) * {_side_by_side('j.template.spec')}",
        )
        + ")",
    ),
    (
        'variables.kind == "LeaderWorkerSet"',
        (
            f"[{_in_group('workerTemplate', _WORKERS)}]"
            f" + (has({_GROUP}.leaderTemplate) ? [{_in_group('leaderTemplate')}] : [])"
        ),
    ),
    (
        'variables.kind in ["RayCluster", "RayJob", "RayService"]',
        f"[{RAY}].filter(r, has(r.headGroupSpec)).map(r, "
        + _record(f'{RAY_AT} + "headGroupSpec.template."', "r.headGroupSpec.template")
        + f") + {RAY}.?workerGroupSpecs.orValue([]).map(w, "
        + _record(
            f'{RAY_AT} + "workerGroupSpecs[" + w.groupName + "].template."',
            "w.template",
            "int(w.?replicas.orValue(1)) * int(w.?numOfHosts.orValue(1))",
        )
        + f') + (variables.kind == "RayJob" && has({_HERE}.spec.submitterPodTemplate) ? '
        + f"[{_record(quote('spec.submitterPodTemplate.'), f'{_HERE}.spec.submitterPodTemplate')}] : [])",
    ),
    (
        'variables.kind == "Job"',
        f"[{_record(quote('spec.template.'), f'{_HERE}.spec.template', _side_by_side(f'{_HERE}.spec'))}]",
    ),
    (
        'variables.kind == "StatefulSet"',  # Kueue takes its replicas as one group
        f"[{_record(quote('spec.template.'), f'{_HERE}.spec.template', f'int({_HERE}.spec.?replicas.orValue(1))')}]",
    ),
    (
        # Whatever else: a Binding, say, has no template, and a TrainJob's stands in its runtime.
        f"has({_HERE}.spec) && has({_HERE}.spec.template) && has({_HERE}.spec.template.spec)",
        f"[{_record(quote('spec.template.'), f'{_HERE}.spec.template')}]",
    ),
)


def _chosen(cases: tuple[tuple[str, str], ...]) -> str:
    text = "[]"
    for condition, value in reversed(cases):
        text = f"({condition} ? {value} : {text})"
    return text


_CONTAINERS: Final = "t.pod.spec.?containers.orValue([]) + t.pod.spec.?initContainers.orValue([])"
_AMOUNTS: Final = (
    f"(({_CONTAINERS}).map(c, c.?resources.?limits.orValue({{}}))"
    f" + ({_CONTAINERS}).map(c, c.?resources.?requests.orValue({{}}))"
    " + [t.pod.spec.?resources.?limits.orValue({}), t.pod.spec.?resources.?requests.orValue({})])"
)
# An amount is text in the built-in kinds, but may be a number in others.
_ASKED: Final = (
    f'{_AMOUNTS}.map(m, m.filter(r, string(m[r]) != "0" && variables.domains.exists(d, r.startsWith(d))))'
    ".filter(names, size(names) > 0)"
)

_RECORD: Final = (
    "{"
    '"at": t.at, '
    '"count": t.count, '
    '"labels": dyn(t.pod.?metadata.?labels.orValue({})), '
    '"annotations": dyn(t.pod.?metadata.?annotations.orValue({})), '
    '"finalizers": dyn(t.pod.?metadata.?finalizers.orValue([])), '
    '"spec": dyn(t.pod.spec), '
    f'"containers": dyn({_CONTAINERS}), '
    f'"asked": dyn({_ASKED}), '
    '"claims": dyn(size(t.pod.spec.?resourceClaims.orValue([])) > 0), '
    '"tolerations": dyn(t.pod.spec.?tolerations.orValue([])), '
    '"selector": dyn(t.pod.spec.?nodeSelector.orValue({})), '
    '"terms": dyn(t.pod.spec.?affinity.?nodeAffinity.?requiredDuringSchedulingIgnoredDuringExecution'
    ".?nodeSelectorTerms.orValue([])), "
    f'"gated": dyn(t.pod.spec.?schedulingGates.orValue([]).exists(gate, gate.name == {quote(ADMISSION_GATE)}))'
    "}"
)


def records(templates: str) -> str:
    """CEL list: what the rules look at in each of these pod templates, which come with their place and number."""
    return f"{templates}.map(t, {_RECORD})"


def _job(at: str, spec: str) -> str:
    return f'{{"at": dyn({at}), "spec": dyn({spec})}}'


_JOBS: Final = (
    f'variables.kind == "Job" ? [{_job(quote("spec."), f"{_HERE}.spec")}]'
    f' : (variables.kind == "CronJob" ? [{_job(quote("spec.jobTemplate.spec."), _IN_CRON_JOB)}]'
    f' : (variables.kind == "JobSet" ? {_HERE}.spec.?replicatedJobs.orValue([]).map(j, '
    + _job('"spec.replicatedJobs[" + j.name + "].template.spec."', "j.template.spec")
    + ") : []))"
)

_FIXED: Final = {
    "kind": "dyn(object).kind",
    "labels": "dyn(object).metadata.?labels.orValue({})",
    "annotations": "dyn(object).metadata.?annotations.orValue({})",
    "jobs": _JOBS,
    "templates": _chosen(_TEMPLATES),
    "templatesBefore": f"(oldObject == null ? [] : {_chosen(_TEMPLATES).replace(_HERE, 'dyn(oldObject)')})",
    "pods": records("variables.templates"),
    "accelerated": "variables.pods.filter(p, size(p.asked) > 0 || p.claims)",
    "device": (
        'variables.accelerated.map(p, size(p.asked) > 0 ? p.asked[0][0] : "a resource claim")'
        '.map(d, dyn(d)) + [dyn("")]'
    ),
}

TEMPLATES_OF_OBJECT: Final = _FIXED["templates"].replace("variables.kind", _FIXED["kind"])
"""CEL: `variables.templates` where there are no variables yet."""

_NEEDS: Final = {
    "jobs": ("kind",),
    "templates": ("kind",),
    "templatesBefore": ("kind",),
    "pods": ("domains", "templates"),
    "accelerated": ("pods",),
    "device": ("accelerated",),
}

ACCELERATED: Final = "size(variables.accelerated) > 0"
"""CEL: some pod of the object asks for an accelerator."""

ALL_CONTAINERS: Final = "(p.containers + p.spec.?ephemeralContainers.orValue([]))"
"""CEL: the containers of pod `p`, those added while it runs included."""

DEVICE: Final = Expr("variables.device[0]")
"""CEL: what it asks for, in words."""


def accelerator_domains(platform: Platform) -> tuple[str, ...]:
    """Prefixes of the resources that are a platform's accelerators (``nvidia.com/`` …), as `domains_of` has them."""
    return domains_of(item.resource_name for item in platform.accelerators.values())


def domains_of(names: Iterable[str]) -> tuple[str, ...]:
    """Prefixes of resources like those that are named, sorted; a device class by its name, too.

    Whole domains rather than names: a slice or a shared device that is not in the catalogue is a device all the same.
    """
    return tuple(sorted({DEVICE_CLASSES, *(f"{name.partition('/')[0]}/" for name in names)}))


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


def each(condition: str, *parts: str, among: str = "variables.pods", called: str = "p") -> Expr:
    """CEL list: a sentence for every pod `p` for which the condition holds, or for what else is among and so called."""
    return Expr(f"{among}.filter({called}, {condition}).map({called}, {sentence(*parts)})")


def when(condition: str, *parts: str) -> Expr:
    """CEL list: one sentence if the condition holds, else none."""
    return Expr(f"(({condition}) ? [{sentence(*parts)}] : [])")


def field(path: str) -> Expr:
    """CEL: where a field of pod `p` stands in this kind of object, as text for a message."""
    return Expr(f'p.at + "{path}"')
