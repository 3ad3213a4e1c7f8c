"""What a trial takes over from the source before it, and that what it makes is what would be made anew."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.snapshot.attempts import Attempt, Settlement, Settlements
from allotment.scheduling.snapshot.queueing import queueing_view

NOW = "2026-11-27T12:00:00Z"
KUEUE = "kueue.x-k8s.io/v1beta2"


def _object(kind: str, name: str, spec: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"{kind}-{name}", "creationTimestamp": "2026-11-27T11:00:00Z"}
    return {"apiVersion": KUEUE, "kind": kind, "metadata": meta, "spec": spec}


def _workload(name: str, queue: str, cpu: int) -> dict[str, Any]:
    container = {"name": "main", "resources": {"requests": {"cpu": str(cpu)}}}
    pod_sets = [{"name": "main", "count": 1, "template": {"spec": {"containers": [container]}}}]
    return _object("Workload", name, {"queueName": queue, "active": True, "podSets": pod_sets}, "team")


def _source() -> Source:
    gathered = Gathered()
    objects = [_object("ResourceFlavor", "cpu", {})]
    for number, cohort in enumerate(("north", "north", "south")):
        quotas = [{"name": "cpu", "resources": [{"name": "cpu", "nominalQuota": "4"}]}]
        groups = [{"coveredResources": ["cpu"], "flavors": quotas}]
        spec = {"cohortName": cohort, "namespaceSelector": {}, "resourceGroups": groups}
        objects.append(_object("ClusterQueue", f"queue-{number}", spec))
        objects.append(_object("LocalQueue", f"line-{number}", {"clusterQueue": f"queue-{number}"}, "team"))
        objects += [_workload(f"w-{number}-{cpu}", f"line-{number}", cpu) for cpu in (3, 5, 9)]
    gathered.take_any([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}, *objects])
    return Source(observed_at=NOW, objects=gathered.objects())


def _changed(source: Source, field: str, at: int, **spec: Any) -> Source:
    listed = list(getattr(source.objects, field))
    listed[at] = msgspec.structs.replace(listed[at], spec=msgspec.structs.replace(listed[at].spec, **spec))
    return msgspec.structs.replace(source, objects=msgspec.structs.replace(source.objects, **{field: tuple(listed)}))


def _told(each: Attempt) -> tuple[object, ...]:
    return each.outcome, each.pod_sets, each.cause, each.message, each.instead, each.victims, each.absent


CHANGES = {
    "a workload": ("workloads", 0, {"queue_name": "line-2"}),
    "a queue": ("cluster_queues", 0, {"stop_policy": "Hold"}),
    "a line": ("local_queues", 1, {"cluster_queue": "queue-2"}),
    "a flavor": ("flavors", 0, {"node_labels": {"pool": "x"}}),
    "a queue leaves its cohort": ("cluster_queues", 1, {"cohort_name": "south"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_source_is_seen_as_if_it_were_the_first(change: tuple[str, int, dict[str, Any]]) -> None:
    source = _source()
    before = Index(source)
    first = queueing_view(source, NOW, before)
    earlier = Settlements(first)
    names = [each.key for each in source.objects.workloads]
    whole = Settlement(first)
    assert [_told(earlier.of(name)) for name in names] == [_told(whole.of(name)) for name in names]
    field, at, spec = change
    after = _changed(source, field, at, **spec)
    taken = queueing_view(after, NOW, Index(after, before))
    assert taken == queueing_view(after, NOW)
    settled, anew = Settlements(taken, earlier), Settlement(taken)
    assert [_told(settled.of(name)) for name in names] == [_told(anew.of(name)) for name in names]


def test_lookups_are_taken_over_where_their_objects_are_the_same() -> None:
    source = _source()
    before = Index(source)
    after = Index(_changed(source, "workloads", 0, queue_name="line-2"), before)
    assert after.cluster_queues is before.cluster_queues
    assert after.workloads["team/w-0-3"].spec.queue_name == "line-2"
    assert before.workloads["team/w-0-3"].spec.queue_name == "line-0"
