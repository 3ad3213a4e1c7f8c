"""Clusters as they are every day, of which an answer that looks right would be wrong: nodes, taints, groups, rules."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind, StartsWhen
from tests.unit.diagnose.building import GPU, TEAM, Raw, case_of, node, pod, running, waiting

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"
K3S = {"node.kubernetes.io/instance-type": "k3s"}
P4D = {"node.kubernetes.io/instance-type": "p4d"}
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane=:NoSchedule",)
OF_GPUS = ("nvidia.com/gpu=present:NoSchedule",)
SMALL = {"cpu": "4"}
APP = {"app": "t"}


def aged(each: Raw, at: str) -> Raw:
    return {**each, "metadata": {**each["metadata"], "creationTimestamp": f"2026-11-01T{at}Z"}}


def flavor(name: str, **labels: str) -> Raw:
    meta = {"name": name}
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ResourceFlavor",
        "metadata": meta,
        "spec": {"nodeLabels": labels},
    }


def autoscaler(group: str, size: int, target: int, status: str = "NoActivity", since: str = "", most: int = 4) -> Raw:
    """The cluster-autoscaler's status, with one group."""
    return status_of(sized(group, size, target, status, since, most))


def sized(group: str, size: int, target: int, status: str = "NoActivity", since: str = "", most: int = 4) -> str:
    counts = (
        f"nodeCounts: {{registered: {{total: {size}}}}}, cloudProviderTarget: {target}, minSize: 0, maxSize: {most}"
    )
    up = f"status: {status}" + (f", lastTransitionTime: 2026-11-01T{since}Z" if since else "")
    return f"- name: {group}\n  health: {{{counts}}}\n  scaleUp: {{{up}}}\n"


def status_of(*groups: str) -> Raw:
    text = "nodeGroups:\n" + "".join(groups)
    meta = {"name": "cluster-autoscaler-status", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"status": text}}


def spread(*keys: str, **more: Any) -> list[Raw]:
    hard = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": APP}, **more}
    constraints = [{**hard, "topologyKey": key} for key in keys]
    return waiting(labels=APP, topologySpreadConstraints=constraints)


def apart(label: str) -> dict[str, Any]:
    term = {"labelSelector": {"matchLabels": {"app": label}}, "topologyKey": ZONE}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def there(name: str, on: str, **spec: Any) -> Raw:
    return pod(name, on, namespace=TEAM, gpus=spec.pop("gpus", 0), **spec)


def nominated(*, marked: bool) -> list[Raw]:
    """A pod for which a node is kept, and another that leaves it because its owner deleted it."""
    said = [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]
    leaving = {"phase": "Running", "conditions": said if marked else []}
    old = there("old", "n1", metadata={"deletionTimestamp": "2026-11-01T12:00:20Z"}, status=leaving)
    objects = waiting()
    objects[1]["status"]["nominatedNodeName"] = "n1"
    return [node("n1", 1), old, *running("x", "n1"), *objects]


NEW_GPU_NODE = aged(node("g2", None, pool="gpu", labels=P4D), "11:59:20")
NEW_UNREADY = aged(
    node("g2", 8, pool="gpu", ready="False", taints=("node.kubernetes.io/not-ready=:NoSchedule",)), "11:59:40"
)
FULL = [node("g1", 8, pool="gpu", labels=P4D), *running("other", "g1", gpus=8), *waiting()]
WIDE = waiting(gpus=0, cpu="8")
SURE, LIKELY = Confidence.SURE, Confidence.LIKELY

