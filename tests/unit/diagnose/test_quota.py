"""Causes of the quota layer: each with a case in which it holds, and a near one in which it does not."""

from __future__ import annotations

import pytest

from allotment.diagnose.causes import BY_ID
from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, Explanation, PatchOp, RemedyKind, StartsWhen
from allotment.model.observed.work import Job
from tests.unit.diagnose.building import GPU, NOW, Raw, case_of, node, pod, running, waiting
from tests.unit.diagnose.queues import cluster_queue, condition, holding, platform, queued, quota, reserved, thing

LATER = "2026-11-01T11:30:00Z"
ALONE = cluster_queue("cq", quota("f", 8))
TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
TAINTED = {"f": {"nodeTaints": [TAINT]}}
LABELLED = {"f": {"nodeLabels": {"kind": "a100"}}}
MEAN = cluster_queue("other", quota("f", {"nominalQuota": "8", "lendingLimit": "1"}), cohort="c")
APART = thing(
    "ClusterQueue",
    "cq",
    namespaceSelector={},
    resourceGroups=[
        {"coveredResources": ["cpu", "memory"], "flavors": [{"name": "f", "resources": [
            {"name": "cpu", "nominalQuota": "100"}, {"name": "memory", "nominalQuota": "100Gi"}]}]},
        {"coveredResources": [GPU], "flavors": [{"name": "g", "resources": [{"name": GPU, "nominalQuota": "8"}]}]},
    ],
)  # fmt: skip
NO_PODS = holding("left", "cq", gpus=6, ran=False)


def shared(own: int | Raw = 2, other: int = 8) -> list[Raw]:
    """Two queues in one cohort."""
    return platform(
        cluster_queue("cq", quota("f", own), cohort="c"), cluster_queue("other", quota("f", other), cohort="c")
    )


def lost(reason: str, by: str = "busy") -> Raw:
    message = f"Preempted to accommodate a workload (UID: Workload-{by}, JobUID: j) due to x; preemptor path: /c/o; y"
    return {
        "conditions": [
            condition("Evicted", reason="Preempted", message=message),
            condition("Preempted", reason=reason, message=message),
        ]
    }


def counted(times: int, status: Raw) -> Raw:
    return {**status, "schedulingStats": {"evictions": [{"reason": "Preempted", "count": times}]}}


def again(times: int, by: str, *, events: bool = False) -> list[Raw]:
    """What was displaced so often for another, and has been admitted again before it; told by events, or counted."""
    message = f"Preempted to accommodate a workload (UID: Workload-{by}, JobUID: j) due to fair sharing; x"
    status = {
        "conditions": [
            condition("QuotaReserved"),
            condition("Admitted"),
            condition("Evicted", "False", "QuotaReserved", f"Previously: {message}"),
            condition("Preempted", "False", "QuotaReserved", f"Previously: {message}"),
        ]
    }
    held = holding("busy", "cq", gpus=6, status=status if events else counted(times, status))
    if not events:
        return held
    told = {"reason": "Preempted", "message": message, "count": times, "metadata": {"name": "e", "namespace": "team-a"}}
    about = {"kind": "Workload", "namespace": "team-a", "name": "busy", "uid": "Workload-busy"}
    return [*held, {"apiVersion": "v1", "kind": "Event", "involvedObject": about, **told}]


def renamed(resource: str) -> list[Raw]:
    return queued(gpus=0, asks={resource: "1"})


FAIR = cluster_queue("cq", quota("f", 8), preemption={"withinClusterQueue": "LowerPriority"})
LOOP = [*platform(FAIR), *again(18, "train"), *queued(gpus=8, priority=9, at=LATER)]

