"""A snapshot as the members of one team may see it: what is not theirs is left out, or reduced to its amounts.

What is left for them: all of their namespaces; nodes and devices; what is the platform's and no team's (flavors,
cohorts, priorities, storage classes). Of the rest only what sums and queues need, without names (`anonymous`). Texts
that are theirs to read may still name others, such as who preempted them: those names are taken out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import fields, replace

from allotment.model import labels
from allotment.model.observed.base import LabelRequirement, ObjectMeta, Selector
from allotment.model.observed.namespaced import AdmissionBinding, AdmissionBindingSpec, AdmissionPolicy, MatchResources
from allotment.model.observed.nodes import ResourceClaim
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import ClusterQueue, LocalQueue, PendingOrder, PendingWorkload, Workload
from allotment.model.observed.snapshot import Asker, DeviceUse, Gap, Objects, Snapshot, Source, Submission
from allotment.observe.anonymous import (
    HIDDEN_NAMESPACE,
    hidden_claim,
    hidden_local_queue,
    hidden_pod,
    hidden_queue,
    hidden_workload,
)
from allotment.observe.kinds import KINDS
from allotment.observe.shared_marks import ABOUT_TEAMS, SharedMarks, platform_keys
from allotment.observe.unnaming import REMOVED, Speech, Unnaming

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
_PRIORITIES: Final = frozenset({"priority_classes", "workload_priority_classes"})
_SHOWN: Final = frozenset(kind.kind for kind in KINDS if kind.field in _EVERYBODYS - _PRIORITIES)
"""Kinds of which all may read the names."""
_OF_THE_CLUSTER: Final = "system-"
"""How names of the cluster's own priorities begin."""


def namespaces_of(snapshot: Snapshot, team: str) -> frozenset[str]:
    """The namespaces whose labels say that they are a team's."""
    return frozenset(
        each.name
        for source in snapshot.sources
        for each in source.objects.namespaces
        if team in {each.metadata.labels.get(labels.TENANT), each.metadata.labels.get(labels.TEAM)}
    )


def seen_by(
    snapshot: Snapshot, team: str, namespaces: frozenset[str], signed: Mapping[str, frozenset[str]] | None = None
) -> Snapshot:
    """The snapshot as a team's members may see it.

    Args:
        snapshot: as somebody saw it who may see more.
        team: whose.
        namespaces: the team's.
        signed: of each source those in which our policy keeps the submitter's mark true.
    """
    attempts = tuple(each for each in snapshot.submissions if _is_theirs(each, namespaces))
    words = frozenset(each.user for each in attempts)
    views = [_Viewed(each, team, namespaces, words) for each in snapshot.sources]
    sources = tuple(each.source((signed or {}).get(each.name, frozenset())) for each in views)
    theirs = tuple(_attempt(each, views) for each in attempts)
    return Snapshot(
        taken_at=snapshot.taken_at, asker=Asker(), view=f"{PREFIX}{team}", sources=sources, submissions=theirs
    )


def _is_theirs(attempt: Submission, namespaces: frozenset[str]) -> bool:
    sent = attempt.manifest
    return attempt.subject.namespace in namespaces and (sent is None or sent.namespace in {"", *namespaces})


def _attempt(attempt: Submission, views: Sequence[_Viewed]) -> Submission:
    """What was refused, its refusal without others' names."""
    for view in views:
        attempt = view.unnaming.with_messages_cleaned(attempt)
    return attempt


@dataclass(frozen=True, slots=True)
class _Split:
    """Objects of a kind: the team's own, and those of others."""

    own: tuple[Any, ...]
    others: tuple[Any, ...]


def _uid(each: Any) -> str:
    uid: str = each.metadata.uid
    return uid


