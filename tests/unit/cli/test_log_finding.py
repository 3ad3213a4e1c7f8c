"""`allot logs --grep` over the socket and over the network, and call after call to the end of a log."""

from __future__ import annotations

import pytest

from allotment.adapters.server.client import RemoteServer
from allotment.cli.commands.run import jobs
from allotment.cli.commands.run.log_finding import write_found
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, UsageError
from allotment.ports.log_lines import FoundLine, LogQuery, LogSearch
from allotment.ports.stored_jobs import StoredJob
from tests.unit.api.test_service import World, asked, submitted
from tests.unit.cli.conftest import Run, home, run

__all__ = ["asked", "home", "run"]  # fixtures

AFAR = pytest.mark.parametrize("asked", ["through the socket", "over the network"], indirect=True)


def ended_job(world: World, **more: object) -> StoredJob:
    """It has written ``hello`` and ``world``, each replica of it."""
    one = submitted(world.desk, **more).job.id
    world.run(15)
    return world.desk.find(one)


@AFAR
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--grep", "l"), "hello\nworld\n"),
        (("--grep", "wor*d"), "world\n"),
        (("--grep", "l", "--tail", "1"), "world\n"),
        (("--grep", "l", "--tail", "0"), ""),
        (("--grep", "*"), "hello\nworld\n"),
        (("--grep", "Hello"), ""),
    ],
)
def test_lines_that_hold_a_text(
    asked: tuple[World, RemoteServer], run: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    world, service = asked
    monkeypatch.setattr(jobs, "service_of", lambda _session: service)
    one = ended_job(world)
    found = run("logs", one.id, *words)
    assert found.ok() == told
    assert ("no line holds it, of 2 lines" in found.err) is ("Hello" in words)


@AFAR
def test_as_json_each_comes_with_its_number_and_replica(
    asked: tuple[World, RemoteServer], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, service = asked
    monkeypatch.setattr(jobs, "service_of", lambda _session: service)
    one = ended_job(world, replicas=2)
    whole = run("logs", one.id, "--grep", "world", "-o", "json").json()
    assert (whole["kind"], whole["job"], whole["text"], whole["matches"]) == ("FoundLines", one.id, "world", 2)
    assert [(each["rank"], each["text"]) for each in whole["lines"]] == [(0, "world"), (1, "world")]
    last = run("logs", one.id, "--grep", "world", "--tail", "1", "-o", "json").json()
    assert (last["matches"], last["lines"]) == (2, whole["lines"][1:])
    assert run("logs", one.id, "--grep", "world", "--rank", "1").ok() == "world\n"
    assert run("logs", one.id, "--grep", "world").ok() == "[0] world\n[1] world\n"
    assert run("logs", one.id, "--grep", "world", env={"ALLOTMENT_OUTPUT": "json"}).json() == whole
    assert run("logs", one.id, env={"ALLOTMENT_OUTPUT": "json"}).ok().startswith("[0] hello")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--grep", "x", "-f"), "--grep and --follow contradict each other"),
        (("-o", "json"), "-o goes with --grep alone"),
    ],
)
def test_what_does_not_go_together_is_refused(run: Run, words: tuple[str, ...], said: str) -> None:
    found = run("logs", "train", *words)
    assert (found.code, said in found.err) == (2, True)


class Pages:
    """Answers one after the other; each looks at ten lines, of which the first is meant."""

    def __init__(self, *following: int | None) -> None:
        self.following = [*following]
        self.asked: list[LogQuery] = []

    def lines(self, _reference: str, wanted: LogQuery, *, rank: int | None = None) -> LogSearch:
        assert rank is None
        self.asked.append(wanted)
        return LogSearch((FoundLine(wanted.first, 0, f"\x1b[2Jline {wanted.first}", 5),), 1, 10, self.following.pop(0))


def test_it_goes_on_to_the_end_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    one, pages = ended_job(World()), Pages(10, 20, None)
    write_found(Session({}), pages, one, "line", rank=None, tail=2)
    assert capsys.readouterr().out == "\x1b[2Jline 10\n\x1b[2Jline 20\n", "a pipe has it as it is"
    assert [(each.first, each.text, each.limit) for each in pages.asked] == [
        (0, "line", 1000), (10, "line", 1000), (20, "line", 1000),
    ]  # fmt: skip


def test_on_a_terminal_nothing_that_is_found_drives_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    write_found(Session({}), Pages(None), ended_job(World()), "line", rank=None, tail=None)
    assert capsys.readouterr().out == "\\x1b[2Jline 0\n"


def test_where_the_server_looks_no_further_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AllotmentError, match="only the first 10 lines of the log were looked through"):
        write_found(Session({}), Pages(10, 4), ended_job(World()), "line", rank=None, tail=None)
    assert capsys.readouterr().out.count("\n") == 2, "what was found before is told"


def test_a_rank_that_a_job_has_not_is_a_slip_here_as_well() -> None:
    with pytest.raises(UsageError, match="no number 1"):
        write_found(Session({}), Pages(), ended_job(World()), "line", rank=1, tail=None)
