"""Pictures of the portal: those that pages show are there, every screen has one, and all of them stay small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.unit.docs.pages import DOCS

PICTURES: Final = DOCS / "pictures" / "portal"
SOURCES: Final = DOCS.parent / "portal" / "src"
PAGES: Final = (DOCS.parent / "README.md", *sorted(DOCS.glob("*.md")))
MOST_BYTES: Final = 12 << 20
"""Of all pictures together: whoever clones the repository gets them all."""
NAMED: Final = re.compile(r"""(?:\]\(|(?:src|srcset)=")([^)"\s]+\.(?:png|svg))""")
ELSEWHERE: Final = {
    "/": "home",
    "/jobs/$id": "job",
    "/requests/$id": "request",
    "/teams/$team": "team",
    "/help": "causes",
    "/help/$code": "cause",
    "/onboard": "onboarding",
    "/leave": "leaving",
}
"""Screens whose pictures have other names than their addresses."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pictures_that_a_page_shows_are_there(page: Path) -> None:
    found = [each for each in NAMED.findall(page.read_text(encoding="utf-8")) if "://" not in each]
    assert [each for each in found if not (page.parent / each).is_file()] == []


def test_every_screen_has_a_picture_in_both_themes_and_at_three_widths() -> None:
    routes = re.findall(r"getParentRoute: \(\) => root, path: '([^']+)'", (SOURCES / "main.tsx").read_text("utf-8"))
    assert len(routes) > 20
    wanted = {
        f"{ELSEWHERE.get(route, route.strip('/'))}-{width}-{theme}.png"
        for route in routes
        for width in (1440, 1024, 390)
        for theme in ("light", "dark")
    }
    assert wanted - {each.name for each in PICTURES.iterdir()} == set()


def test_all_pictures_together_are_small() -> None:
    assert sum(each.stat().st_size for each in PICTURES.iterdir()) < MOST_BYTES


def test_readme_begins_with_the_portal() -> None:
    first = NAMED.findall(PAGES[0].read_text(encoding="utf-8"))[0]
    assert first.startswith("docs/pictures/portal/")
