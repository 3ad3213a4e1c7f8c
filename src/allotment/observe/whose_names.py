"""Whose is a name that stands in what was observed: everybody's, a team's, or others'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.model import labels
from allotment.model.names import is_reserved
from allotment.model.observed.queueing import ClusterQueue, Cohort
from allotment.model.observed.snapshot import Submission
from allotment.observe.shared_marks import ABOUT_TEAMS, SharedMarks
from allotment.observe.unnaming import REMOVED, Speech

EVERYBODYS: Final = frozenset(
    {
        "nodes",
        "flavors",
        "cohorts",
        "topologies",
        "admission_checks",
        "workload_priority_classes",
        "multi_kueue_clusters",
        "multi_kueue_configs",
        "priority_classes",
        "storage_classes",
        "runtime_classes",
        "resource_slices",
        "device_classes",
        "karpenter_node_pools",
        "node_claims",
    }
)
"""Fields of `Objects` that are no team's and are kept whole."""
PRIORITIES: Final = frozenset({"priority_classes", "workload_priority_classes"})
_OF_TEAMS: Final = frozenset({labels.TEAM, labels.TENANT, labels.DEDICATED})
"""Keys of labels whose values are names of teams."""


@dataclass(frozen=True, slots=True)
class Split:
    """Objects of a kind: the team's own, and those of others."""

    own: tuple[Any, ...]
    others: tuple[Any, ...]