CASES: dict[str, tuple[list[Raw], list[Raw]]] = {
    "wrong-resource-name": (
        [*platform(ALONE), node("n"), *renamed("nvidia.com/gpus")],
        [*platform(ALONE), node("n", amounts={"nvidia.com/mig-1g.5gb": "7"}), *renamed("nvidia.com/mig-1g.5gb")],
    ),
    "resource-not-covered": (
        [*platform(ALONE), node("n"), *queued(asks={"rdma/hca": "1"})],
        [*platform(ALONE), node("n"), *queued(asks={"rdma/hca": "0"})],
    ),
    "flavor-taint-not-tolerated": (
        [*platform(ALONE, flavors=TAINTED), *queued()],
        [*platform(ALONE, flavors=TAINTED), *queued(tolerations=[{"key": "gpu", "operator": "Exists"}])],
    ),
    "flavors-contradict": (
        [
            *platform(APART, flavors={"f": {"nodeLabels": {"kind": "cpu"}}, "g": {"nodeLabels": {"kind": "a100"}}}),
            *queued(),
        ],
        [
            *platform(APART, flavors={"f": {"nodeLabels": {"zone": "z"}}, "g": {"nodeLabels": {"kind": "a100"}}}),
            *queued(),
        ],
    ),
    "flavor-mismatch": (
        [*platform(ALONE, flavors=LABELLED), *queued(nodeSelector={"kind": "h100"})],
        [*platform(ALONE, flavors=LABELLED), *queued(nodeSelector={"sort": "h100"})],
    ),
    "ghost-reservation": (
        [*platform(ALONE), *NO_PODS, *queued(gpus=4)],
        [*platform(ALONE), *holding("busy", "cq", gpus=6), *queued(gpus=4)],
    ),
    "preemption-livelock": (LOOP, [*platform(FAIR), *again(2, "train"), *queued(gpus=8, priority=9)]),
    "preempted": (
        [*platform(ALONE), *holding("busy", "cq", gpus=6, priority=9), *queued(gpus=4, status=lost("InClusterQueue"))],
        [*platform(ALONE), *holding("busy", "cq", gpus=6), *queued(gpus=4, status=lost("InClusterQueue", "gone"))],
    ),
    "reclaimed": (
        [*shared(), *holding("busy", "other", gpus=8), *queued(gpus=4, status=lost("InCohortReclamation"))],
        [*shared(), *holding("busy", "other", gpus=4), *queued(gpus=4, status=lost("InCohortReclamation"))],
    ),
    "quota-in-wrong-unit": (
        [*platform(cluster_queue("cq", quota("f", 8, memory="64"))), *queued()],
        [*platform(cluster_queue("cq", quota("f", 8, memory="64Mi"))), *queued()],
    ),
    "cpu-quota-not-gpu": (
        [*platform(cluster_queue("cq", quota("f", 8, cpu="16"))), *queued(cpu="17")],
        [*platform(cluster_queue("cq", quota("f", 8, cpu="17"))), *queued(cpu="17")],
    ),
    "memory-quota-not-gpu": (
        [*platform(cluster_queue("cq", quota("f", 8, memory="2Gi"))), *queued(asks={"memory": "3Gi"})],
        [*platform(cluster_queue("cq", quota("f", 8, memory="2Gi"))), *queued(gpus=0, asks={"memory": "3Gi"})],
    ),
    "borrowing-limit": (
        [*shared({"nominalQuota": "2", "borrowingLimit": "1"}), *queued(gpus=4)],
        [*shared({"nominalQuota": "2", "borrowingLimit": "2"}), *queued(gpus=4)],
    ),
    "lending-limit": (
        [*platform(cluster_queue("cq", quota("f", 2), cohort="c"), MEAN), *queued(gpus=4)],
        [*platform(cluster_queue("cq", quota("f", 2), cohort="c"), MEAN), *queued(gpus=11)],
    ),
    "parallelism-gang-too-big": (
        [*platform(ALONE), *holding("busy", "cq", gpus=2), *queued(pods=4, gpus=2)],
        [*platform(ALONE), *holding("busy", "cq", gpus=6), *queued(pods=4, gpus=2)],
    ),
    "quota-larger-than-total": (
        [*platform(ALONE), *queued(gpus=9)],
        [*platform(ALONE), *holding("busy", "cq"), *queued(gpus=8)],
    ),
    "cohort-exhausted": (
        [*shared(), *holding("busy", "other", gpus=8), *queued(gpus=4)],
        [*platform(ALONE), *holding("busy", "cq", gpus=6), *queued(gpus=4)],
    ),
    "quota-nominal": (
        [*platform(ALONE), *holding("busy", "cq", gpus=6), *queued(gpus=4)],
        [*platform(ALONE), *holding("busy", "cq", gpus=4), *queued(gpus=4)],
    ),
}


