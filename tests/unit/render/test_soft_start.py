"""Namespaces whose work was there before: what would keep its pods from being replaced is not rendered there."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from allotment.model.manifest import Manifest
from allotment.model.team import Offboarding
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, team

TEAMS = (team("nlp"), team("cv"))


def rendered(*, warn: tuple[str, ...] = (), open_: tuple[str, ...] = (), leaving: bool = False) -> list[Manifest]:
    place = replace(cluster(), warn_namespaces=warn, without_network_policies=open_)
    teams = tuple(
        replace(one, offboarding=Offboarding(dt.date(2027, 1, 31))) if leaving and one.name == "nlp" else one
        for one in TEAMS
    )
    return list(render(platform(clusters=(place,), teams=teams), place))


def kinds(found: list[Manifest], namespace: str) -> set[str]:
    return {item.key.kind for item in found if item.key.namespace == namespace}


def test_nothing_is_filled_in_or_asked_for_there() -> None:
    usual, soft = rendered(), rendered(warn=("nlp",))
    assert kinds(usual, "nlp") - kinds(soft, "nlp") == {"LimitRange", "ServiceAccount"}
    assert kinds(usual, "cv") == kinds(soft, "cv")
    quota = next(item for item in soft if item.key.namespace == "nlp" and item.key.kind == "ResourceQuota")
    hard = quota.body["spec"]["hard"]
    assert not {"limits.cpu", "limits.memory", "requests.cpu", "requests.memory"} & hard.keys()
    assert {"pods", "services.loadbalancers", "requests.nvidia.com/gpu"} <= hard.keys()


def test_no_connection_is_cut_until_it_is_asked_for() -> None:
    usual, open_ = rendered(), rendered(open_=("nlp",))
    assert kinds(usual, "nlp") - kinds(open_, "nlp") == {"NetworkPolicy"}
    assert kinds(usual, "cv") == kinds(open_, "cv")


def test_a_team_that_leaves_is_walled_in_and_limited_all_the_same() -> None:
    usual, named = rendered(leaving=True), rendered(warn=("nlp",), open_=("nlp",), leaving=True)
    mine = [[item for item in found if item.key.namespace == "nlp"] for found in (usual, named)]
    assert mine[0] == mine[1]
