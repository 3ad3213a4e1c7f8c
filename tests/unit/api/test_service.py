"""The server's use cases, asked in the process and through its socket: one suite for both."""

from __future__ import annotations

import errno
import io
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from allotment.adapters.clock import SystemClock
from allotment.adapters.server import ways
from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import NetworkWay, SocketWay
from allotment.api.backends import BackEnds, ServerPlaces
from allotment.api.clusters import ReachedClusters
from allotment.api.deciding import PresentPlatform
from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.serving import Listener, bound_address, bound_nearby, bound_socket, serve
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnreachableError,
    UsageError,
)
from allotment.jobs.kubernetes.order import ONLY_CHECKED
from allotment.model.accelerator import CapacityType
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import AFAR, Permission
from allotment.model.jobs.job import (
    CheckpointPolicy,
    CodeFolder,
    DependencyState,
    JobDependency,
    JobSchedule,
    JobType,
    JobVolume,
    Program,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.run import GivenClass, JobState
from allotment.model.jobs.written import write_value
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import PodLimits
from allotment.observe.view import seen_by
from allotment.operations.access.admitting import Doorkeeper, LetIn
from allotment.operations.access.registry import Registry
from allotment.operations.access.tokens import WantedToken, make_token
from allotment.operations.ask.explaining import why, why_all
from allotment.operations.fleet.hub import ClusterHub
from allotment.operations.foresee.live.when import LiveWhenRequest, when_live
from allotment.operations.run import taking
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.operations.run.families import FamilyKeeping
from allotment.operations.run.kubernetes.submitters import Submitters
from allotment.operations.run.lane import Lane, Serving
from allotment.operations.run.taking import Intake
from allotment.ports.backends import JobRefusedError, LogLine
from allotment.ports.job_service import (
    CutLogError,
    JobReceipt,
    JobService,
    JobSubmission,
    SilentServerError,
    error_of,
)
from allotment.ports.request_service import RequestService
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import StoredJob
from allotment.simulation.live.starts import StartWishes
from allotment.spec.jobs.rules import refuse_broken_rules
from tests.unit import builders
from tests.unit.operations.run.machine import Machine, acme, job

NOTHING_DECLARED: Mapping[str, str] = {}


class Shelf:
    """Packed code in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, packed: io.BufferedIOBase) -> str:
        data = packed.read()
        self.kept[f"c{len(data)}"] = data
        return f"c{len(data)}"

    def path(self, reference: str) -> str:
        if reference not in self.kept:
            raise NotFoundError(f"there is no code {reference}")
        return f"/code/{reference}"

    def reference(self, path: str) -> str:
        return path.removeprefix("/code/")


class World:
    """A server over a machine of fakes.

    Args:
        declared: files of its platform directory, as it tells them.
    """

    def __init__(self, declared: Mapping[str, str] = NOTHING_DECLARED) -> None:
        self.machine = Machine()
        self.ids = (f"j{number}" for number in itertools.count())
        self.shelf = Shelf()
        backend = self.machine.backend
        serving = Serving(
            backend,
            advance=backend.advance,
            busy=lambda: False,
            told=backend.told,
            check=backend.check,
            foreseen=backend.foreseen,
            snapshot=backend.snapshot,
            with_past=True,
            families=FamilyKeeping(sweeps=True, schedules=True, logs=backend.logs),
            hand_on=self.machine.folders.hand_on,
            prices={"a100": {CapacityType.ON_DEMAND: 3_000_000}},
        )

        def opener(name: str) -> Serving:
            if name != "local":
                raise NotFoundError(f"there is no back end {name}")
            return serving

        most = PodLimits(None, None, 8)
        self.platform = replace(acme(), teams=tuple(replace(each, member_limits=most) for each in acme().teams))
        identity = ServerIdentity(
            "acme",
            "",
            ("nlp", "cv"),
            "ada",
            "1",
            1,
            refuse=lambda wanted: refuse_broken_rules(wanted, self.platform),
            declared=declared,
        )
        self.desk = Desk(identity, self.machine.store, opener, self.shelf, self.machine.clock, lambda: next(self.ids))

    def run(self, seconds: float = 0.0) -> None:
        for _ in range(4):
            self.desk.step()
        for _ in range(int(seconds * 2)):
            self.machine.clock.sleep(0.5)
            self.desk.step()


def no_requests(_admitted: LetIn) -> RequestService:
    """Nobody asks for them here; `test_requests.py` does, of a server with people."""
    return NotImplemented  # type: ignore[no-any-return]


def registry(world: World) -> Registry:
    return Registry(world.machine.store, world.machine.clock, os.urandom, "acme", "1")


def at_home(world: World) -> FastAPI:
    return job_api(world.desk, registry(world), no_requests, HomeDoor("ada"))


def from_afar(world: World) -> Hardened:
    door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock))
    return Hardened(job_api(world.desk, registry(world), no_requests, door), ("127.0.0.1",), lambda: "request-1")


def token(world: World, permissions: frozenset[Permission] = AFAR) -> str:
    """The text of a new one."""
    at_work = Caller("ada", CallerKind.LOCAL, "unix socket")
    now = round(world.machine.clock.now().timestamp() * 1000)
    wanted = WantedToken("tests", permissions, 3_600_000)
    return make_token(world.machine.store, wanted, at_work, now, os.urandom).text


@pytest.fixture(params=["in the process", "through the socket", "over the network"])
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[World, JobService]]:
    world = World()
    if request.param == "in the process":
        yield world, world.desk
        return
    path = tmp_path / "server.sock"
    with bound_socket(path) as bound, bound_address("127.0.0.1", 0) as abroad:
        listeners = [Listener(from_afar(world), abroad)]
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound, listeners))
        thread.start()
        if request.param == "through the socket":
            service = RemoteServer(SocketWay(path))
        else:
            service = RemoteServer(NetworkWay(f"http://127.0.0.1:{abroad.getsockname()[1]}", token(world)))
        try:
            yield world, service
        finally:
            world.desk.end()
            thread.join(20)
    assert not thread.is_alive()
    assert not path.exists()


def submitted(service: JobService, **more: object) -> JobReceipt:
    return service.submit(JobSubmission(job(**more), "local"))  # type: ignore[arg-type]


def test_what_is_told_of_a_job_at_submit_is_told_with_its_own_id() -> None:
    machine, ids = Machine(), iter(("j1", "j1", "j2", "j3"))
    lane = Lane(machine.store, Serving(machine.backend, told=lambda order: (f"in {order.id}",)), machine.clock)
    intake = Intake(machine.store, Shelf(), machine.clock, lambda: next(ids), lambda _: None)
    two = [JobSubmission(job(name="a"), "local"), JobSubmission(job(name="b"), "local")]
    # The second id was taken already, and another came in its place.
    ada = Caller("ada", CallerKind.LOCAL, "unix socket")
    receipts = [each for each in intake.take(lane, two, ada) if isinstance(each, JobReceipt)]
    assert [(each.job.id, each.told) for each in receipts] == [("j1", ("in j1",)), ("j2", ("in j2",))]
    assert intake.checked(lane, two[0], ada)[1] == (f"in {ONLY_CHECKED}",)


def test_a_job_from_submission_to_its_end(asked: tuple[World, JobService]) -> None:
    world, service = asked
    in_image = replace(job().program, image="registry.example/x:1")
    receipt = service.submit(JobSubmission(replace(job(), program=in_image), "local"))
    assert receipt.told == ("it runs with this machine's own programs, not in the image registry.example/x:1",)
    world.run(15)
    found = service.find("train")
    assert (found.id, found.owner, found.state) == (receipt.job.id, "ada", JobState.SUCCEEDED)
    assert found == service.find(found.id)
    assert [line.text for line in service.log(found.id) if line] == [b"hello", b"world"]
    assert [line.text for line in service.log(found.id, tail=1) if line] == [b"world"]
    (row,) = service.page(JobFilter(team="nlp", states=frozenset({JobState.SUCCEEDED}))).rows
    assert row.id == found.id
    again = service.retry(found.id)
    assert again.job.supersedes == found.id


GRID = Sweep((SweptParameter("lr", ("1", "2", "3")),), 3, 0, 2)


def test_a_sweep_is_one_row_with_trials_behind_it(asked: tuple[World, JobService]) -> None:
    world, service = asked
    receipt = submitted(service, name="search", type=JobType.SWEEP, sweep=GRID)
    parent = receipt.job.id
    assert receipt.told == ("it has 3 trials, 2 at the same time; each is admitted, and has its price, by itself",)
    world.run(25)
    (row,) = service.page(JobFilter(alone=True)).rows
    assert (row.id, row.state, row.said) == (parent, JobState.SUCCEEDED, "3 of 3 trials succeeded")
    trials = service.page(JobFilter(parent=parent)).rows
    assert [(each.id, each.number, each.parent) for each in trials] == [
        (f"{parent}-t{number}", number, parent) for number in (2, 1, 0)
    ]
    assert service.find("search").id == service.find(parent).id == parent
    assert service.find("search-1").id == f"{parent}-t1"
    lines = [(line.rank, line.text) for line in service.log(parent) if line]
    assert lines == [(number, text) for number in range(3) for text in (b"hello", b"world")]
    assert [line.rank for line in service.log(parent, rank=1) if line] == [1, 1]
    assert {line.rank for line in service.log(parent, follow=True) if line} == {0, 1, 2}
    summary = service.family(parent)
    assert summary.states == {JobState.SUCCEEDED: 3}
    assert summary.use is not None
    assert summary.use.run_ms == pytest.approx(30_000, abs=2_000)
    assert service.family(f"{parent}-t1").states == {}
    again = service.retry(parent).job
    world.run(1)
    assert service.stop(again.id, grace=0).state is JobState.STOPPING
    world.run(2)
    assert service.find(again.id).state is JobState.STOPPED
    assert {each.state for each in service.page(JobFilter(parent=again.id)).rows} == {JobState.STOPPED}


def test_a_schedule_tells_its_next_time_and_the_log_of_its_newest_run(asked: tuple[World, JobService]) -> None:
    world, service = asked
    with pytest.raises(InputError, match="time zone"):
        submitted(service, type=JobType.SCHEDULED, schedule=JobSchedule("* * * * *", "Mars/Olympus", 60))
    receipt = submitted(
        service, name="often", type=JobType.SCHEDULED, schedule=JobSchedule("*/5 * * * *", "Europe/Berlin", 60)
    )
    assert receipt.told == ("its first run is at 2026-11-28 01:05 Europe/Berlin",)
    assert [line for line in service.log("often") if line] == []
    world.run(620)
    (row,) = service.page(JobFilter(alone=True)).rows
    assert (row.state, row.said) == (JobState.QUEUED, "next run 2026-11-28 01:15 Europe/Berlin")
    assert service.family("often").states == {JobState.SUCCEEDED: 2}
    assert [line.text for line in service.log("often") if line] == [b"hello", b"world"]
    assert service.stop("often").state is JobState.STOPPED
    assert [line.text for line in service.log("often", follow=True) if line] == [b"hello", b"world"]


def test_what_would_become_of_a_job_is_told_and_nothing_is_kept(asked: tuple[World, JobService]) -> None:
    world, service = asked
    world.desk.step()
    fits = service.foresee(JobSubmission(job(devices=4), "local"))
    assert (fits.start.now, fits.price, fits.displaces) == (True, 12_000_000, ())
    low = submitted(service, program="long", devices=2).job
    submitted(service, program="long", devices=2, team="cv")
    world.run(1)
    waits = service.foresee(JobSubmission(job(devices=2), "local"))
    assert not waits.start.now
    assert "insufficient" in waits.start.waits_for
    displaces = service.foresee(JobSubmission(job(devices=2, priority="scheduled-training"), "local"))
    assert displaces.start.now
    assert [each.id for each in displaces.displaces] == [low.id]
    assert service.find(low.id).state is JobState.RUNNING
    assert len(service.page(JobFilter()).rows) == 2
    with pytest.raises(CapacityError):
        service.foresee(JobSubmission(job(devices=9), "local"))


def test_answers_rest_on_a_snapshot_of_the_machine(asked: tuple[World, JobService]) -> None:
    world, service = asked
    submitted(service, program="long", devices=4)
    submitted(service, devices=4, team="cv")
    world.run(1)
    (waiting,) = why_all(service.snapshot("local")).waiting
    assert waiting.explanation.cause == "preemption-pending" or "4 a100 short" in waiting.explanation.summary
    with pytest.raises(NotFoundError):
        service.snapshot("mars")


def test_answers_know_what_the_server_keeps_and_a_team_sees_its_own_alone(asked: tuple[World, JobService]) -> None:
    world, service = asked
    grid = Sweep((SweptParameter("lr", ("1", "2", "3")),), 3, 0, 2)
    sweep = submitted(service, program="long", devices=4, name="rates", type=JobType.SWEEP, sweep=grid).job
    submitted(service, name="after", after=(JobDependency("rates", DependencyState.ENDED),))
    world.run(2)
    snapshot = service.snapshot("local")
    told = why(snapshot, "rates").explanation
    assert "of 3 trials 1 runs, 1 waits, 1 is not made yet; the first that waits, rates-1: it asks for" in told.summary
    assert told.code.startswith("ALT-13")
    assert "sweep-at-once" in {each.cause for each in told.contributing}
    assert why(snapshot, sweep.id).explanation == told
    assert why(snapshot, "after").explanation.cause == "job-dependency"
    found = when_live(snapshot, LiveWhenRequest(("rates",), wishes=StartWishes(futures=20, budget=600)), SystemClock())
    assert ([row.subject.name for row in found.rows], found.notes, found.machine) == (["rates-1"], (), True)
    (held,) = when_live(snapshot, LiveWhenRequest(("after",)), SystemClock()).rows
    assert (held.subject.name, "rates" in held.stands) == ("after", True)
    seen = [len(seen_by(snapshot, team, frozenset({team})).sources[0].served) for team in ("nlp", "cv")]
    assert seen == [2, 0]


def test_what_has_ended_is_what_starts_are_foreseen_by(asked: tuple[World, JobService]) -> None:
    world, service = asked
    for _ in range(6):
        submitted(service, devices=4)
        world.run(15)
    submitted(service, program="long", devices=4)
    world.run(1)
    waits = submitted(service, devices=4, team="cv", name="waits").job
    world.run(1)
    snapshot = service.snapshot("local")
    found = when_live(snapshot, LiveWhenRequest(wishes=StartWishes(futures=20, budget=600)), SystemClock())
    assert found.ended == 6
    (row,) = [each for each in found.rows if each.subject.name == "waits"]
    assert row.start is not None
    assert row.start.interval is not None
    assert world.desk.find(waits.id).state is JobState.QUEUED
    assert len(why_all(snapshot).waiting) == 1
    assert {each.name for each in snapshot.sources[0].objects.jobs} == {"train", "waits"}


def test_pages_go_on_where_the_one_before_ended(asked: tuple[World, JobService]) -> None:
    _, service = asked
    for _ in range(5):
        submitted(service)
    first = service.page(JobFilter(), limit=3)
    assert first.next is not None
    second = service.page(JobFilter(), after=first.next, limit=3)
    assert [row.id for row in (*first.rows, *second.rows)] == ["j4", "j3", "j2", "j1", "j0"]


def test_stopping_is_told_and_of_what_is_over_nothing(asked: tuple[World, JobService]) -> None:
    world, service = asked
    one = submitted(service, program="long").job
    world.run(1)
    assert service.stop(one.id, grace=1).state is JobState.STOPPING
    world.run(3)
    assert service.stop(one.id).state is JobState.STOPPED


def test_code_travels(asked: tuple[World, JobService]) -> None:
    world, service = asked
    reference = service.put_code(io.BytesIO(b"x" * 3_000_000))
    one = service.submit(JobSubmission(job(), "local", reference)).job
    assert world.shelf.kept[reference] == b"x" * 3_000_000
    assert one.code == f"/code/{reference}"
    world.run(15)
    assert service.retry(one.id).job.code == one.code


def test_a_retry_goes_on_from_the_checkpoints_of_what_failed(asked: tuple[World, JobService]) -> None:
    world, service = asked
    failed = submitted(service, program="fails", checkpoint=CheckpointPolicy("ckpt", None, 30)).job
    world.run(15)
    assert service.find(failed.id).state is JobState.FAILED
    with pytest.raises(InputError, match="there are no checkpoints") as none:
        service.retry(failed.id, resume=True)
    assert none.value.fix == f"begin anew: `allot retry {failed.id}`"
    world.machine.folders.written.add(failed.id)
    receipt = service.retry(failed.id, resume=True)
    assert receipt.told == (f"it goes on from the checkpoints of {failed.id}, which are its own now",)
    assert world.machine.folders.written == {receipt.job.id}
    assert service.retry(failed.id, resume=True).job.id == receipt.job.id
    with pytest.raises(ConflictError) as again:
        service.retry(receipt.job.id)
    assert again.value.fix.startswith(f"follow it: `allot logs -f {receipt.job.id}`; or stop it first")
    world.run(15)
    with pytest.raises(InputError) as taken:
        service.retry(failed.id, resume=True)
    assert taken.value.fix == f"go on from its retry: `allot retry {receipt.job.id} --resume`"
    anew = service.retry(failed.id)
    assert anew.told[0].endswith(f"`allot retry {failed.id} --resume` goes on from them, once this one is stopped")
    assert world.machine.folders.written == {receipt.job.id}


def test_the_price_foreseen_is_that_of_what_is_offered_there(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(Lane, "offered", lambda *_: (GivenClass("a100"),))
    assert world.desk.foresee(JobSubmission(job(devices=4), "local")).price == 12_000_000
    monkeypatch.setattr(Lane, "offered", lambda *_: (GivenClass("a100", CapacityType.SPOT),))
    assert world.desk.foresee(JobSubmission(job(devices=4), "local")).price is None


def test_where_checkpoints_stay_a_retry_names_whose_it_goes_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a cluster. Whoever begins anew has a folder of its own again."""
    world = World()
    monkeypatch.setattr(Lane, "hand_on", None)
    first = submitted(world.desk, program="fails", checkpoint=CheckpointPolicy("ckpt", None, 30)).job
    world.run(15)
    told, before = [], first
    for resume in (True, True, False):
        receipt = world.desk.retry(before.id, resume=resume)
        world.run(15)
        before = receipt.job
        assert before.job.checkpoint is not None
        told.append((before.job.checkpoint.of, receipt.told[0]))
    assert [of for of, _ in told] == [first.id, first.id, ""]
    assert told[0][1] == f"it goes on from the checkpoints of {first.id}"
    assert "it begins anew" in told[2][1]


def test_a_retry_that_is_refused_leaves_the_checkpoints_where_they_are(asked: tuple[World, JobService]) -> None:
    world, service = asked
    reference = service.put_code(io.BytesIO(b"x"))
    failed = service.submit(
        JobSubmission(job("fails", checkpoint=CheckpointPolicy("ckpt", None, 30)), "local", reference)
    ).job
    world.run(15)
    world.machine.folders.written.add(failed.id)
    world.platform = replace(world.platform, teams=())
    with pytest.raises(AllotmentError):
        service.retry(failed.id, resume=True)
    assert world.machine.folders.written == {failed.id}


@pytest.mark.parametrize(
    ("program", "more", "why"),
    [
        ("fails", {}, "its file names no checkpoint directory"),
        ("quick", {"checkpoint": CheckpointPolicy("ckpt", None, 30)}, "it would end at once where it ended"),
    ],
)
def test_where_there_is_nothing_to_go_on_from_a_retry_says_so(
    asked: tuple[World, JobService], program: str, more: dict[str, Any], why: str
) -> None:
    world, service = asked
    over = submitted(service, program=program, **more).job
    world.run(15)
    with pytest.raises(InputError, match="nothing to go on from") as refused:
        service.retry(over.id, resume=True)
    assert refused.value.why == why


def test_a_retry_that_is_not_over_is_the_answer_to_the_next_one(asked: tuple[World, JobService]) -> None:
    world, service = asked
    first = submitted(service).job
    world.run(15)
    again, twice = service.retry(first.id), service.retry(first.id)
    assert (again.told, twice.job.id) == ((), again.job.id)
    assert twice.told == (f"it retries {first.id} already, and is {twice.job.state.value}: nothing was submitted",)
    assert len(service.page(JobFilter()).rows) == 2
    world.run(15)
    later = service.retry(first.id).job
    assert later.supersedes == first.id
    assert later.id not in {first.id, again.job.id}
    assert service.retry(first.id).job.id == later.id
    assert len(service.page(JobFilter()).rows) == 3


def test_a_name_that_is_waited_for_is_pinned_to_its_job(asked: tuple[World, JobService]) -> None:
    world, service = asked
    first = submitted(service).job
    after = submitted(service, after=(JobDependency("train", DependencyState.SUCCEEDED),)).job
    assert after.job.after == (JobDependency(first.id, DependencyState.SUCCEEDED),)
    world.run(1)
    # It is said once, so that it has to stay true: the state that the first is in does not.
    assert service.find(after.id).history.moves[-1].said == f"it waits until train ({first.id}) has succeeded"
    service.stop(first.id)
    world.run(15)
    said = service.find(after.id).history.moves[-1].said
    assert said == f"train ({first.id}), which had to succeed first, was stopped"


def test_names_are_asked_for_once_and_before_the_lane_is_taken_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    submitted(world.desk)
    asked: list[str] = []
    alone: list[int] = []
    lane_alone, find = Lane.alone, world.machine.store.find

    @contextmanager
    def watched(lane: Lane) -> Iterator[None]:
        with lane_alone(lane):
            alone.append(len(asked))
            yield

    def finding(reference: str, *, team: str = "") -> StoredJob:
        asked.append(reference)
        return find(reference, team=team)

    monkeypatch.setattr(Lane, "alone", watched)
    monkeypatch.setattr(world.machine.store, "find", finding)
    ended = DependencyState.ENDED
    one, none = (JobDependency("train", ended),), (JobDependency("train", ended), JobDependency("nothing", ended))
    broken = job(after=(JobDependency("never-asked", ended),) * 201)
    wanted = (job(name="a", after=one), job(name="b", after=none), job(name="c", after=one), broken)
    answers = world.desk.submit_all([JobSubmission(each, "local") for each in wanted])
    assert asked == ["train", "nothing"]
    assert alone == [2]
    assert [each.receipt.job.job.after if each.receipt else None for each in answers] == [
        (JobDependency("j0", ended),),
        None,
        (JobDependency("j0", ended),),
        None,
    ]
    assert answers[1].refused is not None
    assert answers[1].refused.error == "NotFoundError"


def test_what_comes_again_with_its_key_is_the_same_job_and_another_is_refused(asked: tuple[World, JobService]) -> None:
    world, service = asked
    first = submitted(service).job
    wanted = JobSubmission(
        job(after=(JobDependency("train", DependencyState.SUCCEEDED),)),
        "local",
        unwritten=frozenset({"resources.cpu"}),
        key="nightly",
    )
    one = service.submit(wanted)
    world.run(1)
    again = service.submit(wanted)
    assert (one.told, again.job.id) == ((), one.job.id)
    assert again.told == ("it was submitted before, with the same key; it is held",)
    others = (
        replace(wanted, job=replace(wanted.job, priority="scheduled-training")),
        replace(wanted, job=job()),
        replace(wanted, job=job(after=(JobDependency("eval", DependencyState.SUCCEEDED),))),
    )
    assert len(service.submit(replace(wanted, code=service.put_code(io.BytesIO(b"other")))).told) == 2
    for other in others:
        with pytest.raises(ConflictError, match="key"):
            service.submit(other)
    assert {each.id for each in service.page(JobFilter()).rows} == {first.id, one.job.id}
    assert service.submit(replace(wanted, key="other")).job.id != one.job.id


def test_what_a_file_leaves_open_is_told_where_the_machine_fills_it_in() -> None:
    one = job()
    fitted = replace(one, needs=replace(one.needs, cpu=MilliCpu(250)))
    for unwritten in (frozenset({"resources.cpu"}), frozenset[str]()):
        told = [*taking._filled_in(JobSubmission(one, "local", unwritten=unwritten), fitted)]
        assert told == ["it has 0.25 CPU, its part of the machine: its file names no other amount"] * len(unwritten)


def test_a_clone_has_the_code_of_the_job_that_it_supersedes(asked: tuple[World, JobService]) -> None:
    _, service = asked
    folder = CodeFolder(".", "", Bytes(1 << 20))
    with_code = replace(job(), program=replace(job().program, code=folder))
    one = service.submit(JobSubmission(with_code, "local", service.put_code(io.BytesIO(b"code")))).job
    two = service.submit(JobSubmission(replace(with_code, name="other"), "local", supersedes=one.id, key="k")).job
    assert (two.code, two.supersedes) == (one.code, one.id)
    assert service.submit(JobSubmission(with_code, "local")).job.code == ""


def test_of_many_each_is_taken_or_refused_by_itself(asked: tuple[World, JobService]) -> None:
    _, service = asked
    known = JobSubmission(job(), "local", key="k")
    service.submit(known)
    wanted = (
        JobSubmission(job(), "local"),
        JobSubmission(job(devices=9), "local"),
        JobSubmission(job(), "mars"),
        known,
    )
    found = service.submit_all(wanted)
    assert [each.receipt is not None for each in found] == [True, False, False, True]
    refused = [error_of(each.refused) for each in found if each.refused is not None]
    assert [type(each) for each in refused] == [CapacityError, NotFoundError]
    assert len(service.page(JobFilter()).rows) == 2
    many = [JobSubmission(job(), "local", key=f"k{number}") for number in range(200)]
    long = replace(job(), program=replace(job().program, argv=("x" * (1 << 20),)))
    many[7] = replace(many[7], job=long)
    found = service.submit_all(many)
    assert [number for number, each in enumerate(found) if each.receipt is None] == [7]


def test_one_that_cannot_be_kept_keeps_no_other_out() -> None:
    world = World()
    world.ids = iter(["j1", "j1", "j2"])
    first, second = world.desk.submit_all((JobSubmission(job(), "local"),) * 2)
    assert first.receipt is not None
    assert second.receipt is not None
    assert (first.receipt.job.id, second.receipt.job.id) == ("j1", "j2")


def test_where_nobody_answers_it_is_asked_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def sent(_self: object, verb: str, path: str, _body: object, _patience: object, headers: dict[str, str]) -> None:
        # Code is kept under what it says, and needs no key.
        asked.append((verb, "code" if path == "/api/v1/code" else headers.get("Idempotency-Key", "")))
        raise SilentServerError("nobody")

    monkeypatch.setattr(RemoteServer, "_sent", sent)
    service = RemoteServer(SocketWay(Path("/nowhere")))
    calls: tuple[Callable[[], object], ...] = (
        lambda: service.submit(JobSubmission(job(), "local")),
        lambda: service.retry("j1"),
        lambda: service.make_token("x", ("read",), 5),
        lambda: service.revoke_token("x"),
        lambda: service.put_code(io.BytesIO(b"x")),
        service.status,
    )
    keys = set()
    for call in calls:
        asked.clear()
        with pytest.raises(UnreachableError):
            call()
        assert len(asked) == (1 if asked[0][0] == "GET" else 3)
        assert len(set(asked)) == 1
        assert bool(asked[0][1]) == (asked[0][0] != "GET")
        keys.add(asked[0][1])
    assert len(keys) == len(calls)
    asked.clear()
    with pytest.raises(UnreachableError):
        service.enter("token", "nonce", "host")
    assert len(asked) == 1, "a sign-in is good for once"


REFUSED: tuple[tuple[Callable[[JobService], object], type[AllotmentError]], ...] = (
    (lambda service: service.find("nothing"), NotFoundError),
    (lambda service: service.find("j/../../x?y#z"), NotFoundError),
    (lambda service: service.submit(JobSubmission(job(), "mars")), NotFoundError),
    (lambda service: service.submit(JobSubmission(job(), "local", "c1")), NotFoundError),
    (lambda service: service.submit(JobSubmission(job(), "local", supersedes="nosuch")), NotFoundError),
    (lambda service: submitted(service, devices=9), CapacityError),
    (lambda service: submitted(service, type=JobType.SERVICE), JobRefusedError),
    (lambda service: service.retry(submitted(service, devices=4, program="long").job.id), ConflictError),
    (lambda service: list(service.log(submitted(service, devices=4, program="long").job.id)), NotFoundError),
)


FORBIDDEN: tuple[tuple[dict[str, Any], type[AllotmentError], str], ...] = (
    ({"priority": "production-inference"}, InputError, "team nlp may not use the priority"),
    ({"priority": "highest"}, NotFoundError, "there is no priority"),
    ({"checkpoint": CheckpointPolicy("/c", 60, 86_400)}, InputError, "of grace are more than the"),
    ({"devices": 1000}, CapacityError, "of accelerators at most"),
    ({"given": {"A=B": "1"}}, InputError, "is no name of a variable"),
    ({"given": {"CUDA_VISIBLE_DEVICES": "0"}}, InputError, "which devices"),
    ({"given": {"A": "1" * 300_000}}, InputError, "characters together"),
    ({"team": "nobody"}, NotFoundError, "there is no team"),
    ({"after": (JobDependency("x", DependencyState.ENDED),) * 201}, InputError, "after: 201 of them"),
    ({"labels": {f"a{each}": "" for each in range(51)}}, InputError, "labels: 51 of them"),
    ({"ran": Program(("a",) * 2_001)}, InputError, "args: 2,001 of them"),
    ({"volumes": (JobVolume("v", VolumeUse.SCRATCH, "/v"),) * 51}, InputError, "volumes: 51 of them"),
    ({"data": (StagedData("/d", "v", "d", StagingTime.BEFORE),) * 201}, InputError, "data: 201 of them"),
    ({"sweep": Sweep((SweptParameter("a", ("1",)),) * 51, 1, 0, 1)}, InputError, "sweep: 51 of them"),
    ({"sweep": Sweep((SweptParameter("a", ("1" * 300_000,)),), 1, 0, 1)}, InputError, "characters together"),
    ({"checkpoint": CheckpointPolicy("a" * 256, 60, 1)}, InputError, "one of its names has 256 bytes"),
    ({"checkpoint": CheckpointPolicy("é/" * 1_400, 60, 1)}, InputError, "it has 4,200 bytes"),
    ({"checkpoint": CheckpointPolicy("a\0b", 60, 1)}, InputError, "it holds control characters"),
    ({"checkpoint": CheckpointPolicy("", 60, 1)}, InputError, "the path is empty"),
    ({"checkpoint": CheckpointPolicy("./.", 60, 1)}, InputError, "is no folder of its own"),
    ({"checkpoint": CheckpointPolicy("a/../..", 60, 1)}, InputError, "leads out of its folder"),
    ({"ran": Program(("quick",), working_directory="../x")}, InputError, "leads out of its folder"),
    ({"ran": Program(("quick",), code=CodeFolder("\n", "", Bytes(1)))}, InputError, "control characters"),
    ({"volumes": (JobVolume("v", VolumeUse.READ_MOSTLY, "/v", folder="v"),)}, InputError, "is not absolute"),
    ({"volumes": (JobVolume("v", VolumeUse.READ_MOSTLY, "/v", folder="/v/.."),)}, InputError, "leads out"),
    ({"data": (StagedData("/d", "v", "é" * 128, StagingTime.BEFORE),)}, InputError, "has 256 bytes"),
    ({"data": (StagedData("/" + "d" * 256, "v", "d", StagingTime.BEFORE),)}, InputError, "has 256 bytes"),
    ({"data": (StagedData("/d", "v", "/d", StagingTime.BEFORE),)}, InputError, "the path is absolute"),
)


def test_what_a_file_may_not_say_a_server_takes_from_nobody_who_writes_to_its_socket(
    asked: tuple[World, JobService],
) -> None:
    world, service = asked
    submissions = []
    for wanted, kind, said in FORBIDDEN:
        plain = job(**{each: value for each, value in wanted.items() if each not in {"given", "ran"}})
        program = wanted.get("ran", replace(plain.program, environment=wanted.get("given", {})))
        made = replace(plain, program=program)
        submissions.append(JobSubmission(made, "local"))
        for ask in (service.submit, service.foresee):
            with pytest.raises(kind, match=said):
                ask(submissions[-1])
    small = [each for each in submissions if len(write_value("submission", each)) < 20_000]
    assert not any(isinstance(each, JobReceipt) for each in service.submit_all(small))
    assert world.machine.store.kept() == ()


def test_who_names_no_amount_and_has_too_much_is_told_which_was_taken(asked: tuple[World, JobService]) -> None:
    _, service = asked
    large = replace(job(devices=0), needs=replace(job(devices=0).needs, memory=Bytes(1 << 50)))
    for unwritten, wanted in ((frozenset({"resources.memory"}), True), (frozenset[str](), False)):
        for ask in (service.submit, service.foresee):
            with pytest.raises(CapacityError) as refused:
                ask(JobSubmission(large, "local", unwritten=unwritten))
            assert ("its file does not name all of it: 1Pi for resources.memory" in refused.value.fix) is wanted


def test_whoever_follows_logs_keeps_nobody_else_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server has some forty threads for answers; sixty logs that stay silent take none of them."""
    world, path, done = World(), tmp_path / "server.sock", threading.Event()
    followed = submitted(world.desk).job.id

    def silent(_reference: str, **_how: object) -> Iterator[LogLine | None]:
        yield None
        done.wait(60)

    monkeypatch.setattr(world.desk, "log", silent)
    with bound_socket(path) as bound, ExitStack() as stack:
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound))
        thread.start()
        stack.callback(thread.join, 20)
        stack.callback(world.desk.end)
        stack.callback(done.set)
        readers = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(60)]
        for each in readers:
            each.settimeout(20)
            each.connect(str(path))
            each.sendall(f"GET /api/v1/jobs/{followed}/log?follow=true HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for each in readers:
            assert each.recv(15) == b"HTTP/1.1 200 OK"
        assert RemoteServer(SocketWay(path)).status().platform == "acme"


def test_what_is_refused_is_refused_the_same_way(asked: tuple[World, JobService]) -> None:
    _, service = asked
    for ask, kind in REFUSED:
        with pytest.raises(kind) as caught:
            ask(service)
        assert caught.value.what


def test_status_tells_whose_it_is(asked: tuple[World, JobService]) -> None:
    world, service = asked
    submitted(service, program="long")
    world.run(1)
    status = service.status()
    assert (status.platform, status.teams, status.backends[0].unreachable) == ("acme", ("nlp", "cv"), "")
    assert status.jobs == {JobState.RUNNING: 1}
    assert status.backends[0].offer.accelerators == {"a100": 4}


def test_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        RemoteServer(SocketWay(tmp_path / "server.sock")).status()


def test_a_socket_is_the_owners_alone_and_what_is_no_socket_is_left(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    with bound_socket(path):
        assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("mine")
    with pytest.raises(ConflictError), bound_socket(path):
        pass
    assert path.read_text() == "mine"
    with pytest.raises(ForbiddenError):
        RemoteServer(SocketWay(path)).status()


def test_a_followed_log_is_left_by_whoever_looks_and_the_server_goes_on(tmp_path: Path) -> None:
    world = World()
    path = tmp_path / "server.sock"
    with bound_socket(path) as bound:
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound))
        thread.start()
        service = RemoteServer(SocketWay(path))
        one = submitted(service).job
        deadline = time.monotonic() + 10
        while service.find(one.id).state is not JobState.RUNNING and time.monotonic() < deadline:
            pass
        lines = service.log(one.id, follow=True)
        assert next(line for line in lines if line) is not None
        lines.close()  # type: ignore[attr-defined]
        assert service.status().backends[0].unreachable == ""
        world.desk.end()
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b'{"rank":0,"text":"YQ=="}\n\n[]\n', None),
        (b'{"rank":0,"text":"YQ=="}\n[{"error":"NotFoundError","what":"x"}]\n', NotFoundError),
        (b'{"rank":0,"text":"YQ=="}\n', CutLogError),
        (b'{"rank":0,"text":"YQ=="}\n{"rank":0,"te', CutLogError),
        (b"", CutLogError),
    ],
)
@pytest.mark.parametrize("closed", [b"0\r\n\r\n", b""], ids=["in order", "cut"])
def test_a_log_that_was_cut_off_is_not_taken_for_one_that_ended(
    tmp_path: Path, sent: bytes, says: type[AllotmentError] | None, closed: bytes
) -> None:
    path = tmp_path / "s"
    chunk = b"%x\r\n%s\r\n" % (len(sent), sent) if sent else b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(1)

        def answer() -> None:
            asked, _ = listening.accept()
            asked.recv(1 << 16)
            asked.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk + closed
            )
            asked.close()

        thread = threading.Thread(target=answer)
        thread.start()
        log = RemoteServer(SocketWay(path)).log("j1", follow=True)
        if says is None:
            assert [line and line.text for line in log] == [b"a", None]
        else:
            with pytest.raises(says):
                list(log)
        thread.join(10)


@pytest.mark.parametrize(
    ("verb", "asked", "fix"),
    [
        ("GET", "status", "ask again; where it has ended, `allot up`"),
        ("POST", "jobs", "it may have done it all the same: look at `allot ps --all`"),
        ("POST", "requests/r7k2f9qa/decision", "it may have done it all the same: look at `allot requests --all`"),
        ("POST", "grants/r7k2f9qa/end", "it may have done it all the same: look at `allot grant list --all`"),
    ],
)
def test_a_server_that_takes_a_question_and_goes_is_silent_and_not_absent(
    tmp_path: Path, verb: str, asked: str, fix: str
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(1)

        def go() -> None:
            for _ in range(1 if verb == "GET" else 3):  # what has a key is asked again
                connection, _ = listening.accept()
                connection.recv(1 << 16)
                connection.close()

        thread = threading.Thread(target=go)
        thread.start()
        with pytest.raises(SilentServerError) as told:
            RemoteServer(SocketWay(path))._ask(verb, f"/api/v1/{asked}", "status", object)
        thread.join(10)
    assert told.value.fix.startswith(fix)


def test_where_a_slurm_is_described_is_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    world = World()
    with ExitStack() as opened:
        submitters = Submitters(tuple, builders.platform())
        reached = ReachedClusters(ClusterHub(dict, NotImplemented, SystemClock()), NotImplemented)
        present = PresentPlatform(builders.platform(), {})
        places = ServerPlaces(tmp_path, tmp_path)
        back_ends = BackEnds(present, places, 4, opened, world.machine.clock, submitters, reached)
        with pytest.raises(NotFoundError) as told:
            back_ends.open("labb")
    assert f"describe a Slurm in {tmp_path}/allotment/slurm/labb.yaml" in told.value.fix


def test_an_unknown_state_is_a_slip(tmp_path: Path) -> None:
    world = World()
    path = tmp_path / "server.sock"
    with bound_socket(path) as bound:
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound))
        thread.start()
        try:
            with pytest.raises(UsageError):
                RemoteServer(SocketWay(path))._ask("GET", "/api/v1/jobs?state=happy", "page", object)
        finally:
            world.desk.end()
            thread.join(20)


def test_where_more_wait_at_the_socket_than_fit_there_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, held, taken = tmp_path / "s", [], []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(0)
        while True:
            held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            held[-1].setblocking(False)
            if held[-1].connect_ex(str(path)) == errno.EAGAIN:
                break
        monkeypatch.setattr(ways.time, "sleep", lambda _: taken.append(listening.accept()[0]))
        held.append(ways._connected(str(path)))
        assert len(taken) == 1
        for each in (*held, *taken):
            each.close()


def test_where_the_usual_port_is_taken_the_next_that_is_free_is_listened_on() -> None:
    with bound_address("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        nearby = bound_nearby("127.0.0.1", port, 5)
        anywhere = bound_nearby("127.0.0.1", port, 1)
        assert nearby is not None
        assert anywhere is not None
        with nearby, anywhere:
            assert port not in {nearby.getsockname()[1], anywhere.getsockname()[1]}


def test_where_nothing_can_be_listened_on_the_server_serves_its_socket() -> None:
    assert bound_nearby("192.0.2.1", 7433, 1) is None
