"""Karpenter has NodePools, and none makes nodes on which the pod may run: of their labels, or of their size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import PoolView, PoolViews, given_labels, named, pool_views
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed, told
from allotment.diagnose.rules.scheduler.selecting import meant_another, selector_fixes, unmatched
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.spelling import nearest

_KNOWN: Final = frozenset(
    {
        "nvidia.com/gpu",
        "amd.com/gpu",
        "gpu.intel.com/i915",
        "gpu.intel.com/xe",
        "aws.amazon.com/neuron",
        "aws.amazon.com/neuroncore",
        "habana.ai/gaudi",
        "google.com/tpu",
    }
)
"""Devices by the names of their makers' device plugins: no NodePool having any says nothing against the name."""
_UNFIT: Final = frozenset({PoolBar.LABEL, PoolBar.SIZE})


def no_pool_matches(case: Case) -> Finding | None:
    """All pools are ready, and each makes other nodes."""
    views = pool_views(case)
    if not views.pools or views.unready or not all(each.bar in _UNFIT for each in views.pools):
        return None
    by = kept(case).by
    found = None
    if by is Keeper.TOO_LARGE or (by is Keeper.NO_NODE_MATCHES and all(v.bar is PoolBar.SIZE for v in views.pools)):
        found = _of_size(case, views)
    elif by is Keeper.NO_NODE_MATCHES:
        found = _of_labels(case, views)
    if found is not None and any(each.by_word for each in views.pools):
        return replace(found, confidence=Confidence.LIKELY)
    return found


def _of_labels(case: Case, views: PoolViews) -> Finding | None:
    """The asker's selector names a label that no node has and no pool gives."""
    it = placing(case)
    asked = [each for each in unmatched(case) if each.alone and not each.by_kueue]
    if not asked or all(meant_another(case, each) for each in asked):
        return None
    first = next((each for each in asked if any(view.label == each.key for view in views.pools)), asked[0])
    given = sorted({value for view in views.pools for value in given_labels(view.pool).get(first.key, ())})
    has = f"; they give {listed(given)}" if given else ""
    add = _another_pool(f"whose nodes have {first.key}={first.value}", {"labels": {first.key: first.value}})
    fixes = [fix for one in asked for fix in selector_fixes(case, one)]
    return about_room(
        "autoscaler-no-group-matches",
        CauseVerdict.MISCONFIGURED,
        f"the pod runs only on nodes with {first.key}={first.value}, which no node has and no NodePool makes{has}",
        it,
        [*_given_instead(case, first.key, first.value, given), *fixes, add],
        {
            "selector_key": first.key,
            "selector_value": first.value,
            "node_groups": [each.name for each in views.pools],
            "given_values": given,
        },
        _evidence(views),
    )


def _given_instead(case: Case, key: str, value: str, given: list[str]) -> Iterator[Proposal]:
    """A value that pools give in its place, the one that was probably meant first."""
    meant = nearest(value, given)
    for cost, other in enumerate(sorted(given, key=lambda each: each != meant)[:2]):
        what = f"nodeSelector {key}: {value} → {other}"
        yield changed_pods(RemedyKind.FIX_SELECTOR, what, case, {"nodeSelector": {key: other}}, cost)


def _of_size(case: Case, views: PoolViews) -> Finding | None:
    """No machine of any pool is as large, and no node that is there shows what they have."""
    it = placing(case)
    if any(it.allocatable(node.name, it.device) for node in it.matching) or not _is_known(it, views.pools):
        return None
    asked = ", ".join(told(name, amount) for name, amount in sorted(it.requests.items(), key=_devices_first))
    add = _another_pool(f"whose machines have {asked}", {"requests": {k: str(v) for k, v in it.requests.items()}})
    return about_room(
        "autoscaler-no-group-matches",
        CauseVerdict.MISCONFIGURED,
        f"a pod asks for {asked}; no node has as much, and no machine of {named(views.pools)} does",
        it,
        [add],
        {"node_groups": [each.name for each in views.pools]},
        _evidence(views),
    )


def _devices_first(pair: tuple[str, int]) -> tuple[bool, str]:
    return "/" not in pair[0], pair[0]


def _is_known(it: Placing, views: Iterable[PoolView]) -> bool:
    """Whether the device that is asked for is one that nodes could have, by its name."""
    limited = {name for view in views for name in view.pool.spec.limits}
    return not it.device or it.device in _KNOWN | limited


def _another_pool(what: str, body: dict[str, object]) -> Proposal:
    return Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        f"add a NodePool {what}",
        None,
        Patch(PatchOp.SIGNAL, body),
        cost=10,
    )


def _evidence(views: PoolViews) -> tuple[Evidence, ...]:
    word = views.word
    if word is not None and word.refusals:
        path = "events[FailedScheduling].message"
        return (Evidence(reference_of(word.pod), path, word.event.message, "Karpenter says so"),)
    return tuple(
        Evidence(reference_of(each.pool), "spec.template", each.label or each.name, "its nodes are others")
        for each in views.pools
    )
