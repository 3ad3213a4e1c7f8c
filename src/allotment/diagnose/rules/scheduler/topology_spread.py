"""The pods have to be spread evenly, and the domains that would keep them even have no room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.shaping import fewer
from allotment.model.explanation import CauseVerdict, RemedyKind
from allotment.model.observed.pods import TopologySpread
from allotment.scheduling.placement.model import PodShape


def find(case: Case) -> Finding | None:
    """Without the constraint it would fit."""
    it = placing(case)
    if kept(case).by is not Keeper.SPREAD or it.refused is None:
        return None
    first = _guilty(it)
    if first is None:
        return None
    key = first.topology_key
    domains = {node.name: node.metadata.labels.get(key, "") for node in it.matching}
    there = len(set(domains.values()) - {""})
    lone = there < (first.min_domains or 1)
    # Of too few domains none ever takes as many at once as were asked for, whoever ends.
    waiting = () if lone else tuple(waits(it))
    if there and lone:
        said = (
            f"pods have to be spread over at least {first.min_domains} {key} (minDomains), and there "
            f"{'is' if there == 1 else 'are'} {there}: until there are more, each may have {first.max_skew} of them"
        )
    elif there:
        said = (
            f"the numbers of pods in any two {key} may differ by at most {first.max_skew}: where there is room one "
            f"more would be too many, and where one more is allowed there is no room"
        )
    else:
        said = f"pods have to be spread over {key}, and no node that the pod may use has that label"
    return about_room(
        "topology-spread",
        CauseVerdict.WAITING if waiting else CauseVerdict.MISCONFIGURED,
        said,
        it,
        together(
            _of_usable(it, first),
            _of_fewer(it, first, there) if lone else (),
            _softer(it, first, 1),
            fewer(it, 5),
            waiting,
            more_nodes(it),
        ),
        {
            "topology_key": key,
            "max_skew": first.max_skew,
            "min_domains": first.min_domains,
            "domains": domains,
            "running": len([pod for pod in case.pods if pod.bound]),
            "pending": len(it.pods),
        },
    )


def _guilty(it: Placing) -> TopologySpread | None:
    """The constraint that alone keeps it; of several that do together, the first."""
    assert it.refused is not None  # noqa: S101  asked only then
    hard = [each for each in it.refused.pod.spec.topology_spread_constraints if _hard(each)]
    if len(hard) > 1:
        for at, each in enumerate(hard):
            if it.goes_on(partial(_without, number=at)):
                return each
    return next(iter(hard), None)


def _without(shape: PodShape, number: int) -> PodShape:
    """A pod without one of its hard constraints."""
    hard = [each for each in shape.spread if each.hard]
    return replace(shape, spread=tuple(each for each in shape.spread if each is not hard[number]))


def _honoring(shape: PodShape, key: str) -> PodShape:
    """A pod that is spread only over nodes whose taints it tolerates."""
    spread = (replace(each, honor_taints=True) if each.topology_key == key else each for each in shape.spread)
    return replace(shape, spread=tuple(spread))


def _hard(each: TopologySpread) -> bool:
    return each.when_unsatisfiable != "ScheduleAnyway"


def _of_usable(it: Placing, wrong: TopologySpread) -> Iterator[Proposal]:
    """Not counting nodes that are closed to the pod: empty for ever, they let no other domain have one more."""
    if wrong.node_taints_policy != "Honor" and it.goes_on(partial(_honoring, key=wrong.topology_key)):
        what = f"count only nodes that the pod tolerates (nodeTaintsPolicy Honor for {wrong.topology_key})"
        yield _changed(it, what, wrong.topology_key, {"nodeTaintsPolicy": "Honor"}, 0)


def _of_fewer(it: Placing, wrong: TopologySpread, there: int) -> Iterator[Proposal]:
    """Spread as before, over as many domains as there are."""
    if there:
        what = f"spread over {there} {wrong.topology_key} in place of {wrong.min_domains} (minDomains)"
        yield _changed(it, what, wrong.topology_key, {"minDomains": there}, 0)


def _softer(it: Placing, wrong: TopologySpread, cost: int) -> Iterator[Proposal]:
    what = "topology spread: whenUnsatisfiable ScheduleAnyway"
    alone = it.goes_on(partial(_soft, key=wrong.topology_key))
    change = {"whenUnsatisfiable": "ScheduleAnyway", "minDomains": None}
    yield _changed(it, what, wrong.topology_key if alone else "", change, cost)


def _soft(shape: PodShape, key: str) -> PodShape:
    return replace(shape, spread=tuple(each for each in shape.spread if not each.hard or each.topology_key != key))


def _changed(it: Placing, what: str, key: str, change: dict[str, Any], cost: int) -> Proposal:
    """The constraints over a label changed, or all of them; the list is replaced as a whole."""
    assert it.refused is not None  # noqa: S101  asked only then
    body: dict[str, Any] = {
        "topologySpreadConstraints": [
            msgspec.to_builtins(each) | (change if key in {"", each.topology_key} else {})
            for each in it.refused.pod.spec.topology_spread_constraints
        ]
    }
    return changed_pods(RemedyKind.OTHER, what, it.case, body, cost)
