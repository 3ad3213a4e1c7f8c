"""What controllers take for their own, only they make: by its owner, or by labels that anybody can write.

A controller counts as its own what names it as its controller, or carries the labels that it looks for. Kueue goes by
those counts: a Job whose adopted pods have ended needs less, a set's pods that nobody made are let go.
"""

from __future__ import annotations

from typing import Final

from allotment.render.policies.admission import Check
from allotment.render.policies.carried import MARKED_BY_TENANT, brought
from allotment.render.policies.cel import Expr, first_few, sentence, string_list
from allotment.render.policies.pod_template import each

_HERE: Final = "dyn(object)"
_BEFORE: Final = "oldObject == null ? [] : dyn(oldObject).metadata.?ownerReferences.orValue([])"

_MAKERS: Final = (
    "",
    "apps",
    "batch",
    "jobset.x-k8s.io",
    "kueue.x-k8s.io",
    "leaderworkerset.x-k8s.io",
    "ray.io",
    "trainer.kubeflow.org",
)
"""API groups whose kinds make work. A tenant's own operator has kinds of its own, and may own what it makes."""

# `kubectl create job --from` names the CronJob, which nobody counts by.
_BY_MAKER: Final = (
    'o.?controller.orValue(false) && o.kind != "CronJob"'
    f' && (o.apiVersion.contains("/") ? o.apiVersion.split("/")[0] : "") in {string_list(_MAKERS)}'
)
MADE_BY: Final = f"({_BEFORE}).filter(o, {_BY_MAKER})"
"""CEL list: the controllers `o` that made the object which is changed or deleted."""

MAKER: Final = Expr('string(o.kind) + " " + string(o.name)')
"""CEL: a controller `o` in words."""

_NOW: Final = f"{_HERE}.metadata.?ownerReferences.orValue([])"
_CLAIMED: Final = f"{_NOW}.filter(o, {_BY_MAKER} && !(o in ({_BEFORE})))"

CLAIMED_OWNER: Final = Check(
    name="claimedOwners",
    message="work belongs to a controller only if that controller made it",
    faults=Expr(
        f"(variables.byTenant ? {_CLAIMED} : []).map(o, "
        + sentence(
            "metadata.ownerReferences names ",
            MAKER,
            " as its controller, which did not make it and would count it as its own; take the reference away, or write"
            " it without controller",
        )
        + ")"
    ),
)

_OF_SETS: Final = ("jobset.sigs.k8s.io/", "leaderworkerset.sigs.k8s.io/")
_OF_JOBS: Final = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")
# The API server writes the labels of a Job into its template, and checks them; the set's own object has its options.
_MARK: Final = (
    f'(({string_list(_OF_SETS)}.exists(d, k.startsWith(d)) && !(p.at == "metadata."'
    ' && variables.kind in ["JobSet", "LeaderWorkerSet"]))'
    ' || (variables.kind != "Job" && (variables.kind == "Pod" || p.at != "metadata.")'
    f" && k in {string_list(_OF_JOBS)}))"
)


_MARKS: Final = brought(lambda _: _MARK)

CLAIMED_MARKS: Final = Check(
    name="claimedMarks",
    message="labels by which controllers find what they made are written by them only",
    faults=each(
        f"size({_MARKS}) > 0",
        Expr("p.at"),
        first_few(_MARKS),
        ": a controller would take this for its own by it; take it away",
        among=MARKED_BY_TENANT,
    ),
)

_OLD: Final = "dyn(oldObject)"
_FOUND_BY: Final = (
    f"({string_list(_OF_SETS)}.exists(d, k.startsWith(d)) || k in {string_list(_OF_JOBS)})"
    f' && {_HERE}.metadata.?labels[?k].orValue("") != {_OLD}.metadata.labels[k]'
)
_TAKEN_OUT_OF_HAND: Final = (
    # The garbage collector keeps what names another living owner beside the one that is gone.
    f"{_NOW} != ({_BEFORE}) || {_OLD}.metadata.?labels.orValue({{}}).exists(k, {_FOUND_BY})"
    f" || {_HERE}.metadata.?finalizers.orValue([]) != {_OLD}.metadata.?finalizers.orValue([])"
    # A pod's spec hardly changes, and what may is judged by the rules about pods.
    f' || (variables.kind != "Pod" && {_HERE}.?spec != {_OLD}.?spec)'
)

# Of a set that is gone Kueue lets the pods go: what the set made must go with it, and not as something else.
MADE_BY_OTHERS: Final = Check(
    name="madeByOthers",
    message="what a controller made is changed by that controller",
    faults=each(
        _TAKEN_OUT_OF_HAND,
        "metadata.ownerReferences says that ",
        MAKER,
        " made this ",
        Expr("variables.kind"),
        " and counts it as its own, by its owner, labels, finalizers and spec; leave them as they are, and change ",
        MAKER,
        among=f'(variables.byTenant && request.operation == "UPDATE" ? {MADE_BY} : [])',
        called="o",
    ),
)

OWN_SELECTOR: Final = Check(
    name="ownSelectors",
    message="a Job takes the pods that it made, and no others",
    faults=each(
        "j.spec.?manualSelector.orValue(false)",
        Expr("j.at"),
        "manualSelector lets the Job take pods for its own that it did not make; take it and the selector away",
        among='(variables.byTenant && request.operation == "CREATE" ? variables.jobs : [])',
        called="j",
    ),
)
