"""A scenario's Kueue objects, under names that no other scenario has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.adapters.sandbox.kwok import node_object
from allotment.ports.sandboxes import FakeNode
from tests.live.differential.shrinking import Scenario

API = "kueue.x-k8s.io/v1beta2"
PLURALS = {
    "ResourceFlavor": "resourceflavors",
    "Cohort": "cohorts",
    "ClusterQueue": "clusterqueues",
    "LocalQueue": "localqueues",
    "Workload": "workloads",
    "Topology": "topologies",
}


def path_of(manifest: Mapping[str, Any]) -> str:
    """URL path of an object."""
    return f"{collection_of(manifest)}/{manifest['metadata']['name']}"


def collection_of(manifest: Mapping[str, Any]) -> str:
    """URL path of the collection an object is created in."""
    namespace = manifest["metadata"].get("namespace")
    inside = f"/namespaces/{namespace}" if namespace else ""
    if manifest["kind"] == "Node":
        return "/api/v1/nodes"
    return f"/apis/{API}{inside}/{PLURALS[manifest['kind']]}"


def cluster_objects(scenario: Scenario, prefix: str, namespace: str) -> list[dict[str, Any]]:
    """Nodes, topologies, flavors, cohorts, ClusterQueues, LocalQueues, in the order they have to be created."""
    objects = [
        node_of(each, f"{prefix}-{each['name']}", _prefixed(each["labels"], prefix))
        for each in scenario.get("nodes", ())
    ]
    objects += [_topology(each, prefix) for each in scenario.get("topologies", ())]
    objects += [_flavor(each, prefix) for each in scenario["flavors"]]
    objects += [_cohort(each, prefix) for each in scenario["cohorts"]]
    objects += [_cluster_queue(each, prefix) for each in scenario["clusterQueues"]]
    for queue in scenario["clusterQueues"]:
        spec = {"clusterQueue": f"{prefix}-{queue['name']}"}
        objects.append(_object("LocalQueue", f"{prefix}-{queue['name']}", spec, namespace))
    return objects


def workload_object(workload: Mapping[str, Any], prefix: str, namespace: str) -> dict[str, Any]:
    """A bare Workload: no job behind it, nothing ever runs."""
    spec = {
        "queueName": f"{prefix}-{workload['clusterQueue']}",
        "priority": workload["priority"],
        "podSets": [_pod_set(each, prefix) for each in workload["podSets"]],
    }
    return _object("Workload", f"{prefix}-{workload['name']}", spec, namespace)


def _object(kind: str, name: str, spec: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def node_of(raw: Mapping[str, Any], name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The Node to create."""
    taints = tuple((each["key"], each["value"], each["effect"]) for each in raw["taints"])
    amounts = {name: quantity(name, amount) for name, amount in raw["allocatable"].items()}
    return node_object(FakeNode(name, labels, taints, amounts))


def _topology(raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return _object("Topology", f"{prefix}-{raw['name']}", {"levels": [{"nodeLabel": each} for each in raw["levels"]]})


def _prefixed(labels: Mapping[str, str] | None, prefix: str) -> dict[str, str]:
    return {key: f"{prefix}-{value}" for key, value in (labels or {}).items()}


def _flavor(raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if raw.get("nodeLabels"):
        spec["nodeLabels"] = _prefixed(raw["nodeLabels"], prefix)
    if raw.get("taints"):
        spec["nodeTaints"] = raw["taints"]
    if raw.get("topology"):
        spec["topologyName"] = f"{prefix}-{raw['topology']}"
    return _object("ResourceFlavor", f"{prefix}-{raw['name']}", spec)


def _cohort(raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if raw.get("parent"):
        spec["parentName"] = f"{prefix}-{raw['parent']}"
    if raw.get("resourceGroups"):
        spec["resourceGroups"] = _groups(raw["resourceGroups"], prefix)
    if "fairWeight" in raw:
        spec["fairSharing"] = {"weight": _weight(raw["fairWeight"])}
    return _object("Cohort", f"{prefix}-{raw['name']}", spec)


def _cluster_queue(raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "namespaceSelector": {},
        "cohortName": f"{prefix}-{raw['cohort']}",
        "resourceGroups": _groups(raw["resourceGroups"], prefix),
    }
    for key in ("queueingStrategy", "preemption", "flavorFungibility"):
        if key in raw:
            spec[key] = raw[key]
    if "fairWeight" in raw:
        spec["fairSharing"] = {"weight": _weight(raw["fairWeight"])}
    return _object("ClusterQueue", f"{prefix}-{raw['name']}", spec)


def _weight(weight: float) -> str:
    return f"{round(weight * 1000)}m"


def _groups(raw: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    return [
        {
            "coveredResources": group["coveredResources"],
            "flavors": [
                {
                    "name": f"{prefix}-{flavor['flavor']}",
                    "resources": [_quota(name, quota) for name, quota in flavor["resources"].items()],
                }
                for flavor in group["flavors"]
            ],
        }
        for group in raw
    ]


def _quota(resource: str, raw: Mapping[str, int]) -> dict[str, str]:
    result = {"name": resource, "nominalQuota": quantity(resource, raw["nominal"])}
    for limit in ("borrowingLimit", "lendingLimit"):
        if limit in raw:
            result[limit] = quantity(resource, raw[limit])
    return result


def quantity(resource: str, amount: int) -> str:
    """Amount in the scenario's units as a Kubernetes quantity."""
    unit = {"cpu": "m", "memory": "Mi"}.get(resource, "")
    return f"{amount}{unit}"


def _pod_set(raw: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    requests = {name: quantity(name, amount) for name, amount in raw["requests"].items()}
    limits = {name: amount for name, amount in requests.items() if "/" in name}
    resources = {"requests": requests} | ({"limits": limits} if limits else {})
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "containers": [{"name": "main", "image": "none", "resources": resources}],
    }
    if raw.get("nodeSelector"):
        spec["nodeSelector"] = _prefixed(raw["nodeSelector"], prefix)
    if raw.get("tolerations"):
        spec["tolerations"] = raw["tolerations"]
    result: dict[str, Any] = {"name": raw["name"], "count": raw["count"], "template": {"spec": spec}}
    for key in ("minCount", "topologyRequest"):
        if key in raw:
            result[key] = raw[key]
    return result
