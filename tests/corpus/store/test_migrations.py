"""From every released version of the tables to this one, with all that they held."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from allotment.adapters.store import schema
from allotment.adapters.store.sqlite import SqlitePlace, driver
from allotment.adapters.store.tables import METADATA
from allotment.errors import InputError
from allotment.model.jobs.run import JobState
from allotment.operations.account.trail import gone_along
from allotment.ports.journal import SubjectKind
from allotment.ports.requests import RequestFilter
from allotment.ports.store import JobFilter, SchemaError, StoreError
from tests.unit.adapters.store.jobs import submitted

pytestmark = pytest.mark.corpus
RELEASED = sorted((Path(__file__).parents[2] / "data" / "store").glob("*.sql"))
"""What a store of each version held, as SQL: one that was released is never changed."""


def laid(file: Path, path: Path) -> SqlitePlace:
    with closing(driver().connect(str(path))) as connection:
        connection.executescript(file.read_text(encoding="utf-8"))
    return SqlitePlace(path)


def test_there_is_a_store_of_every_version() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    steps = ScriptDirectory.from_config(config)
    versions = [each.revision for each in steps.walk_revisions()]
    assert steps.get_heads() == [schema.HEAD] == versions[:1]
    assert versions == sorted(versions, reverse=True), "versions are compared as text"
    assert [each.stem for each in RELEASED] == sorted(versions)


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_a_store_of_that_version_comes_to_this_one_with_all_that_it_held(tmp_path: Path, file: Path) -> None:
    place = laid(file, tmp_path / "store.db")
    with place.writer("a test") as store:
        job = store.get("j1")
        assert (job.state, job.job.name, job.owner, job.native) == (JobState.FAILED, "train", "ada", "4711")
        assert (len(job.history.moves), len(job.attempts), len(job.events), len(job.waits)) == (4, 1, 1, 1)
        assert job.use is not None
        assert [each.id for each in store.unfinished()] == ["j2"]
        (interval,) = store.device_times(0, 2_000_000_000_000)
        assert interval.use.job == "j1"
        if file.stem >= "0002":
            trial, sweep = store.get("j5-t1"), store.get("j5")
            assert (trial.parent, trial.number, sweep.parent, sweep.number) == ("j5", 1, "", 0)
            assert trial.metric is not None
            assert sweep.standing is not None
            assert (trial.metric.values, sweep.standing.best_number) == ((0.5,), 1)
        measured = job.attempts[0].measured
        assert (measured is not None) == (file.stem >= "0003")
        if measured is not None:
            assert measured.mark is not None
            assert (measured.by_percent, measured.mark.rule) == (((0, 5000), (90, 5000)), "idle-30m")
        assert store.get("j1").parent == ""
        trail = list(store.whole_audit())
        assert [each.act.verb for each in trail] == (["job.submit", "job.stop"] if file.stem >= "0004" else [])
        assert gone_along(trail).sound
        tokens = {each.id: (each.person, each.session) for each in store.tokens()}
        assert tokens.get("abcdefgh") == (("", False) if file.stem >= "0005" else None)
        assert tokens.get("abcdefgj") == (("abcdefgi", True) if file.stem >= "0006" else None)
        assert [each.groups for each in store.people()] == ([("acme-nlp",)] if file.stem >= "0006" else [])
        # Requests of before 0009 bear no platform's name, and are any platform's.
        kept = ["r0000001"] * (file.stem >= "0007") + ["r0000002"] * (file.stem >= "0009")
        assert [each.id for each in store.grants(platform="acme")] == kept
        assert [each.id for each in store.grants(platform="other")] == kept[:1]
        assert [each.id for each in store.requests(RequestFilter(platform="acme"))] == kept[::-1]
        assert [each.id for each in store.due_requests(1_800_000_000_001, platform="acme")] == kept
        assert store.due_requests(1_800_000_000_000) == ()
        told = [(each.receiver, each.state.value) for each in store.notices.deliveries()], len(store.notices.told())
        assert told == (([("nlp-chat", "told"), ("leads", "waiting")], 1) if file.stem >= "0008" else ([], 0))
        sealed = [each.cluster for each in store.cluster_credentials("acme")]
        assert sealed == (["training"] if file.stem >= "0010" else [])
        derived = [each.id for each in store.derived(SubjectKind.QUEUE)]
        assert derived == ["training-eastus/nlp"] * (file.stem >= "0010")
        changes = store.changes(1)
        assert (changes.known, [each.now for each in changes.changes]) == (True, [*store.derived(SubjectKind.QUEUE)])
        kept_call = store.kept_call("c1")
        assert (kept_call is not None and kept_call.subject == "job/j1") == (file.stem >= "0010")
        store.add(submitted("j3"))
        assert len(store.changes(changes.until).changes) == 1
    assert place.status().schema == schema.HEAD
    with closing(driver().connect(str(place.path))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("file", RELEASED[-2:], ids=lambda file: file.stem)
def test_hours_of_queues_come_along_and_are_none_where_nobody_kept_them(tmp_path: Path, file: Path) -> None:
    with laid(file, tmp_path / "store.db").writer("a test") as store:
        hours = [(each.queue, each.used) for each in store.queue_hours("acme", 0)]
        assert hours == [("nlp", 60)] * (file.stem >= "0011")


def test_what_the_steps_make_is_what_the_program_works_with(place: SqlitePlace) -> None:
    with place.writer("a test") as store, store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_step_that_fails_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"

    def broken(*_args: object, **_more: object) -> None:
        raise sa.exc.ArgumentError("no such thing")

    monkeypatch.setattr("alembic.op.create_index", broken)
    with pytest.raises(StoreError, match="the store fails"), SqlitePlace(path).writer("a test"):
        pass
    monkeypatch.undo()
    with closing(driver().connect(str(path))) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []
    with SqlitePlace(path).writer("a test") as store:
        store.add(submitted("j1"))


def test_a_reader_does_not_bring_forward(place: SqlitePlace) -> None:
    with closing(driver().connect(str(place.path))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    with pytest.raises(SchemaError, match="older version") as caught, place.reader():
        pass
    assert "0000" in caught.value.why
    assert schema.HEAD in caught.value.why


def test_a_job_of_a_newer_program_is_named_and_the_others_are_listed(place: SqlitePlace) -> None:
    with place.writer("a test") as store:
        store.add(submitted("j1"))
        store.add(submitted("j2"))
        with closing(driver().connect(str(place.path))) as connection:
            connection.execute("UPDATE jobs SET asked = replace(asked, '\"gang\"', '\"gang2\"') WHERE id = 'j1'")
            connection.commit()
        with pytest.raises(InputError, match="job j1: this job was written by a newer version") as caught:
            store.get("j1")
        assert "job.gang2" in caught.value.why
        assert store.get("j2").id == "j2"
        assert [each.id for each in store.page(JobFilter()).rows] == ["j2", "j1"]
