"""Before the click: what becomes of a job is said while it is written as a form or a file, and what starts sooner."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import replace
from typing import Any, Final

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Route

from tests.live.portal.browsing import Visit
from tests.live.portal.house import House
from tests.live.portal.test_commands import copied, typed

pytestmark = pytest.mark.live

FILE: Final = """# Ours since May; ask Ada.
kind: Job
team: nlp   # not cv
name: NAME
labels: {model: x}
run:
  # A shell reads it.
  command: [sh, "-c", "echo one"]
resources: {cpu: 1, memory: 1Gi}   # it is small
maxRunTime: 2h
"""


def foreseen(page: Page) -> str:
    return page.get_by_role("region", name="What becomes of it").inner_text()


def golden(page: Page, gpus: int) -> None:
    page.get_by_label("Command").fill("python train.py")
    page.get_by_label("Team").select_option("nlp")
    page.get_by_label("GPUs").fill(str(gpus))


def test_a_clone_begins_as_what_it_is_made_of_and_names_it(house: House, owner: Visit) -> None:
    first = house.submit(f"clone-{secrets.token_hex(2)}", "echo one", labels={"model": "x"})
    house.until(first.id, lambda job: job.state.over)
    page = owner.shown(f"/jobs/{first.id}")
    page.get_by_role("link", name="Clone", exact=True).click()
    page.get_by_role("heading", name=f"Clone {first.job.name}", exact=True).wait_for()
    assert page.get_by_label("Command").input_value() == "echo one"
    typed(house, copied(owner, page.get_by_role("button", name="Copy command")))
    twin = house.service.find(first.job.name)
    assert twin.supersedes == first.id
    page.get_by_label("Command").fill("echo two")
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("heading", name=first.job.name, exact=True).wait_for()
    made = house.service.find(page.url.rpartition("/")[2])
    assert made.id not in {first.id, twin.id}
    assert made.supersedes == first.id
    assert made.job.program.argv == ("sh", "-c", "echo two")
    assert replace(made.job, program=twin.job.program) == twin.job, "as the command makes it"
    assert (made.job.needs, made.job.labels) == (first.job.needs, first.job.labels)


@pytest.mark.nightly
def test_the_form_and_the_file_are_one_text_with_its_comments_and_order(house: House, owner: Visit) -> None:
    page, name = owner.shown("/submit"), f"file-{secrets.token_hex(2)}"
    page.get_by_role("button", name="File", exact=True).click()
    text = page.get_by_label("Job file")
    text.fill(FILE.replace("NAME", name))
    page.get_by_role("button", name="Form", exact=True).click()
    assert page.get_by_label("Command").input_value() == "echo one"
    assert page.get_by_label("Name").input_value() == name
    assert page.get_by_label("GPUs").input_value() == "0"
    assert page.get_by_text("The file says more than the form: labels").is_visible()
    page.get_by_label("Command").fill("echo 'two', \"three\" # four")
    page.get_by_label("Hours at most").fill("3")
    page.get_by_label("CPU cores").fill("2")
    page.get_by_role("button", name="File", exact=True).click()
    wanted = FILE.replace("NAME", name).replace('"echo one"', '"echo \'two\', \\"three\\" # four"')
    assert text.input_value() == wanted.replace("2h", "3h").replace("cpu: 1", "cpu: 2")
    page.get_by_role("button", name="Form", exact=True).click()
    page.get_by_text("not known").or_(page.get_by_text("now", exact=True)).or_(
        page.get_by_text("waits")
    ).first.wait_for()
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    job = house.service.find(name).job
    assert job.program.argv == ("sh", "-c", "echo 'two', \"three\" # four")
    assert (job.labels["model"], job.run_time) == ("x", 3 * 3600)


def test_now_waits_and_never_are_words_of_their_own(owner: Visit) -> None:
    page = owner.shown("/submit")
    golden(page, 0)
    region = page.get_by_role("region", name="What becomes of it")
    region.locator("header").get_by_text("now", exact=True).wait_for()
    page.get_by_label("GPUs").fill("8")
    region.locator("header").get_by_text("waits", exact=True).wait_for()
    assert page.get_by_role("button", name="Submit", exact=True).is_enabled()
    page.get_by_label("GPUs").fill("900")
    region.locator("header").get_by_text("never", exact=True).wait_for()
    assert page.get_by_role("button", name="Submit", exact=True).is_disabled()
    assert region.get_by_role("alert").inner_text().strip(), "with the cause"


@pytest.mark.nightly
def test_price_and_whom_it_displaces_are_said_and_what_is_tried_is_pending_until_then(owner: Visit) -> None:
    page = owner.page
    late: list[tuple[Route, Any]] = []
    held = [True]
    start = {
        "now": False,
        "waits_for": "",
        "others": ["theirs"],
        "more_others": 2,
        "untold": "",
        "within": [60_000, 120_000],
    }

    def told(route: Route) -> None:
        wish = route.request.post_data_json["submission"]["job"]["needs"]["accelerators"]
        try:
            answer = route.fetch()
            said = answer.json()
        except PlaywrightError:
            return  # whoever asked has asked something else meanwhile
        said["foreseen"] |= {"start": {**said["foreseen"]["start"], **start}, "price": 12_500_000, "told": []}
        if wish["count"] == 4:
            route.fulfill(response=answer, json=said)
        elif held:
            late.append((route, said))
        else:
            sooner(route, said)

    def sooner(route: Route, said: Any) -> None:
        said["foreseen"]["start"] |= {"now": True, "within": None}
        route.fulfill(json=said)

    page.route("**/api/v1/foresee", told)
    owner.shown("/submit")
    golden(page, 4)
    region = page.get_by_role("region", name="What becomes of it")
    facts = region.locator("dl")
    facts.wait_for()
    assert " ".join(facts.inner_text().split()) == (
        "Starts in 1 min to 2 min Costs at most 50 USD Displaces theirs and 2 more"
    )
    # What else was asked for is not known yet, and nothing is said in its place.
    region.get_by_text(re.compile("other ways? of asking (is|are) being tried")).wait_for()
    assert region.locator(".alternatives li").count() == 0
    assert late
    # Some of them come later, and of one nobody waits any more: it was asked while the job was still written.
    held.clear()
    for route, said in late:
        sooner(route, said)
    region.locator(".alternatives li").first.wait_for()
    assert "at once, 50 USD" in region.locator(".alternatives li").first.inner_text().replace("\n", " ")
    page.unroute_all(behavior="ignoreErrors")


def test_what_starts_sooner_was_tried_and_is_one_click(owner: Visit) -> None:
    page = owner.shown("/submit")
    asked: list[dict[str, Any]] = []

    def told(route: Route) -> None:
        submission = route.request.post_data_json["submission"]
        wish = submission["job"]["needs"]["accelerators"]
        asked.append(submission)
        answer = route.fetch()
        said = answer.json()
        start = {"now": wish["count"] <= 2, "displaces": [], "waits_for": "", "others": [], "more_others": 0}
        window = None if start["now"] else [wish["count"] * 60_000, wish["count"] * 120_000]
        said["foreseen"] |= {"start": {**start, "untold": "", "within": window}, "displaces": [], "told": []}
        route.fulfill(response=answer, json=said)

    page.route("**/api/v1/foresee", told)
    golden(page, 4)
    region = page.get_by_role("region", name="What becomes of it")
    sooner = region.locator(".alternatives li")
    sooner.first.wait_for()
    page.wait_for_function("() => document.querySelector('.alternatives').getAttribute('aria-busy') === 'false'")
    assert "in 4 min to 8 min" in region.locator("dl").inner_text()
    offers = [" ".join(each.split()) for each in sooner.all_inner_texts()]
    assert offers[0].startswith(("with 2 GPUs at once", "with 1 GPU at once")), offers
    assert len(offers) <= 3
    assert all(each["job"]["needs"]["accelerators"]["count"] <= 4 for each in asked), "each was asked about"
    sooner.get_by_role("button", name="with 2 GPUs").click()
    region.locator("header").get_by_text("now", exact=True).wait_for()
    assert page.get_by_label("GPUs").input_value() == "2"
    assert region.locator(".alternatives").count() == 0


@pytest.mark.nightly
def test_it_is_said_within_three_tenths_of_a_second_after_the_last_key(owner: Visit) -> None:
    page = owner.shown("/submit")
    golden(page, 0)
    header = page.get_by_role("region", name="What becomes of it").locator("header")
    header.get_by_text("now", exact=True).wait_for()
    took = []
    for number in range(8):
        page.get_by_label("Command").press_sequentially(str(number), delay=20)
        began = time.monotonic()
        # Until the answer to this very text has come, there is none.
        header.get_by_text("now", exact=True).wait_for(state="detached")
        header.get_by_text("now", exact=True).wait_for()
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] <= 0.3, took
