"""Configuration files as data."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from allotment.adapters.sandbox.configs import audit_policy, kubeconfig, kueue_configuration
from allotment.adapters.sandbox.ports import PORT_NAMES
from allotment.ports.sandboxes import KueueOptions

PORTS = {name: 20000 + index for index, name in enumerate(PORT_NAMES)}


def configuration(options: KueueOptions, *, visibility: bool = True) -> dict[str, Any]:
    return kueue_configuration(options, PORTS, webhook_certs="/state/certs", visibility=visibility)


def test_kubeconfig_has_one_of_each_and_the_named_context() -> None:
    files = {"ca.crt": b"authority", "admin.crt": b"certificate", "admin.key": b"key"}
    config: Any = kubeconfig(context="dev-eastus", user="admin", port=20443, files=files, certificate="admin")
    assert config["current-context"] == "dev-eastus"
    assert config["contexts"] == [{"name": "dev-eastus", "context": {"cluster": "dev-eastus", "user": "admin"}}]
    [cluster] = config["clusters"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:20443"
    [user] = config["users"]
    assert base64.b64decode(user["user"]["client-key-data"]) == b"key"
    assert "insecure-skip-tls-verify" not in cluster["cluster"]


def test_kueue_listens_on_loopback_only() -> None:
    config = configuration(KueueOptions())
    assert config["health"]["healthProbeBindAddress"].startswith("127.0.0.1:")
    assert config["metrics"]["bindAddress"].startswith("127.0.0.1:")
    assert config["webhook"]["host"] == "127.0.0.1"
    assert config["visibilityServer"]["bindAddress"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("options", "path", "value"),
    [
        (KueueOptions(), ("integrations", "frameworks"), ["batch/job", "pod", "deployment", "statefulset"]),
        (KueueOptions(frameworks=("batch/job",)), ("integrations", "frameworks"), ["batch/job"]),
        (
            KueueOptions(fair_sharing=True),
            ("fairSharing", "preemptionStrategies"),
            ["LessThanOrEqualToFinalShare", "LessThanInitialShare"],
        ),
        (
            KueueOptions(managed_jobs_namespace_selector={"matchLabels": {"team": "a"}}),
            ("managedJobsNamespaceSelector",),
            {"matchLabels": {"team": "a"}},
        ),
        (KueueOptions(manage_jobs_without_queue_name=True), ("manageJobsWithoutQueueName",), True),
        (KueueOptions(extra={"waitForPodsReady": {"timeout": "5m"}}), ("waitForPodsReady", "timeout"), "5m"),
        (KueueOptions(extra={"webhook": {"port": 1}}), ("webhook", "host"), "127.0.0.1"),
    ],
    ids=["default", "frameworks", "fair sharing", "namespaces", "unnamed", "extra", "extra is merged"],
)
def test_options_reach_the_configuration(options: KueueOptions, path: tuple[str, ...], value: object) -> None:
    found: Any = configuration(options)
    for part in path:
        found = found[part]
    assert found == value


def test_what_is_not_asked_for_is_left_to_kueue() -> None:
    assert {"fairSharing", "managedJobsNamespaceSelector", "featureGates"}.isdisjoint(configuration(KueueOptions()))


def test_a_foreign_kueue_serves_no_visibility() -> None:
    assert configuration(KueueOptions(), visibility=False)["featureGates"] == {"VisibilityOnDemand": False}


def test_audit_records_writes_without_bodies() -> None:
    policy: Any = audit_policy()
    levels = {rule["level"] for rule in policy["rules"]}
    assert levels == {"None", "Metadata"}
    [writes] = [rule for rule in policy["rules"] if rule["level"] == "Metadata"]
    assert set(writes["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}
    assert policy["rules"][-1] == {"level": "None"}
