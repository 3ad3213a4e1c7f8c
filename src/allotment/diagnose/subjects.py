"""What was asked about: ``KIND/NAME`` or a bare name that is searched, → a case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case, Subject, reference_of
from allotment.diagnose.served import SERVED_API, living_subjects, served_subjects
from allotment.errors import NotFoundError, UsageError, shown
from allotment.model import labels
from allotment.model.moments import milliseconds
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.observed.work import Work
from allotment.model.slurm.seen import SlurmPhase
from allotment.model.slurm.tres import tasks_of
from allotment.model.spelling import did_you_mean
from allotment.observe.kinds import KINDS

LIST_WAITING: Final = "allot why -A"
"""Lists all that waits; who knows what was asked adds the flags that lead there."""
_SHORT: Final = {
    "po": "pod",
    "deploy": "deployment",
    "rs": "replicaset",
    "sts": "statefulset",
    "ds": "daemonset",
    "cj": "cronjob",
    "wl": "workload",
    "lws": "leaderworkerset",
    "cq": "clusterqueue",
    "lq": "localqueue",
    "no": "node",
    "ns": "namespace",
    "quota": "resourcequota",
}
_ANSWERED_BY: Final = {
    "clusterqueue": "allot queues",
    "cohort": "allot queues",
    "localqueue": "allot queues",
    "namespace": "allot why -n NAME: all that wait in it",
    "node": "allot gpus; allot who: who holds what on it",
    "resourceflavor": "allot books",
    "resourcequota": "allot quotas",
}
"""What kinds that never run are asked about with."""
_KINDS: Final = frozenset(each.kind.lower() for each in KINDS)
_RUNNING: Final = ("cronjob", "daemonset", "deployment", "job", "jobset", "pod", "rayjob", "statefulset", "workload")
_PARTS: Final = frozenset({labels.JOB_MAIN, labels.JOB_STAGING})
"""What runs a job, and what fetches its data before, as their label says."""
_OF_A_JOB: Final = frozenset({"", "job", "sweep", "schedule"})
"""Kinds by which a job is asked for as its user calls it; empty where none is named."""
_TASK: Final = re.compile(r"(\d{1,10})_(\d{1,9})", re.ASCII)
_ON_SLURM: Final = frozenset({"", "job"})
_LONGEST_NUMBER: Final = 11
_MOST_NAMED: Final = 5
"""Candidates that a message names."""


def find_case(snapshot: Snapshot, what: str, namespace: str = "") -> Case:
    """The case of a subject.

    A bare name is searched among all kinds: what stands highest wins, so that a job is found and not its pods or its
    Workload of the same name. Where no object has the name, what was made for the job of that name or id is found.

    Args:
        snapshot: where to look.
        what: ``KIND/NAME`` as kubectl takes it (``job/x``, ``jobs.batch/x``), or a name.
        namespace: only there; empty = anywhere.

    Raises:
        NotFoundError: there is no such object.
        UsageError: there are several, in different namespaces or of different kinds; or it is no kind that runs.
    """
    kind, slash, name = what.rpartition("/")
    kind = _kind(kind) if slash else ""
    for submission in snapshot.submissions:
        subject = submission.subject
        if subject.name == name and kind in {"", subject.kind.lower()} and namespace in {"", subject.namespace}:
            source = snapshot.sources[0] if snapshot.sources else Source()
            return Case(snapshot, source, subject, None, submission)
    found: list[tuple[Index, Subject]] = []
    for source in snapshot.sources:
        index = Index(source)
        found += [(index, each) for each in _named(index, kind, name, namespace)]
    if not found and name.isascii() and name.isdigit() and len(name) < _LONGEST_NUMBER:
        found = [pair for index in map(Index, snapshot.sources) for pair in _numbered(index, int(name), namespace)]
    if not found and kind in _ON_SLURM:
        found = [pair for index in map(Index, snapshot.sources) for pair in _called_there(index, name, namespace)]
    if not found and kind in _OF_A_JOB:
        found = [(i, each) for i in map(Index, snapshot.sources) for each in _of_job(i, kind, name, namespace)]
    if not found:
        raise _missing(snapshot, kind, name, namespace)
    index, each = _one(found, what)
    return Case(snapshot, index.source, reference_of(each), each, index=index)


def _kind(word: str) -> str:
    word = word.partition(".")[0].lower()
    word = _SHORT.get(word, word)
    return word[:-1] if word.endswith("s") and word != "leaderworkersets" else word


def subjects_of(index: Index) -> Iterator[Subject]:
    """Everything that can be asked about, what stands highest first."""
    yield from index.all_work()
    yield from index.objects.workloads
    yield from index.objects.pods
    yield from served_subjects(index)


def _named(index: Index, kind: str, name: str, namespace: str) -> list[Subject]:
    return [
        each
        for each in subjects_of(index)
        if (each.metadata.name == name or (index.source.served and each.metadata.uid == name))
        and namespace in {"", each.namespace}
        and (not kind or kind in _kinds_of(each))
    ]


def _kinds_of(each: Subject) -> frozenset[str]:
    """The words by which its kind is asked for: what the server keeps is a job too."""
    own = _kind(kind_of(each))
    return frozenset({own, "job"} if each.api_version == SERVED_API else {own})


def _numbered(index: Index, number: int, namespace: str) -> list[tuple[Index, Subject]]:
    """The job of that number on a Slurm, whatever it is called here."""
    named = index.source.slurm.named if index.source.slurm is not None else {}
    key = next((each for each, own in named.items() if own == number), "")
    place, _, name = key.partition("/")
    return [(index, each) for each in _named(index, "job", name, place)] if key and namespace in {"", place} else []


def _called_there(index: Index, name: str, namespace: str) -> list[tuple[Index, Subject]]:
    """Jobs of a Slurm that are not over, whosever they are, as squeue shows them: by name, or a task of an array.

    Tasks that wait stand together for each of them, such as ``12_5``.
    """
    facts = index.source.slurm
    if facts is None:
        return []
    task = _TASK.fullmatch(name)
    found = [
        each
        for each in facts.jobs
        if each.phase is not SlurmPhase.ENDED
        and ((task and each.array_id == int(task[1]) and int(task[2]) in (tasks_of(each.array_tasks) or ()))
             or each.name == name)
    ]  # fmt: skip
    return [pair for each in found for pair in _numbered(index, each.job_id, namespace)]


def _of_job(index: Index, kind: str, name: str, namespace: str) -> list[Work]:
    """What runs, or keeps, the job that somebody submitted under a name or has by its id; of several the newest.

    What fetches the data of a job stands for it as long as nothing runs it yet.
    """
    newest: dict[str, Work] = {}
    for each in (*index.all_work(), *living_subjects(index)):
        marks, called = each.metadata.labels, each.metadata.annotations.get(labels.JOB_NAME)
        here = namespace in {"", each.namespace} and marks.get(labels.JOB_PART) in _PARTS
        if not here or each.metadata.controller is not None or name not in {called, marks.get(labels.JOB)}:
            continue
        if kind not in {"", "job"} and kind not in _kinds_of(each):
            continue
        known = newest.get(each.namespace)
        if known is None or _made(index, known) < _made(index, each):
            newest[each.namespace] = each
    return list(newest.values())


def _made(index: Index, work: Work) -> tuple[int, str, bool]:
    """When a job was submitted, as the server's own order has it; what runs it comes after what fetches its data."""
    marks = work.metadata.labels
    job = marks.get(labels.JOB, "")
    known = index.source.submitted.get(f"{work.namespace}/{job}")
    at = milliseconds(work.metadata.creation_timestamp) if known is None else known
    return at, job, marks.get(labels.JOB_PART) == labels.JOB_MAIN


