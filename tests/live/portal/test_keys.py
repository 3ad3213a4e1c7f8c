"""Everything by keys, and nothing that a role may not."""

from __future__ import annotations

import secrets
from typing import Final

import pytest

from allotment.model.jobs.run import JobState
from allotment.model.requests.request import RequestState
from allotment.ports.requests import RequestFilter
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import SECRET, House
from tests.live.portal.test_truth import rows

pytestmark = pytest.mark.live

LOOKS: Final = {
    "Home", "Jobs", "Requests", "Overview", "Fleet", "Accelerators", "Queues", "Quotas", "Simulate", "What waits",
    "Teams", "Waste",
    "Policies", "Clusters", "Back ends", "Books", "Causes of waiting",
}  # fmt: skip
ACTS: Final = LOOKS | {"Submit", "Ask for GPUs"}
RUNS: Final = ACTS | {"Audit trail", "Drift"}
ASIDE: Final = {"Bring in a team", "Have a team leave"}
"""Screens that stand in the palette alone, for whoever may ask for them."""
ROLES: Final = {"": RUNS, "ada": ACTS, "eve": RUNS, "vic": LOOKS}
"""Screens of the server's own user, a member, an engineer, and somebody who only looks."""


ALWAYS: Final = {"Times in UTC", "Dark colours", "Keys", "Sign out"}
"""Acts of whoever has come in, from any screen."""


def palette(one: Visit, text: str = "") -> list[str]:
    """What the palette has; acts have a name, and no state behind it."""
    one.page.keyboard.press("Control+k")
    box = one.page.get_by_role("combobox", name="Search or go to")
    assert one.page.evaluate("document.activeElement.getAttribute('role')") == "combobox"
    box.fill(text)
    found = [each.split("\n")[0] for each in one.page.get_by_role("option").all_inner_texts()]
    box.press("Escape")
    box.wait_for(state="detached")
    return found


@pytest.mark.parametrize("who", ["", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("vic", "ada", "eve"))])
def test_the_palette_reaches_what_a_role_may_and_nothing_else(people: House, visit: Visits, who: str) -> None:
    one, screens = visit(who), ROLES[who]
    one.shown("/")
    aside = ASIDE if "Ask for GPUs" in screens else set()
    assert set(palette(one)) == screens | aside | ALWAYS, who
    links = {each.split("\n")[0] for each in one.page.locator("nav a.entry").all_inner_texts()}
    assert links == screens, who
    may_submit = "Submit" in screens
    assert (one.page.get_by_role("link", name="Submit a job").count() > 0) == may_submit, who
    one.page.keyboard.press("c")
    one.page.wait_for_timeout(200)
    assert one.page.url.endswith("/submit") == may_submit, who
    one.shown("/jobs")
    acts = {"Submit a job"} & set(one.page.locator("main .act").all_inner_texts())
    assert bool(acts) == may_submit, who
    for screen in sorted(screens):
        one.page.keyboard.press("Control+k")
        one.page.keyboard.type(screen.lower())
        one.page.keyboard.press("Enter")
        # A screen comes when it is first looked at.
        one.page.locator("nav a.entry[data-status=active]").filter(has_text=screen).wait_for()
        one.page.locator("main h1").wait_for()


def acts(one: Visit, text: str = "") -> set[str]:
    """Acts that the palette has beside those that are everybody's."""
    one.page.keyboard.press("Control+k")
    box = one.page.get_by_role("combobox", name="Search or go to")
    box.fill(text)
    found = one.page.locator("[role=option][data-kind=act]").all_inner_texts()
    box.press("Escape")
    box.wait_for(state="detached")
    return {each.split("\n")[0].split(" · ")[0] for each in found} - ALWAYS


@pytest.mark.nightly  # by day it is seen that it reaches what a role may, and nothing else
@pytest.mark.parametrize("who", ["ada", "vic", "eve"])
def test_the_palette_has_every_act_that_a_role_may_and_no_other(people: House, visit: Visits, who: str) -> None:
    one, may = visit(who), who != "vic"
    team = "nlp" if may else "data-science"
    living = people.submit(f"act-{secrets.token_hex(2)}", "exec sleep 100000", team=team).job.name
    over = people.submit(f"over-{secrets.token_hex(2)}", "exit 3", team=team).job.name
    people.until(over, lambda job: job.state is JobState.FAILED)
    people.until(living, lambda job: job.state is JobState.RUNNING)
    one.shown("/jobs")
    one.page.get_by_role("link", name=living, exact=True).wait_for()
    assert acts(one, f"stop {living}") == ({f"Stop {living}"} if may else set()), who
    assert acts(one, f"retry {living}") == set(), "it runs"
    assert acts(one, f"run {over}") == ({f"Run again {over}"} if may else set()), who
    one.page.get_by_label(f"Select {living}", exact=True).check()
    assert acts(one) == ({"Stop 1 job"} if may else set()), who
    one.shown(f"/jobs/{living}")
    assert acts(one) == ({f"Stop {living}"} if may else set()), who
    one.shown(f"/jobs/{over}")
    assert acts(one) == ({f"Run {over} again"} if may else set()), who
    if not may:
        # Nor does an address give what a role does not.
        one.shown(f"/jobs/{living}?act=stop")
        one.page.wait_for_timeout(300)
        assert one.page.get_by_role("dialog").count() == 0
    elif who == "ada":
        # Of another team she sees nothing, and so stops nothing.
        assert acts(one, f"stop {SECRET}") == set()
        one.page.keyboard.press("Control+k")
        one.page.get_by_role("combobox", name="Search or go to").press_sequentially(f"stop {living}")
        one.page.keyboard.press("Enter")
        # It is somebody else's work, and nothing of it was saved.
        stop = one.page.get_by_role("button", name="Stop it")
        one.page.get_by_label(f"Type {living}").fill(living)
        stop.click()
        people.until(living, lambda job: job.state is JobState.STOPPED)
    if who != "ada":
        people.service.stop(living, grace=0)


