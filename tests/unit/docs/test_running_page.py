"""docs/running.md tells everything that this machine cannot do."""

from __future__ import annotations

from pathlib import Path

from allotment.jobs.local import LOCAL_LOSSES

TEXT = (Path(__file__).parents[3] / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_table_is_up_to_date() -> None:
    section = TEXT[TEXT.index("## What this machine cannot do") :]
    told = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert told == [each.field for each in LOCAL_LOSSES]
