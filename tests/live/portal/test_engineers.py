"""The engineer's screens over a fleet that lives: held to what all others are, whichever routes the portal has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Route

from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import on_the_fleet
from tests.live.portal.house import HOSTILE, House
from tests.live.portal.test_open_to_all import LEAST, SMALL, WIDE
from tests.live.portal.test_truth import (
    ALL_BUT_ME,
    CLAIMS,
    ME,
    PANELS,
    PROBLEM,
    REQUEST_ID,
    grown_old,
    refuse,
    states,
)

pytestmark = [pytest.mark.live, pytest.mark.nightly]

ROUTES: Final = Path(__file__).parents[3] / "portal" / "src" / "main.tsx"
FLEET: Final = {
    "/overview": "/overview",
    "/fleet": "/fleet",
    "/accelerators": "/accelerators",
    "/queues": "/queues",
    "/quotas": "/quotas",
    "/simulate": "/simulate?cluster=dev-eastus&change=hold:cv",
    "/drift": "/drift?cluster=dev-eastus",
    "/waiting": "/waiting",
    "/teams": "/teams",
    "/teams/$team": "/teams/nlp",
    "/waste": "/waste",
    "/policies": "/policies",
    "/clusters": "/clusters",
    "/audit": "/audit",
    "/help": "/help",
    "/help/$code": "/help/ALT-1001",
}
"""An address of each route that shows the fleet."""
OTHERS: Final = {"/jobs/$id": "/jobs/fine", "/requests/$id": "/requests/REQUEST"}
"""Of those that are looked at in the house of a team."""
RESTING_ON_CLUSTERS: Final = {"/overview", "/fleet", "/accelerators", "/queues", "/waiting", "/waste"}
"""Routes all panels of which tell what was seen in clusters."""
RESTING_ON_NONE: Final = {"/clusters", "/audit", "/help", "/help/$code"}
"""Routes that tell what is declared or kept, or of clusters one by one."""
WIDTHS: Final = (320, 640, 1024)


@pytest.fixture
def dark(demo: House) -> Iterator[Visit]:
    with on_the_fleet(demo, color_scheme="dark") as one:
        yield one


def test_each_route_of_the_portal_is_looked_at() -> None:
    routes = re.findall(r"createRoute\(\{.*?path: '([^']+)'", ROUTES.read_text(encoding="utf-8"))
    looked_at = {*FLEET, *(each for each in PANELS if each not in OTHERS.values()), *OTHERS}
    assert sorted(routes) == sorted(looked_at)
    assert set(OTHERS.values()) <= set(PANELS)


def test_nothing_is_claimed_before_it_was_told(here: Visit) -> None:
    for path in FLEET.values():
        with here.held(ALL_BUT_ME) as data, here.held(ME) as frame:
            here.open(path)
            here.page.locator("[data-state=loading]").first.wait_for()
            assert not CLAIMS.search(here.told("body")), f"{path}: {here.told('body')}"
            frame.release()
            here.page.locator("main .panel, main [data-state=loading]").first.wait_for()
            here.page.wait_for_timeout(1000)
            said = _but_what_was_asked(here.told())
            assert not CLAIMS.search(said), f"{path}: {said}"
            assert here.page.locator("main [data-state=loading]").count() >= 1, path
            found = {title: state for title, (state, _) in states(here.page).items()}
            assert set(found.values()) <= {"loading"}, f"{path}: {found}"
            data.release()
            here.settle()
        here.page.unroute_all()


def _but_what_was_asked(said: str) -> str:
    """A screen may say what its own address asks for: how many changes, and which."""
    return re.sub(r"With \d+ change.*|ALT-\d+", "", said)


def test_every_panel_that_fails_says_why_and_asks_again(here: Visit) -> None:
    here.page.route(ALL_BUT_ME, refuse)
    for path in FLEET.values():
        here.open(path)
        here.page.locator("main section.panel [data-state=error]").first.wait_for()
        here.settle()
        found = states(here.page)
        for title, (state, text) in found.items():
            assert "error" in state.split(), f"{path}, {title}: {state or 'shown'}: {text}"
            assert all(each in text for each in (*PROBLEM.values(), REQUEST_ID)), f"{path}, {title}: {text}"
        failed = here.page.locator("main section.panel [data-state=error]")
        assert failed.get_by_role("button", name="Ask again").count() == failed.count(), path


def test_what_is_shown_and_cannot_be_read_anew_is_told_to_be_old(here: Visit) -> None:
    for path in FLEET.values():
        grown_old(here, path, 1)
        here.page.wait_for_timeout(1500)
        for title, (state, text) in states(here.page).items():
            assert {"stale", "error"} & set(state.split()), f"{path}, {title}: {state or 'shown'}: {text}"
            if "stale" in state.split():
                assert re.search(r"\d+ (s|min).* old", text), f"{path}, {title}: {text}"
        here.page.unroute_all()


def answers(change: Callable[[dict[str, Any]], None]) -> Callable[[Route], None]:
    """Each answer as the server gives it, changed."""

    def told(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        if isinstance(said, dict) and "answer" in said:
            change(said)
        route.fulfill(response=answer, json=said)

    return told


def test_what_rests_on_a_cluster_that_is_away_says_which_and_how_old(here: Visit) -> None:
    def lacking(said: dict[str, Any]) -> None:
        answer = said["answer"]
        if not answer["sources"]:
            return
        answer["partial"] = answer["stale"] = True
        answer["sources"][0] |= {"state": "stale", "age_seconds": 4321, "why": "the cable is cut"}
        answer["sources"][0]["gaps"] = [
            {"what": "pods", "namespace": "", "reason": "Forbidden", "detail": "a test's reason"}
        ]

    here.page.route(re.compile(r"/api/v1/answers/"), answers(lacking))
    for name, path in FLEET.items():
        here.shown(path)
        here.page.wait_for_timeout(300)
        found = states(here.page)
        marked = {title for title, (state, _) in found.items() if {"stale", "partial"} & set(state.split())}
        if name not in RESTING_ON_NONE:
            assert marked, f"{path}: {found}"
        if name in RESTING_ON_CLUSTERS:
            assert marked == set(found), f"{path}: {set(found) - marked} say nothing of it"


SUMS: Final = (
    r"Broken\?", r"Wasted\?", r"At risk\?", r"With 1 change.*", "This month", "Limits by layer",
    r"teams/.*\.yaml", "Declared policies", r"The newest .*|Acts", "The chain", ".*, of the .* layer",
)  # fmt: skip
"""Panels that tell numbers, which may be 0, and those of what is declared or kept, which no fleet bears on."""


def nothing(said: dict[str, Any]) -> None:
    """An answer of a fleet in which there is nothing of the kind."""
    document = said["answer"]["document"]
    document |= {
        name: [] if isinstance(value, list) else 0
        for name, value in document.items()
        if isinstance(value, list) or (isinstance(value, int) and not isinstance(value, bool))
    }


def test_a_panel_without_anything_says_so_and_what_to_do_next(here: Visit) -> None:
    here.page.route(re.compile(r"/api/v1/answers/"), answers(nothing))
    for path in FLEET.values():
        here.shown(path)
        here.page.wait_for_timeout(300)
        for title, (state, text) in states(here.page).items():
            if any(re.fullmatch(each, title) for each in SUMS):
                continue
            assert "empty" in state.split(), f"{path}, {title}: {state or 'shown'}: {text}"
            assert len(text.splitlines()[-1].split()) >= 4, f"{path}, {title} says nothing: {text}"


def test_axe_finds_nothing_by_day_and_by_night(here: Visit, dark: Visit) -> None:
    found = []
    for one in (here, dark):
        one.shown("/help")
        for path in FLEET.values():
            one.turned(path)
            one.page.wait_for_timeout(300)
            found += [f"{path}: {each}" for each in one.axe()]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_screen_scrolls_sideways_and_all_can_be_hit(demo: House, width: int) -> None:
    with on_the_fleet(demo, viewport={"width": width, "height": 800}, has_touch=width < 640) as one:
        one.shown("/help")
        found = []
        for path in FLEET.values():
            one.turned(path)
            one.page.wait_for_timeout(300)
            wrong: Sequence[str] = one.page.evaluate(WIDE) + one.page.evaluate(SMALL, LEAST)
            found += [f"{path} at {width}: {each}" for each in wrong]
        assert found == [], "\n".join(found)


WRITTEN: Final = {
    "job", "person", "object", "reason", "message", "detail", "why", "fix", "by", "annotation", "label", "said", "note",
    "notes", "cause_said", "what", "text", "workload", "title", "sentence", "email", "contact", "description",
}  # fmt: skip
"""Fields into which whoever has a namespace, or a node, may write what he likes."""


def hurting(value: Any, key: str = "") -> Any:
    """The same with what a stranger would write in each field that he may write."""
    if isinstance(value, dict):
        return {name: hurting(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [hurting(each, key) for each in value]
    if isinstance(value, str) and value and key in WRITTEN:
        return f"{value} {' '.join(HOSTILE)}"
    return value


def test_what_strangers_write_into_clusters_stays_text(here: Visit) -> None:
    seen = 0

    def hurt(route: Route) -> None:
        answer = route.fetch()
        said = hurting(answer.json())
        # What an answer is of is no stranger's to write.
        route.fulfill(status=answer.status, headers=answer.headers, body=json.dumps(said))

    here.page.route(re.compile(r"/api/v1/(answers|requests|grants|audit)\b"), hurt)
    for path in FLEET.values():
        here.shown(path)
        here.page.wait_for_timeout(500)
        assert here.page.evaluate("window.hurt") is None, path
        strange = here.page.locator("main img, main script, main style, main iframe, main [onerror], main [onload]")
        assert strange.count() == 0, path
        foreign = here.page.evaluate(
            "() => [...document.querySelectorAll('a[href]')].map((each) => each.protocol)"
            ".filter((each) => each !== location.protocol && each !== 'https:' && each !== 'mailto:')"
        )
        assert foreign == [], path
        seen += HOSTILE[0][:20] in here.text()
    assert seen >= 5, "what was written is shown, as text"
