"""Live clusters: plan, apply, drift, prove."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allotment.wiring.directories import render_clusters, source_of, today
from allotment.wiring.settings import user_path

if TYPE_CHECKING:
    from allotment.adapters.kube.client import KubeClient
    from allotment.model.cluster import Cluster
    from allotment.model.manifest import ObjectKey
    from allotment.model.platform import Platform
    from allotment.operations.change.apply import ApplyReport, Outcome
    from allotment.operations.change.attended import Run
    from allotment.operations.change.drift import DriftReport
    from allotment.operations.change.history import Record
    from allotment.operations.change.preflight import Readied
    from allotment.plan.changes import Plan
    from allotment.plan.labelling import PoolEdits
    from allotment.ports.kube import KubePort
    from allotment.prove.verdicts import ProofReport, Result


def connect(kubeconfig: str, context: str) -> KubeClient:
    """A client for an API server; nothing is sent yet. It closes when it is left as a context manager.

    Args:
        kubeconfig: file; empty for KUBECONFIG and ~/.kube/config.
        context: context in it; empty for its current one.

    Raises:
        NotFoundError: no kubeconfig or no such context.
    """
    from allotment.adapters.kube.client import connect as connect_to

    return connect_to(user_path(kubeconfig) if kubeconfig else None, context or None)


def offline_plan(platform: Platform, cluster: Cluster) -> Plan:
    """The plan for a cluster that is still empty."""
    from allotment.operations.change.planning import PlanSettings, plan_for_empty

    (manifests,) = render_clusters(platform, [cluster])
    return plan_for_empty(manifests, PlanSettings(platform.name, today()))


@dataclass(frozen=True, slots=True)
class PlanWishes:
    """How a live plan is made.

    Attributes:
        force: contested fields are taken over.
        check_creations: the server tries creations too.
        allow_uncounted: running work may drop out of Kueue's accounts.
        override: another mark that the cluster may carry.
        partial: kinds that we may not read are left out.
    """

    force: bool = False
    check_creations: bool = False
    allow_uncounted: bool = False
    override: str = ""
    partial: bool = False


def live_plan(platform: Platform, cluster: Cluster, kube: KubePort, wishes: PlanWishes | None = None) -> Plan:
    """The plan for a live cluster; changes nothing.

    Raises:
        ConflictError: the server is another cluster than is meant.
    """
    from dataclasses import replace

    from allotment.operations.change import identity
    from allotment.operations.change.engineers import lockout
    from allotment.operations.change.living import wanted_of
    from allotment.operations.change.nodes import look_at_nodes, with_node_warnings
    from allotment.operations.change.planning import PlanSettings, make_plan
    from allotment.plan.nodes import declared_nodes

    wishes = wishes or PlanWishes()
    taken = admit(platform, cluster, kube, wishes.override)
    wanted = wanted_of(platform, cluster, kube)
    settings = PlanSettings(
        platform.name,
        today(),
        force=wishes.force,
        check_creations=wishes.check_creations,
        allow_uncounted=wishes.allow_uncounted,
        taken=taken,
        partial=wishes.partial,
    )
    plan = wanted.said_with(make_plan(wanted.manifests, kube, settings))
    first = (*identity.doubts(kube, identity.meant(platform, cluster)), *lockout(platform, cluster, kube))
    plan = replace(plan, warnings=(*first, *plan.warnings))
    return with_node_warnings(plan, look_at_nodes(kube, declared_nodes(platform, cluster)))


def admit(platform: Platform, cluster: Cluster, kube: KubePort, override: str = "") -> frozenset[ObjectKey]:
    """Compare a server's mark with the cluster that is meant; the objects to take over where it may carry another.

    Raises:
        ConflictError: it is another cluster.
    """
    from allotment.model.mark import Mark
    from allotment.operations.change.identity import admitted

    return admitted(kube, Mark(platform.name, cluster.name), override)


def may_apply(kube: KubePort) -> bool:
    """Whether this account may begin an apply at all: each takes the lease, whatever else it needs."""
    from allotment.operations.change.lease import LEASE
    from allotment.operations.change.rights import Grant

    return kube.permitted(Grant(LEASE.group, "leases", "patch", LEASE.name, LEASE.namespace).question)


def require_engineer(platform: Platform, kube: KubePort) -> None:
    """Only a person among the platform's engineers takes over and gives back.

    Raises:
        ForbiddenError: the caller is none.
    """
    from allotment.operations.change import engineers

    engineers.require_engineer(platform, kube)


def require_right_cluster(platform: Platform, cluster: Cluster, kube: KubePort, override: str) -> None:
    """Nothing is taken over in a cluster without a mark that looks like another one, before somebody has said so.

    Raises:
        ConflictError: it looks like another one, and `override` does not say that it is the one meant.
    """
    from allotment.model.mark import Mark
    from allotment.operations.change import identity
    from allotment.plan.changes import WarningCode

    found = identity.doubts(kube, identity.meant(platform, cluster))
    grave = any(one.code is WarningCode.ANOTHER_CLUSTER for one in found)
    said = "; ".join(one.message for one in found)
    identity.require_word(grave, Mark(platform.name, cluster.name), override, said)


def sourced(plan: Plan, directory: Path) -> Plan:
    """A plan that remembers which state of the directory it was made from."""
    from dataclasses import replace

    return replace(plan, source=source_of(directory))


def plan_labels(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    pool: str,
    names: Sequence[str],
    selector: str,
    *,
    force: bool,
) -> PoolEdits:
    """What nodes lack to belong to a declared pool."""
    from allotment.operations.change import nodes
    from allotment.plan.nodes import declared_nodes

    chosen = nodes.ChosenNodes(names, selector, force)
    return nodes.plan_labels(kube, declared_nodes(platform, cluster), pool, chosen)


def label_nodes(kube: KubePort, edits: PoolEdits, *, dry_run: bool) -> None:
    """Set what nodes lack."""
    from allotment.operations.change import nodes

    nodes.label_nodes(kube, edits, dry_run=dry_run)


def save_plan(plan: Plan, path: str) -> None:
    """Write a plan to a file that only its owner reads: it holds what is to be written into the cluster.

    Raises:
        UsageError: the plan writes Secrets.
    """
    from allotment.adapters import folders
    from allotment.operations.change.saved_plans import plan_to_text

    folders.write_text(Path(path), plan_to_text(plan), mode=0o600)


def read_plan(path: str) -> Plan:
    """A saved plan.

    Raises:
        InputError: the file is no plan of ours, or it was damaged.
    """
    from allotment.adapters import folders
    from allotment.operations.change.saved_plans import plan_from_text

    return plan_from_text(folders.read_text(Path(path)))


def ready(plan: Plan, kube: KubePort, platform: Platform | None, *, override: str = "") -> Plan:
    """A saved plan for the server that it is now applied to, if that and the directory are as they were.

    Args:
        plan: the saved plan.
        kube: the cluster.
        platform: the declaration, where it is at hand.
        override: another mark that the cluster may carry.

    Raises:
        ConflictError: one of them has moved on, or the server is another cluster.
    """
    from dataclasses import replace

    from allotment.model.mark import Mark
    from allotment.operations.change import saved_plans
    from allotment.operations.change.identity import admitted
    from allotment.operations.change.living import wanted_of
    from allotment.plan.settle import digest_of

    admitted(kube, Mark(plan.platform, plan.cluster), override)
    cluster = platform.cluster(plan.cluster) if platform is not None and platform.name == plan.platform else None
    digest = ""
    if platform is not None and cluster is not None:
        digest = digest_of(wanted_of(platform, cluster, kube).manifests)
    saved_plans.refuse_stale(plan, kube, digest=digest)
    at = kube.endpoint()
    return replace(plan, server=at.url, context=at.context)


def find_drift(
    platform: Platform,
    clusters: Sequence[Cluster],
    connect_to: Callable[[Cluster], KubePort],
    *,
    override: str = "",
    directory: Path | None = None,
) -> DriftReport:
    """Look at clusters side by side; one that does not answer does not hide the others.

    Args:
        platform: the declaration.
        clusters: which of its clusters.
        connect_to: makes the client of a cluster; may raise.
        override: another mark that a cluster may carry.
        directory: where the declaration was read; a repair is recorded with it.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.model.mark import Mark
    from allotment.operations.change import drift, identity
    from allotment.operations.change.living import wanted_of
    from allotment.operations.change.planning import PlanSettings
    from allotment.plan.changes import Source
    from allotment.plan.nodes import declared_nodes
    from allotment.plan.strangers.grounds import grounds

    targets = [
        drift.DriftTarget(
            manifests,
            partial(connect_to, cluster),
            declared_nodes(platform, cluster),
            grounds(platform, cluster, manifests, today()),
            wanted=partial(wanted_of, platform, cluster),
            mark=Mark(platform.name, cluster.name),
            override=override,
            doubts=partial(identity.doubts, wanted=identity.meant(platform, cluster)),
        )
        for cluster, manifests in zip(clusters, render_clusters(platform, clusters), strict=True)
    ]
    source = source_of(directory) if directory is not None else Source()
    return drift.find_drift(targets, PlanSettings(platform.name, today(), source=source), SystemClock())


