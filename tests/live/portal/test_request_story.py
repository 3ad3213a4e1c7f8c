"""A request from the form to its end, by people with screens of their own, at a server whose clusters are made up."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from allotment.model.requests.grant import GrantState
from tests.live.portal.browsing import Visit
from tests.live.portal.house import House, started
from tests.live.portal.test_commands import copied, typed
from tests.live.server.conftest import Server
from tests.live.story.wall_clock import WallClock, built
from tools.oidc_provider import missing, up

pytestmark = [pytest.mark.live, pytest.mark.nightly]

PHONE: Final = {"width": 390, "height": 844}
CLUSTER: Final = "training-eastus"
HOUR: Final = 3600
PATIENCE: Final = 90.0


@dataclass(frozen=True)
class Stage:
    """A server with people, and its clock."""

    house: House
    clock: WallClock


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if lacking := missing():
        pytest.skip(f"nobody can sign in: no {lacking}")
    folder = tmp_path_factory.mktemp("story")
    library = built(folder)
    if library is None:
        pytest.skip("no C compiler here, and it cannot be installed: apt-get install gcc libc6-dev")
    clock = WallClock(library, folder / "clock")
    clock.set_ahead(0)
    (folder / "home").mkdir()
    server = Server(folder / "home", further=clock.environment)
    with up(folder / "provider") as provider, started(server, ("--demo",), browser, provider) as house:
        yield Stage(house, clock)


def stands(page: Page, text: str) -> None:
    """The verdict of a request says so, by itself."""
    page.locator(".verdict", has_text=re.compile(text)).wait_for(timeout=PATIENCE * 1000)


def asks(one: Visit, gpus: int, hours: int, why: str) -> Page:
    page = one.shown("/ask?team=nlp")
    page.get_by_label("GPUs").fill(str(gpus))
    page.get_by_label("Accelerator").fill("a100")
    page.get_by_label("Hours").fill(str(hours))
    page.get_by_label("Why").fill(why)
    return page


def foreseen(page: Page) -> str:
    """What a request would do, once that is told."""
    panel = page.locator("section", has=page.get_by_role("heading", name="What it would do"))
    panel.locator("dt", has_text="Price").wait_for(timeout=PATIENCE * 1000)
    return str(panel.inner_text())


def sideways(page: Page) -> int:
    """Pixels by which a screen can be moved sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def asked(page: Page) -> str:
    """Ask for what the form says; the id of the request, which waits."""
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "waiting.*decides within")
    return page.url.rpartition("/")[2]


def offered(eve: Visit, reference: str) -> Page:
    """Whoever decides has a telephone: need, price and effect on others, and an offer of his own."""
    phone = eve.shown("/requests?team=nlp")
    phone.locator(f"main a[href$='/requests/{reference}']").click()
    stands(phone, "waiting")
    eve.settle()
    for heading in ("What is asked for", "What they needed so far", "Who waits longer"):
        assert phone.get_by_role("heading", name=heading).is_visible()
    phone.get_by_role("table", name="Devices that the team held, has and asks for").wait_for()
    assert sideways(phone) == 0
    phone.get_by_role("button", name="Offer something else").click()
    dialog = phone.get_by_role("dialog")
    dialog.get_by_label("GPUs").fill("2")
    dialog.get_by_label("Hours").fill("1")
    dialog.get_by_label("Why").fill("cv has a deadline")
    assert sideways(phone) == 0
    dialog.get_by_role("button", name="Offer something else").click()
    stands(phone, "offered")
    assert not phone.get_by_role("button", name="Accept the offer").count(), "an offer is its requester's to take"
    return phone


def approved(eve: Visit, reference: str) -> None:
    phone = eve.shown(f"/requests/{reference}")
    phone.get_by_role("button", name="Approve").click()
    dialog = phone.get_by_role("dialog")
    assert "USD" in dialog.inner_text()
    dialog.get_by_role("button", name="Approve it").click()
    stands(phone, "active")


