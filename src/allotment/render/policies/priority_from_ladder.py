"""Work takes its priority from the rungs its team may use; the ladder's default rung is everybody's."""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, comma_separated, label, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables, when


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    default = string_list([platform.default_priority.name])
    own = comma_separated(labels.PRIORITIES_ANNOTATION)
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "labels", "pods"),
            Variable("rungs", f'{own}.filter(r, r != "") + {default}.filter(r, !(r in {own}))'),
        ),
        checks=(_CLASS, _LABEL),
        told_with=told_with(),
    )


_JOB_LABELS: Final = (
    'variables.kind == "CronJob" ? dyn(object).spec.jobTemplate.?metadata.?labels.orValue({}) : variables.labels'
)

_QUEUED: Final = (
    f"([variables.labels, ({_JOB_LABELS})] + variables.pods.map(p, p.labels))"
    f'.map(found, {label("found", labels.KUEUE_PRIORITY)}).filter(name, name != "" && !(name in variables.rungs))'
)

_RUNGS: Final = Expr('variables.rungs.join(", ")')

_CLASS: Final = Check(
    name="foreignClasses",
    message="the priority class must be a rung of the ladder that the team may use",
    faults=each(
        'p.spec.?priorityClassName.orValue("") != "" && !(p.spec.priorityClassName in variables.rungs)',
        field("spec.priorityClassName"),
        " is ",
        Expr("p.spec.priorityClassName"),
        ", which this team may not use; it may use ",
        _RUNGS,
    ),
)

_LABEL: Final = Check(
    name="foreignPriorities",
    message="Kueue's priority must be a rung of the ladder that the team may use",
    faults=when(
        f"size({_QUEUED}) > 0",
        f"the label {labels.KUEUE_PRIORITY} is ",
        Expr(f"{_QUEUED}[0]"),
        ", which this team may not use; it may use ",
        _RUNGS,
    ),
)
