"""Which series of kube-state-metrics count: by the job that tells them, as nothing in them names an exporter of a node.

Whoever runs a target writes its labels, all but those that the server sets itself: `job` and `instance`, and the
target's `namespace` and `pod` where the exporter's own are renamed, or where it has none, as series of nodes. One
target, or a few of one job, tell of a whole cluster. So where several jobs tell of the same nodes, the one counts that
speaks of the most nodes on which devices are measured; of equals only what all of them say alike. What no target was
scraped for, and what targets in a team's namespace say, does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from allotment.errors import spelled
from allotment.observe.exporters import PUSHED
from allotment.observe.telemetry import OURS, Labels, exporter_renames

_RENAMED: Final = ("namespace", "pod", "container", "node")
"""Labels of kube-state-metrics that a server may set itself."""

_Target = tuple[str, str]
"""Job and instance."""


@dataclass(frozen=True, slots=True, order=True)
class StateJob:
    """A job that tells what kube-state-metrics tells.

    Attributes:
        name: of the job; empty where no series has one.
        namespace: of its targets; empty where that is not known.
    """

    name: str
    namespace: str = ""

    def __str__(self) -> str:
        """As sentences name it."""
        return f"job {spelled(self.name)}" + (f" in namespace {spelled(self.namespace)}" if self.namespace else "")


class StateTargets:
    """The targets of a stretch of time, as the labels of their series show them."""

    def __init__(self) -> None:
        """None yet."""
        self._spaces: dict[_Target, set[str]] = defaultdict(set)
        self._written: dict[_Target, set[str]] = defaultdict(set)
        self._renaming: set[_Target] = set()

    def learn(self, series: Iterable[Labels], *, of_nodes: bool) -> None:
        """Look at the labels of series.

        Args:
            series: labels of each.
            of_nodes: whether they are of nodes, which have no namespace of their own.
        """
        for labels in series:
            if not labels.get("job"):
                continue
            target = _target(labels)
            spaces, renamed = self._spaces[target], exporter_renames(labels)
            if renamed:
                self._renaming.add(target)
            if labels.get("namespace"):
                (spaces if renamed or of_nodes else self._written[target]).add(labels["namespace"])

    def job_of(self, labels: Labels, *, of_nodes: bool) -> StateJob | None:
        """Whose a series is; None where no target was scraped for it, or where it is none of kube-state-metrics'."""
        target = _target(labels)
        if not self._spaces and not target[0]:
            return StateJob("")
        if not all(target) or any(labels.get(each) for each in PUSHED):
            return None
        if not of_nodes and target in self._renaming and f"{OURS}namespace" not in labels:
            return None  # its namespace is the target's, so it is of nothing
        shows = of_nodes or exporter_renames(labels) or target not in self._spaces
        return StateJob(target[0], self._space_of(target, labels.get("namespace", "") if shows else ""))

    def _space_of(self, target: _Target, shown: str) -> str:
        """The namespace of a target; of one that shows none, that of all others of its job.

        A target that writes of one namespace alone may have written none: then it is its own.
        """
        own = self._spaces.get(target, set()) | ({shown} if shown else set())
        if not own and len(self._written.get(target, ())) == 1 and sum(job == target[0] for job, _ in self._spaces) > 1:
            own = self._written[target]
        if own:
            return ",".join(sorted(own))
        others = {tuple(sorted(spaces)) for (job, _), spaces in self._spaces.items() if job == target[0] and spaces}
        return ",".join(others.pop()) if len(others) == 1 else ""


def own_labels(labels: Labels) -> Labels:
    """The labels as kube-state-metrics wrote them, where the server has put others in their place."""
    if not exporter_renames(labels):
        return labels
    return {**labels, **{name: labels[f"{OURS}{name}"] for name in _RENAMED if f"{OURS}{name}" in labels}}


def outdone(told: Mapping[StateJob, AbstractSet[str]], measured: Collection[str]) -> dict[StateJob, StateJob]:
    """The jobs that do not count, each with one that does in its place.

    Args:
        told: the nodes of which each job tells.
        measured: nodes on which exporters measure devices; where no job tells of any, all nodes count.
    """
    reach = _reach(told, measured)
    ahead = sorted(told, key=lambda job: (-len(reach[job]), job))
    found: dict[StateJob, StateJob] = {}
    for job in ahead:
        for other in ahead:
            alike = not reach[job] or not reach[job].isdisjoint(reach[other])
            if len(reach[other]) > len(reach[job]) and alike:
                found[job] = other
                break
    return found


def rivals(
    told: Mapping[StateJob, AbstractSet[str]], measured: Collection[str]
) -> dict[StateJob, tuple[StateJob, ...]]:
    """The jobs that tell of the same nodes as another and of as many, each with those others.

    Args:
        told: as for `outdone`, only jobs that count.
        measured: as for `outdone`.
    """
    reach = _reach(told, measured)
    found = {
        job: tuple(
            other
            for other in sorted(told)
            if other != job and (not reach[job] or not reach[job].isdisjoint(reach[other]))
        )
        for job in sorted(told)
    }
    return {job: others for job, others in found.items() if others}


def _reach(told: Mapping[StateJob, AbstractSet[str]], measured: Collection[str]) -> Mapping[StateJob, AbstractSet[str]]:
    known = frozenset(measured)
    reach = {job: nodes & known for job, nodes in told.items()}
    return reach if any(reach.values()) else told


def _target(labels: Labels) -> _Target:
    return labels.get("job", ""), labels.get("instance", "")
