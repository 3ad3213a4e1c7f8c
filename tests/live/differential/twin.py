"""Our engine, led through the same actions as the live system."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from allotment.scenarios.reading import read_scenario
from allotment.scheduling.queueing.engine import QueueingEngine
from tests.live.differential.record import EVICTED, FINISHED, PENDING, Record, Shown, running
from tests.live.differential.scenarios import without_steps

CALM_CYCLES = 8
"""Cycles without effect after which nothing more will happen: more than a workload has flavors to try."""
ENDLESS = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """The first action after which the two sides differ."""

    number: int
    action: tuple[str, str]
    live: Shown
    ours: Shown

    def __str__(self) -> str:
        names = sorted(name for name in self.live | self.ours if self.live.get(name) != self.ours.get(name))
        rows = [
            f"  {name}: Kueue says {self.live.get(name)!r}, our engine says {self.ours.get(name)!r}" for name in names
        ]
        return "\n".join([f"after action {self.number} ({' '.join(self.action)}):", *rows])


class Twin:
    """One scenario in the engine. Between two actions the cluster's cycles go on, as other trees keep Kueue busy."""

    def __init__(self, record: Record, version: str | None = None) -> None:
        """Register nothing yet: UIDs and creation times are those that the live system gave."""
        scenario = read_scenario(without_steps(record.scenario))
        settings = scenario.settings if version is None else replace(scenario.settings, version=version)
        self.engine: QueueingEngine = QueueingEngine(scenario.state, settings)
        self._record = record
        self._workloads = {each.workload.name: each.workload for each in scenario.arrivals}
        self._index: dict[str, int] = {}
        self._names: list[str] = []
        self._evicted: dict[int, str] = {}
        self._finished: set[str] = set()
        self._said: dict[int, set[str]] = {}

    def act(self, number: int) -> None:
        """Repeat one recorded action, and whatever follows from it."""
        verb, name = self._record.actions[number]
        reserved = self._record.reserved[number]
        if verb == "create":
            since, uid = self._record.created[name], self._record.uids[name]
            self._index[name] = self.engine.add(replace(self._workloads[name], uid=uid, queued_since=since))
            self._names.append(name)
            self._settle(reserved)
        else:
            index = self._index[name]
            if verb == "finish":
                self.engine.finish(index)
                self._finished.add(name)
            else:
                del self._evicted[index]
                self.engine.requeue_evicted(index)
            self._settle(reserved)
            self.engine.wake(self.engine.tree_of(index))
            self._settle(reserved)
        if self._record.nested:
            self._settle_status(self._index[name], reserved)

    def _settle_status(self, index: int, reserved: dict[str, int]) -> None:
        """What follows in nested cohorts from new counts in a ClusterQueue's status, as often as decisions change them.

        Kueue reads the cohorts again as if their quota had changed: it forgets how far flavor scans came, and wakes.
        """
        tree = self.engine.tree_of(index)
        for _ in range(ENDLESS):
            before = self.states()
            self.engine.read_quotas_again(tree)
            self.engine.wake(tree)
            self._settle(reserved)
            if self.states() == before:
                return

    def _settle(self, reserved: dict[str, int]) -> None:
        calm = 0
        said: dict[int, set[str]] = {}
        for _ in range(ENDLESS):
            result = self.engine.run_cycle(0)
            for index in result.refused:
                refusal = self.engine.refusal(index)
                said.setdefault(index, set()).add("" if refusal is None else refusal.text)
            for index in result.admitted:
                # The engine copies this time from its caller; the live one has a resolution of a second.
                self.engine._workloads[index].reserve(reserved.get(self._names[index], 0))
            for preemption in result.preemptions:
                self._evicted[preemption.workload] = preemption.reason.value
                self.engine.mark_evicted(preemption.workload)
            calm = 0 if result.heaps_changed or result.preemptions else calm + 1
            if calm == CALM_CYCLES:
                break
        self._said |= said

    def states(self) -> Shown:
        """What every workload is now."""
        return {name: self._state(name) for name in self._names}

    def _state(self, name: str) -> str:
        index = self._index[name]
        if name in self._finished:
            return FINISHED
        if index in self._evicted:
            return f"{EVICTED} {self._evicted[index]}"
        if self.engine.place(index) != "running":
            return PENDING
        return running(
            [
                (
                    each.name,
                    each.count,
                    dict(each.flavors),
                    [(list(place.values), place.count) for place in each.domains],
                )
                for each in self.engine.admission(index)
            ]
        )

    def messages(self) -> dict[str, set[str]]:
        """Why each pending workload waits; several texts if it is tried for ever with changing ones."""
        result: dict[str, set[str]] = {}
        for name in self._names:
            refusal = self.engine.refusal(self._index[name])
            if self._state(name) == PENDING and refusal is not None:
                result[name] = {refusal.text} | self._said.get(self._index[name], set())
        return result


def first_difference(record: Record, version: str | None = None) -> Difference | None:
    """Lead the engine through the record; None if it agrees after every action."""
    twin = Twin(record, version)
    for number, action in enumerate(record.actions):
        twin.act(number)
        ours = twin.states()
        if ours != record.states[number]:
            return Difference(number, action, record.states[number], ours)
    return None


def _unnamed(message: str) -> str:
    """Of several PodSets that no topology holds Kueue names any."""
    return re.sub(r"pod set \S+: topology ", "pod set: topology ", message)


def message_agreement(record: Record) -> tuple[int, int, list[str]]:
    """(equal, compared, different ones) over the messages of pending workloads after every action."""
    twin = Twin(record)
    equal, compared, different = 0, 0, []
    for number, action in enumerate(record.actions):
        twin.act(number)
        for name, ours in twin.messages().items():
            live = record.messages[number].get(name, "")
            if not live:
                continue
            compared += 1
            if _unnamed(live) in map(_unnamed, ours):
                equal += 1
            else:
                different.append(f"{record.scenario['id']} {number} {' '.join(action)} {name}: {live!r} / {ours!r}")
    return equal, compared, different
