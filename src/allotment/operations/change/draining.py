"""Empty the namespace of a leaving team: hold its queues, delete its workloads, wait until no pod is left.

And close it: whatever lets somebody in goes, whoever made it. No finalizer of a tenant's holds any of this up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

from allotment.errors import TimedOutError
from allotment.model.manifest import SERVER_METADATA, Body, key_of
from allotment.operations.change.planning import ways_in, workloads
from allotment.plan import leaving
from allotment.plan.survey import is_being_deleted
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort, RefusedError

POLL: Final = 1.0
"""Seconds between two looks."""

CLOSING_LIMIT: Final = dt.timedelta(seconds=30)
"""How long what lets somebody in may take to go; nothing but a finalizer can hold it."""

_TRIES: Final = 5
"""Of a change that somebody else is always quicker than; whoever waits for the object comes back to it."""


def drain(kube: KubePort, namespace: str, clock: Clock, limit: dt.timedelta) -> None:
    """Let nothing run in a namespace. Safe to repeat, and to kill at any point.

    Raises:
        RefusedError: a workload may not be deleted; the others are.
        TimedOutError: pods are still there after `limit`; they are being deleted, and a repetition waits again.
    """
    hold(kube, namespace)
    _empty(kube, lambda: list(workloads(kube, namespace)), clock, limit)


def close(kube: KubePort, namespace: str, clock: Clock) -> None:
    """Let nobody into a namespace any more. Safe to repeat, and to kill at any point.

    Raises:
        RefusedError: something may not be deleted; the rest is.
        TimedOutError: something is still there.
    """
    _empty(kube, lambda: list(ways_in(kube, namespace)), clock, CLOSING_LIMIT)


def _empty(kube: KubePort, look: Callable[[], list[Body]], clock: Clock, limit: dt.timedelta) -> None:
    deadline = clock.now() + limit
    delete_all(kube, look())
    while left := look():
        let_go(kube, left, clock.now())
        if clock.now() >= deadline:
            raise _still_there(left)
        clock.sleep(POLL)
        delete_all(kube, left)


def _still_there(left: Sequence[Body]) -> TimedOutError:
    names = ", ".join(_described(body) for body in left[:5])
    return TimedOutError(
        f"{len(left)} objects are still in {left[0]['metadata']['namespace']}: {names}",
        why="their pods take longer than that to end, or a finalizer holds them",
        fix="apply again later",
    )


def _described(body: Body) -> str:
    finalizers = ", ".join(body["metadata"].get("finalizers") or ())
    return f"{key_of(body)} (held by {finalizers})" if finalizers else str(key_of(body))


def let_go(kube: KubePort, bodies: Iterable[Body], now: dt.datetime) -> None:
    """Take finalizers that promise nothing off objects on their way out."""
    for body in bodies:
        if is_being_deleted(body):
            _let_go(kube, body, now)


def let_namespace_go(kube: KubePort, namespace: str, now: dt.datetime) -> None:
    """The same for all that tenants make, in a namespace that has just been deleted; what we may not see is left."""
    for api_version, kind in leaving.TENANT_MADE:
        try:
            for body in list(kube.list_metadata(api_version, kind, namespace=namespace)):
                _let_go(kube, body, now)
        except RefusedError:
            continue


def _let_go(kube: KubePort, body: Body, now: dt.datetime) -> None:
    for _ in range(_TRIES):
        kept = leaving.kept_finalizers(body, now)
        if kept == tuple(body["metadata"].get("finalizers") or ()):
            return
        # As it was seen: one that its controller has taken off meanwhile must not come back.
        patch = {"metadata": {"resourceVersion": body["metadata"]["resourceVersion"], "finalizers": list(kept) or None}}
        try:
            kube.merge_patch(body["apiVersion"], key_of(body), patch)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:  # gone by itself
                return
            if error.status != HTTPStatus.CONFLICT:
                raise
        else:
            return
        live = kube.get(body["apiVersion"], key_of(body))
        if live is None:
            return
        body = live


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
    metadata = {key: value for key, value in body["metadata"].items() if key not in SERVER_METADATA}
    return {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": metadata}
