"""A real Prometheus with backfilled telemetry: the contract, and ledgers that are what a random fleet really did."""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from allotment import wiring
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.moment import CountingRules
from allotment.adapters.sandbox.store import SandboxStore
from allotment.adapters.sandbox.versions import METRICS
from allotment.observe.written import encode
from allotment.operations.ask.metered import MeteredTime, metered_ledger
from allotment.ports.metrics import MetricsPort
from tests.live.answers.prometheus import prometheus
from tests.live.conftest import told_to
from tests.unit.accounting.metered_fleet import MINUTE, Fleet, random_fleet
from tests.unit.accounting.scenes import GPU, moment_of, node, pod
from tests.unit.adapters.prometheus.contract import SAMPLES, MetricsContract
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures

pytestmark = pytest.mark.live
DAY = 24 * 60


@pytest.fixture(scope="module")
def metrics_tools(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Mapping[str, Path]:
    """In the user's cache; `make live` builds them before."""
    return sandbox_store.tools(METRICS, told_to(request)).binaries


@pytest.fixture(scope="module")
def metrics(metrics_tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MetricsPort]:
    with (
        prometheus(metrics_tools, tmp_path_factory.mktemp("contract"), SAMPLES) as url,
        wiring.metrics(url) as port,
    ):
        yield port


class TestLive(MetricsContract):
    pass


def now_in_minutes() -> int:
    return int(wiring.clock().now().timestamp() * 1000) // MINUTE


def fleet_till_now(days: int, nodes: int, seed: int) -> Fleet:
    start = (now_in_minutes() - days * DAY) * MINUTE
    return random_fleet(seed, start=start, minutes=days * DAY, nodes=nodes, gpus=8)


def check(found: dict[str, object], fleet: Fleet) -> None:
    """The ledger of JSON against what the fleet did in the very minutes that it is about."""
    entries = found["entries"]
    assert isinstance(entries, list)
    assert sum(each["gpuMs"] for each in entries) == found["capacityGpuMs"]
    told: Counter[tuple[CauseOfTime, str]] = Counter()
    for each in entries:
        minutes, rest = divmod(each["gpuMs"], MINUTE)
        assert rest == 0
        told[CauseOfTime(each["cause"]), each["namespace"]] += minutes
    since, until = (minute_of(str(found[name])) - fleet.start // MINUTE for name in ("since", "until"))
    assert told == fleet.truth(since, until)
    assert {CauseOfTime.IDLE_HELD, CauseOfTime.PRODUCTIVE, CauseOfTime.UNOBSERVED, CauseOfTime.UNMEASURED} <= {
        cause for cause, _ in told
    }


def minute_of(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) // 60


def test_the_ledger_of_a_day_is_what_the_fleet_did(metrics_tools: Mapping[str, Path], tmp_path: Path, run: Run) -> None:
    fleet = fleet_till_now(1, nodes=4, seed=11)
    with prometheus(metrics_tools, tmp_path, fleet.samples()) as url:
        found = run("waste", "--since", "23h", "--prometheus", url, "-o", "json").json()
        check(found, fleet)
        assert found["missingMs"] == 0
        assert "unallocated here" in found["remarks"][0]
        table = run("waste", "--since", "23h", "--by", "team", env={"ALLOTMENT_PROMETHEUS": url}).ok()
        assert "nlp" in table
        nobody = run("waste", "--since", "1h", "--prometheus", url, "--prometheus-label", "cluster=other")
        assert (nobody.code, "no device" in nobody.err) == (3, True)


def test_the_use_of_devices_at_a_moment(
    metrics_tools: Mapping[str, Path], tmp_path: Path, home: Path, run: Run
) -> None:
    """Of three devices one is busy, one has done nothing for an hour, and one for ten minutes."""
    end = now_in_minutes() * MINUTE
    hour = range(60)
    courses = {"0": [90.0] * 60, "1": [3.0] * 60, "2": [90.0] * 50 + [3.0] * 10}
    series = [
        ("DCGM_FI_DEV_GPU_UTIL",
         {"Hostname": "n", "UUID": f"GPU-{gpu}", "gpu": gpu, "namespace": "team", "pod": f"p{gpu}"},
         [(end - (59 - minute) * MINUTE, values[minute]) for minute in hour])
        for gpu, values in courses.items()
    ]  # fmt: skip
    moment = moment_of(end, nodes=[node("n", {GPU: "3"})], pods=[pod(f"p{gpu}", "n", {GPU: "1"}) for gpu in courses])
    (home / "moment.json.gz").write_bytes(encode(moment))
    with prometheus(metrics_tools, tmp_path, series) as url:
        call = ("--snapshot", "moment.json.gz", "--prometheus", url)
        waste = run("waste", *call, "-o", "json").json()
        assert {each["name"]: each["gpuMs"] // 3_600_000 for each in waste["causes"]} == {
            "idle-held": 1,
            "productive": 2,
        }
        assert run("waste", "--snapshot", "moment.json.gz", "-o", "json").json()["causes"][0]["name"] == "unmeasured"
        (gpus,) = run("gpus", *call, "-o", "json").json()["items"]
        assert gpus["idleHeld"] == 1
        saved = run("snapshot", "save", "again.json.gz", *call)
        assert saved.code == 0, saved.err
        who = run("who", "--snapshot", "again.json.gz", "-o", "json").json()
        idle = {each["job"]: each["idleSince"] for each in who["items"] if each["idleDevices"]}
        assert [minute_of(since) for since in idle.values()] == [end // MINUTE - 59]


def test_a_prometheus_that_is_gone_is_told_and_stops_no_answer(home: Path, run: Run) -> None:
    moment = moment_of(now_in_minutes() * MINUTE, nodes=[node("n", {GPU: "3"})], pods=[])
    (home / "moment.json.gz").write_bytes(encode(moment))
    done = run("gpus", "--snapshot", "moment.json.gz", "--prometheus", "http://127.0.0.1:9")
    assert done.code == 0
    assert "no metrics" in done.err
    assert run("waste", "--since", "1d", "--prometheus", "http://127.0.0.1:9").code == 9


@pytest.mark.nightly
def test_the_ledger_of_a_week_is_what_the_fleet_did(metrics_tools: Mapping[str, Path], tmp_path: Path) -> None:
    fleet = fleet_till_now(7, nodes=8, seed=3)
    with prometheus(metrics_tools, tmp_path, fleet.samples()) as url, wiring.metrics(url) as port:
        began = time.monotonic()
        asked = MeteredTime(fleet.start, fleet.start + fleet.minutes * MINUTE, "week")
        ledger = metered_ledger(port, asked, CountingRules())
        took = time.monotonic() - began
    told: Counter[tuple[CauseOfTime, str]] = Counter()
    for each in ledger.entries:
        told[each.charge.cause, each.charge.owner.namespace] += each.gpu_ms
    assert told == {key: minutes * MINUTE for key, minutes in fleet.truth().items()}
    assert sum(told.values()) == ledger.capacity_ms
    assert took < 300
