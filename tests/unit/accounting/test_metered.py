"""The ledger of a measured time: it closes exactly, and is what a random fleet really did, minute by minute."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.accounting.idleness import IdleRule, IdleRules
from allotment.accounting.ledger import CauseOfTime, Ledger
from allotment.accounting.moment import CountingRules
from allotment.adapters.clock import FixedClock
from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.errors import NotFoundError, UsageError
from allotment.operations.ask import metered
from allotment.operations.ask.metered import MeteredTime, last_time, metered_ledger
from allotment.operations.ask.wasting import waste_metered
from tests.unit.accounting.metered_fleet import MINUTE, Fleet, random_fleet

START = 1_795_600_800_000
USUAL = CountingRules()


def measured(fleet: Fleet) -> FakeMetrics:
    fake = FakeMetrics()
    for name, labels, points in fleet.samples():
        fake.put(name, dict(labels), points)
    return fake


def ledger_of(fake: FakeMetrics, minutes: int, rules: CountingRules = USUAL) -> Ledger:
    return metered_ledger(fake, MeteredTime(START, START + minutes * MINUTE, "c"), rules)


def by_cause(ledger: Ledger) -> Counter[tuple[CauseOfTime, str]]:
    found: Counter[tuple[CauseOfTime, str]] = Counter()
    for each in ledger.entries:
        minutes, rest = divmod(each.gpu_ms, MINUTE)
        assert rest == 0
        found[each.charge.cause, each.charge.owner.namespace] += minutes
    return found


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_ledger_is_what_the_fleet_did(seed: int) -> None:
    fleet = random_fleet(seed, start=START, minutes=150, nodes=2, gpus=2)
    minutes = fleet.minutes + seed % 3
    ledger = ledger_of(measured(fleet), minutes)
    assert by_cause(ledger) == fleet.truth(until=minutes)
    assert sum(each.gpu_ms for each in ledger.entries) == ledger.capacity_ms


def test_pieces_do_not_change_it_nor_do_answers_that_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = random_fleet(5, start=START, minutes=200, nodes=2, gpus=2)
    fake = measured(fleet)
    whole = by_cause(ledger_of(fake, 200))
    monkeypatch.setattr(metered, "_PIECE", 7)
    assert by_cause(ledger_of(fake, 200)) == whole
    monkeypatch.setattr(metered, "_PIECE", 120)
    fake.most_values = 60
    assert by_cause(ledger_of(fake, 200)) == whole


def dcgm(uuid: str, pod: str = "", prefix: str = "", node: str = "n") -> dict[str, str]:
    mine = {f"{prefix}namespace": "nlp", f"{prefix}pod": pod} if pod else {}
    target = {"job": "dcgm", "instance": f"{node}:9400"}
    return {"Hostname": node, "UUID": uuid, "gpu": uuid[-1], "modelName": "NVIDIA A100", **target, **mine}


def points(*minutes: int, value: float = 90) -> list[tuple[int, float]]:
    return [(START + (minute + 1) * MINUTE, value) for minute in minutes]


def causes(fake: FakeMetrics, minutes: int, rules: CountingRules = USUAL) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (cause, _), number in by_cause(ledger_of(fake, minutes, rules)).items():
        found[str(cause)] += number
    return dict(found)


def test_with_devices_measured_and_nothing_else() -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "train"), points(0, 1, 2, 6, 7))
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-1"), points(*range(8), value=0))
    # A hole in which the other is seen: it came back, so it was there.
    assert causes(fake, 8) == {"productive": 5, "unobserved": 3, "unallocated": 8}
    # One that never came back is gone, and what nobody saw after the end is unobserved for who was there till then.
    assert causes(fake, 10) == {"productive": 5, "unobserved": 3 + 2 * 2, "unallocated": 8}


@pytest.mark.parametrize("whole", [None, 0], ids=["nothing is told of nodes", "no whole device is left"])
def test_slices_of_a_device_sum_to_it(whole: int | None) -> None:
    fake = FakeMetrics()
    for number, pod in enumerate(("train", "train", "serve", "")):
        use = {**dcgm("gpu-0", pod), "GPU_I_ID": str(number), "GPU_I_PROFILE": "1g.5gb"}
        fake.put("DCGM_FI_PROF_GR_ENGINE_ACTIVE", use, points(*range(4), value=0.9))
    if whole is not None:
        size = {"node": "n", "resource": "nvidia_com_gpu", "unit": "integer"}
        fake.put("kube_node_status_capacity", size, points(*range(4), value=whole))
        asked = {**size, "namespace": "nlp", "pod": "other", "container": "main", "node": "m"}
        fake.put("kube_pod_container_resource_requests", asked, points(*range(4), value=1))
    assert causes(fake, 4) == {"productive": 3, "unallocated": 1}


def test_without_any_holder_s_name_nothing_is_called_free() -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0"), points(0, 1))
    assert causes(fake, 2) == {"unobserved": 2}


def test_the_exporter_s_own_pod_is_no_holder() -> None:
    fake = FakeMetrics()
    exporter = {"namespace": "gpu-operator", "pod": "nvidia-dcgm-exporter-x"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", {**dcgm("gpu-0", "train", "exported_"), **exporter}, points(0, 1))
    fake.put("DCGM_FI_DEV_GPU_UTIL", {**dcgm("gpu-1"), **exporter}, points(0, 1))
    assert causes(fake, 2) == {"productive": 2, "unallocated": 2}


def test_a_pod_that_asks_for_devices_is_no_exporter_whatever_it_is_called() -> None:
    fake = FakeMetrics()
    for pod in ("my-dcgm-exporter-train", "dcgm-exporter-1"):
        fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm(f"gpu-{pod[-1]}", pod), points(*range(40), value=1))
        asked = {"node": "n", "resource": "nvidia_com_gpu", "namespace": "nlp", "pod": pod, "container": "main"}
        fake.put("kube_pod_container_resource_requests", asked, points(*range(40), value=1))
    assert causes(fake, 40) == {"idle-held": 80}


def test_a_second_series_of_a_device_makes_nobody_idle_and_what_cannot_be_is_left_out() -> None:
    fake = FakeMetrics()
    for gpu in ("gpu-0", "gpu-1"):
        fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm(gpu, "train"), points(*range(40)))
    pushed = {**dcgm("gpu-0", "train"), "job": "a-push"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", pushed, points(*range(1, 40), value=0))
    fake.put("DCGM_FI_DEV_GPU_UTIL", {**pushed, "namespace": "cv", "extra": "1"}, points(*range(2, 40), value=0))
    wrong = {**dcgm("gpu-1", "train"), "extra": "2"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", wrong, points(38, value=-5) + points(39, value=1e14))
    fake.put("kube_node_status_capacity", {"node": "m", "resource": "nvidia_com_gpu"}, points(0, value=1e308))
    # With another pod in it from the third minute on, nobody knows who holds it, unless it is told who asks for it.
    assert causes(fake, 40) == {"productive": 41, "unmeasured": 39}
    assert by_cause(ledger_of(fake, 40))[CauseOfTime.UNMEASURED, ""] == 38
    for pod in ("train", "other"):
        asked = {"node": "n", "resource": "nvidia_com_gpu", "namespace": "nlp", "pod": pod, "container": "main"}
        fake.put("kube_pod_container_resource_requests", asked, points(*range(40), value=2 if pod == "train" else 0))
    fake.put("kube_node_status_capacity", {"node": "n", "resource": "nvidia_com_gpu"}, points(*range(40), value=2))
    # Who knows that the node has as many devices as one job names knows which job is the exporter's.
    assert by_cause(ledger_of(fake, 40)) == {(CauseOfTime.PRODUCTIVE, "nlp"): 80}
    said = waste_metered(fake, MeteredTime(START, START + 40 * MINUTE, "c"), USUAL, "cause").remarks
    assert said[1:] == (
        "left out: 3 measurements that are no share from 0 to 100 %, or no count",
        "left out: 2 series that no exporter of the cluster measured, by the labels of their targets",
    )


@settings(max_examples=12, deadline=None)
@given(
    forged=st.lists(
        st.tuples(
            st.sampled_from(["train", "other", ""]),
            st.sets(st.integers(1, 69), min_size=1),
            st.sampled_from([0, 4, 50, 100]),
        ),
        max_size=6,
    )
)
def test_nothing_that_is_pushed_makes_who_works_idle(forged: list[tuple[str, set[int], int]]) -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "train"), points(*range(70), value=99))
    for number, (pod, minutes, value) in enumerate(forged):
        labels = {**dcgm("gpu-0", pod), "extra": str(number)}
        fake.put("DCGM_FI_DEV_GPU_UTIL", labels, points(*minutes, value=value))
    found = causes(fake, 70)
    assert sum(found.values()) == 70
    assert set(found) <= {"productive", "unmeasured"}
    disputed = {minute for pod, minutes, value in forged if value < 89 or pod == "other" for minute in minutes}
    assert found.get("unmeasured", 0) == len(disputed)


@pytest.mark.parametrize("job", ["dcgm", "other"])
def test_doubt_in_one_minute_makes_no_low_stretch_work_nor_idle(job: str) -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "train"), points(*range(70), value=1))
    forged = {**dcgm("gpu-0", "train"), "job": job, "extra": "1"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", forged, points(25, 50, value=99))
    # 25 minutes before the first, 24 to the second: neither is long enough; 19 to the end.
    assert causes(fake, 70) == {"unmeasured": 51, "productive": 19}


def test_a_device_that_changes_hands_is_in_no_doubt_and_more_devices_than_a_pod_asks_for_are() -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "train"), points(*range(10)))
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "next"), points(*range(9, 20), value=50))
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0"), points(*range(20, 30), value=0))
    assert causes(fake, 30) == {"productive": 20, "unallocated": 10}
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-1", "train"), points(*range(9), value=0))
    asked = {"node": "n", "resource": "nvidia_com_gpu", "namespace": "nlp", "pod": "train", "container": "main"}
    fake.put("kube_pod_container_resource_requests", asked, points(*range(9), value=1))
    fake.put("kube_node_status_capacity", {"node": "n", "resource": "nvidia_com_gpu"}, points(*range(9), value=2))
    assert causes(fake, 9) == {"unmeasured": 9, "unallocated": 9}


def test_what_a_node_says_of_devices_that_nobody_measures() -> None:
    fake = FakeMetrics()
    node = {"node": "amd", "resource": "amd_com_gpu"}
    fake.put("kube_node_status_capacity", node, points(0, 1, value=4))
    fake.put("kube_node_status_allocatable", node, points(0, 1, value=3))
    asked = {**node, "namespace": "nlp", "pod": "train", "container": "main"}
    fake.put("kube_pod_container_resource_requests", asked, points(0, 1, value=2))
    ledger = ledger_of(fake, 2)
    assert causes(fake, 2) == {"unmeasured": 4, "unhealthy": 2, "unallocated": 2}
    assert {each.charge.resource for each in ledger.entries} == {"amd.com/gpu"}


def test_what_two_exporters_tell_counts_once_and_containers_are_summed() -> None:
    fake = FakeMetrics()
    for instance in ("a", "b"):
        node = {"node": "n", "resource": "nvidia_com_gpu", "instance": instance}
        fake.put("kube_node_status_capacity", node, points(0, 1, value=8))
        for container, asks in (("main", 2), ("side", 1)):
            asked = {**node, "namespace": "nlp", "pod": "train", "container": container}
            fake.put("kube_pod_container_resource_requests", asked, points(0, 1, value=asks))
    assert causes(fake, 2) == {"unmeasured": 6, "unallocated": 10}


def test_the_rule_of_the_kind_of_work_says_what_is_idle() -> None:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "web"), points(*range(20), value=30))
    fake.put("kube_pod_owner", {"namespace": "nlp", "pod": "web", "owner_kind": "StatefulSet", "owner_name": "web"},
             points(*range(20), value=1))  # fmt: skip
    rules = CountingRules(IdleRules({"service": IdleRule(0.5, 15)}))
    assert causes(fake, 20, rules) == {"idle-held": 20}
    assert causes(fake, 20) == {"productive": 20}
    (entry,) = ledger_of(fake, 20, rules).entries
    assert (entry.charge.owner.top, entry.charge.model) == ("StatefulSet/web", "NVIDIA-A100")


def test_no_device_is_not_nothing_wasted() -> None:
    with pytest.raises(NotFoundError, match="no device"):
        ledger_of(FakeMetrics(), 10)


def test_a_time_is_whole_minutes_and_what_is_missing_at_its_head_is_told() -> None:
    clock = FixedClock(dt.datetime.fromtimestamp((START + 10 * MINUTE + 7_000) / 1000, dt.UTC))
    asked = last_time(clock, 6 * MINUTE, "", ())
    assert (asked.since - START, asked.until - START) == (4 * MINUTE, 10 * MINUTE)
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", dcgm("gpu-0", "train"), points(7, 8, 9))
    answer = waste_metered(fake, asked, USUAL, "cause")
    assert (answer.missing_ms, answer.ledger.capacity_ms) == (3 * MINUTE, 3 * MINUTE)
    with pytest.raises(UsageError, match="shorter"):
        last_time(clock, 5_000, "", ())