class WhoseNames:
    """The names of one source, as one team is concerned."""

    def __init__(
        self,
        split: Mapping[str, Split],
        team: str,
        spaces: frozenset[str],
        hidden: Mapping[str, str],
        attempts: Sequence[Submission],
    ) -> None:
        """Of objects.

        Args:
            split: by field of `Objects`; what is everybody's counts as own.
            team: whose view it is.
            spaces: its namespaces.
            hidden: queues and cohorts that it may not name, and what stands there instead.
            attempts: what its members tried to create.
        """
        self._split = split
        self._spaces = spaces
        self._hidden = hidden
        self._attempts = attempts
        told = (each.metadata.labels.get(key, "") for each in split["namespaces"].own for key in ABOUT_TEAMS)
        self.theirs = frozenset({*spaces, team, *told})
        self.asked = frozenset(self._asked_words())

    def speech(self, marks: SharedMarks) -> Speech:
        """Whose words are whose; `marks` says which labels of what is everybody's stay."""
        return Speech(
            kept=frozenset(self._kept(marks)),
            own=frozenset(self._own_words()),
            theirs=self.theirs,
            peoples=frozenset(self._peoples()) - self.theirs - {""},
            groups={**dict.fromkeys(self._groups(), REMOVED), **self._hidden},
            names=frozenset(self._foreign_names()),
            written=self.asked,
            uids=frozenset(each.metadata.uid for split in self._split.values() for each in split.own),
        )

    def _asked_words(self) -> Iterator[str]:
        """All that the team's own specs say, and the priorities that it may use."""
        for split in (split for name, split in self._split.items() if name not in {*EVERYBODYS, "cluster_queues"}):
            for each in split.own:
                yield from _strings(msgspec.to_builtins(getattr(each, "spec", None)))
                yield each.metadata.labels.get(labels.KUEUE_PRIORITY, "")
        for attempt in self._attempts:
            yield from _strings(msgspec.to_builtins(getattr(attempt.manifest, "spec", None)))
        for each in self._split["namespaces"].own:
            yield from each.metadata.annotations.get(labels.PRIORITIES_ANNOTATION, "").split(",")

    def _peoples(self) -> Iterator[str]:
        """Names of others' namespaces and teams; those that every cluster has name nobody."""
        spaces = {each.metadata.name for each in self._split["namespaces"].others}
        for name, split in self._split.items():
            for each in (*split.others, *(split.own if name in EVERYBODYS else ())):
                yield from (value for key, value in each.metadata.labels.items() if key in _OF_TEAMS)
                spaces |= {each.metadata.namespace} if name not in EVERYBODYS else set()
        for flavor in self._split["flavors"].own:
            yield from (value for key, value in flavor.spec.node_labels.items() if key in _OF_TEAMS)
        yield from (each for each in spaces - self._spaces if not is_reserved(each))

    def _groups(self) -> Iterator[str]:
        """Names of others' projects, cost centres and LocalQueues, wherever they stand."""
        for name, split in self._split.items():
            for each in (*split.others, *(split.own if name in EVERYBODYS else ())):
                meta = each.metadata
                told = (value for key, value in meta.labels.items() if key in ABOUT_TEAMS)
                yield from (value for value in (*told, meta.namespace) if value and value not in self.theirs)
        yield from (each.metadata.name for each in self._split["local_queues"].others)
        for flavor in self._split["flavors"].own:
            told = (value for key, value in flavor.spec.node_labels.items() if key in ABOUT_TEAMS)
            yield from (value for value in told if value not in self.theirs)

    def _foreign_names(self) -> Iterator[str]:
        """Uids and names of others' objects, and the persons who submitted them."""
        for split in self._split.values():
            for each in split.others:
                meta = each.metadata
                yield from (meta.uid, meta.name, meta.annotations.get(labels.SUBMITTER, ""))

    def _kept(self, marks: SharedMarks) -> Iterator[str]:
        """Words that nobody but the platform gives, so that none of the team can put a guess among them."""
        for name in EVERYBODYS - PRIORITIES - {"cohorts"}:
            yield from (each.metadata.name for each in self._split[name].own)
        for node in self._split["nodes"].own:
            for key in (
                *marks.narrowed(node.metadata).labels,
                *node.status.allocatable,
                *(each.key for each in node.spec.taints),
            ):
                yield from (key, *key.split("/"))
        for flavor in self._split["flavors"].own:
            yield from (value for key, value in flavor.spec.node_labels.items() if key not in ABOUT_TEAMS)
        yield from self._kept_of_queues()
        yield from (each.metadata.name for each in self._split["local_queues"].own)
        yield from (*self.theirs, "")

    def _kept_of_queues(self) -> Iterator[str]:
        for queue in self._split["cluster_queues"].own:
            if queue.name in self._hidden:
                continue
            yield from (queue.name, queue.spec.cohort_name)
            for group in queue.spec.resource_groups:
                yield from (each.name for each in group.flavors)
                yield from (part for key in group.covered_resources for part in (key, *key.split("/")))
        yield from (each.name for each in self._split["cohorts"].own if each.name not in self._hidden)

    def _own_words(self) -> Iterator[str]:
        """Names that the team gave: they stay where no other has the same."""
        for name, split in self._split.items():
            for each in split.own if name != "cluster_queues" else ():
                yield each.metadata.name
        for workload in self._split["workloads"].own:
            yield workload.spec.queue_name
            yield from (each.name for each in workload.spec.pod_sets)
        for node in self._split["nodes"].own:
            yield from (each.value for each in node.spec.taints)
        yield from (word for each in self._attempts for word in (each.user, each.subject.name))


def hidden_cohorts(queues: Sequence[ClusterQueue], cohorts: Sequence[Cohort], ours: frozenset[str]) -> dict[str, str]:
    """Cohorts that no queue of the team is in or under, and what stands there instead of their names.

    Args:
        queues: all, in an order that tells nothing of their names.
        cohorts: those that are objects, in the same sort of order.
        ours: ClusterQueues that the team's LocalQueues lead to.
    """
    above = {each.name: each.spec.parent_name for each in cohorts}
    reached = {""}
    for queue in queues:
        at = queue.spec.cohort_name if queue.name in ours else ""
        while at not in reached:
            reached.add(at)
            at = above.get(at, "")
    named = [each.spec.cohort_name for each in queues]
    named += [name for each in cohorts for name in (each.name, each.spec.parent_name)]
    others = [name for name in dict.fromkeys(named) if name not in reached]
    return {name: f"hidden-cohort-{number}" for number, name in enumerate(others)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
