"""Which level of isolation a team needs, and what each level costs; docs/isolation.md says the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from allotment.model.requests.team import IsolationNeed
from allotment.model.team import Isolation


@dataclass(frozen=True, slots=True)
class Level:
    """An isolation level and its trade-off.

    Attributes:
        boundary: what separates the team from its neighbours.
        shared: what it still shares with them.
        cost: what it costs beyond the devices.
        overhead: what it adds to the platform team's work.
        right_when: when it is the level to choose.
    """

    isolation: Isolation
    boundary: str
    shared: str
    cost: str
    overhead: str
    right_when: str


LEVELS: Final = (
    Level(
        Isolation.NAMESPACE,
        boundary="RBAC, quota, network policies, admission policies",
        shared="nodes, kernels, the API server, CRDs; idle quota is lent",
        cost="none; idle devices are used by others",
        overhead="one entry in the platform directory",
        right_when="teams trust each other",
    ),
    Level(
        Isolation.NODE_POOL,
        boundary="as namespace, and nodes of its own by taint, label and policy",
        shared="the API server, CRDs, the network's core",
        cost="idle devices of the pool stay idle",
        overhead="a pool to size and upgrade",
        right_when="a team owns its hardware, or its work must not share a kernel",
    ),
    Level(
        Isolation.CLUSTER,
        boundary="a control plane of its own (a virtual cluster is the lighter form)",
        shared="the account, its quota and its network",
        cost="a control plane and system nodes; capacity is not lent",
        overhead="a cluster more to upgrade, observe and repair",
        right_when="other compliance rules, or CRDs of its own: they are cluster-wide",
    ),
    Level(
        Isolation.SUBSCRIPTION,
        boundary="a cloud account of its own",
        shared="nothing but the identity provider and the platform directory",
        cost="as cluster, and quota and reservations of its own",
        overhead="as cluster, and account, network and quota requests",
        right_when="regulated work, or a bill of its own",
    ),
)
"""All levels, weakest first."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a team needs from its boundary."""

    untrusted_code: bool = False
    own_hardware: bool = False
    own_definitions: bool = False
    compliance: bool = False
    regulated: bool = False
    separate_bill: bool = False

    @classmethod
    def named(cls, needs: Iterable[IsolationNeed]) -> Needs:
        """By their names."""
        return cls(**{each.value.replace("-", "_"): True for each in needs})


@dataclass(frozen=True, slots=True)
class Advice:
    """The weakest level that meets the needs, and why it must be that one."""

    level: Level
    reasons: tuple[str, ...]


_REASONS: Final = (
    (Isolation.SUBSCRIPTION, "regulated", "regulated data asks for an account of its own"),
    (Isolation.SUBSCRIPTION, "separate_bill", "a separate bill needs a separate account"),
    (Isolation.CLUSTER, "compliance", "another compliance regime must not share an API server"),
    (
        Isolation.CLUSTER,
        "own_definitions",
        "custom resource definitions are cluster-wide: two teams that need different versions cannot share a cluster",
    ),
    (Isolation.NODE_POOL, "untrusted_code", "containers of one node share a kernel; untrusted code gets its own nodes"),
    (Isolation.NODE_POOL, "own_hardware", "hardware for one team is a pool that its taint keeps for it"),
)
"""(level, need, reason), strongest level first."""


def advise(needs: Needs) -> Advice:
    """The weakest, and so cheapest, level that meets every need."""
    met = [(isolation, reason) for isolation, need, reason in _REASONS if getattr(needs, need)]
    chosen = met[0][0] if met else Isolation.NAMESPACE
    reasons = tuple(reason for isolation, reason in met if isolation is chosen)
    level = next(level for level in LEVELS if level.isolation is chosen)
    return Advice(level, reasons or ("nothing you named needs more than a namespace, and idle quota can be lent",))
