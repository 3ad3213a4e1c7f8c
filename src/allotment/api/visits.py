"""Who comes to a route, and what a handler works with: it exists only for whoever was let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, NoReturn

from fastapi import Depends, Request, Response

from allotment.api.entity_tags import UNCONDITIONAL, IfMatch
from allotment.api.keyed_calls import CallKey
from allotment.errors import ConflictError, shown
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.signing_in import SignIns
from allotment.operations.access.tokens import NewToken
from allotment.ports.access_service import AccessService, TokenReceipt, told
from allotment.ports.job_service import JobService
from allotment.ports.request_service import RequestService

SENDER: Final = "sender"
"""Name in the state of a request: address of who has asked, where a trusted proxy told it."""


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
        now: who he is now, and what he may; for threads. It may raise what refuses him.
    """

    admitted: LetIn
    jobs: JobService
    access: AccessService
    requests: RequestService
    still: Callable[[], Awaitable[bool]]
    condition: IfMatch = UNCONDITIONAL
    key: CallKey | None = None
    now: Callable[[], LetIn] | None = None


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


def told_once(_visit: Visit, subject: str) -> NoReturn:
    """For an answer that holds a secret, which was told to who might something else."""
    raise ConflictError(
        "it was done, and what was answered is told no more",
        why=f"it was done to {shown(subject)}, and what you may has changed since",
        fix="revoke that, and ask anew with another key",
    )


@dataclass(frozen=True, slots=True)
class Change:
    """How a call is done that is no look.

    Attributes:
        again: how its answer is made where it was done and nobody knows the answer any more; None where a key means
            nothing, for nothing is kept.
        otherwise: how it is made where what the caller may has changed since; None for the same.
        conditional: whether its handler looks at the condition of a visit.
        streamed: whether its handler reads the body itself.
    """

    again: Again | None = lost
    otherwise: Again | None = None
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
        is_owner: whether, as far as the system tells, its connection is of the user whose server it is; for threads.
    """

    entrance: BrowserEntrance
    address: str
    is_owner: Callable[[], bool | None]

    def enter(self, code: str) -> NewToken:
        """Let the server's own user in; see `BrowserEntrance.enter`."""
        return self.entrance.enter(code, self.address, is_owner=bool(self.is_owner()))


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


def is_led(request: Request) -> bool:
    """Whether a trusted proxy told from where he comes."""
    return isinstance(getattr(request.state, SENDER, None), str)


def address_of(request: Request) -> str:
    """From where he comes; where a trusted proxy told it, from where it has him."""
    told = getattr(request.state, SENDER, None)
    if isinstance(told, str):
        return told
    return request.client.host if request.client is not None else "an unknown address"
