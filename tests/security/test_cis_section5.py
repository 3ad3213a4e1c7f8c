"""CIS Kubernetes Benchmark, section 5 (policies), asked of the rendered objects. One test for each item.

Numbers are those of the editions with 5.6 "general policies" (1.7 to 1.10). What only a server can decide has its
other half in `tests/live/security`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from allotment.model.names import RESERVED_NAMESPACES
from allotment.render.network import DEFAULT_DENY
from allotment.render.rbac import Role
from tests.security.subject import CHANGES, Subject

RESTRICTED = [
    # What the Pod Security level `restricted` refuses, by item.
    ("5.2.2", "privileged containers"),
    ("5.2.3", "the host's process ids"),
    ("5.2.4", "the host's inter-process communication"),
    ("5.2.5", "the host's network"),
    ("5.2.6", "allowPrivilegeEscalation"),
    ("5.2.7", "root"),
    ("5.2.8", "the capability NET_RAW"),
    ("5.2.9", "added capabilities"),
    ("5.2.10", "any capability that is not dropped"),
    ("5.2.11", "Windows host processes"),
    ("5.2.12", "volumes of the host's file system"),
]


def test_5_1_1_cluster_admin_is_given_to_nobody(subject: Subject) -> None:
    """5.1.1: the role cluster-admin is used only where it is needed: no rendered binding refers to it."""
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for item in subject.of_kind(kind):
            assert item.body["roleRef"]["name"].startswith("allotment-")


def test_5_1_2_secrets_are_for_owners_only(subject: Subject) -> None:
    """5.1.2: as few as possible may read secrets: a team's owners, who bring them, in their own namespace."""
    for verb in ("get", "list", "watch", *CHANGES):
        assert subject.holders(verb, "", "secrets") <= {Role.OWNER}


def test_5_1_3_no_wildcards(subject: Subject) -> None:
    """5.1.3: no role says `*` for groups, resources or verbs."""
    for right in subject.rights():
        assert "*" not in right.verb + right.group + right.resource


def test_5_1_4_pods_are_made_by_members_and_owners_only(subject: Subject) -> None:
    """5.1.4: as few as possible may create pods; a pod can use every secret and account of its namespace."""
    assert subject.holders("create", "", "pods") <= {Role.MEMBER, Role.OWNER}


def test_5_1_5_default_accounts_have_no_rights(subject: Subject) -> None:
    """5.1.5: the default account gives no rights: no binding names a service account, and no token is mounted."""
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for item in subject.of_kind(kind):
            assert {entry["kind"] for entry in item.body["subjects"]} == {"Group"}
    for namespace in subject.namespaces():
        [account] = subject.in_namespace("ServiceAccount", namespace.key.name)
        assert account["metadata"]["name"] == "default"
        assert account["automountServiceAccountToken"] is False


def test_5_1_6_tokens_are_mounted_only_where_asked_for(subject: Subject) -> None:
    """5.1.6: every rendered account turns automatic mounting of its token off."""
    assert subject.of_kind("ServiceAccount")
    for account in subject.of_kind("ServiceAccount"):
        assert account.body["automountServiceAccountToken"] is False


def test_5_1_8_no_bind_impersonate_escalate(subject: Subject) -> None:
    """5.1.8: nobody may bind, impersonate or escalate."""
    assert not [right for right in subject.rights() if right.verb in {"bind", "impersonate", "escalate"}]


def test_5_1_9_no_persistent_volumes(subject: Subject) -> None:
    """5.1.9: tenants make claims, not volumes: a volume may name a path of the host."""
    for verb in CHANGES:
        assert not subject.holders(verb, "", "persistentvolumes")


def test_5_1_13_no_tokens_on_request(subject: Subject) -> None:
    """5.1.13: nobody may ask for a token of a service account."""
    assert not [right for right in subject.rights() if right.resource == "serviceaccounts/token"]


@pytest.mark.parametrize(("item", "what"), RESTRICTED, ids=[item for item, _what in RESTRICTED])
def test_5_2_pods_below_restricted_are_refused(subject: Subject, item: str, what: str) -> None:
    """5.2.2 to 5.2.12: Pod Security refuses them, because every tenant's namespace enforces `restricted`."""
    assert subject.enforces_restricted(), f"{item}: {what}"


def test_5_3_2_every_namespace_denies_by_default(subject: Subject) -> None:
    """5.3.2: every namespace has network policies: a default denial of both directions, for all pods."""
    for namespace in subject.namespaces():
        policies = {
            body["metadata"]["name"]: body["spec"] for body in subject.in_namespace("NetworkPolicy", namespace.key.name)
        }
        assert policies[DEFAULT_DENY] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_5_4_1_no_secrets_in_environment_variables(subject: Subject) -> None:
    """5.4.1: secrets are read from files, not from the environment: no rendered object puts one there."""
    for item in subject.manifests:
        if item.key.kind != "ValidatingAdmissionPolicy":
            assert "secretKeyRef" not in json.dumps(item.body)


def test_5_6_1_each_team_has_its_own_namespace(subject: Subject) -> None:
    """5.6.1: namespaces draw the administrative boundary: each is one team's, and no other's."""
    teams = [team for team, _placement in subject.platform.teams_in(subject.cluster.name)]
    names = [name for team in teams for name in team.namespaces]
    assert all(team.namespaces for team in teams)
    assert len(set(names)) == len(names) == len(subject.namespaces())


def test_5_6_2_seccomp_is_on(subject: Subject) -> None:
    """5.6.2: pods run under the runtime's seccomp profile; `restricted` refuses pods that do not."""
    assert subject.enforces_restricted()


def test_5_6_3_pods_have_security_contexts(subject: Subject) -> None:
    """5.6.3: a security context is part of every pod: `restricted` refuses pods without one, and we render no pods."""
    assert subject.enforces_restricted()
    assert not [item for item in subject.manifests if list(_pod_specs(item.body))]


def _pod_specs(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for child in value.values():
            yield from _pod_specs(child)
    elif isinstance(value, list):
        for child in value:
            yield from _pod_specs(child)


def test_5_6_4_the_default_namespace_is_not_used(subject: Subject) -> None:
    """5.6.4: nothing is put into `default`, or into a namespace of the system."""
    for item in subject.manifests:
        assert item.key.namespace not in RESERVED_NAMESPACES
        assert not item.key.namespace.startswith("kube-")
