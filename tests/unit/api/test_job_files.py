"""A job file that is sent comes back as the jobs that it means, and says what is wrong in the words of the command."""

from __future__ import annotations

import json
from dataclasses import replace

from allotment.model.jobs.written import SENT, read_value, write_value
from allotment.ports.job_service import JobSubmission
from allotment.wiring import directory, running
from tests.unit.api.test_doors import answered
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import World, at_home

__all__ = ["hall"]


FILES = directory(running.example_platform()).read().files


def declared(world: World) -> World:
    world.desk.become(replace(world.desk._identity, declared=FILES))
    return world


def read(world: World, **file: object) -> tuple[int, dict[str, object]]:
    text = json.dumps({"kind": "Job", "name": "train", "team": "nlp", "run": {"command": ["true"]}, **file})
    body = json.dumps({"version": 1, "file": {"text": text}}).encode()
    status, _, said = answered(at_home(world), "POST", "/api/v1/job-files", body=body)
    return status, json.loads(said)


def test_what_a_file_leaves_open_is_filled_in_and_it_can_be_submitted() -> None:
    world = declared(World())
    for wanted in ({"accelerators": 1}, {"accelerators": {"count": 2, "class": "a100"}}, {}):
        status, said = read(world, resources={"cpu": 1, "memory": "1Gi", **wanted})
        assert status == 200, said
        (job,) = said["jobs"]  # type: ignore[misc]
        sent = json.dumps({"version": 1, "submission": {"job": job, "backend": "local"}})
        assert world.desk.foresee(read_value("submission", JobSubmission, sent, SENT)).job.team == "nlp"
        assert write_value("submission", read_value("submission", JobSubmission, sent, SENT))


def test_the_file_of_a_job_means_that_job() -> None:
    world = declared(World())
    _, said = read(world, name="again", code={"folder": "."}, run={"command": ["true"], "env": {"LR": "3e-4"}})
    (job,) = said["jobs"]  # type: ignore[misc]
    sent = json.dumps({"version": 1, "submission": {"job": job, "backend": "local"}})
    wanted = read_value("submission", JobSubmission, sent, SENT)
    assert wanted.job.program.code is not None
    kept = world.desk.submit(
        replace(wanted, job=replace(wanted.job, program=replace(wanted.job.program, code=None)))
    ).job
    status, _, told = answered(at_home(world), "GET", f"/api/v1/jobs/{kept.id}/file")
    assert status == 200, told
    text = json.loads(told)["file"]["text"]
    body = json.dumps({"version": 1, "file": {"text": text}}).encode()
    status, _, told = answered(at_home(world), "POST", "/api/v1/job-files", body=body)
    assert status == 200, told
    ((again),) = json.loads(told)["jobs"]
    submission = json.dumps({"version": 1, "submission": {"job": again, "backend": "local"}})
    assert read_value("submission", JobSubmission, submission, SENT).job == kept.job


def test_what_is_wrong_is_told_with_its_line() -> None:
    status, said = read(declared(World()), team="nobody", colour="red")
    assert status == 422
    assert "job.yaml" in str(said["why"])
    assert "colour" in str(said["why"])


def test_other_teams_are_unknown_to_people(hall: Hall) -> None:
    declared(hall.world)
    text = json.dumps({"kind": "Job", "name": "x", "team": "cv", "run": {"command": ["true"]}})
    body = {"version": 1, "file": {"text": text}}
    status, said = hall.asked("POST", "/api/v1/job-files", hall.session("ada", "nlp-members"), body)
    other = hall.asked(
        "POST",
        "/api/v1/job-files",
        hall.session("ada", "nlp-members"),
        {"version": 1, "file": {"text": text.replace('"cv"', '"zz"')}},
    )
    assert status == other[0] == 422
    assert said["why"].replace("cv", "zz") == other[1]["why"]
