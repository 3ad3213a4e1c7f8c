"""Who is let in: over the socket of one user its owner, from the network whoever has a token."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from allotment.api.browser_session import browser_token
from allotment.api.prefaces import Peer
from allotment.api.visits import address_of, is_led
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.access.rights import OWN
from allotment.model.hosts import neighbourhood_of
from allotment.operations.access.admitting import Doorkeeper, LetIn
from allotment.operations.access.pacing import OF_ADDRESS, OF_PERSON, Pacing

_BEARER: Final = "bearer "
_LOOKED_UP: Final = 8
"""Tokens that are looked up at once, a thread each: whoever waits for that keeps no other from being answered."""


class Door(Protocol):
    """Where requests come in."""

    @property
    def at_home(self) -> bool:
        """Whether the server's own user alone comes there."""
        ...

    def comes(self, request: Request) -> None:
        """Somebody comes to sign in, whom nobody knows yet.

        Raises:
            TooOftenError: too often from where he is.
        """
        ...

    async def admit(self, request: Request) -> LetIn:
        """Who it is.

        Raises:
            NotSignedInError: nobody who is let in.
        """
        ...

    async def denied(self, admitted: LetIn, wanted: Permission, what: str) -> None:
        """He may not do what he asked for."""
        ...

    async def still(self, admitted: LetIn) -> bool:
        """Whether he would be let in now, too."""
        ...

    def again(self, admitted: LetIn) -> LetIn:
        """The same person, with what he may now; for threads.

        Raises:
            NotSignedInError: he would be let in no more.
        """
        ...

    def known(self, request: Request, admitted: LetIn) -> None:
        """Whoever is at the other end of a connection was let in."""
        ...

    def is_owners(self, request: Request) -> bool | None:
        """Whether, as far as the system tells, a connection is of the user whose server it is; for threads.

        None where it is there no more.
        """
        ...


class HomeDoor:
    """The socket that belongs to one user of this machine: whoever could open it is that user, or root."""

    at_home: Final = True

    def __init__(self, owner: str) -> None:
        """Of a user.

        Args:
            owner: user name.
        """
        self._admitted = LetIn(Caller(owner, CallerKind.LOCAL, "unix socket"), OWN)

    def comes(self, _request: Request) -> None:
        """Nobody else comes here."""

    async def admit(self, _request: Request) -> LetIn:
        """The owner."""
        return self._admitted

    async def denied(self, _admitted: LetIn, _wanted: Permission, _what: str) -> None:
        """He may do everything."""

    async def still(self, _admitted: LetIn) -> bool:
        """He always would."""
        return True

    def again(self, admitted: LetIn) -> LetIn:
        """He may what he always may."""
        return admitted

    def known(self, _request: Request, _admitted: LetIn) -> None:
        """Nobody else comes here."""

    def is_owners(self, _request: Request) -> bool:
        """Nobody else comes here."""
        return True


class TokenDoor:
    """Where whoever comes shows a token."""

    at_home: Final = False

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        befriend: Callable[[Peer, str], None] = lambda _peer, _whose: None,
        is_our_user: Callable[[Peer, Peer], bool | None] = lambda _there, _here: True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody is let in yet.

        Args:
            doorkeeper: knows tokens.
            befriend: is told address and port of each connection by which somebody came who was let in, and whose it
                is.
            is_our_user: whether, as far as the system tells, who is at the other end is the user whose server it is; is
                told address and port of both ends.
            now: seconds of a clock that nobody sets.
        """
        self._doorkeeper = doorkeeper
        self._befriend = befriend
        self._is_our_user = is_our_user
        self._looking = CapacityLimiter(_LOOKED_UP)
        self._of_address, self._of_person = (Pacing(each, now) for each in (OF_ADDRESS, OF_PERSON))

    def comes(self, request: Request) -> None:
        """At the pace of his address, whatever he brings."""
        self._of_address.asked(neighbourhood_of(address_of(request)))

    async def admit(self, request: Request) -> LetIn:
        """Whoever has a token; it comes in headers, and nowhere else, so that no log of addresses holds it."""
        address = address_of(request)
        self._of_address.asked(neighbourhood_of(address))
        text = _token_of(request)
        found = self._doorkeeper.admit_recalled(text, address)
        if found is None:
            admitted = partial(self._doorkeeper.admit, text, address, partial(self.is_owners, request))
            found = await to_thread.run_sync(admitted, limiter=self._looking)
        self._of_person.asked(found.counts_as)
        return found

    async def denied(self, admitted: LetIn, wanted: Permission, what: str) -> None:
        """It is kept."""
        await to_thread.run_sync(self._doorkeeper.denied, admitted, wanted, what, limiter=self._looking)

    async def still(self, admitted: LetIn) -> bool:
        """As long as the token is worth something."""
        return await to_thread.run_sync(self._doorkeeper.still, admitted, limiter=self._looking)

    def again(self, admitted: LetIn) -> LetIn:
        """As long as the token is worth something."""
        return self._doorkeeper.again(admitted)

    def known(self, request: Request, admitted: LetIn) -> None:
        """His connection is nobody's who only takes a place."""
        if request.client is not None:
            self._befriend((request.client.host, request.client.port), admitted.party)

    def is_owners(self, request: Request) -> bool | None:
        """Of this machine's users the server's own one; whom a trusted proxy leads here is on another machine."""
        here = request.scope.get("server")
        if request.client is None or here is None or is_led(request):
            return True
        return self._is_our_user((request.client.host, request.client.port), (str(here[0]), int(here[1])))


def _token_of(request: Request) -> str:
    shown = request.headers.get("authorization", "")
    if not shown:
        return browser_token(request)
    return shown[len(_BEARER) :].strip() if shown[: len(_BEARER)].lower() == _BEARER else ""
