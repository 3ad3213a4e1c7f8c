"""What does not add up between quota and hardware: each a typed finding with its numbers and the change that mends it.

    ========================  ===========================================================  =============================
    finding                   when                                                         what mends it
    ========================  ===========================================================  =============================
    wrong-unit                a device quota with a suffix, or CPU and memory counted      the number that was meant
                              in milli-units or without a unit
    flavor-missing            quota in a flavor that does not exist                        the flavor, or another name
    flavor-without-nodes      quota in a flavor that no node matches, nor ever will        its labels, or no quota
    guarantee-unbacked        more guaranteed than there can ever be                       lower nominal quotas
    guarantee-short-now       backed by hardware that is broken or cordoned now            repair; till then lend less
    devices-promised-twice    flavors that match the same nodes, and together guarantee    lower nominal quotas, or
                              more than those have                                         labels that part the nodes
    devices-without-flavor    nodes with devices that no flavor of a queue matches         labels on the nodes
    borrowing-unusable        a borrowing limit that nobody can lend anything for          the limit that can be used
    ========================  ===========================================================  =============================

A quota in the wrong unit is left out of the sums: its number means nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Final

from allotment.accounting.books import FlavorBook, WrittenQuota, devices_promised_twice, flavor_books, quota_lines
from allotment.accounting.bounds import DeviceBounds
from allotment.accounting.capacity import devices_by_node, flavor_matches, largest_remainder, model_of
from allotment.accounting.claims import hands_out_devices
from allotment.accounting.cohort_trees import QUEUE, CohortTrees
from allotment.model.devices import is_device
from allotment.model.grammar import count
from allotment.model.observed.index import Index
from allotment.model.quantity import Bytes, format_bytes
from allotment.observe.seen import seen_everywhere
from allotment.scheduling.snapshot.quantities import units

NOMINAL: Final = "nominalQuota"
BORROWING: Final = "borrowingLimit"

_IMPOSSIBLE: Final = 100
"""So many times what the whole cluster has: no guarantee, a slip of the unit."""
_LEAST_MEMORY: Final = 1 << 20
"""Bytes: memory below is a number of larger units whose suffix was forgotten."""
_MILLI: Final = 1000
_THOUSANDS: Final = "k"
"""What Kubernetes makes of three noughts whenever it writes a quantity anew: 1000 is 1k, and no slip."""
_HARDWARE: Final = ("nodes", "resourceflavors", "clusterqueues", "cohorts")
"""Kinds without which nothing can be said of quota against hardware."""
_MOST_NAMED: Final = 10
"""Flavors that a sentence names."""
_FEW: Final = 10_000
"""A device quota of more, and of more than there are, is none that anybody meant."""


class BookFault(StrEnum):
    """What is wrong."""

    WRONG_UNIT = "wrong-unit"
    NO_FLAVOR = "flavor-missing"
    NO_NODES = "flavor-without-nodes"
    UNBACKED = "guarantee-unbacked"
    SHORT_NOW = "guarantee-short-now"
    TWICE = "devices-promised-twice"
    UNCOVERED = "devices-without-flavor"
    BORROWING = "borrowing-unusable"


@dataclass(frozen=True, slots=True)
class QuotaEdit:
    """Another value for one field of one quota.

    Attributes:
        quota: which.
        field: of it, such as ``nominalQuota``.
        before, after: as they are written; `before` None where nothing stands.
    """

    quota: WrittenQuota
    field: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class BookFinding:
    """One thing that does not add up.

    Attributes:
        subject: a flavor, a queue, or a node.
        what: one sentence.
        evidence: the numbers it rests on.
        mend: what to do, one sentence.
        edits: the same as changes of quota, where that is what mends it.
        nodes: those that it is about, where it is about nodes.
    """

    fault: BookFault
    cluster: str
    subject: str
    what: str
    mend: str
    evidence: Mapping[str, int] = field(default_factory=dict)
    edits: tuple[QuotaEdit, ...] = ()
    nodes: tuple[str, ...] = ()


def findings(index: Index, declared: Mapping[str, DeviceBounds] | None = None) -> Iterator[BookFinding]:
    """Everything that does not add up, in the order of `BookFault`; of what was seen in part, the units alone.

    Args:
        index: the source.
        declared: bounds by flavor, from a platform directory.
    """
    lines = list(quota_lines(index))
    wrong = list(_wrong_units(index, lines))
    yield from wrong
    if any(not seen_everywhere(index.source, kind) for kind in _HARDWARE):
        # What was not seen is not missing.
        return
    slips = {_place(edit.quota) for each in wrong for edit in each.edits}
    sound = [line for line in lines if _place(line) not in slips and is_device(line.resource)]
    here = [line for line in sound if not line.elsewhere]
    books = flavor_books(index, declared)
    for book in books:
        own = _lines_of(here, book)
        yield from _backing(book, own) if book.flavor in index.flavors else _no_flavor(index, book, own)
    yield from _promised_twice(books, here)
    yield from _uncovered(index, books)
    yield from _borrowing(index, sound)


# Units


def quotas_in_wrong_units(index: Index) -> tuple[WrittenQuota, ...]:
    """Quotas whose numbers mean nothing."""
    found = _wrong_units(index, quota_lines(index))
    return tuple(edit.quota for each in found for edit in each.edits)


def _place(line: WrittenQuota) -> tuple[str, str, str]:
    return line.kind, line.name, line.path


def _wrong_units(index: Index, lines: Iterable[WrittenQuota]) -> Iterator[BookFinding]:
    cpu = sum(units("cpu", node.status.allocatable.get("cpu", 0)) for node in index.objects.nodes)
    there: Counter[str] = Counter()
    for part in (part for parts in devices_by_node(index).values() for part in parts):
        there[part.resource] += part.units
    for line in lines:
        found = None if line.elsewhere else _meant(line, cpu, there[line.resource])
        if found is None:
            continue
        meant, why = found
        written = str(line.written.nominal_quota)
        yield BookFinding(
            BookFault.WRONG_UNIT,
            index.source.name,
            f"{line.kind}/{line.name}",
            f"{line.resource} in flavor {line.flavor} is {written}: {why}",
            f"write {meant}",
            {"quota": line.nominal, "meant": units(line.resource, meant)},
            (QuotaEdit(line, NOMINAL, written, meant),),
        )


def _meant(line: WrittenQuota, cpu: int, devices: int) -> tuple[str, str] | None:
    """The number that was meant, and why it was not written; None if nothing is wrong with it."""
    written = str(line.written.nominal_quota)
    if is_device(line.resource):
        return _devices_meant(line, written, devices)
    whole = written.removesuffix(_THOUSANDS).isdigit()
    if line.resource == "cpu" and cpu and line.nominal >= _IMPOSSIBLE * cpu and whole:
        why = f"in cores that is over {_IMPOSSIBLE} times what all nodes have, so milli-CPU was meant"
        return f"{line.nominal // _MILLI}m", why
    if line.resource == "memory" and 0 < line.nominal < _LEAST_MEMORY and written.isdigit():
        return f"{written}Gi", "without a unit that is bytes, so Gi was meant"
    return None


def _devices_meant(line: WrittenQuota, written: str, there: int) -> tuple[str, str] | None:
    digits = written.rstrip("KMGTPEkmin")
    suffix = written[len(digits) :]
    if suffix == "m" and digits.isdigit():
        return str(-(-int(digits) // _MILLI)), "devices come whole, and m is a thousandth"
    if suffix and suffix != _THOUSANDS and digits.isdigit():
        return digits, f"devices have no unit, and {suffix} makes {line.nominal:,} of them"
    # The API server writes 16Gi of a device back as it came, or as the number that it is.
    for shift in (40, 30, 20, 10):
        if line.nominal >= max(_FEW, there + 1) and line.nominal % (1 << shift) == 0:
            return str(
                line.nominal >> shift
            ), f"that is {format_bytes(Bytes(line.nominal))}, a size and no number of devices"
    return None


# Guarantees


def _lines_of(lines: Iterable[WrittenQuota], *books: FlavorBook) -> list[WrittenQuota]:
    wanted = {(book.flavor, book.resource) for book in books}
    return [line for line in lines if (line.flavor, line.resource) in wanted]


def _no_flavor(index: Index, book: FlavorBook, lines: Sequence[WrittenQuota]) -> Iterator[BookFinding]:
    queues = sorted({line.name for line in lines if line.kind == "ClusterQueue"})
    if not lines:
        return
    stopped = f": {', '.join(queues)} {'admits' if len(queues) == 1 else 'admit'} nothing at all" if queues else ""
    known = ", ".join(sorted(index.flavors)[:_MOST_NAMED])
    yield BookFinding(
        BookFault.NO_FLAVOR,
        book.cluster,
        f"ResourceFlavor/{book.flavor}",
        f"{sum(line.nominal for line in lines):,} {book.resource} are guaranteed in flavor {book.flavor}, and there is "
        f"no such ResourceFlavor{stopped}",
        f"make the flavor, or name one that is there{f' ({known})' if known else ''}",
        {"nominal": sum(line.nominal for line in lines)},
    )


def _promised_twice(books: Sequence[FlavorBook], lines: Sequence[WrittenQuota]) -> Iterator[BookFinding]:
    written = {(line.flavor, line.resource) for line in lines}
    sound = [book for book in books if (book.flavor, book.resource) in written]
    for found, nominal, there in devices_promised_twice(sound):
        own = _lines_of(lines, *found)
        flavors, resource = " and ".join(book.flavor for book in found), found[0].resource
        shares = largest_remainder(there, {at: Fraction(line.nominal) for at, line in enumerate(own)})
        yield BookFinding(
            BookFault.TWICE,
            found[0].cluster,
            f"ResourceFlavor/{found[0].flavor}",
            f"{nominal:,} {resource} are guaranteed in the flavors {flavors}, which match the same nodes, and those "
            f"have {there:,}",
            f"give the flavors labels that part the nodes, or lower the nominal quotas to {there:,} together",
            {"nominal": nominal, "capacity": there},
            tuple(_edit(line, shares[at]) for at, line in enumerate(own) if shares[at] != line.nominal),
            nodes=tuple(sorted({name for book in found for name in book.nodes})),
        )


def _backing(book: FlavorBook, lines: Sequence[WrittenQuota]) -> Iterator[BookFinding]:
    nominal = sum(line.nominal for line in lines)
    numbers = {
        "nominal": nominal,
        "lendable": sum(line.lendable for line in lines),
        "capacity": book.capacity,
        "allocatable": book.allocatable,
        "healthy": book.healthy,
        "schedulable": book.schedulable,
        "minimum": book.bounds.least or 0,
        "maximum": book.most,
    }
    where = f"{book.resource} in flavor {book.flavor}"
    if not nominal:
        return
    if book.endless:
        return
    if not book.nodes and not book.bounds.most:
        edits = tuple(_edit(line, 0) for line in lines if line.nominal)
        yield BookFinding(
            BookFault.NO_NODES,
            book.cluster,
            f"ResourceFlavor/{book.flavor}",
            f"{nominal:,} {where} are guaranteed, and no node has its labels and such devices",
            "give the nodes the flavor's labels, or take the quota out",
            numbers,
            edits,
        )
    elif nominal > book.most:
        shares = largest_remainder(book.most, {at: Fraction(line.nominal) for at, line in enumerate(lines)})
        yield BookFinding(
            BookFault.UNBACKED,
            book.cluster,
            f"ResourceFlavor/{book.flavor}",
            f"{nominal:,} {where} are guaranteed, and there are {book.most:,} at most"
            f"{f' ({book.bounds.by})' if book.bounds.by else ''}",
            f"lower the nominal quotas to {book.most:,} together, or add {nominal - book.most:,} devices",
            numbers,
            tuple(_edit(line, shares[at]) for at, line in enumerate(lines) if shares[at] != line.nominal),
        )
    elif nominal > book.reachable:
        yield BookFinding(
            BookFault.SHORT_NOW,
            book.cluster,
            f"ResourceFlavor/{book.flavor}",
            f"{nominal:,} {where} are guaranteed, and {book.reachable:,} can be used now: {_short_by(book)}",
            "bring the nodes back; until then `allot books --fix lending` keeps what is not there from being lent",
            numbers,
        )


def _short_by(book: FlavorBook) -> str:
    parts = [
        (book.capacity - book.allocatable, "broken"),
        (book.allocatable - book.healthy, "on nodes that are not Ready"),
        (book.healthy - book.schedulable, "on cordoned nodes"),
    ]
    return ", ".join(f"{number:,} {words}" for number, words in parts if number)


def _edit(line: WrittenQuota, after: int) -> QuotaEdit:
    return QuotaEdit(line, NOMINAL, str(line.written.nominal_quota), str(after))


# Devices that no quota reaches


def _uncovered(index: Index, books: Sequence[FlavorBook]) -> Iterator[BookFinding]:
    if not index.objects.cluster_queues:
        return
    offered: dict[str, list[str]] = {}
    for book in books:
        if book.flavor in index.flavors:
            offered.setdefault(book.resource, []).append(book.flavor)
    in_queues = {flavor for each in offered.values() for flavor in each}
    lost: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, int]]] = {}
    for name, parts in devices_by_node(index).items():
        of = tuple(sorted(each for each in in_queues if flavor_matches(index.flavors[each], index.nodes[name])))
        for part in parts:
            # What claims hand out has its quota by the name that Kueue's configuration gives a class of devices.
            if not hands_out_devices(part.resource) and not set(of) & set(offered.get(part.resource, ())):
                lost.setdefault((part.resource, part.model, of), []).append((name, part.units))
    models = _models_by_flavor(index, books)
    for (resource, model, of), nodes in sorted(lost.items()):
        devices = sum(number for _, number in nodes)
        names = tuple(sorted(name for name, _ in nodes))
        yield BookFinding(
            BookFault.UNCOVERED,
            index.source.name,
            f"Node/{names[0]}",
            f"{devices:,} {resource}{f' ({model})' if model else ''} on {count(len(nodes), 'node')} "
            f"{'is' if devices == 1 else 'are'} in no flavor of any queue: no queued work can get "
            f"{'it' if devices == 1 else 'them'}",
            _covering(resource, model, of, {each: models.get(each, set()) for each in offered.get(resource, ())}),
            {"devices": devices, "nodes": len(nodes)},
            nodes=names,
        )


def _models_by_flavor(index: Index, books: Sequence[FlavorBook]) -> dict[str, set[str]]:
    """Models of the devices that a flavor's nodes have."""
    found: dict[str, set[str]] = {}
    for book in books:
        models = {model_of(index.nodes[name].metadata.labels) for name in book.nodes}
        found.setdefault(book.flavor, set()).update(models)
    return found


