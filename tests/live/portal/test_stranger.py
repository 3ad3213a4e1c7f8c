"""Twelve questions that a stranger has, each answered within three clicks from the first page."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from allotment.model.jobs.run import JobState
from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MOST_CLICKS: Final = 3


@dataclass
class Stranger:
    """Somebody who has never been here, whose clicks are counted.

    Attributes:
        visit: his.
        clicks: so far.
    """

    visit: Visit
    clicks: int = 0

    @property
    def page(self) -> Page:
        """What he sees."""
        return self.visit.page

    def click(self, what: Locator) -> None:
        """One more."""
        self.clicks += 1
        what.first.click()

    def goes(self, place: str) -> None:
        """By the menu."""
        # Behind the name of a place may stand how much of it waits.
        self.click(self.page.locator("nav a.entry").filter(has_text=re.compile(rf"^{place}\s*\d*$")))
        self.page.locator("main h1").wait_for()
        self.visit.settle()

    def reads(self, pattern: str) -> None:
        """It stands on the page, without a word to open."""
        try:
            self.page.wait_for_function(
                "(pattern) => new RegExp(pattern, 'i')"
                ".test(document.querySelector('main').innerText.replace(/\\s+/g, ' '))",
                arg=pattern,
            )
        except PlaywrightTimeoutError:
            pytest.fail(f"{pattern!r} is not in {self.visit.text()!r}")


Answer = Callable[[Stranger, House], None]


def who_holds_idle_ones(one: Stranger, house: House) -> None:
    one.goes("Accelerators")
    one.click(one.page.get_by_role("button", name="held idle"))
    one.reads(r"Nobody holds any like that|[1-9]\d* holds?: \d+ GPUs?, [1-9]\d* idle")


def why_does_it_wait(one: Stranger, house: House) -> None:
    one.goes("Jobs")
    one.click(one.page.get_by_role("button", name="waiting", exact=True))
    one.click(one.page.get_by_role("link", name="big", exact=True))
    one.reads(r"queued \d+ \w+ short")


def what_would_it_cost(one: Stranger, house: House) -> None:
    one.goes("Ask for GPUs")
    one.clicks += 1
    one.page.get_by_label("GPUs").fill("4")
    one.reads(r"Price [\d.,]+ [A-Z]{3}")


def what_changed_last_night(one: Stranger, house: House) -> None:
    one.goes("Audit trail")
    one.clicks += 1
    one.page.get_by_label("Done", exact=True).select_option("24h")
    one.reads(r"job\.submit")


def how_much_is_free(one: Stranger, house: House) -> None:
    one.goes("Accelerators")
    one.reads(r"What there is.*Free .*slots local \d+ \d+ \S+ \d+")


def when_does_mine_start(one: Stranger, house: House) -> None:
    one.goes("Jobs")
    one.click(one.page.get_by_role("link", name="big", exact=True))
    one.reads(r"likely starts|is not foreseen|being worked out|it never starts")


def what_did_it_write_when_it_failed(one: Stranger, house: House) -> None:
    one.goes("Jobs")
    one.click(one.page.get_by_role("button", name="failed", exact=True))
    one.click(one.page.get_by_role("link", name="broken", exact=True))
    one.reads(r"it broke")


def what_should_i_ask_for_next_time(one: Stranger, house: House) -> None:
    one.goes("Jobs")
    one.click(one.page.get_by_role("link", name="fine", exact=True))
    one.reads(r"Next time ask for")


def who_decides_on_my_request(one: Stranger, house: House) -> None:
    one.goes("Requests")
    one.click(one.page.locator("main tbody a"))
    one.reads(r"decides|waits")


def what_is_my_teams_quota(one: Stranger, house: House) -> None:
    one.goes("Teams")
    one.click(one.page.get_by_role("link", name="nlp", exact=True))
    one.reads(r"\d+ own")


def what_is_broken(one: Stranger, house: House) -> None:
    one.goes("Overview")
    one.reads(r"Broken\?.*(nothing|to look at|\d+ )")


def what_does_that_cause_mean(one: Stranger, house: House) -> None:
    one.goes("Causes of waiting")
    one.click(one.page.locator("main tbody a"))
    one.reads(r"ALT-\d{4}")


QUESTIONS: Final[dict[str, Answer]] = {
    "who holds the idle A100s?": who_holds_idle_ones,
    "why does big wait?": why_does_it_wait,
    "what would 4 A100s cost?": what_would_it_cost,
    "what changed last night?": what_changed_last_night,
    "how many GPUs are free?": how_much_is_free,
    "when does it start?": when_does_mine_start,
    "what did it write when it failed?": what_did_it_write_when_it_failed,
    "what should I ask for next time?": what_should_i_ask_for_next_time,
    "who decides on the request?": who_decides_on_my_request,
    "where does the team's quota come from?": what_is_my_teams_quota,
    "what is broken?": what_is_broken,
    "what does that cause mean?": what_does_that_cause_mean,
}


def test_there_are_twelve_questions() -> None:
    assert len(QUESTIONS) == 12


@pytest.mark.parametrize("question", list(QUESTIONS))
def test_a_stranger_finds_the_answer_within_three_clicks(house: House, owner: Visit, question: str) -> None:
    one = Stranger(owner)
    owner.shown("/")
    QUESTIONS[question](one, house)
    assert one.clicks <= MOST_CLICKS, f"{question} takes {one.clicks} clicks"


def test_finished_jobs_are_found_with_their_history_and_report(house: House, owner: Visit) -> None:
    """Over since long ago: the course, why it waited, the report."""
    job = house.submit(f"over-{secrets.token_hex(2)}", "exit 4")
    house.until(job.id, lambda now: now.state is JobState.FAILED)
    for reference in (job.id, "p0000003"):
        page = owner.shown(f"/jobs/{reference}")
        assert page.locator(".timeline li").count() >= 2
        report = page.get_by_role("region", name="Report").inner_text()
        assert re.search(r"memory of a replica", report)
        used = page.get_by_role("region", name="What it used").inner_text()
        assert "no telemetry" in used.lower() or "%" in used, "allocated and used are told apart"
