"""A server's fleet that is made up: its folder, its clusters, and what keeps them and their people going."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final

from allotment import wiring
from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, NotFoundError, shown
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.moments import rfc3339, written
from allotment.model.platform import Platform
from allotment.operations.access.admitting import LetIn
from allotment.operations.demo.admitting import signing_for
from allotment.operations.demo.building import build, edit_by_hand
from allotment.operations.demo.living import LivingCluster, WaitingLines
from allotment.operations.demo.logs import DemoLogs
from allotment.operations.demo.metrics import DemoMetrics
from allotment.operations.demo.people import DemoPeople, bring_people
from allotment.operations.fleet.followed import LookPace
from allotment.operations.run.desk import Desk
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.kube import KubePort
from allotment.ports.request_service import RequestService
from allotment.ports.store import JobsStore
from allotment.simulation.demo.declared import declared
from allotment.simulation.demo.fates import DemoPace
from allotment.spec.load import load_platform
from allotment.wiring import running
from allotment.wiring.demo import demo_cluster

_LOOKS: Final = LookPace(asked=1.0, usual=3.0, lately=600.0, idle=60.0)
"""How often a made-up cluster is looked at: what takes a minute elsewhere takes a second there."""
_STEP: Final = 1.0
"""Seconds between two steps of the fleet."""
_NODES_SINCE: Final = 14 * 86_400_000
_ASKS_AT_LATEST: Final = 60_000
"""Milliseconds after which people ask for more."""
_MOST_TOLD: Final = 100
"""Different failures that are told."""
_REST: Final = 1.0
"""How many times as long as a step has taken is left to others before the next, where steps take long."""


@dataclass(frozen=True, slots=True)
class DemoFleet:
    """See the module.

    Attributes:
        folder: for all that the server keeps.
        directory: of its platform.
        clusters: by the context that they are declared with.
    """

    folder: Path
    directory: Path
    clusters: Mapping[str, LivingCluster]
    pace: DemoPace

    @property
    def said(self) -> str:
        """What it is, in a sentence."""
        return (
            f"clusters, nodes, jobs and people are made up (seed {self.pace.seed}); what takes a minute elsewhere "
            f"takes {60 / self.pace.speed:g} s here, and all of it is gone when the server ends"
        )

    @property
    def looks(self) -> LookPace:
        """How often its clusters are looked at."""
        return _LOOKS

    def live(
        self,
        desk: Desk,
        store: JobsStore,
        platform: Platform,
        groups: PeopleOfPlatform,
        requests: Callable[[LetIn], RequestService],
        clock: Clock,
    ) -> None:
        """Have it live beside all else, until the server ends.

        Args:
            desk: where its people submit.
            store: where they are kept.
            platform: that is served.
            groups: which groups are what.
            requests: what somebody may ask of requests.
            clock: time.
        """
        began = epoch_ms(clock)
        bring_people(store, began, os.urandom)
        people = DemoPeople(desk, store, platform, groups, requests, clock, self.pace, began)
        Thread(target=_clusters_live, args=(self, clock, desk.ending), name="demo", daemon=True).start()
        Thread(target=_people_live, args=(people, desk.ending), name="demo people", daemon=True).start()

    def metrics(self, name: str) -> AbstractContextManager[DemoMetrics]:
        """What measures the devices of a cluster."""
        found = next(each for each in self.clusters.values() if each.name == name)
        return nullcontext(DemoMetrics(name, found.kube, self.pace))

    @contextmanager
    def connect(self, context: str) -> Iterator[KubePort]:
        """To a cluster.

        Raises:
            NotFoundError: there is none with that context.
        """
        found = self.clusters.get(context)
        if found is None:
            raise NotFoundError(f"the demo has no cluster with the context {shown(context)}")
        yield found.kube


def demo_fleet(server_folder: Path, pace: DemoPace, clock: Clock) -> DemoFleet:
    """A fleet, in a folder beside the server's; what an earlier one has left there goes.

    Args:
        server_folder: of the user's own server, which is left as it is.
        pace: how fast the fleet lives.
        clock: time.
    """
    folder = running.folder_afresh(running.demo_folder(server_folder))
    directory = folder / "platform"
    files = declared(wiring.directory(running.example_platform()).read().files)
    wiring.files().write_tree(directory, files)
    try:
        running.begin_repository(directory, "The demo's platform directory")
    except AllotmentError as error:
        say(f"grants change nothing in this demo: {error.line}")
    platform = load_platform(wiring.directory(directory).read(), clock.now().date()).platform
    since = written(epoch_ms(clock) - _NODES_SINCE)
    clusters = {}
    for cluster in platform.clusters:
        logs, lines = DemoLogs(clock, pace), WaitingLines()
        kube = demo_cluster(cluster.name, lambda: rfc3339(clock.now()), logs, lines, signing_for(running.user_name()))
        logs.kube = kube
        build(platform, cluster, kube, since)
        edit_by_hand(cluster, kube)
        clusters[cluster.context] = LivingCluster(cluster.name, kube, pace, lines)
    return DemoFleet(folder, directory, clusters, pace)


def _clusters_live(fleet: DemoFleet, clock: Clock, ending: Event) -> None:
    def step() -> None:
        for each in fleet.clusters.values():
            each.step(epoch_ms(clock))

    _again_and_again(step, ending)


def _people_live(people: DemoPeople, ending: Event) -> None:
    asked = False

    def step() -> None:
        nonlocal asked
        come = people.step()
        # Once the fleet has its work, for what is asked for rests on what it shows; where that takes long, before.
        if not asked and (not come or epoch_ms(people.clock) - people.began > _ASKS_AT_LATEST):
            asked = True
            for each in people.ask():
                say(f"a request of the demo was refused: {shown(each)}")

    _again_and_again(step, ending)


def _again_and_again(step: Callable[[], object], ending: Event) -> None:
    """Step after step; a step that fails is told once, and the next one is made all the same."""
    told: set[str] = set()
    while True:
        began = time.monotonic()
        try:
            step()
        except Exception as error:  # noqa: BLE001 (what goes wrong with one step must not end the fleet)
            said = error.line if isinstance(error, AllotmentError) else f"{type(error).__name__}: {error}"
            if said not in told and len(told) < _MOST_TOLD:
                told.add(said)
                say(f"the demo stumbles: {shown(said)}")
        # Where the machine is slow the fleet is, too.
        took = time.monotonic() - began
        if ending.wait(max(_STEP - took, _REST * took)):
            return
