"""What work leaves out and what has only one right answer is filled in, on the object and in its pod templates.

Only where the cluster has mutating policies; elsewhere the rules refuse the work and say all that is missing. They
judge what is written here as they judge everything: a wrong value is never corrected, and where there are several
right ones (two projects) nobody guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.render.policies.admission import Condition, Variable
from allotment.render.policies.cel import comma_separated, label, quote, string_list
from allotment.render.policies.entitled import limit
from allotment.render.policies.identities import binds_workloads
from allotment.render.policies.mutating import Mutation, Reinvocation, add, escaped, remove
from allotment.render.policies.placement import placed_later, queueable, taint_keys
from allotment.render.policies.pod_security_of_templates import SECURITY_LEVEL
from allotment.render.policies.pod_template import POD_GROUP, WORKLOADS, pod_variables
from allotment.render.policies.requests_as_charged import DEFAULTED
from allotment.render.policies.work_fits import fit_variables

NAME: Final = "work-defaults"

_FIXED_TEMPLATES: Final = ("Job", "Pod")
"""Kinds whose pod template can no longer be changed once they are made."""


def mutation(platform: Platform, cluster: Cluster) -> Mutation:
    """The mutation for one cluster."""
    return Mutation(
        name=NAME,
        resources=WORKLOADS,
        conditions=(*binds_workloads(platform, cluster), _NEW_TEMPLATE),
        variables=(
            *pod_variables(platform, "labels", "annotations", "accelerated"),
            *fit_variables(platform, cluster),
            queueable(platform, cluster),
            placed_later(cluster),
            Variable("places", _PLACES),
            Variable("slots", _SLOTS),
            Variable("project", _GIVEN),
            Variable("own", _OWN),
            Variable("queues", f'{comma_separated(labels.QUEUES_ANNOTATION)}.filter(q, q != "")'),
            Variable(
                "restricted",
                f'{SECURITY_LEVEL} == "restricted"',
            ),
        ),
        patches=(
            _labels_of_object(),
            _labels_of_templates(),
            _queue(),
            _SUBMITTER,
            _GROUP_ENDS,
            _pod_security(),
            _container_security(),
            _REQUESTS,
            _LIMITS,
            _no_devices(platform),
            _REPLACEMENT,
            _tolerations(platform, cluster),
            _nodes(),
        ),
        # A sidecar that a webhook adds later gets its security context too.
        reinvocation=Reinvocation.IF_NEEDED,
    )


# A template that stands is left alone: to complete it would roll a Deployment out anew, or be refused for a Job.
_NEW_TEMPLATE: Final = Condition(
    "a-new-template",
    f'request.operation == "CREATE" || (!(dyn(object).kind in {string_list(_FIXED_TEMPLATES)})'
    " && dyn(object).?spec != dyn(oldObject).?spec)",
)


def _at(base: str, rest: str) -> str:
    """CEL: a JSON pointer below one that is known at evaluation."""
    return f"{base} + {quote(rest)}"


# Where each record of `variables.pods` stands, as a JSON pointer: its `at` is a path for people, with names in it.
_PATH: Final = (
    'variables.kind == "JobSet" ? "/spec/replicatedJobs/" + string(i) + "/template/spec/template"'
    ' : (variables.pods[i].at.contains("[") ? "/" + variables.pods[i].at.split("[")[0].replace(".", "/") + "/"'
    ' + string(i - 1) + "/template"'  # of a Ray cluster, whose head stands before its groups of workers
    ' : (variables.pods[i].at == "" ? ""'
    ' : "/" + variables.pods[i].at.substring(0, size(variables.pods[i].at) - 1).replace(".", "/")))'
)
_PLACES: Final = (
    f'lists.range(size(variables.pods)).map(i, {{"path": dyn({_PATH}), "pod": dyn(variables.pods[i]),'
    ' "template": dyn(variables.templates[i].pod)})'
)


_LINUX: Final = 'q.pod.spec.?os.?name.orValue("linux") != "windows"'


def _slots(field: str) -> str:
    return (
        f"lists.range(size(q.pod.spec.?{field}.orValue([])))"
        f'.map(i, {{"path": dyn(q.path + "/spec/{field}/" + string(i)), "c": dyn(q.pod.spec.{field}[i]),'
        f' "linux": dyn({_LINUX})}})'
    )


_SLOTS: Final = f"variables.places.map(q, {_slots('containers')} + {_slots('initContainers')}).flatten()"

_NAMESPACE: Final = "namespaceObject.metadata.labels"
_GIVEN: Final = (
    f"([{label('variables.labels', labels.PROJECT)}]"
    f" + variables.pods.map(p, {label('p.labels', labels.PROJECT)})"
    f" + [{comma_separated(labels.PROJECTS_ANNOTATION)}].filter(all, size(all) == 1).map(all, all[0])"
    ').filter(name, name != "")'
)
_OF_PROJECT: Final = (
    f"{comma_separated(labels.PROJECT_COST_CENTERS_ANNOTATION)}"
    '.filter(item, size(variables.project) > 0 && item.startsWith(string(variables.project[0]) + "="))'
    ".map(item, item.substring(size(string(variables.project[0])) + 1))"
)
_OWN_LABELS: Final = {
    labels.TEAM: f"[{label(_NAMESPACE, labels.TENANT)}]",
    labels.PROJECT: "variables.project",
    labels.COST_CENTER: f"({_OF_PROJECT} + [{label(_NAMESPACE, labels.COST_CENTER)}])",
    labels.ENVIRONMENT: f"[{label(_NAMESPACE, labels.ENVIRONMENT)}]",
}
"""CEL lists of what a label has to be; the first one counts, and of an empty list nothing is known."""


def _own(key: str) -> str:
    return f'variables.own.filter(o, o.key == {quote(key)} && o.value != "")'


_OWN: Final = (
    "["
    + ", ".join(
        f'{{"key": dyn({quote(key)}), "value": dyn(({values} + [""])[0])}}' for key, values in _OWN_LABELS.items()
    )
    + "]"
)


def _labels_of_object() -> str:
    parts = [f"(has(dyn(object).metadata.labels) ? [] : [{add(quote('/metadata/labels'), '{}')}])"]
    for key in _OWN_LABELS:
        path = quote(f"/metadata/labels/{escaped(key)}")
        parts.append(f"({quote(key)} in variables.labels ? [] : {_own(key)}.map(o, {add(path, 'o.value')}))")
    return " + ".join(parts)


_TEMPLATES: Final = 'variables.places.filter(q, variables.kind != "Pod")'


def _labels_of_templates() -> str:
    unlabelled = "!has(q.template.metadata) || !has(q.template.metadata.labels)"
    parts = [
        f"{_TEMPLATES}.filter(q, !has(q.template.metadata)).map(q, {add(_at('q.path', '/metadata'), '{}')})",
        f"{_TEMPLATES}.filter(q, {unlabelled}).map(q, {add(_at('q.path', '/metadata/labels'), '{}')})",
    ]
    for key in _OWN_LABELS:
        patch = add(_at("q.path", f"/metadata/labels/{escaped(key)}"), f"{_own(key)}[0].value")
        missing = f"!({quote(key)} in q.pod.labels)"
        parts.append(f"(size({_own(key)}) == 0 ? [] : {_TEMPLATES}.filter(q, {missing}).map(q, {patch}))")
    return " + ".join(parts)


_QUEUE_KEY: Final = escaped(labels.KUEUE_QUEUE)
_IN_CRON_JOB: Final = "dyn(object).spec.jobTemplate"


def _queue() -> str:
    """The one queue of the namespace, for work that has to name one."""
    cron = "/spec/jobTemplate/metadata"
    named_in_cron_job = label(f"{_IN_CRON_JOB}.?metadata.?labels.orValue({{}})", labels.KUEUE_QUEUE)
    labelled = f"has({_IN_CRON_JOB}.metadata) && has({_IN_CRON_JOB}.metadata.labels)"
    in_cron_job = (
        f"(has({_IN_CRON_JOB}.metadata) ? [] : [{add(quote(cron), '{}')}])"
        f" + ({labelled} ? [] : [{add(quote(f'{cron}/labels'), '{}')}])"
        f' + ({named_in_cron_job} != "" ? []'
        f" : [{add(quote(f'{cron}/labels/{_QUEUE_KEY}'), 'variables.queues[0]')}])"
    )
    on_object = (
        f'({label("variables.labels", labels.KUEUE_QUEUE)} != "" ? []'
        f" : [{add(quote(f'/metadata/labels/{_QUEUE_KEY}'), 'variables.queues[0]')}])"
    )
    path = _at("q.path", f"/metadata/labels/{_QUEUE_KEY}")
    own = label("variables.labels", labels.KUEUE_QUEUE)
    queue_of_object = f'{own} == "" ? variables.queues[0] : {own}'
    # Kueue does this for a Deployment itself, and not for a StatefulSet, whose pods would then have no queue.
    in_template = (
        f'variables.places.filter(q, variables.kind == "StatefulSet" && !({quote(labels.KUEUE_QUEUE)} in q.pod.labels))'
        f".map(q, {add(path, queue_of_object)})"
    )
    return (
        "size(variables.accelerated) == 0 || size(variables.queues) != 1 || !variables.queueable ? []"
        f' : (variables.kind == "CronJob" ? {in_cron_job} : {on_object} + {in_template})'
    )


_SUBMITTER: Final = (
    f'request.operation != "CREATE" || {label("variables.annotations", labels.SUBMITTER)} != "" ? []'
    f" : (has(dyn(object).metadata.annotations) ? [] : [{add(quote('/metadata/annotations'), '{}')}])"
    f" + [{add(quote(f'/metadata/annotations/{escaped(labels.SUBMITTER)}'), 'request.userInfo.username')}]"
)

_RETRIABLE: Final = "kueue.x-k8s.io/retriable-in-group"
_SERVING: Final = "kueue.x-k8s.io/pod-group-serving"
# Kueue would keep the account of a group open for pods in place of those that have ended, and nobody in the team may
# end it. So it ends with the last pod, unless a pod says that others may take its place. A set's group ends with it.
_GROUP_ENDS: Final = (
    f'variables.kind != "Pod" || !([variables.labels, variables.annotations].exists(m, {quote(POD_GROUP)} in m))'
    f" || {quote(_RETRIABLE)} in variables.annotations || {quote(_SERVING)} in variables.annotations ? []"
    f" : (has(dyn(object).metadata.annotations) ? [] : [{add(quote('/metadata/annotations'), '{}')}])"
    f" + [{add(quote(f'/metadata/annotations/{escaped(_RETRIABLE)}'), quote('false'))}]"
)


def _pod_security() -> str:
    context, base = "q.pod.spec.?securityContext", "/spec/securityContext"

    def added(missing: str, rest: str, value: str) -> str:
        return f"variables.places.filter(q, {missing}).map(q, {add(_at('q.path', base + rest), value)})"

    parts = (
        added(f"!{context}.hasValue()", "", "{}"),
        added(f"!{context}.?runAsNonRoot.hasValue()", "/runAsNonRoot", "true"),
        added(f"{_LINUX} && !{context}.?seccompProfile.hasValue()", "/seccompProfile", '{"type": "RuntimeDefault"}'),
    )
    return f"!variables.restricted ? [] : {' + '.join(parts)}"


def _container_security() -> str:
    """What restricted asks of containers of Linux, and the API server refuses in others."""
    context, base = "s.c.?securityContext", "/securityContext"

    def added(missing: str, rest: str, value: str) -> str:
        return f"variables.slots.filter(s, s.linux && {missing}).map(s, {add(_at('s.path', base + rest), value)})"

    parts = (
        added(f"!{context}.hasValue()", "", "{}"),
        # A privileged container is refused by Pod Security, in words that say so.
        added(
            f"!{context}.?allowPrivilegeEscalation.hasValue() && !{context}.?privileged.orValue(false)",
            "/allowPrivilegeEscalation",
            "false",
        ),
        added(f"!{context}.?capabilities.hasValue()", "/capabilities", "{}"),
        added(f"!{context}.?capabilities.?drop.hasValue()", "/capabilities/drop", '["ALL"]'),
    )
    return f"!variables.restricted ? [] : {' + '.join(parts)}"


def _amounts(to: str, missing: Mapping[str, str], value: str) -> str:
    """Amounts added to `requests` or `limits`: `missing` says for each resource whether slot `s` needs it."""
    some = " || ".join(f"({condition})" for condition in missing.values())
    none = f"!s.c.?resources.?{to}.hasValue() && ({some})"
    parts = [f"variables.slots.filter(s, {none}).map(s, {add(_at('s.path', f'/resources/{to}'), '{}')})"]
    for name, condition in missing.items():
        patch = add(_at("s.path", f"/resources/{to}/{escaped(name)}"), f"s.c.resources.{value}[{quote(name)}]")
        parts.append(f"variables.slots.filter(s, {condition}).map(s, {patch})")
    return " + ".join(parts)


def _has(kind: str, name: str) -> str:
    return f"s.c.?resources.?{kind}[?{quote(name)}].hasValue()"


_REQUESTS: Final = _amounts(
    "requests", {name: f"{_has('limits', name)} && !{_has('requests', name)}" for name in DEFAULTED}, "limits"
)
_LIMITS: Final = _amounts(
    "limits",
    {
        name: f"{_has('requests', name)} && !{_has('limits', name)} && {limit(f'limit.{name}')}.exists(most,"
        f" quantity(string(s.c.resources.requests[{quote(name)}])).isGreaterThan(quantity(most)))"
        for name in DEFAULTED
    },
    "requests",
)


def _no_devices(platform: Platform) -> str:
    """Devices of an amount of zero, taken out: the queue would choose a flavor for them."""
    names = sorted({item.resource_name for item in platform.accelerators.values()})
    parts = []
    for name in names:
        for kind in ("limits", "requests"):
            path = _at("s.path", f"/resources/{kind}/{escaped(name)}")
            zero = f'string(s.c.?resources.?{kind}[?{quote(name)}].orValue(dyn("1"))) == "0"'
            parts.append(f"variables.slots.filter(s, {zero}).map(s, {remove(path)})")
    return " + ".join(parts)


_FAILED: Final = '"Failed"'
# Only a pod that has ended is replaced: otherwise one that takes its time would hold its devices beside the new one's.
_REPLACEMENT: Final = (
    "size(variables.accelerated) == 0 ? []"
    f' : (variables.kind == "Job" ? [{add(quote("/spec/podReplacementPolicy"), _FAILED)}]'
    f' : (variables.kind == "CronJob" ? [{add(quote("/spec/jobTemplate/spec/podReplacementPolicy"), _FAILED)}]'
    ' : (variables.kind == "JobSet" ? lists.range(size(variables.pods)).map(i, '
    + add('"/spec/replicatedJobs/" + string(i) + "/template/spec/podReplacementPolicy"', _FAILED)
    + ") : [])))"
)


def _tolerations(platform: Platform, cluster: Cluster) -> str:
    """The taints of accelerators, tolerated by pods with accelerators that no queue will place."""
    alone = "variables.places.filter(q, !variables.placedLater && !q.pod.gated && size(q.pod.asked) > 0)"
    none = add(_at("q.path", "/spec/tolerations"), "[]")
    parts = [f"{alone}.filter(q, !has(q.pod.spec.tolerations)).map(q, {none})"]
    for resource, keys in taint_keys(platform, cluster).items():
        for key in keys:
            toleration = f'{{"key": {quote(key)}, "operator": "Exists", "effect": "NoSchedule"}}'
            parts.append(
                f"{alone}.filter(q, q.pod.asked.exists(names, {quote(resource)} in names)"
                f' && !q.pod.tolerations.exists(t, t.?key.orValue("") == {quote(key)}))'
                f".map(q, {add(_at('q.path', '/spec/tolerations/-'), toleration)})"
            )
    return " + ".join(parts)


# Of the flavors that the queue might choose only those are left whose nodes hold the pod. They are said as Kueue reads
# them, in a required affinity; work with an affinity of its own says itself where it can run.
_NARROWED: Final = (
    "lists.range(size(variables.judged)).filter(i, size(variables.judged[i].over) == 0 && variables.judged[i].some"
    " && size(variables.judged[i].unfit) > 0 && size(variables.pods[i].terms) == 0)"
)
_TERMS: Final = (
    "variables.judged[i].fit.filter(f, !(f.name in variables.judged[i].unfit)).map(f,"
    ' {"matchExpressions": f.labels.map(k, {"key": dyn(k), "operator": dyn("In"), "values": dyn([f.labels[k]])})})'
)


def _nodes() -> str:
    def added(missing: str, rest: str, value: str) -> str:
        path = _at("variables.places[i].path", f"/spec/affinity{rest}")
        return f"{_NARROWED}.filter(i, {missing}).map(i, {add(path, value)})"

    affinity = "variables.pods[i].spec.?affinity"
    parts = (
        added(f"!{affinity}.hasValue()", "", "{}"),
        added(f"!{affinity}.?nodeAffinity.hasValue()", "/nodeAffinity", "{}"),
        added(
            "true",
            "/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution",
            f'{{"nodeSelectorTerms": {_TERMS}}}',
        ),
    )
    return " + ".join(parts)
