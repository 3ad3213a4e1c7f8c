"""`allot up` and `allot down`: the server that runs jobs on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, packed, platform_flag, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import UnreachableError, UsageError, shown
from allotment.model.grammar import count


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `allot up` is asked for besides settings."""

    slots: int | None
    access_log: bool
    standby: bool
    foreground: bool
    no_listen: bool
    no_open: bool
    no_examples: bool
    demo: bool


@click.command(cls=Command)
@platform_flag
@click.option("--slots", type=click.IntRange(0, 1024), metavar="N", help="Slots that stand for accelerators.")
@setting_flag("store", metavar="FILE|ADDRESS")
@setting_flag("listen", metavar="HOST:PORT")
@click.option("--no-listen", is_flag=True, help="Listen on the socket alone.")
@setting_flag("hosts", metavar="NAMES")
@setting_flag("trusted-proxies", metavar="ADDRESSES")
@setting_flag("tls-cert", metavar="FILE")
@setting_flag("tls-key", metavar="FILE")
@setting_flag("repository", metavar="ADDRESS")
@setting_flag("repository-branch", metavar="NAME")
@setting_flag("repository-folder", metavar="PATH")
@setting_flag("repository-mode")
@setting_flag("forge")
@setting_flag("forge-address", metavar="ADDRESS")
@setting_flag("forge-repository", metavar="OWNER/NAME")
@setting_flag("forge-token", metavar="FILE")
@setting_flag("repository-take-back")
@setting_flag("oidc-issuer", metavar="ADDRESS")
@setting_flag("oidc-client", metavar="NAME")
@setting_flag("oidc-groups", metavar="CLAIM")
@setting_flag("oidc-groups-prefix", metavar="TEXT")
@setting_flag("oidc-scopes", metavar="WORDS")
@setting_flag("oidc-ca", metavar="FILE")
@setting_flag("notices", metavar="FILE")
@setting_flag("key-file", metavar="FILE")
@setting_flag("metrics-listen", metavar="HOST:PORT")
@setting_flag("advertise", metavar="HOST:PORT")
@setting_flag("shared-folder", metavar="FOLDER")
@setting_flag("prometheus", metavar="ADDRESS|CLUSTER=ADDRESS,...")
@setting_flag("prometheus-cluster-label", metavar="NAME")
@setting_flag("recorded", metavar="DIR")
@setting_flag("log-format")
@click.option("--access-log", is_flag=True, help="Have the log tell of each request: its route, and how it went.")
@click.option("--standby", is_flag=True, help="Wait while another server on the same store leads; with --foreground.")
@click.option("--demo", is_flag=True, help="Serve a fleet that is made up and lives, in a store of its own.")
@click.option("--no-open", is_flag=True, help="Leave the browser alone.")
@click.option("--no-examples", is_flag=True, help="Submit no example jobs, where there are none and no platform.")
@click.option("--foreground", is_flag=True, help="Be the server, until a signal: for a service manager.")
@output_flags
@global_flags
@click.pass_obj
@packed(UpOptions)
def up(session: Session, asked: UpOptions, *, output: OutputOptions) -> None:
    """Start the server of this machine, or say that it runs.

    It admits jobs to this machine's devices under the teams, quotas and priorities of the platform directory: that of
    --platform and its kin, the current directory, or else an example. Each team has a part of the machine as it has of
    the platform; what it does not use the others do. Where no accelerator is found, slots stand for some, of whatever
    class: as many as --slots says, or 8. A program finds no device there.

    One that runs for another platform, with another number of slots or without a flag that is given here is left as it
    is, and that is an error.

    The server listens on a socket that is yours alone, and keeps its jobs: what runs when it ends runs on, and is found
    again by the next. It listens on loopback besides, and your browser is opened with the portal there; --listen names
    another address of the network, with TLS where it is none of loopback. Whoever comes there shows a token (`allot
    token create`). Where neither a platform nor an address is named and nothing has ever run, a few example jobs are
    submitted. With --oidc-issuer the people of that identity provider sign in there (`allot login`): their groups are
    what the platform directory says, and they see and do what is their teams'. With --standby it waits while another
    one on the same PostgreSQL leads, and takes over when that one ends or hangs. With --notices people are told of
    requests, grants and quotas without having asked.
    """
    from allotment import wiring
    from allotment.cli.commands.run.first_jobs import submit_first_jobs, wants_first_jobs
    from allotment.cli.commands.run.server_view import server_listing, server_text
    from allotment.cli.shell.browser import show_portal
    from allotment.cli.shell.output import show
    from allotment.operations.access.listening import LOOPBACK
    from allotment.operations.run.starting import AskedStart, StartedServer, bring_up, check_as_asked, check_standby
    from allotment.reports.documents.jobs import server_document
    from allotment.wiring import running

    words = _words(session, asked)
    if asked.standby:
        check_standby(session.value("shared-folder"))
    if asked.foreground:
        running.job_server(session.environment).become(words)
    server = running.job_server(session.environment)
    started = bring_up(server, words, wiring.clock())
    if started.already:
        directory = words[1] if words[:1] == ["--platform"] else ""
        meant = AskedStart(words, directory, asked.slots, session.value("listen"))
        check_as_asked(started.status, meant, server.started_with(started.status.pid))
    # Whoever says where it listens has a server for more than a first look.
    elif not (asked.no_examples or session.value("listen")) and wants_first_jobs(server.service, started.status):
        submit_first_jobs(session, server.service)
        started = StartedServer(server.service.status(), already=False)
    show(
        session,
        output,
        server_listing(started.status),
        human=lambda _: server_text(started.status, session.call),
        whole=lambda _: server_document(started.status),
    )
    if started.status.listens and not (session.value("listen") or started.status.listens.endswith(LOOPBACK)):
        session.note(f"another program of this machine has {LOOPBACK}: what is shown there is not this server's")
    if started.status.listens and not (started.already or asked.no_open):
        show_portal(session, server.service, started.status.listens)


