"""One row that cannot be read hinders nobody: it is left out, told, and can be got rid of."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from allotment.adapters.store.sqlite import SqlitePlace, driver
from allotment.errors import NotFoundError
from allotment.model.jobs.job import DependencyState, JobDependency
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import UseSummary
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.operations.run.lane import Serving
from allotment.ports.store import JobFilter
from tests.unit.adapters.store.jobs import submitted
from tests.unit.api.test_service import Shelf
from tests.unit.operations.run.machine import Machine, job

pytestmark = pytest.mark.corpus


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE jobs SET asked = replace(asked, '\"gang\"', '\"gang2\"') WHERE id = 'j1'", "a newer version"),
        ("UPDATE jobs SET asked = '{' WHERE id = 'j1'", "damaged"),
        ("UPDATE jobs SET asked = '{\"version\": 1, \"job\": {}}' WHERE id = 'j1'", "damaged"),
        ("UPDATE moves SET state = 'dancing' WHERE job = 'j1'", "dancing"),
        ("DELETE FROM moves WHERE job = 'j1'", "no history"),
        ("UPDATE jobs SET state = 'dancing' WHERE id = 'j1'", ""),
    ],
)
def test_a_job_that_cannot_be_read_is_left_out_told_and_can_be_forgotten(
    place: SqlitePlace, damage: str, why: str
) -> None:
    with place.writer("a test") as store:
        store.add(submitted("j1"))
        store.add(submitted("j2"))
        with closing(driver().connect(str(place.path))) as connection:
            connection.execute(damage)
            connection.commit()
        if why:
            assert [each.id for each in store.unfinished()] == ["j2"]
            (told,) = store.unreadable()
            assert (told.id, told.backend) == ("j1", "local")
            assert why in told.why
        ids = ["j2", "j1"] if "jobs SET state" not in damage else ["j2"]
        assert [each.id for each in store.page(JobFilter(), limit=2).rows] == ids
        assert sum(place.status().jobs.values()) == len(ids)
        store.discard("j1")
        assert store.unreadable() == ()
        with pytest.raises(NotFoundError):
            store.discard("j1")


def test_a_use_that_cannot_be_read_costs_nothing_and_hides_no_other(place: SqlitePlace) -> None:
    with place.writer("a test") as store:
        for each in ("j1", "j2"):
            store.add(replace(submitted(each), use=UseSummary(run_ms=5, held_ms=10, cost=4)))
        with closing(driver().connect(str(place.path))) as connection:
            connection.execute("UPDATE jobs SET used = '{' WHERE id = 'j1'")
            connection.commit()
        assert store.cost("nlp", 0) == 4


def test_a_server_goes_on_beside_a_job_that_cannot_be_read(place: SqlitePlace) -> None:
    with place.writer("a test") as store:
        machine = Machine(store=store)
        bad, good = machine.submit(job("long", devices=2)), machine.submit(job("long", team="cv", devices=2))
        machine.run(1)
        waits = machine.submit(job(after=(JobDependency(bad, DependencyState.SUCCEEDED),)))
        with closing(driver().connect(str(place.path))) as connection:
            connection.execute(f"UPDATE jobs SET asked = '[' WHERE id = '{bad}'")
            connection.commit()
        machine.run(1)
        machine.reconciler.stop(good, 0, "ada stopped it", machine.now)
        machine.run(1)
        assert store.get(good).state is JobState.STOPPED, "nobody is held up while it runs"
        machine.restart()
        machine.run(1)
        assert store.get(waits).state is JobState.HELD
        identity = ServerIdentity("acme", "", ("nlp", "cv"), "ada", "1", 1)
        desk = Desk(identity, store, lambda _: Serving(machine.backend), Shelf(), machine.clock, lambda: "j9")
        assert [bad in said and "store forget" in said for said in desk.status().told] == [True]
        rows = {row.id: row.said for row in desk.page(JobFilter()).rows}
        assert f"allot store forget {bad}" in rows[bad]
        assert "store forget" not in rows[good]
