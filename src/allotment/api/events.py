"""The route by which somebody follows what changes: no thread waits for him, and nothing is held for him alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final, cast
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, Event, current_time, move_on_after, to_thread
from fastapi import Header, Query, Response
from fastapi.responses import StreamingResponse

from allotment.api.contract import MOST_NUMBER, Media
from allotment.api.event_frames import EVENT_STREAM, beat_frame, begin_frame, end_frame, frame_of, reset_frame
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Visit
from allotment.errors import AllotmentError, NotSignedInError, UnreachableError, UsageError
from allotment.model.access.caller import CallerKind
from allotment.model.access.permission import Permission
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.registry import Registry
from allotment.operations.run.asked import DeskOf
from allotment.operations.watch.hub import MOST_OF_ONE, MOST_WATCHERS, ChangeHub, HeldChanges
from allotment.operations.watch.views import ChangeView, SeenRequests, kinds_of
from allotment.ports.clock import epoch_ms
from allotment.ports.event_service import HEARTBEAT, ToldEvent
from allotment.ports.job_service import refusal_of
from allotment.ports.journal import JournalPage, SubjectChange

_LOOK: Final = 1.0
"""Seconds between two looks at whether somebody may still follow."""
_LOOK_CLOSELY: Final = 60.0
"""The same in the store, where nothing tells that it would be another answer."""
_TOGETHER: Final = 200
"""Changes that are sent at once."""
_CATCHING_UP: Final = 4
"""Who reads the store at once because he has fallen back, a thread each."""
_LOOKING_UP: Final = 4
"""Who is told of requests at once, a thread each."""
UNREAD_FOR: Final = 30.0
"""Seconds for which somebody may leave unread what he is sent; he is cut off then, and may go on where he was."""
_FRAMES: Final = Media(EVENT_STREAM, {"type": "string"})


def add_event_route(routes: Routes, hub: ChangeHub, registry: Registry) -> None:
    """What changes, as long as somebody reads it.

    Args:
        routes: gets it.
        hub: knows what changes.
        registry: who gets in.
    """
    bells = _Bells(hub)

    @routes.known("GET", "/api/v1/events", gives=_FRAMES)
    async def events(
        asked: Asked,
        subjects: str = "",
        team: str = "",
        after: Annotated[int | None, Query(ge=0, le=MOST_NUMBER)] = None,
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        kinds = kinds_of(subjects, asked.admitted.rights)
        # A browser that comes back names the last event that it had, and all else as it did at first.
        begin = _number(last_event_id) if last_event_id else after
        row = asked.jobs.row_as_it_stands if isinstance(asked.jobs, DeskOf) else lambda row: row
        view = ChangeView(asked.admitted, cast("SeenRequests", asked.requests), kinds, team, row)
        if not hub.begun:
            await to_thread.run_sync(hub.begin)
        who, most = _place_of(asked.admitted)
        share = hub.enter(who, most, view.documents, asked.admitted.rights.within(Permission.READ) or ())
        stream = _Stream(hub, bells.here, view, asked, registry)
        return _EventStream(stream.frames(begin), lambda: hub.leave(who, view.documents, share))


def _place_of(admitted: LetIn) -> tuple[str, int]:
    """In whose place somebody follows, and how many may in it: all sessions of a person, all tokens of a team."""
    if admitted.token is None:
        return "", MOST_WATCHERS if admitted.caller.kind is CallerKind.LOCAL else MOST_OF_ONE
    return admitted.party, MOST_OF_ONE


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_NUMBER))):
        raise UsageError("Last-Event-ID is no number of an event", fix="send the id of the last event that came")
    return min(int(text), MOST_NUMBER)


class _Bell:
    """Wakes those who follow in one event loop."""

    def __init__(self) -> None:
        self.rung = Event()
        self.catching_up = CapacityLimiter(_CATCHING_UP)
        self.looking_up = CapacityLimiter(_LOOKING_UP)

    def ring(self) -> None:
        """Wake all who wait; who comes later waits for the next time."""
        self.rung.set()
        self.rung = Event()


class _Bells:
    """One of each event loop: every door has its own."""

    def __init__(self, hub: ChangeHub) -> None:
        self._hub = hub
        self._of: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = WeakKeyDictionary()

    @property
    def here(self) -> _Bell:
        """That of the loop that runs."""
        loop = asyncio.get_running_loop()
        bell = self._of.get(loop)
        if bell is None:
            bell = self._of[loop] = _Bell()
            self._hub.listen(partial(_from_outside, loop, bell))
        return bell


def _from_outside(loop: asyncio.AbstractEventLoop, bell: _Bell) -> None:
    try:
        loop.call_soon_threadsafe(bell.ring)
    except RuntimeError:
        return  # it was closed this moment: nobody is left there to wake


class _Stream:
    """What one caller is sent."""

    def __init__(self, hub: ChangeHub, bell: _Bell, view: ChangeView, asked: Visit, registry: Registry) -> None:
        self._hub = hub
        self._bell = bell
        self._view = view
        self._asked = asked
        self._registry = registry
        self._people = registry.people()
        self._looked = current_time()
        self._sent = current_time()
        self._number = 0
        self._told = 0
        self._looked_to = 0

    async def frames(self, begin: int | None) -> AsyncIterator[bytes]:
        """Frames, until he goes or has to."""
        try:
            held = self._hub.held
            self._number = held.head if begin is None else begin
            if begin is None:
                yield self._begins(self._may_be_told(held.head, held))
            else:
                async for some in self._caught_up(resumed=True):
                    yield some
            while True:
                rung, held = self._bell.rung, self._hub.held
                await self._check()
                if self._number < held.since:
                    async for some in self._caught_up(resumed=False):
                        yield some
                    continue
                async for some in self._from(held):
                    yield some
                with move_on_after(_LOOK):
                    await rung.wait()
                if current_time() - self._sent >= HEARTBEAT:
                    yield self._beats(held)
        except AllotmentError as error:
            yield end_frame(refusal_of(error))

    async def _from(self, held: HeldChanges) -> AsyncIterator[bytes]:
        """What is held and is news to him."""
        news = held.after(self._number)
        for start in range(0, len(news), _TOGETHER):
            some = news[start : start + _TOGETHER]
            await self._check_of_news()
            if start:
                await self._check()
            frames = await self._frames(some)
            self._number = some[-1].entry.number
            if frames:
                yield self._out(frames)
        self._number = max(self._number, held.head)

    async def _caught_up(self, *, resumed: bool) -> AsyncIterator[bytes]:
        """What the store has of it, for who has fallen back further than what is held.

        Args:
            resumed: whether he comes back, and is told that he may go on.
        """
        if not resumed:
            # What came since may say that he is shut out, and lie anywhere in what is read.
            await self._check(closely=True)
        while True:
            await self._check_of_news()
            held = self._hub.held  # of before the page: what is told of it is not beyond it
            page = await self._page()
            if page.begin is None or (resumed and not await self._may_come_from(page.begin)):
                self._number, self._told = page.until, self._may_be_told(page.until, held)
                yield self._out(reset_frame(self._told))
                return
            if resumed:
                yield self._begins(self._number)
            resumed = False
            frames = await self._frames(page.changes)
            self._number = page.until
            if frames:
                yield self._out(frames)
            if not page.more:
                return

    async def _may_come_from(self, change: SubjectChange) -> bool:
        # Who decides on a request is looked up in the store.
        return await to_thread.run_sync(self._view.may_come_from, change, limiter=self._bell.looking_up)

    async def _page(self) -> JournalPage:
        return await to_thread.run_sync(
            self._hub.store.changes, self._number, _TOGETHER, limiter=self._bell.catching_up
        )

    async def _frames(self, some: Sequence[SubjectChange]) -> bytes:
        # What came after he was shut out is none of his business.
        if any(map(self._view.concerns_access, some)):
            await self._check(closely=True)
        # Who decides on a request is looked up in the store.
        if any(map(self._view.concerns_requests, some)):
            told = await to_thread.run_sync(self._told_of, some, limiter=self._bell.looking_up)
        else:
            told = self._told_of(some)
        if told:
            self._told = told[-1].number
        return b"".join(map(frame_of, told))

    def _told_of(self, some: Sequence[SubjectChange]) -> list[ToldEvent]:
        return list(self._view.events(iter(some)))

    async def _check_of_news(self) -> None:
        """See whether he may still follow where anything that has come says otherwise, before any of it is sent.

        Whoever reads slowly is sent what is held bit by bit: what shuts him out may be far behind what he reads now.

        Raises:
            NotSignedInError: he may not.
            UnreachableError: nobody knows.
        """
        held = self._hub.held
        unseen = held.after(max(self._looked_to, self._number, held.since))
        self._looked_to = max(self._looked_to, held.head)
        if any(map(self._view.concerns_access, unseen)):
            await self._check(closely=True)

    async def _check(self, *, closely: bool = False) -> None:
        """See that he may still follow.

        Raises:
            NotSignedInError: he may not, or may something else.
            UnreachableError: nobody knows, or the server ends.
        """
        if self._hub.over:
            raise UnreachableError("the server ends", fix="come back where you were; `allot up` starts it")
        if self._hub.silent:
            raise UnreachableError("the store does not answer", fix="come back where you were in a while")
        token, people = self._asked.admitted.token, self._registry.people()
        late = current_time() - self._looked >= _LOOK_CLOSELY
        over = token is not None and token.expires <= epoch_ms(self._registry.tokens_at)
        if not (closely or late or over or people is not self._people):
            return
        self._looked, self._people = current_time(), people
        if not await self._asked.still():
            raise NotSignedInError(
                "the token is worth nothing any more, or not the same",
                why="it was revoked, its time is over, or what you may has changed",
                fix="come back, and read all anew; sign in again where that is refused",
            )

    def _may_be_told(self, number: int, held: HeldChanges) -> int:
        """A number to come back with: one of others' changes would tell that, and when, something of theirs changed."""
        return number if self._view.sees_all else held.mark

    def _begins(self, number: int) -> bytes:
        self._told = number
        return self._out(begin_frame(number))

    def _beats(self, held: HeldChanges) -> bytes:
        """He comes back with the number that he was told last, and what was nothing to him is not kept for ever."""
        number = self._may_be_told(self._number, held)
        news = number > self._told
        self._told = max(self._told, number)
        return self._out(beat_frame(number if news else None))

    def _out(self, frame: bytes) -> bytes:
        self._sent = current_time()
        return frame


class _EventStream(StreamingResponse):
    """An answer that goes on; whoever follows leaves when it is over."""

    def __init__(self, frames: AsyncIterator[bytes], leave: Callable[[], None]) -> None:
        super().__init__(
            frames, media_type=EVENT_STREAM, headers={"cache-control": "no-store", "x-accel-buffering": "no"}
        )
        self._leave = leave

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def stream_response(self, send: Any) -> None:
        """Part after part, as long as somebody reads them."""
        read = True

        async def sent(message: Any) -> None:
            nonlocal read
            with move_on_after(UNREAD_FOR) as patience:
                await send(message)
            read = read and not patience.cancelled_caught
            if not read:
                raise _UnreadError

        try:
            await super().stream_response(sent)
        except _UnreadError:
            return  # the connection is closed by that, and he comes back to where he was


class _UnreadError(Exception):
    """Nobody reads what is sent."""
