"""What a screen shows stands in its address: it can be shared, and the way back restores it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.live.portal.conftest import Visits
from tests.live.portal.test_truth import rows

pytestmark = pytest.mark.live


def until(page: Page, look: Callable[[], object], wanted: object) -> None:
    """Look at a screen until it is so."""
    for _ in range(100):
        if look() == wanted:
            return
        page.wait_for_timeout(100)
    assert look() == wanted


def test_filters_are_in_the_address_and_come_back_exactly(visit: Visits) -> None:
    one = visit()
    page = one.shown("/jobs")
    seen: list[tuple[str, str, list[str]]] = []

    def now() -> tuple[str, str, list[str]]:
        return page.url, page.locator("main h2").inner_text(), rows(one)

    def keep(address: str) -> None:
        page.wait_for_url(f"**{address}")
        # Each narrows the list, and says so.
        until(page, lambda: now()[1] in [title for _, title, _ in seen], False)
        until(page, lambda: now() == (page.wait_for_timeout(100), now())[1], True)
        seen.append(now())

    keep("/jobs")
    page.get_by_label("Filter jobs").fill("train")
    keep("/jobs?q=train")
    page.get_by_role("button", name="failed", exact=True).click()
    keep("/jobs?q=train&state=failed")
    page.get_by_label("Team", exact=True).select_option("nlp")
    keep("/jobs?q=train&state=failed&team=nlp")
    # What was typed is no step of its own.
    del seen[0]
    for before in reversed(seen[:-1]):
        page.go_back()
        until(page, now, before)
    for after in seen[1:]:
        page.go_forward()
        until(page, now, after)
    assert page.get_by_label("Filter jobs").input_value() == "train"
    assert page.get_by_label("Team", exact=True).input_value() == "nlp"
    assert page.get_by_role("button", name="failed", exact=True).get_attribute("aria-pressed") == "true"
    other = visit()
    for url, title, found in seen:
        other.shown(url.removeprefix(one.address))
        assert (other.page.locator("main h2").inner_text(), rows(other)) == (title, found), url
    # What nobody knows there is left out, and nothing breaks by it.
    other.shown("/jobs?state=%3Cscript%3E&q=&team=none&page=9")
    other.page.get_by_text("No job is like that").wait_for()
    other.page.get_by_role("button", name="Show all").click()
    assert other.page.url.endswith("/jobs")
    other.shown("/requests")
    open_ones = other.page.locator("main h2").first.inner_text()
    other.page.get_by_role("button", name="with those that were decided").click()
    other.page.wait_for_url("**/requests?show=all")
    other.page.go_back()
    other.page.get_by_role("heading", name=open_ones, exact=True).wait_for()


def test_an_address_that_leads_nowhere_says_so(visit: Visits) -> None:
    one = visit()
    for path in ("/jobs/never-there", "/requests/zzzzzzzz", "/nowhere"):
        one.open(path)
        one.page.wait_for_timeout(600)
        one.settle()
        text = one.text("body").lower()
        assert "there is no" in text or "not found" in text or "nothing" in text, f"{path}: {text}"
        assert one.page.get_by_role("navigation", name="Main").is_visible()
