"""A job's page answers in place: where it stands, why, what became of it, in plain words."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import APIResponse, Route

from allotment.model.jobs.run import JobState
from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = pytest.mark.live

OF_KUEUE: Final = re.compile(r"couldn't assign flavors|insufficient unused quota|more needed")
WHY: Final = re.compile(r"/api/v1/answers/why/")
COURSE: Final = re.compile(r"/api/v1/jobs/[^/]+/course")
RAW: Final = (
    "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, "
    "3 more needed"
)


def test_what_the_queues_say_is_told_in_plain_words_and_their_own_are_a_click_away(house: House, owner: Visit) -> None:
    name = f"plain-{secrets.token_hex(2)}"
    job = house.submit(name, "true", gpus=8)
    house.until(job.id, lambda now: bool(now.waits))
    page = owner.shown(f"/jobs/{name}")
    page.locator(".timeline").get_by_text("waits", exact=True).first.wait_for()
    page.get_by_role("status").filter(has_text="queued").wait_for()
    assert not OF_KUEUE.search(owner.text()), owner.text()
    raw = page.locator("details.raw").first
    raw.locator("summary").click()
    assert OF_KUEUE.search(raw.inner_text()), raw.inner_text()
    stages = page.locator(".stages li").all_inner_texts()
    assert [each.split()[0] for each in stages] == ["submitted", "queued", "admitted", "pulling", "starting", "running"]
    assert page.locator(".stages [data-reached=true]").count() == 2
    house.service.stop(job.id, grace=0)
    # The page follows.
    page.get_by_role("status").filter(has_text="stopped").wait_for()
    page.locator(".timeline strong", has_text="stopped").wait_for()


def test_the_course_of_a_job_that_ran_reaches_every_stage_that_it_had(house: House, owner: Visit) -> None:
    job = house.submit(f"course-{secrets.token_hex(2)}", "true")
    house.until(job.id, lambda now: now.state is JobState.SUCCEEDED)
    page = owner.shown(f"/jobs/{job.id}")
    told = page.locator(".timeline strong").all_inner_texts()
    assert told[0] == "submitted"
    assert told[-1] == "succeeded"
    reached = page.locator(".stages [data-reached=true] b").all_inner_texts()
    assert {"submitted", "admitted", "running"} <= set(reached), reached
    assert page.locator("details.raw").count() == 0, "what is plain has no other words"


ROOM: Final = "it made room for big"
EVIDENCE: Final = {
    "object": {"kind": "ClusterQueue", "name": "team-nlp"},
    "field": "status.flavorsUsage",
    "value": 13,
    "says": "in use",
}
"""What a cause rests on."""


def test_preemptions_stand_in_the_course_with_what_made_room(owner: Visit) -> None:
    steps: list[dict[str, Any]] = [
        {"at": 1, "kind": "move", "word": "submitted", "cause": "submitted"},
        {"at": 2, "kind": "move", "word": "queued", "cause": "taken"},
        {"at": 3, "kind": "wait", "word": "quota-used", "cause": "ALT-1316", "until": 9,
         "plain": "3 more GPUs are needed", "raw": RAW},
        {"at": 10_000, "kind": "move", "word": "starting", "cause": "admitted", "attempt": 1,
         "plain": "Pulling image x"},
        {"at": 20_000, "kind": "move", "word": "running", "cause": "started", "attempt": 1},
        {"at": 30_000, "kind": "move", "word": "queued", "cause": "preempted", "attempt": 1, "plain": ROOM},
        {"at": 40_000, "kind": "event", "word": "checkpoint", "plain": "step 100 is kept"},
        {"at": 50_000, "kind": "move", "word": "starting", "cause": "admitted", "attempt": 2},
        {"at": 60_000, "kind": "move", "word": "running", "cause": "started", "attempt": 2},
    ]  # fmt: skip
    empty = {"cause": "", "plain": "", "raw": "", "attempt": 0, "until": None}
    answer = {"version": 1, "course": {"id": "x", "steps": [{**empty, **each} for each in steps]}}
    owner.page.route(COURSE, lambda route: route.fulfill(json=answer))
    page = owner.shown("/jobs/loud")
    lines = [" ".join(each.split()) for each in page.locator(".timeline li").all_inner_texts()]
    assert len(lines) == len(steps)
    assert "3 more GPUs are needed" in lines[2]
    assert RAW not in page.locator(".timeline").inner_text()
    assert ROOM in lines[5]
    assert "attempt 2" in lines[7]
    stages = [" ".join(each.split()) for each in page.locator(".stages li").all_inner_texts()]
    assert stages[-1] == "displaced once"
    assert "pulling" in stages[3]


@pytest.mark.nightly
def test_moves_in_the_queue_are_explained_and_the_cause_leads_on(house: House, owner: Visit) -> None:
    name = f"place-{secrets.token_hex(2)}"
    job = house.submit(name, "true", gpus=8)
    house.until(job.id, lambda now: now.state is JobState.QUEUED)
    ahead = [3]
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + hours * 3600)) for hours in (2, 26)]
    start = {"never": False, "from": times[0], "to": times[1]}

    def why(route: Route) -> None:
        document = {
            "cause": "quota-used", "code": "ALT-1316", "verdict": "waiting", "summary": "", "remedies": [],
            "position": {"queue": "team-nlp", "ahead": ahead[0], "of": 9},
            "start": start, "flavors": [{"name": "a100-spot", "reason": "full"}],
            "confidence": "likely", "source": "east",
            "facts": {"node": "gpu-7", "asked": 1200, "reason": None}, "evidence": [EVIDENCE],
        }  # fmt: skip
        if "remedies=true" in route.request.url:
            remedy = {"kind": "other", "who": "user", "summary": "ask for 4 GPUs", "command": "kubectl delete job/x"}
            tried = {"starts": "now", "at": None, "displaces": []}
            document["remedies"] = [{**remedy, "target": None, "patch": None, "tried": tried}]
        route.fulfill(
            json={"version": 1, "answer": {"sources": [], "partial": False, "stale": False, "document": document}}
        )

    owner.page.route(WHY, why)
    page = owner.shown(f"/jobs/{name}")
    line = page.locator(".wait-line")
    line.get_by_text("4 of 9 in the queue").wait_for()
    assert re.search(r"likely starts in (2 h|1 h 59 min) to 1 d [12] h", line.inner_text()), line.inner_text()
    assert line.get_by_role("link", name="team-nlp").get_attribute("href") == "/queues?q=team-nlp"
    assert line.get_by_role("link", name="a100-spot").get_attribute("href") == "/queues?accelerator=a100-spot"
    assert line.get_by_role("link", name="nlp", exact=True).get_attribute("href") == "/teams/nlp"
    assert line.get_by_role("link", name="gpu-7").get_attribute("href") == "/fleet?q=gpu-7&node=east%2Fgpu-7"
    assert line.get_by_text("the cause is likely, not certain").is_visible()
    known = page.locator("details.known")
    assert not known.get_by_label("Facts").is_visible(), "it is folded"
    known.locator("summary").click()
    assert known.get_by_label("Facts").inner_text().split() == ["node", "gpu-7", "asked", "1,200"]
    rests = " ".join(known.get_by_label("Evidence").inner_text().split())
    assert rests == "ClusterQueue team-nlp status.flavorsUsage 13 · in use"
    assert "cluster=east" in str(known.get_by_role("link", name="ClusterQueue team-nlp").get_attribute("href"))
    line.get_by_role("button", name="What helps").click()
    sheet = page.get_by_role("dialog")
    assert "ask for 4 GPUs" in sheet.inner_text()
    assert "Nobody is displaced" in sheet.inner_text()
    sheet.get_by_role("button", name="Leave it").click()
    ahead[0] = 5
    page.locator(".timeline").get_by_text("2 jobs of a higher rung came").wait_for(timeout=15_000)
    ahead[0] = 1
    page.locator(".timeline").get_by_text("4 jobs before it have started or ended").wait_for(timeout=15_000)
    assert page.locator(".timeline").get_by_text("place 4 → 6").is_visible()
    house.service.stop(job.id, grace=0)


def test_what_is_old_is_told_once_above_the_overview(owner: Visit) -> None:
    answers = re.compile(r"/api/v1/answers/(waste|queues|who|quotas|books|why)\b")

    def stale(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        for each in said["answer"]["sources"]:
            each |= {"name": "east", "state": "stale", "age_seconds": 240, "why": "it does not answer"}
        said["answer"]["stale"] = True
        route.fulfill(response=answer, json=said)

    owner.page.route(answers, stale)
    page = owner.shown("/overview")
    page.wait_for_timeout(300)
    told = page.get_by_text("east as it was 4 min ago")
    assert told.count() == 1, "once is enough"
    marks = page.locator("main section.panel header [data-state=stale]")
    assert marks.count() >= 3, "each panel has a mark of its own"
    assert all("east as it was 4 min ago" in str(each.get_attribute("title")) for each in marks.all())
    page.unroute_all(behavior="ignoreErrors")


def test_the_report_says_what_to_ask_for_next_time(house: House, owner: Visit) -> None:
    job = house.submit(f"report-{secrets.token_hex(2)}", "true")
    house.until(job.id, lambda now: now.state is JobState.SUCCEEDED)
    told = house.server.run("report", job.id)
    page = owner.shown(f"/jobs/{job.id}")
    panel = page.get_by_role("region", name="Report")
    rows = [" ".join(each.split()) for each in panel.locator("tbody tr").all_inner_texts()]
    assert len(rows) >= 3
    assert all(each in " ".join(told.split()) for each in rows), (rows, told)
    advice = panel.locator(".advice li").all_inner_texts()
    assert ("next time" in told) == bool(advice)
    assert all(each in told for each in advice)


@pytest.mark.parametrize("by_name", [False, True])
def test_what_ends_while_the_first_answer_is_on_its_way_is_shown_over(
    house: House, owner: Visit, tmp_path: Path, by_name: bool
) -> None:
    seen, name = tmp_path / "seen", f"late-{secrets.token_hex(2)}"
    job = house.submit(name, f"until [ -e {seen} ]; do sleep 0.1; done")
    house.until(job.id, lambda now: now.state is JobState.RUNNING)
    reference = name if by_name else job.id
    late: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page = owner.shown("/jobs")
    page.route(f"**/api/v1/jobs/{reference}", hold)
    with page.expect_response(COURSE):
        page.evaluate(f"history.pushState(null, '', '/jobs/{reference}')")
    while not late:
        page.wait_for_timeout(20)
    ((route, answer),) = late
    assert answer.json()["job"]["history"]["moves"][-1]["state"] == "running"
    # It is told of the end when it asks again for what it has.
    with page.expect_request(COURSE):
        seen.touch()
    house.until(job.id, lambda now: now.state is JobState.SUCCEEDED)
    route.fulfill(response=answer)
    page.get_by_role("status").filter(has_text="succeeded").wait_for()
