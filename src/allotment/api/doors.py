"""Who is let in, and to which routes: each declares what it needs, and one that does not is none.

`Routes` is the only way to make a route. What a handler works with (`visit_of`) exists only for whoever was let in.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, NoReturn, Protocol, cast

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from allotment.api.browser_session import browser_token
from allotment.api.contract import JsonValue, Media, RouteContract
from allotment.api.entity_tags import UNCONDITIONAL, IfMatch, TaggedRoute, check_unconditional, condition_of
from allotment.api.keyed_calls import CallKey, DoneOnce, key_of
from allotment.errors import ConflictError, ForbiddenError, NotFoundError, shown
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.access.rights import OWN
from allotment.model.hosts import neighbourhood_of
from allotment.operations.access.admitting import Doorkeeper, LetIn
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.pacing import OF_ADDRESS, OF_PERSON, Pacing
from allotment.operations.access.registry import Registry, RegistryOf
from allotment.operations.access.signing_in import SignIns
from allotment.operations.run.asked import DeskOf
from allotment.operations.run.desk import Desk
from allotment.ports.access_service import AccessService, TokenReceipt, told
from allotment.ports.job_service import JobService
from allotment.ports.request_service import RequestService

_BEARER: Final = "bearer "
SENDER: Final = "sender"
"""Name in the state of a request: address of who has asked, where a trusted proxy told it."""
_LOOKED_UP: Final = 8
"""Tokens that are looked up at once, a thread each: whoever waits for that keeps no other from being answered."""
NEEDS: Final = "x-allotment-needs"
"""Of an operation in the OpenAPI document: the permission that it needs."""
LET_IN: Final = "let-in"
"""What an operation needs that is there for everybody who is let in, whatever he may."""
OPEN: Final = "nothing"
"""What an operation needs that is there for whoever comes to sign in."""


_LOOKING: Final = frozenset({"GET"})
"""Verbs that change nothing: of every other, whoever asks is looked at anew when it is done."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who was let in, and what he finds.

    Attributes:
        jobs: the server, in his name.
        access: who gets in, asked in his name.
        requests: requests and grants, asked in his name.
        still: whether he would be let in now, too.
        condition: on which something is to be done.
        key: that has a call be done once; None where it has none.
    """

    admitted: LetIn
    jobs: JobService
    access: AccessService
    requests: RequestService
    still: Callable[[], Awaitable[bool]]
    condition: IfMatch = UNCONDITIONAL
    key: CallKey | None = None


Again = Callable[[Visit, str], Response | None]
"""Makes the answer of a call of what it was done to, such as ``request/r1``; None where the call is to be made anew."""


def anew(_visit: Visit, _subject: str) -> None:
    """For what may be done twice: the second time changes nothing, and is answered alike."""


def lost(_visit: Visit, subject: str) -> NoReturn:
    """For what nobody knows how to answer anew."""
    raise ConflictError(
        "it was done, and what was answered is lost",
        why=f"it was done to {shown(subject)}, and the server ended before it could keep the answer",
        fix="look at that",
    )


@dataclass(frozen=True, slots=True)
class Change:
    """How a call is done that is no look.

    Attributes:
        again: how its answer is made where it was done and nobody knows the answer any more; None where a key means
            nothing, for nothing is kept.
        conditional: whether its handler looks at the condition of a visit.
        streamed: whether its handler reads the body itself.
    """

    again: Again | None = lost
    conditional: bool = False
    streamed: bool = False


ONCE: Final = Change()


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who comes to sign in.

    Attributes:
        address: where he comes from.
    """

    sign_ins: SignIns
    address: str

    def enter(self, token: str, nonce: str, host: str, *, elsewhere: bool) -> TokenReceipt:
        """Let him in; see `SignIns.enter`."""
        session = self.sign_ins.enter(token, nonce, host, self.address, elsewhere=elsewhere)
        return TokenReceipt(told(session.token), session.text)


@dataclass(frozen=True, slots=True)
class NewBrowser:
    """A browser in which nobody is known yet.

    Attributes:
        entrance: where it comes in.
        address: where it comes from.
    """

    entrance: BrowserEntrance
    address: str


class Door(Protocol):
    """Where requests come in."""

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

    def known(self, request: Request) -> None:
        """Whoever is at the other end of a connection was let in."""
        ...


class HomeDoor:
    """The socket that belongs to one user of this machine: whoever could open it is that user, or root."""

    def __init__(self, owner: str) -> None:
        """Of a user.

        Args:
            owner: user name.
        """
        self._admitted = LetIn(Caller(owner, CallerKind.LOCAL, "unix socket"), OWN)

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

    def known(self, _request: Request) -> None:
        """Nobody else comes here."""


