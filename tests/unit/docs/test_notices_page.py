"""docs/notices.md: the document that it shows is what is sent, and its check of signatures is one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml
from msgspec.structs import fields

from allotment.adapters.notices.bodies import own_body
from allotment.adapters.notices.signing import signed_headers
from allotment.model.requests.notice import AudienceKind, Measure, NoticeKind, NoticeSeverity
from allotment.operations.decide.receivers import _WrittenReceiver, configured_notices
from allotment.operations.decide.telling import _WAITS, MOST_TRIES
from allotment.ports.notices import ReceiverKind
from allotment.requests.thresholds import GRANT_STEPS, QUOTA_STEPS
from tests.unit.adapters.notices.cases import NOW, example
from tests.unit.docs.pages import DOCS

PAGE = (DOCS / "notices.md").read_text(encoding="utf-8")
SECRET = "s3cret"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_document_is_what_is_sent() -> None:
    shown = json.dumps(json.loads(own_body(example())), indent=2, ensure_ascii=False)

    assert block("json") == shown + "\n", f"write this instead:\n{shown}"


def test_the_file_that_is_shown_is_one() -> None:
    found = configured_notices(yaml.safe_load(block("yaml")))
    assert {each.receiver.name for each in found.receivers} == {"nlp-chat", "leads", "pager"}
    assert {each.name for each in fields(_WrittenReceiver)} <= set(re.findall(r"`([a-z]+)`", PAGE))


def checker() -> Callable[..., bool]:
    names: dict[str, Any] = {}
    exec(block("python"), names)
    found: Callable[..., bool] = names["is_genuine"]
    return found


def sent(body: bytes = b'{"id": 1}', secret: str = SECRET) -> Mapping[str, str]:
    return signed_headers("abc", body, secret, NOW // 1000)


@pytest.mark.parametrize(
    ("headers", "body", "later", "genuine"),
    [
        (sent(), b'{"id": 1}', 0, True),
        (sent(), b'{"id": 1}', 299, True),
        (sent(), b'{"id": 1}', 301, False),
        (sent(), b'{"id": 1}', -301, False),
        (sent(), b'{"id": 2}', 0, False),
        (sent(secret="another"), b'{"id": 1}', 0, False),
        ({**sent(), "Allotment-Timestamp": str(NOW // 1000 + 1)}, b'{"id": 1}', 0, False),
        ({**sent(), "Allotment-Timestamp": "x"}, b'{"id": 1}', 0, False),
        ({**sent(), "Allotment-Signature": ""}, b'{"id": 1}', 0, False),
        ({**sent(), "Allotment-Signature": "v1=\u00e9"}, b'{"id": 1}', 0, False),
        ({}, b"", 0, False),
    ],
)
def test_the_check_is_one(headers: Mapping[str, str], body: bytes, later: int, genuine: bool) -> None:
    assert checker()(headers, body, SECRET, NOW / 1000 + later) is genuine


def test_the_check_is_ten_lines() -> None:
    assert len([line for line in block("python").splitlines() if line]) <= 10


@pytest.mark.parametrize("words", [NoticeKind, NoticeSeverity, AudienceKind, Measure, ReceiverKind])
def test_the_page_has_every_word(words: Any) -> None:
    assert [each.value for each in words if f"`{each.value}`" not in PAGE] == []


def test_the_page_has_the_thresholds_and_the_waits() -> None:
    assert GRANT_STEPS == (80, 100)
    assert "80 % and 100 % of a grant's GPU-hours" in PAGE
    assert QUOTA_STEPS == (60, 80, 95)
    assert "60, 80 and 95 %" in PAGE
    assert [each // 60_000 for each in _WAITS] == [1, 5, 15, 60, 3 * 60, 6 * 60, 12 * 60]
    assert "after 1, 5 and 15 minutes, 1, 3, 6 and 12 hours: eight times in all" in PAGE
    assert MOST_TRIES == 8
