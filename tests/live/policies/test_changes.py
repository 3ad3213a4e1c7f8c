"""Changes of what exists: rules about updates, deletions and subresources need an object to begin with."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from allotment.adapters.kube.client import KubeClient
from allotment.model import labels
from allotment.model.manifest import ObjectKey, key_of
from allotment.model.policy import PolicyName
from allotment.ports.kube import Identity
from tests.live.conftest import Kubectl
from tests.live.policies.bodies import GOOD_LABELS, NAMESPACE, OTHER, Body, config_map, namespace, queued, workload
from tests.live.policies.conftest import ALL_RIGHTS, ENGINEER, JANE, Law, refusal, until

pytestmark = pytest.mark.live

AS_JANE = ("--as=jane", "--as-group=pol-all-rights")
SPACE = ObjectKey("", "Namespace", "", "pol-in-use")
ARGO = Identity("system:serviceaccount:argocd:argocd-application-controller", ("system:masters",))
SYNC = Identity("system:serviceaccount:kube-system:kustomize-controller", (ALL_RIGHTS,))
ADOPT = labels.ADOPTING_MANAGER
SYNCER = Identity("system:serviceaccount:kube-system:syncer", (ALL_RIGHTS, "system:authenticated"))
"""A tool that the policies trust, and that applies what stands in a repository."""
MARKS = {labels.MANAGED_BY: labels.MANAGED_BY_VALUE, labels.PLATFORM: "acme"}
NAMESPACE_CONTROLLER = Identity("system:serviceaccount:kube-system:namespace-controller", ())


@pytest.fixture(scope="module", autouse=True)
def in_force(law: Law) -> None:
    law.be(pod_integration=False)


@pytest.fixture(scope="module")
def job(kube: KubeClient) -> Iterator[Body]:
    """A queued Job that waits: its queue does not exist."""
    body = queued("Job", name="waiting")
    yield created(kube, body)
    kube.delete("batch/v1", key_of(body))


@pytest.fixture(scope="module")
def ours(kube: KubeClient) -> Iterator[Body]:
    """An object that Allotment manages."""
    body = config_map({labels.MANAGED_BY: "allotment", labels.PLATFORM: "acme"}, name="ours")
    yield created(kube, body)
    kube.delete("v1", key_of(body))


def created(kube: KubeClient, body: Body) -> Body:
    kube.delete(body["apiVersion"], key_of(body))
    return dict(kube.create(body).body)


def refused(message: str, policy: PolicyName, *says: str) -> bool:
    return f"ValidatingAdmissionPolicy '{policy}.allotment.dev'" in message and all(part in message for part in says)


def patched(kube: KubeClient, body: Body, patch: Body, who: Identity = JANE, subresource: str = "") -> str:
    return refusal(
        lambda: kube.merge_patch(
            body["apiVersion"], key_of(body), patch, subresource=subresource, dry_run=True, identity=who
        )
    )


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        ({"metadata": {"labels": {labels.KUEUE_QUEUE: None}}}, "was default and cannot be removed or changed"),
        ({"metadata": {"labels": {labels.KUEUE_QUEUE: "other"}}}, "cannot be removed or changed"),
        ({"spec": {"suspend": False}}, "spec.suspend is false"),
    ],
    ids=["queue-removed", "queue-changed", "started-by-hand"],
)
def test_a_job_does_not_leave_its_queue(patch: Body, says: str, job: Body, kube: KubeClient) -> None:
    assert job["spec"]["suspend"] is True
    message = patched(kube, job, patch)
    assert refused(message, PolicyName.QUEUE_REQUIRED, says), message


def test_a_job_may_change_otherwise(job: Body, kube: KubeClient) -> None:
    assert patched(kube, job, {"metadata": {"annotations": {"note": "x"}}}) == ""


def test_a_queue_is_not_left_by_a_forged_owner(job: Body, kube: KubeClient) -> None:
    forged = queued("Job", name="child")
    forged["metadata"]["ownerReferences"] = [
        {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"],
         "controller": True}
    ]  # fmt: skip
    message = refusal(lambda: kube.create(forged, dry_run=True, identity=JANE))
    # Two policies refuse it, each with everything that is wrong; the server quotes one of them.
    policies = (PolicyName.QUEUE_REQUIRED, PolicyName.QUEUE_MARKS_PROTECTED)
    says = ("spec.suspend is false", "Kueue does not hold it", "which did not make it")
    assert any(refused(message, policy, *says) for policy in policies), message


def test_request_and_limit_of_an_accelerator_are_equal(kube: KubeClient) -> None:
    """The API server itself says so for built-in kinds; the policy need not."""
    for kind in ("Pod", "Job", "CronJob", "Deployment"):
        for resources in ({"requests": {"nvidia.com/gpu": "1"}},
                          {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "2"}}):  # fmt: skip
            body = workload(kind)
            spec = body["spec"]
            for step in ("jobTemplate", "spec", "template", "spec"):
                spec = spec.get(step, spec)
            spec["containers"][0]["resources"] = resources
            message = refusal(lambda body=body: kube.create(body, dry_run=True, identity=JANE))  # type: ignore[misc]
            assert "must be equal to nvidia.com/gpu limit" in message or "Limit must be set" in message, message


@pytest.mark.parametrize(
    ("patch", "who", "admitted"),
    [
        ({"data": {"key": "other"}}, JANE, False),
        ({"metadata": {"labels": {labels.MANAGED_BY: None}}}, JANE, False),
        ({"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "5e2b5d2a-0000-4000-8000-000000000000"}]}},
         JANE, False),
        ({"data": {"key": "other"}}, ENGINEER, True),
    ],
    ids=["data", "label-removed", "owner-added", "engineer"],
)  # fmt: skip
def test_our_objects_are_not_changed(patch: Body, who: Identity, admitted: bool, ours: Body, kube: KubeClient) -> None:
    message = patched(kube, ours, patch, who)
    assert (
        message == ""
        if admitted
        else refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED, "configmaps ours belongs to the platform")
    )


def test_our_objects_are_not_deleted(ours: Body, kube: KubeClient, kubectl: Kubectl) -> None:
    message = refusal(lambda: kube.delete("v1", key_of(ours), dry_run=True, identity=JANE))
    assert refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED), message
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps?labelSelector=allotment.dev/platform%3Dacme"
    kubectl("delete", "--raw", path, *AS_JANE, check=False)
    assert kube.get("v1", key_of(ours)) is not None


def test_nobody_makes_an_object_of_his_own_look_like_ours(kube: KubeClient) -> None:
    mine = created(kube, config_map({}, name="mine"))
    message = patched(kube, mine, {"metadata": {"labels": {labels.PLATFORM: "acme"}}})
    assert refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED, labels.PLATFORM), message


@pytest.fixture(scope="module", params=[OTHER, ""], ids=["in-a-namespace", "in-the-cluster"])
def forged(request: pytest.FixtureRequest, kube: KubeClient) -> Iterator[Body]:
    """An object of somebody else that carries our marks, from before the policy, where no team is."""
    space = {"namespace": request.param} if request.param else {}
    metadata = {"name": "pol-forged", "labels": MARKS, "annotations": {labels.ADOPTED: "{}"}, **space}
    fields = {"spec": {"hard": {"pods": "9"}}} if space else {"rules": []}
    api, kind = ("v1", "ResourceQuota") if space else ("rbac.authorization.k8s.io/v1", "ClusterRole")
    body = {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}
    yield created(kube, body)
    kube.delete(api, key_of(body))


@pytest.mark.parametrize(
    ("metadata", "admitted"),
    [
        ({"labels": {"colour": "blue"}}, True),
        ({"labels": {labels.PLATFORM: None, labels.MANAGED_BY: None}}, True),
        ({"annotations": {labels.ADOPTED: None}}, True),
        ({"labels": {labels.TENANT: "x"}}, True),
        ({"labels": {labels.PLATFORM: "other"}}, False),
        ({"annotations": {labels.ADOPTED: "{ }"}}, False),
    ],
    ids=["otherwise", "marks-removed", "record-removed", "another-label", "platform", "record"],
)
def test_elsewhere_our_marks_do_not_change_and_all_else_may(
    metadata: Body, admitted: bool, forged: Body, kube: KubeClient
) -> None:
    assert patched(kube, forged, {"metadata": metadata}, ENGINEER) == ""
    message = patched(kube, forged, {"metadata": metadata})
    told = refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED, "marks objects that the platform manages")
    assert message == "" if admitted else told, message
    if not admitted and forged["kind"] == "ResourceQuota":
        message = patched(kube, forged, {"metadata": metadata}, subresource="status")
        assert refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED), "a quota's labels can be written by its status"


@pytest.mark.parametrize("name", ["", None, "joan"], ids=["emptied", "taken-off", "exchanged"])
def test_a_signature_stays(name: str | None, kube: KubeClient) -> None:
    body = workload("Deployment", name="signed")
    body["metadata"]["annotations"] = {labels.SUBMITTER: "jane"}
    body["spec"]["replicas"] = 0
    created(kube, body)
    message = patched(kube, body, {"metadata": {"annotations": {labels.SUBMITTER: name}}})
    kube.delete("apps/v1", key_of(body))
    assert refused(message, PolicyName.SUBMITTER_KEPT, "submitted by jane"), message


def test_no_signature_is_written_later(kube: KubeClient) -> None:
    body = workload("Deployment", name="unsigned")
    body["spec"]["replicas"] = 0
    created(kube, body)
    messages = [
        patched(kube, body, {"metadata": {"annotations": {labels.SUBMITTER: name}}}) for name in ("", "jane", "joan")
    ]
    kube.delete("apps/v1", key_of(body))
    assert all(refused(message, PolicyName.SUBMITTER_KEPT) for message in messages), messages


def test_a_template_does_not_begin_to_hand_our_labels_on(kube: KubeClient) -> None:
    """What handed them on before the rule may change as long as its templates stay."""
    for inside, patch, admitted in (
        ({}, {"spec": {"template": {"metadata": {"labels": {labels.PLATFORM: "acme"}}}}}, False),
        ({labels.PLATFORM: "acme"}, {"spec": {"replicas": 1}}, False),
        ({labels.PLATFORM: "acme"}, {"metadata": {"annotations": {"note": "x"}}}, True),
        ({labels.PLATFORM: "acme"}, {"spec": {"template": {"metadata": {"labels": {labels.PLATFORM: None}}}}}, True),
    ):
        body = workload("Deployment", name="maker", pods=GOOD_LABELS | inside)
        body["spec"]["replicas"] = 0
        created(kube, body)
        message = patched(kube, body, patch)
        kube.delete("apps/v1", key_of(body))
        told = refused(message, PolicyName.MANAGED_OBJECTS_PROTECTED, "spec.template.metadata.labels")
        assert message == "" if admitted else told, message


@pytest.mark.parametrize("subresource", ["", "status"])
@pytest.mark.parametrize(
    ("name", "patch", "who", "says"),
    [
        (NAMESPACE, {"metadata": {"labels": {"team": "x"}}}, JANE, "is, or would become"),
        (NAMESPACE, {"metadata": {"labels": {labels.TENANT: "pol-cv"}}}, ENGINEER, "belongs to team pol-nlp"),
        (NAMESPACE, {"metadata": {"annotations": {labels.PRIORITIES_ANNOTATION: "x"}}}, JANE, "is, or"),
        (NAMESPACE, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}, JANE, "is, or"),
        (OTHER, {"metadata": {"labels": {labels.TENANT: "pol-cv"}}}, JANE, "is not Allotment's"),
        (OTHER, {"metadata": {"labels": {labels.TENANT: "pol-cv"}}}, ENGINEER, "is not Allotment's"),
        (OTHER, {"metadata": {"labels": {labels.MANAGED_BY: "allotment"}}}, JANE, "is, or would become"),
        ("default", {"metadata": {"labels": {labels.TENANT: "pol-cv"}}}, ENGINEER, "is not Allotment's"),
        ("kube-public", {"metadata": {"labels": {labels.MANAGED_BY: "allotment"}}}, JANE, "is, or would become"),
        (NAMESPACE, {"metadata": {"labels": {labels.TENANT: None}}}, SYNCER, "is team pol-nlp's"),
        (NAMESPACE, {"metadata": {"labels": {labels.TENANT: None}}}, ENGINEER, "is team pol-nlp's"),
        (NAMESPACE, {"metadata": {"labels": {labels.TENANT: ""}}}, ENGINEER, "belongs to team pol-nlp"),
        (NAMESPACE, {"metadata": {"labels": {labels.PLATFORM: "other"}}}, ENGINEER, "not handed to the platform"),
        (OTHER, {"metadata": {"labels": {labels.TENANT: ""}}}, ENGINEER, "is not Allotment's"),
        (OTHER, {"metadata": {"labels": {labels.TENANT: ""}}}, JANE, "is, or would become"),
        (OTHER, {"metadata": {"labels": {labels.PLATFORM: "acme"}}}, ENGINEER, "is not Allotment's"),
        (labels.SYSTEM_NAMESPACE, {"metadata": {"labels": {"team": "x"}}}, JANE, "is, or would become"),
        (labels.SYSTEM_NAMESPACE, {"metadata": {"labels": {labels.PLATFORM: "other"}}}, SYNCER, "say which cluster"),
        (labels.SYSTEM_NAMESPACE, {"metadata": {"labels": {labels.PLATFORM: None}}}, SYNCER, "say which cluster this"),
        (NAMESPACE, {"metadata": {"labels": {labels.TEAM: "pol-cv"}}}, SYNCER, "its label team says no other"),
        (NAMESPACE, {"metadata": {"labels": {labels.PLATFORM: None}}}, ENGINEER, "keeps the label"),
    ],
    ids=[
        "label", "handed-on", "entitlement", "pod-security", "claimed", "claimed-by-engineer", "disguised", "default",
        "of-the-system", "disowned", "disowned-by-engineer", "emptied", "to-another-platform", "claimed-by-its-key",
        "claimed-by-its-key-by-tenant", "claimed-for-the-platform", "the-platforms-own",
        "another-cluster", "no-cluster", "billed-to-another", "without-the-platform",
    ],
)  # fmt: skip
def test_namespaces_are_neither_claimed_nor_changed(
    name: str, patch: Body, who: Identity, says: str, subresource: str, kube: KubeClient
) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    message = patched(kube, body, patch, who, subresource)
    # Several things may be wrong with it.
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, says), message


def test_namespaces_are_not_finalized_or_deleted_by_tenants(kube: KubeClient, kubectl: Kubectl) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    message = refusal(lambda: kube.delete("v1", key_of(body), dry_run=True, identity=JANE))
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION), message
    present = copy.deepcopy(dict(kube.get("v1", key_of(body)) or {}))
    present["metadata"]["labels"][labels.TENANT] = "pol-cv"
    path = f"/api/v1/namespaces/{NAMESPACE}/finalize"
    message = kubectl("replace", "--raw", path, "-f", "-", *AS_JANE, stdin=json.dumps(present), check=False)
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION), message


def test_namespaces_of_ours_and_others_can_be_changed(kube: KubeClient) -> None:
    team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    assert patched(kube, team, {"metadata": {"labels": {"project": "x"}}}, ENGINEER) == ""
    assert patched(kube, team, {"metadata": {"annotations": {"x": "y"}}}, NAMESPACE_CONTROLLER) != ""  # RBAC alone
    other = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OTHER}}
    assert patched(kube, other, {"metadata": {"labels": {"colour": "blue"}}}) == ""
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": labels.SYSTEM_NAMESPACE}}
    for marks in ({labels.PLATFORM: "other"}, {labels.PLATFORM: None}, {labels.MANAGED_BY: None}):
        assert patched(kube, own, {"metadata": {"labels": marks}}, ENGINEER) == "", "the cluster's mark"


@contextmanager
def standing(kube: KubeClient, name: str, marks: Mapping[str, str]) -> Iterator[Body]:
    made = kube.create(namespace(name, dict(marks)), identity=ENGINEER)
    try:
        yield dict(made.body)
    finally:
        kube.delete("v1", key_of(made.body))


PATCHER = Identity("rita", ("platform-engineers", "pol-patchers", "system:authenticated"))
"""In the engineers' group, with a role like that of prove: it may patch one team's namespace."""


@pytest.fixture(scope="module")
def patcher(kube: KubeClient) -> Iterator[Identity]:
    api, metadata = "rbac.authorization.k8s.io/v1", {"name": "pol-patchers"}
    rule = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["patch"], "resourceNames": [NAMESPACE]}
    bodies: tuple[Body, ...] = (
        {"apiVersion": api, "kind": "ClusterRole", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": api,
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pol-patchers"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "pol-patchers"}],
        },
    )
    for body in bodies:
        kube.apply(body)
    yield PATCHER
    for body in reversed(bodies):
        kube.delete(api, key_of(body))


def test_who_may_only_patch_a_namespace_changes_it_in_dry_runs_alone(patcher: Identity, kube: KubeClient) -> None:
    team = ObjectKey("", "Namespace", "", NAMESPACE)
    weaker = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}

    def patched_by(who: Identity, *, dry_run: bool) -> str:
        return refusal(lambda: kube.merge_patch("v1", team, weaker, dry_run=dry_run, identity=who))

    until(lambda: patched_by(patcher, dry_run=True) == "")
    message = patched_by(patcher, dry_run=False)
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "has to have the right to delete it, too"), message
    off = {"metadata": {"labels": {labels.TENANT: None}}}
    message = refusal(lambda: kube.merge_patch("v1", team, off, dry_run=True, identity=patcher))
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "is team pol-nlp's"), "a probe of prove"


@pytest.mark.parametrize("who", [ENGINEER, SYNCER], ids=["engineer", "sync"])
def test_who_declared_a_team_s_namespace_is_not_forgotten(who: Identity, kube: KubeClient) -> None:
    team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    tenant = {"f:metadata": {"f:labels": {f"f:{labels.TENANT}": {}}}}
    forged = {"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": tenant}
    for entries in ([{}], [forged]):
        message = patched(kube, team, {"metadata": {"managedFields": entries}}, who)
        assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "would lose the record of who declared it"), message


@pytest.mark.parametrize(
    ("body", "who", "says"),
    [
        (namespace("gpu-operator", {}), JANE, "is the system's by the platform directory"),
        (namespace("gpu-operator", {}), ENGINEER, ""),
        (namespace("gpu-operator", {}), SYNCER, ""),
        (namespace("pol-nobodys", MARKS | {labels.TEAM: "pol-nlp"}), SYNCER, "the platform's marks, and no team's"),
        (namespace("pol-nobodys", MARKS | {labels.TENANT: "pol-nlp"}), SYNCER, ""),
    ],
    ids=["trusted-name", "by-an-engineer", "by-a-sync", "nobody-s", "a-team-s"],
)
def test_namespaces_that_begin(body: Body, who: Identity, says: str, kube: KubeClient) -> None:
    message = refusal(lambda: kube.create(body, dry_run=True, identity=who))
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, says) if says else message == "", message


def test_the_platforms_own_is_never_repaired_into_a_team_s(kube: KubeClient) -> None:
    own = ObjectKey("", "Namespace", "", labels.SYSTEM_NAMESPACE)
    kube.merge_patch("v1", own, {"metadata": {"labels": {labels.TEAM: "pol-nlp"}}}, identity=ENGINEER)
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own.name}}
    message = patched(kube, body, {"metadata": {"labels": {labels.TENANT: "pol-nlp"}}}, SYNCER)
    kube.merge_patch("v1", own, {"metadata": {"labels": {labels.TEAM: None}}}, identity=ENGINEER)
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "it is not handed to team pol-nlp"), message


@pytest.fixture(scope="module")
def lost(kube: KubeClient) -> Iterator[Body]:
    """A namespace of pol-nlp that lost its tenant, as it could while no policy was in force."""
    with standing(kube, "pol-lost", MARKS | {labels.TEAM: "pol-nlp"}) as body:
        yield body


@pytest.mark.parametrize(
    ("marks", "who", "says"),
    [
        ({labels.TENANT: "pol-nlp"}, ENGINEER, ""),
        ({labels.TENANT: "pol-nlp"}, SYNCER, ""),
        ({labels.TENANT: "pol-cv"}, ENGINEER, "was team pol-nlp's; it is not handed to team pol-cv"),
        ({labels.TENANT: "pol-cv", labels.TEAM: "pol-cv"}, ENGINEER, "it is not handed to team pol-cv"),
        ({labels.TEAM: "pol-cv"}, ENGINEER, "its label team says whose it was"),
        ({labels.TENANT: "pol-nlp"}, JANE, "is, or would become"),
    ],
    ids=["by-engineer", "by-a-sync", "for-another", "for-another-at-once", "first-half-for-another", "by-a-tenant"],
)
def test_a_lost_tenant_is_put_back_and_no_other(
    marks: Body, who: Identity, says: str, lost: Body, kube: KubeClient
) -> None:
    message = patched(kube, lost, {"metadata": {"labels": marks}}, who)
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, says) if says else message == "", message


def test_a_namespace_that_only_says_who_manages_it_is_not_ours(kube: KubeClient) -> None:
    alone = {labels.MANAGED_BY: labels.MANAGED_BY_VALUE, labels.TEAM: "pol-nlp"}
    with standing(kube, "pol-alone", alone) as body:
        for marks in ({labels.TENANT: "pol-nlp"}, {labels.PLATFORM: "acme"}):
            message = patched(kube, body, {"metadata": {"labels": marks}}, ENGINEER)
            assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "is not Allotment's"), message


@pytest.fixture(scope="module")
def taken(kube: KubeClient) -> Iterator[Body]:
    """A namespace that was taken over for pol-nlp, with the record of it."""
    with standing(kube, "pol-taken", {}) as body:
        marks = MARKS | {labels.TENANT: "pol-nlp"}
        claimed = {"metadata": {"labels": marks, "annotations": {labels.CONSENT: None, labels.ADOPTED: "{}"}}}
        for patch in (word(body, "pol-nlp"), claimed):
            kube.merge_patch("v1", key_of(body), patch, identity=ENGINEER, manager=ADOPT)
        yield body


GONE: dict[str, None] = {labels.MANAGED_BY: None, labels.PLATFORM: None, labels.TENANT: None}
NO_RECORD = {labels.ADOPTED: None}


@pytest.mark.parametrize(
    ("marks", "record", "who", "manager", "says"),
    [
        (GONE, NO_RECORD, ENGINEER, ADOPT, ""),
        (GONE | {labels.TENANT: "pol-cv"}, NO_RECORD, ENGINEER, ADOPT, "belongs to team pol-nlp"),
        ({labels.TENANT: None}, NO_RECORD, ENGINEER, ADOPT, "is team pol-nlp's"),
        (GONE, {}, ENGINEER, ADOPT, "is team pol-nlp's"),
        ({}, NO_RECORD, ENGINEER, ADOPT, "was taken over, and the annotation"),
        ({}, NO_RECORD, SYNCER, "argocd-controller", "was taken over, and the annotation"),
        (GONE, NO_RECORD, ENGINEER, "kubectl", "is team pol-nlp's"),
        (GONE, NO_RECORD, ARGO, ADOPT, "is team pol-nlp's"),
        (GONE, NO_RECORD, JANE, ADOPT, "is team pol-nlp's"),
    ],
    ids=[
        "undo",
        "for-another",
        "platform-stays",
        "record-stays",
        "record-alone",
        "record-alone-by-a-sync",
        "by-kubectl",
        "by-an-account",
        "by-a-tenant",
    ],
)
def test_only_undo_gives_a_namespace_back(
    marks: Body, record: Body, who: Identity, manager: str, says: str, taken: Body, kube: KubeClient
) -> None:
    patch = {"metadata": {"labels": marks, "annotations": record}}
    message = refusal(lambda: kube.merge_patch("v1", key_of(taken), patch, dry_run=True, identity=who, manager=manager))
    assert refused(message, PolicyName.NO_NAMESPACE_ADOPTION, says) if says else message == "", message


@pytest.mark.parametrize(
    ("maker", "who", "manager", "admitted"),
    [
        ("kubectl-create", ENGINEER, ADOPT, True),
        ("kubectl-create", ENGINEER, "kubectl-label", False),
        ("kubectl-create", ARGO, ADOPT, False),
        ("argocd-controller", ENGINEER, ADOPT, False),
        ("allotment-write", ENGINEER, ADOPT, False),
    ],
    ids=["only-labelled", "by-kubectl", "by-an-account", "applied-by-a-tool", "ours"],
)
def test_a_label_that_nobody_applied_comes_off(
    maker: str, who: Identity, manager: str, admitted: bool, kube: KubeClient, kubectl: Kubectl
) -> None:
    body = namespace("pol-labelled", MARKS | {labels.TENANT: "pol-nlp"})
    kube.delete("v1", key_of(body))
    until(lambda: kube.get("v1", key_of(body)) is None)
    kubectl("create", f"--field-manager={maker}", "-f", "-", stdin=json.dumps(body))
    patch = {"metadata": {"labels": GONE}}
    message = refusal(lambda: kube.merge_patch("v1", key_of(body), patch, dry_run=True, identity=who, manager=manager))
    kube.delete("v1", key_of(body))
    assert message == "" if admitted else refused(message, PolicyName.NO_NAMESPACE_ADOPTION, "is team pol-nlp's"), (
        message
    )


def test_a_tenant_comes_off_what_can_be_no_teams(kube: KubeClient) -> None:
    with standing(kube, "monitoring", {labels.TENANT: "pol-nlp"}) as body:
        off = {"metadata": {"labels": {labels.TENANT: None}}}
        assert patched(kube, body, off, ENGINEER) == ""
        assert refused(patched(kube, body, off, SYNCER), PolicyName.NO_NAMESPACE_ADOPTION, "is team pol-nlp's")


@pytest.fixture(scope="module")
def found(kube: KubeClient) -> Iterator[Body]:
    """A namespace that was there before, with an engineer's word on it that it becomes pol-nlp's."""
    kube.delete("v1", SPACE)
    made = kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE.name}})
    assert write(kube, word(made.body, "pol-nlp"), ENGINEER, ADOPT, dry_run=False) == ""
    yield dict(made.body)
    kube.delete("v1", SPACE)


def word(body: Body, team: str) -> Body:
    return {"metadata": {"annotations": {labels.CONSENT: f"{team}/{body['metadata']['uid']}"}}}


def claim(team: str, *, stays: bool = False) -> Body:
    marks = {labels.TENANT: team, labels.MANAGED_BY: labels.MANAGED_BY_VALUE}
    said = {labels.ADOPTED: "{}"} | ({} if stays else {labels.CONSENT: None})
    return {"metadata": {"labels": marks, "annotations": said}}


def without_record(patch: Body) -> Body:
    return {"metadata": {**patch["metadata"], "annotations": {labels.CONSENT: None}}}


def write(kube: KubeClient, patch: Body, who: Identity, manager: str, *, dry_run: bool = True) -> str:
    return refusal(lambda: kube.merge_patch("v1", SPACE, patch, dry_run=dry_run, identity=who, manager=manager))


def test_the_engineer_s_claim_passes(found: Body, kube: KubeClient) -> None:
    assert write(kube, claim("pol-nlp"), ENGINEER, ADOPT) == ""


@pytest.mark.parametrize(
    ("patch", "who", "manager"),
    [
        (claim("pol-cv"), ENGINEER, ADOPT),
        (claim("pol-nlp", stays=True), ENGINEER, ADOPT),
        (without_record(claim("pol-nlp")), ENGINEER, ADOPT),
        (claim("pol-nlp"), ENGINEER, "kubectl"),
        (claim("pol-nlp"), ENGINEER, labels.FIELD_MANAGER),
        (claim("pol-nlp"), JANE, ADOPT),
        (claim("pol-nlp"), ARGO, ADOPT),
        (claim("pol-nlp"), SYNC, "kustomize-controller"),
        ({"metadata": {"labels": {labels.MANAGED_BY: labels.MANAGED_BY_VALUE}}}, SYNC, "kustomize-controller"),
        ({"metadata": {"labels": {labels.MANAGED_BY: labels.MANAGED_BY_VALUE}}}, ENGINEER, "kubectl"),
        ({"metadata": {"labels": {labels.PLATFORM: "acme"}}}, SYNC, "kustomize-controller"),
    ],
    ids=[
        "for-another-team", "word-left-behind", "without-a-record", "by-kubectl", "by-apply", "by-a-tenant",
        "by-an-account", "by-a-sync", "first-half-by-a-sync", "first-half-by-kubectl", "inventory-by-a-sync",
    ],
)  # fmt: skip
def test_every_other_claim_is_refused(patch: Body, who: Identity, manager: str, found: Body, kube: KubeClient) -> None:
    message = write(kube, patch, who, manager)
    assert f"'{PolicyName.NO_NAMESPACE_ADOPTION}.allotment.dev'" in message, message
    assert f"allot adopt namespace/{SPACE.name}" in message


@pytest.mark.parametrize(
    ("who", "manager"),
    [
        (JANE, ADOPT),
        (ENGINEER, "kubectl"),
        (ENGINEER, labels.FIELD_MANAGER),
        (ARGO, ADOPT),
        (SYNC, "argocd-controller"),
    ],
    ids=["tenant", "kubectl", "apply", "account-with-all-rights", "sync"],
)
def test_word_and_record_are_an_engineer_s(who: Identity, manager: str, found: Body, kube: KubeClient) -> None:
    for patch in (word(found, "pol-cv"), RECORD):
        message = write(kube, patch, who, manager)
        assert "is a platform engineer's word" in message, message


RECORD: Body = {"metadata": {"annotations": {labels.ADOPTED: "{}"}}}


def test_a_record_comes_with_the_claim_alone(found: Body, kube: KubeClient) -> None:
    team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    own = refusal(lambda: kube.merge_patch("v1", key_of(team), RECORD, dry_run=True, identity=ENGINEER, manager=ADOPT))
    for message in (own, write(kube, RECORD, ENGINEER, ADOPT)):
        assert "is a platform engineer's word" in message, message


def test_the_word_comes_with_no_manifest_and_is_for_this_very_namespace(found: Body, kube: KubeClient) -> None:
    for key in (labels.CONSENT, labels.ADOPTED):
        marked = {"name": "pol-fresh", "annotations": {key: "pol-nlp/1"}}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": marked}
        message = refusal(lambda body=body: kube.create(body, dry_run=True, identity=ENGINEER))  # type: ignore[misc]
        assert "stands in no manifest" in message, message
    elsewhere = {"metadata": {"annotations": {labels.CONSENT: "pol-nlp/another-uid"}}}
    assert write(kube, elsewhere, ENGINEER, ADOPT, dry_run=False) == ""
    try:
        assert "exists and is not Allotment's" in write(kube, claim("pol-nlp"), ENGINEER, ADOPT)
    finally:
        assert write(kube, word(found, "pol-nlp"), ENGINEER, ADOPT, dry_run=False) == ""


def test_pods_are_not_bound_by_hand(kube: KubeClient, kubectl: Kubectl) -> None:
    body = workload("Pod", name="unbound", spec={"schedulingGates": [{"name": "example.com/wait"}]})
    created(kube, body)
    binding: dict[str, Any] = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "unbound"},
                               "target": {"kind": "Node", "name": "cpu-0"}}  # fmt: skip
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/unbound/binding"
    message = kubectl("create", "--raw", path, "-f", "-", *AS_JANE, stdin=json.dumps(binding), check=False)
    assert refused(message, PolicyName.NO_DIRECT_NODE_BINDING, "cpu-0"), message
    kube.delete("v1", key_of(body))


def running(kube: KubeClient, selector: str) -> list[Body]:
    pods = kube.list("v1", "Pod", namespace=NAMESPACE, labels=selector)
    return [dict(pod) for pod in pods if pod.get("status", {}).get("phase") == "Running"]


def test_controllers_still_run_what_teams_may_run(kube: KubeClient) -> None:
    """Deployment, ReplicaSet controller, scheduler, kubelet: all of them work under all policies."""
    body = workload("Deployment", name="web")
    kube.delete("apps/v1", key_of(body))
    kube.create(body, identity=JANE)
    try:
        until(lambda: running(kube, "app=web"))
    finally:
        kube.delete("apps/v1", key_of(body))


def test_a_pod_is_not_deleted_for_longer_than_it_may_take_to_end(kube: KubeClient, kubectl: Kubectl) -> None:
    body = created(kube, workload("Pod", name="lingering"))
    key = key_of(body)
    for seconds, admitted in ((1801, False), (1800, True)):
        message = kubectl("delete", "pod", key.name, "-n", NAMESPACE, f"--grace-period={seconds}", "--wait=false",
                          "--dry-run=server", *AS_JANE, check=False)  # fmt: skip
        assert refused(message, PolicyName.WORK_ENDS, "ask for 1800 or less") is not admitted, message
    kube.delete("v1", key)


READER = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group"}


@pytest.fixture
def readers(kube: KubeClient) -> Iterator[Body]:
    """A binding from before the rule, to a group that is not of the team."""
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "readers", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [READER | {"name": "old-friends"}],
    }
    yield created(kube, body)
    kube.delete(body["apiVersion"], key_of(body))


@pytest.mark.parametrize(
    ("groups", "admitted"),
    [(["old-friends", "pol-nlp-members"], True), ([], True), (["old-friends", "new-friends"], False)],
    ids=["own-added", "emptied", "strangers-added"],
)
def test_a_binding_is_not_opened_to_strangers(
    groups: list[str], admitted: bool, readers: Body, kube: KubeClient
) -> None:
    message = patched(kube, readers, {"subjects": [READER | {"name": name} for name in groups]})
    assert refused(message, PolicyName.ACCESS_WITHIN_TEAM, "Group new-friends") is not admitted, message


def test_a_team_that_leaves_gives_no_rights(readers: Body, kube: KubeClient) -> None:
    team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "mine", "namespace": NAMESPACE},
        "rules": [],
    }
    assert refusal(lambda: kube.create(role, dry_run=True, identity=JANE)) == ""
    kube.merge_patch("v1", key_of(team), {"metadata": {"labels": {labels.OFFBOARDING: "true"}}})
    try:
        until(lambda: refusal(lambda: kube.create(role, dry_run=True, identity=JANE)))
        message = refusal(lambda: kube.create(role, dry_run=True, identity=JANE))
        assert refused(message, PolicyName.ACCESS_WITHIN_TEAM, "a team that leaves"), message
        message = patched(kube, readers, {"subjects": [READER | {"name": "pol-nlp-members"}]})
        assert refused(message, PolicyName.ACCESS_WITHIN_TEAM, "a team that leaves"), message
        assert patched(kube, readers, {"metadata": {"annotations": {"note": "x"}}}) == ""
    finally:
        kube.merge_patch("v1", key_of(team), {"metadata": {"labels": {labels.OFFBOARDING: None}}})


def test_no_secret_holds_a_token_that_never_expires(kubectl: Kubectl) -> None:
    metadata = {
        "name": "token",
        "namespace": NAMESPACE,
        "annotations": {"kubernetes.io/service-account.name": "default"},
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}
    # Our own client keeps the server's words about a Secret to itself.
    message = kubectl("create", "--dry-run=server", "-f", "-", *AS_JANE, stdin=json.dumps(body), check=False)
    assert refused(message, PolicyName.ACCESS_WITHIN_TEAM, "a token that never expires"), message