def _covering(resource: str, model: str, of: Sequence[str], offered: Mapping[str, set[str]]) -> str:
    """What brings devices into a queue: quota where their node has a flavor, for its labels would take it out of that.

    Args:
        resource: that counts them.
        model: of the devices; empty where no label names it.
        of: flavors of queues that their nodes are in.
        offered: flavors with quota for the resource, with the models of their devices.
    """
    if of:
        return f"declare quota for {resource} in flavor {' or '.join(of)} too"
    alike = sorted(each for each, models in offered.items() if (model in models if model else True))
    if not alike:
        return f"declare a flavor for them, and quota for {resource} in it"
    named = ", ".join(alike)
    if model:
        return f"give them the labels of flavor {named}, or declare a flavor for them"
    return f"declare a flavor for them; or, where they are devices of the same model, give them its labels ({named})"


# Borrowing


def _borrowing(index: Index, lines: Sequence[WrittenQuota]) -> Iterator[BookFinding]:
    trees = CohortTrees(index, lines, {})
    for line in lines:
        if line.kind != QUEUE or not line.borrowing or trees.borrowable(line):
            continue
        why = "nobody in its cohort lends any" if line.cohort else "it is in no cohort"
        yield BookFinding(
            BookFault.BORROWING,
            index.source.name,
            f"ClusterQueue/{line.name}",
            f"it may borrow {line.borrowing:,} {line.resource} in flavor {line.flavor}, and {why}",
            "set its borrowing limit to 0, or let another queue of a cohort lend",
            {"borrowingLimit": line.borrowing, "lendableByOthers": 0},
            (QuotaEdit(line, BORROWING, str(line.written.borrowing_limit), "0"),),
        )
