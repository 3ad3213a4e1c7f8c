"""Use case: applies and adoptions as they are done to a cluster that others apply to as well: alone, and on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from allotment.errors import AllotmentError, ConflictError
from allotment.model.mark import Mark
from allotment.operations.adopt.taking_over import Taken
from allotment.operations.change import history
from allotment.operations.change.apply import ApplyReport, ApplySettings, apply_plan
from allotment.operations.change.lease import ApplyLease, Holder, acquire
from allotment.plan.changes import Plan
from allotment.plan.foreign import unmarked
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.ports.process import Run


@dataclass(frozen=True, slots=True)
class _Renewing:
    """A clock that keeps the lease while somebody waits by it."""

    clock: Clock
    lease: ApplyLease

    def now(self) -> dt.datetime:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.lease.keep()


def apply_attended(plan: Plan, kube: KubePort, clock: Clock, settings: ApplySettings, run: Run) -> ApplyReport:
    """Carry out a plan while holding the cluster's lease, and leave a record of it.

    A plan without steps needs neither, and leaves none.

    Raises:
        ConflictError: another apply is under way, or the cluster cannot get our mark.
        ForbiddenError: we may not take the lease or keep the record.
    """
    refuse_unmarked(plan)
    if plan.empty:
        return apply_plan(plan, kube, clock, settings)
    who = kube.whoami().user
    holder = Holder(f"{who} on {run.place} ({run.id})", run.process, run.has_ended)
    lease = acquire(kube, clock, holder, Mark(plan.platform, plan.cluster))
    try:
        record = history.begun(plan, run.id, f"{who} for {run.cause}" if run.cause else who, clock.now())
        history.write(kube, record)
        report: ApplyReport | None = None
        try:
            report = apply_plan(plan, kube, _Renewing(clock, lease), replace(settings, hindrance=lease.keep))
            return report
        finally:
            # What was done stays done and is told, even if the last word on it cannot be written.
            with suppress(AllotmentError):
                if not lease.lost:
                    history.write(kube, history.ended(record, report, clock.now()))
    finally:
        lease.release()


def refuse_unmarked(plan: Plan) -> None:
    """Without a namespace of its own a platform has no mark, no lease and no records in a cluster.

    Raises:
        ConflictError: that namespace is somebody else's, or is being deleted.
    """
    step = unmarked(plan.changes)
    if step is not None:
        raise ConflictError(f"{step.what}, and nothing was changed", why=step.why, fix=step.fix)


def adopt_attended(kube: KubePort, clock: Clock, what: history.Adopting, run: Run, act: Callable[[], Taken]) -> Taken:
    """Take over, or give back, while holding the cluster's lease, and leave a record of it.

    Raises:
        ConflictError: an apply is under way.
        ForbiddenError: we may not take the lease or keep the record.
    """
    who = kube.whoami().user
    lease = acquire(kube, clock, Holder(f"{who} on {run.place} ({run.id})", run.process, run.has_ended), what.mark)
    try:
        record = history.adopting(what, run.id, who, clock.now())
        history.write(kube, record)
        taken: Taken | None = None
        try:
            taken = act()
            return taken
        finally:
            with suppress(AllotmentError):
                handled = None if taken is None else taken.handled
                history.write(kube, history.adopted(record, handled, clock.now()))
    finally:
        lease.release()
