"""A server that runs already is either what was asked for, or that is said."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from allotment.cli.commands.run.server_view import server_text
from allotment.errors import AllotmentError, ConflictError, TimedOutError, UnreachableError
from allotment.operations.access.listening import NOWHERE
from allotment.operations.run.starting import AskedStart, bring_up, check_as_asked
from allotment.ports.backends import BackendOffer
from allotment.ports.job_server import JobServer
from allotment.ports.job_service import ServedBackend, ServerStatus
from tests.unit.operations.run.machine import TestClock

LOCAL = ServedBackend("local", BackendOffer("local", ("process",), {"slots": 8}))
STATUS = ServerStatus("1", 7, 0, "acme", "/platforms/acme", ("cv",), (LOCAL,))


@pytest.mark.parametrize(
    ("directory", "slots", "command"),
    [
        ("", None, ""),
        ("/platforms/x/../acme", 8, ""),
        ("/platforms/my own", None, "allot up --platform '/platforms/my own'"),
        ("", 4, "allot up --slots 4"),
        ("/platforms/acme", 4, "allot up --platform /platforms/acme --slots 4"),
    ],
)
def test_what_is_not_used_is_refused_with_the_way_to_have_it(directory: str, slots: int | None, command: str) -> None:
    asked = AskedStart((), directory, slots)
    if not command:
        check_as_asked(STATUS, asked)
        return
    with pytest.raises(ConflictError) as found:
        check_as_asked(STATUS, asked)
    assert f"`allot down` and `{command}`" in found.value.fix
    assert found.value.exit_code == 6


@pytest.mark.parametrize(
    ("asked", "started_with", "missing", "with_all"),
    [
        ("--metrics-listen :9", "--platform /p", "--metrics-listen :9", "--platform /p --metrics-listen :9"),
        ("--metrics-listen :9", "--metrics-listen :8", "--metrics-listen :9", "--metrics-listen :9"),
        ("--access-log --hosts a,b", "--hosts a,b", "--access-log", "--hosts a,b --access-log"),
        ("--notices /n --access-log", "--slots 8", "--notices /n, --access-log", "--slots 8 --notices /n --access-log"),
        ("--access-log --hosts a,b", "--hosts a,b --listen 127.0.0.1:1 --access-log", "", ""),
        ("--platform /platforms/acme --slots 8", "", "", ""),
        ("--notices /n", None, "", ""),
        ("", "--notices /n", "", ""),
        ("--loopback", "--listen 127.0.0.1:1", "", ""),
        ("--loopback --access-log", "--loopback --slots 8", "--access-log", "--slots 8 --access-log"),
    ],
)
def test_a_flag_that_the_server_was_not_started_with_is_named(
    asked: str, started_with: str | None, missing: str, with_all: str
) -> None:
    words = None if started_with is None else started_with.split()
    if not missing:
        check_as_asked(STATUS, AskedStart(asked.split()), words)
        return
    with pytest.raises(ConflictError) as found:
        check_as_asked(STATUS, AskedStart(asked.split()), words)
    assert found.value.why == f"it was not started with {missing}"
    command = found.value.fix.partition("`allot down` and `allot up ")[2].partition("`")[0]
    assert command == with_all


def test_slots_that_are_other_ones_keep_what_else_it_was_started_with() -> None:
    with pytest.raises(ConflictError) as found:
        check_as_asked(STATUS, AskedStart(("--slots", "4"), slots=4), ("--slots", "8", "--access-log"))
    assert "`allot up --slots 4 --access-log`" in found.value.fix


def test_beside_another_server_a_demo_is_asked_for_by_what_a_demo_takes() -> None:
    with pytest.raises(ConflictError) as found:
        check_as_asked(STATUS, AskedStart(("--demo",)), ("--platform", "/p", "--metrics-listen", "127.0.0.1:9433"))
    assert "`allot down` and `allot up --demo`" in found.value.fix


@pytest.mark.parametrize(("listens", "refused"), [("", False), ("http://127.0.0.1:7433", True)])
def test_whoever_wants_the_socket_alone_is_told_that_it_is_not(listens: str, *, refused: bool) -> None:
    status, asked = replace(STATUS, listens=listens), AskedStart((), listen=NOWHERE)
    if not refused:
        check_as_asked(status, asked, ("--loopback",))
        return
    with pytest.raises(ConflictError, match="a server of platform acme runs already") as found:
        check_as_asked(status, asked, ("--loopback",))
    assert (found.value.why, "`allot up --listen none`" in found.value.fix) == (
        "it listens on http://127.0.0.1:7433 besides its socket",
        True,
    )


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        (AskedStart(("--loopback",)), ""),
        (AskedStart(("--demo",)), ""),
        (AskedStart(("--platform", "/p"), "/p"), "allot up --platform /p"),
        (AskedStart(("--slots", "4"), slots=4), "allot up --slots 4"),
    ],
)
def test_where_a_demo_runs_something_else_is_refused(asked: AskedStart, refused: str) -> None:
    status = replace(STATUS, directory="/state/demo/platform", demo="made up")
    if not refused:
        check_as_asked(status, asked, ("--demo", "--loopback"))
        return
    with pytest.raises(ConflictError) as found:
        check_as_asked(status, asked, ("--demo", "--loopback"))
    assert (found.value.why, f"`allot down` and `{refused}`" in found.value.fix) == ("it serves a demo", True)


@pytest.mark.parametrize(
    ("offer", "unreachable", "told"),
    [
        (BackendOffer("", ()), "", "lab: not asked yet"),
        (BackendOffer("", ()), "it does not answer", "lab: what it has is not known"),
        (BackendOffer("slurm", ("cpu",)), "", "lab: no accelerators"),
        (BackendOffer("slurm", ("gpu",), {"a100": 8}), "", "lab: 8 a100"),
    ],
)
def test_a_back_end_that_was_not_asked_is_not_said_to_have_nothing(
    offer: BackendOffer, unreachable: str, told: str
) -> None:
    status = ServerStatus("1", 7, 0, "acme", "", ("cv",), (ServedBackend("lab", offer, unreachable),))
    assert f"  {told}\n" in server_text(status, "allot")


class SlowServer:
    """One that starts, and answers after so many looks."""

    log = "/home/ada/.local/state/allotment/server/server.log"

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.spawned = 0

    @property
    def service(self) -> SlowServer:
        return self

    def status(self) -> ServerStatus:
        self.looks -= 1
        if self.looks >= 0:
            raise UnreachableError("the server does not run")
        return STATUS

    def spawn(self, _words: object) -> int:
        self.spawned += 1
        return 4711

    def ended(self) -> str | None:
        return None


class EndedServer(SlowServer):
    """One that ends at once."""

    def ended(self) -> str:
        return "error: the address is taken"


def test_a_server_that_ends_at_once_is_told_with_the_path_of_its_log() -> None:
    server = EndedServer(3)
    with pytest.raises(AllotmentError, match="the server ended at once") as told:
        bring_up(cast("JobServer", server), (), TestClock())
    assert (told.value.why, told.value.fix.endswith(server.log)) == ("error: the address is taken", True)


def test_a_server_that_takes_long_is_said_to_start_still_and_is_taken_the_next_time() -> None:
    server = SlowServer(1850)
    with pytest.raises(TimedOutError) as told:
        bring_up(cast("JobServer", server), (), TestClock())
    assert told.value.what == "the server still starts (process 4711): it does not answer after 90 s"
    assert told.value.fix.startswith("`allot up` again")
    assert told.value.fix.endswith(f"else look into {server.log}")
    server.looks = 0
    assert bring_up(cast("JobServer", server), (), TestClock()).already
    assert server.spawned == 1