@pytest.mark.parametrize("cause", CASES)
def test_a_cause_is_found_where_it_holds_and_not_where_it_nearly_does(cause: str) -> None:
    holds, nearly = CASES[cause]
    find = BY_ID[cause].find
    found = find(case_of(holds))
    assert found is not None
    assert found.cause == cause
    assert find(case_of(nearly)) is None


def test_which_of_two_labels_kueue_puts_in_is_chance_until_it_has() -> None:
    """Kueue gives CPU of one flavor and GPUs of another, and nodes with the label of only one of them have GPUs."""
    kinds = {"f": {"nodeLabels": {"kind": "cpu"}}, "g": {"nodeLabels": {"kind": "a100"}}}
    nodes = [node("c", None, labels={"kind": "cpu"}), node("a", labels={"kind": "a100"})]
    there = [*nodes, *platform(APART, flavors=kinds)]
    given = {"cpu": "f", "memory": "f", GPU: "g"}
    busy = holding("busy", "cq", gpus=8)
    busy[1]["status"]["admission"]["podSetAssignments"][0]["flavors"] = given
    found = explain(case_of([*there, *busy, *queued()]))
    assert (found.cause, found.verdict) == ("quota-nominal", CauseVerdict.WAITING)
    (chance,) = (each.summary for each in found.contributing if each.cause == "flavors-contradict")
    assert chance.endswith("which of them Kueue puts in is chance, and only with kind=a100 nodes take them")
    assert found.remedies[0].summary.endswith("; if Kueue puts in kind=a100, which is chance")
    for label, cause in (("cpu", "flavors-contradict"), ("a100", "gpu-all-in-use")):
        mine = queued(status=reserved(flavors=given))
        mine[0]["spec"]["suspend"] = False
        pods = pod("train-0", owner=mine[0], nodeSelector={"kind": label})
        full = running("full", "a", gpus=8)
        assert explain(case_of([*there, *mine, pods, *full]), with_remedies=False).cause == cause
    both = [*nodes, node("d", labels={"kind": "cpu"})]
    assert BY_ID["flavors-contradict"].find(case_of([*both, *there[2:], *queued()])) is None


def answer(objects: list[Raw], subject: str = "job/train") -> Explanation:
    return explain(case_of([*objects, node("n", 64, amounts={"cpu": "500", "memory": "2000Gi"})], subject))


def remedies(explanation: Explanation) -> list[tuple[RemedyKind, StartsWhen]]:
    return [(each.kind, each.tried.starts) for each in explanation.remedies]


def test_seventeen_cpus_become_sixteen_and_start_now() -> None:
    explanation = answer(CASES["cpu-quota-not-gpu"][0])
    first = explanation.remedies[0]
    assert (first.kind, first.tried.starts) == (RemedyKind.REDUCE_REQUEST, StartsWhen.NOW)
    assert "17 → 16 cpu" in first.summary
    assert first.patch is not None
    containers = first.patch.body["spec"]["template"]["spec"]["containers"]
    assert containers == [{"name": "main", "resources": {"requests": {"cpu": "16"}}}]


@pytest.mark.parametrize(
    ("cause", "kind", "value"),
    [
        ("borrowing-limit", RemedyKind.RAISE_BORROWING_LIMIT, "2"),
        ("lending-limit", RemedyKind.RAISE_LENDING_LIMIT, "2"),
        ("quota-nominal", RemedyKind.RAISE_QUOTA, "10"),
        ("quota-larger-than-total", RemedyKind.RAISE_QUOTA, "9"),
    ],
)
def test_a_number_is_raised_by_as_little_as_lets_it_start_now(cause: str, kind: RemedyKind, value: str) -> None:
    found = next(each for each in answer(CASES[cause][0]).remedies if each.kind is kind)
    assert found.patch is not None
    assert (found.patch.body[0]["value"], found.tried.starts) == (value, StartsWhen.NOW)


def test_a_gang_is_split_or_admitted_in_part() -> None:
    explanation = answer(CASES["parallelism-gang-too-big"][0])
    assert remedies(explanation)[:2] == [(RemedyKind.SPLIT_GANG, StartsWhen.NOW)] * 2
    assert (explanation.facts["pods_that_fit"], explanation.facts["most_ever"]) == (3, 8)


