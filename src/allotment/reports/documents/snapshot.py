"""Snapshots as JSON: what one holds, and what is different between two. The file itself: `observe/written.py`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.model.moments import moment
from allotment.model.observed.base import Object
from allotment.model.observed.index import kind_of
from allotment.model.observed.snapshot import Gap, Objects, Snapshot, Source
from allotment.observe.differences import Difference
from allotment.observe.seen import seen_in

ELSEWHERE: Final = "elsewhere"
"""Why there may be more of a kind that was read in some namespaces alone."""


@dataclass(frozen=True, slots=True)
class CountOfKind:
    """How many objects of a kind a source showed.

    Attributes:
        source: its name.
        missing: why there may be more, in a word; empty where all were seen.
    """

    source: str
    kind: str
    objects: int
    missing: str = ""


def counts_of(snapshot: Snapshot) -> tuple[CountOfKind, ...]:
    """A line for each kind that was seen, source by source."""
    return tuple(each for source in snapshot.sources for each in _counts(source))


def _counts(source: Source) -> Iterator[CountOfKind]:
    for field in msgspec.structs.fields(Objects):
        found: dict[str, int] = {}
        for each in getattr(source.objects, field.name):
            kind = kind_of(each) if isinstance(each, Object) else type(each).__name__
            found[kind] = found.get(kind, 0) + 1
        for kind, number in sorted(found.items()):
            yield CountOfKind(source.name, kind, number, _missing(source, kind))


def _missing(source: Source, kind: str) -> str:
    """The reason of the first gap that is about a whole kind."""
    wanted = kind.lower()
    for gap in source.gaps:
        plural = gap.what
        if plural in {f"{wanted}s", f"{wanted}es", f"{wanted[:-1]}ies"}:
            read = any(seen_in(source, plural, each) for each in source.namespaces)
            return ELSEWHERE if read and gap.reason == "forbidden" else gap.reason
    return ""


def age(observed_at: str, now: dt.datetime) -> int | None:
    """Seconds since a moment of a snapshot; None where it is none."""
    seen = moment(observed_at)
    return None if seen is None else max(0, int(now.timestamp() - seen / 1000))


def snapshot_document(snapshot: Snapshot, rows: Sequence[CountOfKind], now: dt.datetime) -> Mapping[str, Any]:
    """What a snapshot holds: sources with their age, counts of the chosen kinds, and gaps."""
    return {
        "kind": "SnapshotSummary",
        "takenAt": snapshot.taken_at,
        "view": snapshot.view or None,
        "asker": {
            "user": snapshot.asker.user or None,
            "groups": list(snapshot.asker.groups),
            "namespace": snapshot.asker.namespace or None,
        },
        "submissions": len(snapshot.submissions),
        "sources": [_source(each, rows, now) for each in snapshot.sources],
    }


def _source(source: Source, rows: Sequence[CountOfKind], now: dt.datetime) -> Mapping[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "observedAt": source.observed_at,
        "ageSeconds": age(source.observed_at, now),
        "tookSeconds": source.took,
        "server": source.server or None,
        "complete": source.complete,
        "namespaces": list(source.namespaces),
        "queuesWithOrder": len(source.order),
        "objects": [count_document(each) for each in rows if each.source == source.name],
        "gaps": [gap_document(each) for each in source.gaps],
    }


def count_document(row: CountOfKind) -> Mapping[str, Any]:
    """A kind with its count."""
    return {"source": row.source, "kind": row.kind, "objects": row.objects, "missing": row.missing or None}


def gap_document(gap: Gap) -> Mapping[str, Any]:
    """What could not be seen."""
    return {
        "what": gap.what,
        "namespace": gap.namespace or None,
        "reason": gap.reason,
        "detail": gap.detail,
    }


def difference_document(row: Difference) -> Mapping[str, Any]:
    """What became of one object."""
    return {
        "source": row.source,
        "object": {"kind": row.kind, "namespace": row.namespace or None, "name": row.name},
        "happened": row.happened.value,
        "fields": [{"path": each.path, "before": each.before, "after": each.after} for each in row.fields],
        "moreFields": row.more,
    }


def differences_document(before: Snapshot, after: Snapshot, rows: Sequence[Difference]) -> Mapping[str, Any]:
    """What came, went and changed between two snapshots."""
    return {
        "kind": "SnapshotDifference",
        "before": before.taken_at,
        "after": after.taken_at,
        "items": [difference_document(each) for each in rows],
    }
