"""Jobs of a team share its claims, and none writes over the checkpoints of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import ONLY_CHECKED, WorkOrder
from allotment.jobs.kubernetes.rendering import render_work
from allotment.model.jobs.job import CheckpointPolicy, Job, JobSchedule, JobVolume, VolumeUse
from tests.unit.jobs.kubernetes.work import ALL, CHECKPOINTS, GRID, job, place, rendered

POLICY = CheckpointPolicy("/checkpoints", 60, 30)
INNER = JobVolume("inner", VolumeUse.CHECKPOINT, "/checkpoints/deep", claim="other")
NIGHTLY = JobSchedule("0 4 * * *", "Etc/UTC", 600)


def container(asked: Job) -> dict[str, Any]:
    body = rendered(asked, ALL).main
    spec = body["spec"]["jobTemplate"]["spec"] if body["kind"] == WorkKind.CRON_JOB else body["spec"]
    return spec["template"]["spec"]["containers"][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("changes", "mounts"),
    [
        ({}, [("v-checkpoints", "/checkpoints", "k7x2")]),
        ({"checkpoint": replace(POLICY, directory="/checkpoints/")}, [("v-checkpoints", "/checkpoints", "k7x2")]),
        (
            {"checkpoint": replace(POLICY, directory="/checkpoints/run/a")},
            [("v-checkpoints", "/checkpoints", None), ("v-checkpoints", "/checkpoints/run/a", "run/a/k7x2")],
        ),
        (
            {"checkpoint": replace(POLICY, directory="/checkpoints/deep/a"), "volumes": (CHECKPOINTS, INNER)},
            [
                ("v-checkpoints", "/checkpoints", None),
                ("v-inner", "/checkpoints/deep", None),
                ("v-inner", "/checkpoints/deep/a", "a/k7x2"),
            ],
        ),
        ({"checkpoint": replace(POLICY, of="first")}, [("v-checkpoints", "/checkpoints", "first")]),
        ({"sweep": GRID}, [("v-checkpoints", "/checkpoints", "k7x2/$(ALLOTMENT_RANK)")]),
        ({"schedule": NIGHTLY}, [("v-checkpoints", "/checkpoints", "k7x2/$(ALLOTMENT_RUN)")]),
        ({"checkpoint": None}, [("v-checkpoints", "/checkpoints", None)]),
    ],
)
def test_each_job_trial_and_run_has_a_folder_of_its_own_in_the_claim(
    changes: dict[str, Any], mounts: list[tuple[str, str, str | None]]
) -> None:
    made = container(job(**{"volumes": (CHECKPOINTS,), "checkpoint": POLICY, **changes}))
    found = [(each["name"], each["mountPath"], each.get("subPathExpr")) for each in made["volumeMounts"]]
    assert [each for each in found if each[0].startswith("v-")] == mounts
    given = {each["name"] for each in made["env"]}
    for _, _, inner in mounts:
        assert {each.partition(")")[0] for each in (inner or "").split("$(")[1:]} <= given


def test_where_they_lie_is_told() -> None:
    asked = job(volumes=(CHECKPOINTS,), checkpoint=POLICY)
    said = "its checkpoints lie in the claim checkpoints, in the folder k7x2 of it"
    assert rendered(asked).told[-1] == said
    assert rendered(replace(asked, sweep=GRID)).told[-1] == said
    checked = render_work(WorkOrder(ONLY_CHECKED, asked), place(asked), ALL)
    assert checked.told[-1] == f"{said.replace('k7x2', 'ID')}: ID is the job's id once it is submitted"
    assert not any("checkpoints" in each for each in rendered(job()).told)
