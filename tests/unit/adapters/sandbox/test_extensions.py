"""Kinds of workloads beside Kubernetes' own, and their controllers."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.sandbox.components import port_names
from allotment.adapters.sandbox.extensions import (
    CONTROLLERS,
    EXTENSIONS,
    Controller,
    configuration,
    extension_objects,
    frameworks_with,
    resolved,
)
from allotment.adapters.sandbox.manifests import SOURCES
from allotment.adapters.sandbox.versions import ON_REQUEST
from allotment.cli.commands.sandbox.sandbox import with_flag
from allotment.errors import InputError
from allotment.model.cluster import WORKLOAD_FEATURES

PORTS = {name: 20000 + index for index, name in enumerate(port_names(EXTENSIONS))}


def manifest(kind: str, name: str, version: str = "v1", **body: Any) -> dict[str, Any]:
    namespaced = {"namespace": "jobset-system"} if kind in {"Service", "Secret", "Deployment", "ConfigMap"} else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **namespaced}, **body}


def client(path: str) -> dict[str, Any]:
    return {"service": {"name": "jobset-webhook-service", "namespace": "jobset-system", "path": path}}


MANIFESTS = [
    manifest(
        "ValidatingWebhookConfiguration", "jobset", "admissionregistration.k8s.io/v1",
        webhooks=[{"name": "a", "clientConfig": client("/a")}, {"name": "b", "clientConfig": client("/b")}],
    ),
    manifest("Deployment", "jobset-controller-manager", "apps/v1"),
    manifest("ConfigMap", "jobset-manager-config"),
    manifest("Secret", "jobset-webhook-server-cert"),
    manifest("Service", "jobset-webhook-service", spec={"ports": [{"port": 443}]}),
    manifest("Service", "jobset-controller-manager-metrics-service", spec={}),
    manifest(
        "CustomResourceDefinition", "jobsets.jobset.x-k8s.io", "apiextensions.k8s.io/v1",
        spec={"conversion": {"strategy": "Webhook", "webhook": {"clientConfig": client("/convert")}}},
    ),
    manifest("Namespace", "jobset-system"),
]  # fmt: skip


def test_names_are_those_of_the_features_and_of_the_command_line() -> None:
    names = [feature.value for feature in WORKLOAD_FEATURES]
    assert names == list(EXTENSIONS)
    command = with_flag(lambda: None)
    assert list(command.__click_params__[0].type.choices) == names  # type: ignore[attr-defined]


def test_every_extension_has_its_source_and_every_controller_its_binary() -> None:
    assert {each.manifests for each in EXTENSIONS.values()} <= set(SOURCES)
    assert tuple(each.name for each in CONTROLLERS) == ON_REQUEST


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((), ()),
        (("leaderworkerset", "jobset", "jobset"), ("jobset", "leaderworkerset")),
        (("trainjob",), ("jobset", "trainjob")),
    ],
    ids=["none", "in one order", "with what it needs"],
)
def test_extensions_are_resolved(asked: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert resolved(asked) == found


def test_an_unknown_extension_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="volcano") as caught:
        resolved(["jobset", "volcano"])
    assert "leaderworkerset" in caught.value.why


def test_kueue_manages_the_added_kinds() -> None:
    assert frameworks_with(("batch/job",), ("jobset", "rayjob")) == (
        "batch/job", "jobset.x-k8s.io/jobset", "ray.io/rayjob", "ray.io/raycluster",
    )  # fmt: skip
    assert frameworks_with(("jobset.x-k8s.io/jobset",), ("jobset",)) == ("jobset.x-k8s.io/jobset",)


@pytest.mark.parametrize("controller", CONTROLLERS, ids=lambda each: each.name)
def test_a_controller_listens_on_loopback_only(controller: Controller) -> None:
    settings: Any = configuration(controller, PORTS, "/state/certs")
    assert settings["webhook"] == {"host": "127.0.0.1", "port": PORTS[controller.webhook], "certDir": "/state/certs"}
    assert settings["health"] == {"healthProbeBindAddress": f"127.0.0.1:{PORTS[controller.name]}"}
    assert settings["metrics"] == {"bindAddress": "0"}


def test_objects_lead_to_loopback_and_name_the_authority() -> None:
    objects = extension_objects("jobset", MANIFESTS, PORTS, "Q0E=")
    assert [each["kind"] for each in objects] == [
        "Namespace", "CustomResourceDefinition", "Service", "ValidatingWebhookConfiguration",
    ]  # fmt: skip
    _, kind, service, hooks = objects
    assert service["spec"] == {"type": "ExternalName", "externalName": "127.0.0.1"}
    clients = [hook["clientConfig"] for hook in hooks["webhooks"]]
    for each in (*clients, kind["spec"]["conversion"]["webhook"]["clientConfig"]):
        assert each["caBundle"] == "Q0E="
        assert each["service"]["port"] == PORTS["jobset-webhook"]
    assert "caBundle" not in MANIFESTS[0]["webhooks"][0]["clientConfig"]


def test_kinds_without_a_controller_are_taken_as_they_are() -> None:
    kinds = [manifest("CustomResourceDefinition", "rayjobs.ray.io", "apiextensions.k8s.io/v1", spec={})]
    assert extension_objects("rayjob", kinds, PORTS, "Q0E=") == tuple(kinds)
