"""Jobs of a small platform, from which each case departs in one point."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.place import JobPlace, place_of
from allotment.jobs.kubernetes.rendering import RenderedWork, render_work
from allotment.model.cluster import Cluster, Feature
from allotment.model.jobs.job import (
    AcceleratorWish,
    CheckpointPolicy,
    Job,
    JobSchedule,
    JobType,
    JobVolume,
    Nearness,
    NearnessDomain,
    Program,
    ReplicaNeeds,
    RetryPolicy,
    SecretVariable,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes
from tests.unit import builders as build

ALL = frozenset(WorkKind)
DATA = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="datasets")
CHECKPOINTS = JobVolume("checkpoints", VolumeUse.CHECKPOINT, "/checkpoints", claim="checkpoints")
SCRATCH = JobVolume("scratch", VolumeUse.SCRATCH, "/scratch", size=Bytes(10 << 30))
WEIGHTS = StagedData("https://models.example.com/llm.bin", "data", "weights/llm.bin", StagingTime.BEFORE)
GRID = Sweep((SweptParameter("lr", ("1e-3", "3e-4")),), trials=2, seed=0, at_once=1)


def job(**changes: Any) -> Job:
    """Two A100 of one pod, with a label and a longest time."""
    plain = Job(
        name="train-llm",
        team="nlp",
        type=JobType.TRAINING,
        program=Program(argv=("python", "train.py", "--epochs", "3"), image="registry.example.com/train:1"),
        needs=ReplicaNeeds(build.cores(8), build.gib(64), AcceleratorWish(2, ("a100",))),
        priority="exploratory",
        labels={"model": "llm"},
        run_time=3600,
    )
    return replace(plain, **changes)


def program(**changes: Any) -> Program:
    """The program of `job`."""
    return replace(job().program, **changes)


def service(**changes: Any) -> Job:
    """A service of one pod that answers on a port."""
    return job(**{"type": JobType.SERVICE, "run_time": None, "program": program(port=8000), **changes})


def gang(**changes: Any) -> Job:
    """Four ranks that start all or not at all."""
    return job(**{"replicas": 4, "gang": True, **changes})


def staged(**changes: Any) -> Job:
    """One that writes checkpoints, and whose weights are fetched before."""
    return job(
        **{
            "volumes": (DATA, CHECKPOINTS, SCRATCH),
            "data": (WEIGHTS,),
            "checkpoint": CheckpointPolicy("/checkpoints/run", 600, 120),
            "retries": RetryPolicy(2, safe=True),
            **changes,
        }
    )


def nightly(**changes: Any) -> Job:
    """One that runs by the clock."""
    return job(**{"type": JobType.SCHEDULED, "schedule": JobSchedule("0 3 * * *", "Europe/Berlin", 600), **changes})


def everything() -> Job:
    """One that asks for as much as one pod can be asked for."""
    needs = replace(job().needs, shared_memory=Bytes(8 << 30), ephemeral_storage=Bytes(20 << 30))
    secret = SecretVariable("HF_TOKEN", "hugging-face", "token")
    at_start = StagedData("s3://bucket/corpus", "scratch", "corpus", StagingTime.AT_START)
    return staged(
        needs=needs,
        program=program(environment={"OMP_NUM_THREADS": "8", "PRICE": "$(cost)"}, secrets=(secret,)),
        data=(WEIGHTS, replace(WEIGHTS, source="/data/raw", path="copied"), at_start),
        nearness=Nearness(NearnessDomain.ZONE, required=False),
        retries=RetryPolicy(2),
        deadline="2026-12-01T08:00:00Z",
        spot=True,
    )


def world(**changes: Any) -> tuple[Platform, Cluster]:
    """A platform with one cluster, which has JobSet and LeaderWorkerSet, and in which Kueue holds pods, too."""
    features = (Feature.POD_INTEGRATION, Feature.JOBSET, Feature.LEADERWORKERSET)
    cluster = build.cluster(**{"features": features, "runtime_classes": ("nvidia",), **changes})
    return build.platform(clusters=(cluster,)), cluster


def place(asked: Job, **changes: Any) -> JobPlace:
    """Where it runs."""
    platform, cluster = world(**changes)
    return place_of(platform, cluster, asked)


def rendered(asked: Job, kinds: frozenset[WorkKind] = ALL, **more: Any) -> RenderedWork:
    """What is made of it."""
    of_order = {name: more.pop(name) for name in ("attempt", "code", "failures") if name in more}
    order = WorkOrder("k7x2", asked, **of_order)
    return render_work(order, place(asked), kinds, **more)
