"""What every `SlurmPort` does: one suite, run on the fake (unit), and over REST and commands on a real Slurm (live).

A suite that inherits `SlurmContract` gives the fixture `bench`: the port, on the cluster that `tools.slurm` starts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from allotment.errors import CapacityError, NotFoundError
from allotment.model.slurm.seen import SlurmExit, SlurmJob, SlurmPhase
from allotment.model.slurm.submission import SlurmArray, SlurmDependency, SlurmGres, SlurmSubmission
from allotment.model.slurm.tres import tasks_of
from allotment.ports.slurm import SlurmPort, SlurmRefusedError

T = TypeVar("T")
LONG = 600


@dataclass
class Bench:
    """A Slurm to try things on.

    Attributes:
        slurm: as it is looked at.
        directory: in which jobs run and leave their output.
        program: a command that takes so many seconds and ends with such a code.
        wait: lets a moment pass.
        now: seconds since 1970.
        drain: lets a node take no jobs, or take them again.
        lasting: a command that goes on and on, and leaves when it is warned.
    """

    slurm: SlurmPort
    directory: str
    program: Callable[[int, int], tuple[str, ...]]
    wait: Callable[[], None]
    now: Callable[[], int]
    drain: Callable[[str, bool], None]
    lasting: tuple[str, ...]
    handed_in: list[int] = field(default_factory=list)

    def asked(self, seconds: int = 1, code: int = 0, *, gpus: int = 0, **fields: Any) -> SlurmSubmission:
        wanted = {
            "identity": f"c-{secrets.token_hex(4)}",
            "name": "train",
            "argv": self.program(seconds, code),
            "directory": self.directory,
            "output": f"{self.directory}/%j.out",
            "account": "data-science",
            "minutes": 5,
            "gres": (SlurmGres(gpus, "a100"),) if gpus else (),
        }
        return SlurmSubmission(**{**wanted, **fields})

    def submit(self, asked: SlurmSubmission) -> int:
        job_id = self.slurm.submit(asked).job_id
        self.handed_in.append(job_id)
        return job_id

    def start(self, seconds: int = 1, code: int = 0, *, gpus: int = 0, **fields: Any) -> int:
        return self.submit(self.asked(seconds, code, gpus=gpus, **fields))

    def jobs(self, *job_ids: int) -> list[SlurmJob]:
        """Of each number its job, or all tasks of its array."""
        return [each for each in self.slurm.jobs() if {each.job_id, each.array_id} & set(job_ids)]

    def job(self, job_id: int) -> SlurmJob:
        (found,) = (each for each in self.slurm.jobs() if each.job_id == job_id)
        return found

    def until(self, look: Callable[[], T], seconds: int = 40) -> T:
        """What is looked for, as soon as it is there."""
        began = self.now()
        while not (found := look()):
            assert self.now() - began < seconds, f"not in {seconds} s: {self.jobs(*self.handed_in)}"
            self.wait()
        return found

    def running(self, *job_ids: int) -> list[SlurmJob]:
        return self.until(lambda: all_in(self.jobs(*job_ids), SlurmPhase.RUNNING))

    def ended(self, *job_ids: int) -> list[SlurmJob]:
        return self.until(lambda: all_in(self.jobs(*job_ids), SlurmPhase.ENDED))

    def clean(self) -> None:
        """Nothing of ours runs or waits."""
        for job_id in self.handed_in:
            if any(each.phase is not SlurmPhase.ENDED for each in self.jobs(job_id)):
                self.slurm.cancel(job_id)
        self.until(lambda: all(each.phase is SlurmPhase.ENDED for each in self.jobs(*self.handed_in)))
        self.handed_in.clear()


def all_in(jobs: list[SlurmJob], phase: SlurmPhase) -> list[SlurmJob]:
    return jobs if jobs and all(each.phase is phase for each in jobs) else []


class SlurmContract:
    def test_a_job_from_its_start_to_what_was_booked(self, bench: Bench) -> None:
        since = bench.now() - 1
        asked = bench.asked(2, gpus=2, account="nlp", qos="short", comment='é "it\'s" #1; $(id) | %j', memory_mib=300)
        good, bad = bench.submit(asked), bench.start(2, 3)

        (job,) = bench.running(good)
        assert (job.gpus, job.identity, job.comment) == (2, asked.identity, asked.comment)
        assert (job.account, job.partition, job.qos, job.minutes) == ("nlp", "batch", "short", 5)
        assert job.allocated["gres/gpu:a100"] == 2
        assert job.allocated["mem"] == 300
        (node,) = (each for each in bench.slurm.nodes() if each.name in job.nodes)
        assert (node.devices(), node.devices_used(), node.features) == (4, 2, ("a100",))
        limits = {(each.account, each.user): each for each in bench.slurm.associations()}
        assert limits["nlp", ""].group == {"gres/gpu": 4}
        assert (limits["nlp", ""].used["gres/gpu"], limits["nlp", ""].parent) == (2, "root")
        assert limits["recsys", ""].used == {}
        qualities = {each.name: each for each in bench.slurm.qualities()}
        assert (qualities["short"].used["gres/gpu"], qualities["short"].minutes) == (2, 10)
        assert qualities["single"].group == {"gres/gpu": 1}
        # Handed in once more, as after a crash: it is the same one.
        again = bench.slurm.submit(asked)
        assert (again.job_id, again.again) == (good, True)

        assert [each.states[0] for each in bench.ended(good)] == ["COMPLETED"]
        (failed,) = bench.ended(bad)
        assert (failed.states[0], failed.end.as_shell, failed.gpus) == ("FAILED", 3, 0)
        booked = bench.until(lambda: both(bench, since, good, bad))
        run = booked[good]
        assert (run.identity, run.account, run.state, run.array_id) == (asked.identity, "nlp", "COMPLETED", 0)
        assert (run.allocated["gres/gpu"], run.allocated["mem"]) == (2, 300)
        assert 1 <= run.elapsed == run.ended - run.started <= 5
        assert booked[bad].state == "FAILED"
        assert booked[bad].end in {None, SlurmExit(3)}

    def test_partitions_and_nodes(self, bench: Bench) -> None:
        found = {each.name: each for each in bench.slurm.partitions()}
        assert {name: (each.preemption, each.tier, each.default) for name, each in found.items()} == {
            "batch": ("requeue", 10, True), "steady": ("off", 10, False), "urgent": ("off", 100, False),
        }  # fmt: skip
        assert (found["batch"].minutes, found["batch"].default_minutes, found["batch"].grace) == (60, 10, 4)
        assert sorted(found["steady"].nodes) == ["cpu0", "gpu0", "gpu1"]
        nodes = {each.name: each for each in bench.slurm.nodes()}
        assert {name: (each.gres, each.cpus, each.usable) for name, each in nodes.items()} == {
            "gpu0": ({("gpu", "a100"): 4}, 16, True),
            "gpu1": ({("gpu", "a100"): 4}, 16, True),
            "cpu0": ({}, 16, True),
        }
        assert nodes["gpu0"].partitions == ("batch", "steady", "urgent")

    def test_why_jobs_wait(self, bench: Bench) -> None:
        start = bench.start
        holders = [start(LONG, gpus=4, account=team, partitions=("steady",)) for team in ("nlp", "cv")]
        bench.running(*holders)
        steady = {"partitions": ("steady",), "seconds": LONG}
        waiting = {
            start(gpus=4, **steady): {"Resources"},
            # Once the first one stands in the way, those behind it wait for it.
            start(gpus=3, **steady): {"Priority", "Resources"},
            start(gpus=1, account="nlp", **steady): {"AssocGrpGRES"},
            start(gpus=2, qos="single", **steady): {"QOSGrpGRES", "QOSMaxGRESPerJob"},
            start(begin=bench.now() + 3600): {"BeginTime"},
            start(dependencies=(SlurmDependency("afterok", holders[0]),)): {"Dependency"},
            start(minutes=90): {"PartitionTimeLimit"},
            start(hold=True): {"JobHeldUser", "JobHeldAdmin"},
        }

        def as_expected() -> bool:
            found = {each.job_id: each for each in bench.slurm.jobs()}
            return all(set(found[job_id].reasons) & reasons for job_id, reasons in waiting.items())

        bench.until(as_expected)
        assert all(each.gpus == 0 and each.phase is SlurmPhase.WAITING for each in bench.jobs(*waiting))
        dependent = list(waiting)[5]
        assert str(holders[0]) in bench.job(dependent).dependency
        assert bench.job(list(waiting)[7]).held
        bench.drain("gpu1", True)
        try:
            assert {each.name for each in bench.slurm.nodes() if each.usable} == {"gpu0", "cpu0"}
            both_nodes = start(gpus=1, nodes=2, tasks=2, partitions=("urgent",))
            bench.until(lambda: "ReqNodeNotAvail" in bench.job(both_nodes).reasons)
        finally:
            bench.drain("gpu1", False)
        bench.slurm.cancel(holders[0])
        bench.until(lambda: bench.job(dependent).reasons == ("DependencyNeverSatisfied",))

    def test_held_released_and_ended(self, bench: Bench) -> None:
        held = bench.start(LONG, gpus=1, nodes=2, tasks=2, hold=True)
        single = bench.start(LONG, gpus=1, hold=True)
        bench.until(lambda: bench.job(held).held)
        bench.slurm.release(held)
        bench.slurm.release(single)
        (job,) = bench.running(held)
        # Neither order changed what it asked for.
        assert (len(job.nodes), job.gpus, job.node_count) == (2, 2, 2)
        assert [len(each.nodes) for each in bench.running(single)] == [1]
        later = bench.start(begin=bench.now() + 3600)
        bench.slurm.hold(later)
        bench.until(lambda: bench.job(later).held)

        for each in (held, single, later):
            bench.slurm.cancel(each)
            bench.slurm.cancel(each)
        assert {each.states[0] for each in bench.ended(held, single, later)} == {"CANCELLED"}
        for act in (bench.slurm.cancel, bench.slurm.hold, bench.slurm.release):
            with pytest.raises(NotFoundError):
                act(4_000_000)

    def test_an_array_and_a_job_that_comes_after_another(self, bench: Bench) -> None:
        array = bench.start(2, array=SlurmArray(0, 4, 2, at_most=3))
        first = bench.start(2)
        after = bench.start(1, dependencies=(SlurmDependency("afterok", first),))
        tasks = bench.ended(array)
        assert sorted(each.array_tasks for each in tasks) == ["0", "2", "4"]
        assert {each.array_id for each in tasks} == {array}
        (last,) = bench.ended(after)
        assert last.states[0] == "COMPLETED"
        assert last.started >= bench.job(first).ends

    def test_what_waits_of_an_array_says_how_many_may_run_at_once(self, bench: Bench) -> None:
        """And each is called as squeue calls it."""
        array = bench.start(LONG, array=SlurmArray(0, 3, at_most=2))
        (waiting,) = bench.until(lambda: [each for each in bench.jobs(array) if "JobArrayTaskLimit" in each.reasons])
        assert (tasks_of(waiting.array_tasks), waiting.array_tasks.partition("%")[2]) == ((2, 3), "2")
        assert sorted(each.called for each in bench.jobs(array)) == [f"{array}", f"{array}_0", f"{array}_1"]
        bench.slurm.cancel(array)

    def test_one_task_of_an_array_is_ended_alone(self, bench: Bench) -> None:
        """The last one bears the number of the whole array."""
        array = bench.start(LONG, array=SlurmArray(0, 7, only=(2, 5)))
        bench.until(lambda: len(all_in(bench.jobs(array), SlurmPhase.RUNNING)) == 2)
        bench.slurm.cancel(array, task=5)
        bench.slurm.cancel(array, task=5)
        ended = bench.until(lambda: [each for each in bench.jobs(array) if each.phase is SlurmPhase.ENDED])
        assert [(each.array_tasks, each.states[0]) for each in ended] == [("5", "CANCELLED")]
        assert [each.array_tasks for each in bench.jobs(array) if each.phase is SlurmPhase.RUNNING] == ["2"]

    def test_what_can_never_be(self, bench: Bench) -> None:
        for fields in ({"account": "nobody-s"}, {"partitions": ("nowhere",)}, {"qos": "none-such"}):
            with pytest.raises(SlurmRefusedError):
                bench.start(1, **fields)
        with pytest.raises(CapacityError):
            bench.start(1, gpus=5)


class DisplacementContract:
    """Apart, as it takes a real Slurm long: one of its ports is enough."""

    def when_it_runs(self, bench: Bench, times: int) -> None:
        """To look at what it does, the first and the second time."""

    def test_who_gives_way_starts_again(self, bench: Bench) -> None:
        since = bench.now() - 1
        lasting = bench.start(gpus=4, requeue=True, append=True, account="nlp", argv=bench.lasting,
                              output=f"{bench.directory}/lasting.out")  # fmt: skip
        steady = bench.start(LONG, gpus=4, partitions=("steady",), account="cv")
        bench.running(lasting, steady)
        self.when_it_runs(bench, 1)
        urgent = bench.start(2, gpus=4, partitions=("urgent",))
        bench.ended(urgent)
        (job,) = bench.until(
            lambda: all_in([each for each in bench.jobs(lasting) if each.restarts], SlurmPhase.RUNNING)
        )
        assert job.restarts == 1
        assert bench.job(steady).restarts == 0
        self.when_it_runs(bench, 2)
        bench.slurm.cancel(lasting)
        runs = bench.until(lambda: two([each for each in bench.slurm.bookings(since) if each.job_id == lasting]))
        assert all(each.allocated["gres/gpu"] == 4 for each in runs)

    def test_who_leaves_when_it_has_to_give_way_is_displaced_whatever_its_exit_code(self, bench: Bench) -> None:
        leaving = bench.start(gpus=4, account="nlp", argv=bench.lasting, output=f"{bench.directory}/leaving.out")
        steady = bench.start(LONG, gpus=4, partitions=("steady",), account="cv")
        (job, _) = bench.running(leaving, steady)
        assert not job.displaced
        bench.start(2, gpus=4, partitions=("urgent",))
        (job,) = bench.ended(leaving)
        assert (job.end_word, job.displaced, job.restarts) == ("PREEMPTED", True, 0)


def both(bench: Bench, since: int, *job_ids: int) -> dict[int, Any]:
    found = {each.job_id: each for each in bench.slurm.bookings(since) if each.over and each.job_id in job_ids}
    return found if len(found) == len(job_ids) else {}


def two(found: list[T]) -> list[T]:
    return found if len(found) == 2 else []
