"""Random scenarios through our engine and the real Kueue.

`ALLOTMENT_PEER_SCENARIOS` says how many, `ALLOTMENT_PEER_SEED` which.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.peer.compare import compare
from tests.peer.engine import Peer, build, missing
from tests.peer.scenarios import generate
from tests.peer.shrink import shrink

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(7200)]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reason = missing()
    if reason is not None:
        pytest.skip(f"the real Kueue cannot be built here: {reason}")
    return build(tmp_path_factory.mktemp("peer"))


@pytest.mark.parametrize(
    ("version", "gates"),
    [
        ("v0.20.0", "RecomputeAssignmentUponPreemptionTargetsOverlap=true"),
        ("v0.19.2", ""),
    ],
)
def test_same_decisions(program: Path, version: str, gates: str) -> None:
    count = int(os.environ.get("ALLOTMENT_PEER_SCENARIOS", "1000")) // 2
    first = int(os.environ.get("ALLOTMENT_PEER_SEED", "0"))
    seen: Counter[str] = Counter()
    with Peer(program, gates=gates) as peer, Peer(program, gates=gates, runs=5) as patient:
        for seed in range(first, first + count):
            scenario = generate(seed, version)
            found = compare(scenario, peer)
            if found.differences:
                found = compare(scenario, patient)
            assert not found.error, (seed, found.error)
            if found.differences:
                part = found.differences[0].part
                small = shrink(scenario, lambda it, part=part: _first_part(it, patient) == part)
                pytest.fail(f"seed {seed} differs: {compare(small, patient).differences}\n{json.dumps(small)}")
            seen["random" if found.random else "compared"] += 1
            seen["with evictions"] += bool(found.answer["stats"]["evictions"])
            seen["with pending"] += bool(found.answer["pending"])
    assert seen["random"] <= count // 50
    assert seen["with evictions"] >= count // 5
    assert seen["with pending"] >= count // 3


def _first_part(scenario: dict[str, object], peer: Peer) -> str:
    differences = compare(scenario, peer).differences
    return differences[0].part if differences else ""
