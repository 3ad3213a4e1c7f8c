"""A log of more lines than a page holds: opened at its end, looked through as a whole, held still, and kept whole."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Locator, Page

from allotment.model.jobs.run import JobState
from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = [pytest.mark.live, pytest.mark.nightly]

LINES: Final = 25_000
EVERY: Final = 6_000
"""Lines from one error to the next."""
ERRORS: Final = [
    each for number in range(7, LINES, EVERY) for each in (f"ERROR broke at {number}", f"  at {number}.py")
]
ALL: Final = LINES + len(ERRORS) // 2 + 1
"""With what goes with an error, and one of colours."""
SCRIPT: Final = f"""
awk 'BEGIN {{ for (n = 1; n <= {LINES}; n++) {{
  if (n % {EVERY} == 7) {{ print "ERROR broke at " n; print "  at " n ".py" }} else print "INFO step " n }} }}'
printf '\\033[31mred\\033[0m \\033[1;32mgreen\\033[0m plain\\n'
i=0; while :; do i=$((i+1)); echo "INFO tick $i"; sleep 0.3; done
"""


@pytest.fixture(scope="module")
def long(house: House) -> Iterator[str]:
    """A job that has written so much, and writes on."""
    job = house.submit(f"long-{secrets.token_hex(2)}", SCRIPT)
    house.until(job.id, lambda now: now.state is JobState.RUNNING)
    yield job.id
    house.service.stop(job.id, grace=0)


def opened(one: Visit, job: str) -> tuple[Page, Locator]:
    """Its page with the log at the end."""
    page = one.shown(f"/jobs/{job}")
    log = page.get_by_role("log", name="Log")
    log.get_by_text("INFO tick").last.wait_for()
    return page, log


def lines(log: Locator) -> list[str]:
    found: list[str] = log.locator(".line > span:last-child").all_inner_texts()
    return found


def seen(log: Locator) -> list[str]:
    """Those of them that are in sight."""
    found: list[str] = log.evaluate(
        """(log) => { const box = log.getBoundingClientRect();
        return [...log.querySelectorAll('.line')].filter((each) => { const line = each.getBoundingClientRect();
          return line.top >= box.top - 1 && line.bottom <= box.bottom + 1 })
          .map((each) => each.lastElementChild.innerText) }"""
    )
    return found


def numbers(note: Locator) -> list[int]:
    """What a sentence on the lines has of numbers."""
    return [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", note.inner_text())]


def whole(said: Locator, found: int) -> None:
    """Until all of the log was looked through, so many were found."""
    said.filter(has_text=re.compile(rf"^{found} of [\d,]+ lines$")).wait_for()


def from_end(log: Locator) -> float:
    return float(log.evaluate("(each) => each.scrollHeight - each.scrollTop - each.clientHeight"))


def test_it_is_opened_at_its_end_and_read_back_to_its_beginning(owner: Visit, long: str) -> None:
    page, log = opened(owner, long)
    assert from_end(log) < 40
    asked = [each for each in owner.asked if f"/jobs/{long}/log" in each]
    assert len(asked) == 1
    assert "tail=5000" in asked[0], "no more than its end is sent"
    # Who scrolls up reads on, to where what is held begins in the whole log.
    log.hover()
    note = page.locator(".note", has_text=re.compile(r"^lines [\d,]+ to [\d,]+ of [\d,]+$"))
    for _ in range(200):
        page.mouse.wheel(0, -30_000)
        page.wait_for_timeout(50)
        if note.count() and numbers(note)[0] == 1:
            break
    first, last, of = numbers(note)
    assert (first, of >= ALL) == (1, True)
    assert last - first + 1 <= 20_000, "so many are held at most"
    log.evaluate("(each) => { each.scrollTop = 0 }")
    log.get_by_text("INFO step 1", exact=True).wait_for()
    assert lines(log)[:8] == [*(f"INFO step {each}" for each in range(1, 7)), *ERRORS[:2]]
    page.get_by_role("button", name="To the end").click()
    log.get_by_text("INFO tick").last.wait_for()
    page.wait_for_timeout(500)
    assert from_end(log) < 40


def test_a_regular_expression_and_a_level_look_through_all_of_it(owner: Visit, long: str) -> None:
    page, log = opened(owner, long)
    search, said = page.get_by_label("Search the log"), page.get_by_role("status").filter(has_text=" lines")
    search.fill("/^info STEP (8|24999)$/")
    whole(said, 2)
    assert lines(log) == ["INFO step 8", "INFO step 24999"]
    assert numbers(said)[1] >= ALL
    # A text is the server's to look for; what is a sign of a regular expression is none in it.
    search.fill("broke at 60")
    whole(said, 1)
    assert lines(log) == ["ERROR broke at 6007"]
    search.fill("step 2499.")
    whole(said, 0)
    search.fill("")
    page.get_by_label("Level").select_option("error")
    whole(said, len(ERRORS))
    assert lines(log) == ERRORS, "what follows an error goes with it"
    search.fill("/24007/")
    whole(said, 2)
    assert lines(log) == ERRORS[-2:]
    # From what was found one goes to its place, with what stands around it: in what is held, and far from it.
    for number, lines_before in ((24_007, 4), (7, 0)):
        search.fill(f"/at {number}$/")
        page.get_by_label("Level").select_option("error")
        whole(said, 1)
        place = log.get_by_role("button", name=re.compile("Go to line")).first
        assert int(place.inner_text().replace(",", "")) == number + lines_before
        place.click()
        log.get_by_text(f"INFO step {number - 1}", exact=True).wait_for()
        page.wait_for_timeout(1500)
        assert f"ERROR broke at {number}" in seen(log), "it stays there while more comes"
    assert search.input_value() == ""


def test_it_is_held_still_with_a_count_and_has_the_colours_that_were_asked_for(owner: Visit, long: str) -> None:
    page, log = opened(owner, long)
    page.get_by_role("button", name="Pause").click()
    before = log.inner_text()
    more = page.get_by_role("button", name="more lines")
    more.wait_for()
    first = numbers(more)[0]
    page.wait_for_timeout(1500)
    assert numbers(more)[0] > first
    assert log.inner_text() == before
    more.click()
    page.wait_for_function("(before) => document.querySelector('.log').innerText !== before", arg=before)
    assert from_end(log) < 40
    page.get_by_label("Search the log").fill("/^.{0,9}red/")
    line = log.locator(".line", has_text="plain")
    line.wait_for()
    assert lines(log) == ["red green plain"], "what drives a terminal is no text"
    assert line.locator(".tone-bad").all_inner_texts() == ["red"]
    assert line.locator(".tone-good").all_inner_texts() == ["green"]
    page.get_by_label("Search the log").fill("")
    wrap = page.get_by_role("button", name="Wrap", exact=True)
    wrap.click()
    page.reload()
    owner.settle()
    page.locator(".log.wraps").wait_for()
    assert wrap.get_attribute("aria-pressed") == "true"
    log.get_by_text("INFO tick").last.wait_for()
    page.wait_for_timeout(500)
    assert from_end(log) < 40, "also where lines are wrapped"


def test_it_is_kept_as_a_whole(house: House, owner: Visit, long: str, tmp_path: Path) -> None:
    page, _ = opened(owner, long)
    with page.expect_download() as told:
        page.get_by_role("button", name="Download").click()
    assert told.value.suggested_filename == f"{long}.log"
    told.value.save_as(tmp_path / "log")
    kept = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert len(kept) >= ALL
    assert kept[: ALL - 1] == [
        line
        for n in range(1, LINES + 1)
        for line in ([f"ERROR broke at {n}", f"  at {n}.py"] if n % EVERY == 7 else [f"INFO step {n}"])
    ]
    assert kept[ALL - 1] == "\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[0m plain", "as it was written"
    assert kept[ALL:] == [f"INFO tick {each}" for each in range(1, len(kept) - ALL + 1)]
    said = house.server.run("logs", long, "--tail", "100000").splitlines()
    assert said[: ALL - 1] == kept[: ALL - 1], "as the command tells it"
