"""What is found of many jobs is brought together in steps that grow as their number does."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.operations.run.kubernetes import seeing
from allotment.operations.run.kubernetes.seeing import JobHome, SeenWork, seen_jobs

Body = dict[str, Any]
NAMESPACE = "nlp"


def body(kind: str, job: str, name: str, namespace: str = NAMESPACE, maker: Body | None = None) -> Body:
    labels = {"allotment.dev/job": job, "allotment.dev/part": "main", "allotment.dev/attempt": "1"}
    metadata: Body = {"name": name, "namespace": namespace, "uid": f"{kind}-{namespace}-{name}", "labels": labels}
    if maker is not None:
        of = {"apiVersion": maker["apiVersion"], "kind": maker["kind"], "name": maker["metadata"]["name"]}
        metadata["ownerReferences"] = [{**of, "uid": maker["metadata"]["uid"], "controller": True}]
    api = {"Job": "batch/v1", "JobSet": "jobset.x-k8s.io/v1alpha2"}.get(kind, "v1")
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {}, "status": {}}


def set_of(job: str) -> list[Body]:
    """A JobSet, the Job that it made, and the pod that this one made."""
    whole = body("JobSet", job, f"work--{job}")
    ranks = body("Job", job, f"work--{job}-main-0", maker=whole)
    return [whole, ranks, body("Pod", job, f"work--{job}-main-0-0", maker=ranks)]


def steps(jobs: list[str], strangers: int) -> tuple[int, dict[str, SeenWork]]:
    """How often a function of the module was entered, or went on, and what was seen."""
    kube = FakeKube()
    for job in jobs:
        kube.put(*set_of(job))
    for number in range(strangers):
        maker = body("JobSet", jobs[0], f"no-{number}", "elsewhere")
        kube.put(body("Pod", jobs[0], f"p-{number}", "elsewhere", maker), maker)
    taken = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal taken
        taken += event == "call" and frame.f_code.co_filename == seeing.__file__

    homes = {each: JobHome(each, NAMESPACE, "work") for each in jobs}
    sys.setprofile(count)
    try:
        seen = seen_jobs(kube, (), homes)
    finally:
        sys.setprofile(None)
    return taken, dict(seen)


@pytest.mark.parametrize("strangers", [0, 40])
def test_twice_the_jobs_are_twice_the_steps(strangers: int) -> None:
    names = [f"j{number}" for number in range(80)]
    few, _ = steps(names[:40], strangers // 2)
    many, seen = steps(names, strangers)
    assert many <= 2.1 * few
    assert {each: len(job.pods) for each, job in seen.items()} == dict.fromkeys(names, 1)


def test_each_job_has_what_makes_its_pods_and_nothing_of_others() -> None:
    _, seen = steps(["a", "b"], 2)
    of_a, of_b = ({each["metadata"]["uid"] for each in set_of(job)} for job in "ab")
    assert seen["a"].makers == of_a
    assert seen["b"].makers == of_b
