"""Claims under the real controllers, with volumes that KWOK makes: pods that use them start."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from allotment.ports.sandboxes import FakeNode, Sandbox, SandboxSpec
from tests.live.conftest import Kubectl, kubectl_for, unique_name
from tests.live.sandbox.manifests import as_list, pod_spec
from tests.live.sandbox.test_workloads import eventually, read

pytestmark = [pytest.mark.live, pytest.mark.nightly]

MODES = ("WaitForFirstConsumer", "Immediate")


@pytest.fixture(scope="module")
def kubectl(new_sandbox: Callable[[SandboxSpec], Sandbox], tools: Mapping[str, Path]) -> Kubectl:
    made = new_sandbox(SandboxSpec(unique_name(), (FakeNode("cpu-0"),), volumes=True))
    return kubectl_for(made, tools)


def storage_class(mode: str, provisioner: str = "disk.example.com") -> dict[str, Any]:
    head = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": mode.lower()}}
    return {**head, "provisioner": provisioner, "volumeBindingMode": mode}


def claim(name: str, mode: str, access: str) -> dict[str, Any]:
    asks = {"accessModes": [access], "resources": {"requests": {"storage": "1536Gi"}}, "storageClassName": mode.lower()}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": asks}


@pytest.mark.parametrize(("mode", "access"), [(MODES[0], "ReadWriteMany"), (MODES[1], "ReadWriteOncePod")])
def test_a_pod_with_a_claim_starts_and_its_volume_goes_with_the_claim(kubectl: Kubectl, mode: str, access: str) -> None:
    name = mode.lower()
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": name}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}}
    objects = (storage_class(mode), claim(name, mode, access), {**pod, "spec": {**pod_spec(0), "volumes": [volume]}})
    kubectl("create", "-f", "-", stdin=as_list(*objects))
    eventually(lambda: read(kubectl, "pod", name)["status"]["phase"] == "Running", "the pod runs")
    bound = read(kubectl, "pvc", name)
    assert bound["status"] == {"phase": "Bound", "accessModes": [access], "capacity": {"storage": "1536Gi"}}
    kubectl("delete", "pod", name)
    kubectl("delete", "pvc", name)
    there = partial(kubectl, "get", "pv", bound["spec"]["volumeName"], check=False)
    eventually(lambda: "NotFound" in there(), "the volume goes")


def test_a_class_without_a_provisioner_has_its_volumes_made_by_hand(kubectl: Kubectl) -> None:
    by_hand = storage_class("Immediate", "kubernetes.io/no-provisioner")
    by_hand["metadata"]["name"] = "by-hand"
    kubectl("create", "-f", "-", stdin=as_list(by_hand, claim("none", "by-hand", "ReadWriteOnce")))
    eventually(lambda: "no volume plugin matched" in kubectl("get", "events"), "the binder has looked")
    assert read(kubectl, "pvc", "none")["status"]["phase"] == "Pending"
    assert json.loads(kubectl("get", "pv", "-o", "json"))["items"] == []
