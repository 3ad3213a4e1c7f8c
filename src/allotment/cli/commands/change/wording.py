"""Fields of objects in the words of who runs a cluster: ``a100-reserved GPUs`` for a path of nine parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.model.devices import device_words
from allotment.model.manifest import Body
from allotment.plan.changes import Contested
from allotment.plan.compare import same_quantity
from allotment.plan.difference import ABSENT, FieldChange

_PLAIN: Final = {"cpu": "CPU", "memory": "memory", "pods": "pods", "ephemeral-storage": "ephemeral storage"}
_BESIDE: Final = frozenset({"pods", "ephemeral storage"})
"""Amounts of a queue that follow from others, or are as good as endless."""

_LIMITS: Final = {"nominalQuota": "", "borrowingLimit": ", may borrow", "lendingLimit": ", may lend"}
_COUNTED: Final = {
    "requests.cpu": "CPU requests",
    "limits.cpu": "CPU limits",
    "requests.memory": "memory requests",
    "limits.memory": "memory limits",
    "requests.storage": "storage",
    "persistentvolumeclaims": "claims",
}
_RANGES: Final = {"default": "default limit", "defaultRequest": "default request", "max": "most", "min": "least"}
_MODES: Final = {
    frozenset({"Deny", "Audit"}): "enforce",
    frozenset({"Warn", "Audit"}): "warn",
    frozenset({"Audit"}): "audit",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A change of a field, or of what several fields say together.

    Attributes:
        what: the field in words, or its path.
        in_words: whether it is no path.
        change: the old and the new value, and who set the old one.
    """

    what: str
    in_words: bool
    change: FieldChange


def told(body: Body, fields: Sequence[FieldChange]) -> Iterator[Told]:
    """The changes of one object, in words where there are some."""
    kind = body["kind"]
    mode = _mode_change(body, fields) if kind in _BINDINGS else None
    if mode is not None:
        yield Told("mode", True, mode)
    renamed = any(re.fullmatch(_NAME, field.field) for field in fields)
    for field in fields:
        if mode is not None and field.field.startswith(_ACTIONS):
            continue
        if kind == "ClusterQueue" and field.field.startswith(_GROUPS):
            # Where a flavor takes another's place in the list, a position says nothing about the value before.
            yield from [Told(field.field, False, field)] if renamed else _quotas(body, field)
        else:
            words = field_words(body, field.field)
            yield Told(words or field.field, bool(words), field)


def told_contested(body: Body, contested: Contested) -> Iterator[Told]:
    """A field that somebody else holds, from what is declared to what is live; a queue's quota amount by amount."""
    change = FieldChange((), contested.desired, contested.live, contested.manager, contested.since)
    if body["kind"] == "ClusterQueue" and contested.field == _GROUPS:
        yield from _quotas(body, replace(change, path=("f:spec", "f:resourceGroups")))
    else:
        words = field_words(body, contested.field)
        yield Told(words or contested.field, bool(words), change)


def field_words(body: Body, field: str) -> str:
    """A field in words; empty where its path says it best."""
    for pattern, words in (*_FIELDS.get(body["kind"], ()), *_ANYWHERE):
        found = re.fullmatch(pattern, field)
        if found:
            return words(body, found) if callable(words) else words
    return ""


def gist(body: Body) -> str:
    """What a new object is about: how much a queue has, whom a binding lets in; empty for most kinds."""
    match body["kind"]:
        case "ClusterQueue":
            amounts = _amounts(body, body["spec"].get("resourceGroups") or [])
            given = {words: value for words, value in amounts.items() if "," not in words and words not in _BESIDE}
            return ", ".join(f"{words} {value}" for words, value in given.items())
        case "RoleBinding":
            names = ", ".join(subject["name"] for subject in body.get("subjects") or ())
            return f"{_role(body)} for {names}" if names else ""
        case "PersistentVolumeClaim":
            return str(body["spec"].get("resources", {}).get("requests", {}).get("storage", ""))
        case kind if kind in _BINDINGS:
            actions = frozenset(body.get("spec", {}).get("validationActions") or ())
            return _MODES.get(actions, "")
        case _:
            return ""


