"""docs/api.md lists every kind of problem that the server tells of."""

from __future__ import annotations

from allotment.api.problems import EVERY
from tests.unit.docs.pages import DOCS


def test_every_problem_is_listed_as_the_server_tells_it() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    wanted = [f"| `/api/v1/problems/{each.name}` | {each.status} | {each.title} | {each.means} |" for each in EVERY]
    assert [line for line in page.splitlines() if line.startswith("| `/api/v1/problems/")] == wanted
