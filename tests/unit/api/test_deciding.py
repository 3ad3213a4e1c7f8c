"""Clusters as decisions see them: one that is away costs those that ask for it one wait, and others none."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import AbstractContextManager

from allotment.adapters.clock import FixedClock
from allotment.api.deciding import ClusterSnapshots, PresentPlatform
from allotment.errors import UnreachableError
from allotment.ports.kube import KubePort
from allotment.spec.load import load_platform
from allotment.wiring import directory
from allotment.wiring.running import example_platform

AWAY, OTHER = "training-eastus", "dev-eastus"


def test_one_that_is_away_is_asked_once_in_a_while_and_holds_up_no_other() -> None:
    clock = FixedClock(dt.datetime(2026, 11, 29, tzinfo=dt.UTC))
    present = PresentPlatform(load_platform(directory(example_platform()).read()).platform)
    contexts = {each.context: each.name for each in present.platform.clusters}
    asked: list[str] = []
    hangs, let_go = threading.Event(), threading.Event()

    def connect(context: str) -> AbstractContextManager[KubePort]:
        asked.append(contexts[context])
        if contexts[context] == AWAY:
            hangs.set()
            let_go.wait(60)
        raise UnreachableError("the cluster does not answer")

    snapshots = ClusterSnapshots(present, connect, clock)
    waiting = threading.Thread(target=snapshots.read, args=((AWAY,),))
    waiting.start()
    assert hangs.wait(60)
    assert snapshots.read((OTHER, "nowhere")) == ()
    let_go.set()
    waiting.join(60)
    assert snapshots.read((AWAY, OTHER)) == ()
    assert asked == [AWAY, OTHER]
    snapshots.forget()
    snapshots.read((OTHER,))
    assert asked == [AWAY, OTHER, OTHER]
