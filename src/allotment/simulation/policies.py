"""Named changes of how a scenario's queues decide, for comparing policies on the same workloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from allotment.scheduling.queueing.inputs import ClusterQueue, PreemptionPolicy, QueueingStrategy
from allotment.simulation.scenario import Scenario


class QueuePolicy(StrEnum):
    """What may be asked for by name; several combine."""

    CLASSICAL = "classical"
    """Order and preempt by borrowing, priority and age."""
    FAIR_SHARING = "fair-sharing"
    """Order and preempt by dominant resource share."""
    STRICT_FIFO = "strict-fifo"
    """A queue's head blocks what stands behind it."""
    BEST_EFFORT_FIFO = "best-effort-fifo"
    """What fits may overtake a head that does not."""
    NO_PREEMPTION = "no-preemption"
    """Nothing that runs is ever evicted."""
    RECLAIM = "reclaim"
    """A queue takes back from any borrower what is its own quota."""


def with_policies(scenario: Scenario, policies: Iterable[QueuePolicy]) -> Scenario:
    """The scenario with each policy applied, in their order, to every queue."""
    for policy in policies:
        scenario = _CHANGES[policy](scenario)
    return scenario


def _queues(change: Callable[[ClusterQueue], ClusterQueue]) -> Callable[[Scenario], Scenario]:
    def changed(scenario: Scenario) -> Scenario:
        queues = tuple(change(queue) for queue in scenario.state.cluster_queues)
        return replace(scenario, state=replace(scenario.state, cluster_queues=queues))

    return changed


def _fair(*, enabled: bool) -> Callable[[Scenario], Scenario]:
    return lambda scenario: replace(scenario, settings=replace(scenario.settings, fair_sharing=enabled))


_CHANGES: Final[Mapping[QueuePolicy, Callable[[Scenario], Scenario]]] = {
    QueuePolicy.CLASSICAL: _fair(enabled=False),
    QueuePolicy.FAIR_SHARING: _fair(enabled=True),
    QueuePolicy.STRICT_FIFO: _queues(lambda queue: replace(queue, strategy=QueueingStrategy.STRICT_FIFO)),
    QueuePolicy.BEST_EFFORT_FIFO: _queues(lambda queue: replace(queue, strategy=QueueingStrategy.BEST_EFFORT_FIFO)),
    QueuePolicy.NO_PREEMPTION: _queues(
        lambda queue: replace(
            queue,
            within_cluster_queue=PreemptionPolicy.NEVER,
            reclaim_within_cohort=PreemptionPolicy.NEVER,
            borrow_within_cohort=PreemptionPolicy.NEVER,
        )
    ),
    QueuePolicy.RECLAIM: _queues(lambda queue: replace(queue, reclaim_within_cohort=PreemptionPolicy.ANY)),
}
