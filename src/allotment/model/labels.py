"""Label and annotation keys, and the names of our own objects: the vocabulary of render, plan and prove."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

DOMAIN: Final = "allotment.dev"

FIELD_MANAGER: Final = "allotment"
"""Our name in server-side apply."""
WRITE_MANAGER: Final = "allotment-write"
"""Field manager of our plain creates and patches: not the one of apply, so that apply's ownership stays exact."""

ADOPTING_MANAGER: Final = "allotment-adopt"
"""Field manager of `allot adopt`, and of nothing else: admission lets a claim of a namespace through by it."""

SANDBOX_MANAGER: Final = "allotment-sandbox"
"""Field manager of what makes up a sandbox, Kueue and the fake nodes: nothing of a platform."""

SYSTEM_NAMESPACE: Final = "allotment-system"
"""Holds what Allotment itself keeps in a cluster: its mark, the lease of an apply, the records of past ones."""

TEAM: Final = "team"
PROJECT: Final = "project"
COST_CENTER: Final = "cost-center"
ENVIRONMENT: Final = "environment"
BILLING_LABELS: Final = (TEAM, PROJECT, COST_CENTER, ENVIRONMENT)
"""On every object and every workload: the bill is drawn by them."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY_VALUE: Final = "allotment"

PLATFORM: Final = f"{DOMAIN}/platform"
"""Inventory: the platform an object belongs to. Prune touches only objects that carry our value."""

CLUSTER: Final = f"{DOMAIN}/cluster"
"""On the system namespace: which of the platform's clusters this is. With `PLATFORM` it is the cluster's mark."""

FAMILY: Final = f"{DOMAIN}/family"
TENANT: Final = f"{DOMAIN}/tenant"
"""Label on a team namespace: the team's id. Policies bind to namespaces that carry it."""

ISOLATION: Final = f"{DOMAIN}/isolation"
OFFBOARDING: Final = f"{DOMAIN}/offboarding"

QUEUES_ANNOTATION: Final = f"{DOMAIN}/queues"
"""On a team namespace: LocalQueues its work may use, comma-separated."""
PRIORITIES_ANNOTATION: Final = f"{DOMAIN}/priorities"
"""On a team namespace: rungs of the ladder its work may use, comma-separated."""
PROJECTS_ANNOTATION: Final = f"{DOMAIN}/projects"
"""On a team namespace: allowed values of the project label, comma-separated; the bill needs a known project."""
COST_CENTERS_ANNOTATION: Final = f"{DOMAIN}/cost-centers"
"""On a team namespace: allowed values of the cost-center label, comma-separated."""
FLAVORS_ANNOTATION: Final = f"{DOMAIN}/flavors"
"""On a team namespace: flavors with accelerators that its queue offers, comma-separated, in order of preference."""
LIMITS_ANNOTATION: Final = f"{DOMAIN}/limits"
"""On a team namespace: what its work can have at most, as ``name=amount``, comma-separated (`render.entitlements`)."""
NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
"""On every namespace, by the API server: its name."""
SUBMITTER: Final = f"{DOMAIN}/submitted-by"
"""Annotation on work: the user name of who submitted it, written by the API server's own admission."""
SUBMITTER_KEPT: Final = f"submitter-kept.{DOMAIN}"
"""Our admission policy that keeps that mark true, and its binding."""
PROJECT_COST_CENTERS_ANNOTATION: Final = f"{DOMAIN}/project-cost-centers"
"""On a team namespace: projects with a cost centre of their own, as ``project=center``, comma-separated."""
GROUPS_ANNOTATION: Final = f"{DOMAIN}/groups"
"""On a team namespace: the team's own groups of the identity provider, one a line."""
GUESTS_ANNOTATION: Final = f"{DOMAIN}/guests"
"""On a team namespace: users and groups besides, to whom its owners may give rights, one a line."""
MAX_GRACE_ANNOTATION: Final = f"{DOMAIN}/max-grace"
"""On a team namespace: seconds that a pod may take to end."""
DEFAULT_MAX_GRACE: Final = 1800
"""Seconds; long enough to write a checkpoint."""
POD_SECURITY_EXCEPTION: Final = f"{DOMAIN}/pod-security-exception"
"""On a team namespace whose Pod Security level is weaker than `restricted`: until when, and why."""
CONTACTS_ANNOTATION: Final = f"{DOMAIN}/contacts"
KEEP_DATA_UNTIL: Final = f"{DOMAIN}/keep-data-until"

