"""The catalogue is complete, and each probe is about its own guardrail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import Feature
from allotment.model.manifest import Family
from allotment.model.platform import Platform
from allotment.model.policy import NEVER_SOFTENED, Mode, PolicyName
from allotment.model.quantity import parse_quantity
from allotment.model.team import Groups, Isolation, Offboarding, PodLimits, PodSecurityException, PodSecurityLevel
from allotment.prove.guardrails import GUARDRAILS, probes
from allotment.prove.judging import NOWHERE
from allotment.prove.probes import (
    PROBE_NAME,
    Amend,
    AsDeclared,
    AskRights,
    Inspect,
    LookAround,
    MayPass,
    MustAccept,
    MustHold,
    MustRefuse,
    MustWarn,
    Nobody,
    OnlyWarns,
    Post,
    Probe,
)
from allotment.prove.refusers import RefuserKind
from allotment.prove.rights import ROLES, rights_of
from allotment.prove.scene import UNKNOWN_IMAGE
from allotment.prove.tenancy import own_namespace_only
from tests.unit.builders import cluster, cores, flavor, gib, node_pool, placement, platform, team
from tests.unit.prove.scenes import all_probes, guardrail, here_of, in_mode, probes_of, scene_of
from tests.unit.render.policies.small import isolated, with_registries

LEAVING = Offboarding(dt.date(2027, 1, 31))


def test_names_are_used_once() -> None:
    assert len({item.id for item in GUARDRAILS}) == len(GUARDRAILS)


@pytest.mark.parametrize("declared", [platform(), isolated(), platform(teams=(team(offboarding=LEAVING),))])
def test_every_rendered_object_belongs_to_a_guardrail(declared: Platform) -> None:
    for manifest in here_of(declared).manifests:
        owners = [item.id for item in GUARDRAILS if item.implements(manifest)]
        assert len(owners) == (0 if manifest.family is Family.STORAGE else 1), str(manifest.key)


@pytest.mark.parametrize("declared", [platform(), isolated()])
def test_every_guardrail_compares_its_own_objects(declared: Platform) -> None:
    here = here_of(declared)
    for item in GUARDRAILS:
        compared = [
            key
            for _, probe in probes(item, here, here.scenes())
            if isinstance(probe.attempt, AsDeclared)
            for key in probe.attempt.keys
        ]
        assert sorted(compared) == sorted(found.key for found in here.manifests if item.implements(found))


@pytest.mark.parametrize("name", PolicyName)
def test_every_policy_is_tried(name: PolicyName) -> None:
    tries = [probe for probe in probes_of(name.value, isolated()) if not isinstance(probe.attempt, AsDeclared)]
    assert tries
    assert all(probe.expected == MustRefuse(RefuserKind.POLICY, f"{name}.allotment.dev") for probe in tries)


@pytest.mark.parametrize(
    ("mode", "expected"), [(Mode.AUDIT, MayPass), (Mode.WARN, MustWarn), (Mode.ENFORCE, MustRefuse)]
)
def test_a_policy_is_tried_as_its_mode_is(mode: Mode, expected: type) -> None:
    tries = probes_of("labels-required", in_mode(mode))[1:]
    assert tries
    assert {type(probe.expected) for probe in tries} == {expected}


@pytest.mark.parametrize("name", PolicyName)
def test_where_policies_only_warn_it_is_said_and_what_is_never_softened_is_tried_as_ever(name: PolicyName) -> None:
    place = replace(cluster(mutating_policies=True), warn_namespaces=("legacy", "nlp"))
    found = probes_of(name.value, with_registries(platform(clusters=(place,), teams=(team("nlp"),)), "registry"))
    expected = [probe.expected for probe in found]
    softened = {one.namespace for one in expected if isinstance(one, OnlyWarns)}
    outside = name is PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES
    assert softened == (set() if name in NEVER_SOFTENED else {"legacy"} if outside else {"nlp"})
    assert any(isinstance(one, MustRefuse) for one in expected) is (name in NEVER_SOFTENED or outside)


def test_nothing_is_filled_in_where_policies_only_warn() -> None:
    place = replace(cluster(mutating_policies=True), warn_namespaces=("nlp",))
    declared = platform(clusters=(place,), teams=(team("nlp"), team("cv")))
    tried = [probe for probe in probes_of("work-defaults", declared) if isinstance(probe.expected, MustAccept)]
    assert {probe.persona.title for probe in tried} == {"a member of cv"}


def test_a_policy_that_is_not_rendered_is_not_tried() -> None:
    assert probes_of("trusted-registries", platform()) == []


def body_of(probe: Probe) -> Mapping[str, Any]:
    assert isinstance(probe.attempt, Post)
    return probe.attempt.body


def pods_of(probe: Probe) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = body_of(probe)["spec"]
    return spec["template"]["spec"] if "template" in spec else spec


def test_images_come_from_where_images_may_come_from() -> None:
    good = probes_of("good-work", with_registries(platform(), "registry.acme.example/"))[0]
    assert pods_of(good)["containers"][0]["image"] == "registry.acme.example/allotment-prove:none"
    assert pods_of(probes_of("good-work", platform())[0])["containers"][0]["image"] == UNKNOWN_IMAGE


def test_work_of_a_team_carries_its_labels() -> None:
    bodies_of_work = [
        body for probe in probes_of("good-work", platform()) if (body := body_of(probe))["kind"] != "ConfigMap"
    ]
    assert bodies_of_work
    for body in bodies_of_work:
        found = body["metadata"]["labels"]
        assert {"team": "nlp", "project": "nlp-core", "cost-center": "cc-4521"}.items() <= found.items()


def test_a_team_without_accelerators_is_asked_for_none() -> None:
    declared = platform(teams=(team(placements=(placement(accelerators={}),)),))
    assert not [probe for probe in probes_of("good-work", declared) if "accelerator" in probe.tried]
    assert probes_of("queue-required", declared)


def test_a_team_without_accelerators_asks_for_none_in_vain() -> None:
    """Other policies refuse such work, too, and which one answers is the server's choice."""
    shared = platform(teams=(team(placements=(placement(accelerators={}),)),))
    bare = platform(
        clusters=(cluster(node_pools=(node_pool("cpu", accelerator=None, flavor=labels.CPU_FLAVOR),), flavors=()),),
        teams=(team(placements=(placement(accelerators={}),)),),
    )
    moved, past = "move submitted work to a foreign queue", "create a pod with an accelerator past the team's queue"
    tried = {
        declared.clusters[0].node_pools[0].name: [
            [probe.tried for probe in probes_of(name, declared) if not isinstance(probe.attempt, AsDeclared)]
            for name in ("queue-required", "gpu-requests-equal-limits")
        ]
        for declared in (shared, bare)
    }
    assert tried == {
        "a100-pool": [[past, moved], ["create a pod for accelerator nodes that asks for no accelerator"]],
        "cpu": [[moved], ["create a pod that asks for 0 accelerators"]],
    }


