"""Karpenter's NodePools and a subject: which could make a node for it, and what keeps each from doing so.

Which machines a pool can have is known to Karpenter's cloud provider alone. What can be found out from the pool's
taints, labels, limits and the nodes that it has made is; the rest is taken from what Karpenter wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from allotment.diagnose.case import Case
from allotment.diagnose.machines import INSTANCE_TYPE, just_joined
from allotment.diagnose.node_groups import could_make_others
from allotment.diagnose.rules.scheduler.karpenter_words import KarpenterWord, PoolBar, last_word
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.diagnose.rules.scheduler.selecting import required_terms
from allotment.diagnose.rules.scheduler.tainted import of_lifecycle
from allotment.model.moments import seconds
from allotment.model.observed.base import Condition, condition, is_true
from allotment.model.observed.namespaced import Event
from allotment.model.observed.nodes import KarpenterNodePool, Node, NodeClaim, NodeTaint
from allotment.scheduling.kinds import first_untolerated
from allotment.scheduling.snapshot.placement_shapes import taints
from allotment.scheduling.snapshot.quantities import units

POOL: Final = "karpenter.sh/nodepool"
_OF_CLUSTERS: Final = "default"
"""Namespace of events about objects without one."""
_NO_MACHINE: Final = "InsufficientCapacityError"
_RECENT: Final = 900.0
"""Seconds for which a refusal of the cloud counts that nothing repeats: Karpenter asks again every few minutes."""
_REGISTERS_WITHIN: Final = 1200.0
"""Seconds after which a node that has not joined, or has and is not finished, is no longer on its way."""
Amounts = dict[str, int]
"""Amounts in the twin's units, by resource."""


@dataclass(frozen=True, slots=True)
class PoolLimit:
    """A limit that leaves no room for more nodes of a pool.

    Attributes:
        used: what its nodes have of the resource.
        most: the limit.
        needed: the least limit that leaves it.
    """

    resource: str
    used: int
    most: int
    needed: int


@dataclass(frozen=True, slots=True)
class PoolView:
    """A NodePool and the first pod of the subject that finds no place.

    Attributes:
        bar: what keeps it from making a node for the pod; None where nothing is known to.
        like: a node that it has made and that could hold the pod if nothing else ran there.
        taints: of its template, that the pod does not tolerate.
        label: the label for which its nodes are not what the pod selects.
        limits: those that leave no room.
        by_word: whether the bar rests on an event of the pod's alone: anybody in its namespace can have written that,
            and it may be minutes old. Such is never sure.
    """

    pool: KarpenterNodePool
    bar: PoolBar | None = None
    like: Node | None = None
    taints: tuple[NodeTaint, ...] = ()
    label: str = ""
    limits: tuple[PoolLimit, ...] = ()
    by_word: bool = False

    @property
    def name(self) -> str:
        """Of the pool."""
        return self.pool.name

    @property
    def could(self) -> bool:
        """Whether its machines may do: nothing but a limit or the cloud keeps it from making one."""
        return self.bar in {None, PoolBar.LIMIT, PoolBar.STOCK}

    def limits_for(self, asked: Amounts, more: int) -> tuple[PoolLimit, ...]:
        """Limits that leave no room for so many further nodes."""
        return tuple(_full(self.pool, asked, [self.like] if self.like is not None else [], more))


@dataclass(frozen=True, slots=True)
class PoolViews:
    """What is known of all NodePools for one subject.

    Attributes:
        word: what Karpenter last said of a pod that it refuses; of any pod, if it refuses none.
        pools: those that are ready and are not being deleted.
        unready: those that are not ready: Karpenter passes them over, whatever else they are.
    """

    word: KarpenterWord | None
    pools: tuple[PoolView, ...]
    unready: tuple[PoolView, ...]


def pool_views(case: Case) -> PoolViews:
    """NodePools against the subject, found once."""
    return case.beside.once(PoolViews, lambda: _views(case))


def first_willing(views: PoolViews) -> PoolView | None:
    """The first pool that nothing is known to keep from making a node; None where a pod was refused by all."""
    refused = views.word is not None and bool(views.word.refusals)
    return None if refused else next((each for each in views.pools if each.bar is None), None)


