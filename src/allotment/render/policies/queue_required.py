"""Work with accelerators waits its turn in a queue of its own team, and cannot leave it.

Kueue holds a Job by `spec.suspend` and a pod by a scheduling gate. The rule asks for the hold itself and not only for
the label: Kueue lets go of work that claims, by an owner reference, to belong to something it already manages, and an
owner reference is something anybody can write.
"""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, comma_separated, label, sentence
from allotment.render.policies.identities import (
    binds_all_but_engineers,
    binds_tenants_and_new,
    by_job_controller,
    not_being_deleted,
)
from allotment.render.policies.pod_template import ADMISSION_GATE, WORKLOADS, pod_variables

_MANAGED = "kueue.x-k8s.io/managed"


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    queues_pods = Feature.POD_INTEGRATION in cluster.features
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=(
            binds_all_but_engineers(platform),
            # A pod or a Job that a controller makes must be held too: its owner may have been started by hand.
            binds_tenants_and_new(platform, cluster, "pods", "jobs"),
            not_being_deleted(),
        ),
        variables=(
            *pod_variables(platform, "labels", "templateLabels", "at", "device", "accelerated", "gated"),
            Variable("allowed", comma_separated(labels.QUEUES_ANNOTATION)),
            *_VARIABLES,
        ),
        checks=(*(() if queues_pods else (_ONLY_JOBS,)), _KEPT, _NAMED, _JOB_HELD, _POD_HELD, _STILL_HELD),
    )


_VARIABLES = (
    Variable("kind", "dyn(object).kind"),
    # Kueue copies the label of a Deployment or StatefulSet into its template, so the template has the last word.
    Variable(
        "queue",
        'variables.kind == "Job" ? '
        + label("variables.labels", labels.KUEUE_QUEUE)
        + ' : (variables.kind == "CronJob" ? '
        + label("dyn(object).spec.jobTemplate.?metadata.?labels.orValue({})", labels.KUEUE_QUEUE)
        + " : "
        + label("variables.templateLabels", labels.KUEUE_QUEUE)
        + ")",
    ),
    Variable(
        "queueAt",
        'variables.kind in ["Job", "Pod"] ? "metadata.labels"'
        ' : (variables.kind == "CronJob" ? "spec.jobTemplate.metadata.labels" : "spec.template.metadata.labels")',
    ),
    Variable("fromJob", f'variables.kind == "Pod" && {by_job_controller()}'),
    Variable("oldQueue", label("dyn(oldObject).?metadata.?labels.orValue({})", labels.KUEUE_QUEUE)),
    Variable("creating", 'request.operation == "CREATE"'),
)

_ONLY_JOBS = Check(
    expression='!variables.accelerated || variables.fromJob || variables.kind in ["CronJob", "Job"]',
    message="in this cluster only Jobs can wait in a queue, so only Jobs may ask for accelerators",
    explanation=sentence(
        "a ",
        Expr("variables.kind"),
        " asks for ",
        Expr("variables.device"),
        ", but in this cluster only Jobs wait in queues; write it as a Job, or ask the platform team for the"
        " feature pod-integration",
    ),
)

_NAMED = Check(
    expression=(
        '!variables.accelerated || variables.fromJob || (variables.queue != "" && variables.queue in variables.allowed)'
    ),
    message="work with accelerators names a queue of its namespace",
    explanation=sentence(
        Expr("variables.queueAt"),
        f".{labels.KUEUE_QUEUE} is ",
        Expr('(variables.queue == "" ? "missing" : variables.queue)'),
        " for work that asks for ",
        Expr("variables.device"),
        "; set it to ",
        Expr('(variables.allowed.exists(q, q != "") ? variables.allowed.join(" or ") : "a queue of your team")'),
    ),
)

_KEPT = Check(
    expression=(
        'variables.creating || variables.oldQueue == "" || '
        + label("variables.labels", labels.KUEUE_QUEUE)
        + " == variables.oldQueue"
    ),
    message="the queue of submitted work is neither removed nor changed",
    explanation=sentence(
        f"metadata.labels.{labels.KUEUE_QUEUE} was ",
        Expr("variables.oldQueue"),
        " and cannot be removed or changed; delete the work and submit it again to the other queue",
    ),
)

_JOB_HELD = Check(
    expression=(
        '!variables.accelerated || variables.kind != "Job" || dyn(object).spec.?suspend.orValue(false)'
        " || !(variables.creating || dyn(oldObject).spec.?suspend.orValue(false))"
    ),
    message="Kueue alone starts Jobs that ask for accelerators",
    explanation=sentence(
        "spec.suspend is false for a Job that asks for ",
        Expr("variables.device"),
        ": Kueue does not hold it; leave spec.suspend and metadata.ownerReferences to Kueue, which starts the Job when"
        " its quota is free (if you set neither: is Kueue running?)",
    ),
)

_POD_HELD = Check(
    expression=(
        '!variables.accelerated || variables.kind != "Pod" || !variables.creating || variables.fromJob'
        f' || (variables.gated && {label("variables.labels", _MANAGED)} == "true")'
    ),
    message="a pod with accelerators comes from a Job, or is held by Kueue",
    explanation=sentence(
        "spec.schedulingGates lacks ",
        ADMISSION_GATE,
        " for a pod that asks for ",
        Expr("variables.device"),
        ": Kueue does not hold it; submit it as a Job with a queue label",
    ),
)

_STILL_HELD = Check(
    expression=(
        'variables.creating || variables.kind != "Pod" || variables.gated'
        " || !dyn(oldObject).spec.?schedulingGates.orValue([])"
        f'.exists(gate, gate.name == "{ADMISSION_GATE}")'
    ),
    message="Kueue alone takes its scheduling gate off",
    explanation=sentence(
        "spec.schedulingGates lost ",
        ADMISSION_GATE,
        "; Kueue takes it off when the pod's quota is free",
    ),
)
