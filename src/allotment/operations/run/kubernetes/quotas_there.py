"""What the quotas of a cluster refuse for good: more than the queue of a job could ever have there.

Only what Kueue's own objects say is believed, and only where all of them could be read. A quota that is raised later
takes the job then. What its nodes could never hold is not asked here: nodes come and go.
"""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Final

import msgspec

from allotment.diagnose.case import pods_of_work
from allotment.diagnose.emptied import EmptiedFleet
from allotment.errors import InputError
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.manifest import Body
from allotment.model.moments import written
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload, WorkloadPodSet, WorkloadSpec
from allotment.model.observed.snapshot import Source
from allotment.model.observed.work import Work
from allotment.observe.gathering import Gathered
from allotment.operations.ask.cluster_reader import ClusterReader, Reply
from allotment.operations.ask.observing import read_named, served_kinds
from allotment.operations.ask.sparing import BEYOND
from allotment.operations.run.plain_reasons import plain_reason, too_large
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.scheduling.snapshot.queueing import queueing_view
from allotment.scheduling.snapshot.queues import sent_elsewhere

_NEEDED: Final = frozenset(
    {"clusterqueues", "localqueues", "cohorts", "resourceflavors", "topologies", "admissionchecks"}
)
_SETTINGS: Final = "configmaps"
_WHOLE: Final = frozenset({"Job", "JobSet"})
"""Kinds of which Kueue takes all pods at once; of others one pod of each part is asked about."""
_HELD: Final = 10.0
"""Seconds for which what was read is believed: a file of many jobs does not read it for each."""
_NAME: Final = "asked"


class QuotasThere:
    """The queues of a cluster, read when they are asked about."""

    def __init__(self, kube: KubePort, clock: Clock) -> None:
        """Nothing is read yet."""
        self._kube = kube
        self._clock = clock
        self._read: dict[str, tuple[dt.datetime, Source | None]] = {}

    def refusal_for_good(self, main: Body) -> str:
        """Why what runs a job could never be let in, in plain words; empty where it could, or nobody can tell.

        Args:
            main: what would be made in the cluster.
        """
        namespace = str(main["metadata"].get("namespace") or "")
        source = self._source(namespace)
        queue = str((main["metadata"].get("labels") or {}).get(KUEUE_QUEUE, ""))
        if source is None or not queue:
            return ""
        asked = _workload(main, namespace, queue)
        objects = msgspec.structs.replace(source.objects, workloads=(asked,))
        source = msgspec.structs.replace(source, objects=objects)
        index = Index(source)
        if sent_elsewhere(index, namespace, queue):
            return ""
        try:
            view = queueing_view(source, source.observed_at, index)
            said = EmptiedFleet(index, view).refused_by_queues(asked.key)
        except (*BEYOND, InputError):
            return ""  # of objects that nothing can be reckoned from
        return plain_reason(said) if too_large(said) else ""

    def _source(self, namespace: str) -> Source | None:
        """What is needed of the cluster; None where something of it could not be read."""
        now = self._clock.now()
        read = self._read.get(namespace)
        if read is None or not 0 <= (now - read[0]).total_seconds() <= _HELD:
            read = self._read[namespace] = now, self._observed(namespace)
        return read[1]

    def _observed(self, namespace: str) -> Source | None:
        reader = ClusterReader(self._kube, (namespace,))
        for served in served_kinds(self._kube):
            plural, kind, version = served.kind.plural, served.kind, served.version
            if plural == _SETTINGS:
                read_named(reader, served)
            elif plural in _NEEDED:
                place = namespace if kind.namespaced else ""
                fate = reader.attempt(partial(reader.take_all, kind, version, place), plural, place)
                if fate is not Reply.DONE:
                    return None
        if any(not gap.what.startswith(_SETTINGS) for gap in reader.gaps):
            return None
        now = written(int(self._clock.now().timestamp() * 1000))
        return Source(observed_at=now, objects=reader.objects, gaps=reader.gaps)


def _workload(main: Body, namespace: str, queue: str) -> Workload:
    """What Kueue would make of it."""
    gathered = Gathered()
    gathered.take_any([main])
    made = gathered.objects()
    works: tuple[Work, ...] = (*made.jobs, *made.owners, *made.replicas, *made.cron_jobs)
    whole = main["kind"] in _WHOLE
    parts = tuple(
        WorkloadPodSet(name=each.name, count=each.count if whole else min(each.count, 1), template=each.template)
        for work in works
        for each in pods_of_work(work)
    )
    return Workload(
        api_version="kueue.x-k8s.io/v1beta2",
        kind="Workload",
        metadata=ObjectMeta(name=_NAME, namespace=namespace, uid=_NAME),
        spec=WorkloadSpec(queue_name=queue, pod_sets=parts),
    )
