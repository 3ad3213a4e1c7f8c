"""Random scenarios, and recorded ones changed at random, through our engine and the real Kueue.

`ALLOTMENT_PEER_SCENARIOS` says how many of each, `ALLOTMENT_PEER_SEED` which.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from allotment.scenarios.reading import read_scenario
from allotment.simulation.environment import Simulation
from benchmarks.peers.kueue.peer import GATES_OF_020, PROGRAM, Peer
from benchmarks.peers.program import MISSING
from tests.corpus.kueue.data import data_folder, scenarios
from tests.peers.kueue.compare import Comparison, compare
from tests.peers.kueue.equals import generate_equal
from tests.peers.kueue.mutations import mutated
from tests.peers.kueue.scenarios import generate
from tests.peers.kueue.shrink import shrink

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(7200)]
COUNT = int(os.environ.get("ALLOTMENT_PEER_SCENARIOS", "1000"))
FIRST = int(os.environ.get("ALLOTMENT_PEER_SEED", "0"))


@pytest.fixture(scope="session")
def program() -> Path:
    if not PROGRAM.available():
        pytest.skip(f"the real Kueue cannot be built here: {MISSING}")
    return PROGRAM.ensure()


class Differential:
    """Both engines, and what came out so far."""

    def __init__(self, peer: Peer, patient: Peer) -> None:
        self._peer = peer
        self._patient = patient
        self.seen: Counter[str] = Counter()

    def check(self, scenario: dict[str, Any]) -> None:
        """Fail with the smallest scenario that still differs, if this one does.

        A difference counts only if the real Kueue decides the same in five runs.
        """
        found = compare(scenario, self._peer)
        if found.differences:
            found = compare(scenario, self._patient)
        assert not found.error, (scenario["id"], found.error)
        if found.differences:
            part = _first_part(found)
            small = shrink(scenario, lambda it: _first_part(compare(it, self._patient)) == part)
            differences = compare(small, self._patient).differences
            pytest.fail(f"{scenario['id']} differs: {differences}\n{json.dumps(small)}")
        self.seen["random" if found.random else "compared"] += 1
        self.seen["with evictions"] += bool(found.answer["stats"]["evictions"])
        self.seen["with pending"] += bool(found.answer["pending"])


@pytest.mark.parametrize(("version", "gates"), [("v0.20.0", GATES_OF_020), ("v0.19.2", "")], ids=("0.20", "0.19"))
def test_same_decisions(program: Path, version: str, gates: str) -> None:
    count = COUNT // 2
    with Peer(program, gates=gates) as peer, Peer(program, gates=gates, runs=5) as patient:
        both = Differential(peer, patient)
        for seed in range(FIRST, FIRST + count):
            both.check(generate(seed, version))
    assert both.seen["random"] <= count // 50
    assert both.seen["with evictions"] >= count // 6
    assert both.seen["with pending"] >= count // 3


@pytest.mark.parametrize(("version", "gates"), [("v0.20.0", GATES_OF_020), ("v0.19.2", "")], ids=("0.20", "0.19"))
def test_what_kueue_decides_at_random_is_marked(program: Path, version: str, gates: str) -> None:
    """Whatever ten runs of the real Kueue decide differently, and little else."""
    seen: Counter[tuple[bool, bool]] = Counter()
    with Peer(program, gates=gates, runs=10) as peer:
        for seed in range(FIRST, FIRST + COUNT):
            scenario = generate_equal(seed, version)
            random = bool(peer.answer(scenario).get("random"))
            marked = bool(Simulation(read_scenario(scenario), choices=True).run().choices)
            assert marked or not random, json.dumps(scenario)
            seen[random, marked] += 1
    assert seen[True, True] >= COUNT // 25
    assert seen[False, True] <= seen[True, True] // 4


@pytest.mark.corpus
def test_same_decisions_near_the_corpus(program: Path) -> None:
    kinds = sorted(each.name.split(".")[0] for each in data_folder("kueue_scenarios").glob("*.jsonl.gz"))
    kinds = [kind for kind in kinds if kind not in ("mid", "livelock")]
    with Peer(program) as peer, Peer(program, runs=5) as patient:
        both = Differential(peer, patient)
        for kind in kinds:
            for number, recorded in enumerate(scenarios(kind, limit=COUNT // len(kinds))):
                both.check(mutated(recorded, FIRST + number))
    assert both.seen["random"] <= both.seen["compared"] // 50
    assert both.seen["with evictions"] >= both.seen["compared"] // 2


def _first_part(found: Comparison) -> str:
    return found.differences[0].place.partition(" at ")[0] if found.differences else ""