CASES: dict[str, tuple[list[Raw], str, Confidence]] = {
    "every machine is called k3s": (
        [node("g1", 1, labels=K3S), node("c1", None, labels=K3S), *running("other", "g1"), *waiting()],
        "gpu-all-in-use",
        SURE,
    ),
    "a pool of machines with and without": (
        [node("g1", 1, pool="a"), node("c1", None, pool="a"), *running("other", "g1"), *waiting()],
        "gpu-all-in-use",
        SURE,
    ),
    "its plugin is not up yet": ([*FULL, NEW_GPU_NODE], "autoscaler-scaling-up", SURE),
    "its plugin is not up after an hour": (
        [node("g1", labels=P4D), node("g2", None, labels=P4D), *running("other", "g1", gpus=8), *waiting()],
        "device-plugin-missing",
        SURE,
    ),
    "it has just joined": ([*FULL, NEW_UNREADY], "autoscaler-scaling-up", SURE),
    "the first node with GPUs has just joined": (
        [node("c1", None), aged(node("g1", None), "11:59:20"), *waiting()],
        "extended-resource-unknown",
        LIKELY,
    ),
    "only the control plane is large enough": (
        [node("cp", None, taints=CONTROL_PLANE), node("w1", None, amounts=SMALL), *WIDE],
        "request-above-every-node",
        SURE,
    ),
    "there is nothing but a control plane": (
        [node("cp", taints=CONTROL_PLANE), *waiting()],
        "gpu-taint-not-tolerated",
        SURE,
    ),
    "only nodes kept for GPUs are large enough": (
        [node("g1", taints=OF_GPUS), node("c1", None, amounts=SMALL), *WIDE],
        "request-above-every-node",
        SURE,
    ),
    "the network is not up on it": (
        [node("n1", taints=("node.cilium.io/agent-not-ready=:NoExecute",)), *waiting()],
        "node-not-ready",
        SURE,
    ),
    "the cloud takes it away": (
        [node("n1", taints=("aws-node-termination-handler/spot-itn=1:NoSchedule",)), *waiting()],
        "unknown",
        Confidence.UNSURE,
    ),
    "some nodes of the type are reserved": (
        [
            flavor("reserved", tier="reserved"),
            node("n1", labels={**P4D, "tier": "reserved"}),
            node("n2", labels=P4D),
            *running("other", "n1", gpus=8),
            *waiting(nodeSelector={"tier": "reserved"}),
        ],
        "gpu-all-in-use",
        SURE,
    ),
    "a node is called like a pool": (
        [
            flavor("a1", pool="pool-a1"),
            node("gpu-a1"),
            node("n1", labels={"pool": "pool-a1"}),
            *running("other", "n1", gpus=8),
            *waiting(nodeSelector={"pool": "pool-a1"}),
        ],
        "gpu-all-in-use",
        SURE,
    ),
    "a group at zero, just asked for": (
        [node("c1", None), autoscaler("h100", 0, 0), *(aged(each, "11:59:55") for each in waiting())],
        "autoscaler-scaling-up",
        LIKELY,
    ),
    "a group at zero that may be larger": (
        [node("n1", 4), autoscaler("h100", 0, 0), *waiting(gpus=8)],
        "insufficient-gpu",
        LIKELY,
    ),
    "a group at zero beside slices": (
        [node("n1", None, amounts={"nvidia.com/mig-1g.5gb": "7"}), autoscaler("h100", 0, 0), *waiting()],
        "mig-mismatch",
        LIKELY,
    ),
    "a flavor of a group at zero": (
        [
            flavor("h100", accelerator="h100"),
            node("n1", labels={"accelerator": "v100"}),
            autoscaler("h100", 0, 0),
            *waiting(nodeSelector={"accelerator": "tpu"}),
        ],
        "node-selector-typo",
        LIKELY,
    ),
    "asked for a minute ago": (
        [*FULL, autoscaler("gpu", 1, 2, "InProgress", "11:59:00")],
        "autoscaler-scaling-up",
        SURE,
    ),
    "asked for hours ago": ([*FULL, autoscaler("gpu", 1, 2, "InProgress", "09:00:00")], "gpu-all-in-use", SURE),
    "a group at its maximum": ([*FULL, autoscaler("gpu", 1, 1, most=1)], "autoscaler-at-max", SURE),
    "a group at its maximum beside one at zero": (
        [*FULL, status_of(sized("gpu", 1, 1, most=1), sized("spot", 0, 0))],
        "gpu-all-in-use",
        SURE,
    ),
    "one more leaves the node, and not for it": (nominated(marked=True), "gpu-all-in-use", SURE),
    "no huge pages": ([node("n1"), *waiting(asks={"hugepages-2Mi": "1Gi"})], "request-above-every-node", SURE),
    "it keeps away from the whole zone": (
        [
            node("n1", labels={ZONE: "a"}),
            node("c1", None, labels={ZONE: "a"}),
            there("db", "c1", labels={"app": "db"}),
            *waiting(**apart("db")),
        ],
        "pod-anti-affinity",
        SURE,
    ),
    "somebody of the zone keeps it away": (
        [
            node("n1", labels={ZONE: "a"}),
            node("c1", None, labels={ZONE: "a"}),
            there("db", "c1", **apart("t")),
            *waiting(labels=APP),
        ],
        "pod-anti-affinity",
        SURE,
    ),
}


