"""Work with accelerators waits its turn in a queue of its own team, and cannot leave it; no work names another queue.

Kueue holds a Job by `spec.suspend` and a pod by a scheduling gate. The rule asks for the hold itself and not only for
the label: Kueue lets go of work that claims, by an owner reference, to belong to something it already manages, and an
owner reference is something anybody can write.

Kueue counts a set of pods by what it was when it was submitted. It lets pods of an old revision go, whether they were
admitted or not, and ends the account of a set whose number changes: so both stand as long as there are pods.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, comma_separated, label, quote, sentence, string_list
from allotment.render.policies.identities import (
    binds_workloads,
    by_job_maker,
    by_tenant,
    told_with,
)
from allotment.render.policies.placement import QUEUED_WHOLE, made_of_whole, queueable
from allotment.render.policies.pod_template import ACCELERATED, ADMISSION_GATE, DEVICE, WORKLOADS, pod_variables, when

_MANAGED: Final = "kueue.x-k8s.io/managed"
_OLD_QUEUE: Final = label("dyn(oldObject).?metadata.?labels.orValue({})", labels.KUEUE_QUEUE)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, *_scalers(cluster)),
        # A pod or a Job that a controller makes must be held too: its owner may have been started by hand.
        conditions=binds_workloads(platform, cluster, "pods", "jobs"),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "labels", "annotations", "device", "accelerated"),
            Variable("fromJob", f'variables.kind == "Pod" && {made_of_whole(platform, cluster)}'),
            queueable(platform, cluster),
            Variable("fromJobMaker", f'variables.kind == "Job" && {by_job_maker()}'),
            Variable("queues", comma_separated(labels.QUEUES_ANNOTATION)),
            Variable("queueLabels", _QUEUE_LABELS),
            Variable("queuesNamed", _QUEUES_NAMED),
            Variable("oldQueue", f'oldObject == null ? "" : {_OLD_QUEUE}'),
        ),
        checks=(
            *(_ONLY_JOBS, _NAMED, _KNOWN, _KEPT, _JOB_HELD, _POD_HELD, _STILL_HELD),
            *(_TEMPLATE_STANDS, _NUMBER_STANDS, _HELD_BACK, _NOT_SCALED),
        ),
        told_with=told_with("pods", "jobs"),
    )


def _scalers(cluster: Cluster) -> tuple[Resources, ...]:
    """What changes the number of a set's pods by itself, in clusters where sets wait in queues."""
    if Feature.POD_INTEGRATION not in cluster.features:
        return ()
    return (Resources("autoscaling", ("horizontalpodautoscalers",), versions=("*",)),)


# Kueue copies the label of a Deployment into its template, so the template has the last word; the pods of a StatefulSet
# would have no queue without one there.
_QUEUE_LABELS: Final = (
    '(variables.kind == "CronJob" ? [{"at": dyn("spec.jobTemplate.metadata.labels"), "queue": dyn('
    + label("dyn(object).spec.jobTemplate.?metadata.?labels.orValue({})", labels.KUEUE_QUEUE)
    + f")}}] : (variables.kind in {string_list((*QUEUED_WHOLE, 'LeaderWorkerSet'))}"
    ' ? [{"at": dyn("metadata.labels"), "queue": dyn('
    + label("variables.labels", labels.KUEUE_QUEUE)
    + ')}] : variables.pods.map(p, {"at": dyn(p.at + "metadata.labels"), "queue": dyn('
    + label("p.labels", labels.KUEUE_QUEUE)
    + ")})))"
)


def _named(at: str, among: str) -> str:
    return f'{{"at": dyn({at}), "queue": dyn({label(among, labels.KUEUE_QUEUE)})}}'


# Wherever Kueue might read it, if not for this kind then for the pods.
_QUEUES_NAMED: Final = (
    f"([{_named(quote('metadata.labels'), 'variables.labels')}]"
    ' + (variables.kind == "CronJob" ? ['
    + _named(quote("spec.jobTemplate.metadata.labels"), "dyn(object).spec.jobTemplate.?metadata.?labels.orValue({})")
    + '] : []) + (variables.kind == "Pod" ? [] : variables.pods.map(p, '
    + _named('p.at + "metadata.labels"', "p.labels")
    + '))).filter(found, found.queue != "")'
)

