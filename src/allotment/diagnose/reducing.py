"""Asking for less: as much as fits now, by fewer pods or by less for each pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.diagnose.amending import amended, worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed, device
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.pods import Container, PodSpec
from allotment.model.observed.work import Job, Replicas
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.quantities import units

_STEPS: Final = {"cpu": (1000, 100), "memory": (1 << 30, 1 << 20), "ephemeral-storage": (1 << 30, 1 << 20)}
"""What a smaller request is rounded down to: whole CPUs and GiB where that leaves anything."""
_MIN_PARALLELISM: Final = "kueue.x-k8s.io/job-min-parallelism"


def reduced(
    case: Case, lacks: QuotaShortage, kind: RemedyKind = RemedyKind.REDUCE_REQUEST, *, cost: int = 0
) -> Iterator[Proposal]:
    """Ask for what is free now: fewer pods where one of them fits, and else less for each.

    Args:
        case: the subject.
        lacks: what it lacks.
        kind: how the act is called.
        cost: among the proposals of the asker.
    """
    row = max(lacks.usable, key=lambda each: (pods_that_fit(each, lacks), _room(each)), default=None)
    if row is None or case.brief:
        return
    count = lacks.pod_set.count
    fit = pods_that_fit(row, lacks)
    if count > 1 and 0 < fit < count:
        yield from _fewer_pods(case, lacks, row, fit, kind, cost)
    if fit == 0:
        yield from _less_each(case, lacks, row, cost)


def pods_that_fit(row: FlavorRow, lacks: QuotaShortage) -> int:
    """Pods of the PodSet that a flavor has quota for now."""
    fit = lacks.pod_set.count
    for need in row.needs:
        each, assumed = _per_pod(need, lacks)
        if each > 0:
            fit = min(fit, max(0, need.quota.free - assumed) // each)
    return fit


def _per_pod(need: ResourceNeed, lacks: QuotaShortage) -> tuple[int, int]:
    """What a pod asks for, and what PodSets before it have taken already."""
    each = dict(lacks.pod_set.requests).get(need.resource, 1 if need.resource == "pods" else 0)
    return each, need.wanted - each * lacks.pod_set.count


def _room(row: FlavorRow) -> int:
    return sum(need.quota.free for need in row.needs if device(need.resource))


def _fewer_pods(
    case: Case, lacks: QuotaShortage, row: FlavorRow, fit: int, kind: RemedyKind, cost: int
) -> Iterator[Proposal]:
    work = worked_on(case)
    said = ", ".join(f"{need.text(_per_pod(need, lacks)[0] * fit)} {need.resource}" for need in row.needs if need.short)
    body: dict[str, Any]
    op = PatchOp.RESUBMIT
    if isinstance(work, Job):
        body = {"parallelism": fit}
        if work.spec.completion_mode == "Indexed" and work.spec.completions == work.spec.parallelism:
            body["completions"] = fit
            what = f"parallelism and completions {lacks.pod_set.count} → {fit}"
        else:
            what = f"parallelism {lacks.pod_set.count} → {fit}"
    elif isinstance(work, Replicas):
        # Of a service whose pods are queued one by one only those that wait are asked about.
        whole = max(1 if work.spec.replicas is None else work.spec.replicas, lacks.pod_set.count)
        left = whole - lacks.pod_set.count + fit
        body, op, what = {"replicas": left}, PatchOp.MERGE, f"replicas {whole} → {left}"
    elif work is not None:
        body, op, what = {}, PatchOp.SIGNAL, f"{lacks.pod_set.count} → {fit} pods of {lacks.pod_set.name}"
    else:
        return
    yield Proposal(
        kind,
        Doer.USER,
        f"submit it with {what}: {said} are free in flavor {row.flavor}",
        reference_of(work),
        Patch(op, {"spec": body} if body else {"pods": {lacks.pod_set.name: fit}}),
        cost=cost,
    )


def _less_each(case: Case, lacks: QuotaShortage, row: FlavorRow, cost: int) -> Iterator[Proposal]:
    """Less for each pod; where not even one device a pod is free, one pod alone with what there is."""
    spec = next((each.template.spec for each in case.to_come if each.name == lacks.pod_set.name), None)
    if spec is None and case.to_come:
        spec = case.to_come[0].template.spec
    if spec is None:
        return
    count = lacks.pod_set.count
    smaller = _smaller(row, lacks, count)
    alone = smaller is None and count > 1
    if alone:
        smaller = _smaller(row, lacks, 1)
    if not smaller:
        return
    changes: dict[str, dict[str, Any]] = {}
    said = []
    for need, amount in smaller:
        each = _per_pod(need, lacks)[0]
        named = _changed(spec, need.resource, each - amount)
        if named is None:
            return
        container, value = named
        of = changes.setdefault(container.name, {"resources": {}})["resources"]
        if need.resource in container.resources.requests:
            of.setdefault("requests", {})[need.resource] = value
        if need.resource in container.resources.limits:
            of.setdefault("limits", {})[need.resource] = value
        said.append(f"{need.text(each)} → {need.text(amount)} {need.resource}")
    target, patch = amended(case, {"containers": [{"name": name, **change} for name, change in changes.items()]})
    if alone and isinstance(worked_on(case), Job):
        patch.body["spec"]["parallelism"] = 1
    yield Proposal(
        RemedyKind.REDUCE_REQUEST,
        Doer.USER,
        f"ask for less{' in one pod at a time' if alone else ' for each pod' if count > 1 else ''}: {', '.join(said)}",
        target,
        patch,
        cost=cost,
    )


def _smaller(row: FlavorRow, lacks: QuotaShortage, count: int) -> list[tuple[ResourceNeed, int]] | None:
    """For each need that is short, what one of so many pods can have; None where that is nothing."""
    found = []
    for need in row.needs:
        each, assumed = _per_pod(need, lacks)
        most = max(0, need.quota.free - assumed) // count
        if each <= most:
            continue
        amount = next((most // step * step for step in _STEPS.get(need.resource, (1,)) if most >= step), 0)
        if amount <= 0 or need.resource == "pods":
            return None
        found.append((need, amount))
    return found


def _changed(spec: PodSpec, resource: str, less: int) -> tuple[Container, str] | None:
    """The container that asks for most, and what it then asks for."""
    asked = [
        (units(resource, amount), each)
        for each in spec.containers
        if (amount := each.resources.requests.get(resource, each.resources.limits.get(resource))) is not None
    ]
    if not asked:
        return None
    amount, container = max(asked, key=lambda each: each[0])
    return (container, render_amount(resource, amount - less)) if amount > less else None


def partly(case: Case, lacks: QuotaShortage, *, cost: int = 1) -> Iterator[Proposal]:
    """Let Kueue admit fewer pods than asked for."""
    work = worked_on(case)
    row = max(lacks.usable, key=lambda each: pods_that_fit(each, lacks), default=None)
    if not isinstance(work, Job) or row is None or lacks.pod_set.min_count is not None:
        return
    fit = pods_that_fit(row, lacks)
    if 0 < fit < lacks.pod_set.count:
        least = max(1, fit // 2)
        yield Proposal(
            RemedyKind.SPLIT_GANG,
            Doer.USER,
            f"allow that fewer pods are admitted (annotation {_MIN_PARALLELISM}={least}): {fit} of "
            f"{lacks.pod_set.count} fit now",
            reference_of(work),
            Patch(PatchOp.RESUBMIT, {"metadata": {"annotations": {_MIN_PARALLELISM: str(least)}}}),
            cost=cost,
        )
