"""One raw object → its struct. What is damaged is dropped as small as can be, and said; the rest is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.model.decoding import converted
from allotment.model.manifest import Body
from allotment.model.observed.base import Part
from allotment.model.observed.nodes import ResourceSlice
from allotment.model.observed.queueing import ClusterQueue, Cohort, Workload
from allotment.model.observed.work import Owner
from allotment.model.salvage import UnreadableObject
from allotment.observe.anonymous import unmarked
from allotment.observe.kinds import BY_KIND, ObservedKind
from allotment.observe.owners import shaped_owner

_STEPS: Final = re.compile(r"\.([A-Za-z_$][\w$-]*)|\[(\d+|\.\.\.)\]")
_MOST_FAULTS: Final = 8
"""Parts of one object that are dropped before the object is: one that is broken in more places says nothing."""
_FUNGIBILITY: Final = {"Borrow": "MayStopSearch", "Preempt": "MayStopSearch"}
"""What `v1beta1` called stopping at a flavor (kueue apis/kueue/v1beta1/clusterqueue_types.go)."""

_MISSPELT: Final = "accumulatedPastExexcutionTimeSeconds"
"""As `v1beta1` has it (kueue apis/kueue/v1beta1/workload_types.go)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of an object that could not be read."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class ReadObject:
    """What became of a raw object: None where nothing of it could be used."""

    kind: ObservedKind
    value: Part | None
    faults: tuple[Fault, ...] = ()


def kind_of_raw(raw: Body) -> ObservedKind | None:
    """Which line of the table a raw object belongs to; None for kinds that are not read."""
    version, kind = raw.get("apiVersion"), raw.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return None
    group, slash, _ = version.partition("/")
    return BY_KIND.get((group if slash else "", kind))


def read_object(kind: ObservedKind, raw: Body, version: str = "") -> ReadObject:
    """Read one object; objects in a list may lack kind and version, which are then the list's.

    Args:
        kind: its line in the table.
        raw: as the API server sent it; is not changed.
        version: group and version of the list.
    """
    if isinstance(raw, UnreadableObject):
        return ReadObject(kind, None, (Fault("", raw.why),))
    value, faults = read_shaped(kind.struct, _shaped(kind, raw, version))
    return ReadObject(kind, unmarked(value), faults)


def read_shaped(struct: type[Part], shaped: Body) -> tuple[Part | None, tuple[Fault, ...]]:
    """The same of an object that already has the shape of its struct, and what is wrong with it."""
    try:
        return converted(shaped, struct, strict=False), ()
    except (msgspec.ValidationError, RecursionError):
        return _without_faults(struct, shaped)


def _shaped(kind: ObservedKind, raw: Body, version: str) -> Body:
    """The object in the shape that its struct has, without changing what was sent."""
    shaped = dict(raw)
    shaped.setdefault("kind", kind.kind)
    shaped.setdefault("apiVersion", version or kind.versions[0])
    if kind.struct is Owner:
        return shaped_owner(shaped)
    spec = shaped.get("spec")
    if not isinstance(spec, dict):
        return shaped
    if kind.struct is ClusterQueue:
        shaped["spec"] = _cluster_queue(spec)
    elif kind.struct is Cohort and "parent" in spec:
        shaped["spec"] = {"parentName": spec["parent"], **spec}
    elif kind.struct is ResourceSlice:
        shaped["spec"] = _resource_slice(spec)
    elif kind.struct is Workload:
        status = shaped.get("status")
        if isinstance(status, dict) and _MISSPELT in status:
            shaped["status"] = {"accumulatedPastExecutionTimeSeconds": status[_MISSPELT], **status}
    return shaped


def _cluster_queue(spec: Body) -> Body:
    renamed = dict(spec)
    if "cohort" in spec:
        renamed.setdefault("cohortName", spec["cohort"])
    fungibility = spec.get("flavorFungibility")
    if isinstance(fungibility, dict):
        renamed["flavorFungibility"] = {
            key: _FUNGIBILITY.get(value, value) if isinstance(value, str) else value
            for key, value in fungibility.items()
        }
    return renamed


def _resource_slice(spec: Body) -> Body:
    """In `v1beta1` what is said of a device stands in a field of its own."""
    devices = spec.get("devices")
    if not isinstance(devices, list):
        return spec
    flat = [
        {**each["basic"], **each} if isinstance(each, dict) and isinstance(each.get("basic"), dict) else each
        for each in devices
    ]
    return {**spec, "devices": flat}


def _without_faults(struct: type[Part], shaped: Body) -> tuple[Part | None, tuple[Fault, ...]]:
    """Read it once more without what nobody wrote (nulls), then without each part that cannot be."""
    faults: list[Fault] = []
    try:
        rest: Any = _without_nulls(shaped)
    except RecursionError:
        return None, (Fault("", "nested too deeply"),)
    while len(faults) <= _MOST_FAULTS:
        try:
            return converted(rest, struct, strict=False), tuple(faults)
        except RecursionError:
            faults.append(Fault("", "nested too deeply"))
            break
        except msgspec.ValidationError as error:
            why, _, where = str(error).partition(" - at `$")
            where = where.rstrip("`").lstrip(".")
            faults.append(Fault(where, why))
            if not where or where.startswith("metadata.name") or not _drop(rest, where):
                break
    return None, tuple(faults)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value if each is not None]
    return value


def _drop(value: Any, where: str) -> bool:
    """Take out what a path names; of a map whose key the path does not tell, the whole map."""
    steps = list(_steps(where))
    if "..." in steps:
        steps = steps[: steps.index("...")]
    if not steps:
        return False
    for step in steps[:-1]:
        if not _has(value, step):
            return False
        value = value[step]
    if not _has(value, steps[-1]):
        return False
    del value[steps[-1]]
    return True


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _steps(where: str) -> Iterator[str | int]:
    for found in _STEPS.finditer("." + where if not where.startswith("[") else where):
        name, index = found[1], found[2]
        yield name if name is not None else "..." if index == "..." else int(index)
