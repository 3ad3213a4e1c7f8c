"""The ledger: integer GPU-milliseconds by cause and owner, which sum exactly to the devices that were there.

    ================  ==================================================================================================
    cause             what it says of a device
    ================  ==================================================================================================
    unhealthy         it is there and cannot be used: its node is not Ready, or offers fewer than it has
    suspended-held    a pod of a suspended job still holds it
    staging           its holder's init containers run: data or code are brought
    starting          its holder waits for an image, a volume or its containers
    idle-held         its holder runs, and was below the threshold of use for long enough
    productive        its holder runs, and was measured at work
    unmeasured        its holder runs, and nobody measured: neither productive nor idle
    cordoned          nobody holds it, and its node takes no pods
    reserved-unused   nobody holds it, and admitted work has its quota, and its pods are not there or find no node for
                      another reason than fragments
    quota-blocked     nobody holds it, and work waits that quota alone refused
    fragmented        nobody holds it, a waiting pod would fit into all such devices together, and no pod into these
    unallocated       nobody holds it, and nothing of the above holds
    unobserved        nobody looked: a gap in the series, or pods that could not be read
    ================  ==================================================================================================

The table is the order of precedence: the first that applies counts, those of held devices before those of free ones.
Each device-unit has one cause, so nothing is subtracted: idle time cannot be negative, and nothing is cut off at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Final

from allotment.accounting.capacity import PER_DEVICE, largest_remainder

MS_PER_HOUR: Final = 3_600_000


class CauseOfTime(StrEnum):
    """Why a device's time went where it went; in the order of precedence."""

    UNHEALTHY = "unhealthy"
    SUSPENDED_HELD = "suspended-held"
    STAGING = "staging"
    STARTING = "starting"
    IDLE_HELD = "idle-held"
    PRODUCTIVE = "productive"
    UNMEASURED = "unmeasured"
    CORDONED = "cordoned"
    RESERVED_UNUSED = "reserved-unused"
    QUOTA_BLOCKED = "quota-blocked"
    FRAGMENTED = "fragmented"
    UNALLOCATED = "unallocated"
    UNOBSERVED = "unobserved"


LOOSE: Final = frozenset({CauseOfTime.PRODUCTIVE, CauseOfTime.UNMEASURED, CauseOfTime.UNOBSERVED})
"""Causes that are no waste, or of which nobody can say so."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whose a device's time is; all empty for what nobody holds, and each where it is not known.

    Attributes:
        person: the submitter's mark, never guessed.
        top: kind and name of what a person submitted, such as ``Job/train``.
        queue: the ClusterQueue.
        local_queue: the LocalQueue by which it is there.
    """

    team: str = ""
    namespace: str = ""
    person: str = ""
    top: str = ""
    queue: str = ""
    project: str = ""
    local_queue: str = ""


NOBODY: Final = Belonging()


@dataclass(frozen=True, slots=True)
class Charge:
    """What distinguishes entries.

    Attributes:
        cluster: name of the source.
        resource: as pods ask for it.
        price: of a device and hour, millionths of the currency; None where it is not known.
    """

    cluster: str
    node: str
    resource: str
    model: str
    cause: CauseOfTime
    owner: Belonging = NOBODY
    price: int | None = None

    def as_cause(self, cause: CauseOfTime) -> Charge:
        """The same with another cause."""
        return replace(self, cause=cause)

    def nobodys(self, cause: CauseOfTime) -> Charge:
        """The same device with another cause and no owner."""
        return replace(self, cause=cause, owner=NOBODY)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A line of the ledger.

    Attributes:
        gpu_ms: device-milliseconds.
        cost: millionths of the currency; None where the price is not known.
    """

    charge: Charge
    gpu_ms: int
    cost: int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Entries that sum to `capacity_ms`.

    Attributes:
        since, until: what it is about, milliseconds since 1970 (of a simulation, since its start).
        capacity_ms: devices times milliseconds.
    """

    since: int
    until: int
    capacity_ms: int
    entries: tuple[LedgerEntry, ...]

    @property
    def cost(self) -> int | None:
        """Of all entries with a price; None if there is none."""
        known = [each.cost for each in self.entries if each.cost is not None]
        return sum(known) if known else None


@dataclass(slots=True)
class Tally:
    """Collects parts times milliseconds; the only thing here that changes."""

    capacity: int = 0
    amounts: dict[Charge, int] = field(default_factory=dict)

    def add(self, charge: Charge, amount: int) -> None:
        """Part-milliseconds of a charge, as part of the capacity."""
        self.capacity += amount
        self.amounts[charge] = self.amounts.get(charge, 0) + amount

    def close(self, since: int, until: int) -> Ledger:
        """Everything so far in GPU-milliseconds; entries that round to nothing stay, so that each owner is seen."""
        whole = self.capacity // PER_DEVICE
        shares = largest_remainder(whole, {each: amount for each, amount in self.amounts.items() if amount})
        priced = {each: share for each, share in shares.items() if each.price is not None}
        costs = _costs(priced)
        entries = (LedgerEntry(each, share, costs.get(each)) for each, share in shares.items())
        return Ledger(since, until, whole, tuple(sorted(entries, key=_order)))


def _costs(shares: Mapping[Charge, int]) -> dict[Charge, int]:
    """Money of each entry, whole millionths that sum to what all of them cost."""
    exact = {each: Fraction(share * (each.price or 0), MS_PER_HOUR) for each, share in shares.items()}
    total = sum(exact.values(), Fraction(0))
    return largest_remainder(total.numerator // total.denominator, exact)


def _order(entry: LedgerEntry) -> tuple[str, ...]:
    charge = entry.charge
    owner = charge.owner
    return (charge.cluster, charge.node, charge.resource, charge.cause, owner.namespace, owner.top, owner.queue)


@dataclass(frozen=True, slots=True)
class TimeGroup:
    """Entries of one cause, team or node, together.

    Attributes:
        share: of the whole capacity, 0 to 1.
        waste: of it, GPU-milliseconds that were put to no use.
    """

    name: str
    gpu_ms: int
    share: float
    cost: int | None
    waste: int


def grouped(ledger: Ledger, name_of: Callable[[LedgerEntry], str]) -> tuple[TimeGroup, ...]:
    """The ledger's entries in groups, the largest first; the groups sum to the ledger."""
    by_name: dict[str, list[LedgerEntry]] = {}
    for entry in ledger.entries:
        by_name.setdefault(name_of(entry), []).append(entry)
    groups = (_group(name, entries, ledger.capacity_ms) for name, entries in by_name.items())
    return tuple(sorted(groups, key=lambda each: (-each.gpu_ms, each.name)))


def _group(name: str, entries: Iterable[LedgerEntry], capacity: int) -> TimeGroup:
    found = list(entries)
    total = sum(each.gpu_ms for each in found)
    known = [each.cost for each in found if each.cost is not None]
    waste = sum(each.gpu_ms for each in found if each.charge.cause not in LOOSE)
    return TimeGroup(name, total, total / capacity if capacity else 0.0, sum(known) if known else None, waste)
