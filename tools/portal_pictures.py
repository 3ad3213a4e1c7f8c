"""Pictures of the portal's screens, in both themes and at three widths, into docs/pictures/portal/.

    python -m tools.portal_pictures [--only jobs,request] [--into FOLDER] [--whole]

A server of the demo (`allot up --demo`, always the same seed) is looked at by Chromium. Debian's package
`chromium-headless-shell` or `chromium` is needed. A screen that can be moved sideways fails it. Look at each picture
before it is committed.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from allotment.errors import UnreachableError
from allotment.model.jobs.run import JobState
from allotment.model.requests.request import RequestState
from allotment.ports.requests import RequestFilter
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import JobRow
from tests.live.portal.browsing import Visit, chromium
from tests.live.portal.house import House, started
from tests.live.server.conftest import Server

ROOT: Final = Path(__file__).parents[1]
INTO: Final = ROOT / "docs" / "pictures" / "portal"
WIDTHS: Final = {1440: 900, 1024: 768, 390: 844}
"""A laptop, a tablet, a telephone: widths with their heights."""
THEMES: Final = ("light", "dark")
SLOW: Final = 120_000
"""Milliseconds in which a screen has its data: a fleet of hundreds of nodes lives beside the browser."""
FULL: Final = 200
"""Jobs that run before the first picture."""
PATIENCE: Final = 240.0
"""Seconds after which fewer will do: how fast a fleet fills depends on the machine."""
COLOURS: Final = 256
"""Of a picture's palette."""
TO_THE_LETTER: Final = 176
"""Of them, the most frequent."""
TRAINING: Final = "training-eastus"
DEVELOPMENT: Final = "dev-eastus"
MINE: Final = """\
kind: Job
name: {name}
team: {team}
run: {{command: [python, train.py], image: registry.acme.example/{team}/train:1}}
resources: {{accelerators: "{wants}", cpu: 4, memory: 16Gi}}
replicas: {replicas}
maxRunTime: 1d
"""
"""A job of whoever looks."""
OWN: Final = (
    ("train-tagger", "nlp", "t4:1", 1),
    ("tune-tagger", "nlp", "t4:2", 1),
    ("segment-cells", "imaging", "a10g:1", 1),
    ("train-everything", "nlp", "t4:4", 3),
)
_SIDEWAYS: Final = """() => [...document.querySelectorAll('html, main, main .grid')]
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => `${each.tagName} can be moved sideways, ${each.scrollWidth} of ${each.clientWidth} pixels`)"""
_CONTENT: Final = (
    "() => Math.ceil(document.querySelector('main').scrollHeight - document.querySelector('main').clientHeight)"
)


@dataclass(frozen=True)
class Subjects:
    """What screens of one thing are of, by its id.

    Attributes:
        works: a job that runs.
        waits: one that has to wait for its GPUs.
        request: one on which somebody has to decide.
    """

    works: str
    waits: str
    request: str


@dataclass(frozen=True)
class Screen:
    """A picture.

    Attributes:
        name: of the picture.
        path: address of the screen, with subjects in braces.
        then: what is done there before it is taken.
        shows: what has to be seen on it besides, where that takes a while.
        hopes: what is waited for in the same way, and comes and goes by itself: without it the picture is taken, too.
    """

    name: str
    path: str
    then: Callable[[Page], object] = lambda _page: None
    shows: tuple[str, ...] = ()
    hopes: tuple[str, ...] = ()


def _first_hold(page: Page) -> None:
    page.locator("main table[aria-label=Nodes] tbody .link").first.click()
    page.locator("main section.panel[aria-label] h2").first.wait_for()
    page.locator("main section.panel[aria-label]").first.scroll_into_view_if_needed()


def _first_difference(page: Page) -> None:
    page.locator("main tbody button.link[aria-expanded]").first.click()
    page.locator("tr.opened").wait_for()


def _another_quota(page: Page) -> None:
    page.locator("main table[aria-label=Quotas] tbody .link").first.click()
    for _ in range(8):
        page.get_by_role("button", name="More: Guaranteed of its own").click()


def _command(page: Page) -> None:
    page.get_by_label("Where").select_option(DEVELOPMENT)
    page.get_by_label("Command").fill("python train.py --epochs 10")
    page.get_by_label("Image").fill("registry.acme.example/nlp/train:1")
    page.get_by_label("Team").select_option("nlp")
    page.get_by_label("GPUs").fill("2")
    page.get_by_label("Accelerator").fill("t4")


