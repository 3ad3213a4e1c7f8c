"""Offers of a sign-in that nobody has to remember: each says when it was made, and proves that it was made here.

So however many strangers begin a sign-in, nobody's own is forgotten for it. Those that were used are remembered until
their time is over.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable
from typing import Final

ANSWERED_WITHIN: Final = 15 * 60_000
"""Milliseconds in which somebody has to come back from his provider."""
_RANDOM_BYTES: Final = 16
_TIME_BYTES: Final = 8
_KEY_BYTES: Final = 32
_DOMAIN: Final = b"allotment offer 1\0"


class SignInOffers:
    """Nonces of one process: those of another are worth nothing here; of use to several threads at once."""

    def __init__(self, random: Callable[[int], bytes], within: int = ANSWERED_WITHIN) -> None:
        """None is used yet.

        Args:
            random: gives so many random bytes, which nobody can guess.
            within: milliseconds in which one has to be used.
        """
        self._random = random
        self._within = within
        self._key = random(_KEY_BYTES)
        self._used: dict[tuple[bytes, str], int] = {}
        self._lock = threading.Lock()

    def begin(self, now: int) -> str:
        """A new one."""
        said = self._random(_RANDOM_BYTES) + now.to_bytes(_TIME_BYTES)
        return base64.urlsafe_b64encode(said + self._proof(said)).decode("ascii").rstrip("=")

    def began(self, nonce: str, now: int) -> int | None:
        """When it was made; None where it was not made here, was used, or its time is over."""
        said = self._said(nonce)
        if said is None or (said, "") in self._used:
            return None
        made = int.from_bytes(said[_RANDOM_BYTES:])
        return made if 0 <= now - made <= self._within else None

    def use(self, nonce: str, now: int, step: str = "") -> bool:
        """Whether it is the first time.

        Args:
            nonce: of an offer.
            now: milliseconds since the epoch.
            step: of a sign-in, that is taken once as well; empty for its end.
        """
        said = self._said(nonce)
        with self._lock:
            if said is None or (said, step) in self._used:
                return False
            while self._used and now - next(iter(self._used.values())) > self._within:
                del self._used[next(iter(self._used))]
            self._used[said, step] = now
            return True

    def _said(self, nonce: str) -> bytes | None:
        """Without its proof; None where that is not ours. Two ways of writing one are one."""
        try:
            text = nonce.encode("ascii")
            whole = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        said, proof = whole[: _RANDOM_BYTES + _TIME_BYTES], whole[_RANDOM_BYTES + _TIME_BYTES :]
        return said if hmac.compare_digest(proof, self._proof(said)) else None

    def _proof(self, said: bytes) -> bytes:
        return hmac.digest(self._key, _DOMAIN + said, hashlib.sha256)