class _Viewed:
    """One source, seen by one team."""

    def __init__(self, source: Source, team: str, namespaces: frozenset[str], words: frozenset[str]) -> None:
        self._source = source
        self._words = words
        self.name = source.name
        self._team = team
        self._spaces = namespaces
        self._split = {each.name: self._divided(each.name) for each in fields(Objects)}
        own = {each.spec.cluster_queue for each in self._split["local_queues"].own}
        named = [each.name for each in self._split["cluster_queues"].own]
        named += [each.spec.cluster_queue for each in self._split["local_queues"].others]
        named += sorted(each.cluster_queue for each in source.order)
        hidden = [name for name in dict.fromkeys(named) if name not in own]
        self._queues = {name: f"hidden-queue-{number}" for number, name in enumerate(hidden)}
        self._asked = frozenset(self._asked_words())
        self._marks = SharedMarks(self._theirs(), platform_keys(source.objects), self._asked)
        self.unnaming = Unnaming(self._speech())

    def _asked_words(self) -> Iterator[str]:
        """All that the team's own specs say, and the priorities that it may use."""
        for split in (split for name, split in self._split.items() if name not in {*_EVERYBODYS, "cluster_queues"}):
            for each in split.own:
                yield from _strings(msgspec.to_builtins(getattr(each, "spec", None)))
                yield each.metadata.labels.get(labels.KUEUE_PRIORITY, "")
        for each in self._split["namespaces"].own:
            yield from each.metadata.annotations.get(labels.PRIORITIES_ANNOTATION, "").split(",")

    def _divided(self, field: str) -> _Split:
        found: tuple[Any, ...] = getattr(self._source.objects, field)
        if field in _EVERYBODYS:
            return _Split(found, ())
        # By uid, which is drawn by lot: in a list's order a number would tell the rank of a name among all names.
        if field == "cluster_queues":
            return _Split(tuple(sorted(found, key=_uid)), ())
        own = tuple(each for each in found if self._is_own(field, each))
        return _Split(own, tuple(sorted((each for each in found if not self._is_own(field, each)), key=_uid)))

    def _is_own(self, field: str, each: Any) -> bool:
        if field == "namespaces":
            return each.metadata.name in self._spaces
        if field == "volumes":
            claim = each.spec.claim_ref
            return claim is None or claim.namespace in self._spaces
        if field == "events":
            return each.metadata.namespace in self._spaces and each.involved_object.namespace in {"", *self._spaces}
        return each.metadata.namespace in self._spaces

    def source(self, signed: frozenset[str]) -> Source:
        """What is left of it.

        Args:
            signed: namespaces in which the submitter's mark is kept true.
        """
        unnaming = self.unnaming
        reduced = self._reduced()
        own = {name: split.own for name, split in self._split.items() if name not in _EVERYBODYS}
        of_all = self._everybodys()
        queues = {"cluster_queues": tuple(self._queue(each) for each in own.pop("cluster_queues"))}
        # What they wrote themselves stays as it is; what others wrote into it is a message.
        mine = unnaming.with_messages_cleaned(replace(Objects(), **own))
        shared = unnaming.cleaned(replace(Objects(), **of_all, **queues))
        both = {name: (*getattr(mine, name), *others) for name, others in reduced.items()}
        rest = {name: getattr(shared, name) for name in (*of_all, *queues)}
        objects = replace(mine, **both, **rest, **_signing(signed & self._spaces))
        seen = (each for each in self._source.gaps if each.namespace in {"", *self._spaces})
        gaps = tuple(unnaming.cleaned(self._gap(each)) for each in seen)
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

    def _gap(self, gap: Gap) -> Gap:
        """An object in no namespace that could not be read may be in no list either, by which to know its name."""
        kind, slash, rest = gap.what.partition("/")
        if gap.namespace or not slash or kind in _SHOWN:
            return gap
        name = rest.split(" ", 1)[0].rstrip(",")
        known = any(each.name == name for each in self._split["cluster_queues"].own) and name not in self._queues
        left: Gap = gap if known else replace(gap, what=f"{kind}/{REMOVED}")
        return left

    def _hidden(self) -> Iterator[Gap]:
        for field, split in self._split.items():
            fate = "are counted without their names" if field in _REDUCED else "are left out"
            for what in sorted({_plural(field, each) for each in split.others}):
                yield Gap(what=what, reason="hidden", detail=f"those that team {self._team} may not read {fate}")
        if self._queues:
            detail = f"those that team {self._team} may not read are counted without their names"
            yield Gap(what="clusterqueues", reason="hidden", detail=detail)

    def _everybodys(self) -> dict[str, tuple[Any, ...]]:
        """What is no team's, without labels that say more than scheduling needs."""
        marks = self._marks
        found = {name: split.own for name, split in self._split.items() if name in _EVERYBODYS}
        for name in _PRIORITIES:
            found[name] = tuple(self._priority(each, number) for number, each in enumerate(found[name]))
        return {
            name: tuple(replace(each, metadata=marks.narrowed(each.metadata)) for each in all_)
            for name, all_ in found.items()
        }

    def _priority(self, each: Any, number: int) -> Any:
        """A class that the team does not use has a value alone: its name may tell who does."""
        if each.global_default or each.name in self._asked or each.name.startswith(_OF_THE_CLUSTER):
            return each
        name = f"hidden-priority-{number}"
        return replace(each, metadata=replace(each.metadata, name=name, uid=name))

    def _speech(self) -> Speech:
        return Speech(
            kept=frozenset(self._kept()),
            own=frozenset(self._own_words()),
            groups=dict.fromkeys(self._groups(), REMOVED) | self._queues,
            names=frozenset(self._foreign_names()),
            written=self._asked,
            uids=self._own_uids(),
        )

    def _theirs(self) -> frozenset[str]:
        """Names of the team, its namespaces, and what the platform says of those."""
        spaces = self._split["namespaces"].own
        told = (each.metadata.labels.get(key, "") for each in spaces for key in ABOUT_TEAMS)
        return frozenset({*self._spaces, self._team, *told})

    def _groups(self) -> Iterator[str]:
        """Names of others' namespaces, teams and LocalQueues, wherever they stand."""
        theirs = self._theirs()
        for name, split in self._split.items():
            for each in (*split.others, *(split.own if name in _EVERYBODYS else ())):
                meta = each.metadata
                told = (value for key, value in meta.labels.items() if key in ABOUT_TEAMS)
                yield from (value for value in (*told, meta.namespace) if value and value not in theirs)
        for each in (*self._split["namespaces"].others, *self._split["local_queues"].others):
            yield each.metadata.name
        for flavor in self._split["flavors"].own:
            told = (value for key, value in flavor.spec.node_labels.items() if key in ABOUT_TEAMS)
            yield from (value for value in told if value not in theirs)

    def _foreign_names(self) -> Iterator[str]:
        """Uids and names of others' objects, and the persons who submitted them."""
        for split in self._split.values():
            for each in split.others:
                meta = each.metadata
                yield from (meta.uid, meta.name, meta.annotations.get(labels.SUBMITTER, ""))

    def _kept(self) -> Iterator[str]:
        """Words that nobody but the platform gives, so that none of the team can put a guess among them."""
        for name in _EVERYBODYS - _PRIORITIES:
            yield from (each.metadata.name for each in self._split[name].own)
        for node in self._split["nodes"].own:
            for key in (
                *self._marks.narrowed(node.metadata).labels,
                *node.status.allocatable,
                *(each.key for each in node.spec.taints),
            ):
                yield from (key, *key.split("/"))
        for flavor in self._split["flavors"].own:
            yield from (value for key, value in flavor.spec.node_labels.items() if key not in ABOUT_TEAMS)
        for queue in self._split["cluster_queues"].own:
            for group in queue.spec.resource_groups:
                yield from (part for key in group.covered_resources for part in (key, *key.split("/")))
            if queue.name not in self._queues:
                groups = queue.spec.resource_groups
                yield from (queue.name, *(each.name for group in groups for each in group.flavors))
        yield from (each.metadata.name for each in self._split["local_queues"].own)
        yield from (*self._theirs(), "")

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
        yield from self._words

    def _own_uids(self) -> frozenset[str]:
        return frozenset(each.metadata.uid for split in self._split.values() for each in split.own)


def _signing(namespaces: frozenset[str]) -> dict[str, tuple[Any, ...]]:
    """Our policy that keeps the submitter's mark true, in words of ours, where it holds in any of the namespaces."""
    if not namespaces:
        return {}
    meta = ObjectMeta(name=labels.SUBMITTER_KEPT)
    named = LabelRequirement(key=labels.NAMESPACE_NAME, operator="In", values=tuple(sorted(namespaces)))
    reach = MatchResources(namespace_selector=Selector(match_expressions=(named,)))
    spec = AdmissionBindingSpec(policy_name=labels.SUBMITTER_KEPT, validation_actions=("Deny",), match_resources=reach)
    return {
        "admission_policies": (AdmissionPolicy(metadata=meta),),
        "admission_bindings": (AdmissionBinding(metadata=meta, spec=spec),),
    }


def _queue_key(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.spec.queue_name}"


def _plural(field: str, each: Any) -> str:
    kinds = [kind for kind in KINDS if kind.field == field]
    return next((kind.plural for kind in kinds if kind.kind == getattr(each, "kind", "")), kinds[0].plural)


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
