"""From objects as the API server sends them to the queueing twin: small clusters, one thing out of order in each."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Gap, Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.queueing.inputs import DomainCount, FairStrategy
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlement, attempt
from allotment.scheduling.snapshot.queueing import QueueingView, engine, queueing_view
from allotment.scheduling.snapshot.queues import rings
from allotment.scheduling.snapshot.standing import OutOfQueue
from allotment.scheduling.snapshot.tables import FlavorVerdict, QuotaNumber, flavor_table, smallest_fitting

NOW = "2026-11-22T12:00:00Z"
GPU = "nvidia.com/gpu"
KUEUE = "kueue.x-k8s.io/v1beta2"


def an(kind: str, name: str, spec: dict[str, Any], namespace: str = "", version: str = KUEUE, **more: Any) -> Any:
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-11-22T10:00:00Z"}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, **more}


def quota(nominal: int | str, **limits: Any) -> dict[str, Any]:
    return {"name": GPU, "nominalQuota": nominal, **limits}


def a_queue(name: str = "cq", nominal: int = 8, flavors: tuple[str, ...] = ("a100",), **spec: Any) -> Any:
    limits = {key: spec.pop(key) for key in ("borrowingLimit", "lendingLimit") if key in spec}
    group = {
        "coveredResources": [GPU],
        "flavors": [{"name": each, "resources": [quota(nominal, **limits)]} for each in flavors],
    }
    return an("ClusterQueue", name, {"resourceGroups": [group], "namespaceSelector": {}, **spec})


def a_job(name: str, gpus: int | str = 4, count: int = 1, *, queue: str = "lq", **more: Any) -> Any:
    template = {"spec": {"containers": [{"resources": {"requests": {GPU: gpus}}}], **more.pop("pod", {})}}
    pod_set = {"name": "main", "count": count, "template": template, **more.pop("pod_set", {})}
    return an("Workload", name, {"queueName": queue, "podSets": [pod_set], **more.pop("spec", {})}, "team", **more)


def conditions(**said: str) -> list[dict[str, str]]:
    return [
        {"type": kind, "status": value.split()[0], "reason": value.split()[-1], "lastTransitionTime": NOW}
        for kind, value in said.items()
    ]


def holding(gpus: int = 4, count: int = 1, flavor: str = "a100", **assigned: Any) -> dict[str, Any]:
    given = {"name": "main", "count": count, "flavors": {GPU: flavor}, "resourceUsage": {GPU: gpus * count}, **assigned}
    return {
        "admission": {"clusterQueue": "cq", "podSetAssignments": [given]},
        "conditions": conditions(QuotaReserved="True", Admitted="True"),
    }


def cluster(*objects: Any, without: tuple[str, ...] = (), gaps: tuple[Gap, ...] = ()) -> QueueingView:
    """A small cluster in order; objects that are given stand in place of those of the same kind and name."""
    base = [
        an("Namespace", "team", {}, version="v1"),
        an("ResourceFlavor", "a100", {"nodeLabels": {"gpu": "a100"}}),
        an("LocalQueue", "lq", {"clusterQueue": "cq"}, "team"),
        a_queue(),
    ]
    given = {(each["kind"], each["metadata"]["name"]) for each in objects}
    kept = [each for each in base if (each["kind"], each["metadata"]["name"]) not in given]
    gathered = Gathered()
    gathered.take_any(each for each in [*kept, *objects] if each["kind"] not in without)
    assert not gathered.gaps
    return queueing_view(Source(objects=gathered.objects(), gaps=gaps), NOW)


FORBIDDEN = (Gap(what="clusterqueues", reason="forbidden"),)
LIMITS = an("LimitRange", "lr", {"limits": [{"type": "Container", "max": {GPU: 2}}]}, "team", "v1")
RING = [an("Cohort", "a", {"parentName": "b"}), an("Cohort", "b", {"parentName": "a"})]
REQUEUED = {"requeueState": {"requeueAt": "2026-11-22T12:05:00Z"}}

OUT: dict[str, tuple[OutOfQueue, QueueingView]] = {
    "finished": (OutOfQueue.FINISHED, cluster(a_job("w", status={"conditions": conditions(Finished="True Failed")}))),
    "deactivated": (OutOfQueue.DEACTIVATED, cluster(a_job("w", spec={"active": False}))),
    "deactivated frees its quota at once": (
        OutOfQueue.DEACTIVATED,
        cluster(a_job("w", spec={"active": False}, status=holding())),
    ),
    "no local queue": (OutOfQueue.NO_LOCAL_QUEUE, cluster(a_job("w", queue="typo"))),
    "local queue stopped": (
        OutOfQueue.LOCAL_QUEUE_STOPPED,
        cluster(an("LocalQueue", "lq", {"clusterQueue": "cq", "stopPolicy": "Hold"}, "team"), a_job("w")),
    ),
    "no cluster queue": (OutOfQueue.NO_CLUSTER_QUEUE, cluster(a_job("w"), without=("ClusterQueue",))),
    "cluster queues may not be read": (
        OutOfQueue.NOT_SEEN,
        cluster(a_job("w"), without=("ClusterQueue",), gaps=FORBIDDEN),
    ),
    "cluster queue stopped": (OutOfQueue.QUEUE_STOPPED, cluster(a_queue(stopPolicy="HoldAndDrain"), a_job("w"))),
    "flavor missing": (OutOfQueue.QUEUE_INACTIVE, cluster(a_queue(flavors=("a100", "h100")), a_job("w"))),
    "check missing": (OutOfQueue.QUEUE_INACTIVE, cluster(a_queue(admissionChecks=["budget"]), a_job("w"))),
    "cohorts in a ring": (OutOfQueue.QUEUE_INACTIVE, cluster(*RING, a_queue(cohortName="a"), a_job("w"))),
    "namespace not selected": (
        OutOfQueue.NAMESPACE_MISMATCH,
        cluster(a_queue(namespaceSelector={"matchLabels": {"team": "nlp"}}), a_job("w")),
    ),
    "no selector selects nothing": (
        OutOfQueue.NAMESPACE_MISMATCH,
        cluster(a_queue(namespaceSelector=None), a_job("w")),
    ),
    "limit range": (OutOfQueue.LIMIT_RANGE, cluster(LIMITS, a_job("w"))),
    "sent back until later": (OutOfQueue.BACKING_OFF, cluster(a_job("w", status=REQUEUED))),
    "sent back for good": (
        OutOfQueue.NOT_REQUEUED,
        cluster(a_job("w", status={"conditions": conditions(Requeued="False Deactivated")})),
    ),
    "check rejected": (
        OutOfQueue.CHECK_FAILED,
        cluster(a_job("w", status={"admissionChecks": [{"name": "budget", "state": "Rejected"}]})),
    ),
}
COHORTS = {
    # name: (cohorts with their parents, those in a ring or below one)
    "none": ({"a": "", "b": "a", "c": "gone"}, ""),
    "of itself": ({"a": "a", "b": "a", "c": ""}, "ab"),
    "below a ring": ({"a": "b", "b": "c", "c": "a", "d": "b", "e": "d", "f": "g", "g": ""}, "abcde"),
}


@pytest.mark.parametrize(("parents", "ringed"), COHORTS.values(), ids=COHORTS)
def test_cohorts_in_a_ring(parents: dict[str, str], ringed: str) -> None:
    gathered = Gathered()
    gathered.take_any([an("Cohort", name, {"parentName": above}) for name, above in parents.items()])
    source = Source(name="here", observed_at=NOW, objects=gathered.objects(), gaps=gathered.gaps)
    assert rings(Index(source)) == set(ringed)


IN_QUEUE = ("cluster queue stopped", "flavor missing", "check missing", "cohorts in a ring")


@pytest.mark.parametrize("name", OUT)
def test_why_a_workload_is_not_tried(name: str) -> None:
    reason, view = OUT[name]
    assert view.absent["team/w"].reason is reason
    assert not view.running
    assert [each.name for each in view.pending] == (["team/w"] if name in IN_QUEUE else [])
    assert attempt(view, "team/w").outcome is AttemptOutcome.OUT_OF_QUEUE


def used(view: QueueingView) -> int:
    return engine(view)[0].queue_usage("cq").get(("a100", GPU), 0)


def reserved() -> dict[str, Any]:
    return {**holding(), "conditions": conditions(QuotaReserved="True")}


USED: dict[str, tuple[int, Any]] = {
    "all of a gang": (6, a_job("w", 2, 3, status=holding(2, 3))),
    "what was written, not what the template says now": (4, a_job("w", 9, status=holding(4))),
    "fewer pods than it asked for": (4, a_job("w", 2, 3, status=holding(2, 2))),
    "pods that are done give theirs back": (
        2,
        a_job("w", 2, 3, status={**holding(2, 3), "reclaimablePods": [{"name": "main", "count": 2}]}),
    ),
    "while it waits for its checks": (4, a_job("w", status=reserved())),
    "while it is evicted": (
        4,
        a_job("w", status={**holding(), "conditions": conditions(QuotaReserved="True", Evicted="True Preempted")}),
    ),
}


@pytest.mark.parametrize("name", USED)
def test_what_one_that_holds_quota_uses(name: str) -> None:
    expected, job = USED[name]
    view = cluster(job)
    assert used(view) == expected
    assert view.running[0].evicted is (name == "while it is evicted")
    assert ("team/w" in view.absent) is (name in ("while it waits for its checks", "while it is evicted"))


def test_the_order_of_those_that_wait() -> None:
    jobs = [
        a_job("old"),
        a_job("young"),
        a_job("high", spec={"priority": 10}),
        a_job("not-ready", status={"conditions": conditions(Evicted="True PodsReadyTimeout")}),
        a_job("preempted", status={"conditions": conditions(Evicted="True Preempted")}),
    ]
    jobs[0]["metadata"]["creationTimestamp"] = "2026-11-22T09:00:00Z"
    jobs[4]["metadata"]["creationTimestamp"] = "2026-11-22T08:00:00Z"
    view = cluster(*jobs)
    assert [each.name.partition("/")[2] for each in view.pending] == ["high", "preempted", "old", "young", "not-ready"]


def test_the_last_preemptor_stands_first_in_a_best_effort_queue() -> None:
    refused = conditions(QuotaReserved="False Pending")
    refused[0]["message"] = "no room. Pending the preemption of 1 workload(s)"
    jobs = [a_job("high", spec={"priority": 9}), a_job("preemptor", status={"conditions": refused})]
    assert [each.name for each in cluster(*jobs).pending] == ["team/preemptor", "team/high"]
    strict = cluster(a_queue(queueingStrategy="StrictFIFO"), *jobs)
    assert [each.name for each in strict.pending] == ["team/high", "team/preemptor"]


def test_defaults_of_the_namespace_and_overhead_count() -> None:
    queue = a_queue()
    group = queue["spec"]["resourceGroups"][0]
    group["coveredResources"].append("cpu")
    group["flavors"][0]["resources"].append({"name": "cpu", "nominalQuota": 10})
    limits = {"limits": [{"type": "Container", "defaultRequest": {"cpu": "1500m"}, "default": {"cpu": 2}}]}
    runtime = {**an("RuntimeClass", "kata", {}, version="node.k8s.io/v1"), "overhead": {"podFixed": {"cpu": "250m"}}}
    job = a_job("w", pod={"runtimeClassName": "kata"})
    view = cluster(queue, an("LimitRange", "lr", limits, "team", "v1"), runtime, job)
    assert dict(view.pending[0].pod_sets[0].requests) == {GPU: 4, "cpu": 1750}


CONFIG = """
fairSharing: {preemptionStrategies: [LessThanInitialShare]}
resources:
  excludeResourcePrefixes: [example.com/]
  transformations:
  - {input: nvidia.com/mig-1g.5gb, strategy: Replace, outputs: {nvidia.com/gpu: "1", credits: 500m}}
