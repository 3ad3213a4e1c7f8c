"""What runs a job of a server is never made anew by kubectl: its job file is changed, and the job submitted again."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import reference_of
from allotment.diagnose.explaining import explain
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.by_job_file import by_job_file
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind, StartsWhen
from allotment.model.jobs.job import Job
from allotment.model.observed.base import Reference
from tests.unit.diagnose.building import Raw, case_of, job, pod
from tests.unit.diagnose.queues import cluster_queue, platform, queued, quota
from tests.unit.jobs.kubernetes.work import ALL, GRID, gang, nightly, rendered
from tests.unit.jobs.kubernetes.work import job as asked_for

PLAIN = ALL - {WorkKind.JOB_SET}
CLONE = "allot clone k7x2 {} && allot stop k7x2"
WORDS = "ask for that in its job file, and submit it again"
DEVICE = "nvidia.com/gpu"
RANKS = "/spec/replicatedJobs/0/template/spec"


def made(asked: Job, kinds: frozenset[WorkKind] = ALL) -> Raw:
    """What is made of a job, as it stands in a cluster."""
    main = rendered(asked, kinds).main
    return {**main, "metadata": {**main["metadata"], "uid": "u", "creationTimestamp": "2026-11-01T11:00:00Z"}}


def container(**change: Any) -> Raw:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", **change}]}}}}


def asking(**requests: str | None) -> Raw:
    named = {DEVICE if name == "gpu" else name: amount for name, amount in requests.items()}
    return container(resources={"requests": named, "limits": named})


def steps(**fields: int) -> list[Raw]:
    return [{"op": "replace", "path": f"{RANKS}/{name}", "value": value} for name, value in fields.items()]


QUEUE = {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "other"}}}
PRIORITY = {"metadata": {"labels": {"kueue.x-k8s.io/priority-class": "production"}}}
TWO = {"spec": {"parallelism": 2, "completions": 2}}
DEVICES = f"{RANKS}/template/spec/containers/0/resources/requests/nvidia.com~1gpu"

CASES: dict[str, tuple[Raw, PatchOp, Any, str]] = {
    "replicas of a JobSet": (
        made(gang()), PatchOp.RESUBMIT, steps(parallelism=2, completions=2), CLONE.format("--set replicas=2"),
    ),
    "one replica of a JobSet": (
        made(gang()), PatchOp.RESUBMIT, steps(parallelism=1, completions=1), CLONE.format("--set replicas=1"),
    ),
    "devices of a JobSet": (
        made(gang()), PatchOp.RESUBMIT, [{"op": "add", "path": DEVICES, "value": "1"}],
        CLONE.format("--set resources.accelerators.count=1"),
    ),
    "replicas of a Job": (made(gang(), PLAIN), PatchOp.RESUBMIT, TWO, CLONE.format("--set replicas=2")),
    "time": (
        made(asked_for(run_time=15)), PatchOp.RESUBMIT, {"spec": {"activeDeadlineSeconds": 30}},
        CLONE.format("--set maxRunTime=30s"),
    ),
    "trials of a sweep at once": (
        made(asked_for(sweep=GRID)), PatchOp.RESUBMIT, {"spec": {"parallelism": 2}},
        CLONE.format("--set sweep.atOnce=2"),
    ),
    "trials of a sweep": (made(asked_for(sweep=GRID)), PatchOp.RESUBMIT, {"spec": {"completions": 1}}, ""),
    "cpu and memory": (
        made(asked_for()), PatchOp.RESUBMIT, asking(cpu="500m", memory="1Gi"),
        CLONE.format("--set resources.cpu=500m --set resources.memory=1Gi"),
    ),
    "devices": (
        made(asked_for()), PatchOp.RESUBMIT, asking(gpu="1"), CLONE.format("--set resources.accelerators.count=1"),
    ),
    "of a schedule, in place": (
        made(nightly()), PatchOp.STRATEGIC, {"spec": {"jobTemplate": asking(gpu="1")}},
        CLONE.format("--set resources.accelerators.count=1"),
    ),
    "image": (
        made(asked_for()), PatchOp.RESUBMIT, container(image="a/b:2"), CLONE.format("--set run.image=a/b:2"),
    ),
    "priority": (made(asked_for()), PatchOp.RESUBMIT, PRIORITY, CLONE.format("--set priority=production")),
    "once more": (made(asked_for()), PatchOp.RESUBMIT, {}, "allot clone k7x2 && allot stop k7x2"),
    "end": (made(asked_for()), PatchOp.DELETE, None, "allot stop k7x2"),
    "queue": (made(asked_for()), PatchOp.RESUBMIT, QUEUE, ""),
    "a selector": (
        made(asked_for()), PatchOp.RESUBMIT, {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}}, "",
    ),
    "a limit alone": (
        made(asked_for()), PatchOp.RESUBMIT, container(resources={"limits": {"cpu": "64"}}), "",
    ),
    "no request at all": (made(asked_for()), PatchOp.RESUBMIT, asking(gpu=None), ""),
    "fewer, and another queue": (made(gang(), PLAIN), PatchOp.RESUBMIT, {**TWO, **QUEUE}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("work", "op", "body", "command"), CASES.values(), ids=CASES)
def test_the_job_file_is_changed_in_place_of_its_object(work: Raw, op: PatchOp, body: Any, command: str) -> None:
    case = case_of([work], f"{work['kind'].lower()}/{work['metadata']['name']}", "nlp")
    assert case.work is not None
    act = by_job_file(case, Proposal(RemedyKind.OTHER, Doer.USER, "x", reference_of(case.work), Patch(op, body)))
    assert act is not None
    assert act.command == command
    assert (WORDS in act.said) is (command == "")


def test_what_belongs_to_no_job_or_changes_none_is_left_as_it_is() -> None:
    own = made(asked_for())
    name = own["metadata"]["name"]
    owner = {"apiVersion": "batch/v1", "kind": "Job", "metadata": own["metadata"]}
    objects = [own, job("train", namespace="nlp"), pod("p", owner=owner, namespace="nlp")]
    patch = Patch(PatchOp.RESUBMIT, asking(gpu="1"))
    other = Reference(api_version="batch/v1", kind="Job", namespace="nlp", name="train")
    of_job = Reference(api_version="batch/v1", kind="Job", namespace="nlp", name=name)
    its_pod = Reference(api_version="v1", kind="Pod", namespace="nlp", name="p")
    resumed = Patch(PatchOp.MERGE, {"spec": {"suspend": False}})
    for subject, target, change in (
        ("job/train", other, patch),
        (f"job/{name}", other, patch),
        (f"job/{name}", its_pod, Patch(PatchOp.DELETE)),
        (f"job/{name}", of_job, resumed),
    ):
        proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, change)
        assert by_job_file(case_of(objects, subject, "nlp"), proposal) is None
    assert by_job_file(case_of(objects, "pod/p", "nlp"), Proposal(RemedyKind.OTHER, Doer.USER, "x", of_job, patch))


def test_other_objects_beside_it_are_told_in_words() -> None:
    own = made(asked_for())
    case = case_of([own], f"job/{own['metadata']['name']}", "nlp")
    assert case.work is not None
    bound = (
        Reference(api_version="v1", kind="LimitRange", namespace="nlp", name="l"),
        Patch(PatchOp.MERGE, {"spec": {}}),
    )
    patch = Patch(PatchOp.RESUBMIT, asking(gpu="1"))
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", reference_of(case.work), patch, first=(bound,))
    act = by_job_file(case, proposal)
    assert act is not None
    assert (act.command, WORDS in act.said) == ("", True)


@pytest.mark.parametrize("of_server", [True, False])
def test_remedies_of_a_job_that_waits_for_quota(of_server: bool) -> None:
    objects = [*platform(cluster_queue("cq", quota("f", 2))), *queued(pods=4)]
    for made_of in objects if of_server else ():
        if made_of["kind"] == "Job":
            made_of["metadata"]["labels"] |= {"allotment.dev/job": "k7x2", "allotment.dev/part": "main"}
    remedies = explain(case_of(objects)).remedies
    own = [each for each in remedies if each.target is not None and each.target.kind == "Job"]
    assert own
    for each in own:
        assert ("kubectl" in each.command) is not of_server
        assert not of_server or each.command.startswith("allot clone k7x2 --set ") or WORDS in each.summary
    assert any("(in its job file: replicas=2)" in each.summary for each in own) is of_server


def test_a_sweep_that_waits_for_quota_runs_fewer_trials_at_once_and_loses_none() -> None:
    objects = [*platform(cluster_queue("cq", quota("f", 2))), *queued(pods=4)]
    (work,) = (each for each in objects if each["kind"] == "Job")
    work["metadata"]["labels"] |= {"allotment.dev/job": "k7x2", "allotment.dev/part": "main"}
    work["spec"] |= {"completions": 4, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 4}
    fewer = next(each for each in explain(case_of(objects)).remedies if "parallelism" in each.summary)
    assert "completions" not in fewer.summary
    assert fewer.command == "allot clone k7x2 --set sweep.atOnce=2 && allot stop k7x2"
    assert fewer.tried is not None
    assert fewer.tried.starts is StartsWhen.NOW
