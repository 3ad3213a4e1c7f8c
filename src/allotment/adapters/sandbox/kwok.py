"""What KWOK plays: fake nodes, and the life of the pods on them."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from allotment.adapters.sandbox.versions import KUBERNETES, goarch
from allotment.ports.sandboxes import FAIL_AFTER, RUN_FOR, FakeNode

FAKE: Final = "kwok.x-k8s.io/node"
"""Annotation of the nodes that KWOK manages; its value is `fake`."""

DIGEST: Final = "allotment.dev/fake-node"
"""Annotation with a digest of the wanted node. A node whose digest differs is replaced, as a machine would be."""

PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
"""Annotation of a claim that waits for whoever it names; the controller manager sets it once a volume is needed."""

_VOLUME: Final = "allotment.dev/fake-volume"
"""Annotation of the volumes that are made here; whose it is not is left alone."""

DEFAULT_RUN_MILLISECONDS: Final = 1000
"""How long a Job's pod runs when it does not say."""


def node_object(node: FakeNode) -> dict[str, Any]:
    """The Node to create."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": goarch(),
        "type": "kwok",
        **node.labels,
    }
    resources = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "1Ti", **node.allocatable}
    spec: dict[str, Any] = {}
    if node.taints:
        spec["taints"] = [{"key": key, "value": value, "effect": effect} for key, value, effect in node.taints]
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels, "annotations": {FAKE: "fake"}},
        "spec": spec,
        "status": {
            "allocatable": resources,
            "capacity": resources,
            "nodeInfo": {"kubeletVersion": KUBERNETES, "architecture": goarch(), "operatingSystem": "linux"},
        },
    }
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]
    body["metadata"]["annotations"][DIGEST] = digest
    return body


def node_changes(
    wanted: Iterable[FakeNode], live: Iterable[Mapping[str, Any]]
) -> tuple[tuple[str, ...], tuple[dict[str, Any], ...]]:
    """(names to delete, Nodes to create) that lead from the live fake nodes to the wanted ones.

    Nodes without our annotation are somebody else's and stay.
    """
    objects = {node.name: node_object(node) for node in wanted}
    present = {
        node["metadata"]["name"]: node["metadata"]["annotations"][DIGEST]
        for node in live
        if DIGEST in node["metadata"].get("annotations", {})
    }
    right = {
        name
        for name, digest in present.items()
        if name in objects and objects[name]["metadata"]["annotations"][DIGEST] == digest
    }
    delete = tuple(sorted(set(present) - right))
    return delete, tuple(body for name, body in objects.items() if name not in right)


def stages(originals: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """KWOK's stages with our life of a pod: how long it runs, and whether it fails.

    - a Job's pod runs for its `allotment.dev/run-for`, as long as its `sleep` says, or a second, and succeeds;
    - any other pod runs until it is deleted, or for its `allotment.dev/run-for`, and succeeds;
    - a pod with `allotment.dev/fail-after` fails after that time;
    - a running pod that is deleted ends first, as under a kubelet: whoever holds it by a finalizer waits for that.

    Args:
        originals: KWOK's own stages; `pod-complete` is replaced by ours.
    """
    kept = [_after_its_end(stage) for stage in originals if stage["metadata"]["name"] != "pod-complete"]
    owner = ".metadata.ownerReferences.[].kind"
    of_job = {"key": owner, "operator": "In", "values": ["Job"]}
    not_of_job = {"key": owner, "operator": "NotIn", "values": ["Job"]}
    does_not_fail = {"key": _annotation(FAIL_AFTER), "operator": "DoesNotExist"}
    says_how_long = {"key": _annotation(RUN_FOR), "operator": "Exists"}
    fails = {"key": _annotation(FAIL_AFTER), "operator": "Exists"}
    return (
        *kept,
        _end("pod-complete", f"{_annotation(RUN_FOR)} // ({_SLEEP})", [of_job, does_not_fail], succeeded=True),
        _end(
            "pod-complete-annotated", _annotation(RUN_FOR), [not_of_job, says_how_long, does_not_fail], succeeded=True
        ),
        _end("pod-fail", _annotation(FAIL_AFTER), [fails], succeeded=False),
        _terminated(),
    )


def volume_stages() -> tuple[dict[str, Any], ...]:
    """Stages with which KWOK plays the provisioner of every class that has one.

    A claim for which the controller manager calls a provisioner gets a volume of the size and the modes that it asks
    for, on no disk; the controller manager binds the two, and the volume goes when its claim has gone.
    """
    called = {"key": _annotation(PROVISIONER), "operator": "Exists"}
    unbound = {"key": ".spec.volumeName", "operator": "DoesNotExist"}
    made = {"key": _annotation(_VOLUME), "operator": "Exists"}
    released = {"key": ".status.phase", "operator": "In", "values": ["Released"]}
    return (
        _volume_stage("claim-provision", "PersistentVolumeClaim", [called, unbound], {"apply": {"template": _MADE}}),
        _volume_stage("volume-delete", "PersistentVolume", [made, released], {"delete": True}),
    )


def _volume_stage(name: str, kind: str, conditions: list[dict[str, Any]], step: dict[str, Any]) -> dict[str, Any]:
    stays = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": [stays, *conditions]},
            "steps": [step],
        },
    }


def _after_its_end(original: Mapping[str, Any]) -> dict[str, Any]:
    """KWOK's stage; the one that removes a deleted pod waits until it no longer runs."""
    stage = copy.deepcopy(dict(original))
    if stage["metadata"]["name"] == "pod-delete":
        still_running = {"key": ".status.phase", "operator": "NotIn", "values": ["Running"]}
        stage["spec"]["selector"]["matchExpressions"].append(still_running)
    return stage


