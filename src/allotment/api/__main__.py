"""The server process: ``python -m allotment.api``. `allot up` starts it; a service manager may do so as well."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from allotment import wiring
from allotment.accounting.prices import class_prices
from allotment.api.deciding import PresentPlatform, RepositoryWords, decision_room, keep_deciding, repository_of
from allotment.api.deriving import derive_beside
from allotment.api.doors import Door, HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.limited_socket import LimitedSocket
from allotment.api.serving import Listener, bound_address, bound_socket, check_pair, serve
from allotment.api.sign_in import OidcWords, sign_ins
from allotment.api.telling import notifier, tell_beside
from allotment.errors import AllotmentError, NotFoundError, at
from allotment.jobs.kubernetes.place import classes_offered
from allotment.jobs.slurm.rendering import SlurmPlace
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditVerb, act_of
from allotment.model.audit.chain import ChainHead
from allotment.model.decoding import decoded_as
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.model.slurm.seen import SlurmNode
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.listening import ListeningPlace, listening_place
from allotment.operations.access.registry import Registry
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.operations.run.families import FamilyKeeping
from allotment.operations.run.kubernetes.as_source import ClusterAsSource
from allotment.operations.run.kubernetes.backend import KubernetesBackend
from allotment.operations.run.kubernetes.foreseeing import ForeseenThere
from allotment.operations.run.kubernetes.homes import namespace_of
from allotment.operations.run.kubernetes.making import ClusterAccess
from allotment.operations.run.kubernetes.quotas_there import QuotasThere
from allotment.operations.run.kubernetes.right_cluster import RightCluster
from allotment.operations.run.kubernetes.submitters import Submitters
from allotment.operations.run.lane import Serving
from allotment.operations.run.local.backend import LocalBackend
from allotment.operations.run.local.launching import LocalStorage
from allotment.operations.run.local.recognising import DEFAULT_SLOTS, recognised
from allotment.operations.run.pruning import tidied
from allotment.operations.run.shells import ANEW, STARTED_FROM, of_shell
from allotment.operations.run.slurm.as_source import SlurmWords, slurm_snapshot, slurm_told
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.configured import SlurmDescription, described_slurm, placed
from allotment.operations.run.slurm.foreseeing import ForeseenOnSlurm
from allotment.operations.run.slurm.handing_in import SharedStorage
from allotment.operations.watch.hub import ChangeHub
from allotment.ports.backends import LOCAL, JobToStart
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.job_remains import RemainsOfJobs
from allotment.ports.journal import JOURNAL_DAYS
from allotment.ports.kube import KubePort
from allotment.ports.store import DAY_MS, JobsStore
from allotment.spec.jobs.rules import refuse_broken_rules
from allotment.spec.load import load_platform
from allotment.wiring import running
from allotment.wiring.slurm import (
    slurm,
    slurm_file,
    slurm_folder,
    slurm_folders,
    slurm_names,
    slurm_root_check,
)

_FIRST_TIDYING: Final = 600.0
_TIDYING: Final = 6 * 3600.0
"""Seconds until old logs are looked for: after the start, and from then on."""
_WITNESSING: Final = 3600.0
"""Seconds between two heads of the audit trail in the log."""
CLOCK: Final = "clock.json"
"""File beside the socket: how the server's clock stands to the machine's."""
STARTED: Final = "started.json"
"""File beside the socket: what the last server was started with."""


def main(words: Sequence[str] | None = None) -> int:
    """Serve until a signal, or `allot down`, says otherwise; the exit code."""
    asked = _parsed(words)
    try:
        _serve(asked)
    except AllotmentError as error:
        print(error, file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
        return error.exit_code
    return 0


def _parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m allotment.api", description=__doc__)
    parser.add_argument("--platform", default="", help="platform directory; the example that comes along by default")
    parser.add_argument("--slots", type=int, default=None, help="slots that stand for accelerators where none is found")
    parser.add_argument("--store", default="", help="where jobs are kept: a path, or the address of a PostgreSQL")
    parser.add_argument("--listen", default="", help="address of the network to listen on besides the socket")
    parser.add_argument("--hosts", default="", help="names by which it may be called there, with commas between them")
    parser.add_argument("--tls-cert", default="", help="its certificate chain")
    parser.add_argument("--tls-key", default="", help="the certificate's key")
    parser.add_argument("--repository", default="", help="Git repository that the platform directory is kept in")
    parser.add_argument("--repository-branch", default="main", help="its branch that counts")
    parser.add_argument("--repository-folder", default="", help="the platform directory within")
    parser.add_argument(
        "--repository-mode", default="direct", choices=("direct", "branch"), help="where commits of grants go"
    )
    parser.add_argument("--oidc-issuer", default="", help="identity provider whose people may sign in")
    parser.add_argument("--oidc-client", default="allotment", help="name under which it knows this client")
    parser.add_argument("--oidc-groups", default="groups", help="claim of its tokens that lists groups")
    parser.add_argument("--oidc-scopes", default="openid profile email", help="what is asked of it")
    parser.add_argument("--oidc-ca", default="", help="certificates that its own is checked against")
    parser.add_argument("--notices", default="", help="file of receivers of notices")
    return parser.parse_args(words)


def _serve(asked: argparse.Namespace) -> None:
    os.umask(0o077)
    named, slots = asked.platform, asked.slots
    place = _listening(asked)
    clock = wiring.clock()
    folder = running.own_server_folder(os.environ)
    if not named and slots is None:
        named, slots = _last_start(folder / STARTED)
    directory = Path(named) if named else running.example_platform()
    tree = wiring.directory(directory).read()
    platform = load_platform(tree, clock.now().date()).platform
    with ExitStack() as opened:
        jobs = opened.enter_context(wiring.store(asked.store).writer(f"process {os.getpid()}"))
        bound = opened.enter_context(bound_socket(folder / running.SOCKET))
        abroad = None if place is None else opened.enter_context(bound_address(place.host, place.port))
        identity = ServerIdentity(
            platform=platform.name,
            directory=named,
            teams=tuple(team.name for team in platform.teams if team.offboarding is None),
            owner=running.user_name(),
            version=running.version(),
            pid=os.getpid(),
            environment=of_shell(os.environ),
            refuse=lambda job: refuse_broken_rules(job, platform),
            declared=tree.files,
            clusters=frozenset(each.name for each in platform.clusters) - {LOCAL},
            listens="" if place is None or abroad is None else place.address(abroad.getsockname()[1]),
        )
        wiring.files().write_bytes(folder / STARTED, msgspec.json.encode((named, slots)), mode=0o600)
        steady = running.steady_clock(folder / CLOCK, keep=any(each.ended is None for each in jobs.kept()))
        submitters = Submitters(jobs.people, platform, identity.owner)
        opener = _opener(platform, folder, DEFAULT_SLOTS if slots is None else slots, opened, steady, submitters)
        desk = Desk(identity, jobs, opener, running.code_shelf(folder / "code"), steady, running.new_job_id)
        for said in desk.told:
            print(said, file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
        tidying = Thread(target=_tidy, args=(jobs, running.job_remains(folder), steady, desk.ending), daemon=True)
        tidying.start()
        witnessing = Thread(target=_witness, args=(jobs, desk.ending), daemon=True)
        with _answered_for(jobs, identity, steady):
            witnessing.start()
            present = PresentPlatform(platform, tree.files)
            repository = repository_of(
                RepositoryWords(
                    asked.repository, asked.repository_branch, asked.repository_folder, asked.repository_mode
                ),
                directory if named else None,
                folder,
            )
            room = decision_room(present, jobs, repository, connected, wiring.clock())
            requests = RequestDesk(room)
            telling = notifier(room, jobs, Path(asked.notices)) if asked.notices else None
            deciding = partial(keep_deciding, requests, room, present, desk.ending, afar=bool(asked.repository))
            Thread(target=deciding, daemon=True).start()
            if telling is not None:
                tell_beside(telling, desk)
            oidc = OidcWords(asked.oidc_issuer, asked.oidc_client, asked.oidc_groups, asked.oidc_scopes, asked.oidc_ca)
            coming = sign_ins(oidc, jobs, present.people, steady, opened, names=None if place is None else place.names)
            registry = Registry(
                jobs, steady, os.urandom, identity.platform, identity.version, present.people, coming, present.currency
            )
            changes = ChangeHub(jobs, desk.ending)
            derive_beside(desk, changes)
            made = partial(job_api, desk, registry, partial(RequestsOf, requests, room), changes=changes)
            serve(made(HomeDoor(identity.owner)), desk, bound, _listeners(made, registry, place, abroad))


def _listening(asked: argparse.Namespace) -> ListeningPlace | None:
    if not asked.listen:
        return None
    place = listening_place(asked.listen, asked.hosts, asked.tls_cert, asked.tls_key)
    if place.certificate is not None and place.key is not None:
        check_pair(place.certificate, place.key)
    return place


def _listeners(
    made: Callable[[Door], FastAPI], registry: Registry, place: ListeningPlace | None, bound: LimitedSocket | None
) -> tuple[Listener, ...]:
    """The same application where whoever comes shows a token, behind the checks of requests from afar."""
    if place is None or bound is None:
        return ()
    door = TokenDoor(Doorkeeper(registry.store, registry.clock, registry.people), bound.room.befriend)
    app = Hardened(made(door), place.names, lambda: os.urandom(12).hex())
    return (Listener(app, bound, place.certificate, place.key),)


@contextmanager
def _answered_for(store: JobsStore, identity: ServerIdentity, clock: Clock) -> Iterator[None]:
    """The server's own beginning and end, in the audit trail."""
    itself = Caller(identity.owner, CallerKind.ALLOTMENT, f"process {identity.pid}")
    told = (("platform", identity.platform), ("directory", identity.directory), ("version", identity.version))

    def tell(verb: AuditVerb) -> ChainHead:
        now = epoch_ms(clock)
        return store.audit([act_of(itself, verb, now, details=tuple(each for each in told if each[1]))])

    _say_head(tell(AuditVerb.SERVER_STARTED))
    try:
        yield
    finally:
        try:
            _say_head(tell(AuditVerb.SERVER_ENDED))
        except AllotmentError as error:
            print(f"the audit trail lacks this server's end: {error}", file=sys.stderr, flush=True)  # noqa: T201 (its log)


