"""Lending limits that follow healthy capacity.

Where a flavor's guarantees exceed what work can have now, the difference must not be lent: whoever borrows it holds
quota for devices that are not there, while a guaranteed job waits for a node. So the lendable quota of the flavor is
lowered by the difference, in proportion to what each queue lends, to nothing at the least. Nominal quotas stay: no
queue loses a guarantee, and the limits come back as capacity does.

A flavor of which a quota is written in the wrong unit is left as it is: what it guarantees is not known until that is
mended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from allotment.accounting.book_checks import quotas_in_wrong_units
from allotment.accounting.books import FlavorBook, WrittenQuota, flavor_books, quota_lines
from allotment.accounting.bounds import DeviceBounds
from allotment.accounting.capacity import largest_remainder
from allotment.model.devices import is_device
from allotment.model.observed.index import Index
from allotment.scheduling.snapshot.quantities import units

Earlier = Mapping[str, Mapping[tuple[str, str], str | None]]
"""By ClusterQueue: the lending limits by flavor and resource that stood before the first change; None for none."""


@dataclass(frozen=True, slots=True)
class LendingChange:
    """Another lending limit for one quota of a ClusterQueue.

    Attributes:
        before, after: as written; None for no limit.
        original: what stood before the first change.
    """

    queue: str
    flavor: str
    resource: str
    before: str | None
    after: str | None
    original: str | None


def lending_changes(
    index: Index, earlier: Earlier, declared: Mapping[str, DeviceBounds] | None = None
) -> tuple[LendingChange, ...]:
    """What lending limits have to become.

    Args:
        index: the source.
        earlier: what stood before changes that were made already.
        declared: bounds by flavor, from a platform directory.
    """
    lines = [line for line in quota_lines(index) if is_device(line.resource) and not line.elsewhere]
    found: list[LendingChange] = []
    unclear = {(each.flavor, each.resource) for each in quotas_in_wrong_units(index)}
    for book in flavor_books(index, declared):
        if (book.flavor, book.resource) in unclear:
            continue
        own = [line for line in lines if (line.flavor, line.resource) == (book.flavor, book.resource)]
        found += _of_flavor(book, own, earlier)
    return tuple(found)


def _of_flavor(book: FlavorBook, lines: Sequence[WrittenQuota], earlier: Earlier) -> list[LendingChange]:
    queues = [line for line in lines if line.kind == "ClusterQueue" and line.cohort]
    originals = [_original(line, earlier) for line in queues]
    lendable = {
        at: line.nominal if original is None else min(line.nominal, units(line.resource, original))
        for at, (line, original) in enumerate(zip(queues, originals, strict=True))
    }
    short = 0 if book.endless else max(0, book.nominal - book.reachable)
    cuts = largest_remainder(min(short, sum(lendable.values())), {at: Fraction(each) for at, each in lendable.items()})
    changes = []
    for at, line in enumerate(queues):
        present = _written(line)
        after = str(lendable[at] - cuts[at]) if cuts[at] else originals[at]
        if present != after:
            changes.append(LendingChange(line.name, line.flavor, line.resource, present, after, originals[at]))
    return changes


def undo_changes(index: Index, earlier: Earlier) -> tuple[LendingChange, ...]:
    """The limits as they were before the first change."""
    return tuple(
        LendingChange(line.name, line.flavor, line.resource, _written(line), original, original)
        for line in quota_lines(index)
        if line.kind == "ClusterQueue" and (line.flavor, line.resource) in earlier.get(line.name, {})
        for original in [earlier[line.name][line.flavor, line.resource]]
    )


def _original(line: WrittenQuota, earlier: Earlier) -> str | None:
    kept = earlier.get(line.name, {})
    return kept[line.flavor, line.resource] if (line.flavor, line.resource) in kept else _written(line)


def _written(line: WrittenQuota) -> str | None:
    limit = line.written.lending_limit
    return None if limit is None else str(limit)
