"""What kube-state-metrics tells over a time, without what other jobs tell in its words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from allotment.model import labels as marks
from allotment.observe.state_metrics import StateJob, StateTargets, outdone, own_labels, rivals
from allotment.ports.metrics import MeasuredSeries, TimeSteps

Where = tuple[str, tuple[str, ...]]
Ask = Callable[..., tuple[MeasuredSeries, ...]]
"""Asks for a metric by name, over steps, with labels that its series have."""

_Told = Mapping[StateJob, AbstractSet[str]]
"""The nodes of which each job tells."""

_TENANT: Final = "label_" + "".join(c if c.isalnum() else "_" for c in marks.TENANT)
_TEAM: Final = f"label_{marks.TEAM}"
"""As kube-state-metrics calls these labels of a namespace."""
_CAPACITY: Final = "kube_node_status_capacity"
_OFFERED: Final = "kube_node_status_allocatable"
_ASKED: Final = "kube_pod_container_resource_requests"
_PHASE: Final = "kube_pod_status_phase"
_NAMESPACES: Final = "kube_namespace_labels"
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    _CAPACITY: ("node", "resource"),
    _OFFERED: ("node", "resource"),
    "kube_node_status_condition": ("node", "condition", "status"),
    "kube_node_spec_unschedulable": ("node",),
    _ASKED: ("namespace", "pod", "container", "node", "resource"),
    _PHASE: ("namespace", "pod", "phase"),
    "kube_pod_owner": ("namespace", "pod", "owner_kind", "owner_name"),
    _NAMESPACES: ("namespace", _TENANT, _TEAM),
}
"""By metric, the labels that tell its series apart, whoever tells them."""


@dataclass(frozen=True, slots=True)
class _Hearing:
    """Which jobs are heard on nodes, or on pods.

    Attributes:
        jobs: those that are; None where none was told apart: everybody.
        rivals: those of them that count only where others say the same.
    """

    jobs: AbstractSet[StateJob] | None = None
    rivals: Mapping[StateJob, tuple[StateJob, ...]] = field(default_factory=dict)


class StateSeries:
    """Asks, piece by piece; who is not heard in a piece is not heard in later ones either."""

    def __init__(self, ask: Ask, resource: Where) -> None:
        """Nothing is asked yet.

        Args:
            ask: for series; impossible values are left out.
            resource: the label of devices, with the values that are asked for.
        """
        self._ask = ask
        self._resource = resource
        self._steps = TimeSteps(0, 1, 1)
        self._targets = StateTargets()
        self._nodes = _Hearing()
        self._pods = _Hearing()
        self._before: dict[str, set[StateJob]] = {"nodes": set(), "pods": set()}
        self._doubts: dict[str, None] = {}
        self._places: dict[str, set[str]] = {}
        self.capacity: tuple[MeasuredSeries, ...] = ()
        """Devices that nodes have."""
        self.offered: tuple[MeasuredSeries, ...] = ()
        """Devices that nodes offer to pods."""
        self.asked: tuple[MeasuredSeries, ...] = ()
        """Devices that containers ask for."""
        self.contested: dict[str, set[int]] = {}
        """By node, the steps in which rivals do not say the same of it, or of what its pods ask for."""
        self.teams: dict[str, str] = {}
        """The team of each namespace that has one, by its id."""

    def doubts(self) -> tuple[str, ...]:
        """What was left out."""
        return tuple(self._doubts)

    def begin(self, steps: TimeSteps, measured: Collection[str]) -> None:
        """The next piece.

        Args:
            steps: of it.
            measured: nodes on which exporters measure devices.

        Raises:
            TooMuchMeasuredError: it is too long.
        """
        self._steps = steps
        self.contested, self._places = {}, {}
        capacity = self._ask(_CAPACITY, steps, self._resource)
        offered = self._ask(_OFFERED, steps, self._resource)
        asked = self._ask(_ASKED, steps, self._resource)
        spaces = self._ask(_NAMESPACES, whole(steps))
        self._targets = StateTargets()
        for series in (capacity, offered):
            self._targets.learn((each.labels for each in series), of_nodes=True)
        for series in (asked, spaces):
            self._targets.learn((each.labels for each in series), of_nodes=False)
        nodes = self._told((*capacity, *offered), of_nodes=True)
        pods = self._told(asked, of_nodes=False)
        self._hear(nodes, pods, measured)
        self.teams = self._team_ids(spaces)
        theirs = {job for job in (*nodes, *pods) if not self.teams.keys().isdisjoint(job.namespace.split(","))}
        if theirs:
            for job in sorted(theirs):
                self._leave_out(job, "its targets are in a team's namespace")
            for out in self._before.values():
                out.update(theirs)
            self._hear(nodes, pods, measured)
            self.teams = self._team_ids(spaces)
        for labels in (own_labels(each.labels) for each in asked):
            self._places.setdefault(_pod_of(labels), set()).add(labels.get("node", ""))
        self.capacity = self._heard(_CAPACITY, capacity, self._nodes, of_nodes=True)
        self.offered = self._heard(_OFFERED, offered, self._nodes, of_nodes=True)
        self.asked = self._heard(_ASKED, asked, self._pods, of_nodes=False)

    def of_nodes(self, name: str, *where: Where) -> tuple[MeasuredSeries, ...]:
        """Series of nodes by their metric's name, in the steps of the piece."""
        return self._heard(name, self._ask(name, self._steps, *where), self._nodes, of_nodes=True)

    def of_pods(self, name: str, *where: Where, at_all: bool = False) -> tuple[MeasuredSeries, ...]:
        """Series of pods by their metric's name; with `at_all` in one step for the whole piece."""
        steps = whole(self._steps) if at_all else self._steps
        return self._heard(name, self._ask(name, steps, *where), self._pods, of_nodes=False)

    def _told(self, series: Iterable[MeasuredSeries], *, of_nodes: bool) -> dict[StateJob, set[str]]:
        """The nodes that each job speaks of."""
        found: dict[StateJob, set[str]] = {}
        for each in series:
            job = self._targets.job_of(each.labels, of_nodes=of_nodes)
            if job is not None:
                found.setdefault(job, set()).update({own_labels(each.labels).get("node", "")} - {""})
        return found

    def _hear(self, nodes: _Told, pods: _Told, measured: Collection[str]) -> None:
        self._nodes = self._hearing("nodes", nodes, measured)
        # Where no pod asks for a device, whoever is heard on nodes tells whose pods are.
        self._pods = self._hearing("pods", pods, measured) if pods else self._nodes

    def _hearing(self, what: str, told: _Told, measured: Collection[str]) -> _Hearing:
        if not told:
            return _Hearing()
        out = self._before[what]
        left = {job: nodes for job, nodes in told.items() if job not in out}
        for job, other in outdone(left, measured).items():
            out.add(job)
            self._leave_out(job, f"{other} tells of more of the nodes")
        several = rivals({job: nodes for job, nodes in left.items() if job not in out}, measured)
        if several:
            self._doubt(
                f"{' and '.join(map(str, several))} tell of the same nodes what kube-state-metrics tells: of {what} "
                f"only what all of them say alike counts, so scrape one alone"
            )
        return _Hearing(frozenset(left) - out, several)

    def _heard(
        self, name: str, series: Sequence[MeasuredSeries], hearing: _Hearing, *, of_nodes: bool
    ) -> tuple[MeasuredSeries, ...]:
        kept: list[tuple[StateJob, MeasuredSeries]] = []
        for each in series:
            job = self._targets.job_of(each.labels, of_nodes=of_nodes)
            if job is None:
                self._doubt("left out: series named as kube-state-metrics' that no target of it was scraped for")
            elif hearing.jobs is None or job in hearing.jobs:
                own = own_labels(each.labels)
                kept.append((job, each if own is each.labels else replace(each, labels=own)))
        if not hearing.rivals:
            return tuple(each for _, each in kept)
        found, disputed = agreed(kept, hearing.rivals, _OWN[name])
        for labels, steps_of in disputed:
            for node in self._nodes_of(name, labels):
                self.contested.setdefault(node, set()).update(steps_of)
        return found

    def _nodes_of(self, name: str, labels: Mapping[str, str]) -> Collection[str]:
        """The nodes whose devices a series bears on."""
        if "node" in _OWN[name]:
            return (labels.get("node", ""),)
        return self._places.get(_pod_of(labels), ()) if name == _PHASE else ()

    def _team_ids(self, spaces: Sequence[MeasuredSeries]) -> dict[str, str]:
        """Of namespaces those are heard that are heard on nodes or on pods."""
        known = [each.jobs for each in (self._nodes, self._pods) if each.jobs is not None]
        jobs = frozenset[StateJob]().union(*known) if known else None
        hearing = _Hearing(jobs, {**self._pods.rivals, **self._nodes.rivals})
        heard = self._heard(_NAMESPACES, spaces, hearing, of_nodes=False)
        found = {
            each.labels.get("namespace", ""): each.labels.get(_TENANT) or each.labels.get(_TEAM) or "" for each in heard
        }
        return {namespace: team for namespace, team in found.items() if namespace and team}

    def _leave_out(self, job: StateJob, why: str) -> None:
        self._doubt(f"left out: what {job} tells as kube-state-metrics does: {why}")

    def _doubt(self, sentence: str) -> None:
        self._doubts[sentence] = None