def _witness(store: JobsStore, ending: Event) -> None:
    """Have the log say again and again how far the audit trail goes: what is cut off of it is noticed by that."""
    said: ChainHead | None = None
    while not ending.wait(_WITNESSING):
        try:
            head = store.audit_head()
        except AllotmentError as error:
            print(f"the audit trail cannot be read: {error}", file=sys.stderr, flush=True)  # noqa: T201 (its log)
            continue
        if head != said:
            _say_head(head)
        said = head


def _say_head(head: ChainHead) -> None:
    print(head, file=sys.stderr, flush=True)  # noqa: T201 (the process's log)


def _tidy(store: JobsStore, remains: RemainsOfJobs, clock: Clock, ending: Event) -> None:
    """Give back the room of old logs and of packed code that no job refers to, again and again."""
    wait = _FIRST_TIDYING
    while not ending.wait(wait):
        wait = _TIDYING
        try:
            store.prune_journal(epoch_ms(wiring.clock()) - JOURNAL_DAYS * DAY_MS)
            gone = tidied(store.kept(), remains, epoch_ms(clock))
        except (AllotmentError, OSError) as error:
            print(f"old logs stay: {error}", file=sys.stderr, flush=True)  # noqa: T201 (the process's log)
            continue
        for kind, number in gone.removed.items():
            print(f"removed {number} old: {kind.value}", file=sys.stderr, flush=True)  # noqa: T201 (its log)