def test_where_nothing_but_accelerators_is_declared_the_policy_says_what_prove_looks_for() -> None:
    policy = next(item for item in here_of(platform()).manifests if item.key.name == "work-fits.allotment.dev")
    assert NOWHERE in str(policy.body["spec"])


def test_a_pod_for_a_foreign_pool_is_never_sent_by_accident() -> None:
    declared = isolated()
    for name in ("placement-required", "queue-required", "gpu-requests-equal-limits"):
        sent = [probe for probe in probes_of(name, declared) if isinstance(probe.attempt, Post)]
        inside = [probe for probe in sent if probe.attempt.body["metadata"]["namespace"] == "nlp"]
        assert inside, name
        for probe in inside:
            tolerated = {item.get("value") for item in pods_of(probe).get("tolerations", ()) if "value" in item}
            assert "cv" not in tolerated, probe.tried


def test_where_kueue_queues_pods_a_pod_without_a_queue_proves_nothing() -> None:
    declared = platform(clusters=(cluster(features=(Feature.POD_INTEGRATION,)),))
    (pod,) = [probe for probe in probes_of("queue-required", declared) if "pod" in probe.tried]
    assert body_of(pod)["metadata"]["labels"][labels.KUEUE_QUEUE] == PROBE_NAME
    assert not [probe for probe in probes_of("placement-required", declared) if "no particular" in probe.tried]
    plain = platform(clusters=(cluster(features=()),))
    assert [probe for probe in probes_of("placement-required", plain) if "no particular" in probe.tried]


