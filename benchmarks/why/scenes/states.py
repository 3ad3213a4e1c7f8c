"""What scenes wait for, and what several of them change."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.why.making import A100, GPU, KUEUE, Raw
from benchmarks.why.situation import Act
from benchmarks.why.stage import NotReachedError, Stage, now


def workload_of(stage: Stage, name: str, namespace: str) -> Raw | None:
    """The Workload of a job, or of a group of pods (it bears the group's name)."""
    for each in stage.get("workloads.kueue.x-k8s.io", namespace=namespace):
        owners = [owner["name"] for owner in each["metadata"].get("ownerReferences", ())]
        if name in owners or each["metadata"]["name"] == name:
            return dict(each)
    return None


def condition(each: Raw | None, kind: str) -> Raw:
    found = (each or {}).get("status", {}).get("conditions", ())
    return next((dict(one) for one in found if one["type"] == kind), {})


def waits_for_quota(stage: Stage, name: str, namespace: str, words: str = "") -> None:
    def looked_at() -> bool:
        said = condition(workload_of(stage, name, namespace), "QuotaReserved")
        return said.get("status") == "False" and words in said["message"]

    stage.until(f"{name} was refused quota: {words}", looked_at)


def sent_behind(stage: Stage, last: Raw) -> None:
    """Send a job behind all that its strict queue has by now, and see that it is not tried."""
    time.sleep(1.1)  # the line is one of creation times in whole seconds
    stage.make(last)
    meta = last["metadata"]
    stage.until("its workload is there", lambda: workload_of(stage, meta["name"], meta["namespace"]))
    time.sleep(3)
    reserved = condition(workload_of(stage, meta["name"], meta["namespace"]), "QuotaReserved")
    if reserved.get("status") == "True":
        raise NotReachedError(f"{meta['name']} did not wait behind the head")


def admitted(stage: Stage, *names: str, namespace: str) -> None:
    def all_run() -> bool:
        jobs = {each["metadata"]["name"]: each for each in stage.get("jobs.batch", namespace=namespace)}
        return all(jobs.get(name, {}).get("status", {}).get("ready", 0) >= 1 for name in names)

    stage.until(f"{names} run", all_run)


def unschedulable(stage: Stage, namespace: str, name: str, words: str = "") -> bool:
    for each in stage.get("pods", namespace=namespace):
        if each["metadata"]["name"].startswith(name):
            said = condition(each, "PodScheduled")
            if said.get("reason") == "Unschedulable" and words in said.get("message", ""):
                return True
    return False


def has_no_place(stage: Stage, namespace: str, name: str, words: str = "") -> None:
    stage.until(f"a pod of {name} is unschedulable: {words}", lambda: unschedulable(stage, namespace, name, words))


def event_says(stage: Stage, namespace: str, words: str) -> None:
    def said() -> bool:
        return any(words in each.get("message", "") for each in stage.get("events", namespace=namespace))

    stage.until(f"an event says {words}", said)


def raw_node(
    name: str,
    gpus: int = 8,
    cpu: str = "96",
    memory: str = "1024Gi",
    labels: dict[str, str] | None = None,
    more: dict[str, str] | None = None,
) -> Raw:
    amounts = {
        "cpu": cpu,
        "memory": memory,
        "pods": "110",
        "ephemeral-storage": "1Ti",
        **({GPU: str(gpus)} if gpus else {}),
        **(more or {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                **(A100 if labels is None else labels),
            },
        },
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def queue_ref(name: str) -> Raw:
    return {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": name}


def job_ref(name: str, namespace: str) -> Raw:
    return {"apiVersion": "batch/v1", "kind": "Job", "namespace": namespace, "name": name}


def core_ref(kind: str, name: str, namespace: str = "") -> Raw:
    return {"apiVersion": "v1", "kind": kind, "namespace": namespace, "name": name}


def quota_path(field: str = "nominalQuota") -> str:
    """The first resource of the first flavor: in these scenes the GPUs."""
    return f"/spec/resourceGroups/0/flavors/0/resources/0/{field}"


def more_quota(queue: str, value: int) -> Act:
    return Act(
        "raise-quota",
        "platform",
        f"raise the nominal quota of {queue} to {value}",
        "json-patch",
        queue_ref(queue),
        [{"op": "replace", "path": quota_path(), "value": value}],
    )


def wait_for(name: str, namespace: str, kind: str = "wait-for-quota") -> Act:
    """Waiting until a job ends: on the stage it is taken away."""
    target = job_ref(name, namespace)
    return Act(
        kind,
        "user",
        f"wait until {namespace}/{name} ends",
        "wait",
        target,
        {"until": "completed"},
        steps=lambda live: live.delete({**target}),
    )


def another_node(name: str, **shape: Any) -> Act:
    return Act("add-node", "platform", f"add the node {name}", "create", None, raw_node(name, **shape))


def said(kind: str, status: str, reason: str, message: str) -> Raw:
    """A condition as a controller writes it."""
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": now()}
