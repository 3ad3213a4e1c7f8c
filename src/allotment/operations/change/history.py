"""What was applied to a cluster, taken over there or given back: who, when, from what, and how it ended.

The last records are kept in the cluster.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from allotment.errors import ForbiddenError
from allotment.model import labels
from allotment.model.manifest import ObjectKey
from allotment.model.mark import Mark
from allotment.operations.adopt.taking_over import DONE, Fate, Handled
from allotment.operations.change.apply import ApplyReport, Status
from allotment.operations.change.lease import inventoryless
from allotment.plan.adoption.words import word_of
from allotment.plan.changes import Plan, PlanSource
from allotment.ports.kube import AccessRefusedError, KubePort, RefusedError

RECORDS: Final = ObjectKey("", "ConfigMap", labels.SYSTEM_NAMESPACE, "allotment-applies")
KEPT: Final = 50
"""Records that are kept; with at most some 1,000 bytes each they stay far below an object's limit of 1 MiB."""

_LONGEST_NAME: Final = 256


_MOST_OBJECTS: Final = 8
"""Objects of an adoption that a record names."""


class Act(StrEnum):
    """What was done."""

    APPLY = "apply"
    ADOPT = "adopt"
    UNDO = "undo"


class Ending(StrEnum):
    """How it ended."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
    UNFINISHED = "unfinished"
    """It runs, or it was killed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One apply, or one adoption.

    Attributes:
        id: unique among the records of a cluster; sorts by time.
        by: user name, as the API server knew it, and on whose account, such as ``admin for grant r7k2f9qa of ada``.
        started: UTC.
        finished: UTC; None while it runs, and for ever if it was killed.
        manifests: digest of the objects that were declared.
        source: the platform directory that they came from.
        steps: how many steps ended how; empty until it is finished.
        act: what was done.
        objects: words of what was taken over or given back, the first few; empty for an apply.
        more: how many objects besides.
    """

    id: str
    platform: str
    cluster: str
    by: str
    started: dt.datetime
    manifests: str
    source: PlanSource
    finished: dt.datetime | None = None
    steps: Mapping[str, int] = field(default_factory=dict)
    unchanged: int = 0
    ending: Ending = Ending.UNFINISHED
    act: Act = Act.APPLY
    objects: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Adopting:
    """An adoption, or its end, that is to be recorded.

    Attributes:
        mark: where.
        objects: what is asked for.
        manifests: digest of the objects that are declared; empty for an undo.
        source: the platform directory.
    """

    act: Act
    mark: Mark
    objects: tuple[ObjectKey, ...]
    source: PlanSource
    manifests: str = ""


def adopting(what: Adopting, run: str, by: str, now: dt.datetime) -> Record:
    """The record of an adoption that starts; what lies in a namespace that goes along is not named, but counted."""
    spaces = {key.name for key in what.objects if key.kind == "Namespace"}
    words = [word_of(key) for key in what.objects if key.namespace not in spaces]
    return Record(
        id=run,
        platform=what.mark.platform,
        cluster=what.mark.cluster,
        by=by[:_LONGEST_NAME],
        started=now,
        manifests=what.manifests,
        source=what.source,
        act=what.act,
        objects=tuple(words[:_MOST_OBJECTS]),
        more=len(what.objects) - len(words[:_MOST_OBJECTS]),
    )


def adopted(record: Record, handled: Sequence[Handled] | None, now: dt.datetime) -> Record:
    """The record of an adoption that has ended; without an outcome, it was interrupted."""
    if handled is None:
        return replace(record, finished=now, ending=Ending.INTERRUPTED)
    counts = Counter(each.fate for each in handled)
    ending = Ending.COMPLETE if all(each.fate in DONE for each in handled) else Ending.INCOMPLETE
    steps = {fate.value: counts[fate] for fate in Fate if counts[fate]}
    return replace(record, finished=now, steps=steps, ending=ending)


def begun(plan: Plan, run: str, by: str, now: dt.datetime) -> Record:
    """The record of an apply that starts."""
    return Record(run, plan.platform, plan.cluster, by[:_LONGEST_NAME], now, plan.digest, plan.source)


def ended(record: Record, report: ApplyReport | None, now: dt.datetime) -> Record:
    """The record of an apply that has ended; without a report, it was interrupted."""
    if report is None:
        return replace(record, finished=now, ending=Ending.INTERRUPTED)
    counts = Counter(outcome.status for outcome in report.outcomes)
    return replace(
        record,
        finished=now,
        steps={status.value: counts[status] for status in Status if counts[status]},
        unchanged=report.unchanged,
        ending=_ending(report),
    )


def _ending(report: ApplyReport) -> Ending:
    if report.interrupted:
        return Ending.INTERRUPTED
    return Ending.COMPLETE if report.complete else Ending.INCOMPLETE


def write(kube: KubePort, record: Record) -> None:
    """Keep a record; the oldest goes where there are too many. Only the holder of the lease writes.

    Raises:
        ForbiddenError: we may not keep records.
    """
    try:
        live = kube.get("v1", RECORDS)
        text = json.dumps(_document(record), separators=(",", ":"), ensure_ascii=False)
        if live is None:
            metadata = {"name": RECORDS.name, "namespace": RECORDS.namespace, "labels": inventoryless()}
            kube.create({"apiVersion": "v1", "kind": RECORDS.kind, "metadata": metadata, "data": {record.id: text}})
            return
        known = sorted({*(live.get("data") or {}), record.id})
        gone: dict[str, str | None] = dict.fromkeys(known[:-KEPT])
        kube.merge_patch("v1", RECORDS, {"data": {**gone, record.id: text}})
    except AccessRefusedError as error:
        raise ForbiddenError(
            "no record of this can be kept, and nothing was changed",
            why=error.message,
            fix=f"get the rights to create, get and patch configmaps in {labels.SYSTEM_NAMESPACE}; "
            "`allot preflight --rights apply -o yaml` prints all that apply needs",
        ) from error


def history(kube: KubePort) -> tuple[Record, ...]:
    """The applies and adoptions of a cluster, newest first; what cannot be read as a record is left out.

    Raises:
        ForbiddenError: we may not read them.
    """
    try:
        live = kube.get("v1", RECORDS)
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise ForbiddenError(
            "the records of past applies may not be read",
            why=error.message,
            fix=f"get the right to get configmaps in {labels.SYSTEM_NAMESPACE}",
        ) from error
    found = (live or {}).get("data") or {}
    records = (_record(name, found[name]) for name in sorted(found, reverse=True))
    return tuple(record for record in records if record is not None)


def _document(record: Record) -> dict[str, Any]:
    return {
        "platform": record.platform,
        "cluster": record.cluster,
        "by": record.by,
        "started": record.started.isoformat(timespec="seconds"),
        "finished": record.finished.isoformat(timespec="seconds") if record.finished else None,
        "manifests": record.manifests,
        "source": {"commit": record.source.commit, "dirty": record.source.dirty, "digest": record.source.digest},
        "steps": dict(record.steps),
        "unchanged": record.unchanged,
        "ending": record.ending.value,
        "act": record.act.value,
        "objects": list(record.objects),
        "more": record.more,
    }


def _record(name: str, text: str) -> Record | None:
    try:
        read = json.loads(text)
        source = read["source"]
        finished = read["finished"]
        return Record(
            id=name,
            platform=str(read["platform"]),
            cluster=str(read["cluster"]),
            by=str(read["by"]),
            started=dt.datetime.fromisoformat(read["started"]),
            manifests=str(read["manifests"]),
            source=PlanSource(str(source["commit"]), bool(source["dirty"]), str(source["digest"])),
            finished=dt.datetime.fromisoformat(finished) if finished else None,
            steps={str(key): int(value) for key, value in read["steps"].items()},
            unchanged=int(read["unchanged"]),
            ending=Ending(read["ending"]),
            # Records of earlier versions are all of applies.
            act=Act(read.get("act", "apply")),
            objects=tuple(str(word) for word in read.get("objects", ())),
            more=int(read.get("more", 0)),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
