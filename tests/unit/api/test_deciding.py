"""What a server decides with: one cluster that is away, or one file that is wrong, holds up nothing else."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.store.fake import MemoryStore
from allotment.api.deciding import DecidedOn, PresentPlatform, decision_room, keep_deciding
from allotment.errors import UnreachableError
from allotment.model.requests.grant import GrantState
from allotment.spec.load import load_platform
from allotment.wiring import directory
from allotment.wiring.running import example_platform
from tests.unit.operations.decide.test_desk import ACME, HUMAN, Office, story
from tests.unit.operations.fleet.test_hub import Fleet

AWAY, OTHER = "training-eastus", "dev-eastus"


def test_nobody_decides_on_what_a_cluster_was() -> None:
    """What is seen now is decided on; a cluster that is away, or that nobody declares, is as if it were not there."""
    fleet = Fleet(AWAY, OTHER)
    present = PresentPlatform(load_platform(directory(example_platform()).read()).platform, ACME)
    store = MemoryStore()
    with fleet.hub as hub:
        room = decision_room(present, store, None, DecidedOn(lambda _: nullcontext(FakeKube()), hub), SystemClock())
        assert len(room.snapshots((AWAY, OTHER, "nowhere"))) == 2
        fleet.wrong[AWAY] = UnreachableError("the cluster does not answer")
        fleet.kubes[AWAY].log.end_streams()
        fleet.until(AWAY, lambda heard: bool(heard.away))
        (read,) = room.snapshots((AWAY, OTHER))
        assert read.sources[0].name == OTHER


class _Passes(threading.Event):
    """A server that ends after so many passes, each some time after the one before."""

    def __init__(self, office: Office, number: int) -> None:
        super().__init__()
        self._office, self._left = office, number

    def wait(self, timeout: float | None = None) -> bool:
        self._left -= 1
        self._office.now += 16
        return self._left < 0 and timeout is not None


def test_a_directory_that_is_not_valid_is_told_once_and_grants_go_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    office = Office()
    taken, present = story(office), PresentPlatform(office.present, ACME)
    keep_deciding(office.desk, office.room, present, _Passes(office, 4), afar=False)
    assert (office.grant(taken.id), len(present.platform.grants)) == (GrantState.ACTIVE, 1)
    office.repository.commit_by(HUMAN, {"teams/cv.yaml": f"{ACME['teams/cv.yaml']}\ncolour: red\n"})
    office.now += 48 * 3600
    keep_deciding(office.desk, office.room, present, _Passes(office, 4), afar=False)
    assert (office.grant(taken.id), office.file(taken.id)) == (GrantState.TAKING_BACK, None)
    assert capsys.readouterr().err.count("requests wait: ") == 1
