"""What somebody added to an object of ours, beside the fields that we declare.

Server-side apply leaves such fields alone: they are theirs. But a match condition more can switch a policy off, and a
parameter, a scope or a key of a quota more can empty a guardrail without touching one declared field. So objects of the
kinds below are ours whole: an addition is drift, and is taken out where contested fields are taken over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.plan.compare import SERVER_DEFAULTS, is_empty
from allotment.plan.fields import Path, Tree, is_set, item_token, list_keys, set_token

WHOLE: Final = frozenset(
    {
        "ClusterQueue", "ClusterRole", "ClusterRoleBinding", "Cohort", "LimitRange", "LocalQueue",
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "Namespace", "NetworkPolicy", "PriorityClass",
        "ResourceFlavor", "ResourceQuota", "Role", "RoleBinding", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "WorkloadPriorityClass",
    }
)  # fmt: skip
"""Kinds that nobody else has a reason to write into. Claims, storage classes and service accounts are not among them:
controllers complete those."""

AGGREGATION_PREFIX: Final = "rbac.authorization.k8s.io/aggregate-to-"
"""Labels that make the rules of a ClusterRole part of another one."""

RESERVED_PREFIXES: Final = (
    f"{labels.DOMAIN}/",
    "pod-security.kubernetes.io/",
    AGGREGATION_PREFIX,
)
"""Labels and annotations that mean something to a guardrail; others may put as many of their own beside them."""

_DEFAULTS: Final[Mapping[tuple[str, str], tuple[Any, ...]]] = {
    **{key: (value,) for key, value in SERVER_DEFAULTS.items()},
    ("ClusterQueue", "borrowWithinCohort"): ({"policy": "Never"},),
    ("ClusterQueue", "queueingStrategy"): ("BestEffortFIFO",),
    ("ClusterQueue", "stopPolicy"): ("None",),
    ("ClusterQueue", "whenCanBorrow"): ("MayStopSearch", "Borrow"),
    ("LocalQueue", "stopPolicy"): ("None",),
    ("PriorityClass", "preemptionPolicy"): ("PreemptLowerPriority",),
}
"""By kind and field: what the server or Kueue fills in. One that is missing here costs a dry run, no more."""

_APART: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_METADATA: Final = ("annotations", "labels")


def additions(desired: Body, live: Body, shape: Tree) -> tuple[Path, ...]:
    """Paths of what is live and not declared, but for defaults that we know; none for kinds that are not ours whole.

    Atomic lists and maps are left out: there an addition is another value, and apply puts it right.
    """
    kind = live.get("kind", "")
    if kind not in WHOLE:
        return ()
    return (*_in_metadata(desired, live), *_in_fields(kind, desired, live, shape))


def _in_metadata(desired: Body, live: Body) -> Iterator[Path]:
    for field in _METADATA:
        wanted = desired["metadata"].get(field) or {}
        for key in sorted((live["metadata"].get(field) or {}).keys() - wanted.keys()):
            if key.startswith(RESERVED_PREFIXES) and key != labels.ADOPTED:
                yield ("f:metadata", f"f:{field}", f"f:{key}")


def _in_fields(kind: str, desired: Body, live: Body, shape: Tree) -> Iterator[Path]:
    if kind == "Namespace":
        return  # its spec holds the finalizer of the server, and nothing else
    for key in sorted(live.keys() - _APART):
        yield from _in_value(kind, desired.get(key), live[key], shape.get(f"f:{key}", {}), (f"f:{key}",))


def _in_value(kind: str, wanted: Any, present: Any, shape: Tree, path: Path) -> Iterator[Path]:
    if wanted is None:
        if not (is_empty(present) or present in _DEFAULTS.get((kind, path[-1][2:]), ())):
            yield path
    elif shape and isinstance(wanted, Mapping) and isinstance(present, Mapping):
        for key in sorted(present):
            token = f"f:{key}"
            yield from _in_value(kind, wanted.get(key), present[key], shape.get(token, {}), (*path, token))
    elif _is_list(wanted) and _is_list(present):
        yield from _in_list(kind, wanted, present, shape, path)


def _in_list(kind: str, wanted: Sequence[Any], present: Sequence[Any], shape: Tree, path: Path) -> Iterator[Path]:
    keys = list_keys(shape)
    if keys:
        declared = {item_token(item, keys): item for item in wanted}
        for item in present:
            token = item_token(item, keys)
            yield from _in_value(kind, declared.get(token), item, shape.get(token, {}), (*path, token))
    elif is_set(shape):
        yield from ((*path, set_token(item)) for item in present if item not in wanted)


def without(body: Body, paths: Iterable[Path]) -> dict[str, Any]:
    """The object without what lies at these paths."""
    kept: dict[str, Any] = copy.deepcopy(dict(body))
    for path in paths:
        _remove(kept, path)
    return kept


def _remove(value: Any, path: Path) -> None:
    token, rest = path[0], path[1:]
    if isinstance(value, dict) and token[2:] in value:
        if rest:
            _remove(value[token[2:]], rest)
        else:
            del value[token[2:]]
    elif isinstance(value, list):
        keys = list_keys({token: {}})
        for item in [item for item in value if token == (item_token(item, keys) if keys else set_token(item))]:
            if rest:
                _remove(item, rest)
            else:
                value.remove(item)


def removal(live: Body, paths: Iterable[Path]) -> dict[str, Any]:
    """A JSON merge patch that takes the paths out of the live object.

    A patch that only removes leaves its author no field to own, so the next apply meets nobody.
    """
    patch: dict[str, Any] = {}
    after = without(live, paths)
    for path in paths:
        _unset(patch, live, after, path)
    return patch


def if_unchanged(patch: Body, live: Body) -> dict[str, Any]:
    """The patch, refused as a conflict where the object is no longer the one that was looked at."""
    version = live["metadata"]["resourceVersion"]
    return {**patch, "metadata": {**(patch.get("metadata") or {}), "resourceVersion": version}}


def _unset(patch: dict[str, Any], live: Any, after: Any, path: Path) -> None:
    name, rest = path[0][2:], path[1:]
    if not rest:
        patch[name] = None
    elif isinstance(live[name], list):
        patch[name] = after[name]  # merge patches know no list items
    else:
        _unset(patch.setdefault(name, {}), live[name], after[name], rest)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
