"""What makes, places and runs pods in a made-up cluster: the Job controller, kube-scheduler by its twin, kubelets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from allotment.model.moments import milliseconds, written
from allotment.model.observed.base import condition
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job
from allotment.scheduling.snapshot.placement import placement_view
from allotment.simulation.demo.fates import WorkFate, fate_of
from allotment.simulation.demo.sight import ClusterSight, is_over
from allotment.simulation.demo.use import use_of_work
from allotment.simulation.demo.writes import (
    BATCH,
    CORE,
    DropObject,
    MakeObject,
    PatchObject,
    Write,
    conditions_with,
    key_in,
    owned_by,
    set_false,
    set_true,
    status_of,
)
from allotment.simulation.live.places import settle_pods, waiting_in_turn

_INDEX: Final = "batch.kubernetes.io/job-completion-index"
_ATTEMPT: Final = "allotment.dev/demo-try"
"""Label: which try of its index a pod is, from 1."""
MAIN: Final = "main"
_KEPT: Final = 6 * 3600.0
"""Seconds of the fleet for which a Job that is over stays, with its logs, at most."""


def attend_jobs(sight: ClusterSight) -> Iterator[Write]:
    """Pods are made for Jobs that may run; Jobs are over with their pods, or after their time."""
    for job in sight.jobs:
        if job.metadata.deletion_timestamp:
            yield DropObject(BATCH, key_in(BATCH, "Job", job), job.metadata.uid)
        elif is_over(job):
            if _kept_long_enough(sight, job):
                yield DropObject(BATCH, key_in(BATCH, "Job", job), job.metadata.uid)
        elif not job.spec.suspend:
            yield from _attend(sight, job, sight.pods_of.get(job.metadata.uid, ()))
    for uid, pods in sight.pods_of.items():
        if uid not in sight.job_of:
            yield from (DropObject(CORE, key_in(CORE, "Pod", each), each.metadata.uid) for each in pods)


def _kept_long_enough(sight: ClusterSight, job: Job) -> bool:
    """Whether a Job that is over goes, as it said itself, or sooner: a fleet ends thousands in an hour of ours."""
    ended = max((each.last_transition_time for each in job.status.conditions if each.true), default="")
    most = job.spec.ttl_seconds_after_finished
    return most is not None and sight.now - milliseconds(ended) > sight.pace.real(min(most, _KEPT))


def _attend(sight: ClusterSight, job: Job, pods: Sequence[Pod]) -> Iterator[Write]:
    wanted = job.spec.completions or 1
    done = [each for each in pods if each.status.phase == "Succeeded"]
    # A pod that was displaced counts for no failure, as the Job's own rules have it.
    failed = [each for each in pods if each.status.phase == "Failed" and not _displaced(each)]
    live = [each for each in pods if not each.ended]
    began, most = milliseconds(job.status.start_time), job.spec.active_deadline_seconds
    per_index = job.spec.backoff_limit_per_index
    retries = job.spec.backoff_limit if per_index is None else per_index
    ended = said = ""
    if len(done) >= wanted:
        complete = ("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        yield _ended(sight, job, complete, done, failed)
        return
    if most is not None and began and sight.now - began > sight.pace.real(most):
        ended, said = "DeadlineExceeded", "Job was active longer than specified deadline"
    elif len(failed) > (0 if retries is None else retries):
        ended, said = "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    if ended:
        yield _ended(sight, job, ("Failed", ended, said), done, failed)
        for each in live:
            yield DropObject(CORE, key_in(CORE, "Pod", each), each.metadata.uid)
        return
    ready = sum(each.status.phase == "Running" for each in live)
    counts = {"active": len(live), "ready": ready, "succeeded": len(done), "failed": len(failed)}
    if counts != {name: getattr(job.status, name) for name in counts}:
        yield status_of(BATCH, "Job", job, counts)
    there = {_index_of(each) for each in (*live, *done)}
    tries = len(failed) + sum(_displaced(each) for each in pods) + _evictions(sight, job) + 1
    for index in range(wanted):
        if index not in there:
            yield MakeObject(_pod(sight, job, index, tries))


def _evictions(sight: ClusterSight, job: Job) -> int:
    books = sight.books.get(job.metadata.uid)
    stats = None if books is None else books.status.scheduling_stats
    return 0 if stats is None else sum(each.count for each in stats.evictions)


def _displaced(pod: Pod) -> bool:
    found = condition(pod.status.conditions, "DisruptionTarget")
    return found is not None and found.true


def _index_of(pod: Pod) -> int:
    text = pod.metadata.annotations.get(_INDEX, "0")
    return int(text) if text.isdecimal() else 0


def _ended(
    sight: ClusterSight, job: Job, how: tuple[str, str, str], done: Sequence[Pod], failed: Sequence[Pod]
) -> PatchObject:
    """A Job is over; `how` is its condition's type, reason and message."""
    kind, reason, said = how
    status: dict[str, Any] = {
        "active": 0,
        "ready": 0,
        "succeeded": len(done),
        "failed": len(failed),
        "conditions": conditions_with(job.status.conditions, sight.now, set_true(kind, reason, said)),
    }
    if kind == "Complete":
        status["completionTime"] = sight.time
    return status_of(BATCH, "Job", job, status)