def could_grow(case: Case) -> bool:
    """Whether some NodePool may make a node on which the subject fits, as far as is told."""
    return any(each.could for each in pool_views(case).pools)


def may_grow(case: Case) -> bool:
    """The same if Karpenter's words at the pod do not hold: then what rests on the nodes that are there is not sure.

    Nor is it where the cluster-autoscaler has groups at zero and has not refused the pods yet.
    """
    return any(each.could or each.by_word for each in pool_views(case).pools) or bool(could_make_others(case))


def may_offer(case: Case, resource: str) -> bool:
    """Whether a node that has just joined may yet offer a device that it does not."""
    return "/" in resource and any(resource not in node.status.capacity for node in just_joined(case.index))


def kept_off(case: Case) -> bool:
    """Whether a taint is all that is known to keep some NodePool from making a node for it."""
    return any(each.bar is PoolBar.TAINT for each in pool_views(case).pools)


def _views(case: Case) -> PoolViews:
    living = [each for each in case.index.objects.karpenter_node_pools if not each.metadata.deletion_timestamp]
    it = placing(case)
    if not living or it.refused is None:
        return PoolViews(None, (), ())
    words = [word for pod in case.waiting_pods if (word := last_word(case, pod)) is not None]
    word = next((each for each in words if each.refusals), next(iter(words), None))
    ready = [each for each in living if not _is_unready(each)]
    views = tuple(_view(it, each, word, ready) for each in ready)
    return PoolViews(word, views, tuple(_view(it, each, word, []) for each in living if _is_unready(each)))


def _is_unready(pool: KarpenterNodePool) -> bool:
    said = condition(pool.status.conditions, "Ready")
    return said is not None and said.status == "False"


def _view(it: Placing, pool: KarpenterNodePool, word: KarpenterWord | None, ready: list[KarpenterNodePool]) -> PoolView:
    case = it.case
    machines = _machines(case, pool)
    able = {node.name for node in it.able} if machines else set[str]()
    own = (node for node in machines if node.metadata.labels.get(POOL) == pool.name)
    like = next((node for node in own if node.name in able), None)
    view = PoolView(pool, like=like)
    said = _said_of(pool, word, ready)
    label = _other_label(it, pool) or _of_no_machine(it, pool)
    if label:
        return replace(view, bar=PoolBar.LABEL, label=label)
    undefined = _undefined(pool, word)
    if undefined or said is PoolBar.LABEL:
        return replace(view, bar=PoolBar.LABEL, label=undefined, by_word=True)
    untolerated = _untolerated(it, pool)
    if untolerated:
        return replace(view, bar=PoolBar.TAINT, taints=untolerated)
    holding = [node for node in machines if it.could_hold(node, it.requests)]
    if machines and not holding and _all_known(case, pool):
        return replace(view, bar=PoolBar.SIZE)
    if said is PoolBar.SIZE and not holding:
        return replace(view, bar=PoolBar.SIZE, by_word=True)
    limits = tuple(_full(pool, it.requests, [like] if like is not None else holding))
    if limits or (said is PoolBar.LIMIT and not holding):
        return replace(view, bar=PoolBar.LIMIT, limits=limits)
    if next(refusals_of_cloud(case, pool), None) is not None:
        return replace(view, bar=PoolBar.STOCK)
    return replace(view, bar=PoolBar.STOCK, by_word=True) if said is PoolBar.STOCK else view


def _said_of(pool: KarpenterNodePool, word: KarpenterWord | None, ready: list[KarpenterNodePool]) -> PoolBar | None:
    """What Karpenter said of a pool: by its name, or because it speaks of one alone."""
    refusals = () if word is None else word.refusals
    named = next((each.bar for each in refusals if each.pool == pool.name), None)
    alone = len(ready) == 1 and len(refusals) == 1 and not refusals[0].pool
    return refusals[0].bar if alone else named


# Taints and labels of nodes to be


