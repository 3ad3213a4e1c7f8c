"""Who somebody is, asked of a provider of identities that speaks OpenID Connect, and the ways of signing in there."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from allotment.errors import NotSignedInError
from allotment.model.access.identity import ProvenIdentity

SECRET_BYTES: Final = 32
"""Random bytes of each secret of a sign-in."""


class Flaw(Enum):
    """What is wrong with what somebody shows, or with what became of a sign-in; the text is what is kept."""

    FORM = "form"
    """It is no token, or says something twice."""
    ALGORITHM = "algorithm"
    """It is signed in a way that is not taken."""
    KEY = "key"
    """The provider has no such key."""
    SIGNATURE = "signature"
    """Somebody else has signed it, or changed it since."""
    PURPOSE = "purpose"
    """It was made for something else."""
    ISSUER = "issuer"
    AUDIENCE = "audience"
    """It was made for others."""
    TIME = "time"
    """Its time is over, or has not come."""
    NONCE = "nonce"
    """It is of another sign-in."""
    SUBJECT = "subject"
    """It does not say whose it is, or is somebody else's."""
    BINDING = "binding"
    """It does not belong to what came with it."""
    GROUPS = "groups"
    """The groups in it are not told, or not in a way that is understood."""
    DENIED = "denied"
    """The provider, or the person there, has said no."""
    STATE = "state"
    """The answer is to no question of ours."""


class IdentityRefusedError(NotSignedInError):
    """Nobody is known by this.

    Attributes:
        flaw: why.
    """

    def __init__(self, flaw: Flaw, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A sign-in that is under way. Whoever has begun it keeps it, and uses it once: a nonce that came back is spent.

    Attributes:
        redirect: where the provider sends the browser afterwards.
        state: comes back with the browser.
        nonce: comes back within the token.
        verifier: shown with the code, so that nobody else can use that.
    """

    redirect: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


def new_attempt(redirect: str, random: Callable[[int], bytes]) -> SignInAttempt:
    """Begin one.

    Args:
        redirect: where the provider is to send the browser.
        random: gives so many random bytes, which nobody can guess.
    """
    return SignInAttempt(redirect, *(secret_word(random) for _ in range(3)))


def secret_word(random: Callable[[int], bytes]) -> str:
    """A secret of 43 letters, digits, - and _, such as a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(random(SECRET_BYTES)).decode("ascii").rstrip("=")


def challenge_of(verifier: str) -> str:
    """What is told beforehand of a verifier that is shown later: S256 of RFC 7636."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class DevicePrompt:
    """What somebody types on another device to sign in on this one, and how to ask whether he has (RFC 8628).

    Attributes:
        address: where he types it.
        user_code: what he types.
        whole_address: where it is typed already; empty where the provider has no such page.
        device_code: by which is asked.
        verifier: shown with it.
        interval: seconds to wait before each question.
        expires: milliseconds since the epoch.
    """

    address: str
    user_code: str
    whole_address: str
    device_code: str = field(repr=False)
    verifier: str = field(repr=False)
    interval: int
    expires: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who has signed in at the provider.

    Attributes:
        token: that says so, which `IdentityProvider.verify` takes as well, here and elsewhere.
        refresh_token: by which the provider is asked again; empty where it gives none.
    """

    identity: ProvenIdentity
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What is agreed with a provider.

    Attributes:
        issuer: its address, exactly as it writes it itself; what is below ``/.well-known/`` there is read.
        client: the name under which this client is known there (``client_id``).
        secret_file: holds the client's secret, and is read whenever that is shown; None for a public client.
        redirects: where browsers may be sent back to, each compared as a whole. An address of this machine by number
            without a port, such as ``http://127.0.0.1/callback``, stands for every port there (RFC 8252).
        scopes: that are asked for.
        groups_claim: name of the list of groups in tokens.
        audience: that access tokens for us name; empty where none are taken.
        authority: file of certificates that the provider's is checked against; None for those that this machine trusts.
        plain_on_loopback: whether a provider on this machine may be spoken to without TLS.
        groups_prefix: put before the name of each group, as API servers of clusters are told to (``oidc:``).
    """

    issuer: str
    client: str
    secret_file: Path | None = None
    redirects: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    audience: str = ""
    authority: Path | None = None
    plain_on_loopback: bool = False
    groups_prefix: str = ""


class IdentityProvider(Protocol):
    """One provider, as one client of it sees it; of use to several threads at once.

    Times (`now`) are milliseconds since the epoch. Every method may raise `UnreachableError` where the provider does
    not answer in time, and `AllotmentError` where what it says of itself cannot be relied on, or it does not know the
    client; neither says anything of who asks.
    """

    @property
    def issuer(self) -> str:
        """The provider's address, as its tokens have it."""
        ...

    def verify(self, token: str, now: int, nonce: str | None = None, *, may_lack_nonce: bool = False) -> ProvenIdentity:
        """Whose token it is.

        Args:
            token: an ID token, or an access token that says of itself that it is one (RFC 9068); signed.
            now: the present.
            nonce: that has to be in it; None where it is not of a sign-in of ours. Whoever keeps nonces takes each
                once.
            may_lack_nonce: whether it may have none at all, as of a sign-in on another device; another is refused.

        Raises:
            IdentityRefusedError: nobody's.
        """
        ...

    def authorization_url(self, attempt: SignInAttempt, now: int) -> str:
        """Where the browser goes to sign in.

        Raises:
            UsageError: the browser would come back to where it may not.
        """
        ...

    def code_of(self, query: str, attempt: SignInAttempt, now: int) -> str:
        """What the browser brings back.

        Args:
            query: of the address that it came to, after the question mark, as it came.
            attempt: that it has to belong to.
            now: the present.

        Raises:
            IdentityRefusedError: it belongs to another, or the provider has said no.
        """
        ...

    def redeem(self, code: str, attempt: SignInAttempt, now: int) -> SignedIn:
        """Who has signed in.

        Args:
            code: that the browser brought back.
            attempt: it belongs to; spent by this, whatever comes of it.
            now: the present.

        Raises:
            IdentityRefusedError: nobody.
            UsageError: the browser has come back to where it may not.
        """
        ...

    def device_start(self, verifier: str, now: int) -> DevicePrompt:
        """Begin a sign-in on another device.

        Args:
            verifier: a `secret_word`.
            now: the present.

        Raises:
            UsageError: the provider knows no such way.
        """
        ...

    def device_poll(self, prompt: DevicePrompt, now: int) -> SignedIn | DevicePrompt:
        """Who has signed in, or what to ask with next time, after the seconds that it says.

        Raises:
            IdentityRefusedError: he has said no, or did not do it in time.
        """
        ...

    def refresh(self, refresh_token: str, identity: ProvenIdentity, now: int) -> SignedIn:
        """Whether somebody still is who he was, with the groups that he has now.

        Args:
            refresh_token: of his last sign-in or refresh; worth nothing afterwards where another comes back.
            identity: who he was.
            now: the present.

        Raises:
            IdentityRefusedError: he is not, any more.
        """
        ...
