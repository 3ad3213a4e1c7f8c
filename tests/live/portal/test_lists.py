"""Every screen with a list, found by the places that the portal shows: its address has all that it shows, and on a
telephone nothing of it is cut off."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Locator, Page

from allotment.ports.store import JobFilter
from tests.live.portal.browsing import LAPTOP, Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House
from tests.live.portal.test_answers import answer, hold

pytestmark = pytest.mark.live

BY_DAY: Final = ("/jobs",)
NO_LISTS: Final = {"/", "/submit", "/ask", "/overview"}
"""Screens that list nothing, or only the beginning of what another screen lists."""
ON_A_FLEET: Final = {"/simulate", "/drift"}
"""List nothing where no cluster answers; their addresses are tried on the demo, in `test_foresight.py`."""
BY_TIME: Final = {"/jobs", "/accelerators", "/waiting", "/audit"}
"""Lists of things that have a time: each can be bounded by it."""
_SHOWN: Final = """() => {
  const words = (each) => each.innerText.replace(/\\s+/g, ' ').trim();
  return JSON.stringify({
    title: [...document.querySelectorAll('main h2')].map(words).filter((each) => !/ago|old/.test(each)),
    lists: [...document.querySelectorAll('main table[aria-label]')].map((table) => ({
      heads: [...table.querySelectorAll('th')].map((each) => words(each) + (each.getAttribute('aria-sort') ?? '')),
      rows: [...table.querySelectorAll('tbody tr[aria-rowindex]')].slice(0, 20).map((row) =>
        words(row.querySelector('td.card-title'))),
    })),
    controls: [...document.querySelectorAll('main .filters :is(input, select)')].map((each) => each.value),
    pressed: [...document.querySelectorAll('main .filters [aria-pressed=true]')].map(words),
  })
}"""
_CUT: Final = """() => [...document.querySelectorAll('main table[aria-label] td, main table[aria-label] td *')]
  .filter((each) => each.checkVisibility() && getComputedStyle(each).display !== 'inline' && each.tagName !== 'svg')
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
  .map((each) => each.outerHTML.slice(0, 120))"""


_CUT_SHORT: Final = """() => [
  ...[...document.querySelectorAll('main td:is(.number, .whole), main td:has(> .state), main .figure b')]
    .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
    .map((each) => `${each.innerText} has ${each.clientWidth} of ${each.scrollWidth} pixels`),
  ...[...document.querySelectorAll('main, main .grid, main .scroll, main .panel')]
    .filter((each) => each.scrollWidth > each.clientWidth + 1)
    .map((each) => `${each.tagName}.${each.className} is ${each.scrollWidth} of ${each.clientWidth} pixels wide`),
]"""
"""Numbers, amounts, states and teams that are cut, and what is so wide for them that it moves sideways."""


IN_ORDER: Final = {"/books: GPU-hours by cause", "/requests: Grants"}
"""Parts of a sum, and grants that stand on each other: both have one order."""


def places(one: Visit) -> list[str]:
    """All that the portal leads to."""
    one.shown("/")
    return [str(each.get_attribute("href")) for each in one.page.locator("nav a.entry").all()]


def listing(one: Visit) -> list[str]:
    """Screens with lists."""
    return [each for each in places(one) if each not in NO_LISTS]


@dataclass(frozen=True)
class Step:
    """Something that changes what a list shows.

    Attributes:
        name: for whoever reads of a failure.
        act: does it.
        typed: whether it may leave no way back of its own: what is asked for with Enter does.
    """

    name: str
    act: Callable[[], None]
    typed: bool = False


def steps(page: Page) -> list[Step]:
    """Whatever a screen has to narrow, sort and widen its list: one of each kind."""
    found = []
    head = page.locator("main table[aria-label] th .sort").first
    if head.count():
        found += [Step("sorted", head.click), Step("sorted the other way", head.click)]
    menu = page.locator("main details.menu").first
    if menu.count():
        found.append(Step("a column less", lambda: _toggle(menu)))
    # These may leave nothing to sort.
    text = page.locator("main .filters input.search").first
    if text.count():
        found.append(Step("a text", lambda: _say(text, "a"), typed=True))
    for number in range(min(2, page.locator("main .filters button[aria-pressed=false]").count())):
        chip = page.locator("main .filters button.chip").nth(number)
        found.append(Step(f"chip {number}", lambda chip=chip: chip.click()))
    for label in page.locator("main .filters select").evaluate_all("(all) => all.map((each) => each.ariaLabel)"):
        if label == "View of":
            continue  # of a server with one user all teams see the same
        choice = page.locator(f'main .filters select[aria-label="{label}"]')
        values = choice.evaluate("(each) => [...each.options].map((one) => one.value)")
        found.append(Step(label, lambda choice=choice, value=values[1]: _choose(choice, value)))
    return found


def _say(text: Locator, said: str) -> None:
    text.fill(said)
    text.press("Enter")


def _choose(choice: Locator, value: str) -> None:
    choice.select_option(value)


def _toggle(menu: Locator) -> None:
    menu.locator("summary").click()
    menu.locator("input[type=checkbox]").last.click()
    menu.locator("summary").click()


def shown(one: Visit) -> str:
    """All that a screen shows by its address."""
    one.page.wait_for_timeout(300)
    one.settle()
    return str(one.page.evaluate(_SHOWN))


def check_address(visit: Visits, path: str) -> None:
    one = visit()
    page = one.shown(path)
    page.wait_for_timeout(500)
    seen = [(page.url, shown(one))]
    for step in steps(page):
        before, trail = page.url, page.evaluate("history.length")
        step.act()
        now = shown(one)
        assert page.url != before, f"{path}: {step.name} is not in the address"
        if step.typed and page.evaluate("history.length") == trail:
            seen[-1] = (page.url, now)
        else:
            seen.append((page.url, now))
    assert len(seen) > 2, f"{path} has a list, and no way to sort it or choose its columns"
    for url, was in reversed(seen[:-1]):
        page.go_back()
        page.wait_for_url(url)
        assert shown(one) == was, f"{url} comes back otherwise"
    for url, was in seen[1:]:
        page.go_forward()
        page.wait_for_url(url)
        assert shown(one) == was, f"{url} comes again otherwise"
    other = visit()
    for url, was in (seen[len(seen) // 2], seen[-1]):
        other.shown(url.removeprefix(one.address))
        other.page.wait_for_timeout(500)
        assert shown(other) == was, f"{url} is another for somebody else"


@pytest.mark.parametrize("path", BY_DAY)
@pytest.mark.nightly
def test_what_a_list_shows_is_in_its_address(house: House, visit: Visits, path: str) -> None:
    check_address(visit, path)


@pytest.mark.nightly
def test_what_every_list_shows_is_in_its_address(house: House, visit: Visits) -> None:
    found = listing(visit())
    assert set(BY_DAY) | BY_TIME <= set(found)
    for path in found:
        if path not in ON_A_FLEET | set(BY_DAY):
            check_address(visit, path)


@pytest.mark.nightly
def test_every_list_sorts_chooses_columns_and_bounds_times(house: House, owner: Visit) -> None:
    for path in listing(owner):
        page = owner.shown(path)
        page.wait_for_timeout(300)
        for table in page.locator("main table[aria-label]").all():
            name = f"{path}: {table.get_attribute('aria-label')}"
            if name in IN_ORDER:
                continue
            assert table.locator("th .sort").count() >= 2, name
            assert table.locator("xpath=ancestor::section").locator("details.menu").count() == 1, name
        bounded = page.locator("main .filters select option[value='24h']").count() == 1
        assert bounded == (path in BY_TIME), path


def test_two_moments_bound_a_list_for_whoever_gets_the_address(house: House, owner: Visit) -> None:
    past = sorted(each.submitted for each in house.service.page(JobFilter(), limit=500).rows)
    since, until = (each // 60_000 * 60_000 for each in (past[20], past[60]))
    words = [time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(each / 1000)) for each in (since, until)]
    page = owner.shown(f"/jobs?since={words[0]}&until={words[1]}")
    number = sum(since <= each <= until for each in past)
    page.get_by_role("heading", name=f"{number} jobs", exact=True).wait_for()
    assert page.get_by_label("Submitted from").input_value() == words[0].removesuffix("Z")
    last = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(past[100] / 1000 + 60))
    page.get_by_label("Submitted to").fill(last)
    more = sum(since <= each <= (past[100] + 60_000) // 60_000 * 60_000 for each in past)
    page.get_by_role("heading", name=f"{more} jobs", exact=True).wait_for()
    assert f"until={last[:13]}" in page.url


def test_a_laptop_shows_twenty_five_rows(house: House, visit: Visits) -> None:
    one = visit(viewport=LAPTOP)
    page = one.shown("/jobs")
    page.wait_for_timeout(300)
    whole = page.evaluate(
        """() => { const box = document.querySelector('main .grid').getBoundingClientRect();
        return [...document.querySelectorAll('main tbody tr[aria-rowindex]')].map((row) => row.getBoundingClientRect())
          .filter((row) => row.bottom <= Math.min(innerHeight, box.bottom) && row.top >= 0).length }"""
    )
    assert whole >= 25
    numbers = page.locator("main tbody td.number").first
    assert "tabular-nums" in numbers.evaluate("(each) => getComputedStyle(each).fontVariantNumeric")


def test_no_number_state_or_team_is_cut_on_a_tablet(house: House, visit: Visits) -> None:
    one = visit(viewport={"width": 1024, "height": 768})
    teams = ("computational-genomics", "data-science", "nlp")
    idle = "2026-01-01T00:00:00Z"
    items = [hold(each, 24, 24, idle, "2026-12-24T18:00:00Z") for each in teams]
    answer(one.page, "who", {"devices": 72, "notes": [], "items": items})
    for path in (*listing(one), "/", "/overview", "/teams/nlp"):
        page = one.turned(path)
        page.wait_for_timeout(300)
        assert page.evaluate(_CUT_SHORT) == [], path
    table = one.shown("/accelerators").get_by_role("table", name="Who holds what")
    for team in teams:
        cell = table.get_by_role("link", name=team, exact=True)
        assert cell.evaluate("(each) => each.scrollWidth <= each.clientWidth + 1"), team
    work = table.locator("td", has_text="nlp-job").first
    assert work.evaluate("(each) => each.clientWidth") > 150, "work has the room that is left"


@pytest.mark.parametrize("width", [390, pytest.param(320, marks=pytest.mark.nightly)])
def test_nothing_of_a_list_is_cut_off_on_a_telephone(house: House, visit: Visits, width: int) -> None:
    one = visit(viewport={"width": width, "height": 844}, has_touch=True)
    for path in listing(one):
        page = one.turned(path)
        page.wait_for_timeout(300)
        assert page.evaluate(_CUT) == [], f"{path} at {width}"
        sideways = page.evaluate(
            "() => document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth"
        )
        assert sideways <= 1, f"{path} at {width}"
    one.shown("/jobs?q=loud")
    card = one.page.locator("main tbody tr[aria-rowindex]").first
    card.get_by_role("link", name="loud").wait_for()
    said = " ".join(card.inner_text().split())
    assert all(each in said for each in ("loud", "running", "nlp", "1 any")), said
