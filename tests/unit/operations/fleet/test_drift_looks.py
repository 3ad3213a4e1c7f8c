"""Looks at drift: everybody is answered in time, with what is known and how old it is."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import NotFoundError, UnreachableError
from allotment.operations.change.drift import DriftState
from allotment.operations.fleet import drift_looks
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.ports.kube import KubePort
from tests.unit.spec.trees import CLUSTER, load, tiny

NOW = dt.datetime(2027, 1, 11, 9, 30, tzinfo=dt.UTC)


@dataclass
class Yard:
    """Two clusters: one answers, of the other it can be said whether."""

    connects: list[str] = field(default_factory=list)
    away: bool = False
    hangs: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.hangs.set()
        files = tiny(cluster=CLUSTER + "context: one\n", two=CLUSTER.replace("name: dev", "name: two\ncontext: two"))
        self.platform = load(files).platform
        self.looks = DriftLooks(lambda: self.platform, self.connect, FixedClock(NOW))

    @contextmanager
    def connect(self, context: str) -> Iterator[KubePort]:
        self.connects.append(context)
        if context == "two":
            self.hangs.wait(30)
            if self.away:
                raise UnreachableError("two does not answer", why="nobody is there")
        yield FakeKube()

    def states(self, *names: str, anew: bool = False) -> dict[str, str]:
        found = self.looks.seen(names, anew=anew)
        return {each.cluster: each.state.value for each in found.report.clusters}


@pytest.fixture
def yard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.setattr(drift_looks, "_PATIENCE", 20.0)
    made = Yard()
    yield made
    made.hangs.set()


def test_each_cluster_is_looked_at_once_for_everybody_who_asks_soon(yard: Yard) -> None:
    assert yard.states() == {"dev": "drifted", "two": "drifted"}
    assert yard.states("two") == {"two": "drifted"}
    assert sorted(yard.connects) == ["one", "two"]
    yard.states("dev", anew=True)
    yard.looks.forget(("two",))
    yard.states("two")
    assert sorted(yard.connects) == ["one", "one", "two", "two"]
    (found,) = yard.looks.seen(("dev",)).report.clusters
    assert "ClusterQueue" in {each.key.kind for each in found.objects}
    assert found.observed_at == NOW


def test_another_declaration_is_compared_anew(yard: Yard) -> None:
    yard.states("dev")
    yard.platform = load(tiny(cluster=CLUSTER + "context: one\n")).platform
    yard.states("dev")
    assert yard.connects == ["one", "one"]
    with pytest.raises(NotFoundError, match="there is no cluster"):
        yard.states("two")


def test_one_that_is_away_hides_no_other_and_is_told_as_it_was_where_it_was_seen(yard: Yard) -> None:
    yard.away = True
    found = yard.looks.seen()
    dev, two = found.report.clusters
    assert (dev.state, two.state, found.old) == (DriftState.DRIFTED, DriftState.UNREACHABLE, {})
    assert two.error is not None
    assert two.error.what == "two does not answer"
    yard.away = False
    assert yard.states("two", anew=True) == {"two": "drifted"}
    yard.away = True
    again = yard.looks.seen(("two",), anew=True)
    assert again.report.clusters[0].state is DriftState.DRIFTED
    assert again.old == {"two": "two does not answer: nobody is there"}


def test_nobody_waits_for_a_look_that_takes_long(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    yard.states("dev")
    monkeypatch.setattr(drift_looks, "_PATIENCE", 0.05)
    yard.hangs.clear()
    found = yard.looks.seen(("two", "dev"))
    assert [each.state.value for each in found.report.clusters] == ["unreachable", "drifted"]
    assert "that goes on" in str(found.report.clusters[0].error)
    yard.looks.seen(("two",))
    assert yard.connects == ["one", "two"], "the look that goes on is everybody's"
    monkeypatch.setattr(drift_looks, "_PATIENCE", 20.0)
    yard.hangs.set()
    assert yard.states("two") == {"two": "drifted"}


def test_what_goes_wrong_otherwise_is_told_of_that_cluster_alone(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a defect")

    monkeypatch.setattr(drift_looks, "drift_of", broken)
    (found,) = yard.looks.seen(("dev",)).report.clusters
    assert str(found.error).startswith("ValueError: a defect")
