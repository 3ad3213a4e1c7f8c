"""What happens to the cluster itself while a simulation runs: nodes, quotas, queues, jobs asked to leave.

Times are in the scenario's unit, amounts in the engine's. An event that changes nothing (a node that is down fails
again) does nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

UNLIMITED: Final = -1
"""Value of a borrowing or lending limit that is taken away."""


class StopPolicy(Enum):
    """Whether a ClusterQueue admits, and whether what it admitted may run on."""

    NONE = "None"
    HOLD = "Hold"
    HOLD_AND_DRAIN = "HoldAndDrain"


@dataclass(frozen=True, slots=True)
class NodeDown:
    """A node is marked not ready."""

    t: int
    node: str


@dataclass(frozen=True, slots=True)
class NodeUp:
    """A node is ready again."""

    t: int
    node: str


@dataclass(frozen=True, slots=True)
class Cordon:
    """A node takes no further pods."""

    t: int
    node: str


@dataclass(frozen=True, slots=True)
class Uncordon:
    """A node takes pods again."""

    t: int
    node: str


@dataclass(frozen=True, slots=True)
class NodeDrain:
    """A node is cordoned and its jobs are asked to leave; `grace` None is the scenario's eviction latency."""

    t: int
    node: str
    grace: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaChange:
    """Quota of one flavor and resource changes; None keeps what is, `UNLIMITED` takes a limit away.

    Attributes:
        owner: name of the ClusterQueue or Cohort.
        of_cohort: which of the two.
    """

    t: int
    owner: str
    of_cohort: bool
    flavor: str
    resource: str
    nominal: int | None = None
    borrowing_limit: int | None = None
    lending_limit: int | None = None


@dataclass(frozen=True, slots=True)
class StopChange:
    """A ClusterQueue is stopped or goes on; `grace` of `NodeDrain` holds for jobs that have to leave."""

    t: int
    cluster_queue: str
    policy: StopPolicy
    grace: int | None = None


@dataclass(frozen=True, slots=True)
class Eviction:
    """A running job is asked to leave and queues again; nothing happens to one that does not run."""

    t: int
    workload: str
    grace: int | None = None


NodeEvent = NodeDown | NodeUp | Cordon | Uncordon | NodeDrain
Event = NodeEvent | QuotaChange | StopChange | Eviction
