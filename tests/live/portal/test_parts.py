"""Every part of the portal in every state that it has, as a picture beside the one that somebody has looked at."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Browser

from tools.portal import build_gallery

pytestmark = [pytest.mark.live, pytest.mark.nightly]

SEEN: Final = Path(__file__).parent / "parts"
NOW: Final = dt.datetime(2026, 11, 30, 8, 1, tzinfo=dt.UTC)
DIFFERS: Final = 40
"""Of 255, by how much a pixel has to differ to count: letters are smoothed otherwise on every machine."""
TOLERATED: Final = 0.004
"""Share of all pixels that may differ so."""

_BESIDE: Final = """
(heads) => heads.map((each) => {
  const words = document.createRange()
  words.selectNodeContents(each)
  const said = words.getBoundingClientRect()
  const head = each.closest('th')
  const box = head.getBoundingClientRect()
  const look = getComputedStyle(head)
  const by = head.classList.contains('number')
    ? box.right - parseFloat(look.paddingRight) - said.right
    : said.left - box.left - parseFloat(look.paddingLeft)
  return { name: each.innerText, by }
})"""
"""By how many pixels the words of heads stand beside the edge of their column."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Nothing."""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("npm") is None:
        pytest.skip("no node and npm here")
    folder = tmp_path_factory.mktemp("gallery")
    build_gallery(folder / "sources", folder / "built")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "built"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/gallery.html"
        server.shutdown()


def share_of_others(one: Image.Image, other: Image.Image) -> float:
    """Share of pixels that differ; all where the pictures are not of one size."""
    if one.size != other.size:
        return 1.0
    strongest = ImageChops.difference(one, other).convert("L").histogram()
    return sum(strongest[DIFFERS:]) / (one.width * one.height)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("of", ["", "#sheet"])
def test_every_part_looks_as_it_was_seen(
    gallery: str, browser: Browser, theme: Literal["light", "dark"], width: int, of: str, tmp_path: Path
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce", timezone_id="UTC"
    )
    try:
        page, said = context.new_page(), list[str]()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.clock.set_fixed_time(NOW)
        page.goto(f"{gallery}{of}")
        page.get_by_text("Stopped train-bert").wait_for()
        if of:
            page.get_by_role("dialog").wait_for()
        drawn = page.screenshot(full_page=not of, animations="disabled", caret="hide")
        assert not said
        parts = page.locator("section[data-part]").evaluate_all("(all) => all.map((each) => each.dataset.part)")
        assert len(parts) >= 9
    finally:
        context.close()
    name = f"parts{of.replace('#', '-')}-{width}-{theme}.png"
    if os.environ.get("ALLOTMENT_UPDATE_GOLDEN"):
        SEEN.mkdir(exist_ok=True)
        Image.open(BytesIO(drawn)).convert("RGB").save(SEEN / name, optimize=True)
        return
    (tmp_path / name).write_bytes(drawn)
    found = share_of_others(Image.open(BytesIO(drawn)).convert("RGB"), Image.open(SEEN / name).convert("RGB"))
    assert found <= TOLERATED, f"{found:.2%} of {tmp_path / name} differs from {SEEN / name}"


def test_heads_of_columns_stand_where_their_columns_do(gallery: str, browser: Browser) -> None:
    page = browser.new_page()
    try:
        page.goto(gallery)
        page.locator("th .sort").first.wait_for()
        beside = page.locator("th .sort").evaluate_all(_BESIDE)
    finally:
        page.close()
    assert {each["name"] for each in beside} >= {"Job", "GPUs ↓"}, "a short one, and one of numbers"
    assert [each for each in beside if abs(each["by"]) > 1] == []


def test_what_looks_otherwise_is_found() -> None:
    light = Image.new("RGB", (100, 100), "white")
    other = light.copy()
    other.paste("black", (0, 0, 10, 10))
    assert share_of_others(light, light) == 0
    assert share_of_others(light, other) == 0.01
    assert share_of_others(light, Image.new("RGB", (100, 101), "white")) == 1
