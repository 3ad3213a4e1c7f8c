"""A notice for tests, and texts that mean harm."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from allotment.adapters.clock import FixedClock
from allotment.model.requests.grant import GrantState
from allotment.model.requests.notice import Notice
from allotment.requests.notices import of_grants, with_told
from tests.unit.requests.cases import HOUR, START, grant

NOW = START + 39 * HOUR
CLOCK = FixedClock(dt.datetime.fromtimestamp(NOW / 1000, dt.UTC))


def example() -> Notice:
    """12 A100 for two days, of which four fifths of the device-hours are used."""
    of = replace(grant(12, hours=48), state=GrantState.ACTIVE)
    (time,) = of_grants([of], {}, NOW)
    (found,) = of_grants([with_told(of, time)], {of.id: 461 * 3600}, NOW)
    return found


def saying(*lines: str, subject: str = "nlp: something") -> Notice:
    return replace(example(), subject=subject, lines=lines)


HOSTILE = (
    "<!here> <!channel> <@U0123> <#C0123> <https://evil.example|click>",
    "@channel @here @everyone @Here",
    "a & b < c > d &lt; &amp;",
    "[click](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example>",
    "**bold** _it_ ~~gone~~ `code` ||x|| # head",
    "1. one",
    "- one",
    "+ one",
    "---",
    "===",
    "    code",
    "> quote",
    "{{DATE(2017-02-14T06:00:00Z, SHORT)}}",
    "&#60;script&#62;",
    "line\nBcc: eve@evil.example\r\n\r\nbody",
    "\u202egnp.exe \u200b\x1b[2J\x00",
    "half \ud800 of one",
    "\\[not escaped\\](twice)",
    "x" * 5000,
    "&" * 5000,
)
