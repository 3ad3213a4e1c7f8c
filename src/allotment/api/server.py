"""What the server process is put together of, and how it serves until it is told to end."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

import msgspec
from fastapi import FastAPI

from allotment import wiring
from allotment.api.backends import BackEnds, ServerPlaces, connected
from allotment.api.clusters import (
    ClusterWays,
    DeviceMeters,
    ReachedClusters,
    cluster_hub,
    device_meters,
    joined_clusters,
)
from allotment.api.counting import counting
from allotment.api.deciding import (
    DecidedOn,
    PresentPlatform,
    RepositoryWords,
    decision_room,
    keep_deciding,
    repository_of,
)
from allotment.api.deriving import derive_beside
from allotment.api.doors import Door, HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.later_answers import later_answers
from allotment.api.limited_socket import LimitedSocket
from allotment.api.notebooks import ServedNotebooks
from allotment.api.prefaces import PrefaceKey
from allotment.api.proposing import mode_of, proposing_of
from allotment.api.queue_keeping import keep_beside
from allotment.api.remembering import remembering
from allotment.api.serving import Listener, bound_address, bound_nearby, bound_socket, check_pair, serve
from allotment.api.sign_in import OidcWords, sign_ins
from allotment.api.standing_by import beating, elsewhere, led_store, refusing, server_name, shared_folder
from allotment.api.teaming import identity_as_declared, team_world
from allotment.api.telemetry.log import kept_log
from allotment.api.telemetry.saying import say
from allotment.api.telemetry.timed_store import timed
from allotment.api.telemetry.watching import watched
from allotment.api.telling import notifier, tell_beside
from allotment.api.turns import short_turns
from allotment.api.upkeep import answered_for, tidy, witness
from allotment.api.vestibule import vestibule
from allotment.api.words import parsed
from allotment.errors import AllotmentError
from allotment.model.decoding import decoded_as
from allotment.operations.access.admitting import Doorkeeper, LetIn
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.listening import LOOPBACK, USUAL_PORTS, ListeningPlace, listening_place
from allotment.operations.access.registry import Registry
from allotment.operations.ask.recorded import Recording, recording
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.followed import USUAL_PACE
from allotment.operations.fleet.served import ServedClusters
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.operations.run.kubernetes.submitters import Submitters
from allotment.operations.run.local.recognising import DEFAULT_SLOTS
from allotment.operations.run.shells import of_shell
from allotment.operations.watch.hub import ChangeHub
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.clock import Clock
from allotment.ports.request_service import RequestService
from allotment.ports.store import JobsStore
from allotment.spec.jobs.rules import refuse_broken_rules
from allotment.spec.load import load_platform
from allotment.wiring import running

if TYPE_CHECKING:
    from allotment.api.demo import DemoFleet

CLOCK: Final = "clock.json"
"""File beside the socket: how the server's clock stands to the machine's."""
STARTED: Final = "started.json"
"""File beside the socket: what the last server was started with."""


def main(described: str) -> int:
    """Serve until a signal, or `allot down`, says otherwise; the exit code.

    Args:
        described: what ``--help`` says of the program.
    """
    asked = parsed(None, described)
    # uvicorn ends on it, and raises it anew: all that is open is to be closed then, and the trail to tell of the end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with running.held_while_busy():
            _serve(asked)
    except AllotmentError as error:
        say(error.whole)
        return error.exit_code
    return 0


def _serve(asked: argparse.Namespace) -> None:
    os.umask(0o077)
    place, folder = _listening(asked), running.own_server_folder(os.environ)
    with ExitStack() as opened:
        opened.enter_context(short_turns())
        meant = _made_up(asked, folder, opened) if asked.demo else _as_named(asked, folder)
        tree = wiring.directory(meant.directory).read()
        present = PresentPlatform(load_platform(tree, wiring.clock().now().date()).platform, tree.files)
        places = ServerPlaces(meant.folder, shared_folder(asked.shared_folder, meant.folder, standby=asked.standby))
        log = kept_log(asked.log_format, wiring.clock(), access=asked.access_log)
        watch = opened.enter_context(watched(asked.metrics_listen, running.version(), log))
        store = wiring.store(meant.store)
        prefaces = PrefaceKey(running.server_key(places.shared), wiring.clock())
        waits = partial(refusing, folder, place, store, watch, prefaces) if asked.standby else None
        itself = server_name(asked.advertise, place, standby=asked.standby)
        led = timed(led_store(store, itself, opened, waits), watch.meters, watch.spans)
        remembered = remembering(led)
        jobs = opened.enter_context(later_answers(counting(remembered)))
        opened.enter_context(beating(watch.standing, jobs, replicated=asked.standby))
        bound = meant.bound or opened.enter_context(bound_socket(folder / running.SOCKET))
        abroad = None if place is None else _abroad(asked, place, opened)
        place, port = (None, 0) if abroad is None else (place, abroad.getsockname()[1])
        identity = _identity(present, meant, "" if place is None else place.address(port))
        started = msgspec.json.encode((meant.named, meant.slots))
        wiring.files().write_bytes(meant.folder / STARTED, started, mode=0o600)
        steady = running.steady_clock(meant.folder / CLOCK, keep=any(each.ended is None for each in jobs.kept()))
        server = _ServerParts(asked, meant, present, places, jobs, steady, opened)
        followed = _followed(server)
        desk = _desk(server, followed, identity)
        watch.standing.leads(desk, jobs)
        desk.tell_at_home(watch.standing.told)
        for said in desk.told:
            say(said)
        Thread(target=tidy, args=(jobs, running.job_remains(meant.folder), steady, desk.ending), daemon=True).start()
        with answered_for(jobs, identity, steady):
            Thread(target=witness, args=(jobs, desk.ending), daemon=True).start()
            room = _room(server, followed, desk)
            requests = _deciding(server, followed, desk, room, "" if place is None else place.portal(port))
            registry = _registry(server, identity, place, port)
            changes = ChangeHub(jobs, desk.ending)
            derive_beside(desk, changes)
            history = QueueHistory(jobs, lambda: present.platform.name)
            keep_beside(history, followed.reached.hub, wiring.clock(), desk.ending)
            recorded = _recorded(asked.recorded)
            made = partial(
                job_api,
                desk,
                registry,
                requests,
                joined=joined_clusters(present, followed.reached.hub, wiring.clock(), recorded, history),
                clusters=_served(server, followed, room),
                changes=changes,
            )
            if meant.fleet is not None:
                meant.fleet.live(desk, jobs, present.platform, present.people(), requests, wiring.clock())
            inside = opened.enter_context(vestibule(abroad, prefaces.read)) if asked.standby and abroad else abroad
            keeper = Doorkeeper(jobs, registry.tokens_at, registry.people, remembered.recalled)
            listeners = watch.afar(_listeners(made, keeper, place, abroad, inside))
            serve(watch.at_home(made(HomeDoor(identity.owner))), desk, bound, listeners)
        watch.standing.check()


@dataclass(frozen=True, slots=True)
class _MeantServer:
    """What is served, and where its server keeps what.

    Attributes:
        named: the platform directory that was named; empty for the one that comes along.
        store: where jobs are kept.
        fleet: that is made up; None for a real one.
        bound: the socket, where it listens already.
    """

    folder: Path
    directory: Path
    named: str
    slots: int | None
    store: str
    fleet: DemoFleet | None = None
    bound: socket.socket | None = None


def _as_named(asked: argparse.Namespace, folder: Path) -> _MeantServer:
    """What was named, or what the last server served."""
    named, slots = asked.platform, asked.slots
    if not named and slots is None:
        named, slots = _last_start(folder / STARTED)
    return _MeantServer(folder, Path(named) if named else running.example_platform(), named, slots, asked.store)


def _made_up(asked: argparse.Namespace, folder: Path, opened: ExitStack) -> _MeantServer:
    """A demo: in its own folder, and reached where the user's server is."""
    from allotment.api.demo import demo_fleet  # noqa: PLC0415 (no other server's start waits for it)
    from allotment.simulation.demo.fates import DemoPace  # noqa: PLC0415 (the same)

    # What is made up reaches nobody: no repository, no cluster and no inbox of its user.
    for word in ("repository", "notices", "key_file", "shared_folder", "advertise", "recorded", "prometheus"):
        setattr(asked, word, "")
    # As long as the socket is held no other server has the folder that is made anew.
    bound = opened.enter_context(bound_socket(folder / running.SOCKET, listens=False))
    fleet = demo_fleet(folder, DemoPace(asked.demo_seed), wiring.clock())
    store = str(running.demo_store(fleet.folder))
    return _MeantServer(fleet.folder, fleet.directory, str(fleet.directory), 0, store, fleet, bound)


