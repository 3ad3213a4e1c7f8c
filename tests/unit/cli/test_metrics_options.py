"""`--prometheus` on the commands that ask it: when it is asked, when not, and what cannot be asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from allotment import wiring
from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.prometheus.fake import FakeMetrics
from allotment.errors import UnreachableError
from allotment.observe.written import decode, encode
from allotment.operations.directory.configuration import OUTPUT_FORMATS
from allotment.ports.metrics import MetricsPort
from tests.unit.accounting.scenes import GPU, moment_of, node, pod
from tests.unit.cli.conftest import Run

NOW = 1_795_604_400_000
MINUTE = 60_000
URL = ("--prometheus", "http://metrics.example")
TARGET = {"job": "dcgm", "instance": "n:9400"}
ENVIRONMENT = {"ALLOTMENT_PROMETHEUS": "http://metrics.example"}


@pytest.fixture
def fake(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMetrics:
    """A device that has done nothing for an hour, and a file that holds its node and its holder."""
    found = FakeMetrics()
    labels = {"Hostname": "n", "UUID": "GPU-0", "namespace": "team", "pod": "train", "cluster": "a", **TARGET}
    found.put("DCGM_FI_DEV_GPU_UTIL", labels, [(NOW - minute * MINUTE, 1) for minute in range(60)])

    @contextmanager
    def metrics(url: str) -> Iterator[MetricsPort]:
        assert url == URL[1]
        yield found

    monkeypatch.setattr(wiring, "metrics", metrics)
    clock = FixedClock(dt.datetime.fromtimestamp(NOW / 1000, dt.UTC))
    monkeypatch.setattr(wiring, "clock", lambda: clock)
    moment = moment_of(NOW, nodes=[node("n", {GPU: "1"})], pods=[pod("train", "n", {GPU: "1"})])
    (home / "m.json.gz").write_bytes(encode(moment))
    return found


FILE = ("--snapshot", "m.json.gz")


def test_a_moment_s_devices_are_idle_where_metrics_say_so(fake: FakeMetrics, run: Run) -> None:
    waste = run("waste", *FILE, *URL, "-o", "json").json()
    assert [each["name"] for each in waste["causes"]] == ["idle-held"]
    assert run("gpus", *FILE, *URL, "-o", "json").json()["items"][0]["idleHeld"] == 1
    assert run("who", *FILE, *URL, "-o", "json").json()["items"][0]["idleDevices"] == 1
    patient = run("waste", *FILE, *URL, "--idle", "job=20%/90min", "-o", "json").json()
    assert [each["name"] for each in patient["causes"]] == ["productive"]


def test_no_second_series_and_no_name_decides_what_is_idle(fake: FakeMetrics, run: Run, home: Path) -> None:
    named = "my-dcgm-exporter-train"
    moment = moment_of(
        NOW,
        nodes=[node("n", {GPU: "3"})],
        pods=[pod(name, "n", {GPU: "1"}) for name in ("train", "busy", named)],
    )
    (home / "m.json.gz").write_bytes(encode(moment))
    every = [NOW - minute * MINUTE for minute in range(60)]
    for gpu, name in ("GPU-1", "busy"), ("GPU-2", named):
        labels = {"Hostname": "n", "UUID": gpu, "namespace": "team", "pod": name, "cluster": "a", **TARGET}
        fake.put("DCGM_FI_DEV_GPU_UTIL", labels, [(at, 99 if name == "busy" else 1) for at in every])
    pushed = {"Hostname": "n", "UUID": "GPU-1", "namespace": "team", "pod": "busy", **TARGET, "extra": "x"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", pushed, [(at, 0) for at in every[:40]])
    fake.put("DCGM_FI_DEV_GPU_UTIL", {**pushed, "UUID": "GPU-7"}, [(NOW, -5)])
    rows = {each["job"]: each for each in run("who", *FILE, *URL, "-o", "json").json()["items"]}
    assert {job: row["idleDevices"] for job, row in rows.items()} == {
        "Pod/train": 1, "Pod/busy": None, f"Pod/{named}": 1,
    }  # fmt: skip
    run("snapshot", "save", "again.json.gz", *FILE, *URL).ok()
    said = {gap.detail for gap in decode((home / "again.json.gz").read_bytes()).sources[0].gaps}
    assert said == {
        (
            "series contradict each other on 1 device (n GPU-1): what they do counts as not measured; "
            "all are of job dcgm at n:9400, which tells of one device twice"
        ),
        "left out: 1 series whose use is no share from 0 to 100 %",
    }


@pytest.mark.parametrize("job", ["dcgm", "other"], ids=["of the same job", "of another job"])
@pytest.mark.parametrize("named", ["other", "train"])
def test_a_forged_series_of_another_pod_begun_later_makes_neither_idle_nor_work(
    fake: FakeMetrics, run: Run, home: Path, named: str, job: str
) -> None:
    pods = [pod(name, "n", {GPU: "1"}) for name in ("busy", "other", "train")]
    (home / "m.json.gz").write_bytes(encode(moment_of(NOW, nodes=[node("n", {GPU: "4"})], pods=pods)))
    every = [NOW - minute * MINUTE for minute in range(60)]
    exporter = {"Hostname": "n", "namespace": "team", **TARGET}
    for gpu, name, use in (("GPU-1", "busy", 99), ("GPU-2", "other", 99)):
        fake.put("DCGM_FI_DEV_GPU_UTIL", {**exporter, "UUID": gpu, "pod": name}, [(at, use) for at in every])
    forged = {**exporter, "UUID": "GPU-1", "pod": named, "job": job, "extra": "x"}
    fake.put("DCGM_FI_DEV_GPU_UTIL", forged, [(at, 0) for at in every[:45]])
    done = run("waste", *FILE, *URL, "-o", "json")
    causes = {each["name"]: each["gpuMs"] // (60 * MINUTE) for each in done.json()["causes"]}
    assert causes == {"productive": 1, "idle-held": 1, "unmeasured": 1, "unallocated": 1}
    assert done.err.count("contradict") == 1
    both = "they are of job dcgm at n:9400; job other at n:9400: no label says which is the exporter"
    assert (both in " ".join(done.err.split())) is (job == "other")


def test_a_device_that_nobody_has_is_no_pod_s_because_a_series_says_so(fake: FakeMetrics, run: Run, home: Path) -> None:
    """Nor does a renamed label in one series take the names out of all others."""
    pods = [pod(name, "n", {GPU: "1"}) for name in ("busy", "train")]
    (home / "m.json.gz").write_bytes(encode(moment_of(NOW, nodes=[node("n", {GPU: "3"})], pods=pods)))
    every = [NOW - minute * MINUTE for minute in range(60)]
    labels = {"Hostname": "n", "UUID": "GPU-1", "namespace": "team", "pod": "busy", **TARGET}
    fake.put("DCGM_FI_DEV_GPU_UTIL", labels, [(at, 99) for at in every])
    fake.put("DCGM_FI_DEV_GPU_UTIL", {"Hostname": "n", "UUID": "GPU-8", "exported_job": "x"}, [(NOW, 0)])
    rows = {each["job"]: each["idleDevices"] for each in run("who", *FILE, *URL, "-o", "json").json()["items"]}
    assert rows == {"Pod/busy": 0, "Pod/train": 1}
    fake.put("DCGM_FI_DEV_GPU_UTIL", {**labels, "UUID": "GPU-0a"}, [(at, 0) for at in every])
    rows = {each["job"]: each["idleDevices"] for each in run("who", *FILE, *URL, "-o", "json").json()["items"]}
    assert rows == {"Pod/busy": None, "Pod/train": 1}


def test_a_file_is_completed_only_where_the_flag_is_given(fake: FakeMetrics, run: Run) -> None:
    waste = run("waste", *FILE, "-o", "json", env=ENVIRONMENT).json()
    assert [each["name"] for each in waste["causes"]] == ["unmeasured"]
    assert fake.asked == 0


def test_what_is_saved_holds_it(fake: FakeMetrics, run: Run) -> None:
    run("snapshot", "save", "again.json.gz", *FILE, *URL).ok()
    assert run("who", "--snapshot", "again.json.gz", "-o", "json").json()["items"][0]["idleDevices"] == 1


@pytest.mark.parametrize("watch", [(), ("--watch",)], ids=["fresh", "followed"])
def test_a_recording_holds_it(
    fake: FakeMetrics, run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, watch: tuple[str, ...]
) -> None:
    kube = FakeKube()
    kube.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"capacity": {GPU: "1"}}})

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield kube

    monkeypatch.setattr(wiring, "connect", connect)
    run("snapshot", "record", "fleet", "--every", "60s", "--count", "2", *watch, env=ENVIRONMENT).ok()
    assert len(list((home / "fleet").iterdir())) == 2
    assert fake.asked > 0
    nodes = [call for call in kube.calls if (call.verb, call.key.kind) == ("list", "Node")]
    assert len(nodes) == (1 if watch else 2)


def test_the_past_is_asked_without_a_cluster(fake: FakeMetrics, run: Run) -> None:
    found = run("waste", "--since", "40min", "-o", "json", env=ENVIRONMENT).json()
    assert [(each["name"], each["gpuMs"] // MINUTE) for each in found["causes"]] == [("idle-held", 40)]
    assert found["entries"][0]["namespace"] == "team"
    assert "unallocated here" in run("waste", "--since", "40min", *URL, "--by", "team").ok()
    elsewhere = run("waste", "--since", "40min", *URL, "--prometheus-label", "cluster=b")
    assert elsewhere.code == 3
    fake.error = UnreachableError("no answer")
    assert run("waste", "--since", "40min", *URL).code == 9


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_no_label_drives_the_terminal(fake: FakeMetrics, run: Run, form: str) -> None:
    evil = {
        "Hostname": "n\x1b[2J",
        "UUID": "GPU-1",
        "namespace": "evil\x1b[31m\u202e",
        "pod": "p\x9b",
        "modelName": "\r",
    }
    fake.put("DCGM_FI_DEV_GPU_UTIL", evil, [(NOW - minute * MINUTE, 90) for minute in range(60)])
    for by in ("team", "node"):
        out = run("waste", "--since", "40min", *URL, "--by", by, "-o", form).ok()
        assert not {"\x1b", "\x9b", "\u202e", "\r"} & set(out)


def test_metrics_that_do_not_answer_are_told_and_stop_nothing(fake: FakeMetrics, run: Run) -> None:
    fake.error = UnreachableError("metrics.example does not answer", why="\x1b[2Jsilent")
    done = run("gpus", *FILE, *URL)
    assert done.code == 0
    assert "no metrics: metrics.example does not answer" in done.err
    assert "\\x1b[2Jsilent" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("waste", "--recorded", "fleet", *URL), "two memories"),
        (("who", *FILE, *URL, "--prometheus-label", "cluster"), "is no label"),
        (("who", *FILE, *URL, "--prometheus-label", 'a"}=b'), "is no label"),
        (("waste", "--since", "5s", *URL), "shorter than a minute"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_asked(fake: FakeMetrics, run: Run, words: tuple[str, ...], says: str) -> None:
    done = run(*words)
    assert done.code == 2
    assert says in done.err


def test_what_more_devices_name_than_a_pod_asks_for_is_said(fake: FakeMetrics, run: Run, home: Path) -> None:
    (home / "m.json.gz").write_bytes(
        encode(moment_of(NOW, nodes=[node("n", {GPU: "2"})], pods=[pod("train", "n", {GPU: "1"})]))
    )
    labels = {"Hostname": "n", "UUID": "GPU-1", "namespace": "team", "pod": "train", **TARGET}
    fake.put("DCGM_FI_DEV_GPU_UTIL", labels, [(NOW, 0)])
    said = "2 devices name team/train, which asks for 1: nobody knows which are its own"
    for more in ((), ("--since", "5min")):
        asked = {"node": "n", "resource": "nvidia_com_gpu", "namespace": "team", "pod": "train", "container": "main"}
        fake.put("kube_pod_container_resource_requests", asked, [(NOW, 1)])
        fake.put("kube_node_status_capacity", {"node": "n", "resource": "nvidia_com_gpu"}, [(NOW, 2)])
        done = run("waste", *(more or FILE), *URL)
        assert said in " ".join((done.out + done.err).split())


def test_of_addresses_by_cluster_the_asked_cluster_s_counts(fake: FakeMetrics, run: Run) -> None:
    both = ("--prometheus", "other=http://other.example, b=http://metrics.example")
    waste = run("waste", *FILE, *both, "-o", "json", env={"ALLOTMENT_CLUSTER": "b"}).json()
    assert [each["name"] for each in waste["causes"]] == ["idle-held"]
    refused = run("waste", *FILE, *both)
    assert refused.code == 2
    assert "--prometheus has addresses for b, other alone" in refused.err


@pytest.mark.parametrize("command", [("up", "--foreground"), ("up",)])
def test_no_server_is_started_with_a_password_among_its_words(run: Run, command: tuple[str, ...]) -> None:
    refused = run(*command, "--prometheus", "dev=https://me:s3cret@metrics.example")
    assert refused.code == 2
    assert "--prometheus holds a password" in refused.err
    assert "ALLOTMENT_PROMETHEUS" in refused.err
    assert "s3cret" not in refused.err


@pytest.mark.parametrize("command", ["who", "gpus"])
def test_since_when_it_is_idle_is_looked_for_by_the_platform_s_rules(
    fake: FakeMetrics, run: Run, home: Path, command: str
) -> None:
    minimal = (Path(__file__).parents[3] / "examples" / "minimal" / "platform.yaml").read_text()
    rule = "name: minimal\nidle:\n  - {name: strict, below: 10%, after: 30m}\n"
    (home / "strict").mkdir()
    (home / "strict" / "platform.yaml").write_text(minimal.replace("name: minimal\n", rule, 1))
    # For an hour it was below a fifth; below a tenth for five minutes alone.
    labels = {"Hostname": "n", "UUID": "GPU-0", "namespace": "team", "pod": "train", "cluster": "a", **TARGET}
    past = [(NOW - minute * MINUTE, 15 if minute >= 5 else 1) for minute in range(60)]
    fake.put("DCGM_FI_PROF_GR_ENGINE_ACTIVE", labels, [(at, share / 100) for at, share in past])
    word = {"who": "idleDevices", "gpus": "idleHeld"}[command]
    lax = run(command, *FILE, *URL, "-o", "json").json()["items"][0]
    strict = run(command, *FILE, *URL, "--platform", "strict", "-o", "json").json()["items"][0]
    assert (lax[word], strict[word]) == (1, 0)