def test_what_can_never_fit_is_told_so_and_nobody_is_to_wait() -> None:
    explanation = answer(CASES["quota-larger-than-total"][0])
    assert explanation.start is not None
    assert explanation.start.never
    assert explanation.verdict is CauseVerdict.MISCONFIGURED
    assert RemedyKind.WAIT_FOR_QUOTA not in {kind for kind, _ in remedies(explanation)}
    assert [(each.name, each.number) for each in explanation.flavors] == [("f", f"{GPU} 9 > 8")]


def test_whom_to_wait_for_is_who_lets_it_start() -> None:
    objects = [*shared(), *holding("small", "other", gpus=1), *holding("big", "other", gpus=7), *queued(gpus=4)]
    found = next(each for each in answer(objects).remedies if each.kind is RemedyKind.WAIT_FOR_QUOTA)
    assert found.target is not None
    assert found.target.name == "big"


def test_a_priority_is_raised_only_where_the_queue_preempts_by_it_and_the_displaced_are_named() -> None:
    classes = [{"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass", "metadata": {"name": "high"}}]
    classes[0]["value"] = 10
    full = [*holding("busy", "cq", gpus=6), *queued(gpus=4), *classes]
    lenient = cluster_queue("cq", quota("f", 8), preemption={"withinClusterQueue": "LowerPriority"})
    assert RemedyKind.RAISE_PRIORITY not in {kind for kind, _ in remedies(answer([*platform(ALONE), *full]))}
    raised = [each for each in answer([*platform(lenient), *full]).remedies if each.kind is RemedyKind.RAISE_PRIORITY]
    assert [each.tried.displaces for each in raised] == [("busy",)]


def test_who_was_preempted_waits_for_whom_and_is_told_of_the_priority_that_would_win() -> None:
    classes: list[Raw] = [
        {
            "apiVersion": "kueue.x-k8s.io/v1beta2",
            "kind": "WorkloadPriorityClass",
            "metadata": {"name": name},
            "value": at,
        }
        for name, at in (("middle", 5), ("high", 50))
    ]
    lenient = cluster_queue("cq", quota("f", 8), preemption={"withinClusterQueue": "LowerPriority"})
    running = [*holding("same", "cq", gpus=4, priority=9), *holding("taker", "cq", gpus=4, priority=9)]
    mine = queued(gpus=4, status=lost("InClusterQueue", "taker"))
    found = answer([*platform(lenient), *running, *mine, *classes])
    assert found.cause == "preempted"
    told = [(each.kind, each.target and each.target.name, each.summary) for each in found.remedies]
    assert [(kind, name) for kind, name, _ in told] == [
        (RemedyKind.WAIT_FOR_QUOTA, "taker"),
        (RemedyKind.RAISE_QUOTA, "cq"),
        (RemedyKind.RAISE_PRIORITY, "train"),
    ]
    assert "high (50)" in told[2][2]
    assert [bool(each.tried.displaces) for each in found.remedies] == [False, False, True]


def test_who_was_preempted_for_one_that_was_preempted_itself_is_told_of_both() -> None:
    running = holding("high", "cq", gpus=8, priority=9)
    middle = queued("middle", gpus=8, priority=5, status=lost("InClusterQueue", "high"))
    found = answer([*platform(ALONE), *running, *middle, *queued(gpus=8, status=lost("InClusterQueue", "middle"))])
    assert (found.cause, found.facts["preempted_by"]) == ("preempted", "middle")
    assert ", and that for high since;" in found.summary


def test_a_flavor_of_machines_that_are_there_is_changed_and_a_wrong_value_mended() -> None:
    there = [node("n", labels={"kind": "a100"}), node("m", labels={"kind": "h100"}), *platform(ALONE, flavors=LABELLED)]
    asked = {value: answer([*there, *queued(nodeSelector={"kind": value})]) for value in ("h100", "a1000")}
    assert {value: (found.cause, found.remedies[0].kind) for value, found in asked.items()} == {
        "h100": ("flavor-mismatch", RemedyKind.CHANGE_FLAVOR),
        "a1000": ("flavor-mismatch", RemedyKind.FIX_SELECTOR),
    }


def test_a_device_by_a_wrong_name_is_found_outside_of_queues_too() -> None:
    found = explain(case_of([node("n"), *waiting(gpus=0, asks={"nvidia.com/gpus": "1"})]))
    assert found.cause == "wrong-resource-name"
    assert found.remedies[0].tried.starts is StartsWhen.NOW


