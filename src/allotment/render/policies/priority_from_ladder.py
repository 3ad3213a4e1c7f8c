"""Work takes its priority from the rungs its team may use; the ladder's default rung is everybody's."""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, comma_separated, label, sentence, string_list
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants, not_being_deleted
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    default = string_list([platform.default_priority.name])
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster), not_being_deleted()),
        variables=(
            *pod_variables(platform, "labels", "templateLabels", "at", "spec"),
            Variable("rungs", f'({comma_separated(labels.PRIORITIES_ANNOTATION)} + {default}).filter(r, r != "")'),
            Variable("class", 'variables.spec.?priorityClassName.orValue("")'),
            Variable("queued", _QUEUED),
        ),
        checks=(_CLASS, _LABEL),
    )


_JOB_LABELS = (
    'dyn(object).kind == "CronJob" ? dyn(object).spec.jobTemplate.?metadata.?labels.orValue({}) : variables.labels'
)

_QUEUED = (
    f"[variables.labels, variables.templateLabels, ({_JOB_LABELS})]"
    f'.map(found, {label("found", labels.KUEUE_PRIORITY)}).filter(name, name != "" && !(name in variables.rungs))'
)

_RUNGS = Expr('variables.rungs.join(", ")')

_CLASS = Check(
    expression='variables.class == "" || variables.class in variables.rungs',
    message="the priority class must be a rung of the ladder that the team may use",
    explanation=sentence(
        field("spec.priorityClassName"),
        " is ",
        Expr("variables.class"),
        ", which this team may not use; it may use ",
        _RUNGS,
    ),
)

_LABEL = Check(
    expression="size(variables.queued) == 0",
    message="Kueue's priority must be a rung of the ladder that the team may use",
    explanation=sentence(
        f"the label {labels.KUEUE_PRIORITY} is ",
        Expr("variables.queued[0]"),
        ", which this team may not use; it may use ",
        _RUNGS,
    ),
)
