"""SIGKILL at a random point of apply, many times: the next run converges, and nothing is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from allotment.model.manifest import ObjectKey
from tests.live.apply import killed_apply
from tests.live.apply.conftest import Cluster

pytestmark = pytest.mark.live
KILLS = 50


@contextmanager
def applying(cluster: Cluster, variant: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """An apply that has just begun, and how many steps it plans; killed on leaving, if it still runs."""
    command = [sys.executable, "-m", "tests.live.apply.killed_apply", str(cluster.config), str(variant)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:1] == ["applying"]
        yield process, int(words[1])
        process.send_signal(signal.SIGKILL)


def uids(cluster: Cluster) -> dict[ObjectKey, str]:
    keys = [ObjectKey("", "Namespace", "", team) for team in killed_apply.TEAMS]
    keys += [ObjectKey("", "PersistentVolumeClaim", team, "home") for team in killed_apply.TEAMS]
    keys += [ObjectKey("", "ConfigMap", team, "theirs") for team in killed_apply.TEAMS]
    return {key: cluster.body(key)["metadata"]["uid"] for key in keys}


@pytest.mark.nightly  # by day one is killed that makes a fresh platform
def test_many_kills(cluster: Cluster) -> None:
    for variant in (0, 1):
        cluster.settle(killed_apply.desired(variant))
    for team in killed_apply.TEAMS:
        cluster.kube.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "theirs", "namespace": team},
                "data": {"a": "b"},
            }
        )
    before = uids(cluster)
    with applying(cluster, 0) as (process, _):
        started = time.monotonic()
        assert process.stdout is not None
        assert process.stdout.readline() == "applied\n"
        usual = time.monotonic() - started
    chance = random.Random(2026)
    partial = 0
    for number in range(KILLS):
        variant = (number + 1) % 2
        with applying(cluster, variant) as (process, steps):
            time.sleep(chance.uniform(0, usual))
        partial += 0 < len(cluster.plan(killed_apply.desired(variant)).changes) < steps
        assert uids(cluster) == before, f"lost after kill {number}"
        if number % 5 == 4:
            cluster.settle(killed_apply.desired(variant))
            assert not (left := cluster.plan(killed_apply.desired(variant)).changes), left
    assert partial >= KILLS // 5, "the kills came too early or too late to prove anything"
    cluster.settle(killed_apply.desired(0))
    assert cluster.plan(killed_apply.desired(0)).empty
    assert uids(cluster) == before


def test_killed_while_a_fresh_platform_is_made(cluster: Cluster) -> None:
    chance = random.Random(7)
    for _ in range(6):
        with applying(cluster, 0):
            time.sleep(chance.uniform(0, 0.4))
    cluster.settle(killed_apply.desired(0))
    assert cluster.plan(killed_apply.desired(0)).empty