def test_a_list_is_walked_chosen_from_and_opened_by_keys(house: House, owner: Visit) -> None:
    page = owner.shown("/jobs?state=running")
    names, keys = rows(owner), page.keyboard
    here = page.locator("tr.here td:nth-child(2) a")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        keys.press(key)
        assert here.inner_text() == names[at]
    keys.press("x")
    keys.press("j")
    keys.press("x")
    assert page.get_by_text("2 jobs selected").is_visible()
    assert page.locator("tr[aria-selected=true]").count() == 2
    keys.press("Escape")
    assert page.locator("tr[aria-selected=true]").count() == 0
    keys.press("?")
    help_ = page.get_by_role("dialog")
    for key in ("Ctrl K", "j, k", "Enter", "x", "Esc", "?"):
        assert help_.get_by_text(key, exact=True).is_visible(), key
    keys.press("Escape")
    help_.wait_for(state="detached")
    keys.press("k")
    keys.press("Enter")
    page.get_by_role("heading", name=names[1], exact=True).wait_for()
    for name, word in (("j", "Jobs"), ("r", "Requests"), ("h", "Home")):
        keys.press("g")
        keys.press(name)
        page.get_by_role("heading", level=1, name=word, exact=True).wait_for()
    # Who writes is not driven about.
    page = owner.shown("/jobs")
    page.get_by_label("Filter jobs").press_sequentially("chjkx?")
    assert page.get_by_label("Filter jobs").input_value() == "chjkx?"
    assert "/jobs" in page.url
    # The palette finds jobs, too; on a Mac it comes by another key.
    keys.press("Meta+k")
    page.get_by_role("combobox", name="Search or go to").press_sequentially("loud")
    page.get_by_role("option", name="loud ·").wait_for()
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Enter")
    page.get_by_role("heading", name="loud", exact=True).wait_for()


def test_what_is_marked_stays_marked_while_others_come_above_it(house: House, owner: Visit) -> None:
    page = owner.shown("/jobs?state=over")
    page.keyboard.press("j")
    page.keyboard.press("j")
    here = page.locator("tr.here td:nth-child(2) a")
    name = here.inner_text()
    over = house.submit(f"above-{secrets.token_hex(2)}", "true")
    page.get_by_role("link", name=over.job.name, exact=True).wait_for()
    assert here.inner_text() == name
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=name, exact=True).wait_for()


def test_the_palette_finds_all_that_has_a_name(house: House, owner: Visit) -> None:
    """By a part of it, kind by kind."""
    page = owner.shown("/")
    request = house.service.requests(RequestFilter(states=frozenset({RequestState.WAITING}))).rows[0]
    (node,) = house.service.status().backends
    for text, kind, said, address in (
        ("nlp", "Teams", "nlp", "**/teams/nlp"),
        ("1316", "Causes", "ALT-1316", "**/help/ALT-1316"),
        (request.id, "Requests", request.id, f"**/requests/{request.id}"),
        (node.name, "Nodes", node.name, "**/fleet?*"),
    ):
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="Search or go to").fill(text)
        found = page.get_by_role("listbox").get_by_role("group", name=kind).get_by_role("option").filter(has_text=said)
        found.first.click()
        page.wait_for_url(address)
    # Whoever types a team's name and Enter is there.
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or go to").fill("recsys")
    page.get_by_role("group", name="Teams").get_by_role("option").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/teams/recsys")


def test_several_are_stopped_at_once_and_what_fails_is_told_one_by_one(house: House, owner: Visit) -> None:
    name = f"bulk-{secrets.token_hex(2)}"
    for number in range(3):
        made = house.submit(f"{name}-{number}", "exec sleep 1000")
        house.until(made.id, lambda job: job.state is JobState.RUNNING)
    page = owner.shown(f"/jobs?q={name}&state=running")
    page.wait_for_function("() => document.querySelectorAll('main tr[aria-rowindex]').length >= 3")
    names = rows(owner)
    ids = [house.service.find(each).id for each in names]
    page.route(f"**/api/v1/jobs/{ids[0]}/stop", lambda route: route.fulfill(
        status=409, content_type="application/problem+json", json={"title": "", "what": "it is bolted down"}
    ))  # fmt: skip
    for each in names:
        page.get_by_label(f"Select {each}", exact=True).check()
    page.get_by_role("button", name=f"Stop {len(names)} jobs").click()
    dialog = page.get_by_role("dialog")
    assert f"{len(names)} jobs of them run" in dialog.inner_text()
    dialog.get_by_role("button", name=f"Stop {len(names)} jobs").click()
    toasts = page.locator(".toasts")
    toasts.get_by_text(f"Stopped {len(names) - 1} job").wait_for()
    told = toasts.get_by_text("it is bolted down")
    told.wait_for()
    assert names[0] in told.inner_text(), "which one it was"
    page.wait_for_function("() => document.querySelectorAll('main tr[aria-rowindex]').length === 1")
    assert rows(owner) == [names[0]]
    house.service.stop(ids[0], grace=0)
