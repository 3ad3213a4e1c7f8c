"""A snapshot as the members of one team may see it: what is not theirs is left out, or reduced to its amounts.

What is left for them: all of their namespaces; nodes and devices; what is the platform's and no team's (flavors,
cohorts, priorities, storage classes). Of the rest only what sums and queues need, without names (`anonymous`). Texts
that are theirs to read may still name others, such as who preempted them: those names are taken out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import fields, replace

from allotment.model import labels
from allotment.model.observed.base import LabelRequirement, Object, ObjectMeta, Selector
from allotment.model.observed.namespaced import AdmissionBinding, AdmissionBindingSpec, AdmissionPolicy, MatchResources
from allotment.model.observed.nodes import ResourceClaim
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import ClusterQueue, Cohort, LocalQueue, PendingOrder, PendingWorkload, Workload
from allotment.model.observed.snapshot import (
    METRICS,
    NOT_MEASURED,
    Asker,
    DeviceUse,
    Gap,
    Objects,
    Snapshot,
    Source,
    Submission,
)
from allotment.observe.anonymous import (
    HIDDEN_NAMESPACE,
    hidden_claim,
    hidden_local_queue,
    hidden_meta,
    hidden_pod,
    hidden_queue,
    hidden_volume,
    hidden_workload,
    is_hidden,
)
from allotment.observe.kinds import KINDS
from allotment.observe.reaching import ReadableNames, own_names, queue_names, shared_names
from allotment.observe.shared_marks import SharedMarks, names_people, platform_keys
from allotment.observe.standing_in import StandIns
from allotment.observe.unnaming import REMOVED, Unnaming
from allotment.observe.vocabulary import is_known
from allotment.observe.whose_names import EVERYBODYS, PRIORITIES, Split, WhoseNames, hidden_cohorts

PREFIX: Final = "team:"
"""Of a view's name."""
_REDUCED: Final = frozenset({"pods", "workloads", "local_queues", "cluster_queues", "resource_claims"})
"""Fields of which others' objects stay without names."""
_SHOWN: Final = frozenset(kind.kind for kind in KINDS if kind.field in EVERYBODYS - PRIORITIES)
"""Kinds of which all may read the names."""
_OF_METRICS: Final = {
    "failed": NOT_MEASURED,
    "damaged": "some of what its devices' measurements say is left out",
}
"""What is said of a gap in metrics, by its reason."""
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
    views = [_Viewed(each, team, namespaces, attempts) for each in snapshot.sources]
    sources = tuple(each.source((signed or {}).get(each.name, frozenset())) for each in views)
    theirs = tuple(_attempt(each, views) for each in attempts)
    return Snapshot(
        taken_at=snapshot.taken_at, asker=Asker(), view=f"{PREFIX}{team}", sources=sources, submissions=theirs
    )


def _in_metrics(gap: Gap) -> Gap:
    """Such a gap names targets, nodes and pods of everybody."""
    unlike: Gap = replace(gap, detail=_OF_METRICS.get(gap.reason, ""))
    return unlike


def _is_theirs(attempt: Submission, namespaces: frozenset[str]) -> bool:
    sent = attempt.manifest
    return attempt.subject.namespace in namespaces and (sent is None or sent.namespace in {"", *namespaces})


def _attempt(attempt: Submission, views: Sequence[_Viewed]) -> Submission:
    """What was refused, its refusal without others' names."""
    for view in views:
        attempt = view.unnaming.with_messages_cleaned(attempt)
    return attempt


def _uid(each: Any) -> str:
    uid: str = each.metadata.uid
    return uid


