"""Paths of requests: the one place where names become part of an address.

Names come from files, from the command line and from objects that tenants write. Each is one segment of the path, and
stays one: the server decodes a segment before it splits the path, so a name with a slash is refused, not encoded.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from allotment.errors import quoted
from allotment.ports.kube import RefusedError

_NEVER: Final = ("/", "%", "\\", "\0")
"""The API server itself lets the first two into no name; what stands in between may take the others for something."""
_BAD_REQUEST: Final = 400


def segment(text: str, what: str) -> str:
    """A text as one segment of a path, percent-encoded.

    Args:
        text: not yet encoded.
        what: it is, for the message.

    Raises:
        RefusedError: it is no segment: it is empty, leads elsewhere, or holds what no name may hold.
    """
    if not is_segment(text):
        raise RefusedError(
            f"{quoted(text)} can be no {what}",
            status=_BAD_REQUEST,
            reason="BadRequest",
            message="nothing was sent: a name is not empty, not . or .., and holds no slash and no percent sign",
        )
    return quote(text, safe=":@")


def is_segment(text: str) -> bool:
    """Whether a text is one segment of a path."""
    if text in {"", ".", ".."} or any(each in text for each in _NEVER):
        return False
    return not any("\ud800" <= each <= "\udfff" for each in text)