def _terminated() -> dict[str, Any]:
    stage = _end("pod-terminated", _annotation(RUN_FOR), [], succeeded=False)
    spec = stage["spec"]
    del spec["delay"]
    expressions = spec["selector"]["matchExpressions"]
    expressions[0] = {"key": ".metadata.deletionTimestamp", "operator": "Exists"}
    return stage


def _annotation(name: str) -> str:
    return f'.metadata.annotations["{name}"]'


def _end(name: str, duration: str, conditions: list[dict[str, Any]], *, succeeded: bool) -> dict[str, Any]:
    phase, reason, code, why = (
        ("Succeeded", "Completed", 0, "PodCompleted") if succeeded else ("Failed", "Error", 1, "PodFailed")
    )
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchExpressions": [
                    {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"},
                    {"key": ".status.phase", "operator": "In", "values": ["Running"]},
                    *conditions,
                ]
            },
            "delay": {
                "durationMilliseconds": DEFAULT_RUN_MILLISECONDS,
                "durationFrom": {"expressionFrom": duration},
            },
            "next": {"statusTemplate": _END_STATUS % {"phase": phase, "reason": reason, "code": code, "why": why}},
        },
    }


_SLEEP: Final = (
    ".spec.containers[0] | ((.command // []) + (.args // []))"
    ' | select(length == 2 and .[0] == "sleep" and (.[1] | test("^[0-9]{1,7}[smh]?$")))'
    ' | .[1] | if test("[smh]$") then . else . + "s" end'
)
"""In jq: the duration of whoever's program is `sleep DURATION`. People try queues with such jobs."""

# A Stage carries its new status as a template of KWOK's; there is no form of it as data. As a kubelet does, the pod
# keeps the time its containers were started, and is no longer Ready.
_END_STATUS: Final = """\
{{ $now := Now }}
{{ $root := . }}
conditions:
- lastTransitionTime: {{ $now | Quote }}
  status: "False"
  reason: %(why)s
  type: Ready
- lastTransitionTime: {{ $now | Quote }}
  status: "False"
  reason: %(why)s
  type: ContainersReady
containerStatuses:
{{ range $index, $item := .spec.containers }}
{{ $origin := index $root.status.containerStatuses $index }}
- image: {{ $item.image | Quote }}
  name: {{ $item.name | Quote }}
  ready: false
  restartCount: 0
  started: false
  state:
    terminated:
      exitCode: %(code)d
      finishedAt: {{ $now | Quote }}
      reason: %(reason)s
      startedAt: {{ $origin.state.running.startedAt | Quote }}
{{ end }}
phase: %(phase)s
"""

# As a CSI provisioner makes it, but for the disk. The claim's uid is there, so that no other claim of its name gets it.
_MADE: Final = f"""\
apiVersion: v1
kind: PersistentVolume
metadata:
  name: pvc-{{{{ .metadata.uid }}}}
  annotations:
    pv.kubernetes.io/provisioned-by: {{{{ index .metadata.annotations "{PROVISIONER}" | Quote }}}}
    {_VOLUME}: "true"
spec:
  accessModes:
  {{{{ YAML .spec.accessModes 1 }}}}
  capacity:
    storage: {{{{ .spec.resources.requests.storage | Quote }}}}
  persistentVolumeReclaimPolicy: Delete
  storageClassName: {{{{ .spec.storageClassName | Quote }}}}
  volumeMode: {{{{ default "Filesystem" .spec.volumeMode | Quote }}}}
  claimRef:
    apiVersion: v1
    kind: PersistentVolumeClaim
    name: {{{{ .metadata.name | Quote }}}}
    namespace: {{{{ .metadata.namespace | Quote }}}}
    uid: {{{{ .metadata.uid | Quote }}}}
  csi:
    driver: {{{{ index .metadata.annotations "{PROVISIONER}" | Quote }}}}
    volumeHandle: {{{{ .metadata.uid | Quote }}}}
"""
