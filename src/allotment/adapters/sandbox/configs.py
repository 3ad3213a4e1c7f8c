"""Configuration files as data: kubeconfigs, Kueue's Configuration, the audit policy."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from allotment.adapters.sandbox.pki import KUEUE_NAMESPACE
from allotment.ports.sandboxes import KueueOptions

Object = dict[str, object]

WEBHOOK_SERVICE: Final = "kueue-webhook-service"
WEBHOOK_SECRET: Final = "kueue-webhook-server-cert"  # noqa: S105 - the name of a Secret
VISIBILITY_SERVICE: Final = "kueue-visibility-server"

FAIR_SHARING_STRATEGIES: Final = ("LessThanOrEqualToFinalShare", "LessThanInitialShare")


def kubeconfig(*, context: str, user: str, port: int, files: Mapping[str, bytes], certificate: str) -> Object:
    """A kubeconfig with one cluster, one user, one context; certificates are inside.

    Args:
        context: name of the context and the cluster.
        user: name of the user entry.
        port: the API server's.
        files: the PKI, content by file name.
        certificate: which leaf of the PKI is the user's.
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {
                    "server": f"https://127.0.0.1:{port}",
                    "certificate-authority-data": _base64(files["ca.crt"]),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _base64(files[f"{certificate}.crt"]),
                    "client-key-data": _base64(files[f"{certificate}.key"]),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
    }


def kueue_configuration(
    options: KueueOptions, ports: Mapping[str, int], *, webhook_certs: str, visibility: bool
) -> Object:
    """Kueue's Configuration: its servers on loopback, the rest as the options say.

    Args:
        options: what the platform decides.
        ports: loopback port by use.
        webhook_certs: folder that will hold the webhook's certificate.
        visibility: serve the pending workloads; only our own build can without being root.
    """
    configuration: Object = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": KUEUE_NAMESPACE,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{ports['kueue']}"},
        "metrics": {
            "bindAddress": f"127.0.0.1:{ports['kueue-metrics']}",
            "enableClusterQueueResources": True,
        },
        "webhook": {"host": "127.0.0.1", "port": ports["kueue-webhook"], "certDir": webhook_certs},
        "visibilityServer": {"bindAddress": "127.0.0.1", "bindPort": ports["kueue-visibility"]},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {
            "enable": True,
            "webhookServiceName": WEBHOOK_SERVICE,
            "webhookSecretName": WEBHOOK_SECRET,
        },
        "clientConnection": {"qps": 300, "burst": 500},
        "integrations": {"frameworks": list(options.frameworks)},
        "manageJobsWithoutQueueName": options.manage_jobs_without_queue_name,
    }
    if options.fair_sharing:
        configuration["fairSharing"] = {"preemptionStrategies": list(FAIR_SHARING_STRATEGIES)}
    if options.managed_jobs_namespace_selector is not None:
        configuration["managedJobsNamespaceSelector"] = dict(options.managed_jobs_namespace_selector)
    if not visibility:
        configuration["featureGates"] = {"VisibilityOnDemand": False}
    return _merged(configuration, options.extra)


def audit_policy() -> Object:
    """Who wrote what, when, and what the server answered; no bodies, no reads, no bookkeeping."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {
                "level": "None",
                "resources": [
                    {"group": "coordination.k8s.io", "resources": ["leases"]},
                    {"group": "", "resources": ["events"]},
                    {"group": "events.k8s.io", "resources": ["events"]},
                ],
            },
            {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
            {"level": "None"},
        ],
    }


def _merged(below: Object, above: Mapping[str, object]) -> Object:
    """`above` over `below`; mappings are merged, so that an option adds to a section of ours."""
    result = dict(below)
    for key, value in above.items():
        present = result.get(key)
        if isinstance(present, dict) and isinstance(value, Mapping):
            result[key] = _merged(present, value)
        else:
            result[key] = value
    return result


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
