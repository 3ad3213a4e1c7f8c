"""What an adoption left on purpose is told apart from what came, or was changed, since."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.platform import Platform
from allotment.model.team import Offboarding
from allotment.plan.strangers.grounds import grounds
from allotment.plan.strangers.look import strangers
from allotment.plan.strangers.stranger import Live, Stranger
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, team
from tests.unit.plan.strangers.bodies import Body, body, bound, group

BEFORE, AT, SINCE = "2026-11-20T10:00:00Z", "2026-11-26T10:00:00Z", "2026-11-26T10:00:01Z"
TODAY = dt.date(2026, 11, 27)
RECORD = json.dumps({"at": AT, "from": ["Helm"], "before": {"metadata": {}}})


def space(record: str = RECORD) -> Body:
    return body("v1", "Namespace", "cv", metadata={"annotations": {labels.ADOPTED: record}})


def written(found: Body, created: str = BEFORE, *writes: dict[str, Any]) -> Body:
    entries = list(writes) or [{"manager": "helm", "time": created}]
    return {**found, "metadata": {**found["metadata"], "creationTimestamp": created, "managedFields": entries}}


def quota(created: str = BEFORE, *writes: dict[str, Any]) -> Body:
    return written(body("v1", "ResourceQuota", "compute", "cv", spec={"hard": {}}), created, *writes)


def seen(*found: Body, declared: Platform | None = None) -> dict[str, Stranger]:
    declared = declared or platform(teams=(team("cv"),))
    place = declared.clusters[0]
    around = grounds(declared, place, render(declared, place), TODAY)
    objects: dict[str, tuple[Body, ...]] = {}
    for each in found:
        objects[each["kind"]] = (*objects.get(each["kind"], ()), each)
    return {stranger.key.name: stranger for stranger in strangers(Live(objects), around)}


def test_what_was_there_before_is_its_owner_s_and_says_what_it_takes() -> None:
    found = seen(
        space(),
        quota(),
        written(body("kueue.x-k8s.io/v1beta2", "LocalQueue", "main", "cv", spec={"clusterQueue": "cv"})),
        written(bound("theirs", "edit", group("others"), namespace="cv")),
    )
    assert {stranger.kept for stranger in found.values()} == {"kept by the adoption of 2026-11-26"}
    assert "`kubectl delete localqueue.kueue.x-k8s.io main --namespace cv`" in found["main"].fix
    assert "`kubectl delete resourcequota compute --namespace cv`" in found["compute"].fix
    assert "`kubectl delete rolebinding.rbac.authorization.k8s.io theirs --namespace cv`" in found["theirs"].fix
    assert all("or accept it in the Platform document" in stranger.fix for stranger in found.values())
    assert not [stranger for stranger in found.values() if stranger.fix.startswith("delete it")]


@pytest.mark.parametrize(
    ("namespace", "thing", "says"),
    [
        (space(), quota(SINCE), ""),
        (space(), quota(AT), ""),
        (space(), quota(BEFORE, {"manager": "kubectl-edit", "time": SINCE}), "kubectl-edit changed it on"),
        (space(), quota(BEFORE, {"manager": "x", "time": BEFORE}, {"manager": "y", "time": SINCE}), "but y changed it"),
        (space(), quota(BEFORE, {"manager": "x"}), ""),
        (space(), body("v1", "ResourceQuota", "compute", "cv", metadata={"creationTimestamp": BEFORE}), ""),
        (space(), body("v1", "ResourceQuota", "compute", "cv"), ""),
        (space("{}"), quota(), ""),
        (space(RECORD.replace(AT, "whenever")), quota(), ""),
        (body("v1", "Namespace", "cv"), quota(), ""),
        (body("v1", "Namespace", "other", metadata={"annotations": {labels.ADOPTED: RECORD}}), quota(), ""),
    ],
    ids=[
        "made since", "made then", "changed since", "changed once since", "no time",
        "no record of writes", "no time at all", "a spoilt record", "a spoilt time", "not adopted", "another namespace",
    ],
)  # fmt: skip
def test_everything_else_is_a_stranger(namespace: Body, thing: Body, says: str) -> None:
    stranger = seen(namespace, thing)["compute"]
    assert stranger.kept == ""
    assert says in stranger.why
    assert stranger.fix.startswith("delete it")


def test_a_status_that_a_controller_writes_is_no_change() -> None:
    status = {"manager": "kube-controller-manager", "time": SINCE, "subresource": "status"}
    assert seen(space(), quota(BEFORE, {"manager": "helm", "time": BEFORE}, status))["compute"].kept


def test_of_a_team_that_leaves_nothing_is_kept() -> None:
    declared = platform(teams=(team("cv", offboarding=Offboarding(TODAY)),))
    binding = written(bound("theirs", "edit", group("others"), namespace="cv"))
    assert seen(space(), binding, declared=declared)["theirs"].kept == ""


def test_the_default_account_is_no_stranger_where_nothing_is_asked_for_yet() -> None:
    account = body("v1", "ServiceAccount", "default", "cv")
    soft = platform(clusters=(replace(cluster(), warn_namespaces=("cv",)),), teams=(team("cv"),))
    assert not seen(account, declared=soft)
    assert list(seen(body("v1", "ServiceAccount", "robot", "cv"), declared=soft)) == ["robot"]
