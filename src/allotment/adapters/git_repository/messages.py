"""The text of a commit: what it is of, whose word it is, and which request it belongs to."""

from __future__ import annotations

import re
from typing import Final

from allotment.errors import UNPRINTABLE
from allotment.ports.repository import CommitMessage, CommitPerson

_REQUEST: Final = "Allotment-Request"
_SIGNED: Final = "Signed-off-by"
_LONGEST_SUBJECT: Final = 200
_LONGEST_BODY: Final = 20_000
_UNSEEN: Final = re.compile(f"[{UNPRINTABLE}\ud800-\udfff]")
_NO_NAME: Final = re.compile(f"[{UNPRINTABLE}\ud800-\udfff<>]")
_CRUD: Final = " .,:;\"'\\"
"""What Git takes off the ends of names."""
_TRAILERS: Final = re.compile(rf"\s*(?:{_REQUEST}|{_SIGNED})\s*:", re.IGNORECASE)


def text_of(message: CommitMessage, committer: CommitPerson) -> str:
    """The whole text. No words of people's end up among the trailers, or look like them."""
    subject = " ".join(_UNSEEN.sub(" ", message.subject).split())[:_LONGEST_SUBJECT]
    lines = (_UNSEEN.sub(" ", line).rstrip() for line in message.body[:_LONGEST_BODY].splitlines())
    body = "\n".join(f"> {line}" if _TRAILERS.match(line) else line for line in lines).strip("\n")
    name, email = identity(committer)
    trailers = f"{_REQUEST}: {message.request}\n{_SIGNED}: {name} <{email}>\n"
    return "\n\n".join(part for part in (subject or message.request, body, trailers) if part)


def is_of(text: str, request: str) -> bool:
    """Whether a commit is of a request; a forge may have put more below the trailers when it merged."""
    return f"{_REQUEST}: {request}" in text.splitlines()


def identity(person: CommitPerson) -> tuple[str, str]:
    """Name and e-mail address as Git takes them: it has no commit of nobody."""
    email = "".join(_NO_NAME.sub("", person.email).split()).strip(_CRUD)
    return " ".join(_NO_NAME.sub(" ", person.name).split()).strip(_CRUD) or email or "unknown", email
