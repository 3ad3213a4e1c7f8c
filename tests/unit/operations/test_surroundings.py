"""Strangers in drift and in prove: who is named where, what could not be looked at, and that secrets stay unread."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model.platform import Platform
from allotment.operations.drift import ClusterDrift, DriftKind, DriftState, DriftTarget, find_drift
from allotment.operations.planning import PlanSettings
from allotment.operations.ports import AccessRefusedError
from allotment.operations.prove import Selection, prove
from allotment.operations.surroundings import look_around
from allotment.plan.strangers.grounds import Grounds, grounds
from allotment.prove.verdicts import Result, Verdict
from allotment.render.manifests import render
from tests.unit.builders import platform, team
from tests.unit.kueue_webhooks import kueue_webhooks
from tests.unit.plan.strangers.bodies import USUAL, body, bound, user

NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
PLATFORM = platform(teams=(team("nlp"), team("cv")))
EVERYWHERE = bound("evil", "cluster-admin", user("mallory"))
IN_CV = body("v1", "LimitRange", "second", "cv", spec={"limits": []})


def grounds_of(declared: Platform = PLATFORM) -> Grounds:
    place = declared.clusters[0]
    return grounds(declared, place, render(declared, place), NOW.date())


def applied(*more: dict[str, Any]) -> FakeKube:
    kube = FakeKube(rights=lambda _identity, _question: True)
    kube.put(*USUAL, *kueue_webhooks())
    for manifest in sorted(render(PLATFORM, PLATFORM.clusters[0]), key=lambda item: item.key.kind != "Namespace"):
        kube.apply(manifest.body)
    kube.put(*more)
    return kube


def forbidding(kube: FakeKube, kind: str) -> FakeKube:
    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == kind and not call.done:
            raise AccessRefusedError("no", status=403, reason="Forbidden", message=f"you may not list {kind}")

    kube.hook = hook
    return kube


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
