"""Flavors of two resource groups that ask for different values of one node label: no node can have both."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.never import fleet_of
from allotment.diagnose.rules.scheduler.placing import flavors_of
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import ResourceFlavor


def find(case: Case) -> Finding | None:
    """Of a workload that has its quota, or would get it: whose pods could never be where both flavors are.

    Which of two values Kueue puts in is chance: before it has, it may still be the one that is wanted.
    """
    workload, queue = case.workload, case.cluster_queue
    if workload is None or queue is None or case.running_pods:
        return None
    for pod_set, names in flavors_of(case, workload).items():
        found = _contradiction([case.index.flavors[name] for name in names if name in case.index.flavors])
        if found is None:
            continue
        if not workload.holds_quota and case.index.nodes and not fleet_of(case).hopeless([workload.key]):
            return None
        one, other, key = found
        values = {each.name: each.spec.node_labels[key] for each in (one, other)}
        said = " and ".join(f"{name} for {key}={value}" for name, value in values.items())
        field = "spec.nodeLabels"
        return Finding(
            "flavors-contradict",
            CauseVerdict.MISCONFIGURED,
            f"the ClusterQueue {queue.name} gives its pods flavors that no node has both of: {said}",
            facts={"cluster_queue": queue.name, "pod_set": pod_set, "label": key, "flavors": values},
            evidence=tuple(Evidence(reference_of(each), field, dict(each.spec.node_labels)) for each in (one, other)),
            proposals=(
                Proposal(
                    RemedyKind.CHANGE_FLAVOR,
                    Doer.PLATFORM,
                    f"put what flavor {one.name} and flavor {other.name} cover into one resource group of the "
                    f"ClusterQueue {queue.name}, so that one flavor gives all of it",
                    reference_of(queue),
                    Patch(PatchOp.SIGNAL, {"flavors": sorted(values)}),
                ),
            ),
            never=True,
        )
    return None


def _contradiction(flavors: Iterable[ResourceFlavor]) -> tuple[ResourceFlavor, ResourceFlavor, str] | None:
    for one, other in combinations(flavors, 2):
        for key, value in one.spec.node_labels.items():
            if other.spec.node_labels.get(key, value) != value:
                return one, other, key
    return None
