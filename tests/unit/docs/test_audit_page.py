"""docs/audit.md says of every verb of the trail when it is kept."""

from __future__ import annotations

import re

from allotment.model.audit.act import AuditVerb
from tests.unit.docs.pages import DOCS


def test_every_verb_is_in_the_table_and_no_other() -> None:
    table = (DOCS / "audit.md").read_text(encoding="utf-8").partition("| verb | when |")[2].partition("\n\n")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [word for cell in first for word in re.findall(r"`([^`]+)`", cell)]
    assert sorted(named) == sorted(each.value for each in AuditVerb)