_CREATING: Final = 'request.operation == "CREATE"'
_FROM_JOB: Final = "variables.fromJob"

_ONLY_JOBS: Final = Check(
    name="unqueueable",
    message="in this cluster only Jobs can wait in a queue, so only Jobs may ask for accelerators",
    faults=when(
        f"{ACCELERATED} && !variables.queueable",
        "a ",
        Expr("variables.kind"),
        " asks for ",
        DEVICE,
        ", but in this cluster only Jobs wait in queues; write it as a Job, or ask the platform team for the"
        " feature pod-integration",
    ),
)

_MUST_NAME: Final = f"{ACCELERATED} && variables.queueable && !{_FROM_JOB} && !variables.fromJobMaker"
_SET_IT: Final = (
    "; set it to ",
    Expr('(variables.queues.exists(q, q != "") ? variables.queues.join(" or ") : "a queue of your team")'),
)

_NAMED: Final = Check(
    name="unnamedQueue",
    message="work with accelerators names a queue",
    faults=(
        f'({_MUST_NAME} ? variables.queueLabels : []).filter(found, found.queue == "").map(found, '
        + sentence(Expr("found.at"), f".{labels.KUEUE_QUEUE} is missing for work that asks for ", DEVICE, *_SET_IT)
        + ")"
    ),
)

# Without accelerators, too: Kueue would hold it for a queue that is not there.
_STRAY: Final = "variables.queuesNamed.filter(found, !(found.queue in variables.queues))"

_KNOWN: Final = Check(
    name="unknownQueue",
    message="work that names a queue names one of its namespace",
    faults=(
        f"([{_STRAY}].filter(all, size(all) > 0 && (variables.byTenant ? variables.queueable || !({ACCELERATED})"
        f" : {_MUST_NAME})).map(all, "
        + sentence(
            Expr(f'all.map(found, found.at + ".{labels.KUEUE_QUEUE} is " + found.queue).join(" and ")'),
            ", which is no queue of this namespace",
            *_SET_IT,
        )
        + "))"
    ),
)

_KEPT: Final = Check(
    name="changedQueue",
    message="the queue of submitted work is neither removed nor changed",
    faults=when(
        f'!({_CREATING}) && variables.oldQueue != "" && '
        + label("variables.labels", labels.KUEUE_QUEUE)
        + " != variables.oldQueue",
        f"metadata.labels.{labels.KUEUE_QUEUE} was ",
        Expr("variables.oldQueue"),
        " and cannot be removed or changed; delete the work and submit it again to the other queue",
    ),
)

_RAY: Final = string_list(("RayCluster", "RayJob"))

_JOB_HELD: Final = Check(
    name="startedJob",
    message="Kueue alone starts Jobs that ask for accelerators",
    faults=when(
        f'{ACCELERATED} && (variables.kind in ["Job", "JobSet"] || (variables.byTenant && variables.kind in {_RAY}))'
        f" && !dyn(object).spec.?suspend.orValue(false)"
        f" && ({_CREATING} || dyn(oldObject).spec.?suspend.orValue(false))"
        " && !variables.fromJobMaker",
        "spec.suspend is false for a ",
        Expr("variables.kind"),
        " that asks for ",
        DEVICE,
        ": Kueue does not hold it; leave spec.suspend and metadata.ownerReferences to Kueue, which starts it when"
        " its quota is free (if you set neither: is Kueue running?)",
    ),
)

# Kueue marks a replica of a set that it holds whole only after the set's controller has made it.
_HELD_WITH_ITS_SET: Final = (
    f'(!variables.byTenant && {label("variables.annotations", "kueue.x-k8s.io/pod-suspending-parent")} != "")'
)

_POD_HELD: Final = Check(
    name="unheldPod",
    message="a pod with accelerators comes from a Job, or is held by Kueue",
    faults=when(
        f'{ACCELERATED} && variables.queueable && variables.kind == "Pod" && {_CREATING} && !{_FROM_JOB}'
        f' && !(variables.pods[0].gated && ({label("variables.labels", _MANAGED)} == "true" || {_HELD_WITH_ITS_SET}))',
        "spec.schedulingGates lacks ",
        ADMISSION_GATE,
        " for a pod that asks for ",
        DEVICE,
        ": Kueue does not hold it; submit it as a Job with a queue label",
    ),
)

