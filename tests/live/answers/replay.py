"""A recorded case made again on a real control plane: what stood there stands again, and its subject waits as it did.

Work comes in the order in which it was made. What ran is bound to the nodes on which it ran, with all nodes closed to
kube-scheduler meanwhile; what waited waits again by itself. What a change left behind that an object does not show (a
queue that was stopped once its jobs ran) is made in the same order: the work first, the stop after it.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.live.answers.api import KUEUE, SYSTEM, Api, NotReachedError, Raw, Refused, path_of, path_to, until
from tests.live.answers.hindsight import (
    deactivated,
    full_then,
    key_of,
    made_at,
    record_of,
    said_by_checks,
    space_of,
    suspended_since,
    workload_of,
)

ANYBODY: Final = "system:authenticated"
_STANDING: Final = (
    "Namespace",
    "Node",
    "PriorityClass",
    "WorkloadPriorityClass",
    "StorageClass",
    "ResourceFlavor",
    "Topology",
    "AdmissionCheck",
    "Cohort",
    "ClusterQueue",
    "LocalQueue",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "LimitRange",
    "ResourceQuota",
    "ConfigMap",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
"""Kinds that are made as they were recorded, in this order."""
_WORK: Final = ("Deployment", "StatefulSet", "CronJob", "Job", "Pod")
_OURS: Final = "kueue.x-k8s.io/"
_BINDING: Final = ("pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller")
"""What says of a claim that it was bound: to a volume with another uid, it has lost its own."""
_LEFT_IN_LABELS: Final = ("controller-uid", "job-name", "batch.kubernetes.io/")
_EVERYTHING: Final = (
    *((KUEUE, kind) for kind in ("Workload", "ClusterQueue", "LocalQueue", "Cohort", "ResourceFlavor")),
    (KUEUE, "AdmissionCheck"),
    (KUEUE, "WorkloadPriorityClass"),
    *(("v1", kind) for kind in ("Node", "Namespace", "Pod", "Event", "ConfigMap", "ServiceAccount", "LimitRange")),
    *(("v1", kind) for kind in ("ResourceQuota", "PersistentVolume", "PersistentVolumeClaim")),
    *(("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "RoleBinding")),
    *(("batch/v1", kind) for kind in ("Job", "CronJob")),
    *(("apps/v1", kind) for kind in ("Deployment", "ReplicaSet", "StatefulSet")),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
)


@dataclass(frozen=True)
class Replayed:
    """A case on a control plane.

    Attributes:
        refusal: what the API server said where the subject was refused.
        groups: what the submitter is a member of.
        as_submitter: whether the submitter made the subject; False where an administrator had to.
    """

    refusal: Refused | None
    groups: tuple[str, ...]
    as_submitter: bool


def replay(api: Api, case: Raw) -> Replayed:
    """Bring a case about on an empty control plane.

    Raises:
        NotReachedError: what ran does not run again.
    """
    subject = case["subject"]
    running = _running(case)
    # What was made in the same second: what ran came first.
    work = sorted(
        filter(_is_work, case["objects"]),
        key=lambda each: (made_at(each), not running.get(key_of(each)), each["metadata"]["name"]),
    )
    early, late = _around(work, running, subject)
    api.make(_standing(case))
    for each in case["objects"]:
        if each["kind"] == "AdmissionCheck" and each.get("status"):
            api.patch(each, {"status": each["status"]}, sub="status")
    until("service accounts", lambda: _accounts(api) >= {each["metadata"]["name"] for each in _spaces(case)})
    groups = _groups(case)
    made: Replayed | None = None
    full = full_then(case)
    for batch in _batches(early, running, subject):
        if batch == [None]:
            _hold(api, full, "Hold")
            made = _submit(api, case, groups)
            time.sleep(2)  # it has its turn before those that came after it
            continue
        api.make([_as_made(case, each) for each in batch if each is not None])
        if made is not None:
            _enqueued(api, case, batch)
            _hold(api, full, "None")
        for each in batch:
            if each is not None and running.get(key_of(each)):
                _bound(api, case, each)
    _opened(api, case)
    for at, one in enumerate(late):
        if one is None:
            _enqueued(api, case, late[:at])
            _hold(api, full, "Hold")
            made = _submit(api, case, groups)
            own = record_of(case, subject)
            if own is not None:
                _checked(api, case, own)
            time.sleep(1)  # times are whole seconds: what came later is to be later
        else:
            api.make([_as_made(case, one)])
    assert made is not None
    _enqueued(api, case, late)
    _hold(api, full, "None")
    _stopped(api, case)
    return made


def submitter_config(kubeconfig: Path, target: Path, user: str, groups: Iterable[str]) -> Path:
    """A kubeconfig that acts as the submitter."""
    config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    for each in config["users"]:
        each["user"] |= {"as": user, "as-groups": [*groups, ANYBODY]}
    target.write_text(json.dumps(config), encoding="utf-8")
    return target


def everything(api: Api, case: Raw, refusal: Refused) -> Raw:
    """The cluster as a case whose subject was refused: what was sent, and what the server said."""
    objects = [each for kind in _EVERYTHING for each in api.items(*kind)]
    kept = {key: case[key] for key in ("subject", "submitted_by", "manifest")}
    error = {"code": refusal.code, "message": refusal.message}
    return {
        **kept,
        "now": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "objects": objects,
        "submit_error": error,
    }


def runs(api: Api, subject: Raw) -> bool:
    """Whether all pods of the subject run, or have run, wherever it lies by now."""
    found = api.items(subject["apiVersion"], subject["kind"])
    return any(_runs(each) for each in found if each["metadata"]["name"] == subject["name"])


def _runs(each: Raw) -> bool:
    status, spec = each.get("status", {}), each["spec"]
    if each["kind"] == "Job":
        wanted = spec.get("parallelism", 1)
        return bool(wanted) and status.get("ready", 0) + status.get("succeeded", 0) >= wanted
    if each["kind"] == "Pod":
        return status.get("phase") in {"Running", "Succeeded"}
    wanted = spec["replicas"]
    return bool(wanted) and min(status.get("updatedReplicas", 0), status.get("readyReplicas", 0)) >= wanted


def provision(api: Api) -> None:
    """Play the storage driver: a volume for each claim that waits for one."""
    marks = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
    for claim in api.items("v1", "PersistentVolumeClaim"):
        meta, spec = claim["metadata"], claim["spec"]
        drivers = [meta.get("annotations", {}).get(each) for each in marks]
        if claim["status"].get("phase") != "Pending" or not any(drivers):
            continue
        name = f"pvc-{meta['uid']}"
        reference = {
            "apiVersion": "v1",
            "kind": claim["kind"],
            **{key: meta[key] for key in ("namespace", "name", "uid")},
        }
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "accessModes": spec["accessModes"],
                "capacity": spec["resources"]["requests"],
                "claimRef": reference,
                "csi": {"driver": next(filter(None, drivers)), "volumeHandle": name},
                "storageClassName": spec["storageClassName"],
            },
        }
        api.ask("POST", path_of(volume, collection=True), volume)


def live_name(api: Api, case: Raw, target: Raw) -> str:
    """What a recorded object is called now: Kueue names a Workload after the uid of its job."""
    if target["kind"] != "Workload":
        return str(target["name"])
    for each in api.items(KUEUE, "Workload", target["namespace"]):
        owners = each["metadata"].get("ownerReferences", ())
        if any(owner["name"] == case["subject"]["name"] for owner in owners):
            return str(each["metadata"]["name"])
    raise NotReachedError("the subject has no Workload")


def _standing(case: Raw) -> Iterable[Raw]:
    found = [each for each in case["objects"] if each["kind"] in _STANDING and not _of_the_system(each)]
    for each in sorted(found, key=lambda one: _STANDING.index(one["kind"])):
        body = _bare(each)
        if each["kind"] in {"ClusterQueue", "LocalQueue"}:
            body["spec"].pop("stopPolicy", None)
        if each["kind"] == "ClusterQueue":
            body["spec"]["resourceGroups"] = _usable(case, each)
        if each["kind"] == "Node":
            body["spec"] = {**body["spec"], "unschedulable": True, "taints": _own_taints(each)}
            kept = ("allocatable", "capacity", "nodeInfo", "addresses")
            body["status"] = {key: each["status"][key] for key in kept if key in each["status"]}
        for field in _BINDING:
            body["metadata"].get("annotations", {}).pop(field, None)
        if each["kind"] == "PersistentVolume":
            # The claim that it is bound to has another uid now.
            for field in ("uid", "resourceVersion"):
                body["spec"].get("claimRef", {}).pop(field, None)
        yield body


def _of_the_system(each: Raw) -> bool:
    meta = each["metadata"]
    name, space = meta["name"], meta.get("namespace", "")
    if each["kind"] == "ConfigMap":
        return bool(name == "kube-root-ca.crt" or (space in SYSTEM and name != "cluster-autoscaler-status"))
    if each["kind"] == "ServiceAccount":
        return bool(name == "default" or space in SYSTEM)
    if each["kind"] == "Namespace":
        return bool(name in SYSTEM)
    return bool(space in SYSTEM or (not space and name.startswith(("system", "kueue-"))))


def _bare(each: Raw) -> Raw:
    meta = each["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "labels", "annotations") if key in meta}
    body = {key: value for key, value in each.items() if key not in {"metadata", "status"}}
    return json.loads(json.dumps({**body, "metadata": kept}))  # type: ignore[no-any-return]


def _own_taints(node: Raw) -> list[Raw]:
    """Without those that controllers put there again."""
    return [each for each in node["spec"].get("taints", ()) if not each["key"].startswith("node.kubernetes.io/")]


def _is_work(each: Raw) -> bool:
    if each["kind"] not in _WORK or each["metadata"].get("ownerReferences") or _of_the_system(each):
        return False
    ended = [one for one in each["status"].get("conditions", ()) if one["type"] in {"Complete", "Failed"}]
    return not any(one["status"] == "True" for one in ended)


def _enqueued(api: Api, case: Raw, sent: list[Raw | None]) -> None:
    """Wait until what was sent stands in its queue, and until the second is over: times are whole seconds."""
    for each in sent:
        if each is not None and workload_of(case, each) is not None:
            until(f"Workload of {each['metadata']['name']}", lambda work=each: _workload(api, work))  # type: ignore[misc]
    time.sleep(1)


def _hold(api: Api, queue: Raw | None, policy: str) -> None:
    """Stop a ClusterQueue, or let it go on, and wait until Kueue has seen it."""
    if queue is None:
        return
    api.patch(queue, {"spec": {"stopPolicy": policy}})
    active = "True" if policy == "None" else "False"

    def seen() -> bool:
        found = api.request("GET", path_of(queue)).get("status", {}).get("conditions", ())
        return any(each["type"] == "Active" and each["status"] == active for each in found)

    until(f"{queue['metadata']['name']} with stop policy {policy}", seen)


def _running(case: Raw) -> dict[tuple[str, str, str], list[Raw]]:
    """Pods that ran, by the work at the top."""
    tops = {each["metadata"]["uid"]: each for each in case["objects"]}
    found: dict[tuple[str, str, str], list[Raw]] = defaultdict(list)
    for pod in case["objects"]:
        if pod["kind"] != "Pod" or not pod["spec"].get("nodeName") or pod["status"].get("phase") != "Running":
            continue
        top = pod
        while owners := top["metadata"].get("ownerReferences"):
            if owners[0]["uid"] not in tops:
                break
            top = tops[owners[0]["uid"]]
        found[key_of(top)].append(pod)
    return found


def _around(
    work: list[Raw], running: dict[tuple[str, str, str], list[Raw]], subject: Raw
) -> tuple[list[Raw | None], list[Raw | None]]:
    """Work up to the last that ran, and what came after it; None is the subject."""
    order: list[Raw | None] = [None if key_of(each) == key_of(subject) else each for each in work]
    if None not in order:
        order.append(None)
    last = max((at for at, each in enumerate(order) if each is not None and running.get(key_of(each))), default=-1)
    return order[: last + 1], order[last + 1 :]


def _batches(
    order: list[Raw | None], running: dict[tuple[str, str, str], list[Raw]], subject: Raw
) -> Iterable[list[Raw | None]]:
    """What ran side by side is made at once; the subject stands alone."""
    batch: list[Raw | None] = []
    for each in order:
        alike = batch and each is not None and batch[-1] is not None
        if batch and not (
            alike and bool(running.get(key_of(each or {}))) == bool(running.get(key_of(batch[-1] or {})))
        ):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _as_made(case: Raw, work: Raw) -> Raw:
    """Work as its author sent it: without what the Job controller and Kueue wrote into it."""
    body = _bare(work)
    if work["kind"] != "Job":
        return body
    spec = body["spec"]
    spec.pop("selector", None)
    for field in ("manualSelector", "suspend"):
        spec.pop(field, None)
    owned = workload_of(case, work)
    if owned is not None:
        spec["template"] = json.loads(json.dumps(owned["spec"]["podSets"][0]["template"]))
    elif work["spec"].get("suspend"):
        spec["suspend"] = True
    meta = spec["template"].setdefault("metadata", {})
    for field in ("labels", "annotations"):
        kept = {key: value for key, value in meta.get(field, {}).items() if not _written(key)}
        meta[field] = kept
    return body


def _written(key: str) -> bool:
    return key.startswith((_OURS, *_LEFT_IN_LABELS))


def _spaces(case: Raw) -> list[Raw]:
    return [each for each in case["objects"] if each["kind"] == "Namespace"]


def _accounts(api: Api) -> set[str]:
    found = api.items("v1", "ServiceAccount")
    return {each["metadata"]["namespace"] for each in found if each["metadata"]["name"] == "default"} | set(SYSTEM)


def _groups(case: Raw) -> tuple[str, ...]:
    """Groups of the submitter: those that may work in the namespace, unless it was refused for want of rights."""
    error = case.get("submit_error") or {}
    if "cannot create resource" in str(error.get("message", "")):
        return ()
    space = case["subject"].get("namespace")
    bindings = [each for each in case["objects"] if each["kind"] == "RoleBinding"]
    return tuple(
        dict.fromkeys(
            one["name"]
            for each in bindings
            if each["metadata"]["namespace"] == space
            for one in each["subjects"]
            if one["kind"] == "Group"
        )
    )


def submit(api: Api, case: Raw, groups: tuple[str, ...]) -> Raw | Refused:
    """The subject's manifest, sent by its submitter."""
    body = case["manifest"]
    return api.ask("POST", path_of(body, collection=True), body, who=(case["submitted_by"], *groups, ANYBODY))


