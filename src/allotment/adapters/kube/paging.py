"""A list, page by page, as far as its server plays by the rules: it ends, also where a server would have none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx2 as httpx

from allotment.adapters.kube import answers
from allotment.errors import UnreachableError, quoted
from allotment.model.manifest import Body
from allotment.model.salvage import UnreadableObject

MOST_PAGES: Final = 4_000
"""Of one list: two million objects, more than any API server holds of a kind."""
MOST_RESTARTS: Final = 10
"""Times that the server may forget what is paged through: one that answers at all forgets it once in minutes."""

MOST_SECONDS: Final = 3_600.0
"""From the first page of a list to its last, with what is done with its objects."""

_NO_OBJECT: Final = "an entry of the list that is no object"

NextPage = Callable[[str], httpx.Response]
"""Asks for the page of a token, empty for the first; 410 is an answer."""


def pages(ask: NextPage, about: str, note_version: Callable[[str], None], *, lenient: bool) -> Iterator[Body]:
    """The objects of all pages, as the server sent them.

    Args:
        ask: gets one page.
        about: what is listed, for messages.
        note_version: is told the version of each page.
        lenient: what is no readable object is an `UnreadableObject`, and stops nothing.

    Raises:
        UnreachableError: the pages have no end, or are none; or, unless lenient, an object cannot be read.
    """
    token, used, restarts, until = "", {""}, 0, time.monotonic() + MOST_SECONDS
    while True:
        response = ask(token)
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
        if time.monotonic() > until:
            raise _endless(response, about, f"it was not complete after {MOST_SECONDS:g} s")
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
