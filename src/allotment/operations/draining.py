"""Empty the namespace of a leaving team: hold its queues, delete its workloads, wait until no pod is left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from allotment.errors import TimedOutError
from allotment.model.manifest import key_of
from allotment.operations.planning import workloads
from allotment.operations.ports import Body, Clock, KubePort, RefusedError
from allotment.plan import leaving
from allotment.plan.survey import is_being_deleted

POLL: Final = 1.0
"""Seconds between two looks."""

_SERVER_SIDE: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)


def drain(kube: KubePort, namespace: str, clock: Clock, limit: dt.timedelta) -> None:
    """Let nothing run in a namespace. Safe to repeat, and to kill at any point.

    Raises:
        RefusedError: a workload may not be deleted; the others are.
        TimedOutError: pods are still there after `limit`; they are being deleted, and a repetition waits again.
    """
    deadline = clock.now() + limit
    hold(kube, namespace)
    delete_all(kube, workloads(kube, namespace))
    while left := list(workloads(kube, namespace)):
        if clock.now() >= deadline:
            names = ", ".join(str(key_of(body)) for body in left[:5])
            raise TimedOutError(
                f"{len(left)} workloads are still in {namespace}: {names}",
                why="their pods take longer than that to end, or a finalizer holds them",
                fix="apply again later",
            )
        clock.sleep(POLL)
        delete_all(kube, left)


def delete_all(kube: KubePort, bodies: Iterable[Body]) -> None:
    """Delete workloads, but for those on their way out.

    Raises:
        RefusedError: the first refusal, after all others have been deleted.
    """
    refusals: list[RefusedError] = []
    for body in bodies:
        if is_being_deleted(body):
            continue
        try:
            kube.delete(body["apiVersion"], key_of(body), uid=body["metadata"].get("uid", ""))
        except RefusedError as error:
            # 409: another object has taken the name since the list; the next look finds it.
            if error.status != HTTPStatus.CONFLICT:
                refusals.append(error)
    if refusals:
        raise refusals[0]


def hold(kube: KubePort, namespace: str) -> None:
    """Hold the team's LocalQueues: Kueue admits nothing more there and evicts what runs.

    Written as our own apply with all that the queue has, so that a later apply for a team that came back after all
    takes the hold away again: it is a field we own and no longer want.
    """
    served = next((kind for kind in leaving.LOCAL_QUEUES if kube.serves(*kind)), None)
    if served is None:
        return
    for queue in kube.list(*served, namespace=namespace):
        held = leaving.HOLD["spec"]
        if queue.get("spec", {}).get("stopPolicy") != held["stopPolicy"] and not is_being_deleted(queue):
            kube.apply(_declared(queue) | {"spec": {**queue.get("spec", {}), **held}}, force=True)


def _declared(body: Body) -> dict[str, Any]:
    metadata = {key: value for key, value in body["metadata"].items() if key not in _SERVER_SIDE}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}