class TokenDoor:
    """Where whoever comes shows a token."""

    def __init__(
        self,
        doorkeeper: Doorkeeper,
        befriend: Callable[[tuple[str, int]], None] = lambda _: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nobody is let in yet.

        Args:
            doorkeeper: knows tokens.
            befriend: is told address and port of each connection by which somebody came who was let in.
            now: seconds of a clock that nobody sets.
        """
        self._doorkeeper = doorkeeper
        self._befriend = befriend
        self._looking = CapacityLimiter(_LOOKED_UP)
        self._of_address, self._of_person = (Pacing(each, now) for each in (OF_ADDRESS, OF_PERSON))

    async def admit(self, request: Request) -> LetIn:
        """Whoever has a token; it comes in headers, and nowhere else, so that no log of addresses holds it."""
        address = _address_of(request)
        self._of_address.asked(neighbourhood_of(address))
        text = _token_of(request)
        found = await to_thread.run_sync(self._doorkeeper.admit, text, address, limiter=self._looking)
        self._of_person.asked(f"{found.caller.kind.value} {found.caller.name}")
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

    def known(self, request: Request) -> None:
        """His connection is nobody's who only takes a place."""
        if request.client is not None:
            self._befriend((request.client.host, request.client.port))


class _LookedAtAnew:
    """A service that is found anew for each call, in the thread of that call."""

    def __init__(self, found: Callable[[], Any]) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(self._found(), name)(*arguments, **named)

        return call


class Routes:
    """The routes of an application, each with what it needs."""

    def __init__(
        self,
        app: FastAPI,
        door: Door,
        desk: Desk,
        registry: Registry,
        requests: Callable[[LetIn], RequestService],
    ) -> None:
        """None yet.

        Args:
            app: that has them.
            door: where requests come in.
            desk: what is asked.
            registry: who gets in.
            requests: requests and grants, as somebody has them who was let in.
        """
        self._requests = requests
        self._app = app
        # It would answer strangers before the door, with whatever name they call the server by.
        app.router.redirect_slashes = False
        self.contracts: dict[tuple[str, str], RouteContract] = {}
        self._door = door
        self._desk = desk
        self._registry = registry
        self._once = DoneOnce(registry.store, registry.clock, registry.random)

    def add(
        self,
        verb: str,
        path: str,
        needs: Permission,
        *,
        takes: JsonValue | Media | None = None,
        gives: JsonValue | Media | None = None,
        change: Change = ONCE,
        sparse: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a route of a handler.

        Args:
            verb: such as ``GET``.
            path: such as ``/api/v1/jobs``.
            needs: without which nobody gets to it.
            takes: its body.
            gives: what it answers; None for nothing but that it is done.
            change: how it is done, where it is no look.
            sparse: whether of its rows some fields alone may be asked for.
        """
        again = None if verb in _LOOKING else change.again
        contract = RouteContract(takes, gives, change.conditional, again is not None, sparse)
        entered = self._entering(verb, path, needs, contract, streamed=change.streamed)
        return self._making(verb, path, entered, needs.value, contract, again)

    def known(
        self, verb: str, path: str, *, gives: JsonValue | Media | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a route for whoever is let in, whatever he may.

        Args:
            verb: such as ``GET``.
            path: such as ``/api/v1/whoami``.
            gives: what it answers.
        """
        contract = RouteContract(None, gives)
        return self._making(verb, path, self._entering(verb, path, None, contract), LET_IN, contract)

    def _entering(
        self, verb: str, path: str, needs: Permission | None, contract: RouteContract, *, streamed: bool = False
    ) -> Callable[[Request], Awaitable[None]]:
        what = f"{verb} {path}"

        async def entered(request: Request) -> None:
            admitted = await self._door.admit(request)
            self._door.known(request)
            if needs is not None and needs not in admitted.rights.all:
                await self._door.denied(admitted, needs, what)
                raise _not_allowed(admitted, needs, what)
            visit = self._visit(admitted)
            if verb in _LOOKING:
                request.state.visit = visit
                return
            if not contract.conditional:
                check_unconditional(request, what)
            key = key_of(request, admitted, streamed=streamed) if contract.keyed else None
            visit = replace(visit, condition=condition_of(request), key=key)
            request.state.visit = self._looked_at_anew(visit, needs, what)

        return entered

    def _visit(self, admitted: LetIn) -> Visit:
        return Visit(
            admitted,
            DeskOf(self._desk, admitted.caller, admitted.rights),
            RegistryOf(self._registry, admitted),
            self._requests(admitted),
            partial(self._door.still, admitted),
        )

    def _looked_at_anew(self, visit: Visit, needs: Permission | None, what: str) -> Visit:
        """A visit whose every call begins with a look at who asks: his body may have taken its time, and his turn."""

        def now() -> Visit:
            admitted = self._door.again(visit.admitted)
            if needs is not None and needs not in admitted.rights.all:
                raise _not_allowed(admitted, needs, what)
            if visit.key is not None:
                admitted = replace(admitted, caller=replace(admitted.caller, call=visit.key.call))
            return self._visit(admitted)

        return replace(
            visit,
            jobs=cast("JobService", _LookedAtAnew(lambda: now().jobs)),
            access=cast("AccessService", _LookedAtAnew(lambda: now().access)),
            requests=cast("RequestService", _LookedAtAnew(lambda: now().requests)),
        )

    def open(
        self, verb: str, path: str, *, takes: JsonValue | None = None, gives: JsonValue | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a route for whoever comes to sign in, whom nobody knows yet: it has no way to anything else.

        Args:
            verb: such as ``GET``.
            path: such as ``/api/v1/sign-in``.
            takes: its body.
            gives: what it answers.
        """

        async def came(request: Request) -> None:
            sign_ins = self._registry.sign_ins
            if sign_ins is None:
                raise NotFoundError(
                    "nobody signs in here with an identity provider",
                    why="the server was started without one",
                    fix="ask for a token: `allot token create NAME` on the server's machine makes one",
                )
            request.state.stranger = Newcomer(sign_ins, _address_of(request))

        return self._making(verb, path, came, OPEN, RouteContract(takes, gives))

    def browser(
        self, verb: str, path: str, *, takes: JsonValue | None = None, gives: JsonValue | Media | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a route for a browser in which nobody is known yet: it has no way to anything else.

        Args:
            verb: such as ``GET``.
            path: such as ``/sign-in``.
            takes: its body.
            gives: what it answers.
        """

        async def came(request: Request) -> None:
            request.state.browser = NewBrowser(self._registry.browsers(), _address_of(request))

        return self._making(verb, path, came, OPEN, RouteContract(takes, gives))

    def page(self, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Make a route for whoever comes, of what is the same for everybody and no secret; it is no call.

        Args:
            path: such as ``/``.
        """

        async def came() -> None:
            """Nobody is asked who he is."""

        return self._made("GET", path, came, OPEN, is_call=False)

    def _making(
        self,
        verb: str,
        path: str,
        entered: Callable[[Request], Awaitable[None]],
        needs: str,
        contract: RouteContract,
        again: Again | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        self.contracts[verb, path] = contract
        return self._made(verb, path, entered, needs, again)

    def _made(
        self,
        verb: str,
        path: str,
        entered: Callable[..., Awaitable[None]],
        needs: str,
        again: Again | None = None,
        *,
        is_call: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def made(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._app.router.add_api_route(
                path,
                handler if again is None else self._done_once(handler, again),
                methods=[verb],
                dependencies=[Depends(entered)],
                openapi_extra={NEEDS: needs},
                include_in_schema=is_call,
                route_class_override=TaggedRoute if is_call else None,
            )
            return handler

        return made

    def _done_once(self, handler: Callable[..., Any], again: Again) -> Callable[..., Awaitable[Response]]:
        """The handler, which is called once for calls of one key."""

        @wraps(handler)
        async def done(**given: Any) -> Response:
            async def do() -> Response:
                found = handler(**given) if iscoroutinefunction(handler) else run_in_threadpool(handler, **given)
                answer: Response = await found
                return answer

            visit: Visit = given["asked"]
            if visit.key is None:
                return await do()
            return await self._once.answer(visit.key, do, partial(again, visit))

        return done


def _not_allowed(admitted: LetIn, needs: Permission, what: str) -> ForbiddenError:
    if admitted.token is not None and not admitted.token.session:
        return ForbiddenError(
            f"the token does not give {needs.value}",
            why=f"{what} needs it",
            fix="use a token that does; `allot whoami` says what yours gives",
        )
    return ForbiddenError(
        f"you may not do this: {needs.value}",
        why=f"{what} needs it, and none of your groups gives it",
        fix="`allot whoami` says what you may; ask an administrator of the platform",
    )


async def visit_of(request: Request) -> Visit:
    """Who was let in to a route."""
    visit: Visit = request.state.visit
    return visit


Asked = Annotated[Visit, Depends(visit_of)]
"""What a handler works with."""


async def stranger_of(request: Request) -> Newcomer:
    """Who came to sign in."""
    stranger: Newcomer = request.state.stranger
    return stranger


Comer = Annotated[Newcomer, Depends(stranger_of)]
"""What a handler works with whose route is open."""


async def browser_of(request: Request) -> NewBrowser:
    """The browser that came to a route."""
    browser: NewBrowser = request.state.browser
    return browser


Browser = Annotated[NewBrowser, Depends(browser_of)]
"""What a handler works with whose route is there for browsers."""


def _token_of(request: Request) -> str:
    shown = request.headers.get("authorization", "")
    if not shown:
        return browser_token(request)
    return shown[len(_BEARER) :].strip() if shown[: len(_BEARER)].lower() == _BEARER else ""


def _address_of(request: Request) -> str:
    """From where he comes; where a trusted proxy told it, from where it has him."""
    told = getattr(request.state, SENDER, None)
    if isinstance(told, str):
        return told
    return request.client.host if request.client is not None else "an unknown address"


def unguarded(app: FastAPI) -> list[str]:
    """Paths of routes that nobody has declared the needs of: none, or the application is not to be served."""
    return [
        str(getattr(each, "path", each))
        for each in app.routes
        if not isinstance(each, APIRoute) or NEEDS not in (each.openapi_extra or {}) or not each.dependencies
    ]
