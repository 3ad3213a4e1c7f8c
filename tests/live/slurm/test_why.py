"""Why jobs wait on a real Slurm: what is said, with its numbers, and each remedy carried out."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from allotment.adapters.slurm.client import SlurmRest
from allotment.adapters.slurm.commands import SlurmCommands
from allotment.model.explanation import CauseVerdict, Explanation, Remedy, StartsWhen
from allotment.model.slurm.seen import SlurmJob, SlurmPhase
from allotment.operations.ask.devices import who_holds
from allotment.operations.ask.explaining import why
from allotment.operations.run.slurm.as_source import SlurmWords, slurm_snapshot
from allotment.operations.run.slurm.configured import configured_slurm
from allotment.ports.slurm import SlurmPort
from tests.unit import builders as build
from tools.slurm import Slurm

pytestmark = pytest.mark.live
WORDS = SlurmWords("hpc", build.platform(), configured_slurm({"folder": "/shared"}))


@dataclass
class Asked:
    """A Slurm that is asked why, and to which remedies are done."""

    slurm: Slurm
    port: SlurmPort
    numbers: list[int] = field(default_factory=list)

    def submit(self, *options: str, runs: str = "sleep 600") -> int:
        said = self.slurm.run("sbatch", "--parsable", "--output=/dev/null", "-t5", *options, "--wrap", runs)
        self.numbers.append(int(said.strip()))
        return self.numbers[-1]

    def job(self, number: int) -> SlurmJob:
        return next(each for each in self.port.jobs() if each.job_id == number)

    def until(self, number: int, holds: Callable[[SlurmJob], bool]) -> SlurmJob:
        deadline = time.monotonic() + 30
        while not holds(found := self.job(number)):
            assert time.monotonic() < deadline, found
            time.sleep(0.2)
        return found

    def running(self, number: int) -> SlurmJob:
        return self.until(number, lambda each: each.phase is SlurmPhase.RUNNING)

    def why(self, number: int, *reasons: str) -> Explanation:
        """As soon as Slurm gives one of these reasons."""
        self.until(number, lambda each: bool(set(each.reasons) & set(reasons)))
        snapshot = slurm_snapshot(self.port, WORDS, {}, round(time.time() * 1000))
        return why(snapshot, str(number)).explanation

    def do(self, told: Explanation, having: str) -> Remedy:
        """Carry out the remedy whose command holds these words."""
        found = next((each for each in told.remedies if having in each.command), None)
        assert found is not None, told.remedies
        assert found.tried.starts is StartsWhen.NOW, found
        self.slurm.run(*shlex.split(found.command))
        return found


@pytest.fixture(params=[pytest.param("rest", marks=pytest.mark.nightly), "commands"])
def asked(request: pytest.FixtureRequest, slurm: Slurm, rest: SlurmRest, commands: SlurmCommands) -> Iterator[Asked]:
    asked = Asked(slurm, rest if request.param == "rest" else commands)
    yield asked
    slurm.run("scontrol", "update", "nodename=gpu1", "state=resume", check=False)
    slurm.run("scancel", *map(str, asked.numbers))
    for number in asked.numbers:
        asked.until(number, lambda each: each.phase is SlurmPhase.ENDED)


def test_limits_dependencies_nodes_and_others(asked: Asked, slurm: Slurm) -> None:
    lost = asked.submit("-Acv", runs="false")
    never = asked.submit("-Acv", f"-dafterok:{lost}", runs="sleep 600")
    holder = asked.submit("-Anlp", "--uid=nobody", "--gres=gpu:a100:4")
    single = asked.submit("-Acv", "-qsingle", "--gres=gpu:a100:1")
    asked.running(holder)
    asked.running(single)
    limited = asked.submit("-Anlp", "--gres=gpu:a100:1")
    second = asked.submit("-Acv", "-qsingle", "--gres=gpu:a100:1")
    held = asked.submit("-Acv", "-H")

    told = asked.why(limited, "AssocGrpGRES")
    assert (told.cause, told.verdict) == ("slurm-group-limit", CauseVerdict.WAITING)
    assert (told.facts["most"], told.facts["in_use"], told.facts["asked"]) == (4, 4, 1)
    ends = asked.job(holder).ends
    assert told.facts["held_by"] == {
        f"job {holder}": {"of": "nobody", "in": "nlp", "holds": 4, "ends": _written(ends)},
    }
    assert told.facts["next_ends"] == told.facts["enough_ends_at_the_latest"] == _written(ends)
    asked.do(told, "account=cv")
    asked.running(limited)

    told = asked.why(second, "QOSGrpGRES")
    assert told.cause == "slurm-group-limit"
    assert told.facts["of"] == "quality of service single"
    assert [*told.facts["held_by"]] == [f"job {single}"]
    asked.do(told, "qos=normal")
    asked.running(second)

    told = asked.why(never, "DependencyNeverSatisfied")
    assert (told.cause, told.verdict) == ("slurm-dependency-never", CauseVerdict.MISCONFIGURED)
    assert told.start is not None
    assert told.start.never
    asked.do(told, "dependency=")
    asked.running(never)

    told = asked.why(held, "JobHeldUser")
    assert told.cause == "slurm-held"
    asked.do(told, "release")
    asked.running(held)

    slurm.run("scontrol", "update", "nodename=gpu1", "state=drain", "reason=fan broken")
    drained = asked.submit("-Adata-science", "-wgpu1")
    told = asked.why(drained, "ReqNodeNotAvail", "Resources")
    assert (told.cause, told.verdict) == ("slurm-nodes-unavailable", CauseVerdict.BROKEN)
    assert "fan broken" in told.summary
    asked.do(told, "nodename=gpu1 state=resume")
    asked.running(drained)

    holding = who_holds(slurm_snapshot(asked.port, WORDS, {}, round(time.time() * 1000)))
    assert [(each.owner.namespace, each.parts) for each in holding.holds if each.owner.person == "nobody"] == [
        ("nlp", 4_000_000)
    ]


def test_one_that_waits_behind_another(asked: Asked, slurm: Slurm) -> None:
    first = asked.submit("-Acv", "-wcpu0", "-c12")
    asked.running(first)
    wide = asked.submit("-Acv", "-wcpu0", "-c16")
    asked.until(wide, lambda each: "Resources" in each.reasons)
    behind = asked.submit("-Acv", "-wcpu0", "-c2", "-t50")

    told = asked.why(wide, "Resources")
    assert told.cause == "slurm-resources"
    assert [*told.facts["held_by"]] == [f"job {first}"]
    told = asked.why(behind, "Priority", "ReqNodeNotAvail")
    assert told.cause == "slurm-priority"
    assert [each["job"] for each in told.facts["ahead"]] == [wide]
    asked.do(told, "partition=urgent")
    asked.running(behind)


def _written(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
