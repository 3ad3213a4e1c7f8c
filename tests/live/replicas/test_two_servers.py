"""Two servers on one PostgreSQL: one leads, the other one takes over, and what was acknowledged is there, once."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import psycopg
import pytest
import yaml

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay
from allotment.adapters.store.postgres import PostgresPlace
from allotment.errors import AllotmentError
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.account.trail import verified
from allotment.ports.job_service import JobSubmission, StandingByError
from allotment.ports.store import JobFilter
from tests.live.kubernetes.wire import wire_to
from tests.live.replicas.servers import Pair, Replica, front_of, until
from tests.live.store.conftest import address, server
from tests.live.store.server import Server
from tests.live.training import Training

__all__ = ["address", "server"]  # fixtures

pytestmark = pytest.mark.live

GAVE_UP = {6, 9}
"""Another one leads, or the store did not answer for too long."""
ROUNDS = 20
PERMISSIONS = ("read", "stop", "submit")


@pytest.fixture
def pair(tmp_path: Path, address: str, request: pytest.FixtureRequest) -> Iterator[Pair]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOTMENT_", "PYTEST"))}
    if "training" in request.fixturenames:
        training: Training = request.getfixturevalue("training")
        kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
        kubeconfig["contexts"][0]["name"] = training.cluster.context
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        clean["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    found = Pair(tmp_path, address, clean)
    try:
        yield found
    finally:
        for each in found.all:
            each.end()


def job(name: str) -> Job:
    return Job(
        name=name,
        team="nlp",
        type=JobType.TRAINING,
        program=Program(("sleep", "1"), image="registry.acme.example/train:1"),
        needs=ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), AcceleratorWish(1, ("a100",))),
        priority="exploratory",
    )


def told(text: str) -> None:
    """Into the report of the tests that ran."""
    sys.stderr.write(f"{text}\n")


def token(leader: Replica) -> str:
    return leader.at_home.make_token("tests", PERMISSIONS, 3_600_000).text


@pytest.mark.nightly  # by day unit tests have one stand by; this one starts two on a PostgreSQL
def test_a_standby_lives_is_not_ready_and_refuses(pair: Pair) -> None:
    first = pair.start()
    pair.led_by(first)
    second = pair.start()
    pair.stands_by(second)
    assert second.asked("/healthz")[0] == 200
    until(lambda: second.ready, 10)
    assert json.loads(second.asked("/readyz")[1]) == {
        "ready": True, "role": "standby", "parts": {"leader": ""}, "late": []
    }  # fmt: skip
    # Through either one the same is reached.
    service = RemoteServer(NetworkWay(f"http://127.0.0.1:{second.port}", token(first)))
    assert service.status().pid == first.process.pid
    assert "allotment_leader 0.0" in second.asked("/metrics")[1]
    assert "allotment_leader 1.0" in first.asked("/metrics")[1]
    with pytest.raises(StandingByError):
        second.at_home.status()
    assert httpx.get(f"http://127.0.0.1:{first.port}/metrics", trust_env=False).status_code == 404
    with pytest.raises(AllotmentError, match="no programs on its own machine"):
        first.at_home.submit(JobSubmission(job("here"), "local"))
    first.process.terminate()
    told(f"taken over {pair.led_by(second, 20):.1f} s after SIGTERM")
    assert first.process.wait(20) == 0
    # Its end is in the trail, as it is after `allot down`.
    assert first.log.read_text().count("audit head") == 2
    assert service.status().pid == second.process.pid


@pytest.mark.nightly
def test_a_leader_that_is_stopped_is_supplanted_and_writes_nothing_when_it_wakes(pair: Pair, address: str) -> None:
    first = pair.start()
    pair.led_by(first)
    second = pair.start()
    pair.stands_by(second)
    service = RemoteServer(NetworkWay(f"http://127.0.0.1:{first.port}", token(first)))
    service.whoami()
    first.tell(signal.SIGSTOP)
    told(f"taken over {pair.led_by(second, 40):.1f} s after SIGSTOP")
    assert "gave no sign of life" in second.log.read_text()
    with psycopg.connect(address) as connection:
        leads = connection.execute("SELECT term, who FROM leader").fetchone()
    assert leads is not None
    assert (leads[0], str(second.process.pid) in leads[1]) == (2, True)
    first.tell(signal.SIGCONT)
    # Whoever asks the old one in the moment it wakes gets nothing acknowledged that only it would know of.
    for _ in range(20):
        try:
            made = first.at_home.make_token(f"late-{uuid.uuid4().hex[:6]}", ("read",), 3_600_000)
        except AllotmentError:
            continue
        raise AssertionError(made)
    assert first.process.wait(30) in GAVE_UP
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT term, who FROM leader").fetchone() == leads
    assert verified(PostgresPlace(address)).sound


@pytest.mark.nightly  # by day its network is cut
def test_a_leader_that_has_lost_the_database_leaves_it_to_the_other(pair: Pair, server: Server, address: str) -> None:
    with wire_to(server.port) as wire:
        first = pair.start(address.replace(f":{server.port}/", f":{wire.port}/"))
        pair.led_by(first)
        second = pair.start()
        pair.stands_by(second)
        wire.cut()
        told(f"taken over {pair.led_by(second, 40):.1f} s after its network was cut")
        until(lambda: not first.ready, 5)
        # Its network comes back before it has given up: another one has led since.
        wire.mend()
        assert first.process.wait(30) in GAVE_UP
        third = pair.start()
        pair.stands_by(third)


@pytest.mark.nightly  # by day one server is killed under load, and one that leads is ended
@pytest.mark.timeout(1800)
def test_leaders_that_are_killed_under_load_lose_nothing_and_start_nothing_twice(
    pair: Pair, training: Training
) -> None:
    cluster = training.cluster.name
    pair.led_by(pair.start())
    standby = pair.start()
    pair.stands_by(standby)
    taken: dict[str, str] = {}
    refused: Counter[str] = Counter()
    ending = threading.Event()
    with front_of(pair) as port:
        service = RemoteServer(NetworkWay(f"http://127.0.0.1:{port}", token(pair.leader)))

        def load() -> None:
            while not ending.is_set():
                name = f"load-{uuid.uuid4().hex[:10]}"
                try:
                    taken[name] = service.submit(JobSubmission(job(name), cluster, key=name)).job.id
                except AllotmentError as error:
                    refused[error.line] += 1
                ending.wait(0.2)

        worker = threading.Thread(target=load)
        worker.start()
        times = []
        for number in range(ROUNDS):
            time.sleep(random.Random(number).uniform(0.5, 2.0))
            pair.leader.kill()
            times.append(pair.led_by(standby, 40))
            standby = pair.start()
            pair.stands_by(standby)
        ending.set()
        worker.join(120)
        assert not worker.is_alive()
        leader = pair.leader.at_home
        rows = [each for each in pages(leader) if each.name.startswith("load-")]
        assert {each.name: each.id for each in rows} == {**{each.name: each.id for each in rows}, **taken}
        assert max(Counter(each.name for each in rows).values()) == 1
        until(lambda: all(each.state.value != "submitted" for each in pages(leader)), 120)
        made = Counter(
            each["metadata"]["labels"]["allotment.dev/job"]
            for each in training.kube.list("batch/v1", "Job", namespace="nlp", labels="allotment.dev/job")
        )
        mine = {each.id for each in rows}
        assert all(number == 1 for each, number in made.items() if each in mine)
        for each in rows:
            if not each.state.over:
                leader.stop(each.id, grace=0)
    assert verified(PostgresPlace(pair.store)).sound
    middle = sorted(times)[len(times) // 2]
    told(
        f"{ROUNDS} leaders killed, {len(taken)} jobs taken, {sum(refused.values())} calls refused {dict(refused)};"
        f" taken over after {middle:.1f} s (median), {max(times):.1f} s (most)"
    )


def pages(service: RemoteServer) -> list:  # type: ignore[type-arg]
    found, after = [], None
    while True:
        page = service.page(JobFilter(), after=after, limit=500)
        found += page.rows
        if page.next is None:
            return found
        after = page.next
