"""Raw objects of Kueue from terse arguments: a small platform, a job that waits in it, and what else holds quota."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnose.building import EARLIER, GPU, TEAM, Raw, job, owned_by

API = "kueue.x-k8s.io/v1beta2"
QUEUE = "kueue.x-k8s.io/queue-name"


def thing(kind: str, name: str, namespace: str = "", **spec: Any) -> Raw:
    """An object of Kueue by its spec; `status` and `metadata` are taken out of it."""
    status, meta = spec.pop("status", {}), spec.pop("metadata", {})
    where = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": API,
        "kind": kind,
        "metadata": {"name": name, "uid": f"{kind}-{name}", **where, **meta},
        "spec": spec,
        "status": status,
    }


def quota(flavor: str, gpus: int | dict[str, Any], cpu: str = "100", memory: str = "1000Gi") -> Raw:
    """Quota of a flavor; `gpus` is a number, or the whole entry."""
    entry = {"nominalQuota": str(gpus)} if isinstance(gpus, int) else gpus
    return {
        "name": flavor,
        "resources": [
            {"name": "cpu", "nominalQuota": cpu},
            {"name": "memory", "nominalQuota": memory},
            {"name": GPU, **entry},
        ],
    }


def cluster_queue(name: str, *flavors: Raw, cohort: str = "", **spec: Any) -> Raw:
    """A ClusterQueue that takes all namespaces."""
    group = {"coveredResources": ["cpu", "memory", GPU], "flavors": list(flavors)}
    named = {"cohortName": cohort} if cohort else {}
    return thing("ClusterQueue", name, **{"resourceGroups": [group], "namespaceSelector": {}, **named, **spec})


def platform(*queues: Raw, flavors: dict[str, Raw] | None = None) -> list[Raw]:
    """Namespaces, flavors and queues: the team's LocalQueue `q` leads to the first ClusterQueue."""
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}}
        for name in (TEAM, "team-b")
    ]
    kinds = {"f": {}} if flavors is None else flavors
    return [
        *spaces,
        *(thing("ResourceFlavor", name, **spec) for name, spec in kinds.items()),
        *queues,
        thing("LocalQueue", "q", TEAM, clusterQueue=queues[0]["metadata"]["name"]),
    ]


def queued(
    name: str = "train", pods: int = 1, *, priority: int = 0, at: str = EARLIER, status: Raw | None = None, **spec: Any
) -> list[Raw]:
    """A Job of the team that waits in `q`, with its Workload."""
    extra = spec.pop("workload", {})
    namespace = spec.pop("namespace", TEAM)
    labels = {QUEUE: spec.pop("queue", "q"), **spec.pop("labels", {})}
    above = job(name, pods, namespace=namespace, **spec)
    above["metadata"]["labels"] = labels
    above["spec"]["suspend"] = True
    template = above["spec"]["template"]
    return [
        above,
        thing(
            "Workload",
            name,
            namespace,
            queueName=labels[QUEUE],
            priority=priority,
            podSets=[{"name": "main", "count": pods, "template": template}],
            status=status or {},
            metadata={"creationTimestamp": at, "ownerReferences": [owned_by(above)]},
            **extra,
        ),
    ]


def holding(name: str, queue: str, pods: int = 1, *, flavor: str = "f", since: str = EARLIER, **spec: Any) -> list[Raw]:
    """A Job that holds quota of a ClusterQueue and runs."""
    status: Raw = {
        "admission": {
            "clusterQueue": queue,
            "podSetAssignments": [
                {"name": "main", "count": pods, "flavors": {"cpu": flavor, "memory": flavor, GPU: flavor}}
            ],
        },
        "conditions": [condition("QuotaReserved", at=since), condition("Admitted", at=since)],
    }
    status |= spec.pop("status", {})
    ran = spec.pop("ran", True)
    objects = queued(name, pods, status=status, **spec)
    objects[0]["spec"]["suspend"] = False
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{name}-0",
            "uid": f"pod-{name}",
            "namespace": objects[0]["metadata"]["namespace"],
            "ownerReferences": [owned_by(objects[0])],
        },
        "spec": {**objects[0]["spec"]["template"]["spec"], "nodeName": "n"},
        "status": {"phase": "Running"},
    }
    return [*objects, pod] if ran else objects


def condition(kind: str, status: str = "True", reason: str = "", message: str = "", at: str = EARLIER) -> Raw:
    """A condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def check(name: str = "c", controller: str = "x.example/c", active: str = "True") -> Raw:
    """An AdmissionCheck."""
    return thing(
        "AdmissionCheck", name, controllerName=controller, status={"conditions": [condition("Active", active)]}
    )


def reserved(
    queue: str = "cq",
    *,
    checks: list[Raw] | None = None,
    further: tuple[Raw, ...] = (),
    flavors: Raw | None = None,
) -> Raw:
    """The status of a Workload with quota and without its admission."""
    assigned = {"name": "main", "count": 1, "flavors": flavors or {"cpu": "f", "memory": "f", GPU: "f"}}
    return {
        "admission": {"clusterQueue": queue, "podSetAssignments": [assigned]},
        "admissionChecks": checks or [],
        "conditions": [condition("QuotaReserved"), *further],
    }