@dataclass(frozen=True, slots=True)
class _ServerParts:
    """What all of a server is made with.

    Attributes:
        opened: closes what is opened.
    """

    asked: argparse.Namespace
    meant: _MeantServer
    present: PresentPlatform
    places: ServerPlaces
    store: JobsStore
    clock: Clock
    opened: ExitStack


@dataclass(frozen=True, slots=True)
class _FollowedClusters:
    """The clusters of the platform, and with what they are reached."""

    reached: ReachedClusters
    credentials: ClusterCredentials


def _identity(present: PresentPlatform, meant: _MeantServer, listens: str) -> ServerIdentity:
    platform = present.platform
    identity = ServerIdentity(
        platform=platform.name,
        directory=meant.named,
        teams=(),
        owner=running.user_name(),
        version=running.version(),
        pid=os.getpid(),
        environment=of_shell(os.environ),
        refuse=lambda job: refuse_broken_rules(job, present.platform),
        listens=listens,
        runs_here=meant.fleet is None,
        demo="" if meant.fleet is None else meant.fleet.said,
    )
    return identity_as_declared(identity, platform, present.files)


def _followed(server: _ServerParts) -> _FollowedClusters:
    """Each cluster is followed from now on, one that is away as well."""
    sealed = partial(running.sealing, server.places.shared, server.asked.key_file, os.environ)
    present = server.present
    credentials = ClusterCredentials(server.store, cache(sealed), lambda: present.platform.name, wiring.clock())
    fleet = server.meant.fleet
    connect = connected if fleet is None else fleet.connect
    ways = ClusterWays(present, credentials, connect, made_up=fleet is not None)
    pace = USUAL_PACE if fleet is None else fleet.looks
    if fleet is None:
        meters = device_meters(server.asked.prometheus, server.asked.prometheus_cluster_label)
    else:
        meters = DeviceMeters({each.name: each.name for each in present.platform.clusters}, opened=fleet.metrics)
    hub = server.opened.enter_context(cluster_hub(present, ways, wiring.clock(), pace, meters))
    credentials.on_change(hub.reopen)
    return _FollowedClusters(ReachedClusters(hub, ways), credentials)


