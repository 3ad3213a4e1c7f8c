"""Jobs of this machine that are the asker's own: which of them to stop, so that another of theirs starts."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import work_above
from allotment.diagnose.quota_book import Pair, QuotaBook, held_by
from allotment.diagnose.shortage import book_of
from allotment.model import labels
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Object, ObjectMeta, Reference
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Job
from allotment.scheduling.snapshot.queueing import QuotaHolder


@dataclass(frozen=True, slots=True)
class _Stoppable:
    """What one `allot stop` ends: a job, or all trials of a sweep.

    Attributes:
        id: by which it is stopped.
        name: as `allot ps` has it.
        jobs: that end.
        held: by them of what is lacking, as parts of what is asked for, summed.
        since: when the newest of them was made.
    """

    id: str
    name: str
    jobs: tuple[tuple[Job, Workload, QuotaHolder], ...]
    held: Fraction
    since: str

    @property
    def holders(self) -> tuple[QuotaHolder, ...]:
        """What is free without it."""
        return tuple(holder for _, _, holder in self.jobs)


def stopping_own(case: Case, queue: str, wanted: Mapping[Pair, int], lacking: Sequence[Pair]) -> Iterator[Proposal]:
    """Stop the least of the owner's other jobs whose end makes room; nothing where theirs alone do not.

    Args:
        case: the job that waits.
        queue: its team's.
        wanted: all that it asks for.
        lacking: of that, what there is too little of.
    """
    book = book_of(case.twins)
    chosen = _least(book, queue, wanted, list(_of_the_owner(case, book, queue, wanted, lacking)))
    if not chosen:
        return
    jobs = [each for one in chosen for each in one.jobs]
    (first, *others) = [(reference_of(job), Patch(PatchOp.DELETE)) for job, _, _ in jobs]
    names = [each.name for each in chosen]
    said = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    lost = "what it" if len(names) == 1 else "what they"
    yield Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"stop {said}, of the same owner: {lost} did since the last checkpoint is lost",
        *first,
        then=tuple(others),
        effect=tuple(_gone_with(case, jobs)),
        cost=4,
        command=f"allot stop {' '.join(shlex.quote(each.id) for each in chosen)}",
    )


def submitted_anew(job_id: str, settings: Sequence[str]) -> str:
    """The command that submits a job changed in place of what waits; nothing ends where that is refused.

    Args:
        job_id: as the server knows it.
        settings: fields of the job file that are to be different, each as ``PATH=VALUE``.
    """
    job = shlex.quote(job_id)
    words = "".join(f" --set {shlex.quote(each)}" for each in settings)
    return f"allot clone {job}{words} && allot stop {job}"


def called_here(case: Case, work: Object) -> str:
    """A job as `allot ps` has it: its name, and its id where several of its team have that; its team where another."""
    called = work.metadata.annotations.get(labels.JOB_NAME, "")
    job_id = work.metadata.labels.get(labels.JOB, "")
    same = not called or not job_id or called == work.metadata.name
    return _of_its_team(case, work, work.metadata.name if same else f"{called} ({job_id})")


def _of_its_team(case: Case, work: Object, name: str) -> str:
    return name if work.metadata.namespace == case.namespace else f"{name} of team {work.metadata.namespace}"


def _of_the_owner(
    case: Case, book: QuotaBook, queue: str, wanted: Mapping[Pair, int], lacking: Sequence[Pair]
) -> Iterator[_Stoppable]:
    mine = case.top
    owner = "" if mine is None else mine.metadata.annotations.get(labels.SUBMITTER, "")
    if mine is None or not owner:
        return
    families = defaultdict[str, list[tuple[Job, Workload, QuotaHolder]]](list)
    for name in book.tree_of(queue):
        for holder in book.holders.get(name, ()):
            seen = case.index.workloads.get(holder.workload.name)
            job = None if seen is None else work_above(case, seen)
            if seen is not None and isinstance(job, Job) and job.metadata.annotations.get(labels.SUBMITTER) == owner:
                families[_family(job.metadata)].append((job, seen, holder))
    families.pop(_family(mine.metadata), None)
    kept = {each.id: each.name for each in case.source.served}
    for family, jobs in families.items():
        held = [held_by(holder, book.queues) for _, _, holder in jobs]
        parts = (Fraction(each.get(pair, 0), wanted[pair]) for each in held for pair in lacking)
        first = jobs[0][0]
        name = _of_its_team(case, first, kept[family]) if family in kept else called_here(case, first)
        since = max(job.metadata.creation_timestamp for job, _, _ in jobs)
        yield _Stoppable(family, name, tuple(jobs), sum(parts, Fraction()), since)


def _family(metadata: ObjectMeta) -> str:
    """The id of the sweep or the schedule that makes another member in place of one that ends; else the job's own."""
    return metadata.uid.partition("-")[0]


def _least(
    book: QuotaBook, queue: str, wanted: Mapping[Pair, int], own: Sequence[_Stoppable]
) -> tuple[_Stoppable, ...]:
    """Those that hold least of what makes room, and of as much the fewest; none where all together are not enough."""

    def enough(some: Sequence[_Stoppable]) -> bool:
        return book.fits(queue, wanted, without=[holder for each in some for holder in each.holders])

    def pruned(order: Sequence[_Stoppable]) -> list[_Stoppable]:
        chosen = list(own)
        for each in order:
            rest = [other for other in chosen if other is not each]
            if enough(rest):
                chosen = rest
        return chosen

    if not own or not enough(own):
        return ()
    # Of those that hold the same, the newest have least to lose: they are left for last.
    oldest = sorted(own, key=lambda each: (each.since, each.id))
    few = pruned(sorted(oldest, key=lambda each: each.held))
    small = pruned(sorted(oldest, key=lambda each: -each.held))
    some: list[list[_Stoppable]] = [[each] for each in reversed(oldest) if enough([each])]
    some += [small, few]
    least = min(some, key=lambda these: (sum(each.held for each in these), len(these)))
    return tuple(least)


def _gone_with(case: Case, jobs: Sequence[tuple[Job, Workload, QuotaHolder]]) -> Iterator[tuple[Reference, Patch]]:
    for job, workload, _ in jobs:
        for each in (workload, *case.index.pods_under(job.metadata.uid)):
            yield reference_of(each), Patch(PatchOp.DELETE)
