"""Kinds with controllers of their own: where their pod templates stand, and how many pods each makes.

Known kinds are read by their schema; of any other the templates are found by their form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.model.manifest import Body

_DEEPEST: Final = 8
_MOST: Final = 64
"""Templates of one object that are read; the JobSet API itself allows fewer groups."""


def shaped_owner(raw: Body) -> Body:
    """The object with `suspend` and `groups` in the place of its spec."""
    spec = raw.get("spec")
    shaped = {key: value for key, value in raw.items() if key != "spec"}
    if not isinstance(spec, dict):
        return shaped
    suspend = _suspended(str(raw.get("kind")), spec)
    if suspend is not None:
        shaped["suspend"] = suspend
    groups = []
    for group in _walk(spec, _OwnerPlace("/spec"), 0):
        groups.append(group)
        if len(groups) == _MOST:
            break
    shaped["groups"] = groups
    trainer = spec.get("trainer")
    if not groups and isinstance(trainer, dict) and _is_count(trainer.get("numNodes")):
        shaped["nodes"] = {"path": "/spec/trainer/numNodes", "value": trainer["numNodes"]}
    shaped["status"] = _status(raw.get("status"))
    return shaped


def _suspended(kind: str, spec: Body) -> bool | None:
    policy = spec.get("runPolicy")
    for place in (spec, policy):
        if isinstance(place, dict) and isinstance(place.get("suspend"), bool):
            return bool(place["suspend"])
    return False if kind in {"JobSet", "RayJob", "RayCluster", "TrainJob", "MPIJob", "PyTorchJob", "TFJob"} else None


def _status(status: Any) -> Body:
    if not isinstance(status, dict):
        return {}
    words = ("jobStatus", "jobDeploymentStatus", "state", "phase", "message", "reason")
    shaped = {key: status[key] for key in words if isinstance(status.get(key), str)}
    if isinstance(status.get("conditions"), list):
        shaped["conditions"] = status["conditions"]
    return shaped


@dataclass(frozen=True, slots=True)
class _OwnerPlace:
    """Where the walk is: by which name, and the numbers that it passed."""

    path: str
    name: str = ""
    times: int = 1
    numbers: tuple[Body, ...] = ()
    after: tuple[Body, ...] = ()

    def below(self, key: str | int, name: str = "") -> _OwnerPlace:
        step = str(key).replace("~", "~0").replace("/", "~1")
        return replace(self, path=f"{self.path}/{step}", name=name or self.name)

    def group(self, name: str, count: int, template: Body) -> Body:
        found = {"name": name, "count": count, "template": template, "path": self.path, "numbers": self.numbers}
        return {**found, "after": self.after} if self.after else found


def _walk(value: Any, at: _OwnerPlace, depth: int) -> Iterator[Body]:
    """Templates with their names and how many pods each makes, in the order of the spec."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _walk(each, at.below(place), depth + 1)
        return
    if not isinstance(value, dict):
        return
    if _is_template(value):
        yield at.group(at.name or "main", at.times, value)
        return
    if _is_leader_worker(value):
        yield from _leader_worker(value, at)
        return
    own = value.get("name") or value.get("groupName")
    at = _counted(value, replace(at, name=own if isinstance(own, str) else at.name, after=_after(value) or at.after))
    for key, each in value.items():
        yield from _walk(each, at.below(key, key if key[:1].isupper() or key.endswith("GroupSpec") else ""), depth + 1)


def _is_template(value: Body) -> bool:
    spec = value.get("spec")
    return isinstance(spec, dict) and isinstance(spec.get("containers"), list)


def _is_leader_worker(value: Body) -> bool:
    return isinstance(value.get("workerTemplate"), dict) and "size" in value


def _leader_worker(value: Body, at: _OwnerPlace) -> Iterator[Body]:
    # A group is one leader and size - 1 workers; without a template of its own the leader is made as they are.
    size = value["size"] if isinstance(value["size"], int) else 1
    leader = value.get("leaderTemplate")
    beside = 1 if isinstance(leader, dict) else 0
    number = {"path": f"{at.path}/size", "value": size, "beside": beside}
    copies = {"copies": max(1, at.times)}
    if isinstance(leader, dict):
        yield {**replace(at, numbers=()).below("leaderTemplate").group("leader", at.times, leader), **copies}
    workers = replace(at, numbers=(number,)).below("workerTemplate")
    yield {**workers.group("worker", at.times * max(0, size - beside), value["workerTemplate"]), **copies}


def _counted(value: Body, at: _OwnerPlace) -> _OwnerPlace:
    """The place with the number that stands in an object, and those that have to be the same."""
    for key in ("replicas", "parallelism", "numNodes"):
        found = value.get(key)
        if not isinstance(found, int) or not _is_count(found):
            continue
        twins = [f"{at.path}/{twin}" for twin in ("completions", "minReplicas") if value.get(twin) == found]
        number = {"path": f"{at.path}/{key}", "value": found, "twins": twins}
        return replace(at, times=at.times * found, numbers=(*at.numbers, number))
    return at


def _after(value: Body) -> tuple[Body, ...]:
    """Groups of a JobSet that have to have come so far before this one is made."""
    listed = value.get("dependsOn")
    return tuple(
        {"name": each["name"], "status": each["status"]}
        for each in (listed if isinstance(listed, list) else [])
        if isinstance(each, dict) and isinstance(each.get("name"), str) and isinstance(each.get("status"), str)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
