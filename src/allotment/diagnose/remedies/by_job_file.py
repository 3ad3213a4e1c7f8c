"""Work that a server made for a job is changed by its job file, and never by kubectl on the object.

The server knows what runs a job by its uid: what is deleted and made anew is nobody's job any more. Its label tells
that it is one, whether or not a server is there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.own_jobs import submitted_anew
from allotment.diagnose.remedies.changed import amended_object, seen_object
from allotment.diagnose.remedies.moved import lies_at
from allotment.model import labels
from allotment.model.explanation import Patch, PatchOp
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.snapshot import MACHINE
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas, Work

_CHANGES: Final = frozenset({PatchOp.MERGE, PatchOp.STRATEGIC, PatchOp.JSON, PatchOp.RESUBMIT})
_WAITS: Final = frozenset({PatchOp.WAIT, PatchOp.SIGNAL})
_IN_WORDS: Final = (
    "ask for that in its job file, and submit it again: the server that made it loses what kubectl makes anew"
)
_FIELDS: Final[Mapping[str, str]] = {
    "cpu": "resources.cpu",
    "memory": "resources.memory",
    "ephemeral-storage": "resources.ephemeralStorage",
}
_DEVICES: Final = "resources.accelerators.count"
_REPLICAS: Final = "replicas"
_AT_ONCE: Final = "sweep.atOnce"
_RUN_TIME: Final = "maxRunTime"
_LEFT_OUT: Final = frozenset({"status"})
_FOLLOWS: Final = frozenset({"limits", "numbers", "priority", "preemptionPolicy"})
"""Fields that follow from others of the job file."""

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class JobFileAct:
    """What is done to a job in place of a patch of its object.

    Attributes:
        command: the line that does it; empty where no field of a job file is known that does.
        said: what the summary lacks, in words.
    """

    command: str
    said: str = ""


def by_job_file(case: Case, proposal: Proposal) -> JobFileAct | None:
    """How a proposal is carried out that changes what runs the job which is asked about; None of any other."""
    job_id = _job_of(case)
    if not job_id:
        return None
    acts = [*proposal.first, (proposal.target, proposal.patch), *proposal.then]
    own: list[tuple[Work, Reference, Patch]] = []
    for target, patch in acts:
        if target is not None and patch is not None and patch.op in {*_CHANGES, PatchOp.DELETE}:
            work = seen_object(case.source.objects, lies_at(case, target, patch))
            if isinstance(work, Job | CronJob | Replicas | DaemonSet | Owner) and _is_of(work, job_id):
                own.append((work, target, patch))
    if not own or (proposal.command and all(patch.op is not PatchOp.RESUBMIT for _, _, patch in own)):
        return None
    if all(patch.op is PatchOp.DELETE for _, _, patch in own):
        return JobFileAct(f"allot stop {shlex.quote(job_id)}")
    changes = [each for work, target, patch in own for each in _changes(work, target, patch)]
    if changes and all(_resumes(path) for path, _, _ in changes):
        return None
    settings = _settings(changes)
    others = sum(1 for _, patch in acts if patch is not None and patch.op not in _WAITS) > len(own)
    if settings is None or others or (changes and not settings):
        return JobFileAct("", _IN_WORDS)
    said = f"in its job file: {', '.join(settings)}" if settings else ""
    return JobFileAct(submitted_anew(job_id, settings), said)


def _job_of(case: Case) -> str:
    """The id of the job that is asked about; empty where it is none of a server, or this machine tells of it itself."""
    top = case.top
    if case.subject is None or top is None or case.source.kind == MACHINE:
        return ""
    return top.metadata.labels.get(labels.JOB, "")


def _is_of(work: Object, job_id: str) -> bool:
    return work.metadata.labels.get(labels.JOB) == job_id


def _resumes(path: _Path) -> bool:
    """Whether it is a suspension by hand that is taken back, which changes no job."""
    return path[-1] == "suspend"


def _changes(work: Work, target: Reference, patch: Patch) -> list[tuple[_Path, Any, Work]]:
    """What a patch changes of an object, by path; one that cannot be told is a change of the whole."""
    now = amended_object(work, target, patch)
    if now is None:
        return [((), None, work)]
    before, after = (msgspec.json.decode(msgspec.json.encode(each)) for each in (work, now))
    found = ((path, value, work) for path, value in _differences(before, after, ()))
    return [each for each in found if each[0][0] not in _LEFT_OUT]


def _differences(before: Any, now: Any, path: _Path) -> Iterator[tuple[_Path, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from _differences(before.get(key), now.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(old, new, (*path, number))
    elif before is None and isinstance(now, dict):
        yield from _differences({}, now, path)
    elif before != now:
        yield path, now


def _settings(changes: list[tuple[_Path, Any, Work]]) -> tuple[str, ...] | None:
    """The fields of the job file that make the changes; None where there is a change for which none stands."""
    found: dict[str, str] = {}
    for path, changed, work in changes:
        field = _field(path, work)
        # The usual number is left out of what was read.
        value = 1 if field == _REPLICAS and changed is None else changed
        if field is None or (field and value in (None, "")):
            return None
        if field:
            found[field] = f"{value}s" if field == _RUN_TIME else str(value)
    return tuple(f"{field}={value}" for field, value in found.items())


def _field(path: _Path, work: Work) -> str | None:
    """The field that stands for a path; empty for what follows from others, None for none."""
    if _FOLLOWS & {*path}:
        return ""
    if path == ("metadata", "labels", labels.KUEUE_PRIORITY) or path[-1:] == ("priorityClassName",):
        return "priority"
    if isinstance(work, Job) and work.spec.runs_trials:
        # As many trials as before, of which fewer are under way.
        return _AT_ONCE if path == ("spec", "parallelism") else _field_of_pods(path)
    return _REPLICAS if _is_number(path, work) else _field_of_pods(path)


def _field_of_pods(path: _Path) -> str | None:
    """The same of what is the same for each pod."""
    if path[-1:] == ("activeDeadlineSeconds",):
        return _RUN_TIME
    # The program's container is the first; of what fetches data nothing is said in these fields.
    if path[-2:] == (0, "image") and path[-3] == "containers":
        return "run.image"
    match path[-5:]:
        case ("containers", 0, "resources", "requests", str(resource)):
            return _FIELDS.get(resource) or (_DEVICES if "/" in resource else None)
        case _:
            return None


def _is_number(path: _Path, work: Work) -> bool:
    """Whether it is how many pods run at once."""
    if isinstance(work, Owner):
        return len(work.groups) == 1 and path == ("groups", 0, "count")
    return isinstance(work, Job) and path in {("spec", "parallelism"), ("spec", "completions")}
