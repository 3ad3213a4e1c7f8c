"""The manifests of deploy/ on a real control plane with our own policies: taken, run as strict pods, bounded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.live.conftest import Kubectl, kubectl_for
from tests.live.replicas.servers import until
from tests.live.training import Training

pytestmark = pytest.mark.live

KUSTOMIZE = Path(__file__).parents[3] / "deploy" / "kustomize"
BEFORE = """\
apiVersion: v1
kind: PersistentVolume
metadata: {name: allotment-state}
spec:
  accessModes: [ReadWriteOnce, ReadWriteMany]
  capacity: {storage: 20Gi}
  claimRef: {namespace: allotment, name: allotment-state}
  hostPath: {path: /nowhere}
---
apiVersion: v1
kind: Namespace
metadata: {name: allotment}
---
apiVersion: v1
kind: Secret
metadata: {name: allotment-tls, namespace: allotment}
stringData: {tls.crt: none, tls.key: none}
---
apiVersion: v1
kind: Secret
metadata: {name: allotment-store, namespace: allotment}
stringData: {password: none}
"""


@pytest.fixture
def kubectl(training: Training, tools: Mapping[str, Path]) -> Iterator[Kubectl]:
    run = kubectl_for(training.sandbox, tools)
    yield run
    for each in ("namespace/allotment", "persistentvolume/allotment-state"):
        run("delete", each, "--ignore-not-found", "--wait=true", "--timeout=120s")


def built(tools: Mapping[str, Path], folder: Path) -> str:
    argv = [str(tools["kubectl"]), "kustomize", str(folder)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("folder", "pods"), [("base", 1), pytest.param("overlays/two-servers", 2, marks=pytest.mark.nightly)]
)
def test_they_are_taken_and_their_pods_run(
    training: Training, kubectl: Kubectl, tools: Mapping[str, Path], folder: str, pods: int
) -> None:
    kubectl("apply", "--server-side", "-f", "-", stdin=BEFORE)
    manifests = built(tools, KUSTOMIZE / folder)
    argv = [
        str(tools["kubectl"]), "--kubeconfig", str(training.sandbox.kubeconfig), "apply", "--server-side",
        "--force-conflicts", "-f", "-",
    ]  # fmt: skip
    done = subprocess.run(argv, input=manifests, capture_output=True, text=True, timeout=120, check=False)
    # Pod Security says as a warning what it would refuse.
    assert (done.returncode, done.stderr) == (0, "")

    def ready() -> bool:
        return kubectl(
            "get", "deployment", "allotment", "-n", "allotment", "-o", "jsonpath={.status.readyReplicas}"
        ) == str(pods)

    until(ready, 120, lambda: kubectl("get", "events,pods", "-n", "allotment", "-o", "wide"))
    names = [
        each["metadata"]["name"]
        for each in json.loads(kubectl("get", "pods", "-n", "allotment", "-o", "json"))["items"]
    ]
    assert len(names) == pods
    for verb, what, may in [
        ("list", "pods", "yes"),
        ("get", "pods/log", "yes"),
        ("delete", "jobs.batch", "yes"),
        ("impersonate", "users", "yes"),
        ("create", "jobs.batch", "no"),
        ("get", "secrets", "no"),
        ("create", "pods/exec", "no"),
        ("patch", "clusterroles.rbac.authorization.k8s.io", "no"),
    ]:
        assert may_it(training, tools, verb, what) == may, (verb, what)


def may_it(training: Training, tools: Mapping[str, Path], verb: str, what: str) -> str:
    """Whether the server's account may do it in a team's namespace: yes or no."""
    resource, _, part = what.partition("/")
    argv = [
        str(tools["kubectl"]), "--kubeconfig", str(training.sandbox.kubeconfig), "auth", "can-i", verb, resource,
        *([f"--subresource={part}"] if part else []), "-n", "nlp",
        "--as=system:serviceaccount:allotment:allotment-server",
    ]  # fmt: skip
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
