"""How commands come to the server of this machine, and which platform it is for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, NotSignedInError, UnreachableError, UsageError, shown

if TYPE_CHECKING:
    from allotment.model.platform import Platform
    from allotment.operations.directory.configuration import Value
    from allotment.ports.job_server import AskedServer
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


_OF_SERVERS: Final = (
    "store",
    *("listen", "hosts", "trusted-proxies", "tls-cert", "tls-key"),
    *("repository", "repository-branch", "repository-folder", "repository-mode"),
    *("forge", "forge-address", "forge-repository", "forge-token", "repository-take-back"),
    *("oidc-issuer", "oidc-client", "oidc-groups", "oidc-groups-prefix", "oidc-scopes", "oidc-ca"),
    *("notices", "key-file", "metrics-listen", "advertise", "shared-folder"),
    *("prometheus", "prometheus-cluster-label", "recorded", "log-format"),
)
"""Settings that a server is started with."""
LET_IN_BY: Final = "ALLOTMENT_TOKEN"
"""Variable with a token for the server elsewhere, for machines: it is no setting, since those are shown."""


def server_words(session: Session) -> list[str]:
    """What a server of this machine is started with."""
    from allotment.wiring import running

    if address := session.value("repository"):
        running.check_repository(address)
    return [*platform_words(session), *_settings_of(session, _OF_SERVERS)]


def _settings_of(session: Session, keys: Sequence[str]) -> list[str]:
    """Settings as a server is told of them."""
    from allotment import wiring
    from allotment.operations.access.listening import NOWHERE
    from allotment.operations.directory.configuration import setting
    from allotment.operations.fleet.metrics_addresses import holds_password
    from allotment.operations.run.starting import UNNAMED_PLACE

    words = [] if session.value("listen") else [UNNAMED_PLACE]
    for key in keys:
        value = session.value(key)
        if key == "prometheus" and holds_password(value):
            _check_unread(session.settings[key])
            continue  # the server finds it in its environment
        if value not in {setting(key).default, *([NOWHERE] if key == "listen" else [])}:
            # A server stands in the folder / and means the same file; the address of a database is none.
            a_file = setting(key).is_path and "://" not in value
            words += [f"--{key}", str(wiring.files().user_path(value).absolute()) if a_file else value]
    return words


def _check_unread(found: Value) -> None:
    """No password becomes a word of a process, which everybody on the machine can read."""
    from allotment.operations.directory.configuration import SettingOrigin, setting

    if found.origin is not SettingOrigin.ENVIRONMENT:
        raise UsageError(
            f"--{found.key} holds a password",
            why="a server is started with words that everybody on its machine can read",
            fix=f"set {setting(found.key).variable} in the environment instead",
        )


_OF_DEMOS: Final = ("listen", "hosts", "trusted-proxies", "tls-cert", "tls-key", "metrics-listen", "log-format")
"""Those that one of a demo is started with: the others lead to what is real."""


def demo_words(session: Session, *, standby: bool, slots: int | None) -> list[str]:
    """What the server of a demo is started with.

    Raises:
        UsageError: a flag names something that is no demo's.
    """
    from allotment.operations.run.starting import DEMO

    named = [f"--{key}" for key in ("platform", *_OF_SERVERS) if key in session.flags and key not in _OF_DEMOS]
    named += ["--standby"] * standby + ["--slots"] * (slots is not None)
    if named:
        raise UsageError(
            f"a demo has no {', '.join(sorted(named))}",
            why="its platform, its clusters and its store are its own, and gone when it ends",
            fix="leave that out, or leave out --demo",
        )
    return [DEMO, *_settings_of(session, _OF_DEMOS)]


def asked_server(session: Session) -> AskedServer:
    """The server that is asked: one elsewhere, where a setting names it, else this machine's; nothing is sent yet."""
    from allotment.wiring import running

    address = session.value("server")
    return remote(session, address) if address else running.job_server(session.environment).service


def remote(session: Session, address: str) -> AskedServer:
    """A server elsewhere, with the token that we have for it.

    Raises:
        NotSignedInError: we have none.
        InputError: what its certificate is to be checked against cannot be read.
    """
    from allotment import wiring
    from allotment.wiring import running

    kept = running.credentials(session.environment)
    token = session.environment.get(LET_IN_BY, "").strip() or kept.token(address)
    if not token:
        raise NotSignedInError(
            f"not signed in to {shown(address)}",
            why=f"there is no token for it in {LET_IN_BY}, nor in {kept.path}",
            fix=f"allot login {shown(address)}",
        )
    ca = session.value("ca")
    authority = str(wiring.files().user_path(ca)) if ca else kept.authority(address)
    return running.remote_server(address, token, authority)


def platform_of(session: Session, service: JobService, status: ServerStatus) -> Platform:
    """The platform of the server that is asked: what it was started for."""
    from allotment import wiring
    from allotment.model.source import SourceTree
    from allotment.spec.load import load_platform

    if session.value("server"):
        return load_platform(SourceTree(service.declared()), wiring.clock().now().date()).platform
    return served_platform(session, status.directory)


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

    try:
        return load(session, platform_directory(session), quiet=True).platform
    except UsageError:
        try:
            service = asked_server(session)
            return platform_of(session, service, service.status())
        except (UnreachableError, NotSignedInError):
            if example:
                return served_platform(session, "")
        raise


def tell_of_other_shell(session: Session, status: ServerStatus, platform: Platform, backend: str) -> None:
    """Say it where this shell means to reach a back end otherwise than the server's did."""
    from allotment.operations.run.shells import unlike
    from allotment.ports.backends import LOCAL

    if backend == LOCAL or session.value("server"):
        return
    said = unlike(status.environment, session.environment, cluster=platform.cluster(backend) is not None)
    if said:
        session.note(said)


def service_of(session: Session, *, start: bool = False) -> AskedServer:
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

    if session.value("server"):
        return asked_server(session)
    server = running.job_server(session.environment)
    if start:
        words = server_words(session)
        started = bring_up(server, words, wiring.clock())
        if started.already and session.given("platform") and started.status.directory != words[1]:
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
