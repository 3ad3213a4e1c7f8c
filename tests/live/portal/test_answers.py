"""Who holds what, and every node in one picture with its table beside it: answers of whatever size are told alike."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.live.portal.browsing import Visit
from tests.live.portal.test_truth import refuse

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
        {**hold("untold", 8, None, None, None), "person": None},
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
    assert "not known" in told["untold"], "who it is, is told to those alone who may know"
    assert told["works"].split()[1].startswith("works"), "and named where one may"
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


LEFT, TOP, STEP, SIDE, GAP = 2, 22, 12, 4, 4
"""Pixels, and squares side by side, of the picture of a small fleet: `slot_layout.ts`."""
ALL_CAUSES: Final = {
    "productive": "used", "unmeasured": "held, no telemetry", "starting": "starting", "idle-held": "held idle",
    "reserved-unused": "reserved", "quota-blocked": "stranded", "unallocated": "free", "cordoned": "cordoned",
    "unhealthy": "broken", "unobserved": "not seen",
}  # fmt: skip
"""What a device's time goes to, and the word of the picture for it."""
SQUARES: Final = """([squares, size]) => {
  const canvas = document.querySelector('.fleet canvas')
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
  const brush = copy.getContext('2d', { willReadFrequently: true })
  brush.drawImage(canvas, 0, 0)
  const scale = canvas.width / canvas.clientWidth
  return squares.map(([x, y]) => {
    const { data } = brush.getImageData(x * scale, y * scale, size * scale, size * scale)
    const pixels = Array.from({ length: data.length / 4 }, (_, at) => [...data.slice(4 * at, 4 * at + 4)].join())
    return pixels.join(' ')
  })
}"""


