"""Other shapes of the subject that start now: fewer, smaller or more pods, each with the smallest change that works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from allotment.diagnose.amending import amended, changed_pods, scaled, worked_on
from allotment.diagnose.case import reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.machines import INSTANCE_TYPE
from allotment.diagnose.rollouts import held_back, pace_of
from allotment.diagnose.rules.scheduler.placing import Change, Placing
from allotment.diagnose.rules.scheduler.reshaping import asking, selecting
from allotment.diagnose.rules.scheduler.rooms import is_product_label, told
from allotment.diagnose.rules.scheduler.smaller import (
    Amounts,
    asking_less,
    besides,
    fits_alone,
    fits_now,
    most_of,
    unseen_beside,
)
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.work import Job, Replicas

_MOST_PARTS: Final = 16


def reduced(placing: Placing, resource: str, cost: int = 0) -> Iterator[Proposal]:
    """Asking for less of a resource: the smallest reduction with which all find a place now."""
    amounts = most_of({resource: placing.requests.get(resource, 0) - 1}, fits_now(placing))
    if amounts is not None:
        yield from _asking(placing, amounts, cost)


def reduced_alone(placing: Placing, resources: Iterable[str], cost: int = 0) -> Iterator[Proposal]:
    """The same of what would find no place with nobody else there either: by as little as lets it start some day."""
    fits = fits_alone(placing)
    wanted = {resource: placing.requests.get(resource, 0) - 1 for resource in resources}
    amounts = None if fits is None else most_of(wanted, fits)
    if amounts is None or (len(amounts) == 1 and fits_now(placing)(amounts)):
        return  # of one that is to be had now the other has told
    yield from _asking(placing, amounts, cost, unseen_beside(placing.case))


def _asking(placing: Placing, amounts: Amounts, cost: int, then: str = "") -> Iterator[Proposal]:
    if placing.refused is None:
        return
    asked = placing.requests
    patch = asking_less(placing.refused.pod.spec, {name: asked[name] - amount for name, amount in amounts.items()})
    if patch is not None:
        said = ", ".join(
            f"{told(name, asked[name])} → {told(name, amount)}{besides(placing.refused.pod.spec, name)}"
            for name, amount in amounts.items()
        )
        what = f"ask for less: {said}{then}"
        found = changed_pods(RemedyKind.REDUCE_REQUEST, what, placing.case, patch, cost)
        yield _old_first(placing, found, partial(asking, amounts=dict(amounts)))


def _old_first(placing: Placing, proposal: Proposal, change: Change) -> Proposal:
    """The same, with leave to take an old pod away first where new ones would have no room beside the old."""
    work, patch = worked_on(placing.case), proposal.patch
    pace = pace_of(work)
    old = [pod.key for pod in placing.case.running_pods]
    if pace is None or patch is None or patch.op is not PatchOp.STRATEGIC or not old:
        return proposal
    first = placing.pods[0]
    name = first.waiting.pod.name

    def placed(most: int, gone: Sequence[str]) -> int:
        new = Placing(placing.case, tuple(first.named(f"{name}-new-{number}") for number in range(most)))
        refused = new.first_refused(change, gone=gone)
        return most if refused is None else refused.placed

    if not held_back(pace, old, placed):
        return proposal
    rolling = {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}
    body = {**patch.body, "spec": {**patch.body["spec"], **rolling}}
    said = f"{proposal.summary}, and let one old pod go first (maxUnavailable 1, maxSurge 0)"
    return replace(proposal, summary=said, patch=Patch(patch.op, body))


def split(placing: Placing, cost: int = 0) -> Iterator[Proposal]:
    """As many smaller pods as have the same accelerators in all, where the work is a Job that can have several."""
    device, job = placing.device, worked_on(placing.case)
    if not device or not isinstance(job, Job) or placing.refused is None:
        return
    asked, pods = placing.requests[device], len(placing.pods)
    if pods != (1 if job.spec.parallelism is None else job.spec.parallelism):
        return
    for parts in range(2, min(asked, _MOST_PARTS) + 1):
        if asked % parts == 0 and _fits_split(placing, device, asked // parts, pods * parts):
            patch = asking_less(placing.refused.pod.spec, {device: asked - asked // parts})
            if patch is None:
                return
            target, whole = amended(placing.case, patch)
            body = dict(whole.body)
            completions = job.spec.completions or pods
            body["spec"] = {**body["spec"], "parallelism": pods * parts, "completions": completions * parts}
            what = (
                f"submit as {pods * parts} pods of {told(device, asked // parts)} each "
                f"(completions {completions} → {completions * parts})"
            )
            yield Proposal(RemedyKind.SPLIT_GANG, Doer.USER, what, target, Patch(whole.op, body), cost=cost)
            return


def _fits_split(placing: Placing, device: str, amount: int, count: int) -> bool:
    """Whether so many pods of a smaller size all find a place on the twin."""
    first = placing.pods[0]
    parts = tuple(first.named(f"{first.waiting.pod.name}-part-{number}") for number in range(count))
    return Placing(placing.case, parts).fits(lambda shape: asking(shape, {device: amount}))


def fewer(placing: Placing, cost: int = 0) -> Iterator[Proposal]:
    """As many pods as find a place now; of what runs pod by pod those run anyway."""
    case, work = placing.case, worked_on(placing.case)
    if one_by_one(case):
        return
    held = len([pod for pod in case.pods if pod.bound])
    fit = held + (placing.refused.placed if placing.refused is not None else 0)
    if fit < 1:
        return
    if isinstance(work, Job) and (work.spec.parallelism or 1) > fit:
        body: dict[str, Any] = {"parallelism": fit}
        what = f"submit with parallelism {work.spec.parallelism} → {fit}"
        if work.spec.completion_mode == "Indexed" and work.spec.completions == work.spec.parallelism:
            # Each index is a rank: with fewer at once than there are, they wait for each other for ever.
            body["completions"] = fit
            what += f" and completions {work.spec.completions} → {fit}"
        patch = Patch(PatchOp.RESUBMIT, {"spec": body})
        yield Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, what, reference_of(work), patch, cost=cost)
    elif isinstance(work, Replicas) and (work.spec.replicas or 1) > fit:
        what = f"scale to {count(fit, 'replica')}: {'that one finds' if fit == 1 else 'so many find'} a place"
        patch = scaled(work, fit)
        yield Proposal(RemedyKind.OTHER, Doer.USER, what, reference_of(work), patch, cost=cost)


def raised_priority(placing: Placing, cost: int = 40) -> Iterator[Proposal]:
    """A higher class that would preempt for it: the lowest that does, with who would have to go."""
    case = placing.case
    if placing.refused is None:
        return
    priority = placing.refused.pod.waiting.pod.priority
    classes = sorted(case.index.objects.priority_classes, key=lambda each: each.value)
    for each in classes:
        if each.name.startswith("system-") or each.preemption_policy == "Never" or each.value <= priority:
            continue
        if _preempts_with(placing, each.value):
            patch = {"priorityClassName": each.name, "priority": None, "preemptionPolicy": None}
            what = f"submit with priority class {each.name}; it takes the room from running work of a lower one"
            yield changed_pods(RemedyKind.RAISE_PRIORITY, what, case, patch, cost)
            return


def _preempts_with(placing: Placing, priority: int) -> bool:
    return Placing(placing.case, tuple(each.ranked(priority) for each in placing.pods)).fits()


def other_pools(placing: Placing, cost: int = 30) -> Iterator[Proposal]:
    """Other accelerators that are free now, for work that is bound to one by a selector of its own and to no queue."""
    case, refused = placing.case, placing.refused
    if refused is None or not placing.device or case.queue_name:
        return
    own = refused.pod.spec.node_selector
    for key, value in sorted(own.items()):
        if not (is_product_label(key) or key == INSTANCE_TYPE):
            continue
        for other in sorted({node.metadata.labels.get(key, "") for node in case.index.nodes.values()} - {"", value}):
            if placing.fits(partial(selecting, key=key, value=other)):
                what = f"ask for {other} in place of {value}: it is free now"
                yield changed_pods(RemedyKind.CHANGE_FLAVOR, what, case, {"nodeSelector": {key: other}}, cost)
