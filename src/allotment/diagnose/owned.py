"""Work of kinds with controllers of their own, changed where its templates and numbers lie in its spec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case, pod_ready
from allotment.model.explanation import Patch
from allotment.model.observed.pods import Container, Pod, PodSpec, Resources
from allotment.model.observed.work import Owner, PodNumber, TemplateGroup
from allotment.scheduling.snapshot.quantities import units

Step = dict[str, Any]
"""One operation of a JSON patch."""
MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "topologySpreadConstraints": "topologyKey",
    "env": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "conditions": "type",
}
"""Lists that a strategic merge patch merges, and by which field (`patchMergeKey` of core/v1 types)."""
_READ: Final = frozenset(
    each.encode_name for struct in (PodSpec, Container, Resources) for each in msgspec.structs.fields(struct)
)
"""Fields of which it is known whether they stand in a template."""
_MAPS: Final = frozenset({"nodeSelector", "requests", "limits", "labels"})
"""Maps that are read whole."""

_MAIN: Final = "main"
"""PodSet of a kind that has only one."""
TRAINER: Final = "node"
"""PodSet of the pods that a TrainJob counts itself."""


class _UnknownError(Exception):
    """What stands there now is not known, so no patch can be written."""


def group_named(owner: Owner, pod_set: str) -> TemplateGroup | None:
    """The template that a PodSet of its Workload is made of: the one of that name, or the only one."""
    name = pod_set.lower()
    named = (each for each in owner.groups if each.name.lower() in {name, f"{name}groupspec"})
    return next(named, owner.groups[0] if len(owner.groups) == 1 and name == _MAIN else None)


def changed_templates(case: Case, owner: Owner, spec: Mapping[str, Any], pod_set: str = "") -> list[Step] | None:
    """The steps by which the pods change that are meant; None where it is not known where their templates lie.

    Args:
        case: the subject.
        owner: what is changed.
        spec: the part of a pod's spec that changes, as a strategic merge patch.
        pod_set: whose pods are meant; empty = those that wait, or all.
    """
    groups = _meant(case, owner, spec, pod_set)
    return _steps_of(((f"{each.path}/spec", _raw(each.template.spec), spec) for each in groups), groups)


def labelled_templates(owner: Owner, metadata: Mapping[str, Any]) -> list[Step] | None:
    """The steps by which all its pods get labels, or lose annotations."""
    places = ((f"{each.path}/metadata", _raw(each.template.metadata), metadata) for each in owner.groups)
    return _steps_of(places, owner.groups)


def changed_metadata(owner: Owner, metadata: Mapping[str, Any]) -> list[Step] | None:
    """The steps by which the work's own labels change."""
    return _steps_of([("/metadata", _raw(owner.metadata), metadata)], owner.groups)


def fewer_pods(owner: Owner, pod_set: str, count: int, fit: int) -> tuple[str, int, int, list[Step]] | None:
    """How many pods of a PodSet it is to have: the field, its number before and after, and the steps.

    Args:
        owner: the work.
        pod_set: whose pods are too many.
        count: pods that the PodSet has.
        fit: pods that there is room for, at least one.
    """
    found: list[tuple[int, int, PodNumber, int]] = []
    group = group_named(owner, pod_set)
    numbers = () if group is None else group.numbers
    if not owner.groups and pod_set == TRAINER and owner.nodes is not None:
        numbers = (owner.nodes,)
    whole = prod(each.value - each.beside for each in numbers)
    if not numbers or whole != count:
        return None
    for place, each in enumerate(numbers):
        own = each.value - each.beside
        rest = whole // own if own else 0
        fewer = fit // rest if rest else 0
        if 0 < fewer < own:
            found.append((fewer * rest, -place, each, fewer + each.beside))
    if not found:
        return None
    _, _, number, value = max(found, key=lambda each: each[:2])
    steps = [{"op": "replace", "path": path, "value": value} for path in (number.path, *number.twins)]
    return number.path.rpartition("/")[2], number.value, value, steps


def suspension(owner: Owner) -> str:
    """The field of a kind by which it is suspended."""
    return "runPolicy.suspend" if owner.kind in {"MPIJob", "PyTorchJob", "TFJob"} else "suspend"


def as_read(owner: Owner, patch: Patch) -> Patch:
    """A patch of the object as a patch of what was read of it."""
    if isinstance(patch.body, list):
        return Patch(patch.op, [step for each in patch.body for step in _read_step(owner, each)])
    if not isinstance(patch.body, dict) or not isinstance(patch.body.get("spec"), dict):
        return patch
    spec = patch.body["spec"]
    said = (spec.get("runPolicy") or {}).get("suspend", spec.get("suspend"))
    rest = {key: each for key, each in patch.body.items() if key != "spec"}
    return Patch(patch.op, rest if said is None else {**rest, "suspend": said})


