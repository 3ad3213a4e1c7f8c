"""Whoever decides: from the palette, of several at once, and of a part; and nobody who may not."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct, RequestState
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House
from tests.live.portal.test_commands import SENTENCE, copied, typed
from tests.live.portal.test_keys import acts

pytestmark = pytest.mark.live

GPUS, HOURS = 7, 1200
"""All that can be guaranteed, for so long that somebody decides."""
REFUSED = {"title": "", "what": "it is bolted down"}
_POST: Final = """([path, body]) => fetch(path, { method: 'POST', body: JSON.stringify(body), headers: {
  'Content-Type': 'application/json', 'X-Allotment-Page': localStorage.getItem('allotment.page-key') } })
  .then((answer) => answer.json())"""


@dataclass
class Asker:
    """A member of a team, of whom others decide: nobody does of himself.

    Attributes:
        page: his.
        waiting: three requests of his for GPUs.
    """

    page: Page
    waiting: tuple[str, ...] = ()

    def ask(self, **more: Any) -> str:
        """A request; its id."""
        wanted = {"team": "nlp", "workload": "training", "justification": f"to decide on {secrets.token_hex(2)}"}
        said = self.page.evaluate(_POST, ["/api/v1/requests", {"version": 1, "asked": {**wanted, **more}}])
        assert "request" in said, said
        return str(said["request"]["id"])

    def gpus(self) -> str:
        """One for GPUs, which waits."""
        return self.ask(kind="gpus", accelerator="a100", devices=GPUS, lasts=HOURS * 3_600_000)

    def endpoint(self) -> str:
        """One about no devices, which waits, too."""
        return self.ask(kind="endpoint", subject=f"chat-{secrets.token_hex(2)}", environment="production")

    def withdraw(self, reference: str) -> None:
        """Ask for it no more."""
        move = {"act": "withdraw", "reason": ""}
        self.page.evaluate(_POST, [f"/api/v1/requests/{reference}/answer", {"version": 1, "move": move}])


@pytest.fixture
def asker(people: House, visit: Visits) -> Iterator[Asker]:
    made = Asker(visit("ada").shown("/requests"))
    made.waiting = tuple(made.gpus() for _ in range(3))
    yield made
    for each in made.waiting:
        if not people.service.request(each).request.state.over:
            made.withdraw(each)


def state(house: House, reference: str) -> RequestState:
    return house.service.request(reference).request.state


def begun(one: Visit, words: str) -> Page:
    """Type it into the palette, and take what is found first."""
    one.page.keyboard.press("Control+k")
    box = one.page.get_by_role("combobox", name="Search or go to")
    box.fill(words)
    one.page.locator("[role=option][data-kind=act]").first.wait_for()
    box.press("Enter")
    box.wait_for(state="detached")
    return one.page


def chosen(one: Visit, ids: list[str]) -> None:
    """Select requests of the list, by what leads to each."""
    for each in ids:
        row = one.page.locator("tr[aria-rowindex]", has=one.page.locator(f"a[href$='/requests/{each}']"))
        row.get_by_role("checkbox").check()


DECIDES = {"Approve 7", "Offer something else than 7", "Deny 7"}


@pytest.mark.parametrize("who", ["eve", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("ada", "vic"))])
def test_the_palette_has_decisions_for_whoever_decides_and_for_nobody_else(
    people: House, visit: Visits, asker: Asker, who: str
) -> None:
    one, reference = visit(who), asker.waiting[0]
    one.shown("/jobs")
    expected = DECIDES if who == "eve" else {"Withdraw 7"} if who == "ada" else set()
    for verb, act in (
        ("approve", "Approve 7"),
        ("offer", "Offer something else than 7"),
        ("deny", "Deny 7"),
        ("withdraw", "Withdraw 7"),
    ):
        found = {each.partition(" a100")[0] for each in acts(one, f"{verb} {reference}")}
        assert found == {act} & expected, (who, verb)
    # On its page they are there without being typed, and the address gives nothing that a role does not have.
    one.shown(f"/requests/{reference}?act=approve")
    one.page.wait_for_timeout(300)
    assert one.page.get_by_role("dialog").count() == (1 if who == "eve" else 0)
    one.page.keyboard.press("Escape")
    one.shown(f"/requests/{reference}")
    assert {each.partition(" a100")[0] for each in acts(one)} == expected, who
    if who != "eve":
        one.shown("/requests")
        assert one.page.get_by_role("checkbox", name="Select").count() == 0
        return
    one.shown("/jobs")
    page = begun(one, f"deny {reference}")
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Deny it").is_disabled(), "whoever asked has to read why"
    dialog.get_by_label("Why").fill("use spot")
    dialog.get_by_role("button", name="Deny it").click()
    page.locator(".verdict", has_text="denied").wait_for()
    assert "act=" not in page.url
    assert state(people, reference) is RequestState.DENIED
    assert acts(one) == set()


@pytest.mark.nightly
def test_what_is_one_s_own_is_withdrawn_from_the_palette(people: House, visit: Visits, asker: Asker) -> None:
    one = visit("ada")
    one.shown("/jobs")
    page = begun(one, f"withdraw {asker.waiting[0]}")
    page.get_by_role("dialog").get_by_role("button", name="Withdraw it").click()
    page.locator(".verdict", has_text="withdrawn").wait_for()
    assert state(people, asker.waiting[0]) is RequestState.WITHDRAWN


def test_several_are_decided_on_at_once_and_what_fails_is_told_one_by_one(
    house: House, owner: Visit, asker: Asker
) -> None:
    given = [asker.endpoint() for _ in range(3)]
    page = owner.shown("/requests?team=nlp")
    page.route(f"**/requests/{given[0]}/decision", lambda route: route.fulfill(
        status=409, content_type="application/problem+json", json=REFUSED
    ))  # fmt: skip
    chosen(owner, [*given, asker.waiting[0]])
    expect(page.get_by_text("4 requests selected")).to_be_visible()
    page.get_by_role("button", name="Approve 4 requests").click()
    dialog = page.get_by_role("dialog")
    said = " ".join(dialog.inner_text().split())
    assert re.search(r"4 requests of 1 team: 7 GPUs, [\d,.]+ USD together; the price of 3 requests is not known", said)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    chosen(owner, given)
    page.get_by_role("button", name="Approve 3 requests").click()
    dialog.get_by_label("Why").fill(SENTENCE)
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    dialog.get_by_role("button", name="Approve 3 requests").click()
    toasts = page.locator(".toasts")
    toasts.get_by_text("Approved 2 requests").wait_for()
    told = toasts.get_by_text("it is bolted down")
    told.wait_for()
    assert house.service.request(given[0]).request.wish.subject in told.inner_text(), "which one it was"
    assert [state(house, each).value for each in given] == ["waiting", "approved", "approved"]
    assert {house.service.request(each).request.decisions[-1].reason for each in given[1:]} == {SENTENCE}
    table = page.get_by_role("table", name="Requests")
    expect(table.locator(f"a[href$='/requests/{given[1]}']")).to_have_count(0)

    # The copied text does the same; of those that were decided on each is told, and the rest is done.
    out = typed(house, command, code=6)
    assert given[0] in out
    assert state(house, given[0]) is RequestState.APPROVED


@pytest.mark.nightly
def test_several_are_denied_with_a_reason_as_the_command_does(house: House, owner: Visit, asker: Asker) -> None:
    asked, page = asker.waiting, owner.shown("/requests?team=nlp")
    chosen(owner, asked[:2])
    page.get_by_role("button", name="Deny 2 requests").click()
    dialog = page.get_by_role("dialog")
    assert "14 GPUs" in dialog.inner_text()
    done = dialog.get_by_role("button", name="Deny 2 requests")
    assert done.is_disabled()
    dialog.get_by_label("Why").fill(SENTENCE)
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    done.click()
    page.locator(".toasts").get_by_text("Denied 2 requests").wait_for()
    twin = asker.gpus()
    told = typed(house, f"{command.replace(asked[0], twin).replace(asked[1], asked[2])} -o json")
    assert [json.loads(line)["state"] for line in told.splitlines()] == ["denied", "denied"]
    records = [house.service.request(each).request.decisions[-1] for each in (*asked, twin)]
    assert {(each.act, each.reason) for each in records} == {(RequestAct.DENY, SENTENCE)}


def test_a_part_is_granted_and_another_accelerator_is_offered(house: House, owner: Visit, asker: Asker) -> None:
    one, other, twin = asker.waiting
    like_it = asker.gpus()  # as long as there is room: what is ended below goes in a moment
    page = owner.shown(f"/requests/{one}")
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("button", name="Approve it").is_enabled()
    gpus, hours = dialog.get_by_label("GPUs, of 7"), dialog.get_by_label("Hours, of 1200")
    gpus.fill("9")
    expect(dialog.get_by_text("That is more than the 7 GPUs that were asked for")).to_be_visible()
    assert dialog.get_by_role("button", name="Approve a part").is_disabled()
    gpus.fill("3")
    hours.fill("48")
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    assert command == f"allot approve {one} --gpus 3 --for 48h"
    dialog.get_by_role("button", name="Approve a part").click()
    page.locator(".verdict").filter(has_not_text="waiting").wait_for()
    typed(house, command.replace(one, twin))
    try:
        for each in (one, twin):
            terms = house.service.request(each).request.terms
            assert (terms.devices, terms.lasts) == (3, 48 * 3_600_000)
    finally:
        for each in (one, twin):
            house.service.end_grant(each, "a test is over")

    # More, or something else, is offered: the form leads there.
    page = owner.shown(f"/requests/{other}")
    page.get_by_role("button", name="Approve").click()
    dialog.get_by_role("button", name="Offer something else").click()
    offer = dialog.get_by_role("button", name="Offer something else")
    assert offer.is_disabled(), "nothing is different yet"
    dialog.get_by_label("GPUs").fill("2")
    dialog.get_by_label("Accelerator").fill("t4")
    dialog.get_by_label("In, with commas in between").fill("dev-eastus")
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    assert command == f"allot counter {other} --gpus 2 --accelerator t4 --on dev-eastus"
    offer.click()
    page.locator(".verdict", has_text="offered").wait_for()
    typed(house, command.replace(other, like_it))
    for each in (other, like_it):
        found = house.service.request(each).request
        shares: Any = found.terms.shares
        assert found.state is RequestState.OFFERED
        assert {(share.cluster, share.devices) for share in shares} == {("dev-eastus", 2)}
        assert all("t4" in share.flavor for share in shares)
    asker.withdraw(like_it)


@pytest.mark.nightly
def test_one_is_denied_and_an_offer_is_taken_as_the_commands_do(
    people: House, visit: Visits, owner: Visit, asker: Asker
) -> None:
    one, twin, _ = asker.waiting
    page = owner.shown(f"/requests/{one}")
    page.get_by_role("button", name="Deny").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill(SENTENCE)
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    dialog.get_by_role("button", name="Deny it").click()
    page.locator(".verdict", has_text="denied").wait_for()
    typed(people, command.replace(one, twin))
    ends = [people.service.request(each).request for each in (one, twin)]
    assert {(each.state, each.decisions[-1].act, each.decisions[-1].reason) for each in ends} == {
        (RequestState.DENIED, RequestAct.DENY, SENTENCE)
    }

    # Two of the server's own user, to whom somebody else offers less.
    eve, asked = visit("eve"), [people.ask("nlp", GPUS, f"to take {secrets.token_hex(2)}", HOURS) for _ in range(2)]
    eve.shown("/requests")
    for each in asked:
        revision = people.service.request(each).request.revision
        offer = {"act": "counter", "reason": "", "terms": {"devices": 2}, "revision": revision}
        eve.page.evaluate(_POST, [f"/api/v1/requests/{each}/decision", {"version": 1, "move": offer}])
        assert state(people, each) is RequestState.OFFERED
    page = owner.shown(f"/requests/{asked[0]}")
    command = copied(owner, page.locator(".verdict").get_by_role("button", name="Copy command"))
    page.get_by_role("button", name="Accept the offer").click()
    page.locator(".verdict").filter(has_not_text="offered").wait_for()
    typed(people, command.replace(asked[0], asked[1]))
    try:
        taken = [people.service.request(each).request for each in asked]
        assert {(each.state, each.terms.devices, each.decisions[-1].act) for each in taken} == {
            (RequestState.APPROVED, 2, RequestAct.ACCEPT)
        }
        # What was given is given back, by the button and by its command.
        page = owner.shown(f"/requests/{asked[0]}")
        page.get_by_role("button", name="Give it back").click()
        dialog.get_by_label("Why").fill(SENTENCE)
        command = copied(owner, dialog.get_by_role("button", name="Copy command"))
        assert command.startswith(f"allot grant end {asked[0]} -m ")
        end = dialog.get_by_role("button", name="Give it back")
        expect(end).to_be_enabled()
        end.click()
        page.locator(".verdict", has_text=re.compile("ended|taking back")).wait_for()
        typed(people, command.replace(asked[0], asked[1]))
        ended = [people.service.grant(each) for each in asked]
        assert {each.state for each in ended} <= {GrantState.ENDED, GrantState.TAKING_BACK}
    finally:
        for each in asked:
            if people.service.grant(each).state not in {GrantState.ENDED, GrantState.TAKING_BACK}:
                people.service.end_grant(each, "a test is over")
