"""Requests that come again: whoever got no answer asks once more with the same key, and there is one request."""

from __future__ import annotations

import hashlib
from typing import Final

from allotment.errors import ConflictError, NotFoundError
from allotment.model.requests.request import GrantRequest
from allotment.model.requests.terms import Wish
from allotment.operations.decide.room import DecisionStore
from allotment.ports.request_service import AskedRequest

_LETTERS: Final = "abcdefghjkmnpqrstvwxyz"
_MORE: Final = _LETTERS + "23456789"
_ID_LENGTH: Final = 8


def id_of_request_key(platform: str, requester: str, key: str) -> str:
    """The id of the one request that a key stands for: a letter, and seven letters and digits of a hash."""
    left = int.from_bytes(hashlib.sha256(f"{platform}\0{requester}\0{key}".encode()).digest())
    found = ""
    for _ in range(_ID_LENGTH):
        letters = _MORE if found else _LETTERS
        left, place = divmod(left, len(letters))
        found += letters[place]
    return found


def asked_before(store: DecisionStore, request_id: str, asked: AskedRequest, wish: Wish) -> GrantRequest | None:
    """The request that came with the same key; None where none did.

    Args:
        store: where requests are kept.
        request_id: of the key.
        asked: what comes now.
        wish: the same, apart from its terms.

    Raises:
        ConflictError: it is another request.
    """
    if not asked.key:
        return None
    try:
        found = store.request(request_id)
    except NotFoundError:
        return None
    devices = asked.devices or found.asked.devices
    if (found.wish, found.extends, found.asked.devices) != (wish, asked.extends, devices):
        raise ConflictError(
            "the key was used for another request already",
            why=f"request {found.id} came with it, and is not the same",
            fix="choose another key, or ask for what was asked for then",
        )
    return found
