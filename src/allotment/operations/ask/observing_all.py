"""Use case: what do several clusters show? All are read at the same time; one that does not answer stops no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final

from allotment.errors import NotSignedInError, UnreachableError
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import Asker, Gap, Snapshot, Source
from allotment.observe.kinds import KINDS
from allotment.operations.ask.observing import observe
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

Connect = Callable[[], AbstractContextManager[KubePort]]
_AT_ONCE: Final = 8
"""Clusters that are read at the same time: each is read by several threads itself."""


def observe_all(clusters: Mapping[str, Connect], clock: Clock, namespaces: tuple[str, ...] = ()) -> Snapshot:
    """Read clusters into one snapshot.

    Of one alone it is as `observe` has it. Of several each is a source of its own with its own time; one that does not
    answer, or does not accept the credentials, is a source in which nothing was seen, and says why.

    Args:
        clusters: how each is reached, by the name that it has in answers.
        clock: says when.
        namespaces: where kinds are read that may not be listed in a whole cluster; each context's own by default.

    Raises:
        UnreachableError: none of the servers answers.
        NotSignedInError: none accepts the credentials, or the only one does not.
        NotFoundError: there is no such context.
        InputError: the kubeconfig cannot be used.
    """
    if len(clusters) == 1:
        # In this thread: who interrupts it waits for nobody.
        (connect,) = clusters.values()
        with connect() as kube:
            return observe(kube, clock, namespaces)
    lock = threading.Lock()

    def read(name: str) -> Snapshot | UnreachableError | NotSignedInError:
        try:
            with clusters[name]() as kube:
                return observe(kube, clock, namespaces, lock)
        except (UnreachableError, NotSignedInError) as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="allotment-clusters") as pool:
        found = dict(zip(clusters, pool.map(read, clusters), strict=True))
    seen = {name: each for name, each in found.items() if isinstance(each, Snapshot)}
    if not seen:
        raise next(each for each in found.values() if not isinstance(each, Snapshot))
    sources = tuple(_source(name, each, rfc3339(clock.now())) for name, each in found.items())
    return Snapshot(
        taken_at=max(each.observed_at for each in sources if not each.unreached),
        asker=_asker(seen),
        sources=sources,
    )


def _source(name: str, found: Snapshot | UnreachableError | NotSignedInError, now: str) -> Source:
    if isinstance(found, Snapshot):
        return found.sources[0]
    return unreached_source(name, found.what, now)


def unreached_source(name: str, why: str, now: str) -> Source:
    """A cluster of which nothing was seen.

    Args:
        name: that it has in answers.
        why: it gave no answer.
        now: RFC 3339.
    """
    gaps = tuple(Gap(what=each, reason="failed", detail=why) for each in sorted({kind.plural for kind in KINDS}))
    return Source(name=name, observed_at=now, gaps=gaps, unreached=why)


def _asker(seen: Mapping[str, Snapshot]) -> Asker:
    """Who asks, where all clusters know the asker by one name; no namespace, for contexts differ in theirs."""
    first, *others = (each.asker for each in seen.values())
    same = all((each.user, each.groups) == (first.user, first.groups) for each in others)
    return Asker(user=first.user, groups=first.groups) if same else Asker()