@pytest.mark.parametrize(("objects", "cause", "sure"), CASES.values(), ids=CASES.keys())
def test_answer(objects: list[Raw], cause: str, sure: Confidence) -> None:
    found = explain(case_of(objects), with_remedies=False)
    assert (found.cause, found.confidence) == (cause, sure)


def test_nobody_is_told_to_tolerate_the_control_plane_beside_workers() -> None:
    kinds = {each.kind for each in explain(case_of(CASES["only the control plane is large enough"][0])).remedies}
    assert kinds == {RemedyKind.REDUCE_REQUEST}


def test_on_the_nodes_network_a_port_is_only_given_up_with_it() -> None:
    """Kubernetes puts the port of the node back into a pod that is on the node's network."""
    ports = {"hostNetwork": True, "ports": [{"containerPort": 29500, "hostPort": 29500}]}
    found = explain(case_of([node("n1"), *running("other", "n1", **ports), *waiting(**ports)]))
    first = found.remedies[0]
    assert found.cause == "host-port-conflict"
    assert first.patch is not None
    assert first.patch.body["spec"]["template"]["spec"]["hostNetwork"] is False


def zones(**taints: tuple[str, ...]) -> list[Raw]:
    return [
        node("n1", labels={ZONE: "a"}),
        node("n2", None, labels={ZONE: "b"}, **taints),
        there("x", "n1", labels=APP),
    ]


@pytest.mark.parametrize(
    ("objects", "verdict", "key", "says"),
    [
        ([node("n1"), *spread(ZONE)], CauseVerdict.MISCONFIGURED, ZONE, "no node that the pod may use has that label"),
        (
            [
                node("n1", 2, labels={ZONE: "a"}),
                node("n2", 1, labels={ZONE: "a"}),
                *running("other", "n2"),
                there("x", "n1", gpus=1, labels=APP),
                *spread(ZONE, HOST),
            ],
            CauseVerdict.WAITING,
            HOST,
            "in any two kubernetes.io/hostname may differ by at most 1",
        ),
        (
            [node("n1", labels={ZONE: "a"}), there("x", "n1", labels=APP), *spread(ZONE, minDomains=3)],
            CauseVerdict.MISCONFIGURED,
            ZONE,
            "at least 3 topology.kubernetes.io/zone (minDomains), and there is 1",
        ),
    ],
    ids=["label", "second", "domains"],
)
def test_the_constraint_that_keeps_it_is_told(objects: list[Raw], verdict: CauseVerdict, key: str, says: str) -> None:
    found = explain(case_of(objects), with_remedies=False)
    assert (found.cause, found.verdict, found.facts["topology_key"]) == ("topology-spread", verdict, key)
    assert says in found.summary


