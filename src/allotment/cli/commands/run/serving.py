"""How commands come to the server of this machine, and which platform it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, UnreachableError, UsageError, shown

if TYPE_CHECKING:
    from allotment.model.platform import Platform
    from allotment.ports.job_service import JobService, ServerStatus


def platform_words(session: Session) -> list[str]:
    """What the server is told of the platform directory; nothing where nobody names one and we stand in none."""
    from allotment import wiring
    from allotment.cli.shell.places import platform_directory

    try:
        directory = platform_directory(session)
    except UsageError:
        return []
    if not wiring.files().holds_platform(directory):
        raise NotFoundError(
            f"{shown(directory)} holds no platform",
            fix=f"name a folder that does, or begin one with `allot init {shown(directory)}`",
        )
    return ["--platform", str(directory.absolute())]


def served_platform(session: Session, directory: str) -> Platform:
    """The platform of a server: of the directory that it has read, or of the example that comes along."""
    from pathlib import Path

    from allotment.cli.shell.loading import load
    from allotment.wiring import running

    return load(session, Path(directory) if directory else running.example_platform(), quiet=True).platform


def known_platform(session: Session, *, example: bool = False) -> Platform:
    """The platform that job files are checked against; nothing is started for it.

    The one that is named or that we stand in; else that of the server, where it runs.

    Args:
        session: whose.
        example: whether the one that comes along stands in where there is no other.

    Raises:
        UsageError: there is none.
    """
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.places import platform_directory
    from allotment.wiring import running

    try:
        return load(session, platform_directory(session), quiet=True).platform
    except UsageError:
        try:
            return served_platform(session, running.job_server(session.environment).service.status().directory)
        except UnreachableError:
            if example:
                return served_platform(session, "")
        raise


def tell_of_other_shell(session: Session, status: ServerStatus, platform: Platform, backend: str) -> None:
    """Say it where this shell means to reach a back end otherwise than the server's did."""
    from allotment.operations.run.shells import unlike
    from allotment.ports.backends import LOCAL

    if backend == LOCAL:
        return
    said = unlike(status.environment, session.environment, cluster=platform.cluster(backend) is not None)
    if said:
        session.note(said)


def service_of(session: Session, *, start: bool = False) -> JobService:
    """The server.

    Args:
        session: whose.
        start: whether it is started where it does not run, and that is said.

    Raises:
        UnreachableError: it does not run, and is not to be started.
    """
    from allotment import wiring
    from allotment.operations.run.starting import bring_up
    from allotment.wiring import running

    server = running.job_server(session.environment)
    if start:
        words = platform_words(session)
        started = bring_up(server, words, wiring.clock())
        if started.already and session.given("platform") and started.status.directory != words[-1]:
            serves = started.status.directory or "the example that comes along"
            session.note(f"the server runs already, for {shown(serves)}; `{session.call} down` ends it")
        if not started.already:
            session.note(f"started the server of platform {started.status.platform}; `{session.call} down` ends it")
        return server.service
    try:
        server.service.status()
    except UnreachableError as error:
        raise UnreachableError("the server does not run", why=error.why, fix="start it: `allot up`") from error
    return server.service