def test_a_topology_that_is_never_close_enough_is_told_apart_from_one_that_is_taken() -> None:
    levels = thing("Topology", "t", levels=[{"nodeLabel": "rack"}, {"nodeLabel": "kubernetes.io/hostname"}])
    queue = platform(
        cluster_queue("cq", quota("f", 64)), flavors={"f": {"topologyName": "t", "nodeLabels": {"p": "x"}}}
    )
    nodes = [node(f"n{number}", labels={"rack": f"r{number}", "p": "x"}) for number in range(2)]
    asking = queued(pods=2, gpus=5)
    asking[1]["spec"]["podSets"][0]["topologyRequest"] = {"required": "rack"}
    found = BY_ID["topology-request-unsatisfiable"].find(case_of([levels, *queue, *nodes, *asking]))
    assert found is not None
    assert (found.never, found.verdict) == (True, CauseVerdict.MISCONFIGURED)
    asking[1]["spec"]["podSets"][0]["topologyRequest"] = {"preferred": "rack"}
    assert BY_ID["topology-request-unsatisfiable"].find(case_of([levels, *queue, *nodes, *asking])) is None


def test_what_does_not_lie_close_enough_is_told_though_another_flavor_was_looked_at_last() -> None:
    levels = thing("Topology", "t", levels=[{"nodeLabel": "rack"}, {"nodeLabel": "kubernetes.io/hostname"}])
    close = {"f": {"topologyName": "t", "nodeLabels": {"p": "x"}}, "g": {"topologyName": "t", "nodeLabels": {"p": "y"}}}
    queue = platform(cluster_queue("cq", quota("f", 64), quota("g", 64)), flavors=close)
    nodes = [node(f"n{number}", labels={"rack": f"r{number}", "p": "x"}) for number in range(2)]
    mine = queued(pods=3, gpus=4, nodeSelector={"p": "x"})
    key = "kueue.x-k8s.io/podset-required-topology"
    mine[0]["spec"]["template"].setdefault("metadata", {})["annotations"] = {key: "rack"}
    mine[1]["spec"]["podSets"][0]["topologyRequest"] = {"required": "rack"}
    found = answer([levels, *queue, *nodes, *mine])
    assert found.cause == "topology-request-unsatisfiable"
    helps = {(each.kind, each.tried.starts): each.patch for each in found.remedies}
    assert (RemedyKind.REDUCE_REQUEST, StartsWhen.NOW) in helps
    fewer = helps[RemedyKind.SPLIT_GANG, StartsWhen.NOW]
    assert fewer is not None
    assert fewer.body["spec"]["parallelism"] == 2


def test_the_most_is_of_a_flavor_that_takes_pods_without_a_topology() -> None:
    levels = thing("Topology", "t", levels=[{"nodeLabel": "rack"}])
    nodes = [node("n", labels={"p": "x", "rack": "r"}), node("m", labels={"p": "y"})]
    kinds = {"f": {"topologyName": "t", "nodeLabels": {"p": "x"}}, "g": {"nodeLabels": {"p": "y"}}}
    two = platform(cluster_queue("cq", quota("f", 4), quota("g", 2)), flavors=kinds)
    found = answer([levels, *nodes, *two, *queued(gpus=5)])
    assert (found.cause, found.facts["flavor"], found.facts["most_ever"]) == ("quota-larger-than-total", "g", 2)


CLOSE = "kueue.x-k8s.io/podset-required-topology"


def close_together(pods: int, *, gpus: int) -> list[Raw]:
    """A Job whose pods must lie in one rack."""
    mine = queued(pods=pods, gpus=gpus)
    mine[0]["spec"]["template"]["metadata"] = {"annotations": {CLOSE: "rack"}}
    mine[1]["spec"]["podSets"][0]["topologyRequest"] = {"required": "rack"}
    return mine


def test_without_a_topology_pods_do_not_say_how_close_they_lie() -> None:
    found = answer([*platform(ALONE), node("n"), *close_together(1, gpus=1)])
    assert (found.cause, len(found.remedies)) == ("topology-request-unsatisfiable", 1)
    patch = found.remedies[0].patch
    assert patch is not None
    assert patch.body["spec"]["template"]["metadata"]["annotations"][CLOSE] is None
    assert found.remedies[0].tried.starts is StartsWhen.NOW


