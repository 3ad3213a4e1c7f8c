"""Bodies of webhooks: foreign text stays text, whatever reads it."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from allotment.adapters.notices.bodies import BODIES, own_body, slack_body, teams_body
from allotment.adapters.notices.text import card_text, one_line, slack_text
from allotment.ports.notices import ReceiverKind
from tests.unit.adapters.notices.cases import HOSTILE, example, saying

JOINER = "\u2060"
texts = st.text(max_size=60) | st.text("\\`*_[]()<>#+-.!&{}~|=1 2\n\t@:/x", max_size=30)


def read(body: bytes) -> Any:
    return json.loads(body)


def test_our_own_is_whole() -> None:
    notice = example()
    body = read(own_body(notice))

    assert (body["apiVersion"], body["kind"], body["id"]) == ("allotment.dev/v1", "Notice", notice.id)
    assert (body["about"], body["severity"], body["team"]) == ("grant-hours", "warning", "nlp")
    assert body["to"] == [{"kind": "team", "name": "nlp"}]
    assert body["lines"] == list(notice.lines)
    assert body["deltas"][1] == {"measure": "device-seconds", "value": 461 * 3600, "of": 576 * 3600}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_text_holds_a_body_is_json_in_ascii(kind: ReceiverKind, text: str) -> None:
    body = BODIES[kind](saying(text, subject=text))

    assert body.isascii()
    json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8")  # no halves of characters
    assert len(body) < 28_000


# Slack


def strings(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [text for each in found.values() for text in strings(each)]
    if isinstance(found, list):
        return [text for each in found for text in strings(each)]
    return [found] if isinstance(found, str) else []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_slack_is_told_no_mention_and_no_link(text: str) -> None:
    body = read(slack_body(saying(text, subject=text)))

    for each in strings(body):
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;|a?m?p?l?g?t?$)", each), each
        assert not re.search(r"@(channel|here|everyone)", each, re.IGNORECASE)
    assert all(block["text"]["type"] == "plain_text" for block in body["blocks"])
    assert body["mrkdwn"] is False


@given(texts)
def test_slack_shows_what_was_written(text: str) -> None:
    plain = one_line(text, 1000)
    assert html.unescape(slack_text(plain)).replace(JOINER, "") == plain.replace(JOINER, "")


def test_slack_s_bounds() -> None:
    body = read(slack_body(saying(*["&" * 2000] * 100, subject="&" * 500)))

    assert len(body["blocks"]) <= 50
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    assert all(0 < len(block["text"]["text"]) <= 3000 for block in body["blocks"])
    assert body["blocks"][-1]["text"]["text"] == "… and 60 more"


# Teams


def shown_by_markdown(text: str) -> str | None:
    """The text that a card's Markdown shows; None where it makes more of it than text."""
    tokens = MarkdownIt("commonmark").enable(["strikethrough", "table"]).parse(text)
    if not tokens:
        return ""
    if [each.type for each in tokens] != ["paragraph_open", "inline", "paragraph_close"]:
        return None
    children = tokens[1].children or []
    return "".join(each.content for each in children) if all(each.type == "text" for each in children) else None


def test_the_reader_of_these_tests_knows_markdown() -> None:
    assert shown_by_markdown("plain") == "plain"
    for text in ("**x**", "[x](https://e.example)", "- x", "1. x", "<b>x</b>", "&lt;", "~~x~~", "# x", "---"):
        assert shown_by_markdown(text) != text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_card_shows_hostile_text_as_it_is(text: str) -> None:
    plain = one_line(text, 1000)
    assert shown_by_markdown(card_text(plain)) == plain


@given(texts)
def test_a_card_shows_what_was_written(text: str) -> None:
    plain = one_line(text, 1000)
    assert shown_by_markdown(card_text(plain)) == plain


def test_a_card_in_a_message() -> None:
    body = read(teams_body(example()))

    (attachment,) = body["attachments"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [each["type"] for each in card["body"]] == ["TextBlock"] * 3
    assert card["body"][0]["text"] == r"nlp: the GPU-hours of grant r0000001 are used to 80 %"


def test_what_does_not_fit_into_a_card_is_counted() -> None:
    body = teams_body(saying(*["*" * 2000] * 100))

    assert len(body) < 28_000
    assert re.search(r"and \d\d more", read(body)["attachments"][0]["content"]["body"][-1]["text"])
