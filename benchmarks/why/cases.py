"""A recorded situation as a snapshot."""

from __future__ import annotations

from typing import Any

from allotment.model.observed.base import Reference
from allotment.model.observed.snapshot import Snapshot, Source, Submission
from allotment.observe.gathering import Gathered
from allotment.observe.reading import kind_of_raw, read_object

FIELDS = {"jobs": "job", "cron_jobs": "cron_job", "replicas": "replicas", "pods": "pod", "owners": "owner"}


def snapshot_of(case: dict[str, Any]) -> Snapshot:
    gathered = Gathered()
    gathered.take_any(case["objects"])
    source = Source(name="bench", observed_at=case["now"], objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=case["now"], sources=(source,), submissions=submissions(case))


def submissions(case: dict[str, Any]) -> tuple[Submission, ...]:
    error = case.get("submit_error")
    if not error:
        return ()
    subject = case["subject"]
    kind = kind_of_raw(case["manifest"])
    sent = {} if kind is None else {FIELDS[kind.field]: read_object(kind, case["manifest"]).value}
    return (
        Submission(
            subject=Reference(
                api_version=subject["apiVersion"],
                kind=subject["kind"],
                namespace=subject.get("namespace", ""),
                name=subject["name"],
            ),
            user=case.get("submitted_by") or "",
            code=int(error.get("code", 0)),
            message=str(error.get("message", "")),
            **sent,
        ),
    )
