"""A made-up fleet is built: what the platform directory says of each cluster is applied, and its nodes stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from allotment.model.cluster import Cluster, Environment
from allotment.model.manifest import Body, Manifest, key_of
from allotment.model.platform import Platform
from allotment.operations.foresee.sandboxing import nodes_of
from allotment.ports.kube import KubePort
from allotment.ports.sandboxes import FakeNode
from allotment.render.manifests import render

_KUEUE: Final = "kueue-system"
_VERSION: Final = "0.19.2"
_TOLD_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "batch": ("jobs",),
    "kueue.x-k8s.io": ("clusterqueues", "workloads"),
    "": ("pods",),
    "apps": ("deployments", "statefulsets"),
}
"""Kinds that Kueue's webhooks are asked about, by their group."""
_NETWORKING: Final = "networking.k8s.io/v1"
_MORE_PODS: Final = "900"
"""That somebody has given a team, in Kubernetes' words."""


def build(platform: Platform, cluster: Cluster, kube: KubePort, since: str) -> None:
    """Fill an API server.

    Args:
        platform: whose cluster it is.
        cluster: of it.
        kube: where there is nothing yet.
        since: RFC 3339, from when on its nodes are there.
    """
    for manifest in sorted(render(platform, cluster).objects, key=_namespaces_first):
        kube.apply(manifest.body)
    for body in _kueue(cluster):
        kube.create(body)
    for kind in ("ClusterQueue", "LocalQueue"):
        for body in tuple(kube.list("kueue.x-k8s.io/v1beta2", kind)):
            _activate(kube, body)
    for each in nodes_of(platform, cluster):
        kube.create(_node(each, since))


def edit_by_hand(cluster: Cluster, kube: KubePort) -> None:
    """Somebody has not gone by the platform directory: outside production two things are not as it declares them.

    They are the last team's, so that hardly anything that is granted or changed meets them.

    Args:
        cluster: that was built.
        kube: where it was.
    """
    if cluster.environment is Environment.PRODUCTION:
        return
    quotas = sorted((key_of(each) for each in kube.list("v1", "ResourceQuota")), key=lambda key: key.namespace)
    last = quotas[-1]
    more = {"spec": {"hard": {"pods": _MORE_PODS}}}
    kube.merge_patch("v1", last, more, manager="kubectl-edit")
    policies = [key_of(each) for each in kube.list(_NETWORKING, "NetworkPolicy")]
    theirs = sorted((each for each in policies if each.namespace == last.namespace), key=lambda key: key.name)
    if theirs:
        kube.delete(_NETWORKING, theirs[-1])


def _kueue(cluster: Cluster) -> Iterator[Body]:
    """By what Kueue is known to be there: its namespace, its configuration, and its version."""
    within = {"namespace": _KUEUE}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _KUEUE}, "status": {"phase": "Active"}}
    text = "apiVersion: config.kueue.x-k8s.io/v1beta2\nkind: Configuration\n"
    yield from _webhooks()
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kueue-manager-config", **within},
        "data": {"controller_manager_config.yaml": text},
    }
    container = {"name": "manager", "image": f"registry.k8s.io/kueue/kueue:v{cluster.versions.kueue or _VERSION}"}
    yield {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "kueue-controller-manager", **within},
        "spec": {"replicas": 0, "template": {"spec": {"containers": [container]}}},
    }


def _webhooks() -> Iterator[Body]:
    """By what Kueue is told of work; nobody is called here, for it is not there."""
    called = {"service": {"namespace": _KUEUE, "name": "kueue-webhook-service"}}
    rules = [
        {"apiGroups": [group], "apiVersions": ["*"], "resources": list(kinds), "operations": ["CREATE", "UPDATE"]}
        for group, kinds in _TOLD_OF.items()
    ]
    for kind, name in (("MutatingWebhookConfiguration", "mutating"), ("ValidatingWebhookConfiguration", "validating")):
        hook = {"name": f"{name}.kueue.x-k8s.io", "clientConfig": called, "rules": rules, "failurePolicy": "Fail"}
        yield {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": f"kueue-{name}-webhook-configuration"},
            "webhooks": [{**hook, "sideEffects": "None", "admissionReviewVersions": ["v1"]}],
        }


def _namespaces_first(manifest: Manifest) -> bool:
    return manifest.key.kind != "Namespace"


def _activate(kube: KubePort, body: Body) -> None:
    active = {"type": "Active", "status": "True", "reason": "Ready", "message": "Can admit new workloads"}
    status = {"status": {"conditions": [{**active, "lastTransitionTime": body["metadata"]["creationTimestamp"]}]}}
    kube.merge_patch(body["apiVersion"], key_of(body), status, subresource="status", manager="kueue")


def _node(node: FakeNode, since: str) -> Body:
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    told = {"message": "kubelet is posting ready status", "lastTransitionTime": since}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "creationTimestamp": since,
            "labels": {**node.labels, "kubernetes.io/hostname": node.name},
        },
        "spec": {"taints": [{"key": key, "value": value, "effect": effect} for key, value, effect in node.taints]},
        "status": {
            "allocatable": dict(node.allocatable),
            "capacity": dict(node.allocatable),
            "conditions": [{**ready, **told}],
        },
    }
