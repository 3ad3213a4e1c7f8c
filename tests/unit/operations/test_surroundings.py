"""Strangers in drift and in prove: who is named where, what could not be looked at, and that secrets stay unread."""

from __future__ import annotations

import datetime as dt
import functools
import json
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model import labels
from allotment.model.manifest import ObjectKey, key_of
from allotment.model.platform import Platform
from allotment.operations.change.drift import ClusterDrift, DriftKind, DriftState, DriftTarget, find_drift
from allotment.operations.change.planning import PlanSettings
from allotment.operations.change.surroundings import look_around
from allotment.operations.prove.proving import Selection, prove
from allotment.plan.adoption.left import written_down
from allotment.plan.strangers.grounds import Grounds, grounds
from allotment.ports.kube import AccessQuestion, AccessRefusedError, Identity
from allotment.prove.probes import AskRights
from allotment.prove.verdicts import Result, Verdict
from allotment.render.manifests import render
from tests.unit.builders import platform, team
from tests.unit.kueue_webhooks import kueue_webhooks
from tests.unit.plan.strangers.bodies import USUAL, body, bound, group, role, rule, user
from tests.unit.prove.scenes import here_of, probes_of

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
PLATFORM = platform(teams=(team("nlp"), team("cv")))
EVERYWHERE = bound("evil", "cluster-admin", user("mallory"))
IN_CV = body("v1", "LimitRange", "second", "cv", spec={"limits": []})


def grounds_of(declared: Platform = PLATFORM) -> Grounds:
    place = declared.clusters[0]
    return grounds(declared, place, render(declared, place), NOW.date())


def applied(*more: dict[str, Any]) -> FakeKube:
    kube = FakeKube(rights=lambda _identity, _question: True)
    kube.hold(filled())
    kube.put(*more)
    return kube


@functools.cache
def filled() -> FakeKube:
    """Filled once; tests hold the same, and leave this one alone."""
    kube = FakeKube()
    kube.put(*USUAL, *kueue_webhooks())
    for manifest in sorted(render(PLATFORM, PLATFORM.clusters[0]), key=lambda item: item.key.kind != "Namespace"):
        kube.apply(manifest.body)
    return kube


def forbidding(kube: FakeKube, kind: str) -> FakeKube:
    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == kind and not call.done:
            raise AccessRefusedError("no", status=403, reason="Forbidden", message=f"you may not list {kind}")

    kube.hook = hook
    return kube


def test_who_may_list_secrets_in_team_namespaces_only_finds_the_tokens_there() -> None:
    token = body("v1", "Secret", "old", "cv", type="kubernetes.io/service-account-token")
    kube = applied(token)

    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == "Secret" and call.key.namespace not in {"cv", "nlp"}:
            raise AccessRefusedError("no", status=403, reason="Forbidden", message="you may not list Secret")

    kube.hook = hook
    found = look_around(kube, grounds_of())
    assert [str(stranger.key) for stranger in found.strangers] == ["Secret cv/old"]
    assert found.unread == ()


def drifted(kube: FakeKube) -> ClusterDrift:
    manifests = render(PLATFORM, PLATFORM.clusters[0])
    target = DriftTarget(manifests, lambda: kube, grounds=grounds_of())
    (found,) = find_drift([target], PlanSettings("acme", NOW.date()), FixedClock(NOW)).clusters
    return found


def proved(kube: FakeKube) -> dict[str, Result]:
    report = prove(
        PLATFORM, PLATFORM.clusters[0], kube, FixedClock(NOW), selection=Selection(guardrails=["surroundings"])
    )
    return {result.team: result for result in report.results}


def test_drift_names_strangers_and_apply_has_no_part_in_them() -> None:
    assert drifted(applied()).state is DriftState.IN_SYNC
    found = drifted(applied(EVERYWHERE, IN_CV))
    assert found.state is DriftState.DRIFTED
    assert [(str(item.key), item.kind) for item in found.objects] == [
        ("LimitRange cv/second", DriftKind.FOREIGN),
        ("ClusterRoleBinding.rbac.authorization.k8s.io evil", DriftKind.FOREIGN),
    ]
    assert found.plan is not None
    assert found.plan.empty


def test_what_the_plan_deletes_is_not_named_twice() -> None:
    surplus = body("v1", "LimitRange", "old", "cv", spec={"limits": []})
    ours = next(item for item in render(PLATFORM, PLATFORM.clusters[0]) if item.key.kind == "LimitRange")
    surplus["metadata"]["labels"] = ours.body["metadata"]["labels"]
    kube = applied()
    kube.apply(surplus)
    (found,) = drifted(kube).objects
    assert found.kind is DriftKind.SURPLUS


