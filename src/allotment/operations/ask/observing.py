"""Use case: what does a cluster show? Everything that answers rest on, several kinds at a time, page by page.

What may not be read, or cannot, is a gap of the source and stops nothing. Each raw object becomes its struct when it
comes, so that no more raw objects are held than a page of each worker.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from allotment.model.manifest import ObjectKey
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import Asker, Gap, Snapshot, Source
from allotment.observe.kinds import KINDS, ObservedKind, unknown_owner
from allotment.observe.unknown_owners import MOST_LEVELS, UnknownOwner, fair_shares, unknown_owners
from allotment.operations.ask.cluster_reader import ClusterReader, Reply
from allotment.operations.ask.waiting_order import read_order
from allotment.ports.clock import Clock
from allotment.ports.kube import Identity, KubePort

NAMESPACE: Final = "Namespace"
MOST_OWNERS: Final = 200
"""Objects of unknown kinds, of one level above pods, that are asked for one by one."""
_MOST_CUTS_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind, in the newest version that the server has."""

    kind: ObservedKind
    version: str


def observe(
    kube: KubePort, clock: Clock, namespaces: Sequence[str] = (), lock: threading.Lock | None = None
) -> Snapshot:
    """Read a cluster.

    Args:
        kube: the cluster.
        clock: says when.
        namespaces: where kinds are read that may not be listed in the whole cluster; the context's own by default.
        lock: see `ClusterReader`.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: it does not accept the credentials.
    """
    began = clock.now()
    version = kube.server().version
    reader = ClusterReader(kube, where_else(kube, namespaces), lock)
    who = asker_of(reader)
    reader.side_by_side(partial(read_kind, reader), served_kinds(kube))
    reader.check_heard()
    return completed(reader, clock, began, version, who)


def completed(reader: ClusterReader, clock: Clock, began: dt.datetime, version: str, who: Identity) -> Snapshot:
    """The snapshot of what was read, with what is asked for one by one: owners of other kinds, and who waits where.

    Raises:
        NotSignedInError: the server does not accept the credentials.
    """
    place = reader.kube.endpoint()
    _read_owners(reader)
    order = read_order(reader, clock)
    source = Source(
        name=place.context or place.url,
        observed_at=rfc3339(began),
        took=round((clock.now() - began).total_seconds(), 3),
        server=version,
        namespaces=reader.namespaces if reader.narrowed else (),
        # Several threads read: what could not be read comes in another order each time.
        gaps=tuple(sorted(reader.gaps, key=lambda gap: (gap.what, gap.namespace, gap.reason))),
        lacks=_lacking(reader.kube),
        objects=reader.objects,
        order=order,
    )
    asker = Asker(user=who.user, groups=who.groups, namespace=place.namespace)
    return Snapshot(taken_at=source.observed_at, asker=asker, sources=(source,))


def where_else(kube: KubePort, namespaces: Sequence[str]) -> tuple[str, ...]:
    """Where kinds are read that may not be listed in the whole cluster."""
    return tuple(dict.fromkeys(namespaces)) or (kube.endpoint().namespace or "default",)


def asker_of(reader: ClusterReader) -> Identity:
    """Who asks; nobody, where the server does not say it."""
    found: list[Identity] = []
    reader.attempt(lambda: found.append(reader.kube.whoami()), "who asks")
    return found[0] if found else Identity("", ())


def served_kinds(kube: KubePort) -> Iterator[ServedKind]:
    """What is read, in the table's order, which begins with what there is most of."""
    for kind in KINDS:
        version = next((each for each in kind.versions if kube.serves(each, kind.kind)), None)
        if version is not None:
            yield ServedKind(kind, version)


def _lacking(kube: KubePort) -> tuple[str, ...]:
    """API groups of which the server serves no kind that is read."""
    served = {each.kind.group for each in served_kinds(kube)}
    return tuple(sorted({kind.group for kind in KINDS} - served))


def read_named(reader: ClusterReader, served: ServedKind) -> None:
    """The few objects of a kind of which no others are read."""
    kind = served.kind
    for place in kind.only:
        namespace, _, name = place.partition("/")
        key = ObjectKey(kind.group, kind.kind, namespace, name)
        reader.attempt(partial(reader.take_one, kind, served.version, key), f"{kind.plural}/{name}", namespace)


def read_kind(reader: ClusterReader, served: ServedKind) -> None:
    """A kind, where it may be read."""
    kind, version = served.kind, served.version
    if kind.only:
        read_named(reader, served)
        return
    fate = reader.attempt(lambda: reader.take_all(kind, version), kind.plural)
    if fate is Reply.FORBIDDEN and kind.kind == NAMESPACE:
        # Who may not list all of them may still read her own.
        for namespace in reader.namespaces:
            key = ObjectKey(kind.group, kind.kind, "", namespace)
            reader.attempt(partial(reader.take_one, kind, version, key), kind.plural, namespace, told=False)
    if fate is not Reply.FORBIDDEN or not kind.namespaced:
        return
    reader.narrowed = True
    for namespace in reader.namespaces:
        reader.attempt(partial(reader.take_all, kind, version, namespace), kind.plural, namespace)


def _read_owners(reader: ClusterReader) -> None:
    """What stands above pods and is of no kind in the table, level by level."""
    seen: set[str] = set()
    for _ in range(MOST_LEVELS):
        wanted = sorted(each for each in unknown_owners(reader.objects) if each.uid not in seen)
        if not wanted:
            return
        seen.update(each.uid for each in wanted)
        served = [each for each in wanted if reader.kube.serves(each.api_version, each.kind)]
        asked = fair_shares(served, MOST_OWNERS, reader.namespaces)
        for gap in _cuts(served, asked):
            reader.gap("owners", gap.namespace, gap.reason, gap.detail)
        reader.side_by_side(lambda owner: _read_owner(reader, owner), asked)


def _cuts(served: Sequence[UnknownOwner], asked: Sequence[UnknownOwner]) -> Iterator[Gap]:
    """What was not asked for, namespace by namespace, those with the most first."""
    left = Counter(each.namespace for each in served)
    left.subtract(each.namespace for each in asked)
    cut = sorted(((number, name) for name, number in left.items() if number > 0), key=lambda each: (-each[0], each[1]))
    words = "objects of other kinds that own pods were not asked for"
    for number, namespace in cut[:_MOST_CUTS_NAMED]:
        yield Gap(what="owners", namespace=namespace, reason="cut", detail=f"{number:,} {words}: its share is used up")
    more = cut[_MOST_CUTS_NAMED:]
    if more:
        yield Gap(
            what="owners",
            reason="cut",
            detail=f"{sum(each for each, _ in more):,} {words}, of {len(more):,} more namespaces",
        )


def _read_owner(reader: ClusterReader, owner: UnknownOwner) -> None:
    kind = unknown_owner(owner.api_version, owner.kind)
    key = ObjectKey(owner.group, owner.kind, owner.namespace, owner.name)
    reader.attempt(
        lambda: reader.take_one(kind, owner.api_version, key, owner.uid),
        f"{kind.plural}/{owner.name}",
        owner.namespace,
    )
