"""Devices of running jobs are looked at in one place: what is kept, told and never done of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allotment.accounting.ledger import CauseOfTime
from allotment.adapters.local.fake_devices import FakeDevices
from allotment.cli.commands.ask.waste_view import waste_text
from allotment.model.accelerator import Vendor
from allotment.model.jobs.run import JobState
from allotment.model.policy import IdleAction, IdlePolicy, IdleWork
from allotment.operations.ask.counting_rules import counting_rules
from allotment.operations.ask.wasting import waste_now
from allotment.operations.run.local.launching import launch_id
from allotment.operations.run.measured_use import EVERY, LONGEST
from allotment.operations.run.reporting import report_of
from allotment.ports.devices import DeviceReading, DeviceShare, MachineDevice
from allotment.reports.documents.jobs import job_report_document
from allotment.reports.documents.waste import waste_document
from tests.unit.operations.run.machine import GIB, Machine, acme, job

RULE = IdlePolicy("idle-60s", frozenset(IdleWork), 20, 60, IdleAction.STOP)


class CountedDevices(FakeDevices):
    """Counts how often it was asked."""

    asked = 0

    def readings(self) -> tuple[DeviceReading, ...]:
        self.asked += 1
        return super().readings()


def sensed(**more: object) -> tuple[Machine, CountedDevices]:
    devices = CountedDevices([MachineDevice(f"GPU-{number}", Vendor.NVIDIA) for number in range(4)])
    machine = Machine(asked=devices, idle=(RULE,), **more)  # type: ignore[arg-type]
    return machine, devices


def show(devices: FakeDevices, *busy: float | None, memory: int = GIB) -> None:
    for number, share in enumerate(busy):
        devices.now[f"GPU-{number}"] = DeviceReading(f"GPU-{number}", share, memory)


def test_an_idle_job_is_marked_in_history_report_and_waste_and_runs_on() -> None:
    machine, devices = sensed()
    show(devices, 0.9, 0.7)
    one = machine.submit(job("long", devices=2))
    machine.run(30, every=2.5)
    show(devices, 0.0, 0.1)
    machine.run(90, every=2.5)
    stored = machine.store.get(one)
    assert stored.state is JobState.RUNNING
    use = stored.attempts[0].measured
    assert use is not None
    assert use.mark is not None
    assert (use.mark.action, use.mark.rule, use.idle) == ("stop", "idle-60s", True)
    (event,) = stored.events
    assert (event.kind, event.at) == ("idle", use.mark.at)
    assert "would have been stopped by the rule idle-60s (shadow mode: nothing is stopped)" in event.said
    snapshot = machine.backend.snapshot({one: stored})()
    (mark,) = snapshot.sources[0].idle_marks
    assert mark.subject == "nlp/train"
    assert [each.busy for each in snapshot.sources[0].device_use] == [0.0, 0.1]
    rules = counting_rules(replace(acme(), idle=(RULE,)), "", ())
    wasted = waste_now(snapshot, rules, "cause")
    assert {each.name: each.gpu_ms // 3_600_000 for each in wasted.groups} == {"idle-held": 2, "unallocated": 2}
    assert wasted.idle_marks == (mark,)
    assert waste_document(wasted, wasted.groups)["idleMarks"][0]["wouldHave"] == "stop"
    assert f"nlp/train ({one}): at " in waste_text(wasted, wasted.groups, 80, headers=True)
    turns = machine.store.device_times(0, machine.now)
    mine = [each.use.cause for each in turns if each.device.device == "GPU-0"]
    assert mine == [CauseOfTime.PRODUCTIVE, CauseOfTime.IDLE_HELD]
    machine.reconciler.stop(one, 0, "over", machine.now)
    machine.run(5)
    told = report_of(machine.store.get(one), machine.now)
    assert job_report_document(told)["measured"]["idleMarks"][0]["mode"] == "shadow"
    lines = {each.what: each.used for each in told.lines}
    assert lines["accelerators of a replica"].startswith("23.7 % busy on average (median 10 %, 95th percentile 90 %")
    assert lines["memory of an accelerator"] == "1Gi at most"
    assert lines["idle after the last work"] == "3 device-minutes"
    (said,) = told.idle
    assert "by the rule idle-60s" in said
    assert any("end with the last work" in each for each in told.advice)


def test_a_new_server_goes_on_and_knows_nothing_of_the_time_between() -> None:
    machine, devices = sensed()
    show(devices, 0.5)
    one = machine.submit(job("long"))
    machine.run(120, every=2.5)
    before = machine.store.get(one).attempts[0].measured
    machine.clock.sleep(600)
    machine.restart()
    machine.run(70, every=2.5)
    after = machine.store.get(one).attempts[0].measured
    assert before is not None
    assert after is not None
    assert after.since == before.since
    assert after.unmeasured_ms == 600_000 - LONGEST
    assert after.measured_ms + after.unmeasured_ms == after.until - after.since
    show(devices, 0.0)
    machine.run(30, every=2.5)
    assert len(machine.store.get(one).attempts) == 1


def test_a_driver_is_asked_once_in_five_seconds_and_not_again_before_it_has_answered() -> None:
    held: list[Callable[[], None]] = []
    machine, devices = sensed(beside=held.append)
    show(devices, 0.5)
    one = machine.submit(job("long"))
    machine.run(60, every=2.5)
    assert len(held) == 1, "it hangs, and nobody waits for it"
    held.pop()()
    machine.run(5)
    measured = machine.store.get(one).attempts[0].measured
    assert measured is not None
    assert devices.asked == 1
    quick, plain = sensed()
    quick.submit(job("long"))
    quick.run(60, every=2.5)
    assert plain.asked == 60_000 // EVERY + 1


def test_slots_and_devices_that_do_not_answer_are_no_telemetry_and_never_zero() -> None:
    machine, _ = sensed()
    for each in (machine, Machine()):
        one = each.submit(job("quick"))
        each.run(20, every=2.5)
        stored = each.store.get(one)
        assert stored.use is not None
        assert (stored.use.busy_permille, stored.use.idle_ms, stored.use.device_memory) == (None, None, None)
        used = {line.what: line.used for line in report_of(stored, each.now).lines}
        assert used["accelerators of a replica"] == used["memory of an accelerator"] == "no telemetry"


@pytest.mark.parametrize(
    ("shares", "percent", "memory"),
    [
        ({"own": (2 * GIB, 0.3)}, 50, 2 * GIB),  # alone: what the device says
        ({"own": (2 * GIB, 0.3), "other": (GIB, 0.2)}, 30, 2 * GIB),
        ({"own": (2 * GIB, None), "other": (GIB, 0.5)}, 0, 2 * GIB),
        ({"own": (None, None), "other": (None, None)}, 50, 4 * GIB),
        ({"other": (GIB, 0.5)}, 50, 4 * GIB),  # ids of another namespace
    ],
)
def test_where_others_are_on_its_device_only_its_own_processes_count(
    shares: dict[str, tuple[int | None, float | None]], percent: int, memory: int
) -> None:
    machine, devices = sensed()
    one = machine.submit(job("long"))
    machine.run()
    (pid,) = machine.processes.usage(launch_id(one, 1, 0)).processes
    pids = {"own": pid, "other": 7}
    told = tuple(DeviceShare(pids[name], *values) for name, values in shares.items())
    devices.now["GPU-0"] = DeviceReading("GPU-0", 0.5, 4 * GIB, told)
    machine.run(12)
    live = machine.backend._sampler.live(one)
    assert live is not None
    assert live.use.memory == memory
    assert live.last == {"GPU-0": percent}