def test_a_rung_that_the_team_may_not_use_is_tried() -> None:
    tried = [probe.tried for probe in probes_of("priority-from-ladder", platform())[1:]]
    assert tried == [
        "create a Job with the priority class production-inference",
        "create a Job with Kueue's priority production-inference",
    ]
    every = team(priorities=("exploratory", "scheduled-training", "production-inference"))
    tried = [probe.tried for probe in probes_of("priority-from-ladder", platform(teams=(every,)))[1:]]
    assert tried == ["create a Job with the priority class system-cluster-critical"]


def requested(probe: Probe, resource: str) -> int:
    return int(parse_quantity(pods_of(probe)["containers"][0]["resources"]["requests"].get(resource, "0")))


def test_the_quota_is_tried_with_what_the_limit_range_lets_through() -> None:
    free = probes_of("resource-quota", platform())
    pods = {probe.tried: probe for probe in free if "pod with" in probe.tried}
    assert list(pods) == [
        "create a pod with 9 nvidia.com/gpu", "create a pod with 65 CPUs", "create a pod with 257Gi of memory",
    ]  # fmt: skip
    assert requested(pods["create a pod with 9 nvidia.com/gpu"], "nvidia.com/gpu") == 9
    bounded = team(member_limits=PodLimits(cpu=cores(8), memory=gib(64), accelerators=4))
    tried = [item.tried for item in probes_of("resource-quota", platform(teams=(bounded,)))]
    assert [what for what in tried if "pod with" in what] == ["create a pod with 9 nvidia.com/gpu"]
    assert [probe.tried for probe in probes_of("limit-range", platform(teams=(bounded,)))[1:]] == [
        "create a pod with 9 CPUs", "create a pod with 65Gi of memory", "create a pod that asks for nothing",
    ]  # fmt: skip


def test_more_devices_than_one_pod_may_have_are_refused_by_policy() -> None:
    bounded = team(member_limits=PodLimits(cpu=None, memory=None, accelerators=4))
    tried = [probe.tried for probe in probes_of("work-fits", platform(teams=(bounded,)))]
    assert "create a Job whose pod asks for 5 nvidia.com/gpu" in tried


@pytest.mark.parametrize("mutating", [False, True])
def test_what_has_one_right_answer_is_refused_or_filled_in(mutating: bool) -> None:
    declared = platform(clusters=(cluster(mutating_policies=mutating),))
    refused = [
        probe.tried
        for name in ("labels-required", "requests-as-charged", "pod-security-of-templates")
        for probe in probes_of(name, declared)
        if isinstance(probe.expected, MustRefuse)
    ]
    filled = [probe for probe in probes_of("work-defaults", declared) if isinstance(probe.expected, MustAccept)]
    left_out = "create a Job without a security context"
    assert (left_out in refused) is not mutating
    assert (left_out in [probe.tried for probe in filled]) is mutating
    for probe in filled:
        # What comes back as it was sent was not filled in.
        assert probe.expected.fault is not None
        assert probe.expected.fault(body_of(probe)), probe.tried


def test_storage_is_tried_with_one_more_than_there_is() -> None:
    (claim,) = [probe for probe in probes_of("resource-quota", platform()) if "claim" in probe.tried]
    assert body_of(claim)["spec"]["resources"]["requests"]["storage"] == "1025Gi"
    assert claim.expected == MustRefuse(RefuserKind.QUOTA, "allotment-quota", "requested: requests.storage")


