"""Whether the namespace that is asked about is there, and may be looked into: else "nothing" would be no answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.errors import ForbiddenError, NotFoundError, UsageError, shown
from allotment.model.observed.base import Object
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.spelling import did_you_mean
from allotment.observe.anonymous import is_hidden
from allotment.observe.kinds import KINDS
from allotment.observe.seen import seen_everywhere, seen_in

_FIELDS: Final = tuple(
    dict.fromkeys(each.field for each in KINDS if each.namespaced and not each.only and issubclass(each.struct, Object))
)
_EVERYWHERE_SERVED: Final = ("cronjobs", "daemonsets", "deployments", "jobs", "pods", "replicasets", "statefulsets")
"""Kinds that every server has: who may read none of them in a namespace may not look into it."""
_MOST_NAMED: Final = 10


def check_place(snapshot: Snapshot, namespace: str) -> None:
    """That a namespace is there and was looked into.

    Args:
        snapshot: that is asked.
        namespace: as the user names it; empty for all of them.

    Raises:
        NotFoundError: it is not there.
        ForbiddenError: nothing of it could be read, or it may not be shown in this file.
    """
    if not namespace:
        return
    there = _namespaces(snapshot)
    if namespace in there or any(each.subject.namespace == namespace for each in snapshot.submissions):
        _check_looked(snapshot, namespace)
        return
    if not all(seen_everywhere(source, "namespaces") for source in snapshot.sources):
        # Whether it is there may not be told apart from whether it may be looked into.
        _check_looked(snapshot, namespace, known=False)
        return
    if any(namespace in _lived_in(source) for source in snapshot.sources):
        return
    known = there or {each for source in snapshot.sources for each in _lived_in(source)}
    raise NotFoundError(
        f"there is no namespace {shown(namespace)}",
        fix=did_you_mean(namespace, known, f"{_there(known)}leave -n out, or give -A"),
    )


def refuse_slurm(snapshot: Snapshot, what: str) -> None:
    """That none of it is a Slurm, for what is answered by the twin of Kueue.

    Args:
        snapshot: that is asked.
        what: is told for clusters alone, as the beginning of a sentence.

    Raises:
        UsageError: a Slurm is.
    """
    name = next((each.name for each in snapshot.sources if each.kind == "slurm"), "")
    if name:
        raise UsageError(
            f"{what} is not told of a Slurm",
            why=f"{shown(name)} orders its jobs by rules of its own; its limits promise nothing, they only bound",
            fix="ask `allot why`: it tells when enough ends, and when Slurm expects a job; `allot gpus`: what fits",
        )


def _check_looked(snapshot: Snapshot, namespace: str, *, known: bool = True) -> None:
    hidden = bool(snapshot.view) and not known
    if not hidden and any(
        seen_in(source, each, namespace) for source in snapshot.sources for each in _EVERYWHERE_SERVED
    ):
        return
    read = _namespaces(snapshot) if hidden else {each for source in snapshot.sources for each in source.namespaces}
    other = f"name one that was read ({_some(read - {namespace})}), or " if read - {namespace} else ""
    raise ForbiddenError(
        f"the namespace {shown(namespace)} could not be looked into",
        why=f"the snapshot was saved for {shown(snapshot.view)}" if hidden else "nothing of it could be read",
        fix=f"{other}ask with an identity that may read {shown(namespace)}",
    )


def _namespaces(snapshot: Snapshot) -> set[str]:
    found = (each for source in snapshot.sources for each in source.objects.namespaces)
    return {each.name for each in found if not is_hidden(each.metadata)}


def _lived_in(source: Source) -> set[str]:
    """Namespaces of what was seen: a file need not have the namespaces themselves."""
    return {each.namespace for each in _objects(source) if each.namespace and not is_hidden(each.metadata)}


def _objects(source: Source) -> Iterator[Object]:
    for field in _FIELDS:
        yield from getattr(source.objects, field)


def _there(names: set[str]) -> str:
    return f"there {'is' if len(names) == 1 else 'are'} {_some(names)}; " if names else ""


def _some(names: set[str]) -> str:
    listed = ", ".join(shown(each) for each in sorted(names)[:_MOST_NAMED])
    return f"{listed} and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else listed
