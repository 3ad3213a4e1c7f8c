"""One apply at a time: a Lease in the system namespace, held while an apply runs.

A killed apply's lease runs out by itself, and at once for who can see that its process is gone. Times are compared
between the machines that apply, so their clocks must agree within a minute.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from allotment.errors import AllotmentError, ConflictError, ForbiddenError
from allotment.model import labels
from allotment.model.manifest import Body, ObjectKey
from allotment.model.mark import MARK, Mark
from allotment.ports.clock import Clock
from allotment.ports.kube import AccessRefusedError, KubePort, RefusedError

COORDINATION_API: Final = "coordination.k8s.io/v1"
LEASE: Final = ObjectKey("coordination.k8s.io", "Lease", labels.SYSTEM_NAMESPACE, "allotment-apply")

DURATION: Final = dt.timedelta(minutes=2)
"""How long a lease holds without being renewed: longer than one request with all its tries."""

MOST_SKEW: Final = dt.timedelta(minutes=1)
"""So far apart may the clocks of machines that apply be."""

_RENEW_AFTER: Final = DURATION / 6


def inventoryless() -> dict[str, str]:
    """Labels of what Allotment keeps for itself: ours, so that policies protect it, but no part of any platform."""
    return {labels.MANAGED_BY: labels.MANAGED_BY_VALUE}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who applies.

    Attributes:
        name: for people, unique to this run.
        process: the process, as `has_ended` knows it; empty if there is no such name.
        has_ended: whether a process of that name is known to be gone.
    """

    name: str
    process: str = ""
    has_ended: Callable[[str], bool] = field(default=lambda _process: False)


PROCESS: Final = f"{labels.DOMAIN}/process"
"""Annotation of the lease: the holder's process."""


@dataclass(slots=True)
class ApplyLease:
    """A lease that we hold. Shared by the workers of one apply."""

    kube: KubePort
    clock: Clock
    holder: str
    version: str
    renewed: dt.datetime
    lost: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> str:
        """Renew the lease if it is time; why it is ours no more, or nothing."""
        with self.lock:
            now = self.clock.now()
            if not self.lost and now - self.renewed >= _RENEW_AFTER:
                try:
                    self._renew(now)
                except AllotmentError as error:
                    # One request that fails is no loss yet; the steps will tell whether the server is there.
                    if now - self.renewed >= DURATION:
                        self.lost = f"the lease on the cluster could not be renewed: {error.what}"
            return self.lost

    def _renew(self, now: dt.datetime) -> None:
        try:
            self._write({"renewTime": micro_time(now)})
        except RefusedError as error:
            if error.status not in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                raise
            live = self.kube.get(COORDINATION_API, LEASE)
            if live is None or _spec(live).get("holderIdentity") != self.holder:
                self.lost = f"the lease on the cluster went to {_holder(live)}; one of two applies stops here"
                return
            self.version = live["metadata"]["resourceVersion"]
        self.renewed = now

    def release(self) -> None:
        """Give it back; what cannot be given back runs out."""
        with self.lock:
            try:
                if not self.lost:
                    self._write({"holderIdentity": "", "acquireTime": None, "renewTime": None})
            except AllotmentError:
                return

    def _write(self, spec: dict[str, Any]) -> None:
        patch = {"metadata": {"resourceVersion": self.version}, "spec": spec}
        answer = self.kube.merge_patch(COORDINATION_API, LEASE, patch)
        self.version = answer.body["metadata"]["resourceVersion"]


_POLICY: Final = "ValidatingAdmissionPolicy"
"""How the server's words begin where a policy refused, and not RBAC."""


