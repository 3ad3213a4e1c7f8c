"""Counts that are remembered are those that would be counted now, whatever was changed in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.api.counting import CountingStore
from allotment.errors import UnreachableError
from allotment.model.jobs.run import JobState
from allotment.ports.device_times import DeviceTurn
from allotment.ports.store import JobFilter, JobGroup, JobsCount
from allotment.ports.stored_jobs import StoredChange, StoredJob
from tests.unit.adapters.store.jobs import moved, submitted

TEAMS = ("cv", "nlp", "speech")
STATE_AND_TEAM = (JobGroup.STATE, JobGroup.TEAM)


class AskedStore(MemoryStore):
    """Remembers of which teams it was asked, and may lose its answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[frozenset[str] | None] = []
        self.loses = False

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        self.asked.append(wanted.within)
        return super().counts(wanted, by)

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        kept = super().record(changes, turns)
        if self.loses:
            raise UnreachableError("the connection was lost")
        return kept


def test_only_the_teams_of_which_a_job_has_changed_are_counted_again() -> None:
    behind = AskedStore()
    store = CountingStore(behind)  # type: ignore[arg-type]
    jobs = [store.add(submitted(f"{team}-1", team=team)) for team in TEAMS]
    for _ in range(2):
        assert len(store.counts(JobFilter(alone=True), STATE_AND_TEAM)) == 3
    store.record([moved(jobs[1], JobState.QUEUED)])
    assert store.counts(JobFilter(alone=True), STATE_AND_TEAM) == behind.counts(JobFilter(alone=True), STATE_AND_TEAM)
    assert behind.asked[:-1] == [None, frozenset({"nlp"})]


def test_where_nobody_knows_whether_a_change_was_kept_all_is_counted_again() -> None:
    behind = AskedStore()
    store = CountingStore(behind)  # type: ignore[arg-type]
    job = store.add(submitted("nlp-1", team="nlp"))
    store.counts(JobFilter(), STATE_AND_TEAM)
    behind.loses = True
    with pytest.raises(UnreachableError):
        store.record([moved(job, JobState.QUEUED)])
    assert [each.of[JobGroup.STATE] for each in store.counts(JobFilter(), STATE_AND_TEAM)] == ["queued"]


FILTERS = st.builds(
    JobFilter,
    states=st.sampled_from([frozenset(), frozenset({JobState.QUEUED}), frozenset({JobState.STOPPED})]),
    team=st.sampled_from(["", "nlp"]),
    backend=st.sampled_from(["", "local"]),
    alone=st.booleans(),
    within=st.sampled_from([None, frozenset({"nlp", "cv"})]),
)
GROUPS = st.lists(st.sampled_from(list(JobGroup)), unique=True).map(tuple)
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(TEAMS)),
        st.tuples(st.sampled_from(["queue", "stop", "discard"]), st.integers(0, 30)),
        st.tuples(st.just("count"), FILTERS, GROUPS),
        st.tuples(st.just("prune")),
    ),
    max_size=25,
)


@given(ACTS)
def test_counts_are_those_of_now(acts: list[tuple[object, ...]]) -> None:
    behind = MemoryStore()
    store = CountingStore(behind)  # type: ignore[arg-type]
    jobs, ids = dict[str, StoredJob](), count()
    for act in acts:
        match act:
            case ("add", str(team)):
                number = next(ids)
                parent = next(iter(jobs), "") if number % 3 == 0 else ""
                jobs[f"j{number}"] = store.add(replace(submitted(f"j{number}", team=team), parent=parent))
            case ("queue" | "stop" as verb, int(number)) if jobs:
                one = [*jobs.values()][number % len(jobs)]
                state = JobState.QUEUED if verb == "queue" else JobState.STOPPED
                if one.history.may(state):
                    (jobs[one.id],) = store.record([moved(one, state)])
            case ("discard", int(number)) if jobs:
                one = [*jobs.values()][number % len(jobs)]
                if one.state.over:
                    store.discard(one.id)
                    del jobs[one.id]
            case ("prune",):
                store.prune(1 << 50)
                jobs = {each: job for each, job in jobs.items() if not job.state.over}
            case ("count", JobFilter() as wanted, tuple(by)):
                assert store.counts(wanted, by) == behind.counts(wanted, by)
    for wanted in (JobFilter(), JobFilter(alone=True)):
        assert store.counts(wanted, STATE_AND_TEAM) == behind.counts(wanted, STATE_AND_TEAM)
