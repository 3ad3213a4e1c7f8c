"""Causes of scheduler, node and autoscaler: each with a case in which it holds, and a near one in which it does not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from allotment.diagnose.causes import BY_ID
from allotment.diagnose.explaining import explain
from allotment.diagnose.node_groups import NodeGroup, read_groups
from allotment.diagnose.remedies.trying import tried
from allotment.diagnose.rules.scheduler import tainted
from allotment.diagnose.rules.scheduler.verdicts import foreign_reasons
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import CauseVerdict, PatchOp, RemedyKind, StartsWhen
from tests.unit.diagnose.building import (
    EARLIER,
    GPU,
    NOW,
    Raw,
    case_of,
    job,
    node,
    owned_by,
    pod,
    pod_spec,
    running,
    waiting,
)

PRODUCT = "nvidia.com/gpu.product"
BESIDE = "kubernetes.io/hostname"


def rule(kind: str, label: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": label}}, "topologyKey": BESIDE}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def affinity(value: str) -> dict[str, Any]:
    expression = {"key": "tier", "operator": "In", "values": [value]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def spread(on: str) -> list[Raw]:
    constraint = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "t"}},
    }
    objects = waiting(labels={"app": "t"}, topologySpreadConstraints=[constraint])
    return [*objects, pod("train-x", on, owner=objects[0], labels={"app": "t"})]


def gang(pods: int, **spec: Any) -> list[Raw]:
    """A Job whose pods a scheduler of groups places all at once."""
    objects = waiting(pods=pods, **spec)
    objects[0]["spec"]["template"]["metadata"] = {"labels": {"scheduling.x-k8s.io/pod-group": "train"}}
    return objects


def priority(name: str, value: int, policy: str = "PreemptLowerPriority") -> Raw:
    return {
        "kind": "PriorityClass",
        "apiVersion": "scheduling.k8s.io/v1",
        "metadata": {"name": name},
        "value": value,
        "preemptionPolicy": policy,
    }


def event(reason: str, message: str, about: str = "train-0") -> Raw:
    involved = {"kind": "Pod", "namespace": "team-a", "name": about}
    meta = {"name": f"e-{reason}", "namespace": "team-a"}
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": meta,
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "lastTimestamp": NOW,
    }


def status(*groups: tuple[str, int, int, int], trouble: str = "") -> Raw:
    lines = ["autoscalerStatus: Running", "nodeGroups:"]
    for name, size, target, most in groups:
        lines += [
            f"- name: {name}",
            "  health:",
            f"    nodeCounts: {{registered: {{total: {size}}}}}",
            f"    cloudProviderTarget: {target}",
            "    minSize: 0",
            f"    maxSize: {most}",
            f"  scaleUp: {{status: NoActivity, backoffInfo: {{{trouble}}}}}",
        ]
    meta = {"name": "cluster-autoscaler-status", "namespace": "kube-system"}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"status": "\n".join(lines)}}


def node_pool(without: str) -> Raw:
    """A NodePool that lacks a condition; without that of its nodes' health it is ready all the same."""
    ready = "True" if without == "NodeRegistrationHealthy" else "False"
    conditions = [{"type": without, "status": "False"}, {"type": "Ready", "status": ready}]
    of = {"kind": "NodePool", "apiVersion": "karpenter.sh/v1", "metadata": {"name": "gpu"}}
    return {**of, "spec": {"limits": {GPU: "8"}}, "status": {"conditions": conditions}}


def namespace(name: str, **labels: str) -> Raw:
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name, "labels": labels}}


SHORT_OF_CPU = running("eater", "a", gpus=0, cpu="30")
HALVES = [*running("one", "a", gpus=4), *running("two", "b", gpus=4)]
REFUSED = {"type": "PodScheduled", "status": "False", "lastTransitionTime": EARLIER}
CLAIM = {"resourceClaims": [{"name": "gpu", "resourceClaimName": "mine"}]}