def _pod_of(labels: Mapping[str, str]) -> str:
    return f"{labels.get('namespace', '')}/{labels.get('pod', '')}"


def whole(steps: TimeSteps) -> TimeSteps:
    """The same stretch as one step."""
    return TimeSteps(steps.since, steps.seconds * steps.count, 1)


def agreed(
    told: Sequence[tuple[StateJob, MeasuredSeries]],
    others: Mapping[StateJob, tuple[StateJob, ...]],
    names: tuple[str, ...],
) -> tuple[tuple[MeasuredSeries, ...], list[tuple[Mapping[str, str], tuple[int, ...]]]]:
    """The series without the steps in which a rival of their job does not say the same; and those, by their labels.

    Args:
        told: series, each with the job that tells it.
        others: the rivals of a job.
        names: labels that tell one series from another.
    """
    said: dict[tuple[StateJob, tuple[str, ...]], dict[int, int]] = {}
    keys = [tuple(each.labels.get(name, "") for name in names) for _, each in told]
    for (job, each), key in zip(told, keys, strict=True):
        row = said.setdefault((job, key), {})
        for step, value in zip(each.steps, each.values, strict=True):
            row[step] = max(round(value), row.get(step, 0))
    found, disputed = [], []
    for (job, each), key in zip(told, keys, strict=True):
        mine, theirs = said[job, key], [said.get((other, key), {}) for other in others.get(job, ())]
        kept = {step for step in each.steps if all(row.get(step) == mine[step] for row in theirs)}
        if len(kept) < len(each.steps):
            disputed.append((each.labels, tuple(step for step in each.steps if step not in kept)))
        pairs = [(step, value) for step, value in zip(each.steps, each.values, strict=True) if step in kept]
        if pairs:
            found.append(MeasuredSeries(each.labels, *map(tuple, zip(*pairs, strict=True))))
    return tuple(found), disputed
