"""What each queue is guaranteed of devices, and uses of it, at a moment: what a trend is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allotment.accounting.books import quota_lines
from allotment.accounting.cohort_trees import QUEUE
from allotment.accounting.queue_use import quota_in_use
from allotment.model.devices import is_device
from allotment.model.observed.index import Index


@dataclass(frozen=True, slots=True)
class QuotaLook:
    """One quota of devices of a ClusterQueue, as it was seen.

    Attributes:
        resource: such as ``nvidia.com/gpu``.
        nominal: that are guaranteed.
        used: by workloads that hold quota.
    """

    cluster: str
    queue: str
    flavor: str
    resource: str
    nominal: int
    used: int


def device_quotas(index: Index) -> Iterator[QuotaLook]:
    """Those of all ClusterQueues of a source; who lends whom is not looked for, which makes it cheap."""
    used = quota_in_use(index)
    for line in quota_lines(index):
        if line.kind == QUEUE and is_device(line.resource):
            key = (line.name, line.flavor, line.resource)
            yield QuotaLook(index.source.name, *key, line.nominal, used.get(key, 0))
