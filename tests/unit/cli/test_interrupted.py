"""Ctrl-C ends looking at jobs, with 130 and no word of an error; the job goes on."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.cli.commands.run import jobs, stopping
from allotment.model.jobs.run import JobState
from allotment.ports.event_service import StreamBegin, ToldEvent
from tests.unit.api.test_service import World
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_jobs_asked import submitted


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


class InterruptedClock:
    def now(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        raise KeyboardInterrupt


@pytest.mark.parametrize("call", [("ps", "-w"), ("logs", "-f", "train"), ("wait", "train")])
def test_ctrl_c_ends_looking_and_not_the_job(call: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    made = submitted(world)
    world.run(1)
    monkeypatch.setattr(jobs, "service_of", lambda _: world.desk)
    monkeypatch.setattr("allotment.wiring.clock", InterruptedClock)
    monkeypatch.setattr(world.desk, "log", interrupted)
    begin = ToldEvent(1, None, StreamBegin(1))
    monkeypatch.setattr(world.desk, "events", lambda _, team: iter([begin]), raising=False)
    monkeypatch.setattr(stopping, "waited_for", interrupted)
    done = run(*call)
    assert done.code == 130
    assert "error" not in done.err
    assert ("train" in done.out) == (call[0] == "ps")
    assert (f"stop {made}" in done.err) == (call[0] == "wait")
    assert world.desk.find(made).state is JobState.RUNNING