def extended(stage: Stage, ada: Visit, eve: Visit, reference: str) -> None:
    """More time, as the command line has it: more than somebody has decided on is somebody's to decide."""
    page = ada.shown(f"/requests/{reference}")
    page.get_by_role("link", name="Extend it").click()
    page.get_by_label("Hours more").fill("1")
    page.get_by_label("Why").fill("one more sweep")
    foreseen(page)
    command = copied(ada, page.get_by_role("button", name="Copy command"))
    assert command == f"allot extend {reference} --for 1h --why 'one more sweep'"
    typed_one = stage.house.service.request(typed(stage.house, f"{command} -o name").strip().rpartition("/")[2]).request
    typed(stage.house, f"allot request withdraw {typed_one.id}")
    by_hand = asked(page)
    pressed = stage.house.service.request(by_hand).request
    assert typed_one.extends == pressed.extends == reference
    assert typed_one.asked.lasts == pressed.asked.lasts
    assert replace(typed_one.wish, environment=pressed.wish.environment) == pressed.wish
    approved(eve, by_hand)
    stands(page, "active.*1 h 5")
    ends = stage.house.service.grant(reference).terms
    assert ends.lasts == 2 * HOUR * 1000


def over(stage: Stage, ada: Visit, eve: Visit, reference: str) -> None:
    """Its time is over, and that is said."""
    page = ada.shown(f"/requests/{reference}")
    stage.clock.set_ahead(2 * HOUR + 60)
    for each in (ada, eve):
        each.page.clock.set_system_time(time.time() + 2 * HOUR + 60)
    stands(page, "ended.*nothing of it is left.*since")


def again(ada: Visit) -> None:
    """It is asked for once more with what it was, and given back."""
    page = ada.page
    page.get_by_role("link", name="Ask for it again").click()
    assert (page.get_by_label("GPUs").input_value(), page.get_by_label("Hours").input_value()) == ("2", "2")
    page.get_by_label("Why").fill("once more")
    foreseen(page)
    command = copied(ada, page.get_by_role("button", name="Copy command"))
    assert command.startswith("allot request gpus 2 --accelerator ")
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "active|giving")
    page.get_by_role("button", name="Give it back").click()
    page.get_by_role("dialog").get_by_role("button", name="Give it back").click()
    stands(page, "ended|taking back")


def test_a_request_from_the_form_to_its_end(stage: Stage) -> None:
    house = stage.house
    ada, eve = house.visit("ada"), house.visit("eve", viewport=PHONE)
    page = asks(ada, 8, 2, "a release")
    told = foreseen(page)
    assert "acme-engineering-leads" in told
    assert re.search(r"Price\s+\d[\d,.]* USD", told), told
    assert "hours=2" in page.url, "the address can be sent to somebody; what is as it would be stands in none"
    assert "gpus=" not in page.url
    one = asked(page)
    phone = offered(eve, one)

    # The requester sees it without doing anything, and takes it with one act.
    stands(page, r"offered: 2 .* for 1 h")
    accept = page.locator(".verdict").get_by_role("button", name="Copy command")
    assert copied(ada, accept) == f"allot request accept {one}"
    page.get_by_role("button", name="Accept the offer").click()
    stands(page, "active.*it is given for")
    assert page.locator(".course [role=img]").first.get_attribute("aria-label") == "0 % of its time has passed"
    stands(phone, "active")

    # A second one, of which nobody wants to change anything; grants of one team stand on top of each other.
    page = asks(ada, 8, 3, "the release after it")
    foreseen(page)
    two = asked(page)
    approved(eve, two)
    page = ada.shown("/requests?team=nlp")
    bars = page.get_by_role("table", name="Grants").locator(".course").all_inner_texts()
    assert len(bars) == 2
    assert all("left" in each and "ends" in each for each in bars)

    extended(stage, ada, eve, one)
    over(stage, ada, eve, one)
    assert house.service.grant(two).state is GrantState.ACTIVE, "each has an end of its own"
    again(ada)
    assert ada.wrong() + eve.wrong() == []
