"""Each screen's commands are commands: what is copied there is understood, and tells what the screen shows."""

from __future__ import annotations

import json
import re
from typing import Final

import pytest

from allotment.wiring import running
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import on_the_fleet
from tests.live.portal.house import House
from tests.live.portal.test_commands import typed
from tests.live.portal.test_engineers import FLEET

pytestmark = [pytest.mark.live, pytest.mark.nightly]

NOT_HERE: Final = re.compile(r"^allot (?:stop|retry|submit|up|drift|plan|prove) ?|^kubectl |--follow$")
"""What does something, goes on, or asks a cluster by itself, where a demo has none: tests of these acts run it."""


def offered(one: Visit, path: str) -> list[str]:
    """Commands that a screen has beside what it shows."""
    one.shown(path)
    one.page.wait_for_timeout(500)
    titles = one.page.locator("main button.copy").evaluate_all("(all) => all.map((each) => each.title)")
    return [line for each in titles for line in each.splitlines() if not NOT_HERE.search(line)]


def test_every_command_that_a_screen_offers_runs(demo: House) -> None:
    with on_the_fleet(demo) as one:
        one.shown("/jobs")
        (job,) = one.page.locator("main tr[aria-rowindex] a").evaluate_all("(all) => [all[0].pathname]")
        screens = (*FLEET.values(), "/", "/jobs", job, "/requests", "/requests?show=all", "/books", "/backends")
        found = {path: offered(one, path) for path in screens}
        clusters = {each.name for each in demo.service.status().backends}
    asked = [each for each in found["/accelerators"] if each.startswith("allot who")]
    assert {each.partition("--on ")[2] for each in asked} == clusters, "what is shown of all is asked of each"
    assert sum(bool(each) for each in found.values()) >= 15
    # Commands that read what is declared do so where it lies.
    directory = running.demo_folder(running.server_folder(demo.server.environment)) / "platform"
    wrong = []
    # Of one cluster is enough.
    for command in {each.partition(" --on ")[0]: each for path in found for each in found[path]}.values():
        try:
            typed(demo, f"ALLOTMENT_PLATFORM={directory} {command}")
        except AssertionError as error:
            wrong.append(str(error))
    assert wrong == []


def test_who_holds_what_is_told_alike_by_screen_and_command(house: House, owner: Visit) -> None:
    page = owner.shown("/accelerators")
    heading = page.locator("section.panel h2").first.inner_text()
    (command,) = (each for each in offered(owner, "/accelerators") if each.startswith("allot who"))
    assert command == "allot who --on local"
    items = json.loads(typed(house, f"{command} -o json"))["items"]
    devices = sum(each["devices"] for each in items)
    assert heading.startswith(f"{len(items)} hold{'' if len(items) == 1 else 's'}: {devices} GPU")
