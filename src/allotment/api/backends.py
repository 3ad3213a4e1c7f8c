"""The back ends of a server, opened by name: this machine, the clusters of the platform, each Slurm that it knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from allotment import wiring
from allotment.accounting.prices import class_prices
from allotment.api.clusters import ReachedClusters
from allotment.api.deciding import PresentPlatform
from allotment.errors import AllotmentError, NotFoundError, at, shown
from allotment.jobs.kubernetes.place import classes_offered
from allotment.jobs.slurm.rendering import SlurmPlace
from allotment.model.cluster import Cluster
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.model.slurm.seen import SlurmNode
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
from allotment.operations.run.local.recognising import recognised
from allotment.operations.run.shells import ANEW, STARTED_FROM
from allotment.operations.run.slurm.as_source import SlurmWords, slurm_snapshot, slurm_told
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.configured import SlurmDescription, described_slurm, placed
from allotment.operations.run.slurm.foreseeing import ForeseenOnSlurm
from allotment.operations.run.slurm.handing_in import SharedStorage
from allotment.ports.backends import LOCAL, JobToStart
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.wiring import running
from allotment.wiring.slurm import (
    slurm,
    slurm_file,
    slurm_folder,
    slurm_folders,
    slurm_names,
    slurm_root_check,
)


@dataclass(frozen=True, slots=True)
class ServerPlaces:
    """Where a server keeps what is no row of its store.

    Attributes:
        own: its own folder.
        shared: that of all servers on the same store; its own where it is the only one.
    """

    own: Path
    shared: Path


@dataclass(frozen=True, slots=True)
class BackEnds:
    """Opens back ends by name.

    Attributes:
        present: the platform.
        slots: that stand for accelerators of this machine where none is found.
        opened: closes what is opened here.
        clock: the server's.
        submitters: in whose name jobs are made in clusters.
        runs_here: whether jobs run on this machine, or on what else its user has; False where all is made up.
    """

    present: PresentPlatform
    places: ServerPlaces
    slots: int
    opened: ExitStack
    clock: Clock
    submitters: Submitters
    clusters: ReachedClusters
    runs_here: bool = True

    def open(self, name: str) -> Serving:
        """One of them.

        Raises:
            NotFoundError: there is none of that name.
            AllotmentError: it cannot be opened.
        """
        platform = self.present.platform
        if not self.runs_here and platform.cluster(name) is None:
            raise NotFoundError(
                f"the demo runs nothing on {'this machine' if name == LOCAL else shown(name)}",
                why="its clusters are made up, and so is the work on them",
                fix=f"name one of them with --on: {', '.join(each.name for each in platform.clusters)}",
            )
        if name == LOCAL:
            return _local(platform, self.places.own, self.slots, self.clock, self.opened)
        cluster = platform.cluster(name)
        slurms = {*slurm_names(os.environ), *(each.name for each in platform.slurms)}
        if cluster is not None:
            return self._cluster(platform, cluster)
        if name in slurms:
            return _slurm(platform, name, self.opened)
        known = ", ".join((LOCAL, *(each.name for each in platform.clusters), *sorted(slurms)))
        raise NotFoundError(
            f"there is no back end {name}",
            why=f"there are {known}",
            fix=f"name one of these, or describe a Slurm in {slurm_folder(os.environ)}/{name}.yaml",
        )

    def _cluster(self, platform: Platform, cluster: Cluster) -> Serving:
        name, present, clusters = cluster.name, self.present, self.clusters
        kube = self.opened.enter_context(clusters.ways.to(name, cluster.context))
        key = running.server_key(self.places.shared)
        access = ClusterAccess(kube, key=key, in_name_of=self.submitters.identity)
        quotas = QuotasThere(kube, self.clock)
        right = RightCluster(kube, Mark(platform.name, name))
        backend = KubernetesBackend(name, access, platform, cluster, running.read_code, quotas.refusal_for_good, right)
        present.follow(lambda: _go_on(backend, present.platform, name))
        there = ClusterAsSource(partial(clusters.hub.snapshot, name), wiring.clock(), lambda: backend.acts)
        starts = ForeseenThere(kube, self.clock, backend.rendered, backend.ours, lambda: backend.acts)
        return Serving(
            backend,
            told=backend.told,
            foreseen=starts.foreseen,
            check=backend.check,
            remember=backend.remember,
            prices=class_prices(platform, cluster),
            offered=partial(classes_offered, platform, cluster),
            snapshot=lambda _: there.read,
            namespace_of=lambda team: namespace_of(present.platform, team),
            with_past=True,
        )


def _go_on(backend: KubernetesBackend, platform: Platform, name: str) -> None:
    """A cluster that the directory has no more stays as it was: jobs there are followed to their end."""
    cluster = platform.cluster(name)
    if cluster is not None:
        backend.become(platform, cluster)


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
