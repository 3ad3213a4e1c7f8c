"""Drift, quotas and two futures, on a fleet that lives: what is shown is what commands tell, and acts act."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from allotment.wiring import running
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import SLOW
from tests.live.portal.house import House
from tests.live.portal.test_commands import copied, typed
from tests.live.portal.test_truth import refuse

pytestmark = [pytest.mark.live, pytest.mark.nightly]

CLUSTER: Final = "dev-eastus"
PLACE: Final = "cv/t4-spot/nvidia.com/gpu"


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + 120
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return value


def panel(page: Page, title: str) -> Any:
    return page.locator("section.panel", has=page.get_by_role("heading", name=title))


def nominal(demo: House) -> int:
    """Of the queue, as the command tells it."""
    queues = json.loads(demo.server.run("queues", "--on", CLUSTER, "-o", "json"))["items"]
    quotas = next(each["quotas"] for each in queues if each["clusterQueue"] == "cv")
    return next(each["nominal"] for each in quotas if each["flavor"] == "t4-spot")


def test_drift_is_a_difference_with_who_changed_it_and_what_mends_it(demo: House, here: Visit) -> None:
    page = here.open(f"/drift?cluster={CLUSTER}")
    expect(panel(page, "2 objects")).to_be_visible(timeout=SLOW)
    row = page.get_by_role("row", name="ResourceQuota")
    assert "kubectl-edit" in row.inner_text()
    row.get_by_role("button").click()
    assert "about=" in page.url, "what is open stands in the address"
    text = page.locator("tr.opened").inner_text()
    assert ".spec.hard.pods" in text
    assert '"900"' in text
    assert "changed by kubectl-edit" in text
    mends = copied(here, page.locator("tr.opened").get_by_role("button", name="Copy repair"))
    assert mends == f"allot drift --cluster {CLUSTER} --repair"
    page.get_by_role("button", name="missing").click()
    expect(panel(page, "1 object")).to_contain_text("NetworkPolicy")
    page.get_by_label("Filter").fill("no such object")
    expect(page.locator("[data-state=empty]")).to_be_visible()
    page.go_back()
    expect(page.locator("tr.opened")).to_be_visible()
    # By keys alone.
    page = here.open(f"/drift?cluster={CLUSTER}")
    expect(panel(page, "2 objects")).to_be_visible(timeout=SLOW)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("tr.opened")).to_be_visible()


def told_past(page: Page) -> str:
    """Of a page loaded anew, the trend of cv in words: of a line, or where one stretch alone is known."""
    page.reload()
    expect(page.get_by_role("note", name="What the trend shows")).to_be_visible(timeout=SLOW)
    row = page.locator("tr[aria-rowindex]", has=page.locator(".tree-name").get_by_text("cv", exact=True)).first
    for each in row.locator("td[data-head=Trend] :is(svg.spark, [title])").all():
        return each.get_attribute("aria-label") or each.get_attribute("title") or ""
    return ""


def unseen(page: Page) -> set[str]:
    """How much of the week was before the first look's four hours; the present four are looked at in minutes."""
    note = page.get_by_role("note", name="What the trend shows")
    assert "What is known begins" in note.inner_text()
    first = datetime.fromisoformat(note.locator("time").get_attribute("datetime") or "")
    past = datetime.now(UTC) - first
    seen = {int(each / timedelta(hours=4)) + 1 for each in (past, past - timedelta(minutes=6))}
    return {f"6 d {24 - 4 * each} h" for each in seen}


def test_queues_have_a_past_from_the_first_look_on(demo: House, here: Visit) -> None:
    page = here.open(f"/queues?cluster={CLUSTER}")
    expect(page.get_by_role("treegrid", name="Queues")).to_be_visible(timeout=SLOW)
    # The server's first look comes some seconds after its start; a page that is open hears of it minutes later.
    said = until(lambda: told_past(page))
    items = json.loads(demo.server.run("queues", "--on", CLUSTER, "-o", "json"))["items"]
    uses = next(each["quotas"] for each in items if each["clusterQueue"] == "cv")
    guaranteed = sum(each["nominal"] for each in uses if "gpu" in each["resource"])
    assert f"of {guaranteed} guaranteed in 7 d" in said, said
    assert said.rpartition("nothing was seen for ")[2].removesuffix(" of it") in unseen(page), said