ARGO_SYNC_OPTIONS: Final = "argocd.argoproj.io/sync-options"
FLUX_PRUNE: Final = "kustomize.toolkit.fluxcd.io/prune"
"""Annotations by which Argo CD and Flux are told what they may do to an object."""
ARGO_SYNC_WAVE: Final = "argocd.argoproj.io/sync-wave"
"""Annotation: Argo CD syncs lower waves first, and nothing of a later one where an earlier one failed."""

DEDICATED: Final = f"{DOMAIN}/dedicated"
"""Taint and node label of a pool that one team alone may use; the value is the team's id."""
NODE_POOL: Final = f"{DOMAIN}/node-pool"
ACCELERATOR: Final = f"{DOMAIN}/accelerator"
CAPACITY_TYPE: Final = f"{DOMAIN}/capacity-type"
"""Node labels that Allotment asks every pool to carry; flavors select nodes by them."""

CONSENT: Final = f"{DOMAIN}/adopt-as"
"""Annotation on a namespace that is not ours: an engineer's word that it becomes a team's, as ``team/uid``. It stands
there between two requests of `allot adopt`, and goes with the second."""
ADOPTED: Final = f"{DOMAIN}/adopted"
"""Annotation on an object that was taken over: from whom, when, and its earlier values (`plan.adoption.record`)."""
KEPT_IN_WARN: Final = f"{DOMAIN}/kept-in-warn"
"""Annotation on a binding that only warns: namespaces that nobody declared, comma-separated; work runs in them that was
there before the policies."""

REFUSED: Final = f"{DOMAIN}/refused"
"""Annotation on a pod on its way in: what the API server's own admission found on it that is refused."""

JOB: Final = f"{DOMAIN}/job"
"""Label on whatever is made for a submitted job, its pods included: the job's id."""
JOB_ATTEMPT: Final = f"{DOMAIN}/attempt"
"""Label beside it: number of the attempt, from 1."""
JOB_PART: Final = f"{DOMAIN}/part"
"""Label beside it: which part of the job it is, such as ``main`` or ``staging``."""
JOB_MAIN: Final = "main"
"""The part that does its work."""
JOB_STAGING: Final = "staging"
"""The part that fetches its data before."""
JOB_NAME: Final = f"{DOMAIN}/job-name"
"""Annotation beside it: what people call the job."""
JOB_DEADLINE: Final = f"{DOMAIN}/deadline"
"""Annotation beside it: when the job's result is needed, RFC 3339."""
JOB_MARK: Final = f"{DOMAIN}/mark"
"""Annotation on what runs a job: what only the server that made it could have written there."""

KUEUE_QUEUE: Final = "kueue.x-k8s.io/queue-name"
KUEUE_PRIORITY: Final = "kueue.x-k8s.io/priority-class"

MULTIKUEUE_ORIGIN: Final = "kueue.x-k8s.io/multikueue-origin"
"""Label of what a manager cluster has put into a worker cluster."""

LOCAL_QUEUE: Final = "default"
"""The LocalQueue of every team namespace. Kueue gives it to jobs without a queue label because of this name."""

CPU_FLAVOR: Final = "cpu"
"""Usual name of the flavor for CPU and memory, which carries no node labels: any node of the cluster will do."""

SHARED_QUEUE: Final = "shared"
"""Usual name of the one ClusterQueue of the shared layout."""

_NAMED: Final = 12
"""Nodes that one command names at most."""


def label_command(pool: str, nodes: Sequence[str]) -> str:
    """The command that gives nodes the labels and taints of a pool, as texts quote it.

    Args:
        pool: declared name.
        nodes: names; those beyond a dozen are counted behind the command.
    """
    more = f" (and {len(nodes) - _NAMED:,} more)" if len(nodes) > _NAMED else ""
    return f"`allot nodes label --pool {pool} {' '.join(nodes[:_NAMED])}`{more}"
