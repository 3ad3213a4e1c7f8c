"""A recorded situation: everything in a cluster at a moment and one object that is asked about, as one JSON object.

    {"now": …, "objects": […], "subject": {…}, "submitted_by": …, "manifest": {…}, "submit_error": {"code": …, …}}

Where the server refused to create the subject, it is in no list: the attempt is read as a `Submission`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from allotment.model.decoding import converted
from allotment.model.manifest import Body
from allotment.model.observed.base import Reference
from allotment.model.observed.snapshot import Asker, Gap, Snapshot, Source, Submission
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import ObservedKind, unknown_owner
from allotment.observe.reading import kind_of_raw, read_object
from allotment.observe.written import check_times

_FIELDS: Final = {
    "jobs": "job",
    "cron_jobs": "cron_job",
    "replicas": "replicas",
    "pods": "pod",
    "owners": "owner",
}
"""Field of `Objects` → field of `Submission`."""


def is_case(raw: Body) -> bool:
    """Whether a JSON object is such a situation."""
    return isinstance(raw.get("objects"), list) and isinstance(raw.get("now"), str) and "kind" not in raw


def read_case(raw: Body) -> Snapshot:
    """The snapshot of a situation; what cannot be read of it is named among the gaps.

    Raises:
        InputError: `now` is no time.
    """
    check_times(("now", raw["now"]))
    gathered = Gathered()
    objects = raw["objects"]
    whole = [each for each in objects if isinstance(each, dict)]
    gathered.take_any(whole)
    gathered.take_owners(each for each in whole if kind_of_raw(each) is None)
    odd = sum(not isinstance(each, dict) for each in objects)
    if odd:
        gathered.gap(Gap(what="objects", reason="damaged", detail=f"{odd} of the list's entries are no objects"))
    attempt = _attempt(raw, gathered)
    now: str = raw["now"]
    source = Source(name="case", observed_at=now, objects=gathered.objects(), gaps=gathered.gaps)
    user = _text(raw.get("submitted_by"))
    return Snapshot(taken_at=now, asker=Asker(user=user), sources=(source,), submissions=attempt)


def _attempt(raw: Body, gathered: Gathered) -> tuple[Submission, ...]:
    refusal, manifest = raw.get("submit_error"), raw.get("manifest")
    if not isinstance(refusal, dict):
        return ()
    sent: dict[str, Any] = {}
    if isinstance(manifest, dict):
        kind = kind_of_raw(manifest)
        if kind is None or kind.field not in _FIELDS:
            kind = unknown_owner(_text(manifest.get("apiVersion")), _text(manifest.get("kind")))
        sent = _sent(kind, manifest, gathered)
    code = refusal.get("code")
    attempt = Submission(
        subject=_subject(raw.get("subject"), manifest),
        user=_text(raw.get("submitted_by")),
        code=code if isinstance(code, int) else 0,
        message=_text(refusal.get("message")),
    )
    return (msgspec.structs.replace(attempt, **sent),)


def _sent(kind: ObservedKind, manifest: Body, gathered: Gathered) -> dict[str, Any]:
    read = read_object(kind, manifest)
    for fault in read.faults:
        gathered.gap(Gap(what=f"manifest at {fault.where}", reason="damaged", detail=fault.why))
    return {} if read.value is None else {_FIELDS[kind.field]: read.value}


def _subject(subject: Any, manifest: Any) -> Reference:
    named = subject
    if not isinstance(named, dict) and isinstance(manifest, dict):
        metadata = manifest.get("metadata")
        named = {**(metadata if isinstance(metadata, dict) else {}), "kind": manifest.get("kind")}
    try:
        return converted(named, Reference, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return Reference()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
