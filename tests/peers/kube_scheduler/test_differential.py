"""Random scenarios through the real kube-scheduler and through our placement: every field must agree."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.scheduling.placement.replay import compare
from benchmarks.peers.kube_scheduler import peer
from tests.peers.kube_scheduler.ganging import difference
from tests.peers.kube_scheduler.generator import LARGE, even_scenario, gang_scenario, scenario, wordy_scenario
from tests.peers.kube_scheduler.shrinking import shrunk

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(3600),  # a first build of the peer takes minutes
    pytest.mark.skipif(not peer.available(), reason=peer.MISSING),
]
BATCH = 250
BATCHES = 12


def _differ(scenarios: list[dict[str, Any]]) -> list[bool]:
    answers = peer.decide(scenarios)
    pairs = zip(scenarios, answers, strict=True)
    return ["answers" in a and compare(s | {"answers": a["answers"]}) is not None for s, a in pairs]


def _check(scenarios: list[dict[str, Any]]) -> None:
    failed = [a for a in peer.decide(scenarios) if "error" in a]
    assert not failed, f"the real scheduler could not be asked: {failed[0]}"
    found = next((s for s, bad in zip(scenarios, _differ(scenarios), strict=True) if bad), None)
    if found is None:
        return
    smallest = shrunk(found, _differ)
    answered = smallest | {"answers": peer.decide([smallest])[0]["answers"]}
    pytest.fail(f"{found['id']}: {compare(answered)}\n{json.dumps(smallest)}")


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
    found = [(s["id"], d) for s, a in zip(scenarios, answers, strict=True) if (d := difference(s, a)) is not None]
    assert not found