def _submit(api: Api, case: Raw, groups: tuple[str, ...]) -> Replayed:
    found = submit(api, case, groups)
    if not isinstance(found, Refused):
        return Replayed(None, groups, True)
    if case.get("submit_error"):
        return Replayed(found, groups, True)
    api.make([case["manifest"]])
    return Replayed(None, groups, False)


def _bound(api: Api, case: Raw, work: Raw) -> None:
    """Wait for the pods of a piece of work, and put each where one of it ran."""
    space = space_of(work)
    _checked(api, case, work)
    places = sorted(_running(case)[key_of(work)], key=_index_of)
    known: dict[str, None] = {}

    def there() -> list[Raw] | None:
        pods = [each for each in _pods(api, space) if _top(each, work) and not each["spec"].get("schedulingGates")]
        return pods if len(pods) >= len(places) else None

    pods = sorted(until(f"pods of {work['metadata']['name']}", there), key=_index_of)
    for pod, place in zip(pods, places, strict=False):
        known[pod["metadata"]["name"]] = None
        if pod["spec"].get("nodeName"):
            continue
        target = {"apiVersion": "v1", "kind": "Node", "name": place["spec"]["nodeName"]}
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"]},
            "target": target,
        }
        api.request("POST", path_to("v1", "Pod", space, pod["metadata"]["name"]) + "/binding", binding)
    until(f"{work['metadata']['name']} runs", lambda: _phases(_pods(api, space), known) == {"Running"})


