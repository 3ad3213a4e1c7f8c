"""Use case: why does something wait? One subject with its remedies, or all that wait, grouped by cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from allotment.diagnose.case import Case, Subject, reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.standing import standing
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import CauseVerdict, Explanation, Layer
from allotment.model.observed.base import ObjectMeta, Reference
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.observed.work import CronJob
from allotment.observe.anonymous import is_hidden

UNKNOWN: Final = "unknown"
"""Cause of what waits and no rule says why."""
SETTLED: Final = "none"
"""Cause of what runs or is done."""


@dataclass(frozen=True, slots=True)
class ExplainedWaiting:
    """One that waits, with the answer.

    Attributes:
        since: RFC 3339, when it was created; empty where that is not known.
        waited: seconds from then to the snapshot; None where that is not known.
        source: the cluster's name.
        labels: its own.
    """

    explanation: Explanation
    since: str = ""
    waited: float | None = None
    source: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

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

    What a person submitted stands for its pods and its Workload. What runs, is done, or is nothing yet (a CronJob
    between two runs) is left out, and so is what a view hides. Each is told its dominant cause; those that contribute
    are for who asks about one.

    Args:
        snapshot: where to look.
        namespace: only there; empty = everywhere.
        with_remedies: whether remedies are tried; that takes its time for each.
    """
    waiting: list[ExplainedWaiting] = []
    for case in _cases(snapshot, namespace):
        if case.submission is None and standing(case).settled:
            continue
        case.one_of_many = True
        each = _explained(case, with_remedies=with_remedies)
        if each.explanation.cause != SETTLED and (each.explanation.cause != UNKNOWN or _pends(case)):
            waiting.append(each)
    waiting.sort(key=lambda each: (-(each.waited or 0.0), each.subject.namespace, each.subject.name))
    return WhyAll(snapshot.taken_at, namespace, tuple(waiting), _unseen(snapshot, waiting))


def grouped(waiting: tuple[ExplainedWaiting, ...]) -> tuple[CauseGroup, ...]:
    """By cause, those groups first in which somebody waits longest."""
    groups: dict[tuple[str, CauseVerdict | None], list[ExplainedWaiting]] = defaultdict(list)
    for each in waiting:
        groups[each.explanation.cause, each.explanation.verdict].append(each)
    return tuple(
        CauseGroup(cause, members[0].explanation.code, members[0].explanation.layer, verdict, tuple(members))
        for (cause, verdict), members in groups.items()
    )


def _explained(case: Case, *, with_remedies: bool) -> ExplainedWaiting:
    metadata = _metadata(case)
    since = metadata.creation_timestamp
    began = _seconds(since)
    waited = None if began is None else max(0.0, case.now - began)
    explanation = explain(case, with_remedies=with_remedies)
    return ExplainedWaiting(explanation, since, waited, case.source.name, metadata.labels)


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
    for source in snapshot.sources:
        index = Index(source)
        for each in _tops(index):
            if namespace in {"", each.namespace} and not is_hidden(each.metadata):
                yield Case(snapshot, source, reference_of(each), each, index=index)


def _tops(index: Index) -> Iterator[Subject]:
    """What a person submitted; of a CronJob the Jobs too, each of which waits for itself."""
    for work in index.all_work():
        above = index.owner(work.metadata.controller)
        if above is None or isinstance(above, CronJob):
            yield work
    for workload in index.objects.workloads:
        if not any(index.owner(each) for each in workload.metadata.owner_references) and not _of_a_pod(index, workload):
            yield workload
    for pod in index.objects.pods:
        if index.owner(pod.metadata.controller) is None:
            yield pod


def _of_a_pod(index: Index, workload: Subject) -> bool:
    return any(f"{workload.namespace}/{each.name}" in index.pods for each in workload.metadata.owner_references)


def _pends(case: Case) -> bool:
    """Whether something of it is there that does not run: else nothing is to be explained."""
    workload = case.workload
    queued = workload is not None and not workload.holds_quota and not workload.says("Finished")
    return case.submission is not None or queued or bool(case.waiting_pods or case.starting_pods)


def _seconds(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _unseen(snapshot: Snapshot, waiting: list[ExplainedWaiting]) -> tuple[str, ...]:
    said = [text for each in waiting for text in each.explanation.unseen]
    said += [
        f"{gap.what}{f' in {gap.namespace}' if gap.namespace else ''}: {gap.reason}"
        for source in snapshot.sources
        for gap in source.gaps
        if gap.reason in {"forbidden", "failed", "hidden"}
    ]
    return tuple(dict.fromkeys(said))