def squares(page: Page, node: int, number: int) -> list[str]:
    """The pixels of each square of a node, as the browser has drawn them."""
    left = LEFT + node * (SIDE * STEP - 1 + GAP)
    places = [[left + at % SIDE * STEP, TOP + at // SIDE * STEP] for at in range(number)]
    found: list[str] = page.evaluate(SQUARES, [places, STEP - 1])
    return found


def pattern(pixels: str) -> str:
    """What is drawn on the ground, whatever its colours."""
    each = pixels.split()
    ground = "".join("0" if one == max(set(each), key=each.count) else "1" for one in each)
    return min(ground, ground.translate(str.maketrans("01", "10")))


def test_each_accelerator_is_drawn_by_what_it_does_and_is_where_the_picture_says(owner: Visit) -> None:
    """What a canvas shows is in no text: its pixels are looked at."""
    mixed = ["productive"] * 3 + ["idle-held"] * 2 + ["unallocated"] + ["unhealthy"] * 2
    nodes = [*([cause] * 8 for cause in ALL_CAUSES), mixed]
    entries = [
        {
            "cause": cause, "gpuMs": causes.count(cause) * HOUR, "cost": None, "cluster": "east",
            "node": f"n{number:02}", "resource": "nvidia.com/gpu", "model": "a100", "team": "", "namespace": "",
            "person": "", "object": "", "queue": "",
        }
        for number, causes in enumerate(nodes)
        for cause in dict.fromkeys(causes)
    ]  # fmt: skip
    page = owner.page
    document = {"capacityGpuMs": len(nodes) * 8 * HOUR, "currency": None, "cost": None, "groups": [], "causes": []}
    answer(page, "waste", {**document, "entries": entries, "idleMarks": [], "remarks": []})
    owner.shown("/fleet")
    page.get_by_role("heading", name=f"{len(nodes) * 8} accelerators in {len(nodes)} nodes").wait_for()
    drawn = {}
    for number, cause in enumerate(ALL_CAUSES):
        (drawn[cause], *more) = dict.fromkeys(squares(page, number, 8))
        assert not more, f"eight of {cause} look alike"
    assert len(set(drawn.values())) == len(ALL_CAUSES)
    assert len({pattern(each) for each in drawn.values()}) == len(ALL_CAUSES), "none is told by its colour alone"
    assert squares(page, len(ALL_CAUSES), 8) == [drawn[each] for each in mixed], "one node of several kinds"
    # What stands under the mouse is the node that is drawn there, and a click opens it.
    canvas = page.locator(".fleet canvas")
    for number, word in ((8, "8 broken"), (10, "3 used, 2 held idle, 1 free, 2 broken"), (3, "8 held idle")):
        at = {"x": LEFT + number * (SIDE * STEP - 1 + GAP) + 5, "y": TOP + 5}
        canvas.hover(position=at)
        assert f"n{number:02}" in page.locator(".fleet .tip").inner_text()
        assert word in page.locator(".fleet .tip").inner_text()
        canvas.click(position=at)
        page.wait_for_url(f"**node=east%2Fn{number:02}*")
    # Of the kind that is looked for its nodes are left, in which all other kinds step back.
    page.mouse.move(0, 0)
    page.locator(".legend button.chip", has_text="broken").click()
    page.get_by_role("heading", name=f"2 of {len(nodes)} nodes", exact=True).wait_for()
    assert set(squares(page, 0, 8)) == {drawn["unhealthy"]}
    found = squares(page, 1, 8)
    assert [one == drawn[cause] for one, cause in zip(found, mixed, strict=True)] == [False] * 6 + [True] * 2


def quota(queue: str, flavor: str, used: int, lender: str = "") -> dict[str, Any]:
    loans = [{"lender": lender, "amount": used - 8}] if lender else []
    return {
        "clusterQueue": queue, "flavor": flavor, "resource": "nvidia.com/gpu", "nominal": 8, "limit": 16, "used": used,
        "borrowed": max(0, used - 8), "lent": 0, "borrowsFrom": loans,
    }  # fmt: skip


def queue(name: str, *quotas: dict[str, Any], pending: int = 0) -> dict[str, Any]:
    return {
        "cluster": "east", "clusterQueue": name, "cohort": "all", "stopPolicy": None, "inactive": None,
        "pending": pending, "head": None, "heldBack": 0, "quotas": list(quotas),
    }  # fmt: skip


def trend(name: str, flavor: str, used: list[float | None]) -> dict[str, Any]:
    known = [None if each is None else 8 for each in used]
    looks = [0 if each is None else 12 for each in used]
    return {
        "cluster": "east", "clusterQueue": name, "flavor": flavor, "resource": "nvidia.com/gpu", "used": used,
        "nominal": known, "most": used, "looks": looks,
    }  # fmt: skip


def row_of(page: Page, name: str) -> Locator:
    """The row of a queue, whatever else names it."""
    return page.locator("tr[aria-rowindex]", has=page.locator(".tree-name").get_by_text(name, exact=True)).first


def test_each_queue_has_a_week_of_its_past_and_gaps_are_told(owner: Visit) -> None:
    page = owner.page
    items = [
        queue("nlp", quota("nlp", "a100", 12, "cv"), quota("nlp", "t4", 2)),
        queue("cv", quota("cv", "a100", 1), pending=3),
        queue("new", quota("new", "a100", 0)),
        queue("late", quota("late", "a100", 3)),
    ]
    answer(page, "queues", {"items": items, "remarks": []})
    week: list[float | None] = [None] * 12 + [4.0] * 10 + [None] * 6 + [12.0] * 14
    trends = {
        "kind": "QueueTrends", "since": "2026-11-22T12:00:00Z", "stepSeconds": 4 * 3600,
        "first": "2026-11-24T12:00:00Z",
        "items": [
            trend("nlp", "a100", week), trend("nlp", "t4", [None] * 42), trend("cv", "a100", [1.0] * 42),
            trend("late", "a100", [None] * 40 + [3.0, None]),
        ],
        "remarks": [],
    }  # fmt: skip
    answer(page, "queue-trends", trends)
    with owner.held(re.compile("queue-trends")) as past:
        owner.open("/queues")
        page.get_by_role("treegrid", name="Queues").wait_for()
        row = row_of(page, "nlp")
        assert row.locator("td[data-head=Trend] .skeleton").count() == 1, "before it is known nothing is said of it"
        assert row.locator("svg.spark").count() == 0
        past.release()
        row.locator("svg.spark").wait_for()
    words = {name: row_of(page, name).locator("td[data-head=Trend]") for name in ("nlp", "cv", "new", "late")}
    said = words["nlp"].get_by_role("img").get_attribute("aria-label") or ""
    assert said.startswith("4 to 12 used of 8 guaranteed in 7 d, above it for 2 d 8 h"), said
    assert said.endswith("nothing was seen for 3 d of it"), said
    assert words["nlp"].locator(".gap").count() == 2, "what was not seen is a gap, and no line leads over it"
    assert words["nlp"].locator(".line").count() == 2
    assert words["cv"].get_by_role("img").get_attribute("aria-label") == "1 used of 8 guaranteed in 7 d"
    assert words["new"].inner_text() == "none kept yet"
    assert words["late"].inner_text() == "since 2026-11-29 04:00", "of its own: others are known longer"
    (tip,) = (each.get_attribute("title") for each in words["late"].locator("[title]").all())
    assert tip == "3 used of 8 guaranteed in 7 d; nothing was seen for 6 d 20 h of it"
    note = page.get_by_role("note", name="What the trend shows")
    assert "What is known begins 2026-11-24 12:00" in note.inner_text()
    assert "cv 4 (3 wait)" in row_of(page, "nlp").inner_text(), "who would take back what it borrows"
    page.get_by_label("Flavor").select_option("t4")
    page.wait_for_url("**accelerator=t4*")
    expect(row_of(page, "nlp")).to_contain_text("none kept yet")
    page.unroute_all()
    page.route(re.compile("queue-trends"), refuse)
    answer(page, "queues", {"items": items, "remarks": []})
    owner.open("/queues")
    expect(page.get_by_text("could not be read: the cellar is flooded")).to_be_visible()
    assert page.get_by_role("treegrid", name="Queues").is_visible(), "the rest is there all the same"
