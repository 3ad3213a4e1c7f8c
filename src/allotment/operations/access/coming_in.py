"""Use case: somebody signs in at a server, by his browser here or on another device: it believes his provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import TimedOutError
from allotment.ports.access_service import TokenReceipt
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.identity import DevicePrompt, IdentityProvider, new_attempt, secret_word
from allotment.ports.sign_in import BrowserListener, SignInOffer, SignInService, bound_nonce

_PATIENCE: Final = 300.0
"""Seconds for somebody to sign in with his browser."""


@dataclass(frozen=True, slots=True)
class SignInDoor:
    """Where somebody signs in.

    Attributes:
        service: the server.
        offer: of it.
        host: by which he calls it.
    """

    service: SignInService
    offer: SignInOffer
    host: str


def by_browser(
    door: SignInDoor,
    provider: IdentityProvider,
    listener: BrowserListener,
    show: Callable[[str], None],
    clock: Clock,
    random: Callable[[int], bytes],
) -> TokenReceipt:
    """With a browser on this machine.

    Args:
        door: of the server.
        provider: that the offer names.
        listener: where the browser comes back.
        show: has somebody open an address.
        clock: time.
        random: gives so many random bytes, which nobody can guess.

    Raises:
        NotSignedInError: the provider or the server has said no.
        ForbiddenError: he is nothing there.
        TimedOutError: nobody signed in.
    """
    attempt = replace(new_attempt(listener.redirect, random), nonce=bound_nonce(door.offer.nonce, door.host))
    show(provider.authorization_url(attempt, epoch_ms(clock)))
    query = listener.wait(attempt.state, _PATIENCE)
    code = provider.code_of(query, attempt, epoch_ms(clock))
    signed_in = provider.redeem(code, attempt, epoch_ms(clock))
    return door.service.enter(signed_in.token, door.offer.nonce, door.host)


def by_device(
    door: SignInDoor,
    provider: IdentityProvider,
    show: Callable[[DevicePrompt], None],
    clock: Clock,
    random: Callable[[int], bytes],
) -> TokenReceipt:
    """On another device: a telephone, or the browser of another machine.

    Args:
        door: of the server.
        provider: that the offer names.
        show: has somebody open an address and type a code there.
        clock: time.
        random: gives so many random bytes, which nobody can guess.

    Raises:
        NotSignedInError: the provider or the server has said no.
        ForbiddenError: he is nothing there.
        TimedOutError: nobody signed in.
        UsageError: the provider knows no such way.
    """
    prompt = provider.device_start(secret_word(random), epoch_ms(clock))
    show(prompt)
    while epoch_ms(clock) < prompt.expires:
        clock.sleep(prompt.interval)
        answer = provider.device_poll(prompt, epoch_ms(clock))
        if not isinstance(answer, DevicePrompt):
            return door.service.enter(answer.token, door.offer.nonce, door.host, elsewhere=True)
        prompt = answer
    raise TimedOutError("nobody signed in in time", fix="sign in again: `allot login --device`")
