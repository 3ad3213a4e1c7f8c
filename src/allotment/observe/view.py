"""A snapshot as the members of one team may see it: what is not theirs is left out, or reduced to its amounts.

What is left for them: all of their namespaces; nodes and devices; what is the platform's and no team's (flavors,
cohorts, priorities, storage classes). Of the rest only what sums and queues need, without names (`anonymous`). Texts
that are theirs to read may still name others, such as who preempted them: those names are taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import fields, replace

from allotment.model import labels
from allotment.model.observed.base import LabelRequirement, Selector
from allotment.model.observed.nodes import ResourceClaim
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import ClusterQueue, LocalQueue, PendingOrder, PendingWorkload, Workload
from allotment.model.observed.snapshot import Asker, DeviceUse, Gap, Objects, Snapshot, Source
from allotment.observe.anonymous import (
    HIDDEN_NAMESPACE,
    hidden_claim,
    hidden_local_queue,
    hidden_pod,
    hidden_queue,
    hidden_workload,
)
from allotment.observe.kinds import KINDS
from allotment.observe.unnaming import REMOVED, Unnaming, is_telling

PREFIX: Final = "team:"
"""Of a view's name."""
_EVERYBODYS: Final = frozenset(
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
_REDUCED: Final = frozenset({"pods", "workloads", "local_queues", "cluster_queues", "resource_claims"})
"""Fields of which others' objects stay without names."""
_NAMED_BY_PEOPLE: Final = frozenset(
    {
        "pods",
        "jobs",
        "cron_jobs",
        "replicas",
        "daemon_sets",
        "owners",
        "workloads",
        "local_queues",
        "volume_claims",
        "resource_claims",
        "resource_claim_templates",
        "pod_groups",
        "service_accounts",
    }
)
"""Fields whose objects teams make, and call what they like."""
_ABOUT_TEAMS: Final = frozenset({labels.TEAM, labels.TENANT, labels.DEDICATED, labels.PROJECT, labels.COST_CENTER})
"""Keys of labels and taints whose values name a team."""


def namespaces_of(snapshot: Snapshot, team: str) -> frozenset[str]:
    """The namespaces whose labels say that they are a team's."""
    return frozenset(
        each.name
        for source in snapshot.sources
        for each in source.objects.namespaces
        if team in {each.metadata.labels.get(labels.TENANT), each.metadata.labels.get(labels.TEAM)}
    )


def seen_by(snapshot: Snapshot, team: str, namespaces: frozenset[str]) -> Snapshot:
    """The snapshot as a team's members may see it.

    Args:
        snapshot: as somebody saw it who may see more.
        team: whose.
        namespaces: the team's.
    """
    sources = tuple(_Viewed(source, team, namespaces).source() for source in snapshot.sources)
    theirs = tuple(each for each in snapshot.submissions if each.subject.namespace in namespaces)
    return Snapshot(
        taken_at=snapshot.taken_at, asker=Asker(), view=f"{PREFIX}{team}", sources=sources, submissions=theirs
    )


@dataclass(frozen=True, slots=True)
class _Split:
    """Objects of a kind: the team's own, and those of others."""

    own: tuple[Any, ...]
    others: tuple[Any, ...]


class _Viewed:
    """One source, seen by one team."""

    def __init__(self, source: Source, team: str, namespaces: frozenset[str]) -> None:
        self._source = source
        self._team = team
        self._spaces = namespaces
        self._split = {each.name: self._divided(each.name) for each in fields(Objects)}
        own = {each.spec.cluster_queue for each in self._split["local_queues"].own}
        self._queues = {
            each.name: f"hidden-queue-{number}"
            for number, each in enumerate(source.objects.cluster_queues)
            if each.name not in own
        }
        named = {each.spec.cluster_queue for each in source.objects.local_queues}
        named |= {each.cluster_queue for each in source.order}
        for queue in sorted(named - own - self._queues.keys()):
            self._queues[queue] = f"hidden-queue-{len(self._queues)}"

    def _divided(self, field: str) -> _Split:
        found: tuple[Any, ...] = getattr(self._source.objects, field)
        if field in _EVERYBODYS or field == "cluster_queues":
            return _Split(found, ())
        own = tuple(each for each in found if self._is_own(field, each))
        return _Split(own, tuple(each for each in found if not self._is_own(field, each)))

    def _is_own(self, field: str, each: Any) -> bool:
        if field == "namespaces":
            return each.metadata.name in self._spaces
        if field == "volumes":
            claim = each.spec.claim_ref
            return claim is None or claim.namespace in self._spaces
        if field == "events":
            return each.metadata.namespace in self._spaces and each.involved_object.namespace in {"", *self._spaces}
        return each.metadata.namespace in self._spaces

    def source(self) -> Source:
        """What is left of it."""
        unnaming = Unnaming(self._words(), self._own_uids())
        reduced = self._reduced()
        own = {name: split.own for name, split in self._split.items() if name not in _EVERYBODYS}
        of_all = {name: split.own for name, split in self._split.items() if name in _EVERYBODYS}
        queues = {"cluster_queues": tuple(self._queue(each) for each in own.pop("cluster_queues"))}
        # What they wrote themselves stays as it is; what others wrote into it is a message.
        mine = unnaming.with_messages_cleaned(replace(Objects(), **own))
        shared = unnaming.cleaned(replace(Objects(), **of_all, **queues))
        both = {name: (*getattr(mine, name), *others) for name, others in reduced.items()}
        rest = {name: getattr(shared, name) for name in (*of_all, *queues)}
        objects = replace(mine, **both, **rest)
        gaps = tuple(unnaming.cleaned(each) for each in self._source.gaps if each.namespace in {"", *self._spaces})
        return replace(
            self._source,
            objects=objects,
            gaps=(*gaps, *self._hidden()),
            namespaces=tuple(each for each in self._source.namespaces if each in self._spaces),
            order=tuple(self._order(each) for each in self._source.order),
            device_use=tuple(self._use(each) for each in self._source.device_use),
        )

    def _reduced(self) -> dict[str, tuple[Any, ...]]:
        """What stays of others' objects."""
        pods: list[Pod] = [each for each in self._split["pods"].others if not each.ended]
        waiting: list[Workload] = [each for each in self._split["workloads"].others if not each.says("Finished")]
        claims: tuple[ResourceClaim, ...] = self._split["resource_claims"].others
        locals_: dict[str, LocalQueue] = {each.key: each for each in self._split["local_queues"].others}
        names = {key: f"hidden-queue-{number}" for number, key in enumerate(locals_)}
        return {
            "pods": tuple(hidden_pod(each, f"hidden-pod-{number}") for number, each in enumerate(pods)),
            "workloads": tuple(
                hidden_workload(each, f"hidden-workload-{number}", self._queues, names.get(_queue_key(each), ""))
                for number, each in enumerate(waiting)
            ),
            "local_queues": tuple(hidden_local_queue(each, names[key], self._queues) for key, each in locals_.items()),
            "resource_claims": tuple(
                hidden_claim(each, f"hidden-claim-{number}") for number, each in enumerate(claims)
            ),
        }

    def _queue(self, queue: ClusterQueue) -> ClusterQueue:
        hidden = self._queues.get(queue.name)
        if hidden is not None:
            return hidden_queue(queue, hidden)
        selector = queue.spec.namespace_selector
        if selector is None:
            return queue
        narrowed: ClusterQueue = replace(queue, spec=replace(queue.spec, namespace_selector=self._narrowed(selector)))
        return narrowed

    def _narrowed(self, selector: Selector) -> Selector:
        """Without the values of a list that are no label of the team's own namespaces: they name others."""
        spaces = self._split["namespaces"].own
        mine = {value for each in spaces for value in each.metadata.labels.values()}
        expressions = tuple(
            LabelRequirement(
                key=each.key, operator=each.operator, values=tuple(value for value in each.values if value in mine)
            )
            for each in selector.match_expressions
        )
        return Selector(match_labels=selector.match_labels, match_expressions=expressions)

    def _order(self, order: PendingOrder) -> PendingOrder:
        lines = tuple(
            line
            if line.namespace in self._spaces
            else PendingWorkload(
                namespace=HIDDEN_NAMESPACE,
                position_in_cluster_queue=line.position_in_cluster_queue,
                position_in_local_queue=line.position_in_local_queue,
                priority=line.priority,
            )
            for line in order.items
        )
        return PendingOrder(cluster_queue=self._queues.get(order.cluster_queue, order.cluster_queue), items=lines)

    def _use(self, use: DeviceUse) -> DeviceUse:
        own = use.pod.partition("/")[0] in self._spaces
        kept: DeviceUse = use if own else replace(use, pod="")
        return kept

    def _hidden(self) -> Iterator[Gap]:
        for field, split in self._split.items():
            fate = "are counted without their names" if field in _REDUCED else "are left out"
            for what in sorted({_plural(field, each) for each in split.others}):
                yield Gap(what=what, reason="hidden", detail=f"those that team {self._team} may not read {fate}")
        if self._queues:
            detail = f"those that team {self._team} may not read are counted without their names"
            yield Gap(what="clusterqueues", reason="hidden", detail=detail)

    def _words(self) -> Mapping[str, str]:
        """What must not stay in any text, and what stands there instead.

        A name that is an ordinary word is no one's, and may mean another thing where it stands.
        """
        own = set(self._own_words())
        words = {each: REMOVED for each in self._foreign() if each not in own}
        words |= {each: REMOVED for each in self._foreign_names() if each not in own and is_telling(each)}
        return words | {old: new for old, new in self._queues.items() if old not in own and is_telling(old)}

    def _foreign(self) -> Iterator[str]:
        """Uids of what is not theirs, and names of namespaces and teams."""
        for split in self._split.values():
            for each in split.others:
                meta = each.metadata
                yield from (meta.uid, meta.namespace)
                yield from (value for key, value in meta.labels.items() if key in _ABOUT_TEAMS)
        yield from (each.metadata.name for each in self._split["namespaces"].others)

    def _foreign_names(self) -> Iterator[str]:
        for field in _NAMED_BY_PEOPLE:
            yield from (each.metadata.name for each in self._split[field].others)

    def _own_words(self) -> Iterator[str]:
        """Words that stay whatever others call theirs."""
        for name, split in self._split.items():
            for each in split.own if name != "cluster_queues" else ():
                meta = each.metadata
                yield meta.name
                about = _ABOUT_TEAMS if name in _EVERYBODYS else frozenset[str]()
                yield from (value for key, value in meta.labels.items() if key not in about)
        for node in self._split["nodes"].own:
            for key in (*node.metadata.labels, *node.status.allocatable):
                yield from (key, *key.split("/"))
        for queue in self._split["cluster_queues"].own:
            for group in queue.spec.resource_groups:
                yield from (part for key in group.covered_resources for part in key.split("/"))
        yield from (*self._spaces, self._team, "default", "")

    def _own_uids(self) -> frozenset[str]:
        return frozenset(each.metadata.uid for split in self._split.values() for each in split.own)


def _queue_key(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.spec.queue_name}"


def _plural(field: str, each: Any) -> str:
    kinds = [kind for kind in KINDS if kind.field == field]
    return next((kind.plural for kind in kinds if kind.kind == getattr(each, "kind", "")), kinds[0].plural)
