"""Why a job waits is told as long as it does, and to a team without the names of others' work."""

from __future__ import annotations

import json
from dataclasses import replace

from allotment.adapters.store.fake import MemoryStore
from allotment.api.deriving import tell_findings
from allotment.model.jobs.run import JobState
from allotment.operations.watch.findings import WaitingJobs
from allotment.ports.journal import SubjectKind
from allotment.ports.stored_jobs import StoredChange, StoredWait
from tests.unit.adapters.store.jobs import NOW, moved, submitted

WHY = "no room so far, last by secret-of-cv"
WAIT = StoredWait(NOW, "ALT-1301", "QuotaExceeded", WHY)


def told(store: MemoryStore, waiting: WaitingJobs, *teams: str) -> dict[str, object]:
    failed: list[str] = []
    tell_findings(store, waiting, teams, failed.append, anew=True)
    assert failed == []
    return {each.id: json.loads(each.written)["said"] for each in store.derived(SubjectKind.FINDING)}


def test_a_finding_is_there_as_long_as_its_job_waits() -> None:
    store = MemoryStore()
    job = store.add(submitted("j1"))
    store.add(submitted("j2", team="cv"))
    (job,) = store.record([replace(moved(job, JobState.QUEUED), waits=(WAIT,))])
    waiting = WaitingJobs(store)
    assert told(store, waiting, "", "nlp", "cv") == {"local/j1": WHY, "local/j1@nlp": "no room so far"}
    head = store.journal_head()
    assert told(store, waiting, "", "nlp", "cv")
    assert store.journal_head() == head, "the same is told once"
    (job,) = store.record([StoredChange("j1", job.version, waits=(replace(WAIT, said="other"),))])
    assert told(store, waiting, "nlp") == {"local/j1": WHY, "local/j1@nlp": "other"}, "only for whoever follows"
    (job,) = store.record([StoredChange("j1", job.version, waits=(replace(WAIT, until=NOW + 1),))])
    assert told(store, waiting, "", "nlp") == {}


def test_what_ends_is_forgotten_or_was_missed_waits_no_more() -> None:
    store = MemoryStore()
    waiting = WaitingJobs(store)
    for id_ in ("j1", "j2", "j3"):
        job = store.add(submitted(id_))
        (job,) = store.record([replace(moved(job, JobState.QUEUED), waits=(WAIT,))])
        assert f"local/{id_}" in told(store, waiting, "")
    store.discard("j1")
    assert sorted(told(store, waiting, "")) == ["local/j2", "local/j3"]
    store.record([moved(store.get("j2"), JobState.STOPPED)])
    store.prune_journal(0, most=1)
    store.discard("j3")
    store.prune_journal(0, most=1)
    assert told(store, waiting, "") == {}
