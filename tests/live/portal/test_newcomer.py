"""A newcomer's first job, by keys and by roles and names alone."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from allotment.model.jobs.run import JobState
from tests.live.portal.browsing import Visit
from tests.live.portal.house import House

pytestmark = pytest.mark.live


def on(one: Visit, role: str, name: str, most: int = 60) -> None:
    """Tab on until something has the focus."""
    for _ in range(most):
        one.page.keyboard.press("Tab")
        found: list[str] = one.page.evaluate(
            """() => { const here = document.activeElement;
            const label = here.getAttribute('aria-label') ?? here.labels?.[0]?.querySelector('.label')?.innerText
              ?? here.labels?.[0]?.innerText ?? here.innerText;
            const role = here.getAttribute('role') ?? {A: 'link', BUTTON: 'button', SELECT: 'combobox'}[here.tagName]
              ?? (here.type === 'number' ? 'spinbutton' : 'textbox');
            return [role, label.trim()] }"""
        )
        if found == [role, name]:
            assert one.page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"no way to {role} {name} by Tab")


def test_a_first_job_from_submit_to_done_by_keys_alone(house: House, owner: Visit, tmp_path: Path) -> None:
    page, keys = owner.shown("/"), owner.page.keyboard
    name, seen = f"first-{secrets.token_hex(2)}", tmp_path / "seen"
    on(owner, "link", "Submit a job")
    keys.press("Enter")
    page.get_by_role("heading", name="Submit a job").wait_for()
    assert page.get_by_role("button", name="Submit", exact=True).is_disabled()
    on(owner, "textbox", "Command")
    # However slow the page is, it finds the job running.
    keys.type(f"echo step 1; until [ -e {seen} ]; do sleep 0.2; done; echo step 2; echo step 3")
    on(owner, "textbox", "Name")
    keys.type(name)
    on(owner, "combobox", "Team")
    keys.type("nlp")
    on(owner, "spinbutton", "GPUs")
    keys.press("Control+a")
    keys.type("0")
    for field, value in (("CPU cores", "1"), ("Memory, GiB", "1"), ("Hours at most", "1")):
        on(owner, "spinbutton", field)
        keys.press("Control+a")
        keys.type(value)
    foreseen = page.get_by_role("region", name="What becomes of it")
    foreseen.get_by_text("nobody").wait_for()
    on(owner, "button", "Submit")
    keys.press("Enter")
    page.get_by_role("heading", name=name, exact=True).wait_for()
    verdict = page.get_by_role("status").filter(has_text="running")
    verdict.wait_for(timeout=60_000)
    log = page.get_by_role("log", name="Log")
    log.get_by_text("step 1").wait_for()
    seen.touch()
    page.get_by_role("status").filter(has_text="succeeded").wait_for()
    log.get_by_text("step 3").wait_for()
    page.get_by_text("3 lines; the log is over").wait_for()
    timeline = page.locator("ol.timeline > li")
    timeline.filter(has_text="succeeded").first.wait_for()
    states = [each.inner_text() for each in timeline.locator("strong").all()]
    assert [each for each in states if each != "submitted"][-2:] == ["running", "succeeded"]
    used = page.get_by_role("region", name="What it used")
    used.get_by_text("Ran").wait_for()
    assert house.service.find(page.url.rpartition("/")[2]).state is JobState.SUCCEEDED
    keys.press("g")
    keys.press("h")
    mine = page.get_by_role("region", name="My jobs")
    mine.get_by_role("link", name=name).wait_for()
    assert "succeeded" in mine.get_by_role("row").filter(has_text=name).inner_text()


def test_a_job_that_cannot_be_is_refused_before_it_is_sent(owner: Visit) -> None:
    page = owner.shown("/submit")
    page.get_by_label("Command").fill("python train.py")
    page.get_by_label("Team").select_option("nlp")
    page.get_by_label("GPUs").fill("900")
    foreseen = page.get_by_role("region", name="What becomes of it")
    foreseen.get_by_role("alert").get_by_text("may have 8 of accelerators at most").wait_for()
    assert page.get_by_role("button", name="Submit", exact=True).is_disabled()
    sent = [each for each in owner.asked if each.startswith("POST") and each.endswith("/api/v1/jobs")]
    assert sent == []
