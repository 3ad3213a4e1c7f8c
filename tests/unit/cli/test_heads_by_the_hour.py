"""A server says every hour how far its trail goes; what is cut off afterwards `allot audit verify --heads` names."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Event

import pytest

from allotment.adapters.store.sqlite import SqlitePlace
from allotment.api.upkeep import answered_for, witness
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditVerb, act_of
from allotment.model.audit.chain import heads_in
from allotment.operations.run.desk import ServerIdentity
from allotment.ports.clock import epoch_ms
from allotment.ports.store import JobsStore, StoreError
from tests.unit.cli.conftest import Run
from tests.unit.operations.run.machine import TestClock

HOUR = 3600.0
ADA = Caller("ada", CallerKind.LOCAL, "unix socket")
SERVER = ServerIdentity("acme", "", ("nlp",), "ada", "1", 7)


class KilledError(Exception):
    """The server ends here, without a word."""


class Hours(Event):
    """Time in which so much is done hour by hour; then the server is killed."""

    def __init__(self, store: JobsStore, clock: TestClock, *acts: int) -> None:
        super().__init__()
        self._store, self._clock, self._left = store, clock, list(acts)
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if not self._left:
            raise KilledError
        assert timeout is not None
        for _ in range(self._left.pop(0)):
            self._store.audit([act_of(ADA, AuditVerb.JOB_STOPPED, epoch_ms(self._clock))])
        self._clock.sleep(timeout)
        return False


def witnessed(place: SqlitePlace, *acts: int) -> list[float | None]:
    """A server's life; how long it has waited for each head."""
    clock = TestClock()
    with place.writer("a test") as store:
        hours, telling = Hours(store, clock, *acts), answered_for(store, SERVER, clock)
        telling.__enter__()
        with pytest.raises(KilledError):
            witness(store, hours)
    return hours.waited


def cut_off(place: SqlitePlace, last: int) -> None:
    """Whoever can write the file takes the newest entries out of it."""
    with sqlite3.connect(place.path) as database:
        assert database.execute("DELETE FROM audit WHERE number > ?", (last,)).rowcount
    database.close()


def test_the_head_goes_out_every_hour_in_which_something_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = SqlitePlace(tmp_path / "store.db")
    waited = witnessed(place, 2, 0, 3, 0)
    assert waited == [HOUR] * 5
    with place.reader() as store:
        trail = [each.head for each in store.whole_audit()]  # type: ignore[union-attr]
    # Its start, and then as far as each hour came; one in which nothing was done repeats none.
    assert list(heads_in(capsys.readouterr().err)) == [trail[number - 1] for number in (1, 3, 6)]


def test_a_trail_that_cannot_be_read_is_said_and_looked_at_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = SqlitePlace(tmp_path / "store.db")
    witnessed(place, 1)
    with place.writer("a test") as store:
        find, calls = store.audit_head, iter([True, False])
        monkeypatch.setattr(store, "audit_head", lambda: _failing() if next(calls) else find())
        capsys.readouterr()
        with pytest.raises(KilledError):
            witness(store, Hours(store, TestClock(), 1, 0))
    said = capsys.readouterr().err
    assert said.startswith("the audit trail cannot be read: ")
    assert [each.number for each in heads_in(said)] == [3]


def _failing() -> None:
    raise StoreError("the disk is gone")


@pytest.mark.parametrize(("last", "noticed"), [(5, True), (3, True), (6, False)])
def test_what_is_cut_off_behind_a_head_is_noticed_by_that_head_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], run: Run, last: int, noticed: bool
) -> None:
    place, log = SqlitePlace(tmp_path / "store.db"), tmp_path / "server.log"
    witnessed(place, 2, 3)  # heads of 1, 3 and 6
    with place.writer("a test") as store:
        store.audit([act_of(ADA, AuditVerb.JOB_STOPPED, 0)])  # no head of it was written any more
    log.write_text(f"it has started\n{capsys.readouterr().err}2026-11-28 and so on\n", encoding="utf-8")
    words = ("audit", "verify", "--store", str(place.path))
    assert run(*words, "--heads", str(log)).code == 0
    cut_off(place, last)
    assert run(*words).code == 0, "a chain that ends earlier is sound in itself"
    told = run(*words, "--heads", str(log))
    assert told.code == int(noticed)
    said = f"the chain ends at entry {last}, and a head of entry 6 was written down: the newest entries were cut off"
    assert (said in told.out) == noticed, told.out
