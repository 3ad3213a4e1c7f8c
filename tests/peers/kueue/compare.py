"""One scenario through both engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allotment.scenarios.departure import Departure
from allotment.scenarios.replay import replay
from benchmarks.peers.kueue.peer import Peer


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out.

    Attributes:
        random: the real Kueue decides otherwise from run to run, so there is nothing to agree with.
        error: the real Kueue could not run the scenario.
        differences: where ours differs, empty if nowhere.
        answer: what the real Kueue decided.
    """

    random: bool
    error: str
    differences: tuple[Departure, ...]
    answer: dict[str, Any]


def compare(scenario: dict[str, Any], peer: Peer) -> Comparison:
    """Our answer beside the peer's, every part of it.

    Changes of messages are left out where there are topologies: which PodSet of a workload Kueue blames is random then.
    """
    answer = peer.answer(scenario)
    if answer.get("error") or answer.get("random"):
        return Comparison(bool(answer.get("random")), answer.get("error", ""), (), answer)
    parts = {key: value for key, value in answer.items() if key != "id"}
    if scenario.get("topologies"):
        del parts["pendingLog"]
    return Comparison(random=False, error="", differences=replay({**scenario, **parts}).departures, answer=answer)
