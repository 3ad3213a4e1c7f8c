"""A NodePool of Karpenter that has as much as its limits let it: what is there, and the least that would do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose import by_hand
from allotment.diagnose.case import reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import new_node
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.holding import called_all
from allotment.diagnose.rules.scheduler.karpenter import PoolLimit, PoolView, first_willing, pool_views
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing
from allotment.diagnose.rules.scheduler.rooms import told, written
from allotment.diagnose.rules.scheduler.shaping import raised_priority, reduced
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.names import is_dns_subdomain
from allotment.model.observed.nodes import Node

_MORE_NODES: Final = frozenset(
    {
        Keeper.RESOURCE,
        Keeper.SEVERAL,
        Keeper.POD_LIMIT,
        Keeper.NO_NODE_MATCHES,
        Keeper.TAINT,
        Keeper.TOO_LARGE,
        Keeper.SHAPE,
    }
)
"""What another node is an answer to: such as are there do not matter where a pool makes others."""
_MOST_NODES: Final = 32
"""Nodes that a proposal adds at most."""


def pool_at_limit(it: Placing) -> Finding | None:
    """A pool whose nodes would do, and that may have no more; likely only, where no such node of it has been seen."""
    views = pool_views(it.case)
    full = [each for each in views.pools if each.bar is PoolBar.LIMIT]
    if not full or first_willing(views) is not None or kept(it.case).by not in _MORE_NODES:
        return None
    view = min(full, key=lambda each: each.like is None)
    finding = about_room(
        "autoscaler-at-max",
        CauseVerdict.WAITING,
        f"{'all that would do is in use' if it.able else 'no node that would do is there'}, and {_said(view)}",
        it,
        together(
            waits(it),
            reduced(it, it.device, 25) if it.device and it.able else (),
            raised_priority(it),
            _raised(it, view),
        ),
        _facts(it, view),
        tuple(_evidence(it, view)),
    )
    return finding if view.like is not None else replace(finding, confidence=Confidence.LIKELY)


def _said(view: PoolView) -> str:
    if not view.limits:
        return f"what NodePool {view.name} may still have is less than its smallest machine that would do"
    first = view.limits[0]
    most, used, needed = (told(first.resource, each) for each in (first.most, first.used, first.needed))
    are = "is" if first.used == 1 else "are"
    return f"NodePool {view.name} may have {most}, of which {used} {are} there; with one more node it would be {needed}"


def _facts(it: Placing, view: PoolView) -> dict[str, object]:
    facts: dict[str, object] = {"node_group": view.name}
    if view.limits:
        first = view.limits[0]
        facts |= {"resource": first.resource, "size": first.used, "max_size": first.most, "needed": first.needed}
    return facts | {"holders": called_all(it.case, holders(it.case, it.able, it.device))}


def _evidence(it: Placing, view: PoolView) -> Iterator[Evidence]:
    pool = reference_of(view.pool)
    for each in view.limits:
        limit, used = view.pool.spec.limits[each.resource], view.pool.status.resources.get(each.resource, 0)
        yield Evidence(pool, f"spec.limits[{each.resource}]", limit, "one more node would be above it")
        yield Evidence(pool, f"status.resources[{each.resource}]", used, "what its nodes have")
    word = pool_views(it.case).word
    if word is not None and word.refusals:
        path = "events[FailedScheduling].message"
        yield Evidence(reference_of(word.pod), path, word.event.message, "Karpenter says so")


def _raised(it: Placing, view: PoolView) -> Iterator[Proposal]:
    """The least limits with which all find a place, where a node of the pool shows what one has."""
    if view.like is None:
        yield _raised_unseen(view)
        return
    for more in _numbers(it, view.like):
        limits = view.limits_for(it.requests, more)
        yield Proposal(
            RemedyKind.RAISE_AUTOSCALER_MAX,
            Doer.PLATFORM,
            f"raise the limit of NodePool {view.name}: {_change(limits)}",
            reference_of(view.pool),
            Patch(PatchOp.MERGE, _body(limits)),
            effect=tuple(new_node(view.like, number) for number in range(1, more + 1)),
            cost=more,
        )


def _numbers(it: Placing, like: Node) -> list[int]:
    """Nodes that are needed by what pods ask for; and one for each pod, for rules may keep them apart."""
    assert it.refused is not None  # noqa: S101  asked only then
    left = len(it.pods) - it.refused.placed
    per_node = max(1, min(it.allocatable(like.name, name) // amount for name, amount in it.requests.items()))
    return sorted({min(-(-left // per_node), _MOST_NODES), min(left, _MOST_NODES)})


def _raised_unseen(view: PoolView) -> Proposal:
    """The same where no node of the pool is known: what is asked is the least, a machine may have more."""
    pool = reference_of(view.pool)
    what = f": {_change(view.limits)} at least" if view.limits else " by the size of a machine that would do"
    body = _body(view.limits)
    named = is_dns_subdomain(view.name) and bool(view.limits)
    words = ("kubectl", "patch", f"nodepool.karpenter.sh/{view.name}", "--type=merge", "-p", json.dumps(body))
    return Proposal(
        RemedyKind.RAISE_AUTOSCALER_MAX,
        Doer.PLATFORM,
        f"raise the limit of NodePool {view.name}{what}",
        pool,
        Patch(PatchOp.SIGNAL, body),
        command=by_hand.line(*words) if named else "",
    )


def _change(limits: tuple[PoolLimit, ...]) -> str:
    return ", ".join(f"{told(each.resource, each.most)} → {told(each.resource, each.needed)}" for each in limits)


def _body(limits: tuple[PoolLimit, ...]) -> dict[str, object]:
    return {"spec": {"limits": {each.resource: written(each.resource, each.needed) for each in limits}}}
