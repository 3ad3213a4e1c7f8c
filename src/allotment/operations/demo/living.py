"""A cluster that is made up lives: what it shows is read, what comes next is decided, and done.

What its controllers decide rests on its objects alone, so whatever anybody changes there (a quota, a job that is ended,
one that comes) changes what they do next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.errors import AllotmentError
from allotment.model.manifest import Body
from allotment.model.moments import written
from allotment.model.observed.base import Part
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import KINDS, ObservedKind
from allotment.observe.pending import PART, VISIBILITY
from allotment.observe.reading import read_object
from allotment.ports.demo import MadeUpCluster
from allotment.ports.kube import Deletion, KubePort, ObjectPart
from allotment.scheduling.snapshot.queueing import queueing_view
from allotment.simulation.demo.fates import DemoPace
from allotment.simulation.demo.faults import break_and_mend
from allotment.simulation.demo.queueing import give_quota, keep_books, lines_of
from allotment.simulation.demo.running import attend_jobs, place_pods, run_pods
from allotment.simulation.demo.sight import ClusterSight
from allotment.simulation.demo.writes import MakeObject, PatchObject, Write

_READ: Final = frozenset(
    {"nodes", "pods", "jobs", "workloads", "cluster_queues", "local_queues", "cohorts", "flavors", "namespaces"}
    | {"priority_classes", "workload_priority_classes", "limit_ranges", "topologies", "admission_checks"}
)
"""Fields of `Objects` that what is decided rests on; access, policies and network are of no weight."""
_MOST_ROUNDS: Final = 6
"""Of one step: what comes of a change, such as pods of a job that was let in, is looked at once more at once."""
_WITH_ALL: Final = Deletion(foreground=True)
Decide = Callable[[ClusterSight], Iterator[Write]]


class WaitingLines(Mapping[ObjectPart, Body]):
    """What Kueue's visibility API tells: who waits in which queue, as it was looked at last."""

    def __init__(self) -> None:
        """Nobody waits."""
        self.lines: Mapping[str, list[dict[str, Any]]] = {}

    def __getitem__(self, part: ObjectPart) -> Body:
        """The line of a queue.

        Raises:
            KeyError: there is none, or it is asked for otherwise.
        """
        if part.api_version != VISIBILITY[0] or part.resource != "clusterqueues" or part.part != PART:
            raise KeyError(part)
        return {"items": self.lines[part.name]}

    def __iter__(self) -> Iterator[ObjectPart]:
        """Nobody lists them."""
        return iter(())

    def __len__(self) -> int:
        """Nobody counts them."""
        return 0


@dataclass(slots=True)
class LivingCluster:
    """See the module; for one thread.

    Attributes:
        name: of the cluster.
        kube: its API server.
        pace: how fast it lives.
        lines: told who waits there.
    """

    name: str
    kube: MadeUpCluster
    pace: DemoPace
    lines: WaitingLines
    _known: dict[tuple[str, str], tuple[str, Part | None]] = field(default_factory=dict)
    _settled: object = None

    def step(self, now: int) -> int:
        """Do what is due; how much was done.

        Args:
            now: milliseconds since the epoch.
        """
        done = self._do(break_and_mend(self.name, self._sight(now)))
        for _ in range(_MOST_ROUNDS):
            news = self._round(now)
            done += news
            if not news:
                break
        return done

    def _round(self, now: int) -> int:
        sight = self._sight(now)
        news = self._do(run_pods(sight)) + self._do(attend_jobs(sight)) + self._do(keep_books(sight))
        news += self._do(place_pods(sight))
        # Kueue looks again where anything of its own has changed since: the same moment has the same answer.
        asked = self._of_queues(sight)
        if asked != self._settled:
            view = queueing_view(sight.index.source, sight.time, sight.index)
            self.lines.lines = lines_of(view)
            news += self._do(give_quota(sight, view))
            self._settled = asked
        return news

    @staticmethod
    def _of_queues(sight: ClusterSight) -> object:
        """All that Kueue decides on; of what has not changed the very same values, so that comparing is quick."""
        every = sight.index.objects
        return every.workloads, every.cluster_queues, every.local_queues, every.cohorts, every.flavors

    def _sight(self, now: int) -> ClusterSight:
        gathered, raw = Gathered(), dict[str, Body]()
        known: dict[tuple[str, str], tuple[str, Part | None]] = {}
        for kind in KINDS:
            if kind.field not in _READ:
                continue
            parts = []
            for body in self.kube.held(kind.kind):
                metadata = body["metadata"]
                key = kind.kind, metadata["uid"]
                known[key] = self._read(kind, body, metadata["resourceVersion"], self._known.get(key))
                if (part := known[key][1]) is not None:
                    parts.append(part)
                if kind.kind == "Job":
                    raw[metadata["uid"]] = body
            gathered.hold(kind.field, parts)
        self._known = known
        source = Source(name=self.name, observed_at=written(now), server="demo", objects=gathered.objects())
        return ClusterSight(now, Index(source), raw, self.pace)

    @staticmethod
    def _read(
        kind: ObservedKind, body: Body, version: str, known: tuple[str, Part | None] | None
    ) -> tuple[str, Part | None]:
        """What was read of the same version is not read again."""
        return known if known is not None and known[0] == version else (version, read_object(kind, body).value)

    def _do(self, writes: Iterator[Write]) -> int:
        return sum(done(self.kube, each) for each in writes)


def done(kube: KubePort, write: Write) -> bool:
    """Carry out a change; False where somebody else was there before, so that the next look decides anew."""
    try:
        if isinstance(write, MakeObject):
            kube.create(write.body)
        elif isinstance(write, PatchObject):
            kube.merge_patch(write.api_version, write.key, write.patch, subresource=write.part, manager="demo")
        else:
            return kube.delete(write.api_version, write.key, uid=write.uid, how=_WITH_ALL)
    except AllotmentError:
        return False
    return True
