"""Teams come, go, and choose an isolation. Edits are texts: they can be read before they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

from allotment.model.team import Isolation
from allotment.spec.source import Changes, SourceTree


def diff_of(before: SourceTree, changes: Changes) -> str:
    """What an edit changes, as a unified diff that `git apply` and `patch -p1` take."""
    return "".join(line for path in sorted(changes) for line in _file_diff(path, before.files.get(path), changes[path]))


def _file_diff(path: str, old: str | None, new: str | None) -> Iterator[str]:
    lines = unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        fromfile="/dev/null" if old is None else f"a/{path}",
        tofile="/dev/null" if new is None else f"b/{path}",
    )
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


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
        "RBAC, quota, network policies, admission policies",
        "nodes, kernel, API server, custom resource definitions",
        "none; idle quota is lent",
        "none",
        "teams of one company that trust each other's code",
    ),
    Level(
        Isolation.NODE_POOL,
        "the same, and nodes of its own (taints, enforced by policy)",
        "API server, custom resource definitions",
        "nodes that idle when the team does",
        "a pool to size and upgrade",
        "code that must not share a kernel, or a device type for one team",
    ),
    Level(
        Isolation.CLUSTER,
        "an API server of its own (a cluster or a virtual cluster)",
        "the cloud account",
        "a control plane, and capacity nobody else can borrow",
        "a cluster to upgrade, monitor and back up",
        "own custom resource definitions, another compliance regime, cluster-wide rights",
    ),
    Level(
        Isolation.SUBSCRIPTION,
        "an account of its own: identity, network, quota, bill",
        "nothing",
        "a cluster, and cloud quota that has to be asked for again",
        "an account to govern",
        "regulated data, or a bill that must be separate by law",
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
