"""A server with all that a server can have: the platform of the document's examples, its cluster, and what is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from allotment import wiring
from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.sealing.key_file import sealing_of
from allotment.adapters.store.fake import MemoryStore
from allotment.api.doors import TokenDoor
from allotment.api.examples import asking, work
from allotment.api.examples.fleet import CLUSTER, FILES, platform, snapshot
from allotment.api.examples.moments import NOW
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import UnreachableError
from allotment.observe.written import encode
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.ask.recorded import recording
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.joined import JoinedClusters
from allotment.operations.fleet.served import ServedClusters
from allotment.operations.run.desk import ServerIdentity
from allotment.operations.run.lane import Serving
from allotment.operations.run.local.backend import LocalBackend
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.backends import Backend
from allotment.ports.job_service import JobSubmission
from allotment.ports.kube import KubePort
from allotment.ports.sign_in import SignInOffer
from tests.unit.api.test_answers import SeenClusters
from tests.unit.api.test_browsers import Answering
from tests.unit.api.test_people import ISSUER, Hall
from tests.unit.api.test_service import World, submitted
from tests.unit.operations.decide.test_desk import Office
from tests.unit.operations.fleet.test_hub import Fleet
from tests.unit.operations.run.machine import Machine, job

ADMIN: Final = "acme-platform-engineers"
MEMBER: Final = "acme-nlp"
GRANT_ID: Final = "r2m9x4bt"
DEV: Final = "dev-eastus"
"""A cluster that the server follows, and that does not answer."""


@dataclass
class WholeServer(Hall):
    """A server of a platform directory in a repository, with a cluster that answers and one that does not."""

    office: Office
    fleet: Fleet


class Renamed:
    """A back end under another name."""

    def __init__(self, backend: LocalBackend, name: str) -> None:
        self._backend = backend
        self.name = name

    def __getattr__(self, word: str) -> Any:
        return getattr(self._backend, word)


def in_cluster(world: World) -> Serving:
    """A back end that is called as the cluster, over a machine of its own; what needs an image it refuses."""
    machine = Machine(clock=world.machine.clock, store=world.machine.store, devices=32)
    backend = machine.backend
    return Serving(
        cast("Backend", Renamed(backend, CLUSTER)),
        advance=backend.advance,
        busy=lambda: False,
        told=backend.told,
        check=backend.check,
        foreseen=backend.foreseen,
        snapshot=backend.snapshot,
    )


@contextmanager
def whole_server(folder: Path) -> Iterator[WholeServer]:
    """Such a server; the threads that follow its clusters end with the block.

    Args:
        folder: for its key, and what was recorded.
    """
    world, clock = World(), FixedClock(NOW)
    store = world.machine.store
    assert isinstance(store, MemoryStore)
    office = Office(now=world.machine.clock.now().timestamp(), store=store, files=FILES)
    world.platform = platform()
    teams, here = tuple(each.name for each in world.platform.teams), frozenset({CLUSTER, "local"})
    world.desk.become(ServerIdentity("acme", "", teams, "ada", "1", 1, declared=FILES, clusters=here))
    at_home = world.desk._opener
    world.desk._opener = lambda name: in_cluster(world) if name == CLUSTER else at_home(name)
    _begin(world)
    fleet = Fleet(CLUSTER, DEV)
    fleet.wrong[DEV] = UnreachableError("https://10.0.0.7:6443 does not answer")
    (source,) = snapshot().sources
    (folder / "recorded").mkdir()
    (folder / "recorded" / "20270111T093000Z.json.gz").write_bytes(encode(snapshot()))
    joined = JoinedClusters(
        SeenClusters(source),
        clock,
        lambda: (office.present, office.declared),
        lambda: recording(wiring.files(), str(folder / "recorded")),
        QueueHistory(store, lambda: "acme"),
    )
    credentials = ClusterCredentials(
        store, lambda: sealing_of(folder / "key", {}), lambda: "acme", world.machine.clock, fleet.hub.reopen
    )
    looks = DriftLooks(lambda: office.present, _connect, clock)
    served = ServedClusters(fleet.hub, credentials, clock, looks=looks, quotas=QuotaDesk(office.room))
    with fleet.hub:
        yield WholeServer(world, *_served(world, office, joined, served), office, fleet)


def _begin(world: World) -> None:
    """Jobs of two teams, one of which is over, a request and its grant."""
    world.desk.submit(JobSubmission(job(team="cv", name="secret-of-cv"), "local"))
    submitted(world.desk, name="secret-of-nlp")
    world.run(15)
    submitted(world.desk, name="runs", program="long")
    world.run(2)
    store = world.machine.store
    store.add(work.stored())
    earlier = replace(asking.grant(), id=GRANT_ID, revision=1)
    store.keep_requests((asking.waiting(), replace(asking.accepted(), id=GRANT_ID, revision=1)), (earlier,))


def _served(
    world: World, office: Office, joined: JoinedClusters, served: ServedClusters
) -> tuple[SignIns, Sequence[Any], Hardened]:
    store, clock, people = world.machine.store, world.machine.clock, lambda: people_of(office.present)
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Answering(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    entrance = BrowserEntrance(store, "ada", clock, os.urandom, signs)
    registry = Registry(store, clock, os.urandom, "acme", "1", people, signs, entrance=entrance)
    door = TokenDoor(Doorkeeper(store, clock, people))
    api = job_api(
        world.desk,
        registry,
        lambda admitted: RequestsOf(office.desk, office.room, admitted),
        door,
        joined=joined,
        clusters=served,
    )
    return signs, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1")


@contextmanager
def _connect(context: str) -> Iterator[KubePort]:
    if CLUSTER not in context:
        raise UnreachableError(f"{context} does not answer", why="nobody is there")
    yield FakeKube()