def resource_words(resource: str) -> str:
    """``GPUs``, ``memory``, ``MIG 1g.10gb``; the name itself where there is no better word."""
    return device_words(resource) or _PLAIN.get(resource) or resource


def _quotas(body: Body, field: FieldChange) -> Iterator[Told]:
    """A change inside of a queue's resource groups, amount by amount."""
    one = re.fullmatch(_AMOUNT, field.field)
    if one:
        groups = body["spec"]["resourceGroups"]
        flavor = groups[int(one["group"])]["flavors"][int(one["flavor"])]
        resource = flavor["resources"][int(one["resource"])]["name"]
        yield Told(_amount_words(body, flavor["name"], resource, one["limit"]), True, field)
        return
    before, after = (_amounts(body, _as_groups(body, field.field, value)) for value in (field.old, field.new))
    changes = [
        FieldChange(field.path, before.get(words, "none"), after.get(words, "none"), field.by, field.since)
        for words in (*after, *(words for words in before if words not in after))
    ]
    words_of = [*after, *(words for words in before if words not in after)]
    said = [Told(words, True, each) for words, each in zip(words_of, changes, strict=True) if not _same(each)]
    covered = field_words(body, field.field)
    yield from said or [Told(covered or field.field, bool(covered), field)]


def _same(change: FieldChange) -> bool:
    """4 and "4" are one amount, as 1000m and 1 are."""
    return bool(change.old == change.new) or same_quantity(change.old, change.new)


def _as_groups(body: Body, field: str, value: Any) -> list[Any]:
    """A value from inside of the resource groups as groups of its own."""
    if value is ABSENT or not isinstance(value, list):
        return []
    if field == _GROUPS:
        return value
    if re.fullmatch(_FLAVORS, field):
        return [{"flavors": value}]
    inside = re.fullmatch(_RESOURCES, field)
    if inside:
        flavor = body["spec"]["resourceGroups"][int(inside["group"])]["flavors"][int(inside["flavor"])]
        return [{"flavors": [{"name": flavor["name"], "resources": value}]}]
    return []


def _amounts(body: Body, groups: Sequence[Body]) -> dict[str, Any]:
    return {
        _amount_words(body, flavor["name"], resource["name"], limit): resource[limit]
        for group in groups
        for flavor in group.get("flavors") or ()
        for resource in flavor.get("resources") or ()
        for limit in _LIMITS
        if limit in resource
    }


def _amount_words(body: Body, flavor: str, resource: str, limit: str) -> str:
    groups = body["spec"].get("resourceGroups") or ()
    flavors = {each["name"] for group in groups if resource in group["coveredResources"] for each in group["flavors"]}
    alone = resource in _PLAIN and flavors <= {flavor}
    return f"{'' if alone else f'{flavor} '}{resource_words(resource)}{_LIMITS[limit]}"


def _mode_change(body: Body, fields: Sequence[FieldChange]) -> FieldChange | None:
    """The mode of a policy's binding before and after, told from the actions that come and go."""
    moved = [field for field in fields if field.field.startswith(_ACTIONS)]
    if not moved:
        return None
    after = set(body["spec"].get("validationActions") or ())
    whole = next((field for field in moved if field.field == _ACTIONS), None)
    if whole is not None:
        before = set(whole.old) if isinstance(whole.old, list) else set()
    else:
        came = {field.new for field in moved if field.old is ABSENT}
        went = {field.old for field in moved if field.new is ABSENT}
        changed = [field for field in moved if ABSENT not in (field.old, field.new)]
        before = after - came - {field.new for field in changed} | went | {field.old for field in changed}
    modes = _MODES.get(frozenset(before)), _MODES.get(frozenset(after))
    if None in modes or modes[0] == modes[1]:
        return None
    return FieldChange(moved[0].path, *modes, moved[0].by, moved[0].since)


def _role(body: Body) -> str:
    return str(body["roleRef"]["name"]).removeprefix("allotment-")


def _access(body: Body, _found: re.Match[str]) -> str:
    return f"access as {_role(body)}"