def test_a_leaving_team_is_asked_only_whether_it_has_left() -> None:
    declared = platform(teams=(team(offboarding=LEAVING),))
    tried = [probe for probe in all_probes(declared) if not isinstance(probe.attempt, AsDeclared)]
    in_team = [probe for probe in tried if "nlp" in probe.persona.title or "leaves" in probe.tried]
    assert {probe.object for probe in in_team} == {"ResourceQuota nlp/allotment-quota", "namespace nlp"}
    matrices = [probe for probe in in_team if isinstance(probe.attempt, AskRights)]
    titles = ("an owner of nlp", "a member of nlp", "a viewer of nlp", "an exec holder of nlp")
    assert [probe.persona.title for probe in matrices] == [*titles, "the default service account of nlp"]
    cells = [cell for probe in matrices if isinstance(probe.attempt, AskRights) for cell in probe.attempt.cells]
    assert not any(wanted for _, wanted in cells)
    assert {right.resource for right, _ in cells} >= {"pods", "secrets", "rolebindings"}


def test_a_group_with_two_roles_stands_for_neither() -> None:
    both = Groups(owners=("a", "b"), members=("a", "c"), viewers=("platform-engineers",), exec=())
    scene = scene_of(platform(teams=(team(groups=both),)))
    assert scene.owner is not None
    assert scene.owner.groups == ("b", "system:authenticated")
    assert scene.member is not None
    assert scene.member.groups == ("c", "system:authenticated")
    assert scene.viewer is None
    assert scene.debugger is None


def test_members_who_are_the_exec_holders_too_are_tried_all_the_same_and_the_rest_is_said() -> None:
    one_group = Groups(owners=("leads",), members=("team",), viewers=(), exec=("team",))
    own_groups = replace(one_group, exec=("debuggers",))
    declared, apart = (platform(teams=(team(groups=groups),)) for groups in (one_group, own_groups))
    for name in ("labels-required", "queue-required", "good-work", "own-namespace-only"):
        assert len(probes_of(name, declared)) == len(probes_of(name, apart)), name
    untried = [probe for probe in probes_of("roles", declared) if isinstance(probe.attempt, Nobody)]
    assert [probe.tried for probe in untried] == [
        "what needs somebody who is member and nothing else",
        "what needs somebody who is exec and nothing else",
    ]
    assert not [probe for probe in probes_of("roles", apart) if isinstance(probe.attempt, Nobody)]


def test_a_group_of_another_team_submits_nothing() -> None:
    shared = Groups(owners=(), members=("both",), viewers=(), exec=())
    declared = platform(teams=(team("nlp", groups=shared), team("cv", groups=shared, isolation=Isolation.NAMESPACE)))
    assert scene_of(declared).worker is None
    assert [probe for probe in probes_of("roles", declared) if isinstance(probe.attempt, Nobody)]


def test_a_team_without_groups_is_proved_as_far_as_it_goes() -> None:
    nobody = Groups(owners=(), members=(), viewers=(), exec=())
    declared = platform(teams=(team(groups=nobody),))
    assert probes_of("roles", declared) == []
    assert probes_of("resource-quota", declared)


def test_two_teams_are_tried_against_each_other() -> None:
    declared = platform(teams=(team("nlp"), team("cv", isolation=Isolation.NAMESPACE)))
    targets = {probe.object for probe in probes_of("own-namespace-only", declared)}
    assert {"namespace nlp", "namespace cv"} <= targets
    assert "namespace default" in {probe.object for probe in probes_of("own-namespace-only", platform())}


@pytest.mark.parametrize("role", ROLES)
def test_no_cell_of_the_matrix_contradicts_another(role: str) -> None:
    cells = rights_of(role, "nlp", set(Feature))
    assert len(dict(cells)) == len(set(cells)), "a cell is asked with two answers"
    assert {answer for _, answer in cells} == {True, False}


def test_the_matrix_holds_what_matters_most() -> None:
    cells = {str(right): answer for right, answer in rights_of("member", "nlp")}
    assert cells["create pods"] is True
    for denied in ("get secrets", "create pods/exec", "impersonate users", "* *.*", "update resourcequotas",
                   "create namespaces", "escalate roles.rbac.authorization.k8s.io"):  # fmt: skip
        assert cells[denied] is False
    assert {str(right): answer for right, answer in rights_of("exec", "nlp")}["create pods/exec"] is True


def inspected(probe: Probe, *bodies: Mapping[str, Any]) -> str:
    assert isinstance(probe.attempt, Inspect)
    return probe.attempt.fault(bodies)


