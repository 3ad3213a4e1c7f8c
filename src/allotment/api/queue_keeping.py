"""The passes in which a server keeps how queues are used: of what it has seen of clusters anyway."""

from __future__ import annotations

from threading import Event, Thread
from typing import Final

from allotment.accounting.device_quotas import QuotaLook, device_quotas
from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, shown
from allotment.model.observed.index import Index
from allotment.operations.fleet.hub import ClusterHub
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.clock import Clock, epoch_ms

_FIRST: Final = 15.0
_PASS: Final = 300.0
"""Seconds until clusters are looked at for it: after the start, and from then on."""


def keep_beside(history: QueueHistory, hub: ClusterHub, clock: Clock, ending: Event) -> None:
    """Have it done in a thread of its own, until the server ends."""
    Thread(target=_keep, args=(history, hub, clock, ending), name="keeps queues", daemon=True).start()


def _keep(history: QueueHistory, hub: ClusterHub, clock: Clock, ending: Event) -> None:
    """What goes wrong is said once, and tried again."""
    said, seen, wait = "", dict[str, str](), _FIRST
    while not ending.wait(wait):
        wait = _PASS
        try:
            keep_pass(history, hub, clock, seen)
            history.forget_old(epoch_ms(clock))
        except AllotmentError as error:
            if (line := error.whole.line) != said:
                say(f"how queues are used is not kept: {shown(line)}")
            said = line
        else:
            said = ""


def keep_pass(history: QueueHistory, hub: ClusterHub, clock: Clock, seen: dict[str, str]) -> None:
    """Keep what each cluster shows that was seen anew; of one that is away nothing is known, and nothing kept.

    Args:
        history: where it is kept.
        hub: clusters.
        clock: time.
        seen: when each was seen that was kept last; brought forward.
    """
    looks = list[QuotaLook]()
    for name in hub.names:
        heard = hub.glimpsed(name)
        if heard.snapshot is None or heard.error is not None:
            continue
        (source,) = heard.snapshot.sources
        if seen.get(name) != source.observed_at:
            seen[name] = source.observed_at
            looks += device_quotas(Index(source))
    if looks:
        history.add(looks, epoch_ms(clock))
