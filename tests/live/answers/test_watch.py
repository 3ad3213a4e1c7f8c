"""A followed cluster after 200 changes on a real API server: what a fresh reading shows, object by object."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from allotment import wiring
from allotment.model.manifest import ObjectKey
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.differences import differences
from allotment.operations.ask.observing import observe
from allotment.operations.ask.recorded import recording
from allotment.operations.ask.watching import WatchedCluster
from allotment.ports.kube import KubePort
from allotment.ports.sandboxes import RUN_FOR, Sandbox
from tests.live.conftest import Kubectl
from tests.live.sandbox.manifests import as_list, job, queues

pytestmark = pytest.mark.live

SPACE = "followed"
CHANGES = 200


@pytest.fixture(scope="module")
def space(kubectl: Kubectl) -> Iterator[str]:
    kubectl("apply", "-f", "-", stdin=queues(SPACE, 2))
    yield SPACE
    kubectl("delete", "namespace", SPACE, "--wait=false")
    kubectl("delete", "clusterqueue", SPACE, "--wait=false")
    kubectl("delete", "resourceflavor", f"{SPACE}-a100", "--wait=false")


def change(kube: KubePort, rng: random.Random, number: int, there: list[str]) -> None:
    """Make, change or delete something: jobs that Kueue and KWOK act on, and a node."""
    match rng.choice(("make", "make", "mark", "mark", "delete", "cordon")):
        case "mark" if there:
            key = ObjectKey("batch", "Job", SPACE, rng.choice(there))
            kube.merge_patch("batch/v1", key, {"metadata": {"labels": {"number": str(number)}}})
        case "delete" if there:
            name = there.pop(rng.randrange(len(there)))
            kube.delete("batch/v1", ObjectKey("batch", "Job", SPACE, name))
        case "cordon":
            key = ObjectKey("", "Node", "", "cpu-0")
            kube.merge_patch("v1", key, {"spec": {"unschedulable": number % 2 == 0 or None}})
        case _:
            name = f"job-{number}"
            lasts = {RUN_FOR: rng.choice(("1s", "1h"))}
            kube.create(job(SPACE, name, gpus=rng.choice((0, 1)), annotations=lasts))
            there.append(name)


def same(watched: WatchedCluster, kube: KubePort) -> list[str]:
    """What differs between the two; the cluster goes on moving by itself, so several looks are compared."""
    told: list[str] = []
    for _ in range(20):
        fresh, found = observe(kube, wiring.clock()), watched.snapshot()
        told = [str(each) for each in differences(fresh, found)]
        if not told and names(fresh) == names(found):
            assert found.sources[0].gaps == fresh.sources[0].gaps
            return []
        time.sleep(1)
    return told or ["the sets of objects differ"]


def names(snapshot: Snapshot) -> set[tuple[str, str]]:
    objects = snapshot.sources[0].objects
    return {
        (field, each.metadata.uid or each.key)
        for field in objects.__struct_fields__
        if field != "events"
        for each in getattr(objects, field)
    }


@pytest.mark.nightly  # by day the hub follows what changes
def test_after_200_changes_it_is_what_a_fresh_reading_shows(sandbox: Sandbox, space: str) -> None:
    rng = random.Random(7)
    there: list[str] = []
    with wiring.connect(str(sandbox.kubeconfig), "") as kube, WatchedCluster(kube, wiring.clock()) as watched:
        assert same(watched, kube) == []
        for number in range(CHANGES):
            change(kube, rng, number, there)
        assert watched.wait(30)
        assert same(watched, kube) == []
        events = {each.message for each in watched.snapshot().sources[0].objects.events}
        assert any(SPACE in text or "Admitted" in text or "Created" in text for text in events)
        kube.merge_patch("v1", ObjectKey("", "Node", "", "cpu-0"), {"spec": {"unschedulable": None}})


# A test run in the background inherits an ignored SIGINT.
IN_A_TERMINAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from allotment.__main__ import main; main()"
)


@contextmanager
def allot(sandbox: Sandbox, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL, *words, "--kubeconfig", str(sandbox.kubeconfig)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_a_watched_recording_with_130_and_every_file_whole(
    sandbox: Sandbox, space: str, tmp_path: Path
) -> None:
    fleet = tmp_path / "fleet"
    with allot(sandbox, "snapshot", "record", str(fleet), "--every", "1s", "--watch") as process:
        deadline = time.monotonic() + 90
        while len(list(fleet.glob("*.json.gz"))) < 3:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert "Traceback" not in err
    found = recording(wiring.files(), str(fleet))
    snapshots = list(found.snapshots())
    assert len(snapshots) == len(found.files) >= 3
    assert found.damaged == []
    assert all(each.sources[0].objects.nodes for each in snapshots)


def test_why_is_watched_until_the_job_is_gone(sandbox: Sandbox, kubectl: Kubectl, space: str) -> None:
    misled = job(SPACE, "misled", gpus=1, queue="nowhere", annotations={RUN_FOR: "1h"})
    kubectl("apply", "-f", "-", stdin=as_list(misled))
    words = ("why", "job/misled", "-n", SPACE, "--watch", "--no-remedies", "-o", "json")
    with allot(sandbox, *words) as process:
        assert process.stdout is not None
        assert '"queue-missing"' in process.stdout.readline()
        kubectl("delete", "jobs", "--all", "-n", SPACE, "--cascade=background")
        assert process.wait(60) == 0
