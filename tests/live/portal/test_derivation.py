"""A number of a quota opens into what it comes from, and each term leads on."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.live.portal.browsing import Visit
from tests.live.portal.test_answers import answer

pytestmark = [pytest.mark.live, pytest.mark.nightly]

USE: Final = {
    "clusterQueue": "nlp", "flavor": "a100", "resource": "nvidia.com/gpu", "nominal": 12, "limit": 18, "used": 13,
    "borrowed": 3, "lent": 0, "borrowsFrom": [{"lender": "cv", "amount": 3}],
}  # fmt: skip
QUEUE: Final = {
    "cluster": "east", "clusterQueue": "nlp", "cohort": "all", "stopPolicy": None, "inactive": None, "pending": 0,
    "head": None, "heldBack": 0, "quotas": [USE],
}  # fmt: skip
PLACE: Final = {
    "cluster": "east", "environment": "production", "cohort": "all",
    "accelerators": [{"flavor": "a100", "nominal": 12, "borrowingLimit": 6, "lendingLimit": None}],
}  # fmt: skip
TERMS: Final = "10 own + 4 granted \N{MINUS SIGN} 2 taken by cv + 3 borrowed \N{MINUS SIGN} 13 used"


def grant(id_: str, team: str, devices: int, of: str = "") -> dict[str, Any]:
    share = {"flavor": "a100", "cluster": "east", "devices": devices}
    taken = [{"team": of, "share": share}] if of else []
    terms = {"since": 0, "until": 9_999_999_999_999, "price": None, "shares": [share], "taken": taken}
    return {
        "id": id_, "team": team, "kind": "gpus", "state": "active", "subject": "", "terms": terms, "trouble": "",
        "requester": "ada", "approved": [], "commit": "", "revision": 1, "timeline": [],
    }  # fmt: skip


def told(one: Visit) -> Page:
    """A server at which a team has some of its own, was granted more, lost some, and borrows."""
    page = one.page

    def teams(route: Any) -> None:
        said = route.fetch().json()
        (nlp,) = (each for each in said["answer"]["document"]["items"] if each["name"] == "nlp")
        nlp["placements"] = [PLACE]
        route.fulfill(json=said)

    page.route(re.compile(r"/api/v1/answers/teams\b"), teams)
    answer(page, "queues", {"items": [QUEUE], "remarks": []})
    rows = [grant("given", "nlp", 4), grant("theirs", "cv", 2, "nlp")]
    page.route(
        re.compile(r"/api/v1/grants\?"),
        lambda route: route.fulfill(json={"version": 1, "page": {"rows": rows, "next": None}}),
    )
    return page


def words(terms: Locator) -> str:
    return " ".join(terms.inner_text().split())


def test_a_quota_opens_into_its_terms_and_each_leads_on(owner: Visit) -> None:
    page = told(owner)
    owner.shown("/quotas")
    row = page.get_by_role("table", name="Quotas").locator("tr[aria-rowindex]", has_text="nlp")
    number = row.get_by_role("link", name="12", exact=True)
    assert number.get_attribute("title") == "10 of its own, 2 by grants"
    number.click()
    page.wait_for_url("**/teams/nlp")
    panel = page.get_by_role("region", name="Quota, term by term")
    terms = page.locator("main .terms")
    terms.wait_for()
    assert words(terms) == TERMS
    assert panel.locator("td[data-head=Left]").inner_text() == str(10 + 4 - 2 + 3 - 13)
    address = page.url
    for name, leads in (
        ("4 granted", "/requests/given"),
        ("2 taken by cv", "/requests/theirs"),
        ("3 borrowed", "/queues?q=nlp&cluster=east"),
        ("13 used", "/accelerators?cluster=east&team=nlp"),
    ):
        link = terms.get_by_role("link", name=name)
        said = link.get_attribute("href") or ""
        assert said.partition("?")[0] == leads.partition("?")[0]
        assert set(said.partition("?")[2].split("&")) == set(leads.partition("?")[2].split("&")), name
        link.click()
        page.wait_for_url(f"**{said}")
        page.go_back()
        page.wait_for_url(address)
        terms.wait_for()
    # What it has of its own stands in the platform directory, as the page of the team shows it.
    terms.get_by_role("link", name="10 own").click()
    expect(page.locator("#declared")).to_be_in_viewport()

    owner.shown("/quotas")
    row.get_by_role("button", name="nlp", exact=True).click()
    assert words(terms) == TERMS
    terms.get_by_role("link", name="10 own").click()
    page.wait_for_url("**/teams/nlp#declared")
    expect(page.locator("#declared")).to_be_in_viewport()
