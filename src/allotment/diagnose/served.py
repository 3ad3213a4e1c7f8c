"""Jobs that the server of this machine keeps, as subjects that can be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.model import labels
from allotment.model.jobs.run import JobState
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.served import ServedJob
from allotment.model.observed.work import Owner

SERVED_API: Final = "allotment.dev/v1"
"""API of what is no object of a cluster."""


def served_subjects(index: Index) -> Iterator[Owner]:
    """One for each, with its id as the uid."""
    yield from map(_subject, index.source.served)


def living_subjects(index: Index) -> Iterator[Owner]:
    """Those that are not over."""
    yield from (_subject(each) for each in index.source.served if each.state not in OVER)


def served_of(case: Case) -> ServedJob | None:
    """What the server keeps of a subject; None of an object of a back end."""
    subject = case.subject
    if not isinstance(subject, Owner) or subject.api_version != SERVED_API:
        return None
    return next((each for each in case.source.served if each.id == subject.metadata.uid), None)


OVER: Final = frozenset(each.value for each in JobState if each.over)
"""States of a job after which nothing comes."""


def _subject(each: ServedJob) -> Owner:
    metadata = ObjectMeta(
        name=each.name,
        namespace=each.namespace,
        uid=each.id,
        creation_timestamp=each.submitted,
        labels={labels.JOB: each.id, labels.JOB_PART: labels.JOB_MAIN},
        annotations={labels.JOB_NAME: each.called},
    )
    return Owner(api_version=SERVED_API, kind=each.kind, metadata=metadata)
