"""Several clusters in one snapshot: each with its own time; one that is silent stops no other, and says why."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import AbstractContextManager, nullcontext

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import NotFoundError, NotSignedInError, UnreachableError
from allotment.operations.ask.devices import count_gpus, who_holds
from allotment.operations.ask.explaining import why_all
from allotment.operations.ask.observing_all import Connect, observe_all
from allotment.ports.kube import Endpoint, Identity, KubePort
from tests.unit.observe.objects import two_teams

CLOCK = FixedClock(dt.datetime(2027, 1, 11, 9, 30, tzinfo=dt.UTC))


class Named(FakeKube):
    """A cluster that a context leads to."""

    def __init__(self, name: str, user: str = "rosa") -> None:
        super().__init__()
        self.name = name
        self.user = user
        self.put(*two_teams())

    def endpoint(self) -> Endpoint:
        return Endpoint(f"https://{self.name}", self.name, namespace="nlp")

    def whoami(self) -> Identity:
        return Identity(self.user, ("staff",))


def to(name: str, user: str = "rosa") -> Connect:
    return lambda: nullcontext(Named(name, user))


def silent() -> AbstractContextManager[KubePort]:
    raise UnreachableError("https://hpc does not answer")


def unknown() -> AbstractContextManager[KubePort]:
    raise NotFoundError("there is no context nope")


def expired() -> AbstractContextManager[KubePort]:
    raise NotSignedInError("the token has expired")


def test_each_cluster_is_a_source_in_the_order_of_asking() -> None:
    found = observe_all({"west": to("west"), "east": to("east")}, CLOCK)
    assert [each.name for each in found.sources] == ["west", "east"]
    assert {each.cluster for each in count_gpus(found).rooms} == {"west", "east"}
    assert (found.asker.user, found.asker.namespace) == ("rosa", "")
    assert observe_all({"west": to("west"), "east": to("east", "bob")}, CLOCK).asker.user == ""


def test_one_cluster_is_as_ever() -> None:
    found = observe_all({"": to("west")}, CLOCK)
    assert ([each.name for each in found.sources], found.asker.namespace) == (["west"], "nlp")


@pytest.mark.parametrize("lost", [silent, expired])
def test_a_cluster_that_is_silent_stops_no_other_and_is_told_of(lost: Connect) -> None:
    whole = observe_all({"west": to("west")}, CLOCK)
    found = observe_all({"hpc": lost, "west": to("west")}, CLOCK)
    assert [bool(each.unreached) for each in found.sources] == [True, False]
    assert "hpc: not reached" in why_all(found).unseen
    assert not [each for each in why_all(found).unseen if each.startswith("hpc: pods")]
    assert [each.owner for each in who_holds(found).holds] == [each.owner for each in who_holds(whole).holds]
    assert any(note.startswith("hpc: ") for note in who_holds(found).notes)


def test_where_none_answers_or_a_name_is_wrong_there_is_no_answer() -> None:
    with pytest.raises(UnreachableError):
        observe_all({"hpc": silent, "dr": silent}, CLOCK)
    with pytest.raises(NotSignedInError):
        observe_all({"west": expired}, CLOCK)
    with pytest.raises(NotFoundError, match="nope"):
        observe_all({"nope": unknown, "west": to("west")}, CLOCK)


def test_clusters_are_read_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=5)

    def slow(name: str) -> Connect:
        def connect() -> AbstractContextManager[KubePort]:
            meet.wait()
            return nullcontext(Named(name))

        return connect

    assert len(observe_all({"west": slow("west"), "east": slow("east")}, CLOCK).sources) == 2
