"""The use of a followed cluster's devices: asked beside its looks, told without addresses, never waited for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.errors import UnreachableError, UsageError
from allotment.model.observed.snapshot import NOT_MEASURED, Gap, Snapshot
from allotment.operations.ask.measuring import MetricsRequest
from allotment.operations.fleet.metered import MeteredCluster
from allotment.operations.fleet.metrics_addresses import addresses_of, holds_password
from allotment.ports.metrics import MetricsPort
from tests.unit.accounting.scenes import GPU, moment_of, node, pod

NOW = 1_795_604_400_000
MINUTE = 60_000
ADDRESS = "http://canary-7.example:9090"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", {}),
        ("http://one:9090", {"": "http://one:9090"}),
        ("http://one:9090/?tenant=a", {"": "http://one:9090/?tenant=a"}),
        ("training=http://one:9090, dev=http://two/?x=y", {"training": "http://one:9090", "dev": "http://two/?x=y"}),
        ("http://all, dev=http://two", {"": "http://all", "dev": "http://two"}),
    ],
)
def test_one_address_is_every_cluster_s_or_each_has_its_own(words: str, found: dict[str, str]) -> None:
    assert addresses_of(words) == found


@pytest.mark.parametrize("words", ["http://one, http://two", "dev=http://one,dev=http://two"])
def test_a_cluster_has_one_address(words: str) -> None:
    with pytest.raises(UsageError, match="two addresses"):
        addresses_of(words)


@pytest.mark.parametrize(
    ("words", "holds"),
    [("http://one/a@b", False), ("http://u:p@one", True), ("a=http://x,b=https://u@y/z", True), ("", False)],
)
def test_who_asks_by_what_password_is_noticed(words: str, holds: bool) -> None:
    assert holds_password(words) is holds


def look(*names: str) -> Snapshot:
    return moment_of(
        NOW, nodes=[node(each, {GPU: "1"}) for each in names], pods=[pod(f"of-{names[0]}", names[0], {GPU: "1"})]
    )


def measuring(host: str = "n") -> FakeMetrics:
    fake = FakeMetrics()
    fake.put("DCGM_FI_DEV_GPU_UTIL", {"Hostname": host, "UUID": "GPU-0"}, [(NOW - MINUTE * at, 50) for at in range(5)])
    return fake


class Meter:
    """What measures, and what was told of it."""

    def __init__(self, port: MetricsPort | None = None, *, every: float = 0.0, patience: float = 20.0) -> None:
        self.port = measuring() if port is None else port
        self.told: list[str] = []
        self.opening: Callable[[], object] = lambda: None
        self.cluster = MeteredCluster(self._opened, MetricsRequest, self.told.append, every, patience)

    @contextmanager
    def _opened(self) -> Iterator[MetricsPort]:
        self.opening()
        yield self.port

    def added(self, snapshot: Snapshot | None = None) -> tuple[list[float], tuple[Gap, ...]]:
        (source,) = self.cluster.added(look("n") if snapshot is None else snapshot).sources
        return [each.busy for each in source.device_use], source.gaps


def test_a_look_has_the_use_of_its_devices() -> None:
    assert Meter().added() == ([0.5], ())


def test_what_was_measured_lately_is_not_asked_again() -> None:
    port = measuring()
    meter = Meter(port, every=1000)
    assert meter.added() == meter.added()
    assert port.asked == 3


def test_a_node_that_has_gone_since_has_no_use() -> None:
    meter = Meter(every=1000)
    assert meter.added()[0] == [0.5]
    assert meter.added(look("other"))[0] == []


def test_gaps_of_the_look_stay() -> None:
    seen = look("n")
    gap = Gap(what="nodes", reason="forbidden")
    source = msgspec.structs.replace(seen.sources[0], gaps=(gap,))
    assert Meter().added(msgspec.structs.replace(seen, sources=(source,)))[1] == (gap,)


def test_what_does_not_answer_is_a_gap_without_its_address_and_is_told_once_each() -> None:
    port = FakeMetrics(error=UnreachableError(f"{ADDRESS} does not answer", why="refused"))
    meter = Meter(port)
    for _ in range(3):
        assert meter.added() == ([], (Gap(what="metrics", reason="failed", detail=NOT_MEASURED),))
    assert meter.told == [f"{ADDRESS} does not answer refused"]
    meter.port = measuring()
    assert meter.added() == ([0.5], ())
    assert meter.told[1:] == ["answers again"]


@pytest.mark.parametrize("error", [UnreachableError(f"no way to {ADDRESS}"), ValueError(ADDRESS)])
def test_what_cannot_be_opened_ends_no_look(error: Exception) -> None:
    def fail() -> None:
        raise error

    meter = Meter()
    meter.opening = fail
    assert meter.added() == ([], (Gap(what="metrics", reason="failed", detail=NOT_MEASURED),))
    assert len(meter.told) == 1


def test_one_that_hangs_is_waited_for_once_and_counts_when_it_comes() -> None:
    let_go = threading.Event()
    meter = Meter(every=1000, patience=0.05)
    meter.opening = lambda: let_go.wait(60)
    assert meter.added() == ([], ())
    began = time.monotonic()
    for _ in range(50):
        meter.added()
    assert time.monotonic() - began < 20, "each look waited anew"
    let_go.set()
    until = time.monotonic() + 20
    while not meter.added()[0] and time.monotonic() < until:
        time.sleep(0.01)
    assert meter.added()[0] == [0.5]
