"""The ClusterQueue does not take work of the subject's namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import other_queues, waits_for_quota
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE, TEAM
from allotment.model.observed.base import LabelRequirement, Names, Selector
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
            *_opened(queue, namespace),
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
        labels = namespace.metadata.labels
        over = ", ".join(f"{key}={labels[key]}" for key in wanted if key in labels)
        yield Proposal(
            RemedyKind.FIX_LABEL,
            Doer.PLATFORM,
            f"label the namespace {namespace.name} with {said}"
            + (f" in place of {over}, by which others may know it" if over else ""),
            reference_of(namespace),
            Patch(PatchOp.MERGE, {"metadata": {"labels": wanted}}),
        )


def _opened(queue: ClusterQueue, namespace: Namespace) -> Iterator[Proposal]:
    """Let the queue admit this namespace besides all that it admits today; nothing where no selector says that."""
    wider = _wider(queue.spec.namespace_selector, namespace.metadata.labels, namespace.name)
    if wider is None:
        return
    key, selector = wider
    others = "" if key == _NAME else f", with all others that have its label {key}"
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"let the ClusterQueue {queue.name} admit the namespace {namespace.name}{others} in its namespaceSelector",
        reference_of(queue),
        Patch(
            PatchOp.JSON,
            [
                {
                    "op": "add",
                    "path": "/spec/namespaceSelector",
                    "value": msgspec.json.decode(msgspec.json.encode(selector)),
                }
            ],
        ),
        cost=1,
    )


def _wider(selector: Selector | None, labels: Names, name: str) -> tuple[str, Selector] | None:
    """A selector that takes all that one takes, and these labels; with the label that tells. None if there is none.

    Requirements hold together, so only one that is not met can be widened, and only to a value that is there.
    """
    if selector is None:
        return _NAME, Selector(match_expressions=(LabelRequirement(key=_NAME, operator="In", values=(name,)),))
    unmet = [LabelRequirement(key=key, operator="In", values=(value,)) for key, value in selector.match_labels.items()]
    unmet = [each for each in (*unmet, *selector.match_expressions) if not _met(each, labels)]
    if len(unmet) != 1:
        return None
    (rule,) = unmet
    value = name if rule.key == _NAME else labels.get(rule.key)
    if value is None or rule.operator not in {"In", "NotIn"}:
        return None
    values = (*rule.values, value) if rule.operator == "In" else tuple(each for each in rule.values if each != value)
    changed = (msgspec.structs.replace(rule, values=values),) if values else ()
    return rule.key, Selector(
        match_labels={key: each for key, each in selector.match_labels.items() if key != rule.key or each == value},
        match_expressions=(*(each for each in selector.match_expressions if each != rule), *changed),
    )


def _met(rule: LabelRequirement, labels: Names) -> bool:
    return selects(Selector(match_expressions=(rule,)), labels)


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
