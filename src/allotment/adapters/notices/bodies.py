"""Bodies of webhooks: our own document, and what Slack and Microsoft Teams read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from allotment.adapters.notices.text import card_text, one_line, slack_text, sound
from allotment.model.labels import DOMAIN
from allotment.model.requests.notice import Notice
from allotment.ports.notices import ReceiverKind

API_VERSION: Final = f"{DOMAIN}/v1"
_MOST_SUBJECT: Final = 140
"""Characters; Slack shows headers of 150."""
_MOST_LINE: Final = 1000
"""Characters; escaped, all but hostile ones fit into a section of Slack's."""
_MOST_SECTION: Final = 3000
_MOST_LINES: Final = 40
"""Slack takes 50 blocks."""
_MOST_BYTES: Final = 24_000
"""Of a card; Teams takes 28 KB."""
_CARD_SCHEMA: Final = "http://adaptivecards.io/schemas/adaptive-card.json"


def own_body(notice: Notice) -> bytes:
    """Our own document, whole: docs/notices.md has its fields."""
    return _json(
        {
            "apiVersion": API_VERSION,
            "kind": "Notice",
            "id": notice.id,
            "about": notice.kind.value,
            "severity": notice.severity.value,
            "team": sound(notice.team),
            "to": [{"kind": each.kind.value, "name": sound(each.name)} for each in notice.to],
            "subject": sound(notice.subject),
            "lines": [sound(each) for each in notice.lines],
            "deltas": [{"measure": each.measure.value, "value": each.value, "of": each.of} for each in notice.deltas],
        }
    )


def slack_body(notice: Notice) -> bytes:
    """A message of blocks; all of it is plain text."""
    subject = one_line(notice.subject, _MOST_SUBJECT)
    lines = [slack_text(each)[:_MOST_SECTION] for each in _cut(notice.lines, _MOST_LINES)]
    blocks = [{"type": "header", "text": _plain(slack_text(subject)[:150])}]
    blocks += [{"type": "section", "text": _plain(each)} for each in lines]
    quiet = {"mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    return _json({"text": slack_text(subject), "blocks": blocks, **quiet})


def teams_body(notice: Notice) -> bytes:
    """A message with an Adaptive Card; lines that do not fit are counted."""
    most = _MOST_LINES
    while True:
        body = _json(_card(notice, _cut(notice.lines, most)))
        if len(body) <= _MOST_BYTES or not most:
            return body
        most //= 2


BODIES: Final[Mapping[ReceiverKind, Callable[[Notice], bytes]]] = {
    ReceiverKind.WEBHOOK: own_body,
    ReceiverKind.SLACK: slack_body,
    ReceiverKind.TEAMS: teams_body,
}
"""By the kinds of receivers that have a URL."""


def _cut(lines: Sequence[str], most: int) -> list[str]:
    kept = [one_line(each, _MOST_LINE) for each in lines[:most] if each.strip()]
    return kept if len(lines) <= most else [*kept, f"… and {len(lines) - most} more"]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _card(notice: Notice, lines: Sequence[str]) -> dict[str, Any]:
    subject = card_text(one_line(notice.subject, _MOST_SUBJECT))
    body = [{"type": "TextBlock", "text": subject, "weight": "Bolder", "size": "Medium", "wrap": True}]
    body += [{"type": "TextBlock", "text": card_text(each), "wrap": True} for each in lines]
    card = {"$schema": _CARD_SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": body}
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def _json(document: Mapping[str, Any]) -> bytes:
    """In ASCII: whatever a text holds, it is one of JSON."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")
