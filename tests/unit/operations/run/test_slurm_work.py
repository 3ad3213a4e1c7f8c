"""What a job can be on Slurm: tried again, a sweep, with data that are fetched before, with secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.jobs.fetching import SAYS
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.slurm.rendering import STAGING_LOG, task_log
from allotment.model.jobs.job import (
    EarlyStop,
    Job,
    JobVolume,
    RetryPolicy,
    SecretVariable,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.slurm.seen import SlurmExit, SlurmJob, SlurmPhase
from allotment.operations.run.following import moves_to
from allotment.operations.run.slurm.sweeps import TrialRun, standing_of_sweep, trials_seen
from allotment.ports.backends import FollowedJob, JobRefusedError
from tests.unit.jobs.kubernetes.work import program
from tests.unit.operations.run.test_slurm_backend import SAVED, Scene

SAFE = RetryPolicy(2, safe=True)
CLAIM = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets")
SCRATCH = JobVolume("tmp", VolumeUse.SCRATCH, "/tmp/x")
CORPUS = StagedData("/archive/corpus", "data", "corpus", StagingTime.BEFORE)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def grid(trials: int, at_once: int = 2, stop: EarlyStop | None = None) -> Sweep:
    values = tuple(map(str, range(trials)))
    return Sweep((SweptParameter("lr", values),), trials, 0, at_once, stop)


def runs(scene: Scene, job: Job, seconds: int, code: int, *trial: str) -> None:
    (argv,) = (each for each in scene.slurm.runs if each[-1] == job.program.argv[0])
    scene.slurm.runs[(*argv, *trial)] = (seconds, code)


def pass_by(scene: Scene, seconds: int) -> None:
    """Time with looks in it, as the server's passes are."""
    for _ in range(seconds // 2):
        scene.slurm.advance(2)
        scene.backend.look()


def names(scene: Scene) -> list[str]:
    return [each.identity for each in scene.slurm.jobs()]


# -- retries -------------------------------------------------------------------------------------------------------


def test_it_is_tried_again_as_often_as_it_may(scene: Scene) -> None:
    job = scene.job("bad", 2, 3, retries=SAFE)
    scene.start("x1", job)
    scene.slurm.advance(4)
    second = scene.seen("x1")
    assert (second.state, second.attempt) == (JobState.QUEUED, 2)
    assert second.before is not None
    assert (second.before.code, second.before.displaced) == (3, False)
    assert second.before.said == "it was Slurm's job 1", "its own tools find it by that"
    pass_by(scene, 20)
    last = scene.seen("x1")
    assert (last.state, last.attempt) == (JobState.FAILED, 3)
    assert names(scene) == ["x1-a1", "x1-a2-f1", "x1-a3-f2"]


@pytest.mark.parametrize(
    ("changes", "code", "left"),
    [
        ({"retries": RetryPolicy(2)}, 3, ["x1-a1"]),
        ({"retries": SAFE, "run_time": 60}, None, ["x1-a1"]),
        ({"retries": SAFE}, 0, ["x1-a1"]),
    ],
    ids=["not declared safe", "its time was up", "it did well"],
)
def test_it_is_not_tried_again(scene: Scene, changes: dict[str, Any], code: int | None, left: list[str]) -> None:
    scene.start("x1", scene.job("one", 2 if code is not None else 600, code or 0, **changes))
    scene.slurm.advance(80)
    pass_by(scene, 6)
    assert (scene.seen("x1").state.over, names(scene)) == (True, left)


def test_it_is_not_tried_again_once_it_was_stopped(scene: Scene) -> None:
    scene.start("x1", scene.job("bad", 4, 3, retries=SAFE))
    scene.slurm.advance(2)
    scene.backend.stop("x1", 5)
    scene.slurm.advance(6)
    assert (scene.seen("x1").state, names(scene)) == (JobState.STOPPED, ["x1-a1"])


def test_being_displaced_costs_no_retry(scene: Scene) -> None:
    low = scene.job("low", 600, retries=RetryPolicy(1, safe=True), checkpoint=SAVED, replicas=2)
    scene.start("x1", low)
    scene.slurm.advance(2)
    scene.start("high", scene.job("high", 3, replicas=4, priority="production-inference", team="data-science"))
    pass_by(scene, 30)
    assert (scene.seen("x1").state, scene.seen("x1").attempt) == (JobState.RUNNING, 2)
    runs(scene, low, 1, 7)
    pass_by(scene, 4)
    assert (scene.seen("x1").attempt, names(scene)[-1]) == (3, "x1-a3-f1")


@pytest.mark.parametrize("forgotten", [False, True])
def test_killed_at_any_moment_each_try_is_handed_in_once(scene: Scene, forgotten: bool) -> None:
    """A new server between any two looks, told only what was kept: the job, and the attempt of the last look."""
    job, attempt, came = scene.job("bad", 2, 3, retries=SAFE), 1, scene.slurm.now * 1000
    scene.start("x1", job)
    for _ in range(12):
        scene.slurm.advance(2)
        scene.backend.look()  # which its server did not live to keep
        scene.backend = scene.new()
        if forgotten:
            scene.slurm.forget()
        attempt = scene.start("x1", job, taken=True, attempt=attempt, queued_since=came).attempt
    scene.slurm.advance(2)
    assert (scene.seen("x1").state, scene.seen("x1").attempt) == (JobState.FAILED, 3)
    ran = [each.identity for each in scene.slurm.bookings(0)]
    assert ran == ["x1-a1", "x1-a2-f1", "x1-a3-f2"]


def test_what_failed_before_anybody_kept_that_it_was_handed_in_is_tried_again(scene: Scene) -> None:
    job = scene.job("bad", 2, 3, retries=SAFE)
    scene.start("x1", job)
    scene.slurm.advance(4)
    scene.backend = scene.new()
    found = scene.start("x1", job)
    assert (found.state, found.attempt, names(scene)) == (JobState.QUEUED, 2, ["x1-a1", "x1-a2-f1"])


def test_a_job_that_slurm_holds_after_it_was_displaced_is_not_handed_in_anew(scene: Scene) -> None:
    scene.start("x1", scene.job("held", 60))
    for backend in (scene.backend, scene.new()):
        scene.backend = backend
        scene.start("x1", scene.job("held", 60), attempt=2)
    assert names(scene) == ["x1-a1"]


# -- data ----------------------------------------------------------------------------------------------------------


def staged(scene: Scene, **changes: Any) -> Job:
    return scene.job("train", 5, **{"volumes": (CLAIM, SCRATCH), "data": (CORPUS,), **changes})


def fetch(scene: Scene, seconds: int, code: int) -> None:
    """How what fetches the data of x1 goes."""
    (job,) = (each for each in scene.slurm._jobs if each.asked.identity == "x1-s1")
    scene.slurm.runs[job.asked.argv] = (seconds, code)


def test_data_are_fetched_before_and_by_nothing_that_holds_a_device(scene: Scene) -> None:
    first = scene.start("x1", staged(scene))
    fetch(scene, 6, 0)
    scene.slurm.advance(3)
    seen = scene.seen("x1")
    assert (first.state, seen.state, seen.attempt, seen.reason) == (JobState.STAGING, JobState.STAGING, 1, "")
    assert sum(each.gpus for each in scene.slurm.jobs()) == 0
    scene.slurm.advance(8)
    assert scene.seen("x1").state is JobState.RUNNING
    scene.slurm.advance(8)
    assert scene.seen("x1").state is JobState.SUCCEEDED
    assert {each.identity: each.allocated.get("gres/gpu", 0) for each in scene.slurm.bookings(0)} == {
        "x1-s1": 0,
        "x1-a1": 2,
    }


@pytest.mark.parametrize("sweep", [None, grid(3)], ids=["one", "a sweep"])
@pytest.mark.parametrize("removed", [False, True], ids=["it waits for ever", "the cluster removes it"])
def test_why_data_could_not_be_fetched_is_told_and_nothing_is_left(
    scene: Scene, removed: bool, sweep: Sweep | None
) -> None:
    scene.start("x1", staged(scene, retries=SAFE, sweep=sweep))
    fetch(scene, 1, 22)
    words = f"noise\n{SAYS}/archive/corpus could not be fetched: cp ended with 22\nslurm: gone\n"
    scene.output.files["x1"] = {STAGING_LOG: words.encode()}
    scene.slurm.advance(4)
    if removed:
        scene.slurm.cancel(2)
    seen = scene.seen("x1")
    assert seen.state is JobState.FAILED
    assert seen.end is not None
    assert seen.end.code == 22
    assert seen.end.said == (
        "its data could not be fetched: /archive/corpus could not be fetched: cp ended with 22"
    )  # fmt: skip
    scene.backend.forget("x1")
    assert {each.states[0] for each in scene.slurm.jobs()} == {"FAILED", "CANCELLED"}


def test_stopping_it_ends_what_fetches_its_data_too(scene: Scene) -> None:
    scene.start("x1", staged(scene))
    fetch(scene, 60, 0)
    scene.slurm.advance(2)
    scene.backend.stop("x1", 5)
    assert {each.identity: each.states[0] for each in scene.slurm.jobs()} == dict.fromkeys(
        ("x1-s1", "x1-a1"), "CANCELLED"
    )
    assert scene.seen("x1").state is JobState.STOPPED


@pytest.mark.parametrize(("code", "state"), [(0, JobState.QUEUED), (22, None)])
def test_a_server_that_died_between_the_two_finds_the_first(scene: Scene, code: int, state: JobState | None) -> None:
    """What fetches was handed in, the work was not; Slurm has forgotten the first meanwhile."""
    job = staged(scene)
    scene.start("x1", job)
    fetch(scene, 1, code)
    scene.slurm._jobs = [each for each in scene.slurm._jobs if each.asked.identity == "x1-s1"]
    assert scene.states(scene.new()) == {"x1": JobState.STAGING}
    scene.slurm.advance(4)
    scene.slurm.forget()
    scene.backend = scene.new()
    if state is None:
        with pytest.raises(Exception, match="its data could not be fetched"):
            scene.start("x1", job)
        assert scene.slurm.jobs() == ()
    else:
        assert scene.start("x1", job).state is state
        assert names(scene) == ["x1-a1"]


def test_data_in_scratch_stay_from_attempt_to_attempt(scene: Scene) -> None:
    job = staged(scene, data=(replace(CORPUS, volume="tmp"),), retries=SAFE)
    scene.start("x1", job)
    runs(scene, job, 1, 3)
    pass_by(scene, 16)
    folders = {dict(each.asked.environment)["ALLOTMENT_VOLUME_TMP"] for each in scene.slurm._jobs}
    assert folders == {"/scratch/x1/1/tmp"}
    assert names(scene) == ["x1-s1", "x1-a1", "x1-a2-f1", "x1-a3-f2"]


# -- secrets -------------------------------------------------------------------------------------------------------


def test_a_secret_is_handed_in_by_reference_and_refused_where_it_is_not_there(scene: Scene) -> None:
    def with_secret(name: str) -> Job:
        told = (SecretVariable("TOKEN", name, "token"),)
        scene.slurm.runs.clear()
        return scene.job("uses", 1, program=program(image="", argv=("uses",), secrets=told))

    scene.start("x1", with_secret("hub"))
    (job,) = scene.slurm._jobs
    assert job.asked.secrets == (("TOKEN", "/secrets/nlp/hub/token"),)
    assert "TOKEN" not in dict(job.asked.environment)
    with pytest.raises(JobRefusedError, match="there is no secret lost"):
        scene.start("x2", with_secret("lost"))


# -- sweeps --------------------------------------------------------------------------------------------------------


def test_a_sweep_is_an_array_and_names_the_trial_that_failed(scene: Scene) -> None:
    job = scene.job("sweep", 4, sweep=grid(5))
    runs(scene, job, 2, 9, "--lr=3")
    scene.start("x1", job)
    assert scene.seen("x1").state is JobState.QUEUED
    scene.slurm.advance(2)
    seen = scene.seen("x1")
    assert (seen.state, [each.rank for each in seen.places]) == (JobState.RUNNING, [0, 1])
    for _ in range(10):
        scene.slurm.advance(2)
        # Each is forgotten as soon as it has ended, and was seen to.
        scene.backend.look()
        scene.slurm.forget()
        if not scene.seen("x1").state.over:
            assert (scene.seen("x1").state, scene.seen("x1").attempt) == (JobState.RUNNING, 1)
    seen = scene.seen("x1")
    end = seen.end
    assert seen.state is JobState.FAILED
    assert end is not None
    assert (end.code, end.rank, end.said) == (9, 3, "1 of 5 trials failed: trial 3 (--lr=3, exit code 9)")
    told = [(each.rank, each.over, each.code) for each in seen.places]
    well, failed = JobState.SUCCEEDED, JobState.FAILED
    assert told == [(0, well, 0), (1, well, 0), (2, well, 0), (3, failed, 9), (4, well, 0)]


def test_trials_that_failed_are_tried_again_and_the_others_are_not(scene: Scene) -> None:
    job = scene.job("sweep", 2, sweep=grid(4, 4), retries=RetryPolicy(1, safe=True), team="data-science")
    came = scene.slurm.now * 1000
    runs(scene, job, 1, 9, "--lr=1")
    runs(scene, job, 1, 9, "--lr=2")
    scene.start("x1", job)
    scene.slurm.advance(6)
    assert (scene.seen("x1").state, scene.seen("x1").attempt) == (JobState.QUEUED, 2)
    runs(scene, job, 1, 0, "--lr=1")
    scene.slurm.advance(4)
    for backend in (scene.backend, scene.new()):
        scene.backend = backend
        scene.start("x1", job, taken=True, attempt=2, queued_since=came)
        end = scene.seen("x1").end
        assert end is not None
        assert (end.rank, end.said) == (2, "1 of 4 trials failed: trial 2 (--lr=2, exit code 9)")
        scene.slurm.forget()
    tasks = [(each.identity, each.array_task) for each in scene.slurm.bookings(0)]
    assert sorted(tasks) == [("x1-a1", str(each)) for each in range(4)] + [("x1-a2-f1", "1"), ("x1-a2-f1", "2")]


def test_stopping_a_sweep_cancels_all_of_it(scene: Scene) -> None:
    scene.start("x1", scene.job("sweep", 60, sweep=grid(5), retries=SAFE))
    scene.slurm.advance(2)
    scene.backend.stop("x1", 5)
    assert {each.states[0] for each in scene.slurm.jobs()} == {"CANCELLED"}
    assert scene.seen("x1").state is JobState.STOPPED
    assert len(names(scene)) == len({each.job_id for each in scene.slurm.jobs()})


def test_a_trial_that_falls_behind_is_ended_and_the_sweep_does_well(scene: Scene) -> None:
    job = scene.job("sweep", 8, sweep=grid(4, 4, EarlyStop("loss", maximise=False, after=1)), team="data-science")
    files = {task_log(1, trial): f"loss=5\nloss={4 if trial == 2 else 1}\n".encode() for trial in range(4)}
    scene.start("x1", job)
    scene.slurm.advance(2)
    scene.output.files["x1"] = {name: text[:8] for name, text in files.items()}
    scene.slurm.advance(2)
    scene.backend.look()
    assert {each.states[0] for each in scene.slurm.jobs()} == {"RUNNING"}
    scene.output.files["x1"] = files
    scene.slurm.advance(2)
    scene.backend.look()
    assert [each.array_tasks for each in scene.slurm.jobs() if each.states == ("CANCELLED",)] == ["2"]
    scene.slurm.advance(10)
    # A server that knows nothing of it comes to the same end.
    scene.backend = scene.new()
    scene.start("x1", job, taken=True)
    seen = scene.seen("x1")
    assert seen.state is JobState.SUCCEEDED
    assert seen.end is not None
    assert seen.end.said == "1 of 4 trials fell behind and were ended early: 2"


def test_what_comes_of_a_job_can_be_written_into_its_history(scene: Scene) -> None:
    """Fetched, run, failed, tried again: each look is a move that the table allows."""
    history = JobHistory().become(Move(0, JobState.SUBMITTED, MoveCause.SUBMITTED))
    job = staged(scene, retries=SAFE)
    seen: FollowedJob = scene.start("x1", job)
    runs(scene, job, 4, 3)
    for _ in range(24):
        for move in moves_to(history, seen, scene.slurm.now * 1000):
            history = history.become(move)
        scene.slurm.advance(2)
        seen = scene.seen("x1")
    told = [(each.state.value, each.cause.value) for each in history.moves]
    assert told[:4] == [("submitted", "submitted"), ("staging", "taken"), ("queued", "staged"), ("running", "started")]
    assert [cause for state, cause in told[4:] if state == "queued"] == ["retried", "retried"]
    assert told[-1] == ("failed", "exit-code")


def test_a_trial_that_was_cancelled_beside_one_that_failed_is_told() -> None:
    trials = [TrialRun(0, "FAILED", SlurmPhase.ENDED, end=SlurmExit(9)), TrialRun(1, "CANCELLED", SlurmPhase.ENDED)]
    found = standing_of_sweep(SlurmPart("x1", 0, 1), 7, trials, [["--lr=0"], ["--lr=1"]], early=False).followed
    assert found.end is not None
    assert found.end.said == "1 of 2 trials failed: trial 0 (--lr=0, exit code 9); 1 trial was cancelled"


def test_a_trial_that_leaves_when_it_has_to_make_room_has_failed() -> None:
    task = SlurmJob(8, "x", "ann", ("COMPLETED",), array_id=7, array_tasks="0", started=50, told_to_go=60)
    trials, _ = trials_seen([task])
    found = standing_of_sweep(SlurmPart("x1", 0, 1), 7, [*trials.values()], [["--lr=0"]], early=False).followed
    assert (found.state, found.end is not None and found.end.displaced) == (JobState.FAILED, True)
