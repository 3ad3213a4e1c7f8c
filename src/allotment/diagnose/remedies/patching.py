"""A patch applied to a raw object, as the API server would: JSON merge patch, JSON patch, strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from allotment.diagnose.owned import MERGE_KEYS
from allotment.model.explanation import Patch, PatchOp


class PatchError(ValueError):
    """The patch does not fit the object: a path is not there."""


def patched(raw: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The object with the patch applied; the one given stays as it is.

    Raises:
        PatchError: a JSON patch names what is not there.
    """
    whole = copy.deepcopy(raw)
    if patch.op is PatchOp.JSON or isinstance(patch.body, list):
        for step in patch.body:
            _step(whole, step)
        return whole
    result: dict[str, Any] = _merged(whole, patch.body, strategic=patch.op in {PatchOp.STRATEGIC, PatchOp.RESUBMIT})
    return result


def _merged(value: Any, change: Any, *, strategic: bool) -> Any:
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(value) if isinstance(value, dict) else {}
    for key, each in change.items():
        if each is None:
            result.pop(key, None)
        elif strategic and isinstance(each, list) and key in MERGE_KEYS:
            result[key] = _merged_list(result.get(key), each, MERGE_KEYS[key])
        else:
            result[key] = _merged(result.get(key), each, strategic=strategic)
    return result


def _merged_list(value: Any, change: list[Any], key: str) -> list[Any]:
    result = list(value) if isinstance(value, list) else []
    for each in change:
        at = next((i for i, other in enumerate(result) if other.get(key) == each.get(key)), None)
        if each.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(copy.deepcopy(each))
        else:
            result[at] = _merged(result[at], each, strategic=True)
    return result


def _step(whole: Any, step: dict[str, Any]) -> None:
    path = [part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]]
    parent = whole
    for part in path[:-1]:
        parent = _child(parent, part, make=step["op"] == "add")
    last = path[-1]
    if step["op"] == "test":
        there = _child(parent, last, make=False)
        if there != step["value"]:
            raise PatchError(f"something else at {step['path']}")
    elif isinstance(parent, list):
        _step_in_list(parent, last, step)
    elif step["op"] == "remove":
        if last not in parent:
            raise PatchError(f"nothing at {step['path']}")
        del parent[last]
    else:
        parent[last] = copy.deepcopy(step["value"])


def _step_in_list(parent: list[Any], last: str, step: dict[str, Any]) -> None:
    if step["op"] == "add":
        parent.insert(len(parent) if last == "-" else int(last), copy.deepcopy(step["value"]))
        return
    if int(last) >= len(parent):
        raise PatchError(f"nothing at {step['path']}")
    if step["op"] == "remove":
        del parent[int(last)]
    else:
        parent[int(last)] = copy.deepcopy(step["value"])


def _child(parent: Any, part: str, *, make: bool) -> Any:
    if isinstance(parent, list):
        if not part.isdigit() or int(part) >= len(parent):
            raise PatchError(f"nothing at {part}")
        return parent[int(part)]
    if part not in parent:
        # Structs leave out what has its default, so a parent that the cluster has may be missing here.
        if not make:
            raise PatchError(f"nothing at {part}")
        parent[part] = {}
    return parent[part]
