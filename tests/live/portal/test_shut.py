"""What nobody may see is nowhere in what his browser is sent, and what anybody writes stays text."""

from __future__ import annotations

import json
import secrets
import time
from typing import Final

import pytest

from allotment.model.jobs.run import JobState
from allotment.ports.store import JobFilter
from tests.live.portal.browsing import Visit
from tests.live.portal.conftest import Visits
from tests.live.portal.house import HOSTILE, PEOPLE, SECRET, House, signed_in
from tests.live.portal.test_truth import by_address

pytestmark = pytest.mark.live

WITHIN: Final = 5.0
HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
        "trusted-types 'none'", "form-action 'none'", "base-uri 'none'",
    ),
    "x-content-type-options": ("nosniff",),
    "referrer-policy": ("no-referrer",),
}  # fmt: skip


def test_people_sign_in_at_their_provider_and_out_again(people: House) -> None:
    context = people.browser.new_context(ignore_https_errors=True, locale="en-GB")
    one = Visit(context.new_page(), people.address)
    one.open("/jobs")
    one.page.get_by_role("button", name="Sign in").wait_for()
    assert " ".join(one.text("main.door").split()) == "Allotment Shared GPUs, fairly divided. Sign in", "no trouble"
    assert one.page.get_by_role("navigation").count() == 0
    signed_in(one, "ada")
    assert one.page.url == f"{one.address}/", "nothing of what the provider has sent is left in the address"
    assert one.page.get_by_role("button", name="ada@acme.example").is_visible()
    (cookie,) = (each for each in context.cookies(one.address) if each["name"].startswith("allotment"))
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert cookie["value"] not in one.page.content()
    kept = one.page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert cookie["value"] not in kept
    # A second tab is in, and out with the first.
    other = Visit(context.new_page(), people.address)
    other.shown("/jobs")
    one.page.get_by_role("button", name="ada@acme.example").click()
    assert "member of nlp" in one.page.get_by_role("dialog").inner_text()
    one.page.get_by_role("button", name="Sign out").click()
    one.page.get_by_role("button", name="Sign in").wait_for()
    other.page.reload()
    other.page.get_by_role("button", name="Sign in").wait_for()
    assert "allotment.page-key" not in one.page.evaluate("JSON.stringify({...localStorage})")
    assert [*one.wrong(), *other.wrong()] == []
    context.close()


def test_another_team_s_work_is_nowhere_in_what_a_browser_is_sent(people: House, visit: Visits) -> None:
    """Of the text, of addresses, of answers, of the stream of events: all bytes that have passed."""
    one, other = visit("ada"), visit("bob")
    foreign = people.service.find(f"{SECRET}-run").id
    people.line.record()
    one.shown("/help")
    screens = by_address(people)
    for path in (*screens, f"/jobs/{SECRET}-run", f"/jobs/{foreign}", "/jobs?state=running"):
        (one.turned if path in screens else one.open)(path)
        one.page.wait_for_timeout(300)
        one.settle()
        shown = one.page.content()
        # What she has typed herself is told back to her.
        typed = f"{SECRET}-run" if SECRET in path else "nothing typed"
        assert SECRET not in shown.replace(typed, ""), path
    # Something happens in the other team while she looks on.
    one.shown("/")
    made = people.submit(f"{SECRET}-{secrets.token_hex(2)}", f"echo {SECRET}", team="cv")
    people.until(made.id, lambda job: job.state.over)
    own = people.submit(f"own-{secrets.token_hex(2)}", "true")
    one.page.get_by_role("region", name="Jobs", exact=True).wait_for()
    one.open("/jobs?q=own-")
    one.page.get_by_role("link", name=own.job.name, exact=True).wait_for()
    sent = people.line.sent
    assert own.job.name in sent, "the line tells what has passed"
    without = sent.replace(f"{SECRET}-run", "")  # what she has asked for herself is told back to her
    assert SECRET not in without
    assert made.id not in sent
    assert sent.count(foreign) <= 8, "the id that she has typed, told back by what a job's page asks"
    # The other one sees it, so that it was not merely lost.
    other.shown("/jobs")
    other.page.get_by_role("link", name=f"{SECRET}-run", exact=True).wait_for()