def claim(count: int) -> list[Raw]:
    requests = [{"name": "gpu", "exactly": {"deviceClassName": "gpu", "count": count}}]
    api = "resource.k8s.io/v1"
    selector = [{"cel": {"expression": 'device.driver == "gpu.example"'}}]
    devices = {"driver": "gpu.example", "nodeName": "a", "pool": {"name": "a"}, "devices": [{"name": "gpu-0"}]}
    return [
        {
            "kind": "ResourceClaim",
            "apiVersion": api,
            "metadata": {"name": "mine", "namespace": "team-a"},
            "spec": {"devices": {"requests": requests}},
        },
        {"kind": "DeviceClass", "apiVersion": api, "metadata": {"name": "gpu"}, "spec": {"selectors": selector}},
        {"kind": "ResourceSlice", "apiVersion": api, "metadata": {"name": "a"}, "spec": devices},
    ]


def admitted(value: str) -> list[Raw]:
    """A queued Job to which Kueue has given the flavor `fast`, and the pod with its label."""
    objects = waiting(nodeSelector={"tier": value})
    spec = {"containers": [{"name": "main", "resources": {"requests": {GPU: "1"}}}]}
    given = {"clusterQueue": "q", "podSetAssignments": [{"name": "main", "count": 1, "flavors": {GPU: "fast"}}]}
    api = "kueue.x-k8s.io/v1beta2"
    workload = {
        "apiVersion": api,
        "kind": "Workload",
        "metadata": {"name": "w", "namespace": "team-a", "uid": "w", "ownerReferences": [owned_by(objects[0])]},
        "spec": {"queueName": "q", "podSets": [{"name": "main", "count": 1, "template": {"spec": spec}}]},
        "status": {"admission": given, "conditions": [{"type": "QuotaReserved", "status": "True"}]},
    }
    flavor = {"apiVersion": api, "kind": "ResourceFlavor", "metadata": {"name": "fast"}}
    return [*objects, workload, {**flavor, "spec": {"nodeLabels": {"tier": value}}}]


