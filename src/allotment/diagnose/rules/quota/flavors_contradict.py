"""Flavors of two resource groups that ask for different values of one node label: no node can have both."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import combinations, product
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.emptied import ways_with_flavors
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.never import fleet_of
from allotment.diagnose.rules.scheduler.placing import flavors_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import ClusterQueue, ResourceFlavor, Workload

_CAUSE: Final = "flavors-contradict"


def find(case: Case) -> Finding | None:
    """Of a workload that has its quota, or would get it: whose pods could never be where both flavors are.

    Which of two values Kueue puts in is chance: before it has, it may still be one with which nodes take them.
    """
    workload, queue = case.workload, case.cluster_queue
    if workload is None or queue is None or case.running_pods or case.starting_pods:
        return None
    if not _may_contradict(case, queue):
        return None
    for pod_set, names in _given(case, workload).items():
        found = _contradiction([case.index.flavors[name] for name in names if name in case.index.flavors])
        if found is None:
            continue
        one, other, key = found
        values = {each.name: each.spec.node_labels[key] for each in (one, other)}
        good, bad = _ways(case, workload, pod_set, names, key)
        settled = workload.holds_quota and bool(case.waiting_pods)
        if (not workload.holds_quota and case.index.nodes and not bad) or (
            settled and bad and any(pod.spec.node_selector.get(key) in good for pod in case.waiting_pods)
        ):
            continue
        return _finding(queue, pod_set, key, values, (one, other), good if bad and not settled else ())
    return None


def by_chance(finding: Finding | None) -> str:
    """On what it depends, where a finding says that it is chance how it ends, a clause; empty where it does not."""
    if finding is None or finding.cause != _CAUSE or finding.never:
        return ""
    label = finding.facts["label"]
    return f"Kueue puts in {' or '.join(f'{label}={each}' for each in finding.facts['chance'])}, which is chance"


def _finding(
    queue: ClusterQueue,
    pod_set: str,
    key: str,
    values: dict[str, str],
    flavors: Iterable[ResourceFlavor],
    good: Collection[str],
) -> Finding:
    """`good` are values with which nodes would take its pods; none where that is over."""
    said = " and ".join(f"{name} for {key}={value}" for name, value in values.items())
    summary = f"the ClusterQueue {queue.name} gives its pods flavors that no node has both of: {said}"
    if good:
        summary += (
            f"; which of them Kueue puts in is chance, and only with {' or '.join(f'{key}={each}' for each in good)} "
            "nodes take them"
        )
    names = " and ".join(f"flavor {name}" for name in values)
    return Finding(
        _CAUSE,
        CauseVerdict.MISCONFIGURED,
        summary,
        facts={"cluster_queue": queue.name, "pod_set": pod_set, "label": key, "flavors": values}
        | ({"chance": list(good)} if good else {}),
        evidence=tuple(
            Evidence(reference_of(each), "spec.nodeLabels", dict(each.spec.node_labels)) for each in flavors
        ),
        confidence=Confidence.LIKELY if good else Confidence.SURE,
        proposals=(
            Proposal(
                RemedyKind.CHANGE_FLAVOR,
                Doer.PLATFORM,
                f"put what {names} cover into one resource group of the ClusterQueue {queue.name}, so that one flavor "
                "gives all of it",
                reference_of(queue),
                Patch(PatchOp.SIGNAL, {"flavors": sorted(values)}),
            ),
        ),
        never=not good,
    )


class _Contradicting(dict[str, bool]):
    """ClusterQueues, by name, of which flavors of two resource groups may contradict each other."""


def _may_contradict(case: Case, queue: ClusterQueue) -> bool:
    kept = case.index.beside.once(_Contradicting, _Contradicting)
    if queue.name not in kept:
        flavors = case.index.flavors
        groups = [
            [flavors[each.name] for each in group.flavors if each.name in flavors]
            for group in queue.spec.resource_groups
        ]
        kept[queue.name] = any(
            _contradiction(pair) for one, other in combinations(groups, 2) for pair in product(one, other)
        )
    return kept[queue.name]


def _given(case: Case, workload: Workload) -> dict[str, tuple[str, ...]]:
    """Flavors of each PodSet: those that it has, that Kueue gives it now, or would with nobody else there."""
    given = flavors_of(case, workload)
    if given or workload.holds_quota or workload.says("Finished"):
        return given
    alone = fleet_of(case).given(workload.key)
    return {each.name: tuple(dict.fromkeys(flavor for _, flavor in each.flavors)) for each in alone}


def _ways(case: Case, workload: Workload, pod_set: str, names: Iterable[str], key: str) -> tuple[list[str], list[str]]:
    """Values of a label with which nodes take a pod of the PodSet with nobody else there, and those with which none."""
    part = next((each for each in workload.spec.pod_sets if each.name == pod_set), None)
    good: dict[str, None] = {}
    bad: dict[str, None] = {}
    fleet = fleet_of(case)
    for each in () if part is None else ways_with_flavors(case.index, part.template, names):
        refused = fleet.nodes_refuse(case.namespace, [(each, 1)])
        (bad if refused else good)[each.spec.node_selector.get(key, "")] = None
    return list(good), list(bad)


def _contradiction(flavors: Iterable[ResourceFlavor]) -> tuple[ResourceFlavor, ResourceFlavor, str] | None:
    for one, other in combinations(flavors, 2):
        for key, value in one.spec.node_labels.items():
            if other.spec.node_labels.get(key, value) != value:
                return one, other, key
    return None
