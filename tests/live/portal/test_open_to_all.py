"""Whoever it is, on whatever screen: by keys and by names alone, in both themes, on a telephone, enlarged."""

from __future__ import annotations

import secrets
from typing import Final

import pytest

from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House
from tests.live.portal.test_truth import by_address

pytestmark = pytest.mark.live

LEAST: Final = 24
"""Pixels that a target has each way."""
SMALL: Final = """(least) => [...document.querySelectorAll('button, a, input, select, textarea, [role=option]')]
  .filter((each) => each.checkVisibility())
  .map((each) => [each, (each.closest('label') ?? each).getBoundingClientRect()])
  .filter(([each, box]) => box.width > 0 && (box.width < least || box.height < least))
  // A link in a sentence, or alone in a row that is high enough, is as wide as its words.
  .filter(([each, box]) => !(each.tagName === 'A' && (each.closest('p, span:not(.state), b, code') || (
    each.closest('td, dd, header') ?? each).getBoundingClientRect().height >= least)))
  .filter(([each]) => !(each.type === 'checkbox' && each.closest('td').getBoundingClientRect().height >= least))
  .map(([each, box]) => `${each.outerHTML.slice(0, 90)} ${Math.round(box.width)}x${Math.round(box.height)}`)"""
WIDE: Final = """() => [...document.querySelectorAll('html, body, main, .inner, .panel, .head, header')]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline')
  .map((each) => `${each.tagName}.${each.className} ${each.scrollWidth} > ${each.clientWidth}`)"""


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.nightly)])
def test_axe_finds_nothing(house: House, visit: Visits, theme: str) -> None:
    one = visit(color_scheme=theme)
    one.shown("/help")
    found = []
    for path in by_address(house):
        one.turned(path)
        one.page.wait_for_timeout(300)
        found += [f"{path}: {each}" for each in one.axe()]
    one.page.keyboard.press("Control+k")
    one.page.get_by_role("listbox").get_by_role("option").first.wait_for()
    found += [f"palette: {each}" for each in one.axe()]
    one.page.keyboard.press("Escape")
    one.shown("/jobs/loud")
    one.page.get_by_role("button", name="Stop", exact=True).click()
    one.page.get_by_role("dialog").wait_for()
    found += [f"a question: {each}" for each in one.axe()]
    one.page.keyboard.press("Escape")
    one.page.get_by_role("button", name="root").click()
    one.page.get_by_role("dialog").wait_for()
    found += [f"settings: {each}" for each in one.axe()]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize(
    "width", [320, pytest.param(390, marks=pytest.mark.nightly), pytest.param(640, marks=pytest.mark.nightly)]
)
def test_no_screen_scrolls_sideways_on_a_telephone_or_enlarged(house: House, visit: Visits, width: int) -> None:
    """320 pixels are also a screen of 1280 at 400 %; 200 % of 1280 are 640."""
    one = visit(viewport={"width": width, "height": 800}, has_touch=width < 640)
    one.shown("/help")
    for path in by_address(house):
        one.turned(path)
        one.page.wait_for_timeout(200)
        found = one.page.evaluate(WIDE) + one.page.evaluate(SMALL, LEAST)
        assert found == [], f"{path} at {width}: {found}"


def test_states_are_told_by_shape_and_word_and_nothing_moves_for_who_wants_it_still(
    house: House, visit: Visits
) -> None:
    one = visit(reduced_motion="reduce")
    one.shown("/jobs")
    for state in one.page.locator("main .state").all()[:30]:
        assert state.locator("svg").count() == 1
        assert state.inner_text().strip()
    shapes: dict[str, str] = one.page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('main .state')]"
        ".map((each) => [each.innerText.trim(), each.querySelector('svg').innerHTML]))"
    )
    assert {"queued", "held", "succeeded", "failed"} <= set(shapes)
    assert len({shapes[each] for each in ("held", "succeeded", "failed")}) == 3
    with one.held("**/api/v1/jobs?**"):
        one.open("/jobs")
        skeleton = one.page.locator("main .skeleton").first
        skeleton.wait_for()
        assert skeleton.evaluate("(each) => getComputedStyle(each).animationName") == "none"


def test_times_are_local_or_utc_as_one_likes(house: House, visit: Visits) -> None:
    one = visit(timezone_id="Pacific/Auckland")
    moment = one.shown("/jobs/fine").locator("ol.timeline time").first
    local, exact = moment.inner_text(), moment.get_attribute("title") or ""
    one.page.get_by_role("button", name="root").click()
    one.page.get_by_label("Times").select_option("utc")
    one.page.keyboard.press("Escape")
    assert moment.inner_text() != local
    assert exact[11:16] in moment.inner_text()
    one.page.reload()
    one.settle()
    assert exact[11:16] in moment.inner_text(), "it is remembered"


def test_focus_stays_and_a_new_verdict_is_told_once(house: House, owner: Visit) -> None:
    name = f"focus-{secrets.token_hex(2)}"
    house.submit(name, "exec sleep 1000")
    page = owner.shown(f"/jobs?q={name.rpartition('-')[0]}")
    link = page.get_by_role("link", name=name, exact=True)
    link.wait_for()
    link.focus()
    for number in range(3):
        house.submit(f"focus-{number}-{name[-4:]}", "true")
    page.get_by_role("link", name=f"focus-2-{name[-4:]}", exact=True).wait_for()
    assert page.evaluate("document.activeElement.innerText") == name
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    owner.settle()
    page.locator(".verdict", has_text="running").wait_for()
    again = page.get_by_role("button", name="Copy command").first
    again.focus()
    page.evaluate(
        """() => { window.told = []; const place = document.querySelector('.verdict [role=status]');
        let before = place.innerText;
        new MutationObserver(() => { if (place.innerText !== before) window.told.push(before = place.innerText) })
          .observe(place, {subtree: true, childList: true, characterData: true}) }"""
    )
    house.service.stop(name, grace=0)
    page.locator(".verdict", has_text="stopped").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.innerText") == "Copy command"
    told = page.evaluate("window.told")
    assert len(told) == len(set(told)) <= 2, told
    assert page.locator("[aria-live=assertive]").count() == 0
