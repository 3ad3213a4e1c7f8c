"""Whoever connects a cluster hears how it does, an address that refuses included."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from allotment.adapters.kube.transport import Patience
from allotment.errors import ConflictError, UnreachableError
from allotment.model.access.caller import Caller, CallerKind
from allotment.operations.fleet.followed import HeardCluster
from allotment.operations.fleet.served import ClustersOf, ServedClusters

ROOT = Caller("root", CallerKind.LOCAL, "unix socket")


def test_it_is_waited_for_until_a_refusal_is_known_to_be_one() -> None:
    waited: list[float] = []

    def heard(name: str, *, patience: float) -> HeardCluster:
        waited.append(patience)
        return HeardCluster(name, None, UnreachableError("no connection"))

    credentials = SimpleNamespace(connect=lambda *_: None, kept=lambda _: SimpleNamespace(at=5, by="root"))
    hub = SimpleNamespace(names=("training",), heard=heard)
    served = cast("ServedClusters", SimpleNamespace(hub=hub, credentials=credentials, clock=None, made_up=False))
    told = ClustersOf(served, ROOT).connect_cluster("training", {})
    assert (told.state, told.error, told.connected) == ("silent", "no connection", 5)
    usual = Patience()
    tries = range(usual.attempts - 1)
    lasts = sum(min(usual.first_wait * 2**each, usual.longest_wait) + usual.jitter for each in tries)
    assert waited[0] > lasts


def test_what_is_real_is_not_connected_to_a_demo() -> None:
    hub = SimpleNamespace(names=("training",))
    served = cast("ServedClusters", SimpleNamespace(hub=hub, credentials=None, clock=None, made_up=True))
    with pytest.raises(ConflictError, match="made up"):
        ClustersOf(served, ROOT).connect_cluster("training", {})
