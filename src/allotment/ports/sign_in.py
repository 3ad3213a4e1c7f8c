"""What a command that signs somebody in needs: the server's door, and where his browser comes back to."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final, Protocol

from allotment.ports.access_service import TokenReceipt

LOOPBACK_NAMES: Final = ("127.0.0.1", "::1", "localhost")
"""Names by which a server on the same machine is called."""
_DOMAIN: Final = b"allotment sign-in 1"


def bound_nonce(nonce: str, host: str) -> str:
    """The nonce that the provider is told: of an offer, and of the server that it was for.

    A server that hands on another one's offer so gets a token that the other one does not take.

    Args:
        nonce: of the offer.
        host: by which the server is called.
    """
    name, word = host.lower().encode("utf-8", "surrogatepass"), nonce.encode("ascii", "replace")
    digest = hashlib.sha256(b"\0".join((_DOMAIN, name, word)))
    return base64.urlsafe_b64encode(digest.digest()).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class SignInOffer:
    """How to sign in at a server.

    Attributes:
        issuer: address of the identity provider.
        client: name under which the provider knows the server's people.
        scopes: that are asked for there.
        nonce: of which the provider's token has to bring what `bound_nonce` makes, once.
    """

    issuer: str
    client: str
    scopes: tuple[str, ...]
    nonce: str


class SignInService(Protocol):
    """A server, for whoever it does not know yet. Everything may raise `UnreachableError`."""

    def offer(self) -> SignInOffer:
        """Begin a sign-in.

        Raises:
            NotFoundError: it knows no identity provider.
        """
        ...

    def enter(self, token: str, nonce: str, host: str, *, elsewhere: bool = False) -> TokenReceipt:
        """Be let in; what is shown from then on.

        Args:
            token: that the provider gave.
            nonce: of the offer.
            host: by which the server was called.
            elsewhere: whether he has signed in on another device, where the token does not bring the nonce.

        Raises:
            NotSignedInError: it is nobody's, was used before, or he was shut out.
            ForbiddenError: he is nothing there.
        """
        ...


class BrowserListener(Protocol):
    """Where a browser on this machine brings a provider's answer."""

    @property
    def redirect(self) -> str:
        """Where the provider has to send it."""
        ...

    def wait(self, state: str, seconds: float) -> str:
        """The query of the address that it came to.

        Args:
            state: of the sign-in that is waited for.
            seconds: how long.

        Raises:
            TimedOutError: nothing came.
        """
        ...
