"""A server's telemetry put together: what is counted, told and asked of it, from its start to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from allotment.api.serving import Listener, bound_address, listening
from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.observed import AnsweredRequest, Observed
from allotment.api.telemetry.presence import Presence
from allotment.api.telemetry.probes import BesideProbes, Probes
from allotment.api.telemetry.standing import ServerStanding
from allotment.api.telemetry.tracing import Spans, no_spans, traced
from allotment.operations.access.listening import address_of


@dataclass(frozen=True, slots=True)
class WatchedServer:
    """See the module.

    Attributes:
        standing: how the server stands.
        meters: what is counted.
        told: is told of each request; None where nobody asked for that.
        spans: begins spans, of requests and calls.
    """

    standing: ServerStanding
    meters: Meters
    told: Callable[[AnsweredRequest], None] | None = None
    spans: Spans = no_spans

    def observed(self, app: Any) -> Any:
        """An application that is counted."""
        return Observed(app, self.meters, self.told, self.spans)

    def at_home(self, app: Any) -> Any:
        """An application that is counted, with the probes beside it."""
        return BesideProbes(self.observed(app), Probes(self.standing, self.meters, at_home=True))

    def afar(self, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
        """Listeners whose applications are counted; there, nobody asks for metrics."""
        return tuple(replace(each, app=self.observed(each.app)) for each in listeners)


@contextmanager
def watched(
    listen: str, version: str, told: Callable[[AnsweredRequest], None] | None = None
) -> Iterator[WatchedServer]:
    """Telemetry of a server that starts; while it lasts, its probes answer.

    Args:
        listen: address of probes and metrics alone; empty for none besides the server's own socket.
        version: of the program.
        told: is told of each request.

    Raises:
        UsageError: it is no such address.
        ConflictError: something listens there already.
    """
    standing, meters = ServerStanding(), Meters(version)
    meters.registry.register(Presence(standing))
    with ExitStack() as opened:
        spans = opened.enter_context(traced(os.environ, version))
        found = WatchedServer(standing, meters, told, spans)
        if listen:
            bound = opened.enter_context(bound_address(*address_of(listen)))
            opened.enter_context(listening(Listener(Probes(standing, meters), bound)))
        yield found
