"""This machine's queues: guarantees that sum to the machine, and decisions that are the engine's own."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import CapacityError
from allotment.model.platform import Platform
from allotment.model.quantity import SLOTS, Bytes, MilliCpu
from allotment.operations.run.local.queueing import Admit, Evict, MachineQueues, QueuedWork, workload_of
from allotment.operations.run.local.shares import DEVICE, SETTINGS, MachineSize, machine_state
from allotment.scheduling.queueing.settling import PATIENT
from allotment.simulation.environment import simulate
from allotment.simulation.outcome import Admitted, Evicted
from allotment.simulation.scenario import Arrival, Assumptions, Scenario
from tests.unit import builders

GIB = 1 << 30


def acme(**guaranteed: int) -> Platform:
    teams = [builders.team(name, placements=[builders.placement(accelerators={"a100-spot": count})])
             for name, count in guaranteed.items()]  # fmt: skip
    return builders.platform(teams=teams)


def size(**devices: int) -> MachineSize:
    return MachineSize(MilliCpu(16_000), Bytes(64 * GIB), devices)


def work(
    name: str, team: str = "nlp", devices: int = 1, *, rung: int = 1000, at: int = 0, **more: object
) -> QueuedWork:
    plain = QueuedWork(name, team, rung, at, 1000, GIB, devices, ("a100",) if devices else ())
    return replace(plain, **more)  # type: ignore[arg-type]


@given(
    st.dictionaries(st.sampled_from(["cv", "nlp", "recsys", "ds"]), st.integers(0, 50), min_size=1), st.integers(0, 64)
)
def test_guarantees_sum_to_the_machine(guaranteed: dict[str, int], slots: int) -> None:
    state = machine_state(acme(**guaranteed), size(slots=slots))
    nominal = [
        quota.nominal
        for queue in state.cluster_queues
        for group in queue.resource_groups
        for flavor in group.flavors
        for name, quota in flavor.resources
        if name == DEVICE
    ]
    assert sum(nominal) == slots
    assert len(state.cluster_queues) == len(guaranteed)


def test_a_team_borrows_what_is_idle_and_gives_it_back_when_it_is_asked_for() -> None:
    queues = MachineQueues(machine_state(acme(nlp=1, cv=1), size(a100=4)))
    for number in range(4):
        queues.submit(work(f"nlp-{number}", at=number))
        assert queues.decide(number) == [Admit(f"nlp-{number}", "a100")]
    queues.submit(work("cv-0", "cv", at=11))
    assert queues.decide(11) == [Evict("nlp-3", "cv-0", "InCohortReclamation")]
    assert queues.runs("nlp-3")
    assert queues.decide(12) == []
    queues.left("nlp-3")
    assert queues.decide(13) == [Admit("cv-0", "a100")]
    assert "insufficient" in queues.waits_for(["nlp-3"])["nlp-3"]


def test_a_higher_rung_of_the_same_team_displaces_a_lower_one() -> None:
    queues = MachineQueues(machine_state(acme(nlp=1), size(slots=2)))
    queues.submit(work("low", devices=2))
    assert queues.decide(1) == [Admit("low", SLOTS)]
    queues.submit(work("high", devices=2, rung=100_000, at=2))
    assert queues.decide(2) == [Evict("low", "high", "InClusterQueue")]
    queues.left("low")
    assert queues.decide(3) == [Admit("high", SLOTS)]
    queues.ended("high")
    assert queues.decide(4) == [Admit("low", SLOTS)]


@pytest.mark.parametrize("gone", [True, False], ids=["withdrawn", "still-there"])
def test_what_asks_for_the_same_as_another_that_was_refused_is_told_what_it_lacks(gone: bool) -> None:
    queues = MachineQueues(machine_state(acme(nlp=1), size(slots=8)))
    queues.submit(work("train", devices=2))
    assert queues.decide(1) == [Admit("train", SLOTS)]
    queues.submit(work("big", devices=8, at=1))
    queues.decide(2)
    if gone:
        queues.withdraw("big")
    assert "2 more needed" in queues.foreseen(work("retried", devices=8, at=3), 3).waits_for
    queues.submit(work("retried", devices=8, at=3))
    queues.decide(4)
    told = queues.waits_for(["train", "retried", "nobody"])
    assert "2 more needed" in told.pop("retried")
    assert told == {"train": "", "nobody": ""}


def test_replicas_start_all_or_not_at_all() -> None:
    queues = MachineQueues(machine_state(acme(nlp=1), size(slots=4)))
    queues.submit(work("one"))
    queues.submit(work("gang", devices=2, replicas=2, at=1))
    assert queues.decide(1) == [Admit("one", SLOTS)]
    queues.ended("one")
    assert queues.decide(2) == [Admit("gang", SLOTS)]


@pytest.mark.parametrize(
    "asked",
    [work("x", devices=5), work("x", classes=("h100",)), work("x", cpu=17_000), work("x", devices=1, replicas=9)],
)
def test_what_never_fits_is_refused_with_the_reason(asked: QueuedWork) -> None:
    queues = MachineQueues(machine_state(acme(nlp=1, cv=3), size(a100=4)))
    with pytest.raises(CapacityError) as caught:
        queues.submit(asked)
    assert caught.value.why


def test_what_ran_before_a_restart_holds_what_it_was_given() -> None:
    state = machine_state(acme(nlp=1, cv=1), size(a100=2))
    queues = MachineQueues(state)
    queues.adopt(work("old"), "a100", since=1)
    queues.adopt(work("leaving"), "a100", since=2, leaving=True)
    queues.submit(work("next", "cv", at=3))
    assert queues.decide(4) == []
    queues.left("leaving")
    assert queues.decide(5) == [Admit("next", "a100")]


@dataclass
class Drive:
    """The machine's queues under a virtual clock, with processes that take their grace to end."""

    queues: MachineQueues
    arrivals: list[tuple[QueuedWork, int]]
    grace: int
    events: list[tuple[int, int, int, int]] = field(default_factory=list)
    said: list[tuple[object, ...]] = field(default_factory=list)

    def run(self) -> list[tuple[object, ...]]:
        number = {each.id: index for index, (each, _) in enumerate(self.arrivals)}
        turn = [0] * len(self.arrivals)
        for index, (each, _) in enumerate(self.arrivals):
            heappush(self.events, (each.queued_since, 2, index, 0))
        while self.events:
            now = self.events[0][0]
            while self.events and self.events[0][0] == now:
                _, kind, index, generation = heappop(self.events)
                each, _ = self.arrivals[index]
                if kind == 2:
                    self.queues.submit(each)
                elif kind == 0 and generation == turn[index]:
                    self.queues.ended(each.id)
                elif kind == 1:
                    self.queues.left(each.id)
            for decision in self.queues.decide(now):
                index = number[decision.id]
                turn[index] += 1
                if isinstance(decision, Admit):
                    self.said.append((now, "admit", decision.id, decision.flavor))
                    heappush(self.events, (now + self.arrivals[index][1], 0, index, turn[index]))
                else:
                    self.said.append((now, "evict", decision.id, decision.by, decision.reason))
                    heappush(self.events, (now + self.grace, 1, index, 0))
        return self.said