def declared_in(demo: House) -> Path:
    """Its platform directory."""
    return running.demo_folder(running.server_folder(demo.server.environment)) / "platform"


def written_by(demo: House, command: str, folder: Path) -> str:
    """What a command makes of the team's file, in a directory that is as the demo's was."""
    twin = folder / "platform"
    shutil.copytree(declared_in(demo), twin)
    typed(demo, f"ALLOTMENT_PLATFORM={twin} {command}")
    return (twin / "teams" / "cv.yaml").read_text(encoding="utf-8")


def decided(page: Page, becomes: Locator, why: str, *, displaces: bool) -> str:
    """Have the quota changed; what is said of it."""
    becomes.get_by_role("button", name="Change it").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill(why)
    if displaces:
        expect(dialog).to_contain_text("1 piece of running work loses its quota at once")
        assert dialog.get_by_role("button", name="Change it").is_disabled()
        dialog.get_by_label("Type cv").fill("c")
        assert dialog.get_by_role("button", name="Change it").is_disabled()
        dialog.get_by_label("Type cv").fill("cv")
    else:
        assert dialog.get_by_label("Type cv").count() == 0
    dialog.get_by_role("button", name="Change it").click()
    said = page.locator(".toast").filter(has_not_text="Copied")
    expect(said).to_be_visible(timeout=SLOW)
    return said.inner_text()


@pytest.mark.parametrize("displaces", [False, True], ids=["it is changed back", "work is lost, and the name typed"])
def test_another_quota_is_foreseen_committed_and_changed_back(
    demo: House, here: Visit, displaces: bool, tmp_path: Path
) -> None:
    before = nominal(demo)
    work = [{"kind": "Job", "namespace": "nlp", "name": "train-lost"}] if displaces else []

    def foreseen(route: Route) -> None:
        """Whom it displaces changes with what runs at the moment: both cases are seen, whatever does."""
        answer = route.fetch(timeout=SLOW)
        said = answer.json()
        said["answer"]["document"]["preempted"] = work
        route.fulfill(response=answer, json=said)

    here.page.route(re.compile("/api/v1/answers/whatif"), foreseen)
    about = quote(f"cv/{CLUSTER}/t4-spot", safe="")
    page = here.open(f"/quotas?about={about}")
    page.get_by_role("button", name="More: Guaranteed of its own").click()
    page.wait_for_url("**nominal=*")
    does = panel(page, "What it would do")
    expect(does.locator(".figures")).to_be_visible(timeout=SLOW)
    command = copied(here, does.get_by_role("button", name="Copy command"))
    assert command == f"allot whatif --on {CLUSTER} --change quota:{PLACE}={before + 1}"
    told = json.loads(typed(demo, f"{command} --budget 1s -o json"))
    assert told["settings"] == [
        {"what": f"quota {PLACE}", "before": str(before), "after": str(before + 1), "note": None}
    ]
    becomes = panel(page, "What becomes of it in the platform directory")
    expect(becomes.locator(".patch")).to_contain_text("+++ b/teams/cv.yaml", timeout=SLOW)
    copies = becomes.get_by_role("button", name="Copy command")
    by_command = written_by(demo, copied(here, copies), tmp_path) if displaces else ""
    why = f"it's for the winter {displaces}"
    # A fleet that lives has grants: where one was committed meanwhile, that is said, and it is looked at anew.
    for _ in range(4):
        told_now = decided(page, becomes, why, displaces=displaces)
        if "has gone on" not in told_now:
            break
        page.reload()
        expect(becomes.locator(".patch")).to_contain_text("+++ b/teams/cv.yaml", timeout=SLOW)
        expect(does.locator(".figures")).to_be_visible(timeout=SLOW)
    assert re.match("Changed, with commit [0-9a-f]{12}", told_now), told_now
    undo = page.locator(".toasts").get_by_role("button", name="Undo")
    if displaces:
        assert undo.count() == 0, "what is lost does not come back"
        until(lambda: nominal(demo) == before + 1)
        assert (declared_in(demo) / "teams" / "cv.yaml").read_text(encoding="utf-8") == by_command
    else:
        # It is there for ten seconds.
        undo.click()
        expect(page.locator(".toasts").get_by_text("Changed back")).to_be_visible(timeout=SLOW)
        until(lambda: nominal(demo) == before)
    page = here.open("/audit?verb=quota.change")
    expect(page.get_by_role("table", name="Acts").locator("tbody")).to_contain_text(why, timeout=SLOW)