def _hard(_body: Body, found: re.Match[str]) -> str:
    resource = found[1]
    if resource.startswith("count/"):
        return f"number of {resource.removeprefix('count/')}"
    return _COUNTED.get(resource) or resource_words(resource.removeprefix("requests."))


def _range(body: Body, found: re.Match[str]) -> str:
    what = str(body["spec"]["limits"][int(found[1])]["type"]).lower()
    return f"{_RANGES[found[2]]} {resource_words(found[3])} of a {what}"


_ACTIONS: Final = ".spec.validationActions"
_BINDINGS: Final = ("ValidatingAdmissionPolicyBinding",)
_GROUPS: Final = ".spec.resourceGroups"
_FLAVORS: Final = r"\.spec\.resourceGroups\[\d+\]\.flavors"
_RESOURCES: Final = r"\.spec\.resourceGroups\[(?P<group>\d+)\]\.flavors\[(?P<flavor>\d+)\]\.resources"
_AMOUNT: Final = _RESOURCES + r"\[(?P<resource>\d+)\]\.(?P<limit>nominalQuota|borrowingLimit|lendingLimit)"
_NAME: Final = r"\.spec\.resourceGroups\[.*\]\.name"

Words = str | Callable[[Body, re.Match[str]], str]

_PRIORITY: Final[tuple[tuple[str, Words], ...]] = ((r"\.value", "priority"),)
_WEIGHT: Final[tuple[str, Words]] = (r"\.spec\.fairSharing\.weight", "fair-share weight")
_FIELDS: Final[Mapping[str, tuple[tuple[str, Words], ...]]] = {
    "ClusterQueue": (
        _WEIGHT,
        (r"\.spec\.(?:cohort|cohortName)", "cohort"),
        (r"\.spec\.stopPolicy", "stop policy"),
        (r"\.spec\.queueingStrategy", "queueing strategy"),
        (r"\.spec\.fairSharing", "fair sharing"),
        (r"\.spec\.namespaceSelector(?:\..+)?", "namespaces whose work it takes"),
        (r"\.spec\.preemption\.reclaimWithinCohort", "preemption, reclaim within cohort"),
        (r"\.spec\.preemption\.borrowWithinCohort(?:\..+)?", "preemption, borrow within cohort"),
        (r"\.spec\.preemption\.withinClusterQueue", "preemption within the queue"),
        (r"\.spec\.flavorFungibility\.whenCanBorrow", "flavor fungibility, when it can borrow"),
        (r"\.spec\.flavorFungibility\.whenCanPreempt", "flavor fungibility, when it can preempt"),
        (r"\.spec\.resourceGroups\[\d+\]\.coveredResources", "counted resources"),
    ),
    "ResourceFlavor": (
        (r"\.spec\.nodeLabels(?:\.(.+))?", lambda _body, found: f"nodes by label {found[1] or ''}".rstrip()),
        (r"\.spec\.nodeTaints", "taints of its nodes"),
        (r"\.spec\.tolerations", "tolerations that its work gets"),
    ),
    "Cohort": (_WEIGHT, (r"\.spec\.parentName", "parent cohort")),
    "LocalQueue": (_WEIGHT, (r"\.spec\.stopPolicy", "stop policy")),
    "ResourceQuota": ((r"\.spec\.hard\.(.+)", _hard),),
    "LimitRange": ((r"\.spec\.limits\[(\d+)\]\.(default|defaultRequest|max|min)\.(.+)", _range),),
    "RoleBinding": ((r"\.subjects(?:\[\d+\]\.name)?", _access),),
    "PersistentVolumeClaim": (
        (r"\.spec\.resources\.requests\.storage", "size"),
        (r"\.spec\.storageClassName", "storage class"),
    ),
    "PriorityClass": _PRIORITY,
    "WorkloadPriorityClass": _PRIORITY,
}
_ANYWHERE: Final[tuple[tuple[str, Words], ...]] = (
    (r"\.metadata\.labels\.(.+)", lambda _body, found: f"label {found[1]}"),
    (r"\.metadata\.annotations\.(.+)", lambda _body, found: f"annotation {found[1]}"),
)