def _desk(server: _ServerParts, followed: _FollowedClusters, identity: ServerIdentity) -> Desk:
    present, places = server.present, server.places
    submitters = Submitters(server.store.people, present.platform, identity.owner)
    present.follow(lambda: submitters.become(present.platform))
    slots = DEFAULT_SLOTS if server.meant.slots is None else server.meant.slots
    here = server.meant.fleet is None
    back_ends = BackEnds(present, places, slots, server.opened, server.clock, submitters, followed.reached, here)
    opener = elsewhere(back_ends.open) if server.asked.standby else back_ends.open
    shelf = running.code_shelf(places.shared / "code")
    desk = Desk(identity, server.store, opener, shelf, server.clock, running.new_job_id)
    present.follow(lambda: desk.become(identity_as_declared(identity, present.platform, present.files)))
    return desk


def _served(server: _ServerParts, followed: _FollowedClusters, room: DecisionRoom) -> ServedClusters:
    """What administrators ask of clusters, and of what is declared for them."""
    present, reached = server.present, followed.reached
    return ServedClusters(
        reached.hub,
        followed.credentials,
        wiring.clock(),
        made_up=server.meant.fleet is not None,
        looks=DriftLooks(lambda: present.platform, reached.ways.by_context, wiring.clock()),
        quotas=QuotaDesk(room),
    )


def _room(server: _ServerParts, followed: _FollowedClusters, desk: Desk) -> DecisionRoom:
    """What is decided with."""
    asked, present, ways = server.asked, server.present, followed.reached.ways
    words = RepositoryWords(asked.repository, asked.repository_branch, asked.repository_folder, mode_of(asked))
    return decision_room(
        present,
        server.store,
        repository_of(words, server.meant.directory if server.meant.named else None, server.places.own),
        DecidedOn(ways.by_context, followed.reached.hub),
        wiring.clock(),
        ServedNotebooks(desk, lambda: present.platform, wiring.clock()),
        proposing_of(asked, server.places.own, dict(os.environ), server.opened),
    )


