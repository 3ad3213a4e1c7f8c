"""Data and secrets of jobs on this machine: fetched before anything is held, told to nothing but the process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.local.fake import FakeProgram
from allotment.errors import CapacityError
from allotment.jobs.fetching import SAYS
from allotment.model.jobs.job import (
    Job,
    JobType,
    JobVolume,
    RetryPolicy,
    SecretVariable,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.run import JobState
from allotment.operations.run.local.staging import LONGEST_FETCH, next_to_fetch
from allotment.ports.backends import JobRefusedError, JobToStart
from allotment.ports.job_processes import JobLaunch
from tests.unit.operations.run.machine import Machine, job

CLAIM = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="corpora")
SCRATCH = JobVolume("tmp", VolumeUse.SCRATCH, "/scratch")
CORPUS = StagedData("/archive/corpus", "data", "corpus", StagingTime.BEFORE)


@pytest.fixture
def machine() -> Machine:
    found = Machine()
    found.processes._programs["sh"] = FakeProgram(seconds=30.0)
    return found


def with_data(**changes: Any) -> Job:
    return job(volumes=(CLAIM, SCRATCH), data=(CORPUS,), **changes)


def launch(machine: Machine, launch_id: str) -> JobLaunch:
    return machine.processes._jobs[launch_id].launch


def launched(machine: Machine) -> list[str]:
    return sorted(machine.processes._jobs)


def fails(machine: Machine) -> None:
    log = f"noise\n{SAYS}/archive/corpus could not be fetched: cp ended with 1\n".encode()
    machine.processes._programs["sh"] = FakeProgram(seconds=1.0, exit_code=1, output=log)


def test_data_are_fetched_before_the_job_stands_in_its_queue(machine: Machine) -> None:
    job_id = machine.submit(with_data(devices=4))
    machine.run(2)
    others = [machine.submit(job("long", devices=2)) for _ in range(2)]
    machine.run(2)
    assert machine.store.get(job_id).state.value == "staging"
    # Nothing is kept for it meanwhile, and no queue is said to have it.
    shown = machine.backend.snapshot({job_id: machine.store.get(job_id)})()
    assert not [each for source in shown.sources for each in source.objects.workloads]
    assert {machine.store.get(each).state.value for each in others} == {"running"}
    for each in others:
        machine.reconciler.stop(each, 0, "test", machine.now)
    machine.run(60)
    assert machine.states(job_id)[:4] == ["submitted:submitted", "staging:taken", "queued:staged", "starting:admitted"]
    assert machine.states(job_id)[-1] == "succeeded:exit-code"
    step = launch(machine, f"{job_id}-0-0")
    assert (step.devices, step.argv[-3:]) == ((), ("cp", "/claims/nlp--corpora/corpus", "/archive/corpus"))
    assert launched(machine)[:2] == [f"{job_id}-0-0", f"{job_id}-1-0"]


@pytest.mark.parametrize("retries", [RetryPolicy(), RetryPolicy(2, safe=True)])
def test_why_data_could_not_be_fetched_is_told(machine: Machine, retries: RetryPolicy) -> None:
    fails(machine)
    job_id = machine.submit(with_data(retries=retries))
    machine.run(5)
    last = machine.store.get(job_id).history.moves[-1]
    assert (last.state.value, last.said) == (
        "failed", "exit code 1: its data could not be fetched: /archive/corpus could not be fetched: cp ended with 1",
    )  # fmt: skip
    assert launched(machine) == [f"{job_id}-0-0"]


def test_stopping_a_job_ends_what_fetches_its_data(machine: Machine) -> None:
    job_id = machine.submit(with_data())
    machine.run(2)
    machine.reconciler.stop(job_id, None, "test", machine.now)
    machine.run(2)
    assert machine.store.get(job_id).state.value == "stopped"
    assert machine.processes.got(f"{job_id}-0-0") == [15]
    assert launched(machine) == [f"{job_id}-0-0"]


@pytest.mark.parametrize("seconds", [0, 2, 20, 40])
def test_killed_while_data_are_fetched_nothing_is_fetched_twice(machine: Machine, seconds: int) -> None:
    job_id = machine.submit(with_data())
    if seconds:
        machine.run(seconds)
    machine.restart()
    machine.run(60)
    assert machine.store.get(job_id).state.value == "succeeded"
    assert launched(machine) == [f"{job_id}-0-0", f"{job_id}-1-0"]


def test_what_nobody_saw_end_is_fetched_anew(machine: Machine) -> None:
    job_id = machine.submit(with_data())
    machine.run(2)
    machine.processes.lose(f"{job_id}-0-0")
    machine.run(60)
    assert machine.store.get(job_id).state.value == "succeeded"
    assert launched(machine) == [f"{job_id}-0-0", f"{job_id}-0-1", f"{job_id}-1-0"]


def test_no_more_than_a_few_are_fetched_at_a_time(machine: Machine) -> None:
    jobs = [machine.submit(with_data(devices=0)) for _ in range(6)]
    machine.run(2)
    assert len(launched(machine)) == 3, "a place is left for another team"
    waits = [[wait.said for wait in machine.store.get(each).waits] for each in jobs]
    assert waits == [[]] * 3 + [["the data of others are fetched first"]] * 3
    machine.run(120)
    assert {machine.store.get(each).state.value for each in jobs} == {"succeeded"}


def test_however_many_of_a_team_wait_another_teams_data_are_fetched(machine: Machine) -> None:
    machine.processes._programs["sh"] = FakeProgram(seconds=None, on_term=0)
    for _ in range(150):
        machine.submit(with_data(devices=0))
    machine.run(2)
    machine.processes._programs["sh"] = FakeProgram(seconds=1.0)
    mine = machine.submit(with_data(devices=0, team="cv"))
    machine.run(2)
    assert machine.store.get(mine).state in {JobState.RUNNING, JobState.SUCCEEDED}


def test_data_that_were_fetched_before_are_noticed_wherever_their_job_stands(machine: Machine) -> None:
    machine.processes._programs["sh"] = FakeProgram(seconds=None, on_term=0)
    jobs = [machine.submit(with_data(devices=0)) for _ in range(150)]
    machine.run(2)
    far = jobs[-1]
    machine.processes._programs["sh"] = FakeProgram(seconds=1.0)
    machine.backend._staging.begin(machine.backend._kept.all[far].order)  # as a server before this one did
    machine.restart()
    machine.run(5)
    assert machine.store.get(far).state in {JobState.RUNNING, JobState.SUCCEEDED}
    said = {each: [wait.said for wait in machine.store.get(each).waits] for each in jobs}
    assert sum(not each for each in said.values()) == 3, "why it waits is said of each that is not fetched"


def test_all_trials_of_a_sweep_share_their_data(machine: Machine) -> None:
    swept = Sweep((SweptParameter("lr", ("1", "2", "3")),), 3, 0, 3)
    job_id = machine.submit(with_data(sweep=swept, type=JobType.SWEEP))
    machine.run(2)
    assert launched(machine) == [f"{job_id}-0-0"]
    # Who ends one trial ends nobody's data.
    machine.reconciler.stop(f"{job_id}-t1", 0, "test", machine.now)
    machine.run(20)
    assert f"{job_id}/1" not in machine.folders.cleared, "trials run"
    machine.run(60)
    assert launched(machine) == [f"{job_id}-0-0", f"{job_id}-t0-1-0", f"{job_id}-t2-1-0"]
    assert machine.folders.cleared.count(f"{job_id}/1") == 1


def test_data_in_scratch_stay_from_attempt_to_attempt(machine: Machine) -> None:
    asked = with_data(retries=RetryPolicy(1, safe=True))
    asked = replace(asked, program=replace(asked.program, argv=("fails",)), data=(replace(CORPUS, volume="tmp"),))
    job_id = machine.submit(asked)
    machine.run(60)
    launches = [launch(machine, f"{job_id}-{attempt}") for attempt in ("1-0", "2-0")]
    assert {each.environment["ALLOTMENT_VOLUME_TMP"] for each in launches} == {f"/scratch/{job_id}/1/tmp"}
    assert len(launched(machine)) == 3


def test_what_could_never_run_is_refused_before_anything_is_fetched(machine: Machine) -> None:
    job_id = machine.submit(with_data(devices=9))
    machine.run(2)
    assert machine.states(job_id)[-1] == "refused:refused"
    assert launched(machine) == []
    with pytest.raises(CapacityError):
        machine.backend.check(JobToStart("x", with_data(devices=9), "ann", 1))


def test_data_that_this_machine_has_no_program_for_are_refused(machine: Machine) -> None:
    asked = job(volumes=(CLAIM,), data=(replace(CORPUS, source="s3://bucket/x"),))
    with pytest.raises(JobRefusedError, match="s3://bucket/x cannot be fetched") as told:
        machine.backend.check(JobToStart("x", asked, "ann", 1))
    assert '"aws"' in told.value.why
    elsewhere = replace(asked, program=replace(asked.program, environment={"PATH": "/opt/aws/bin"}))
    machine.backend.check(JobToStart("x", elsewhere, "ann", 1))


def test_a_secret_reaches_the_process_alone(machine: Machine) -> None:
    asked = with_data()
    secret = replace(asked.program, secrets=(SecretVariable("TOKEN", "hub", "token"),))
    job_id = machine.submit(replace(asked, program=secret))
    machine.run(60)
    value = "value of /secrets/nlp/hub/token"
    for each in (launch(machine, f"{job_id}-0-0"), launch(machine, f"{job_id}-1-0")):
        assert each.environment["TOKEN"] == value
        assert not any(value in word for word in each.argv)
    assert value not in repr(machine.store.get(job_id))


def test_a_secret_that_is_not_there_refuses_the_job_and_ends_none_that_runs(machine: Machine) -> None:
    def asked(name: str) -> Job:
        one = job("long", devices=0)
        return replace(one, program=replace(one.program, secrets=(SecretVariable("TOKEN", name, "token"),)))

    with pytest.raises(JobRefusedError, match="there is no secret lost"):
        machine.backend.check(JobToStart("x", asked("lost"), "ann", 1))
    runs, refused = machine.submit(asked("hub")), machine.submit(asked("lost"))
    machine.run(2)
    assert (machine.store.get(runs).state.value, machine.states(refused)[-1]) == ("running", "refused:refused")
    machine.secrets.there = False
    machine.restart()
    machine.run(2)
    assert machine.store.get(runs).state.value == "running"


def test_what_fetched_its_data_stands_first_in_its_log(machine: Machine) -> None:
    machine.processes._programs["sh"] = FakeProgram(seconds=1.0, output=b"fetched\n")
    job_id = machine.submit(with_data())
    machine.run(30)
    lines = [each.text for each in machine.backend.log(job_id) if each is not None]
    assert lines == [b"fetched", b"hello", b"world"]
    assert [each.rank for each in machine.backend.log(job_id, rank=0) if each is not None] == [0, 0, 0]


def test_a_source_without_an_end_is_given_up(machine: Machine) -> None:
    machine.processes._programs["sh"] = FakeProgram(seconds=None)
    job_id = machine.submit(with_data())
    machine.run(1)
    machine.clock.sleep(LONGEST_FETCH - 60)
    machine.run(1)
    assert machine.store.get(job_id).state.value == "staging"
    machine.clock.sleep(60)
    machine.run(2)
    last = machine.store.get(job_id).history.moves[-1]
    assert (last.state.value, "it went on for 24 hours" in last.said) == ("failed", True)


@pytest.mark.parametrize(
    ("waiting", "alive", "next_ones"),
    [
        ("a1 a2 a3 a4 a5", "", "a1 a2 a3"),
        ("a4 a5 b1 b2", "a1 a2 a3", "b1"),
        ("a1 a1 b1", "", "a1 b1"),
        ("a1 b1", "c1 c2 d1 d2", "a1 b1"),
        ("e1 a4 b2", "a1 a2 a3 b1", "e1"),
        ("i1", "a1 b1 c1 d1 e1 f1 g1 h1", ""),
        ("b1 c1", "a1 a2 a3", "b1 c1"),
    ],
)
def test_one_team_leaves_room_for_the_data_of_another(waiting: str, alive: str, next_ones: str) -> None:
    found = next_to_fetch([(each, each[0]) for each in waiting.split()], {each: each[0] for each in alive.split()})
    assert found == frozenset(next_ones.split())