HOLDS_OR_NOT: list[tuple[str, list[Raw], list[Raw]]] = [
    (
        "flavor-matches-no-node",
        [node("a", labels={"tier": "fast"}), *admitted("fats")],
        [node("a", labels={"tier": "fast"}), *waiting(nodeSelector={"tier": "fats"})],
    ),
    (
        "gpu-all-in-use",
        [node("a"), *running("x", "a", gpus=6), *waiting(gpus=4)],
        [node("a"), *running("x", "a", gpus=4), *waiting(gpus=4)],
    ),
    (
        "fragmentation",
        [node("a"), node("b"), *HALVES, *waiting(gpus=8)],
        [node("a"), node("b"), *HALVES, *waiting(gpus=4)],
    ),
    (
        "gang-partially-placed",
        [node("a"), *running("x", "a", gpus=4), *gang(2, gpus=4)],
        [node("a"), *running("x", "a", gpus=4), *waiting(pods=2, gpus=4)],
    ),
    ("insufficient-gpu", [node("a"), *waiting(gpus=9)], [node("a"), *waiting(gpus=8)]),
    (
        "insufficient-cpu-gpu-free",
        [node("a"), *SHORT_OF_CPU, *waiting(cpu="4")],
        [node("a"), *SHORT_OF_CPU, *waiting(gpus=0, cpu="4")],
    ),
    (
        "cpu-all-in-use",
        [node("a"), *SHORT_OF_CPU, *waiting(gpus=0, cpu="4")],
        [node("a"), *SHORT_OF_CPU, *waiting(gpus=0, cpu="2")],
    ),
    (
        "insufficient-memory-gpu-free",
        [node("a"), *running("x", "a", gpus=0, asks={"memory": "250Gi"}), *waiting(asks={"memory": "9Gi"})],
        [node("a"), *waiting(asks={"memory": "257Gi"})],
    ),
    (
        "memory-all-in-use",
        [node("a"), *running("x", "a", gpus=0, asks={"memory": "250Gi"}), *waiting(gpus=0, asks={"memory": "9Gi"})],
        [node("a"), *waiting(gpus=0)],
    ),
    (
        "insufficient-ephemeral-storage",
        [node("a"), *waiting(asks={"ephemeral-storage": "200Gi"})],
        [node("a"), *waiting(asks={"ephemeral-storage": "90Gi"})],
    ),
    (
        "resource-all-in-use",
        [node("a", amounts={"rdma/x": "1"}), *running("x", "a", asks={"rdma/x": "1"}), *waiting(asks={"rdma/x": "1"})],
        [node("a", amounts={"rdma/x": "2"}), *running("x", "a", asks={"rdma/x": "1"}), *waiting(asks={"rdma/x": "1"})],
    ),
    ("request-above-every-node", [node("a"), *waiting(cpu="64")], [node("a"), *SHORT_OF_CPU, *waiting(cpu="4")]),
    (
        "no-machine-of-that-shape",
        [node("a", 2, amounts={"cpu": "16"}), node("b", None), *waiting(gpus=2, cpu="17")],
        [node("a", 2, amounts={"cpu": "16"}), node("b", None), *waiting(gpus=2, cpu="16")],
    ),
    (
        "too-many-pods",
        [node("a", amounts={"pods": "1"}), *running("x", "a"), *waiting()],
        [node("a", amounts={"pods": "2"}), *running("x", "a"), *waiting()],
    ),
    (
        "gpu-taint-not-tolerated",
        [node("a", taints=("sku=gpu:NoSchedule",)), *waiting()],
        [node("a", taints=("sku=gpu:NoSchedule",)), *waiting(tolerations=[{"key": "sku", "operator": "Exists"}])],
    ),
    (
        "pool-of-another-team",
        [namespace("team-a"), namespace("team-b"), node("a", taints=("for=team-b:NoSchedule",)), *waiting()],
        [namespace("team-a"), namespace("team-b"), node("a", taints=("for=team-a:NoSchedule",)), *waiting()],
    ),
    (
        "node-selector-typo",
        [node("a", labels={"tier": "fast"}), *waiting(nodeSelector={"tier": "fats"})],
        [node("a", labels={"tier": "fast"}), *waiting(nodeSelector={"tier": "fast"})],
    ),
    (
        "node-affinity-no-match",
        [node("a", labels={"tier": "fast"}), *waiting(**affinity("fats"))],
        [node("a", labels={"tier": "fast"}), *waiting(**affinity("fast"))],
    ),
    (
        "node-affinity-no-match",
        [node("a", labels={"tier": "fast", "zone": "z"}), *waiting(nodeSelector={"zone": "z"}, **affinity("fats"))],
        [node("a", labels={"tier": "fast", "zone": "z"}), *waiting(nodeSelector={"zone": "y"}, **affinity("fats"))],
    ),
    (
        "node-missing",
        [node("a"), *waiting(nodeSelector={BESIDE: "b"})],
        [node("a"), *waiting(nodeSelector={"tier": "b"})],
    ),
    (
        "runtime-class-selects-nothing",
        [
            node("a"),
            {
                "kind": "RuntimeClass",
                "apiVersion": "node.k8s.io/v1",
                "metadata": {"name": "kata"},
                "handler": "k",
                "scheduling": {"nodeSelector": {"kata": "yes"}},
            },
            *waiting(runtimeClassName="kata", nodeSelector={"kata": "yes"}),
        ],
        [node("a"), *waiting(nodeSelector={"kata": "yes"})],
    ),
    (
        "extended-resource-unknown",
        [node("a"), *waiting(gpus=0, asks={"rdma/hca": "1"})],
        [node("a"), *waiting(gpus=0, asks={"nvidia.com/gpus": "1"})],
    ),
    (
        "mig-mismatch",
        [node("a", None, amounts={"nvidia.com/mig-1g.10gb": "7"}), *waiting()],
        [
            node("a", None, amounts={"nvidia.com/mig-1g.10gb": "7"}),
            *waiting(gpus=0, asks={"nvidia.com/mig-1g.10gb": "1"}),
        ],
    ),
    (
        "host-port-conflict",
        [
            node("a"),
            *running("x", "a", ports=[{"containerPort": 80, "hostPort": 80}]),
            *waiting(ports=[{"containerPort": 80, "hostPort": 80}]),
        ],
        [
            node("a"),
            *running("x", "a", ports=[{"containerPort": 80, "hostPort": 80}]),
            *waiting(ports=[{"containerPort": 80, "hostPort": 81}]),
        ],
    ),
    (
        "pod-affinity-unsatisfied",
        [node("a"), *waiting(**rule("podAffinity", "cache"))],
        [node("a"), pod("cache", "a", labels={"app": "cache"}), *waiting(**rule("podAffinity", "cache"))],
    ),
    (
        "pod-anti-affinity",
        [node("a"), pod("noisy", "a", labels={"app": "noisy"}), *waiting(**rule("podAntiAffinity", "noisy"))],
        [node("a"), pod("quiet", "a", labels={"app": "quiet"}), *waiting(**rule("podAntiAffinity", "noisy"))],
    ),
    (
        "topology-spread",
        [node("a", labels={"zone": "1"}), node("b", labels={"zone": "2"}), *running("x", "b", gpus=8), *spread("a")],
        [node("a", labels={"zone": "1"}), node("b", labels={"zone": "2"}), *running("x", "b", gpus=8), *spread("b")],
    ),
    (
        "scheduler-name-unknown",
        [node("a"), *waiting(schedulerName="volcano")],
        [node("a"), *waiting(schedulerName="volcano"), pod("other", "a", schedulerName="volcano")],
    ),
    (
        "priority-preempts-nothing",
        [node("a"), *running("x", "a", gpus=8, priority=1), *waiting(gpus=8, priority=5, preemptionPolicy="Never")],
        [node("a"), *running("x", "a", gpus=8, priority=5), *waiting(gpus=8, priority=5, preemptionPolicy="Never")],
    ),
    (
        "preempted-by-kube-scheduler",
        [node("a"), *running("x", "a", gpus=8), *waiting(gpus=8), event("Preempted", "Preempted by pod x-0 on node a")],
        [node("a"), *running("y", "a", gpus=8), *waiting(gpus=8), event("Preempted", "Preempted by pod x-0 on node a")],
    ),
    (
        "preempted-by-kube-scheduler",
        [
            node("a"),
            *running("x", "a", gpus=8, priority=9),
            *waiting(gpus=8, priority=5),
            event("Preempted", "Preempted by pod x-0 on node a"),
        ],
        [
            node("a"),
            *running("x", "a", gpus=8, priority=5),
            *waiting(gpus=8, priority=5),
            event("Preempted", "Preempted by pod x-0 on node a"),
        ],
    ),
    (
        "victim-does-not-end",
        [
            node("a"),
            pod("v", "a", gpus=8, metadata={"deletionTimestamp": EARLIER}),
            *waiting(gpus=8, status={"phase": "Pending", "nominatedNodeName": "a"}),
        ],
        [node("a"), pod("v", "a", gpus=8), *waiting(gpus=8, status={"phase": "Pending", "nominatedNodeName": "a"})],
    ),
    (
        "scheduler-has-not-looked",
        [node("a"), *waiting()],
        [
            node("a"),
            *waiting(
                status={
                    "phase": "Pending",
                    "conditions": [
                        {**REFUSED, "message": "0/1 nodes are available: 1 node(s) exceed max volume count."}
                    ],
                }
            ),
        ],
    ),
    (
        "too-many-volumes",
        [
            node("a"),
            *waiting(
                status={
                    "phase": "Pending",
                    "conditions": [
                        {**REFUSED, "message": "0/1 nodes are available: 1 node(s) exceed max volume count."}
                    ],
                }
            ),
        ],
        [
            node("a"),
            *waiting(
                status={
                    "phase": "Pending",
                    "conditions": [{**REFUSED, "message": "0/1 nodes are available: 1 Insufficient cpu."}],
                }
            ),
        ],
    ),
    (
        "claim-unallocatable",
        [node("a"), *claim(2), *waiting(gpus=0, **CLAIM)],
        [node("a"), *claim(1), *waiting(gpus=0, **CLAIM)],
    ),
    (
        "node-cordoned",
        [node("a", unschedulable=True), *waiting()],
        [node("a", 1, unschedulable=True), *waiting(gpus=2)],
    ),
    (
        "node-not-ready",
        [node("a", ready="False", taints=("node.kubernetes.io/not-ready:NoSchedule",)), *waiting()],
        [node("a"), node("b", ready="False", taints=("node.kubernetes.io/not-ready:NoSchedule",)), *waiting()],
    ),
    (
        "node-pressure-taint",
        [node("a", taints=("node.kubernetes.io/disk-pressure:NoSchedule",)), *waiting()],
        [node("a", taints=("node.kubernetes.io/disk-pressure:NoSchedule",)), node("b"), *waiting()],
    ),
    (
        "device-plugin-missing",
        [node("a", None, labels={"nvidia.com/gpu.count": "8"}), *waiting()],
        [node("a", None), *waiting()],
    ),
    (
        "device-unhealthy",
        [{**(ill := node("a")), "status": {**ill["status"], "capacity": {GPU: "9"}}}, *waiting(gpus=9)],
        [{**ill, "status": {**ill["status"], "capacity": {GPU: "9"}}}, *waiting(gpus=10)],
    ),
    (
        "gpu-product-label-missing",
        [
            node("a", pool="p", labels={PRODUCT: "H100"}),
            node("b", pool="p"),
            *running("x", "a", gpus=8),
            *waiting(nodeSelector={PRODUCT: "H100"}),
        ],
        [
            node("a", pool="p", labels={PRODUCT: "H100"}),
            node("b", pool="q"),
            *running("x", "a", gpus=8),
            *waiting(nodeSelector={PRODUCT: "H100"}),
        ],
    ),
    (
        "autoscaler-at-max",
        [node("a", pool="h"), status(("h", 1, 1, 1)), *running("x", "a", gpus=8), *waiting()],
        [node("a", pool="h"), status(("h", 1, 1, 2)), *running("x", "a", gpus=8), *waiting()],
    ),
    (
        "autoscaler-scaling-up",
        [node("a", pool="h"), status(("h", 1, 2, 3)), *running("x", "a", gpus=8), *waiting()],
        [node("a", pool="h"), status(("h", 1, 1, 3)), *running("x", "a", gpus=8), *waiting()],
    ),
    (
        "autoscaler-cloud-quota",
        [
            node("a", pool="h"),
            status(("h", 1, 1, 3), trouble="errorCode: QUOTA_EXCEEDED"),
            *running("x", "a", gpus=8),
            *waiting(),
        ],
        [
            node("a", pool="h"),
            status(("h", 1, 1, 3), trouble="errorCode: OTHER"),
            *running("x", "a", gpus=8),
            *waiting(),
        ],
    ),
    (
        "autoscaler-out-of-stock",
        [
            node("a", pool="h"),
            status(("h", 1, 1, 3), trouble="errorMessage: InsufficientInstanceCapacity"),
            *running("x", "a", gpus=8),
            *waiting(),
        ],
        [node("a", pool="h"), status(("h", 1, 1, 3), trouble="errorMessage: InsufficientInstanceCapacity"), *waiting()],
    ),
    (
        "autoscaler-pool-not-ready",
        [node("a", None), node_pool("NodeClassReady"), *waiting()],
        [node("a", None), node_pool("NodeRegistrationHealthy"), *waiting()],
    ),
    (
        "autoscaler-no-group-matches",
        [node("a", pool="h"), status(("h", 1, 1, 3)), *waiting(nodeSelector={"zone": "moon"})],
        [node("a", pool="h"), *waiting(nodeSelector={"zone": "moon"})],
    ),
    (
        "autoscaler-no-group-matches",
        [
            node("a", labels={"tier": "fast"}, pool="h"),
            status(("h", 1, 1, 3)),
            *waiting(**affinity("moon")),
            event(
                "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector"
            ),
        ],
        [
            node("a", labels={"tier": "fast"}, pool="h"),
            status(("h", 1, 1, 3)),
            *waiting(**affinity("fats")),
            event(
                "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 node(s) didn't match Pod's node affinity/selector"
            ),
        ],
    ),
    (
        "autoscaler-template-lacks-resource",
        [
            node("a", None, pool="c"),
            status(("c", 1, 1, 3), ("h", 0, 0, 3)),
            *waiting(),
            event("NotTriggerScaleUp", f"pod didn't trigger scale-up: 2 Insufficient {GPU}"),
        ],
        [
            node("a", None, pool="c"),
            status(("c", 1, 1, 3)),
            *waiting(),
            event("NotTriggerScaleUp", f"pod didn't trigger scale-up: 1 Insufficient {GPU}"),
        ],
    ),
]


