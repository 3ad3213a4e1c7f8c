"""A server that waits for its turn: another one leads, of several that share a store in PostgreSQL.

It lives and does nothing: whoever comes over the network is led on to the one that leads, or told to ask again where
none does. It takes over once that one has ended, or gives no sign of life.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from allotment.api.hardening import Hardened
from allotment.api.prefaces import PrefaceKey
from allotment.api.problems import PROBLEM, STANDING_BY, problem_body
from allotment.api.relaying import Address, LeadingServer, relaying
from allotment.api.serving import Listener, bound_address, bound_socket, listening
from allotment.api.telemetry.saying import say
from allotment.api.telemetry.standing import ServerRole, ServerStanding
from allotment.api.telemetry.watching import WatchedServer
from allotment.errors import AllotmentError, UsageError
from allotment.operations.access.listening import ListeningPlace, address_of
from allotment.operations.run.lane import Serving
from allotment.operations.run.starting import check_standby
from allotment.ports.backends import LOCAL
from allotment.ports.job_service import StandingByError
from allotment.ports.store import BEAT_SECONDS, JobsStore, SchemaError, StoreInUseError, StorePlace
from allotment.wiring import running

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at whether the lead is free."""
_TELL_AGAIN: Final = 30.0
"""Seconds after which it is told again why nobody can lead."""
_LED: Final = ", to which callers are led"
"""What a server tells of itself that listens to prefaces of callers."""
NO_MORE: Final = 8.0
"""Seconds without a sign of life after which one of several servers ends: before another takes it to hang."""
_WAIT: Final = b"1"
"""Seconds after which somebody may ask again."""


