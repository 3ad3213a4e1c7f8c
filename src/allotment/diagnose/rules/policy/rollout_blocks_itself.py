"""A rollout waits for what its own old pods hold: none may go before a new one is ready, and there is no room for one.

What they hold is room on nodes, quota of their queue, or what a ResourceQuota of the namespace allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.queued_pods import queued_one_by_one
from allotment.diagnose.rollouts import RollingPace, of_earlier_template, old_ready, pace_of
from allotment.diagnose.rules.policy.amounts import written
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.quota_use import excesses, room_for
from allotment.diagnose.twins import twins_of
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Source
from allotment.model.observed.work import Replicas
from allotment.scheduling.snapshot.attempts import AttemptOutcome
from allotment.scheduling.snapshot.placement import is_waiting, waiting_pod
from allotment.scheduling.snapshot.placement_trials import tried

_MOST: Final = 16
"""Nodes of old pods that are tried."""


@dataclass(frozen=True, slots=True)
class OwnHolder:
    """An old pod that holds what a new one waits for.

    Attributes:
        lacks: who has none of it left, the subject of "has no … for one more".
        at: where that can be seen.
    """

    pod: Pod
    lacks: str
    at: Evidence
    fact: tuple[str, str]


def find(case: Case) -> Finding | None:
    """New pods wait, old pods run, no old pod may go, and with one gone a new one would have room."""
    each = case.subject
    pace = pace_of(each)
    if not isinstance(each, Replicas) or pace is None or pace.missing > 0 or len(case.running_pods) > pace.wanted:
        return None
    old = old_ready(case.index, each)
    if not old:
        return None
    earlier = of_earlier_template(case.index, each)
    new = [pod for pod in case.waiting_pods if pod.key not in earlier]
    holder = _on_node(case, new, old) or _in_queue(case, earlier, old) or _in_namespace(case, each, pace, earlier, old)
    if holder is None:
        return None
    target = reference_of(each)
    patch = {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}}
    return Finding(
        "rollout-blocks-itself",
        CauseVerdict.MISCONFIGURED,
        f"the rollout of {each.name} waits for what its own old pods hold: of {count(pace.wanted, 'replica')} none may "
        f"be missing (maxUnavailable), and {holder.lacks} for one more (maxSurge {pace.surge_text})",
        facts={
            "max_unavailable": 0,
            "max_surge": pace.surge_text,
            "replicas": pace.wanted,
            **({"waiting_pod": new[0].name} if new else {}),
            "old_pod": holder.pod.name,
            holder.fact[0]: holder.fact[1],
        },
        evidence=(
            Evidence(target, "spec.strategy.rollingUpdate.maxUnavailable", pace.missing, "no old pod goes first"),
            holder.at,
        ),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "let one old pod go first: maxUnavailable 1, maxSurge 0",
                target,
                Patch(PatchOp.MERGE, patch),
                effect=((reference_of(holder.pod), Patch(PatchOp.DELETE)),),
            ),
        ),
    )


def _on_node(case: Case, new: Sequence[Pod], old: Sequence[Pod]) -> OwnHolder | None:
    """Tried on the scheduler's twin, with the old pods of one node gone after those of another."""
    if not new or not is_waiting(new[0]) or not case.seen("nodes") or not case.seen_everywhere("pods"):
        return None
    view = case.twins.placement
    waiting = [waiting_pod(view, new[0])]
    if tried(view, waiting).refused is None:
        return None
    by_node = {pod.spec.node_name: pod for pod in old}
    for pod in islice(by_node.values(), _MOST):
        if tried(view, waiting, (pod.key,)).refused is None:
            seen = Evidence(reference_of(pod), "spec.nodeName", pod.spec.node_name, "an old pod that holds the room")
            return OwnHolder(pod, "no node has room", seen, ("node", pod.spec.node_name))
    return None


def _in_queue(case: Case, earlier: set[str], old: Sequence[Pod]) -> OwnHolder | None:
    """Tried on Kueue's twin, with one old pod and its Workload gone."""
    workload = next((each for pod, each in queued_one_by_one(case) if pod.key not in earlier), None)
    held = [
        (pod, each) for pod in old for each in case.index.workloads_of.get(pod.metadata.uid, ()) if each.holds_quota
    ]
    if workload is None or not held or case.twins.attempt(workload.key).outcome is AttemptOutcome.STARTS:
        return None
    pod, own = held[-1]
    objects = case.source.objects
    source = Source(
        objects=msgspec.structs.replace(
            objects,
            pods=tuple(each for each in objects.pods if each.key != pod.key),
            workloads=tuple(each for each in objects.workloads if each.key != own.key),
        )
    )
    without = twins_of(Index(source, case.index), case.twins.now)
    if without.attempt(workload.key).outcome is not AttemptOutcome.STARTS:
        return None
    queue = case.local_queue.spec.cluster_queue if case.local_queue is not None else ""
    seen = Evidence(reference_of(own), "status.admission.clusterQueue", queue, "the quota of an old pod")
    return OwnHolder(pod, f"the ClusterQueue {queue} has no quota", seen, ("cluster_queue", queue))


def _in_namespace(
    case: Case, each: Replicas, pace: RollingPace, earlier: set[str], old: Sequence[Pod]
) -> OwnHolder | None:
    """A new pod is to be made, and its quotas allow it only with an old one gone."""
    living = [pod for pod in case.pods if not pod.ended]
    before = sum(pod.key in earlier for pod in living)
    if len(living) - before >= min(pace.wanted, pace.wanted + pace.surge - before) or not case.seen("pods"):
        return None
    spec = admitted(case.index, case.namespace, each.spec.template.spec)
    over = next(iter(excesses(case, spec, 1)), None)
    pod = next((pod for pod in old if room_for(case.index, case.namespace, spec, (pod.key,))), None)
    if over is None or pod is None:
        return None
    hard, used = (written(over.resource, each) for each in (over.hard, over.used))
    seen = Evidence(reference_of(over.quota), f"spec.hard[{over.resource}]", hard, f"{used} is used")
    lacks = f"the ResourceQuota {over.quota.name} has no {over.resource}"
    return OwnHolder(pod, lacks, seen, ("resource_quota", over.quota.name))