def _last_start(place: Path) -> tuple[str, int | None]:
    """The platform and the slots of the last server: who starts one again means the same."""
    try:
        named, slots = decoded_as(wiring.files().read_bytes(place), tuple[str, int | None])
    except (AllotmentError, msgspec.MsgspecError):
        return "", None
    return (named, slots) if not named or Path(named).is_dir() else ("", None)


def _opener(
    platform: Platform, folder: Path, slots: int, opened: ExitStack, clock: Clock, submitters: Submitters
) -> Callable[[str], Serving]:
    """Opens back ends by name: this machine, the clusters of the platform, and what files of the user call a Slurm."""

    def open_one(name: str) -> Serving:
        if name == LOCAL:
            return _local(platform, folder, slots, clock, opened)
        cluster = platform.cluster(name)
        slurms = {*slurm_names(os.environ), *(each.name for each in platform.slurms)}
        if cluster is None and name in slurms:
            return _slurm(platform, name, opened)
        if cluster is None:
            known = ", ".join((LOCAL, *(each.name for each in platform.clusters), *sorted(slurms)))
            raise NotFoundError(
                f"there is no back end {name}",
                why=f"there are {known}",
                fix=f"name one of these, or describe a Slurm in {slurm_folder(os.environ)}/{name}.yaml",
            )
        kube = opened.enter_context(connected(cluster.context))
        access = ClusterAccess(kube, key=running.server_key(folder), in_name_of=submitters.identity)
        quotas = QuotasThere(kube, clock)
        right = RightCluster(kube, Mark(platform.name, cluster.name))
        backend = KubernetesBackend(name, access, platform, cluster, running.read_code, quotas.refusal_for_good, right)
        there = ClusterAsSource(name, kube, wiring.clock(), right, lambda: backend.acts)
        starts = ForeseenThere(kube, clock, backend.rendered, backend.ours, lambda: backend.acts)
        return Serving(
            backend,
            told=backend.told,
            foreseen=starts.foreseen,
            check=backend.check,
            remember=backend.remember,
            prices=class_prices(platform, cluster),
            offered=partial(classes_offered, platform, cluster),
            snapshot=lambda _: there.read,
            namespace_of=partial(namespace_of, platform),
            with_past=True,
        )

    return open_one


