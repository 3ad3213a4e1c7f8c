"""Who may do what, asked of the real authorizer; and what the server answers to those who try anyway."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.model.manifest import ObjectKey
from allotment.ports.kube import Identity
from allotment.render.rbac import RULES, Role
from tests.live.security.conftest import (
    DEBUGGER,
    LEAVER,
    MEMBER,
    NEIGHBOUR,
    OWNER,
    STRANGER,
    VIEWER,
    Secured,
)
from tests.live.security.workloads import LABELS, pod

pytestmark = pytest.mark.live

RBAC = "rbac.authorization.k8s.io"
RBAC_API = f"{RBAC}/v1"
EVERYBODY = (OWNER, MEMBER, VIEWER, DEBUGGER, NEIGHBOUR, LEAVER, STRANGER)
HOLDERS = {Role.OWNER: OWNER, Role.MEMBER: MEMBER, Role.VIEWER: VIEWER, Role.EXEC: DEBUGGER}

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = [
    ("", "configmaps"), ("", "endpoints"), ("", "events"), ("", "limitranges"), ("", "persistentvolumeclaims"),
    ("", "pods"), ("", "pods/attach"), ("", "pods/ephemeralcontainers"), ("", "pods/eviction"), ("", "pods/exec"),
    ("", "pods/log"), ("", "pods/portforward"), ("", "pods/proxy"), ("", "pods/binding"), ("", "pods/status"),
    ("", "resourcequotas"), ("", "resourcequotas/status"), ("", "secrets"), ("", "serviceaccounts"),
    ("", "serviceaccounts/token"), ("", "services"), ("", "services/proxy"), ("", "services/status"),
    ("apps", "daemonsets"), ("apps", "deployments"), ("apps", "deployments/scale"), ("apps", "replicasets"),
    ("apps", "statefulsets"), ("apps", "statefulsets/scale"), ("autoscaling", "horizontalpodautoscalers"),
    ("batch", "cronjobs"), ("batch", "jobs"), ("batch", "jobs/status"),
    ("coordination.k8s.io", "leases"), ("kueue.x-k8s.io", "localqueues"),
    ("kueue.x-k8s.io", "workloads"), ("kueue.x-k8s.io", "workloads/status"),
    ("networking.k8s.io", "ingresses"), ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"), (RBAC, "rolebindings"), (RBAC, "roles"),
]  # fmt: skip

CLUSTER_WIDE = [
    ("create", "", "namespaces"),
    ("delete", "", "namespaces"),
    ("patch", "", "namespaces"),
    ("list", "", "namespaces"),
    ("list", "", "nodes"),
    ("patch", "", "nodes"),
    ("get", "", "nodes/proxy"),
    ("create", "", "persistentvolumes"),
    ("list", "", "pods"),
    ("list", "", "secrets"),
    ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ("delete", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
    ("patch", "kueue.x-k8s.io", "clusterqueues"),
    ("patch", "kueue.x-k8s.io", "cohorts"),
    ("patch", "kueue.x-k8s.io", "resourceflavors"),
    ("create", RBAC, "clusterrolebindings"),
    ("create", RBAC, "clusterroles"),
    ("create", "scheduling.k8s.io", "priorityclasses"),
    ("create", "storage.k8s.io", "storageclasses"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
    ("impersonate", "", "serviceaccounts"),
    ("bind", RBAC, "clusterroles"),
    ("escalate", RBAC, "clusterroles"),
]


@pytest.mark.parametrize("role", list(Role))
def test_can_i_matrix(secured: Secured, role: Role) -> None:
    """MTB CC-TI-1, CC-CPI-1; CIS 5.1.2 to 5.1.4, 5.1.13: each cell is what the role's table says."""
    allowed = {
        (verb, group, resource)
        for rule in RULES[role]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    wrong = [
        (verb, group, resource)
        for group, resource in RESOURCES
        for verb in VERBS
        if secured.may(HOLDERS[role], verb, resource, group=group) is not ((verb, group, resource) in allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: who.user)
def test_nobody_reaches_beyond_the_namespace(secured: Secured, who: Identity) -> None:
    """MTB CC-CPI-1; CIS 5.1.1, 5.1.8, 5.1.9: nothing of the cluster is open to a tenant."""
    open_ = [cell for cell in CLUSTER_WIDE if secured.may(who, cell[0], cell[2], "", cell[1])]
    assert open_ == []


@pytest.mark.parametrize("namespace", ["cv", "old", "kube-system", "kueue-system", "default"])
@pytest.mark.parametrize("who", [OWNER, MEMBER, VIEWER, DEBUGGER], ids=lambda who: who.user)
def test_nobody_enters_another_namespace(secured: Secured, who: Identity, namespace: str) -> None:
    """MTB CC-TI-2: not to look, not to run, not to read."""
    for verb, resource in (("get", "pods"), ("list", "secrets"), ("create", "pods"), ("create", "pods/exec")):
        assert not secured.may(who, verb, resource, namespace)


def test_a_leaving_team_has_no_way_in(secured: Secured) -> None:
    for verb, resource in (("list", "pods"), ("create", "pods"), ("delete", "persistentvolumeclaims")):
        assert not secured.may(LEAVER, verb, resource, "old")


def binding(role: str, kind: str = "Role", subject: str = "nlp-viewers") -> dict[str, Any]:
    return {
        "apiVersion": RBAC_API,
        "kind": "RoleBinding",
        "metadata": {"name": "probe", "namespace": "nlp"},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": subject}],
    }


def role(verb: str, resource: str, group: str = "") -> dict[str, Any]:
    return {
        "apiVersion": RBAC_API,
        "kind": "Role",
        "metadata": {"name": "probe", "namespace": "nlp"},
        "rules": [{"apiGroups": [group], "resources": [resource], "verbs": [verb]}],
    }


@pytest.mark.parametrize(
    "body",
    [binding(Role.VIEWER), binding(Role.MEMBER), binding(Role.OWNER), role("get", "pods")],
    ids=["bind viewer", "bind member", "bind owner", "role to read pods"],
)
def test_owners_share_what_they_hold(secured: Secured, body: dict[str, Any]) -> None:
    """MTB PL2 BC-OPS-3: a tenant makes roles and bindings of its own."""
    assert secured.create(body, OWNER) == ""


@pytest.mark.parametrize(
    "body",
    [
        binding(Role.EXEC),
        binding("admin", "ClusterRole"),
        binding("cluster-admin", "ClusterRole"),
        role("create", "pods/exec"),
        role("create", "serviceaccounts/token"),
        role("*", "*", "*"),
        role("escalate", "roles", RBAC),
        role("patch", "resourcequotas"),
    ],
    ids=lambda body: f"{body['kind']} {body.get('roleRef', {}).get('name') or body['rules'][0]}",
)
def test_owners_cannot_give_what_they_do_not_hold(secured: Secured, body: dict[str, Any]) -> None:
    """MTB PL2 CC-TI-1; attack row 9, on the server's own escalation check."""
    message = secured.create(body, OWNER)
    assert "is attempting to grant RBAC permissions not currently held" in message


def test_members_make_no_bindings(secured: Secured) -> None:
    assert "cannot create resource" in secured.create(binding(Role.VIEWER), MEMBER)


PATCH = {"metadata": {"annotations": {"probe": "changed"}}}


def test_managed_objects_are_out_of_tenants_reach(secured: Secured) -> None:
    """MTB BC-CPI-2 and CC-TI-1; attack row 2: owners change and delete no object of ours."""
    done = []
    for manifest in secured.manifests:
        if manifest.key.namespace != "nlp":
            continue
        changed = secured.refusal(
            lambda key=manifest.key, version=manifest.api_version: secured.kube.merge_patch(  # type: ignore[misc]
                version, key, PATCH, dry_run=True, identity=OWNER
            )
        )
        deleted = secured.refusal(
            lambda key=manifest.key, version=manifest.api_version: secured.kube.delete(  # type: ignore[misc]
                version, key, dry_run=True, identity=OWNER
            )
        )
        if not (changed and deleted):
            done.append((str(manifest.key), changed, deleted))
    assert done == []


def test_the_namespace_itself_is_out_of_tenants_reach(secured: Secured) -> None:
    """Attack row 2: labels, owner references, subresources of the namespace."""
    key = ObjectKey("", "Namespace", "", "nlp")
    for patch in (
        {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        {"metadata": {"labels": {"allotment.dev/tenant": "cv"}}},
        {"metadata": {"ownerReferences": []}},
    ):
        for subresource in ("", "status"):
            assert "forbidden" in secured.refusal(
                lambda patch=patch, subresource=subresource: secured.kube.merge_patch(  # type: ignore[misc]
                    "v1", key, patch, subresource=subresource, dry_run=True, identity=OWNER
                )
            )


def service(kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe", "namespace": "nlp", "labels": LABELS["nlp"]},
        "spec": {"type": kind, "ports": [{"port": 80}], "selector": {"app": "probe"}},
    }


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_exposed_services_are_refused(secured: Secured, kind: str) -> None:
    """MTB BC-HI-1: a service inside the cluster is fine, a way in from outside is not."""
    assert secured.create(service("ClusterIP"), MEMBER) == ""
    assert secured.create(service(kind), MEMBER) != ""


def test_the_quota_alone_refuses_exposed_services(secured: Secured) -> None:
    """MTB CC-FNS-2: even for whom no policy binds."""
    message = secured.refusal(lambda: secured.kube.create(service("NodePort"), dry_run=True))
    assert "exceeded quota: allotment-quota" in message


def test_compute_beyond_the_quota_is_refused(secured: Secured) -> None:
    """MTB CC-FNS-1."""
    fits, exceeds = ({"cpu": cpu, "memory": "1Gi"} for cpu in ("64", "65"))

    # As an engineer, whom no policy binds: cv's queue has less than its namespace, and the policies would say so first.
    def refusal(amounts: dict[str, str]) -> str:
        return secured.refusal(lambda: secured.kube.create(pod("cv", amounts=amounts), dry_run=True))

    assert refusal(fits) == ""
    assert "exceeded quota: allotment-quota" in refusal(exceeds)


def test_a_leaving_teams_namespace_takes_no_pod_from_anybody(secured: Secured) -> None:
    body = pod("old", amounts={"cpu": "1m", "memory": "1Mi"})
    message = secured.refusal(lambda: secured.kube.create(body, dry_run=True))
    assert "exceeded quota: allotment-quota" in message


class TestLimits:
    def test_a_pod_without_wishes_gets_the_defaults_and_no_device(self, secured: Secured) -> None:
        answer = secured.kube.create(pod("nlp"), dry_run=True, identity=MEMBER)
        [container] = answer.body["spec"]["containers"]
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert container["resources"]["requests"]["cpu"] == "500m"

    def test_more_devices_than_a_member_may_have_in_one_pod_are_refused(self, secured: Secured) -> None:
        amounts = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "3"}
        message = secured.create(pod("nlp", amounts=amounts), MEMBER)
        assert "spec asks for 3 nvidia.com/gpu, where one pod of this team may have 2" in message

    def test_as_many_as_that_are_admitted(self, secured: Secured) -> None:
        amounts = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"}
        assert secured.refusal(lambda: secured.kube.create(pod("nlp", amounts=amounts), dry_run=True)) == ""


def test_nobody_enters_anothers_pool(secured: Secured) -> None:
    """A3, level node-pool: the taint of cv's pool is tolerated by cv only."""
    for key, value in (("allotment.dev/dedicated", "cv"), ("allotment.dev/dedicated", "")):
        toleration = {"key": key, "operator": "Equal" if value else "Exists", **({"value": value} if value else {})}
        message = secured.create(pod("nlp", spec={"tolerations": [toleration]}), MEMBER)
        assert "node-pool-isolation.allotment.dev" in message


def test_why_devices_are_counted_by_requests_only(secured: Secured) -> None:
    """The API server takes a quota of `limits.nvidia.com/gpu`, and then counts nothing: a limit that limits nothing."""
    secured.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "probe", "namespace": "default"},
            "spec": {"hard": {"limits.nvidia.com/gpu": "1"}},
        }
    )
    body = pod("nlp", amounts={"nvidia.com/gpu": "2"})
    body["metadata"]["namespace"] = "default"
    assert secured.refusal(lambda: secured.kube.create(body, dry_run=True)) == ""


def test_pods_get_no_token(secured: Secured) -> None:
    """CIS 5.1.5 and 5.1.6: nothing is mounted into a pod that asked for nothing; the registry's secrets are there."""
    spec = secured.kube.create(pod("nlp"), dry_run=True, identity=MEMBER).body["spec"]
    assert spec["serviceAccountName"] == "default"
    assert "volumes" not in spec
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