def test_who_holds_a_rack_is_waited_for() -> None:
    levels = thing("Topology", "t", levels=[{"nodeLabel": "rack"}, {"nodeLabel": "kubernetes.io/hostname"}])
    kinds = {"f": {"topologyName": "t", "nodeLabels": {"p": "x"}}}
    queue = platform(cluster_queue("cq", quota("f", 64)), flavors=kinds)
    rack = [node(name, 4, labels={"rack": "r", "p": "x"}) for name in ("n", "m")]
    held = holding("busy", "cq", gpus=4, ran=False)
    lies = {"levels": ["kubernetes.io/hostname"], "domains": [{"values": ["n"], "count": 1}]}
    held[1]["status"]["admission"]["podSetAssignments"][0]["topologyAssignment"] = lies
    found = explain(case_of([levels, *queue, *rack, *held, *close_together(2, gpus=4)]))
    assert found.cause == "topology-request-unsatisfiable"
    waits = [each for each in found.remedies if each.kind is RemedyKind.WAIT_FOR_QUOTA]
    assert [each.summary for each in waits] == ["wait until busy ends"]


def test_who_says_nothing_of_topology_may_say_that_any_place_will_do() -> None:
    levels = thing("Topology", "t", levels=[{"nodeLabel": "kubernetes.io/hostname"}])
    kinds = {"f": {"topologyName": "t", "nodeLabels": {"p": "x"}}, "g": {"nodeLabels": {"p": "y"}}}
    queue = platform(cluster_queue("cq", quota("f", 64), quota("g", 0)), flavors=kinds)
    found = answer([levels, *queue, node("m", labels={"p": "x"}), *queued(gpus=4)])
    assert found.cause == "topology-request-unsatisfiable"
    assert (found.remedies[0].kind, found.remedies[0].tried.starts) == (RemedyKind.OTHER, StartsWhen.NOW)


def test_a_reservation_without_an_owner_is_a_ghost_at_once() -> None:
    ghost = holding("left", "cq", gpus=6, ran=False, since=NOW)[1]
    ghost["metadata"]["ownerReferences"] = []
    ghost["status"]["conditions"].append(condition("Evicted", reason="PodsReadyTimeout", at=NOW))
    assert answer([*platform(ALONE), ghost, *queued(gpus=4)]).cause == "ghost-reservation"


def test_the_subject_stays_what_it_was() -> None:
    case = case_of(CASES["quota-nominal"][0])
    explain(case)
    assert isinstance(case.subject, Job)
    assert not case.supposed


def test_pods_that_are_not_let_in_need_no_node() -> None:
    """Four of six get quota, and four GPUs are free."""
    objects = [node("n", 8), *platform(ALONE), *holding("busy", "cq", gpus=4), *queued(pods=6)]
    allowed = next(each for each in explain(case_of(objects)).remedies if "min-parallelism" in each.summary)
    assert allowed.tried.starts is StartsWhen.NOW


def test_a_limit_that_binds_beside_the_cohort_is_named() -> None:
    limited = {"nominalQuota": "8", "borrowingLimit": "4"}
    found = explain(case_of([*shared(limited, 6), *holding("busy", "cq", gpus=12), *queued(gpus=4)]))
    assert found.cause == "cohort-exhausted"
    assert "its borrowing limit of 4 binds; without it 2 would be" in found.summary
    free = explain(case_of([*shared(8, 6), *holding("busy", "cq", gpus=14), *queued(gpus=4)]))
    assert "borrowing limit" not in free.summary


def test_the_flavor_that_comes_nearest_is_named_where_none_is_ever_enough() -> None:
    queue = cluster_queue("cq", quota("small", 2), quota("large", 12))
    objects = [*platform(queue, flavors={"small": {}, "large": {}}), *holding("busy", "cq", gpus=12, flavor="large")]
    found = explain(case_of([*objects, *queued(gpus=14)]))
    assert (found.cause, found.facts["flavor"]) == ("quota-larger-than-total", "large")


def test_what_is_necessary_and_not_enough_is_told_where_nothing_else_helps() -> None:
    objects = [node("n", 16), *platform(ALONE)]
    (only,) = explain(case_of([*objects, *queued(gpus=9, queue="qq")])).remedies
    assert only.summary.startswith("set the queue label to q; not enough by itself")
    assert "can have 8" in only.summary
    enough = explain(case_of([*objects, *queued(gpus=8, queue="qq")])).remedies
    assert enough[0].summary == "set the queue label to q"


