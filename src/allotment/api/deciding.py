"""What requests are decided with in a server, and the passes that make grants so."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from allotment import wiring
from allotment.api.proposing import NOTHING_PROPOSED, Proposing
from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError, shown
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.observed.snapshot import Snapshot
from allotment.model.platform import Platform
from allotment.model.requests.request import DemonstratedNeed
from allotment.model.source import SourceTree
from allotment.operations.access.people import people_of
from allotment.operations.decide.applying import apply_clusters
from allotment.operations.decide.beside import ClusterActs
from allotment.operations.decide.carrying_out import GrantCarrier
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.need import guaranteed_devices, kept_need, kept_use
from allotment.operations.decide.notebooks import Notebooks
from allotment.operations.decide.of_platform import PlatformRequests
from allotment.operations.decide.room import Applied, ApplyCause, DecisionRoom
from allotment.operations.decide.spending import month_spending
from allotment.operations.decide.team_carrier import TeamCarrier, TeamWorld
from allotment.operations.fleet.followed import ANSWERS_IN
from allotment.operations.fleet.hub import ClusterHub
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.kube import KubePort
from allotment.ports.repository import RepositoryPort
from allotment.ports.store import JobsStore
from allotment.spec.load import load_platform
from allotment.wiring import running

_PASS: Final = 2.0
"""Seconds between two looks at what time, or somebody, has made due."""
_READ_AGAIN: Final = 30.0
"""Seconds for which what was read of a repository elsewhere is good enough."""
_READ_HERE_AGAIN: Final = 5.0
"""The same of a repository on this machine: of a change by hand people hear soon."""
_SEED: Final = 1
Connect = Callable[[str], AbstractContextManager[KubePort]]


class PresentPlatform:
    """The platform as it is declared now: read at the start, and again when the directory's repository has gone on."""

    def __init__(self, platform: Platform, files: Mapping[str, str]) -> None:
        """At the start.

        Args:
            platform: as declared.
            files: of the directory that declares it.
        """
        self._followers: list[Callable[[], None]] = []
        self.become(platform, files)

    def follow(self, told: Callable[[], None]) -> None:
        """Have somebody be told whenever it has become another one."""
        self._followers.append(told)

    def become(self, platform: Platform, files: Mapping[str, str]) -> None:
        """Another one."""
        # In this order: who reads the platform first finds at least the files that it was read from.
        self.files = files
        self.platform = platform
        self._people = people_of(platform)
        for told in self._followers:
            told()

    def people(self) -> PeopleOfPlatform:
        """Which groups are what."""
        return self._people

    def currency(self) -> str:
        """Of its prices."""
        return self.platform.currency


@dataclass(frozen=True, slots=True)
class RepositoryWords:
    """What a server was started with.

    Attributes:
        address: of the repository; empty where the platform directory lies in one, or in none.
        branch: that counts.
        folder: the platform directory within.
        mode: a word of `CommitMode`.
    """

    address: str
    branch: str
    folder: str
    mode: str


def repository_of(words: RepositoryWords, directory: Path | None, folder: Path) -> RepositoryPort | None:
    """Where the platform directory is kept: elsewhere, or where it lies; None where it is in no repository.

    Args:
        words: what the server was started with.
        directory: the platform directory; None for the example that comes along.
        folder: of the server.

    Raises:
        UsageError: that is no address, or no branch.
        InputError: that is no folder within.
    """
    if words.address:
        clone = folder / "repository.git"
        return running.remote_repository(words.address, words.branch, words.folder, words.mode, clone, os.environ)
    return None if directory is None else running.platform_repository(directory)


@dataclass(frozen=True, slots=True)
class DecidedOn:
    """The clusters that are decided on.

    Attributes:
        connect: to one, by its context.
        hub: as they were seen last.
    """

    connect: Connect
    hub: ClusterHub