class StandingBy:
    """An application that refuses whoever asks, and has looked at nothing; speaks ASGI."""

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        said = StandingByError(
            "this server stands by", why="another one leads", fix="ask again: nothing was done, and one of them answers"
        )
        headers = [(b"content-type", PROBLEM.encode()), (b"retry-after", _WAIT), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": STANDING_BY.status, "headers": headers})
        await send({"type": "http.response.body", "body": problem_body(STANDING_BY, STANDING_BY.status, said)})


def led_store(
    place: StorePlace,
    who: str,
    opened: ExitStack,
    waiting: Callable[[], Any] | None = None,
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> JobsStore:
    """The store, once this server leads.

    Args:
        place: of the store.
        who: told to whoever wants to lead meanwhile.
        opened: has it closed.
        waiting: what goes on as long as another one leads; None where that one is an error.
        pause: lets seconds pass.
        now: seconds, from whenever on.

    Raises:
        StoreInUseError: another one leads, and is not waited for.
        UsageError: such a store has no standby.
        SchemaError: it is newer than this program.
    """
    if waiting is None:
        return opened.enter_context(place.writer(who))
    with ExitStack() as meanwhile:
        said, told_at = "", now()
        while True:
            _supplant(place)
            try:
                return opened.enter_context(place.writer(who))
            except SchemaError:
                raise
            except AllotmentError as error:
                if not said:
                    meanwhile.enter_context(waiting())
                # That another one leads is as it should be; what is wrong is told for as long as it is.
                again = not isinstance(error, StoreInUseError) and now() - told_at >= _TELL_AGAIN
                line = error.whole.line
                if line != said or again:
                    say(f"stands by: {'still: ' if line == said else ''}{line}")
                    said, told_at = line, now()
            pause(_LOOK_AGAIN)


def _supplant(place: StorePlace) -> None:
    try:
        hung = place.supplant()
    except UsageError:
        raise
    except AllotmentError:
        return  # who cannot be asked cannot be led either, which is told
    if hung:
        say(f"{hung} gave no sign of life: its lead has ended")


@contextmanager
def refusing(
    folder: Path, place: ListeningPlace | None, store: StorePlace, watched: WatchedServer, prefaces: PrefaceKey
) -> Iterator[None]:
    """Be a standby: on the socket it refuses, on the address of the network it leads on to the one that leads.

    Args:
        folder: of the server.
        place: on the network; None for none.
        store: knows who leads.
        watched: telemetry of the server.
        prefaces: tell the one that leads who has come.
    """
    standing = watched.standing
    standing.role = ServerRole.STANDBY
    with ExitStack() as opened:
        bound = opened.enter_context(bound_socket(folder / running.SOCKET))
        opened.enter_context(listening(Listener(watched.at_home(StandingBy()), bound)))
        if place is not None:
            inside = opened.enter_context(bound_address("127.0.0.1", 0))
            hardened = Hardened(watched.observed(StandingBy()), place.names, running.new_request_id)
            opened.enter_context(listening(Listener(hardened, inside, place.certificate, place.key)))
            abroad = opened.enter_context(bound_address(place.host, place.port))
            found = opened.enter_context(_looked_up(store, standing, prefaces))
            opened.enter_context(relaying(abroad, found, inside.getsockname()))
        yield
    standing.role = ServerRole.STARTING


@contextmanager
def _looked_up(
    store: StorePlace, standing: ServerStanding, prefaces: PrefaceKey
) -> Iterator[Callable[[], LeadingServer | None]]:
    """What tells where the one that leads is reached; it is looked up again and again."""
    ending = Event()
    last: list[LeadingServer | None] = [None]

    def look() -> None:
        while True:
            try:
                last[0] = _leading(store.led_by(), prefaces)
            except AllotmentError:
                last[0] = None
            standing.relays = last[0] is not None
            if ending.wait(_LOOK_AGAIN):
                return

    worker = Thread(target=look, name="looks who leads", daemon=True)
    worker.start()
    try:
        yield lambda: last[0]
    finally:
        standing.relays = False
        ending.set()
        worker.join(BEAT_SECONDS)


@contextmanager
def beating(standing: ServerStanding, store: JobsStore, *, replicated: bool) -> Iterator[None]:
    """Give the store a sign of life again and again; where another server leads, this one ends.

    Args:
        standing: is told how it goes.
        store: that this server writes.
        replicated: whether others wait for the lead: only then it is given up where the store stays silent.
    """
    ending = Event()

    def beat() -> None:
        while not ending.wait(BEAT_SECONDS):
            try:
                store.beat()
            except StoreInUseError as error:
                standing.depose(error)
            except AllotmentError as error:
                standing.beaten(error.whole.line)
                if replicated and standing.silent > NO_MORE:
                    standing.depose(error)
            else:
                standing.beaten()

    standing.beaten()
    worker = Thread(target=beat, name="beats", daemon=True)
    worker.start()
    try:
        yield
    finally:
        ending.set()
        worker.join(BEAT_SECONDS)


def elsewhere(opener: Callable[[str], Serving]) -> Callable[[str], Serving]:
    """Opens what can be followed from wherever the lead is: programs of one machine cannot.

    Args:
        opener: opens all else.
    """

    def open_one(name: str) -> Serving:
        if name == LOCAL:
            raise UsageError(
                "a server with a standby runs no programs on its own machine",
                why="no other machine could follow them",
                fix="name a cluster or a Slurm with --on",
            )
        return opener(name)

    return open_one


def server_name(advertised: str, place: ListeningPlace | None, *, standby: bool = False) -> str:
    """What this server tells of itself to those who stand by: its machine, its process there, and where it is reached.

    Args:
        advertised: address by which the others reach it; empty for what the machine knows of itself.
        place: on the network; None for none.
        standby: whether it has been started as one, and listens to what others say of callers.

    Raises:
        UsageError: it is no such address.
    """
    itself = f"process {os.getpid()} of {socket.gethostname()}{_LED if standby else ''}"
    if advertised:
        address_of(advertised)
        return f"{itself} at {advertised}"
    if place is None or not place.port:
        return itself
    host = place.host
    if ipaddress.ip_address(host).is_unspecified:
        try:
            host = socket.gethostbyname(socket.gethostname())
        except OSError:
            return itself
    return f"{itself} at {f'[{host}]' if ':' in host else host}:{place.port}"


def _leading(who: str, prefaces: PrefaceKey) -> LeadingServer | None:
    address = address_in(who)
    if address is None:
        return None
    return LeadingServer(address, prefaces.written if _LED in who else None)


def address_in(who: str) -> Address | None:
    """Where a server is reached, by what it tells of itself; None where it does not say."""
    _, at, address = who.rpartition(" at ")
    return address_of(address) if at else None


def shared_folder(named: str, own: Path, *, standby: bool) -> Path:
    """Where packed code lies, and the key by which a server knows its jobs in a cluster.

    Args:
        named: that servers share; empty for none.
        own: of this server.
        standby: whether another one may have to go on with what this one has begun.

    Raises:
        UsageError: it is needed, and not named.
        AllotmentError: it cannot be had.
    """
    if standby:
        check_standby(named)
    if not named:
        return own
    return running.own_folder(Path(named).absolute())