def _deciding(
    server: _ServerParts, followed: _FollowedClusters, desk: Desk, room: DecisionRoom, portal: str
) -> Callable[[LetIn], RequestService]:
    """Requests are decided on from now on; what whoever was let in asks of them."""
    asked, present, ways = server.asked, server.present, followed.reached.ways
    requests = RequestDesk(room)
    world = team_world(desk, server.store, present.people, ways.by_context, wiring.clock())
    afar = bool(asked.repository)
    deciding = partial(keep_deciding, requests, room, present, desk.ending, afar=afar, world=world)
    Thread(target=deciding, daemon=True).start()
    if asked.notices:
        tell_beside(notifier(room, server.store, Path(asked.notices), portal), desk)
    return partial(RequestsOf, requests, room)


def _registry(server: _ServerParts, identity: ServerIdentity, place: ListeningPlace | None, port: int) -> Registry:
    asked, present, store, clock = server.asked, server.present, server.store, server.clock
    groups, prefix = asked.oidc_groups, asked.oidc_groups_prefix
    oidc = OidcWords(asked.oidc_issuer, asked.oidc_client, groups, asked.oidc_scopes, asked.oidc_ca, prefix)
    names = None if place is None else place.names
    origins = () if place is None else place.origins(port)
    # The steady clock goes wrong for days where the machine's was set right by an hour: nobody signs in by it, and what
    # is over by either is over.
    wall = wiring.clock()
    expiry = running.later_clock(clock, wall)
    coming = sign_ins(oidc, store, present.people, wall, server.opened, names=names, origins=origins)
    if coming is not None:
        coming.keep_sessions_by(expiry)
    entrance = None if place is None else BrowserEntrance(store, identity.owner, expiry, os.urandom, coming)
    if entrance is not None:
        entrance.end_before()
    return Registry(
        store=store,
        clock=clock,
        random=os.urandom,
        platform=identity.platform,
        version=identity.version,
        people=present.people,
        sign_ins=coming,
        currency=present.currency,
        entrance=entrance,
        expiry=expiry,
    )


def _recorded(folder: str) -> Callable[[], Recording] | None:
    """What was recorded, listed anew each time: the recorder goes on."""
    return partial(recording, wiring.files(), folder) if folder else None


def _listening(asked: argparse.Namespace) -> ListeningPlace | None:
    listen = asked.listen or (LOOPBACK if asked.loopback and not asked.standby else "")
    if not listen:
        return None
    place = listening_place(listen, asked.hosts, asked.tls_cert, asked.tls_key, asked.trusted_proxies)
    if place.certificate is not None and place.key is not None:
        check_pair(place.certificate, place.key)
    return place


def _abroad(asked: argparse.Namespace, place: ListeningPlace, opened: ExitStack) -> LimitedSocket | None:
    """Where nobody has named an address, a port that is taken is no reason not to serve."""
    if asked.listen:
        return opened.enter_context(bound_address(place.host, place.port))
    bound = bound_nearby(place.host, place.port, USUAL_PORTS)
    return None if bound is None else opened.enter_context(bound)


def _listeners(
    made: Callable[[Door], FastAPI],
    doorkeeper: Doorkeeper,
    place: ListeningPlace | None,
    bound: LimitedSocket | None,
    inside: socket.socket | None,
) -> tuple[Listener, ...]:
    """The same application where whoever comes shows a token, behind the checks of requests from afar."""
    if place is None or bound is None or inside is None:
        return ()
    door = TokenDoor(doorkeeper, bound.room.befriend, running.is_our_user)
    app = Hardened(made(door), place.names, lambda: os.urandom(12).hex(), place.proxies)
    return (Listener(app, inside, place.certificate, place.key),)


def _last_start(place: Path) -> tuple[str, int | None]:
    """The platform and the slots of the last server: who starts one again means the same."""
    try:
        named, slots = decoded_as(wiring.files().read_bytes(place), tuple[str, int | None])
    except (AllotmentError, msgspec.MsgspecError):
        return "", None
    return (named, slots) if not named or Path(named).is_dir() else ("", None)