def test_two_futures_stand_side_by_side_and_are_the_answer_s(demo: House, here: Visit) -> None:
    answers: list[dict[str, Any]] = []

    def kept(route: Route) -> None:
        answer = route.fetch(timeout=SLOW)
        answers.append(answer.json()["answer"]["document"])
        route.fulfill(response=answer)

    here.page.route(re.compile("/api/v1/answers/whatif"), kept)
    page = here.open(f"/simulate?cluster={CLUSTER}")
    expect(page.locator("[data-state=empty]")).to_contain_text("Say what is to be different", timeout=SLOW)
    page.get_by_label("Queue, flavor and resource").fill(PLACE)
    page.get_by_label("To", exact=True).fill("0")
    page.get_by_role("button", name="Try it as well").click()
    page.wait_for_url("**change=*")
    sums = panel(page, "1 change").locator(".figures b")
    expect(sums.first).to_be_visible(timeout=SLOW)
    (document,) = answers
    assert document["changes"] == [f"quota:{PLACE}=0"]
    assert sums.first.inner_text() == f"{len(document['preempted']):,}"
    rows = panel(page, "Waits by queue").locator("tbody tr")
    assert rows.count() == len(document["queues"])
    for row, each in zip(rows.all(), document["queues"], strict=True):
        assert row.locator("td").nth(1).inner_text() == f"{each['waiting']:,}"
    listed = panel(page, "Who starts when")
    if document["jobs"]:
        assert listed.locator("table").get_attribute("aria-rowcount") == str(len(document["jobs"]) + 1)
    command = copied(here, page.get_by_role("button", name="Copy command").first)
    assert command == f"allot whatif --on {CLUSTER} --change quota:{PLACE}=0 --all"
    assert json.loads(typed(demo, f"{command} --budget 1s -o json"))["kind"] == "LiveWhatIf"
    page.get_by_role("button", name=f"quota:{PLACE}=0").click()
    expect(page.locator("[data-state=empty]")).to_be_visible()


def test_panels_fail_and_wait_as_all_do(demo: House, here: Visit) -> None:
    paths = {
        f"/drift?cluster={CLUSTER}": "answers/drift",
        f"/quotas?about={quote(f'cv/{CLUSTER}/t4-spot', safe='')}&nominal=1": "answers/whatif",
        f"/simulate?cluster={CLUSTER}&change=hold:cv": "answers/whatif",
    }
    for path, source in paths.items():
        pattern = re.compile(f"/api/v1/{source}")
        with here.held(pattern):
            here.open(path)
            # In a panel of its own: before the page is there as a whole, all of it is loading.
            waiting = here.page.locator("main section.panel [data-state=loading]").first
            expect(waiting).to_be_visible(timeout=SLOW)
            here.page.wait_for_timeout(500)
            expect(waiting).to_be_visible(timeout=SLOW)
        here.page.unroute_all()
        here.page.route(pattern, refuse)
        here.open(path)
        expect(here.page.locator("[data-state=error]").first).to_contain_text("the cellar is flooded", timeout=SLOW)
        here.page.unroute_all()
