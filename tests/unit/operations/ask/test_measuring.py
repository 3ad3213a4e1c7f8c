"""The use of a snapshot's devices: whose series are whose, since when they do little, and what cannot be had."""

from __future__ import annotations

import msgspec
import pytest

from allotment.accounting.idleness import IdleRule
from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.errors import UnreachableError
from allotment.model.observed.snapshot import DeviceUse, Snapshot
from allotment.operations.ask.measuring import MetricsRequest, lowest, measured
from tests.unit.accounting.scenes import GPU, moment_of, node, pod

NOW = 1_795_604_400_000
MINUTE = 60_000


def at_work(*minutes_ago: int, value: float = 90) -> list[tuple[int, float]]:
    return [(NOW - minute * MINUTE, value) for minute in minutes_ago]


def dcgm(uuid: str = "GPU-0", host: str = "n", **more: str) -> dict[str, str]:
    return {"Hostname": host, "UUID": uuid, "gpu": "0", **more}


def moment() -> Snapshot:
    """A node with two devices, a holder of one, and the exporter's pod."""
    return moment_of(NOW, nodes=[node("n", {GPU: "2"})], pods=[pod("train", "n", {GPU: "1"}), pod("dcgm", "n", {})])


USUAL = MetricsRequest()


def uses(fake: FakeMetrics, request: MetricsRequest = USUAL) -> tuple[DeviceUse, ...]:
    return measured(moment(), fake, request).sources[0].device_use


def with_series(*series: tuple[str, dict[str, str], list[tuple[int, float]]]) -> FakeMetrics:
    fake = FakeMetrics()
    for each in series:
        fake.put(*each)
    return fake


UTIL = "DCGM_FI_DEV_GPU_UTIL"
MINE = {"namespace": "team", "pod": "train"}


def test_a_device_s_use_is_the_mean_of_five_minutes_and_idle_begins_when_it_was_busy_last() -> None:
    points = at_work(*range(30, 60)) + at_work(*range(30), value=2)
    (use,) = uses(with_series((UTIL, dcgm(**MINE), points)))
    assert (use.node, use.device, use.pod, use.busy, use.over) == ("n", "GPU-0", "team/train", 0.02, 300)
    assert use.idle_since == "2026-11-25T10:30:00Z"


def test_what_was_never_busy_is_idle_since_it_was_first_seen() -> None:
    (use,) = uses(with_series((UTIL, dcgm(**MINE), at_work(*range(45), value=2))))
    assert use.idle_since == "2026-11-25T10:16:00Z"


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (dcgm(**MINE), ("n", "team/train")),
        (dcgm(host="", node="n", **MINE), ("n", "team/train")),
        (dcgm(host="other-cluster-s", **MINE), None),
        (dcgm(), ("n", "")),
        # The exporter's labels are renamed: the plain ones are those of its own pod, which tells the node.
        (dcgm(host="nvidia-dcgm-x", namespace="team", pod="dcgm", exported_namespace="team", exported_pod="train"),
         ("n", "team/train")),
        (dcgm(namespace="gpu-operator", pod="nvidia-dcgm-exporter-7"), ("n", "")),
    ],
    ids=["plain", "node", "another cluster", "nobody's", "renamed", "the exporter"],
)  # fmt: skip
def test_whose_a_series_is(labels: dict[str, str], found: tuple[str, str] | None) -> None:
    told = [(each.node, each.pod) for each in uses(with_series((UTIL, labels, at_work(0, 1, 2))))]
    assert told == ([] if found is None else [found])


def test_the_present_holder_s_series_counts_and_the_finer_measure() -> None:
    fake = with_series(
        (UTIL, dcgm(namespace="team", pod="before"), at_work(*range(3, 60))),
        (UTIL, dcgm(**MINE), at_work(0, 1, 2, value=90)),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", dcgm(**MINE), at_work(0, 1, 2, value=0.1)),
    )
    (use,) = uses(fake)
    assert (use.pod, use.busy) == ("team/train", 0.1)


def test_only_series_with_the_labels_that_are_asked_for() -> None:
    fake = with_series(
        (UTIL, dcgm(cluster="a", **MINE), at_work(0, value=10)), (UTIL, dcgm(cluster="b", **MINE), at_work(0, value=80))
    )
    (use,) = uses(fake, MetricsRequest((("cluster", ("b",)),)))
    assert use.busy == 0.8


def test_metrics_that_do_not_answer_are_a_gap_and_too_much_of_the_past_is_left_out() -> None:
    fake = FakeMetrics(error=UnreachableError("no answer", why="silent"))
    found = measured(moment(), fake, MetricsRequest()).sources[0]
    assert [(gap.what, gap.reason, gap.detail) for gap in found.gaps] == [("metrics", "failed", "no answer silent")]
    assert found.objects == moment().sources[0].objects


def test_the_lowest_threshold_is_asked_for() -> None:
    assert lowest([IdleRule(0.5), IdleRule(0.1), IdleRule()]) == 0.1
    points = at_work(*range(60), value=30)
    (low,), (high,) = (
        uses(with_series((UTIL, dcgm(**MINE), points)), MetricsRequest(below=below)) for below in (0.2, 0.5)
    )
    assert (low.idle_since, high.idle_since) == ("2026-11-25T11:00:00Z", "2026-11-25T10:01:00Z")


def test_of_several_clusters_nobody_s_use_is_taken_for_another_s() -> None:
    """Series of one Prometheus do not say of which cluster they are: a node's name must, or nothing is known."""
    fake = with_series((UTIL, dcgm(**MINE), at_work(*range(9))), (UTIL, dcgm("GPU-1", "own"), at_work(*range(9))))
    one, other = (
        msgspec.structs.replace(each, name=name)
        for name, each in (
            ("east", moment().sources[0]),
            ("west", moment_of(NOW, nodes=[node("n", {GPU: "1"}), node("own", {GPU: "1"})]).sources[0]),
        )
    )
    both = msgspec.structs.replace(moment(), sources=(one, other))
    east, west = measured(both, fake, USUAL).sources
    assert (east.device_use, [use.node for use in west.device_use]) == ((), ["own"])
    assert all("n; ask one cluster" in each.gaps[-1].detail for each in (east, west))


def test_a_use_is_the_mean_of_the_minutes_in_which_there_was_a_sample() -> None:
    (use,) = uses(with_series((UTIL, dcgm(**MINE), at_work(0, 1, value=2))))
    assert (use.over, use.busy) == (120, 0.02)
