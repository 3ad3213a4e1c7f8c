"""On a fleet that lives, what becomes of a job is told while it is written, and so is what starts sooner."""

from __future__ import annotations

import time
from typing import Final

import pytest

from tests.live.portal.browsing import Visit
from tests.live.portal.test_submitting import golden

pytestmark = [pytest.mark.live, pytest.mark.nightly]

WITHIN: Final = 3.0
"""Seconds after the last key."""


def test_when_it_starts_and_what_starts_sooner_is_told_within_three_seconds(here: Visit) -> None:
    page = here.shown("/submit")
    golden(page, 8)
    page.get_by_label("Image").fill("registry.acme.example/pytorch:2.4")
    page.get_by_label("Accelerator").fill("a100")
    region = page.get_by_role("region", name="What becomes of it")
    verdict = region.locator("header").get_by_text("never", exact=True)
    took = {}
    for replicas in (8, 16, 32):
        page.get_by_label("Replicas").fill("1")
        # Nothing is told of the text before it, nor is a way that was tried for that one.
        verdict.wait_for(state="detached")
        region.locator("dl").wait_for()
        page.get_by_label("Replicas").fill(str(replicas))
        began = time.monotonic()
        verdict.wait_for()
        told = time.monotonic() - began
        region.get_by_text("other ways of asking are being tried").wait_for(state="detached")
        region.locator(".alternatives[aria-busy=false]").wait_for()
        took[replicas] = (told, time.monotonic() - began)
        assert region.get_by_role("alert").inner_text().strip(), "with the cause"
    assert sorted(each for _, each in took.values())[1] <= WITHIN, took
    offers = region.locator(".alternatives li")
    assert offers.count() <= 3
