"""A job that the server of this machine knows is asked where it is: its back end, and there its team's namespace."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from allotment.cli.commands.ask.source_options import SourceOptions
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, NotFoundError, NotSignedInError, UnreachableError, shown

if TYPE_CHECKING:
    from allotment.ports.job_service import JobService, ServerStatus
    from allotment.ports.stored_jobs import StoredJob

_Answer = TypeVar("_Answer")
_KEPT_KINDS: Final = frozenset({"", "job", "sweep", "schedule"})
"""Kinds of what the server of this machine keeps; empty where only a name is given."""
_KUBECONFIG: Final = "KUBECONFIG"


@dataclass(frozen=True, slots=True)
class _PlaceOfJob:
    """Where a job is asked about.

    Attributes:
        source: with its back end, or its namespace in the cluster that the session names from now on.
        subject: what it is called there.
    """

    source: SourceOptions
    subject: str


@dataclass(frozen=True, slots=True)
class _KnownName:
    """What the server knows of a name.

    Attributes:
        job: the newest that is not over of those with it, else the newest; None where there is none.
        said: what is to be told where nobody else knows one either.
        fix: the same, of what can be done; empty where nothing can.
    """

    job: StoredJob | None
    said: str
    fix: str = ""


def asked_of_job(
    session: Session, source: SourceOptions, subject: str, ask: Callable[[SourceOptions, str], _Answer]
) -> _Answer:
    """An answer about a job, asked where the server of this machine has it.

    Where flags say where, or no job is meant, it is asked there. A job that is over is asked about only where nothing
    else has its name.

    Args:
        session: whose; a cluster that the server names is its cluster from then on.
        source: as the flags have it.
        subject: a name or an id, with or without a kind.
        ask: the answer of a source about a subject.

    Raises:
        NotFoundError: neither the server nor the cluster knows such a job.
    """
    if not _meant(session, source, subject):
        return ask(source, subject)
    name = subject.rpartition("/")[2]
    known = _known(session, name, source.namespace)
    job = known.job
    if job is not None and not job.state.over:
        return _asked_there(session, source, subject, job, ask)
    try:
        return ask(source, subject)
    except (NotFoundError, UnreachableError, NotSignedInError) as error:
        if job is not None:
            return _asked_there(session, source, subject, job, ask)
        if not isinstance(error, NotFoundError):
            raise
        raise NotFoundError(
            f"there is no job {shown(name)}", why=_also(known.said, error), fix=known.fix + error.fix
        ) from error


def _meant(session: Session, source: SourceOptions, subject: str) -> bool:
    """Whether no flag says where, and a job may be meant."""
    named = source.given or session.contexts or session.flags.get("kubeconfig") or session.flags.get("context")
    kind, _, name = subject.rpartition("/")
    return not named and bool(name) and kind in _KEPT_KINDS


def _known(session: Session, name: str, team: str) -> _KnownName:
    from allotment.cli.commands.run.serving import asked_server

    service = asked_server(session)
    where = f" of team {shown(team)}" if team else ""
    try:
        job = _living_or_newest(service, name, team)
    except UnreachableError:
        return _KnownName(None, "no server of this machine runs that could know one")
    except AllotmentError:  # no such job, or several ids that begin so
        job = None
    return _KnownName(job, f"the server of this machine knows none{where}", "list its jobs: `allot ps`; or ")


def _living_or_newest(service: JobService, name: str, team: str) -> StoredJob | None:
    from allotment.model.jobs.run import JobState
    from allotment.ports.store import MOST_LISTED, JobFilter

    job = service.find(name, team=team)
    if name == job.id:
        return job
    if name != job.job.name:
        return None
    if not job.state.over:
        return job
    living = frozenset(each for each in JobState if not each.over)
    rows = service.page(JobFilter(team=team, states=living, prefix=name), limit=MOST_LISTED).rows
    newest = next((each.id for each in rows if each.name == name), "")
    return service.find(newest) if newest else job


def _asked_there(
    session: Session,
    source: SourceOptions,
    subject: str,
    job: StoredJob,
    ask: Callable[[SourceOptions, str], _Answer],
) -> _Answer:
    place = _place(session, source, subject, job)
    try:
        return _asked_in(place, job, ask)
    except NotFoundError as error:
        last = job.history.moves[-1]
        told = f": {shown(last.said)}" if last.said else ""
        raise NotFoundError(
            f"{shown(job.job.name)} is {job.state.value} on {shown(job.backend)}{told}",
            why=_also("nothing more is known there of why", error),
            fix=f"see what the server knows of it: allot describe {job.id}",
        ) from error


def _asked_in(place: _PlaceOfJob, job: StoredJob, ask: Callable[[SourceOptions, str], _Answer]) -> _Answer:
    """The answer of a cluster; of a job that it holds no more, or not yet, that of the server, which knows more."""
    try:
        return ask(place.source, place.subject)
    except NotFoundError as error:
        if place.source.backend:
            raise
        try:
            return ask(replace(place.source, backend=job.backend), job.id)
        except AllotmentError:
            raise error from None


def _also(said: str, error: AllotmentError) -> str:
    return f"{said}, and {error.line}"


def _place(session: Session, source: SourceOptions, subject: str, job: StoredJob) -> _PlaceOfJob:
    from allotment.cli.commands.run.serving import asked_server, platform_of

    service = asked_server(session)
    status = service.status()
    backend, name = shown(job.backend), shown(job.job.name)
    kind = next((each.offer.kind for each in status.backends if each.name == job.backend), "")
    if kind not in {"", "kubernetes"}:
        session.note(f"{name} is a job of {backend}: as with --on {backend}")
        return _PlaceOfJob(replace(source, backend=job.backend), subject)
    platform = platform_of(session, service, status)
    cluster, team = platform.cluster(job.backend), platform.team(job.job.team)
    if cluster is None:
        return _PlaceOfJob(replace(source, backend=job.backend), subject)  # a Slurm that does not answer: it says why
    namespace = source.namespace or (team.namespaces[0] if team is not None else "")
    if status.environment is None:
        # The server is elsewhere: by what it reaches the cluster is not known here, and this shell may have no way.
        session.note(
            f"{name} is a job of {backend}: as with --on {backend}{f' -n {shown(namespace)}' * bool(namespace)}"
        )
        return _PlaceOfJob(replace(source, backend=job.backend, namespace=namespace), job.id)
    session.contexts = (cluster.context,)
    session.flags["context"] = cluster.context
    kubeconfig = _kubeconfig_of(session, status)
    if kubeconfig:
        session.flags["kubeconfig"] = kubeconfig
    flags = (("kubeconfig", kubeconfig), ("context", cluster.context), ("namespace", namespace))
    told = " ".join(f"--{flag} {shown(value)}" for flag, value in flags if value)
    session.note(f"{name} is a job of {backend}: as with {told}")
    return _PlaceOfJob(replace(source, namespace=namespace), job.id)


def _kubeconfig_of(session: Session, status: ServerStatus) -> str:
    """The file by which the server reaches clusters; empty where this shell reaches them so too, or it is not one."""
    if status.environment is None:
        return ""
    there = status.environment.get(_KUBECONFIG, "")
    if there == session.environment.get(_KUBECONFIG, "") and not session.value("kubeconfig"):
        return ""
    if os.pathsep in there:
        session.note(f"the server reaches clusters by {_KUBECONFIG}={shown(there)}")
        return ""
    return there or str(Path(session.environment.get("HOME", "~"), ".kube", "config"))