def _search(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search or go to").fill("nlp")


def _settings(page: Page) -> None:
    page.locator("header.top button").last.click()
    page.get_by_role("dialog").wait_for()


def _keys(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


IDLE: Final = "section:has(h2:text-is('Held idle for longest')) tbody tr"
"""Somebody who holds idle devices, as the picture's words have it."""
SCREENS: Final = (
    Screen("home", "/"),
    Screen("jobs", "/jobs"),
    Screen("job", "/jobs/{works}"),
    Screen("job-waiting", "/jobs/{waits}"),
    Screen("submit", "/submit", _command),
    Screen("requests", "/requests"),
    Screen("request", "/requests/{request}"),
    Screen("ask", "/ask?team=nlp&gpus=16&accelerator=a100-on-demand&hours=72"),
    Screen("overview", "/overview", hopes=(IDLE,)),
    Screen("fleet", "/fleet"),
    Screen("node", "/fleet?as=table&sort=-idle", _first_hold),
    Screen("accelerators", "/accelerators"),
    Screen("queues", "/queues"),
    Screen("quotas", "/quotas"),
    Screen("quota", f"/quotas?cluster={TRAINING}&sort=-waits", _another_quota, (".figures", ".patch")),
    Screen("simulate", f"/simulate?cluster={TRAINING}&change=hold:nlp", shows=(".figures",)),
    Screen("waiting", "/waiting"),
    Screen("teams", "/teams"),
    Screen("team", "/teams/nlp"),
    Screen(
        "onboarding",
        "/onboard?name=vision&owners=acme-vision-leads&members=acme-vision&accelerators=t4=2&cpu=64&memory=256Gi"
        f"&center=cc-2000&on={DEVELOPMENT}",
    ),
    Screen("leaving", "/leave?team=education"),
    Screen("books", "/books"),
    Screen("waste", "/waste"),
    Screen("policies", "/policies"),
    Screen("clusters", "/clusters"),
    Screen("drift", f"/drift?cluster={DEVELOPMENT}", _first_difference),
    Screen("backends", "/backends"),
    Screen("audit", "/audit"),
    Screen("causes", "/help"),
    Screen("cause", "/help/ALT-1316"),
    Screen("search", "/overview", _search),
    Screen("settings", "/overview", _settings),
    Screen("keys", "/overview", _keys),
)
DOOR: Final = "door"
"""Where nobody has signed in."""


@contextmanager
def demo(folder: Path, browser: Browser) -> Iterator[House]:
    """A fleet that is made up, as full as it gets, with some jobs and a request of whoever looks."""
    (folder / "home").mkdir()
    server = Server(folder / "home")
    with started(server, ("--demo",), browser, None) as made:
        for name, team, wants, replicas in OWN:
            text = MINE.format(name=name, team=team, wants=wants, replicas=replicas)
            (server.home / f"{name}.yaml").write_text(text, encoding="utf-8")
            server.run("submit", f"{name}.yaml", "--on", DEVELOPMENT)
        asked = ("--accelerator", "t4", "--on", DEVELOPMENT, "--for", "2d", "--why", "two notebooks for the release")
        server.run("request", "gpus", "2", "--team", "nlp", *asked)
        yield made


def subjects(made: House) -> Subjects:
    """Once the fleet is full, or as full as it has become by then."""
    until = time.monotonic() + PATIENCE
    while True:
        running, waiting, asked = _living(made)
        late = time.monotonic() > until
        if running and waiting and asked and (late or len(running) >= FULL):
            large = max(running, key=lambda row: row.devices)
            # The largest of whoever looks waits for what others hold.
            waits = next((row for row in waiting if row.name == OWN[-1][0]), waiting[0])
            return Subjects(large.id, waits.id, asked[0])
        if late:
            raise SystemExit(f"the demo does not fill: {len(running)} run, {len(waiting)} wait, {len(asked)} ask")
        time.sleep(5)


def _living(made: House) -> tuple[list[JobRow], list[JobRow], list[str]]:
    """Jobs that run, jobs that wait for GPUs, and ids of requests that wait; none where the server has no time now."""
    try:
        found = made.service.page(JobFilter(states=frozenset({JobState.RUNNING, JobState.QUEUED})), limit=500).rows
        asked = made.service.requests(RequestFilter(states=frozenset({RequestState.WAITING}))).rows
    except UnreachableError:
        return [], [], []
    return (
        [each for each in found if each.state is JobState.RUNNING],
        [each for each in found if each.state is JobState.QUEUED and (each.said or each.plain)],
        [each.id for each in asked],
    )


def keep(taken: bytes, path: Path) -> None:
    """A picture as a PNG of at most 256 colours, a fraction of what a browser writes.

    Those that most of it has are kept to the letter, so that a surface has the same tint in every picture, and of the
    others those that are like none of them; what is left, which is the edges of letters, becomes the nearest.
    """
    drawn = np.asarray(Image.open(io.BytesIO(taken)).convert("RGB"))
    packed = drawn.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)
    found, where, number = np.unique(packed.reshape(-1), return_inverse=True, return_counts=True)
    all_of_it = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    kept = np.argsort(-number, kind="stable")[:TO_THE_LETTER]
    apart = ((all_of_it[:, None, :] - all_of_it[None, kept, :]) ** 2).sum(axis=2)
    nearest, far = apart.argmin(axis=1), apart.min(axis=1)
    while len(kept) < min(COLOURS, len(all_of_it)):
        alone = int(far.argmax())
        to_it = ((all_of_it - all_of_it[alone]) ** 2).sum(axis=1)
        nearest, far = np.where(to_it < far, len(kept), nearest), np.minimum(to_it, far)
        kept = np.append(kept, alone)
    few = Image.fromarray(nearest.astype(np.uint8)[where].reshape(packed.shape))
    few.putpalette(all_of_it[kept].astype(np.uint8).tobytes())
    few.save(path, optimize=True)


@dataclass
class Camera:
    """Takes pictures.

    Attributes:
        into: where they go.
        whole: whether a picture is as high as its screen, to look at; else as high as a device.
        faults: what is wrong in what was taken.
    """

    into: Path
    whole: bool
    faults: list[str]

    def take(self, page: Page, name: str) -> Iterator[Path]:
        """One screen, in every theme and width."""
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(400)
            if self.whole and page.locator("main").count():
                page.set_viewport_size({"width": width, "height": min(6000, height + page.evaluate(_CONTENT))})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme)
                page.wait_for_timeout(300)
                self.faults += [f"{name} at {width}: {each}" for each in page.evaluate(_SIDEWAYS)]
                path = self.into / f"{name}-{width}-{theme}.png"
                keep(page.screenshot(), path)
                yield path


