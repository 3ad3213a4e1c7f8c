"""What `work-fits` knows of a cluster beside sizes, and who judges work of too many parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import COUNTED_ALWAYS, Cluster, Feature
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.render.manifests import render
from allotment.render.namespaces import render_namespaces
from allotment.render.objects import site_of
from allotment.render.policies import render_policies
from allotment.render.policies.cel import string_list
from allotment.render.policies.node_selection import OS_LABEL, known_labels
from allotment.render.policies.rendering import RULES
from tests.unit.builders import cluster, cpu_flavor, flavor, namespace_quota, node_pool, placement, platform, team

NAME = f"{PolicyName.WORK_FITS}.{labels.DOMAIN}"
LEFT = "not-oversized"


def specs(declared: Platform) -> dict[tuple[str, str], Mapping[str, Any]]:
    objects = render_policies(declared, declared.clusters[0])
    return {(item.key.kind, item.key.name): item.body.get("spec", {}) for item in objects}


def variables(place: Cluster) -> dict[str, str]:
    spec = specs(platform(clusters=(place,)))["ValidatingAdmissionPolicy", NAME]
    return {variable["name"]: variable["expression"] for variable in spec["variables"]}


def check_names(place: Cluster) -> set[str]:
    declared = platform(clusters=(place,))
    (policy,) = [one for one in declared.policies if one.name is PolicyName.WORK_FITS]
    rule = RULES[PolicyName.WORK_FITS](declared, place, policy)
    assert rule is not None
    return {check.name for check in rule.checks}


def test_runtime_classes_are_the_declared_ones() -> None:
    assert variables(cluster())["runtimeClasses"] == "[]"
    assert variables(cluster(runtime_classes=("gvisor", "nvidia")))["runtimeClasses"] == '["gvisor", "nvidia"]'


def test_counted_is_what_flavors_of_this_cluster_have() -> None:
    always = ["cpu", "memory", "ephemeral-storage"]
    assert variables(cluster())["counted"] == string_list([*always, "nvidia.com/gpu"])
    bare = cluster(node_pools=(node_pool("cpu-pool", accelerator=None, flavor=labels.CPU_FLAVOR),),
                   flavors=(cpu_flavor(),))  # fmt: skip
    assert variables(bare)["counted"] == string_list(always)


def test_queues_name_what_work_may_ask_for() -> None:
    place = cluster(further_resources=("rdma/hca", "hugepages-2Mi"))
    declared = platform(clusters=(place,))
    named = {
        resource
        for item in render(declared, place)
        if item.key.kind == "ClusterQueue"
        for group in item.body["spec"]["resourceGroups"]
        for resource in group["coveredResources"]
    }
    wanted = [*COUNTED_ALWAYS, "nvidia.com/gpu", "rdma/hca", "hugepages-2Mi"]
    assert variables(place)["counted"] == string_list(wanted)
    assert named - {"pods"} == set(wanted), "pods are counted, and nobody asks for them"


@pytest.mark.parametrize(("features", "refused"), [((), True), ((Feature.DRA,), False)])
def test_claims_are_for_clusters_that_hand_devices_out_by_claim(features: tuple[Feature, ...], refused: bool) -> None:
    assert ("resourceClaims" in check_names(cluster(features=features))) is refused


def test_nodes_run_linux_unless_their_pool_says_otherwise() -> None:
    declared = platform()
    windows = replace(node_pool("win", accelerator=None, flavor=labels.CPU_FLAVOR), labels={OS_LABEL: "windows"})
    assert known_labels(declared, windows)[OS_LABEL] == "windows"
    assert known_labels(declared, node_pool())[OS_LABEL] == "linux"
    assert variables(cluster())["systems"] == '["linux"]'
    assert variables(cluster(node_pools=(node_pool(), windows)))["systems"] == '["linux", "windows"]'


def test_what_a_namespace_may_hold_stands_on_it() -> None:
    quota = namespace_quota(pods=70, accelerators={"nvidia.com/gpu": 12})
    declared = platform(teams=(team(placements=(placement(accelerators={"a100-spot": 4}, quota=quota),)),))
    (namespace,) = [
        item.body for item in render_namespaces(site_of(declared, declared.clusters[0])) if item.key.name == "nlp"
    ]
    facts = namespace["metadata"]["annotations"][labels.LIMITS_ANNOTATION].split(",")
    assert {"namespace.pods=70", "namespace.requests.nvidia.com/gpu=12"} <= set(facts)


def left_to_work_fits(declared: Platform) -> set[str]:
    return {
        name
        for (kind, name), spec in specs(declared).items()
        if not kind.endswith("Binding") and LEFT in {condition["name"] for condition in spec.get("matchConditions", ())}
    }


def with_work_fits(**changes: Any) -> Platform:
    declared = platform(clusters=(cluster(flavors=(flavor(), cpu_flavor()), mutating_policies=True),))

    def changed(policy: Policy) -> Policy:
        return replace(policy, **changes) if policy.name is PolicyName.WORK_FITS else policy

    return replace(declared, policies=tuple(map(changed, declared.policies)))


def test_oversized_work_is_left_to_the_one_rule_that_refuses_it() -> None:
    declared = with_work_fits()
    left = left_to_work_fits(declared)
    assert NAME not in left
    assert left >= {
        "work-defaults.allotment.dev", "queue-required.allotment.dev", "pod-security-of-templates.allotment.dev",
    }  # fmt: skip
    assert not {"managed-objects-protected.allotment.dev", "access-within-team.allotment.dev"} & left


@pytest.mark.parametrize(
    "changes",
    [
        {"modes": {cluster().name: Mode.WARN}},
        {"modes": {cluster().name: Mode.AUDIT}},
        {"exempt_namespaces": ("legacy",)},
    ],
)
def test_nothing_is_left_to_a_rule_that_lets_something_through(changes: dict[str, Any]) -> None:
    assert left_to_work_fits(with_work_fits(**changes)) == set()


def test_nothing_is_left_to_a_rule_that_is_not_there() -> None:
    declared = with_work_fits()
    without = tuple(policy for policy in declared.policies if policy.name is not PolicyName.WORK_FITS)
    assert left_to_work_fits(replace(declared, policies=without)) == set()


def test_oversized_work_is_looked_at_no_further() -> None:
    validations = specs(with_work_fits())["ValidatingAdmissionPolicy", NAME]["validations"]
    first, *others = validations
    assert first["expression"] == "size(variables.oversized) == 0"
    assert "variables.refusal" not in first["messageExpression"]
    for validation in others:
        assert validation["expression"].startswith("size(variables.oversized) > 0 || ")
