"""A server's telemetry put together: what is counted, told and asked of it, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.api.serving import Listener, bound_address, listening
from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.observed import AnsweredRequest, Observed
from allotment.api.telemetry.presence import Presence
from allotment.api.telemetry.probes import BesideProbes, Probes
from allotment.api.telemetry.standing import ServerStanding
from allotment.operations.access.listening import address_of

_NO_TLS: Final = None


@dataclass(frozen=True, slots=True)
class WatchedServer:
    """See the module.

    Attributes:
        standing: how the server stands.
        meters: what is counted.
        probes: what answers for both.
        told: is told of each request; None where nobody asked for that.
    """

    standing: ServerStanding
    meters: Meters
    probes: Probes
    told: Callable[[AnsweredRequest], None] | None = None

    def observed(self, app: Any) -> Any:
        """An application that is counted."""
        return Observed(app, self.meters, self.told)

    def at_home(self, app: Any) -> Any:
        """An application that is counted, with the probes beside it."""
        return BesideProbes(self.observed(app), self.probes)

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
    found = WatchedServer(standing, meters, Probes(standing, meters), told)
    if not listen:
        yield found
        return
    with bound_address(*address_of(listen)) as bound, listening(Listener(found.probes, bound)):
        yield found
