# ruff: noqa: E501  messages of servers stand as they come
"""What pods and Workloads say themselves, where their reader sees her own namespace alone."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import CauseVerdict, Confidence, Doer, StartsWhen
from allotment.model.observed.snapshot import Gap, Snapshot
from tests.unit.diagnose.building import NOW, TEAM, Raw, case_of, job, node, owned_by, pod, pod_spec

EVERYWHERE = ("nodes", "clusterqueues", "pods", "workloads", "localqueues", "persistentvolumeclaims")


def narrow(objects: list[Raw], subject: str = "job/train", reason: str = "forbidden", **more: Any) -> Case:
    """A case as a member sees it: no cluster-wide lists, all of her own namespace but what `more` names."""
    source = case_of(objects, subject).source
    gaps = [Gap(what=each, reason=reason) for each in EVERYWHERE]
    gaps += [Gap(what=each, namespace=TEAM, reason=reason) for each in more.get("but", ())]
    seen = replace(source, namespaces=(TEAM,), gaps=tuple(gaps))
    return find_case(Snapshot(taken_at=NOW, sources=(seen,)), subject, TEAM)


def said_by_scheduler(message: str) -> list[Raw]:
    above = job("train")
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return [above, pod("train-0", owner=above, status={"phase": "Pending", "conditions": [said]})]


def said_by_kueue(message: str) -> list[Raw]:
    above = job("train")
    above["spec"]["suspend"] = True
    above["metadata"]["labels"] = {"kueue.x-k8s.io/queue-name": "q"}
    meta = {"name": "w", "namespace": TEAM, "uid": "w", "ownerReferences": [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "train", "uid": above["metadata"]["uid"], "controller": True}
    ]}  # fmt: skip
    said = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": message}
    queue = {"metadata": {"name": "q", "namespace": TEAM}, "spec": {"clusterQueue": "cq"}}
    return [
        above,
        {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "LocalQueue", **queue},
        {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "Workload", "metadata": meta,
         "spec": {"queueName": "q", "podSets": []}, "status": {"conditions": [said]}},
    ]  # fmt: skip


def test_where_nodes_are_seen_their_labels_say_whether_it_is_the_selector() -> None:
    message = "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s)."
    above = job("train", nodeSelector={"pool": "b"})
    said = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    status = {"phase": "Pending", "conditions": [said]}
    objects = [above, pod("train-0", owner=above, nodeSelector={"pool": "b"}, status=status)]
    tainted = {"taints": [{"key": "for", "value": "x", "effect": "NoSchedule"}]}
    for labels, cause in (({"pool": "c"}, "node-affinity-no-match"), ({"pool": "b"}, "gpu-taint-not-tolerated")):
        nodes = [node("a"), node("b", labels=labels, spec=tainted)]
        seen = narrow([*objects, *nodes])
        gaps = tuple(each for each in seen.source.gaps if each.what != "nodes")
        source = replace(seen.source, gaps=gaps)
        found = explain(find_case(Snapshot(taken_at=NOW, sources=(source,)), "job/train", TEAM))
        assert (found.cause, found.confidence) == (cause, Confidence.LIKELY)
    assert "which may be the cause as well" in explain(narrow(objects)).summary


HELPFUL = "no new claims to deallocate, preemption: 0/11 nodes are available: 3 No preemption victims found for incoming pod, 8 Preemption is not helpful for scheduling."
HOPELESS = "preemption: 0/11 nodes are available: 11 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("LocalQueue q doesn't exist", "queue-missing"),
        ("ClusterQueue cq doesn't exist", "localqueue-points-to-missing-clusterqueue"),
        ("ClusterQueue cq is inactive", "queue-held"),
        ("Workload namespace doesn't match ClusterQueue selector", "namespace-selector-mismatch"),
        ("couldn't assign flavors to pod set main: resource amd.com/gpu unavailable in ClusterQueue", "resource-not-covered"),
        ("couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu in flavor t4, previously considered podsets requests (0) + current podset request (4) > maximum capacity (2), insufficient unused quota for nvidia.com/gpu in flavor a100, 4 more needed", "cohort-exhausted"),
        ("couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu in flavor t4, previously considered podsets requests (0) + current podset request (4) > maximum capacity (2)", "quota-larger-than-total"),
        ("couldn't assign flavors to pod set main: insufficient quota for cpu in flavor t4, previously considered podsets requests (0) + current podset request (40) > maximum capacity (16), insufficient unused quota for nvidia.com/gpu in flavor t4, 1 more needed", "quota-larger-than-total"),
        ("couldn't assign flavors to pod set main: untolerated taint {gpu true NoSchedule <nil>} in flavor spot", "flavor-taint-not-tolerated"),
        ("something that nobody knows", "unknown"),
    ],
)  # fmt: skip
def test_what_kueue_says_is_likely_where_its_queues_are_not_seen(message: str, cause: str) -> None:
    found = explain(narrow(said_by_kueue(message)), with_remedies=False)
    assert (found.cause, found.confidence) == (cause, Confidence.UNSURE if cause == "unknown" else Confidence.LIKELY)


def test_a_member_is_told_that_a_person_has_to_act_where_a_queue_is_inactive() -> None:
    """That it was stopped Kueue says of what it turned out alone; a LocalQueue is inactive for nothing else."""
    objects = said_by_kueue("ClusterQueue cq is inactive")
    found = explain(narrow(objects))
    assert (found.verdict, found.confidence) == (CauseVerdict.MISCONFIGURED, Confidence.LIKELY)
    assert "whether somebody stopped it, or a flavor or check of it is missing, is not known" in found.summary
    assert [(each.who, each.tried.starts) for each in found.remedies] == [(Doer.PLATFORM, StartsWhen.NOT_SIMULATED)]
    assert found.remedies[0].summary.startswith("start the ClusterQueue cq again where it is stopped; else")
    objects[2]["status"]["conditions"] += [{"type": "Evicted", "status": "True", "reason": "ClusterQueueStopped"}]
    assert explain(narrow(objects)).summary.endswith("cq is inactive: it admits nothing, for somebody stopped it")
    found = explain(narrow(said_by_kueue("LocalQueue q is inactive"), but=("localqueues",)))
    assert (found.cause, found.verdict) == ("localqueue-held", CauseVerdict.MISCONFIGURED)


def test_a_member_is_told_for_whom_kueue_stopped_her_work() -> None:
    objects = said_by_kueue("insufficient unused quota for nvidia.com/gpu in flavor a, 4 more needed")
    message = "Preempted to accommodate a workload (UID: other, JobUID: j) due to prioritization in the ClusterQueue"
    objects[2]["status"]["conditions"] += [
        {"type": "Evicted", "status": "True", "reason": "Preempted", "message": message},
        {"type": "Preempted", "status": "True", "reason": "InCohortReclamation", "message": message},
    ]
    found = explain(narrow(objects))
    assert (found.cause, found.confidence) == ("reclaimed", Confidence.LIKELY)
    assert "somebody who is not seen by reclamation" in found.summary
    objects[2]["status"]["conditions"][0]["message"] = message  # before Kueue has looked again
    assert explain(narrow(objects)).cause == "reclaimed"
    objects[2]["status"]["conditions"][0]["message"] = (
        "insufficient unused quota for nvidia.com/gpu in flavor a, 4 more needed"
    )
    held = {"conditions": [{"type": "QuotaReserved", "status": "False", "reason": "Pending"}]}
    ended = {**objects[2], "metadata": {"name": "o", "namespace": TEAM, "uid": "other"}, "status": held}
    assert explain(narrow([*objects, ended])).cause == "cohort-exhausted"


def test_a_member_is_told_how_much_kueue_says_that_there_is_at_most() -> None:
    message = "couldn't assign flavors to pod set other: no; couldn't assign flavors to pod set main: insufficient quota for cpu in flavor a, previously considered podsets requests (4) + current podset request (80) > maximum capacity (66500m)"
    objects = said_by_kueue(message)
    objects[0]["spec"]["template"]["spec"] = pod_spec(cpu="40")
    pod_set = {"name": "main", "count": 2, "template": {"spec": pod_spec(cpu="40")}}
    objects[2]["spec"]["podSets"] = [pod_set]
    found = explain(narrow(objects))
    assert (found.cause, found.verdict, found.confidence) == (
        "quota-larger-than-total",
        CauseVerdict.MISCONFIGURED,
        Confidence.LIKELY,
    )
    assert [(each.summary, each.tried.starts) for each in found.remedies] == [
        ("ask for less for each pod: 40 → 31 cpu", StartsWhen.NOT_SIMULATED)
    ]


def test_a_member_is_told_how_many_devices_she_may_ask_for() -> None:
    message = "couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu in flavor a, previously considered podsets requests (0) + current podset request (6) > maximum capacity (4)"
    objects = said_by_kueue(message)
    objects[0]["spec"]["template"]["spec"] = pod_spec(gpus=6)
    objects[2]["spec"]["podSets"] = [{"name": "main", "count": 1, "template": {"spec": pod_spec(gpus=6)}}]
    assert [each.summary for each in explain(narrow(objects)).remedies] == ["ask for less: 6 → 4 nvidia.com/gpu"]
    objects[2]["spec"]["podSets"][0] |= {"count": 3, "template": {"spec": pod_spec(gpus=2)}}
    assert not explain(narrow(objects)).remedies


def test_a_member_is_told_of_a_claim_without_a_volume_what_its_events_say() -> None:
    objects = said_by_scheduler("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found")
    objects[1]["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": "fast"}}
    claim |= {"metadata": {"name": "data", "namespace": TEAM, "uid": "c"}, "status": {"phase": "Pending"}}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": TEAM}}
    event |= {"reason": "ProvisioningFailed", "message": 'storageclass.storage.k8s.io "fast" not found'}
    event["involvedObject"] = {"kind": "PersistentVolumeClaim", "name": "data", "namespace": TEAM, "uid": "c"}
    blind = ("storageclasses", "persistentvolumes")
    found = explain(narrow([*objects, claim, event], but=blind), with_remedies=False)
    assert (found.cause, found.confidence) == ("pvc-unbound-no-class", Confidence.LIKELY)
    assert "'fast' not found" in found.summary
    assert explain(narrow([*objects, claim], but=blind), with_remedies=False).cause == "pvc-unbound-no-volume"


def test_pods_of_a_deployment_are_queued_one_by_one() -> None:
    message = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a, 2 more needed"
    deployment, replicas = ({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": TEAM, "uid": kind},
                             "spec": {"replicas": 1}} for kind in ("Deployment", "ReplicaSet"))  # fmt: skip
    replicas["metadata"]["ownerReferences"] = [owned_by(deployment)]
    gated = pod("web-0", owner=replicas, schedulingGates=[{"name": "kueue.x-k8s.io/admission"}])
    _, queue, workload = said_by_kueue(message)
    workload["metadata"]["ownerReferences"] = [owned_by(gated)]
    found = explain(narrow([deployment, replicas, gated, queue, workload], "deployment/web"), with_remedies=False)
    assert (found.cause, found.facts["missing"]) == ("cohort-exhausted", "2")


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (f"0/11 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s), 4 Insufficient nvidia.com/gpu, 4 node(s) didn't match Pod's node affinity/selector. {HELPFUL}", "gpu-all-in-use"),
        (f"0/11 nodes are available: 1 Insufficient cpu, 10 node(s) didn't match Pod's node affinity/selector. {HELPFUL}", "cpu-all-in-use"),
        (f"0/11 nodes are available: 4 Insufficient nvidia.com/gpu, 7 node(s) had untolerated taint(s). {HOPELESS}", "insufficient-gpu"),
        (f"0/11 nodes are available: 2 Insufficient hugepages-1Gi, 9 node(s) had untolerated taint(s). {HOPELESS}", "request-above-every-node"),
        (f"0/11 nodes are available: 2 Insufficient hugepages-1Gi, 9 node(s) had untolerated taint(s). {HELPFUL}", "resource-all-in-use"),
        (f"0/11 nodes are available: 4 Insufficient cpu, 4 Insufficient nvidia.com/gpu, 7 node(s) had untolerated taint(s). {HOPELESS}", "insufficient-gpu"),
        (f"0/11 nodes are available: 4 Insufficient cpu, 1 Insufficient nvidia.com/gpu, 7 node(s) had untolerated taint(s). {HOPELESS}", "request-above-every-node"),
        (f"0/11 nodes are available: 4 Insufficient memory, 7 node(s) had untolerated taint(s). {HOPELESS}", "request-above-every-node"),
        (f"0/11 nodes are available: 11 node(s) didn't match Pod's node affinity/selector. {HOPELESS}", "node-affinity-no-match"),
        (f"0/11 nodes are available: 9 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint {{team: vip}}. {HOPELESS}", "gpu-taint-not-tolerated"),
        ("0/19 nodes are available: 10 node(s) had untolerated taint(s), 9 cannot allocate all claims. still not schedulable, preemption: 0/19 nodes are available: 19 Preemption is not helpful for scheduling.", "claim-unallocatable"),
        (f"0/11 nodes are available: 3 node(s) had untolerated taint {{a: b}}, 8 node(s) ran out of luck. {HELPFUL}", "unknown"),
        ("", "unknown"),
    ],
)  # fmt: skip
def test_what_the_scheduler_says_is_likely_where_nodes_are_not_seen(message: str, cause: str) -> None:
    found = explain(narrow(said_by_scheduler(message)), with_remedies=False)
    assert (found.cause, found.confidence) == (cause, Confidence.UNSURE if cause == "unknown" else Confidence.LIKELY)


@pytest.mark.parametrize(
    ("reason", "but", "confidence"),
    [("forbidden", (), Confidence.SURE), ("hidden", (), Confidence.SURE),
     ("forbidden", ("persistentvolumeclaims",), Confidence.LIKELY), ("failed", (), Confidence.LIKELY)],
)  # fmt: skip
def test_what_was_read_in_the_namespace_counts_though_the_cluster_could_not_be_listed(
    reason: str, but: tuple[str, ...], confidence: Confidence
) -> None:
    objects = said_by_scheduler('0/11 nodes are available: persistentvolumeclaim "data" not found. not found')
    volume = {"name": "v", "persistentVolumeClaim": {"claimName": "data"}}
    for spec in (objects[0]["spec"]["template"]["spec"], objects[1]["spec"]):
        spec["volumes"] = [volume]
    found = explain(narrow(objects, reason=reason, but=but))
    assert (found.cause, found.confidence) == ("pvc-missing", confidence)
    assert StartsWhen.NOW not in {each.tried.starts for each in found.remedies}


def test_where_a_topology_is_not_seen_kueue_s_word_on_it_stands() -> None:
    message = "couldn't assign flavors to pod set main: topology \"dc\" doesn't allow to fit any of 1 pod(s)"
    above, local, workload = said_by_kueue(message)
    kueue = {"apiVersion": "kueue.x-k8s.io/v1beta2"}
    flavor = {**kueue, "kind": "ResourceFlavor", "metadata": {"name": "f"}, "spec": {"topologyName": "dc"}}
    covered = ["nvidia.com/gpu", "cpu", "memory"]
    quotas = [{"name": each, "nominalQuota": "900G"} for each in covered]
    quota = {"flavors": [{"name": "f", "resources": quotas}], "coveredResources": covered}
    spec = {"resourceGroups": [quota], "namespaceSelector": {}}
    queue = {**kueue, "kind": "ClusterQueue", "metadata": {"name": "cq"}, "spec": spec}
    team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM}}
    workload["spec"]["podSets"] = [{"name": "main", "count": 1, "template": above["spec"]["template"]}]
    source = case_of([team, above, local, workload, flavor, queue], "job/train").source
    blind = replace(source, gaps=(Gap(what="topologies", reason="forbidden"),))
    found = explain(find_case(Snapshot(taken_at=NOW, sources=(blind,)), "job/train", TEAM))
    assert (found.cause, found.confidence) == ("topology-request-unsatisfiable", Confidence.LIKELY)
    assert found.unseen == ("topologies: forbidden",)
    assert all(each.starts is not StartsWhen.NOW for each in found.remedies)