@pytest.mark.parametrize(("cause", "holds", "near"), HOLDS_OR_NOT, ids=[each[0] for each in HOLDS_OR_NOT])
def test_a_cause_is_found_where_it_holds_and_nowhere_near(cause: str, holds: list[Raw], near: list[Raw]) -> None:
    assert explain(case_of(holds), with_remedies=False).cause == cause
    assert BY_ID[cause].find(case_of(near)) is None


def test_a_group_at_zero_whose_template_says_nothing_of_its_gpus_is_somebodys_to_mend() -> None:
    holds = next(each[1] for each in HOLDS_OR_NOT if each[0] == "autoscaler-template-lacks-resource")
    assert explain(case_of(holds), with_remedies=False).verdict is CauseVerdict.MISCONFIGURED


def test_every_cause_of_these_layers_is_in_the_table() -> None:
    layers = {"scheduler", "autoscaler", "node"}
    assert {each.id for each in BY_ID.values() if each.layer in layers} == {each[0] for each in HOLDS_OR_NOT}


def test_the_smallest_change_is_computed_and_lets_it_start() -> None:
    case = case_of([node("a", 2, amounts={"cpu": "16"}), node("b", None), *waiting(gpus=2, cpu="17")])
    first = explain(case).remedies[0]
    assert (first.kind, first.summary) == (RemedyKind.REDUCE_REQUEST, "ask for less: 17 CPU → 16 CPU")
    assert first.tried.starts is StartsWhen.NOW
    assert first.patch is not None
    assert first.patch.body["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "16"}


def test_one_waits_for_the_work_whose_end_is_enough() -> None:
    small, large = running("small", "a", gpus=2), running("large", "a", gpus=6)
    found = explain(case_of([node("a"), *small, *large, *waiting(gpus=6)]))
    waits = [each for each in found.remedies if each.patch is not None and each.patch.op is PatchOp.WAIT]
    assert [each.target.name for each in waits if each.target is not None] == ["large"]
    assert "wait until job/large in team-b ends" in waits[0].summary


def test_a_higher_priority_is_proposed_where_it_preempts_and_says_whom() -> None:
    classes = [priority("low", 10), priority("high", 1000), priority("polite", 2000, "Never")]
    found = explain(case_of([node("a"), *running("x", "a", gpus=8, priority=100), *classes, *waiting()]))
    raised = next(each for each in found.remedies if each.kind is RemedyKind.RAISE_PRIORITY)
    assert raised.patch is not None
    assert raised.patch.body["spec"]["template"]["spec"]["priorityClassName"] == "high"
    assert raised.tried.displaces == ("job/x in team-b",)


def test_in_a_view_the_work_of_others_is_told_by_its_kind_alone() -> None:
    whole = case_of([node("a"), *running("large", "a", gpus=6), *waiting(gpus=6)])
    viewed = find_case(msgspec.structs.replace(whole.snapshot, view="team:a"), "job/train")
    assert [each.summary for each in explain(whole).remedies if "wait until job/large in team-b" in each.summary]
    assert not [each.summary for each in explain(viewed).remedies if "large" in each.summary]


def test_finished_work_that_still_holds_gpus_is_to_be_deleted() -> None:
    over, *pods = running("done", "a", gpus=8)
    over["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
    found = explain(case_of([node("a"), over, *pods, *waiting(gpus=8)]))
    deleted = next(each for each in found.remedies if each.patch is not None and each.patch.op is PatchOp.DELETE)
    assert deleted.target is not None
    assert (deleted.target.name, deleted.tried.starts) == ("done", StartsWhen.NOW)


def test_a_gang_that_not_even_an_empty_cluster_holds_never_starts() -> None:
    found = explain(case_of([node("a"), *running("x", "a"), *gang(3, gpus=4)]))
    assert (found.cause, found.verdict) == ("gang-partially-placed", CauseVerdict.MISCONFIGURED)
    assert found.start is not None
    assert found.start.never


def test_of_the_nodes_in_question_no_more_is_held_outside_queues_than_is_held_there() -> None:
    """A DaemonSet holds devices of other nodes too; and what is free is not held."""
    labels = [{"pool": "a"}, {"pool": "a"}, {"pool": "b"}]
    nodes = [node(name, labels=mark) for name, mark in zip("abc", labels, strict=True)]
    owner = {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {"name": "burn", "namespace": "team-a", "uid": "d"},
    }
    daemons = [pod(f"burn-{each}", each, owner=owner, gpus=1) for each in "abc"]
    others = [pod(f"mine-{each}", each, gpus=6) for each in "abc"]
    others[0]["metadata"]["annotations"] = {"kueue.x-k8s.io/zz": "words that admit nothing"}
    found = explain(case_of([*nodes, owner, *daemons, *others, *waiting(gpus=3, nodeSelector={"pool": "a"})]))
    assert found.cause == "gpu-all-in-use"
    assert found.facts["outside_queues"] == {"DaemonSet": 2, "Pod": 12}
    assert "of the 16" in found.summary
    assert "2 are free; pods that no queue admitted hold 14 of them" in found.summary


def test_mending_a_node_that_would_not_do_is_not_proposed() -> None:
    sound, ill = node("a"), node("b", 1, unschedulable=True)
    found = explain(case_of([sound, ill, *running("x", "a", gpus=8), *waiting(gpus=2)]))
    assert found.cause == "gpu-all-in-use"
    assert RemedyKind.UNCORDON not in {each.kind for each in found.remedies}


def test_what_leaves_the_cause_in_place_is_tried_and_left_out() -> None:
    case = case_of([node("a"), *waiting(gpus=9)])
    finding = BY_ID["insufficient-gpu"].find(case)
    assert finding is not None
    more = BY_ID["gpu-all-in-use"].find(case_of([node("a"), *running("x", "a", gpus=8), *waiting(gpus=8)]))
    assert more is not None
    add = next(each for each in more.proposals if each.kind is RemedyKind.ADD_NODE)
    assert tried(case, finding, add)[0].starts is StartsWhen.NO


def test_the_older_status_of_the_autoscaler_is_read_too() -> None:
    text = """Cluster-autoscaler status at 2026-11-01:
Cluster-wide:
  Health:      Healthy (ready=3 registered=3)
NodeGroups:
  Name:        gpu-pool
  Health:      Healthy (ready=1 unready=0 registered=1 longUnregistered=0 cloudProviderTarget=2 (minSize=0, maxSize=4))
  ScaleUp:     InProgress (ready=1 cloudProviderTarget=2)
"""
    assert list(read_groups(text)) == [NodeGroup("gpu-pool", 1, 2, 0, 4, "InProgress")]
    assert list(read_groups("nodeGroups: [: not yaml")) == []


def test_reasons_that_the_twin_does_not_know_are_told_apart() -> None:
    known = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}. preemption: 0/3 …"
    assert foreign_reasons(known) == ()
    foreign = foreign_reasons("0/3 nodes are available: 3 node(s) exceed max volume count.")
    assert foreign == ("node(s) exceed max volume count",)


def test_a_message_that_nobody_wrote_is_called_the_twins() -> None:
    unsaid = explain(case_of([node("a"), *waiting(gpus=9)])).facts
    message = unsaid["message_of_the_twin"]
    assert message.startswith("0/1 nodes are available: ")
    assert "message" not in unsaid
    condition = {**REFUSED, "reason": "Unschedulable", "message": message}
    said = explain(case_of([node("a"), *waiting(gpus=9, status={"phase": "Pending", "conditions": [condition]})])).facts
    assert said["message"] == message
    assert "message_of_the_twin" not in said


def test_the_nodes_that_it_selects_are_told_first_and_each_in_its_own_words() -> None:
    far = [node(f"far-{number}", labels={"pool": "x"}) for number in range(3)]
    near = [node("full", labels={"pool": "y"}), node("away", labels={"pool": "y"}, unschedulable=True)]
    objects = [*far, *near, *running("x", "full", gpus=8), *waiting(gpus=8, nodeSelector={"pool": "y"})]
    tried = explain(case_of(objects)).flavors
    assert [each.name for each in tried][:2] == ["away", "full"]
    assert [each.reason for each in tried][:3] == [
        "is unschedulable",
        f"Insufficient {GPU}",
        "doesn't match Pod's node affinity/selector",
    ]


def test_who_holds_is_who_holds_what_is_asked_for() -> None:
    objects = [node("a"), *running("x", "a", gpus=8), *running("y", "a", gpus=0), *waiting(gpus=8)]
    assert explain(case_of(objects)).facts["holders"] == ["job/x in team-b"]


def test_what_a_tenant_writes_of_a_node_group_is_not_the_clouds_answer() -> None:
    told = event("FailedScaleUp", "node group h: QUOTA_EXCEEDED")
    told["involvedObject"] = {"kind": "ConfigMap", "namespace": "team-b", "name": "mine"}
    full = [node("a", pool="h"), status(("h", 1, 1, 1)), *running("x", "a", gpus=8), *waiting()]
    assert explain(case_of([*full, told])).cause == "autoscaler-at-max"
    told["involvedObject"] |= {"namespace": "kube-system", "name": "cluster-autoscaler-status"}
    assert explain(case_of([*full, told])).cause == "autoscaler-cloud-quota"


def test_the_node_of_a_daemon_set_is_looked_for_by_labels_and_taints_alone() -> None:
    daemon = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "team-a"}}
    daemon["spec"] = {"template": {"spec": pod_spec(gpus=9, nodeSelector={"pool": "y"})}}
    tainted = node("a", labels={"pool": "y"}, taints=("dedicated=ml:NoSchedule",))
    found = explain(case_of([node("b"), tainted, daemon], "daemonset/agent"))
    assert (found.cause, found.facts["nodes_with_taint"]) == ("gpu-taint-not-tolerated", ["a"])
    assert found.remedies[0].tried.starts is StartsWhen.NOW
    away = node("a", labels={"pool": "y"}, unschedulable=True)
    assert explain(case_of([node("b"), away, daemon], "daemonset/agent")).cause == "unknown"
    assert explain(case_of([node("b"), daemon], "daemonset/agent")).cause == "node-selector-typo"


