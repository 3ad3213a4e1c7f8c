"""What administrators ask of a server about the quotas of its platform directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NO_BOUND: Final = "none"
"""How a limit that does not bound is written."""


@dataclass(frozen=True, slots=True)
class QuotaWish:
    """What a team is to have of one flavor in one cluster; what is not named stays.

    Attributes:
        team: name of the team.
        cluster: of the platform directory.
        flavor: of devices there.
        nominal: devices that are guaranteed, without what grants give.
        borrowing: the most that may be borrowed beyond, in digits, or ``none``.
        lending: the most of it that others may borrow, in the same words.
    """

    team: str
    cluster: str
    flavor: str
    nominal: int | None = None
    borrowing: str | None = None
    lending: str | None = None


@dataclass(frozen=True, slots=True)
class ForeseenQuota:
    """What a change of a quota would do to the platform directory; who waits longer `allot whatif` tells.

    Attributes:
        expected: commit that it was reckoned from; empty where the directory is in no repository.
        now: what the team has now of what would be changed: that changes it back.
        changes: of queues of the cluster, as `allot whatif` takes them; empty where nothing changes.
        diff: of the directory, as `git apply` takes it; empty where nothing changes.
        warnings: what the directory would warn of and does not now.
        command: the same by hand.
        why_not: why the server cannot do it, with what to do; empty where it can.
        proposed: whether it would wait to be merged.
    """

    expected: str
    now: QuotaWish
    changes: tuple[str, ...]
    diff: str
    warnings: tuple[str, ...]
    command: str
    why_not: str
    proposed: bool


@dataclass(frozen=True, slots=True)
class AskedQuotaChange:
    """A change of a quota that is to be made.

    Attributes:
        wish: what is to be.
        expected: commit at which somebody has seen what it would do.
        reason: why; the commit and the audit trail have it.
    """

    wish: QuotaWish
    expected: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UnmadeCluster:
    """A cluster that is not as declared yet.

    Attributes:
        cluster: its name.
        why: in a sentence.
    """

    cluster: str
    why: str


@dataclass(frozen=True, slots=True)
class ChangedQuota:
    """What has become of a change.

    Attributes:
        commit: that has it.
        awaited: what it waits for, with the address where people merge it; empty where it counts already.
        unmade: clusters that are not so yet.
        back: what changes it back.
    """

    commit: str
    awaited: str
    unmade: tuple[UnmadeCluster, ...]
    back: QuotaWish
