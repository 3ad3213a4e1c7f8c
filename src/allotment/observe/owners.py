"""Kinds with controllers of their own: where their pod templates stand, and how many pods each makes.

Known kinds are read by their schema; of any other the templates are found by their form.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    for name, count, template in _groups(spec):
        groups.append({"name": name, "count": count, "template": template})
        if len(groups) == _MOST:
            break
    shaped["groups"] = groups
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


def _groups(spec: Body) -> Iterator[tuple[str, int, Body]]:
    """Templates with their names and how many pods each makes, in the order of the spec."""
    yield from _walk(spec, "", 1, 0)


def _walk(value: Any, name: str, times: int, depth: int) -> Iterator[tuple[str, int, Body]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, name, times, depth + 1)
        return
    if not isinstance(value, dict):
        return
    if _is_template(value):
        yield name or "main", times, value
        return
    if _is_leader_worker(value):
        yield from _leader_worker(value, times)
        return
    own = value.get("name") or value.get("groupName")
    name = own if isinstance(own, str) else name
    times *= _count(value)
    for key, each in value.items():
        below = key if key[:1].isupper() or key.endswith("GroupSpec") else name
        yield from _walk(each, below, times, depth + 1)


def _is_template(value: Body) -> bool:
    spec = value.get("spec")
    return isinstance(spec, dict) and isinstance(spec.get("containers"), list)


def _is_leader_worker(value: Body) -> bool:
    return isinstance(value.get("workerTemplate"), dict) and "size" in value


def _leader_worker(value: Body, times: int) -> Iterator[tuple[str, int, Body]]:
    # A group is one leader and size - 1 workers; without a template of its own the leader is made as they are.
    size = value["size"] if isinstance(value["size"], int) else 1
    leader = value.get("leaderTemplate")
    if isinstance(leader, dict):
        yield "leader", times, leader
        yield "worker", times * max(0, size - 1), value["workerTemplate"]
    else:
        yield "worker", times * size, value["workerTemplate"]


def _count(value: Body) -> int:
    for key in ("replicas", "parallelism", "numNodes"):
        found = value.get(key)
        if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
            return found
    return 1
