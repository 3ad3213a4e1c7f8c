"""What goes wrong with one job of this machine is that job's; what the machine lacks for a while is nobody's fault."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from allotment.errors import AllotmentError, NoRoomError
from allotment.model.jobs.job import CheckpointPolicy, RetryPolicy
from allotment.model.jobs.run import JobState
from allotment.operations.run.local.attempts import LaunchPause
from tests.unit.operations.run.machine import Machine, job

CKPT = CheckpointPolicy("ckpt", 1, 5)
FULL = NoRoomError("the launch could not be started", why="No space left on device", fix="make room")


def states(machine: Machine, *ids: str) -> list[JobState]:
    return [machine.store.get(each).state for each in ids]


def fails(first: Callable[..., Any], error: Exception, when: Callable[..., bool]) -> Callable[..., Any]:
    """As `first`, but where it raises."""

    def asked(*given: Any, **named: Any) -> Any:
        if when(*given):
            raise error
        return first(*given, **named)

    return asked


@pytest.mark.parametrize("error", [OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG)), ValueError("NUL")])
@pytest.mark.parametrize("code", ["", "/code/c1"])
def test_whoever_cannot_be_launched_fails_alone(
    error: Exception, code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine()
    monkeypatch.setattr(machine.folders, "link", fails(machine.folders.link, error, lambda *given: "bad" in given[1]))
    bad = machine.submit(job(checkpoint=replace(CKPT, directory="bad")), code)
    others = [machine.submit(job(checkpoint=CKPT), code), machine.submit(job(team="cv"), code)]
    machine.run(15)
    assert states(machine, bad, *others) == [JobState.FAILED, JobState.SUCCEEDED, JobState.SUCCEEDED]
    assert type(error).__name__ in machine.store.get(bad).history.moves[-1].said
    assert "Traceback" in capsys.readouterr().err
    later = machine.submit(job(devices=2))
    machine.run(15)
    assert states(machine, later) == [JobState.SUCCEEDED]


def test_who_was_let_in_and_could_not_be_begun_is_let_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    unreadable, broken = AllotmentError("a record cannot be read", why="it is no file"), [True]
    earlier = machine.backend._earlier
    devices = fails(earlier.devices_of_unknown, unreadable, lambda: broken[0])
    monkeypatch.setattr(earlier, "devices_of_unknown", devices)
    ids = [machine.submit(job(devices=2)), machine.submit(job(team="cv", devices=2))]
    machine.run(2)
    assert states(machine, *ids) == [JobState.QUEUED] * 2
    assert {each.reason for each in machine.backend.look()} == {"a record cannot be read: it is no file"}
    broken[0] = False
    machine.run(15)
    assert states(machine, *ids) == [JobState.SUCCEEDED] * 2


@pytest.mark.parametrize("error", [AllotmentError("a record cannot be read"), RuntimeError("a mistake")])
def test_who_cannot_be_looked_at_keeps_nobody_else_from_being_seen_to_end(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    hidden, seen = machine.submit(job("long")), machine.submit(job(team="cv"))
    machine.run(1)
    look = fails(machine.processes.look, error, lambda launch: launch.startswith(hidden))
    monkeypatch.setattr(machine.processes, "look", look)
    machine.run(15)
    assert states(machine, hidden, seen) == [JobState.RUNNING, JobState.SUCCEEDED]
    (shown,) = machine.backend.look()
    assert str(error).splitlines()[0].removeprefix("error: ") in shown.reason
    monkeypatch.undo()
    machine.run(1)
    (shown,) = machine.backend.look()
    assert shown.reason == ""


def test_for_want_of_room_nobody_fails_and_all_run_once_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    running = machine.submit(job("long", team="cv"))
    machine.run(1)
    full, tried = [True], [0]

    def no_room(_launch: object) -> bool:
        tried[0] += full[0]
        return full[0]

    monkeypatch.setattr(machine.processes, "launch", fails(machine.processes.launch, FULL, no_room))
    waiting = [machine.submit(job(devices=1, retries=RetryPolicy(limit=0))) for _ in range(6)]
    machine.run(600)
    assert states(machine, running, *waiting) == [JobState.RUNNING, *[JobState.QUEUED] * 6]
    assert {each.reason for each in machine.backend.look() if each.id != running} == {
        "it could not be started: the launch could not be started: No space left on device"
    }
    assert tried[0] < 60, "the longer it lasts, the seldomer it is tried"
    full[0] = False
    machine.run(120)
    assert states(machine, running, *waiting) == [JobState.RUNNING, *[JobState.SUCCEEDED] * 6]
    assert all(machine.store.get(each).history.moves[-1].said == "exit code 0" for each in waiting)


def test_what_has_no_room_for_ever_fails_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    monkeypatch.setattr(machine.processes, "launch", fails(machine.processes.launch, FULL, lambda _launch: True))
    one = machine.submit(job())
    machine.run(3 * 3600, every=30)
    assert states(machine, one) == [JobState.FAILED]
    assert "No space left" in machine.store.get(one).history.moves[-1].said


def test_a_pause_grows_to_a_minute_and_a_clock_that_is_set_back_ends_it() -> None:
    pause, now, lengths = LaunchPause(), 1_000_000, []
    for _ in range(8):
        pause.begin("full", now)
        pause.begin("full", now)  # of several in one pass the first counts
        lengths.append(pause.until - now)
        now = pause.until
        assert not pause.holds(now)
    assert lengths == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    pause.begin("full", now)
    assert pause.holds(now + 1)
    assert not pause.holds(now - 3_600_000)
    pause.over()
    assert (pause.holds(now), pause.why) == (False, "")
