"""The objects that prove makes for real: made, watched, and removed whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, Final, TypeVar

from allotment.errors import AllotmentError
from allotment.model.manifest import Body, key_of
from allotment.model.quantity import parse_quantity
from allotment.ports.clock import Clock
from allotment.ports.kube import Identity, KubePort, RefusedError
from allotment.prove.capacity import has_room
from allotment.prove.judging import Found, NotTried, Outcome
from allotment.prove.probes import MARK, RunJob

PATIENCE: Final = 30.0
"""Seconds that Kueue gets to admit a Job; on an idle queue it takes well under one."""

PAUSE: Final = 0.25
"""Seconds between two looks."""

_JOB_UID: Final = "kueue.x-k8s.io/job-uid"
MADE: Final = (("batch/v1", "Job"), ("apps/v1", "Deployment"), ("v1", "Pod"))
_FULL: Final = ("insufficient unused quota", "Workload no longer fits", "overlapping preemption targets")

_Result = TypeVar("_Result")


def sweep(kube: KubePort, namespace: str) -> None:
    """Remove what a run that was killed left behind."""
    for api_version, kind in MADE:
        with suppress(RefusedError):
            for body in tuple(kube.list(api_version, kind, namespace=namespace, labels=f"{MARK}=true")):
                kube.delete(api_version, key_of(body), uid=body["metadata"]["uid"])


def make_for_real(kube: KubePort, body: Body, identity: Identity | None, then: Callable[[Body], _Result]) -> _Result:
    """Create, do something with it, and delete exactly that object again."""
    made = kube.create(body, identity=identity).body
    try:
        return then(made)
    finally:
        # The probe's own error, if there is one, says more than a failed clean-up; the next run sweeps.
        with suppress(AllotmentError):
            kube.delete(body["apiVersion"], key_of(body), uid=made["metadata"]["uid"])


def run_job(attempt: RunJob, kube: KubePort, clock: Clock, identity: Identity | None) -> Outcome:
    """Submit the Job, with an accelerator if one is idle, and see whether Kueue admits it."""
    queues = tuple(kube.list(attempt.workloads[0], "ClusterQueue"))
    body = next(
        (body for body in (attempt.body, attempt.modest) if has_room(queues, attempt.queue, _needs(body))), None
    )
    if body is None:
        return no_room(attempt.queue)
    outcome = make_for_real(kube, body, identity, lambda made: _admission(attempt, made, kube, clock))
    return gone((body,), kube, clock, outcome)


def no_room(queue: str) -> NotTried:
    """Why nothing was submitted."""
    return NotTried(f"ClusterQueue {queue} has nothing idle, and a Job might displace somebody's work", harmless=True)


def _admission(attempt: RunJob, job: Body, kube: KubePort, clock: Clock) -> Outcome:
    uid = job["metadata"]["uid"]
    end = clock.now().timestamp() + PATIENCE
    workload: Body | None = None
    while clock.now().timestamp() < end:
        workload = next(_workloads(attempt, job, kube), None)
        if workload is not None and is_admitted(workload):
            return _admitted(attempt, workload)
        clock.sleep(PAUSE)
    return why_it_waits(() if workload is None else (workload,), f"Job {uid}")


def is_admitted(workload: Body) -> bool:
    """Whether Kueue has admitted it."""
    return _condition(workload, "Admitted").get("status") == "True"


def why_it_waits(workloads: Sequence[Body], what: str) -> Outcome:
    """What Kueue says of work that it did not admit in time."""
    if not workloads:
        return Found((f"Kueue made no Workload for {what} within {PATIENCE:.0f} s: is it running?",))
    waiting = next((workload for workload in workloads if not is_admitted(workload)), workloads[0])
    message = _condition(waiting, "QuotaReserved").get("message") or "no word from Kueue"
    if any(text in message for text in _FULL):
        return NotTried(f"the queue is full at the moment: {message}", harmless=True)
    return Found((f"not admitted within {PATIENCE:.0f} s: {message}",))


def _workloads(attempt: RunJob, job: Body, kube: KubePort) -> Iterator[Body]:
    metadata = job["metadata"]
    yield from kube.list(*attempt.workloads, namespace=metadata["namespace"], labels=f"{_JOB_UID}={metadata['uid']}")


def _admitted(attempt: RunJob, workload: Body) -> Outcome:
    admission = workload.get("status", {}).get("admission") or {}
    queue = admission.get("clusterQueue", "")
    if queue != attempt.queue:
        return Found((f"admitted by ClusterQueue {queue}, not {attempt.queue}",))
    flavors = sorted(
        {
            f"{resource}: {flavor}"
            for pods in admission.get("podSetAssignments") or ()
            for resource, flavor in (pods.get("flavors") or {}).items()
        }
    )
    return Found((), f"admitted by ClusterQueue {queue} ({', '.join(flavors)})")


def _condition(workload: Body, type_: str) -> Mapping[str, Any]:
    conditions = workload.get("status", {}).get("conditions") or ()
    return next((item for item in conditions if item.get("type") == type_), {})


def gone(made: Iterable[Body], kube: KubePort, clock: Clock, outcome: Outcome) -> Outcome:
    """The outcome, if everything has gone away again; what is left behind is said."""
    end = clock.now().timestamp() + PATIENCE
    for body in made:
        while kube.get(body["apiVersion"], key_of(body)) is not None:
            if clock.now().timestamp() >= end:
                return NotTried(f"{key_of(body)} could not be removed; delete it by hand")
            clock.sleep(PAUSE)
    return outcome


def _needs(job: Body) -> dict[str, Fraction]:
    """What the Job's one pod asks for."""
    container = job["spec"]["template"]["spec"]["containers"][0]
    return {name: parse_quantity(amount) for name, amount in container["resources"]["requests"].items()}
