"""Groups of pods: who joins one takes what the others take, and cannot end the account of all.

A group is a name that pods share, and whoever may make pods may join. Kueue goes by whichever pod of a group it comes
to first, takes pods for alike by eight digits of a hash, and leaves a group alone when that pod is none of its own:
nobody could stop it then. So the name says what each pod takes and how many they are (`model.grouping` makes such
names), none is the name of what Kueue made for other work, and all are pods that Kueue holds.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.render.policies.admission import Check, Variable
from allotment.render.policies.carried import MARKED_BY_TENANT
from allotment.render.policies.cel import Expr, quote
from allotment.render.policies.pod_template import ADMISSION_GATE, POD_GROUP, each, when

_KUEUE: Final = "kueue.x-k8s.io/"
_CREATING: Final = 'request.operation == "CREATE"'

_SIZE_MARK: Final = f"{_KUEUE}pod-group-total-count"
_SIZE_OF: Final = f'p.annotations[?"{_SIZE_MARK}"].orValue("")'
_NAMES_OF: Final = f"[{{0}}.labels, {{0}}.annotations].filter(m, {quote(POD_GROUP)} in m).map(m, m[{quote(POD_GROUP)}])"
_NAMED_IN: Final = Expr(f'({quote(POD_GROUP)} in p.annotations ? "annotations." : "labels.")')
_GROUPED: Final = f"size({_NAMES_OF.format('p')}) > 0"
_STANDS: Final = (
    f"variables.markedBefore.exists(b, b.at == p.at && {_NAMES_OF.format('b')} == {_NAMES_OF.format('p')}"
    f' && b.annotations[?"{_SIZE_MARK}"].orValue("") == {_SIZE_OF})'
)
# Four digits: no name of a group is ever that of a Workload which Kueue makes itself, for those end with five.
_GOOD_SIZE: Final = f'{_SIZE_OF}.matches("^[1-9][0-9]{{0,3}}$")'

_SIZE: Final = Check(
    name="wrongGroupSizes",
    message="the size of a pod group is a number from 1 to 9999",
    faults=each(
        f'({_GROUPED} || {_SIZE_OF} != "") && !{_GOOD_SIZE} && !{_STANDS}',
        Expr("p.at"),
        f"annotations.{_SIZE_MARK} is ",
        Expr(f'({_SIZE_OF} == "" ? "missing" : {_SIZE_OF})'),
        "; write how many pods the group has, from 1 to 9999",
        among=MARKED_BY_TENANT,
    ),
)

_INDEX_MARK: Final = f"{_KUEUE}pod-group-pod-index"
_INDEX: Final = f'p.labels[?"{_INDEX_MARK}"].orValue("0")'

# Kueue makes no Workload for a group of which it cannot read one pod's place.
_PLACE: Final = Check(
    name="wrongGroupPlaces",
    message="the index of a pod in its group is a number below the size of the group",
    faults=each(
        f'{_GROUPED} && variables.kind == "Pod" && {_GOOD_SIZE} && !{_STANDS}'
        f' && !({_INDEX}.matches("^[0-9]{{1,4}}$") && int({_INDEX}) < int({_SIZE_OF}))',
        Expr("p.at"),
        f"labels.{_INDEX_MARK} is ",
        Expr(_INDEX),
        ", and the pods of the group are numbered from 0 to one below its size, which is ",
        Expr(_SIZE_OF),
        "; write such a number, or leave it away",
        among=MARKED_BY_TENANT,
    ),
)


_IS_DEVICE: Final = "variables.domains.exists(d, r.startsWith(d))"


def _devices(containers: str) -> str:
    """CEL list: how many devices each of these containers asks for."""
    asked = "c.?resources.?limits.orValue({})"
    return (
        f"{containers}.map(c, [{asked}].map(m, m.filter(r, {_IS_DEVICE})"
        ".map(r, quantity(string(m[r])).asInteger()).sum())[0])"
    )


def _requested(containers: str, resource: str) -> str:
    """CEL list: what each of these containers requests; before this rule the API server has written it on every pod."""
    named = f'c.?resources.?requests[?{quote(resource)}].orValue("0")'
    return f"{containers}.map(c, quantity(string({named})).asApproximateFloat())"


_SPEC: Final = "dyn(object).spec"
_CONTAINERS: Final = f"{_SPEC}.containers"
_BEFORE_THEM: Final = f"{_SPEC}.?initContainers.orValue([])"
_DEVICES: Final = f"[{_devices(_CONTAINERS)}.sum(), ([0] + {_devices(_BEFORE_THEM)}).max()].max()"


def _most(resource: str) -> str:
    containers, before = _requested(_CONTAINERS, resource), _requested(_BEFORE_THEM, resource)
    return f"[{containers}.sum(), ([0.0] + {before}).max()].max()"


def _in_steps(amount: str, steps: int) -> str:
    """CEL: rounded to so many steps of one, for a sum of doubles is not what people write."""
    return f"string(double(int(({amount}) * {steps}.0 + 0.5)) / {steps}.0)"


_GIB: Final = "1073741824.0"
_AMOUNTS: Final = f'''{_in_steps(_most("cpu"), 1000)} + "c" + {_in_steps(f"{_most('memory')} / {_GIB}", 1024)} + "g"'''
_ENDING: Final = (
    '"-" + variables.groupAmounts + "-"'
    f' + (variables.groupDevices > 0 ? string(variables.groupDevices) + "x" : "") + {_SIZE_OF}'
)

_OLD_ENDING: Final = "'-[0-9.]+c[0-9.]+g-([0-9]+x)?[0-9]+$'"

# With one that named another size the account of all would end. And Kueue tells roles apart by eight digits of a hash,
# for which anybody finds two pods: so the name tells what each of them takes as well.
_NAME: Final = Check(
    name="wrongGroupNames",
    message="the name of a pod group ends with what each pod asks for, and with its size",
    faults=each(
        f'{_GROUPED} && variables.kind == "Pod" && {_GOOD_SIZE}'
        f" && !{_NAMES_OF.format('p')}.all(n, n.endsWith({_ENDING})) && !{_STANDS}",
        Expr("p.at"),
        _NAMED_IN,
        f"{POD_GROUP} is ",
        Expr(f'{_NAMES_OF.format("p")}.join(" and ")'),
        ", and the name of a group ends with what each of its pods asks for and how many they are (-4c16g-2, with"
        " devices -4c16g-8x2); write ",
        Expr(f"{_NAMES_OF.format('p')}.map(n, n.substring(0, size(n) - size(n.find({_OLD_ENDING}))))[0] + {_ENDING}"),
        " in each of its pods",
        among=MARKED_BY_TENANT,
    ),
)

_EXECUTION_TIME: Final = f"{_KUEUE}max-exec-time-seconds"

# Of a pod that named another time than the first, the account of all would be taken for another's.
_EXECUTION: Final = Check(
    name="groupTimes",
    message="a pod of a group names no execution time",
    faults=each(
        f"{_GROUPED} && !{_STANDS} && [p.labels, p.annotations].exists(m, {quote(_EXECUTION_TIME)} in m)",
        Expr("p.at"),
        f"labels.{_EXECUTION_TIME} stands on a pod of a group, whose pods would not agree on it; take it away, or write"
        " the group as a Job or JobSet",
        among=MARKED_BY_TENANT,
    ),
)

_HELD: Final = (
    f'p.labels[?"{_KUEUE}managed"].orValue("") == "true"'
    f' && dyn(object).spec.?schedulingGates.orValue([]).exists(g, g.name == "{ADMISSION_GATE}")'
)

_UNHELD: Final = Check(
    name="unheldGroups",
    message="a pod group consists of pods that Kueue holds",
    faults=each(
        f'{_GROUPED} && !{_STANDS} && (variables.kind != "Pod" || ({_CREATING} && !({_HELD})))',
        Expr("p.at"),
        _NAMED_IN,
        f"{POD_GROUP} makes a group of pods that Kueue does not hold; take it away, or write pods of their own, each"
        f" with the label {labels.KUEUE_QUEUE}",
        among=MARKED_BY_TENANT,
    ),
)

_GROUP_OF: Final = f'{{0}}.annotations[?{quote(POD_GROUP)}].orValue({{0}}.labels[?{quote(POD_GROUP)}].orValue(""))'

NO_GROUPS: Final = Check(
    name="podGroups",
    message="this cluster takes no pod groups from teams",
    faults=when(
        f'variables.byTenant && variables.kind == "Pod" && {_GROUP_OF.format("variables.marked[0]")} != ""'
        f" && !variables.markedBefore.exists(b, {_GROUP_OF.format('b')} =="
        f" {_GROUP_OF.format('variables.marked[0]')})",
        f"metadata.labels.{POD_GROUP} makes the pod one of a group, and this cluster takes none from"
        " teams: its API server has no MutatingAdmissionPolicy; write the group as a Job, JobSet or StatefulSet",
    ),
)

# The name tells how many devices, and not of which resource.
_OTHER_DEVICES: Final = (
    f"({_CONTAINERS} + {_BEFORE_THEM}).map(c, c.?resources.?limits.orValue({{}})).map(m, m.filter(r, {_IS_DEVICE}"
    " && r != variables.groupResource).map(r, string(r))).flatten()"
)

_DEVICE: Final = Check(
    name="otherGroupDevices",
    message="pods of groups ask for devices of one resource",
    faults=each(
        f'{_GROUPED} && variables.kind == "Pod" && !{_STANDS} && size({_OTHER_DEVICES}) > 0',
        "spec: containers ask for ",
        Expr(f'{_OTHER_DEVICES}.join(", ")'),
        ", and pods of groups ask for ",
        Expr('(variables.groupResource == "" ? "no devices" : variables.groupResource + " only")'),
        " in this cluster; write the group as a Job or JobSet",
        among=MARKED_BY_TENANT,
    ),
)

GROUPS: Final = (_SIZE, _PLACE, _NAME, _UNHELD, _EXECUTION, _DEVICE)
"""Where a cluster takes groups; they build on `marked`, `markedBefore` and `group_variables`."""


def group_variables(platform: Platform, cluster: Cluster) -> tuple[Variable, ...]:
    """What a pod of a group asks for, and the device resource that most flavors of the cluster have."""
    resources = [
        platform.accelerators[flavor.accelerator].resource_name
        for flavor in cluster.flavors
        if flavor.accelerator is not None
    ]
    usual = max(sorted(set(resources)), key=resources.count, default="")
    return (
        Variable("groupDevices", _DEVICES),
        Variable("groupAmounts", _AMOUNTS),
        Variable("groupResource", quote(usual)),
    )