def test_what_can_never_be_there_is_told_before_what_is_in_use() -> None:
    """Its GPU is in use, and its CPU is more than the queue can ever have: it does not wait."""
    objects = [*platform(cluster_queue("cq", quota("f", 4, cpu="16"))), *holding("other", "cq", gpus=4)]
    found = explain(case_of([*objects, *queued(gpus=1, cpu="20")]))
    assert (found.cause, found.verdict) == ("quota-larger-than-total", CauseVerdict.MISCONFIGURED)
    assert found.facts["resource"] == "cpu"
    assert all(each.patch is None or each.patch.op is not PatchOp.WAIT for each in found.remedies)


def test_a_borrowing_limit_is_raised_no_further_than_others_lend() -> None:
    mine = cluster_queue("cq", quota("f", {"nominalQuota": "1", "borrowingLimit": "1"}), cohort="co")
    lends = cluster_queue("other", quota("f", {"nominalQuota": "2"}), cohort="co")
    found = answer([*platform(mine, lends), *holding("narrow", "cq", gpus=1), *queued(gpus=3)])
    raised = [each for each in found.remedies if each.kind is RemedyKind.RAISE_BORROWING_LIMIT]
    assert [each.summary.rpartition(": ")[2] for each in raised] == [f"{GPU} 1 → 2"]


@pytest.mark.parametrize("events", [False, True], ids=["counted", "events"])
def test_who_displaces_without_an_end_and_does_not_get_in_is_told_of_whom_and_how_often(events: bool) -> None:
    found = answer([*platform(FAIR), *again(18, "train", events=events), *queued(gpus=8, priority=9)])
    assert (found.cause, found.verdict) == ("preemption-livelock", CauseVerdict.MISCONFIGURED)
    assert found.summary.startswith("busy is displaced for it again and again, 18 times so far, and it does not get in")
    ends = [each for each in found.remedies if each.tried.starts is StartsWhen.NOW]
    assert {each.command.split(" -n")[0] for each in ends} >= {"kubectl delete job.batch/busy"}
    assert any('{"spec":{"active":false}}' in each.command and "workload" in each.command for each in ends)


def test_what_is_displaced_without_an_end_is_told_for_whom_and_starts_once_that_is_deactivated() -> None:
    mine = queued("mine", gpus=4, status=counted(18, lost("InCohortFairSharing", "train")), at=LATER)
    found = answer([*LOOP, *mine], "job/mine")
    assert (found.cause, found.facts["displaced"], found.facts["preempted_by"]) == ("preemption-livelock", 18, "train")
    stopped = next(each for each in found.remedies if "deactivate train" in each.summary)
    assert stopped.tried.starts is not StartsWhen.NO
    running_yet = explain(case_of([*LOOP, *mine], "job/busy"))
    assert running_yet.cause == "none"
    assert "18 times so far, the last time for train, which waits yet" in running_yet.summary


@pytest.mark.parametrize(
    "held",
    [
        again(2, "train", events=True),
        again(4, "train"),
        again(18, "gone"),
        holding(
            "busy",
            "cq",
            gpus=6,
            status=counted(
                18, {"conditions": [condition("QuotaReserved"), *lost("InCohortFairSharing", "train")["conditions"]]}
            ),
        ),
    ],
    ids=["twice", "seldom, for whomever", "for one that is gone", "on its way out for the first time"],
)
def test_what_was_displaced_seldom_or_for_others_is_no_livelock(held: list[Raw]) -> None:
    assert answer([*platform(FAIR), *held, *queued(gpus=8, priority=9)]).cause != "preemption-livelock"


def test_what_its_queue_says_of_the_moment_is_no_cause_of_what_is_displaced_without_an_end() -> None:
    """Between two times nothing keeps it; a queue that somebody has stopped since ends it."""
    there = [*LOOP, *queued("mine", gpus=2, status=counted(18, lost("InCohortFairSharing", "train")), at=LATER)]
    assert answer(there, "job/mine").cause == "preemption-livelock"
    stopped = cluster_queue("cq", quota("f", 8), stopPolicy="Hold")
    held = [stopped if each["kind"] == "ClusterQueue" else each for each in there]
    assert answer(held, "job/mine").cause == "queue-held"
