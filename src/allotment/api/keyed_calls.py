"""A call that comes with a key is done once, however often it is asked for, and answered as it was the first time.

What was answered lies in the store for a day, sealed with the key itself, which nobody else has: a new token stands in
it. Who asks for the same at the same moment waits for the first. Where a server died between what was done and its
answer, the answer is made anew from what it was done to, as far as that can be. So it is where what he may has changed
since: what was answered is told to nobody who might not be told it now. Of a call that did nothing, nothing is kept.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final

from anyio import move_on_after, to_thread
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Request, Response

from allotment.errors import ConflictError, InputError, TooOftenError, UsageError
from allotment.model.access.caller import CallerKind, KeyedCall
from allotment.model.access.rights import AccessRights
from allotment.operations.access.admitting import LetIn
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.keyed_calls import KEPT_HOURS, AnsweredCall, CallsStore, KeptCall

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
"""Header of an answer that was given before."""
_KEY: Final = re.compile(r'"?([\x21\x23-\x7e]{8,200})"?')
_HOUR: Final = 3_600_000
_PATIENCE: Final = 20.0
"""Seconds that the same call is waited for which is being done."""
_MOST_CALLS: Final = 20_000
"""Calls of one caller that are kept; one whose server it is has no such bound."""
_MOST_KEPT: Final = 1 << 20
"""Bytes of an answer that are kept."""
_NONCE: Final = 12
_FAILED: Final = 300
_DIGEST: Final = "body_digest"


class ReusedKeyError(InputError):
    """A key came before with another call."""

    def __init__(self) -> None:
        super().__init__(
            "the key was used for another call already",
            why=f"a key stands for one call for {KEPT_HOURS} hours",
            fix=f"send another {IDEMPOTENCY_KEY}, or what was sent then",
        )


@dataclass(frozen=True, slots=True)
class CallKey:
    """A key as it came.

    Attributes:
        text: of the caller's choice.
        whose: who he is.
        request: that it came with.
        streamed: whether its body is read only while it is done.
    """

    text: str
    whose: str
    request: Request
    streamed: bool

    @property
    def id(self) -> str:
        """Of the call."""
        return hashlib.sha256(f"call\0{self.whose}\0{self.text}".encode()).hexdigest()

    @property
    def call(self) -> KeyedCall:
        """The call, once its body has been read."""
        address = self.request.url
        body = "" if self.streamed else getattr(self.request.state, _DIGEST, "")
        asked = f"{self.request.method}\0{address.path}\0{address.query}\0{body}"
        whose = hashlib.sha256(f"caller\0{self.whose}".encode()).hexdigest()
        return KeyedCall(self.id, hashlib.sha256(asked.encode()).hexdigest(), whose)

    def seal(self, answer: Response, rights: str, random: Callable[[int], bytes]) -> str:
        """An answer, as it lies in the store.

        Args:
            answer: whole.
            rights: digest of what the caller may.
            random: gives so many random bytes.
        """
        head = f"{rights} {answer.status_code} {answer.media_type or ''} {answer.headers.get('etag', '')}\n"
        nonce = random(_NONCE)
        sealed = AESGCM(self._secret).encrypt(nonce, head.encode() + bytes(answer.body), self.id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def opened(self, sealed: str) -> tuple[Response, str] | None:
        """The answer, and digest of what the caller might when it was given; None where it is damaged."""
        data = base64.b64decode(sealed)
        try:
            whole = AESGCM(self._secret).decrypt(data[:_NONCE], data[_NONCE:], self.id.encode())
        except InvalidTag:
            return None
        head, _, body = whole.partition(b"\n")
        rights, status, media, tag = head.decode().split(" ")
        headers = {REPLAYED: "true"} | ({"ETag": tag} if tag else {})
        return Response(body, int(status), headers, media or None), rights

    @property
    def _secret(self) -> bytes:
        return hashlib.sha256(f"answer\0{self.whose}\0{self.text}".encode()).digest()


def key_of(request: Request, admitted: LetIn, *, streamed: bool) -> CallKey | None:
    """The key that a call comes with; None where there is none.

    Raises:
        UsageError: it cannot be one.
    """
    lines = request.headers.getlist(IDEMPOTENCY_KEY)
    if not lines:
        return None
    found = _KEY.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        raise UsageError(
            f"that is no {IDEMPOTENCY_KEY}",
            why="a key has 8 to 200 characters that can be printed, and no spaces",
            fix="send a random one, such as what uuidgen prints",
        )
    team = "" if admitted.token is None else admitted.token.team
    caller = admitted.caller
    return CallKey(found[1], f"{caller.kind.value}\0{caller.name}\0{team}", request, streamed)


def note_body(request: Request, body: bytes) -> None:
    """Have it be known what a call said: with the same key it has to say the same."""
    setattr(request.state, _DIGEST, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True)
class ToldAgain:
    """How a caller is told again what was done.

    Attributes:
        now: who he is, and what he may; looked up anew. It may raise what refuses him.
        made: makes the answer of what it was done to, such as ``request/r1``, where nobody knows it any more; None
            where the call is done anew.
        otherwise: the same where what he may has changed since.
        surely: whether it can be made anew whatever becomes of the server.
    """

    now: Callable[[], LetIn]
    made: Callable[[str], Response | None]
    otherwise: Callable[[str], Response | None]
    surely: bool


def _digest_of(rights: AccessRights) -> str:
    given = [sorted(each.value for each in rights.everywhere), rights.as_server]
    given += sorted((name, sorted(each.value for each in some)) for name, some in rights.teams.items())
    return hashlib.sha256(repr(given).encode()).hexdigest()


class DoneOnce:
    """See the module; for the event loops of a server."""

    def __init__(self, store: CallsStore, clock: Clock, random: Callable[[int], bytes]) -> None:
        """Nothing is being done.

        Args:
            store: where calls are kept.
            clock: time.
            random: gives so many random bytes.
        """
        self._store = store
        self._clock = clock
        self._random = random
        self._running: dict[str, Future[None]] = {}

    async def answer(self, key: CallKey, do: Callable[[], Awaitable[Response]], again: ToldAgain) -> Response:
        """What the call answers, or has answered.

        Args:
            key: of the call.
            do: does it.
            again: how it is told again.

        Raises:
            InputError: the key came with another call.
            ConflictError: the same call is being done, and takes long.
            TooOftenError: so many calls of the caller are kept that no more are.
        """
        await self._alone(key.id)
        try:
            rights, kept = await to_thread.run_sync(self._begun, key, again)
            if kept is None:
                return await self._done(key, do, rights, soon=again.surely)
            if kept.call != key.call:
                raise ReusedKeyError
            before, then = (key.opened(kept.answer) if kept.answer else None) or (None, rights)
            if before is not None and then == rights:
                return await self._same(before, do) if key.streamed else before
            if kept.subject:
                made = await to_thread.run_sync(again.made if then == rights else again.otherwise, kept.subject)
                if made is not None:
                    await to_thread.run_sync(partial(self._keep, key, made, rights, soon=again.surely))
                    return made
            return await self._done(key, do, rights, soon=again.surely)
        finally:
            self._running.pop(key.id).set_result(None)

    async def _alone(self, call_id: str) -> None:
        """Until nobody else does the same."""
        with move_on_after(_PATIENCE):
            while (other := self._running.setdefault(call_id, mine := Future[None]())) is not mine:
                await asyncio.shield(asyncio.wrap_future(other))
            return
        raise ConflictError(
            "the same call is being done", why=f"it has not ended for {_PATIENCE:g} seconds", fix="ask again in a while"
        )

    async def _done(self, key: CallKey, do: Callable[[], Awaitable[Response]], rights: str, *, soon: bool) -> Response:
        answer = await do()
        if answer.status_code < _FAILED:
            await to_thread.run_sync(partial(self._keep_done, key, answer, rights, soon=soon))
        return answer

    def _keep_done(self, key: CallKey, answer: Response, rights: str, *, soon: bool) -> None:
        # What was done has kept the call already; code alone is kept by no act.
        if key.streamed or self._kept(key.id) is not None:
            self._keep(key, answer, rights, soon=soon and not key.streamed)

    def _keep(self, key: CallKey, answer: Response, rights: str, *, soon: bool) -> None:
        if len(answer.body) <= _MOST_KEPT:
            sealed = key.seal(answer, rights, self._random)
            answered = AnsweredCall(key.call, epoch_ms(self._clock), sealed)
            self._store.keep_answers([answered], soon=soon)

    def _begun(self, key: CallKey, again: ToldAgain) -> tuple[str, KeptCall | None]:
        """What whoever asks may, as a digest, and his call as it is kept; raises as `answer` does."""
        admitted, kept = again.now(), self._kept(key.id)
        if kept is None and admitted.caller.kind is not CallerKind.LOCAL:
            self._check_room(key.call.whose)
        return _digest_of(admitted.rights), kept

    def _check_room(self, whose: str) -> None:
        if self._store.kept_calls(whose, epoch_ms(self._clock) - KEPT_HOURS * _HOUR) >= _MOST_CALLS:
            why = f"{_MOST_CALLS:,} of your calls with an {IDEMPOTENCY_KEY} are kept, each for {KEPT_HOURS} hours"
            raise TooOftenError(_HOUR / 1000, f"{why}; a call without one is done nevertheless")

    @staticmethod
    async def _same(before: Response, do: Callable[[], Awaitable[Response]]) -> Response:
        """Of a body that is kept under what it says: sent again, it is answered alike, or it was another one."""
        if (await do()).body != before.body:
            raise ReusedKeyError
        return before

    def _kept(self, call_id: str) -> KeptCall | None:
        kept = self._store.kept_call(call_id)
        return None if kept is None or kept.at < epoch_ms(self._clock) - KEPT_HOURS * _HOUR else kept


def forget_old(store: CallsStore, now: int) -> int:
    """Forget calls whose keys stand for nothing any more; how many."""
    return store.forget_calls(now - KEPT_HOURS * _HOUR)
