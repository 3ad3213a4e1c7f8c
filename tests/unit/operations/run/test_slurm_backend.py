"""A Slurm as a back end: handed in once, found again, displaced and back, forgotten and still known."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from allotment.adapters.slurm.fake import FakeSlurm
from allotment.errors import CapacityError, InputError, NotFoundError
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.slurm.rendering import RANKS, SlurmPlace, SlurmShape, task_log
from allotment.model.jobs.family import MOST_VALUES
from allotment.model.jobs.job import CheckpointPolicy, Job, JobVolume, VolumeUse
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.quantity import Bytes
from allotment.model.slurm.seen import SlurmExit, SlurmJob, SlurmPhase
from allotment.model.slurm.used import SlurmUse
from allotment.operations.run.following import moves_to
from allotment.operations.run.hearing import MOST_A_LOOK
from allotment.operations.run.slurm import trial_reports
from allotment.operations.run.slurm.backend import SlurmBackend
from allotment.operations.run.slurm.configured import configured_slurm, placed
from allotment.operations.run.slurm.ends import first_failed
from allotment.operations.run.slurm.gathering import gathered
from allotment.operations.run.slurm.handing_in import SharedStorage
from allotment.operations.run.slurm.standing import standing_of
from allotment.operations.run.slurm.sweeps import TrialRun
from allotment.operations.run.slurm.trial_reports import TrialReports
from allotment.ports.backends import EndOfRun, FollowedJob, JobRefusedError, JobToStart
from tests.unit import builders as build
from tests.unit.adapters.slurm.cluster import fake_cluster
from tests.unit.jobs.kubernetes.work import job as kubernetes_job
from tests.unit.jobs.kubernetes.work import program
from tests.unit.operations.run.machine import NamedFolders, NamedSecrets

PLACE = SlurmPlace(
    "hpc",
    {"a100": SlurmShape("a100", 4, 16, build.gib(7))},
    partitions={"exploratory": ("batch",), "production-inference": ("urgent",)},
)
SAVED = CheckpointPolicy("ckpt", 600, 4)


@dataclass
class MemoryOutput:
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def folder(self, job_id: str) -> str:
        return f"/output/{job_id}"

    def names(self, job_id: str) -> tuple[str, ...]:
        return tuple(sorted(self.files.get(job_id, {})))

    def read(self, job_id: str, name: str, start: int, most: int = 1 << 16) -> bytes:
        return self.files.get(job_id, {}).get(name, b"")[start : start + most]

    def size(self, job_id: str, name: str) -> int:
        return len(self.files.get(job_id, {}).get(name, b""))


@dataclass
class SlurmClock:
    slurm: FakeSlurm

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.slurm.now, dt.UTC)

    def sleep(self, seconds: float) -> None:
        self.slurm.advance(max(1, round(seconds)))


@dataclass
class Scene:
    slurm: FakeSlurm = field(default_factory=fake_cluster)
    folders: NamedFolders = field(default_factory=NamedFolders)
    output: MemoryOutput = field(default_factory=MemoryOutput)
    secrets: NamedSecrets = field(default_factory=lambda: NamedSecrets(given=False))

    def __post_init__(self) -> None:
        self.backend = self.new()

    def new(self) -> SlurmBackend:
        storage = SharedStorage(self.folders, self.output, self.secrets)
        return SlurmBackend("hpc", self.slurm, lambda _: PLACE, storage, SlurmClock(self.slurm))

    def start(self, job_id: str, job: Job, **more: Any) -> FollowedJob:
        return self.backend.start(JobToStart(job_id, job, "ann", **{"attempt": 1, **more}))

    def states(self, backend: SlurmBackend | None = None) -> Mapping[str, JobState]:
        return {each.id: each.state for each in (backend or self.backend).look()}

    def seen(self, job_id: str) -> FollowedJob:
        (found,) = (each for each in self.backend.look() if each.id == job_id)
        return found

    def job(self, name: str, seconds: int, code: int = 0, **changes: Any) -> Job:
        self.slurm.runs["sh", "-c", RANKS, "sh", name] = (seconds, code)
        needs = replace(kubernetes_job().needs, cpu=build.cores(2), memory=build.gib(1))
        ours = {"program": program(image="", argv=(name,)), "needs": needs, **changes}
        return kubernetes_job(**ours)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_what_the_accounting_gathered_is_told_with_the_end_and_asked_for_once(scene: Scene) -> None:
    scene.start("x1", scene.job("good", 5))
    scene.start("x2", scene.job("other", 5))
    native = int(scene.seen("x1").native)
    scene.slurm.uses[native] = SlurmUse(5 << 20, 4_000, 41, 3 << 30)
    scene.slurm.advance(9)
    end = scene.seen("x1").end
    assert end is not None
    assert (end.memory, end.cpu_ms, end.devices_busy, end.device_memory) == (5 << 20, 4_000, 41, 3 << 30)
    scene.slurm.uses.clear()
    scene.slurm.advance(60)
    assert scene.seen("x1").end == end
    assert scene.seen("x2").end == EndOfRun(0), "nothing was gathered: no zeros"


SRUN = b"srun: error: cpu0: task 0: Exited with exit code 1\n"
ENDED = b"srun: launch/slurm: _step_signal: Terminating StepId=1.0\n"
REQUEUED = b"""\
slurmstepd-cpu0: error: *** JOB 4 ON cpu0 CANCELLED AT 2026-11-28T22:03:25 DUE TO JOB REQUEUE ***
srun: Job step aborted: Waiting up to 4 seconds for job step to finish.
srun: forcing job termination
srun: error: cpu0: task 1: Exited with exit code 143
srun: launch/slurm: _step_signal: Terminating StepId=4.0
srun: error: cpu0: task 0: Exited with exit code 143
"""


@pytest.mark.parametrize(
    ("log", "wanted"),
    [
        (SRUN + ENDED + b"srun: error: cpu0: task 1: Terminated\nsrun: Force Terminated StepId=1.0\n", (0, 1)),
        (b"srun: error: gpu1: task 11: Segmentation fault (core dumped)\n" + ENDED + SRUN, (11, 139)),
        (b"srun: error: gpu[0-1]: tasks 2-3,7: Killed\nsrun: Terminating job step 1.0\n", (2, 137)),
        (REQUEUED + SRUN + ENDED, (0, 1)),
        # Others end their own way once they are told to.
        (SRUN + ENDED + b"srun: error: cpu0: task 1: Exited with exit code 7\n", (0, 1)),
        (b"srun: error: cpu0: task 1: Out Of Memory\n" + ENDED, None),
        (b"srun: error: Unable to create step for job 5: Invalid\n", None),
        (SRUN, None),
        (b"\xff\nsrun: error: cpu0: task " + b"9" * 9000 + b": Killed\n" + ENDED, None),
        (b"", None),
    ],
)
def test_the_rank_that_failed_by_itself_by_what_srun_says(log: bytes, wanted: tuple[int, int] | None) -> None:
    assert first_failed(log) == wanted


def test_a_gang_ends_with_the_code_of_the_rank_that_failed_first(scene: Scene) -> None:
    """Slurm itself tells the highest of all, which is of a rank that it has ended."""
    log = {"attempt-1.log": bytes(1 << 17) + b"\n" + SRUN + ENDED + b"srun: error: cpu0: task 1: Terminated\n"}
    for each, replicas, code in (("x1", 2, 143), ("x2", 1, 143), ("x3", 2, 143), ("x4", 2, 0)):
        scene.start(each, scene.job(each, 2, code, replicas=replicas, team="data-science"))
        scene.output.files[each] = log if each != "x3" else {}
    scene.slurm.advance(20)
    seen = {each.id: each.end for each in scene.backend.look()}
    alone = EndOfRun(143)
    assert seen == {"x1": EndOfRun(1, rank=0), "x2": alone, "x3": alone, "x4": EndOfRun(0)}
    scene.slurm.forget()
    assert scene.seen("x1").end == EndOfRun(1, rank=0)


def test_what_was_changed_in_slurm_is_told_while_it_waits_and_when_it_is_over(scene: Scene) -> None:
    account, came = "Slurm counts it for the account data-science, not nlp", scene.slurm.now * 1000
    scene.start("x1", scene.job("long", 600, team="nlp", run_time=3600))
    scene.start("x2", scene.job("same", 600, team="nlp", run_time=None))
    numbers = {each: int(scene.seen(each).native) for each in ("x1", "x2")}
    assert {scene.seen(each).reason for each in numbers} == {""}
    scene.slurm.update(numbers["x1"], account="data-science", minutes=5)
    scene.slurm.update(numbers["x2"], minutes=5)
    scene.slurm.hold(numbers["x1"])
    scene.slurm.advance(60)
    both = f"{account}; its time limit in Slurm is 5 min, not 60"
    waits = scene.seen("x1")
    assert (waits.state, waits.reason.endswith(f"; {both}"), scene.seen("x2").reason) == (JobState.HELD, True, "")
    scene.slurm.release(numbers["x1"])
    scene.slurm.advance(5)
    runs = scene.seen("x1")
    history = JobHistory((Move(0, JobState.SUBMITTED, MoveCause.SUBMITTED), Move(1, JobState.QUEUED, MoveCause.TAKEN)))
    assert [each.said for each in moves_to(history, runs, scene.slurm.now * 1000)][-1] == both
    scene.slurm.advance(310)
    assert scene.seen("x1").end == EndOfRun(143, said=f"it reached its time limit; {both}")
    scene.slurm.forget()
    scene.backend = scene.new()
    kept = {"taken": True, "native": str(numbers["x1"]), "queued_since": came}
    scene.start("x1", scene.job("long", 600, team="nlp", run_time=3600), **kept)
    assert scene.seen("x1").end == EndOfRun(143, said=f"it reached its time limit; {account}")


def test_a_job_that_is_cancelled_in_slurm_says_so_and_by_whom(scene: Scene) -> None:
    for each in ("x1", "x2", "x3"):
        scene.start(each, scene.job("long", 600))
    scene.slurm.advance(2)
    numbers = {each: int(scene.seen(each).native) for each in ("x1", "x2", "x3")}
    scene.slurm.uses[numbers["x1"]] = SlurmUse(ended_by="eve")
    scene.backend.stop("x3", 5)
    for number in numbers.values():
        scene.slurm.cancel(number)
    scene.slurm.advance(3)
    said = {each: end.said for each in numbers if (end := scene.seen(each).end)}
    by_hand = "stopped by hand in Slurm (scancel)"
    assert said == {"x1": f"{by_hand} by eve", "x2": by_hand, "x3": ""}


def test_a_job_from_its_start_to_its_end(scene: Scene) -> None:
    volume = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets")
    good, bad = scene.job("good", 5, replicas=4, volumes=(volume,), team="data-science"), scene.job("bad", 5, 3)
    assert scene.start("x1", good).state is JobState.QUEUED
    scene.start("x2", bad)
    scene.slurm.advance(2)
    seen = scene.seen("x1")
    assert (seen.state, seen.attempt, seen.since) == (JobState.RUNNING, 1, (scene.slurm.now - 1) * 1000)
    assert [(each.rank, each.node) for each in seen.places] == [(0, "gpu0"), (1, "gpu0"), (2, "gpu1"), (3, "gpu1")]
    scene.slurm.advance(14)
    assert scene.states() == {"x1": JobState.SUCCEEDED, "x2": JobState.FAILED}
    end = scene.seen("x2").end
    assert end is not None
    assert (end.code, end.displaced) == (3, False)
    # Slurm forgets after some minutes, the accounting does not.
    scene.slurm.forget()
    assert scene.states() == {"x1": JobState.SUCCEEDED, "x2": JobState.FAILED}
    scene.backend.forget("x1")
    assert (scene.states(), scene.folders.cleared) == ({"x2": JobState.FAILED}, ["x1/1"])


def test_handed_in_again_after_a_crash_nothing_runs_twice(scene: Scene) -> None:
    job = scene.job("long", 60)
    native = scene.start("x1", job).native
    for taken in (False, True):
        scene.backend = scene.new()
        scene.slurm.advance(2)
        found = scene.start("x1", job, taken=taken)
        assert (found.native, found.state) == (native, JobState.RUNNING)
    assert len(scene.slurm.jobs()) == 1
    scene.start("x9", job, taken=True, native="99")
    assert "x9" in scene.states()
    scene.slurm.advance(30)
    assert "x9" in scene.states(), "one look without it is none"
    scene.slurm.advance(35)
    assert "x9" not in scene.states()
    assert len(scene.slurm.jobs()) == 1


def test_displaced_and_back_is_the_next_attempt(scene: Scene) -> None:
    fill = scene.job("fill", 600, replicas=2, checkpoint=SAVED)
    scene.start("low", fill)
    scene.slurm.advance(2)
    scene.start("high", scene.job("high", 3, replicas=4, priority="production-inference", team="data-science"))
    scene.slurm.advance(6)
    low = scene.seen("low")
    assert (low.state, low.attempt, low.before is not None and low.before.displaced) == (JobState.QUEUED, 2, True)
    scene.slurm.advance(20)
    assert (scene.seen("low").state, scene.seen("high").state) == (JobState.RUNNING, JobState.SUCCEEDED)
    scene.backend.stop("low", 5)
    scene.backend.stop("low", 5)
    scene.backend.stop("nobody", 5)
    assert scene.seen("low").state is JobState.STOPPED
    scene.slurm.forget()
    assert (scene.seen("low").state, scene.seen("low").attempt) == (JobState.STOPPED, 2)


@pytest.mark.parametrize("code", [0, 1])
def test_who_leaves_when_told_to_make_room_has_not_done_its_work(scene: Scene, code: int) -> None:
    """Slurm counts such a job by its exit code, as if nobody had wanted its devices."""
    scene.start("low", scene.job("low", 5, code, replicas=2))
    scene.slurm.advance(2)
    scene.start("high", scene.job("high", 3, replicas=4, priority="production-inference", team="data-science"))
    scene.slurm.advance(5)
    low = scene.seen("low")
    assert (low.state, low.end) == (
        JobState.FAILED, EndOfRun(code or None, said="it made room for others", displaced=True),
    )  # fmt: skip
    assert scene.slurm.jobs()[0].states == ("FAILED" if code else "COMPLETED",)


def test_what_was_told_to_go_in_an_earlier_run_may_do_its_work_in_the_next() -> None:
    job = SlurmJob(5, "train.allot-x1-a2", "root", ("COMPLETED",), told_to_go=50, started=60, restarts=1)
    assert standing_of(SlurmPart("x1", 0, 1), job).followed.state is JobState.SUCCEEDED


def test_what_is_refused(scene: Scene) -> None:
    for job in (
        scene.job("a", 1, program=program()),
        scene.job("a", 1, team="nobody"),
    ):
        with pytest.raises(JobRefusedError):
            scene.start("x1", job)
    with pytest.raises(CapacityError):
        scene.start("x2", scene.job("a", 1, needs=kubernetes_job().needs))
    assert scene.slurm.jobs() == ()
    with pytest.raises(JobRefusedError):
        scene.backend.check(JobToStart("x3", scene.job("a", 1, program=program()), "ann", 1))


def test_what_it_has(scene: Scene) -> None:
    offer = scene.backend.offer()
    assert (offer.kind, offer.starts, offer.accelerators) == ("slurm", ("batch", "steady", "urgent"), {"a100": 8})


def test_output_by_rank_and_attempt(scene: Scene) -> None:
    scene.output.files["x1"] = {
        "attempt-1.log": b"slurmstepd: done\n",
        "attempt-1.rank-10.log": b"ten\n",
        "attempt-1.rank-2.log": b"two\nmore",
        "attempt-2.rank-2.log": b"again\n",
        "../etc": b"no\n",
    }

    def lines(**how: Any) -> list[tuple[int, bytes]]:
        return [(each.rank, each.text) for each in scene.backend.log("x1", **how) if each is not None]

    assert lines() == [(2, b"two"), (2, b"more"), (10, b"ten"), (0, b"slurmstepd: done"), (2, b"again")]
    assert lines(rank=2, tail=2) == [(2, b"more"), (2, b"again")]
    with pytest.raises(NotFoundError):
        list(scene.backend.log("x2"))


@pytest.mark.parametrize(
    ("states", "reasons", "state", "code", "displaced"),
    [
        (("PENDING",), ("Resources",), JobState.QUEUED, None, False),
        (("PENDING",), ("Dependency",), JobState.HELD, None, False),
        (("PENDING",), ("JobHeldUser",), JobState.HELD, None, False),
        (("RUNNING", "CONFIGURING"), (), JobState.STARTING, None, False),
        (("COMPLETED", "COMPLETING"), (), JobState.STOPPING, None, False),
        (("TIMEOUT",), ("TimeLimit",), JobState.FAILED, None, False),
        (("OUT_OF_MEMORY",), (), JobState.FAILED, None, False),
        (("NODE_FAIL",), (), JobState.FAILED, None, True),
        (("CANCELLED",), (), JobState.STOPPED, None, False),
        (("A_WORD_OF_LATER",), (), JobState.RUNNING, None, False),
    ],
)
def test_states(
    states: tuple[str, ...], reasons: tuple[str, ...], state: JobState, code: int | None, displaced: bool
) -> None:
    job = SlurmJob(5, "train.allot-x1-a2", "root", states, reasons=reasons, end=SlurmExit(), restarts=1)
    found = standing_of(SlurmPart("x1", 0, 2), job).followed
    assert (found.state, found.attempt, found.native) == (state, 3, "5")
    assert (found.end is not None) is state.over
    if found.end is not None:
        assert (found.end.code, found.end.displaced) == (code, displaced)


@pytest.mark.parametrize(
    ("allocated", "held"),
    [({"gres/gpu": 6, "gres/gpu:a100": 6}, 3), ({"gres/gpu:a100": 2}, 1), ({"gres/gpu": 3}, None), ({"cpu": 2}, None)],
)
def test_places_tell_what_slurm_has_given(allocated: dict[str, int], held: int | None) -> None:
    job = SlurmJob(5, "train.allot-x1", "root", ("RUNNING",), allocated=allocated, nodes=("gpu0", "gpu1"), tasks=2)
    places = standing_of(SlurmPart("x1", 0, 1), job).followed.places
    assert [(each.node, each.held) for each in places] == [("gpu0", held), ("gpu1", held)]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("COMPLETING",), MoveCause.ENDED),
        (("FAILED", "COMPLETING"), MoveCause.ENDED),
        (("PREEMPTED", "COMPLETING"), None),
    ],
)
def test_while_its_nodes_are_cleaned_nobody_displaces_a_job(words: tuple[str, ...], cause: MoveCause | None) -> None:
    found = standing_of(SlurmPart("x1", 0, 1), SlurmJob(5, "train.allot-x1", "root", words)).followed
    assert (found.state, found.why) == (JobState.STOPPING, cause)


def test_a_job_of_another_user_or_of_no_form_is_not_ours() -> None:
    names = ("train.allot-x1-a1", "train.allot-x1", "train", "x.allot-x1-aB", ".allot--a1")
    jobs = [SlurmJob(number, name, "eve", ("RUNNING",)) for number, name in enumerate(names)]
    assert gathered(jobs, "ann") == {}
    assert list(gathered(jobs, "eve")) == ["x1"]


def test_a_slurm_as_its_file_describes_it() -> None:
    told = configured_slurm(
        {"folder": "/shared", "classes": {"a100-80gb": "A100"}, "partitions": {"exploratory": ["batch"]}}
    )
    place = placed("hpc", told, ["a100-80gb", "a100", "t4"], fake_cluster().nodes())
    assert place.shapes == dict.fromkeys(("a100-80gb", "a100"), SlurmShape("a100", 4, 16, Bytes(8000 << 20)))
    assert place.plain == SlurmShape("", 0, 16, Bytes(8000 << 20))
    assert place.partitions == {"exploratory": ("batch",)}


@pytest.mark.parametrize(
    "raw",
    [None, [], {}, {"folder": "relative"}, {"folder": 5}, {"folder": "/x", "colour": 1}, {"folder": "/x", 1: 2},
     {"folder": "/x", "partitions": {"a": "b"}}, {"folder": "/x", "accounts": ["a"]}],
)  # fmt: skip
def test_a_wrong_description_is_told(raw: object) -> None:
    with pytest.raises(InputError):
        configured_slurm(raw)


def trial(number: int, phase: SlurmPhase = SlurmPhase.RUNNING, restarts: int = 0) -> TrialRun:
    return TrialRun(number, "", phase, restarts=restarts)


def test_trials_that_write_without_end_are_heard_in_turn_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()

    class Endless(MemoryOutput):
        def read(self, job_id: str, name: str, start: int, most: int = 1 << 16) -> bytes:
            read[name] += most
            return b"loss=1\n" * (most // 7) + b"\n" * (most % 7)

    reports = TrialReports(Endless(), "x1", 1, "loss")
    some = [*(trial(number) for number in range(30)), *(trial(number, SlurmPhase.ENDED) for number in range(30, 40))]
    for look in range(1, 4):
        found = reports.read(some)
        assert read.total() == look * MOST_A_LOOK
    assert [len(found[number]) for number in range(40)] == [MOST_VALUES] * 40
    monkeypatch.setattr(trial_reports, "MOST_OF_A_LOG", 2 << 16)
    for _ in range(4):
        reports.read(some)
    assert set(read.values()) == {2 << 16}


def test_a_trial_that_began_anew_begins_anew_with_its_reports() -> None:
    """All of its runs write into one file."""
    output, name = MemoryOutput(), task_log(1, 0)
    log = output.files.setdefault("x1", {})
    anew, on = (TrialReports(output, "x1", 1, "loss", goes_on=goes_on) for goes_on in (False, True))
    log[name] = b"loss=9\nloss=8\nloss=7\n"
    assert anew.read([trial(0)]) == on.read([trial(0)]) == {0: [9, 8, 7]}
    log[name] += b"loss=6\n"
    assert anew.read([trial(0, SlurmPhase.WAITING, 1)]) == {0: []}
    log[name] += b"loss=5\n"
    assert anew.read([trial(0, restarts=1)]) == {0: [5]}
    assert on.read([trial(0, restarts=1)]) == {0: [9, 8, 7, 6, 5]}
    log[name] += b"loss=4"
    assert anew.read([trial(0, SlurmPhase.ENDED)]) == {0: [5, 4]}
    # Whoever did not see where a run ends compares it with nobody.
    later = TrialReports(output, "x1", 1, "loss")
    assert later.read([trial(0, restarts=1)]) == {}
