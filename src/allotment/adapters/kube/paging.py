"""A list, page by page, as far as its server plays by the rules: it ends, also where a server would have none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx2 as httpx

from allotment.adapters.kube import answers
from allotment.errors import UnreachableError, quoted
from allotment.model.manifest import Body
from allotment.model.salvage import UnreadableObject
from allotment.ports.kube import UnendingError

MOST_PAGES: Final = 4_000
"""Of one list: two million objects, more than any API server holds of a kind."""
MOST_RESTARTS: Final = 10
"""Times that the server may forget what is paged through: one that answers at all forgets it once in minutes."""

_NO_OBJECT: Final = "an entry of the list that is no object"

NextPage = Callable[[str, float], httpx.Response]
"""Asks for the page of a token, empty for the first, which may take so many seconds; 410 is an answer."""


@dataclass(frozen=True, slots=True)
class ListBounds:
    """What is borne of all pages of a list together.

    Attributes:
        seconds: of waiting for the server; what is done with the objects meanwhile does not count.
        size: bytes, unpacked.
    """

    seconds: float
    size: int


class _Spent:
    """What a list has cost so far."""

    def __init__(self, ask: NextPage, about: str, bounds: ListBounds) -> None:
        self._ask = ask
        self._about = about
        self._bounds = bounds
        self._seconds = 0.0
        self._size = 0

    def page(self, token: str) -> httpx.Response:
        """The page of a token.

        Raises:
            UnendingError: the list costs more than is borne.
        """
        began = time.monotonic()
        try:
            response = self._ask(token, self._bounds.seconds - self._seconds)
        except UnendingError:
            if self._seconds + time.monotonic() - began < self._bounds.seconds:
                raise
            raise self._ended(f"it was not complete after {self._bounds.seconds:g} s") from None
        self._seconds += time.monotonic() - began
        self._size += len(response.content)
        if self._size > self._bounds.size:
            raise self._ended(f"it has more than {self._bounds.size >> 20:,} MiB")
        if self._seconds > self._bounds.seconds:
            raise self._ended(f"it was not complete after {self._bounds.seconds:g} s")
        return response

    def _ended(self, why: str) -> UnendingError:
        return UnendingError(
            f"{self._about} does not come to an end",
            why=why,
            fix="look whether a proxy stands in between, and what there is so much of",
        )


def pages(
    ask: NextPage, about: str, note_version: Callable[[str], None], bounds: ListBounds, *, lenient: bool
) -> Iterator[Body]:
    """The objects of all pages, as the server sent them.

    Args:
        ask: gets one page.
        about: what is listed, for messages.
        note_version: is told the version of each page.
        bounds: of all pages.
        lenient: what is no readable object is an `UnreadableObject`, and stops nothing.

    Raises:
        UnreachableError: the pages have no end, or are none; or, unless lenient, an object cannot be read.
    """
    token, used, restarts, spent = "", {""}, 0, _Spent(ask, about, bounds)
    while True:
        response = spent.page(token)
        gone = response.status_code == httpx.codes.GONE
        restarts += gone
        if restarts > MOST_RESTARTS:
            raise _endless(response, about, f"{restarts:,} times it forgot what is paged through")
        document = answers.body_of(response, lenient=lenient)
        metadata = answers.mapping(document.get("metadata"))
        version = metadata.get("resourceVersion")
        note_version(version if isinstance(version, str) else "")
        if not gone:
            yield from _items(response, document, about, lenient=lenient)
        token = metadata.get("continue") or ""
        if not token and not gone:
            return
        # After 410 without a token there is nothing to go on with.
        if not isinstance(token, str) or token in used:
            said = "a page twice" if token else "no page to go on with"
            raise _endless(
                response, about, f"it names {said}" if isinstance(token, str) else f"{quoted(token)} as page"
            )
        if len(used) >= MOST_PAGES:
            raise _endless(response, about, f"it has more than {MOST_PAGES:,} pages")
        used.add(token)


def _items(response: httpx.Response, document: Body, about: str, *, lenient: bool) -> Iterator[Body]:
    items = document.get("items")
    for each in items if isinstance(items, list) else () if items is None else (items,):
        if isinstance(each, dict) and isinstance(items, list):
            yield each
        elif lenient:
            yield UnreadableObject({}, _NO_OBJECT)
        else:
            raise _endless(response, about, f"it holds {_NO_OBJECT}")


def _endless(response: httpx.Response, about: str, why: Any) -> UnreachableError:
    return UnreachableError(
        f"{response.url.host}:{response.url.port} does not give {about} as a Kubernetes API server does",
        why=why,
        fix="look whether a proxy stands in between",
    )
