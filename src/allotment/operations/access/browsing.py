"""Use case: somebody comes in with a browser, by a code of the server's own machine, or by his identity provider.

What he gets is a session like any other. How a browser keeps it, `model.access.token.halves_of` says. A sign-in is
bound to the page that has begun it, by a secret that the page keeps by its origin: cookies alone do not bind it, since
whoever else serves pages on the same host can set them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import NotFoundError, NotSignedInError, UsageError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.operations.access.admitting import NOT_HIS
from allotment.operations.access.offers import SignInOffers
from allotment.operations.access.signing_in import SignIns
from allotment.operations.access.tokens import NewToken, new_session, revoke_token
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.identity import SignInAttempt, new_attempt
from allotment.ports.sign_in import bound_nonce
from allotment.ports.tokens import TokenStore

CODE_WITHIN: Final = 60_000
"""Milliseconds in which a code has to be used: it stands in the address that a browser is opened with."""
_KEPT: Final = re.compile(r"([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9_-]{1,200})\.([A-Za-z0-9_-]{1,200})\.([0-9a-f]{64})")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BackFromProvider:
    """A browser that is back from the identity provider.

    Attributes:
        query: of the address that it came to, as it came.
        kept: what it has kept as a cookie.
        secret: what the page has kept.
        redirect: that address, without the query.
    """

    query: str
    kept: str
    secret: str
    redirect: str


class BrowserEntrance:
    """Where browsers come in; of use to several threads at once. Sign-ins under way are kept by their browsers."""

    def __init__(
        self, store: TokenStore, owner: str, clock: Clock, random: Callable[[int], bytes], sign_ins: SignIns | None
    ) -> None:
        """Nobody comes yet.

        Args:
            store: where sessions are kept.
            owner: user name of the user whose server it is.
            clock: time.
            random: gives so many random bytes, which nobody can guess.
            sign_ins: of people whom an identity provider knows; None where none is told of.
        """
        self._store = store
        self._owner = owner
        self._clock = clock
        self._random = random
        self._sign_ins = sign_ins
        self._codes = SignInOffers(random, CODE_WITHIN)

    def code(self) -> str:
        """A code by which the server's own user comes in, once."""
        return self._codes.begin(epoch_ms(self._clock))

    def end_before(self) -> None:
        """Sessions that the server's own user had with the server before are over.

        Between two servers anybody of the machine may listen where pages of his browser still ask, and be shown them.
        """
        now = epoch_ms(self._clock)
        for each in self._store.tokens():
            if each.of_owner and not each.why_not(now):
                revoke_token(self._store, each.id, Caller("allotment", CallerKind.ALLOTMENT, "its start"), now)

    def enter(self, code: str, address: str, *, is_owner: bool) -> NewToken:
        """Let him in.

        Args:
            code: that was given to him.
            address: where he comes from.
            is_owner: whether, as far as the system tells, his connection is of the user whose server it is.

        Raises:
            NotSignedInError: it is none, was used, or its time is over.
        """
        now = epoch_ms(self._clock)
        if not is_owner:
            # The code is still of use to him whose it is.
            raise NotSignedInError(
                "not signed in", why=NOT_HIS, fix="`allot login SERVER` signs you in, or takes a token of your own"
            )
        if self._codes.began(code, now) is None or not self._codes.use(code, now):
            raise NotSignedInError(
                "not signed in",
                why="the code is none of this server, was used before, or is older than a minute",
                fix="`allot open` on the server's machine opens the browser with a new one",
            )
        session = new_session(self._owner, "", now, self._random)
        caller = Caller(self._owner, CallerKind.LOCAL, f"{address}, browser")
        subject = AuditSubject(f"token/{session.token.id}", session.token.name)
        self._store.add_token(session.token, [act_of(caller, AuditVerb.SIGNED_IN, now, subject)])
        return session

    def begin(self, redirect: str, host: str, bound: str) -> tuple[str, str]:
        """Begin a sign-in at the identity provider.

        Args:
            redirect: address to which it sends the browser back.
            host: name by which the browser calls this server.
            bound: SHA-256 of the secret that the page keeps, in 64 hexadecimal digits.

        Returns:
            Where the browser goes, and what it keeps until it is back.

        Raises:
            UsageError: it is bound to nothing.
            NotFoundError: there is no provider.
            UsageError: the browser would come back to where it may not.
        """
        sign_ins = self._known_provider()
        if not _DIGEST.fullmatch(bound):
            raise UsageError("a sign-in is bound to its page", fix="name the SHA-256 of a secret that the page keeps")
        nonce = sign_ins.offer().nonce
        attempt = replace(new_attempt(redirect, self._random), nonce=bound_nonce(nonce, host))
        there = sign_ins.provider.authorization_url(attempt, sign_ins.present)
        return there, f"{attempt.state}.{nonce}.{attempt.verifier}.{bound}"

    def finish(self, back: BackFromProvider, host: str, address: str) -> NewToken:
        """Let somebody in who is back.

        Args:
            back: what his browser brings.
            host: name by which the browser calls this server.
            address: where he comes from.

        Raises:
            NotFoundError: there is no provider.
            NotSignedInError: it belongs to no sign-in of this browser, or the provider has said no.
            ForbiddenError: he is nothing here.
        """
        sign_ins = self._known_provider()
        found = _KEPT.fullmatch(back.kept)
        said = hashlib.sha256(back.secret.encode("utf-8", "surrogatepass")).hexdigest()
        if found is None or not hmac.compare_digest(found[4], said):
            raise NotSignedInError(
                "not signed in", why="this page has begun no sign-in here, or too long ago", fix="sign in again"
            )
        state, nonce, verifier, _ = found.groups()
        attempt = SignInAttempt(back.redirect, state, bound_nonce(nonce, host), verifier)
        now = sign_ins.present
        code = sign_ins.provider.code_of(back.query, attempt, now)
        # All that he brings may be made up: whoever has begun nothing here has the provider asked nothing.
        sign_ins.comes_back(nonce)
        signed_in = sign_ins.provider.redeem(code, attempt, now)
        session = sign_ins.enter(signed_in.token, nonce, host, address)
        return NewToken(session.token, session.text)

    def _known_provider(self) -> SignIns:
        if self._sign_ins is None:
            raise NotFoundError(
                "nobody signs in here with an identity provider",
                why="the server was started without one",
                fix="`allot open` on the server's machine opens the browser as the user whose server it is",
            )
        return self._sign_ins
