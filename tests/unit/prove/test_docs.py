"""docs/prove.md names every guardrail, with its purpose, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from allotment.prove.guardrails import GUARDRAILS

TEXT = Path("docs/prove.md").read_text(encoding="utf-8")


def test_the_table_is_the_catalogue() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|", TEXT, re.MULTILINE)
    assert rows == [(item.id, item.protects) for item in GUARDRAILS]