JOBS = st.lists(
    st.tuples(
        st.sampled_from(["nlp", "cv", "ds"]),
        st.integers(0, 3),
        st.sampled_from([1000, 100_000, 1_000_000]),
        st.integers(0, 30),
        st.integers(1, 20),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(JOBS, st.integers(1, 5))
def test_it_decides_as_the_engine_does_on_the_same_history(
    jobs: list[tuple[str, int, int, int, int, int]], grace: int
) -> None:
    state = machine_state(acme(nlp=2, cv=1, ds=0), size(a100=4, h100=2))
    arrivals = []
    for number, (team, devices, rung, at, runtime, replicas) in enumerate(jobs):
        classes = ("a100", "h100")[: 1 + number % 2]
        each = work(f"j{number:02}", team, devices, rung=rung, at=at, replicas=replicas, classes=classes)
        arrivals.append((each, runtime))
    queues = MachineQueues(state)
    arrivals = [each for each in arrivals if not queues.refusal_for_good(each[0])]
    scenario = Scenario(
        id="machine",
        kind="queueing",
        state=state,
        settings=SETTINGS,
        assumptions=Assumptions(wakeup_delay=0, eviction_latency=grace, idle_cycles=PATIENT.idle_cycles),
        arrivals=tuple(Arrival(workload_of(each), each.queued_since, runtime) for each, runtime in arrivals),
    )
    wanted: list[tuple[object, ...]] = []
    for decision in simulate(scenario, messages=False).decisions:
        if isinstance(decision, Admitted):
            flavor = dict(decision.pod_sets[0].flavors).get(DEVICE, "")
            wanted.append((decision.t, "admit", decision.workload, flavor))
        elif isinstance(decision, Evicted):
            wanted.append((decision.t, "evict", decision.workload, decision.preemptor, decision.reason))
    assert sorted(Drive(queues, arrivals, grace).run(), key=repr) == sorted(wanted, key=repr)
