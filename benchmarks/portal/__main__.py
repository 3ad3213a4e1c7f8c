"""The portal in Chromium, over 30,000 jobs and a log of a million lines, beside its bars.

    python -m benchmarks.portal [--jobs 30000] [--lines 1000000] [--minutes 2] [--times 5]

A server of its own, of a store that is filled first; Chromium comes to it through a line of this process, which says
events besides: those of an idle tab are rows that are there, told anew with another version, 100 a second. Times are
the page's own, from a key or a click to the frame after what it has changed; work on the page's thread is that of
Chromium's trace. Each figure is the median of some times, and the worst one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page

from allotment.api.pages import page_files
from allotment.model.jobs.job import Job, JobType, Program, ReplicaNeeds
from allotment.model.jobs.written import write_value
from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from benchmarks.api.stage import Running, ended, filled, start, write_platform
from tests.live.portal.browsing import LAPTOP, Visit, chromium
from tests.live.portal.lines import Line

EVENTS: Final = 100
"""A second, to an idle tab."""
_CLOCK: Final = """
window.__after = (wanted) => new Promise((tell, fail) => {
  const until = performance.now() + 60000;
  const look = () => {
    if (wanted()) requestAnimationFrame(() => tell(performance.now()));
    else if (performance.now() > until) fail(new Error(`it has not come: ${wanted}`));
    else requestAnimationFrame(look);
  };
  look();
});
window.__pressed = 0;
for (const kind of ['keydown', 'click'])
  window.addEventListener(kind, (event) => { window.__pressed = event.timeStamp }, true);
window.__frames = [];
{ let before = 0;
  const frame = (now) => {
    if (before) window.__frames.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame); }
