"""What is idle goes by the rules that are declared, alike in who holds it, in counts, and in where time goes."""

from __future__ import annotations

import pytest

from allotment.accounting.idleness import USUAL_RULES, IdleRule, IdleRules
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.moment import CountingRules
from allotment.accounting.prices import NO_PRICES
from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.operations.ask.devices import count_gpus, who_holds
from allotment.operations.ask.measuring import MetricsRequest, measured
from allotment.operations.ask.wasting import waste_now
from tests.unit.accounting.scenes import GPU, moment_of, node, pod

NOW = 1_795_604_400_000
SHORT = IdleRules({"job": IdleRule(0.2, 2)})


@pytest.mark.parametrize(("rules", "idle"), [(USUAL_RULES, 0), (SHORT, 1)])
def test_five_minutes_of_little_use_are_idle_where_two_are_enough(rules: IdleRules, idle: int) -> None:
    fake = FakeMetrics()
    labels = {"Hostname": "n", "UUID": "GPU-0", "namespace": "team", "pod": "train"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", labels, [(NOW - 60_000 * minute, 2) for minute in range(5)])
    bare = moment_of(NOW, nodes=[node("n", {GPU: "1"})], pods=[pod("train", "n", {GPU: "1"})])
    snapshot = measured(bare, fake, MetricsRequest())
    (hold,) = who_holds(snapshot, idle=rules).holds
    (room,) = count_gpus(snapshot, rules).rooms
    (cause,) = waste_now(snapshot, CountingRules(rules, NO_PRICES), "cause").causes
    assert (hold.idle_parts, room.idle) == (idle * 1_000_000, idle * 1_000_000)
    assert cause.name == (CauseOfTime.IDLE_HELD if idle else CauseOfTime.PRODUCTIVE).value
