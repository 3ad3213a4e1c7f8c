"""What an answer rests on: where nothing of it could be read, there is no answer, and none must look like "nothing"."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from allotment.errors import AllotmentError, ForbiddenError, InputError, shown
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.kinds import KINDS

_FIELDS: Final = {each.plural: each.field for each in KINDS}
_OF_KUEUE: Final = ("clusterqueues", "localqueues", "workloads")
_NAMESPACED: Final = frozenset(each.plural for each in KINDS if each.namespaced)
_SAID: Final = {"clusterqueues": "ClusterQueues", "resourcequotas": "ResourceQuotas"}
_NOT_ALLOWED: Final = frozenset({"forbidden", "hidden"})


def demand(snapshot: Snapshot, *plurals: str, for_what: str) -> None:
    """Refuse to answer where no source let anything be read that the answer rests on.

    Args:
        snapshot: the moment.
        plurals: kinds of which one is enough.
        for_what: what is not known then: ``which devices there are``.

    Raises:
        ForbiddenError: none of these kinds could be read, for want of rights.
        AllotmentError: the same, for another reason.
    """
    gaps: list[Gap] = []
    for source in snapshot.sources:
        for plural in plurals:
            found = unread(source, plural)
            if found is None:
                return
            gaps.append(found)
    if not gaps:
        return
    error = ForbiddenError if any(each.reason in _NOT_ALLOWED for each in gaps) else AllotmentError
    first, *others = dict.fromkeys(shown(each.detail) for each in gaps if each.detail) or [""]
    more = f"; and {len(others):,} more like it" if others else ""
    in_one = any(each.what in _NAMESPACED for each in gaps) and error is ForbiddenError
    raise error(
        f"{for_what} could not be seen: {_reading([each.what for each in gaps])} could not be read",
        why=f"{first}{more}",
        fix=f"{'name a namespace that you may read with -n, ' if in_one else ''}ask with an identity that may list "
        "them, or ask a snapshot that was saved by one: --snapshot FILE",
    )


def demand_nodes(snapshot: Snapshot, *, for_what: str) -> None:
    """Refuse to answer where no node was read, or a file has none at all: a cluster without nodes is one that was seen.

    Raises:
        ForbiddenError: they could not be read, for want of rights.
        AllotmentError: the same, for another reason.
        InputError: the file was made of objects among which are no nodes.
    """
    demand(snapshot, "nodes", for_what=for_what)
    if any(source.objects.nodes or source.server for source in snapshot.sources):
        return
    raise InputError(
        f"{for_what} is not known: the file holds no nodes",
        why="it was made of objects, and nodes are not among them",
        fix="give them too: kubectl get nodes -o json > nodes.json, then allot snapshot from-objects nodes.json …",
    )


def unread(source: Source, plural: str) -> Gap | None:
    """Why nothing at all of a kind was read; None where some of it was, or where there may be none."""
    if getattr(source.objects, _FIELDS[plural]):
        return None
    whole = next((each for each in source.gaps if each.what == plural and not each.namespace and _hiding(each)), None)
    if whole is None:
        return None
    # Where the whole may not be listed, namespaces were read one by one: what is empty there is so indeed.
    lost = {each.namespace for each in source.gaps if each.what == plural and _hiding(each)}
    narrowed = any(each.plural == plural and each.namespaced for each in KINDS)
    return None if narrowed and set(source.namespaces) - lost else whole


NO_QUEUES: Final = "there are no queues of Kueue"


def queueless(source: Source) -> bool:
    """Whether a source has nothing of Kueue at all, all of it having been readable: what is said of queues is empty."""
    found = source.objects
    some = found.cluster_queues or found.local_queues or found.workloads or found.flavors or found.cohorts
    return not some and not any(gap.what in _OF_KUEUE and _hiding(gap) for gap in source.gaps)


def half_seen(source: Source, plurals: Collection[str]) -> list[str]:
    """What of these kinds could not be read: ``nodes could not be read``, ``pods were read in nlp alone``."""
    missed = [each for each in plurals if any(gap.what == each and _hiding(gap) for gap in source.gaps)]
    nothing = [each for each in missed if unread(source, each) is not None]
    partly = [each for each in missed if each not in nothing]
    said = [f"{_reading(nothing)} could not be read"] if nothing else []
    if partly and source.namespaces:
        said.append(f"{_reading(partly)} were read in {', '.join(map(shown, source.namespaces))} alone")
    elif partly:
        said.append(f"not all {_reading(partly)} could be read")
    return said


def _hiding(gap: Gap) -> bool:
    return gap.reason not in {"damaged", "absent", "cut"}


def _reading(plurals: Collection[str]) -> str:
    *rest, last = dict.fromkeys(_SAID.get(each, each) for each in plurals)
    return f"{', '.join(rest)} and {last}" if rest else last
