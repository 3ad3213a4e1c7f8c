"""What a simulation says: decisions in their order, who is left, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from allotment.scheduling.queueing.choices import ChanceKind
from allotment.scheduling.queueing.inputs import PodSetAdmission
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import Settled


class EvictionReason(StrEnum):
    """Why a job had to leave, if not for a preemptor. The first two are Kueue's own words."""

    NODE_FAILURES = "NodeFailures"
    CLUSTER_QUEUE_STOPPED = "ClusterQueueStopped"
    DRAINED = "Drained"
    REQUESTED = "Requested"


@dataclass(frozen=True, slots=True)
class Admitted:
    """A workload got its quota."""

    t: int
    cycle: int
    workload: str
    cluster_queue: str
    pod_sets: tuple[PodSetAdmission, ...]


@dataclass(frozen=True, slots=True)
class Evicted:
    """A workload was preempted or had to leave.

    Attributes:
        reason: Kueue's reason of a preemption, or an `EvictionReason`.
        preemptor: empty if there is none.
        released: when it gives its quota back.
    """

    t: int
    cycle: int
    workload: str
    cluster_queue: str
    reason: str
    preemptor: str
    released: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A workload ran to its end; `cycle` is the number of cycles run so far."""

    t: int
    cycle: int
    workload: str
    cluster_queue: str


Decision = Admitted | Evicted | Finished


@dataclass(frozen=True, slots=True)
class StillPending:
    """A workload that neither runs nor finished when the simulation ended.

    `queue` is "active", "inadmissible", or "none" if the simulation ended before it arrived.
    """

    workload: str
    cluster_queue: str
    ever_admitted: bool
    queue: str
    message: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class MessageChange:
    """A pending workload got another message."""

    t: int
    cycle: int
    workload: str
    message: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Pods of a running workload lost their node and got another one; `pod_sets` is what it has now."""

    t: int
    workload: str
    node: str
    pod_sets: tuple[PodSetAdmission, ...]


@dataclass(frozen=True, slots=True)
class Standstill:
    """A job held quota without progress; `end` None if it still did when the simulation ended."""

    workload: str
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class RandomChoice:
    """A choice among equals: Kueue makes it at random, the engine always in the same way.

    Attributes:
        preemptor: for whom jobs are preempted; empty if the choice is who comes first.
        chosen: jobs that were chosen here, and may not be.
        others: jobs that may be chosen instead.
    """

    t: int
    cycle: int
    what: ChanceKind
    preemptor: str
    chosen: tuple[str, ...]
    others: tuple[str, ...]


def cap_met(ended: Settled) -> str | None:
    """The field of the scenario that ended a simulation; None if it came to rest."""
    match ended:
        case Settled.AT_REST:
            return None
        case Settled.ENDLESS | Settled.INSTANT_BOUND:
            return "env.maxCyclesPerInstant"
        case Settled.TOTAL_BOUND:
            return "env.maxCyclesTotal"


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Everything a simulation decided, in order.

    Attributes:
        cycles: number of scheduling cycles.
        ended: how its last instant did; unless that came to rest, the simulation stopped there.
        standstills: times in which a job held quota while a node of its was down.
        moves: pods that got another node.
        choices: where Kueue would choose at random, if the simulation watched for that; each once.
    """

    decisions: tuple[Decision, ...]
    pending: tuple[StillPending, ...]
    pending_log: tuple[MessageChange, ...]
    cycles: int
    ended: Settled
    standstills: tuple[Standstill, ...] = ()
    moves: tuple[Moved, ...] = ()
    choices: tuple[RandomChoice, ...] = ()
