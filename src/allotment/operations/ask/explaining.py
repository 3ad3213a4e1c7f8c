"""Use case: why does something wait? One subject with its remedies, or all that wait, grouped by cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.diagnose.case import Case, Subject, reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.served import living_subjects, served_of
from allotment.diagnose.standing import standing
from allotment.diagnose.subjects import find_case
from allotment.diagnose.unseen import WORK, unseen_in
from allotment.errors import shown
from allotment.model.explanation import CauseVerdict, Explanation, Layer
from allotment.model.labels import JOB, JOB_NAME, MULTIKUEUE_ORIGIN
from allotment.model.moments import moment
from allotment.model.observed.base import ObjectMeta, Reference
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.observed.work import CronJob, DaemonSet, Job
from allotment.observe.anonymous import is_hidden
from allotment.operations.ask.places import check_place
from allotment.operations.ask.resting import demand
from allotment.operations.ask.sparing import BEYOND

UNKNOWN: Final = "unknown"
"""Cause of what waits and no rule says why."""
SETTLED: Final = "none"
"""Cause of what runs or is done."""
_NOTHING_WAITS: Final = frozenset({SETTLED, "cronjob-not-due", "scaled-to-zero", "schedule-not-due", "sweep-at-once"})
"""Causes of which nothing waits: a CronJob or a schedule between two runs, what is scaled to
zero, as autoscalers do, and a sweep that goes on."""


_POD_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_Telling = tuple[str, str, str]
"""Namespace, what binds several together, and their cause."""


@dataclass(frozen=True, slots=True)
class PodsAtWork:
    """Of a subject's pods those that do their work, and those that do not: not yet, not any more, or not made."""

    running: int
    waiting: int


@dataclass(frozen=True, slots=True)
class ExplainedWaiting:
    """One that waits, with the answer.

    Attributes:
        since: RFC 3339, when it was created; empty where that is not known.
        waited: seconds from then to the snapshot; None where that is not known.
        source: the cluster's name.
        labels: its own.
        pods: None where it makes them run by run.
        called: as its user calls the job that it runs, by its annotation; empty where it runs none.
    """

    explanation: Explanation
    since: str = ""
    waited: float | None = None
    source: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    pods: PodsAtWork | None = None
    called: str = ""

    @property
    def subject(self) -> Reference:
        """What waits."""
        return self.explanation.subject


@dataclass(frozen=True, slots=True)
class CauseGroup:
    """All that wait for one cause.

    Attributes:
        members: slowest-waiting first.
    """

    cause: str
    code: str
    layer: Layer | None
    verdict: CauseVerdict | None
    members: tuple[ExplainedWaiting, ...]


@dataclass(frozen=True, slots=True)
class WhyAll:
    """Everything that waits somewhere.

    Attributes:
        namespace: where; empty for everywhere.
        waiting: slowest-waiting first.
        unseen: what could not be read, over all sources.
    """

    observed_at: str
    namespace: str
    waiting: tuple[ExplainedWaiting, ...]
    unseen: tuple[str, ...]


def why(snapshot: Snapshot, what: str, namespace: str = "", *, with_remedies: bool = True) -> ExplainedWaiting:
    """Why one subject does not run.

    Args:
        snapshot: where to look.
        what: ``KIND/NAME``, or a name that is searched.
        namespace: only there; empty = anywhere.
        with_remedies: whether remedies are tried and listed.

    Raises:
        NotFoundError: there is no such object.
        UsageError: there are several.
    """
    case = find_case(snapshot, what, namespace)
    return _explained(case, with_remedies=with_remedies)


def why_all(snapshot: Snapshot, namespace: str = "", *, with_remedies: bool = False) -> WhyAll:
    """Why everything that waits does.

    What a person submitted stands for its pods and its Workload, a pod for those of its group that wait for the same,
    and a run of a CronJob for the CronJob where that only waits for it. What runs, is done, or is nothing yet (a
    CronJob between two runs) is left out, and so is what a view hides. Each is told its dominant cause; those that
    contribute are for who asks about one.

    Args:
        snapshot: where to look.
        namespace: only there; empty = everywhere.
        with_remedies: whether remedies are tried; that takes its time for each.

    Raises:
        NotFoundError: nothing waits in the namespace, and it is not there.
        ForbiddenError: nothing that can wait could be read, there or anywhere.
    """
    waiting: list[ExplainedWaiting] = []
    told: set[_Telling] = set()
    untold: list[str] = []
    for case in _cases(snapshot, namespace):
        try:
            each = _waits(case, with_remedies=with_remedies)
        except BEYOND as error:
            untold.append(_untold(case, error))
            continue
        telling = _telling(case, each) if each is not None else None
        if each is not None and (telling is None or telling not in told):
            waiting.append(each)
            told.update(() if telling is None else (telling,))
    waiting.sort(key=lambda each: (-(each.waited or 0.0), each.subject.namespace, each.subject.name))
    if not waiting:
        demand(snapshot, *WORK, for_what="what waits")
        check_place(snapshot, namespace)
    return WhyAll(snapshot.taken_at, namespace, tuple(waiting), (*_unseen(snapshot, namespace, waiting), *untold))


def grouped(waiting: tuple[ExplainedWaiting, ...]) -> tuple[CauseGroup, ...]:
    """By cause, those groups first in which somebody waits longest."""
    groups: dict[tuple[str, CauseVerdict | None], list[ExplainedWaiting]] = defaultdict(list)
    for each in waiting:
        groups[each.explanation.cause, each.explanation.verdict].append(each)
    return tuple(
        CauseGroup(cause, members[0].explanation.code, members[0].explanation.layer, verdict, tuple(members))
        for (cause, verdict), members in groups.items()
    )