def _checked(api: Api, case: Raw, work: Raw) -> None:
    """Say of the admission checks of a piece of work what their controllers had said."""
    owned = workload_of(case, work)
    checks = said_by_checks(owned["status"]) if owned is not None else []
    if not checks:
        return

    def reserved() -> Raw | None:
        found = [each for each in api.items(KUEUE, "Workload", space_of(work)) if _owned(each, work)]
        return found[0] if found and found[0].get("status", {}).get("admissionChecks") else None

    workload = until(f"quota of {work['metadata']['name']}", reserved)
    # As it was said just now: from that moment counts for how long Kueue is not to ask again.
    said = [{**each, "lastTransitionTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} for each in checks]
    api.patch(workload, {"status": {"admissionChecks": said}}, sub="status")


def _stopped(api: Api, case: Raw) -> None:
    """Stop the subject as somebody stopped it once it was there: its Job suspended, or its Workload deactivated."""
    own = record_of(case, case["subject"])
    if own is None:
        return
    if suspended_since(case, own):
        api.patch(own, {"spec": {"suspend": True}})
    if deactivated(case, own):
        api.patch(until("its Workload", lambda: _workload(api, own)), {"spec": {"active": False}})


def _workload(api: Api, own: Raw) -> Raw | None:
    return next((each for each in api.items(KUEUE, "Workload", space_of(own)) if _owned(each, own)), None)


def _owned(workload: Raw, work: Raw) -> bool:
    owners = workload["metadata"].get("ownerReferences", ())
    return any(each["name"] == work["metadata"]["name"] for each in owners)


def _index_of(pod: Raw) -> int:
    return int(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", 0))


def _phases(pods: list[Raw], names: dict[str, None]) -> set[str]:
    return {each["status"].get("phase", "") for each in pods if each["metadata"]["name"] in names}


def _top(pod: Raw, work: Raw) -> bool:
    """Whether a pod is of a Job or a Deployment: a ReplicaSet is named after it, with a hash behind it."""
    name = work["metadata"]["name"]
    if work["kind"] == "Pod":
        return bool(pod["metadata"]["name"] == name)
    owners = pod["metadata"].get("ownerReferences", ())
    if not owners:
        return False
    own = owners[0]["name"]
    return bool(own == name or (work["kind"] == "Deployment" and own.rpartition("-")[0] == name))


def _pods(api: Api, space: str) -> list[Raw]:
    return api.items("v1", "Pod", space)


def _opened(api: Api, case: Raw) -> None:
    """Nodes as they were recorded, and queues that are stopped."""
    for each in case["objects"]:
        if each["kind"] == "Node":
            if not each["spec"].get("unschedulable"):
                api.patch(each, {"spec": {"unschedulable": None}})
            conditions = each["status"]["conditions"]
            if any((one["status"] == "True") is not (one["type"] == "Ready") for one in conditions):
                # A strategic patch: conditions are told apart by their type.
                api.patch(each, {"status": {"conditions": conditions}}, form="strategic", sub="status")
        if each["kind"] in {"ClusterQueue", "LocalQueue"} and _changed(case, each):
            api.patch(each, {"spec": each["spec"]})


def _changed(case: Raw, queue: Raw) -> bool:
    """Whether a queue was made in another state than the one that was recorded."""
    stopped = bool(queue["spec"].get("stopPolicy", "None") != "None")
    groups: list[Raw] = queue["spec"].get("resourceGroups", [])
    return stopped or bool(queue["kind"] == "ClusterQueue" and _usable(case, queue) != groups)


def _usable(case: Raw, queue: Raw) -> list[Raw]:
    """Resource groups with the flavors that there are: with others a queue is inactive, and what ran ran before."""
    there = {each["metadata"]["name"] for each in case["objects"] if each["kind"] == "ResourceFlavor"}
    groups = [
        {**group, "flavors": [each for each in group["flavors"] if each["name"] in there]}
        for group in queue["spec"].get("resourceGroups", [])
    ]
    return [each for each in groups if each["flavors"]]
