"""The audit trail's chain: gone along in the browser, and kept as a file that the command goes along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = pytest.mark.live


def _chain(one: Visit) -> None:
    one.shown("/audit")
    one.page.get_by_role("button", name="Verify it").click()


def test_the_chain_is_verified_and_kept_as_a_file(house: House, owner: Visit, tmp_path: Path) -> None:
    one = owner
    _chain(one)
    panel = one.page.locator("section.panel", has=one.page.get_by_role("heading", name="The chain"))
    expect(panel.get_by_text("every entry is as it was written")).to_be_visible()
    with one.page.expect_download() as told:
        panel.get_by_role("button", name="Export").click()
    kept = tmp_path / "audit.jsonl"
    told.value.save_as(kept)
    lines = kept.read_text(encoding="utf-8").splitlines()
    assert [json.loads(each)["number"] for each in lines] == list(range(1, len(lines) + 1))
    house.server.run("audit", "verify", str(kept))


def test_an_entry_that_is_not_as_it_was_written_is_named(owner: Visit) -> None:
    one = owner

    def forged(route: Route) -> None:
        first, *rest = route.fetch().text().splitlines()
        entry = json.loads(first)
        route.fulfill(body="\n".join([json.dumps({**entry, "who": "nobody"}), *rest]))

    one.page.route("**/api/v1/audit/export", forged)
    _chain(one)
    panel = one.page.locator("section.panel", has=one.page.get_by_role("heading", name="The chain"))
    expect(panel.get_by_text("not as it was written", exact=True)).to_be_visible()
    expect(panel.get_by_role("listitem")).to_have_text("1it is not as it was written")