def _untolerated(it: Placing, pool: KarpenterNodePool) -> tuple[NodeTaint, ...]:
    assert it.refused is not None  # noqa: S101  asked only then
    tolerations = it.refused.pod.waiting.pod.shape.tolerations
    return tuple(
        each
        for each in pool.spec.template.spec.taints
        if not of_lifecycle(each) and first_untolerated(taints((each,)), tolerations) is not None
    )


def _other_label(it: Placing, pool: KarpenterNodePool) -> str:
    """A label that the pod selects by and that the pool gives another value; empty if it gives none another."""
    assert it.refused is not None  # noqa: S101  asked only then
    spec = it.refused.pod.spec
    for key, value in sorted(spec.node_selector.items()):
        if not _gives(pool, key, (value,)):
            return key
    terms = required_terms(spec)
    unmet = [
        next((e.key for e in term if e.operator == "In" and not _gives(pool, e.key, e.values)), "") for term in terms
    ]
    return unmet[0] if unmet and all(unmet) else ""


def _of_no_machine(it: Placing, pool: KarpenterNodePool) -> str:
    """A label that the pod selects by and that none of a pool's machines has, where all of them are known."""
    assert it.refused is not None  # noqa: S101  asked only then
    if not _all_known(it.case, pool):
        return ""
    machines = _machines(it.case, pool)
    for key, value in sorted(it.refused.pod.spec.node_selector.items()):
        if key != POOL and all(node.metadata.labels.get(key) != value for node in machines):
            return key
    return ""


def _gives(pool: KarpenterNodePool, key: str, values: Iterable[str]) -> bool:
    """Whether nodes of a pool may have one of these values of a label; a label that it does not speak of may be."""
    wanted = set(values)
    given = {POOL: pool.name, **pool.spec.template.metadata.labels}
    if key in given:
        return given[key] in wanted
    return all(_allows(each, wanted) for each in pool.spec.template.spec.requirements if each.get("key") == key)


def _allows(requirement: Mapping[str, Any], wanted: set[str]) -> bool:
    values = {str(each) for each in requirement.get("values") or ()}
    match requirement.get("operator"):
        case "In":
            return bool(values & wanted)
        case "NotIn":
            return bool(wanted - values)
        case "DoesNotExist":
            return False
    return True


def _undefined(pool: KarpenterNodePool, word: KarpenterWord | None) -> str:
    """A label of which Karpenter says that no pool gives it, and which this pool does not give either."""
    for each in () if word is None else word.refusals:
        if each.label and each.label not in given_labels(pool):
            return each.label
    return ""


def given_labels(pool: KarpenterNodePool) -> dict[str, tuple[str, ...]]:
    """Labels that nodes of a pool are said to get, each with the values that it may have; none where any will do."""
    found: dict[str, tuple[str, ...]] = {key: (value,) for key, value in pool.spec.template.metadata.labels.items()}
    for each in pool.spec.template.spec.requirements:
        values = tuple(str(value) for value in each.get("values") or ()) if each.get("operator") == "In" else ()
        found[str(each.get("key", ""))] = values
    return found


# Machines and limits


class _Machines(dict[str, list[Node]]):
    """Nodes by the name of a pool that may have such; found once for a source."""


def _machines(case: Case, pool: KarpenterNodePool) -> list[Node]:
    """Nodes of the instance types that a pool may have, its own among them."""
    kept = case.index.beside.once(_Machines, _Machines)
    if pool.name not in kept:
        types = set(given_labels(pool).get(INSTANCE_TYPE, ()))
        kept[pool.name] = [
            node
            for node in case.index.nodes.values()
            if node.metadata.labels.get(POOL) == pool.name or node.metadata.labels.get(INSTANCE_TYPE) in types
        ]
    return kept[pool.name]


def named(views: Sequence[PoolView]) -> str:
    """Pools in a sentence."""
    return f"NodePool{'' if len(views) == 1 else 's'} {listed(each.name for each in views)}"


def size_of(case: Case, pool: str) -> int:
    """Nodes of a pool that are there."""
    return sum(node.metadata.labels.get(POOL) == pool for node in case.index.nodes.values())


