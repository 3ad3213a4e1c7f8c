"""Before something ends it is said what is lost, whose it is and who may start by it; what can be had back, is."""

from __future__ import annotations

import re
import secrets
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from allotment.model.jobs.job import CheckpointPolicy
from allotment.model.jobs.run import JobState
from allotment.model.requests.request import RequestAct, RequestState
from allotment.ports.request_service import AskedMove
from allotment.ports.stored_jobs import StoredJob
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import RUNS, House

pytestmark = pytest.mark.live
DEAR, LONG = 7, 1200
"""GPUs, and hours of them, that are beyond the budget: somebody has to decide."""


def runs(house: House, made: list[StoredJob], **more: Any) -> StoredJob:
    made.append(house.submit(f"stop-{secrets.token_hex(2)}", RUNS, **more))
    return house.until(made[-1].id, lambda now: now.state is JobState.RUNNING)


def waits(house: House, made: list[StoredJob]) -> StoredJob:
    made.append(house.submit(f"stop-{secrets.token_hex(2)}", RUNS, gpus=8))
    return house.until(made[-1].id, lambda now: bool(now.waits))


def asked(page: Page) -> Locator:
    page.get_by_role("button", name="Stop", exact=True).click()
    return page.get_by_role("dialog")


def undone(page: Page) -> None:
    page.locator(".toasts").get_by_role("button", name="Undo").click()


def test_what_a_stop_loses_and_who_waits_for_its_devices_is_said_before(
    house: House, owner: Visit, made: list[StoredJob]
) -> None:
    job = runs(house, made, gpus=1)
    page = owner.shown(f"/jobs/{job.id}")
    sheet = asked(page)
    expect(sheet).to_contain_text(re.compile(r"It has run for \d+ s: it writes no checkpoints, so all of that is lost"))
    expect(sheet).to_contain_text("1 GPU is free then")
    expect(sheet).to_contain_text("may start sooner")
    expect(sheet).to_contain_text("big")
    assert sheet.get_by_role("textbox").count() == 0, "it is one's own"
    sheet.get_by_role("button", name="Stop it").click()
    page.locator(".toasts").get_by_text(f"Stopped {job.job.name}").wait_for()
    assert page.locator(".toasts").get_by_role("button", name="Undo").count() == 0, "what it did does not come back"


def test_one_that_has_not_begun_is_had_back(house: House, owner: Visit, made: list[StoredJob]) -> None:
    job = waits(house, made)
    page = owner.shown(f"/jobs/{job.id}")
    sheet = asked(page)
    expect(sheet).to_contain_text("for ten seconds it can be had back")
    sheet.get_by_role("button", name="Stop it").click()
    house.until(job.id, lambda now: now.state is JobState.STOPPED)
    undone(page)
    page.wait_for_url(lambda url: "/jobs/" in url and job.id not in url)
    made.append(house.service.find(page.url.rpartition("/")[2]))
    assert made[-1].supersedes == job.id
    house.until(made[-1].id, lambda now: bool(now.waits))


def test_one_that_keeps_checkpoints_says_how_much_is_lost_at_most(
    house: House, owner: Visit, made: list[StoredJob]
) -> None:
    job = runs(house, made, checkpoint=CheckpointPolicy("checkpoints", 600, 1))
    sheet = asked(owner.shown(f"/jobs/{job.id}"))
    expect(sheet).to_contain_text("what it did since its last checkpoint is lost, 10 min of work at most")
    expect(sheet).to_contain_text("sent on again from its last checkpoint")
    sheet.get_by_role("button", name="Leave it").click()


def test_the_name_is_typed_where_work_of_others_is_lost_for_good(
    people: House, visit: Visits, made: list[StoredJob]
) -> None:
    job = runs(people, made)
    page = visit("ada").shown(f"/jobs/{job.id}")
    sheet = asked(page)
    expect(sheet).to_contain_text(f"It is the work of {job.owner}, and nobody can bring it back")
    stop = sheet.get_by_role("button", name="Stop it")
    expect(stop).to_be_disabled()
    field = sheet.get_by_label(f"Type {job.job.name} to go on")
    field.fill(job.job.name[:-1])
    expect(stop).to_be_disabled()
    field.fill(job.job.name)
    stop.click()
    people.until(job.id, lambda now: now.state is JobState.STOPPED)


def test_of_several_each_loss_is_named_and_those_that_wait_are_had_back(
    house: House, owner: Visit, made: list[StoredJob]
) -> None:
    running, also, waiting = runs(house, made), runs(house, made), waits(house, made)
    page = owner.shown("/jobs?q=stop-")
    for each in (running, also, waiting):
        page.get_by_label(f"Select {each.job.name}", exact=True).check()
    page.get_by_role("button", name="Stop 3 jobs").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("2 jobs of them run and will lose what was not saved")
    losses = sheet.locator("ul.names li")
    expect(losses.filter(has_text=also.job.name)).to_contain_text("it writes no checkpoints")
    assert losses.count() == 2
    expect(sheet).to_contain_text("1 of them have not begun")
    sheet.get_by_role("button", name="Stop 3 jobs").click()
    house.until(waiting.id, lambda now: now.state is JobState.STOPPED)
    undone(page)
    page.get_by_role("link", name=waiting.job.name).nth(1).wait_for()
    again = house.service.find(waiting.job.name)
    made.append(again)
    assert again.supersedes == waiting.id
    assert house.until(running.id, lambda now: now.state.over).state is JobState.STOPPED


