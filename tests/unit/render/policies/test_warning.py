"""Namespaces where policies about work only warn: which do, which never, and what else stays away from there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Body
from allotment.model.platform import Platform
from allotment.model.policy import NEVER_SOFTENED, Mode, PolicyName
from allotment.render.policies import render_policies
from tests.unit.builders import cluster, platform, policies
from tests.unit.render.policies.small import with_registries

SOFTENED = sorted(set(PolicyName) - NEVER_SOFTENED)
NAME = "kubernetes.io/metadata.name"


def declared(*names: str, kept: tuple[str, ...] = (), mode: Mode = Mode.ENFORCE, **more: Any) -> Platform:
    place = replace(cluster(**more), warn_namespaces=names, kept_in_warn=kept)
    return with_registries(platform(clusters=(place,), guardrails=policies((place,), mode=mode)), "registry.example")


def objects(found: Platform) -> dict[tuple[str, str], Body]:
    place: Cluster = found.clusters[0]
    return {(item.key.kind, item.key.name): item.body for item in render_policies(found, place)}


def bindings(found: Platform, name: PolicyName) -> list[Body]:
    suffixes = ("", "-warn")
    all_ = objects(found)
    keys = [("ValidatingAdmissionPolicyBinding", f"{name}.allotment.dev{suffix}") for suffix in suffixes]
    return [all_[key] for key in keys if key in all_]


def named(binding: Body, operator: str) -> set[str]:
    expressions = binding["spec"]["matchResources"].get("namespaceSelector", {}).get("matchExpressions", [])
    return {
        value for one in expressions if (one["key"], one["operator"]) == (NAME, operator) for value in one["values"]
    }


@pytest.mark.parametrize("name", SOFTENED)
def test_a_policy_about_work_refuses_everywhere_else_and_warns_there(name: PolicyName) -> None:
    enforcing, warning = bindings(declared("legacy"), name)
    assert enforcing["spec"]["validationActions"] == ["Deny", "Audit"]
    assert "legacy" in named(enforcing, "NotIn")
    assert warning["spec"]["validationActions"] == ["Warn", "Audit"]
    assert warning["spec"]["policyName"] == enforcing["spec"]["policyName"]
    assert named(warning, "In") == {"legacy"}
    tenancy = [
        [one for one in found["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"] if one["key"] != NAME]
        for found in (enforcing, warning)
    ]
    assert tenancy[0] == tenancy[1], "the second binding holds for the same sort of namespace"


@pytest.mark.parametrize("name", sorted(NEVER_SOFTENED))
def test_what_keeps_a_tenant_inside_is_never_softened(name: PolicyName) -> None:
    assert bindings(declared("legacy"), name) == bindings(declared(), name)
    assert len(bindings(declared(), name)) == 1


@pytest.mark.parametrize("name", sorted(NEVER_SOFTENED))
def test_what_is_never_softened_lets_pods_pass_that_controllers_make_of_older_work(name: PolicyName) -> None:
    spec = objects(declared("legacy"))["ValidatingAdmissionPolicy", f"{name}.allotment.dev"]["spec"]
    conditions = {one["name"] for one in spec.get("matchConditions", ())}
    if name is PolicyName.NODE_POOL_ISOLATION:
        # It looks at them for marks that only this platform knows; but an own pool is asked of nobody there.
        (own,) = [one["expression"] for one in spec["variables"] if one["name"] == "hasPool"]
        assert own.startswith('!(request.namespace in ["legacy"]) && ')
    elif name is not PolicyName.NO_NAMESPACE_ADOPTION:
        assert "not-a-system-controller" in conditions


@pytest.mark.parametrize("mode", [Mode.AUDIT, Mode.WARN])
def test_a_policy_that_refuses_nowhere_has_one_binding(mode: Mode) -> None:
    for name in PolicyName:
        assert bindings(declared("legacy", mode=mode), name) == bindings(declared(mode=mode), name)


def test_without_such_namespaces_nothing_is_rendered_for_them() -> None:
    assert not [name for _, name in objects(declared()) if name.endswith("-warn")]


def test_exempt_namespaces_stay_exempt() -> None:
    found = declared("monitoring", "legacy")
    _, warning = bindings(found, PolicyName.QUEUE_REQUIRED)
    assert named(warning, "In") == {"legacy"}
    guardrails = tuple(replace(policy, exempt_namespaces=("legacy",)) for policy in found.policies)
    (only,) = bindings(replace(found, policies=guardrails), PolicyName.QUEUE_REQUIRED)
    assert "legacy" in named(only, "NotIn")


def test_nothing_is_filled_in_there() -> None:
    found = objects(declared("legacy", mutating_policies=True))
    mutating = {name: body for (kind, name), body in found.items() if kind == "MutatingAdmissionPolicyBinding"}
    assert set(mutating) == {"work-defaults.allotment.dev", "queue-marks-protected.allotment.dev"}
    assert all("legacy" in named(body, "NotIn") for body in mutating.values())


def test_what_nobody_declared_is_noted_on_the_binding() -> None:
    _, warning = bindings(declared("legacy", kept=("genomics",)), PolicyName.QUEUE_REQUIRED)
    assert named(warning, "In") == {"genomics", "legacy"}
    assert warning["metadata"]["annotations"] == {labels.KEPT_IN_WARN: "genomics"}
    _, plain = bindings(declared("legacy"), PolicyName.QUEUE_REQUIRED)
    assert "annotations" not in plain["metadata"]


def variable(found: Platform, name: PolicyName, wanted: str) -> str:
    spec = objects(found)["ValidatingAdmissionPolicy", f"{name}.allotment.dev"]["spec"]
    (expression,) = [one["expression"] for one in spec["variables"] if one["name"] == wanted]
    return str(expression)


def test_a_warning_tells_its_own_faults_and_a_refusal_there_none_of_those_that_only_warn() -> None:
    softened = variable(declared("legacy"), PolicyName.LABELS_REQUIRED, "told")
    assert softened.startswith('!(request.namespace in ["legacy"]) && ')
    kept = variable(declared("legacy"), PolicyName.SUBMITTER_KEPT, "told")
    assert (
        kept.count('!(request.namespace in ["legacy"])')
        == sum(
            1
            for name in SOFTENED
            if "told" in str(objects(declared())["ValidatingAdmissionPolicy", f"{name}.allotment.dev"])
        )
        - 1
    ), "all but the one for other namespaces"
    assert "(variables.byTenant ? variables.signature" in kept


def test_what_refuses_there_leaves_no_oversized_work_to_a_rule_that_only_warns() -> None:
    found = objects(declared("legacy"))

    def condition(name: PolicyName) -> str:
        conditions = found["ValidatingAdmissionPolicy", f"{name}.allotment.dev"]["spec"]["matchConditions"]
        return next(str(one["expression"]) for one in conditions if one["name"] == "not-oversized")

    assert condition(PolicyName.NO_SIDE_DOORS).startswith('request.namespace in ["legacy"] || ')
    assert not condition(PolicyName.LABELS_REQUIRED).startswith("request.namespace in")


@pytest.mark.parametrize("name", SOFTENED)
def test_what_it_says_is_true_where_the_work_runs_all_the_same(name: PolicyName) -> None:
    """A fault is what is wrong. That something is refused is the server's to say, and false where it only warns."""
    (policy,) = (body for (kind, own), body in objects(declared("legacy")).items() if is_policy(kind, own, name))
    texts = [variable["expression"] for variable in policy["spec"].get("variables", ())]
    texts += [check.get("messageExpression", check.get("message", "")) for check in policy["spec"]["validations"]]
    assert any(texts)
    assert not [word for text in texts for word in text.split() if word.startswith(("refuse", "reject", "denie"))]


def is_policy(kind: str, own: str, name: PolicyName) -> bool:
    return (kind, own) == ("ValidatingAdmissionPolicy", f"{name}.{labels.DOMAIN}")
