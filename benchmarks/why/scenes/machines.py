"""Scenes in which the scheduler finds no node, or a node is not as it should be."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.why.making import (
    A100,
    GPU,
    Raw,
    deployment,
    job,
    namespace,
    node,
    pod_spec,
    subject,
)
from benchmarks.why.scenes.states import (
    admitted,
    another_node,
    event_says,
    has_no_place,
    raw_node,
    wait_for,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage, now

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
AUTOSCALER_ISSUES = "https://github.com/kubernetes/autoscaler/issues"
KUBERNETES_ISSUES = "https://github.com/kubernetes/kubernetes/issues"
SINGLE = {
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb",
    "nvidia.com/mig.strategy": "single",
    "nvidia.com/mig.config": "all-1g.10gb",
}
CUT = (node("mig-a", 56, labels=SINGLE), node("mig-b", 56, labels=SINGLE))
SMALL = (
    *(node(name, 2, cpu="16", memory="128Gi") for name in ("gpu-a", "gpu-b")),
    node("cpu-a", 0, cpu="64", memory="256Gi"),
)
ONE_A100 = (node("gpu-a"), node("cpu-a", 0))
ZONED = tuple(node(f"gpu-{zone}", labels={**A100, "topology.kubernetes.io/zone": zone}) for zone in ("z1", "z2"))


def pool_whose_template_shows_no_gpu(stage: Stage) -> Played:
    """The pool of GPU machines stands at zero, and the autoscaler's picture of such a machine has no GPU in it."""
    mine = job("segment", "pathology", spec=pod_spec(1))
    stage.make(namespace("pathology"), mine)
    has_no_place(stage, "pathology", "segment", GPU)
    waiting = stage.get("pods", namespace="pathology")[0]
    groups = "".join(_node_group(*each) for each in (("cpu-pool", 1, 1, 6), ("gpu-pool", 0, 0, 4)))
    stage.make(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"},
            "data": {"status": f"time: {now()}\nautoscalerStatus: Running\nnodeGroups:\n{groups}"},
        },
        autoscaler_event(
            waiting,
            "NotTriggerScaleUp",
            f"pod didn't trigger scale-up (it wouldn't fit if a new node is added): 2 Insufficient {GPU}",
        ),
    )
    tag = Act(
        "other",
        "platform",
        f"tell the autoscaler that machines of gpu-pool have {GPU}",
        "signal",
        {"apiVersion": "", "kind": "NodeGroup", "name": "gpu-pool"},
        {"tag": f"k8s.io/cluster-autoscaler/node-template/resources/{GPU}=8"},
        steps=lambda live: live.make(raw_node("gpu-n1")),
    )
    return Played(
        mine,
        {"resource": GPU, "node_group": "gpu-pool", "size": 0, "max": 4},
        (tag, another_node("gpu-n1")),
        (
            Act(
                "raise-autoscaler-max",
                "platform",
                "raise gpu-pool's maximum to 8",
                "signal",
                {"apiVersion": "", "kind": "NodeGroup", "name": "gpu-pool"},
                {"maxSize": 8},
                steps=lambda _: None,
            ),
        ),
    )


def _node_group(name: str, size: int, least: int, most: int) -> str:
    return f"""- name: {name}
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: {size}
        ready: {size}
    cloudProviderTarget: {size}
    minSize: {least}
    maxSize: {most}
    lastProbeTime: "{now()}"
  scaleUp:
    status: NoActivity
    backoffInfo: {{}}
  scaleDown:
    status: NoCandidates
"""


def autoscaler_event(pod: Raw, reason: str, message: str) -> Raw:
    meta = pod["metadata"]
    about = {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.18a3f2c0b7d41e55", "namespace": meta["namespace"]},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "source": {"component": "cluster-autoscaler"},
        "type": "Normal",
        "count": 3,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
    }


def seventeen_with_two(stage: Stage) -> Played:
    """17 CPU and 2 GPUs in one pod; machines with GPUs have 16 CPU, those with more have no GPU."""
    mine = job("analyze", "code", spec=pod_spec(2, cpu="17"))
    stage.make(namespace("code"), mine)
    has_no_place(stage, "code", "analyze")
    return Played(
        mine,
        {"requested_cpu": 17, "requested": 2, "largest_cpu_with_gpu": 16},
        (
            Act(
                "reduce-request",
                "user",
                "ask for 16 CPU",
                "resubmit",
                subject(mine),
                job("analyze", "code", spec=pod_spec(2, cpu="16")),
            ),
        ),
        (another_node("gpu-c", gpus=2, cpu="16", memory="128Gi"),),
    )


