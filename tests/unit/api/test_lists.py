"""Lists: some fields alone, counts that lead to what was counted, pages while jobs come and go, and 30 days back."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.adapters.store.tables import JOBS
from allotment.adapters.store.writing import SqlStore
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.ports.store import DAY_MS, KEPT_DAYS, JobFilter, JobGroup, JobsStore, PageMark, kept_since
from allotment.ports.stored_jobs import StoredJob
from tests.by_day import by_day
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.api.test_people import Hall, hall
from tests.unit.operations.run.machine import job

__all__ = ["hall"]
MANY = pytest.mark.parametrize(
    "many", [1_500, pytest.param(30_000, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])], ids="{} jobs".format
)
STATES = (JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED)


def stored(number: int, team: str = "nlp", owner: str = "ada", backend: str = "local", parent: str = "") -> StoredJob:
    at = 1_800_000_000_000 + number // 3
    history = JobHistory().become(Move(at, JobState.SUBMITTED, MoveCause.SUBMITTED))
    return StoredJob(f"j{number:07}", job(name=f"n{number % 7}", team=team), owner, backend, history, parent=parent)


@pytest.fixture(params=["memory", "SQLite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobsStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    with SqlitePlace(tmp_path / "store.db").writer("a test") as opened:
        yield opened


def kept(store: JobsStore, jobs: Sequence[StoredJob]) -> None:
    for start in range(0, len(jobs), 500):
        store.add_all(jobs[start : start + 500])


@MANY
def test_pages_have_each_job_once_while_others_come_and_go(store: JobsStore, many: int) -> None:
    chance = random.Random(1)
    there = [stored(number) for number in range(many)]
    kept(store, there)
    seen: list[str] = []
    after: PageMark | None = None
    gone: set[str] = set()
    for number in itertools.count(many):
        page = store.page(JobFilter(), after=after, limit=many // 10)
        seen += [each.id for each in page.rows]
        after = page.next
        if after is None:
            break
        store.add(stored(number * 3))
        gone.add(chance.choice(there).id)
        for each in gone - set(seen):
            store.discard(each)
            gone.remove(each)
            seen.append(each)  # it went before it was listed
    assert len(seen) == len(set(seen))
    assert {each.id for each in there} <= set(seen)


def some_of_each(number: int) -> StoredJob:
    """Jobs of three teams, of five people, in three states, in no even numbers."""
    team, owner = ("nlp", "nlp", "nlp", "cv", "recsys")[number % 5], f"person{number % 7 % 5}"
    job, moves = stored(number, team, owner), STATES[: (0, 1, 1, 2, 2, 2, 3)[number % 7]]
    history = job.history
    for each in moves:
        history = history.become(Move(job.submitted + 1, each, MoveCause.TAKEN, 1))
    return replace(job, history=history)


@MANY
def test_every_count_of_many_is_how_many_the_pages_of_its_list_have(store: JobsStore, many: int) -> None:
    there = [some_of_each(number) for number in range(many)]
    kept(store, there)
    assert [each.jobs for each in store.counts(JobFilter())] == [many]
    for by in ((JobGroup.STATE,), (JobGroup.TEAM, JobGroup.STATE), (JobGroup.OWNER,), (JobGroup.BACKEND,)):
        told = store.counts(JobFilter(), by)
        assert sum(each.jobs for each in told) == many
        truly = Counter(tuple(value_of(each, group) for group in by) for each in there)
        assert {tuple(each.of.values()): each.jobs for each in told} == truly
        for each in told:
            one = {group.value: value for group, value in each.of.items()}
            states = frozenset({JobState(one.pop("state"))}) if "state" in one else frozenset[JobState]()
            assert listed(store, JobFilter(states=states, **one)) == each.jobs, each  # type: ignore[arg-type]


def value_of(job: StoredJob, group: JobGroup) -> str:
    return {
        JobGroup.STATE: job.state.value,
        JobGroup.TEAM: job.job.team,
        JobGroup.OWNER: job.owner,
        JobGroup.BACKEND: job.backend,
    }[group]


def listed(store: JobsStore, wanted: JobFilter) -> int:
    """Jobs on all pages of a list; none is on two."""
    ids: list[str] = []
    after: PageMark | None = None
    while True:
        page = store.page(wanted, after=after, limit=1000)
        ids += [each.id for each in page.rows]
        if page.next is None:
            assert len(ids) == len(set(ids))
            return len(ids)
        after = page.next


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlitePlace(tmp_path / "store.db").writer("a test") as opened:
        assert isinstance(opened, SqlStore)
        yield opened


LETTERS = st.sampled_from(["nlp", "cv", "with space & more", "é"])


@settings(max_examples=by_day(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    jobs=st.lists(st.tuples(st.sampled_from(["nlp", "cv"]), LETTERS, LETTERS, st.booleans()), max_size=30),
    wanted=st.builds(
        JobFilter,
        team=st.sampled_from(["", "nlp"]),
        owner=st.sampled_from(["", "é"]),
        backend=st.sampled_from(["", "with space & more"]),
        prefix=st.sampled_from(["", "n1"]),
        states=st.sampled_from([frozenset(), frozenset({JobState.SUBMITTED}), frozenset({JobState.RUNNING})]),
        alone=st.booleans(),
    ),
    by=st.lists(st.sampled_from(JobGroup), unique=True, max_size=4),
)
def test_every_count_leads_to_a_list_of_exactly_that_length(
    jobs: list[tuple[str, str, str, bool]], wanted: JobFilter, by: Sequence[JobGroup], sqlite: SqlStore
) -> None:
    memory = MemoryStore()
    with sqlite._changing() as connection:
        connection.execute(sa.delete(JOBS))
    made = [
        stored(number, team, owner, backend, "j0000000" if member and number else "")
        for number, (team, owner, backend, member) in enumerate(jobs)
    ]
    for store in (memory, sqlite):
        store.add_all(made)
    found = memory.counts(wanted, by)
    assert sqlite.counts(wanted, by) == found
    assert sum(each.jobs for each in found) == len(memory.page(wanted, limit=1000).rows)
    for each in found:
        one = {group.value: value for group, value in each.of.items()}
        states = frozenset({JobState(one.pop("state"))}) if "state" in one else wanted.states
        assert len(sqlite.page(replace(wanted, states=states, **one), limit=1000).rows) == each.jobs  # type: ignore[arg-type]


def test_the_address_of_a_count_is_that_of_its_list_and_of_his_teams_alone(hall: Hall) -> None:
    for number, role in enumerate(("nlp-members", "platform-engineers")):
        text = hall.session(f"somebody{number}", role)
        for by in ("state", "team", "owner,backend", "team,state", ""):
            for more in ("", "&alone=true", "&prefix=secret", "&state=submitted,queued"):
                status, told = hall.asked("GET", "/api/v1/job-counts", text, query=f"by={by}{more}")
                assert status == 200, told
                for row in told["counts"]["rows"]:
                    address = urlsplit(row["list"])
                    _, page = hall.asked("GET", address.path, text, query=f"{address.query}&limit=1000")
                    assert len(page["page"]["rows"]) == row["jobs"], row
                total = sum(row["jobs"] for row in told["counts"]["rows"])
                assert told["counts"]["total"] == total == number + 1 or "state=" in more
    status, told = hall.asked("GET", "/api/v1/job-counts", text, query="by=colour")
    assert (status, "backend, owner" in told["fix"] or "state, team" in told["fix"]) == (400, True)


@pytest.mark.parametrize("path", ["jobs", "requests", "grants", "tokens", "people"])
def test_some_fields_alone(hall: Hall, path: str) -> None:
    hall.world.machine.store.keep_requests((stored_request("r0000001"),), (stored_grant("r0000001"),))
    admin = hall.session("root", "platform-engineers")
    wanted = {"name": "ci", "permissions": ["read"], "lasts": 99999, "team": ""}
    assert hall.asked("POST", "/api/v1/tokens", admin, {"version": 1, "wanted": wanted})[0] == 200
    _, whole = hall.asked("GET", f"/api/v1/{path}", admin)
    (first, *_) = whole["page"]["rows"]
    for fields in ("id", "id,team" if path in ("jobs", "grants", "tokens") else "id", ",".join(first)):
        status, told = hall.asked("GET", f"/api/v1/{path}", admin, query=urlencode({"fields": fields}))
        assert status == 200, told
        names = fields.split(",")
        assert told["page"]["next"] == whole["page"]["next"]
        assert told["page"]["rows"] == [{name: row[name] for name in names} for row in whole["page"]["rows"]]
    for wrong in ("nothing", "id,", "id.x", "id,,id", "__class__", " "):
        status, told = hall.asked("GET", f"/api/v1/{path}", admin, query=urlencode({"fields": wrong}))
        assert status == 400, (wrong, told)
    assert "id" in hall.asked("GET", f"/api/v1/{path}", admin, query="fields=nothing")[1]["fix"]
    assert hall.asked("GET", f"/api/v1/{path}", admin, query="fields=" + ",".join(["id"] * 101))[0] == 400


def test_fields_within_others_and_of_each_of_several(hall: Hall) -> None:
    hall.world.machine.store.keep_requests((stored_request("r0000001"),), ())
    admin = hall.session("root", "platform-engineers")
    query = urlencode({"fields": "wish.team,terms.shares.devices,wish.kind"})
    _, told = hall.asked("GET", "/api/v1/requests", admin, query=query)
    assert told["page"]["rows"] == [{"wish": {"team": "nlp", "kind": "gpus"}, "terms": {"shares": [{"devices": 4}]}}]
    status, said = hall.asked("GET", "/api/v1/requests", admin, query="fields=wish.colour")
    assert (status, "within wish" in said["fix"]) == (400, True)


def test_a_job_is_found_for_thirty_days_after_its_end(hall: Hall) -> None:
    world = hall.world
    world.desk.stop("j0")
    world.run(30)
    ended = world.desk.find("j0").ended
    assert ended is not None
    store = world.machine.store
    for days, found in ((KEPT_DAYS - 0.01, 200), (KEPT_DAYS + 0.01, 404)):
        now = ended + round(days * DAY_MS)
        store.prune(kept_since(now))
        text = hall.session("ada", "nlp-members")
        assert hall.asked("GET", "/api/v1/jobs/j0", text)[0] == found
        assert len(hall.asked("GET", "/api/v1/jobs", text)[1]["page"]["rows"]) == (found == 200)


def test_some_lines_of_a_log(hall: Hall) -> None:
    hall.world.run(30)
    text = hall.session("ada", "nlp-members")

    def found(query: str) -> Any:
        status, told = hall.asked("GET", "/api/v1/jobs/j0/lines", text, query=query)
        return told["found"] if status == 200 else status

    assert [each["text"] for each in found("")["lines"]] == ["hello", "world"]
    assert [each["number"] for each in found("grep=wor*d")["lines"]] == [1]
    assert [each["number"] for each in found("from=1&to=2")["lines"]] == [1]
    assert found("limit=1")["next"] == 1
    assert found("from=-1") == found("to=x") == 400
    foreign, absent = (hall.asked("GET", f"/api/v1/jobs/{each}/lines", text) for each in ("j1", "j9"))
    assert foreign[0] == absent[0] == 404
