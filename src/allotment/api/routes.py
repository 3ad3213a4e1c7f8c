"""Routes: each declares what it needs, and one that does not is none.

`Routes` is the only way to make a route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final, cast

from fastapi import Depends, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from allotment.api.contract import JsonValue, Media, RouteContract
from allotment.api.doors import Door
from allotment.api.entity_tags import TaggedRoute, check_unconditional, condition_of
from allotment.api.keyed_calls import DoneOnce, ToldAgain, key_of
from allotment.api.visits import (
    ONCE,
    Again,
    Change,
    NewBrowser,
    Newcomer,
    Visit,
    address_of,
    lost,
    told_once,
)
from allotment.errors import ForbiddenError, NotFoundError, UsageError, quoted
from allotment.model.access.permission import Permission
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.registry import Registry, RegistryOf
from allotment.operations.run.asked import DeskOf
from allotment.operations.run.desk import Desk
from allotment.ports.access_service import AccessService
from allotment.ports.job_service import JobService
from allotment.ports.request_service import RequestService

NEEDS: Final = "x-allotment-needs"
"""Of an operation in the OpenAPI document: the permission that it needs."""
LET_IN: Final = "let-in"
"""What an operation needs that is there for everybody who is let in, whatever he may."""
OPEN: Final = "nothing"
"""What an operation needs that is there for whoever comes to sign in."""
_LOOKING: Final = frozenset({"GET"})
"""Verbs that change nothing: of every other, whoever asks is looked at anew when it is done."""

_LOOK: Final = Change(None)
"""How it is done that nothing changes."""


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
        return self._making(verb, path, entered, needs.value, contract, replace(change, again=again))

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
            self._door.known(request, admitted)
            if needs is not None and needs not in admitted.rights.all:
                await self._door.denied(admitted, needs, what)
                raise _not_allowed(admitted, needs, what)
            _check_query(request)
            if not contract.conditional:
                check_unconditional(request, what)
            visit = self._visit(admitted)
            if verb in _LOOKING:
                request.state.visit = visit
                return
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
            now=lambda: now().admitted,
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
            self._door.comes(request)
            sign_ins = self._registry.sign_ins
            if sign_ins is None:
                raise NotFoundError(
                    "nobody signs in here with an identity provider",
                    why="the server was started without one",
                    fix="ask for a token: `allot token create NAME` on the server's machine makes one",
                )
            request.state.stranger = Newcomer(sign_ins, address_of(request))

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
            self._door.comes(request)
            request.state.browser = NewBrowser(
                self._registry.browsers(), address_of(request), partial(self._door.is_owners, request)
            )

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
        change: Change = _LOOK,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        self.contracts[verb, path] = contract
        return self._made(verb, path, entered, needs, change)

    def _made(
        self,
        verb: str,
        path: str,
        entered: Callable[..., Awaitable[None]],
        needs: str,
        change: Change = _LOOK,
        *,
        is_call: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def made(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._app.router.add_api_route(
                path,
                handler if change.again is None else self._done_once(handler, change.again, change.otherwise),
                methods=[verb],
                dependencies=[Depends(entered)],
                openapi_extra={NEEDS: needs},
                include_in_schema=is_call,
                route_class_override=TaggedRoute if is_call else None,
            )
            return handler

        return made

    def _done_once(
        self, handler: Callable[..., Any], again: Again, otherwise: Again | None
    ) -> Callable[..., Awaitable[Response]]:
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
            told = ToldAgain(
                visit.now or (lambda: visit.admitted),
                partial(again, visit),
                partial(otherwise or again, visit),
                surely=again is not lost and otherwise is not told_once,
            )
            return await self._once.answer(visit.key, do, told)

        return done


def _check_query(request: Request) -> None:
    """A parameter that nobody knows is a wish that nobody would hear.

    Raises:
        UsageError: there is one.
    """
    if not request.query_params:
        return
    known = set(_parameters(request.scope["route"].dependant))
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        told = ", ".join(sorted(known)) or "none"
        raise UsageError(f"there is no parameter {quoted(unknown[0])}", why=f"there are {told}", fix="correct it")


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)


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


def unguarded(app: FastAPI) -> list[str]:
    """Paths of routes that nobody has declared the needs of: none, or the application is not to be served."""
    return [
        str(getattr(each, "path", each))
        for each in app.routes
        if not isinstance(each, APIRoute) or NEEDS not in (each.openapi_extra or {}) or not each.dependencies
    ]
