"""Ctrl-C in apply: what was done stays and is said, nothing more is begun, and the same command goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable

import click
import pytest

from allotment.adapters.kube.fake import Call
from allotment.cli.commands.change.apply_view import report_text
from allotment.model.manifest import ObjectKey
from allotment.operations.change.apply import NOT_BEGUN, UNDER_WAY, ApplyReport, ApplySettings, Status, apply_plan
from allotment.operations.change.planning import side_by_side
from allotment.operations.change.stopping import StoppableClock, StoppedError
from tests.unit.operations.world import World, failing, pod
from tests.unit.plan import objects

DESIRED = objects.platform("cv", "nlp")


def interrupted_at(number: int, workers: int = 1) -> tuple[World, ApplyReport]:
    """Apply, interrupted by the n-th write before it has its effect."""
    world, writes, lock = World(), iter(range(10_000)), threading.Lock()
    plan = world.plan(DESIRED)

    def counted(_call: Call) -> bool:
        with lock:
            return next(writes) == number

    world.kube.hook = failing(counted, KeyboardInterrupt())
    report = apply_plan(plan, world.kube, world.clock, ApplySettings(workers=workers))
    world.kube.hook = lambda _call: None
    return world, report


@pytest.mark.parametrize("number", [0, 7, 20])
@pytest.mark.parametrize("workers", [1, 8])
def test_everything_is_told_and_a_repetition_goes_on(number: int, workers: int) -> None:
    world, report = interrupted_at(number, workers)
    assert (report.exit_code, report.interrupted, report.complete) == (130, True, False)
    assert [outcome.change for outcome in report.outcomes] == list(World().plan(DESIRED).changes)
    done = {outcome.change.key for outcome in report.outcomes if outcome.done}
    assert done <= world.kube.existing
    assert {outcome.status for outcome in report.remaining} == {Status.INTERRUPTED}
    assert sum(outcome.message == UNDER_WAY for outcome in report.outcomes) >= 1
    # What was not begun is not there: nothing happens after the interrupt.
    begun = {outcome.change.key for outcome in report.outcomes if outcome.message != NOT_BEGUN}
    assert world.kube.existing & {change.key for change in world.plan(DESIRED).changes} <= begun
    world.settle(DESIRED)


def test_the_report_names_what_was_under_way_and_counts_the_rest() -> None:
    _, report = interrupted_at(7)
    lines = click.unstyle(report_text(report, report.outcomes)).splitlines()
    assert lines[0].startswith(f"interrupted: {report.place}: ")
    (under_way,) = [line for line in lines if UNDER_WAY in line]
    assert under_way.startswith("  interrupted ")
    (rest,) = [line for line in lines if "not begun" in line]
    assert "2 LocalQueue" in rest
    assert lines[-1] == "What was done stays. Running the same command again takes up what is left."
    assert len(lines) == 7


def test_a_drain_does_not_hold_it_up() -> None:
    world = World()
    world.settle(DESIRED)
    for team in ("cv", "nlp"):
        world.kube.put({**pod(team), "metadata": {"name": "p", "namespace": team, "finalizers": ["kubernetes.io/x"]}})
    plan = world.plan(objects.manifests())
    clock = _Interrupting(world)
    report = apply_plan(plan, world.kube, clock, ApplySettings(workers=1))
    assert clock.slept == 1
    first, *others = (outcome for outcome in report.outcomes if outcome.change.action.value == "drain")
    assert (first.status, first.message) == (Status.INTERRUPTED, UNDER_WAY)
    assert {outcome.message for outcome in others} == {NOT_BEGUN}
    assert ObjectKey("", "Namespace", "", "cv") in world.kube.existing


class _Interrupting:
    """A clock at which somebody loses patience."""

    def __init__(self, world: World) -> None:
        self.now, self.slept = world.clock.now, 0

    def sleep(self, _seconds: float) -> None:
        self.slept += 1
        raise KeyboardInterrupt


def test_who_sleeps_is_woken() -> None:
    sleeper = _Sleeper(World())
    clock = StoppableClock(sleeper)
    sleeper.meanwhile = clock.stop
    for _ in range(2):
        with pytest.raises(StoppedError):
            clock.sleep(1)
    assert (clock.stopped, sleeper.slept) == (True, 1)


class _Sleeper:
    """A clock that lets something happen while somebody sleeps."""

    meanwhile: Callable[[], None]

    def __init__(self, world: World) -> None:
        self.now, self.slept = world.clock.now, 0

    def sleep(self, _seconds: float) -> None:
        self.slept += 1
        self.meanwhile()


def test_those_under_way_are_told_before_they_are_waited_for() -> None:
    told = threading.Event()

    def do(item: int) -> None:
        if item == 0:
            raise KeyboardInterrupt
        assert told.wait(20)

    with pytest.raises(KeyboardInterrupt):
        side_by_side(do, range(3), 3, on_interrupt=told.set)
