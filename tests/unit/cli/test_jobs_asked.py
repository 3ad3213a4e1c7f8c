"""What commands say of jobs, and which jobs they mean: over a server of fakes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from allotment import wiring
from allotment.cli.commands.run import hearing
from allotment.cli.commands.run.following import end_of, exit_code, follow_to_its_end, held_by, write_log
from allotment.cli.commands.run.hearing import HeardChanges
from allotment.cli.commands.run.naming import check_team, job_of, living
from allotment.cli.commands.run.serving import platform_words
from allotment.cli.commands.run.stopping import seconds_of, stop_named, waited_for
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, NotFoundError, TimedOutError, UnreachableError, UsageError
from allotment.model.jobs.run import JobState
from allotment.operations.run import starting
from allotment.operations.run.plain_reasons import lacks_room, plain_reason
from allotment.operations.run.starting import bring_down
from allotment.ports.backends import LogLine
from allotment.ports.job_service import CutLogError, JobService, JobSubmission
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import StoredWait, row_of
from allotment.scheduling.queueing.reasons import Refusal, RefusalKind
from allotment.wiring import running
from tests.unit.api.test_service import World
from tests.unit.api.test_service import asked as served
from tests.unit.cli.conftest import ACME, Run, home, run
from tests.unit.operations.run.machine import job

__all__ = ["home", "run", "served"]  # fixtures

KUEUE = "couldn't assign flavors to pod set main: "
OTHER = "flavor {} doesn't match node affinity"
WORDS = {
    KUEUE
    + "insufficient unused quota for cpu in flavor machine, 250m more needed, insufficient unused quota for memory "
    "in flavor machine, 3025346048 more needed": "0.25 CPU short, 2.82 GiB of memory short",
    KUEUE + "insufficient quota for cpu in flavor machine, previously considered podsets requests (0) + current podset "
    "request (64) > maximum capacity (2)": "it asks for 64 CPU, and 2 CPU is the most that it can have here",
    KUEUE + "insufficient unused quota for device in flavor a100, 2 more needed": "2 a100 short",
    KUEUE + "insufficient unused quota for device in flavor slots, 1 more needed": "1 slot short",
    KUEUE + "insufficient unused quota for device in flavor slots, 2 more needed. Pending the preemption of 1 "
    "workload(s)": "2 slots short; 1 job makes room for it",
    Refusal(RefusalKind.LOST_RACE, []).text: "another job got its place; it starts when there is room again",
    Refusal(RefusalKind.OVERLAPPING_TARGETS, []).text: "others make room for a job before it",
    Refusal(
        RefusalKind.DEFERRED_BEHIND_PREEMPTION, []
    ).text: "it starts when the jobs that are told to end have made room",
    KUEUE + f"{OTHER.format('a')}, {OTHER.format('b')}, insufficient unused quota for device in flavor h100, 8 more "
    f"needed, {OTHER.format('c')}, {OTHER.format('d')}": "8 h100 short",
    KUEUE + f"{OTHER.format('a')}, {OTHER.format('b')}": f"{OTHER.format('a')}, {OTHER.format('b')}",
    "others come before it": "others come before it",
    "insufficient unused quota for memory in flavor x, much more needed": "much of memory short",
}


@pytest.mark.parametrize("said", WORDS)
def test_reasons_in_plain_words(said: str) -> None:
    assert plain_reason(said) == WORDS[said]
    assert lacks_room(said) is ("unused" in said or "no longer fits" in said)


def submitted(world: World, **more: object) -> str:
    return world.desk.submit(JobSubmission(job(**{"program": "long", **more}), "local")).job.id  # type: ignore[arg-type]


def session(team: str = "", *, setting: str = "") -> Session:
    found = Session({"ALLOTMENT_TEAM": setting} if setting else {})
    if team:
        found.flags["team"] = team
    return found


def test_a_name_means_a_job_of_the_team_and_who_holds_the_rest_is_named(served: tuple[World, JobService]) -> None:
    world, service = served
    mine, theirs = submitted(world, devices=3), submitted(world, devices=3, team="cv")
    world.run(1)
    assert job_of(session("nlp"), service, "train").id == mine
    assert job_of(session(), service, f"job/{mine}").id == mine
    assert job_of(session(setting="nlp"), service, theirs).id == theirs
    with pytest.raises(NotFoundError):
        job_of(session("nlp"), service, theirs)
    waits = service.find(theirs)
    assert waits.state is JobState.QUEUED
    assert held_by(service, waits) == f"; now train ({mine}) runs"
    assert held_by(service, service.find(mine)) == ""
    with pytest.raises(NotFoundError, match="no team"):
        check_team(service, JobFilter(team="nosuch"))
    check_team(service, JobFilter(team="cv"))


def test_of_several_each_is_stopped_by_itself(
    served: tuple[World, JobService], capsys: pytest.CaptureFixture[str]
) -> None:
    world, service = served
    old, new, other = submitted(world), submitted(world), submitted(world, name="other")
    world.run(1)
    assert stop_named(session(), service, ["train", "nosuch", other], 1) == 3
    told = capsys.readouterr().err
    assert "2 jobs are called train" in told
    assert "2 of 3 were stopped" in told
    world.run(5)
    assert [service.find(each).state for each in (new, other)] == [JobState.STOPPED] * 2
    assert [each.id for each in living(service, name="train")] == [old]
    assert living(service, team="cv") == []
    capsys.readouterr()
    assert stop_named(session(), service, ["train", "train"], 1) == 0
    assert len(capsys.readouterr().err.splitlines()) == 1, "a name that is given twice is told of once"
    with pytest.raises(NotFoundError):
        stop_named(session(), service, ["nosuch"], None)


def test_of_a_sweep_and_its_trials_one_is_named_as_what_holds_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    short = "insufficient unused quota for device in flavor slots, 1 more needed"
    waits = replace(world.desk.find(submitted(world)), waits=(StoredWait(0, "", "", short),))
    row = row_of(waits)
    heads = [replace(row, id="J", name="sweep"), replace(row, id="K", name="ranker")]
    rows = [*heads, *(replace(row, id=f"J-t{each}", name=f"sweep-{each}", parent="J") for each in range(2))]
    monkeypatch.setattr(world.desk, "page", lambda *_, **__: SimpleNamespace(rows=rows))
    assert held_by(world.desk, waits) == "; now sweep (J), ranker (K) run"
    named = held_by(world.desk, replace(waits, parent="J"))
    assert named == "; now ranker (K), sweep-0 (J-t0), sweep-1 (J-t1) run"


def test_several_are_waited_for_and_the_first_that_did_not_succeed_gives_the_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    monkeypatch.setattr(wiring, "clock", lambda: world.machine.clock)

    class Ear:
        def __init__(self, _events: object) -> None:
            """Time passes while it listens."""

        def wait(self, _seconds: float) -> HeardChanges:
            world.run(1)
            return HeardChanges(anew=True)

    monkeypatch.setattr(hearing, "ServerEar", Ear)
    lasting = world.desk.find(submitted(world, name="lasting"))
    broken = world.desk.find(submitted(world, name="broken", program="nosuchprog"))
    stopped = world.desk.find(submitted(world, name="stopped"))
    world.run(2)
    world.desk.stop(stopped.id, grace=0)
    with pytest.raises(TimedOutError, match="lasting is running after 2 s"):
        waited_for(session(), world.desk, [lasting, broken], "over", 2)
    capsys.readouterr()
    world.desk.stop(lasting.id, grace=0)
    assert waited_for(session(), world.desk, [broken, lasting, stopped], "over", None) == 127
    told = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0] for line in told] == ["broken", "stopped", "lasting"], "as they end"
    assert waited_for(session(), world.desk, [lasting, stopped], "over", None) == exit_code(world.desk.find(lasting.id))
    assert waited_for(session(), world.desk, [broken, stopped], "failed", None) == 1
    assert f"stopped ({stopped.id}) is stopped, and will never be failed" in capsys.readouterr().err
    with pytest.raises(AllotmentError, match="never be succeeded") as told_of_one:
        waited_for(session(), world.desk, [broken], "succeeded", None)
    assert told_of_one.value.exit_code == 1


@pytest.fixture
def asked(served: tuple[World, JobService], monkeypatch: pytest.MonkeyPatch) -> World:
    """A server with a job of each of two teams, of which every command asks: here, and from afar."""
    world, service = served
    submitted(world, name="mine"), submitted(world, name="theirs", team="cv")
    world.run(1)
    monkeypatch.setattr(running, "job_server", lambda _: SimpleNamespace(service=service))
    monkeypatch.setenv("ALLOTMENT_TEAM", "nlp")
    return world


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ((), {"mine"}),
        (("-n", "cv"), {"theirs"}),
        (("--namespace", "cv"), {"theirs"}),
        (("-A",), {"mine", "theirs"}),
        (("--all-namespaces",), {"mine", "theirs"}),
    ],
)
def test_ps_takes_teams_as_kubectl_takes_namespaces(
    run: Run, asked: World, flags: tuple[str, ...], wanted: set[str]
) -> None:
    assert {each["name"] for each in run("ps", *flags, "-o", "json").json()["items"]} == wanted
    assert run("ps", "-A", "-n", "cv").code == 2


def test_where_all_is_over_ps_names_the_flag_that_lists_it(run: Run, asked: World) -> None:
    assert "allot run SCRIPT" in run("ps", "--state", "failed").err
    for each in asked.desk.page(JobFilter(), limit=9).rows:
        asked.desk.stop(each.id, grace=0)
    asked.run(5)
    assert "no job is under way; `allot ps -a` lists those that are over, too" in run("ps").err
    assert "mine" in run("ps", "-a").ok()


@pytest.mark.parametrize("asked_for", [("prune",), ("forget", "j1")])
def test_whoever_says_no_to_forgetting_is_told_by_the_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, asked_for: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Session, "no_input", False)
    declined = run("store", *asked_for, typed="n\n")
    assert (declined.code, "nothing was forgotten" in declined.err) == (1, True)


def test_all_jobs_are_stopped_only_where_somebody_said_so(
    run: Run, asked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOTMENT_TEAM", "")
    nobody = run("stop", "--all", "--no-input")
    assert (nobody.code, "--yes" in nobody.err) == (2, True)
    monkeypatch.setattr(Session, "no_input", False)
    declined = run("stop", "--all", typed="n\n")
    assert "Stop 2 jobs of 2 teams for good (theirs, mine)?" in declined.err
    assert (declined.code, "nothing was stopped" in declined.err) == (1, True)
    assert len(living(asked.desk)) == 2
    run("stop", "--all", "--team", "cv").ok()  # one alone is not asked about
    submitted(asked)
    run("stop", "--all", "-y").ok()
    asked.run(40)
    assert living(asked.desk) == []


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(CutLogError("the server ended in the middle of a log"), id="in the log"),
        pytest.param(UnreachableError("the server does not answer"), id="before the end is on record"),
    ],
)
def test_who_looks_at_a_job_while_the_server_ends_is_told_what_goes_on(
    gone: UnreachableError, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    one = world.desk.find(submitted(world))

    def log(*_: object, **__: object) -> Iterator[LogLine]:
        yield LogLine(0, b"epoch 9")
        raise gone

    monkeypatch.setattr(world.desk, "log", log)
    with pytest.raises(UnreachableError) as told:
        follow_to_its_end(session(), world.desk, one)
    assert told.value.exit_code == 9
    assert told.value.what == f"the server answers no more, and train ({one.id}) goes on"
    assert f"allot logs -f {one.id}" in told.value.fix
    assert "allot up" in told.value.fix


def test_who_looks_at_a_job_that_never_ran_is_told_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World()
    one = world.desk.find(submitted(world))

    def log(*_: object, **__: object) -> Iterator[LogLine]:
        """Its back end knows before it is on record."""
        world.desk.stop(one.id)
        raise NotFoundError("nothing of it has run, so there is no log")
        yield

    monkeypatch.setattr(world.desk, "log", log)
    monkeypatch.setattr(wiring, "clock", lambda: SimpleNamespace(sleep=lambda _: world.run(1)))
    assert follow_to_its_end(session(), world.desk, one) == 1
    assert f"train ({one.id}) stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("program", "where"),
    [
        ("nosuchprog", 'it is "nosuchprog", and in no folder of the PATH that the job has'),
        ("./gone.sh", 'it is "./gone.sh", seen from its working directory; or what its first line names is not there'),
    ],
)
def test_of_a_program_that_is_not_there_it_is_said_which_and_where(program: str, where: str) -> None:
    world = World()
    one = submitted(world, program=program)
    world.run(5)
    ended = world.desk.find(one)
    assert end_of(ended).endswith(f"its program could not be started: No such file or directory; {where}")
    assert exit_code(ended) == 127


def test_a_rank_that_a_job_has_not_is_a_slip() -> None:
    world = World()
    one = submitted(world)
    with pytest.raises(UsageError, match="no number 1"):
        write_log(session(), world.desk, one, rank=1, follow=False, tail=None)


class _Written(io.RawIOBase):
    """What was written, each time by itself: a buffer before it hands over what it holds when it is flushed."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(data)


