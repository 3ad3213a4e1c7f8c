"""Live clusters: plan, apply, drift, prove."""
# ruff: noqa: PLC0415 (each function imports what it needs, see the package)

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from allotment.wiring.directories import render_clusters, today
from allotment.wiring.settings import user_path

if TYPE_CHECKING:
    from allotment.adapters.kube.client import KubeClient
    from allotment.model.cluster import Cluster
    from allotment.model.platform import Platform
    from allotment.operations.apply import ApplyReport, Outcome
    from allotment.operations.drift import DriftReport
    from allotment.operations.ports import KubePort
    from allotment.plan.changes import Plan
    from allotment.plan.labelling import PoolEdits
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
    from allotment.operations.planning import PlanSettings, plan_for_empty

    (manifests,) = render_clusters(platform, [cluster])
    return plan_for_empty(manifests, PlanSettings(platform.name, today()))


def live_plan(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    *,
    force: bool = False,
    check_creations: bool = False,
    allow_uncounted: bool = False,
) -> Plan:
    """The plan for a live cluster; changes nothing."""
    from allotment.operations.living import wanted_of
    from allotment.operations.nodes import look_at_nodes, with_node_warnings
    from allotment.operations.planning import PlanSettings, make_plan
    from allotment.plan.nodes import declared_nodes

    wanted = wanted_of(platform, cluster, kube)
    settings = PlanSettings(
        platform.name, today(), force=force, check_creations=check_creations, allow_uncounted=allow_uncounted
    )
    plan = wanted.said_with(make_plan(wanted.manifests, kube, settings))
    return with_node_warnings(plan, look_at_nodes(kube, declared_nodes(platform, cluster)))


def plan_labels(
    platform: Platform, cluster: Cluster, kube: KubePort, pool: str, names: Sequence[str], selector: str, *, force: bool
) -> PoolEdits:
    """What nodes lack to belong to a declared pool."""
    from allotment.operations import nodes
    from allotment.plan.nodes import declared_nodes

    chosen = nodes.ChosenNodes(names, selector, force)
    return nodes.plan_labels(kube, declared_nodes(platform, cluster), pool, chosen)


def label_nodes(kube: KubePort, edits: PoolEdits, *, dry_run: bool) -> None:
    """Set what nodes lack."""
    from allotment.operations import nodes

    nodes.label_nodes(kube, edits, dry_run=dry_run)


def save_plan(plan: Plan, path: str) -> None:
    """Write a plan to a file that only its owner reads: it holds what is to be written into the cluster.

    Raises:
        UsageError: the plan writes Secrets.
    """
    from allotment.adapters import folders
    from allotment.operations.saved_plans import plan_to_text

    folders.write_text(Path(path), plan_to_text(plan), mode=0o600)


def read_plan(path: str) -> Plan:
    """A saved plan.

    Raises:
        InputError: the file is no plan of ours, or it was damaged.
    """
    from allotment.adapters import folders
    from allotment.operations.saved_plans import plan_from_text

    return plan_from_text(folders.read_text(Path(path)))


def refuse_stale(plan: Plan, kube: KubePort, platform: Platform | None) -> None:
    """Compare a saved plan with the cluster, and with the directory where it is at hand.

    Raises:
        ConflictError: one of them has moved on.
    """
    from allotment.operations import saved_plans
    from allotment.operations.living import wanted_of
    from allotment.plan.settle import digest_of

    cluster = platform.cluster(plan.cluster) if platform is not None and platform.name == plan.platform else None
    digest = ""
    if platform is not None and cluster is not None:
        digest = digest_of(wanted_of(platform, cluster, kube).manifests)
    saved_plans.refuse_stale(plan, kube, digest=digest)


def find_drift(
    platform: Platform, clusters: Sequence[Cluster], connect_to: Callable[[Cluster], KubePort]
) -> DriftReport:
    """Look at clusters side by side; one that does not answer does not hide the others.

    Args:
        platform: the declaration.
        clusters: which of its clusters.
        connect_to: makes the client of a cluster; may raise.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.operations import drift
    from allotment.operations.living import wanted_of
    from allotment.operations.planning import PlanSettings
    from allotment.plan.nodes import declared_nodes
    from allotment.plan.strangers.grounds import grounds

    targets = [
        drift.DriftTarget(
            manifests,
            partial(connect_to, cluster),
            declared_nodes(platform, cluster),
            grounds(platform, cluster, manifests, today()),
            partial(wanted_of, platform, cluster),
        )
        for cluster, manifests in zip(clusters, render_clusters(platform, clusters), strict=True)
    ]
    return drift.find_drift(targets, PlanSettings(platform.name, today()), SystemClock())


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
    from allotment.operations import prove as proving

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
    """Carry a plan out."""
    from allotment.adapters.clock import SystemClock
    from allotment.operations.apply import ApplySettings, apply_plan

    return apply_plan(plan, kube, SystemClock(), ApplySettings(force=force, on_outcome=on_outcome))