featureGates: {PartialAdmission: false, LocalQueueMetrics: true}
"""


def test_what_was_read_in_a_namespace_is_not_told_as_unread() -> None:
    gaps = (
        *(Gap(what=each, reason="forbidden") for each in ("clusterqueues", "workloads", "localqueues")),
        Gap(what="localqueues", namespace="team", reason="forbidden"),
    )
    view = queueing_view(Source(name="test", gaps=gaps, namespaces=("team",)), NOW)
    assert view.unmodelled[-2:] == (
        "workloads were read in team alone",
        "not everything could be read: clusterqueues, localqueues",
    )


def test_kueues_configuration_is_followed_and_the_rest_named() -> None:
    config = an("ConfigMap", "kueue-manager-config", {}, "kueue-system", "v1")
    config["data"] = {"controller_manager_config.yaml": CONFIG}
    container = {"image": "registry.example/kueue/kueue:v0.17.3"}
    deployment = an(
        "Deployment", "kueue", {"template": {"spec": {"containers": [container]}}}, "kueue-system", "apps/v1"
    )
    requests = {"nvidia.com/mig-1g.5gb": 3, "example.com/licence": 1}
    job = a_job("w", pod={"containers": [{"resources": {"requests": requests}}]})
    view = cluster(config, deployment, job)
    assert view.settings.version == "0.17"
    assert view.settings.fair_sharing
    assert view.settings.fair_strategies == (FairStrategy.LESS_THAN_INITIAL_SHARE,)
    assert dict(view.pending[0].pod_sets[0].requests) == {GPU: 3, "credits": 2}
    assert view.unmodelled == ("feature gates set by hand are not modelled: PartialAdmission",)
    assert not cluster().settings.fair_sharing
    shares = {**a_queue(), "status": {"fairSharing": {"weightedShare": 0}}}
    assert cluster(shares).settings.fair_sharing, "ClusterQueues that show a share tell it without the configuration"


ROWS = {"domains": [{"values": ["n1"], "count": 2}, {"values": ["n2"], "count": 1}]}
COLUMNS = {
    "slices": [
        {
            "domainCount": 2,
            "valuesPerLevel": [{"individual": {"prefix": "n", "roots": ["1", "2"]}}],
            "podCounts": {"individual": [2, 1]},
        }
    ]
}


@pytest.mark.parametrize("form", [ROWS, COLUMNS])
def test_both_forms_of_a_topology_assignment_use_the_nodes(form: dict[str, Any]) -> None:
    levels = ["block", "kubernetes.io/hostname"]

    def node(name: str, **spec: Any) -> Any:
        made = an("Node", name, spec, version="v1")
        made["metadata"]["labels"] = {"gpu": "a100", "block": "b1", "kubernetes.io/hostname": name}
        ready = [{"type": "Ready", "status": "True"}]
        return {**made, "status": {"allocatable": {GPU: 4, "pods": 10}, "conditions": ready}}

    other = an("Pod", "daemon", {"nodeName": "n2", "containers": [{"resources": {"requests": {GPU: 1}}}]}, "x", "v1")
    pod_set = {"topologyRequest": {"required": "kubernetes.io/hostname"}}
    view = cluster(
        an("ResourceFlavor", "a100", {"nodeLabels": {"gpu": "a100"}, "topologyName": "dc"}),
        an("Topology", "dc", {"levels": [{"nodeLabel": each} for each in levels]}),
        node("n1"),
        node("n2"),
        node("cordoned", unschedulable=True),
        other,
        a_job("holds", 1, 3, pod_set=pod_set, status=holding(1, 3, topologyAssignment={"levels": levels[1:], **form})),
        a_job("fits", 1, 2, pod_set=pod_set),
        a_job("too-close", 1, 3, pod_set=pod_set),
    )
    assert view.running[0].pod_sets[0].domains == (DomainCount(("n1",), 2), DomainCount(("n2",), 1))
    assert attempt(view, "team/fits", alone=True).pod_sets[0].domains[0].count == 2
    assert attempt(view, "team/too-close", alone=True).cause is Cause.TOPOLOGY_PLACEMENT_FAILED
    assert [line.verdict for line in flavor_table(view, "team/too-close")] == [FlavorVerdict.MISMATCH]


FORBIDDEN = Gap(what="topologies", reason="forbidden")


@pytest.mark.parametrize(
    ("seen", "gaps", "active"),
    [
        ((), (FORBIDDEN,), True),
        ((an("Topology", "dc", {}),), (), True),
        ((an("Topology", "other", {"levels": [{"nodeLabel": "rack"}]}),), (), False),
    ],
    ids=["may not be listed", "without levels", "not there"],
)
def test_a_topology_that_is_not_seen_leaves_the_quota_to_count(
    seen: tuple[Any, ...], gaps: tuple[Gap, ...], *, active: bool
) -> None:
    pod_set = {"topologyRequest": {"required": "rack"}}
    given = holding(1, 3, topologyAssignment={"levels": ["rack"], "domains": [{"values": ["r1"], "count": 3}]})
    view = cluster(
        an("ResourceFlavor", "a100", {"nodeLabels": {"gpu": "a100"}, "topologyName": "dc"}),
        *seen,
        a_job("holds", 1, 3, pod_set=pod_set, status=given),
        a_job("fits", 5, pod_set=pod_set),
        a_job("too-many", 6, pod_set=pod_set),
        gaps=gaps,
    )
    fits, too_many = (attempt(view, f"team/{name}", alone=True) for name in ("fits", "too-many"))
    assert view.inactive["cq"].active is active
    assert (fits.outcome is AttemptOutcome.STARTS) is active
    assert too_many.outcome is not AttemptOutcome.STARTS
    assert 'levels of topology "dc" were not seen' in " ".join(view.unmodelled)
    assert view.unlevelled == {"a100": "dc"}


def test_who_is_preempted_for_whom_and_who_is_not_reached() -> None:
    strict = a_queue(queueingStrategy="StrictFIFO", preemption={"withinClusterQueue": "LowerPriority"})
    first = a_job("first", 16, spec={"priority": 1})
    view = cluster(strict, a_job("runs", 8, status=holding(8)), a_job("high", 8, spec={"priority": 5}), first)
    settled = Settlement(view)
    high = settled.of("team/high")
    assert high.outcome is AttemptOutcome.STARTS
    assert [each.workload for each in high.victims] == ["team/runs"]
    assert settled.of("team/first").cause is Cause.EXCEEDS_MAX_QUOTA
    behind = settled.of("team/runs")
    assert (behind.outcome, behind.instead) == (AttemptOutcome.NOT_REACHED, "")
    pending = Settlement(view, evicting=False).of("team/high")
    assert pending.message.endswith("Pending the preemption of 1 workload(s)")


def test_every_flavor_has_its_line_and_the_smallest_change_is_found() -> None:
    objects = [
        an("ResourceFlavor", "h100", {"nodeLabels": {"gpu": "h100"}}),
        a_queue(flavors=("a100", "h100"), nominal=4, cohortName="org", borrowingLimit=1),
        a_queue("other", flavors=("a100", "h100"), nominal=4, cohortName="org", lendingLimit=3),
        a_job("runs", 2, status=holding(2)),
        a_job("w", 5, pod={"nodeSelector": {"gpu": "a100"}}),
    ]
    view = cluster(*copy.deepcopy(objects))
    one, two = flavor_table(view, "team/w")
    assert (one.flavor, one.verdict) == ("a100", FlavorVerdict.IN_USE)
    assert one.reasons == ("insufficient unused quota for nvidia.com/gpu in flavor a100, 2 more needed",)
    assert (one.limits[0].used, one.limits[0].available, one.limits[0].most, one.limits[0].short) == (2, 3, 5, 2)
    assert (two.flavor, two.verdict) == ("h100", FlavorVerdict.MISMATCH)
    changes = [(each.number, each.before, each.after) for each in smallest_fitting(view, "team/w")]
    assert changes == [(QuotaNumber.BORROWING_LIMIT, 1, 3), (QuotaNumber.NOMINAL, 4, 6)]
