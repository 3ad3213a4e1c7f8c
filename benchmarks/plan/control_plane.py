"""A bare control plane: etcd and kube-apiserver with Kueue's kinds. No controllers, so that nothing else is busy."""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from allotment import wiring
from allotment.adapters.kube.client import connect
from allotment.adapters.sandbox import configs, pki, ports
from allotment.errors import AllotmentError
from allotment.model.manifest import ObjectKey

READY_WITHIN = 60.0
_DEFAULT_NAMESPACE = ObjectKey("", "Namespace", "", "default")


@dataclass(frozen=True)
class ControlPlane:
    """Where it is, and the kubectl of its version."""

    kubeconfig: Path
    kubectl: Path
    version: str


@contextmanager
def control_plane(folder: Path) -> Iterator[ControlPlane]:
    """Start it below a folder; stop it on leaving."""
    kit = wiring.sandboxes().tools(("etcd", "kube-apiserver", "kubectl", "kueue"))
    pki.write_pki(folder / "pki", dt.datetime.now(dt.UTC))
    chosen = ports.choose(("etcd", "etcd-peer", "kube-apiserver"), random.SystemRandom())
    files = {path.name: path.read_bytes() for path in (folder / "pki").iterdir()}
    config = configs.kubeconfig(
        context="bench", user="admin", port=chosen["kube-apiserver"], files=files, certificate="admin"
    )
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(config), encoding="utf-8")
    servers = [
        _start(kit.binaries["etcd"], _etcd(folder, chosen), folder / "etcd.log"),
        _start(kit.binaries["kube-apiserver"], _kube_apiserver(folder, chosen), folder / "kube-apiserver.log"),
    ]
    try:
        version = _await_ready(kubeconfig)
        _install(kubeconfig, kit.kueue_manifests)
        yield ControlPlane(kubeconfig, kit.binaries["kubectl"], version)
    finally:
        for server in reversed(servers):
            server.terminate()
            server.wait(timeout=60)


def _start(binary: Path, flags: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        return subprocess.Popen(
            [str(binary), *(f"--{flag}={value}" for flag, value in flags.items())], stdout=sink, stderr=sink
        )


def _etcd(folder: Path, chosen: Mapping[str, int]) -> dict[str, str]:
    client, peer = (f"http://127.0.0.1:{chosen[port]}" for port in ("etcd", "etcd-peer"))
    return {
        "data-dir": str(folder / "etcd"),
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"default={peer}",
        "unsafe-no-fsync": "true",
        "quota-backend-bytes": str(4 << 30),
        "log-level": "warn",
    }


def _kube_apiserver(folder: Path, chosen: Mapping[str, int]) -> dict[str, str]:
    keys = folder / "pki"
    return {
        "etcd-servers": f"http://127.0.0.1:{chosen['etcd']}",
        "secure-port": str(chosen["kube-apiserver"]),
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "tls-cert-file": str(keys / "kube-apiserver.crt"),
        "tls-private-key-file": str(keys / "kube-apiserver.key"),
        "client-ca-file": str(keys / "ca.crt"),
        "service-account-key-file": str(keys / "service-account.pub"),
        "service-account-signing-key-file": str(keys / "service-account.key"),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-cluster-ip-range": "10.0.0.0/24",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction,Priority,ResourceQuota,LimitRanger,PodSecurity",
    }


def _await_ready(kubeconfig: Path) -> str:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        try:
            with connect(kubeconfig) as kube:
                if kube.get("v1", _DEFAULT_NAMESPACE) is not None:
                    return kube.server().version
        except AllotmentError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def _install(kubeconfig: Path, manifests: tuple[Mapping[str, object], ...]) -> None:
    with connect(kubeconfig) as kube:
        for manifest in manifests:
            if manifest["kind"] == "CustomResourceDefinition":
                body = json.loads(json.dumps(manifest))
                body["spec"].pop("conversion", None)  # its webhook is Kueue, which does not run here
                kube.apply(body)
        while not kube.serves("kueue.x-k8s.io/v1beta2", "LocalQueue"):
            time.sleep(0.5)