@pytest.mark.nightly  # by day a command that follows a log is seen to end: test_sign_in
def test_whoever_is_shut_out_sees_nothing_more_within_five_seconds(people: House) -> None:
    """Neither what is on his screen goes on, nor does another tab, nor what he asks for next."""
    one = people.visit("bob")
    other = Visit(one.context.new_page(), one.address)
    job = people.submit(f"told-{secrets.token_hex(2)}", "while :; do date +%s.%N; sleep 0.2; done", team="cv")
    people.until(job.id, lambda now: now.state is JobState.RUNNING)
    log = one.shown(f"/jobs/{job.id}").get_by_role("log")
    log.get_by_text(".").first.wait_for()
    other.shown("/jobs")
    try:
        people.server.run("people", "shut-out", "bob@acme.example")
        began = time.monotonic()
        for each in (one, other):
            left = WITHIN - (time.monotonic() - began)
            each.page.get_by_role("button", name="Sign in").wait_for(timeout=1000 * left)
            assert job.job.name not in each.page.content()
        people.line.record()
        one.page.wait_for_timeout(1500)
        after = people.submit(f"after-{secrets.token_hex(2)}", "true", team="cv")
        one.open("/jobs")
        one.page.get_by_role("button", name="Sign in").wait_for()
        one.page.wait_for_timeout(1000)
        assert "401" in people.line.sent, "he asks, and is refused"
        assert after.id not in people.line.sent
        assert job.id not in people.line.sent
        assert [*one.wrong(), *other.wrong()] == []
    finally:
        one.context.close()
        people.forget("bob")
        people.server.run("people", "let-in", "bob@acme.example")
        people.service.stop(job.id, grace=0)


@pytest.mark.nightly
def test_who_only_looks_is_offered_nothing_else(people: House, visit: Visits) -> None:
    one = visit("vic")
    assert PEOPLE["vic"] == ("acme-audit",)
    some = next(each for each in people.service.page(JobFilter(team="data-science")).rows)
    page = one.shown(f"/jobs/{some.id}")
    buttons = set(page.get_by_role("main").get_by_role("button").all_inner_texts())
    assert not buttons & {"Stop", "Run again", "Copy retry"}, buttons
    page = one.shown("/jobs")
    page.get_by_label("Select", exact=False).first.check()
    assert not [each for each in page.get_by_role("main").get_by_role("button").all_inner_texts() if "Stop" in each]


def test_what_anybody_writes_stays_text(house: House, owner: Visit) -> None:
    page = owner.shown("/jobs/loud")
    log = page.get_by_role("log")
    log.get_by_text("bytes").wait_for()
    text = log.inner_text()
    assert HOSTILE[0] in text
    assert HOSTILE[1].partition("</pre>")[0] in text
    assert "\x1b" not in text, "what drives a terminal is left out"
    assert "red" in text
    assert log.locator("img, script, style, a").count() == 0
    assert log.locator(".tone-bad").filter(has_text="red").count() == 1
    owner.shown("/help")
    for path in by_address(house):
        owner.turned(path)
        owner.page.wait_for_timeout(100)
        assert page.evaluate("window.hurt") is None, path
    requests = json.loads(house.server.run("requests", "-a", "-o", "json"))["items"]
    (one,) = (each for each in requests if HOSTILE[0] in each["justification"])
    page = owner.shown(f"/requests/{one['id']}")
    assert HOSTILE[0] in owner.text()
    assert page.locator("main img, main script, main style").count() == 0
    for path in (f"/jobs?q={HOSTILE[0]}", "/jobs/%3Cimg%20src=x%20onerror=alert(1)%3E", "/jobs?team=%00%1b%5b31m"):
        owner.open(path)
        page.wait_for_timeout(500)
        assert page.evaluate("window.hurt") is None, path
        assert page.locator("main img, main script").count() == 0
    # An address of the provider's kind, made up by a stranger, signs nobody in and leads nowhere.
    owner.open("/sign-in/callback?code=abc&state=%3Cscript%3E")
    page.wait_for_timeout(500)
    assert page.evaluate("window.hurt") is None


def test_a_page_may_do_nothing_but_what_it_came_with(house: House, owner: Visit) -> None:
    answer = owner.page.goto(f"{owner.address}/")
    assert answer is not None
    for name, parts in HEADERS.items():
        assert all(each in answer.headers[name] for each in parts), name
    owner.settle()
    tried = owner.page.evaluate(
        """async () => {
          const tries = {
            inline: () => {
              const one = document.createElement('script')
              one.text = 'window.hurt = 1'
              document.body.append(one)
            },
            html: () => { document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="window.hurt = 2">') },
            elsewhere: () => fetch('http://evil.example/'),
          }
          const said = {}
          for (const [name, act] of Object.entries(tries))
            try { await act(); said[name] = 'done' } catch (error) { said[name] = error.name }
          await new Promise((go) => setTimeout(go, 200))
          return { said, hurt: window.hurt ?? null }
        }"""
    )
    assert tried["hurt"] is None
    assert set(tried["said"].values()) <= {"TypeError", "EvalError"}, tried
    broken = owner.wrong()
    assert broken, "the watch of these tests sees what is forbidden"
    owner.said.clear()
    owner.page.evaluate("window.__broken = []")
