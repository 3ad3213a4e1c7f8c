"""What the overview counts, on a fleet that lives: each number leads to as many, and a list that is cut says so."""

from __future__ import annotations

import itertools
import re
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import SLOW

pytestmark = [pytest.mark.live, pytest.mark.nightly]

CLUSTER: Final = "dev-eastus"
MANY: Final = 10_001
FIGURE: Final = re.compile(r"\d[\d,]*")
SPOILT: Final = ("idle-held", "quota-blocked", "reserved-unused", "cordoned", "unhealthy")


def spoil(name: str, document: dict[str, Any]) -> None:
    """A fleet that has just begun has little to look at: more of it is broken, wasted and at risk."""
    if name == "waste":
        for each, cause in zip(document["entries"][:40:2], itertools.cycle(SPOILT)):
            each["cause"] = cause
    elif name == "queues":
        for each in document["items"][:3]:
            each["stopPolicy"] = "Hold"
    elif name == "who":
        for each in document["items"][:5]:
            each["outsideQueue"] = True
    elif name == "why":
        for each in document["items"][:1]:
            each["verdict"] = "broken"
    elif name == "quotas":
        for each in document["items"][:4]:
            each["alarm"] = "warning"


def stands_still(page: Page) -> None:
    """A fleet lives: whatever a page asks for twice is answered as it was the first time."""
    kept: dict[str, tuple[APIResponse, Any]] = {}

    def same(route: Route) -> None:
        asked = route.request.url
        if asked not in kept:
            answer = route.fetch(timeout=SLOW)
            said = answer.json()
            if "answer" in said:
                spoil(urlsplit(asked).path.rpartition("/")[2], said["answer"]["document"])
            kept[asked] = answer, said
        answer, said = kept[asked]
        route.fulfill(response=answer, json=said)

    page.route(re.compile(r"/api/v1/(answers/|requests\?|grants\?)"), same)


def counted_there(page: Page, address: str) -> str:
    """How many the screen says that it shows, of what the number of the overview counts."""
    if "/fleet?" in address:
        chip = page.locator(".legend button.chip[aria-pressed=true] b")
        expect(chip).to_be_visible(timeout=SLOW)
        return chip.inner_text()
    heading = page.locator("main h2").filter(has_text=FIGURE).first
    expect(heading).to_be_visible(timeout=SLOW)
    found = FIGURE.search(heading.inner_text())
    assert found is not None
    return found.group()


def test_every_number_leads_to_a_list_of_as_many(here: Visit) -> None:
    page = here.open("/overview")
    links = page.locator(".lines li").get_by_role("link")
    # Once its clusters were looked at.
    expect(links.first).to_be_visible(timeout=SLOW)
    stands_still(page)
    here.shown("/overview")
    numbers = links.all_inner_texts()
    assert len(numbers) >= 8, numbers
    causes = page.locator("section.panel", has_text="of work wait").locator("td.number").get_by_role("link")
    numbers += causes.all_inner_texts()
    addresses = [str(each.get_attribute("href")) for each in (*links.all(), *causes.all())]
    for number, address in zip(numbers, addresses, strict=True):
        here.open(address)
        assert counted_there(page, address) == number, address


def test_a_list_that_is_cut_says_how_much_there_is(here: Visit) -> None:
    page = here.page

    def many_holds(route: Route) -> None:
        answer = route.fetch(timeout=SLOW)
        said = answer.json()
        (one, *_) = said["answer"]["document"]["items"]
        idle = {**one, "idleDevices": 1, "idleSince": "2026-11-28T00:00:00Z"}
        said["answer"]["document"]["items"] = [{**idle, "job": f"job/idle-{number}"} for number in range(19)]
        route.fulfill(response=answer, json=said)

    def many_changes(route: Route) -> None:
        answer = route.fetch(timeout=SLOW)
        said = answer.json()
        said["answer"]["document"]["jobs"] = [changed(number) for number in range(MANY)]
        route.fulfill(response=answer, json=said)

    page.route(re.compile(r"/api/v1/answers/who\b"), many_holds)
    page.route(re.compile(r"/api/v1/answers/whatif\b"), many_changes)
    here.open("/overview")
    idle = page.locator("section.panel", has=page.get_by_role("heading", name="Held idle for longest"))
    expect(idle.locator("[data-state=truncated]")).to_contain_text("the worst 8 of 19 holds", timeout=SLOW)
    assert idle.locator("tbody tr").count() == 8
    for path in (
        f"/simulate?cluster={CLUSTER}&change=hold:cv",
        f"/quotas?about={quote(f'cv/{CLUSTER}/t4-spot', safe='')}&nominal=1",
    ):
        here.open(path)
        table = page.get_by_role("table", name="Who starts when")
        expect(table).to_be_visible(timeout=SLOW)
        panel = page.locator("section.panel", has=table)
        expect(panel.locator("[data-state=truncated]")).to_contain_text("the first 10,000 of 10,001")
        assert table.get_attribute("aria-rowcount") == "10001", "its head, and ten thousand"


def changed(number: int) -> dict[str, Any]:
    """A job that starts later by a change."""
    return {
        "job": {"kind": "Job", "namespace": "nlp", "name": f"train-{number}"}, "queue": "nlp", "getsQuotaBefore": True,
        "getsQuotaAfter": True, "runsBefore": True, "runsAfter": True, "keptThen": None, "waitSecondsBefore": 60,
        "waitSecondsAfter": 120, "changeSeconds": 60,
    }  # fmt: skip
