"""What keeps work from running once its queue lets it: the namespace's quota, its volumes, and the nodes.

Kueue counts quota alone. Whoever is told that work starts has to know of what comes after.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.causes import CAUSES
from allotment.diagnose.chain import OF_PODS
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.standing import standing
from allotment.diagnose.twins import Twins, twins_of
from allotment.model.explanation import Confidence, ContributingCause, Layer
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import Snapshot
from allotment.scheduling.snapshot.placement import FoundPlace, PlacementView, place
from allotment.scheduling.snapshot.queueing import QueueingView

_BEFORE: Final = frozenset({Layer.QUEUE, Layer.QUOTA})
"""Layers that the view has answered for."""


class OnceAdmitted:
    """A source whose queues are as a view has them. Ask in the order in which work gets its quota.

    What finds its nodes keeps them: whoever is asked about after it finds them taken.
    """

    def __init__(self, snapshot: Snapshot, index: Index, view: QueueingView) -> None:
        """Of the index's source in a snapshot; what is made of it is kept apart from what others make."""
        self._snapshot = snapshot
        self._index = Index(index.source)
        self._now = snapshot.taken_at or index.source.observed_at
        self._index.beside[Twins] = Twins(self._index, self._now, view)
        self._kept: dict[Hashable, ContributingCause] = {}

    @property
    def nodes_seen(self) -> bool:
        """Whether it can be told that work finds its nodes."""
        hidden = {gap.what for gap in self._index.source.gaps if gap.reason != "damaged"}
        return bool(self._index.nodes) and not hidden & {"nodes", "pods"}

    @property
    def placement(self) -> PlacementView:
        """The nodes with what runs there; whoever puts a pod on one has taken that room."""
        return twins_of(self._index, self._now).placement

    def obstacle(self, workload: Workload) -> ContributingCause | None:
        """The first cause that keeps a workload from running though it has its quota; None if nothing seen does."""
        alike = self._likeness(workload)
        if alike in self._kept:
            return self._kept[alike]
        case = Case(self._snapshot, self._index.source, reference_of(workload), workload, index=self._index)
        case.supposed = case.brief = True
        if standing(case).settled:
            return None
        for entry in CAUSES:
            passed = entry.layer in _BEFORE or (case.elsewhere and entry.layer in OF_PODS)
            found = None if passed else entry.find(case)
            # What is but likely for work that waits for its quota is what comes first once it has it.
            if found is not None and found.confidence is not Confidence.UNSURE:
                cause = ContributingCause(found.cause, found.summary)
                if entry.layer is Layer.SCHEDULER and not _names(cause, workload):
                    self._kept[alike] = cause
                return cause
        self._take_nodes(case)
        return None

    def _likeness(self, workload: Workload) -> Hashable:
        """Equal for work that the scheduler says the same of, as long as no node is taken."""
        given = twins_of(self._index, self._now).attempt(workload.key).pod_sets
        shape = msgspec.json.encode(workload.spec.pod_sets)
        spec = workload.spec
        return self.placement.state.edition, workload.namespace, spec.queue_name, spec.priority, shape, given

    def _take_nodes(self, case: Case) -> None:
        asked = placing(case)
        for each in asked.pods:
            answer = place(asked.view, each.waiting)
            if isinstance(answer, FoundPlace):
                asked.view.state.add(each.waiting.pod, asked.view.state.nodes.index[answer.node])


def _names(cause: ContributingCause, workload: Workload) -> bool:
    """Whether a sentence is about one piece of work, and so cannot be said of another."""
    owners = (each.name for each in workload.metadata.owner_references)
    return any(each in cause.summary for each in (workload.name, *owners) if each)
