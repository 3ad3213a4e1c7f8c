"""Kinds of workloads beside Kubernetes' own: each with its real controller where a sandbox can run it.

An extension has the name of the cluster feature that declares it. Kueue knows all of them; it asks the API server once,
at its start, which exist. Without its controller, a kind is stored, judged by policies and admitted by Kueue, and makes
no pods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.adapters.sandbox.loopback import Manifest, in_install_order, redirected, to_loopback
from allotment.adapters.sandbox.manifests import JOBSET_MANIFESTS, LWS_MANIFESTS, RAY_KINDS, TRAINER_KINDS
from allotment.errors import InputError


@dataclass(frozen=True, slots=True)
class Controller:
    """A controller that runs as a process of the sandbox.

    Attributes:
        name: its binary, component and certificate; `NAME-webhook` is the port and certificate of its webhooks.
        configuration: `apiVersion` of its Configuration.
        probe: the least object of its kind, which has namespaces: what passes its webhooks shows that they answer.
    """

    name: str
    configuration: str
    probe: Mapping[str, Any]

    @property
    def namespace(self) -> str:
        """Where its service account and its webhook's Service lie."""
        return f"{self.name}-system"

    @property
    def service_account(self) -> str:
        """Whose rights it has."""
        return f"{self.name}-controller-manager"

    @property
    def webhook(self) -> str:
        """Port and certificate of its webhooks."""
        return f"{self.name}-webhook"

    @property
    def webhook_service(self) -> str:
        """The Service that its webhook configurations name."""
        return f"{self.name}-webhook-service"


@dataclass(frozen=True, slots=True)
class Extension:
    """What is added to a sandbox.

    Attributes:
        manifests: see `manifests.SOURCES`.
        frameworks: Kueue's integrations for its kinds.
        controller: None where the kinds alone are there.
        needs: extensions that it cannot be without.
    """

    manifests: str
    frameworks: tuple[str, ...]
    controller: Controller | None = None
    needs: tuple[str, ...] = ()


_POD: Final = {"restartPolicy": "Never", "containers": [{"name": "probe", "image": "probe"}]}

EXTENSIONS: Final[Mapping[str, Extension]] = {
    "jobset": Extension(
        JOBSET_MANIFESTS,
        ("jobset.x-k8s.io/jobset",),
        Controller(
            "jobset",
            "config.jobset.x-k8s.io/v1alpha1",
            {
                "apiVersion": "jobset.x-k8s.io/v1alpha2",
                "kind": "JobSet",
                "spec": {"replicatedJobs": [{"name": "probe", "template": {"spec": {"template": {"spec": _POD}}}}]},
            },
        ),
    ),
    "leaderworkerset": Extension(
        LWS_MANIFESTS,
        ("leaderworkerset.x-k8s.io/leaderworkerset",),
        Controller(
            "lws",
            "config.lws.x-k8s.io/v1alpha1",
            {
                "apiVersion": "leaderworkerset.x-k8s.io/v1",
                "kind": "LeaderWorkerSet",
                "spec": {"leaderWorkerTemplate": {"workerTemplate": {"spec": {"containers": _POD["containers"]}}}},
            },
        ),
    ),
    "rayjob": Extension(RAY_KINDS, ("ray.io/rayjob", "ray.io/raycluster")),
    # Kueue watches the JobSets that the trainer makes of a TrainJob, and ends where that kind does not exist.
    "trainjob": Extension(TRAINER_KINDS, ("trainer.kubeflow.org/trainjob",), needs=("jobset",)),
}

CONTROLLERS: Final = tuple(each.controller for each in EXTENSIONS.values() if each.controller is not None)


def resolved(names: Iterable[str]) -> tuple[str, ...]:
    """The extensions asked for and those that they need, each once, in the order of `EXTENSIONS`.

    Raises:
        InputError: there is none of that name.
    """
    asked = set(names)
    unknown = sorted(asked - set(EXTENSIONS))
    if unknown:
        raise InputError(
            f"a sandbox has no extension {unknown[0]}",
            why=f"there are {', '.join(EXTENSIONS)}",
            fix="name one of these",
        )
    needed = {need for name in asked for need in EXTENSIONS[name].needs}
    return tuple(name for name in EXTENSIONS if name in asked | needed)


def controllers_of(names: Iterable[str]) -> tuple[Controller, ...]:
    """Controllers of the extensions named."""
    wanted = set(names)
    return tuple(each.controller for name, each in EXTENSIONS.items() if name in wanted and each.controller is not None)


def frameworks_with(frameworks: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Kueue's integrations with those of the extensions named, each once."""
    added = [framework for name in names for framework in EXTENSIONS[name].frameworks]
    return tuple(dict.fromkeys((*frameworks, *added)))


def configuration(controller: Controller, ports: Mapping[str, int], certificates: str) -> dict[str, object]:
    """The controller's Configuration: all on loopback, with the certificate that the sandbox made for it.

    Its own certificates would lie in one folder of the machine that all sandboxes and users share.
    """
    return {
        "apiVersion": controller.configuration,
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"127.0.0.1:{ports[controller.name]}"},
        "metrics": {"bindAddress": "0"},
        "webhook": {"host": "127.0.0.1", "port": ports[controller.webhook], "certDir": certificates},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "clientConnection": {"qps": 300, "burst": 500},
    }


def extension_objects(
    name: str, manifests: Iterable[Manifest], ports: Mapping[str, int], authority: str
) -> tuple[dict[str, Any], ...]:
    """The objects of an extension to apply, in order.

    Args:
        name: the extension.
        manifests: as its source has them.
        ports: loopback port by use.
        authority: the authority's certificate in base64, which the API server checks the webhooks against.
    """
    controller = EXTENSIONS[name].controller
    if controller is None:
        return in_install_order(manifests)
    port = ports[controller.webhook]
    objects = [
        redirected(manifest, port, authority)
        for manifest in to_loopback(manifests, {controller.webhook_service})
        if manifest["kind"] != "Secret"
    ]
    return in_install_order(objects)
