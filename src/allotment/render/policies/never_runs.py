"""What keeps work from ever running, whatever its size: it waits for somebody, or for something, that is not there.

A ServiceAccount, a claim or a Secret that is missing is not among it: a policy cannot look those up, and they may come.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import COUNTED_ALWAYS, Cluster, Feature
from allotment.model.platform import Platform
from allotment.render.policies.admission import Check, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence, string_list
from allotment.render.policies.node_selection import LINUX, OS_LABEL
from allotment.render.policies.pod_template import ADMISSION_GATE, each, field, when
from allotment.render.policies.trained import PLACED

SCHEDULER: Final = "default-scheduler"

_KUEUE: Final = "kueue.x-k8s.io/"
_ELASTIC_JOB: Final = f"{_KUEUE}elastic-job"
_TOPOLOGY_REQUESTS: Final = tuple(
    f"{_KUEUE}podset-{name}"
    for name in (
        "preferred-topology",
        "required-topology",
        "slice-required-topology",
        "slice-required-topology-constraints",
        "unconstrained-topology",
    )
)


def never_variables(platform: Platform, cluster: Cluster) -> tuple[Variable, ...]:
    """What the checks look at beside the pods."""
    in_cluster = {
        platform.accelerators[flavor.accelerator].resource_name
        for flavor in cluster.flavors
        if flavor.accelerator is not None
    }
    systems = {pool.labels.get(OS_LABEL, LINUX) for pool in cluster.node_pools}
    return (
        Variable("managers", _MANAGERS),
        Variable("counted", string_list((*COUNTED_ALWAYS, *sorted(in_cluster), *cluster.further_resources))),
        Variable("runtimeClasses", string_list(cluster.runtime_classes)),
        Variable("systems", string_list(sorted(systems))),
    )


def never_checks(cluster: Cluster) -> tuple[Check, ...]:
    """The checks for one cluster."""
    claims = () if Feature.DRA in cluster.features else (_CLAIMS,)
    kept = (_MANAGER, _SCHEDULER, _GATES, _RUNTIME, _OVERHEAD, _SYSTEM, _UNCOUNTED)
    return (*kept, *claims, _TOPOLOGY, _NO_PODS, _LONG_NAME)


_JOB: Final = "kubernetes.io/job-controller"
_JOB_SET: Final = "jobset.sigs.k8s.io/jobset-controller"
_RAY: Final = "ray.io/kuberay-operator"
_TRAIN_JOB: Final = "trainer.kubeflow.org/trainjob-controller"
_SPEC: Final = "dyn(object).spec"


def _managed(at: str, spec: str, own: str) -> str:
    return f'{{"at": dyn({at}), "own": dyn({quote(own)}), "given": dyn({spec}.?managedBy.orValue(dyn({quote(own)})))}}'


_MANAGERS: Final = (
    f"variables.jobs.map(j, {_managed('j.at', 'j.spec', _JOB)}) + "
    f'(variables.kind == "JobSet" ? [{_managed(quote("spec."), _SPEC, _JOB_SET)}]'
    f' : (variables.kind in ["RayCluster", "RayJob", "RayService"] ? [{_managed(quote("spec."), _SPEC, _RAY)},'
    f" {_managed(quote('spec.rayClusterSpec.'), f'{_SPEC}.?rayClusterSpec', _RAY)},"
    f" {_managed(quote('spec.rayClusterConfig.'), f'{_SPEC}.?rayClusterConfig', _RAY)}]"
    f' : (variables.kind == "TrainJob" ? [{_managed(quote("spec."), _SPEC, _TRAIN_JOB)}] : [])))'
)

_MANAGER: Final = Check(
    name="foreignManagers",
    message="work is managed by the controller of its kind",
    faults=Expr(
        "variables.managers.filter(m, m.given != m.own).map(m, "
        + sentence(
            Expr("m.at"),
            "managedBy is ",
            Expr("string(m.given)"),
            ", for which nobody in this cluster makes pods; leave it away, or set it to ",
            Expr("m.own"),
        )
        + ")"
    ),
)

_SCHEDULER: Final = Check(
    name="foreignSchedulers",
    message="pods are placed by the cluster's own scheduler",
    faults=each(
        f'!(p.spec.?schedulerName.orValue("") in {string_list(("", SCHEDULER))})',
        field("spec.schedulerName is "),
        Expr("string(p.spec.schedulerName)"),
        f", a scheduler that this cluster does not have; leave it away, or set it to {SCHEDULER}",
    ),
)

# Kueue's webhooks gate what they hold: pods that go by a queue, and the template of a Job that may grow.
_OF_KUEUE: Final = (
    f'(variables.kind == "Pod" ? (g.name in {string_list((ADMISSION_GATE, f"{_KUEUE}topology", _ELASTIC_JOB))}'
    f' && {label("p.labels", f"{_KUEUE}managed")} == {quote("true")} && {label("p.labels", labels.KUEUE_QUEUE)} != "")'
    f" : (g.name == {quote(_ELASTIC_JOB)} && {label('variables.annotations', _ELASTIC_JOB)} == {quote('true')}))"
)
_OWN_GATES: Final = f"p.spec.?schedulingGates.orValue([]).filter(g, !{_OF_KUEUE}).map(g, string(g.name))"

_GATES: Final = Check(
    name="ownGates",
    message="nothing but Kueue holds pods back from being scheduled",
    faults=each(
        # What was there before can only be taken off.
        f'(variables.kind != "Pod" || request.operation == "CREATE") && size({_OWN_GATES}) > 0',
        field("spec.schedulingGates holds "),
        Expr(f'{_OWN_GATES}.join(", ")'),
        ", which nobody would take off, so the pod would never be scheduled; take it away: queues set their own",
        among=PLACED,
    ),
)

_NAMED_RUNTIME: Final = 'p.spec.?runtimeClassName.orValue("")'

_RUNTIME: Final = Check(
    name="unknownRuntimes",
    message="a RuntimeClass that is named is one of the cluster's",
    faults=each(
        f'{_NAMED_RUNTIME} != "" && !({_NAMED_RUNTIME} in variables.runtimeClasses)',
        field("spec.runtimeClassName is "),
        Expr(f"string({_NAMED_RUNTIME})"),
        ", a RuntimeClass that this cluster does not have; ",
        Expr(
            '(size(variables.runtimeClasses) == 0 ? "leave it away"'
            ' : "leave it away, or use " + variables.runtimeClasses.join(" or "))'
        ),
    ),
)

_OVERHEAD: Final = Check(
    name="ownOverheads",
    message="the overhead of a pod is that of its RuntimeClass",
    faults=each(
        # On a pod the API server has written it by now.
        'variables.kind != "Pod" && has(p.spec.overhead)',
        field("spec.overhead"),
        " is written by hand; take it away: it comes with the RuntimeClass",
    ),
)

_NAMED_SYSTEM: Final = f"p.spec.?os.?name.orValue({quote(LINUX)})"

_SYSTEM: Final = Check(
    name="foreignSystems",
    message="pods are for an operating system that nodes of the cluster have",
    faults=each(
        f"!({_NAMED_SYSTEM} in variables.systems)",
        field("spec.os.name is "),
        Expr(f"string({_NAMED_SYSTEM})"),
        ", and nodes of this cluster run ",
        Expr('variables.systems.join(" or ")'),
        " only; no node would take the pod",
    ),
)


def _strange(kind: str, besides: str = "") -> str:
    """CEL list: what container `c` asks for that no queue counts; devices that nobody has are told by another check."""
    amounts = f"c.?resources.?{kind}.orValue({{}})"
    return (
        f'{amounts}.filter(r, !(r in variables.counted) && string({amounts}[r]) != "0"'
        f" && !variables.domains.exists(d, r.startsWith(d)){besides})"
    )


_NOT_COUNTED: Final = f"({_strange('limits')} + {_strange('requests', ' && !(r in c.?resources.?limits.orValue({}))')})"
_WITH_STRANGE: Final = f"p.containers.filter(c, size({_NOT_COUNTED}) > 0)"

_UNCOUNTED: Final = Check(
    name="uncountedResources",
    message="containers ask for resources that the queues count",
    faults=each(
        f"size({_WITH_STRANGE}) > 0",
        field("spec: container "),
        Expr(f'{_WITH_STRANGE}.map(c, c.name + " (" + {_NOT_COUNTED}.join(", ") + ")").join(", ")'),
        " asks for what no queue of this cluster has, so it would never be admitted; there are ",
        Expr('variables.counted.join(", ")'),
    ),
)

_CLAIMS: Final = Check(
    name="resourceClaims",
    message="resource claims are used where the cluster has Dynamic Resource Allocation",
    faults=each(
        "p.claims",
        field("spec.resourceClaims asks for devices by claim, which this cluster does not hand out; ask for them in "),
        "resources.limits",
    ),
)

_ASKED_TOPOLOGY: Final = f"p.annotations.filter(k, k in {string_list(_TOPOLOGY_REQUESTS)})"

_TOPOLOGY: Final = Check(
    name="topologyRequests",
    message="no topology is asked for where the flavors have none",
    faults=each(
        f"size({_ASKED_TOPOLOGY}) > 0",
        field("metadata.annotations."),
        Expr(f'{_ASKED_TOPOLOGY}.join(", ")'),
        " asks for a topology, and the nodes of this cluster's queues have none, so it would never be admitted; take it"
        " away",
    ),
)

_NO_PODS: Final = Check(
    name="withoutPods",
    message="a Job starts pods",
    faults=Expr(
        # Of a TrainJob the trainer is a Job of so many nodes.
        '(variables.jobs.filter(j, int(j.spec.?parallelism.orValue(1)) == 0).map(j, string(j.at) + "parallelism")'
        ' + variables.trainers.filter(p, int(p.count) < 1).map(p, "spec.trainer.numNodes")).map(path, '
        + sentence(
            Expr("path"),
            " is 0 or less, so the work would start no pod and never end; set it to 1 or more, or leave it away: the"
            " queue holds work until its turn",
        )
        + ")"
    ),
)

LONGEST_SET_NAME: Final = 52
"""Characters. The StatefulSet controller labels its pods with the name, a dash and a hash of up to ten characters, and
the value of a label has 63 at most (kubernetes/kubernetes#64023)."""

_NAME: Final = 'dyn(object).metadata.?name.orValue(dyn(object).metadata.?generateName.orValue("") + "12345")'
# Of a LeaderWorkerSet each group is a StatefulSet, named with a dash and its number.
_LAST: Final = "string([int(dyn(object).spec.?replicas.orValue(1)) - 1, 0].max())"
_SETS_NAME: Final = f'(variables.kind == "LeaderWorkerSet" ? {_NAME} + "-" + {_LAST} : {_NAME})'

_LONG_NAME: Final = Check(
    name="longNames",
    message="the name of a set leaves room for what its controller adds",
    faults=when(
        'request.operation == "CREATE" && variables.kind in ["LeaderWorkerSet", "StatefulSet"]'
        f" && size({_SETS_NAME}) > {LONGEST_SET_NAME}",
        "metadata.name is ",
        Expr(f"string(size({_NAME}))"),
        " characters long, and the controller, which labels each pod with a longer one, would make none; take at most ",
        Expr(f"string({LONGEST_SET_NAME} - size({_SETS_NAME}) + size({_NAME}))"),
    ),
)