@pytest.mark.parametrize(
    ("terminal", "expected"),
    [
        (False, [b"[0] a\n[1] \x1b]0;you\x07\t\xff\n", b"[0] \n"]),
        (True, [b"[0] a\n[1] \\x1b]0;you\\x07    \\ufffd\n", b"[0] \n"]),
    ],
    ids=["pipe", "terminal"],
)
def test_a_log_is_written_as_it_came_block_by_block_and_drives_no_terminal(
    terminal: bool, expected: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    one = submitted(world, replicas=2)

    def log(*_: object, **__: object) -> Iterator[LogLine]:
        yield LogLine(0, b"a", more=True)
        yield LogLine(1, b"\x1b]0;you\x07\t\xff")
        yield LogLine(0, b"")

    written = _Written()
    out = io.TextIOWrapper(io.BufferedWriter(written), encoding="ascii")
    monkeypatch.setattr(out, "isatty", lambda: terminal)
    monkeypatch.setattr(world.desk, "log", log)
    monkeypatch.setattr("sys.stdout", out)
    assert write_log(session(), world.desk, one, rank=None, follow=False, tail=None)
    assert written.parts == expected


def test_a_folder_without_a_platform_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Job\n")
    found = session()
    found.flags["platform"] = str(tmp_path)
    with pytest.raises(NotFoundError, match="no platform"):
        platform_words(found)
    found.flags["platform"] = str(ACME)
    assert platform_words(found) == ["--platform", str(ACME)]


def test_times_as_users_write_them() -> None:
    assert [seconds_of(each) for each in ("", "0", "90", "1.5", "5m", "2h")] == [None, 0, 90, 1.5, 300, 7200]
    for wrong in ("soon", "-1", "inf", "nan", "5 parsecs"):
        with pytest.raises(UsageError):
            seconds_of(wrong)


class Process:
    """A server in this process, whose machine goes on while somebody waits."""

    def __init__(self, world: World) -> None:
        self.service = world.desk

    def runs(self, _pid: int) -> bool:
        return False


def test_who_takes_his_time_to_end_is_named_and_of_many_it_is_told_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(starting, "_TELL_AFTER", 2)
    world = World()
    one = submitted(world, program="stubborn")
    for _ in range(4):
        submitted(world)
    world.run(1)
    told: list[str] = []

    class Clock:
        def sleep(self, seconds: float) -> None:
            world.machine.clock.sleep(seconds)
            world.desk.step()

    bring_down(Process(world), Clock(), stop_jobs=True, tell=told.append)  # type: ignore[arg-type]
    assert world.desk.find(one).state is JobState.STOPPED
    assert told[:2] == ["2 of 5 jobs were told to end", "4 of 5 jobs were told to end"]
    assert one in told[2]
