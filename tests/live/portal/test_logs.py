"""A log is read by its level and by what is searched, and held still while more comes; how, is remembered."""

from __future__ import annotations

import secrets

import pytest

from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = pytest.mark.live

LEVELS = """
echo 'INFO begins'; echo 'DEBUG detail'; echo 'WARNING is slow'; echo 'ERROR broke'; echo '  File "x.py", line 1'
echo 'ValueError: nothing'; echo 'INFO goes on'
i=0; while :; do i=$((i+1)); echo "INFO tick $i"; sleep 0.3; done
"""


def test_a_log_is_filtered_by_level_and_search(house: House, owner: Visit) -> None:
    job = house.submit(f"levels-{secrets.token_hex(2)}", LEVELS)
    page = owner.shown(f"/jobs/{job.id}")
    log = page.get_by_role("log", name="Log")
    log.get_by_text("tick 1", exact=False).first.wait_for()
    page.get_by_label("Level").select_option("error")
    log.get_by_text("INFO begins").wait_for(state="detached")
    lines = log.locator(".line > span:last-child").all_inner_texts()
    assert lines == ["ERROR broke", '  File "x.py", line 1', "ValueError: nothing"], "a stack goes with its line"
    page.get_by_label("Level").select_option("warning")
    log.get_by_text("WARNING is slow").wait_for()
    page.get_by_label("Search the log").fill("/^(warn|value)/")
    log.get_by_text("ERROR broke").wait_for(state="detached")
    assert log.locator(".line > span:last-child").all_inner_texts() == ["WARNING is slow", "ValueError: nothing"]
    assert page.get_by_text("2 of ").is_visible()
    house.service.stop(job.id, grace=0)


def test_a_log_is_held_still_with_a_count_and_read_where_somebody_has_scrolled(house: House, owner: Visit) -> None:
    job = house.submit(
        f"held-{secrets.token_hex(2)}", "seq 1 200; i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.2; done"
    )
    page = owner.shown(f"/jobs/{job.id}")
    log = page.get_by_role("log", name="Log")
    log.get_by_text("tick 2", exact=True).wait_for()
    page.get_by_role("button", name="Pause").click()
    before = log.inner_text()
    more = page.get_by_role("button", name="more lines")
    more.wait_for()
    first = int(more.inner_text().split()[0])
    page.wait_for_timeout(1500)
    assert int(more.inner_text().split()[0]) > first, "what comes meanwhile is counted"
    assert log.inner_text() == before, "and moves nothing"
    more.click()
    log.hover()
    page.mouse.wheel(0, -2000)
    page.wait_for_timeout(400)
    at = log.evaluate("(each) => each.scrollTop")
    page.wait_for_timeout(1200)
    assert log.evaluate("(each) => each.scrollTop") == at, "who reads further up is left there"
    page.mouse.wheel(0, 100_000)
    page.wait_for_timeout(1500)
    assert log.evaluate("(each) => each.scrollHeight - each.scrollTop - each.clientHeight") < 40, (
        "at the end it follows"
    )
    house.service.stop(job.id, grace=0)


def test_wrap_and_times_are_remembered(owner: Visit) -> None:
    page = owner.shown("/jobs/fine")
    wrap, times = (page.get_by_role("button", name=each, exact=True) for each in ("Wrap", "Times"))
    before = [each.get_attribute("aria-pressed") for each in (wrap, times)]
    wrap.click()
    times.click()
    page.reload()
    owner.settle()
    page.get_by_role("log", name="Log").wait_for()
    assert [each.get_attribute("aria-pressed") for each in (wrap, times)] != before
    assert page.locator(".log.wraps").count() == 1
    assert page.locator(".log .at").count() == 0
