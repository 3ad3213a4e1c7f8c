"""Who asked for what is kept with what came of it, and nothing is kept of what changed nothing."""

from __future__ import annotations

import pytest

from allotment.errors import AllotmentError, InputError, NotFoundError
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import JobType
from allotment.operations.account.trail import gone_along
from allotment.ports.job_service import JobService, JobSubmission
from tests.unit.api.test_service import GRID, World, asked, submitted
from tests.unit.operations.run.machine import job

__all__ = ["asked"]


def trail(world: World) -> list[AuditedAct]:
    entries = list(world.machine.store.whole_audit())
    assert gone_along(entries).sound
    return [each.act for each in entries if each.act.verb.startswith("job.")]


def test_who_hands_in_retries_and_stops_answers_for_it(
    asked: tuple[World, JobService], request: pytest.FixtureRequest
) -> None:
    world, service = asked
    by = request.node.name
    first = submitted(service).job
    world.run(15)
    again = service.retry(first.id).job
    service.stop(again.id, grace=5)
    service.stop(again.id)
    acts = trail(world)
    assert {(each.who, each.outcome) for each in acts} == {("ada", "done")}
    whence = {(each.kind, each.whence.partition(",")[0]) for each in acts}
    assert whence == {("token", "127.0.0.1") if "network" in by else ("local", "unix socket")}
    assert [(each.verb, each.subject, each.name, each.team) for each in acts] == [
        ("job.submit", f"job/{first.id}", "train", "nlp"),
        ("job.retry", f"job/{again.id}", "train", "nlp"),
        ("job.stop", f"job/{again.id}", "train", "nlp"),
    ]
    told = [dict(each.details) for each in acts]
    assert told[0] == {"backend": "local", "priority": "exploratory", "devices": "1 a100"}
    assert told[1]["supersedes"] == first.id
    assert (told[2]["owner"], told[2]["grace"]) == ("ada", "5 s")
    assert acts[0].at == first.submitted


def test_members_of_a_sweep_are_nobodys_act(asked: tuple[World, JobService]) -> None:
    world, service = asked
    parent = submitted(service, name="search", type=JobType.SWEEP, sweep=GRID).job.id
    world.run(1)
    service.stop(parent, grace=0)
    world.run(2)
    assert [(each.verb, each.subject) for each in trail(world)] == [
        ("job.submit", f"job/{parent}"),
        ("job.stop", f"job/{parent}"),
    ]


def test_what_changes_nothing_is_not_kept(asked: tuple[World, JobService]) -> None:
    world, service = asked
    wanted = JobSubmission(job(), "local", key="once")
    service.foresee(wanted)
    for refused in (JobSubmission(job(team="nobody"), "local"), JobSubmission(job(), "mars")):
        with pytest.raises(AllotmentError):
            service.submit(refused)
    with pytest.raises(NotFoundError):
        service.stop("nobody")
    assert trail(world) == []
    one = service.submit(wanted).job
    assert service.submit(wanted).job.id == one.id, "the same key"
    world.run(15)
    assert service.stop(one.id).state.over
    assert [each.verb for each in trail(world)] == ["job.submit"]


def test_an_act_is_kept_with_its_job_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    keep = world.machine.store.add_all

    def fail(*_: object) -> None:
        raise InputError("the disk is full")

    monkeypatch.setattr(world.machine.store, "add_all", fail)
    with pytest.raises(InputError):
        submitted(world.desk)
    assert trail(world) == []
    monkeypatch.setattr(world.machine.store, "add_all", keep)
    assert submitted(world.desk).job.id
    assert [each.verb for each in trail(world)] == ["job.submit"]