def sliced_in_another_way(stage: Stage) -> Played:
    """GPUs are cut in slices that are counted as whole ones (strategy single); the job asks for a slice by its name."""
    slice_name = "nvidia.com/mig-1g.10gb"
    mine = job("rerank", "retrieval", spec=pod_spec(1, resource=slice_name))
    stage.make(namespace("retrieval"), mine)
    has_no_place(stage, "retrieval", "rerank", slice_name)
    return Played(
        mine,
        {"resource": slice_name, "strategy": "single"},
        (
            Act(
                "reduce-request",
                "user",
                f"ask for {GPU}: 1, which is a slice here",
                "resubmit",
                subject(mine),
                job("rerank", "retrieval", spec=pod_spec(1)),
            ),
        ),
        (another_node("mig-c", gpus=56, labels=SINGLE),),
    )


def rollout_without_room(stage: Stage) -> Played:
    """All GPUs are in use by the old pods; the rollout wants the new one first."""
    first = deployment("llm", "chat", 2, pod_spec(8), strategy=_strategy(1, 0))
    stage.make(namespace("chat"), first)
    stage.until("both run", lambda: stage.get("deployments.apps", "llm", "chat")["status"].get("readyReplicas") == 2)
    newer = pod_spec(8)
    newer["containers"][0]["image"] = "registry.example/train:2"
    patch = {"spec": {"template": {"spec": {"containers": newer["containers"]}}}}
    stage.patch(subject(first), patch)
    stage.until("a new pod finds no place", lambda: _new_pod_waits(stage))
    changed = deployment("llm", "chat", 2, newer, strategy=_strategy(1, 0))
    return Played(
        changed,
        {"max_surge": 1, "max_unavailable": 0, "free": 0, "requested": 8},
        (
            Act(
                "other",
                "user",
                "let the rollout take an old pod away first",
                "merge-patch",
                subject(first),
                {"spec": {"strategy": _strategy(0, 1)}},
            ),
            another_node("gpu-c"),
        ),
        (
            Act(
                "other",
                "user",
                "start the rollout anew",
                "merge-patch",
                subject(first),
                {
                    "spec": {
                        "template": {
                            "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-27T10:00:00Z"}}
                        }
                    }
                },
            ),
        ),
    )


def _strategy(surge: int, unavailable: int) -> Raw:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def _new_pod_waits(stage: Stage) -> bool:
    pods = stage.get("pods", namespace="chat")
    return len(pods) == 3 and any(
        c.get("reason") == "Unschedulable" for each in pods for c in each.get("status", {}).get("conditions", ())
    )


def high_and_preempts_nobody(stage: Stage) -> Played:
    """A pod of a high priority whose class preempts never; all GPUs are held by one of a low priority."""
    stage.make(
        namespace("ads"),
        *(
            priority_class(*each)
            for each in (
                ("scoring", 100000, "Never"),
                ("top", 900000, "Never"),
                ("online", 200000, ""),
                ("bulk", 10, ""),
            )
        ),
        job("embed", "ads", spec=pod_spec(8, priorityClassName="bulk")),
    )
    admitted(stage, "embed", namespace="ads")
    mine = job("ctr", "ads", spec=pod_spec(4, priorityClassName="scoring"))
    stage.make(mine)
    has_no_place(stage, "ads", "ctr", "preemptionPolicy=Never")
    return Played(
        mine,
        {"requested": 4, "priority_class": "scoring", "preemption_policy": "Never", "holders": ["ads/embed"]},
        (
            wait_for("embed", "ads", "wait-for-capacity"),
            Act(
                "raise-priority",
                "user",
                "use the class online, which may preempt",
                "resubmit",
                subject(mine),
                job("ctr", "ads", spec=pod_spec(4, priorityClassName="online")),
            ),
            another_node("gpu-b"),
        ),
        (
            Act(
                "raise-priority",
                "user",
                "use the class top, the highest there is",
                "resubmit",
                subject(mine),
                job("ctr", "ads", spec=pod_spec(4, priorityClassName="top")),
            ),
        ),
    )


def priority_class(name: str, value: int, policy: str) -> Raw:
    body: Raw = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
    }
    return {**body, **({"preemptionPolicy": policy} if policy else {})}