@pytest.mark.nightly  # by day it is seen that it is had back
def test_it_can_be_had_back_for_ten_seconds_and_no_longer(house: House, owner: Visit) -> None:
    reference = house.ask("nlp", DEAR, f"to withdraw {secrets.token_hex(2)}", LONG)
    page = owner.page
    page.clock.install()
    owner.shown(f"/requests/{reference}")
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw it").click()
    undo = page.locator(".toasts").get_by_role("button", name="Undo")
    undo.wait_for()
    page.clock.pause_at(page.evaluate("(Date.now() + 5000) / 1000"))
    assert undo.is_visible()
    page.clock.run_for(5000)
    undo.wait_for(state="detached")
    assert house.service.request(reference).request.state is RequestState.WITHDRAWN


def test_a_request_that_is_withdrawn_is_had_back(house: House, owner: Visit) -> None:
    reference = house.ask("nlp", DEAR, f"to withdraw {secrets.token_hex(2)}", LONG)
    page = owner.shown(f"/requests/{reference}")
    sheet = page.get_by_role("dialog")
    page.get_by_role("button", name="Withdraw").click()
    expect(sheet).to_contain_text("For ten seconds it can be asked for again as it was")
    sheet.get_by_role("button", name="Withdraw it").click()
    page.locator(".toasts").get_by_text("Done: withdraw").wait_for()
    undone(page)
    page.wait_for_url(lambda url: "/requests/" in url and reference not in url)
    before, anew = (house.service.request(each).request for each in (reference, page.url.rpartition("/")[2]))
    assert (before.state, anew.state) == (RequestState.WITHDRAWN, RequestState.WAITING)
    assert anew.wish == before.wish
    house.service.move(anew.id, AskedMove(RequestAct.WITHDRAW))


@pytest.mark.parametrize("displaces", [False, True])
def test_the_end_of_a_grant_is_tried_before_it_ends(house: House, owner: Visit, displaces: bool) -> None:
    """The clusters of this server are none: what stands there is made up, as is the answer of their twins."""
    reference = house.ask("nlp", 2, "to end", LONG)
    tried: list[str] = []
    share = {"flavor": "a100", "cluster": "east", "devices": 4}

    def grant(route: Route) -> None:
        terms = {"since": 0, "until": 9_999_999_999_999, "price": None, "shares": [share], "taken": []}
        told = {
            "id": reference, "team": "nlp", "kind": "gpus", "state": "active", "subject": "", "terms": terms,
            "trouble": "", "requester": "root", "approved": [], "commit": "", "revision": 1,
        }  # fmt: skip
        many = "/grants?" in route.request.url
        route.fulfill(json={"version": 1, **({"page": {"rows": [told], "next": None}} if many else {"grant": told})})

    def answer(document: dict[str, Any]) -> dict[str, Any]:
        return {"version": 1, "answer": {"sources": [], "partial": False, "stale": False, "document": document}}

    def twins(route: Route) -> None:
        tried.append(route.request.url)
        work = [{"kind": "Job", "namespace": "nlp", "name": "train-lost"}] if displaces else []
        route.fulfill(json=answer({
            "observedAt": "", "changes": [], "settings": [], "basis": "", "futures": 3, "horizonSeconds": None,
            "unchanged": 2, "queues": [], "preempted": work, "notes": [], "jobs": [],
        }))  # fmt: skip

    use = {
        "clusterQueue": "nlp",
        "flavor": "a100",
        "limit": None,
        "used": 1,
        "borrowed": 0,
        "lent": 0,
        "borrowsFrom": [],
    }
    queue = {
        "cluster": "east", "clusterQueue": "nlp", "cohort": "", "stopPolicy": None, "inactive": None, "pending": 0,
        "head": None, "heldBack": 0, "quotas": [{**use, "resource": "nvidia.com/gpu", "nominal": 12}],
    }  # fmt: skip
    place = {"cluster": "east", "environment": "", "cohort": None, "accelerators": [{"flavor": "a100", "nominal": 8}]}
    owner.page.route(re.compile(r"/api/v1/grants\b"), grant)
    owner.page.route(
        re.compile(r"/api/v1/answers/queues\b"),
        lambda route: route.fulfill(json=answer({"items": [queue], "remarks": []})),
    )
    owner.page.route(
        re.compile(r"/api/v1/answers/teams\b"),
        lambda route: route.fulfill(json=answer({"items": [{"name": "nlp", "placements": [place]}]})),
    )
    owner.page.route(re.compile(r"/api/v1/answers/whatif\b"), twins)
    page = owner.shown(f"/requests/{reference}")
    page.get_by_role("button", name="Give it back").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.locator(".figures")).to_contain_text(
        "1loses its quota at once" if displaces else "lose their quota at once"
    )
    assert "change=quota%3Anlp%2Fa100%2Fnvidia.com%2Fgpu%3D8" in tried[0]
    end = sheet.get_by_role("button", name="Give it back")
    if not displaces:
        expect(end).to_be_enabled()
        return
    expect(sheet).to_contain_text("train-lost")
    expect(end).to_be_disabled()
    sheet.get_by_label("Type nlp to go on").fill("nlp")
    expect(end).to_be_enabled()