def test_prove_names_them_at_the_team_they_concern() -> None:
    results = proved(applied())
    assert {team: result.verdict for team, result in results.items()} == dict.fromkeys(
        ("", "nlp", "cv"), Verdict.PROVED
    )
    results = proved(applied(EVERYWHERE, IN_CV))
    assert results[""].verdict is results["cv"].verdict is Verdict.FAILED
    assert results["nlp"].verdict is Verdict.PROVED
    assert "ClusterRoleBinding.rbac.authorization.k8s.io evil gives ClusterRole cluster-admin" in results[""].got


def test_what_we_may_not_look_at_is_said_and_nothing_is_proved_then() -> None:
    results = proved(forbidding(applied(IN_CV), "Secret"))
    assert results["nlp"].verdict is Verdict.NOT_PROVABLE
    assert results["nlp"].got == "not looked at: Secret (you may not list Secret)"
    assert results["cv"].verdict is Verdict.FAILED
    found = drifted(forbidding(applied(), "Secret"))
    assert found.state is DriftState.IN_SYNC
    assert [str(unread) for unread in found.unread] == ["not looked at: Secret (you may not list Secret)"]


def test_only_tokens_among_the_secrets_are_asked_for_and_never_what_they_hold() -> None:
    held = {"data": {"password": "aGlkZGVu"}, "type": "Opaque"}
    named = {"data": {"token": "aGlkZGVu"}, "type": "kubernetes.io/service-account-token"}
    kube = applied(body("v1", "Secret", "own", "nlp", **held), body("v1", "Secret", "tok", "nlp", **named))
    (found,) = look_around(kube, grounds_of()).strangers
    assert str(found.key) == "Secret nlp/tok"
    assert "aGlkZGVu" not in repr(found)


@pytest.mark.parametrize("kind", ["ClusterQueue", "LocalQueue", "Cohort"])
def test_a_kind_that_the_server_does_not_know_is_empty(kind: str) -> None:
    kube = applied()
    kube.unserved = frozenset({kind})
    for key in [key for key in kube.existing if key.kind == kind]:
        kube.unserved = frozenset()
        kube.delete("kueue.x-k8s.io/v1beta2", key)
    assert look_around(kube, grounds_of()).unread == ()


ADOPTED_AT = "2026-11-25T10:00:00Z"


def adopted(*more: dict[str, Any]) -> FakeKube:
    """The namespace cv was taken over, and these things were there before."""
    kube = applied(*more)
    space = kube.get("v1", ObjectKey("", "Namespace", "", "cv"))
    assert space is not None
    kept = written_down(more, {key_of(each): each for each in more})
    record = json.dumps({"at": ADOPTED_AT, "from": [], "before": {"metadata": {}}, "kept": kept})
    annotations = {**(space["metadata"].get("annotations") or {}), labels.ADOPTED: record}
    kube.merge_patch("v1", ObjectKey("", "Namespace", "", "cv"), {"metadata": {"annotations": annotations}})
    return kube


OLD_QUOTA = body("v1", "ResourceQuota", "compute", "cv", spec={"hard": {"pods": "1"}})
OLD_WALL = body("networking.k8s.io/v1", "NetworkPolicy", "open", "cv", spec={"podSelector": {}})


def test_what_an_adoption_left_is_no_drift_and_is_named_all_the_same() -> None:
    kube = adopted(OLD_QUOTA)
    found = drifted(kube)
    assert found.state is DriftState.IN_SYNC
    assert [(str(item.key), item.kind) for item in found.objects] == [("ResourceQuota cv/compute", DriftKind.KEPT)]
    assert "kept by the adoption of 2026-11-25" in found.objects[0].message
    kube.put(IN_CV)
    found = drifted(kube)
    assert found.state is DriftState.DRIFTED
    assert [item.key.name for item in found.differing] == ["second"]


def test_what_an_adoption_left_breaks_no_guardrail_and_proves_none() -> None:
    found = proved(adopted(OLD_QUOTA))["cv"]
    assert found.verdict is Verdict.KEPT
    assert "kept by the adoption of 2026-11-25" in found.got
    kube = adopted(OLD_QUOTA)
    kube.put(IN_CV)
    both = proved(kube)["cv"]
    assert both.verdict is Verdict.FAILED
    assert "second" in both.got
    assert "compute" in both.got


