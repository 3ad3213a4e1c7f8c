"""A request from the form to its end, by people with screens of their own, at a server whose clusters are made up."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

pytestmark = pytest.mark.live

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


def eventually(found: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end
        time.sleep(0.3)


def test_a_request_from_the_form_to_its_end(stage: Stage) -> None:
    house = stage.house
    ada, eve = house.visit("ada"), house.visit("eve", viewport=PHONE)
    page = asks(ada, 8, 2, "a release")
    told = foreseen(page)
    assert "acme-engineering-leads" in told
    assert re.search(r"Price\s+\d[\d,.]* USD", told), told
    assert "gpus=8" in page.url, "the address can be sent to somebody"
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "waiting.*decides within")
    one = page.url.rpartition("/")[2]

    # Whoever decides has a telephone: need, price and effect on others, and an offer of his own.
    phone = eve.shown("/requests?team=nlp")
    phone.get_by_role("link", name=re.compile(r"^8 a100")).first.click()
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

    # The requester sees it without doing anything, and takes it with one act.
    stands(page, r"offered: 2 .* for 1 h")
    assert (
        copied(ada, page.locator(".verdict").get_by_role("button", name="Copy command"))
        == f"allot request accept {one}"
    )
    page.get_by_role("button", name="Accept the offer").click()
    stands(page, "active.*it is given for")
    assert page.locator(".course [role=img]").first.get_attribute("aria-label") == "0 % of its time has passed"
    stands(phone, "active")

    # A second one, of which nobody wants to change anything; grants of one team stand on top of each other.
    page = asks(ada, 8, 3, "the release after it")
    foreseen(page)
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "waiting")
    two = page.url.rpartition("/")[2]
    eve.shown(f"/requests/{two}")
    phone.get_by_role("button", name="Approve").click()
    dialog = phone.get_by_role("dialog")
    assert "USD" in dialog.inner_text()
    dialog.get_by_role("button", name="Approve it").click()
    stands(phone, "active")
    page = ada.shown("/requests?team=nlp")
    bars = page.get_by_role("table", name="Grants").locator(".course")
    assert bars.count() == 2
    assert all("left" in each and "ends" in each for each in bars.all_inner_texts())

    # More time, as the command line has it; then its time is over.
    ada.shown(f"/requests/{one}")
    page.get_by_role("link", name="Extend it").click()
    page.get_by_label("Hours more").fill("1")
    page.get_by_label("Why").fill("one more sweep")
    foreseen(page)
    assert copied(ada, page.get_by_role("button", name="Copy command")) == (
        f"allot extend {one} --for 1h --why 'one more sweep'"
    )
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "active.*1 h 5")
    ends = house.service.grant(one).terms
    assert ends.until is not None
    assert ends.until - ends.since == 2 * HOUR * 1000
    page = ada.shown(f"/requests/{one}")
    stage.clock.set_ahead(2 * HOUR + 60)
    for each in (ada, eve):
        each.page.clock.set_system_time(time.time() + 2 * HOUR + 60)
    stands(page, "ended.*nothing of it is left.*since")
    eventually(lambda: house.service.grant(two).state is GrantState.ACTIVE)
    assert sum(each.state is GrantState.ACTIVE for each in house.service.grants().rows if each.team == "nlp") == 1

    # It is asked for again with what it was.
    page.get_by_role("link", name="Ask for it again").click()
    assert (page.get_by_label("GPUs").input_value(), page.get_by_label("Hours").input_value()) == ("2", "2")
    page.get_by_label("Why").fill("once more")
    foreseen(page)
    command = copied(ada, page.get_by_role("button", name="Copy command"))
    page.get_by_role("button", name="Ask", exact=True).click()
    stands(page, "active|being given")
    page.get_by_role("button", name="Give it back").click()
    page.get_by_role("dialog").get_by_role("button", name="Give it back").click()
    stands(page, "ended|taking back")
    assert command.startswith("allot request gpus 2 --accelerator ")
    assert "given" in typed(house, command) or "approved" in typed(house, command)
    assert ada.wrong() + eve.wrong() == []