def test_a_zone_that_is_closed_to_the_pod_need_not_count() -> None:
    first = explain(case_of([*zones(taints=CONTROL_PLANE), *spread(ZONE)])).remedies[0]
    assert first.patch is not None
    constraint = first.patch.body["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
    assert (constraint["topologyKey"], constraint["nodeTaintsPolicy"]) == (ZONE, "Honor")
    assert "whenUnsatisfiable" not in constraint


def test_over_fewer_domains_pods_stay_spread() -> None:
    there_is = [node("n1", labels={ZONE: "a"}), node("n2", labels={ZONE: "b"}), there("x", "n1", labels=APP)]
    first = explain(case_of([*there_is, there("y", "n2", labels=APP), *spread(ZONE, minDomains=3)])).remedies[0]
    assert first.patch is not None
    constraint = first.patch.body["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
    assert (constraint["minDomains"], constraint.get("whenUnsatisfiable")) in [(2, None), (2, "DoNotSchedule")]


@pytest.mark.parametrize(
    ("nodes", "says"),
    [
        ([node("n1", 1, labels={ZONE: "a"}), node("n2", 1, labels={ZONE: "b"})], "no room for the next"),
        ([node("n1", 1), node("n2", 1)], "has the label topology.kubernetes.io/zone"),
    ],
    ids=["room", "label"],
)
def test_pods_that_stay_together_are_told_what_keeps_them(nodes: list[Raw], says: str) -> None:
    term = {"labelSelector": {"matchLabels": APP}, "topologyKey": ZONE}
    beside = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    found = explain(case_of([*nodes, *waiting(pods=2, labels=APP, affinity=beside)]), with_remedies=False)
    assert found.cause == "pod-affinity-unsatisfied"
    assert says in found.summary


def test_a_resource_that_claims_stand_behind_is_no_wrong_name() -> None:
    """No node says that it has it: the scheduler makes a claim of it."""
    name = "example.com/gpu"
    of_class = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"}}
    objects = [node("n1"), *waiting(gpus=0, asks={name: "1"})]
    assert explain(case_of(objects)).cause == "wrong-resource-name"
    assert explain(case_of([*objects, {**of_class, "spec": {"extendedResourceName": name}}])).cause == "unknown"


def test_free_nodes_that_are_only_marked_as_having_gpus_are_offered() -> None:
    """A node kept for somebody is another matter."""
    full = [node("n1", 1), *running("other", "n1"), *waiting()]
    marked = explain(case_of([*full, node("n2", 1, taints=OF_GPUS)])).remedies[0]
    assert (marked.kind, marked.tried.starts) == (RemedyKind.ADD_TOLERATION, StartsWhen.NOW)
    kept = explain(case_of([*full, node("n2", 1, taints=("dedicated=inference:NoSchedule",))])).remedies
    assert RemedyKind.ADD_TOLERATION not in {each.kind for each in kept}


def test_nobody_waits_for_what_should_have_ended() -> None:
    held = running("other", "n1")
    held[1]["metadata"]["deletionTimestamp"] = "2026-11-01T11:00:00Z"
    found = explain(case_of([node("n1", 1), *held, *waiting()]))
    assert found.cause == "gpu-all-in-use"
    assert found.summary.endswith("pods that should have ended hold 1")
    assert [each.kind for each in found.remedies] == [RemedyKind.OTHER, RemedyKind.ADD_NODE]


def test_who_leaves_by_itself_is_not_called_preempted() -> None:
    """Where kube-scheduler has marked nobody it is not known."""
    found: Case = case_of(nominated(marked=False))
    assert "told to leave" in next(
        each.summary for each in explain(found).contributing if each.cause == "victim-does-not-end"
    )
    assert explain(found).facts["resource"] == GPU


def test_what_no_rule_knows_is_told_in_the_words_of_its_scheduler() -> None:
    gang = waiting(schedulerName="volcano")
    said = {"type": "PodScheduled", "status": "False", "message": "pod group is not ready, 1 Pending, 4 minAvailable"}
    gang[1]["status"]["conditions"] = [said]
    found = explain(case_of([node("n1"), *gang]))
    assert (found.cause, found.evidence[0].field) == ("unknown", "status.conditions[PodScheduled].message")
    assert "pod group is not ready" in found.summary
    leaving = explain(case_of(CASES["the cloud takes it away"][0]))
    assert "1 node(s) had untolerated taint(s)" in leaving.summary


@pytest.mark.parametrize(
    ("asked", "offered"),
    [(GPU, ["mig-3g.40gb", "mig-1g.10gb"]), ("nvidia.com/mig-2g.20gb", ["mig-3g.40gb", "mig-1g.10gb"])],
    ids=["a whole GPU", "a slice"],
)
def test_slices_of_the_nodes_that_a_pod_selects_are_offered_the_nearest_first(asked: str, offered: list[str]) -> None:
    """Whatever other nodes have."""
    slices = {f"nvidia.com/{name}": "2" for name in ("mig-1g.10gb", "mig-3g.40gb")}
    cut = node("n1", None, labels={"cut": "yes"}, amounts=slices)
    whole = node("n2", 8, amounts={"nvidia.com/mig-2g.20gb": "3"})
    found = explain(case_of([cut, whole, *waiting(gpus=0, asks={asked: "1"}, nodeSelector={"cut": "yes"})]))
    assert found.cause == "mig-mismatch"
    assert [each.summary for each in found.remedies] == [
        f"ask for nvidia.com/{each} in place of {asked}" for each in offered
    ]
