"""Whose a pod or a workload is: team, person, what was submitted, queue, project; empty where nothing says it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from allotment.accounting.ledger import Belonging
from allotment.model import labels
from allotment.model.observed.base import Object, Selector
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Owner, Replicas
from allotment.scheduling.snapshot.beyond_admission import WorkloadsOfPods
from allotment.scheduling.snapshot.standing import selects

QUEUE: Final = "kueue.x-k8s.io/queue-name"
_USER: Final = re.compile(r"[\w.@:+/=,-]{1,253}")
_SERVICES: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "RayService", "LeaderWorkerSet", "DaemonSet"})
_NOTEBOOKS: Final = frozenset({"Notebook"})


class OwnerLookup:
    """Whose things of one source are.

    Nothing is guessed: a person is who the submitter's mark names, and only where our admission policy is seen to be
    in force; elsewhere anybody may write anybody's name there.
    """

    def __init__(self, index: Index, teams: Mapping[str, str] | None = None) -> None:
        """Of a source.

        Args:
            index: its objects.
            teams: names of teams by id, from a platform directory.
        """
        self.index = index
        self._teams = dict(teams or {})

    @cached_property
    def _workloads(self) -> WorkloadsOfPods:
        return WorkloadsOfPods(self.index)

    def workload_of(self, pod: Pod) -> Workload | None:
        """The workload that a pod is counted in, if there is one; none of what holds more than was admitted."""
        return self._workloads.of(pod)

    def of_pod(self, pod: Pod) -> Belonging:
        """Whose a pod is."""
        chain: list[Object] = [pod, *self.index.chain(pod.metadata)]
        workload = self.workload_of(pod)
        marked = [*chain, *([workload] if workload is not None else [])]
        return self._of(pod.namespace, marked, chain[-1], workload)

    def of_workload(self, workload: Workload) -> Belonging:
        """Whose a workload is."""
        reference = next((each for each in self.index.owners_of(workload.metadata) if each.controller), None)
        owner = self.index.owner(reference, workload.metadata)
        chain = [owner, *self.index.chain(owner.metadata)] if owner is not None else []
        named = f"{reference.kind}/{reference.name}" if reference is not None else ""
        return self._of(workload.namespace, [*chain, workload], chain[-1] if chain else named, workload)

    @cached_property
    def _signing(self) -> tuple[Selector | None, ...]:
        """Namespaces in which the submitter's mark is kept true, a selector for each binding in force."""
        found = self.index.objects
        if all(each.name != labels.SUBMITTER_KEPT for each in found.admission_policies):
            return ()
        return tuple(
            None if each.spec.match_resources is None else each.spec.match_resources.namespace_selector
            for each in found.admission_bindings
            if each.spec.policy_name == labels.SUBMITTER_KEPT and "Deny" in each.spec.validation_actions
        )

    def signed(self, namespace: str) -> bool:
        """Whether the submitter's mark is kept true in a namespace."""
        found = self.index.namespaces.get(namespace)
        marks = {} if found is None else {labels.NAMESPACE_NAME: namespace, **found.metadata.labels}
        return any(each is None or selects(each, marks) for each in self._signing)

    def _person(self, namespace: str, marked: Iterable[Object]) -> str:
        if not self.signed(namespace):
            return ""
        names = (each.metadata.annotations.get(labels.SUBMITTER, "") for each in marked)
        return _first(name for name in names if _USER.fullmatch(name))

    def team_of(self, namespace: str) -> str:
        """The team that a namespace is of, or empty."""
        found = self.index.namespaces.get(namespace)
        if found is None:
            return ""
        marks = found.metadata.labels
        team = marks.get(labels.TENANT) or marks.get(labels.TEAM) or ""
        return self._teams.get(team, team)

    def _of(self, namespace: str, marked: Iterable[Object], top: Object | str, workload: Workload | None) -> Belonging:
        marked = list(marked)
        return Belonging(
            team=self.team_of(namespace),
            namespace=namespace,
            person=self._person(namespace, reversed(marked)),
            top=top if isinstance(top, str) else f"{kind_of(top)}/{top.name}",
            queue=self._queue(workload),
            project=_first(each.metadata.labels.get(labels.PROJECT, "") for each in marked),
            local_queue=workload.spec.queue_name if workload is not None else "",
        )

    def _queue(self, workload: Workload | None) -> str:
        if workload is None:
            return ""
        if workload.status.admission is not None and workload.status.admission.cluster_queue:
            return workload.status.admission.cluster_queue
        local = self.index.local_queues.get(f"{workload.namespace}/{workload.spec.queue_name}")
        return local.spec.cluster_queue if local is not None else ""


def kind_of_work(index: Index, pod: Pod) -> str:
    """``notebook``, ``service`` or ``job``: what idle means differs."""
    chain = index.chain(pod.metadata)
    kinds = {kind_of(each) for each in chain}
    notebook = any(each.metadata.labels.get("notebook-name") for each in (pod, *chain))
    if kinds & _NOTEBOOKS or notebook:
        return "notebook"
    lasting = any(isinstance(each, Replicas | Owner) and kind_of(each) in _SERVICES for each in chain)
    return "service" if lasting or "DaemonSet" in kinds else "job"


def _first(texts: Iterable[str]) -> str:
    return next((each for each in texts if each), "")
