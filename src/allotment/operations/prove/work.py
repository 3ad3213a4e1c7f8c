"""Work that prove runs for real, followed from its submission to where it runs; removed whatever happens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.manifest import Body, key_of
from allotment.operations.prove.jobs import PATIENCE, PAUSE, gone, is_admitted, no_room, why_it_waits
from allotment.ports.clock import Clock
from allotment.ports.kube import Identity, KubePort
from allotment.prove.capacity import has_room
from allotment.prove.charging import charged, differences, requested, told
from allotment.prove.judging import Found, Outcome
from allotment.prove.probes import RunWork

_RAN: Final = ("Running", "Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at the work: Kueue's books for it, and its pods."""

    workloads: tuple[Body, ...]
    pods: tuple[Body, ...]

    @property
    def admitted(self) -> bool:
        return bool(self.workloads) and all(is_admitted(workload) for workload in self.workloads)

    @property
    def placed(self) -> bool:
        return all(pod["spec"].get("nodeName") for pod in self.pods)

    @property
    def ran(self) -> bool:
        return all(pod.get("status", {}).get("phase") in _RAN for pod in self.pods)


def run_work(attempt: RunWork, kube: KubePort, clock: Clock, identity: Identity | None) -> Outcome:
    """Submit the work where room is idle, follow it, and compare what was charged with what it took."""
    queues = tuple(kube.list(attempt.workloads[0], "ClusterQueue"))
    if not has_room(queues, attempt.queue, attempt.needs):
        return no_room(attempt.queue)
    made: list[Body] = []
    try:
        made.extend(kube.create(body, identity=identity).body for body in attempt.bodies)
        outcome = _followed(attempt, made, kube, clock)
    finally:
        for body in reversed(made):
            # The probe's own error, if there is one, says more than a failed clean-up; the next run sweeps.
            with suppress(AllotmentError):
                kube.delete(body["apiVersion"], key_of(body), uid=body["metadata"]["uid"])
    return gone(made, kube, clock, outcome)


def _followed(attempt: RunWork, made: Sequence[Body], kube: KubePort, clock: Clock) -> Outcome:
    end = clock.now().timestamp() + PATIENCE
    seen = _look(attempt, made, kube)
    while not _is_complete(attempt, seen) and clock.now().timestamp() < end:
        clock.sleep(PAUSE)
        seen = _look(attempt, made, kube)
    if not seen.admitted:
        return why_it_waits(seen.workloads, "its work")
    if len(seen.pods) < attempt.pods:
        return Found((f"admitted, but {len(seen.pods)} of {attempt.pods} pods were made within {PATIENCE:.0f} s",))
    if attempt.runs and not (seen.placed and seen.ran):
        return Found((f"admitted, but its pods did not run within {PATIENCE:.0f} s: {_why(seen.pods)}",))
    charge = charged(seen.workloads)
    wrong = differences(charge, requested(seen.pods))
    nodes = sorted({pod["spec"]["nodeName"] for pod in seen.pods if pod["spec"].get("nodeName")})
    where = f"; ran on {', '.join(nodes)}" if attempt.runs else "; not run: the platform names no image for it"
    return Found(wrong, f"charged {told(charge)}, as its pods take{where}")


def _is_complete(attempt: RunWork, seen: _Seen) -> bool:
    if not seen.admitted or len(seen.pods) < attempt.pods:
        return False
    return not attempt.runs or (seen.placed and seen.ran)


def _look(attempt: RunWork, made: Sequence[Body], kube: KubePort) -> _Seen:
    ours = {body["metadata"]["uid"] for body in made}
    namespace = made[0]["metadata"]["namespace"]
    workloads = (body for body in kube.list(*attempt.workloads, namespace=namespace) if _owned_by(body, ours))
    pods = (
        body
        for body in kube.list("v1", "Pod", namespace=namespace)
        if body["metadata"]["uid"] in ours or _owned_by(body, ours)
    )
    return _Seen(tuple(workloads), tuple(pods))


def _owned_by(body: Body, owners: Collection[str]) -> bool:
    return any(owner.get("uid") in owners for owner in body["metadata"].get("ownerReferences") or ())


def _why(pods: Sequence[Body]) -> str:
    for pod in pods:
        for condition in pod.get("status", {}).get("conditions") or ():
            if condition.get("status") == "False" and condition.get("message"):
                return f"{pod['metadata']['name']}: {condition['message']}"
    return "nothing on them says why"
