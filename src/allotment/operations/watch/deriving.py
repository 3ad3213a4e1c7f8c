"""What is worked out of clusters, compared with what was worked out last: only what is another is told.

Somebody who sees everything is told of it whole, and people of a team as their team may see it: so each of these is a
document of its own, worked out for whoever follows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.accounting.queue_use import QueueStanding
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.view import namespaces_of
from allotment.operations.ask.quotas import queues_of
from allotment.operations.ask.viewing import viewed
from allotment.operations.run.unnamed import snapshot_unnamed
from allotment.ports.journal import DerivedDocument, SubjectKind

WHOLE: Final = ""
"""In the place of a team: as whoever sees everything sees it."""


@dataclass(frozen=True, slots=True)
class DerivedView:
    """What was worked out just now of one cluster, as one team may see it.

    Attributes:
        kind: of all its documents.
        cluster: or back end.
        team: name; `WHOLE` for all.
        documents: each with an id that `document_id` gave.
    """

    kind: SubjectKind
    cluster: str
    team: str
    documents: tuple[DerivedDocument, ...]


@dataclass(frozen=True, slots=True)
class DerivedChanges:
    """What is to be kept, and what is no more."""

    documents: tuple[DerivedDocument, ...]
    gone: tuple[tuple[SubjectKind, str], ...]


def document_id(cluster: str, name: str, team: str) -> str:
    """Of a document: what it is about, and for whom it was worked out."""
    return f"{cluster}/{name}@{team}" if team else f"{cluster}/{name}"


def document_of(kind: SubjectKind, id_: str, team: str, value: Mapping[str, Any]) -> DerivedDocument:
    """A value as it is told; two that are the same have the same digest."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return DerivedDocument(kind, id_, team, f"sha256:{hashlib.sha256(written.encode()).hexdigest()}", written)


def derived_changes(before: Iterable[DerivedDocument], now: Sequence[DerivedView]) -> DerivedChanges:
    """What has become another; of what was not worked out now, such as of a cluster that does not answer, nothing has.

    Args:
        before: what was told last.
        now: what was worked out.
    """
    known = {(each.kind, each.id): each for each in before}
    found = {(each.kind, each.id): each for view in now for each in view.documents}
    news = tuple(
        each
        for key, each in found.items()
        if key not in known or (known[key].digest, known[key].team) != (each.digest, each.team)
    )
    looked_at = {(view.kind, view.cluster, view.team) for view in now}
    gone = tuple(
        key
        for key, each in known.items()
        if key not in found and (each.kind, each.id.partition("/")[0], each.team) in looked_at
    )
    return DerivedChanges(news, gone)


def queue_views(
    snapshot: Snapshot,
    cluster: str,
    teams: Iterable[str],
    document: Callable[[QueueStanding], Mapping[str, Any]],
) -> Iterator[DerivedView]:
    """Queues of a cluster, as these teams may see them.

    Args:
        snapshot: of the cluster, whole.
        cluster: its name.
        teams: names, and `WHOLE`.
        document: of one queue.
    """
    for team in teams:
        seen = snapshot
        if team != WHOLE:
            seen = snapshot_unnamed(viewed(snapshot, team, namespaces_of(snapshot, team)))
        standings = queues_of(seen).standings
        yield DerivedView(
            SubjectKind.QUEUE,
            cluster,
            team,
            tuple(
                document_of(SubjectKind.QUEUE, document_id(cluster, each.name, team), team, document(each))
                for each in standings
            ),
        )
