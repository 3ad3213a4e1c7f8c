"""A manager of MultiKueue: quota of work that runs in other clusters is told, and is none of the devices here."""

from __future__ import annotations

import msgspec

from allotment.accounting.book_checks import findings
from allotment.accounting.books import flavor_books
from allotment.accounting.moment import CountingRules, portions
from allotment.accounting.queue_use import queue_standings
from allotment.accounting.saturation import saturation
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import AdmissionCheck, AdmissionCheckSpec, ClusterQueue
from allotment.scheduling.snapshot.placement import placement_view
from allotment.scheduling.snapshot.queues import MULTI_KUEUE
from tests.unit.accounting.scenes import GPU, by_cause, moment_of, node, workload
from tests.unit.accounting.test_books import queue


def sending(found: ClusterQueue) -> ClusterQueue:
    return msgspec.structs.replace(found, spec=msgspec.structs.replace(found.spec, admission_checks=("workers",)))


def test_quota_of_what_runs_elsewhere_is_none_of_the_devices_here() -> None:
    check = AdmissionCheck(metadata=ObjectMeta(name="workers"), spec=AdmissionCheckSpec(controller_name=MULTI_KUEUE))
    queues = (sending(queue("cq", "64", cpu="9000")), queue("here", "8", borrow="4"))
    index = Index(
        moment_of(
            0,
            nodes=[node("n", {GPU: "8", "cpu": "64", "pods": "110"})],
            workloads=[workload("w", "gpu", 4, admitted=True)],
            cluster_queues=queues,
            admission_checks=(check,),
        ).sources[0]
    )
    uses = {use.queue: (use.nominal, use.used, use.limit) for each in queue_standings(index) for use in each.uses[:1]}
    (book,) = flavor_books(index)
    (full,) = saturation(placement_view(index))

    assert uses == {"cq": (64, 4, 72), "here": (8, 0, 12)}, "all of it is told as it is"
    assert book.nominal == 8
    assert [each.fault for each in findings(index)] == []
    assert {cause.value: parts for cause, parts in by_cause(portions(index, 0, CountingRules())).items()} == {
        "unallocated": 8_000_000
    }
    assert [(each.used, each.capacity) for each in full.things if each.name == f"quota {GPU}"] == [(0, 8)]
