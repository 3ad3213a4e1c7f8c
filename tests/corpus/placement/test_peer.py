"""The real kube-scheduler in process gives the recorded answers again, and agrees with us on what is made of them."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

from allotment.scenarios.placement.replay import compare, first_difference
from benchmarks.peers.kube_scheduler import peer
from benchmarks.peers.program import MISSING
from tests.corpus.placement.test_kube_scheduler import CLASSES, scenarios
from tests.peers.kube_scheduler.recombined import recombined

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.nightly,
    pytest.mark.timeout(3600),  # a first build of the peer takes minutes
    pytest.mark.skipif(not peer.PROGRAM.available(), reason=MISSING),
]


def _first_difference(ours: list[Any], recorded: list[Any]) -> object:
    for mine, real in zip_longest(ours, recorded):
        if mine["pod"] != real["pod"] or len(mine["attempts"]) != len(real["attempts"]):
            return mine, real
        for attempt, expected in zip(mine["attempts"], real["attempts"], strict=True):
            found = first_difference(attempt, expected)
            if found is not None:
                return mine["pod"], found
    return None


@pytest.mark.parametrize("name", CLASSES)
def test_the_peer_gives_the_recorded_answers(data: Path, name: str) -> None:
    recorded = list(scenarios(data, name))
    for scenario, answer in zip(recorded, peer.decide(recorded), strict=True):
        assert "error" not in answer, answer
        assert _first_difference(answer["answers"], scenario["answers"]) is None, scenario["id"]


@pytest.mark.parametrize("name", CLASSES)
def test_clusters_of_one_scenario_with_pods_of_others_agree(data: Path, name: str) -> None:
    mixed = recombined(list(scenarios(data, name)), seed=len(name))
    for scenario, answer in zip(mixed, peer.decide(mixed), strict=True):
        assert "error" not in answer, answer
        assert compare(scenario | {"answers": answer["answers"]}) is None