def decision_room(
    present: PresentPlatform,
    store: JobsStore,
    repository: RepositoryPort | None,
    there: DecidedOn,
    clock: Clock,
    notebooks: Notebooks | None = None,
    proposing: Proposing = NOTHING_PROPOSED,
) -> DecisionRoom:
    """What a server decides with.

    Args:
        present: the platform.
        store: where requests are kept.
        repository: where the platform directory is kept; None where it is in none.
        there: clusters.
        clock: time.
        notebooks: begins and ends those that are given; None where none are.
        proposing: how changes are proposed that wait to be merged.
    """
    acts, hub = ClusterActs(), there.hub

    def load(files: Mapping[str, str]) -> Platform:
        return load_platform(SourceTree(files), clock.now().date()).platform

    def apply(platform: Platform, clusters: Sequence[str], cause: ApplyCause) -> Applied:
        present.become(platform, cause.state.tree.files)
        applied = apply_clusters(platform, clusters, there.connect, clock, wiring.this_run, cause, acts)
        for each in clusters:
            # Of one that hangs it is known that it does: nobody is to wait for that again.
            if each not in applied.trouble:
                hub.forget(each)
        return applied

    def snapshots(names: Sequence[str]) -> tuple[Snapshot, ...]:
        # Nobody decides on what a cluster was: one that is away is as if it had not been read.
        known = [each for each in names if each in hub.names]
        heard = hub.all_heard(known, patience=ANSWERS_IN)
        return tuple(each.snapshot for each in heard if each.snapshot is not None and not each.away)

    def need(platform: Platform, team: str, clusters: Sequence[str]) -> tuple[DemonstratedNeed | None, str]:
        guaranteed = guaranteed_devices(platform, team, clusters)
        return kept_need(store, team, clusters, guaranteed, epoch_ms(clock))

    return DecisionRoom(
        store=PlatformRequests(store, lambda: present.platform.name),
        clock=clock,
        platform=lambda: present.platform,
        files=lambda: present.files,
        repository=repository,
        load=load,
        apply=apply,
        snapshots=snapshots,
        need=need,
        spent=lambda team: month_spending(store, team, epoch_ms(clock)),
        seed=_SEED,
        new_id=running.new_request_id,
        notebooks=notebooks,
        proposer=proposing.proposer,
        taking=proposing.taking,
        used=lambda platform, grants: kept_use(store, platform, grants, epoch_ms(clock)),
    )


def keep_deciding(
    desk: RequestDesk,
    room: DecisionRoom,
    present: PresentPlatform,
    ending: Event,
    *,
    afar: bool,
    world: TeamWorld | None = None,
) -> None:
    """Pass after pass until the server ends; what goes wrong is said once, and tried again.

    Args:
        desk: what is asked for.
        room: what is decided with.
        present: the platform, which goes on with its repository.
        ending: set once the server is to end.
        afar: whether the repository lies elsewhere.
        world: what teams need that come or leave; None where none do.
    """
    carrier = GrantCarrier(room, read_again=round((_READ_AGAIN if afar else _READ_HERE_AGAIN) * 1000))
    following = _Following(carrier, room, present)
    acts = [desk.pass_time, following.go_on, carrier.carry_out]
    if world is not None:
        acts.append(TeamCarrier(room, world).carry_out)
    said: set[str] = set()
    while not ending.wait(_PASS):
        # Time passes though a repository is away, and grants go though a directory is not valid.
        failed = {each for each in map(_failure, acts) if each}
        for each in sorted(failed - said):
            say(f"requests wait: {shown(each)}")
        said = failed


def _failure(call: Callable[[], object]) -> str:
    """Why a call fails; empty where it does not."""
    try:
        call()
    except AllotmentError as error:
        return error.whole.line
    return ""


@dataclass(slots=True)
class _Following:
    """Goes on with the repository of the platform directory."""

    carrier: GrantCarrier
    room: DecisionRoom
    present: PresentPlatform
    _read: str = ""

    def go_on(self) -> None:
        """The platform is what the directory declares now.

        Raises:
            AllotmentError: the repository is away, or what it has is not valid.
        """
        state = self.carrier.directory()
        if state is not None and state.commit != self._read:
            self.present.become(self.room.load(state.tree.files), state.tree.files)
            self._read = state.commit
