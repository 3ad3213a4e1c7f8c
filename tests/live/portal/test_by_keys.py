"""A request is asked for and decided on by keys alone: what has the focus is found by its role and its name."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from allotment.model.requests.request import RequestState
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House
from tests.live.portal.test_newcomer import on

pytestmark = [pytest.mark.live, pytest.mark.nightly]


def filled(one: Visit, role: str, name: str, value: str) -> None:
    """Tab on to a field, and write into it."""
    on(one, role, name)
    one.page.keyboard.press("Control+a")
    one.page.keyboard.type(value)


def pressed(one: Visit, name: str) -> None:
    """Tab on to a button, and press it."""
    on(one, "button", name)
    one.page.keyboard.press("Enter")


def verdict(one: Visit, words: str) -> None:
    one.page.get_by_role("status").filter(has_text=re.compile(words)).first.wait_for()


def test_a_request_is_asked_for_offered_otherwise_and_taken_by_keys_alone(people: House, visit: Visits) -> None:
    ada, eve, why = visit("ada"), visit("eve"), f"by keys {secrets.token_hex(2)}"
    ada.shown("/")
    ada.page.keyboard.press("Control+k")
    ada.page.keyboard.type("ask for")
    ada.page.keyboard.press("Enter")
    ada.page.get_by_role("heading", name="Ask for GPUs", exact=True).wait_for()
    filled(ada, "spinbutton", "GPUs", "7")
    filled(ada, "textbox", "Accelerator", "a100")
    filled(ada, "spinbutton", "Hours", "1200")
    filled(ada, "textbox", "Why", why)
    pressed(ada, "Ask")
    verdict(ada, "waiting")
    reference = ada.page.url.rpartition("/")[2]

    eve.shown("/")
    eve.page.keyboard.press("g")
    eve.page.keyboard.press("r")
    eve.page.get_by_role("table", name="Requests").wait_for()
    filled(eve, "textbox", "Filter", why)
    eve.page.get_by_role("heading", name="1 request", exact=True).or_(
        eve.page.get_by_role("heading", name=re.compile("^1 of "))
    ).wait_for()
    on(eve, "link", eve.page.get_by_role("table", name="Requests").get_by_role("link").inner_text())
    eve.page.keyboard.press("Enter")
    eve.page.wait_for_url(f"**/requests/{reference}")
    eve.settle()
    pressed(eve, "Offer something else")
    dialog = eve.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert eve.page.evaluate("document.activeElement.closest('[role=dialog]') !== null"), "the focus goes with it"
    filled(eve, "spinbutton", "GPUs", "2")
    filled(eve, "textbox", "Why", "cv has a deadline")
    pressed(eve, "Offer something else")
    verdict(eve, "offered")
    assert people.service.request(reference).request.state is RequestState.OFFERED

    # The requester sees it without doing anything, and takes it.
    verdict(ada, "offered")
    pressed(ada, "Accept the offer")
    verdict(ada, "given|active|giving")
    assert people.service.request(reference).request.state is RequestState.APPROVED
    people.service.end_grant(reference, "a test is over")
