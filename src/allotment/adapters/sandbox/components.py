"""The servers of a sandbox as a table: command line, working folder, health endpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox.extensions import CONTROLLERS, controllers_of
from allotment.adapters.sandbox.ports import PORT_NAMES
from allotment.adapters.sandbox.state import Paths
from allotment.adapters.sandbox.versions import RUNTIME

_CONTROLLERS_LEFT_OUT: Final = ("nodeipam", "route", "cloud-node-lifecycle", "service-lb-controller")


@dataclass(frozen=True, slots=True)
class Layout:
    """What command lines are made from: files, ports, choices."""

    paths: Paths
    ports: Mapping[str, int]
    fast_storage: bool
    apiserver_flags: Mapping[str, str] = field(default_factory=dict)

    def pki(self, file: str) -> str:
        """Path of a file of the PKI."""
        return str(self.paths.pki / file)

    def config(self, file: str) -> str:
        """Path of a configuration file."""
        return str(self.paths.config / file)


@dataclass(frozen=True, slots=True)
class Component:
    """One server.

    Attributes:
        name: also the name of its binary and of its health port.
        arguments: command line without the binary.
        health: path of its health endpoint.
        tls: whether that endpoint speaks TLS.
    """

    name: str
    arguments: Callable[[Layout], dict[str, str]]
    health: str
    tls: bool

    def argv(self, binary: Path, layout: Layout) -> list[str]:
        """The whole command line."""
        return [str(binary), *(f"--{flag}={value}" for flag, value in self.arguments(layout).items())]


def _etcd(layout: Layout) -> dict[str, str]:
    client, peer = (f"https://127.0.0.1:{layout.ports[port]}" for port in ("etcd", "etcd-peer"))
    flags = {
        "name": layout.paths.name,
        "data-dir": str(layout.paths.etcd),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{layout.paths.name}={peer}",
        "log-level": "warn",
        "unsafe-no-fsync": "true" if layout.fast_storage else "false",
    }
    for prefix in ("", "peer-"):
        # Other users of the machine reach loopback too: no certificate, no data.
        flags |= {
            f"{prefix}cert-file": layout.pki("etcd.crt"),
            f"{prefix}key-file": layout.pki("etcd.key"),
            f"{prefix}trusted-ca-file": layout.pki("ca.crt"),
            f"{prefix}client-cert-auth": "true",
        }
    return flags


def _own_apiserver_flags(layout: Layout) -> dict[str, str]:
    return {
        "etcd-servers": f"https://127.0.0.1:{layout.ports['etcd']}",
        "etcd-cafile": layout.pki("ca.crt"),
        "etcd-certfile": layout.pki("etcd-client.crt"),
        "etcd-keyfile": layout.pki("etcd-client.key"),
        "secure-port": str(layout.ports["kube-apiserver"]),
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "tls-cert-file": layout.pki("kube-apiserver.crt"),
        "tls-private-key-file": layout.pki("kube-apiserver.key"),
        "client-ca-file": layout.pki("ca.crt"),
        "service-account-key-file": layout.pki("service-account.pub"),
        "service-account-signing-key-file": layout.pki("service-account.key"),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-cluster-ip-range": "10.0.0.0/24",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction,Priority,ResourceQuota,LimitRanger,PodSecurity",
        # As on real clusters: privileged pods are refused by policy, not by the server being unable.
        "allow-privileged": "true",
        "requestheader-client-ca-file": layout.pki("ca.crt"),
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": layout.pki("front-proxy.crt"),
        "proxy-client-key-file": layout.pki("front-proxy.key"),
        "audit-policy-file": layout.config("audit-policy.json"),
        "audit-log-path": str(layout.paths.logs / "audit.log"),
        "audit-log-maxsize": "100",
        "audit-log-maxbackup": "1",
        "profiling": "false",
    }


OWN_APISERVER_FLAGS: Final = frozenset(
    _own_apiserver_flags(Layout(Paths(Path(), ""), defaultdict(int), fast_storage=True))
)
"""Names of the flags that no user may set; the values of this layout mean nothing."""


def _kube_apiserver(layout: Layout) -> dict[str, str]:
    return {**layout.apiserver_flags, **_own_apiserver_flags(layout)}


def _serving_client(layout: Layout, name: str) -> dict[str, str]:
    """What controller manager and scheduler have in common: clients of the API server that serve on loopback."""
    kubeconfig = layout.config(f"{name}.kubeconfig")
    return {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": str(layout.ports[name]),
        "tls-cert-file": layout.pki(f"{name}.crt"),
        "tls-private-key-file": layout.pki(f"{name}.key"),
        "leader-elect": "false",
        "kube-api-qps": "300",
        "kube-api-burst": "500",
        "profiling": "false",
    }


def _kube_controller_manager(layout: Layout) -> dict[str, str]:
    return {
        **_serving_client(layout, "kube-controller-manager"),
        "use-service-account-credentials": "true",
        "service-account-private-key-file": layout.pki("service-account.key"),
        "root-ca-file": layout.pki("ca.crt"),
        # A quota counts a kind whose definition just arrived from the next round on, and refuses it till then.
        "resource-quota-sync-period": "15s",
        "controllers": ",".join(["*", *(f"-{name}" for name in _CONTROLLERS_LEFT_OUT)]),
    }


def _kube_scheduler(layout: Layout) -> dict[str, str]:
    return _serving_client(layout, "kube-scheduler")


def _kwok(layout: Layout) -> dict[str, str]:
    return {
        "kubeconfig": layout.config("kwok.kubeconfig"),
        "config": layout.config("kwok-stages.yaml"),
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "node-lease-duration-seconds": "40",
        "node-ip": "127.0.0.1",
        "server-address": f"127.0.0.1:{layout.ports['kwok']}",
    }


def _controller(layout: Layout, name: str) -> dict[str, str]:
    return {"config": layout.config(f"{name}.json"), "kubeconfig": layout.config(f"{name}.kubeconfig")}


COMPONENTS: Final[Mapping[str, Component]] = {
    component.name: component
    for component in (
        Component("etcd", _etcd, "/health", tls=True),
        Component("kube-apiserver", _kube_apiserver, "/readyz", tls=True),
        Component("kube-controller-manager", _kube_controller_manager, "/healthz", tls=True),
        Component("kube-scheduler", _kube_scheduler, "/readyz", tls=True),
        Component("kwok", _kwok, "/healthz", tls=False),
        Component("kueue", partial(_controller, name="kueue"), "/readyz", tls=False),
        *(Component(each.name, partial(_controller, name=each.name), "/readyz", tls=False) for each in CONTROLLERS),
    )
}

_WITHOUT_KUBECONFIG: Final = ("etcd", "kube-apiserver")


def start_order(extensions: Iterable[str]) -> tuple[str, ...]:
    """The components of a sandbox with these extensions, in the order in which they are started."""
    return (*RUNTIME, *(controller.name for controller in controllers_of(extensions)))


def clients(extensions: Iterable[str]) -> tuple[str, ...]:
    """Components with a kubeconfig of their own."""
    return tuple(name for name in start_order(extensions) if name not in _WITHOUT_KUBECONFIG)


def port_names(extensions: Iterable[str]) -> tuple[str, ...]:
    """Every port of a sandbox with these extensions."""
    return (*PORT_NAMES, *(port for each in controllers_of(extensions) for port in (each.name, each.webhook)))
