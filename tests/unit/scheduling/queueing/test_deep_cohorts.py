"""Chains of cohorts longer than Python's stack: nobody runs such a platform, and nobody's answer may end of one."""

from __future__ import annotations

import sys

import pytest

from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import EngineSettings
from tests.unit.scheduling.queueing.casebook import ANY, Part, cluster, cq, job, on, team

LEVELS = sys.getrecursionlimit() + 200


def chain() -> tuple[Part, ...]:
    """Cohort `c0` is the top, and every other lies below the one before it."""
    return tuple(team(f"c{level}", under=f"c{level - 1}" if level else None) for level in range(LEVELS))


@pytest.mark.parametrize("fair", [False, True], ids=["classical", "fair"])
def test_quota_is_lent_and_taken_back_through_a_chain(fair: bool) -> None:
    deepest = f"c{LEVELS - 1}"
    state = cluster(
        *chain(),
        cq("guest", on("f", 2), cohort=deepest, reclaim_within_cohort=ANY),
        cq("other", on("f", 0), cohort=deepest, reclaim_within_cohort=ANY),
        cq("owner", on("f", 4), cohort="c1", reclaim_within_cohort=ANY),
    )
    engine = QueueingEngine(state, EngineSettings(fair_sharing=fair), watching=True)
    borrower = engine.add(job("borrower", "guest", 6))
    assert engine.run_cycle(1).admitted == [borrower]
    rival, waits = engine.add(job("rival", "owner", 4)), engine.add(job("waits", "other", 1))
    cycle = engine.run_cycle(2)
    assert [(each.workload, each.preemptor) for each in cycle.preemptions] == [(borrower, rival)]
    engine.finish(borrower)
    engine.wake_all()
    assert {*engine.run_cycle(3).admitted, *engine.run_cycle(4).admitted} == {rival, waits}
