"""What scenes of causes do again and again: acts on the subject, its queue and its namespace."""

from __future__ import annotations

import copy
import time
from typing import Any

from benchmarks.why.making import GPU, KUEUE, Raw, subject
from benchmarks.why.scenes.states import condition, job_ref
from benchmarks.why.scenes.surroundings import Platform, Pool
from benchmarks.why.situation import Act
from benchmarks.why.stage import Stage, now


def again(kind: str, words: str, old: Raw, new: Raw, who: str = "user") -> Act:
    """Submit again, changed."""
    return Act(kind, who, words, "resubmit", subject(old), new)


def applied(kind: str, words: str, old: Raw, new: Raw) -> Act:
    """Change a Deployment in its place."""
    template = copy.deepcopy(new["spec"]["template"])
    # What a merge does not name stays.
    template["spec"].update(dict.fromkeys(set(pods_of(old)) - set(pods_of(new))))
    body = {"spec": {"template": template, "replicas": new["spec"]["replicas"]}}
    return Act(kind, "user", words, "merge-patch", subject(old), body)


def pods_of(each: Raw) -> Raw:
    """The pod specification of a manifest, to be changed in its place."""
    spec = each["spec"]
    if each["kind"] == "Pod":
        found: Raw = spec
    elif each["kind"] == "CronJob":
        found = spec["jobTemplate"]["spec"]["template"]["spec"]
    else:
        found = spec["template"]["spec"]
    return found


def with_pods(each: Raw, **changes: Any) -> Raw:
    """A manifest with fields of its pods changed; None takes one out."""
    new = copy.deepcopy(each)
    spec = pods_of(new)
    for key, value in changes.items():
        if value is None:
            spec.pop(key, None)
        else:
            spec[key] = value
    return new


def asking(each: Raw, amounts: dict[str, str | None]) -> Raw:
    """A manifest whose first container asks for other amounts; None takes one out."""
    new = copy.deepcopy(each)
    resources = pods_of(new)["containers"][0]["resources"]
    for part in ("requests", "limits"):
        for name, value in amounts.items():
            if value is None:
                resources[part].pop(name, None)
            else:
                resources[part][name] = value
    return new


def rung(each: Raw, name: str = "production-inference") -> Act:
    body = {"metadata": {"labels": {"kueue.x-k8s.io/priority-class": name}}}
    words = f"give the job the workload priority class {name}"
    return Act("raise-priority", "user", words, "merge-patch", subject(each), body)


def quota_act(platform: Platform, team: str, pool: str, value: int, resource: str = GPU) -> Act:
    """Raise a nominal quota; the place of the flavor and the resource is that of `surroundings`."""
    of = platform.team(team)
    flavors = [each.name for each in platform.pools if not each.gpus or each.name in of.gpus]
    at = ["cpu", "memory", GPU].index(resource)
    path = f"/spec/resourceGroups/0/flavors/{flavors.index(pool)}/resources/{at}/nominalQuota"
    target = {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": of.cluster_queue}
    words = f"raise the nominal quota of {of.cluster_queue} in {pool} to {value}"
    return Act(
        "raise-quota", "platform", words, "json-patch", target, [{"op": "replace", "path": path, "value": value}]
    )


def waiting(name: str, namespace: str, kind: str = "wait-for-quota") -> Act:
    target = job_ref(name, namespace)
    body = {"until": "completed"}
    words = f"wait until {namespace}/{name} ends"
    return Act(kind, "user", words, "wait", target, body, steps=lambda live: live.delete(dict(target)))


def machine(pool: Pool, name: str, labels: dict[str, str] | None = None) -> Raw:
    fake = pool.machine(name, len(pool.nodes))
    amounts = {"pods": "110", **dict(fake.allocatable)}
    marks = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    taints = [{"key": key, "value": value, "effect": effect} for key, value, effect in fake.taints]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {**marks, **dict(fake.labels), **(labels or {})},
        },
        "spec": {"taints": taints} if taints else {},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def another(platform: Platform, pool: str, labels: dict[str, str] | None = None) -> Act:
    body = machine(platform.pool(pool), f"{pool}-new-7", labels)
    return Act("add-node", "platform", f"add one more {pool} node", "create", None, body)


def refused_creation(stage: Stage, each: Raw, words: str) -> str:
    """Its creation has to be refused; what the server said."""
    code, said = stage.attempt(each)
    if not code or words not in said:
        raise AssertionError(f"not refused with {words}: {said}")
    return said


def told(stage: Stage, namespace: str, name: str, words: str) -> None:
    """An event about something says so."""

    def said() -> bool:
        return any(
            words in each.get("message", "") and name in each["involvedObject"].get("name", "")
            for each in stage.get("events", namespace=namespace)
        )

    stage.until(f"an event of {name} says {words}", said)


def pod_that_runs(stage: Stage, namespace: str, name: str) -> Raw:
    def found() -> Raw | None:
        for each in stage.get("pods", namespace=namespace):
            meta = each["metadata"]
            status = each["status"]
            runs = status.get("phase") == "Running" and status.get("containerStatuses")
            if meta["name"].startswith(name) and not meta.get("deletionTimestamp") and runs:
                return dict(each)
        return None

    return dict(stage.until(f"a pod of {name} runs", found))


def kubelet_says(stage: Stage, pod: Raw, phase: str, state: Raw, last: Raw, restarts: int) -> None:
    """A status of the pod's container as a kubelet writes it, in the place of KWOK's."""
    old = pod["status"]["containerStatuses"][0]
    container = {**old, "ready": False, "started": False, "restartCount": restarts, "state": state, "lastState": last}
    if phase == "Pending":
        container = {**container, "imageID": ""}
    name = old["name"]
    unready = {
        "status": "False",
        "reason": "ContainersNotReady",
        "message": f"containers with unready status: [{name}]",
        "lastTransitionTime": now(),
    }
    kept = [each for each in pod["status"]["conditions"] if each["type"] not in {"Ready", "ContainersReady"}]
    conditions = [*kept, {"type": "Ready", **unready}, {"type": "ContainersReady", **unready}]
    status = {"phase": phase, "containerStatuses": [container], "conditions": conditions}
    stage.patch(pod, {"status": status}, subresource="status")


def kubelet_event(stage: Stage, pod: Raw, kind: str, reason: str, message: str, count: int = 1) -> None:
    meta = pod["metadata"]
    about = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    stage.make(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.{time.time_ns():x}", "namespace": meta["namespace"]},
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "type": kind,
            "count": count,
            "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
            "reportingComponent": "kubelet",
            "firstTimestamp": now(),
            "lastTimestamp": now(),
        }
    )


def without_quota(stage: Stage, name: str, namespace: str) -> bool:
    """Its Workload is there and holds no quota."""
    for each in stage.get("workloads.kueue.x-k8s.io", namespace=namespace):
        if name in [owner["name"] for owner in each["metadata"].get("ownerReferences", ())]:
            return condition(each, "QuotaReserved").get("status") != "True"
    return False
