"""`allot cluster connect` says how the cluster does by what was given for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from allotment.cli.commands.run import serving
from allotment.ports.cluster_service import ToldCluster
from tests.unit.cli.conftest import Run, home, run
from tests.unit.operations.fleet.test_one_context import kubeconfig

__all__ = ["home", "run"]  # fixtures
CLUSTER = "training-eastus"


class Service:
    """A server that keeps whatever it is given."""

    def __init__(self, told: ToldCluster) -> None:
        self.told = told

    def connect_cluster(self, _name: str, _kubeconfig: Mapping[str, Any]) -> ToldCluster:
        return self.told


REFUSED = "connection refused"
AWAY = f"was taken, and nothing can be read there now\n  why: {REFUSED}"


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [
        (ToldCluster(CLUSTER, "current"), 0, f"cluster {CLUSTER} is connected: it answers, and everything was read"),
        (ToldCluster(CLUSTER, "current", gaps=("nodes",)), 0, "everything was read, but for nodes"),
        (ToldCluster(CLUSTER, "opening"), 0, "and it is being read; `allot cluster status` says how it does"),
        (ToldCluster(CLUSTER, "silent", error=REFUSED), 9, AWAY),
        (ToldCluster(CLUSTER, "stale", error=REFUSED), 9, AWAY),
    ],
    ids=lambda each: each.state if isinstance(each, ToldCluster) else None,
)
def test_it_is_said_to_be_connected_where_it_answers(
    run: Run, monkeypatch: pytest.MonkeyPatch, told: ToldCluster, code: int, said: str
) -> None:
    monkeypatch.setattr(serving, "asked_server", lambda _session: Service(told))
    file = Path("kubeconfig")
    file.write_text(json.dumps(kubeconfig()))
    ran = run("cluster", "connect", CLUSTER, "--kubeconfig", str(file))
    assert ran.code == code
    assert said in ran.err
    assert ("is connected" in ran.err) is (told.state == "current")
