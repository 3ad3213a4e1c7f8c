"""Random scenarios through the real kube-scheduler and through our placement: every field must agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.scenarios.departure import Departure
from allotment.scenarios.placement.replay import compare
from benchmarks.peers.kube_scheduler import peer
from benchmarks.peers.program import MISSING
from tests.peers.kube_scheduler import ganging
from tests.peers.kube_scheduler.generator import LARGE, even_scenario, gang_scenario, scenario, wordy_scenario
from tests.peers.kube_scheduler.shrinking import shrunk

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(3600),  # a first build of the peer takes minutes
    pytest.mark.skipif(not peer.PROGRAM.available(), reason=MISSING),
]
BATCH = 250
BATCHES = 12


def _compared(scenario: dict[str, Any], answer: dict[str, Any]) -> Departure | None:
    return compare(scenario | {"answers": answer["answers"]})


def _differ(scenarios: list[dict[str, Any]]) -> list[bool]:
    answers = peer.decide(scenarios)
    # A simplified scenario may be one that the scheduler does not take; that is another matter.
    return ["error" not in a and _compared(s, a) is not None for s, a in zip(scenarios, answers, strict=True)]


def _check(scenarios: list[dict[str, Any]]) -> None:
    answers = peer.decide(scenarios)
    failed = [a for a in answers if "error" in a]
    assert not failed, f"the real scheduler could not be asked: {failed[0]}"
    differences = [_compared(s, a) for s, a in zip(scenarios, answers, strict=True)]
    differing = [(s, d) for s, d in zip(scenarios, differences, strict=True) if d is not None]
    if differing:
        first, difference = differing[0]
        small = json.dumps(shrunk(first, _differ))
        pytest.fail(f"{len(differing)} of {len(scenarios)} differ, first {difference}\nsmallest found: {small}")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_small_clusters_agree(batch: int) -> None:
    _check([scenario(seed) for seed in range(batch * BATCH, (batch + 1) * BATCH)])


def test_clusters_searched_in_part_agree() -> None:
    _check([scenario(seed, LARGE) for seed in range(200)])


def test_equal_candidates_for_preemption_agree() -> None:
    _check([even_scenario(seed) for seed in range(200)])


def test_long_texts_and_empty_clusters_agree() -> None:
    _check([wordy_scenario(seed) for seed in range(200)])


def test_gangs_agree() -> None:
    scenarios = [gang_scenario(seed) for seed in range(500)]
    answers = peer.ask("gangs", scenarios)
    failed = [a for a in answers if "error" in a]
    assert not failed, f"the real scheduler could not be asked: {failed[0]}"
    found = [
        (s["id"], d) for s, a in zip(scenarios, answers, strict=True) if (d := ganging.difference(s, a)) is not None
    ]
    assert not found
