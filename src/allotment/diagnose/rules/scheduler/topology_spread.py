"""The pods have to be spread evenly, and the domains that would keep them even have no room."""

from __future__ import annotations

from collections.abc import Iterator
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


def find(case: Case) -> Finding | None:
    """Without the constraint it would fit."""
    it = placing(case)
    if kept(case).by is not Keeper.SPREAD or it.refused is None:
        return None
    hard = [each for each in it.refused.pod.spec.topology_spread_constraints if _hard(each)]
    if not hard:
        return None
    first = hard[0]
    domains = {node.name: node.metadata.labels.get(first.topology_key, "") for node in it.matching}
    lone = len(set(domains.values()) - {""}) < (first.min_domains or 1)
    # Of too few domains none ever takes as many at once as were asked for, whoever ends.
    waiting = () if lone else tuple(waits(it))
    also = f"; there are fewer than the {first.min_domains} domains it asks for" if lone else ""
    return about_room(
        "topology-spread",
        CauseVerdict.WAITING if waiting else CauseVerdict.MISCONFIGURED,
        f"pods may differ by at most {first.max_skew} between any two {first.topology_key}; one more where there is "
        f"room would be too many, and the other {first.topology_key} has none{also}",
        it,
        together(_softer(it), fewer(it, 5), waiting, more_nodes(it)),
        {
            "topology_key": first.topology_key,
            "max_skew": first.max_skew,
            "min_domains": first.min_domains,
            "domains": domains,
            "running": len([pod for pod in case.pods if pod.bound]),
            "pending": len(it.pods),
        },
    )


def _hard(each: TopologySpread) -> bool:
    return each.when_unsatisfiable != "ScheduleAnyway"


def _softer(it: Placing) -> Iterator[Proposal]:
    assert it.refused is not None  # noqa: S101  asked only then
    body: dict[str, Any] = {
        "topologySpreadConstraints": [
            msgspec.to_builtins(each) | {"whenUnsatisfiable": "ScheduleAnyway"}
            for each in it.refused.pod.spec.topology_spread_constraints
        ]
    }
    for each in body["topologySpreadConstraints"]:
        each["minDomains"] = None
    yield changed_pods(RemedyKind.OTHER, "topology spread: whenUnsatisfiable ScheduleAnyway", it.case, body)