"""


@dataclass(frozen=True)
class Figure:
    """What was measured, beside its bar.

    Attributes:
        values: of each time.
        bar: that none should be over.
    """

    what: str
    values: list[float]
    bar: float
    unit: str = "ms"

    @property
    def met(self) -> bool:
        """By the median; the worst time is told beside it."""
        return statistics.median(self.values) <= self.bar

    def row(self) -> str:
        """Of the table."""
        median, worst = statistics.median(self.values), max(self.values)
        told = "" if self.met else "**over**"
        return f"| {self.what} | {median:.1f} | {worst:.1f} | {self.bar:g} {self.unit} | {told} |"


@dataclass
class Stage:
    """A server with jobs, and a browser that has signed in."""

    server: Running
    line: Line
    browser: Browser
    kept: Any = None

    def visit(self) -> Visit:
        """One whose cache is empty."""
        address = f"http://127.0.0.1:{self.line.port}"
        if self.kept is None:
            first = Visit(self.browser.new_context().new_page(), address)
            first.open(f"/#enter={self.server.home.browser_code()}")
            first.settle()
            self.kept = first.context.storage_state()
            first.context.close()
        page = self.browser.new_context(storage_state=self.kept, viewport=LAPTOP).new_page()  # type: ignore[arg-type]
        page.add_init_script(_CLOCK)
        return Visit(page, address)


def bundle() -> Figure:
    """What the first screen needs, packed."""
    packed = sum(len(each.packed) for path, each in page_files().items() if path.endswith((".js", ".css", ".html")))
    return Figure("everything of the first screen, packed", [packed / 1000], 400, "kB")


def painted(page: Page, wanted: str) -> float:
    """Milliseconds from the beginning of the page to the frame in which something is there."""
    return float(page.evaluate(f"() => window.__after(() => document.querySelector({wanted!r}))"))


ROW: Final = "main tr[aria-rowindex]"
WHOLE: Final = """() => document.querySelector('.figure b, main tr[aria-rowindex]') &&
  !document.querySelector('[data-state=truncated], [data-state=loading]')"""
"""Whether all is there."""


def opening(stage: Stage, times: int) -> list[Figure]:
    """The list of jobs, and home, cold and warm."""
    cold, warm, home = [], [], []
    for _ in range(times):
        one = stage.visit()
        cold.append(painted(one.open("/jobs"), ROW))
        # Whoever comes back has the programs already.
        warm.append(painted(one.open("/jobs"), ROW))
        home.append(painted(one.open("/"), ".figure b"))
        one.context.close()
    return [
        Figure("cold: first rows of the jobs", cold, 1000),
        Figure("warm: first rows of the jobs", warm, 150),
        Figure("warm: figures of home", home, 150),
    ]


def since_pressed(page: Page, act: Callable[[], None], wanted: str) -> float:
    """Milliseconds from a key or a click to the frame after what it has changed."""
    page.evaluate(f"() => {{ window.__told = window.__after(() => {wanted}) }}")
    act()
    return float(page.evaluate("() => window.__told.then((at) => at - window.__pressed)"))


def listing(stage: Stage, times: int) -> list[Figure]:
    """Filter, scroll, open, and come back."""
    one = stage.visit()
    page = one.open("/jobs")
    page.wait_for_function(WHOLE, timeout=120_000)
    keys, visited = [], []
    box = page.get_by_label("Filter jobs")
    newest = stage.server.home.page(JobFilter(), limit=1).rows[0].id
    for _ in range(times):
        # Each key leaves a tenth of the jobs.
        box.fill(newest[:-3])
        page.wait_for_timeout(300)
        for key in newest[-3:]:
            title = page.locator("main h2").inner_text()
            changed = f"document.querySelector('main h2').innerText !== {title!r}"
            keys.append(since_pressed(page, partial(box.press, key), changed))
    box.fill("")
    page.wait_for_timeout(300)
    stage.browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    page.mouse.move(700, 500)
    page.evaluate("() => { window.__frames = [] }")
    for _ in range(60):
        page.mouse.wheel(0, 900)
        page.wait_for_timeout(20)
    frames = page.evaluate("() => window.__frames")
    trace = json.loads(stage.browser.stop_tracing())
    page.locator(".scroll").evaluate("(box) => { box.scrollTop = 0 }")
    page.wait_for_timeout(300)
    name = page.locator(f"{ROW} a").first.inner_text()
    heading = f"document.querySelector('main h1')?.innerText === {name!r}"
    since_pressed(page, page.locator(f"{ROW} a").first.click, heading)
    for _ in range(times):
        page.go_back()
        page.locator(ROW).first.wait_for()
        visited.append(since_pressed(page, page.locator(f"{ROW} a").first.click, heading))
    one.context.close()
    return [
        Figure("a key in the filter, to its rows", keys, 100),
        Figure("scrolling: the longest frame", [max(frames)], 50),
        Figure("scrolling: the longest piece of work", [longest(trace)], 50),
        Figure("a job that was looked at before", visited, 50),
    ]


def longest(trace: dict[str, Any]) -> float:
    """Milliseconds of the longest task of a page's thread."""
    events = trace["traceEvents"]
    pages = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [each.get("dur", 0) for each in events if each.get("ph") == "X" and (each["pid"], each["tid"]) in pages]
    return max(tasks, default=0) / 1000


def palette(stage: Stage, times: int) -> list[Figure]:
    """Results of each key, work on the page's thread alone."""
    one = stage.visit()
    page = one.open("/jobs")
    page.wait_for_function(WHOLE, timeout=120_000)
    found = []
    for _ in range(times):
        page.keyboard.press("Control+k")
        box = page.get_by_role("combobox", name="Search or go to")
        for key in "eval-29":
            stage.browser.start_tracing(page=page, categories=["devtools.timeline"])
            box.press(key)
            page.wait_for_timeout(60)
            found.append(handled(json.loads(stage.browser.stop_tracing())))
        page.keyboard.press("Escape")
    one.context.close()
    return [Figure("a key in the palette: work until its results are there", found, 16)]


def handled(trace: dict[str, Any]) -> float:
    """Milliseconds of what the events of a key made the page do."""
    kinds = {"keydown", "keypress", "beforeinput", "textInput", "input", "keyup"}
    return (
        sum(
            each.get("dur", 0)
            for each in trace["traceEvents"]
            if each["name"] == "EventDispatch" and each["args"]["data"]["type"] in kinds
        )
        / 1000
    )


