"""Questions to one forge and its answers: bounded in time and size, and everything that went wrong in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx2 as httpx
import msgspec

from allotment.errors import (
    AllotmentError,
    ForbiddenError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
    quoted_message,
    shown,
)
from allotment.model.hosts import is_on_this_machine
from allotment.ports.forge import ForgeRefusedError

MOST_BYTES: Final = 8 << 20
"""Of an answer, unpacked."""
MOST_SECONDS: Final = 60.0
"""Of an answer, from the question to its last byte."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_TRIES: Final = 2
"""A connection that was closed meanwhile is no answer: what changes nothing is asked once more."""
_REPOSITORY: Final = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[\w.-]{1,100}/[\w.-]{1,100}", re.ASCII)
REFUSED: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""With what forges answer where it is there already, or cannot be as it is."""


def forge_address(address: str, name: str) -> httpx.URL:
    """An address that somebody has written.

    Raises:
        UsageError: it is none, or a token would go over the network in the clear.
    """
    try:
        found = httpx.URL(address)
    except (httpx.InvalidURL, ValueError, TypeError):
        found = httpx.URL("")
    if found.scheme not in {"http", "https"} or not found.host or found.userinfo or found.query or found.fragment:
        # The address is not repeated: it may hold a password.
        raise UsageError(f"this is no address of a {name}", fix="write it like https://forge.example")
    if found.scheme == "http" and not is_on_this_machine(found.host):
        raise UsageError(f"the token for {name} would go over the network in the clear", fix="give an https:// address")
    return found


def checked_repository(name: str) -> str:
    """A repository's owner and name.

    Raises:
        UsageError: it is none.
    """
    if not _REPOSITORY.fullmatch(name):
        raise UsageError("this is no name of a repository", fix="write it like team/platform")
    return name


class ForgeSession:
    """Everything that is asked below one address. No redirect is followed: the token goes there alone."""

    def __init__(
        self, api: httpx.URL, place: str, token: Callable[[], str], headers: Mapping[str, str],
        http_transport: httpx.BaseTransport | None,
    ) -> None:  # fmt: skip
        """Nothing is sent yet.

        Args:
            api: address that all paths are below.
            place: how it is shown.
            token: gives what stands in the header Authorization.
            headers: of each question.
            http_transport: instead of the network.
        """
        self.place = place
        self._token = token
        self._http = httpx.Client(
            base_url=api,
            timeout=_TIMEOUT,
            follow_redirects=False,
            transport=http_transport,
            trust_env=not is_on_this_machine(api.host),
            headers={"User-Agent": "allotment", **headers},
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def got(self, path: str, what: str, params: Mapping[str, str] | None = None) -> object:
        """What is read there.

        Raises:
            AllotmentError: nothing that can be read came back.
        """
        for left in reversed(range(_TRIES)):
            try:
                code, answer = self._asked("GET", path, what, params=params)
            except httpx.RequestError as error:
                if left and not isinstance(error, httpx.TimeoutException):
                    continue
                raise self._silent(shown(error) or type(error).__name__) from None
            if code in REFUSED:
                raise ForgeRefusedError(what, why=said_in(answer) or f"HTTP {code}")
            return answer
        raise AssertionError("the last try ends by return or raise")  # pragma: no cover

    def posted(self, path: str, what: str, body: Mapping[str, str]) -> tuple[int, object]:
        """The status, one of `REFUSED` included, and the answer; asked once.

        Raises:
            AllotmentError: nothing that can be read came back.
        """
        try:
            return self._asked("POST", path, what, body=body)
        except httpx.RequestError as error:
            raise self._silent(shown(error) or type(error).__name__) from None

    def patched(self, path: str, what: str, body: Mapping[str, str]) -> None:
        """Change what is there; asked once.

        Raises:
            AllotmentError: nothing that can be read came back, or it is refused.
        """
        try:
            code, answer = self._asked("PATCH", path, what, body=body)
        except httpx.RequestError as error:
            raise self._silent(shown(error) or type(error).__name__) from None
        if code in REFUSED:
            raise ForgeRefusedError(what, why=said_in(answer) or f"HTTP {code}")

    def _asked(
        self, method: str, path: str, what: str, *, params: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
    ) -> tuple[int, object]:  # fmt: skip
        headers = {"Authorization": self._token()}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        with self._http.stream(method, path, params=params, headers=headers, content=content) as response:
            return self._read(response, self._body(response), what)

    def _body(self, response: httpx.Response) -> bytes:
        body, began = bytearray(), time.monotonic()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise self.foreign(f"it answers with more than {MOST_BYTES >> 20} MiB")
            if time.monotonic() - began > MOST_SECONDS:
                raise self._silent(f"its answer takes longer than {MOST_SECONDS:g} s")
        return bytes(body)

    def _read(self, response: httpx.Response, content: bytes, what: str) -> tuple[int, object]:
        code = response.status_code
        try:
            answer: Any = msgspec.json.decode(content)
        except (msgspec.DecodeError, RecursionError):
            answer = None
        if failure := self._failure(response, said_in(answer), what):
            raise failure
        if answer is None:
            raise self.foreign(f"it answers {code} with what is no JSON")
        return code, answer

    def _failure(self, response: httpx.Response, said: str, what: str) -> AllotmentError | None:
        code = response.status_code
        if response.is_success or code in REFUSED:
            return None
        if response.is_redirect:
            return AllotmentError(
                f"{self.place} sends elsewhere",
                why="no redirect is followed: a token goes to the address that was given alone",
                fix="give the address, and the repository's name, that it leads to, if you trust it",
            )
        why = said or f"HTTP {code}"
        if code == HTTPStatus.UNAUTHORIZED:
            return NotSignedInError(
                f"{self.place} does not accept the token", why=why, fix="write a new one in its file"
            )
        if code == HTTPStatus.FORBIDDEN:
            return ForbiddenError(what, why=why, fix="give the token's user the right to open pull requests there")
        if code == HTTPStatus.NOT_FOUND:
            return NotFoundError(what, why=why, fix="check its name, and that the token's user may see it")
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS:
            return self._silent(why)
        return ForgeRefusedError(what, why=why)

    def _silent(self, why: str) -> UnreachableError:
        return UnreachableError(f"{self.place} does not answer", why=why, fix="check the address, and the network")

    def foreign(self, why: str) -> UnreachableError:
        """Something answers, and what it says is none of a forge's."""
        return UnreachableError(
            f"{self.place} does not answer as a forge", why=why, fix="check the address: its API is looked for below it"
        )


def said_in(answer: object) -> str:
    """What a forge gives as the reason; empty for none."""
    if not isinstance(answer, Mapping):
        return ""
    errors = answer.get("errors")
    told = [answer.get("message"), *(errors if isinstance(errors, list) else ())]
    texts = (each.get("message") if isinstance(each, Mapping) else each for each in told)
    parts = dict.fromkeys(each for each in texts if isinstance(each, str) and each)
    return quoted_message("; ".join(parts)) if parts else ""