def _all_known(case: Case, pool: KarpenterNodePool) -> bool:
    """Whether a node of each instance type that a pool may have has been seen."""
    types = given_labels(pool).get(INSTANCE_TYPE, ())
    seen = {node.metadata.labels.get(INSTANCE_TYPE) for node in _machines(case, pool)}
    return bool(types) and seen >= set(types)


def _full(pool: KarpenterNodePool, asked: Amounts, machines: list[Node], more: int = 1) -> Iterator[PoolLimit]:
    """Limits without room for so many of the smallest of some machines; for what is asked, where none is known."""
    for resource, limit in pool.spec.limits.items():
        used, most = units(resource, pool.status.resources.get(resource, 0)), units(resource, limit)
        sizes = [units(resource, node.status.capacity.get(resource, 0)) for node in machines]
        needed = used + more * min(sizes, default=asked.get(resource, 0))
        if most < needed > used:
            yield PoolLimit(resource, used, most, needed)


# The cloud


def claims_on_their_way(case: Case) -> list[NodeClaim]:
    """Nodes that Karpenter has asked for and that have not joined: pods of the subject are meant for them.

    Where a pod selects a pool, all that are to come of it count. None where Karpenter refuses another pod of the
    subject: then that keeps the subject.
    """
    if not case.index.objects.node_claims:
        return []
    words = [word for pod in case.waiting_pods if (word := last_word(case, pod)) is not None]
    if any(each.refusals for each in words):
        return []
    meant = {each.claim for each in words}
    refused = placing(case).refused
    wanted = refused.pod.spec.node_selector.get(POOL, "") if refused is not None else ""
    return [
        claim
        for claim in case.index.objects.node_claims
        if (claim.name in meant or (bool(wanted) and claim.metadata.labels.get(POOL) == wanted))
        and is_coming(claim, case.now)
    ]


def is_coming(claim: NodeClaim, now: float) -> bool:
    """Whether a node is asked for and not finished: it has not joined, or has not yet what its pods ask for."""
    done = condition(claim.status.conditions, "Initialized")
    if (done is not None and done.true) or claim.metadata.deletion_timestamp or refused_by_cloud(claim) is not None:
        return False
    joined = condition(claim.status.conditions, "Registered")
    since = claim.metadata.creation_timestamp
    if joined is not None and joined.true:
        since = joined.last_transition_time
    return now - seconds(since, now) < _REGISTERS_WITHIN


def refused_by_cloud(claim: NodeClaim) -> Condition | None:
    """The condition that says why the cloud did not launch a node, if it did not."""
    launched = condition(claim.status.conditions, "Launched")
    if launched is None or launched.true or launched.reason == "AwaitingReconciliation" or not launched.message:
        return None
    return launched


class _CloudRefusals(tuple[Event, ...]):
    """Events of a source by which the cloud refused node claims, latest first."""

    __slots__ = ()


def refusals_of_cloud(case: Case, pool: KarpenterNodePool) -> Iterator[Event]:
    """What the cloud lately said no to for a pool, latest first; nothing if it has said yes since.

    A claim that is refused is deleted at once: events remain.
    """
    kept = case.index.beside.get(_CloudRefusals)
    if not isinstance(kept, _CloudRefusals):
        found = (e for e in case.index.objects.events if e.reason == _NO_MACHINE and _of_a_claim(e))
        kept = case.index.beside[_CloudRefusals] = _CloudRefusals(sorted(found, key=lambda e: e.at, reverse=True))
    own = [claim for claim in case.index.objects.node_claims if claim.metadata.labels.get(POOL) == pool.name]
    launched = [c.metadata.creation_timestamp for c in own if is_true(c.status.conditions, "Launched")]
    # Events of an earlier pool of that name are none of this one's.
    since = max(case.now - _RECENT, *map(seconds, [pool.metadata.creation_timestamp, *launched]))
    for event in kept:
        if event.involved_object.name.rpartition("-")[0] == pool.name and seconds(event.at) > since:
            yield event


def _of_a_claim(event: Event) -> bool:
    """Events of what has no namespace lie where no tenant writes."""
    about = event.involved_object
    return about.kind == "NodeClaim" and not about.namespace and event.metadata.namespace == _OF_CLUSTERS
