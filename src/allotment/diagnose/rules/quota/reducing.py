"""Asking for less: as much as fits now, by fewer pods or by less for each pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.diagnose.amending import amended, scaled, worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.emptied import with_flavors
from allotment.diagnose.finding import Proposal
from allotment.diagnose.growing import grows_from, pods_of_slice
from allotment.diagnose.owned import fewer_pods
from allotment.diagnose.quota_book import PODS
from allotment.diagnose.rules.scheduler.placing import Placing, placing_of
from allotment.diagnose.rules.scheduler.smaller import (
    Amounts,
    asking_less,
    fits_alone,
    fits_now,
    most_of,
    rounded,
    unseen_beside,
)
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed, device
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.grammar import being
from allotment.model.observed.pods import Pod, PodTemplate
from allotment.model.observed.work import Job, Owner, Replicas
from allotment.scheduling.queueing.quantity import render_amount

_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_TOTAL: Final = "kueue.x-k8s.io/pod-group-total-count"
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
    if fit == 0 or not any(need.short and device(need.resource) for need in row.needs):
        yield from _less_each(case, lacks, row, cost if fit == 0 else cost + 1)


def pods_that_fit(row: FlavorRow, lacks: QuotaShortage) -> int:
    """Pods of the PodSet that a flavor has quota for now."""
    fit = lacks.pod_set.count
    for need in row.needs:
        each, assumed = _per_pod(need, lacks)
        if each > 0:
            fit = min(fit, max(0, need.quota.free - assumed) // each)
    return fit


def _per_pod(need: ResourceNeed, lacks: QuotaShortage) -> tuple[int, int]:
    """What a pod asks for, and what the other PodSets take: those before it, and those that come after it."""
    each = dict(lacks.pod_set.requests).get(need.resource, 1 if need.resource == "pods" else 0)
    names = [part.name for part in lacks.workload.pod_sets]
    behind = lacks.workload.pod_sets[names.index(lacks.pod_set.name) + 1 :] if lacks.pod_set.name in names else ()
    after = sum(dict(part.requests).get(need.resource, 0) * part.count for part in behind)
    return each, need.wanted - each * lacks.pod_set.count + after


def _room(row: FlavorRow) -> int:
    return sum(need.quota.free for need in row.needs if device(need.resource))


def _fewer_pods(
    case: Case, lacks: QuotaShortage, row: FlavorRow, fit: int, kind: RemedyKind, cost: int
) -> Iterator[Proposal]:
    work, held = worked_on(case), grows_from(case)
    said = ", ".join(f"{need.text(_per_pod(need, lacks)[0] * fit)} {need.resource}" for need in row.needs if need.short)
    body: dict[str, Any]
    op = PatchOp.RESUBMIT
    if isinstance(work, Job) and held is not None:
        now = pods_of_slice(held)
        what, body = f"parallelism {now + lacks.whole} → {now + fit}", {"parallelism": now + fit}
        said = f"let it grow less, to {what}: {being(said)} free in flavor {row.flavor}"
        patch = Patch(PatchOp.MERGE, {"spec": body})
        yield Proposal(kind, Doer.USER, said, reference_of(work), patch, cost=cost)
        return
    if isinstance(work, Job) and lacks.partial:
        yield _content_with(work, lacks, row, fit, kind, cost)
        return
    if isinstance(work, Job):
        body = {"parallelism": fit}
        ranks = work.spec.completion_mode == "Indexed" and not work.spec.runs_trials
        if ranks and work.spec.completions == work.spec.parallelism:
            body["completions"] = fit
            what = f"parallelism and completions {lacks.pod_set.count} → {fit}"
        else:
            what = f"parallelism {lacks.pod_set.count} → {fit}"
    elif isinstance(work, Replicas):
        # Of a service whose pods are queued one by one only those that wait are asked about.
        whole = max(1 if work.spec.replicas is None else work.spec.replicas, lacks.pod_set.count)
        left = whole - lacks.pod_set.count + fit
        patch = scaled(work, left)
        body, op, what = patch.body["spec"], patch.op, f"replicas {whole} → {left}"
    elif isinstance(work, Owner) and (less := fewer_pods(work, lacks.pod_set.name, lacks.pod_set.count, fit)):
        field, now, then, steps = less
        whose = f" of {lacks.pod_set.name}" if len(work.groups) > 1 else ""
        what = f"{field} {now} → {then}{whose}"
        yield Proposal(
            kind,
            Doer.USER,
            f"submit it with {what}: {being(said)} free in flavor {row.flavor}",
            reference_of(work),
            Patch(op, steps),
            cost=cost,
        )
        return
    elif isinstance(work, Pod) and (group := work.metadata.labels.get(_GROUP, "")):
        total = sum(each.count for each in lacks.workload.pod_sets)
        yield Proposal(
            kind,
            Doer.USER,
            f"make the group {group} of {total - lacks.pod_set.count + fit} pods in place of {total} "
            f"(annotation {_TOTAL}): {being(said)} free in flavor {row.flavor}",
            reference_of(work),
            Patch(PatchOp.SIGNAL, {"group": group, "pods": fit}),
            cost=cost,
        )
        return
    elif work is not None:
        body, op, what = {}, PatchOp.SIGNAL, f"{lacks.pod_set.count} → {fit} pods of {lacks.pod_set.name}"
    else:
        return
    yield Proposal(
        kind,
        Doer.USER,
        f"submit it with {what}: {being(said)} free in flavor {row.flavor}",
        reference_of(work),
        Patch(op, {"spec": body} if body else {"pods": {lacks.pod_set.name: fit}}),
        cost=cost,
    )


def _content_with(work: Job, lacks: QuotaShortage, row: FlavorRow, fit: int, kind: RemedyKind, cost: int) -> Proposal:
    """It says already that it is content with fewer pods: with fewer yet."""
    return Proposal(
        kind,
        Doer.USER,
        f"submit it content with {fit} pods (annotation {_MIN_PARALLELISM} {lacks.pod_set.count} → {fit}): so many fit "
        f"in flavor {row.flavor} now",
        reference_of(work),
        Patch(PatchOp.RESUBMIT, {"metadata": {"annotations": {_MIN_PARALLELISM: str(fit)}}}),
        cost=cost,
    )


def _less_each(case: Case, lacks: QuotaShortage, row: FlavorRow, cost: int) -> Iterator[Proposal]:
    """Less for each pod; where not even one device a pod is free, one pod alone with what there is."""
    count = lacks.pod_set.count
    free = _shares(row, lacks, count, ever=False)
    alone = not free and count > 1
    if alone:
        free = _shares(row, lacks, 1, ever=False)
    it = _placed(case, lacks, row, 1 if alone else count)
    taken = most_of(free, fits_now(it)) if free and it.pods else None
    some_day = _some_day(case, lacks)
    # What has quota and no node starts later, where nodes have as much at all; nodes that were not seen say nothing.
    now = taken if it.pods and some_day else taken or free
    if now:
        yield from _asking(case, lacks, now, alone=alone, cost=cost)
    if some_day and some_day != now:
        yield from _asking(case, lacks, some_day, alone=False, then=unseen_beside(case), cost=cost + 2)


def _some_day(case: Case, lacks: QuotaShortage) -> dict[str, int] | None:
    """As much CPU and memory as its queue can ever have, and nodes with nobody else there, where it asks for more.

    Where it is devices that it asks too many of, that is another matter.
    """
    found: list[dict[str, int]] = []
    for row in lacks.usable:
        beyond = [need for need in row.needs if need.beyond]
        if not beyond or any(device(need.resource) or need.resource == PODS for need in beyond):
            continue
        shares = _shares(row, lacks, lacks.pod_set.count, ever=True)
        if shares:
            fits = fits_alone(_placed(case, lacks, row, lacks.pod_set.count))
            found += [amounts for amounts in (shares if fits is None else most_of(shares, fits),) if amounts]
    return max(found, key=lambda each: tuple(each.values()), default=None)


def _shares(row: FlavorRow, lacks: QuotaShortage, count: int, *, ever: bool) -> dict[str, int]:
    """What each of so many pods can have of what there is too little, now or ever; nothing where that is nothing."""
    found = {}
    for need in row.needs:
        each, assumed = _per_pod(need, lacks)
        most = max(0, (need.quota.most if ever else need.quota.free) - assumed) // count
        if each <= most:
            continue
        found[need.resource] = rounded(need.resource, most)
        if not found[need.resource] or need.resource == PODS:
            return {}
    return found


def _placed(case: Case, lacks: QuotaShortage, row: FlavorRow, count: int) -> Placing:
    """So many of its pods, as a flavor lets them in."""
    spec = _template(case, lacks)
    names = [f"{lacks.workload.name}-{number}" for number in range(count)]
    return placing_of(case, names, with_flavors(case.index, spec, (row.flavor,))) if spec else Placing(case, ())


def _template(case: Case, lacks: QuotaShortage) -> PodTemplate | None:
    named = (each.template for each in case.to_come if each.name == lacks.pod_set.name)
    return next(named, case.to_come[0].template if case.to_come else None)


def _asking(
    case: Case, lacks: QuotaShortage, amounts: Amounts, *, alone: bool, cost: int, then: str = ""
) -> Iterator[Proposal]:
    template = _template(case, lacks)
    asked = dict(lacks.pod_set.requests)
    less = {name: asked.get(name, 0) - amount for name, amount in amounts.items()}
    change = None if template is None else asking_less(template.spec, less)
    if change is None:
        return
    said = ", ".join(
        f"{render_amount(name, asked[name])} → {render_amount(name, amount)} {name}" for name, amount in amounts.items()
    )
    target, patch = amended(case, change, pod_set=lacks.pod_set.name)
    if alone and isinstance(worked_on(case), Job):
        patch.body["spec"]["parallelism"] = 1
        if lacks.partial:
            patch.body["metadata"] = {"annotations": {_MIN_PARALLELISM: None}}
    who = " in one pod at a time" if alone else " for each pod" if lacks.pod_set.count > 1 else ""
    yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, f"ask for less{who}: {said}{then}", target, patch, cost=cost)


def partly(case: Case, lacks: QuotaShortage, *, cost: int = 1) -> Iterator[Proposal]:
    """Let Kueue admit fewer pods than asked for."""
    work = worked_on(case)
    row = max(lacks.usable, key=lambda each: pods_that_fit(each, lacks), default=None)
    if not isinstance(work, Job) or row is None or lacks.partial:
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
