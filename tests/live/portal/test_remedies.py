"""A job that waits is mended where it is told why: by what the sheet's button does, proven before it is done."""

from __future__ import annotations

import secrets
import time

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from allotment.model.jobs.run import JobState
from allotment.ports.stored_jobs import StoredJob
from tests.live.portal.browsing import Visit
from tests.live.portal.house import RUNS, House

pytestmark = pytest.mark.live


def helps(one: Visit, job: StoredJob) -> tuple[Page, Locator]:
    """Its page, and what helps there."""
    page = one.shown(f"/jobs/{job.id}")
    page.locator(".wait-line").get_by_role("button", name="What helps").click()
    return page, page.get_by_role("dialog", name=f"What helps {job.job.name}")


def waits(house: House, made: list[StoredJob], gpus: int) -> StoredJob:
    job = house.submit(f"mend-{secrets.token_hex(2)}", RUNS, gpus=gpus)
    made.append(job)
    return house.until(job.id, lambda now: bool(now.waits))


def test_a_job_that_asks_for_too_much_is_mended_by_its_remedy_and_runs(
    house: House, owner: Visit, made: list[StoredJob]
) -> None:
    job = waits(house, made, 8)
    page, sheet = helps(owner, job)
    remedy = sheet.locator(".remedies li").first
    expect(remedy).to_contain_text("in place of 8")
    expect(remedy).to_contain_text("tried on the twins: it starts at once")
    expect(remedy).to_contain_text("Nobody is displaced")
    expect(remedy.locator("dl")).to_contain_text("at once")
    command = remedy.get_by_role("button", name="Copy command").get_attribute("title") or ""
    assert command.startswith(f"allot clone {job.id} --set resources.accelerators.count="), command
    wanted = int(command.partition("count=")[2].split()[0])
    remedy.get_by_role("button", name="Submit it so, and stop this one").click()
    page.wait_for_url(lambda url: "/jobs/" in url and job.id not in url)
    anew = house.service.find(page.url.rpartition("/")[2])
    made.append(anew)
    expect(page.get_by_role("status").filter(has_text="running")).to_be_visible()
    assert anew.supersedes == job.id
    wish = anew.job.needs.accelerators
    assert wish is not None
    assert wish.count == wanted
    assert anew.job.program == job.job.program
    house.until(job.id, lambda now: now.state is JobState.STOPPED)


def test_a_job_runs_in_the_room_of_another_of_the_same_owner(house: House, owner: Visit, made: list[StoredJob]) -> None:
    # All that is free, one by one, and then one more: it can ask for no fewer.
    while not made or made[-1].state is JobState.RUNNING:
        # Which is the newest is told by seconds.
        while made and time.time() < made[-1].submitted // 1000 + 1:
            time.sleep(0.05)
        job = house.submit(f"fill-{secrets.token_hex(2)}", RUNS, gpus=1)
        made.append(house.until(job.id, lambda now: now.state is JobState.RUNNING or bool(now.waits)))
    job, newest = made[-1], made[-2]
    page, sheet = helps(owner, job)
    remedy = sheet.locator(".remedies li", has_text="of the same owner")
    expect(remedy).to_contain_text("what it did since the last checkpoint is lost")
    assert remedy.get_by_role("button", name="Copy command").get_attribute("title") == f"allot stop {newest.id}"
    remedy.get_by_role("button", name=f"Stop {newest.job.name}").click()
    # The page follows.
    expect(page.get_by_role("status").filter(has_text="running")).to_be_visible()
    house.until(newest.id, lambda now: now.state is JobState.STOPPED)


def test_whoever_may_do_nothing_sees_what_helps_and_copies_it(
    house: House, owner: Visit, made: list[StoredJob]
) -> None:
    job = waits(house, made, 8)

    def looks_only(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        said["visitor"]["permissions"] = ["read"]
        route.fulfill(response=answer, json=said)

    owner.page.route("**/api/v1/whoami", looks_only)
    _, sheet = helps(owner, job)
    remedy = sheet.locator(".remedies li").first
    expect(remedy).to_contain_text("in place of 8")
    assert remedy.get_by_role("button").all_inner_texts() == ["Copy command"]
