"""Everything that Kubernetes cannot express is refused with a message that names the field; nothing is dropped."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.losses import COMMON, OF_KIND
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.rendering import losses_of
from allotment.model.jobs.job import (
    CheckpointPolicy,
    CodeFolder,
    DependencyState,
    EarlyStop,
    Job,
    JobDependency,
    JobType,
    JobVolume,
    Nearness,
    NearnessDomain,
    RetryPolicy,
    SecretVariable,
    SweptParameter,
    VolumeUse,
)
from allotment.model.quantity import Bytes
from tests.unit.jobs.kubernetes.work import (
    CHECKPOINTS,
    DATA,
    GRID,
    SCRATCH,
    WEIGHTS,
    everything,
    gang,
    job,
    nightly,
    program,
    rendered,
    service,
    staged,
)

CODE = CodeFolder(".", "", Bytes(1 << 20))
NO_SOURCE = replace(WEIGHTS, source="--config=/etc/passwd")
FROM_NOWHERE = replace(WEIGHTS, source="gopher://old/weights")
SET, RAY, TRAIN = WorkKind.JOB_SET, WorkKind.RAY_JOB, WorkKind.TRAIN_JOB
AFTER = (JobDependency("prepare", DependencyState.SUCCEEDED),)
RETRIES = RetryPolicy(1)

CASES: list[tuple[WorkKind, str, Job]] = [
    (WorkKind.JOB, "run.image", job(program=program(image=""))),
    (WorkKind.JOB, "run.command", job(program=program(argv=(), code=CODE))),
    (WorkKind.JOB, "run.env", job(program=program(environment={"ALLOTMENT_RANK": "7"}))),
    (WorkKind.JOB, "run.env", gang(program=program(secrets=(SecretVariable("MASTER_ADDR", "s", "k"),)))),
    (WorkKind.JOB, "run.workingDirectory", job(program=program(code=CODE, working_directory="../../etc"))),
    (WorkKind.JOB, "run.workingDirectory", job(program=program(working_directory="relative"))),
    (WorkKind.JOB, "labels", job(labels={"model": "two words"})),
    (WorkKind.JOB, "labels", job(labels={"team": "cv"})),
    (WorkKind.JOB, "labels", job(labels={"kueue.x-k8s.io/queue-name": "other"})),
    (WorkKind.JOB, "labels", job(labels={"allotment.dev/tenant": "cv"})),
    (WorkKind.JOB, "labels", job(labels={"x/y/z": "1"})),
    (WorkKind.JOB, "volumes.folder", job(volumes=(JobVolume("d", VolumeUse.READ_MOSTLY, "/d", folder="/srv"),))),
    (WorkKind.JOB, "volumes.claim", job(volumes=(JobVolume("d", VolumeUse.READ_MOSTLY, "/d"),))),
    (WorkKind.JOB, "volumes.name", job(volumes=(DATA, replace(SCRATCH, name="data")))),
    (WorkKind.JOB, "volumes.name", job(volumes=(replace(DATA, path="relative"),))),
    (WorkKind.JOB, "checkpoint.directory", job(checkpoint=CheckpointPolicy("/tmp/run", 60, 30))),
    (WorkKind.JOB, "checkpoint.directory", staged(checkpoint=CheckpointPolicy("/checkpoints-2", 60, 30))),
    (WorkKind.JOB, "checkpoint.directory", staged(checkpoint=CheckpointPolicy("/checkpoints/../x", 60, 30))),
    (
        WorkKind.JOB,
        "checkpoint.directory",
        job(
            volumes=(CHECKPOINTS,),
            data=(replace(WEIGHTS, volume="checkpoints"),),
            checkpoint=CheckpointPolicy("/checkpoints", 60, 30),
        ),
    ),
    (WorkKind.JOB, "data.volume", job(volumes=(replace(SCRATCH, name="data"),), data=(WEIGHTS,))),
    (WorkKind.JOB, "data.path", job(volumes=(DATA,), data=(replace(WEIGHTS, path="../../etc/passwd"),))),
    (WorkKind.JOB, "data.path", job(volumes=(CHECKPOINTS,), data=(WEIGHTS,))),
    (WorkKind.JOB, "data.source", job(volumes=(DATA,), data=(FROM_NOWHERE,))),
    (WorkKind.JOB, "data.source", job(volumes=(DATA,), data=(NO_SOURCE,))),
    (WorkKind.JOB, "nearness.required", gang(nearness=Nearness(NearnessDomain.ZONE, required=True))),
    (WorkKind.JOB, "nearness.within", gang(nearness=Nearness(NearnessDomain.RACK, required=False))),
    (WorkKind.JOB, "sweep.earlyStop", job(sweep=replace(GRID, early_stop=EarlyStop("loss", False, 3)))),
    (WorkKind.JOB, "sweep.grid", job(sweep=replace(GRID, parameters=(SweptParameter("lr", ("a\nb", "c")),)))),
    (WorkKind.JOB, "sweep", job(sweep=GRID, replicas=2)),
    (WorkKind.CRON_JOB, "after", nightly(after=AFTER)),
    (WorkKind.CRON_JOB, "data.when", nightly(volumes=(DATA,), data=(WEIGHTS,))),
    (WorkKind.CRON_JOB, "schedule", service(schedule=nightly().schedule)),
    (SET, "retries.safe", gang(retries=RETRIES)),
    (WorkKind.DEPLOYMENT, "retries.limit", service(retries=RETRIES)),
    (WorkKind.DEPLOYMENT, "maxRunTime", service(run_time=60)),
    (WorkKind.DEPLOYMENT, "type", job()),
    (WorkKind.LEADER_WORKER_SET, "maxRunTime", service(run_time=60)),
    (TRAIN, "volumes", gang(volumes=(DATA,))),
    (TRAIN, "run.code", gang(program=program(code=CODE))),
    (TRAIN, "run.secrets", gang(program=program(secrets=(SecretVariable("T", "s", "k"),)))),
    (TRAIN, "retries", gang(retries=RETRIES)),
    (TRAIN, "checkpoint.grace", staged()),
    (TRAIN, "type", job(type=JobType.EVALUATION)),
    (RAY, "run.command", job(program=program(argv=()))),
    (RAY, "run.code", job(program=program(code=CODE))),
    (RAY, "retries.safe", job(retries=RETRIES)),
    (RAY, "type", nightly()),
    (WorkKind.VOLCANO_JOB, "retries.safe", gang(retries=RETRIES)),
    (WorkKind.VOLCANO_JOB, "type", service()),
]


@pytest.mark.parametrize(("kind", "field", "asked"), CASES, ids=[f"{kind}-{field}" for kind, field, _ in CASES])
def test_a_loss_is_named(kind: WorkKind, field: str, asked: Job) -> None:
    missing = losses_of(WorkOrder("k7x2", asked), kind)
    assert field in {each.field for each in missing}
    assert all(each.what and each.instead for each in missing)


def test_every_loss_has_a_case() -> None:
    tried = {id(each) for kind, field, asked in CASES for each in losses_of(WorkOrder("k", asked), kind)}
    table = [*COMMON, *(each for losses in OF_KIND.values() for each in losses)]
    assert [each.field for each in table if id(each) not in tried] == []
    assert set(OF_KIND) == set(WorkKind)


@pytest.mark.parametrize("asked", [job(), everything(), gang(), nightly(), service(), service(replicas=2), staged()])
def test_what_can_be_expressed_has_none(asked: Job) -> None:
    assert rendered(asked).main["metadata"]["name"] == "train-llm--k7x2"


@pytest.mark.parametrize(
    ("asked", "how", "words"),
    [
        (gang(retries=RETRIES), {}, ("retries.safe cannot", "declare retries.safe: true")),
        (job(program=program(code=CODE)), {}, ("not packed", "submit the job again")),
        (job(program=program(code=CODE)), {"code": b"x" * (901 << 10)}, ("901 KiB", "900 KiB", "ignore file")),
    ],
)
def test_a_refusal_says_what_and_what_instead(asked: Job, how: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        rendered(asked, **how)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_of_code_that_is_too_large_the_largest_parts_are_named() -> None:
    noise = Random(1)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for name, size in (("train.py", 10), ("data/old/a.bin", 600 << 10), ("data/old/b.bin", 500 << 10)):
            entry = tarfile.TarInfo(name)
            entry.size = size
            archive.addfile(entry, io.BytesIO(noise.randbytes(size)))
    folder = CodeFolder(".", ".allotignore", Bytes(1 << 30))
    for code, largest in ((written.getvalue(), "data/old/ (1.07 MiB), train.py (10 bytes)"), (b"x" * (1 << 20), "")):
        with pytest.raises(InputError, match="KiB when it is packed") as told:
            rendered(job(program=program(code=folder)), code=code)
        assert told.value.why.partition("the largest are ")[2] == largest
        assert ".allotignore, or, where there is none, in .gitignore" in told.value.fix
