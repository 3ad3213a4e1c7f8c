"""A StorageClass that becomes the cluster's default: the API server gives it to every unbound claim without a class.

Not only to claims that come later. So claims that waited for somebody to bind them by hand get a disk, and keep the
class, whosever they are and whatever is undone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model.manifest import Body
from allotment.plan.changes import Change, Create, PlanWarning, Update, WarningCode
from allotment.plan.survey import Survey, is_being_deleted

_IS_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
_NAMED: Final = 5


def may_become_default(found: Survey) -> bool:
    """Whether a class may become the default by what differs: only then is it worth asking for claims."""
    new = any(_is_default(manifest.body) for manifest in found.absent)
    return new or any(_is_default(one.manifest.body) and not _is_default(one.live) for one in found.different)


def is_classless(claim: Body) -> bool:
    """Whether a claim waits for a class; an empty name of one is a choice."""
    spec = claim.get("spec") or {}
    return "storageClassName" not in spec and not spec.get("volumeName") and not is_being_deleted(claim)


def warnings(changes: Iterable[Change], classless: Iterable[Body]) -> Iterator[PlanWarning]:
    """What is said of the first class that becomes the default, if claims wait for one."""
    counts = Counter(claim["metadata"]["namespace"] for claim in classless)
    chosen = next((change for change in changes if _makes_default(change)), None)
    if chosen is None or not counts:
        return
    number = counts.total()
    told = [f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    more = f" and {len(told) - _NAMED} more namespaces" if len(told) > _NAMED else ""
    claims = "1 claim that names" if number == 1 else f"{number} claims that name"
    message = (
        f"becomes the cluster's default class, and the API server gives it to {claims} no class and "
        f"{'is' if number == 1 else 'are'} unbound: {', '.join(told[:_NAMED])}{more}; "
        'storageClassName: "" on a claim keeps it from that'
    )
    yield PlanWarning(WarningCode.DEFAULT_STORAGE, chosen.key, message)


def _makes_default(change: Change) -> bool:
    if isinstance(change, Update):
        return _is_default(change.manifest.body) and any(_IS_DEFAULT in field.field for field in change.fields)
    return isinstance(change, Create) and _is_default(change.manifest.body)


def _is_default(body: Body) -> bool:
    annotations = body["metadata"].get("annotations") or {}
    return body["kind"] == "StorageClass" and annotations.get(_IS_DEFAULT) == "true"