def acquire(kube: KubePort, clock: Clock, holder: Holder, mark: Mark) -> ApplyLease:
    """Take the lease of a cluster.

    Args:
        kube: the cluster.
        clock: the time written into the lease.
        holder: who applies.
        mark: which cluster; where there is no system namespace yet, it is made as this platform's.

    Raises:
        ConflictError: another apply holds it.
        ForbiddenError: we may not take leases there.
    """
    try:
        return _acquire(kube, clock, holder, mark)
    except AccessRefusedError as error:
        if _POLICY in error.message:
            raise ForbiddenError(
                "the cluster cannot be locked for this apply, and nothing was changed",
                why=error.message,
                fix="it is a policy of ours that refuses, not RBAC: use an account of a platform engineer (adminGroups "
                "of the Platform document, or system:masters)",
            ) from error
        raise ForbiddenError(
            "the cluster cannot be locked for this apply, and nothing was changed",
            why=error.message,
            fix=f"get the rights to create, get and patch leases in {labels.SYSTEM_NAMESPACE}; "
            "`allot preflight --rights apply -o yaml` prints all that apply needs",
        ) from error


def _acquire(kube: KubePort, clock: Clock, holder: Holder, mark: Mark) -> ApplyLease:
    now = clock.now()
    live = kube.get(COORDINATION_API, LEASE)
    spec = {
        "holderIdentity": holder.name,
        "leaseDurationSeconds": int(DURATION.total_seconds()),
        "acquireTime": micro_time(now),
        "renewTime": micro_time(now),
    }
    marked = {"annotations": {PROCESS: holder.process}}
    try:
        if live is None:
            _make_namespace(kube, mark)
            metadata = {"name": LEASE.name, "namespace": LEASE.namespace, "labels": inventoryless(), **marked}
            answer = kube.create(
                {"apiVersion": COORDINATION_API, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
            )
        elif _is_held(live, now) and not holder.has_ended(_process(live)):
            raise _held(live)
        else:
            metadata = {"resourceVersion": live["metadata"]["resourceVersion"], **marked}
            answer = kube.merge_patch(COORDINATION_API, LEASE, {"metadata": metadata, "spec": spec})
    except RefusedError as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
        raise _held(kube.get(COORDINATION_API, LEASE)) from error
    return ApplyLease(kube, clock, holder.name, answer.body["metadata"]["resourceVersion"], now)


def _make_namespace(kube: KubePort, mark: Mark) -> None:
    """The lease needs its namespace before the plan makes it. It carries the mark from the first."""
    if kube.get("v1", MARK) is not None:
        return
    marked = {**inventoryless(), labels.PLATFORM: mark.platform, labels.CLUSTER: mark.cluster}
    try:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MARK.name, "labels": marked}})
    except RefusedError as error:
        if error.reason != "AlreadyExists":
            raise


def _is_held(lease: Body, now: dt.datetime) -> bool:
    """Whether its holder is at work, as far as an apply can say: none of ours holds longer, or writes of the future."""
    spec = _spec(lease)
    renewed = _time(spec.get("renewTime"))
    lasts = min(dt.timedelta(seconds=spec.get("leaseDurationSeconds") or 0), DURATION)
    return bool(spec.get("holderIdentity")) and renewed is not None and now - lasts < renewed <= now + MOST_SKEW


def _held(lease: Body | None) -> ConflictError:
    spec = _spec(lease) if lease is not None else {}
    renewed, lasts = _time(spec.get("renewTime")), spec.get("leaseDurationSeconds") or 0
    ends = (
        f"; if it was killed, its lease runs out at {renewed + dt.timedelta(seconds=lasts):%H:%M:%S} UTC"
        if renewed
        else ""
    )
    return ConflictError(
        "another apply is under way in this cluster, and nothing was changed",
        why=f"{_holder(lease)} holds {LEASE} since {_since(spec)}",
        fix=f"wait until it is done, and plan again{ends}",
    )


def _process(lease: Body) -> str:
    return str((lease["metadata"].get("annotations") or {}).get(PROCESS, ""))


def _since(spec: dict[str, Any]) -> str:
    since = _time(spec.get("acquireTime"))
    return f"{since:%Y-%m-%d %H:%M:%S} UTC" if since is not None else "just now"


def _holder(lease: Body | None) -> str:
    return str(_spec(lease).get("holderIdentity") or "somebody else") if lease is not None else "somebody else"


def _spec(lease: Body) -> dict[str, Any]:
    return dict(lease.get("spec") or {})


def _time(text: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def micro_time(moment: dt.datetime) -> str:
    """A moment as Kubernetes' MicroTime."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
