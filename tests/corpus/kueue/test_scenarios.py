"""Our engine decides every recorded scenario exactly as the real Kueue did."""

import pytest

from allotment.scenarios.replay import replay
from tests.corpus.kueue.data import scenarios

pytestmark = pytest.mark.corpus

SAMPLED = {
    "basic": 10,
    "strict_vs_besteffort": 10,
    "preempt_classic": 12,
    "hierarchical": 12,
    "multi_flavor": 12,
    "partial_admission": 12,
    "evict_latency": 8,
    "fair_sharing": 12,
    "fair_hierarchical": 12,
    "mixed": 10,
    "mixed_fair": 10,
    "mid": 1,
    "livelock": 6,
    "tas": 14,
}


def check(kind: str, *, step: int, limit: int | None) -> None:
    results = [replay(raw) for raw in scenarios(kind, step=step, limit=limit)]
    assert results
    differing = [each for each in results if each.departures]
    assert not differing, f"{[each.id for each in differing]}\nfirst: {differing[0].departures[0]}"


@pytest.mark.parametrize("kind", SAMPLED)
def test_sample_is_decided_identically(kind: str) -> None:
    check(kind, step=7 if kind not in ("mid", "livelock") else 3, limit=SAMPLED[kind])


@pytest.mark.nightly
@pytest.mark.parametrize("kind", SAMPLED)
def test_all_are_decided_identically(kind: str) -> None:
    check(kind, step=1, limit=None)


@pytest.mark.parametrize("kind", ["mixed", "tas"])
def test_the_recorded_answers_are_not_needed(kind: str) -> None:
    for raw in scenarios(kind, step=40):
        inputs = {
            name: value for name, value in raw.items() if name not in ("decisions", "pending", "pendingLog", "stats")
        }
        assert replay(inputs).answer == replay(raw).answer