_STILL_HELD: Final = Check(
    name="releasedPod",
    message="Kueue alone takes its scheduling gate off",
    faults=when(
        f'!({_CREATING}) && variables.kind == "Pod" && !variables.pods[0].gated'
        " && dyn(oldObject).spec.?schedulingGates.orValue([])"
        f'.exists(gate, gate.name == "{ADMISSION_GATE}")',
        "spec.schedulingGates lost ",
        ADMISSION_GATE,
        "; Kueue takes it off when the pod's quota is free",
    ),
)

_SETS: Final = 'variables.kind in ["StatefulSet", "LeaderWorkerSet"]'
# By its own label or its template's: Kueue holds its pods by either.
_QUEUED: Final = (
    f'({label("variables.labels", labels.KUEUE_QUEUE)} != "" || variables.oldQueue != "" || {ACCELERATED}'
    f" || variables.pods.exists(p, {quote(labels.KUEUE_QUEUE)} in p.labels))"
)
_CHANGES_SET: Final = (
    f"variables.byTenant && !({_CREATING}) && {_SETS} && {_QUEUED} && int(dyn(oldObject).spec.?replicas.orValue(1)) > 0"
)
_TEMPLATE: Final = '(variables.kind == "StatefulSet" ? dyn({0}).spec.template : dyn({0}).spec.leaderWorkerTemplate)'

_TEMPLATE_STANDS: Final = Check(
    name="changedTemplate",
    message="the template of a set that waits in a queue stands as long as it has pods",
    faults=when(
        f"{_CHANGES_SET} && {_TEMPLATE.format('object')} != {_TEMPLATE.format('oldObject')}",
        Expr('(variables.kind == "StatefulSet" ? "spec.template" : "spec.leaderWorkerTemplate")'),
        " has changed, and the queue counts the pods of a ",
        Expr("variables.kind"),
        " by what was submitted; ",
        Expr(
            '(variables.kind == "StatefulSet" ? "delete it (its volume claims stay) and submit it anew,"'
            ' : "delete it and submit it anew (with 0 replicas its images may change),")'
        ),
        " or write it as a Deployment, whose pods are counted one by one",
    ),
)

_REPLICAS: Final = "dyn({0}).spec.?replicas.orValue(1)"
_OTHER_NUMBER: Final = f"{_REPLICAS.format('object')} != {_REPLICAS.format('oldObject')}"
# Its controller keeps pods of the old ordinals until those of the new are ready, which may be never.
_OTHER_ORDINALS: Final = "dyn(object).spec.?ordinals != dyn(oldObject).spec.?ordinals"

_NUMBER_STANDS: Final = Check(
    name="changedNumber",
    message="the number of pods of a StatefulSet that waits in a queue stands as it was submitted",
    faults=when(
        f'{_CHANGES_SET} && variables.kind == "StatefulSet" && ({_OTHER_NUMBER} || {_OTHER_ORDINALS})',
        Expr(
            f'({_OTHER_NUMBER} ? "spec.replicas was " + string({_REPLICAS.format("oldObject")})'
            ' : "spec.ordinals has changed")'
        ),
        ", and the queue counts a StatefulSet by what was submitted; delete it (its volume claims stay) and submit it"
        " anew, or write it as a Deployment, which may grow and shrink",
    ),
)

_HELD_BACK: Final = Check(
    name="heldBack",
    message="a StatefulSet that waits in a queue has pods of one revision",
    faults=when(
        f'variables.byTenant && variables.kind == "StatefulSet" && {_QUEUED}'
        " && int(dyn(object).spec.?updateStrategy.?rollingUpdate.?partition.orValue(0)) > 0",
        "spec.updateStrategy.rollingUpdate.partition keeps some pods at an old revision, and Kueue lets those go,"
        " admitted or not; take it away",
    ),
)

_NOT_SCALED: Final = Check(
    name="scaledSet",
    message="no autoscaler changes the number of pods of a StatefulSet",
    faults=when(
        'variables.kind == "HorizontalPodAutoscaler" && dyn(object).spec.scaleTargetRef.kind == "StatefulSet"',
        "spec.scaleTargetRef.kind is StatefulSet, and the queue counts a StatefulSet by the number that was submitted;"
        " scale a Deployment, whose pods are counted one by one",
    ),
)