def _waits(case: Case, *, with_remedies: bool) -> ExplainedWaiting | None:
    """One of many with its answer; None where nothing of it waits."""
    served = served_of(case)
    if case.submission is None and served is None and standing(case).settled:
        return None
    if served is not None and served.trials is not None:
        return None  # each of its trials is told of by itself
    case.one_of_many = True
    each = _explained(case, with_remedies=with_remedies)
    cause = each.explanation.cause
    return each if cause not in _NOTHING_WAITS and (cause != UNKNOWN or _pends(case)) else None


def _telling(case: Case, each: ExplainedWaiting) -> _Telling | None:
    """What is the same for all of whom the same is to be told once; None of what is always told."""
    subject, namespace, cause = case.subject, case.namespace, each.explanation.cause
    match subject:
        case Pod() if group := subject.metadata.labels.get(_POD_GROUP):
            return namespace, group, cause
        case CronJob():
            return namespace, subject.metadata.uid, cause
        case Job() if (owner := subject.metadata.controller) is not None and owner.kind == "CronJob":
            return namespace, owner.uid, cause
        case _:
            return None


def _untold(case: Case, error: Exception) -> str:
    one = case.reference
    named = "/".join(shown(part) for part in (one.namespace, one.kind.lower(), one.name) if part)
    return f"{named}: why it waits could not be told ({type(error).__name__}: {shown(error)})"


def _explained(case: Case, *, with_remedies: bool) -> ExplainedWaiting:
    metadata = _metadata(case)
    since = metadata.creation_timestamp
    began = moment(since)
    waited = None if began is None else max(0.0, case.now - began / 1000)
    explanation = explain(case, with_remedies=with_remedies)
    called = metadata.annotations.get(JOB_NAME, "") if JOB in metadata.labels else ""
    return ExplainedWaiting(explanation, since, waited, case.source.name, metadata.labels, _at_work(case), called)


def _at_work(case: Case) -> PodsAtWork | None:
    subject = case.subject
    if isinstance(subject, CronJob) or served_of(case) is not None:
        return None
    running, living = len(case.running_pods), sum(not pod.ended for pod in case.pods)
    if isinstance(subject, DaemonSet):
        wanted = subject.status.desired_number_scheduled
    else:
        # Of what has ended in part nobody knows from the template alone how many are still to come.
        wanted = sum(each.count for each in case.to_come) if living == len(case.pods) else 0
    return PodsAtWork(running, max(living, wanted) - running)


def _metadata(case: Case) -> ObjectMeta:
    if case.subject is not None:
        return case.subject.metadata
    sent = case.submission.manifest if case.submission is not None else None
    return sent.metadata if sent is not None else ObjectMeta()


def _cases(snapshot: Snapshot, namespace: str) -> Iterator[Case]:
    first = snapshot.sources[0] if snapshot.sources else Source()
    for submission in snapshot.submissions:
        if namespace in {"", submission.subject.namespace}:
            yield Case(snapshot, first, submission.subject, None, submission)
    copies = _copies(snapshot)
    for source in snapshot.sources:
        index = Index(source)
        for each in _tops(index):
            here = namespace in {"", each.namespace} and not is_hidden(each.metadata)
            if here and (source.name, each.key) not in copies:
                yield Case(snapshot, source, reference_of(each), each, index=index)


def _copies(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    """Workloads that a manager has put into a worker, where both clusters are seen: told of as what they are a copy of.

    By cluster and namespace/name.
    """
    if len(snapshot.sources) < 2:
        return frozenset()
    every = [(source.name, each) for source in snapshot.sources for each in source.objects.workloads]
    own = {each.key for _, each in every if MULTIKUEUE_ORIGIN not in each.metadata.labels}
    return frozenset(
        (name, each.key) for name, each in every if MULTIKUEUE_ORIGIN in each.metadata.labels and each.key in own
    )


def _tops(index: Index) -> Iterator[Subject]:
    """What a person submitted; of a CronJob the Jobs too, each of which waits for itself."""
    for work in index.all_work():
        above = index.chain(work.metadata)
        if not above or isinstance(above[0], CronJob):
            yield work
    yield from living_subjects(index)
    for workload in index.objects.workloads:
        named = workload.metadata.owner_references
        owned = any(index.owner(each, workload.metadata) for each in named)
        if not owned and not _of_a_pod(index, workload):
            yield workload
    for pod in index.objects.pods:
        if index.owner(pod.metadata.controller, pod.metadata) is None:
            yield pod


def _of_a_pod(index: Index, workload: Subject) -> bool:
    return any(f"{workload.namespace}/{each.name}" in index.pods for each in workload.metadata.owner_references)


def _pends(case: Case) -> bool:
    """Whether something of it is there that does not run: else nothing is to be explained."""
    workload = case.workload
    queued = workload is not None and not workload.holds_quota and not workload.says("Finished")
    return case.submission is not None or queued or bool(case.waiting_pods or case.starting_pods)


def _unseen(snapshot: Snapshot, namespace: str, waiting: list[ExplainedWaiting]) -> tuple[str, ...]:
    said = {text for each in waiting for text in each.explanation.unseen}
    several = len(snapshot.sources) > 1
    for source in snapshot.sources:
        lines = ("not reached",) if source.unreached else unseen_in(source, namespace, WORK)
        said.update(f"{source.name}: {text}" if several else text for text in lines)
    return tuple(sorted(said))
