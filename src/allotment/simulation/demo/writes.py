"""What is to be changed in a cluster that is made up; who carries it out finds it in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.manifest import Body, ObjectKey
from allotment.model.moments import written
from allotment.model.observed.base import Condition, Object

KUEUE: Final = "kueue.x-k8s.io/v1beta2"
BATCH: Final = "batch/v1"
CORE: Final = "v1"


@dataclass(frozen=True, slots=True)
class MakeObject:
    """An object comes."""

    body: Body


@dataclass(frozen=True, slots=True)
class PatchObject:
    """An object changes.

    Attributes:
        patch: a JSON merge patch.
        part: subresource; empty for the object itself.
    """

    api_version: str
    key: ObjectKey
    patch: Body
    part: str = ""


@dataclass(frozen=True, slots=True)
class DropObject:
    """An object goes, with what it made."""

    api_version: str
    key: ObjectKey
    uid: str


Write = MakeObject | PatchObject | DropObject


def key_in(api_version: str, kind: str, of: Object) -> ObjectKey:
    """Where an object of a kind lies."""
    group, slash, _ = api_version.partition("/")
    return ObjectKey(group if slash else "", kind, of.namespace, of.name)


def status_of(api_version: str, kind: str, of: Object, status: Mapping[str, Any]) -> PatchObject:
    """A change of its status."""
    return PatchObject(api_version, key_in(api_version, kind, of), {"status": status}, "status")


def conditions_with(known: tuple[Condition, ...], now: int, *new: Condition) -> list[dict[str, str]]:
    """Conditions with some of them set; one that keeps its status keeps its time.

    Args:
        known: those there are.
        now: milliseconds since the epoch.
        new: those that are set.
    """
    before = {each.type: each for each in known}
    merged = {**before, **{each.type: each for each in new}}
    return [
        {
            "type": each.type,
            "status": each.status,
            "reason": each.reason,
            "message": each.message,
            "lastTransitionTime": _since(before.get(each.type), each, now),
        }
        for each in merged.values()
    ]


def _since(before: Condition | None, now_is: Condition, now: int) -> str:
    if before is not None and before.status == now_is.status and before.last_transition_time:
        return before.last_transition_time
    return now_is.last_transition_time or written(now)


def set_true(kind: str, reason: str, message: str = "") -> Condition:
    """A condition that holds from now on."""
    return Condition(type=kind, status="True", reason=reason, message=message)


def set_false(kind: str, reason: str, message: str = "") -> Condition:
    """A condition that does not hold from now on."""
    return Condition(type=kind, status="False", reason=reason, message=message)


def owned_by(api_version: str, kind: str, of: Object) -> list[dict[str, Any]]:
    """References to an object as the controller of another."""
    return [{"apiVersion": api_version, "kind": kind, "name": of.name, "uid": of.metadata.uid, "controller": True}]