def visit(made: House, screen: Screen, about: Subjects) -> Visit:
    """Somebody before the screen."""
    width, height = next(iter(WIDTHS.items()))
    one = made.visit(viewport={"width": width, "height": height}, color_scheme=THEMES[0])
    one.page.set_default_timeout(SLOW)
    one.shown(screen.path.format(**vars(about)))
    screen.then(one.page)
    # What is asked for while one types comes after a moment.
    one.page.wait_for_timeout(1500)
    _answered(one.page, screen)
    return one


def _answered(page: Page, screen: Screen) -> None:
    """A machine that is busy with a whole fleet does not answer all in the time that a browser waits: ask again."""
    until = time.monotonic() + SLOW / 1000
    again = page.locator("main [data-state=error] .act:visible, main .note.bad .act:visible")
    while again.count() or page.locator("[data-state=loading]").count() or not _shown(page, screen.shows):
        if time.monotonic() > until:
            raise SystemExit(f"{screen.name}: the server has no time for it")
        for each in reversed(again.all()):
            each.click()
        page.wait_for_timeout(1000)
    while not _shown(page, screen.hopes) and time.monotonic() < until:
        page.wait_for_timeout(1000)


def _shown(page: Page, wanted: tuple[str, ...]) -> bool:
    return all(page.locator(f"main {each}").count() for each in wanted)


def taken(made: House, camera: Camera, only: set[str]) -> Iterator[Path]:
    """All of them, one after another."""
    about = subjects(made)
    for screen in SCREENS:
        if only and screen.name not in only:
            continue
        one = visit(made, screen, about)
        yield from camera.take(one.page, screen.name)
        camera.faults += [f"{screen.name}: {each}" for each in one.wrong()]
        one.context.close()
    if not only or DOOR in only:
        stranger = made.browser.new_context(locale="en-GB")
        page = stranger.new_page()
        page.goto(made.address)
        page.get_by_text(re.compile("allot open|Sign in")).first.wait_for()
        yield from camera.take(page, DOOR)
        stranger.close()


def main() -> int:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="names of screens, with commas between them")
    parser.add_argument("--into", type=Path, default=INTO, help="folder; docs/pictures/portal without it")
    parser.add_argument("--whole", action="store_true", help="as high as what is on the screen, to look at all of it")
    asked = parser.parse_args()
    only = {each for each in asked.only.split(",") if each}
    if unknown := only - {DOOR, *(each.name for each in SCREENS)}:
        parser.error(f"there is no screen {', '.join(sorted(unknown))}")
    asked.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, demo(Path(folder), browser) as made:
        camera = Camera(asked.into, asked.whole, [])
        for each in taken(made, camera, only):
            sys.stdout.write(f"{each}\n")
            sys.stdout.flush()
    sys.stderr.write("".join(f"{each}\n" for each in camera.faults))
    return 1 if camera.faults else 0


if __name__ == "__main__":
    sys.exit(main())
