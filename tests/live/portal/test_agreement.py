"""List, page, command line and API say the same of the same thing."""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import re
import time
from typing import Any, Final

import pytest
from playwright.sync_api import Route

from allotment.cli.shell.steps import duration
from allotment.model.money import money
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House

pytestmark = pytest.mark.live

GROUPS: Final = {
    "waiting": {"submitted", "held", "queued"},
    "running": {"staging", "starting", "running", "stopping"},
    "failed": {"failed", "refused"},
    "over": {"succeeded", "stopped"},
}
DAY, NIGHT = 4, 200
"""Jobs that are compared."""


def listed(house: House, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(house.server.run(*words, "-o", "json"))["items"]
    return found


def shown_row(one: Visit, id_: str) -> list[str]:
    """The row of a job in the list, cell by cell."""
    one.page.get_by_label("Filter jobs").fill(id_)
    row = one.page.locator("main tr[aria-rowindex]")
    one.page.wait_for_function(
        "(id) => { const rows = document.querySelectorAll('main tr[aria-rowindex]');"
        " return rows.length === 1 && rows[0].innerText.includes(id) }",
        arg=id_,
    )
    return [" ".join(each.split()) for each in row.locator("td").all_inner_texts()]


def facts(one: Visit, title: str) -> dict[str, str]:
    """Names and values of a panel."""
    panel = one.page.locator("section.panel", has=one.page.get_by_role("heading", name=title, exact=True))
    panel.locator("dl.facts").wait_for()
    names, values = panel.locator("dt").all_inner_texts(), panel.locator("dd").all_inner_texts()
    return dict(zip(names, (" ".join(each.split()) for each in values), strict=True))


@pytest.mark.parametrize("number", [DAY, pytest.param(NIGHT, marks=pytest.mark.nightly)])
def test_jobs_are_told_alike(house: House, visit: Visits, number: int) -> None:
    rows = {each["id"]: each for each in listed(house, "ps", "-a")}
    ran = {each["id"]: each for each in csv.DictReader(house.server.run("ps", "-a", "-o", "csv").splitlines())}
    living = [id_ for id_, each in rows.items() if each["ended"] is None]
    drawn = random.Random(number).sample(sorted(set(rows) - set(living)), min(number, len(rows) - len(living)))
    one = visit()
    one.shown("/jobs")
    for id_ in [*drawn, *living]:
        row = rows[id_]
        cells = shown_row(one, id_)
        assert cells[1] == f"{row['name']} {id_}"
        assert cells[2:4] == [row["state"], row["team"]]
        assert cells[4] == " ".join((row["message"] or "").split()) or id_ in living
        assert cells[5] == (f"{row['devices']} {row['accelerator']}" if row["devices"] else "")
        assert cells[6] == row["backend"]
        assert row["submitted"][11:16] in cells[7]
        if id_ not in living:
            seconds = ran[id_]["ran_seconds"]
            assert cells[8] == (duration(float(seconds)) if seconds else ""), id_
        one.page.locator("main tr[aria-rowindex] a").click()
        one.page.get_by_role("heading", name=row["name"], exact=True).wait_for()
        asked, job = facts(one, "What it asked for"), house.service.find(id_)
        needs = job.job.needs
        assert (asked["Team"], asked["Owner"], asked["Where"]) == (row["team"], row["owner"], row["backend"])
        assert asked["GPUs"].partition(" ")[0] == (str(row["devices"]) if row["devices"] else "none")
        assert asked["CPU, memory"].startswith(f"{needs.cpu / 1000:g} cores, ")
        assert asked["Priority"] == row["priority"]
        assert asked["Runs"] == " ".join(" ".join(job.job.program.argv).split())
        assert one.text(".verdict").split()[0] == row["state"]
        said = one.page.locator("ol.timeline li strong").all_inner_texts()
        assert said == [each.state.value for each in job.history.moves]
        one.page.go_back()
        one.page.get_by_label("Filter jobs").wait_for()


@pytest.mark.nightly
def test_every_count_leads_to_a_list_of_exactly_that_length(house: House, visit: Visits) -> None:
    rows = listed(house, "ps", "-a")
    one = visit()
    for said, states in {
        "running": GROUPS["running"],
        "waiting": GROUPS["waiting"],
        "failed": GROUPS["failed"],
    }.items():
        one.shown("/")
        figure = one.page.locator(".figure", has=one.page.get_by_text(said, exact=True))
        number = figure.locator("b").inner_text()
        assert number == f"{sum(each['state'] in states for each in rows):,}", said
        figure.get_by_role("link").click()
        word = "job" if number == "1" else "jobs"
        one.page.get_by_role("heading", name=f"{number} {word}", exact=True).wait_for()
    one.shown("/")
    held = one.page.locator(".figure", has=one.page.get_by_text("GPUs held by jobs")).locator("b").inner_text()
    assert held == f"{sum(each['devices'] for each in rows if each['state'] in GROUPS['running']):,}"
    one.page.locator(".figure", has=one.page.get_by_text("GPUs held by jobs")).get_by_role("link").click()
    one.page.get_by_text(f"{held} GPU{'' if held == '1' else 's'} held", exact=True).wait_for()
    for name, states in GROUPS.items():
        one.shown(f"/jobs?state={name}")
        number = sum(each["state"] in states for each in rows)
        one.page.get_by_role("heading", name=f"{number:,} job{'' if number == 1 else 's'}", exact=True).wait_for()
    open_ = [each for each in listed(house, "requests", "-a") if each["state"] in {"waiting", "offered"}]
    one.page.get_by_role("navigation").get_by_role("link", name=f"Requests {len(open_)}").click()
    one.page.get_by_role("heading", name=f"{len(open_)} request{'' if len(open_) == 1 else 's'}", exact=True).wait_for()


def test_numbers_of_the_overview_lead_to_what_they_count_and_nothing_beside_it(owner: Visit) -> None:
    soon = int(time.time() * 1000) + 3_600_000

    def grants(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        one = said["page"]["rows"][0]
        untils = {"ends": soon, "ends-too": soon + 1000, "stands": None, "lasts": soon + 10 * 86_400_000}
        rows = [
            {**one, "id": id_, "state": "active", "terms": {**one["terms"], "until": at}} for id_, at in untils.items()
        ]
        said["page"] = {"rows": rows, "next": None}
        route.fulfill(response=answer, json=said)

    def quotas(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        limit = {"cluster": "east", "layer": "queue", "resource": "cpu", "used": 9, "limit": 10, "fullAt": None}
        said["answer"]["document"]["items"] = [
            {**limit, "guaranteed": None, "name": name, "percent": percent, "alarm": alarm}
            for name, percent, alarm in (("a", 96, "stop"), ("b", 81, "warning"), ("c", 61, "increase"))
        ]
        route.fulfill(response=answer, json=said)

    owner.page.route(re.compile(r"/api/v1/grants\?"), grants)
    owner.page.route(re.compile(r"/api/v1/answers/quotas"), quotas)
    for said, heading, table in (
        ("grants end within a day", "2 grants end within a day", "Grants"),
        ("limits are nearly full", "2 limits nearly full", "Limits"),
    ):
        page = owner.shown("/overview")
        page.locator(".lines li").filter(has_text=said).get_by_role("link", name="2", exact=True).click()
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        rows = page.get_by_role("table", name=table).locator("tbody tr:not(.cohort):not([aria-hidden])")
        assert rows.count() == 2, said
    owner.page.unroute_all(behavior="ignoreErrors")


def standing(house: House, row: dict[str, Any]) -> str:
    """How a request stands; once it was approved, how its grant does."""
    return house.service.grant(row["id"]).state.value if row["state"] == "approved" else str(row["state"])


def test_the_month_of_each_team_is_told_alike(house: House, visit: Visits) -> None:
    told = {each["team"]: each for each in listed(house, "balance")}
    one = visit()
    one.shown("/books")
    rows = one.page.get_by_role("table", name="Teams by what their month comes to").locator("tbody tr")
    cells = [[" ".join(each.split()) for each in row.locator("td").all_inner_texts()] for row in rows.all()]
    found = {each[0]: each for each in cells if len(each) > 1}
    assert set(found) == set(told)
    for team, row in told.items():
        assert found[team][1] == money(row["jobs"], "USD")
        assert found[team][2] == money(row["granted"], "USD")
        assert found[team][3].startswith("no budget" if row["budget"] is None else money(row["left"], "USD"))
    one.shown("/teams/nlp")
    month = one.page.locator("section.panel", has=one.page.get_by_role("heading", name="This month", exact=True))
    assert month.locator(".figure b").all_inner_texts()[:2] == [
        money(told["nlp"][each], "USD") for each in ("jobs", "granted")
    ]


def test_hours_by_cause_sum_to_what_was_there_and_are_those_of_the_command(house: House, visit: Visits) -> None:
    one = visit()
    one.shown("/books")
    table = one.page.get_by_role("table", name="GPU-hours by cause")
    rows = [row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()]
    told = json.loads(house.server.run("waste", "--on", "local", "-o", "json"))
    assert {each[0].strip().partition(",")[0] for each in rows} == {each["name"] for each in told["causes"]}
    assert "The rows sum to all that was there" in one.text()
    assert table.locator("tfoot").inner_text().split()[3] == f"{told['capacityGpuMs'] / 3_600_000:,g}"


def test_requests_are_told_alike(house: House, visit: Visits) -> None:
    one = visit()
    for row in listed(house, "requests", "-a"):
        one.shown(f"/requests/{row['id']}")
        told, terms = house.service.request(row["id"]), facts(one, "What is asked for")
        assert one.text(".verdict").split()[0] == standing(house, row)
        assert (terms["Team"], terms["By"]) == (row["team"], row["requester"])
        assert terms["For"] == " ".join(row["justification"].split())
        devices = sum(each["devices"] for each in row["terms"]["gpus"])
        assert terms["GPUs"].startswith(f"{devices} {row['terms']['gpus'][0]['flavor']} in ")
        assert terms["Price"] == money(row["terms"]["price"], "USD")
        since, until = (dt.datetime.fromisoformat(row["terms"][each]) for each in ("from", "until"))
        assert terms["Time"].startswith(duration((until - since).total_seconds()))
        if not (row["beginsWhenGiven"] and row["state"] == "waiting"):
            assert row["terms"]["until"][11:16] in terms["Time"]
        if told.budget_left is not None:
            assert terms["Budget left"].startswith(money(told.budget_left, "USD"))
        assert len(one.page.locator("ol.timeline li").all()) == len(row["decisions"])


def test_back_ends_are_told_alike(house: House, owner: Visit) -> None:
    owner.shown("/backends")
    cells = owner.page.locator("main tbody td").all_inner_texts()
    (backend,) = house.service.status().backends
    offered = ", ".join(f"{number:,} {name}" for name, number in backend.offer.accelerators.items())
    assert cells == [backend.name, backend.offer.kind, offered, "answers"]
