"""The ClusterQueue does not take work of the subject's namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import other_queues, waits_for_quota
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE, TEAM
from allotment.model.observed.base import Names, Selector
from allotment.model.observed.namespaced import Namespace
from allotment.model.observed.queueing import ClusterQueue
from allotment.scheduling.snapshot.standing import selects

_NAME: Final = "kubernetes.io/metadata.name"


def find(case: Case) -> Finding | None:
    """A selector that the namespace's labels do not meet."""
    queue, namespace = case.cluster_queue, case.namespace_object
    if queue is None or namespace is None or not waits_for_quota(case):
        return None
    selector = queue.spec.namespace_selector
    labels = namespace.metadata.labels
    if selects(selector, labels):
        return None
    says = msgspec.to_builtins(selector) if selector is not None else None
    wanted = _wanted(selector, labels)
    said = (
        "has no namespaceSelector, so it admits no namespace" if selector is None else f"admits only {_said(selector)}"
    )
    return Finding(
        "namespace-selector-mismatch",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} {said}; the namespace {namespace.name} is none of those",
        facts={
            "cluster_queue": queue.name,
            "namespace": namespace.name,
            "namespaceSelector": says,
            "namespace_labels": {key: value for key, value in labels.items() if key != _NAME},
        },
        evidence=(
            Evidence(reference_of(queue), "spec.namespaceSelector", says, "does not match the namespace's labels"),
            Evidence(reference_of(namespace), "metadata.labels", dict(labels), ""),
        ),
        proposals=(
            *other_queues(case),
            *_elsewhere(case, queue),
            *_labelled(namespace, wanted),
            _opened(case, queue, namespace),
        ),
    )


def _said(selector: Selector) -> str:
    parts = [f"{key}={value}" for key, value in selector.match_labels.items()]
    for rule in selector.match_expressions:
        values = f" {', '.join(rule.values)}" if rule.values else ""
        parts.append(f"{rule.key} {rule.operator}{values}")
    return "namespaces with " + " and ".join(parts)


def _wanted(selector: Selector | None, labels: Names) -> Names | None:
    """Labels that would make the namespace fit; None where labels cannot, or nobody may set them."""
    if selector is None:
        return None
    wanted = {key: value for key, value in selector.match_labels.items() if labels.get(key) != value}
    for rule in selector.match_expressions:
        value = labels.get(rule.key)
        if rule.operator == "In" and value not in rule.values:
            if not rule.values:
                return None
            wanted[rule.key] = rule.values[0]
        elif rule.operator == "Exists" and value is None:
            wanted[rule.key] = "true"
        elif (rule.operator == "NotIn" and value in rule.values) or (rule.operator == "DoesNotExist" and value):
            return None
    return None if _NAME in wanted else wanted


def _labelled(namespace: Namespace, wanted: Names | None) -> Iterator[Proposal]:
    if wanted:
        said = ", ".join(f"{key}={value}" for key, value in wanted.items())
        yield Proposal(
            RemedyKind.FIX_LABEL,
            Doer.PLATFORM,
            f"label the namespace {namespace.name} with {said}",
            reference_of(namespace),
            Patch(PatchOp.MERGE, {"metadata": {"labels": wanted}}),
        )


def _opened(case: Case, queue: ClusterQueue, namespace: Namespace) -> Proposal:
    """Let the queue admit this namespace by name, besides those whose work enters it today."""
    selector = queue.spec.namespace_selector
    rules = () if selector is None else selector.match_expressions
    by_name = selector is not None and not selector.match_labels and len(rules) == 1
    if by_name and rules[0].key == _NAME and rules[0].operator == "In":
        names = list(rules[0].values)
    else:
        entered = {each.namespace for each in case.index.objects.local_queues if each.spec.cluster_queue == queue.name}
        names = [
            name
            for name, each in sorted(case.index.namespaces.items())
            if name in entered and selects(selector, each.metadata.labels)
        ]
    body: dict[str, Any] = {"matchExpressions": [{"key": _NAME, "operator": "In", "values": [*names, namespace.name]}]}
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"let the ClusterQueue {queue.name} admit the namespace {namespace.name} in its namespaceSelector",
        reference_of(queue),
        Patch(PatchOp.JSON, [{"op": "add", "path": "/spec/namespaceSelector", "value": body}]),
        cost=1,
    )


def _elsewhere(case: Case, queue: ClusterQueue) -> Iterator[Proposal]:
    """The same work in another namespace of the same team, which the queue admits."""
    work, own = case.top, case.namespace_object
    team = own.metadata.labels.get(TEAM, "") if own is not None else ""
    if work is None or own is None or not team:
        return
    for each in case.index.objects.local_queues:
        there = case.index.namespaces.get(each.namespace)
        if each.spec.cluster_queue != queue.name or there is None or there is own:
            continue
        labels = there.metadata.labels
        if labels.get(TEAM) == team and selects(queue.spec.namespace_selector, labels):
            yield Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"submit it in the namespace {there.name}, which the queue admits, by its LocalQueue {each.name}",
                msgspec.structs.replace(reference_of(work), namespace=there.name),
                Patch(PatchOp.RESUBMIT, {"metadata": {"namespace": there.name, "labels": {KUEUE_QUEUE: each.name}}}),
            )
            return