def _one(found: list[tuple[Index, Subject]], what: str) -> tuple[Index, Subject]:
    tops = []
    for index, each in found:
        above = index.owner(each.metadata.controller, each.metadata)
        if above is None or not any(other is above for _, other in found):
            tops.append((index, each))
    # Owners in a ring: none of them stands on top.
    tops = tops or found
    if len(tops) == 1:
        return tops[0]
    several = len({index.source.name for index, _ in tops}) > 1
    named = ", ".join(
        f"{shown(kind_of(each).lower())}/{shown(each.name)} -n {shown(each.namespace)}"
        + (f" in {shown(index.source.name)}" if several else "")
        for index, each in tops[:_MOST_NAMED]
    )
    more = f" and {len(tops) - _MOST_NAMED} more" if len(tops) > _MOST_NAMED else ""
    raise UsageError(
        f"{shown(what)!r} is the name of {len(tops)} objects",
        why=named + more,
        fix="name one as KIND/NAME -n NAMESPACE" + (" --context CLUSTER" if several else ""),
    )


def _check_kind(kind: str, there: set[str]) -> None:
    """That a kind is one that runs, or makes pods that do."""
    if not kind or kind in there:
        return
    if kind in _ANSWERED_BY:
        raise UsageError(f"a {kind} does not run: nothing is to be explained of it", fix=f"see {_ANSWERED_BY[kind]}")
    if kind not in _KINDS:
        fix = did_you_mean(kind, _RUNNING, "give KIND/NAME as kubectl has it, such as job/train, or the name alone")
        raise UsageError(f"there is no kind {shown(kind)} that is known here", fix=fix)


def _missing(snapshot: Snapshot, kind: str, name: str, namespace: str) -> NotFoundError:
    every = [each for source in snapshot.sources for each in subjects_of(Index(source))]
    _check_kind(kind, {_kind(kind_of(each)) for each in every})
    known = {
        each.name for each in every if namespace in {"", each.namespace} and (not kind or _kind(kind_of(each)) == kind)
    }
    where = f" in namespace {shown(namespace)}" if namespace else ""
    others = _elsewhere(snapshot, kind, name) if namespace else []
    if others:
        named = ", ".join(map(shown, others[:_MOST_NAMED]))
        return NotFoundError(
            f"there is no {kind or 'object'} {shown(name)}{where}",
            why=f"there is one in {named}",
            fix=f"name its namespace: -n {shown(others[0])}",
        )
    unseen = sorted({gap.what for source in snapshot.sources for gap in source.gaps if gap.reason == "forbidden"})
    return NotFoundError(
        f"there is no {kind or 'object'} {shown(name)}{where}",
        why=f"not readable here: {', '.join(unseen[:_MOST_NAMED])}" if unseen else "",
        fix=did_you_mean(name, known, f"list what waits with: {LIST_WAITING}"),
    )


def _elsewhere(snapshot: Snapshot, kind: str, name: str) -> list[str]:
    """Other namespaces in which there is something of a name."""
    every = [
        each
        for index in map(Index, snapshot.sources)
        for each in (*_named(index, kind, name, ""), *_of_job(index, kind, name, ""))
    ]
    return sorted({each.namespace for each in every})


def find_in(snapshot: Snapshot, source: Source, reference: Reference, before: Index | None = None) -> Case | None:
    """The case of a very object, if it is there; `before` where the source was made of another by a change."""
    index = Index(source, before)
    for each in _named(index, _kind(reference.kind), reference.name, reference.namespace):
        return Case(snapshot, source, reference, each, index=index)
    return None