def log(stage: Stage, times: int, reference: str) -> list[Figure]:
    """A long log at its end."""
    opened = []
    for _ in range(times):
        one = stage.visit()
        one.open("/jobs")
        one.page.locator(ROW).first.wait_for()
        box = one.page.get_by_label("Filter jobs")
        box.fill(reference)
        link = one.page.get_by_role("link", name="loud", exact=True)
        link.wait_for()
        opened.append(since_pressed(one.page, link.click, "document.querySelector('.log .line')"))
        one.context.close()
    return [Figure("a log, opened at its end", opened, 500)]


def idle(stage: Stage, minutes: float) -> list[Figure]:
    """Nobody touches the page, and 100 events a second come."""
    page_of = stage.server.home.page(JobFilter(), limit=100)
    figures = []
    for path in ("/", "/jobs"):
        one = stage.visit()
        one.open(path)
        one.page.wait_for_function(WHOLE, timeout=120_000)
        session = one.context.new_cdp_session(one.page)
        session.send("Performance.enable")
        session.send("HeapProfiler.enable")

        def metrics(session: Any = session) -> dict[str, float]:
            session.send("HeapProfiler.collectGarbage")
            return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}

        version = 1000
        busy = []
        tell(stage, page_of.rows, version, 5)
        first = before = metrics()
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            began = time.monotonic()
            version = tell(stage, page_of.rows, version + 1, 10)
            now = metrics()
            busy.append(100 * (now["TaskDuration"] - before["TaskDuration"]) / (time.monotonic() - began))
            before = now
        grown = (before["JSHeapUsedSize"] - first["JSHeapUsedSize"]) / 1e6
        figures += [
            Figure(f"an idle tab at {path}, {EVENTS} events a second: of a core", busy, 1, "%"),
            Figure(f"an idle tab at {path}: heap grown in {minutes:g} min", [grown], 1, "MB"),
        ]
        one.context.close()
    return figures


def tell(stage: Stage, rows: Any, version: int, seconds: float) -> int:
    """Events for so long; the last version."""
    for tick in range(int(seconds * 10)):
        began = time.monotonic()
        frames = b""
        for number in range(EVENTS // 10):
            row = rows[(tick * 10 + number) % len(rows)]
            version += 1
            now = json.loads(write_value("now", replace(row, version=version, said=f"told {version} times")))["now"]
            frames += b"event: job\ndata: " + json.dumps({"job": {"id": row.id, "now": now}}).encode() + b"\n\n"
        stage.line.tell(frames)
        time.sleep(max(0.0, began + 0.1 - time.monotonic()))
    return version


def loud(server: Running, folder: Path, lines: int) -> str:
    """A job that has written so many lines; its id."""
    written = folder / "log"
    with written.open("wb") as file:
        for number in range(lines):
            file.write(b"step %07d loss 0.1234567 and so on to fifty-five chars\n" % number)
    needs = ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), None)
    job = Job("loud", "team-000", JobType.TRAINING, Program(("cat", str(written))), needs, "exploratory")
    found = server.home.submit(JobSubmission(job, "local")).job
    while not server.home.find(found.id).state.over:
        time.sleep(0.2)
    return found.id


def main() -> int:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=30_000)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default="", help="words of the figures that are wanted, such as palette")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        store = str(folder / "store.db")
        filled(store, asked.jobs, min(300, asked.jobs))
        server = start(folder, write_platform(folder / "platform"), store)
        with ended([server]):
            stage = Stage(server, Line(server.port), browser)
            parts: dict[str, Callable[[], list[Figure]]] = {
                "bundle": lambda: [bundle()],
                "opening": lambda: opening(stage, asked.times),
                "listing": lambda: listing(stage, asked.times),
                "palette": lambda: palette(stage, asked.times),
                "log": lambda: log(stage, asked.times, loud(server, folder, asked.lines)),
                "idle": lambda: idle(stage, asked.minutes),
            }
            load = os.getloadavg()[0]
            say(f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}, Chromium {browser.version}")
            say(f"\n{asked.jobs:,} jobs, {asked.lines:,} lines\n")
            say("| | median | worst | bar | |\n|---|---:|---:|---:|---|")
            met = True
            for part, measure in parts.items():
                for figure in measure() if asked.only in part else ():
                    say(figure.row())
                    met &= figure.met
            stage.line.close()
    return 0 if met else 1


def say(line: str) -> None:
    """At once: it takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