class _Viewed:
    """One source, seen by one team."""

    def __init__(self, source: Source, team: str, namespaces: frozenset[str], attempts: Sequence[Submission]) -> None:
        self._source = source
        self.name = source.name
        self._team = team
        self._spaces = namespaces
        self._split = {each.name: self._divided(each.name) for each in fields(Objects)}
        own = frozenset(each.spec.cluster_queue for each in self._split["local_queues"].own)
        named = [each.name for each in self._split["cluster_queues"].own]
        named += [each.spec.cluster_queue for each in self._split["local_queues"].others]
        named += sorted(each.cluster_queue for each in source.order)
        hidden = [name for name in dict.fromkeys(named) if name not in own]
        self._queues = {name: f"hidden-queue-{number}" for number, name in enumerate(hidden)}
        cohorts = sorted(self._split["cohorts"].own, key=_uid)
        self._cohorts = hidden_cohorts(self._split["cluster_queues"].own, cohorts, own)
        self._stand_ins = StandIns()
        names = WhoseNames(self._split, team, namespaces, {**self._queues, **self._cohorts}, attempts)
        self._asked = names.asked
        self._marks = SharedMarks(
            names.theirs, platform_keys(source.objects), self._asked, self._stand_ins, StandIns("value")
        )
        self.unnaming = Unnaming(names.speech(self._marks), self._stand_ins)
        self._name_shared(names.theirs)
        ours = [each for each in self._split["cluster_queues"].own if each.name in own]
        readable = (
            *shared_names(source.objects, self._marks, EVERYBODYS - PRIORITIES),
            *own_names({name: split.own for name, split in self._split.items()}),
            *queue_names(ours),
            *(each for each in (*own, *self._cohorts.values(), *self._kept_cohorts(ours))),
        )
        self._reach = ReadableNames(readable, self._stand_ins, StandIns("name"))

    def _kept_cohorts(self, ours: Sequence[ClusterQueue]) -> Iterator[str]:
        for each in (*(queue.spec.cohort_name for queue in ours), *(one.name for one in self._split["cohorts"].own)):
            if each not in self._cohorts:
                yield each

    def _name_shared(self, theirs: frozenset[str]) -> None:
        """Names of ours for what is everybody's and called like others, before anything refers to it."""
        for field in [*sorted(EVERYBODYS - PRIORITIES), "cluster_queues"]:
            for each in self._split[field].own:
                if each.name not in self._queues and self.unnaming.bears(each.name):
                    self._stand_ins.of(each.name)
        taints = [each for node in self._split["nodes"].own for each in node.spec.taints]
        for taint in taints:
            if names_people(taint.key) and taint.value not in theirs and not is_known(taint.value):
                self._stand_ins.of(taint.value)

    def _divided(self, field: str) -> Split:
        found: tuple[Any, ...] = getattr(self._source.objects, field)
        if field in EVERYBODYS:
            return Split(found, ())
        # By uid, which is drawn by lot: in a list's order a number would tell the rank of a name among all names.
        if field == "cluster_queues":
            return Split(tuple(sorted(found, key=_uid)), ())
        own = tuple(each for each in found if self._is_own(field, each))
        return Split(own, tuple(sorted((each for each in found if not self._is_own(field, each)), key=_uid)))

    def _is_own(self, field: str, each: Any) -> bool:
        if field == "namespaces":
            return each.metadata.name in self._spaces
        if field == "volumes":
            claim = each.spec.claim_ref
            return claim is not None and claim.namespace in self._spaces
        if field == "events":
            return each.metadata.namespace in self._spaces and each.involved_object.namespace in {"", *self._spaces}
        return each.metadata.namespace in self._spaces

    def source(self, signed: frozenset[str]) -> Source:
        """What is left of it.

        Args:
            signed: namespaces in which the submitter's mark is kept true.
        """
        unnaming = self.unnaming
        own = {name: split.own for name, split in self._split.items() if name not in EVERYBODYS}
        of_all = self._everybodys()
        queues = {"cluster_queues": tuple(self._queue(each) for each in own.pop("cluster_queues"))}
        # First what is everybody's: what refers to it takes over the names that it gets here.
        shared = unnaming.cleaned(replace(Objects(), **of_all, **queues))
        reduced = self._reduced()
        # What they wrote themselves stays as it is; what others wrote into it is a message.
        mine = unnaming.with_messages_cleaned(replace(Objects(), **own))
        both = {name: (*getattr(mine, name), *others) for name, others in reduced.items()}
        rest = {name: getattr(shared, name) for name in (*of_all, *queues)}
        for name in ("cluster_queues", "cohorts"):
            rest[name] = tuple(self._reach.narrowed(each) if is_hidden(each.metadata) else each for each in rest[name])
        objects = replace(mine, **both, **rest, **_signing(signed & self._spaces))
        seen = (each for each in self._source.gaps if each.namespace in {"", *self._spaces})
        gaps = tuple(_in_metrics(each) if each.what == METRICS else unnaming.cleaned(self._gap(each)) for each in seen)
        return replace(
            self._source,
            objects=objects,
            gaps=(*gaps, *self._unseen()),
            namespaces=tuple(each for each in self._source.namespaces if each in self._spaces),
            order=tuple(self._order(each) for each in self._source.order),
            device_use=tuple(self._use(each) for each in self._source.device_use),
            slurm=None,  # it names jobs and users of all
            served=tuple(each for each in self._source.served if each.namespace in self._spaces),
            submitted={
                key: each for key, each in self._source.submitted.items() if key.partition("/")[0] in self._spaces
            },
        )

    def _reduced(self) -> dict[str, tuple[Any, ...]]:
        """What stays of others' objects."""
        pods: list[Pod] = [each for each in self._split["pods"].others if not each.ended]
        waiting: list[Workload] = [each for each in self._split["workloads"].others if not each.says("Finished")]
        claims: tuple[ResourceClaim, ...] = self._split["resource_claims"].others
        hidden_pods = {each.key: f"hidden-pod-{number}" for number, each in enumerate(pods)}
        volumes = [each for each in self._split["volumes"].others if each.spec.claim_ref is None]
        locals_: dict[str, LocalQueue] = {each.key: each for each in self._split["local_queues"].others}
        names = {key: f"hidden-queue-{number}" for number, key in enumerate(locals_)}
        found: dict[str, Iterable[Object]] = {
            "pods": (hidden_pod(each, hidden_pods[each.key]) for each in pods),
            "workloads": (
                hidden_workload(each, f"hidden-workload-{number}", self._queues, names.get(_queue_key(each), ""))
                for number, each in enumerate(waiting)
            ),
            "local_queues": (hidden_local_queue(each, names[key], self._queues) for key, each in locals_.items()),
            "resource_claims": (
                hidden_claim(each, f"hidden-claim-{number}", _users_of(each, hidden_pods))
                for number, each in enumerate(claims)
            ),
            "volumes": (hidden_volume(each, f"hidden-volume-{number}") for number, each in enumerate(volumes)),
        }
        return {field: tuple(self._reach.narrowed(each) for each in all_) for field, all_ in found.items()}

    def _queue(self, queue: ClusterQueue) -> ClusterQueue:
        hidden = self._queues.get(queue.name)
        if hidden is not None:
            cohort = self._cohorts.get(queue.spec.cohort_name, queue.spec.cohort_name)
            return hidden_queue(queue, hidden, cohort)
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
        queue = self._queues.get(order.cluster_queue, order.cluster_queue)
        return PendingOrder(cluster_queue=self._stand_ins.known(queue) or queue, items=lines)

    def _use(self, use: DeviceUse) -> DeviceUse:
        own = use.pod.partition("/")[0] in self._spaces
        kept: DeviceUse = replace(use, node=self._stand_ins.known(use.node) or use.node, pod=use.pod if own else "")
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

    def _unseen(self) -> Iterator[Gap]:
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
        found = {name: split.own for name, split in self._split.items() if name in EVERYBODYS}
        found["flavors"] = tuple(
            replace(each, spec=replace(each.spec, node_labels=marks.selecting(each.spec.node_labels)))
            for each in found["flavors"]
        )
        found["cohorts"] = tuple(self._cohort(each) for each in found["cohorts"])
        for name in PRIORITIES:
            found[name] = tuple(self._priority(each, number) for number, each in enumerate(found[name]))
        return {
            name: tuple(replace(each, metadata=self._unknown(marks.narrowed(each.metadata))) for each in all_)
            for name, all_ in found.items()
        }

    def _unknown(self, meta: ObjectMeta) -> ObjectMeta:
        """Metadata of what bears others' names, without all that says which object it is."""
        name = self._stand_ins.known(meta.name)
        if name is None:
            return meta
        return ObjectMeta(
            name=name,
            uid=name,
            creation_timestamp=meta.creation_timestamp,
            labels=meta.labels,
            annotations=meta.annotations,
        )

    def _cohort(self, each: Cohort) -> Cohort:
        """One that the team's queues are not in has its place in the tree, and its quotas."""
        parent = self._cohorts.get(each.spec.parent_name, each.spec.parent_name)
        named: Cohort = replace(each, spec=replace(each.spec, parent_name=parent))
        name = self._cohorts.get(each.name)
        return named if name is None else replace(named, metadata=hidden_meta(name, each.metadata, ""))

    def _priority(self, each: Any, number: int) -> Any:
        """A class that the team does not use has a value alone: its name may tell who does."""
        if each.global_default or each.name in self._asked or each.name.startswith(_OF_THE_CLUSTER):
            return each
        name = f"hidden-priority-{number}"
        return replace(each, metadata=replace(each.metadata, name=name, uid=name))


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


def _users_of(claim: ResourceClaim, names: Mapping[str, str]) -> tuple[str, ...]:
    """The pods that use a claim, by the names that they have in the view."""
    keys = (f"{claim.namespace}/{each.name}" for each in claim.status.reserved_for)
    return tuple(names[key] for key in keys if key in names)


def _queue_key(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.spec.queue_name}"


def _plural(field: str, each: Any) -> str:
    kinds = [kind for kind in KINDS if kind.field == field]
    return next((kind.plural for kind in kinds if kind.kind == getattr(each, "kind", "")), kinds[0].plural)