def _pod(sight: ClusterSight, job: Job, index: int, tries: int) -> dict[str, Any]:
    template = sight.raw[job.metadata.uid]["spec"]["template"]
    meta = template.get("metadata") or {}
    rank = str(index)
    return {
        "apiVersion": CORE,
        "kind": "Pod",
        "metadata": {
            "name": f"{job.name}-{index}-{tries}",
            "namespace": job.namespace,
            "creationTimestamp": sight.time,
            "labels": {
                **(meta.get("labels") or {}),
                "batch.kubernetes.io/job-name": job.name,
                _INDEX: rank,
                _ATTEMPT: str(tries),
            },
            "annotations": {**(meta.get("annotations") or {}), _INDEX: rank},
            "ownerReferences": owned_by(BATCH, "Job", job),
        },
        "spec": {**template["spec"], "priority": sight.ranks.get(template["spec"].get("priorityClassName", ""), 0)},
        "status": {"phase": "Pending"},
    }


def place_pods(sight: ClusterSight) -> Iterator[Write]:
    """Pods find a node, or are told why not."""
    view = placement_view(sight.index)
    for placed in settle_pods(view, waiting_in_turn(sight.index, view)):
        pod, known = placed.pod, condition(placed.pod.status.conditions, "PodScheduled")
        if placed.node and not placed.victims:
            yield PatchObject(CORE, key_in(CORE, "Pod", pod), {"spec": {"nodeName": placed.node}})
            yield status_of(CORE, "Pod", pod, _pulling(sight, pod))
        elif known is None or known.message != placed.message:
            waits = set_false("PodScheduled", "Unschedulable", placed.message)
            yield status_of(CORE, "Pod", pod, {"conditions": conditions_with(pod.status.conditions, sight.now, waits)})


def _pulling(sight: ClusterSight, pod: Pod) -> dict[str, Any]:
    placed = set_true("PodScheduled", "", "")
    return {
        "startTime": sight.time,
        "conditions": conditions_with(pod.status.conditions, sight.now, placed),
        "containerStatuses": [_container({"waiting": {"reason": "ContainerCreating"}}, ready=False)],
    }


def _container(state: dict[str, Any], *, ready: bool) -> dict[str, Any]:
    return {"name": MAIN, "ready": ready, "state": state}


def run_pods(sight: ClusterSight) -> Iterator[Write]:
    """Kubelets: images come, programs run as long as it is their fate, and end so."""
    for pod in sight.index.objects.pods:
        node = sight.index.nodes.get(pod.spec.node_name)
        if pod.ended or node is None or not node.ready:
            continue
        key = attempt_key(pod.namespace, pod.name, pod.metadata.labels)
        fate, since = fate_of(sight.pace.seed, key), milliseconds(pod.status.start_time)
        passed = sight.now - since
        if pod.status.phase == "Running":
            began = _began(pod) or since
            if sight.now - began >= sight.pace.real(fate.runs * use_of_work(sight.pace, key).lasts):
                yield status_of(CORE, "Pod", pod, _over(sight, fate, began, pod))
        elif passed >= sight.pace.real(fate.pulls):
            yield from _start(sight, pod, fate)


def _start(sight: ClusterSight, pod: Pod, fate: WorkFate) -> Iterator[Write]:
    if fate.image:
        running = {"running": {"startedAt": sight.time}}
        ready = set_true("Ready", "", "")
        yield status_of(
            CORE,
            "Pod",
            pod,
            {
                "phase": "Running",
                "conditions": conditions_with(pod.status.conditions, sight.now, ready),
                "containerStatuses": [_container(running, ready=True)],
            },
        )
    elif not any(each.state.waiting and each.state.waiting.message for each in pod.status.container_statuses):
        said = "Back-off pulling image: ErrImagePull: manifest unknown"
        waiting = {"waiting": {"reason": "ImagePullBackOff", "message": said}}
        yield status_of(CORE, "Pod", pod, {"containerStatuses": [_container(waiting, ready=False)]})


def _began(pod: Pod) -> int:
    states = (each.state.running for each in pod.status.container_statuses)
    return next((milliseconds(each.started_at) for each in states if each is not None), 0)


def _over(sight: ClusterSight, fate: WorkFate, began: int, pod: Pod) -> dict[str, Any]:
    ended = {
        "exitCode": fate.code,
        "reason": fate.reason,
        "startedAt": pod.status.start_time if not began else written(began),
        "finishedAt": sight.time,
    }
    return {
        "phase": "Failed" if fate.code else "Succeeded",
        "conditions": conditions_with(pod.status.conditions, sight.now, set_false("Ready", "PodCompleted", "")),
        "containerStatuses": [_container({"terminated": ended}, ready=False)],
    }


def attempt_key(namespace: str, name: str, given: Mapping[str, str]) -> str:
    """What is the same of the same work each time: its name, and which try it is; all ranks end together.

    Args:
        namespace: of a pod.
        name: its name.
        given: its labels.
    """
    made = given.get("batch.kubernetes.io/job-name", name)
    # What a server makes is called NAME--ID, and the id is another one each time.
    return f"{namespace}/{made.rpartition('--')[0] or made}/{given.get(_ATTEMPT, '1')}"
