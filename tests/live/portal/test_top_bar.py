"""Above every screen: how far budgets and grants are, amber from 85 % on; and whether all of it is made up."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits, on_the_fleet
from tests.live.portal.house import House
from tests.live.portal.test_lists import places

pytestmark = pytest.mark.live

DAY: Final = 86_400_000
AMBER: Final = "(each) => getComputedStyle(each).color"
TOKEN: Final = """() => { const probe = document.createElement('span'); probe.className = 'tone-wait'
  document.body.append(probe); const found = getComputedStyle(probe).color; probe.remove(); return found }"""
DEMO: Final = "a demo: a fleet that is made up"
MEMBER: Final = "member of nlp"
MONTHS: Final = ((151, ""), (-20, ", 102 % used"))
"""What is left of 1,000 USD, and what is said of it beside that."""


def month(team: str, left: int, *grants: dict[str, Any]) -> dict[str, Any]:
    """A month of 1,000 USD, half of which is over."""
    start = int(time.time() * 1000) - 15 * DAY - 60_000
    return {
        "team": team, "start": start, "end": start + 30 * DAY, "budget": 1_000_000_000, "left": left * 1_000_000,
        "jobs": (1000 - left) * 1_000_000, "granted": 0, "granted_so_far": 0, "grants": list(grants),
    }  # fmt: skip


def given(percent: float) -> dict[str, Any]:
    """A grant of a hundred days, of which so many have passed."""
    since = int(time.time() * 1000 - percent * DAY)
    return {"id": "g1", "devices": 2, "since": since, "until": since + 100 * DAY, "given": 80, "used": 20}


def bar(one: Visit, months: list[dict[str, Any]], *roles: str) -> Locator:
    """What the top bar tells a member of a team, or the server's own user."""
    page = one.page
    page.unroute_all()

    def who(route: Route) -> None:
        said = route.fetch().json()
        said["visitor"]["roles"] = list(roles)
        route.fulfill(json=said)

    page.route("**/api/v1/whoami", who)
    page.route(re.compile(r"/api/v1/balances\b"), lambda route: route.fulfill(json={"version": 1, "balances": months}))
    with page.expect_response(re.compile(r"/api/v1/balances\b")):
        one.shown("/jobs")
    return page.locator("header.top .balance")


def is_amber(page: Page, balance: Locator) -> bool:
    return bool(balance.evaluate(AMBER) == page.evaluate(TOKEN))


@pytest.mark.parametrize(
    ("left", "used"), [(150, ", 85 % used"), *(pytest.param(*each, marks=pytest.mark.nightly) for each in MONTHS)]
)
def test_a_budget_turns_amber_at_85_percent(owner: Visit, left: int, used: str) -> None:
    balance = bar(owner, [month("nlp", left), month("cv", 1)], MEMBER)
    expect(balance).to_have_text(re.compile(f"^nlp{left} USD left{used}$"))
    assert is_amber(owner.page, balance) == bool(used)
    assert balance.locator(".own.late").count() == bool(used)
    pace = balance.get_by_role("img").get_attribute("aria-label") or ""
    assert pace.endswith("% used, 50 % of the time has passed"), pace
    assert balance.get_attribute("href") == "/teams/nlp"


@pytest.mark.nightly  # by day a budget is looked at
@pytest.mark.parametrize(("percent", "late"), [(84.9, False), (85.1, True)])
def test_a_grant_turns_amber_at_85_percent_of_its_time(owner: Visit, percent: float, late: bool) -> None:
    balance = bar(owner, [month("nlp", 900, given(percent))], MEMBER)
    # How long it has is said once somebody has to look.
    expect(balance).to_have_text(re.compile(r"1 grant: 14 d \d+ h left$" if late else "1 grant$"))
    assert is_amber(owner.page, balance) == late


@pytest.mark.nightly  # by day one team is looked at
def test_of_all_teams_those_alone_are_told_that_are_late(owner: Visit) -> None:
    balance = bar(owner, [month("nlp", 500), month("cv", 151)])
    owner.page.wait_for_timeout(300)
    assert balance.count() == 0
    balance = bar(owner, [month("nlp", 500), month("cv", 100), month("recsys", 900, given(99))])
    expect(balance).to_have_text("2 of 2 teams at 85 %")
    assert is_amber(owner.page, balance)
    balance.click()
    owner.page.wait_for_url("**/books")


def demo_mark(one: Visit) -> Locator:
    return one.page.locator("header.top .state", has_text="Demo")


@pytest.mark.parametrize(
    ("width", "words"), [(320, "Demo"), pytest.param(1440, "Demo: all of it is made up", marks=pytest.mark.nightly)]
)
def test_a_demo_says_that_it_is_one_and_nothing_else_does(visit: Visits, width: int, words: str) -> None:
    one = visit(viewport={"width": width, "height": 800})
    made_up = False

    def status(route: Route) -> None:
        said = route.fetch().json()
        assert not said["status"]["demo"]
        said["status"]["demo"] = DEMO if made_up else ""
        route.fulfill(json=said)

    one.page.route("**/api/v1/status", status)
    one.shown("/backends")
    assert demo_mark(one).count() == 0, "what runs here is nobody's invention"
    made_up = True
    one.shown("/backends")
    expect(demo_mark(one)).to_be_in_viewport()
    assert demo_mark(one).inner_text() == words
    assert demo_mark(one).get_attribute("title") == DEMO


@pytest.mark.nightly
def test_every_screen_of_the_demo_is_marked(demo: House) -> None:
    with on_the_fleet(demo) as one:
        screens = places(one)
        one.shown("/help")
        for path in screens:
            one.turned(path)
            expect(demo_mark(one)).to_be_in_viewport()
            assert "made up (seed 7)" in (demo_mark(one).get_attribute("title") or ""), path
