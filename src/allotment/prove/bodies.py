"""Objects that probes send: each good, so that a probe spoils it in exactly one point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.model import labels
from allotment.prove.probes import MARK, PROBE_NAME
from allotment.prove.scene import UNKNOWN_IMAGE, Scene

Json = dict[str, Any]

SMALL: Final = {"cpu": "10m", "memory": "16Mi"}
"""What a container of a probe asks for."""

_SECONDS: Final = 60


def amounts(scene: Scene, compute: Mapping[str, str] = SMALL, *, devices: int | None = None) -> dict[str, str]:
    """What a container of a probe asks for.

    Args:
        scene: whose container.
        compute: CPU and memory.
        devices: accelerators; by default none, or one where a pod finds no node without.
    """
    count = scene.devices if devices is None else devices
    return {**compute, **({scene.resource: str(count)} if count else {})}


def pod_spec(scene: Scene, *, devices: int | None = None, **changes: Any) -> Json:
    """A pod spec that every guardrail lets through, but for what `changes` says.

    Args:
        scene: whose pod.
        devices: accelerators to ask for, as in `amounts`.
        changes: fields of the pod spec to set.
    """
    return _spec(scene.here.image, amounts(scene, devices=devices)) | changes


def container(scene: Scene, *, devices: int | None = None, **changes: Any) -> Json:
    """The one container of `pod_spec`, with changes."""
    return _container(scene.here.image, amounts(scene, devices=devices)) | changes


def placed(scene: Scene) -> Json:
    """Node selector and tolerations that Kueue would write for the team's first flavor."""
    flavor = scene.reachable_flavor
    if flavor is None:
        return {}
    selector, taints = dict(flavor.node_labels), [(taint.key, taint.value) for taint in flavor.taints]
    if flavor.dedicated_to is not None:
        selector[labels.DEDICATED] = flavor.dedicated_to
        taints.append((labels.DEDICATED, flavor.dedicated_to))
    tolerations = [{"key": key, "operator": "Equal", "value": value} for key, value in dict.fromkeys(taints)]
    return {"nodeSelector": selector, "tolerations": tolerations}


def foreign_pod(namespace: str, resource: str) -> Json:
    """A pod with an accelerator in a namespace that is no team's."""
    return _object("v1", "Pod", namespace, {}, {"spec": _spec(UNKNOWN_IMAGE, {**SMALL, resource: "1"})})


def _spec(image: str, asked: Mapping[str, str]) -> Json:
    return {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(image, asked)],
        "terminationGracePeriodSeconds": 0,
    }


def _container(image: str, asked: Mapping[str, str]) -> Json:
    return {
        "name": "probe",
        "image": image,
        "resources": {"requests": dict(asked), "limits": dict(asked)},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def pod(scene: Scene, spec: Mapping[str, Any], own: Mapping[str, str] | None = None) -> Json:
    """A pod of the team; `own` labels replace the usual ones."""
    found = {**_queued(scene), **(scene.labels if own is None else own)}
    return _object("v1", "Pod", scene.namespace, found, {"spec": dict(spec)})


def made_pod(scene: Scene, **changes: Any) -> Json:
    """A pod as `Scene.maker` makes it: the Job controller's have been placed by Kueue."""
    return pod(scene, pod_spec(scene, **(placed(scene) if scene.only_jobs else {}), **changes))


def submitted(scene: Scene, spec: Mapping[str, Any], own: Mapping[str, str] | None = None) -> Json:
    """What people submit to run one pod: the pod, or a Job where they can submit Jobs only."""
    return job(scene, spec, own) if scene.only_jobs else pod(scene, spec, own)


def pod_of(body: Json) -> Json:
    """The pod that was submitted, or the template that a controller makes pods of: with metadata and spec."""
    found: Json = body if body["kind"] == "Pod" else body["spec"]["template"]
    return found


def _queued(scene: Scene) -> dict[str, str]:
    """Label of pods, and of what holds them, that wait for accelerators by themselves."""
    return {labels.KUEUE_QUEUE: labels.LOCAL_QUEUE} if scene.devices and not scene.only_jobs else {}


def job(scene: Scene, spec: Mapping[str, Any], own: Mapping[str, str] | None = None, **changes: Any) -> Json:
    """A Job of the team, through its queue; `own` labels replace the usual ones, on the Job and in its template."""
    found = scene.labels if own is None else dict(own)
    template = {"metadata": {"labels": dict(found)}, "spec": dict(spec)}
    queued = {labels.KUEUE_QUEUE: labels.LOCAL_QUEUE, **found}
    return _object(
        "batch/v1",
        "Job",
        scene.namespace,
        queued,
        {"spec": {"template": template, "backoffLimit": 0, "podReplacementPolicy": "Failed", **changes}},
    )


def real_job(scene: Scene, *, devices: int | None = None) -> Json:
    """A Job to be made for real. Should everything else fail, it ends and goes away by itself."""
    body = job(
        scene, pod_spec(scene, devices=devices), ttlSecondsAfterFinished=_SECONDS, activeDeadlineSeconds=_SECONDS
    )
    body["metadata"]["labels"][MARK] = "true"
    return body


def deployment(scene: Scene, *, replicas: int = 1, queue: bool = False) -> Json:
    """A Deployment of the team; `queue` names its queue where it need not."""
    chosen = {"app": PROBE_NAME}
    own = {
        **scene.labels,
        **_queued(scene),
        **({labels.KUEUE_QUEUE: labels.LOCAL_QUEUE, MARK: "true"} if queue else {}),
    }
    spec = pod_spec(scene, restartPolicy="Always")
    template = {"metadata": {"labels": {**scene.labels, **chosen}}, "spec": spec}
    return _object(
        "apps/v1",
        "Deployment",
        scene.namespace,
        own,
        {"spec": {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": template}},
    )


def scaler(scene: Scene, kind: str) -> Json:
    """An autoscaler of something that does not exist."""
    target = {"apiVersion": "apps/v1", "kind": kind, "name": PROBE_NAME}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", scene.namespace, scene.labels, {"spec": spec})


def service(scene: Scene, **changes: Any) -> Json:
    """A Service inside the cluster."""
    spec = {"selector": {"app": PROBE_NAME}, "ports": [{"port": 80}], **changes}
    return _object("v1", "Service", scene.namespace, scene.labels, {"spec": spec})


def config_map(namespace: str, own: Mapping[str, str]) -> Json:
    """The plainest object there is."""
    return _object("v1", "ConfigMap", namespace, own, {"data": {}})


def claim(scene: Scene, size: str) -> Json:
    """A volume claim."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return _object("v1", "PersistentVolumeClaim", scene.namespace, scene.labels, {"spec": spec})


def role(scene: Scene, rules: list[Json]) -> Json:
    """A Role in the team's namespace."""
    return _object("rbac.authorization.k8s.io/v1", "Role", scene.namespace, {}, {"rules": rules})


def role_binding(scene: Scene, kind: str, name: str, group: str) -> Json:
    """A RoleBinding in the team's namespace."""
    api = "rbac.authorization.k8s.io"
    fields = {
        "roleRef": {"apiGroup": api, "kind": kind, "name": name},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group}],
    }
    return _object(f"{api}/v1", "RoleBinding", scene.namespace, {}, fields)


def clustered(api_version: str, kind: str, fields: Mapping[str, Any]) -> Json:
    """An object outside all namespaces."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": PROBE_NAME}, **fields}


def _object(api_version: str, kind: str, namespace: str, own: Mapping[str, str], fields: Mapping[str, Any]) -> Json:
    metadata = {"name": PROBE_NAME, "namespace": namespace, "labels": dict(own)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
