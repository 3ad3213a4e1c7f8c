"""A team comes and leaves in the browser, in a real cluster: form, diff, approval, commit, apply, prove, first job."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import yaml
from playwright.sync_api import Browser, Page

from allotment.model.jobs.run import JobState
from allotment.ports.job_service import JobSubmission
from tests.live.decide.conftest import git
from tests.live.portal.house import House, started
from tests.live.portal.test_commands import copied
from tests.live.portal.test_request_story import PHONE, sideways
from tests.live.server.conftest import Server
from tests.live.training import CLUSTER, Training, declared_tree
from tests.unit.operations.run.machine import job
from tools.oidc_provider import missing, up

pytestmark = [pytest.mark.live, pytest.mark.nightly]

TEAM: Final = "vision"
PATIENCE: Final = 300_000.0
"""Milliseconds: a cluster that is busy with other tests takes its time."""


@pytest.fixture(scope="module")
def house(browser: Browser, training: Training, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    if lacking := missing():
        pytest.skip(f"nobody can sign in: no {lacking}")
    folder = tmp_path_factory.mktemp("teams")
    directory = committed(folder / "platform")
    (folder / "home").mkdir()
    server = Server(folder / "home", further={"KUBECONFIG": str(reached(training, folder))})
    with (
        up(folder / "provider") as provider,
        started(server, ("--platform", str(directory)), browser, provider) as made,
    ):
        provider.enroll("val", f"acme-{TEAM}-leads", f"acme-{TEAM}")
        yield made
        provider.withdraw("val")
    # The namespace of a team that has left stays as long as its data.
    assert {str(item.change.key) for item in training.brought().remaining} <= {f"Namespace {TEAM}"}


def committed(folder: Path) -> Path:
    """The platform directory of the cluster, in a repository of its own."""
    for path, text in declared_tree().files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "as it was")
    return folder


def reached(training: Training, folder: Path) -> Path:
    """A kubeconfig by which a server finds the cluster under the name that the directory gives it."""
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    return folder / "kubeconfig"


def stands(page: Page, text: str) -> None:
    page.locator(".verdict", has_text=re.compile(text)).wait_for(timeout=PATIENCE)


def step(page: Page, name: str, said: str) -> None:
    """A step of the timeline says so, by itself."""
    line = page.get_by_role("list", name="Timeline").get_by_role("listitem").filter(has_text=name)
    line.filter(has_text=re.compile(said)).wait_for(timeout=PATIENCE)


def approved(page: Page) -> None:
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve it").click()


def test_a_team_comes_runs_its_first_job_and_leaves(house: House) -> None:
    ada, eve = house.visit("ada"), house.visit("eve", viewport=PHONE)
    page = ada.shown("/onboard")
    page.get_by_label("Name").fill(TEAM)
    page.get_by_label("Groups of its owners").fill(f"acme-{TEAM}-leads")
    page.get_by_label("Groups of its members").fill(f"acme-{TEAM}")
    page.get_by_label("Guaranteed CPU").fill("4")
    page.get_by_label("Guaranteed memory").fill("16Gi")
    page.get_by_label("Budget of a month").fill("1500")
    page.goto(f"{page.url}&on={CLUSTER}")
    page.get_by_label("Why").fill("a new group")
    diff = page.get_by_label("Diff of the platform directory")
    diff.get_by_text(f"+name: {TEAM}").wait_for(timeout=PATIENCE)
    page.get_by_text("acme-engineering-leads").wait_for()
    command = copied(ada, page.get_by_role("button", name="Copy command"))
    assert command.startswith(
        f"allot request team {TEAM} --owner acme-{TEAM}-leads --member acme-{TEAM} --on {CLUSTER}"
    )
    page.get_by_role("button", name="Ask for the team").click()
    stands(page, "waiting")

    phone = eve.shown(f"/requests/{page.url.rpartition('/')[2]}")
    phone.get_by_label("Diff of the platform directory").get_by_text(f"+name: {TEAM}").wait_for()
    assert sideways(phone) == 0
    approved(phone)
    for one in (page, phone):
        for name in ("commit", "apply", "prove"):
            step(one, name, "done")
        stands(one, "active")
    step(page, "first job", "not shown to you")
    step(phone, "first job", "nobody of the team has submitted one yet")

    first = replace(
        job(team=TEAM, name="first", devices=0), program=replace(job().program, image="registry.acme.example/train:1")
    )
    made = house.service.submit(JobSubmission(first, CLUSTER)).job
    house.until(made.id, lambda each: each.state in {JobState.RUNNING, JobState.SUCCEEDED})
    step(phone, "first job", "first (running|succeeded).*after the approval")

    # It leaves: nobody does that by a slip of the hand.
    val, until = house.visit("val"), (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)).isoformat()
    page = val.shown(f"/teams/{TEAM}")
    page.get_by_role("link", name="Have it leave").click()
    page.get_by_label("Its data are kept until").fill(until)
    page.get_by_label("Why").fill("it is done")
    asks = page.get_by_role("button", name="Ask that it leaves")
    page.get_by_label("Type the team's name").fill("visio")
    assert asks.is_disabled()
    page.get_by_label("Type the team's name").fill(TEAM)
    page.get_by_text("all its data are deleted").first.wait_for()
    asks.click()
    stands(page, "waiting")
    phone = eve.shown(f"/requests/{page.url.rpartition('/')[2]}")
    approved(phone)
    for name in ("commit", "withdraw requests", "end grants", "stop jobs", "revoke access", "apply", "prove"):
        step(phone, name, "done")
    step(phone, "delete data", "to come")
    assert house.service.find(made.id).state.over
    assert ada.wrong() + eve.wrong() == []
