"""Jobs that do not end when they are told to, working copies that take long, and many jobs that wait."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allotment.errors import InputError
from allotment.model.jobs.job import CheckpointPolicy
from allotment.model.jobs.run import JobState, MoveCause
from allotment.operations.run.local.launching import launch_id
from tests.unit.operations.run.machine import Machine, NamedFolders, job


@pytest.mark.parametrize("program", ["deaf", "deafer"])
@pytest.mark.parametrize("anew", [False, True])
def test_what_does_not_end_in_its_time_is_killed_by_the_server(program: str, *, anew: bool) -> None:
    machine = Machine()
    one = machine.submit(job(program, devices=4))
    machine.run(1)
    machine.reconciler.stop(one, 10, "ada stopped it", machine.now)
    if anew:
        machine.restart()  # its own grace counts from then on
    machine.run(69 if not anew else 89)
    assert machine.store.get(one).state is JobState.STOPPING
    after = machine.submit(job("quick", devices=4, team="cv"))
    machine.run(22 if not anew else 12)
    assert machine.store.get(one).state is JobState.STOPPED
    assert machine.store.get(after).state in {JobState.RUNNING, JobState.SUCCEEDED}


def test_a_device_is_free_only_once_processes_that_the_kernel_holds_have_ended() -> None:
    machine = Machine()
    machine.submit(job("long", team="cv", devices=2))
    one = machine.submit(job("immortal", devices=2, checkpoint=CheckpointPolicy("/c", 1, 5)))
    machine.run(1)
    after = machine.submit(job("quick", devices=2, priority="scheduled-training"))
    machine.run(120)
    held = machine.store.get(one)
    assert held.state is JobState.STOPPING
    assert "the kernel holds processes of it that were killed (1004)" in held.waits[-1].said
    assert machine.store.get(after).state is JobState.QUEUED
    machine.restart()
    machine.run(5)
    assert machine.store.get(after).state is JobState.QUEUED, "nor is it after a restart"
    machine.processes.let_go(launch_id(one, 1, 0))
    machine.run(15)
    assert machine.store.get(after).state is JobState.SUCCEEDED
    moves = [(each.state, each.cause) for each in machine.store.get(one).history.moves]
    assert (JobState.QUEUED, MoveCause.PREEMPTED) in moves


class SlowFolders(NamedFolders):
    """Working copies that are counted, and that cannot be made of what is broken."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def working_copy(self, job_id: str, attempt: int, packed: str) -> str:
        if packed == "broken":
            raise InputError("the code cannot be unpacked", why="it is cut off")
        self.made.append(f"{job_id}/{attempt}")
        return super().working_copy(job_id, attempt, packed)


def test_while_a_working_copy_is_made_all_else_goes_on() -> None:
    waiting: list[Callable[[], None]] = []
    machine = Machine(folders=SlowFolders(), beside=waiting.append)
    slow, broken, stopped = (machine.submit(job(devices=1), code=each) for each in ("a", "broken", "c"))
    machine.run(1)
    quick = machine.submit(job(devices=1, team="cv"))
    machine.run(12)
    assert machine.store.get(quick).state is JobState.SUCCEEDED
    for each in (slow, broken, stopped):
        assert machine.store.get(each).state is JobState.STARTING
    machine.reconciler.stop(stopped, 0, "ada stopped it", machine.now)
    machine.run(1)
    assert machine.store.get(stopped).state is JobState.STOPPING, "its copy is still being made"
    for each in waiting[:]:
        each()
    machine.run(12)
    assert machine.store.get(slow).state is JobState.SUCCEEDED
    assert machine.store.get(stopped).state is JobState.STOPPED
    said = machine.store.get(broken).history.moves[-1].said
    assert (machine.store.get(broken).state, "it is cut off" in said) == (JobState.FAILED, True)
    ran = [each.id for each in machine.processes.found()]
    assert ran == [launch_id(slow, 1, 0), launch_id(quick, 1, 0)] or set(ran) == {f"{slow}-1-0", f"{quick}-1-0"}


def test_what_cannot_be_limited_is_told_of_the_machine() -> None:
    (told,) = Machine().backend.offer().told
    assert told.startswith("not limited here, whatever a job asks for: CPU (these processes are not real); memory (")
    assert "the number of processes (" in told


def test_a_pass_keeps_so_much_and_no_more_and_the_next_goes_on() -> None:
    machine = Machine()
    for _ in range(250):
        machine.submit(job("quick", devices=4))
    taken = []
    for _ in range(2):
        machine.backend.advance()
        assert machine.reconciler.step(machine.now)
        taken.append(machine.reconciler.states().count(JobState.SUBMITTED))
    assert taken == [50, 0]
    machine.run(1)
    assert all(each.waits for each in machine.reconciler.jobs.values() if each.state is JobState.QUEUED)


def test_a_pass_looks_at_what_has_changed_and_not_at_all_that_wait() -> None:
    machine = Machine()
    first = machine.submit(job("quick", devices=4))
    waiting = [machine.submit(job("quick", devices=4)) for _ in range(40)]
    machine.run(2)
    assert [each.id for each in machine.backend.changed()] == [first]
    assert {each.id for each in machine.backend.look()} == {first, *waiting}
    reasons = {machine.store.get(each).waits[-1].said for each in waiting}
    assert all(reasons)
    machine.run(10)
    assert machine.store.get(first).state is JobState.SUCCEEDED
    assert [machine.store.get(each).state for each in waiting].count(JobState.RUNNING) == 1