def live(declared: Platform, family: Family) -> list[Mapping[str, Any]]:
    return [manifest.body for manifest in here_of(declared).manifests.of(family)]


def test_network_policies_are_read_for_holes() -> None:
    declared = platform()
    (probe,) = [item for item in probes_of("network-policies", declared) if isinstance(item.attempt, Inspect)]
    good = live(declared, Family.NETWORK_POLICIES)
    assert inspected(probe, *good) == ""
    without = [body for body in good if body["metadata"]["name"] != "allotment-default-deny"]
    assert "no policy denies" in inspected(probe, *without)
    hole = {"metadata": {"name": "hole"}, "spec": {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]}}
    assert "hole" in inspected(probe, *good, hole)
    narrow = {"metadata": {"name": "allotment-default-deny"},
              "spec": {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress", "Egress"]}}  # fmt: skip
    assert "no policy denies" in inspected(probe, *without, narrow)


@pytest.mark.parametrize("feature", [True, False])
def test_network_policies_are_never_claimed_to_be_proved(feature: bool) -> None:
    features = (Feature.NETWORK_POLICY,) if feature else ()
    declared = platform(clusters=(cluster(features=features),))
    (probe,) = [item for item in probes_of("network-policies", declared) if isinstance(item.attempt, Inspect)]
    assert isinstance(probe.expected, MustHold)
    assert probe.expected.unproved.startswith("stored, not proved")
    assert ("does not declare" in probe.expected.unproved) is not feature


def test_queues_must_say_that_they_are_active() -> None:
    (queue,) = [item for item in probes_of("queues", platform()) if item.tried == "read the state of the ClusterQueue"]
    active = {"type": "Active", "status": "True"}
    assert inspected(queue, named("nlp", [active])) == ""
    assert "not active: stopped" in inspected(queue, named("nlp", [active | {"status": "False", "message": "stopped"}]))
    assert "is Kueue running?" in inspected(queue, named("nlp", []))
    assert "nlp is not there" in inspected(queue, named("cv", [active]))


def named(name: str, conditions: list[dict[str, str]]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def test_kueues_ladder_is_read() -> None:
    (probe,) = [item for item in probes_of("priority-ladder", platform()) if isinstance(item.attempt, Inspect)]
    good = [{"metadata": {"name": rung.name}, "value": rung.value} for rung in platform().priorities]
    assert inspected(probe, *good) == ""
    assert "exploratory is 9, not 1000" in inspected(probe, *good[:2], {**good[2], "value": 9})


def accepted(probe: Probe, body: Mapping[str, Any]) -> str:
    assert isinstance(probe.expected, MustAccept)
    assert probe.expected.fault is not None
    return probe.expected.fault(body)


def test_what_is_admitted_is_looked_at() -> None:
    rung = probes_of("priority-ladder", platform())[2]
    assert accepted(rung, {"spec": {"priority": 1000, "preemptionPolicy": "Never"}}) == ""
    assert "priority" in accepted(rung, {"spec": {"priority": 1000, "preemptionPolicy": "PreemptLowerPriority"}})
    account = probes_of("service-account", platform())[1]
    token = {"name": "api", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    assert accepted(account, {"spec": {"volumes": []}}) == ""
    assert "gets a token" in accepted(account, {"spec": {"volumes": [token]}})
    bare = probes_of("limit-range", platform())[-1]
    full = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    assert accepted(bare, {"spec": {"containers": [{"resources": full}]}}) == ""
    assert "no default" in accepted(bare, {"spec": {"containers": [{"resources": {}}]}})


def test_probes_only_pretend() -> None:
    """What is made for real is marked, so that it can be swept up."""
    queueing_pods = platform(clusters=(cluster(features=(Feature.POD_INTEGRATION,)),))
    attempts = [probe.attempt for declared in (isolated(), queueing_pods) for probe in all_probes(declared)]
    given = [attempt.given for attempt in attempts if isinstance(attempt, Amend) and attempt.given is not None]
    asked = [attempt.cells for attempt in attempts if isinstance(attempt, AskRights)]
    assert given
    assert all(body["metadata"]["labels"]["allotment.dev/prove"] == "true" for body in given)
    assert all(body["spec"]["replicas"] == 0 for body in given)
    assert asked
    assert all(asked)


def test_policies_on_other_clusters_do_not_matter() -> None:
    here, there = cluster("here"), cluster("there", flavors=(flavor(),))
    declared = platform(clusters=(here, there), teams=(team(placements=(placement("here"),)),))
    modes = {"here": Mode.WARN, "there": Mode.ENFORCE}
    declared = replace(declared, policies=tuple(replace(item, modes=modes) for item in declared.policies))
    assert isinstance(probes_of("labels-required", declared)[1].expected, MustWarn)


def test_guardrails_have_a_purpose() -> None:
    assert all(item.protects for item in GUARDRAILS)
    assert guardrail("roles").id == "roles"


REFUSED_BY_LEVEL = {
    "restricted": {"a privileged pod", "a pod with a folder of its node", "a pod in its node's network",
                   "a pod that runs as root"},
    "baseline": {"a privileged pod", "a pod with a folder of its node", "a pod in its node's network"},
    "privileged": set(),
}  # fmt: skip


@pytest.mark.parametrize("level", list(PodSecurityLevel))
def test_pods_are_tried_against_the_level_of_their_team(level: PodSecurityLevel) -> None:
    given = PodSecurityException(level, "images are built as root", dt.date(2027, 1, 31))
    declared = platform(teams=(team(pod_security=given),), clusters=(cluster(mutating_policies=False),))
    tried = [probe for probe in probes_of("pod-security", declared) if not isinstance(probe.attempt, AsDeclared)]
    refused = {probe.tried.removeprefix("create ") for probe in tried if isinstance(probe.expected, MustRefuse)}
    assert refused == REFUSED_BY_LEVEL[level]
    root = next(probe for probe in tried if "root" in probe.tried)
    assert isinstance(root.expected, MustAccept) is (level is not PodSecurityLevel.RESTRICTED)
    templates = {probe.tried for probe in probes_of("pod-security-of-templates", declared)}
    assert ("create a Job without a security context" in templates) is (level is PodSecurityLevel.RESTRICTED)
    assert ("create a Job on the network of its node" in templates) is (level is not PodSecurityLevel.PRIVILEGED)


def test_every_namespace_of_a_team_is_tried_and_what_it_has_once_once() -> None:
    declared = platform(teams=(team(namespaces=("nlp", "nlp-serving")), team("cv")))
    for id_ in ("pod-security", "limit-range", "good-work", "roles", "network-policies"):
        tried = [probe for probe in probes_of(id_, declared) if not isinstance(probe.attempt, AsDeclared)]
        about = {name: [p.tried for p in tried if names(p, name)] for name in ("nlp", "nlp-serving")}
        assert about["nlp"] == about["nlp-serving"] != [], id_
    here = here_of(declared)
    assert [scene.namespace for scene in here.scenes(["nlp"])] == ["nlp", "nlp-serving"]
    compared = [probe for probe in probes_of("roles", declared) if isinstance(probe.attempt, AsDeclared)]
    keys = [key for probe in compared for key in probe.attempt.keys]
    assert len(keys) == len(set(keys))
    assert {key.namespace for key in keys} == {"nlp", "nlp-serving", "cv"}
    looks = [probe.attempt for probe in probes_of("surroundings", declared) if isinstance(probe.attempt, LookAround)]
    assert [look.team for look in looks] == ["", "nlp", "cv"]


def names(probe: Probe, namespace: str) -> bool:
    """Whether a probe is about exactly that namespace."""
    return namespace in probe.object.replace("/", " ").split()


def test_another_namespace_of_the_own_team_is_nobody_elses() -> None:
    declared = platform(teams=(team(namespaces=("nlp", "nlp-serving")), team("cv")))
    scenes = list(here_of(declared).scenes(["nlp"]))
    assert len(scenes) == 2
    for scene in scenes:
        asked = [probe.object for probe in own_namespace_only(scene) if "somebody else" in probe.tried]
        assert set(asked) == {"namespace cv"}
