"""Whom the policies bind does not apply them, and takes nothing over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model.manifest import ObjectKey
from allotment.ports.kube import AccessRefusedError, Identity
from allotment.render.policies.identities import binds
from tests.unit import builders as build
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_cluster_commands import HERE, kube

__all__ = ["kube"]

SIGNED_IN = "system:authenticated"
BY_NAME = Identity("root@acme", (SIGNED_IN,))
BY_GROUP = Identity("root@acme", ("acme-sre", SIGNED_IN))
ACCOUNT = Identity(
    "system:serviceaccount:ci:deployer", ("system:serviceaccounts", "system:serviceaccounts:ci", SIGNED_IN)
)

WHO = {
    "an engineer": (Identity("erin", ("platform-engineers",)), False),
    "the cluster's superusers": (Identity("admin", ("system:masters",)), False),
    "a person with all rights": (BY_NAME, True),
    "a person of another group": (BY_GROUP, True),
    "a service account": (ACCOUNT, True),
    "one of the system's": (Identity("system:serviceaccount:argocd:controller", ("system:serviceaccounts",)), False),
    "one whose namespace only begins alike": (Identity("system:serviceaccount:argocd-fake:x", ()), True),
    "the controller manager": (Identity("system:kube-controller-manager", ()), False),
    "a node": (Identity("system:node:a", ("system:nodes",)), False),
}


@pytest.mark.parametrize(("who", "bound"), WHO.values(), ids=WHO)
def test_whom_the_policies_bind(who: Identity, bound: bool) -> None:
    platform = replace(build.platform(), admin_groups=("platform-engineers",), exempt_namespaces=("argocd",))
    assert binds(platform, platform.clusters[0], who.user, who.groups) is bound


@pytest.mark.parametrize(
    ("who", "fix"),
    [
        (BY_NAME, "use an account in acme-platform-engineers or system:masters"),
        (BY_GROUP, "write one of its groups (acme-sre) into adminGroups"),
        (ACCOUNT, "no policy shall bind any account of the namespace ci, name that in exemptNamespaces"),
    ],
    ids=["by name", "by group", "account"],
)
def test_a_first_apply_that_would_be_the_last_is_not_begun(
    run: Run, acme: Path, kube: FakeKube, who: Identity, fix: str
) -> None:
    kube.us = who
    planned = run("plan", *HERE, "-o", "json").json()
    assert planned["warnings"][0]["code"] == "locked-out"
    assert f"{who.user} is no platform engineer" in " ".join(run("plan", *HERE).out.split())
    refused = run("apply", *HERE, "--yes")
    assert refused.code == 5
    assert "would lock its own account out, and nothing was changed" in refused.err
    assert fix in " ".join(refused.err.split())
    assert kube.get("v1", ObjectKey("", "Namespace", "", "allotment-system")) is None


def test_a_saved_plan_is_refused_alike(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.us = BY_NAME
    run("plan", *HERE, "--out", "first.plan")
    assert run("apply", "first.plan", "--yes").code == 5


def test_where_no_policy_is_enforced_nobody_is_locked_out(run: Run, acme: Path, kube: FakeKube) -> None:
    file = acme / "policies.yaml"
    file.write_text(file.read_text().replace("mode: enforce", "mode: warn"))
    kube.us = BY_NAME
    assert "locked-out" not in run("plan", *HERE, "-o", "json").out


def test_only_a_person_among_the_engineers_takes_over(run: Run, acme: Path, kube: FakeKube) -> None:
    kube.apply_as("kubectl", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    kube.us = Identity(ACCOUNT.user, ("system:masters",))
    refused = run("adopt", "namespace/nlp", "--platform", *HERE, "--yes")
    assert refused.code == 5
    assert "only a platform engineer takes something over" in refused.err
    assert "is a service account" in refused.err
    assert run("adopt", "namespace/nlp", "--platform", *HERE, "--dry-run", "client").code == 0


def test_a_policy_that_refuses_the_lease_is_not_told_as_missing_rights(run: Run, acme: Path, kube: FakeKube) -> None:
    said = "ValidatingAdmissionPolicy 'managed-objects-protected.allotment.dev' denied request: ask an engineer"

    def hook(call: Call) -> None:
        if call.key.kind == "Lease" and call.verb != "get":
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=said)

    kube.hook = hook
    refused = run("apply", *HERE, "--yes")
    assert refused.code == 5
    assert "it is a policy of ours that refuses, not RBAC" in " ".join(refused.err.split())
