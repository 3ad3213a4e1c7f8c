"""Use case: clusters are made as the platform directory declares them, by nobody's hand, as far as no person is needed.

Whatever takes something away that may be missed is for a person: it is told, and the cluster left as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.platform import Platform
from allotment.operations.change.apply import ApplySettings
from allotment.operations.change.attended import apply_attended
from allotment.operations.change.cluster_plan import AS_DECLARED, live_plan
from allotment.operations.change.engineers import refuse_locked_out
from allotment.operations.decide.beside import ClusterActs
from allotment.operations.decide.own_trouble import CLAIM, concerned
from allotment.operations.decide.room import AgreedLosses, Applied, ApplyCause
from allotment.plan.changes import Change, Delete, Drain, Plan, PlanSource
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.ports.process import Run

_MOST_NAMED: Final = 3


def apply_clusters(
    platform: Platform,
    clusters: Sequence[str],
    connect: Callable[[str], AbstractContextManager[KubePort]],
    clock: Clock,
    run: Callable[[dt.datetime], Run],
    cause: ApplyCause,
    acts: ClusterActs,
) -> Applied:
    """Make clusters as declared, one beside the other; one that cannot be does not keep the others.

    Args:
        platform: as declared.
        clusters: names of those that matter.
        connect: to a cluster, by its context.
        clock: time.
        run: names this run, for the lease of a cluster and for its record.
        cause: what the record says of it.
        acts: what goes on in clusters, of one server all.
    """
    source = PlanSource(cause.state.commit)

    def applied(name: str) -> str:
        cluster = platform.cluster(name)
        if cluster is None:
            return "the platform directory has no such cluster"
        try:
            with connect(cluster.context) as kube:
                plan = live_plan(platform, cluster, kube, clock.now().date(), AS_DECLARED, source)
                this = replace(run(clock.now()), cause=cause.by)
                if why := _needs_a_person(plan, cause.agreed):
                    return why
                return _applied(plan, kube, clock, this, lambda: concerned(platform, cluster, cause))
        except AllotmentError as error:
            return error.line

    return Applied(acts.trouble(clusters, applied))


def _needs_a_person(plan: Plan, agreed: AgreedLosses) -> str:
    if plan.missing:
        return f"the server's account may not apply it: {plan.missing[0]}"
    if plan.doubts:
        return plan.doubts[0].message
    gone = [str(each.key) for each in plan.changes if isinstance(each, Delete | Drain) and not _is_agreed(each, agreed)]
    if gone:
        more = f" and {len(gone) - _MOST_NAMED} more" if len(gone) > _MOST_NAMED else ""
        return f"{', '.join(gone[:_MOST_NAMED])}{more} would go as well: apply that by hand"
    refuse_locked_out(plan)
    return ""


def _is_agreed(change: Delete | Drain, agreed: AgreedLosses) -> bool:
    """Whether people have agreed that this goes: it is of a team that leaves, or in a namespace whose time is over."""
    if change.team in agreed.teams:
        return True
    key = change.key
    spaces = {key.namespace, key.name if key.kind == "Namespace" else ""}
    return bool(spaces & agreed.namespaces) or (key.kind == CLAIM and (key.name, change.team) in agreed.claims)


def _applied(
    plan: Plan, kube: KubePort, clock: Clock, run: Run, concern: Callable[[], Callable[[Change], bool]]
) -> str:
    report = apply_attended(plan, kube, clock, ApplySettings(force=False), run)
    if not report.remaining:
        return ""
    matters = concern()
    left = [each for each in report.remaining if matters(each.change)]
    return "" if not left else f"{left[0].change.key} is {left[0].status.value}"
