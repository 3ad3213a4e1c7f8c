"""The manifests of deploy/ on a real control plane with our own policies: taken, run as strict pods, bounded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.ports.kube import AccessQuestion, Identity
from allotment.render.rbac import READER_RULES
from tests.live.conftest import Kubectl, kubectl_for
from tests.live.replicas.servers import until
from tests.live.training import AUTHENTICATED, OWNER, Training

pytestmark = pytest.mark.live

KUSTOMIZE = Path(__file__).parents[3] / "deploy" / "kustomize"
OF_WORK = {"ConfigMap", "Deployment", "PersistentVolumeClaim", "Service"}
OF_TEAM = {"team": "nlp", "project": "assistant", "cost-center": "cc-4521", "environment": "staging"}
"""What each team's work says."""
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
    assert unread_by_the_server(training) == [], "what answers rest on is read without a gap"


def unread_by_the_server(training: Training) -> list[str]:
    """What a server has to read to follow a cluster, and its account there may not."""
    account = "system:serviceaccount:allotment:allotment-server"
    groups = ("system:serviceaccounts", "system:serviceaccounts:allotment", AUTHENTICATED)
    questions = (
        AccessQuestion(verb, group, *resource.partition("/")[::2], name=name)
        for rule in READER_RULES
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", ("",))
    )
    return [str(each) for each in questions if not training.kube.allowed(Identity(account, groups), each)]


def may_it(training: Training, tools: Mapping[str, Path], verb: str, what: str) -> str:
    """Whether the server's account may do it in a team's namespace: yes or no."""
    resource, _, part = what.partition("/")
    argv = [
        str(tools["kubectl"]), "--kubeconfig", str(training.sandbox.kubeconfig), "auth", "can-i", verb, resource,
        *([f"--subresource={part}"] if part else []), "-n", "nlp",
        "--as=system:serviceaccount:allotment:allotment-server",
    ]  # fmt: skip
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout.strip()


def as_a_team_writes_it(manifests: str) -> dict[str, dict[str, Any]]:
    """What of the manifests is work or belongs to it, in a team's namespace, with its labels and its registry."""
    found: dict[str, dict[str, Any]] = {}
    for each in filter(None, yaml.safe_load_all(manifests.replace("registry.example/", "registry.acme.example/"))):
        if each["kind"] in OF_WORK:
            found[f"{each['kind']} {each['metadata']['name']}"] = each
        if each["kind"] == "Deployment":
            template = each["spec"]["template"]
            template["metadata"]["labels"] |= OF_TEAM
            template["spec"]["serviceAccountName"] = "default"
            template["spec"]["automountServiceAccountToken"] = False
            pod = {"apiVersion": "v1", "kind": "Pod", **template}
            found["its Pod"] = {**pod, "metadata": {"name": "server", **template["metadata"]}}
    for each in found.values():
        each["metadata"] = {**each["metadata"], "namespace": "nlp"}
        each["metadata"]["labels"] = {**each["metadata"].get("labels", {}), **OF_TEAM}
    return found


@pytest.mark.parametrize("folder", ["base", "overlays/two-servers"])
def test_our_own_policies_take_them_for_a_team_s(training: Training, tools: Mapping[str, Path], folder: str) -> None:
    """Namespace allotment is no team's, so that they judge nothing there: here they do, and nothing is kept."""
    written = as_a_team_writes_it(built(tools, KUSTOMIZE / folder))
    assert {"Deployment allotment", "its Pod", "Service allotment"} <= set(written)
    assert {name: said for name, each in written.items() if (said := training.refusal(each, OWNER))} == {}
    # They are judged: one thing that is wrong is enough.
    deployment = written["Deployment allotment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]  # the pod's own, too
    container["securityContext"]["allowPrivilegeEscalation"] = True
    assert "allowPrivilegeEscalation" in training.refusal(written["its Pod"], OWNER)
    assert "pod-security-of-templates" in training.refusal(deployment, OWNER)
