"""What Kueue and kube-scheduler say themselves, where the twins cannot decide for want of what they rest on.

A member who may read only her own namespace sees no nodes and no ClusterQueues; the pod and the Workload still carry
the verdict of who does. It is the best evidence then, and never more than likely: it may be old, and it has no numbers
of the nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.rules.quota.taken_away import told_by_kueue
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar, last_word
from allotment.diagnose.rules.scheduler.smaller import asking_less, rounded
from allotment.diagnose.rules.storage.claims import bound, claim_of, class_name, uses
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference, condition
from allotment.model.observed.pods import Pod, PodSpec
from allotment.model.observed.queueing import Workload
from allotment.scheduling.placement.selectors import node_admitted
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.placement_shapes import node_affinity
from allotment.scheduling.snapshot.quantities import units

_MISCONFIGURED: Final = CauseVerdict.MISCONFIGURED
_WAITING: Final = CauseVerdict.WAITING
_TOO_LARGE: Final = (
    r"insufficient quota for (?P<resource>\S+) in flavor (?P<flavor>\S+), previously considered podsets requests "
    r"\((?P<before>\S+)\) \+ current podset request \((?P<asked>\S+)\) > maximum capacity \((?P<most>\S+)\)"
)
_INACTIVE: Final = r"ClusterQueue (?P<cluster_queue>\S+) is inactive"
_KUEUE: Final = (
    (r"LocalQueue (?P<local_queue>\S+) doesn't exist", "queue-missing", _MISCONFIGURED,
     "the LocalQueue {local_queue} does not exist"),
    (r"ClusterQueue (?P<cluster_queue>\S+) doesn't exist", "localqueue-points-to-missing-clusterqueue", _MISCONFIGURED,
     "the ClusterQueue {cluster_queue} does not exist"),
    (r"LocalQueue (?P<local_queue>\S+) is inactive", "localqueue-held", _MISCONFIGURED,
     "the LocalQueue {local_queue} is stopped: it admits nothing"),
    (_INACTIVE, "queue-held", _MISCONFIGURED, "the ClusterQueue {cluster_queue} is inactive: it admits nothing"),
    (r"namespace doesn't match ClusterQueue selector", "namespace-selector-mismatch", _MISCONFIGURED,
     "the ClusterQueue does not take work of this namespace"),
    (r"resource (?P<resource>\S+) unavailable in ClusterQueue", "resource-not-covered", _MISCONFIGURED,
     "the ClusterQueue has no quota of {resource}"),
    (r"Pending the preemption of (?P<victims>\d+) workload", "preemption-pending", _WAITING,
     "{victims} others are being preempted for it"),
    (r"insufficient unused quota for (?P<resource>\S+) in flavor (?P<flavor>\S+), (?P<missing>\S+) more needed",
     "cohort-exhausted", _WAITING, "{missing} more {resource} of flavor {flavor} would have to be free"),
    (_TOO_LARGE, "quota-larger-than-total", _MISCONFIGURED,
     "it asks for {asked} {resource}, and flavor {flavor} has {most} at most"),
    (r"untolerated taint (?P<taint>.+?) in flavor (?P<flavor>[^,;.]+)", "flavor-taint-not-tolerated", _MISCONFIGURED,
     "the taint {taint} of flavor {flavor} is not tolerated"),
    (r"topology \"(?P<topology>[^\"\s]+)\" (?:doesn't allow to fit any|allows to fit only)",
     "topology-request-unsatisfiable", _WAITING,
     "topology {topology} has no room for its pods as close together as they must be"),
    (r"flavor (?P<flavor>\S+) doesn't match node affinity", "flavor-mismatch", _MISCONFIGURED,
     "flavor {flavor} has not the labels that its pods select"),
)  # fmt: skip
"""What Kueue says of a Workload, the mildest of what flavors refuse for first: (pattern, cause, verdict, words)."""

_FREED: Final = frozenset(
    {"cohort-exhausted", "gpu-all-in-use", "cpu-all-in-use", "memory-all-in-use", "preemption-pending",
     "claim-unallocatable", "autoscaler-at-max", "autoscaler-out-of-stock", "autoscaler-scaling-up"}
)  # fmt: skip
"""Causes that pass when others end, or a node comes."""
_HEAD: Final = re.compile(r"^0/(\d+) nodes are available: ")
_COUNTED: Final = re.compile(r"(\d+) ((?:Insufficient|Too many|No preemption|Preemption|node\(s\))(?:(?!, |\. ).)*)")
_EACH: Final = re.compile(r"(?:^|, )(\d+) ((?:(?!, \d).)*)")
_CLAIMS: Final = "cannot allocate all claims"
_NOT_FOR_IT: Final = frozenset({"gpu-taint-not-tolerated", "node-cordoned", "node-affinity-no-match"})
"""Causes that nodes are passed over for before anything else is looked at."""
_SHORT: Final = "Insufficient "
_DISK: Final = "ephemeral-storage"
_SIZES: Final = {"cpu": "CPU", "memory": "memory"}
"""Words for what a node has that is no device."""
_DEVICE: Final = ("gpu", "mig-", "tpu", "neuron", "gaudi", "npu")
_NODES: Final = (
    ("Insufficient cpu", "cpu-all-in-use", _WAITING, "too little CPU is free"),
    ("Insufficient memory", "memory-all-in-use", _WAITING, "too little memory is free"),
    ("Insufficient ephemeral-storage", "insufficient-ephemeral-storage", _WAITING, "too little local disk is free"),
    ("Too many pods", "too-many-pods", _WAITING, "there are as many pods as may be"),
    ("node(s) didn't have free ports", "host-port-conflict", _WAITING, "a port that it wants is taken"),
    ("node(s) didn't match pod affinity rules", "pod-affinity-unsatisfied", _WAITING,
     "the pods are missing that it wants beside it"),
    ("node(s) didn't match pod anti-affinity", "pod-anti-affinity", _WAITING, "pods run that it keeps away from"),
    ("node(s) didn't satisfy existing pods anti-affinity", "pod-anti-affinity", _WAITING,
     "pods run that keep it away"),
    ("node(s) didn't match pod topology spread", "topology-spread", _WAITING, "it would be spread too unevenly"),
    ("node(s) exceed max volume count", "too-many-volumes", _WAITING, "there are as many volumes as may be"),
    ("node(s) had untolerated taint", "gpu-taint-not-tolerated", _MISCONFIGURED, "it does not tolerate their taint"),
    ("node(s) were unschedulable", "node-cordoned", _WAITING, "they are cordoned"),
    ("node(s) didn't match Pod's node affinity/selector", "node-affinity-no-match", _MISCONFIGURED,
     "they have not the labels that it selects"),
)  # fmt: skip
"""Why kube-scheduler passes nodes over, what keeps those that came nearest first: (how it begins, cause, verdict,
words)."""
_SELECTS: Final = "node(s) didn't match Pod's node affinity/selector"
_POOLS: Final = (
    (PoolBar.LIMIT, "autoscaler-at-max", _WAITING, "a NodePool has as much as its limits let it"),
    (PoolBar.STOCK, "autoscaler-out-of-stock", _WAITING, "the cloud has no machine to give that would do"),
    (PoolBar.TAINT, "gpu-taint-not-tolerated", _MISCONFIGURED, "it does not tolerate a taint of nodes to be made"),
    (PoolBar.SIZE, "autoscaler-no-group-matches", _MISCONFIGURED, "no machine that it may have is as large"),
    (PoolBar.LABEL, "autoscaler-no-group-matches", _MISCONFIGURED, "no NodePool makes nodes such as it selects"),
)  # fmt: skip
"""What keeps NodePools from making a node, the nearest to one first: (what, cause, verdict, words)."""
_QUEUES: Final = "kueue.x-k8s.io/v1beta2"
_COMES_WITHIN: Final = 1200.0
"""Seconds in which a node has come that Karpenter spoke of."""
_Heard = tuple[str, CauseVerdict, str, Mapping[str, Any]]
"""Cause, verdict, words, facts."""
_CLAIM: Final = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_UNBOUND: Final = "pod has unbound immediate PersistentVolumeClaims"


def heard(case: Case) -> Iterator[Finding]:
    """What is said of the subject, one cause each of Kueue and of the scheduler; nothing of a case only supposed."""
    if case.supposed:
        return
    workload = _waiting_workload(case)
    if workload is not None:
        yield from _of_kueue(case, workload)
    # Who makes nodes says more than who finds none.
    yield from tuple(_of_karpenter(case)) or _of_scheduler(case)


def _waiting_workload(case: Case) -> Workload | None:
    """The subject's Workload without quota, or one of its pods': Kueue queues pods of a Deployment one by one."""
    if case.workload is not None:
        return None if case.workload.holds_quota else case.workload
    of_pods = (each for pod in case.waiting_pods for each in case.index.workloads_of.get(pod.metadata.uid, ()))
    return next((each for each in of_pods if not each.holds_quota and not each.says("Finished")), None)


def _of_kueue(case: Case, workload: Workload) -> Iterator[Finding]:
    said = workload.condition("QuotaReserved")
    if said is None or said.true or not said.message:
        return
    # Whoever ends, a flavor stays too small for what asks for more than all of it.
    too_small = {found["flavor"] for found in re.finditer(_TOO_LARGE, said.message)}
    for pattern, cause, verdict, words in _KUEUE:
        frees = cause == "cohort-exhausted"
        answers = re.finditer(pattern, said.message)
        found = next((each for each in answers if not (frees and each["flavor"] in too_small)), None)
        if found is None:
            continue
        taken = told_by_kueue(case, workload) if frees else None
        if taken is not None:
            yield taken
        facts = {"queue": workload.spec.queue_name, **found.groupdict()}
        facts.pop("before", None)
        where = Evidence(reference_of(workload), "status.conditions[QuotaReserved].message", said.message)
        told = f"as Kueue says, {words.format(**facts)}"
        acts: Iterable[Proposal] = _less(case, workload, found) if pattern == _TOO_LARGE else ()
        if pattern == _INACTIVE:
            told += _why_inactive(workload)
            acts = (_activated(found["cluster_queue"]),)
        yield _finding(cause, verdict, told, facts, where, acts)
        return
    # Until Kueue has looked again it says no more than why it was stopped.
    taken = told_by_kueue(case, workload)
    if taken is not None:
        yield taken


def _why_inactive(workload: Workload) -> str:
    """That it was stopped, where Kueue turned the work out for that; of what waits it says only that it is inactive."""
    turned_out = workload.condition("Evicted")
    if turned_out is not None and turned_out.true and turned_out.reason == "ClusterQueueStopped":
        return ", for somebody stopped it"
    return "; whether somebody stopped it, or a flavor or check of it is missing, is not known"


def _activated(name: str) -> Proposal:
    """Who can read the queue sees what it lacks."""
    return Proposal(
        RemedyKind.RESUME_QUEUE,
        Doer.PLATFORM,
        f"start the ClusterQueue {name} again where it is stopped; else its condition Active says what it lacks",
        Reference(api_version=_QUEUES, kind="ClusterQueue", name=name),
        Patch(PatchOp.SIGNAL),
    )


def _less(case: Case, workload: Workload, said: re.Match[str]) -> Iterator[Proposal]:
    """To ask for no more CPU or memory than Kueue says that there is of a flavor."""
    resource = said["resource"]
    named = re.findall(r"flavors to pod set ([^:\s]+):", said.string[: said.start()])
    part = next((each for each in workload.spec.pod_sets if named and each.name == named[-1]), None)
    asked, most, before = (units(resource, said[each]) for each in ("asked", "most", "before"))
    if part is None or part.count < 1 or ("/" in resource and part.count > 1 and most - before >= asked // part.count):
        return  # of devices fewer pods take less, and not each pod
    each, left = asked // part.count, rounded(resource, max(0, most - before) // part.count)
    change = asking_less(part.template.spec, {resource: each - left}) if 0 < left < each else None
    if change is not None:
        what = f"{render_amount(resource, each)} → {render_amount(resource, left)} {resource}"
        who = " for each pod" if part.count > 1 else ""
        yield changed_pods(RemedyKind.REDUCE_REQUEST, f"ask for less{who}: {what}", case, change)


def _of_karpenter(case: Case) -> Iterator[Finding]:
    """One cause by Karpenter's own words: of several NodePools, what keeps the one that came nearest."""
    words = [word for pod in case.waiting_pods if (word := last_word(case, pod)) is not None]
    refused = next((each for each in words if each.refusals), None)
    if refused is not None:
        bars = {each.bar: each.pool for each in reversed(refused.refusals)}
        bar, cause, verdict, why = next(each for each in _POOLS if each[0] in bars)
        where = Evidence(reference_of(refused.pod), "events[FailedScheduling].message", refused.event.message)
        facts = {"pod": refused.pod.name, "node_group": bars[bar]}
        yield _finding(cause, verdict, f"as Karpenter says, {why}", facts, where)
        return
    for each in words:
        if case.now - seconds(each.event.at) < _COMES_WITHIN:
            where = Evidence(reference_of(each.pod), "events[Nominated].message", each.event.message)
            said = f"as Karpenter says, a node is on its way for it: node claim {each.claim}"
            facts = {"pod": each.pod.name, "node_claim": each.claim}
            yield _finding("autoscaler-scaling-up", _WAITING, said, facts, where)
            return


