"""Resources that Kueue leaves out of account where its configuration could not be read: told by what it has counted.

It writes down what it charges a Workload with, and what it counts for one that waits. What templates ask for and no
such sum ever holds is excluded, counted as something else, or not declared by any queue.
"""

from __future__ import annotations

from collections.abc import Iterable

from allotment.model.observed import queueing as observed
from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.pods import PodSpec
from allotment.scheduling.snapshot.pods import asked_for, request_pairs


class Uncounted(frozenset[str]):
    """Names of such resources."""


def uncounted(index: Index) -> frozenset[str]:
    """What is left out of account in a source; of one that was made of another by a change, the same as there."""
    return index.beside.once(Uncounted, lambda: _uncounted(index))


def _uncounted(index: Index) -> Uncounted:
    if index.before is not None:
        return Uncounted(uncounted(index.before))
    asked: set[str] = set()
    counted: set[str] = set()
    for workload in index.objects.workloads:
        sums = counted_sums(workload)
        for pod_set in workload.spec.pod_sets:
            amounts = sums.get(pod_set.name)
            if amounts:
                counted.update(amounts)
                asked.update(_asked(pod_set.template.spec))
    return Uncounted(asked - counted)


def counted_sums(workload: observed.Workload) -> dict[str, Amounts]:
    """What Kueue has written that the pods of each PodSet count in all, by its name."""
    status = workload.status
    if status.admission is not None:
        return {each.name: each.resource_usage for each in status.admission.pod_set_assignments}
    return {each.name: each.resources for each in status.resource_requests}


def _asked(spec: PodSpec) -> Iterable[str]:
    return (resource for resource, amount in request_pairs(asked_for(spec)) if amount > 0)
