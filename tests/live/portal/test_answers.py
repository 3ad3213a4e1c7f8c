"""Who holds what, and every node in one picture with its table beside it: answers of whatever size are told alike."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from tests.live.portal.browsing import Visit

pytestmark = pytest.mark.live

NODES: Final = 5_000
HOUR: Final = 3_600_000
CAUSES: Final = ("productive", "idle-held", "quota-blocked", "unhealthy", "reserved-unused", "unallocated")
DAY: Final = "2026-11-28T00:00:00Z"


def answer(page: Page, name: str, document: dict[str, Any]) -> None:
    """What the server answers to a question."""
    told = {"sources": [], "partial": False, "stale": False, "document": document}
    page.route(
        re.compile(rf"/api/v1/answers/{name}\b(?!/)"), lambda route: route.fulfill(json={"version": 1, "answer": told})
    )


def hold(team: str, devices: int, idle: int | None, since: str | None, ends: str | None) -> dict[str, Any]:
    return {
        "cluster": "east", "team": team, "namespace": None, "person": f"{team}@acme.example", "job": f"job/{team}-job",
        "queue": team, "accelerator": "a100", "resource": "nvidia.com/gpu", "devices": devices, "idleDevices": idle,
        "pods": 1, "nodes": ["n1"], "since": DAY, "idleSince": since, "endsAt": ends, "outsideQueue": False,
        "daemonSet": False, "jobOver": False, "processGone": False, "nodeGone": False, "leaving": False,
    }  # fmt: skip


def test_who_holds_what_is_told_with_the_most_idle_first(owner: Visit) -> None:
    page = owner.page
    items = [
        hold("works", 8, 0, None, "2026-12-24T18:00:00Z"),
        hold("untold", 8, None, None, None),
        hold("lately", 8, 8, "2026-11-29T00:00:00Z", None),
        hold("longest", 8, 8, DAY, None),
    ]
    answer(page, "who", {"devices": 32, "notes": [], "items": items})
    owner.shown("/accelerators")
    table = page.get_by_role("table", name="Who holds what")
    heads = [each.split()[0] for each in table.locator("th").all_inner_texts() if each.strip()]
    assert {"Team", "Person", "Work", "GPUs", "Idle", "Ends"} <= set(heads), heads
    rows = [" ".join(each.split()) for each in table.locator("tbody tr[aria-rowindex]").all_inner_texts()]
    assert [each.split()[0] for each in rows[:2]] == ["longest", "lately"], rows
    told = {each.split()[0]: each for each in rows}
    assert "no telemetry" in told["untold"], "allocated is not taken for used"
    assert "at work" in told["works"]
    assert "2026-12-24 18:00" in told["works"]
    assert re.search(r"\d+ (?:d|h|min)", told["longest"])
    assert page.get_by_role("heading", name="4 holds: 32 GPUs, 16 idle").is_visible()
    table.get_by_role("link", name="longest").click()
    page.wait_for_url("**/teams/longest*")


def test_five_thousand_nodes_are_one_picture_and_one_table_with_the_same_numbers(owner: Visit) -> None:
    entries = []
    for number in range(NODES):
        cause = CAUSES[number % len(CAUSES)]
        held = cause in {"productive", "idle-held"}
        entries.append(
            {
                "cause": cause, "gpuMs": 8 * HOUR, "cost": None, "cluster": "east", "node": f"n{number:04}",
                "resource": "nvidia.com/gpu", "model": "a100", "team": "nlp" if held else "", "namespace": "",
                "person": "", "object": "", "queue": "",
            }
        )  # fmt: skip
    page = owner.page
    document = {"capacityGpuMs": NODES * 8 * HOUR, "currency": None, "cost": None, "groups": [], "causes": []}
    answer(page, "waste", {**document, "entries": entries, "idleMarks": [], "remarks": []})
    owner.shown("/fleet")
    page.get_by_role("heading", name=f"{NODES * 8:,} accelerators in {NODES:,} nodes").wait_for()
    assert page.locator(".fleet canvas").count() >= 1
    page.get_by_role("heading", name=f"{NODES:,} nodes", exact=True).wait_for()
    table = page.get_by_role("table", name="Nodes")
    assert table.get_attribute("aria-rowcount") == str(NODES + 1)
    assert table.locator("tbody tr[aria-rowindex]").count() < 200, "what is not seen is not drawn"
    legend = page.locator(".legend button.chip")
    told = [each.split() for each in legend.all_inner_texts()]
    numbers = {" ".join(words[:-1]): int(words[-1].replace(",", "")) for words in told}
    assert sum(numbers.values()) == NODES * 8
    assert len(numbers) == len(CAUSES), "each kind has a colour and a pattern of its own"
    for kind, number in numbers.items():
        chip = page.locator(".legend button.chip", has_text=kind)
        chip.click()
        page.get_by_role("heading", name=f"{number // 8:,} of {NODES:,} nodes", exact=True).wait_for()
        chip.click()