def connected(context: str) -> AbstractContextManager[KubePort]:
    """A cluster by what the server's own environment says of it.

    Raises:
        NotFoundError: there is no kubeconfig, or no such context.
    """
    try:
        return wiring.connect("", context)
    except NotFoundError as error:
        why = f"{STARTED_FROM}; {error.why}" if error.why else STARTED_FROM
        raise NotFoundError(error.what, why=why, fix=f"{ANEW} KUBECONFIG") from error


def _wall() -> int:
    """Milliseconds since the epoch, as people's clocks have it."""
    return int(wiring.clock().now().timestamp() * 1000)


def _own_slurm(name: str) -> Any:
    """What the user's own file says of a Slurm; None where there is none."""
    return slurm_file(name, os.environ).read() if name in slurm_names(os.environ) else None


def _as_it_stands(name: str) -> Any:
    """The same of one that has been read before: what cannot be read by now is another than that."""
    try:
        return _own_slurm(name)
    except AllotmentError as error:
        return error


def _slurm(platform: Platform, name: str, opened: ExitStack) -> Serving:
    with at(f"slurm/{name}.yaml"):
        own = _own_slurm(name)
        told, said = described_slurm(own, platform.slurm(name))
    described = SlurmDescription(str(slurm_folder(os.environ) / f"{name}.yaml"), own)

    def whence() -> str:
        return described.told(_as_it_stands(name))

    port = opened.enter_context(slurm(told.slurmrestd, os.environ, whence))
    root = Path(told.folder) / running.user_name()
    storage = SharedStorage(*slurm_folders(root), running.job_secrets(root / "secrets"), slurm_root_check(root))

    def placing(nodes: Sequence[SlurmNode]) -> SlurmPlace:
        return placed(name, told, tuple(platform.accelerators), nodes)

    backend = SlurmBackend(name, port, placing, storage, wiring.clock())
    words = SlurmWords(name, platform, told)
    starts = ForeseenOnSlurm(
        lambda: slurm_told(port, name, _wall()), backend.asked, wiring.clock(), backend.place, described.whence
    )

    def check(order: JobToStart) -> None:
        backend.check(order)
        starts.check(order)

    def told_of(order: JobToStart) -> tuple[str, ...]:
        of_files = filter(None, (*said, described.changed(_as_it_stands(name))))
        return (*of_files, *backend.told(order), *starts.told(order))

    return Serving(
        backend,
        foreseen=starts.foreseen,
        told=told_of,
        check=check,
        fitted=backend.fitted,
        families=FamilyKeeping(schedules=True, wall=_wall),
        hand_on=storage.folders.hand_on,
        prices=class_prices(platform),
        snapshot=lambda jobs: lambda: slurm_snapshot(port, words, jobs, _wall()),
    )


def _local(platform: Platform, folder: Path, slots: int, clock: Clock, opened: ExitStack) -> Serving:
    devices = running.machine_devices(slots)
    inventory = devices.inventory()
    machine = recognised(running.machine().room(), inventory, platform.accelerators)
    machine = machine if inventory.virtual else replace(machine, asked=devices)
    processes = running.job_processes(folder / "launches")
    opened.callback(processes.close)
    storage = LocalStorage(running.job_folders(folder), running.own_secrets(os.environ), running.has_program)
    beside = running.beside()
    backend = LocalBackend(platform, machine, processes, storage, clock, running.instead(), beside)

    def clear(family: str) -> None:
        beside(lambda: storage.folders.clear(family, 1))

    return Serving(
        backend,
        changes=backend,
        devices=backend.watched,
        advance=backend.advance,
        busy=lambda: backend.runs,
        fitted=backend.fitted,
        foreseen=backend.foreseen,
        snapshot=backend.snapshot,
        with_past=True,
        told=backend.told,
        check=backend.check,
        families=FamilyKeeping(sweeps=True, schedules=True, logs=backend.logs, wall=_wall, clear=clear),
        hand_on=storage.folders.hand_on,
        prices=class_prices(platform),
        on_news=processes.on_end,
    )


if __name__ == "__main__":
    sys.exit(main())
