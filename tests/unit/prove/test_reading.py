"""Who may read what: each answer that the guardrail expects is what the rendered roles give, no more and no less."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.model.team import Isolation, Offboarding
from allotment.prove.probes import AskRights, Inspect, Probe, Right
from allotment.prove.reading import role_fault
from tests.unit.builders import platform, team
from tests.unit.prove.scenes import here_of, probes_of

LOOK = ["get", "list", "watch"]


def may(manifests: Manifests, group: str, right: Right) -> bool:
    """What RBAC says to somebody of a group, by the rendered objects alone."""
    bound = {
        (item.body["roleRef"]["kind"], item.key.namespace, item.body["roleRef"]["name"])
        for item in manifests
        if item.key.kind in ("RoleBinding", "ClusterRoleBinding")
        and group in {subject["name"] for subject in item.body["subjects"]}
        and item.key.namespace in ("", right.namespace)
    }
    return any(
        right.verb in rule["verbs"] and right.group in rule["apiGroups"] and right.path in rule["resources"]
        for item in manifests
        if (item.key.kind, item.key.namespace, item.key.name) in bound
        for rule in item.body["rules"]
        if "resourceNames" not in rule
    )


def asked(declared: Platform) -> list[tuple[Probe, AskRights]]:
    return [(each, each.attempt) for each in probes_of("own-reading", declared) if isinstance(each.attempt, AskRights)]


@pytest.mark.parametrize(
    "declared",
    [platform(teams=(team("nlp"), team("cv"))), platform(teams=(team("nlp", isolation=Isolation.CLUSTER),))],
    ids=["with others", "alone"],
)
def test_the_rendered_roles_answer_as_expected(declared: Platform) -> None:
    manifests = here_of(declared).manifests
    found = asked(declared)
    answers = {wanted for _, attempt in found for _, wanted in attempt.cells}
    assert answers == {True, False}
    for probe, attempt in found:
        wrong = [
            (str(right), right.namespace, wanted)
            for right, wanted in attempt.cells
            if may(manifests, probe.persona.groups[0], right) is not wanted
        ]
        assert not wrong, probe.tried


def test_secrets_are_asked_about_everywhere_and_a_leaving_team_not_at_all() -> None:
    closed = {right for _, attempt in asked(platform()) for right, wanted in attempt.cells if not wanted}
    assert {right.namespace for right in closed if right.resource == "secrets"} == {"", "default", "allotment-system"}
    assert not asked(platform(teams=(team(offboarding=Offboarding(dt.date(2027, 1, 31))),)))


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"apiGroups": [""], "resources": ["pods"], "verbs": LOOK}, ""),
        ({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["one"]}, ""),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}, "it gives delete on pods"),
        ({"nonResourceURLs": ["/debug"], "verbs": ["post"]}, "it gives post on /debug"),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}, "it gives * on pods"),
        ({"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": LOOK}, "it reads secrets"),
        ({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}, "it reads every ConfigMap"),
        ({"apiGroups": ["*"], "resources": ["pods"], "verbs": LOOK}, "it reads every kind of a group"),
        ({"apiGroups": [""], "resources": ["*"], "verbs": LOOK}, "it reads every kind of a group"),
    ],
)
def test_a_role_that_gives_too_much_is_named(rule: dict[str, Any], words: str) -> None:
    assert role_fault({"rules": [rule]}).startswith(words) if words else role_fault({"rules": [rule]}) == ""


def test_what_is_read_of_the_roles_is_the_server_s() -> None:
    looks = [each for each in probes_of("own-reading", platform()) if isinstance(each.attempt, Inspect)]
    names = ("allotment-reader", "allotment-word-reader")
    assert [each.object for each in looks] == [f"ClusterRole {name}" for name in names]
    stored = [{"metadata": {"name": name}, "rules": [], "aggregationRule": {"x": []}} for name in names]
    for look in looks:
        assert isinstance(look.attempt, Inspect)
        assert "aggregationRule" in look.attempt.fault(tuple(stored))
        assert "there is no ClusterRole" in look.attempt.fault(())
