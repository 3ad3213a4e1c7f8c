"""What every policy has in common, whatever its rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model import labels
from allotment.model.cluster import Feature, Taint, TaintEffect
from allotment.model.manifest import Body, Family
from allotment.model.platform import Platform
from allotment.model.policy import Mode, PolicyName
from allotment.plan import order
from allotment.plan.order import GroupKind
from allotment.render.policies import render_policies
from allotment.render.policies.cel import list_map, quote, string_list
from allotment.render.policies.identities import ALWAYS_EXEMPT, exempt_namespaces, is_controller
from allotment.render.policies.managed_objects_protected import CLUSTER_KINDS, NAMESPACED_KINDS
from allotment.render.policies.placement import dedicated_teams, node_labels, taint_keys
from allotment.render.policies.pod_template import accelerator_domains, pod_variables
from allotment.render.policies.rendering import RULES
from allotment.render.policies.trusted_registries import prefixes
from tests.unit.builders import accelerator, cluster, cpu_flavor, flavor, platform, policies, team
from tests.unit.render.policies.small import isolated, with_registries


def rendered(declared: Platform) -> dict[tuple[str, str], Body]:
    objects = list(render_policies(declared, declared.clusters[0]))
    assert objects
    return {(item.key.kind, item.key.name): item.body for item in objects}


def policy_of(declared: Platform, name: PolicyName) -> Body:
    return rendered(declared)["ValidatingAdmissionPolicy", f"{name}.allotment.dev"]


def binding_of(declared: Platform, name: PolicyName) -> Body:
    return rendered(declared)["ValidatingAdmissionPolicyBinding", f"{name}.allotment.dev"]


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def test_every_name_has_a_rule() -> None:
    assert set(RULES) == set(PolicyName)


@pytest.mark.parametrize("name", PolicyName)
def test_a_policy_and_its_binding_belong_together(name: PolicyName) -> None:
    policy, binding = policy_of(isolated(), name), binding_of(isolated(), name)
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    for body in (policy, binding):
        assert body["metadata"]["labels"][labels.MANAGED_BY] == "allotment"
        assert body["metadata"]["labels"][labels.FAMILY] == Family.POLICIES.value
        assert body["metadata"]["labels"][labels.PLATFORM] == "acme"
    for check in policy["spec"]["validations"]:
        assert check["reason"] == "Forbidden"
        assert check["message"]
        assert check["messageExpression"]
        assert "\n" not in check["message"]


def test_only_plain_json_leaves_the_package() -> None:
    for body in rendered(isolated()).values():
        assert {type(leaf) for leaf in leaves(body)} <= {str, int, bool}
        assert json.loads(json.dumps(body)) == body


def test_the_same_platform_gives_the_same_objects() -> None:
    assert list(rendered(isolated()).items()) == list(rendered(isolated()).items())


@pytest.mark.parametrize("name", PolicyName)
def test_variables_stand_before_those_that_use_them(name: PolicyName) -> None:
    known: set[str] = set()
    spec = policy_of(isolated(), name)["spec"]
    for variable in spec.get("variables", ()):
        used = set(re.findall(r"variables\.(\w+)", variable["expression"]))
        assert used <= known, variable["name"]
        known.add(variable["name"])
    assert len(known) == len(spec.get("variables", ())), "a name is used twice"


@pytest.mark.parametrize(
    ("mode", "actions"),
    [(Mode.AUDIT, ["Audit"]), (Mode.WARN, ["Warn", "Audit"]), (Mode.ENFORCE, ["Deny", "Audit"])],
)
def test_the_mode_is_the_bindings_actions(mode: Mode, actions: list[str]) -> None:
    place = cluster()
    declared = platform(clusters=(place,), guardrails=policies((place,), mode=mode))
    assert binding_of(declared, PolicyName.LABELS_REQUIRED)["spec"]["validationActions"] == actions


def test_each_cluster_has_its_own_mode() -> None:
    one, two = cluster("one"), cluster("two")
    modes = {"one": Mode.AUDIT, "two": Mode.ENFORCE}
    guardrails = tuple(replace(policy, modes=modes) for policy in policies((one, two)))
    declared = platform(clusters=(one, two), guardrails=guardrails)
    seen = {
        place.name: item.body["spec"]["validationActions"]
        for place in (one, two)
        for item in render_policies(declared, place)
        if item.key.kind.endswith("Binding")
    }
    assert seen == {"one": ["Audit"], "two": ["Deny", "Audit"]}


@pytest.mark.parametrize(("mode", "operations"), [(Mode.AUDIT, ["add"]), (Mode.ENFORCE, ["remove", "add"])])
def test_a_forged_role_is_marked_and_dropped_only_where_it_is_refused(mode: Mode, operations: list[str]) -> None:
    place = cluster(mutating_policies=True)
    declared = platform(clusters=(place,), guardrails=policies((place,), mode=mode))
    name = "queue-marks-protected.allotment.dev"
    spec = rendered(declared)["MutatingAdmissionPolicy", name]["spec"]
    assert spec["reinvocationPolicy"] == "Never", "it must not take Kueue's role for the sender's"
    (mutation,) = spec["mutations"]
    assert re.findall(r'op: "(\w+)"', mutation["jsonPatch"]["expression"]) == operations
    bound = rendered(declared)["MutatingAdmissionPolicyBinding", name]["spec"]
    assert bound["matchResources"] == binding_of(declared, PolicyName.QUEUE_MARKS_PROTECTED)["spec"]["matchResources"]
    assert "podGroups" not in str(policy_of(declared, PolicyName.QUEUE_MARKS_PROTECTED))


def test_without_mutating_policies_teams_have_no_pod_groups() -> None:
    declared = platform()
    assert ("MutatingAdmissionPolicy", "queue-marks-protected.allotment.dev") not in rendered(declared)
    assert "podGroups" in str(policy_of(declared, PolicyName.QUEUE_MARKS_PROTECTED))


def test_registries_are_optional() -> None:
    assert ("ValidatingAdmissionPolicy", "trusted-registries.allotment.dev") not in rendered(platform())
    assert ("ValidatingAdmissionPolicy", "trusted-registries.allotment.dev") in rendered(isolated())


@pytest.mark.parametrize(
    ("registry", "expected"),
    [
        ("registry.example", ("registry.example/",)),
        ("registry.example/", ("registry.example/",)),
        ("registry.example:5000", ("registry.example:5000/",)),
        ("ghcr.io/acme", ("ghcr.io/acme/", "ghcr.io/acme:", "ghcr.io/acme@")),
        ("ghcr.io/acme/", ("ghcr.io/acme/",)),
    ],
)
def test_a_registry_is_matched_up_to_a_boundary(registry: str, expected: tuple[str, ...]) -> None:
    (policy,) = [
        item for item in with_registries(platform(), registry).policies if item.name is PolicyName.TRUSTED_REGISTRIES
    ]
    assert prefixes(policy) == expected


def test_exempt_namespaces_are_the_systems_and_the_policys_own() -> None:
    declared = platform()
    guardrails = tuple(replace(policy, exempt_namespaces=("legacy",)) for policy in declared.policies)
    declared = replace(declared, policies=guardrails)
    selector = binding_of(declared, PolicyName.LABELS_REQUIRED)["spec"]["matchResources"]["namespaceSelector"]
    tenant, exempt = selector["matchExpressions"]
    assert tenant == {"key": labels.TENANT, "operator": "Exists"}
    assert exempt["operator"] == "NotIn"
    assert {"legacy", "monitoring", *ALWAYS_EXEMPT} == set(exempt["values"]) - {"gpu-operator"}


def test_a_teams_namespace_is_never_trusted() -> None:
    declared = replace(platform(teams=(team("argocd"),)), exempt_namespaces=("argocd", "flux-system"))
    place = declared.clusters[0]
    assert "argocd" not in exempt_namespaces(declared, place)
    assert "system:serviceaccount:argocd:" not in is_controller(declared, place)
    assert "system:serviceaccount:flux-system:" in is_controller(declared, place)


@pytest.mark.parametrize(
    ("feature", "namespace"), [(Feature.JOBSET, "jobset-system"), (Feature.LEADERWORKERSET, "lws-system")]
)
def test_controllers_of_declared_kinds_are_the_systems_and_no_others(feature: Feature, namespace: str) -> None:
    account = f"system:serviceaccount:{namespace}:"
    assert account in is_controller(platform(), cluster(features=[feature]))
    assert account not in is_controller(platform(), cluster())


def test_a_service_account_prefix_ends_with_the_namespace() -> None:
    # Without the colon, kube-system-x would be trusted as kube-system is.
    assert '"system:serviceaccount:kube-system"' not in is_controller(platform(), cluster())


def test_team_rules_look_at_team_namespaces_only_and_never_at_cluster_scoped_objects() -> None:
    scopes = {
        PolicyName.NO_NAMESPACE_ADOPTION: {"Cluster"},
        PolicyName.MANAGED_OBJECTS_PROTECTED: {"Namespaced", "Cluster"},
    }
    for name in PolicyName:
        rules = policy_of(isolated(), name)["spec"]["matchConstraints"]["resourceRules"]
        assert {rule["scope"] for rule in rules} == scopes.get(name, {"Namespaced"})


def test_our_marks_are_kept_wherever_allotment_looks_for_its_own() -> None:
    kept = {
        GroupKind(group, kind)
        for kinds in (NAMESPACED_KINDS, CLUSTER_KINDS)
        for group in kinds
        for kind in kinds[group]
    }
    elsewhere = {kind for kind in order.kinds() if kind.group == "admissionregistration.k8s.io"}
    assert kept == set(order.kinds()) - elsewhere - {GroupKind("", "Namespace")}


def test_outside_of_teams_marks_are_kept_on_these_kinds_and_in_no_system_namespace() -> None:
    declared = platform()
    name = f"{PolicyName.MANAGED_OBJECTS_PROTECTED}.allotment.dev"
    match = rendered(declared)["ValidatingAdmissionPolicyBinding", f"{name}-elsewhere"]["spec"]["matchResources"]
    tenant, exempt = match["namespaceSelector"]["matchExpressions"]
    assert tenant == {"key": labels.TENANT, "operator": "DoesNotExist"}
    assert (exempt["operator"], set(exempt["values"])) == (
        "NotIn",
        {*exempt_namespaces(declared, declared.clusters[0])},
    )
    rules = match["resourceRules"]
    assert {rule["scope"] for rule in rules} == {"Namespaced"}
    assert "*" not in {path for rule in rules for path in rule["resources"]}
    assert {"resourcequotas", "resourcequotas/*"} <= {path for rule in rules for path in rule["resources"]}


def test_node_labels_and_taints_are_the_clusters() -> None:
    declared = isolated()
    place = declared.clusters[0]
    assert node_labels(declared, place) == {
        labels.ACCELERATOR: ("a100",),
        labels.CAPACITY_TYPE: ("spot",),
        labels.NODE_POOL: ("a100-pool", "cv-pool"),
    }
    assert taint_keys(declared, place) == {"nvidia.com/gpu": ("nvidia.com/gpu",)}
    assert dedicated_teams(place) == ("cv",)


def test_a_taint_is_asked_for_only_where_all_nodes_have_it() -> None:
    bare = replace(flavor("a100-bare"), taints=())
    place = cluster(flavors=(flavor(), bare, cpu_flavor()))
    assert taint_keys(platform(clusters=(place,)), place) == {}


def test_whole_domains_are_accelerators() -> None:
    catalogue = (accelerator(), accelerator("mig", resource_name="nvidia.com/mig-1g.10gb"),
                 accelerator("gaudi", resource_name="habana.ai/gaudi"))  # fmt: skip
    found = accelerator_domains(platform(accelerators=catalogue))
    assert found == ("deviceclass.resource.kubernetes.io/", "habana.ai/", "nvidia.com/")


def test_variables_come_with_what_they_need_once() -> None:
    names = [variable.name for variable in pod_variables(platform(), "device", "accelerated")]
    assert names == ["domains", "kind", "templates", "pods", "accelerated", "device"]


def told(declared: Platform, name: PolicyName) -> str:
    variables = policy_of(declared, name)["spec"]["variables"]
    text = str(next(item["expression"] for item in variables if item["name"] == "told"))
    return text.rpartition(" : ")[0]  # without what is told of subresources


def test_a_refusal_tells_what_every_enforced_rule_finds_in_the_work() -> None:
    declared = isolated()
    text = told(declared, PolicyName.TRUSTED_REGISTRIES)
    assert text == told(declared, PolicyName.QUEUE_REQUIRED)
    places = [text.index(f"variables.{name}") for name in ("unqueueable", "teamLabel", "strangeImages")]
    assert places == sorted(places), "what to do first comes first"
    assert "variables.exposed" not in text, "a service is no workload"


PAGE = "https://wiki.example/gpu"


def refusal_of(declared: Platform, name: PolicyName) -> str:
    return str(policy_of(declared, name)["spec"]["variables"][-1]["expression"])


@pytest.mark.parametrize("mode", Mode)
def test_refusals_of_work_name_the_page_on_how_to_submit_it(mode: Mode) -> None:
    place = cluster()
    declared = replace(platform(clusters=(place,), guardrails=policies((place,), mode=mode)), help_page=PAGE)
    assert refusal_of(declared, PolicyName.QUEUE_REQUIRED).endswith(f' + " (how to submit work: {PAGE})"')
    assert PAGE not in refusal_of(declared, PolicyName.NO_EXPOSED_SERVICES)
    assert "how to submit" not in refusal_of(platform(), PolicyName.QUEUE_REQUIRED)


def test_a_refusal_with_its_page_is_no_longer_than_the_api_server_takes() -> None:
    declared = replace(platform(), help_page="https://" + "w" * 192)
    text = refusal_of(declared, PolicyName.QUEUE_REQUIRED)
    (most,) = {int(number) for number in re.findall(r"(?:> |substring\(0, )(\d+)", text)}
    pointer = text.rpartition(' + "')[2].removesuffix('"')
    assert most + len(" …") + len(pointer) <= 4502


def test_a_rule_that_only_warns_is_told_by_itself() -> None:
    declared = isolated()
    modes = {place.name: Mode.WARN for place in declared.clusters}
    softened = replace(
        declared,
        policies=tuple(
            replace(item, modes=modes) if item.name is PolicyName.LABELS_REQUIRED else item
            for item in declared.policies
        ),
    )
    assert "teamLabel" not in told(softened, PolicyName.QUEUE_REQUIRED)
    assert "unqueueable" not in told(softened, PolicyName.LABELS_REQUIRED)


def test_a_rule_is_not_told_where_its_policy_is_exempt() -> None:
    declared = isolated()
    exempt = tuple(
        replace(item, exempt_namespaces=("legacy",)) if item.name is PolicyName.LABELS_REQUIRED else item
        for item in declared.policies
    )
    assert 'request.namespace in ["legacy"]' in told(replace(declared, policies=exempt), PolicyName.QUEUE_REQUIRED)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_stays_text(text: str) -> None:
    quoted = quote(text)
    assert quoted.isascii()
    assert quoted.isprintable()
    # Python's escapes and CEL's are the same for what is written here.
    assert quoted[1:-1].encode().decode("unicode_escape") == text


def test_lists_and_maps() -> None:
    assert string_list(['a"b', "c"]) == '["a\\"b", "c"]'
    assert list_map({"b": ["1"], "a": []}) == '{"a": [], "b": ["1"]}'


def test_a_spot_taint_is_no_accelerators_taint() -> None:
    spot = replace(flavor(), taints=(*flavor().taints, Taint("cloud/spot", "true", TaintEffect.NO_SCHEDULE)))
    place = cluster(flavors=(spot, cpu_flavor()))
    assert taint_keys(platform(clusters=(place,)), place) == {"nvidia.com/gpu": ("nvidia.com/gpu",)}


def test_a_refusal_names_few_of_many_marks_for_an_event_takes_no_more() -> None:
    rendered = policy_of(isolated(), PolicyName.QUEUE_MARKS_PROTECTED)
    said = {each["name"]: each["expression"] for each in rendered["spec"]["variables"]}
    for name in ("foreignMarks", "lostMarks", "claimedMarks"):
        assert 'string(size(few) - 2) + " more"' in said[name]
        assert '.join(" and ")' not in said[name]
