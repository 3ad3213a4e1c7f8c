"""`IdentityProvider` over HTTP: OpenID Connect with codes and PKCE, and sign-ins on other devices."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Self
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

import httpx2 as httpx

from allotment.adapters.oidc.addresses import check_issuer, may_come_back, why_not_asked
from allotment.adapters.oidc.answers import DeviceWaitsError, GivenTokens, code_in, object_in, tokens_in
from allotment.adapters.oidc.claims import CameWith, identity_in
from allotment.adapters.oidc.discovery import ProviderPlaces, document_address, places_of
from allotment.adapters.oidc.exchange import ProviderHttp, ProviderReply, SlowProviderError, http_to
from allotment.adapters.oidc.keys import PublishedKey, key_for, published_keys
from allotment.adapters.oidc.remembered import BETWEEN, Remembered
from allotment.adapters.oidc.secret import client_secret
from allotment.adapters.oidc.signatures import ShownToken, claims_of, refused, token_parts
from allotment.errors import AllotmentError, UnreachableError, UsageError, quoted
from allotment.model.access.identity import ProvenIdentity
from allotment.ports.identity import (
    DevicePrompt,
    Flaw,
    IdentityRefusedError,
    ProviderSettings,
    SignedIn,
    SignInAttempt,
    challenge_of,
)

_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER: Final = 5
"""Seconds by which one waits longer who is told that he asks too often (RFC 8628)."""
_LONGEST_WAIT: Final = 120
"""Seconds between two questions, at most."""
_LONGEST_PROMPT: Final = 3600
"""Seconds for which a sign-in on another device is waited for, at most."""
_LONGEST_CODE: Final = 64
"""Characters that somebody has to type."""


def connect_provider(
    settings: ProviderSettings,
    transport: httpx.BaseTransport | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> OidcProvider:
    """A provider; nothing is asked yet.

    Args:
        settings: what is agreed with it.
        transport: in the place of a network.
        say: takes lines of a log: what goes wrong while older keys stand in.

    Raises:
        UsageError: the settings cannot be.
        InputError: the file of certificates cannot be read.
    """
    check_issuer(settings.issuer, plain_on_loopback=settings.plain_on_loopback)
    if not settings.client or not settings.client.isascii() or not settings.client.isprintable():
        raise UsageError(
            f"{quoted(settings.client)} is no name of a client", fix="write the client_id that the provider has given"
        )
    if "openid" not in settings.scopes or any(" " in each or not each for each in settings.scopes):
        raise UsageError(
            "the scopes have to be words, and `openid` one of them", fix="write them such as: openid profile email"
        )
    return OidcProvider(settings, http_to(settings.issuer, settings.authority, transport), say)


class OidcProvider:
    """One provider. Close it, or use it as a context manager."""

    def __init__(
        self, settings: ProviderSettings, http: ProviderHttp, say: Callable[[str], None] = lambda _: None
    ) -> None:
        """Nothing is asked yet.

        Args:
            settings: what is agreed with it; checked.
            http: the way to it.
            say: takes lines of a log.
        """
        self._say, self._said = say, ""
        self._settings = settings
        self._http = http
        self._places: Remembered[ProviderPlaces] = Remembered(lambda _: self._read_places())
        self._keys: Remembered[tuple[PublishedKey, ...]] = Remembered(self._read_keys, self._keys_failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    @property
    def issuer(self) -> str:
        """The provider's address, as its tokens have it."""
        return self._settings.issuer

    def verify(self, token: str, now: int, nonce: str | None = None, *, may_lack_nonce: bool = False) -> ProvenIdentity:
        """Whose token it is."""
        return self._identity(token, now, CameWith(nonce, may_lack_nonce=may_lack_nonce))

    def authorization_url(self, attempt: SignInAttempt, now: int) -> str:
        """Where the browser goes to sign in."""
        self._check_redirect(attempt.redirect)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client,
            "redirect_uri": attempt.redirect,
            "scope": " ".join(self._settings.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge_of(attempt.verifier),
            "code_challenge_method": "S256",
        }
        parts = urlsplit(self._places.value(now).authorization)
        return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(asked))))))

    def code_of(self, query: str, attempt: SignInAttempt, now: int) -> str:
        """What the browser brings back."""
        return code_in(query, attempt.state, self.issuer, names_itself=self._places.value(now).names_itself)

    def redeem(self, code: str, attempt: SignInAttempt, now: int) -> SignedIn:
        """Who has signed in."""
        self._check_redirect(attempt.redirect)
        shown_with_it = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect,
            "code_verifier": attempt.verifier,
        }
        given = self._tokens(shown_with_it, now)
        identity = self._identity(given.id, now, CameWith(attempt.nonce, given.access, code))
        return SignedIn(identity, given.id, given.refresh)

    def device_start(self, verifier: str, now: int) -> DevicePrompt:
        """Begin a sign-in on another device."""
        place = self._places.value(now).device
        if not place:
            raise UsageError(
                f"the provider of identities {self.issuer} knows no sign-in on another device",
                fix="sign in with a browser on this machine",
            )
        asked = {
            "scope": " ".join(self._settings.scopes),
            # Not every provider looks at it, but those that demand PKCE do.
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return self._prompt(object_in(self._posted(place, asked, now), self.issuer), verifier, now)

    def device_poll(self, prompt: DevicePrompt, now: int) -> SignedIn | DevicePrompt:
        """Who has signed in, or what to ask with next time."""
        if now >= prompt.expires:
            raise IdentityRefusedError(
                Flaw.DENIED, "not signed in", why="it was not done in time", fix="begin to sign in anew"
            )
        form = {"grant_type": _DEVICE_GRANT, "device_code": prompt.device_code, "code_verifier": prompt.verifier}
        try:
            given = self._tokens(form, now)
        except DeviceWaitsError as waits:
            return replace(prompt, interval=min(prompt.interval + _SLOWER, _LONGEST_WAIT)) if waits.slower else prompt
        except SlowProviderError:
            return replace(prompt, interval=min(prompt.interval * 2, _LONGEST_WAIT))
        identity = self._identity(given.id, now, CameWith(access_token=given.access))
        return SignedIn(identity, given.id, given.refresh)

    def refresh(self, refresh_token: str, identity: ProvenIdentity, now: int) -> SignedIn:
        """Whether somebody still is who he was."""
        given = self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token}, now)
        found = self._identity(given.id, now, CameWith(access_token=given.access))
        if found.key != identity.key:
            raise refused(Flaw.SUBJECT, "the provider has answered with somebody else")
        return SignedIn(found, given.id, given.refresh or refresh_token)

    def _identity(self, token: str, now: int, came_with: CameWith) -> ProvenIdentity:
        parts = token_parts(token)
        claims = claims_of(parts, self._key(parts, now))
        return identity_in(claims, parts.kind, parts.algorithm, self._settings, now, came_with)

    def _key(self, token: ShownToken, now: int) -> PublishedKey:
        """The key of a token. One with a name that is not known may be new: the provider is asked, but not for each."""
        found = key_for(self._keys.value(now), token.key_id, token.algorithm)
        if found is None and token.key_id is not None:
            found = key_for(self._keys.anew(now), token.key_id, token.algorithm)
        if found is None:
            why = "the provider has no such key, or several that are called the same"
            raise refused(
                Flaw.KEY,
                f"{why} (its keys were {self._keys.age})",
                fix=f"sign in again in {BETWEEN // 1000} s: keys are read anew then",
            )
        return found

    def _tokens(self, form: dict[str, str], now: int) -> GivenTokens:
        return tokens_in(self._posted(self._places.value(now).token, form, now), self.issuer)

    def _posted(self, place: str, form: dict[str, str], now: int) -> ProviderReply:
        """Show something to the provider, as the client that we are."""
        client, file = self._settings.client, self._settings.secret_file
        if file is None:
            return self._http.post(place, {**form, "client_id": client}, {})
        secret = client_secret(file)
        if self._places.value(now).posts_secret:
            return self._http.post(place, {**form, "client_id": client, "client_secret": secret}, {})
        pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode("ascii")
        return self._http.post(place, form, {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"})

    def _prompt(self, raw: dict[str, Any], verifier: str, now: int) -> DevicePrompt:
        address, whole = raw.get("verification_uri"), raw.get("verification_uri_complete") or ""
        typed, code = raw.get("user_code"), raw.get("device_code")
        wrong = self._why_not_opened(address) or (self._why_not_opened(whole) if whole else "")
        if wrong or not isinstance(code, str) or not code or not _can_be_typed(typed):
            raise UnreachableError(
                f"the provider of identities {self.issuer} does not answer as one",
                why=f"where to sign in {wrong}" if wrong else "it says no code that somebody could type",
                fix="sign in with a browser on this machine",
            )
        lasts = min(_seconds(raw.get("expires_in"), 600), _LONGEST_PROMPT)
        interval = min(max(_seconds(raw.get("interval"), _SLOWER), 1), _LONGEST_WAIT)
        return DevicePrompt(str(address), str(typed), str(whole), code, verifier, interval, now + 1000 * lasts)

    def _why_not_opened(self, address: object) -> str:
        return why_not_asked(address, self.issuer, plain_on_loopback=self._settings.plain_on_loopback)

    def _check_redirect(self, redirect: str) -> None:
        if not may_come_back(redirect, self._settings.redirects):
            raise UsageError(
                f"nobody is sent back to {quoted(redirect)}",
                why="whoever waits there would get the code of whoever signs in",
                fix="name it among the addresses to come back to, letter by letter",
            )

    def _read_places(self) -> ProviderPlaces:
        document = self._document(document_address(self.issuer))
        return places_of(document, self.issuer, plain_on_loopback=self._settings.plain_on_loopback)

    def _read_keys(self, now: int) -> tuple[PublishedKey, ...]:
        found = published_keys(self._document(self._places.value(now).keys), self.issuer)
        self._said = ""
        return found

    def _keys_failed(self, error: AllotmentError) -> None:
        """Say it once, until they could be read again or it is another reason."""
        line = f"the keys of the provider of identities {self.issuer} could not be read: {error.line}"
        if line != self._said:
            self._say(line)
        self._said = line

    def _document(self, address: str) -> dict[str, Any]:
        try:
            return object_in(self._http.get(address), self.issuer)
        except (DeviceWaitsError, IdentityRefusedError) as error:
            # Words of a sign-in, where none is going on.
            raise AllotmentError(f"the provider of identities {self.issuer} refuses {quoted(address)}") from error


def _can_be_typed(code: object) -> bool:
    return isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable()


def _seconds(value: object, otherwise: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_PROMPT * 24:
        return otherwise
    return int(value)