def _of_scheduler(case: Case) -> Iterator[Finding]:
    for pod in case.waiting_pods:
        said = condition(pod.status.conditions, "PodScheduled")
        if said is None or said.true or not said.message:
            continue
        where = Evidence(reference_of(pod), "status.conditions[PodScheduled].message", said.message)
        claim = _CLAIM.search(said.message)
        if claim is not None:
            words = f"as kube-scheduler says, the PersistentVolumeClaim {claim.group(1)} does not exist"
            yield _finding("pvc-missing", _MISCONFIGURED, words, {"claim": claim.group(1), "pod": pod.name}, where)
            return
        unbound = _of_claims(case, pod, where) if _UNBOUND in said.message else None
        if unbound is not None:
            yield unbound
            return
        found = _by_labels(case, pod.spec, said.message) or _of_nodes(said.message)
        if found is not None:
            cause, verdict, words, facts = found
            yield _finding(cause, verdict, words, {"pod": pod.name, **facts}, where)
            return


def _of_claims(case: Case, pod: Pod, where: Evidence) -> Finding | None:
    """What is said of the first of its claims that has no volume, where no class and no volume may be read."""
    for use in uses(case):
        claim = claim_of(case, use.name)
        if claim is None or bound(claim):
            continue
        kind = class_name(claim)
        events = [each for each in case.events(claim) if each.reason == "ProvisioningFailed"]
        said = events[-1].message if events else ""
        missing = said.startswith("storageclass") and "not found" in said
        cause = "pvc-unbound-no-class" if missing else "pvc-provisioning-failed" if said else "pvc-unbound-no-volume"
        verdict = CauseVerdict.BROKEN if said and not missing else _MISCONFIGURED
        words = f"the claim {claim.name} (StorageClass {kind or 'not named'}) has no volume"
        words += f": {quoted_message(said)}" if said else ""
        facts = {"claim": claim.name, "storage_class": kind, "pod": pod.name}
        act = Proposal(
            RemedyKind.FIX_VOLUME,
            Doer.USER if missing else Doer.PLATFORM,
            f"create the claim {claim.name} again with a StorageClass that there is: the platform team knows which"
            if missing
            else f"see why nothing makes a volume for the claim {claim.name}",
            reference_of(claim),
            Patch(PatchOp.SIGNAL, {"storageClassName": kind}),
        )
        return _finding(cause, verdict, f"as kube-scheduler says, {words}", facts, where, (act,))
    return None