def spread_over_more_zones(stage: Stage) -> Played:
    """The pods are to be in three zones, one more each time; there are two zones."""

    def spread(what: str, **more: Any) -> Raw:
        rule = {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": what,
            "labelSelector": {"matchLabels": {"app": "vote"}},
            **more,
        }
        return pod_spec(2, topologySpreadConstraints=[rule])

    mine = job("vote", "ensembles", pods=3, spec=spread("DoNotSchedule", minDomains=3))
    stage.make(namespace("ensembles"), mine)
    has_no_place(stage, "ensembles", "vote", "topology spread")
    third = {**A100, "topology.kubernetes.io/zone": "z3"}
    return Played(
        mine,
        {"max_skew": 1, "zones": 2, "min_domains": 3},
        (
            Act(
                "other",
                "user",
                "spread where it can be (ScheduleAnyway)",
                "resubmit",
                subject(mine),
                job("vote", "ensembles", pods=3, spec=spread("ScheduleAnyway")),
            ),
            another_node("gpu-c", labels=third),
        ),
        (
            Act(
                "reduce-request",
                "user",
                "ask for one GPU a pod",
                "resubmit",
                subject(mine),
                job(
                    "vote",
                    "ensembles",
                    pods=3,
                    spec={
                        **pod_spec(1),
                        "topologySpreadConstraints": spread("DoNotSchedule", minDomains=3)["topologySpreadConstraints"],
                    },
                ),
            ),
        ),
    )


def deadline_while_waiting(stage: Stage) -> Played:
    """The deadline counts from the start of the Job; its pod waited for a GPU until it was over."""
    stage.make(namespace("chem"), job("dock-1", "chem", spec=pod_spec(8), run_for="25s"))
    admitted(stage, "dock-1", namespace="chem")
    mine = job("dock-2", "chem", spec=pod_spec(8), activeDeadlineSeconds=8)
    stage.make(mine)
    has_no_place(stage, "chem", "dock-2")
    event_says(stage, "chem", "Job was active longer than specified deadline")
    stage.until("the other has ended", lambda: stage.get("jobs.batch", "dock-1", "chem")["status"].get("succeeded"))
    time.sleep(1)
    return Played(
        mine,
        {"deadline_seconds": 8, "reason": "DeadlineExceeded"},
        (
            Act(
                "other",
                "user",
                "submit it again with a deadline of an hour",
                "resubmit",
                subject(mine),
                job("dock-2", "chem", spec=pod_spec(8), activeDeadlineSeconds=3600),
            ),
        ),
        (another_node("gpu-b"),),
    )


SITUATIONS = (
    Situation(
        "s22",
        "autoscaler-template-lacks-resource",
        "autoscaler",
        "misconfigured",
        f"{AUTOSCALER_ISSUES}/5278",
        pool_whose_template_shows_no_gpu,
        (node("cpu-a", 0),),
        written="the autoscaler's event and its status ConfigMap",
    ),
    Situation(
        "s23",
        "no-machine-of-that-shape",
        "scheduler",
        "misconfigured",
        "https://github.com/aws/karpenter-provider-aws/issues/8064",
        seventeen_with_two,
        SMALL,
    ),
    Situation(
        "s24",
        "mig-mismatch",
        "scheduler",
        "misconfigured",
        "https://github.com/kai-scheduler/KAI-Scheduler/issues/1876",
        sliced_in_another_way,
        CUT,
    ),
    Situation(
        "s25",
        "rollout-blocks-itself",
        "submission",
        "misconfigured",
        "https://github.com/defilantech/LLMKube/issues/192",
        rollout_without_room,
        TWO_A100,
    ),
    Situation(
        "s27",
        "priority-preempts-nothing",
        "scheduler",
        "waiting",
        "https://github.com/openshift/openshift-docs/pull/27676",
        high_and_preempts_nobody,
        ONE_A100,
    ),
    Situation(
        "s32",
        "topology-spread",
        "scheduler",
        "misconfigured",
        f"{KUBERNETES_ISSUES}/114788",
        spread_over_more_zones,
        ZONED,
    ),
    Situation(
        "s33",
        "job-deadline-exceeded",
        "pod",
        "misconfigured",
        f"{KUBERNETES_ISSUES}/111948",
        deadline_while_waiting,
        ONE_A100,
    ),
)