def _words(session: Session, asked: UpOptions) -> list[str]:
    """What the server is started with.

    Raises:
        UsageError: the flags contradict each other.
    """
    from allotment.cli.commands.run.serving import demo_words, server_words
    from allotment.operations.access.listening import NOWHERE

    if asked.no_listen and session.flags.get("listen"):
        raise UsageError("--listen and --no-listen are both given", fix="leave one of them out")
    if asked.standby and not asked.foreground:
        raise UsageError(
            "a standby has no answer to wait for",
            why="it answers nobody until it leads",
            fix="start it with --foreground, from a service manager",
        )
    if asked.no_listen:
        session.flags["listen"] = NOWHERE
    if asked.demo:
        return demo_words(session, standby=asked.standby, slots=asked.slots) + ["--access-log"] * asked.access_log
    words = [*server_words(session), *([] if asked.slots is None else ["--slots", str(asked.slots)])]
    return words + ["--access-log"] * asked.access_log + ["--standby"] * asked.standby


@click.command(cls=Command)
@click.option("--stop-jobs", is_flag=True, help="Stop all jobs of this machine first, for good.")
@global_flags
@click.pass_obj
def down(session: Session, *, stop_jobs: bool) -> None:
    """End the server of this machine; what runs runs on, and the next `allot up` finds it again."""
    from allotment import wiring
    from allotment.operations.run.starting import bring_down
    from allotment.ports.job_service import SilentServerError
    from allotment.wiring import running

    def tell(sentence: str) -> None:
        session.note(shown(sentence))

    server = running.job_server(session.environment)
    try:
        server.service.status()
    except SilentServerError:
        raise
    except UnreachableError:
        session.note("no server runs" + ("; what still runs is stopped after `allot up`" if stop_jobs else ""))
        return
    made_up = bool(server.service.status().demo)
    # Of a demo nothing is left to be stopped, nor to run on.
    left = bring_down(server, wiring.clock(), stop_jobs=stop_jobs and not made_up, tell=tell)
    if made_up:
        session.note("the demo has ended, and all that was made up is gone")
        return
    goes_on, them = ("runs on", "it") if left == 1 else ("run on", "them")
    left_over = f"; {count(left, 'job')} {goes_on}, and `allot up` finds {them} again" if left else ""
    session.note(f"the server has ended{left_over}")
