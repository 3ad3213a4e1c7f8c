"""What an adoption left on purpose is told apart from what came, or was changed, since."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.manifest import key_of
from allotment.model.platform import Platform
from allotment.model.team import Offboarding
from allotment.plan.adoption.left import digest, written_down
from allotment.plan.strangers.grounds import Grounds, grounds
from allotment.plan.strangers.kept import kept_bindings
from allotment.plan.strangers.look import strangers
from allotment.plan.strangers.stranger import Live, Stranger
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, team
from tests.unit.plan.strangers.bodies import Body, body, bound, group, role, rule, token

BEFORE, AT, SINCE = "2026-11-20T10:00:00Z", "2026-11-26T10:00:00Z", "2026-11-26T10:00:01Z"
TODAY = dt.date(2026, 11, 27)
KEPT = "kept by the adoption of 2026-11-26"
RULE = rule("pods", "get list")


def recorded(kept: Any) -> str:
    return json.dumps({"at": AT, "from": ["Helm"], "before": {"metadata": {}}, "kept": kept})


def space(record: str, name: str = "cv") -> Body:
    return body("v1", "Namespace", name, metadata={"annotations": {labels.ADOPTED: record}})


def left(*found: Body) -> Body:
    """The namespace, taken over when these lay in it."""
    return space(recorded(written_down(found, {key_of(each): each for each in found})))


def written(found: Body, *writes: dict[str, Any], created: str = BEFORE) -> Body:
    metadata = {**found["metadata"], "creationTimestamp": created, "managedFields": list(writes)}
    return {**found, "metadata": metadata}


def by(manager: str, time: str, **more: str) -> dict[str, Any]:
    return {"manager": manager, "time": time, **more}


def quota(**hard: str) -> Body:
    return written(body("v1", "ResourceQuota", "compute", "cv", spec={"hard": hard}), by("helm", BEFORE))


def to_role() -> Body:
    return written(bound("theirs", "viewer", group("others"), namespace="cv", role_kind="Role"), by("helm", BEFORE))


def to_edit(*groups: str) -> Body:
    return written(bound("theirs", "edit", *map(group, groups), namespace="cv"), by("helm", BEFORE))


def viewer(*rules: dict[str, Any], **more: Any) -> Body:
    return written(role("viewer", *rules, namespace="cv"), by("helm", BEFORE), **more)


def grounds_of(declared: Platform | None = None) -> Grounds:
    declared = declared or platform(teams=(team("cv"),))
    place = declared.clusters[0]
    return grounds(declared, place, render(declared, place), TODAY)


def seen(*found: Body, declared: Platform | None = None) -> dict[str, Stranger]:
    around = grounds_of(declared)
    objects: dict[str, tuple[Body, ...]] = {}
    for each in found:
        objects[each["kind"]] = (*objects.get(each["kind"], ()), each)
    return {stranger.key.name: stranger for stranger in strangers(Live(objects), around)}


def test_what_was_there_before_is_its_owner_s_and_says_what_it_takes() -> None:
    there = (
        quota(),
        body("kueue.x-k8s.io/v1beta2", "LocalQueue", "main", "cv", spec={"clusterQueue": "cv"}),
        bound("theirs", "edit", group("others"), namespace="cv"),
        token("cv"),
    )
    found = seen(left(*there), *there)
    assert {name: stranger.kept for name, stranger in found.items()} == dict.fromkeys(
        ("compute", "main", "theirs", "tok"), KEPT
    )
    assert "`kubectl delete localqueue.kueue.x-k8s.io main --namespace cv`" in found["main"].fix
    assert "`kubectl delete resourcequota compute --namespace cv`" in found["compute"].fix
    assert "`kubectl delete rolebinding.rbac.authorization.k8s.io theirs --namespace cv`" in found["theirs"].fix
    assert all("or accept it in the Platform document" in stranger.fix for stranger in found.values())
    assert not [stranger for stranger in found.values() if stranger.fix.startswith("delete it")]


WIDER = role("exec", rule("secrets", "get"), rule("pods/exec", "create"), namespace="cv")
NARROWER = role("exec", rule("pods/exec", "create"), namespace="cv")
HIDDEN = by("kube-controller-manager", SINCE, subresource="status")
CHANGED: dict[str, tuple[Body, Body, str]] = {
    "by edit": (quota(pods="1"), written(quota(pods="2"), by("kubectl-edit", SINCE)), "kubectl-edit changed it on"),
    "by one of two": (quota(), written(quota(pods="2"), by("x", BEFORE), by("y", SINCE)), "but y changed it on"),
    "in the second of the adoption": (quota(), written(quota(pods="2"), by("y", AT)), "but y changed it on"),
    "its writes moved to the status": (NARROWER, written(WIDER, HIDDEN), "it does not say what it said then"),
    "its writes dated back": (NARROWER, written(WIDER, by("helm", BEFORE)), "it does not say what it said then"),
    "its writes renamed and dated back": (NARROWER, written(WIDER, by("zz", BEFORE), HIDDEN), "not say what it said"),
    "no record of writes": (NARROWER, WIDER, "it does not say what it said then"),
    "another subject": (to_edit("others"), to_edit("others", "more"), "it does not say what it said then"),
    "a label": (
        quota(),
        {**quota(), "metadata": {**quota()["metadata"], "labels": {"a": "b"}}},
        "not say what it said",
    ),
    "another token": (token("cv"), {**token("cv"), "metadata": {**token("cv")["metadata"], "uid": "2"}}, "not say"),
}


@pytest.mark.parametrize(("then", "now", "says"), CHANGED.values(), ids=CHANGED)
def test_what_was_changed_since_is_a_stranger_whatever_its_times_say(then: Body, now: Body, says: str) -> None:
    (stranger,) = seen(left(then), now).values()
    assert stranger.kept == ""
    assert "; the adoption of 2026-11-26 left it, but " in stranger.why
    assert says in stranger.why
    assert stranger.fix.startswith("delete it")


NOW_A_SECRET = rule("secrets", "get")
EXCHANGED: dict[str, tuple[tuple[Body, ...], tuple[Body, ...], str]] = {
    "other rules": ((viewer(RULE),), (viewer(NOW_A_SECRET),), "it does not say what it said then"),
    "made anew": (
        (viewer(RULE),), (written(viewer(NOW_A_SECRET), by("kubectl-create", SINCE), created=SINCE),),
        f"kubectl-create changed its Role viewer on {SINCE}",
    ),
    "made when there was none": ((), (viewer(RULE),), "it does not say what it said then"),
    "gone": ((viewer(RULE),), (), "it does not say what it said then"),
}  # fmt: skip


@pytest.mark.parametrize(("then", "now", "says"), EXCHANGED.values(), ids=EXCHANGED)
def test_a_binding_is_changed_with_the_role_that_it_names(
    then: tuple[Body, ...], now: tuple[Body, ...], says: str
) -> None:
    # Another namespace's Role of that name, and that Roles were looked at at all.
    elsewhere = role("viewer", RULE, namespace="nlp")
    stranger = seen(left(to_role(), *then), to_role(), elsewhere, *now)["theirs"]
    assert (stranger.kept, says in stranger.why) == ("", True)
    assert seen(left(to_role(), *then), to_role(), elsewhere, *then)["theirs"].kept == KEPT
    around, live = (
        grounds_of(),
        Live({"Namespace": (left(to_role(), *then),), "RoleBinding": (to_role(),), "Role": now}),
    )
    assert not list(kept_bindings(live, around))
    assert list(kept_bindings(replace(live, objects={**live.objects, "Role": then}), around))


def test_what_its_role_says_counts_whoever_wrote_it_when() -> None:
    relabelled = viewer(RULE)
    relabelled["metadata"] |= {"labels": {"a": "b"}, "managedFields": [by("kubectl-label", SINCE)]}
    assert seen(left(to_role(), viewer(RULE)), to_role(), relabelled)["theirs"].kept == KEPT


def test_a_binding_whose_role_cannot_be_read_is_not_called_kept() -> None:
    stranger = seen(left(to_role(), viewer(RULE)), to_role())["theirs"]
    assert stranger.kept == ""
    assert "left it, but what Role viewer says today could not be read" in stranger.why


QUOTA = "ResourceQuota/compute"
DIGEST = str(digest(quota(), {}))
SPOILT: dict[str, str] = {
    "an older record": json.dumps({"at": AT, "from": ["Helm"], "before": {"metadata": {}}}),
    "it lists nothing": recorded({}),
    "it lists others": recorded({"ResourceQuota/other": DIGEST, "LimitRange/compute": DIGEST}),
    "a list": recorded([QUOTA]),
    "a list of pairs": recorded([[QUOTA, DIGEST]]),
    "a text": recorded(QUOTA),
    "null": recorded(None),
    "digests that are none": recorded({QUOTA: None, "ResourceQuota/other": DIGEST}),
    "digests in a list": recorded({QUOTA: [DIGEST]}),
    "no record at all": "{}",
    "a time that is none": recorded({QUOTA: DIGEST}).replace(AT, "whenever"),
}


@pytest.mark.parametrize("record", SPOILT.values(), ids=SPOILT)
def test_a_record_that_does_not_list_it_excuses_nothing(record: str) -> None:
    assert seen(space(recorded({QUOTA: DIGEST})), quota())["compute"].kept == KEPT
    stranger = seen(space(record), quota())["compute"]
    assert (stranger.kept, "adoption" in stranger.why) == ("", False)
    assert stranger.fix.startswith("delete it")


def test_each_namespace_keeps_what_was_left_in_itself() -> None:
    assert not seen(space(recorded({QUOTA: DIGEST}), "nlp"), quota())["compute"].kept
    assert not seen(body("v1", "Namespace", "cv"), quota())["compute"].kept


def test_what_is_no_content_does_not_count() -> None:
    entries = [by("helm", SINCE), HIDDEN]
    now = {**quota(), "status": {"used": {"pods": "1"}}, "apiVersion": "v1"}
    now["metadata"] = {**now["metadata"], "managedFields": entries, "resourceVersion": "9", "generation": 4, "uid": "x"}
    assert seen(left(quota()), now)["compute"].kept == KEPT
    used = token("cv")
    used["metadata"] = {**used["metadata"], "labels": {"kubernetes.io/legacy-token-last-used": "2026-11-27"}}
    assert seen(left(token("cv")), used)["tok"].kept == KEPT


def test_of_a_secret_nothing_that_it_holds_is_in_the_digest() -> None:
    applied = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"token":"c2VjcmV0"}}'}
    full = {**token("cv"), "data": {"token": "c2VjcmV0"}, "stringData": {"a": "b"}}
    full["metadata"] = {**full["metadata"], "annotations": {**full["metadata"]["annotations"], **applied}}
    assert digest(full, {}) == digest(token("cv"), {})


def test_of_a_team_that_leaves_nothing_is_kept() -> None:
    declared = platform(teams=(team("cv", offboarding=Offboarding(TODAY)),))
    binding = bound("theirs", "edit", group("others"), namespace="cv")
    assert seen(left(binding), binding)["theirs"].kept == KEPT
    assert seen(left(binding), binding, declared=declared)["theirs"].kept == ""


def test_the_default_account_is_no_stranger_where_nothing_is_asked_for_yet() -> None:
    account = body("v1", "ServiceAccount", "default", "cv")
    soft = platform(clusters=(replace(cluster(), warn_namespaces=("cv",)),), teams=(team("cv"),))
    assert not seen(account, declared=soft)
    assert list(seen(body("v1", "ServiceAccount", "robot", "cv"), declared=soft)) == ["robot"]
