"""Work that can never run is refused when it is submitted, rather than waiting for ever.

Looked at is what the platform directory knows: what one pod may have, what each node of the pools that the team may
use holds, what its queue has with all that it may borrow, and what its namespace may hold. That something is in use at
the moment is no reason: then work waits its turn. What never runs whatever its size is in `never_runs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from allotment.model.cluster import Cluster, NodePool, TaintEffect
from allotment.model.platform import Platform
from allotment.model.policy import Policy, PolicyName
from allotment.model.quantity import format_bytes, format_cpu
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, quote, sentence, string_list, string_map
from allotment.render.policies.entitled import FLAVORS, LIMITS, SLACK, exceeds, limit, number
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.never_runs import never_checks, never_variables
from allotment.render.policies.node_selection import (
    EXCLUSIVE,
    NOTHING_SELECTED,
    UNKNOWN_LABEL,
    USABLE_TERMS,
    known_labels,
    selected,
    shape_labels,
)
from allotment.render.policies.oversized import OVERSIZED
from allotment.render.policies.placement import device_selectors, node_label_values, unknown_values
from allotment.render.policies.pod_template import WORKLOADS, pod_variables, when
from allotment.render.policies.trained import trained_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "annotations", "jobs", "pods"),
            *trained_variables(),
            device_selectors(platform),
            *never_variables(platform, cluster),
            *fit_variables(platform, cluster, _JUDGED_PODS),
            node_label_values(platform, cluster),
            Variable("crowded", _those(_CROWDED)),
        ),
        checks=(
            OVERSIZED,
            *never_checks(cluster),
            *(UNKNOWN_LABEL, NOTHING_SELECTED, EXCLUSIVE),
            _TOO_LARGE,
            _no_node(platform, cluster),
            _WRONG_FLAVOR,
            _TOO_MUCH,
            _TOO_MANY,
        ),
        told_with=told_with(),
    )


# By what taints the nodes of a trainer without devices are chosen, says its runtime.
_JUDGED_PODS: Final = "(variables.pods + variables.trainers.filter(p, size(p.asked) > 0))"


def fit_variables(platform: Platform, cluster: Cluster, pods: str = "variables.pods") -> tuple[Variable, ...]:
    """Sizes of the pods in a CEL list, shapes of the nodes, and which fit each other."""
    devices = string_list(sorted({item.resource_name for item in platform.accelerators.values()}))
    return (
        LIMITS,
        FLAVORS,
        Variable("devices", devices),
        shape_labels(platform, cluster),
        Variable("measured", f"{pods}.map(p, {_fields((), _WHICH)})"),
        Variable("requested", _with("measured", "p", _WHICH, _REQUESTED)),
        Variable("bounded", _with("requested", "p", (*_WHICH, *_REQUESTED), _BOUNDED)),
        Variable("sizes", _with("bounded", "p", (*_WHICH, *_REQUESTED, *_BOUNDED), _DEVICES)),
        Variable("shapes", _shapes(platform, cluster)),
        Variable("deviceFlavors", _flavors(platform, cluster)),
        Variable(
            "flavorLabels", string_list(sorted({key for flavor in cluster.flavors for key in flavor.node_labels}))
        ),
        Variable("spoken", f"variables.sizes.map(s, {_fields((), _SPOKEN)})"),
        Variable("considering", _with("spoken", "s", _SPOKEN, {"considered": _CONSIDERED})),
        Variable("weighed", _with("considering", "s", (*_SPOKEN, "considered"), {"some": _SOME})),
        Variable("judged", _with("weighed", "s", (*_SPOKEN, "some"), _JUDGED)),
    )


def _shapes(platform: Platform, cluster: Cluster) -> Expr:
    return Expr(f"[{', '.join(_shape(platform, pool) for pool in cluster.node_pools)}]")


def _shape(platform: Platform, pool: NodePool) -> str:
    said = f"{pool.name} (cpu {format_cpu(pool.cpu)}, memory {format_bytes(pool.memory)}"
    devices = "{}"
    if pool.accelerator is not None:
        resource = platform.accelerators[pool.accelerator].resource_name
        devices = f"{{{quote(resource)}: {float(pool.accelerators_per_node)}}}"
        said += f", {resource} {pool.accelerators_per_node}"
    taints = ", ".join(
        string_map({"key": taint.key, "value": taint.value})
        for taint in pool.taints
        if taint.effect is not TaintEffect.PREFER_NO_SCHEDULE
    )
    fields = {
        "said": quote(f"{said})"),
        "flavor": quote(pool.flavor),
        "labels": string_map(known_labels(platform, pool)),
        "taints": f"[{taints}]",
        "cpu": str(pool.cpu / 1000),
        "memory": f"{float(pool.memory)}",
        "devices": devices,
    }
    return f"{{{', '.join(f'{quote(name)}: dyn({value})' for name, value in fields.items())}}}"


def _flavors(platform: Platform, cluster: Cluster) -> Expr:
    found = [
        f'{{"name": dyn({quote(flavor.name)}), "labels": dyn({string_map(flavor.node_labels)}),'
        f' "device": dyn({quote(platform.accelerators[flavor.accelerator].resource_name)})}}'
        for flavor in cluster.flavors
        if flavor.accelerator is not None
    ]
    return Expr(f"[{', '.join(found)}]")


def _asked(kind: str, resource: str) -> str:
    """CEL: what container `c` requests of a resource, or its limit, defaults included, as a number."""
    given = f"c.?resources.?{kind}s[?{quote(resource)}]"
    if kind == "request":
        given += f".or(c.?resources.?limits[?{quote(resource)}])"
    return number(f'{given}.orValue(dyn(({limit(f"{kind}.{resource}")} + ["0"])[0]))')


def _asked_device(name: str) -> str:
    return number(f'c.?resources.?limits[?{name}].or(c.?resources.?requests[?{name}]).orValue(dyn("0"))')


_INIT: Final = "p.spec.?initContainers.orValue([])"


def _of_pod(amount: str) -> str:
    """CEL: of an amount of container `c`, what pod `p` takes: side by side, or the largest of those that run first."""
    main = f"p.spec.containers.map(c, {amount}).sum()"
    first = f'([0.0] + {_INIT}.filter(c, c.?restartPolicy.orValue("") != "Always").map(c, {amount})).max()'
    beside = f'([0.0] + {_INIT}.filter(c, c.?restartPolicy.orValue("") == "Always").map(c, {amount})).sum()'
    return f"({beside} + [{main}, {first}].max())"


def _fields(kept: Iterable[str], found: Mapping[str, str], of: str = "") -> str:
    """CEL map: fields of `of` that are kept, and further ones."""
    both = [*((name, f"{of}.{name}") for name in kept), *found.items()]
    return f"{{{', '.join(f'{quote(name)}: dyn({value})' for name, value in both)}}}"


# Field by field in several variables: what an expression takes to compile grows with the square of its length.
def _with(before: str, inner: str, kept: Iterable[str], found: Mapping[str, str]) -> str:
    """CEL list: what is known so far, with further fields that are found of its field `inner`, which is called so."""
    return f"variables.{before}.map(v, [v.{inner}].map({inner}, {_fields(kept, found, 'v')})[0])"


_WHICH: Final = {"p": "p", "terms": USABLE_TERMS}
_REQUESTED: Final = {each: _of_pod(_asked("request", each)) for each in ("cpu", "memory")}
_BOUNDED: Final = {f"{each}Limit": _of_pod(_asked("limit", each)) for each in ("cpu", "memory")}
_DEVICES: Final = {
    "devices": f'variables.devices.map(d, {{"name": dyn(d), "amount": dyn({_of_pod(_asked_device("d"))})}})'
    ".filter(d, d.amount > 0.0)"
}


_TOLERATED: Final = (
    "x.taints.all(t, s.p.tolerations.exists(o, o.?key.orValue(t.key) == t.key"
    ' && (o.?operator.orValue("Equal") == "Exists" || o.?value.orValue("") == t.value)))'
)
# Whoever asks for devices gets the tolerations of their flavor with them.
_REACHED: Final = f"(size(s.devices) == 0 ? {_TOLERATED} : x.flavor in variables.flavors)"
_HELD: Final = (
    f"s.cpu <= x.cpu * {SLACK} && s.memory <= x.memory * {SLACK}"
    " && s.devices.all(d, d.amount <= x.devices[?d.name].orValue(0.0))"
)
_FITS: Final = f"{selected('s.terms', 'variables.shapeLabels')} && {_REACHED} && {_HELD}"
# The flavors that the queue would consider, and those of them on whose nodes the pod could not run.
_CONSIDERED: Final = (
    "variables.deviceFlavors.filter(x, x.name in variables.flavors && s.devices.exists(d, d.name == x.device)"
    f" && {selected('s.p.terms', 'variables.flavorLabels')})"
)
_UNFIT: Final = f"v.considered.filter(f, !variables.shapes.exists(x, x.flavor == f.name && {_FITS}))"

_OVER: Final = {
    "cpu": exceeds("s.cpu", "pod.cpu"),
    "memory": exceeds("s.memory", "pod.memory"),
    "limits.cpu": Expr(f"({exceeds('s.cpuLimit', 'pod.cpu')} || {exceeds('s.cpuLimit', 'namespace.limits.cpu')})"),
    "limits.memory": Expr(
        f"({exceeds('s.memoryLimit', 'pod.memory')} || {exceeds('s.memoryLimit', 'namespace.limits.memory')})"
    ),
    "accelerators": Expr(f"s.devices.exists(d, {exceeds('d.amount', 'pod.devices')})"),
}


def _room(flavor: str) -> str:
    """CEL: what the queue can have of a flavor whose name is known at evaluation only."""
    name = f'"queue." + string({flavor}) + "="'
    return f"variables.limits.filter(l, l.startsWith({name})).map(l, {number(f'l.substring(size({name}))')}).sum()"


_WANTED: Final = {
    "cpu": exceeds("s.cpu * double(v.count)", "queue.cpu"),
    "memory": exceeds("s.memory * double(v.count)", "queue.memory"),
    "accelerators": Expr(
        "s.devices.exists(d, d.amount * double(v.count) >"
        f" ([0.0] + v.considered.filter(f, f.device == d.name).map(f, {_room('f.name')})).max())"
    ),
}


def _at_once(amount: str) -> str:
    """CEL: of an amount of the pod of `v`, what all pods have that run at once."""
    return f"variables.weighed.map(v, double(v.count) * double({amount})).sum()"


_DEVICES_AT_ONCE: Final = _at_once("([0.0] + v.s.devices.filter(o, o.name == d).map(o, o.amount)).sum()")
_WRITTEN: Final = number('l.split("=")[1]')
_CROWDED: Final = {
    "pods": exceeds(_at_once("1"), "namespace.pods"),
    **{
        name: exceeds(_at_once(f"v.s.{amount}"), f"namespace.{name}")
        for name, amount in {
            "requests.cpu": "cpu",
            "limits.cpu": "cpuLimit",
            "requests.memory": "memory",
            "limits.memory": "memoryLimit",
        }.items()
    },
    "accelerators": Expr(
        'variables.devices.exists(d, variables.limits.filter(l, l.startsWith("namespace.requests." + d + "="))'
        f".exists(l, {_DEVICES_AT_ONCE} > {_WRITTEN}))"
    ),
}


def _those(found: Mapping[str, str]) -> str:
    """CEL list: the names of the conditions that hold."""
    return " + ".join(f"({holds} ? {string_list([name])} : [])" for name, holds in found.items())


# A device that is not in the catalogue no node of ours has.
_KNOWN: Final = "s.p.asked.all(names, names.all(name, name in variables.devices))"
_SAID: Final = (
    '"cpu " + string(s.cpu) + ", memory " + string(s.memory / 1073741824.0) + "Gi"'
    ' + s.devices.map(d, ", " + string(d.name) + " " + string(d.amount)).join("")'
    " + s.p.asked.map(names, names.filter(name, !(name in variables.devices))).filter(names, size(names) > 0)"
    '.map(names, ", " + string(names[0])).join("")'
)

_SPOKEN: Final = {"s": "s", "at": "s.p.at", "said": _SAID, "count": "int(s.p.count)", "over": _those(_OVER)}
_SOME: Final = f"{_KNOWN} && variables.shapes.exists(x, {_FITS})"
_JUDGED: Final = {
    "unfit": f"{_UNFIT}.map(f, string(f.name))",
    "fit": "v.considered",
    "wanting": _those(_WANTED),
}


def _judged(condition: str, *parts: str) -> str:
    return f"variables.judged.filter(v, {condition}).map(v, {sentence(Expr('v.at'), *parts)})"


def _limits(*prefixes: str) -> Expr:
    """CEL: the limits whose names begin so, as they are written on the namespace."""
    any_of = " || ".join(f"f.startsWith({quote(prefix)})" for prefix in prefixes)
    return Expr(f'variables.limits.filter(f, {any_of}).join(", ")')


_MOST: Final = ", where one pod of this team may have "


def _over(name: str, said: str, amount: str, *limits: str) -> str:
    """CEL list: what the pod of `v` asks for of a resource, and the bound that is below it."""
    bounds = " + ".join(f"{limit(each)}.filter(most, {amount} > {number('most')} * {SLACK})" for each in limits)
    told = f" && !({quote(name.removeprefix('limits.'))} in v.over)" if name.startswith("limits.") else ""
    return f"({quote(name)} in v.over{told} ? [{said} + {quote(_MOST)} + ({bounds})[0]] : [])"


_GIB: Final = "string({} / 1073741824.0) + {}"
_OVER_SAID: Final = " + ".join(
    (
        _over("cpu", 'string(v.s.cpu) + " CPUs"', "v.s.cpu", "pod.cpu"),
        _over("memory", _GIB.format("v.s.memory", quote("Gi of memory")), "v.s.memory", "pod.memory"),
        _over(
            "limits.cpu",
            'string(v.s.cpuLimit) + " CPUs by its limits"',
            "v.s.cpuLimit",
            *("pod.cpu", "namespace.limits.cpu"),
        ),
        _over(
            "limits.memory",
            _GIB.format("v.s.memoryLimit", quote("Gi of memory by its limits")),
            "v.s.memoryLimit",
            *("pod.memory", "namespace.limits.memory"),
        ),
        (
            '("accelerators" in v.over ? '
            f'v.s.devices.filter(d, {exceeds("d.amount", "pod.devices")}).map(d, string(d.amount) + " "'
            f" + string(d.name) + {quote(_MOST)} + {limit('pod.devices')}[0]) : [])"
        ),
    )
)

_TOO_LARGE: Final = Check(
    name="tooLarge",
    message="a pod asks for no more than one pod of the team may have",
    faults=_judged(
        "size(v.over) > 0",
        "spec asks for ",
        Expr(f'({_OVER_SAID}).join(", and for ")'),
        "; ask for less, or spread the work over more pods",
    ),
)

_OPEN: Final = "(size(v.s.devices) == 0 ? size(x.taints) == 0 : x.flavor in variables.flavors)"


def _no_node(platform: Platform, cluster: Cluster) -> Check:
    elsewhere = any(
        policy.name is PolicyName.PLACEMENT_REQUIRED and policy.refuses_everywhere_in(cluster.name)
        for policy in platform.policies
    )
    # That rule says which value is wrong.
    misnamed = f" && size({unknown_values('v.s.p')}) == 0" if elsewhere else ""
    return Check(
        name="noNode",
        message="some node of the cluster holds the pod",
        faults=_judged(
            # A pod that chooses accelerator nodes and asks for none is told so by another rule.
            "size(v.over) == 0 && !v.some"
            f" && !(size(v.s.devices) == 0 && v.s.p.selector.exists(k, k in variables.deviceSelectors)){misnamed}",
            "spec asks for ",
            Expr("v.said"),
            ", and no node that pods of this team may run on holds that",
            Expr('(size(v.s.p.selector) + size(v.s.p.terms) > 0 ? " with this node selector or affinity" : "")'),
            "; there are ",
            Expr(
                f"(variables.shapes.exists(x, {_OPEN})"
                f' ? variables.shapes.filter(x, {_OPEN}).map(x, string(x.said)).join(", ") : (size(v.s.devices) == 0'
                ' ? "none for work without accelerators" : "none for accelerators of this team"))'
            ),
        ),
    )


_WRONG_FLAVOR: Final = Check(
    name="wrongFlavor",
    message="whatever nodes the queue chooses hold the pod",
    faults=_judged(
        "size(v.over) == 0 && v.some && size(v.unfit) > 0",
        "spec asks for ",
        Expr("v.said"),
        ", which nodes of ",
        Expr('v.unfit.join(", ")'),
        " do not hold with this node selector or affinity, and the queue might choose those; select nodes by ",
        Expr(
            "v.fit.filter(f, !(f.name in v.unfit))"
            '.map(f, f.labels.map(k, k + "=" + string(f.labels[k])).join(",")).join(" or ")'
        ),
    ),
)

_TOO_MUCH: Final = Check(
    name="tooMuch",
    message="work asks for no more than its queue can have with all that it may borrow",
    faults=_judged(
        "size(v.over) == 0 && v.some && size(v.wanting) > 0",
        "spec asks for ",
        Expr('string(v.count) + (v.count == 1 ? " pod of " : " pods at once of ") + string(v.said)'),
        ": more ",
        Expr('v.wanting.join(", ")'),
        " than the queue of this team can have with all that it may borrow (",
        _limits("queue."),
        "); run fewer pods at once, or ask the platform team for quota",
    ),
)

_TOO_MANY: Final = Check(
    name="tooMany",
    message="all pods at once fit into their namespace",
    faults=when(
        "size(variables.crowded) > 0 && variables.weighed.all(v, size(v.over) == 0)",
        "spec asks for ",
        Expr(f"string(int({_at_once('1')}))"),
        " pods at once, which together have more ",
        Expr('variables.crowded.join(", ")'),
        " than the namespace of this team may hold (",
        _limits("namespace."),
        "); run fewer pods at once, or ask the platform team for room",
    ),
)
