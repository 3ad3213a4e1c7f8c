"""Kueue's manifests, redirected to loopback."""

from __future__ import annotations

from typing import Any

from allotment.adapters.sandbox.kueue import install_objects

PORTS = {"kueue-webhook": 20001, "kueue-visibility": 20002}


def manifest(kind: str, name: str, version: str = "v1", namespace: str = "", **body: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def hook(path: str) -> dict[str, Any]:
    return {"name": path, "clientConfig": {"service": {"name": "kueue-webhook-service", "path": path}}}


MANIFESTS = [
    manifest("APIService", "v1beta2.visibility.kueue.x-k8s.io", "apiregistration.k8s.io/v1", spec={"service": {}}),
    manifest("Deployment", "kueue-controller-manager", "apps/v1", "kueue-system"),
    manifest("ConfigMap", "kueue-manager-config", "v1", "kueue-system"),
    manifest("Service", "kueue-webhook-service", "v1", "kueue-system", spec={"ports": [{"port": 443}], "selector": {}}),
    manifest("Service", "kueue-visibility-server", "v1", "kueue-system", spec={"ports": [{"port": 443}]}),
    manifest("Service", "kueue-controller-manager-metrics-service", "v1", "kueue-system", spec={}),
    manifest(
        "MutatingWebhookConfiguration", "kueue", "admissionregistration.k8s.io/v1", webhooks=[hook("/a"), hook("/b")]
    ),
    manifest(
        "CustomResourceDefinition", "clusterqueues.kueue.x-k8s.io", "apiextensions.k8s.io/v1",
        spec={"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"service": {}}}}},
    ),
    manifest("CustomResourceDefinition", "topologies.kueue.x-k8s.io", "apiextensions.k8s.io/v1", spec={}),
    manifest("ServiceAccount", "kueue-controller-manager", "v1", "kueue-system"),
    manifest("Namespace", "kueue-system"),
]  # fmt: skip


def by_kind_and_name(*, visibility: bool = True) -> dict[tuple[str, str], dict[str, Any]]:
    objects = install_objects(MANIFESTS, PORTS, visibility=visibility)
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def test_what_would_be_a_pod_is_left_out() -> None:
    kinds = {kind for kind, _ in by_kind_and_name()}
    assert kinds.isdisjoint({"Deployment", "ConfigMap"})
    assert ("Service", "kueue-controller-manager-metrics-service") not in by_kind_and_name()


def test_services_lead_to_loopback_and_references_name_the_port() -> None:
    objects = by_kind_and_name()
    for name in ("kueue-webhook-service", "kueue-visibility-server"):
        assert objects["Service", name]["spec"] == {"type": "ExternalName", "externalName": "127.0.0.1"}
    hooks = objects["MutatingWebhookConfiguration", "kueue"]["webhooks"]
    assert [each["clientConfig"]["service"]["port"] for each in hooks] == [20001, 20001]
    crd = objects["CustomResourceDefinition", "clusterqueues.kueue.x-k8s.io"]
    assert crd["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["port"] == 20001
    assert objects["APIService", "v1beta2.visibility.kueue.x-k8s.io"]["spec"]["service"]["port"] == 20002


def test_without_visibility_its_apis_are_not_registered() -> None:
    kinds_and_names = set(by_kind_and_name(visibility=False))
    assert not {each for each in kinds_and_names if each[0] == "APIService" or each[1] == "kueue-visibility-server"}


def test_namespace_first_and_kinds_before_their_webhooks() -> None:
    kinds = [each["kind"] for each in install_objects(MANIFESTS, PORTS, visibility=True)]
    assert kinds[0] == "Namespace"
    assert kinds.index("CustomResourceDefinition") < kinds.index("MutatingWebhookConfiguration")


def test_the_originals_stay_as_they_are() -> None:
    install_objects(MANIFESTS, PORTS, visibility=True)
    assert MANIFESTS[3]["spec"]["ports"] == [{"port": 443}]