def prove(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    *,
    teams: Sequence[str],
    guardrails: Sequence[str],
    work: bool,
    progress: Callable[[Result], None],
) -> ProofReport:
    """Try to break a cluster's guardrails; empty `teams` and `guardrails` mean all."""
    from allotment.adapters.clock import SystemClock
    from allotment.operations.prove import proving

    return proving.prove(
        platform,
        cluster,
        kube,
        SystemClock(),
        selection=proving.Selection(teams or None, guardrails or None, work=work),
        progress=progress,
    )


def evidence(report: ProofReport) -> str:
    """A proof as a Markdown document."""
    from allotment.prove.evidence import to_markdown

    return to_markdown(report)


def guardrails() -> Iterator[tuple[str, str]]:
    """Ids of all guardrails, each with a word on it; for completion."""
    from allotment.prove.guardrails import GUARDRAILS

    yield from ((guardrail.id, guardrail.protects) for guardrail in GUARDRAILS)


def apply(plan: Plan, kube: KubePort, *, force: bool, on_outcome: Callable[[Outcome], None]) -> ApplyReport:
    """Carry a plan out, alone in its cluster and on record there.

    Raises:
        ConflictError: another apply is under way.
        ForbiddenError: we may not take the lease or keep the record.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.operations.change.apply import ApplySettings
    from allotment.operations.change.attended import apply_attended

    clock = SystemClock()
    settings = ApplySettings(force=force, on_outcome=on_outcome)
    return apply_attended(plan, kube, clock, settings, this_run(clock.now()))


def this_run(now: dt.datetime) -> Run:
    """This process, as whoever waits for it is told of it."""
    import os
    import secrets
    import socket

    from allotment.adapters import processes
    from allotment.operations.change.attended import Run

    return Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        place=f"{socket.gethostname()} process {os.getpid()}",
        process=processes.myself(),
        has_ended=processes.has_ended,
    )


def preflight(platform: Platform, cluster: Cluster, kube: KubePort) -> Readied:
    """Whether a cluster is ready for what is declared; changes nothing."""
    from allotment.operations.change.planning import PlanSettings
    from allotment.operations.change.preflight import look

    return look(platform, cluster, kube, PlanSettings(platform.name, today(), partial=True))


def roles(platform: Platform, cluster: Cluster, task: str, bind_to: str = "") -> tuple[Mapping[str, Any], ...]:
    """The roles that ``plan``, ``apply`` or ``prove`` needs in a cluster, and their bindings to somebody.

    Raises:
        UsageError: `bind_to` names nobody.
    """
    from allotment.operations.change import rights

    chosen = rights.Task(task)
    subject = rights.subject_of(bind_to) if bind_to else None
    found = rights.roles(chosen, rights.rights_for(chosen, platform, cluster))
    bindings = () if subject is None else (body for role in found for body in role.bound_to(subject))
    return (*(role.body for role in found), *bindings)


def history(kube: KubePort) -> tuple[Record, ...]:
    """What was applied to a cluster, newest first.

    Raises:
        ForbiddenError: we may not read it.
    """
    from allotment.operations.change.history import history as read

    return read(kube)