def recounted(owner: Owner) -> Owner:
    """With the counts that follow from its numbers."""
    groups = tuple(
        msgspec.structs.replace(
            each, count=max(1, each.copies) * prod(number.value - number.beside for number in each.numbers)
        )
        if each.numbers
        else each
        for each in owner.groups
    )
    return msgspec.structs.replace(owner, groups=groups)


def _read_step(owner: Owner, step: Step) -> Iterator[Step]:
    path = step["path"]
    if path in {"/spec/suspend", "/spec/runPolicy/suspend"}:
        yield {**step, "path": "/suspend"}
    if owner.nodes is not None and path == owner.nodes.path:
        yield {**step, "path": "/nodes/value"}
    for place, group in enumerate(owner.groups):
        if group.path and path.startswith(f"{group.path}/"):
            yield {**step, "path": f"/groups/{place}/template{path[len(group.path) :]}"}
        for at, number in enumerate(group.numbers):
            if path == number.path:
                yield {"op": "add", "path": f"/groups/{place}/numbers/{at}/value", "value": step["value"]}
    if not path.startswith("/spec/"):
        yield step


def _meant(case: Case, owner: Owner, spec: Mapping[str, Any], pod_set: str) -> tuple[TemplateGroup, ...]:
    if len(owner.groups) == 1:
        return owner.groups
    if pod_set:
        one = group_named(owner, pod_set)
        return () if one is None else (one,)
    waiting = case.waiting_pods or [pod for pod in case.pods if not pod.ended and not pod_ready(pod)]
    groups = [each for each in owner.groups if not waiting or any(_made_of(each, pod) for pod in waiting)]
    changed = [part for key in ("containers", "initContainers") for part in spec.get(key, ())]
    return tuple(each for each in groups if all(_gets_less(each, part) for part in changed))


def _made_of(group: TemplateGroup, pod: Pod) -> bool:
    """Whether a pod is of a template: it asks for the same by the same names."""
    spec = group.template.spec
    there = {each.name: each.resources for each in (*pod.spec.containers, *pod.spec.init_containers)}
    return all(
        each.name in there and each.resources.requests.items() <= there[each.name].requests.items()
        for each in (*spec.containers, *spec.init_containers)
    )


def _gets_less(group: TemplateGroup, change: Mapping[str, Any]) -> bool:
    """Whether a change of a container is one of this template: it is there, and does not ask for more with it."""
    spec = group.template.spec
    container = next((each for each in (*spec.containers, *spec.init_containers) if each.name == change["name"]), None)
    if container is None:
        return False
    asked = {**container.resources.limits, **container.resources.requests}
    requests = (change.get("resources") or {}).get("requests") or {}
    return all(
        amount is None or units(resource, amount) <= units(resource, asked.get(resource, 0))
        for resource, amount in requests.items()
    )


def _raw(value: object) -> Step:
    found: Step = msgspec.json.decode(msgspec.json.encode(value))
    return found


def _steps_of(
    places: Iterable[tuple[str, Step, Mapping[str, Any]]], groups: Sequence[TemplateGroup]
) -> list[Step] | None:
    if not groups or not all(each.path for each in groups):
        return None
    try:
        return [step for path, there, change in places for step in _steps(path, there, change)]
    except _UnknownError:
        return None


def _steps(path: str, there: Step, change: Mapping[str, Any]) -> Iterator[Step]:
    is_map = path.rpartition("/")[2] in _MAPS
    for key, each in change.items():
        at = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        now = there.get(key)
        if each is None:
            if now is not None:
                yield {"op": "remove", "path": at}
        elif isinstance(each, dict) and isinstance(now, dict):
            yield from _steps(at, now, each)
        elif isinstance(each, list) and key in MERGE_KEYS and isinstance(now, list):
            yield from _steps_in_list(at, now, each, MERGE_KEYS[key])
        elif isinstance(each, dict) and not is_map and key not in _READ | _MAPS:
            raise _UnknownError(at)
        else:
            yield {"op": "add", "path": at, "value": _without_nothing(each)}


def _steps_in_list(path: str, there: list[Step], change: list[Step], key: str) -> Iterator[Step]:
    gone: list[int] = []
    for each in change:
        at = next((place for place, other in enumerate(there) if other.get(key) == each.get(key)), None)
        if at is None:
            yield {"op": "add", "path": f"{path}/-", "value": _without_nothing(each)}
        elif each.get("$patch") == "delete":
            gone.append(at)
        else:
            # Places in a list are only good for as long as the list is what it was.
            yield {"op": "test", "path": f"{path}/{at}/{key}", "value": each[key]}
            yield from _steps(f"{path}/{at}", there[at], {name: new for name, new in each.items() if name != key})
    for at in sorted(gone, reverse=True):
        yield {"op": "test", "path": f"{path}/{at}/{key}", "value": there[at][key]}
        yield {"op": "remove", "path": f"{path}/{at}"}


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(each) for key, each in value.items() if each is not None and key != "$patch"}
    return [_without_nothing(each) for each in value] if isinstance(value, list) else value