def _by_labels(case: Case, spec: PodSpec, message: str) -> _Heard | None:
    """Where nodes are seen, though not all that runs on them: that none of them has what the pod selects."""
    rules = node_affinity(spec)
    if not case.seen("nodes") or not case.index.nodes or not (rules.selector or rules.required is not None):
        return None
    nodes = case.index.nodes.values()
    if _HEAD.match(message) is None or any(node_admitted(rules, each.name, each.metadata.labels) for each in nodes):
        return None
    words = f"none of the {len(nodes)} node{'' if len(nodes) == 1 else 's'} has the labels that it selects"
    return "node-affinity-no-match", _MISCONFIGURED, words, {"nodes": len(nodes), "refusing": len(nodes)}


def _of_nodes(message: str) -> _Heard | None:
    head = _HEAD.match(message)
    if head is None:
        return None
    nodes = int(head.group(1))
    reasons = [(int(count), text.rstrip(" .")) for count, text in _COUNTED.findall(message)]
    claims = sum(int(count) for count, text in _EACH.findall(_refusals(message, head)) if text.startswith(_CLAIMS))
    if claims:
        words = f"as kube-scheduler says, on {claims} of {nodes} nodes not all devices that it claims are to be had"
        return "claim-unallocatable", _WAITING, words, {"nodes": nodes, "refusing": claims}
    hopeless = any(text.startswith("Preemption is not helpful") and count >= nodes for count, text in reasons)
    short = {text.removeprefix(_SHORT): count for count, text in reasons if text.startswith(_SHORT)}
    device = next((each for each in short if any(name in each.partition("/")[2] for name in _DEVICE)), "")
    other = next((each for each in short if each not in {*_SIZES, device, _DISK}), "")
    if hopeless and (device or other or any(each in short for each in _SIZES)):
        return _too_large(nodes, device, short)
    if device:
        facts = {"nodes": nodes, "short_on": short[device], "resource": device}
        words = f"as kube-scheduler says, too few {device} are free on the nodes that it may use: {short[device]}"
        return "gpu-all-in-use", _WAITING, f"{words} of {nodes} are short of them", facts
    if other:
        facts = {"nodes": nodes, "short_on": short[other], "resource": other}
        words = f"as kube-scheduler says, on {short[other]} of {nodes} nodes too little {other} is free"
        return "resource-all-in-use", _WAITING, words, facts
    for begins, cause, verdict, why in _NODES:
        count = sum(number for number, text in reasons if text.startswith(begins))
        if count:
            words = f"as kube-scheduler says, on {count} of {nodes} nodes {why}"
            if cause in _NOT_FOR_IT:
                if _further(_refusals(message, head)):
                    return None  # nodes that came nearer are refused for what is not known here
                words = f"as kube-scheduler says, {count} of {nodes} nodes are not for it: {why}"
                others = sum(number for number, text in reasons if text.startswith(_SELECTS)) if count < nodes else 0
                if others and cause != "node-affinity-no-match":
                    words += f"; {others} more have not the labels that it selects, which may be the cause as well"
            return cause, verdict, words, {"nodes": nodes, "refusing": count}
    return None


