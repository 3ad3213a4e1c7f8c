"""Who is named, who is not, and what the directory accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import Feature
from allotment.model.platform import AcceptedStranger, Platform
from allotment.model.team import Offboarding
from allotment.plan.strangers.grounds import grounds
from allotment.plan.strangers.look import strangers
from allotment.plan.strangers.stranger import Live, Stranger
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, team
from tests.unit.kueue_webhooks import kueue_webhooks
from tests.unit.plan.strangers.bodies import (
    ADMIN,
    USUAL,
    Body,
    account,
    body,
    bound,
    group,
    queue,
    role,
    rule,
    token,
    user,
)

TODAY = dt.date(2026, 11, 26)
TEAMS = (team("nlp"), team("cv"))
LEAVING = Offboarding(dt.date(2027, 1, 31))


def look(*bodies: Body, declared: Platform | None = None) -> tuple[Stranger, ...]:
    """Strangers among these objects, in a cluster that holds all that is declared and what every cluster has."""
    chosen = declared or platform(teams=TEAMS)
    manifests = render(chosen, chosen.clusters[0])
    given = {(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")) for one in bodies}
    usual = (one for one in (*USUAL, *kueue_webhooks()) if (one["kind"], one["metadata"]["name"], None) not in given)
    objects: dict[str, list[Any]] = {}
    for one in (*(manifest.body for manifest in manifests), *usual, *bodies):
        objects.setdefault(one["kind"], []).append(one)
    live = Live({kind: tuple(found) for kind, found in objects.items()})
    return strangers(live, grounds(chosen, chosen.clusters[0], manifests, TODAY))


def named(found: Iterable[Stranger]) -> list[tuple[str, str]]:
    return [(str(one.key).replace(".rbac.authorization.k8s.io", ""), one.team) for one in found]


def test_a_cluster_that_holds_what_is_declared_has_none() -> None:
    assert look() == ()


SECRETS = rule("secrets", "get list")

NAMED: dict[str, tuple[tuple[Body, ...], list[tuple[str, str]], str]] = {
    "cluster-admin for a person": (
        (bound("evil", "cluster-admin", user("mallory")),),
        [("ClusterRoleBinding evil", "")],
        "cluster-admin (everything) in the whole cluster to user mallory",
    ),
    "cluster-admin for a team": (
        (bound("evil", "cluster-admin", group("nlp-members")),),
        [("ClusterRoleBinding evil", "nlp")],
        "to group nlp-members",
    ),
    "a binding that hides a person among components": (
        (bound("system:fine", "cluster-admin", group("system:masters"), user("mallory")),),
        [("ClusterRoleBinding system:fine", "")],
        "to user mallory",
    ),
    "the nodes' proxy": (
        (role("p", rule("nodes/proxy", "get")), bound("p", "p", group("cv-members"))),
        [("ClusterRoleBinding p", "cv")],
        "nodes/proxy",
    ),
    "another default of priority": (
        (body("scheduling.k8s.io/v1", "PriorityClass", "standard", value=5, globalDefault=True),),
        [("PriorityClass.scheduling.k8s.io standard", "")],
        "is the cluster's default class, with value 5",
    ),
    "everybody": (
        (bound("all", "view", group("system:authenticated")),),
        [("ClusterRoleBinding all", "")],
        "to group system:authenticated",
    ),
    "all accounts, the teams' among them": (
        (bound("all", "view", group("system:serviceaccounts")),),
        [("ClusterRoleBinding all", "")],
        "system:serviceaccounts",
    ),
    "an account of a team": (
        (bound("sa", "edit", account("nlp")),), [("ClusterRoleBinding sa", "nlp")], "service account nlp/default",
    ),
    "an account of a team, written as a user": (
        (bound("sa", "edit", user("system:serviceaccount:nlp:default")),),
        [("ClusterRoleBinding sa", "nlp")],
        "service account nlp/default",
    ),
    "all accounts of a team": (
        (bound("sa", "edit", group("system:serviceaccounts:nlp")),), [("ClusterRoleBinding sa", "nlp")], "nlp/*",
    ),
    "a role that is not there yet": (
        (bound("later", "to-come", user("mallory")),), [("ClusterRoleBinding later", "")], "ClusterRole to-come",
    ),
    "another team": (
        (bound("evil", "view", group("cv-members"), namespace="nlp"),), [("RoleBinding nlp/evil", "nlp")], "cv-members",
    ),
    "another team's account": (
        (bound("evil", "view", account("cv"), namespace="nlp"),), [("RoleBinding nlp/evil", "nlp")], "cv/default",
    ),
    "a person in a team": (
        (bound("evil", "edit", user("mallory"), namespace="nlp"),), [("RoleBinding nlp/evil", "nlp")], "user mallory",
    ),
    "the public, by an owner": (
        (bound("r09", "allotment-owner", group("system:unauthenticated"), namespace="nlp", role_kind="Role"),),
        [("RoleBinding nlp/r09", "nlp")],
        "system:unauthenticated",
    ),
    "an account of a namespace that is nobody's": (
        (bound("evil", "allotment-member", account("default"), namespace="nlp", role_kind="Role"),),
        [("RoleBinding nlp/evil", "nlp")],
        "default/default",
    ),
    "the team, with more than an owner has": (
        (bound("evil", "edit", group("nlp-members"), namespace="nlp"),),
        [("RoleBinding nlp/evil", "nlp")],
        "no owner made it",
    ),
    "the team, with a role that is not there yet": (
        (bound("later", "to-come", group("nlp-members"), namespace="nlp"),),
        [("RoleBinding nlp/later", "nlp")],
        "that role is not there",
    ),
    "a role with more than an owner has": (
        (role("execs", rule("pods/exec", "create"), namespace="nlp"),), [("Role nlp/execs", "nlp")], "exec into pods",
    ),
    "a team past the policies": (
        (bound("evil", "view", group("nlp-members"), namespace="gpu-operator"),),
        [("RoleBinding gpu-operator/evil", "")],
        "no policy touches",
    ),
    "a person with power past the policies": (
        (bound("evil", "edit", user("mallory"), namespace="kube-system"),),
        [("RoleBinding kube-system/evil", "")],
        "no policy touches",
    ),
    "secrets for all who view": (
        (role("evil", SECRETS, aggregate_to="view"),), [("ClusterRole evil", "")], "adds secrets to ClusterRole view",
    ),
    "changes for all who view": (
        (role("evil", rule("widgets", "create", "example.com"), aggregate_to="view"),),
        [("ClusterRole evil", "")],
        "adds changes to ClusterRole view",
    ),
    "queues for all who edit": (
        (role("evil", rule("localqueues", "create", "kueue.x-k8s.io"), aggregate_to="edit"),),
        [("ClusterRole evil", "")],
        "adds queues to ClusterRole edit",
    ),
    "an account that gets a token": (
        (body("v1", "ServiceAccount", "zz", "nlp"),), [("ServiceAccount nlp/zz", "nlp")], "get a token",
    ),
    "a token that never expires": ((token("nlp"),), [("Secret nlp/tok", "nlp")], "of service account default"),
    "a second limit range": ((body("v1", "LimitRange", "zz", "nlp"),), [("LimitRange nlp/zz", "nlp")], "defaults"),
    "a second quota": ((body("v1", "ResourceQuota", "zz", "nlp"),), [("ResourceQuota nlp/zz", "nlp")], "refuses"),
    "a hole in the wall": (
        (body("networking.k8s.io/v1", "NetworkPolicy", "zz", "nlp"),),
        [("NetworkPolicy.networking.k8s.io nlp/zz", "nlp")],
        "open the wall",
    ),
    "a door to another queue": (
        (body("kueue.x-k8s.io/v1beta2", "LocalQueue", "zz", "nlp", spec={"clusterQueue": "evil"}),),
        [("LocalQueue.kueue.x-k8s.io nlp/zz", "nlp")],
        "leads to ClusterQueue evil",
    ),
    "a queue in our cohort": (
        (queue("evil", cohort="all"),), [("ClusterQueue.kueue.x-k8s.io evil", "")], "joins cohort all",
    ),
    "a queue on our devices": (
        (queue("evil", flavors=("a100-spot",)),), [("ClusterQueue.kueue.x-k8s.io evil", "")], "quota of a100-spot",
    ),
    "a cohort below ours": (
        (body("kueue.x-k8s.io/v1beta2", "Cohort", "evil", spec={"parentName": "all"}),),
        [("Cohort.kueue.x-k8s.io evil", "")],
        "joins cohort all",
    ),
    "a namespace that passes for a team's": (
        (body("v1", "Namespace", "evil", metadata={"labels": {labels.TENANT: "nlp"}}),),
        [("Namespace evil", "")],
        "passes for one of team nlp",
    ),
    "a binding of a policy of ours": (
        (
            body(
                "admissionregistration.k8s.io/v1",
                "ValidatingAdmissionPolicyBinding",
                "evil",
                spec={"policyName": "labels-required.allotment.dev"},
            ),
        ),
        [("ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io evil", "")],
        "binds labels-required.allotment.dev",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_undoes_a_guardrail_is_named(name: str) -> None:
    bodies, expected, says = NAMED[name]
    found = look(*bodies)
    assert named(found) == expected
    assert says in str(found[0])
    assert "accept it in the Platform document" in found[0].fix


OWN = role("keep", rule("secrets pods", "get list create delete"), namespace="nlp")

PASSED: dict[str, tuple[Body, ...]] = {
    "the standard binding": (bound("cluster-admin", "cluster-admin", group("system:masters")),),
    "kubeadm's administrators": (bound("kubeadm:cluster-admins", "cluster-admin", group("kubeadm:cluster-admins")),),
    "a component": (bound("system:kube-scheduler", "edit", user("system:kube-scheduler")),),
    "a managed cluster's component": (bound("eks:addon-manager", "edit", user("eks:addon-manager")),),
    "what everybody may ask": (
        bound("system:discovery", "system:discovery", group("system:authenticated")),
        bound("system:basic-user", "system:basic-user", group("system:authenticated"), group("system:unauthenticated")),
    ),
    "an operator of Helm's": (bound("cert-manager", "cluster-admin", account("cert-manager", "controller")),),
    "our engineers": (bound("us", "cluster-admin", group("platform-engineers")),),
    "Argo CD in a team's namespace": (bound("argo", "edit", account("gpu-operator", "argocd"), namespace="nlp"),),
    "an owner's own role, for her team and its account": (
        OWN,
        bound("keep", "keep", group("nlp-members"), account("nlp"), namespace="nlp", role_kind="Role"),
    ),
    "people and teams in other namespaces": (
        bound("theirs", "edit", user("mallory"), group("nlp-members"), namespace="playground"),
        body("v1", "LimitRange", "theirs", "playground"),
        token("playground"),
    ),
    "a person who looks past the policies": (bound("see", "view", user("ann"), namespace="monitoring"),),
    "an aggregated role of an operator's": (
        role("certs", rule("certificates", "get list watch", "cert-manager.io"), aggregate_to="view"),
        role("certs-edit", rule("certificates", "create delete", "cert-manager.io"), aggregate_to="edit"),
    ),
    "what edit has anyway": (role("system:aggregate-to-edit", SECRETS, aggregate_to="edit"),),
    "an account without a token": (body("v1", "ServiceAccount", "quiet", "nlp", automountServiceAccountToken=False),),
    "somebody's queue on devices of their own": (queue("theirs", cohort="their-cohort", flavors=("tpu",)),),
    "another platform's namespace": (
        body("v1", "Namespace", "other", metadata={"labels": {labels.TENANT: "x", labels.PLATFORM: "rival"}}),
    ),
    "policies of somebody else": (
        body("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "x", spec={"policyName": "theirs"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSED)
def test_what_an_ordinary_cluster_has_is_not(name: str) -> None:
    assert look(*PASSED[name]) == ()


def test_in_a_namespace_of_a_leaving_team_every_way_in_is_named() -> None:
    declared = platform(teams=(team("nlp", offboarding=LEAVING), team("cv")))
    found = look(
        OWN,
        bound("keep", "keep", group("nlp-members"), namespace="nlp", role_kind="Role"),
        body("v1", "ServiceAccount", "quiet", "nlp", automountServiceAccountToken=False),
        token("nlp"),
        declared=declared,
    )
    assert named(found) == [
        ("Secret nlp/tok", "nlp"),
        ("ServiceAccount nlp/quiet", "nlp"),
        ("Role nlp/keep", "nlp"),
        ("RoleBinding nlp/keep", "nlp"),
    ]


class TestAccepted:
    STRANGER = bound("ops", "cluster-admin", group("ops"))

    def accepting(self, *entries: AcceptedStranger) -> Platform:
        return replace(platform(teams=TEAMS), accepted=entries)

    def entry(self, **changes: Any) -> AcceptedStranger:
        plain = AcceptedStranger("ClusterRoleBinding", "", "ops", (), "the security team", None)
        return replace(plain, **changes)

    def test_by_kind_and_name(self) -> None:
        assert look(self.STRANGER, declared=self.accepting(self.entry())) == ()
        assert look(self.STRANGER, declared=self.accepting(self.entry(name="other"))) != ()

    def test_in_every_namespace_or_in_one(self) -> None:
        quotas = (body("v1", "ResourceQuota", "gke", "nlp"), body("v1", "ResourceQuota", "gke", "cv"))
        entry = self.entry(kind="ResourceQuota", name="gke")
        assert look(*quotas, declared=self.accepting(entry)) == ()
        found = look(*quotas, declared=self.accepting(replace(entry, namespace="nlp")))
        assert named(found) == [("ResourceQuota cv/gke", "cv")]

    @pytest.mark.parametrize(("days", "kept"), [(0, True), (1, True), (-1, False)])
    def test_until_its_last_day(self, days: int, kept: bool) -> None:
        until = TODAY + dt.timedelta(days=days)
        found = look(self.STRANGER, declared=self.accepting(self.entry(until=until)))
        assert (found == ()) is kept
        assert all(f"accepted until {until}, which has passed" in one.why for one in found)

    def test_whom_it_was_accepted_for(self) -> None:
        entry = self.entry(subjects=("ops",))
        assert look(self.STRANGER, declared=self.accepting(entry)) == ()
        more = bound("ops", "cluster-admin", group("ops"), user("mallory"))
        (found,) = look(more, declared=self.accepting(entry))
        assert "accepted, but not for user mallory" in found.why


NARROWED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "gone": (lambda hook: None if "job" in hook["name"] else hook, "has no webhook for jobs.batch"),
    "all gone": (lambda hook: None, "has no webhook for clusterqueues.kueue.x-k8s.io"),
    "ignored": (lambda hook: {**hook, "failurePolicy": "Ignore"}, "has failurePolicy Ignore"),
    "not asked": (
        lambda hook: {**hook, "rules": [{**hook["rules"][0], "operations": ["UPDATE"]}]},
        "is not asked about deployments.apps on CREATE",
    ),
    "narrowed by condition": (
        lambda hook: {**hook, "matchConditions": [{"name": "x", "expression": "false"}]},
        "has the match conditions x",
    ),
    "narrowed by label": (
        lambda hook: {**hook, "objectSelector": {"matchLabels": {"a": "b"}}},
        "has an object selector",
    ),
    "narrowed by namespace": (
        lambda hook: {
            **hook,
            "namespaceSelector": {
                "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["nlp"]}]
            },
        },
        "passes over namespace nlp",
    ),
    "narrowed to a label that teams lack": (
        lambda hook: {**hook, "namespaceSelector": {"matchLabels": {"managed": "yes"}}},
        "passes over namespace cv, nlp",
    ),
}


class TestKueuesWebhooks:
    def look(self, change: Any, kind: str = "Mutating") -> tuple[Stranger, ...]:
        mutating, validating = kueue_webhooks()
        changed = mutating if kind == "Mutating" else validating
        changed["webhooks"] = [one for hook in changed["webhooks"] if (one := change(hook)) is not None]
        return look(changed, declared=self.with_pods())

    def with_pods(self) -> Platform:
        return platform(teams=TEAMS, clusters=(cluster(features=frozenset({Feature.POD_INTEGRATION})),))

    @pytest.mark.parametrize("name", NARROWED)
    def test_whole_or_named(self, name: str) -> None:
        change, says = NARROWED[name]
        (found,) = self.look(change)
        assert found.key.name == "kueue-mutating-webhook-configuration"
        assert says in found.what

    def test_the_validating_ones_too(self) -> None:
        (found,) = self.look(lambda hook: {**hook, "failurePolicy": "Ignore"}, "Validating")
        assert found.key.kind == "ValidatingWebhookConfiguration"

    def test_of_pods_only_where_pods_queue(self) -> None:
        mutating, _ = kueue_webhooks()
        mutating["webhooks"] = [hook for hook in mutating["webhooks"] if "pod" not in hook["name"]]
        assert look(mutating, declared=platform(teams=TEAMS, clusters=(cluster(features=frozenset()),))) == ()
        assert len(look(mutating, declared=self.with_pods())) == 1

    def test_under_another_name(self) -> None:
        mutating, _ = kueue_webhooks()
        mutating["metadata"] = {"name": "release-mutating-webhook-configuration"}
        mutating["webhooks"] = [{**hook, "failurePolicy": "Ignore"} for hook in mutating["webhooks"]]
        chosen = self.with_pods()
        manifests = render(chosen, chosen.clusters[0])
        queues = tuple(item.body for item in manifests if item.key.kind == "ClusterQueue")
        live = Live({"ClusterQueue": queues, "MutatingWebhookConfiguration": (mutating,)})
        (found,) = strangers(live, grounds(chosen, chosen.clusters[0], manifests, TODAY))
        assert found.key.name == "release-mutating-webhook-configuration"
        assert "webhook mjob.kb.io has failurePolicy Ignore" in found.what

    def test_others_that_look_at_its_kinds_are_theirs(self) -> None:
        rule = {"apiGroups": ["kueue.x-k8s.io"], "operations": ["CREATE"], "resources": ["workloads"]}
        hook = {"name": "audit.example.com", "failurePolicy": "Ignore", "rules": [rule]}
        theirs = {**kueue_webhooks()[0], "metadata": {"name": "theirs"}, "webhooks": [hook]}
        assert look(theirs) == ()

    def test_nothing_is_said_where_we_may_not_look(self) -> None:
        chosen = self.with_pods()
        manifests = render(chosen, chosen.clusters[0])
        live = Live({"ClusterQueue": tuple(item.body for item in manifests if item.key.kind == "ClusterQueue")})
        assert strangers(live, grounds(chosen, chosen.clusters[0], manifests, TODAY)) == ()


def test_with_cluster_roles_unread_what_every_cluster_binds_to_everybody_is_not_named() -> None:
    chosen = platform(teams=TEAMS)
    manifests = render(chosen, chosen.clusters[0])
    usual = bound("system:discovery", "system:discovery", group("system:authenticated"))
    evil = bound("evil", "cluster-admin", user("mallory"))
    live = Live({"ClusterRoleBinding": (usual, evil)})
    found = strangers(live, grounds(chosen, chosen.clusters[0], manifests, TODAY))
    assert [one.key.name for one in found] == ["evil"]


def test_a_role_of_everything_is_said_in_one_word() -> None:
    (found,) = look(ADMIN, bound("evil", "cluster-admin", user("mallory")))
    assert "(everything)" in found.what


def test_what_lies_in_a_namespace_that_is_not_taken_over_is_not_to_be_deleted_first() -> None:
    limits = body("v1", "ResourceQuota", "compute", "nlp", spec={"hard": {}})
    (found,) = look(limits)
    assert found.fix.startswith("delete it, or accept it")
    chosen = platform(teams=TEAMS)
    manifests = render(chosen, chosen.clusters[0])
    live = Live({"ResourceQuota": (limits,), "Namespace": (body("v1", "Namespace", "nlp"),)})
    found = next(one for one in strangers(live, grounds(chosen, chosen.clusters[0], manifests, TODAY)) if one.team)
    assert found.fix.startswith(
        "take the namespace over first, with `allot adopt namespace/nlp`: it is kept then; or, if nobody needs it, "
        "delete it"
    )