def tried(kube: FakeKube, guardrail: str) -> dict[tuple[str, str], Result]:
    """By what was tried in cv, and as whom."""
    selection = Selection(["cv"], [guardrail], work=False, settling=0.0)
    report = prove(PLATFORM, PLATFORM.clusters[0], kube, FixedClock(NOW), selection=selection)
    return {(result.tried, result.persona): result for result in report.results if result.team == "cv"}


def refusing(kube: FakeKube, message: str) -> FakeKube:
    def hook(call: Call) -> None:
        if call.dry_run and call.verb == "create" and not call.done:
            raise AccessRefusedError("no", status=403, reason="Forbidden", message=message)

    kube.hook = hook
    return kube


OLD_LIMITS = body("v1", "LimitRange", "old", "cv", spec={"limits": []})
BY_QUOTA = 'pods "x" is forbidden: failed quota: {}: must specify limits.cpu'
BY_LIMIT = 'pods "x" is forbidden: maximum cpu usage per Pod is 4, but limit is 9'


@pytest.mark.parametrize(
    ("left", "message", "verdict"),
    [
        (OLD_QUOTA, BY_QUOTA.format("compute"), Verdict.KEPT),
        (OLD_QUOTA, BY_QUOTA.format("another"), Verdict.FAILED),
        (OLD_QUOTA, BY_LIMIT, Verdict.FAILED),
        (OLD_LIMITS, BY_LIMIT, Verdict.KEPT),
        (OLD_LIMITS, "somebody else says no", Verdict.FAILED),
    ],
    ids=["its quota", "another quota", "a limit, but it was a quota", "its limits", "something else"],
)
def test_a_refusal_by_an_older_quota_or_limit_is_told_as_such(
    left: dict[str, Any], message: str, verdict: Verdict
) -> None:
    found = tried(refusing(adopted(left), message), "good-work")
    assert {result.verdict for result in found.values()} == {verdict}
    if verdict is Verdict.KEPT:
        assert all(
            result.got.endswith(f"; by {left['kind']} cv/{left['metadata']['name']}") for result in found.values()
        )


def promised() -> dict[tuple[str, str, str], bool]:
    """What prove wants to hear, by user, right and namespace."""
    return {
        (probe.persona.user, str(right), right.namespace): wanted
        for probe in probes_of("roles", PLATFORM)
        if isinstance(probe.attempt, AskRights)
        for right, wanted in probe.attempt.cells
    }


def test_rights_that_only_an_old_binding_gives_are_told_as_such() -> None:
    scene = next(scene for scene in here_of(PLATFORM).scenes() if scene.namespace == "cv")
    member = scene.member
    assert member is not None
    kube = adopted(bound("theirs", "edit", group(member.groups[0]), namespace="cv"))
    kube.put(role("edit", rule("secrets", "get list")))
    wanted, more = promised(), {"get secrets"}

    def rights(identity: Identity, question: AccessQuestion) -> bool:
        extra = identity.user == member.user and question.namespace == "cv" and str(question).split(" in ")[0] in more
        path = str(replace(question, namespace=""))
        return extra or wanted.get((identity.user, path, question.namespace), False)

    def matrix() -> Result:
        return next(result for (_, who), result in tried(kube, "roles").items() if who == member.title)

    kube.rights = rights
    found = matrix()
    assert (found.verdict, found.got) == (
        Verdict.KEPT,
        "may get secrets; by RoleBinding.rbac.authorization.k8s.io cv/theirs, which an adoption left there",
    )
    # What it does not give, something else does.
    more.add("delete secrets")
    found = matrix()
    assert found.verdict is Verdict.FAILED
    assert found.got.startswith("may delete secrets; may get secrets; by RoleBinding")


def test_an_old_opening_of_the_wall_is_told_as_such() -> None:
    assert next(iter(tried(adopted(), "network-policies").values())).verdict is not Verdict.FAILED
    found = [result for result in tried(adopted(OLD_WALL), "network-policies").values() if "read all" in result.tried]
    assert [(result.verdict, "open" in result.got) for result in found] == [(Verdict.KEPT, True)]
    new = adopted()
    new.put(OLD_WALL)
    found = [result for result in tried(new, "network-policies").values() if "read all" in result.tried]
    assert [result.verdict for result in found] == [Verdict.FAILED]