def _refusals(message: str, head: re.Match[str]) -> str:
    """What is said of nodes, without what is said of preemption."""
    return message[head.end() :].partition(". ")[0].rstrip(".")


def _further(refusals: str) -> bool:
    """Whether some nodes are refused for a reason that no cause stands for here."""
    known = (_SHORT, *(begins for begins, *_ in _NODES))
    return any(not text.startswith(known) for _, text in _EACH.findall(refusals))


def _too_large(nodes: int, device: str, short: Mapping[str, int]) -> _Heard:
    """Nobody's end would help on any node: each is short of something in all, of which of them is not said."""
    plain = {each: count for each, count in short.items() if each not in {device, _DISK}}
    first = max(plain, key=lambda each: plain[each], default="")
    by_device = bool(device) and short[device] >= plain.get(first, 0)
    resource = device if by_device else first
    amounts = [f"as many {device}"] if device else []
    amounts += [f"as much {_SIZES.get(each, each)}" for each in plain]
    words = f"as kube-scheduler says, none of the nodes that it may use has {' and '.join(amounts)} in all"
    facts = {"nodes": nodes, "short_on": short[resource], "resource": resource}
    return "insufficient-gpu" if by_device else "request-above-every-node", _MISCONFIGURED, words, facts


def _finding(
    cause: str,
    verdict: CauseVerdict,
    summary: str,
    facts: Mapping[str, Any],
    where: Evidence,
    proposals: Iterable[Proposal] = (),
) -> Finding:
    waiting = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY if where.object.kind == "Pod" else RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        "wait until a node joins" if cause.startswith("autoscaler-") else "wait until others end",
        where.object,
        Patch(PatchOp.WAIT, {"until": "free"}),
    )
    free = verdict is _WAITING and cause in _FREED
    return Finding(
        cause,
        verdict,
        summary,
        facts=facts,
        evidence=(where,),
        confidence=Confidence.LIKELY,
        proposals=(waiting,) if free else Deferred(proposals),
    )
