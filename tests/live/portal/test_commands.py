"""Every act as a command: what is copied does the same; and what comes to nothing is shown as it was."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from allotment.model.jobs.run import JobState
from allotment.model.requests.request import GrantRequest, RequestAct
from allotment.ports.request_service import AskedMove
from tests.live.portal.browsing import Visit
from tests.live.portal.house import HOSTILE, House
from tests.live.portal.test_truth import rows

pytestmark = pytest.mark.live

SENTENCE = 'it\'s for $HOME & `id`; "quoted" \\ done'
"""Words that a shell would take for its own."""


def copied(one: Visit, button: Locator) -> str:
    """What a button leaves in the clipboard, after it has said so."""
    one.page.evaluate("navigator.clipboard.writeText('nothing was copied')")
    button.click()
    one.page.wait_for_function("() => navigator.clipboard.readText().then((text) => text !== 'nothing was copied')")
    text = str(one.page.evaluate("navigator.clipboard.readText()"))
    assert button.get_attribute("title") == text, "it says before what it copies"
    return text


def typed(house: House, command: str, code: int = 0) -> str:
    """Run it as it was copied, in a shell."""
    # Room for each job in a line of its own: whoever runs the tests may have said how wide his terminal is.
    tools = {**house.server.environment, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "COLUMNS": "500"}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=house.server.home,
        env=tools,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_list_as_a_command_has_the_same_jobs(house: House, owner: Visit) -> None:
    for path in ("", "?state=failed&team=cv", "?q=TRAIN%2029&state=over", "?owner=root&backend=local"):
        page = owner.shown(f"/jobs{path}")
        page.wait_for_timeout(300)
        number = int(page.locator("main h2").inner_text().split()[0].replace(",", ""))
        lines = typed(house, copied(owner, page.get_by_role("button", name="Copy command"))).splitlines()
        head = 1 if lines and lines[0].startswith("ID") else 0
        assert len(lines) - head == number, f"{path}: {lines[:5]}"
        assert set(rows(owner)[:20]) <= {line.split()[1] for line in lines[head:]}, path


@pytest.mark.nightly
def test_what_is_asked_for_by_a_form_is_the_same_as_by_its_command(house: House, owner: Visit) -> None:
    page, name = owner.shown("/submit"), f"form-{secrets.token_hex(2)}"
    page.get_by_label("Command").fill(f"echo {SENTENCE!r}; exit 3")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Team").select_option("nlp")
    page.get_by_label("GPUs").fill("0")
    page.get_by_label("Memory, GiB").fill("1")
    page.get_by_label("CPU cores").fill("1")
    command = copied(owner, page.get_by_role("button", name="Copy command"))
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    by_form = house.service.find(page.url.rpartition("/")[2])
    typed(house, command)
    by_command = house.service.find(name)
    assert by_command.id != by_form.id
    assert (by_command.job, by_command.backend) == (by_form.job, by_form.backend)

    page = owner.shown("/ask")
    page.get_by_label("Team").select_option("nlp")
    page.get_by_label("GPUs").fill("7")
    page.get_by_label("Hours").fill("1200")
    page.get_by_label("Work").select_option("batch")
    page.get_by_label("Why").fill(SENTENCE)
    page.get_by_text("group acme-engineering-leads").wait_for()
    command = copied(owner, page.get_by_role("button", name="Copy command"))
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator(".verdict", has_text="waiting").wait_for()
    asked = house.service.request(page.url.rpartition("/")[2]).request
    made = json.loads(typed(house, f"{command} -o json"))
    twin = house.service.request(made["id"]).request
    assert (twin.wish, twin.gate, twin.state) == (asked.wish, asked.gate, asked.state)
    assert [(each.devices, each.flavor) for each in twin.terms.shares] == [
        (each.devices, each.flavor) for each in asked.terms.shares
    ]
    assert abs((twin.terms.until or 0) - (asked.terms.until or 0)) < 60_000

    # What was asked for is decided on, withdrawn and looked at alike.
    shown = typed(house, copied(owner, page.get_by_role("button", name="Copy command").first))
    assert asked.id in shown
    page.get_by_role("button", name="Withdraw").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill(SENTENCE)
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    dialog.get_by_role("button", name="Withdraw it").click()
    page.locator(".verdict", has_text="withdrawn").wait_for()
    typed(house, command.replace(asked.id, twin.id))
    one, other = (house.service.request(each).request for each in (asked.id, twin.id))
    assert one.state is other.state
    assert [(each.act, each.reason) for each in one.decisions] == [(each.act, each.reason) for each in other.decisions]


def test_acts_of_a_job_are_commands_and_what_fails_rolls_back(house: House, owner: Visit) -> None:
    one, other = (house.submit(f"act-{secrets.token_hex(2)}", "exec sleep 1000") for _ in range(2))
    page = owner.shown(f"/jobs/{one.job.name}")
    verdict = page.locator(".verdict")
    verdict.filter(has_text="running").wait_for()
    page.evaluate("""() => { window.seen = []; new MutationObserver(() => window.seen.push(
        document.querySelector('.verdict .state')?.innerText)).observe(document.body, {subtree: true, childList: true,
        characterData: true}) }""")
    page.route("**/stop", lambda route: route.fulfill(
        status=409, content_type="application/problem+json", json={"title": "", "what": "it is bolted down"}
    ))  # fmt: skip
    page.get_by_role("button", name="Stop", exact=True).click()
    dialog = page.get_by_role("dialog")
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    dialog.get_by_role("button", name="Stop it").click()
    page.locator(".toasts").get_by_text("it is bolted down").wait_for()
    verdict.filter(has_text="running").wait_for()
    seen = [each for each in page.evaluate("() => window.seen") if each]
    assert "stopping" in seen, "it is shown at once as it will be"
    assert house.service.find(one.id).state is JobState.RUNNING
    page.unroute_all()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    verdict.filter(has_text="stopped").wait_for()
    typed(house, command.replace(one.id, other.id))
    states = [house.until(each.id, lambda job: job.state.over).state for each in (one, other)]
    assert states == [JobState.STOPPED, JobState.STOPPED]
    again = copied(owner, page.get_by_role("button", name="Copy retry"))
    page.get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: one.job.name not in url)
    by_button = house.service.find(page.url.rpartition("/")[2])
    assert f"it retries {one.id} already" in (said := typed(house, again))
    assert by_button.id in said
    house.service.stop(by_button.id, grace=0)
    owner.shown("/jobs/loud")
    log = typed(house, f"timeout 3 {copied(owner, page.get_by_role('button', name='Copy command').nth(1))}; true")
    assert HOSTILE[0] in log


@pytest.mark.nightly
def test_no_answer_is_waited_for_without_an_end(house: House, owner: Visit) -> None:
    page = owner.page
    with owner.held("**/api/v1/status"):
        owner.open("/backends")
        page.locator("main [data-state=loading]").wait_for()
        page.get_by_text("the server has not answered in time").wait_for(timeout=17_000)
    page.get_by_role("button", name="Ask again").click()
    page.get_by_role("cell", name="answers").wait_for()


@pytest.mark.nightly
def test_several_are_stopped_by_what_was_copied(house: House, owner: Visit) -> None:
    name = f"several-{secrets.token_hex(2)}"
    jobs = [house.submit(f"{name}-{number}", "exec sleep 1000") for number in range(2)]
    for each in jobs:
        house.until(each.id, lambda job: job.state is JobState.RUNNING)
    page = owner.shown(f"/jobs?q={name}")
    for each in jobs:
        page.get_by_label(f"Select {each.job.name}", exact=True).check()
    page.get_by_role("button", name="Stop 2 jobs").click()
    dialog = page.get_by_role("dialog")
    command = copied(owner, dialog.get_by_role("button", name="Copy command"))
    dialog.get_by_role("button", name="Leave them").click()
    assert {house.service.find(each.id).state for each in jobs} == {JobState.RUNNING}
    typed(house, command)
    for each in jobs:
        house.until(each.id, lambda job: job.state is JobState.STOPPED)


@pytest.mark.nightly
def test_teams_that_come_and_leave_are_asked_for_alike(house: House, owner: Visit) -> None:
    name = f"t{secrets.token_hex(3)}"
    page = owner.shown("/onboard")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Groups of its owners").fill("acme-leads acme-others")
    page.get_by_label("Groups of its members").fill("acme-members")
    page.get_by_label("Guaranteed CPU").fill("4")
    page.get_by_label("Guaranteed memory").fill("16Gi")
    page.get_by_label("Budget of a month").fill("1500")
    page.get_by_role("button", name="dev-eastus").click()
    page.get_by_label("Why").fill(SENTENCE)
    by_form, by_command = both(house, owner, "Ask for the team", lambda text: text.replace(name, f"{name}x"))
    assert replace(by_command.wish, team=name) == by_form.wish
    assert by_form.wish.justification == SENTENCE

    page = owner.shown("/leave?team=recsys")
    page.get_by_label("Its data are kept until").fill("2027-12-31")
    page.get_by_label("Why").fill(SENTENCE)
    page.get_by_label("Type the team's name").fill("recsys")
    by_form, by_command = both(house, owner, "Ask that it leaves", str)
    assert by_command.wish == by_form.wish
    assert by_form.wish.keep_data_until


def both(house: House, one: Visit, button: str, meant: Callable[[str], str]) -> tuple[GrantRequest, GrantRequest]:
    """What a form asks for, and what its command does; nobody asks for either any more."""
    found = []
    command = copied(one, one.page.get_by_role("button", name="Copy command"))
    one.page.get_by_role("button", name=button).click()
    one.page.locator(".verdict", has_text="waiting").wait_for()
    by_form = one.page.url.rpartition("/")[2]
    found.append(house.service.request(by_form).request)
    house.service.move(by_form, AskedMove(RequestAct.WITHDRAW))
    by_command = json.loads(typed(house, f"{meant(command)} -o json"))["id"]
    found.append(house.service.request(by_command).request)
    house.service.move(by_command, AskedMove(RequestAct.WITHDRAW))
    return found[0], found[1]
