"""Three clusters over two real control planes, in a browser: one goes away, and comes back.

What is told of the others stays the same, and comes as soon; of the one that is away its age is told, on every screen.
(A fourth is declared, which nobody has ever reached.)
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from allotment.model.manifest import ObjectKey
from allotment.ports.sandboxes import Sandbox
from tests.live.fleet.test_many_clusters import context_of
from tests.live.kubernetes.wire import Wire, wire_to
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import SLOW, on_the_fleet
from tests.live.portal.house import House, started
from tests.live.portal.test_commands import copied, typed
from tests.live.portal.test_engineers import RESTING_ON_CLUSTERS
from tests.live.server.conftest import ROOT, Server
from tests.live.training import CLUSTER, Training

pytestmark = [pytest.mark.live, pytest.mark.nightly]
DEV, AWAY = "dev-eastus", "prod-inference-eastus"
OTHERS: Final = f"cluster={CLUSTER}&cluster={DEV}"
ASKED: Final = {
    "capacity": f"{OTHERS}&shape=8",
    "gpus": OTHERS,
    "queues": OTHERS,
    "quotas": OTHERS,
    "saturation": OTHERS,
    "waste": OTHERS,
    "who": OTHERS,
    "why": OTHERS,
}
"""What is asked of the clusters that are there."""
TIMES: Final = 7
"""How often each is asked, so that its usual time is known."""
SLOWER, GRACE = 2.0, 0.2
"""What is answered with one away may take so many times its usual time, and so many seconds: the machine is not quiet,
and who waits for a cluster that is away waits seconds."""
TOLD_WITHIN: Final = 75.0
"""Seconds until it is told that one is away: what was seen is believed for half a minute, and screens ask again after
as long."""
GOES_ON: Final = """\
kind: Job
name: deleted-by-hand
team: nlp
run: {script: train.py, image: "registry.acme.example/pytorch:2.4"}
resources: {accelerators: "a100:1", cpu: 4, memory: 16Gi}
"""
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


@dataclass
class Fleet:
    """A house of three clusters, one of them at the end of a wire."""

    house: House
    wire: Wire

    def answer(self, route: str, query: str) -> Mapping[str, Any]:
        path = f"/api/v1/answers/{route}?{query}"
        found: Mapping[str, Any] = self.house.service._ask("GET", path, "answer", dict)  # type: ignore[attr-defined]
        return found

    def state(self, name: str) -> dict[str, Any]:
        told = json.loads(self.house.server.run("cluster", "status", "-o", "json"))["items"]
        return next(each for each in told if each["name"] == name)

    def until(self, name: str, state: str) -> dict[str, Any]:
        ends = time.monotonic() + 120
        while (found := self.state(name))["state"] != state:
            assert time.monotonic() < ends, found
            time.sleep(1)
        return found


@pytest.fixture(scope="module")
def fleet(
    training: Training, sandbox: Sandbox, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet]:
    home = tmp_path_factory.mktemp("three")
    shutil.copytree(ROOT / "examples" / "acme", home / "my-platform")
    parts = [context_of(training.sandbox.kubeconfig, CLUSTER), context_of(sandbox.kubeconfig, DEV)]
    behind = context_of(sandbox.kubeconfig, AWAY)
    port = int(behind["clusters"][0]["cluster"]["server"].rpartition(":")[2])
    with wire_to(port) as wire:
        behind["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{wire.port}"
        parts.append(behind)
        merged = {key: [one for each in parts for one in each[key]] for key in behind}
        file = home / "kubeconfig"
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **merged}))
        server = Server(home, further={"KUBECONFIG": str(file)})
        server.environment["ALLOTMENT_PLATFORM"] = str(home / "my-platform")
        with started(server, ("--platform", str(home / "my-platform")), browser, None) as house:
            yield Fleet(house, wire)


@pytest.fixture
def here(fleet: Fleet) -> Iterator[Visit]:
    with on_the_fleet(fleet.house) as one:
        yield one


def told(fleet: Fleet) -> tuple[dict[str, str], dict[str, float]]:
    """What each answer says of the others, without moments, and its usual seconds."""
    said, took = {}, {}
    for route, query in ASKED.items():
        times = []
        for _ in range(TIMES):
            began = time.monotonic()
            found = fleet.answer(route, query)
            times.append(time.monotonic() - began)
        assert (found["partial"], found["stale"]) == (False, False), (route, found["sources"])
        said[route] = _MOMENT.sub("…", json.dumps(found["document"], sort_keys=True))
        took[route] = statistics.median(times)
    return said, took


def within(seconds: float, page: Page, holds: Callable[[], bool], what: str) -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, what
        page.wait_for_timeout(250)
    return time.monotonic() - began


def age_told(page: Page) -> int | None:
    """How old what is known of the one that is away is said to be, in seconds; None where nothing is said."""
    found = re.search(rf"{AWAY} as it was (?:(\d+) min)?\s?(?:(\d+) s)? ago", page.locator(".rests-on").inner_text())
    return found and 60 * int(found[1] or 0) + int(found[2] or 0)


def rows(page: Page) -> list[str]:
    """Those of the clusters that are there; what is said of a trend comes with the next look."""
    found = page.locator("main tbody tr").all_inner_texts()
    ours = (" ".join(each.split()) for each in found if AWAY not in each)
    return sorted(re.sub(r" (since \d\d:\d\d|none kept yet)", "", each) for each in ours)


def test_of_three_clusters_one_goes_away_and_comes_back(fleet: Fleet, here: Visit) -> None:
    for name in (CLUSTER, DEV, AWAY):
        fleet.until(name, "current")
    said, usual = told(fleet)
    there = {path: rows(here.shown(path)) for path in ("/accelerators", "/queues")}
    assert all(there.values()), there
    page = here.shown("/overview")
    assert page.locator(".rests-on").count() == 0 or AWAY not in page.locator(".rests-on").inner_text()

    fleet.wire.cut()
    took = within(
        TOLD_WITHIN, page, lambda: page.locator(".rests-on").count() == 1 and age_told(page) is not None, "no banner"
    )
    assert fleet.until(AWAY, "stale")["ageSeconds"] > 0
    first = age_told(page)
    assert first is not None
    within(TOLD_WITHIN, page, lambda: (age_told(page) or 0) > first, "its age stands still")
    # As fast, and the same, of the others.
    after, away = told(fleet)
    assert {route: each for route, each in after.items() if each != said[route]} == {}
    for route, seconds in away.items():
        assert seconds <= SLOWER * usual[route] + GRACE, (route, usual[route], seconds)
    # Of all together the last that was seen is told, with its age.
    joined = fleet.answer("gpus", "")
    source = next(each for each in joined["sources"] if each["name"] == AWAY)
    assert (joined["stale"], source["state"]) == (True, "stale")
    assert source["age_seconds"] >= first
    for path, before in there.items():
        assert rows(here.shown(path)) == before, path
    for path in sorted(RESTING_ON_CLUSTERS):
        here.shown(path)
        page.locator("main [data-state=stale]").first.wait_for()
        marks = page.locator("main [data-state=stale], main .rests-on")
        texts = [f"{each.inner_text()} {each.get_attribute('title') or ''}" for each in marks.all()]
        assert any(re.search(rf"{AWAY} as it was \d+ (s|min).* ago", each) for each in texts), (path, texts)
    here.shown("/clusters")
    (row,) = (each for each in page.locator("main tbody tr").all_inner_texts() if each.startswith(AWAY))
    assert "stale" in row
    # It comes back by itself, and so does the screen.
    here.shown("/overview")
    fleet.wire.mend()
    fleet.until(AWAY, "current")
    back = within(
        2 * TOLD_WITHIN,
        page,
        lambda: page.locator(".rests-on").count() == 0 or AWAY not in page.locator(".rests-on").inner_text(),
        "it is still said to be away",
    )
    sys.stdout.write(f"\nit is told after {took:.0f} s, and no more {back:.0f} s after it answers again\n")


def test_a_job_that_is_deleted_in_its_cluster_stays_to_be_found(fleet: Fleet, here: Visit, training: Training) -> None:
    """With its history and why it is over; whoever deleted it did so past us."""
    fleet.until(CLUSTER, "current")
    home = fleet.house.server.home
    (home / "train.py").write_text("print('hello')\n")
    (home / "job.yaml").write_text(GOES_ON)
    said = fleet.house.server.run("submit", "job.yaml", "--on", CLUSTER, "-o", "json")
    (taken,) = json.loads(said)["items"]
    found = {"labels": f"allotment.dev/job={taken['id']}", "namespace": "nlp"}
    page = here.shown(f"/jobs/{taken['id']}")
    fleet.house.until(taken["id"], lambda job: job.native is not None)
    (body,) = training.kube.list("batch/v1", "Job", **found)
    training.kube.delete("batch/v1", ObjectKey("batch", "Job", "nlp", body["metadata"]["name"]))
    ended = fleet.house.until(taken["id"], lambda job: job.state.over)
    page.locator(".verdict", has_text=ended.state.value).wait_for()
    why = ended.history.moves[-1].said
    assert why
    course = page.locator("ol.timeline").inner_text()
    assert "submitted" in course
    assert ended.state.value in course
    assert why in " ".join(here.text().split())
    # By whoever looks for it, wherever he looks.
    for path in (f"/jobs?state={ended.state.value}", "/jobs?q=deleted-by-hand"):
        here.shown(path)
        page.get_by_role("link", name="deleted-by-hand", exact=True).wait_for()
    here.shown("/")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or go to").fill("deleted-by-hand")
    page.get_by_role("option", name=re.compile("deleted-by-hand")).first.click()
    page.wait_for_url(f"**/jobs/{taken['id']}*")


def test_what_differs_is_mended_by_the_command_that_the_portal_copies(
    fleet: Fleet, here: Visit, training: Training
) -> None:
    fleet.until(CLUSTER, "current")
    quotas = [
        one for one in training.kube.list("v1", "ResourceQuota", namespace="nlp") if "pods" in one["spec"]["hard"]
    ]
    declared = quotas[0]["spec"]["hard"]["pods"]
    key = ObjectKey("", "ResourceQuota", "nlp", quotas[0]["metadata"]["name"])
    training.kube.merge_patch("v1", key, {"spec": {"hard": {"pods": "7"}}})
    page = here.open(f"/drift?cluster={CLUSTER}")
    row = page.get_by_role("row").filter(has_text=key.name)
    expect(row).to_be_visible(timeout=SLOW)
    row.get_by_role("button").first.click()
    opened = page.locator("tr.opened")
    assert '"7"' in opened.inner_text()
    # A terminal asks before anything is changed; here nobody sits at one.
    typed(fleet.house, copied(here, opened.get_by_role("button", name="Copy repair")) + " --yes")
    mended = training.kube.get("v1", key)
    assert mended is not None
    assert mended["spec"]["hard"]["pods"] == declared
    page.reload()
    page.get_by_role("heading", level=1).wait_for()
    expect(row).to_have_count(0, timeout=SLOW)
