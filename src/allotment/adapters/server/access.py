"""Who gets in to a server elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import overload
from urllib.parse import quote, urlencode

from allotment.adapters.server.asking import PATIENCE, AskedOverHttp
from allotment.model.jobs.written import write_value
from allotment.ports.access_service import PeoplePage, TokenReceipt, TokensPage, ToldPerson, ToldToken, Visitor
from allotment.ports.sign_in import SignInOffer


class AccessThere(AskedOverHttp):
    """`ports.access_service.AccessService`, `SignInService` and what browsers come in by, over HTTP."""

    def offer(self) -> SignInOffer:
        """Begin a sign-in."""
        return self._ask("GET", "/api/v1/sign-in", "offer", SignInOffer)

    def enter(self, token: str, nonce: str, host: str, *, elsewhere: bool = False) -> TokenReceipt:
        """Be let in."""
        brought = {"token": token, "nonce": nonce, "host": host, "elsewhere": elsewhere}
        body = write_value("brought", brought).encode()
        return self._ask("POST", "/api/v1/sign-in", "given", TokenReceipt, body=body, once=True)

    def whoami(self) -> Visitor:
        """Who asks."""
        return self._ask("GET", "/api/v1/whoami", "visitor", Visitor)

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int, team: str = "") -> TokenReceipt:
        """Make one."""
        wanted = {"name": name, "permissions": permissions, "lasts": lasts, "team": team}
        body = write_value("wanted", wanted).encode()
        return self._ask("POST", "/api/v1/tokens", "given", TokenReceipt, body=body)

    def tokens(self) -> tuple[ToldToken, ...]:
        """All of them, newest first."""
        return tuple(self._pages("/api/v1/tokens", TokensPage))

    def token(self, reference: str) -> ToldToken:
        """One of them."""
        return self._ask("GET", f"/api/v1/tokens/{quote(reference, safe='')}", "token", ToldToken)

    def revoke_token(self, reference: str, *, read: str = "") -> ToldToken:
        """Take one back."""
        path = f"/api/v1/tokens/{quote(reference, safe='')}"
        return self._ask("DELETE", path, "token", ToldToken, read=read or None)

    def end_session(self) -> None:
        """Sign out."""
        with self._sent("DELETE", "/api/v1/session", None, PATIENCE):
            pass

    def people(self) -> tuple[ToldPerson, ...]:
        """Everybody who has signed in, by user name."""
        return tuple(self._pages("/api/v1/people", PeoplePage))

    def person(self, reference: str) -> ToldPerson:
        """One of them."""
        return self._ask("GET", f"/api/v1/people/{quote(reference, safe='')}", "person", ToldPerson)

    def shut_out(self, reference: str, *, out: bool, read: str = "") -> ToldPerson:
        """Shut somebody out, or let him in again."""
        path = f"/api/v1/people/{quote(reference, safe='')}/{'shut-out' if out else 'let-in'}"
        return self._ask("POST", path, "person", ToldPerson, read=read or None)

    def browser_code(self) -> str:
        """A code by which a browser comes in."""
        return self._ask("POST", "/api/v1/browser-codes", "code", str)

    @overload
    def _pages(self, path: str, type_: type[TokensPage]) -> Iterator[ToldToken]: ...

    @overload
    def _pages(self, path: str, type_: type[PeoplePage]) -> Iterator[ToldPerson]: ...

    def _pages(self, path: str, type_: type[TokensPage | PeoplePage]) -> Iterator[ToldToken | ToldPerson]:
        """All of a listing, page by page."""
        page = self._ask("GET", path, "page", type_)
        yield from page.rows
        while page.next:
            page = self._ask("GET", f"{path}?{urlencode({'after_id': page.next})}", "page", type_)
            yield from page.rows
