"""What a simulation is of: the state at its start, who arrives when, the events of the cluster, the world around.

Units: times in milliseconds, `cpu` in millicores, `memory` in bytes, everything else in units.
"""

from __future__ import annotations

from dataclasses import dataclass

from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, Workload
from allotment.simulation.events import Event


@dataclass(frozen=True, slots=True)
class Arrival:
    """A workload, when it enters its queue and how long it runs once admitted."""

    workload: Workload
    queued_at: int
    runtime: int


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken for granted of the world around the engine.

    Attributes:
        wakeup_delay: time from the first finish or release in a tree to the wake-up of its inadmissible workloads.
        eviction_latency: how long a preempted workload keeps its quota.
        idle_cycles: cycles without effect after which an instant is over.
        max_cycles_per_instant, max_cycles_total: caps that end a simulation; 0 = none.
        not_ready_toleration: how long pods stay on a node that is not ready; Kubernetes' default is 300 s.
        node_replacement: Kueue looks for another node for pods that lost theirs before it evicts their workload.
        status_delay: where cohorts stand in cohorts, time from a workload's event until the status of its ClusterQueue
            follows, which in Kueue 0.19 counts as a change of quota; 1,000 ms in a live cluster; 0 = never.
        shared_wakeup: one wake-up timer for all trees instead of one per tree.
        wakeups_first: at one instant wake-ups come before finishes instead of after arrivals.
    """

    wakeup_delay: int
    eviction_latency: int = 0
    idle_cycles: int = 1
    max_cycles_per_instant: int = 0
    max_cycles_total: int = 0
    not_ready_toleration: int = 300_000
    node_replacement: bool = True
    status_delay: int = 0
    shared_wakeup: bool = False
    wakeups_first: bool = False


@dataclass(frozen=True, slots=True)
class NodeFailures:
    """Random failures of every node: mean time between them, mean time to repair, and until when there are any."""

    mean_between: int
    mean_repair: int
    until: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything a simulation needs; `node_failures` become events in `with_random_failures`.

    Attributes:
        remarks: what of its file was left out or changed, each a sentence.
    """

    id: str
    kind: str
    state: ClusterState
    settings: EngineSettings
    assumptions: Assumptions
    arrivals: tuple[Arrival, ...]
    events: tuple[Event, ...] = ()
    node_failures: NodeFailures | None = None
    remarks: tuple[str, ...] = ()
