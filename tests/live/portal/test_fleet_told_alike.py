"""Lists of the fleet show what the server's answers have, number by number.

An answer's document is the command's of `-o json`, which tests of both doors show. A fleet that lives changes between
two questions: what is compared is the answer that the page itself was given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest
from playwright.sync_api import Route

from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import on_the_fleet
from tests.live.portal.house import House

pytestmark = [pytest.mark.live, pytest.mark.nightly]

WIDE: Final = {"width": 1900, "height": 1000}
HOUR: Final = 3_600_000
"""Milliseconds: of a moment it is told what an hour of it would be."""
_READ: Final = """(table) => {
  const heads = [...table.querySelectorAll('thead th')].map((each) => each.innerText.replace(/[↑↓]/g, '').trim())
  return [...table.querySelectorAll('tbody tr[aria-rowindex]')].map((row) =>
    Object.fromEntries([...row.querySelectorAll('td')].map((cell, at) => [heads[at], cell.innerText.trim()])))
}"""


@pytest.fixture
def here(demo: House) -> Iterator[Visit]:
    with on_the_fleet(demo, viewport=WIDE) as one:
        yield one


def told(one: Visit, path: str, *names: str) -> dict[str, Any]:
    """Open a screen that is given each answer once, and hold it there; its documents by their names.

    Those that are named are waited for, be they beside what the screen is of.
    """
    found: dict[str, Any] = {}

    def once(route: Route) -> None:
        name = route.request.url.partition("/answers/")[2]
        if name not in found:
            answer = route.fetch()
            found[name] = answer
        route.fulfill(response=found[name])

    one.page.route(re.compile(r"/api/v1/answers/"), once)
    one.shown(path)
    for _ in range(60):
        one.page.wait_for_timeout(500)
        if (heard := {name.partition("?")[0] for name in found}) >= set(names):
            break
    assert heard >= set(names)
    return {name.partition("?")[0]: each.json()["answer"]["document"] for name, each in found.items() if each.ok}


def listed(one: Visit, label: str) -> Sequence[Mapping[str, str]]:
    """Rows of a table, cell by the head of its column: as many as are painted of a long one."""
    found: list[dict[str, str]] = one.page.locator(f'main table[aria-label="{label}"]').evaluate(_READ)
    assert found, label
    return found


def number(said: str) -> int | None:
    """None where nothing is told of it."""
    return None if said == "\u2013" else int(said.replace(",", "").split()[0])


def test_who_holds_what(here: Visit) -> None:
    document = told(here, "/accelerators")["who"]
    held = Counter((each["team"], f"{each['devices']:,} {each['accelerator']}") for each in document["items"])
    rows = listed(here, "Who holds what")
    shown = Counter((row["Team"], row["GPUs"]) for row in rows)
    assert shown <= held, shown - held
    idle = sum(each["idleDevices"] or 0 for each in document["items"])
    devices = sum(each["devices"] for each in document["items"])
    title = here.page.locator("section.panel h2").first.inner_text()
    assert title == f"{len(document['items']):,} holds: {devices:,} GPUs, {idle:,} idle"
    assert document["devices"] == devices
    longest = [each for each in document["items"] if each["idleDevices"]]
    assert len([row for row in rows if "idle" in row["Idle"]]) == min(len(longest), len(rows)), (
        "the idle ones come first"
    )


def test_what_there_is(here: Visit) -> None:
    document = told(here, "/accelerators")["gpus"]
    rows = listed(here, "What there is")
    assert len(rows) == len(document["items"])
    for row in rows:
        (room,) = (
            each
            for each in document["items"]
            if (each["accelerator"], each["cluster"]) == (row["Accelerator"], row["Cluster"])
        )
        told_there = (room["total"], room["used"], room["free"], room["idleHeld"])
        assert tuple(number(row[each]) for each in ("All", "Held", "Free", "Idle")) == told_there


def test_queues(here: Visit) -> None:
    document = told(here, "/queues")["queues"]
    uses = {
        (each["clusterQueue"], use["flavor"]): use
        for each in document["items"]
        for use in each["quotas"]
        if use["resource"] == "nvidia.com/gpu"
    }
    pending = {each["clusterQueue"]: each["pending"] for each in document["items"]}
    seen, queue = 0, ""
    for row in listed(here, "Queues"):
        words = row["Queue"].lstrip("▾▸").split()
        queue, flavor = (words[0], words[-1]) if words[0] in pending else (queue, words[0])
        if row["Waits"] and words[0] in pending:
            assert number(row["Waits"]) == pending[queue], row
        if (use := uses.get((queue, flavor))) is None:
            continue
        told_there = tuple(use[each] for each in ("used", "nominal", "borrowed", "lent"))
        assert tuple(number(row[each]) for each in ("Used", "Nominal", "Borrowed", "Lent")) == told_there, row
        seen += 1
    assert seen >= 10


def test_a_tree_of_queues_opens_and_closes(here: Visit) -> None:
    told(here, "/queues")
    tree = here.page.locator('main table[aria-label="Queues"]')
    before = int(tree.get_attribute("aria-rowcount") or 0)
    button = here.page.get_by_role("button", name=re.compile("^Close ")).first
    name = (button.get_attribute("aria-label") or "").partition(" ")[2]
    button.click()
    again = here.page.get_by_role("button", name=f"Open {name}", exact=True).first
    again.wait_for()
    assert int(tree.get_attribute("aria-rowcount") or 0) < before
    again.click()
    here.page.get_by_role("button", name=f"Close {name}", exact=True).first.wait_for()
    assert int(tree.get_attribute("aria-rowcount") or 0) == before


def test_quotas_lead_to_their_terms(here: Visit) -> None:
    documents = told(here, "/quotas", "teams", "queues")
    queues = {
        (each["cluster"], each["clusterQueue"], use["flavor"]): use
        for each in documents["queues"]["items"]
        for use in each["quotas"]
        if use["resource"] == "nvidia.com/gpu"
    }
    seen = 0
    for row in listed(here, "Quotas"):
        use = queues.get((row["Cluster"], row["Team"], row["Flavor"]))
        if use is None:
            continue
        assert (number(row["Guaranteed"]), number(row["Used"])) == (use["nominal"], use["used"]), row
        assert number(row["Borrowed"]) == use["borrowed"], row
        seen += 1
    assert seen >= 10


def test_where_devices_go(here: Visit) -> None:
    document = told(here, "/waste")["waste"]
    devices: Counter[str] = Counter()
    for each in document["entries"]:
        devices[each["cause"]] += each["gpuMs"]
    rows = listed(here, "Devices by cause")
    assert len(rows) == len(devices)
    share = sum(number(row["GPUs"]) or 0 for row in rows)
    assert share == pytest.approx(sum(devices.values()) / HOUR, rel=0.01)


def test_teams(here: Visit) -> None:
    documents = told(here, "/teams", "teams", "queues", "waste")
    teams = {each["name"]: each for each in documents["teams"]["items"]}
    queues: dict[str, list[dict[str, Any]]] = {}
    for each in documents["queues"]["items"]:
        queues.setdefault(each["clusterQueue"], []).append(each)
    rows = listed(here, "Teams")
    assert f"{len(teams)} teams" in here.page.locator("section.panel h2").first.inner_text()
    for row in rows:
        team = teams[row["Team"].split()[0]]
        places = [each for place in team["placements"] for each in place["accelerators"]]
        assert number(row["Guaranteed"]) == sum(each["nominal"] for each in places), row
        own = queues.get(team["id"], [])
        uses = [use for each in own for use in each["quotas"] if use["resource"] == "nvidia.com/gpu"]
        assert number(row["Used"]) == sum(each["used"] for each in uses), row
        assert number(row["Borrowed"]) == sum(each["borrowed"] for each in uses), row
        assert number(row["Waits"]) == sum(each["pending"] for each in own), row


def test_clusters(here: Visit) -> None:
    document = told(here, "/clusters")["clusters"]
    states = {each["name"]: each["state"] for each in document["items"]}
    assert {row["Cluster"]: row["State"] for row in listed(here, "Clusters")} == states


def test_nodes(here: Visit) -> None:
    document = told(here, "/fleet")["waste"]
    devices: Counter[tuple[str, str]] = Counter()
    free: Counter[tuple[str, str]] = Counter()
    for each in document["entries"]:
        devices[each["cluster"], each["node"]] += each["gpuMs"]
        free[each["cluster"], each["node"]] += each["gpuMs"] if each["cause"] == "unallocated" else 0
    rows = listed(here, "Nodes")
    assert f"{len(devices):,} nodes" in here.page.locator("section.panel h2").last.inner_text()
    for row in rows:
        shown = 0 if row["Free"] == "\u00b7" else number(row["Free"])
        assert shown == pytest.approx(free[row["Cluster"], row["Node"]] / HOUR, abs=0.5), row


def test_what_differs_from_what_is_declared(here: Visit) -> None:
    document = told(here, "/drift")["drift"]
    objects = Counter(
        (each["name"], one["object"]["kind"], one["object"]["name"])
        for each in document["clusters"]
        for one in each["objects"]
    )
    assert objects, "the fleet has something that somebody has changed by hand"
    shown = here.page.locator('main table[aria-label="What differs"] tbody tr button[aria-controls]')
    names = [each.split() for each in shown.all_inner_texts()]
    assert Counter((kind, name) for _, kind, name in names) == Counter(
        (kind, name) for _, kind, name in objects.elements()
    )