def test_a_jobset_that_wants_domains_of_its_own_is_told_who_is_there_and_what_asks_for_it() -> None:
    key, zone = "jobset.sigs.k8s.io/job-key", "topology.kubernetes.io/zone"
    above: Raw = job("train") | {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet"}
    above["spec"] = {"replicatedJobs": [{"name": "w", "template": {"spec": job("w")["spec"]}}]}
    above["metadata"]["annotations"] = {"alpha.jobset.sigs.k8s.io/exclusive-topology": zone}
    below = job("train-w-0")
    below["metadata"]["ownerReferences"] = [owned_by(above)]

    def rule(*expressions: Raw) -> Raw:
        term = {"topologyKey": zone, "labelSelector": {"matchExpressions": expressions}, "namespaceSelector": {}}
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}

    own = {"key": key, "operator": "In", "values": ["own"]}
    others = ({"key": key, "operator": "Exists"}, {"key": key, "operator": "NotIn", "values": ["own"]})
    affinity = {"podAffinity": rule(own), "podAntiAffinity": rule(*others)}
    waits = pod("train-w-0-0", owner=below, labels={key: "own"}, affinity=affinity)
    objects = [
        node("a", labels={zone: "z"}),
        above,
        below,
        waits,
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in ("team-a", "team-b")),
    ]
    held = [*running("x", "a", labels={key: "x"}), *running("y", "a", labels={key: "y"})]
    found = explain(case_of([*objects, *held], "jobset/train"))
    assert found.cause == "pod-anti-affinity"
    assert "exclusive-topology" in found.summary
    assert "job/x in team-b and 1 more are on a" in found.summary
    act = next(each for each in found.remedies if each.patch is not None and each.patch.op is PatchOp.RESUBMIT)
    assert (act.tried.starts, "annotations" in act.patch.body["metadata"]) == (StartsWhen.NOW, True)
    assert explain(case_of(objects, "jobset/train")).cause != "pod-anti-affinity"


def test_tolerations_are_compared_with_kinds_of_taints_and_not_with_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    first = tainted.first_untolerated

    def counted(*of: Any) -> Any:
        asked.append(of)
        return first(*of)

    monkeypatch.setattr(tainted, "first_untolerated", counted)
    nodes = [node(f"n{number}", taints=("team=a:NoSchedule",)) for number in range(40)]
    found = explain(case_of([*nodes, *waiting(gpus=1)]), with_remedies=False)
    assert found.cause == "gpu-taint-not-tolerated"
    assert len(found.facts["nodes_with_taint"]) == 40
    assert len(asked) < 10
