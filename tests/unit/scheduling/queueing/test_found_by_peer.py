"""Small scenarios on which the real Kueue once decided otherwise than we did, with its decisions (see docs)."""

import json
from pathlib import Path
from typing import Any

import pytest

from allotment.scenarios.replay import replay

LINES = (Path(__file__).parent / "found_by_peer.jsonl").read_text(encoding="utf-8").splitlines()
SCENARIOS = [json.loads(line) for line in LINES]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[each["id"] for each in SCENARIOS])
def test_the_same_as_kueue(scenario: dict[str, Any]) -> None:
    assert replay(scenario).departures == ()
