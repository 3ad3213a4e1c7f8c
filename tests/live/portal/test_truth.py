"""Nothing is on the screen before it is known, and what is known no longer is said to be old."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Page, Route

from allotment.model.requests.request import RequestState
from allotment.ports.requests import RequestFilter
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import House

pytestmark = pytest.mark.live

CLAIMS: Final = re.compile(r"\d|\bnone\b|\bnobody\b|\bnothing\b|\bno \w+|\bnever\b", re.IGNORECASE)
"""What nobody can say before the server has."""
ALL_BUT_ME: Final = re.compile(r"/api/v1/(?!whoami)")
ME: Final = re.compile(r"/api/v1/whoami")
EVENTS: Final = re.compile(r"/api/v1/events")
REQUEST_ID: Final = "ab12-of-a-test"
PROBLEM: Final = {"what": "the cellar is flooded", "why": "it rained", "fix": "bring a bucket"}

PANELS: Final = {
    "/": {
        "Jobs": "loading empty error stale truncated",
        "My jobs": "loading empty error stale",
        "My requests": "loading empty error stale",
        "Requests to decide on": "loading empty error stale",
        "Quotas": "loading empty error stale",
        "Free by accelerator": "loading empty error stale",
        "Grants": "loading empty error stale",
        "Back ends": "loading empty error stale",
    },
    "/jobs": {"Jobs": "loading empty error stale truncated"},
    "/jobs/fine": {
        "Timeline": "loading error stale",
        "Log": "loading empty error",
        "What it asked for": "loading error stale",
        "What it used": "loading empty error stale",
        "Report": "loading error stale",
    },
    "/submit": {},
    "/requests": {"Requests": "loading empty error stale", "Grants": "loading empty error stale"},
    "/requests/REQUEST": {
        "What is asked for": "loading error stale",
        "What they needed so far": "loading empty error stale",
        "Who waits longer": "loading empty error stale partial",
        "Decisions": "loading empty error stale",
    },
    "/ask": {},
    "/onboard": {},
    "/leave": {},
    "/books": {"GPU-hours by cause": "loading error stale", "Teams this month": "loading empty error stale"},
    "/backends": {"Where jobs run": "loading empty error stale"},
}
"""The states that each panel of a screen can be in, besides that in which it shows what it has: what is told in one
piece cannot be cut, and what a form asks for is none of these."""


FORMS: Final = {"/submit", "/onboard", "/leave"}
"""Screens that show nothing before somebody has said what he wants."""


BY_DAY: Final = ("/", "/jobs", "/submit", "/books")


def by_address(house: House) -> dict[str, dict[str, str]]:
    one = house.service.requests(RequestFilter(states=frozenset({RequestState.WAITING}))).rows[-1]
    return {path.replace("REQUEST", one.id): panels for path, panels in PANELS.items()}


def states(page: Page) -> dict[str, tuple[str, str]]:
    """State and text of each panel, by its title without numbers."""
    found: list[tuple[str, str, str]] = page.evaluate(
        """() => [...document.querySelectorAll('main section.panel')].map((each) => [
             each.querySelector('h2').innerText,
             [...each.querySelectorAll('[data-state]')].map((one) => one.dataset.state).sort().join(' '),
             each.innerText])"""
    )
    return {re.sub(r"^\d[\d,]* (\w)", lambda at: at[1].upper(), title): (state, text) for title, state, text in found}


def refuse(route: Route) -> None:
    body = json.dumps({"title": "Conflict", "status": 409, **PROBLEM})
    route.fulfill(
        status=409, body=body, headers={"Content-Type": "application/problem+json", "X-Request-Id": REQUEST_ID}
    )


def told(kind: str, number: int) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {{}}\n\n"


@pytest.mark.parametrize("only", [BY_DAY, pytest.param((), marks=pytest.mark.nightly)])
def test_no_number_and_no_none_is_shown_before_it_was_told(house: House, visit: Visits, only: tuple[str, ...]) -> None:
    """The page alone first, then its frame, then its data."""
    one = visit()
    for path in only or by_address(house):
        with one.held(ALL_BUT_ME) as data, one.held(ME) as frame:
            one.open(path)
            one.page.locator("[data-state=loading]").first.wait_for()
            assert not CLAIMS.search(one.told("body")), f"{path}: {one.told('body')}"
            frame.release()
            one.page.locator("main h1, main .panel").first.wait_for()
            # The list of jobs does not wait for the stream for ever.
            one.page.wait_for_timeout(1000)
            assert not CLAIMS.search(one.told()), f"{path}: {one.told()}"
            counts = one.page.locator("nav a.entry span + span, header.top .balance")
            assert counts.count() == 0, f"{path}: {counts.all_inner_texts()}"
            if path not in FORMS:
                assert one.page.locator("main [data-state=loading]").count() >= 1, path
            data.release()
            one.settle()
        one.page.unroute_all()


@pytest.mark.nightly
def test_every_panel_tells_loading_failed_and_old_apart(house: House, visit: Visits) -> None:
    one = visit()
    for path, panels in by_address(house).items():
        seen: dict[str, dict[str, str]] = {title: {} for title in panels}
        with one.held(ALL_BUT_ME) as data:
            one.open(path)
            one.page.locator("main h1, main .panel").first.wait_for()
            one.page.wait_for_timeout(200)
            see(one, "loading", panels, seen)
            data.release()
        one.page.unroute_all()
        one.page.route(ALL_BUT_ME, refuse)
        one.open(path)
        failed = "(most) => document.querySelectorAll('main section.panel [data-state=error]').length >= most"
        one.page.wait_for_function(failed, arg=len(panels))
        see(one, "error", panels, seen)
        for title in panels:
            panel = one.page.locator("section.panel", has=one.page.locator("h2", has_text=title)).first
            text = panel.inner_text()
            assert all(each in text for each in (*PROBLEM.values(), REQUEST_ID)), f"{path}, {title}: {text}"
            assert panel.get_by_role("button", name="Ask again").count() == 1, f"{path}, {title}"
        one.page.unroute_all()
        grown_old(one, path, sum("stale" in can for can in panels.values()))
        see(one, "stale", panels, seen)
        for title, by in seen.items():
            # The stream ends in this test, too: jobs may tell of that.
            old = by.get("stale", "1 s old: the server")
            assert re.search(r"\d+ (s|min).* old: the (cellar|server)", old), f"{path}, {title}: {old}"
            assert len(set(by.values())) == len(by), f"{path}, {title} looks the same: {by}"
        one.page.unroute_all()


def see(one: Visit, state: str, panels: dict[str, str], seen: dict[str, dict[str, str]]) -> None:
    """Each panel that can be so is so; its text is kept."""
    found = states(one.page)
    assert set(found) - {"What becomes of it", "What it would do"} == set(panels), f"{one.page.url}: {sorted(found)}"
    for title, can in panels.items():
        if state in can.split():
            is_, text = found[title]
            assert state in is_.split(), f"{one.page.url}, {title}: {is_} instead of {state}: {text}"
            assert (title, state) != ("Jobs", "stale") or "empty" not in is_, text
            seen[title][state] = text


def grown_old(one: Visit, path: str, panels: int) -> None:
    """What is shown cannot be read anew, once so many panels have it."""
    frames = [told("begin", 1)]

    def stream(route: Route) -> None:
        route.fulfill(body=frames.pop() if frames else "", content_type="text/event-stream")

    one.page.route(EVENTS, stream)
    one.shown(path)
    one.page.route(re.compile(r"/api/v1/(?!whoami|events)"), refuse)
    frames.append(told("reset", 2))
    one.page.wait_for_function(
        "(most) => document.querySelectorAll('[data-state=stale]').length >= most",
        arg=panels,
        # Each stream that ends at once is opened again a little later.
        timeout=60_000,
    )


NOTHING: Final = {
    "jobs?": {"page": {"rows": [], "next": None}},
    "requests?": {"page": {"rows": [], "next": None}},
    "grants?": {"page": {"rows": [], "next": None}},
    "balances": {"balances": []},
}
"""Answers of a server that has nothing, by how their address begins."""


NOW: Final = "performance.now()"
"""Milliseconds since the page began to load."""


def emptied(route: Route) -> None:
    path = route.request.url.partition("/api/v1/")[2]
    if path.split("?")[0].endswith("/log"):
        route.fulfill(body="[]\n", content_type="application/x-ndjson")
        return
    for begin, answer in NOTHING.items():
        if path.startswith(begin):
            route.fulfill(json={"version": 1, **answer})
            return
    answer = route.fetch()
    said = answer.json()
    if path.startswith("status"):
        said["status"]["backends"] = []
    elif path.startswith("answers/"):
        said["answer"]["document"]["items"] = []
    elif "job" in said:
        said["job"]["use"] = None
    elif path.startswith("requests/"):
        said["told"] |= {"need": None, "effects": [], "unknown": ""}
    route.fulfill(response=answer, json=said)


def cut(route: Route) -> None:
    answer = route.fetch()
    said = answer.json()
    if "after_id" not in route.request.url:
        kept = said["page"]["rows"][:7]
        said["page"] = {"rows": kept, "next": {"id": kept[-1]["id"], "submitted": kept[-1]["submitted"]}}
    route.fulfill(response=answer, json=said)


@pytest.mark.nightly
def test_what_is_empty_says_what_to_do_next_and_what_is_cut_or_lacks_something_says_so(
    house: House, visit: Visits
) -> None:
    one = visit()
    for path, panels in by_address(house).items():
        if not any("empty" in can for can in panels.values()):
            continue
        one.page.route(re.compile(r"/api/v1/(?!whoami|events)"), emptied)
        one.shown(path)
        one.page.wait_for_timeout(300)
        found = states(one.page)
        for title, can in panels.items():
            if "empty" in can.split():
                state, text = found[title]
                assert "empty" in state.split(), f"{path}, {title}: {state} {text}"
                assert len(text.splitlines()) > 1, f"{path}, {title} says nothing: {text}"
        one.page.unroute_all()

    # The second page of the list does not come: what is there is the newest of more.
    def cut(route: Route) -> None:
        if "after_id" in route.request.url:
            return  # never answered
        answer = route.fetch()
        said = answer.json()
        said["page"]["rows"] = said["page"]["rows"][:7]
        said["page"]["next"] = {
            "id": said["page"]["rows"][-1]["id"],
            "submitted": said["page"]["rows"][-1]["submitted"],
        }
        route.fulfill(response=answer, json=said)

    one.page.route(re.compile(r"/api/v1/jobs\?"), cut)
    for path in ("/", "/jobs"):
        one.open(path)
        one.page.locator("[data-state=truncated]", has_text="the newest 7").wait_for()
    one.page.unroute_all()
    (request,) = (path for path in by_address(house) if path.startswith("/requests/"))
    one.shown(request)
    state, text = states(one.page)["Who waits longer"]
    assert "partial" in state
    assert "not all is known" in text


@pytest.mark.nightly
def test_a_source_that_hangs_or_fails_keeps_its_own_panel_only(visit: Visits) -> None:
    """The others are painted while it hangs."""
    one = visit()
    one.shown("/")
    one.shown("/")
    whole = one.page.evaluate(NOW)
    sources = {
        re.compile(r"/api/v1/(jobs|events)\b"): {"Jobs", "My jobs"},
        re.compile(r"/api/v1/requests\b"): {"My requests", "Requests to decide on"},
        re.compile(r"/api/v1/answers/teams\b"): {"Quotas"},
        re.compile(r"/api/v1/answers/gpus\b"): {"Free by accelerator"},
        re.compile(r"/api/v1/grants\b"): {"Grants"},
        re.compile(r"/api/v1/status\b"): {"Back ends"},
    }
    for pattern, own in sources.items():
        with one.held(pattern):
            one.open("/")
            one.page.wait_for_function(
                "(own) => [...document.querySelectorAll('main section.panel')].length === 8 &&"
                " document.querySelectorAll('main [data-state=loading]').length === own",
                arg=len(own),
            )
            took = one.page.evaluate(NOW) - whole
            assert took < 1000, f"the others come {took:.0f} ms later where {sorted(own)} hang"
            found = states(one.page)
            assert {title for title, (state, _) in found.items() if state == "loading"} == own
        one.page.unroute_all()
        one.page.route(pattern, refuse)
        one.open("/")
        one.page.wait_for_timeout(800)
        one.settle()
        assert {title for title, (state, _) in states(one.page).items() if "error" in state} == own
        one.page.unroute_all()


def banner(one: Visit) -> str | None:
    found = one.page.locator("header.top").inner_text()
    return found if "old" in found else None


def waited(what: Callable[[], object], seconds: float) -> float:
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it has not come about"
        time.sleep(0.1)
    return time.monotonic() - began


def rows(one: Visit) -> list[str]:
    found: list[str] = one.page.evaluate(
        "() => [...document.querySelectorAll('main tr[aria-rowindex] td:nth-child(2) a')].map((each) => each.innerText)"
    )
    return found


def test_a_lost_stream_is_told_within_ten_seconds_and_nothing_is_missing_or_twice_afterwards(
    house: House, visit: Visits
) -> None:
    one, name = visit(), f"gap-{secrets.token_hex(2)}"
    one.shown(f"/jobs?q={name}")
    assert rows(one) == []
    house.submit(f"{name}-0", "true")
    waited(lambda: rows(one) == [f"{name}-0"], 10)
    assert banner(one) is None
    try:
        # Nothing breaks, and nothing comes: that has to be noticed by itself.
        house.line.silence()
        began = time.monotonic()
        for number in range(1, 4):
            house.submit(f"{name}-{number}", "true")
        waited(lambda: banner(one), 12)
        took = time.monotonic() - began
        assert took <= 10.5, f"{took:.1f} s until it was told"
        age = re.search(r"(\d+) s old", banner(one) or "")
        assert age is not None
        assert int(age[1]) >= 5, "the age counts from when the server was heard of last"
        house.line.cut()
        house.submit(f"{name}-4", "true")
        assert rows(one) == [f"{name}-0"]
    finally:
        house.line.mend()
    waited(lambda: banner(one) is None, 15)
    waited(lambda: len(rows(one)) >= 5, 5)
    one.page.wait_for_timeout(500)
    assert rows(one) == [f"{name}-{number}" for number in (4, 3, 2, 1, 0)]
    assert not [each for each in one.asked[-8:] if "after_id" in each], "it goes on where it was"
