"""This machine as a snapshot shows a cluster: one node, a queue for each team, a Workload for each job.

So `why`, `who`, `gpus`, `queues` and all that answers from a snapshot answer for it too, from the same rules: nothing
of them knows that there is no API server behind it. Names that no cluster would take never come here: jobs and teams
are checked when they are loaded. Of several classes of accelerators the node bears the label of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.model import labels
from allotment.model.jobs.run import JobState
from allotment.model.moments import written
from allotment.model.observed.snapshot import MACHINE, DeviceUse, IdleMarked, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.quantity import SLOTS
from allotment.observe.gathering import Gathered
from allotment.operations.run.local.recognising import RecognisedMachine
from allotment.operations.run.local.sampling import LiveUse
from allotment.operations.run.local.shares import CPU, DEVICE, MACHINE_FLAVOR, machine_state
from allotment.operations.run.marking import told_of_mark
from allotment.operations.run.measured_use import EVERY
from allotment.ports.backends import LOCAL, FollowedJob
from allotment.ports.stored_jobs import StoredJob
from allotment.scheduling.queueing.inputs import ClusterQueue, ClusterState, ResourceGroup

Raw = dict[str, Any]

_KUEUE: Final = "kueue.x-k8s.io/v1beta2"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_NODE: Final = "this-machine"
_SLOT_RESOURCE: Final = "nvidia.com/gpu"
"""What a slot is called where a resource has to have a name: slots stand for any accelerator."""
_PODS: Final = "10000"
_COHORT: Final = "machine"
_WAITS: Final = frozenset({JobState.QUEUED})


@dataclass(frozen=True, slots=True)
class MachineNow:
    """The machine as its back end shows it.

    Attributes:
        platform: whose teams share it.
        machine: what it has.
        seen: jobs.
        uses: what is measured of the devices of those that run, by id.
    """

    platform: Platform
    machine: RecognisedMachine
    seen: Sequence[FollowedJob]
    uses: Mapping[str, LiveUse] = field(default_factory=dict)


def machine_snapshot(shown: MachineNow, jobs: Mapping[str, StoredJob], now: int) -> Snapshot:
    """The machine at a moment.

    Args:
        shown: by its back end.
        jobs: those that are not over, by id, and of those that are as many as are known.
        now: milliseconds since the epoch.
    """
    platform, machine, seen = shown.platform, shown.machine, shown.seen
    state = machine_state(platform, machine.size)
    gathered = Gathered()
    gathered.take_any(_surroundings(platform, machine, state, now))
    names = _names(each for each in jobs.values() if not each.state.over)
    gathered.take_any(raw for job in jobs.values() for raw in _past(platform, machine, job))
    for each in seen:
        job = jobs.get(each.id)
        # What still fetches its data stands in no queue, and asks for nothing.
        if job is not None and not job.state.over and not each.state.over and each.state is not JobState.STAGING:
            gathered.take_any(_job(platform, machine, job, each, names[job.id]))
    measured = [each for each in seen if each.id in shown.uses and each.id in jobs and each.state.holds]
    source = Source(
        name=LOCAL,
        kind=MACHINE,
        observed_at=written(now),
        objects=gathered.objects(),
        gaps=gathered.gaps,
        device_use=tuple(
            use for each in measured for use in _device_use(jobs[each.id], each, names[each.id], shown.uses[each.id])
        ),
        idle_marks=tuple(
            mark for each in measured for mark in _idle_mark(jobs[each.id], names[each.id], shown.uses[each.id])
        ),
    )
    return Snapshot(taken_at=written(now), sources=(source,))


def _device_use(job: StoredJob, seen: FollowedJob, name: str, live: LiveUse) -> Iterator[DeviceUse]:
    """What is measured of its devices, as metrics of a cluster have it."""
    since = "" if live.use.idle_since is None else written(live.use.idle_since)
    for place in seen.places:
        for device in place.devices:
            if device in live.last:
                yield DeviceUse(
                    node=_NODE,
                    device=device,
                    pod=f"{job.job.team}/{_pod(name, place.rank)}",
                    busy=live.last[device] / 100,
                    over=EVERY // 1000,
                    idle_since=since,
                )


def _idle_mark(job: StoredJob, name: str, live: LiveUse) -> Iterator[IdleMarked]:
    mark = live.use.mark
    if mark is not None:
        yield IdleMarked(
            subject=f"{job.job.team}/{name}",
            id=job.id,
            rule=mark.rule,
            action=mark.action,
            at=written(mark.at),
            held_ms=mark.held_ms,
            busy_ms=mark.busy_ms,
            said=told_of_mark(mark),
        )


def _pod(name: str, rank: int) -> str:
    return f"{name[:50]}-{rank}"


def _names(jobs: Iterable[StoredJob]) -> dict[str, str]:
    """By id what a job is called: its name, and where several of a team have it, with the id."""
    all_of_them = list(jobs)
    often: dict[tuple[str, str], int] = {}
    for each in all_of_them:
        often[each.job.team, each.job.name] = often.get((each.job.team, each.job.name), 0) + 1
    return {
        each.id: each.job.name if often[each.job.team, each.job.name] == 1 else f"{each.job.name[:40]}-{each.id}"
        for each in all_of_them
    }


def _surroundings(platform: Platform, machine: RecognisedMachine, state: ClusterState, now: int) -> Iterator[Raw]:
    yield _node(platform, machine, now)
    # Who submitted is written by the server itself: nobody can say that somebody else did.
    kept = {"policyName": labels.SUBMITTER_KEPT, "validationActions": ["Deny"]}
    yield _object(_ADMISSION, "ValidatingAdmissionPolicy", labels.SUBMITTER_KEPT, spec={})
    yield _object(_ADMISSION, "ValidatingAdmissionPolicyBinding", labels.SUBMITTER_KEPT, spec=kept)
    for rung in platform.priorities:
        yield _object(_KUEUE, "WorkloadPriorityClass", rung.name, value=rung.value)
    for flavor in state.flavors:
        yield _object(_KUEUE, "ResourceFlavor", flavor.name, spec={"nodeLabels": dict(flavor.node_labels)})
    yield _object(_KUEUE, "Cohort", _COHORT, spec={})
    for queue in state.cluster_queues:
        marks = {labels.TENANT: queue.name, labels.TEAM: queue.name}
        yield _object("v1", "Namespace", queue.name, meta={"labels": marks})
        yield _object("v1", "ServiceAccount", "default", queue.name)
        yield _object(
            _KUEUE, "LocalQueue", labels.LOCAL_QUEUE, queue.name, spec={"clusterQueue": queue.name}, status=_active()
        )
        yield _cluster_queue(platform, queue)


def _node(platform: Platform, machine: RecognisedMachine, now: int) -> Raw:
    room = {"cpu": f"{machine.size.cpu}m", "memory": str(machine.size.memory), "pods": _PODS}
    marks = {"kubernetes.io/hostname": _NODE}
    for name, number in machine.size.devices.items():
        resource = _resource(platform, name)
        room[resource] = str(int(room.get(resource, "0")) + number)
        marks[labels.ACCELERATOR] = name
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": written(now)}
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    return _object("v1", "Node", _NODE, meta={"labels": marks}, spec={}, status=status)


def _cluster_queue(platform: Platform, queue: ClusterQueue) -> Raw:
    groups = [_group(platform, each) for each in queue.resource_groups]
    spec = {
        "cohortName": _COHORT,
        "namespaceSelector": {"matchLabels": {labels.TENANT: queue.name}},
        "queueingStrategy": "BestEffortFIFO",
        "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
        "resourceGroups": groups,
    }
    return _object(_KUEUE, "ClusterQueue", queue.name, spec=spec, status=_active())


def _group(platform: Platform, group: ResourceGroup) -> Raw:
    flavors = []
    for quotas in group.flavors:
        resources = [
            {"name": _named(platform, name, quotas.flavor), "nominalQuota": _amount(name, quota.nominal)}
            for name, quota in quotas.resources
        ]
        flavors.append({"name": quotas.flavor, "resources": resources})
    first = group.flavors[0]
    return {
        "coveredResources": [_named(platform, name, first.flavor) for name, _ in first.resources],
        "flavors": flavors,
    }


def _job(platform: Platform, machine: RecognisedMachine, job: StoredJob, seen: FollowedJob, name: str) -> Iterator[Raw]:
    wanted, holds = job.job, seen.state.holds
    first = "" if wanted.needs.accelerators is None else next(iter(machine.devices), "")
    flavor = _flavor_of(machine, seen) or first
    template, team = _template(platform, job, flavor), wanted.team
    marks = {labels.KUEUE_QUEUE: labels.LOCAL_QUEUE, labels.KUEUE_PRIORITY: wanted.priority, labels.TEAM: team}
    meta = {
        "uid": job.id,
        "creationTimestamp": written(job.submitted),
        "labels": {
            **marks,
            labels.JOB: job.id,
            labels.JOB_PART: labels.JOB_MAIN,
            **({labels.PROJECT: wanted.project} if wanted.project else {}),
        },
        "annotations": {labels.SUBMITTER: job.owner, labels.JOB_NAME: wanted.name},
    }
    numbers = {"parallelism": wanted.replicas, "completions": wanted.replicas}
    spec = {**numbers, "suspend": not holds, "template": template}
    active = {"active": wanted.replicas} if holds else {}
    yield _object("batch/v1", "Job", name, team, meta=meta, spec=spec, status=active)
    yield _workload(platform, job, seen, name, flavor)
    since = written(seen.since or job.submitted)
    ready = {"type": "Ready", "status": "True" if seen.state is JobState.RUNNING else "False"}
    for place in seen.places if holds else ():
        mine = {
            "uid": f"{job.id}-{place.rank}",
            "creationTimestamp": since,
            "labels": {"batch.kubernetes.io/job-name": name, labels.TEAM: team},
            "ownerReferences": _owned_by(job, name),
        }
        on_node = {**template["spec"], "nodeName": _NODE}
        status = {"phase": "Running", "conditions": [ready], "startTime": since}
        yield _object("v1", "Pod", _pod(name, place.rank), team, meta=mine, spec=on_node, status=status)


def _past(platform: Platform, machine: RecognisedMachine, job: StoredJob) -> Iterator[Raw]:
    """The Workload of a job that is over and had run: from when to when it held what it asked for."""
    last = job.attempts[-1] if job.attempts else None
    if not job.state.over or last is None or last.started is None or job.ended is None or job.ended < last.started:
        return
    ran = FollowedJob(job.id, job.native, JobState.RUNNING, last.number, since=last.started, places=last.places)
    wish = job.job.needs.accelerators
    likely = "" if wish is None else next((each for each in machine.devices if each in wish.classes), "")
    flavor = _flavor_of(machine, ran) or likely
    if (wish is not None and not flavor) or platform.team(job.job.team) is None:
        return  # it ran on what is not there any more
    found = _workload(platform, job, ran, f"{job.job.name[:30]}-{job.id}", flavor)
    at = {"lastTransitionTime": written(job.ended)}
    found["status"]["conditions"].append({"type": "Finished", "status": "True", "reason": "Succeeded", **at})
    yield found


def _owned_by(job: StoredJob, name: str) -> list[Raw]:
    return [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job.id, "controller": True}]


def _workload(platform: Platform, job: StoredJob, seen: FollowedJob, name: str, flavor: str) -> Raw:
    wanted = job.job
    rung = next((each.value for each in platform.priorities if each.name == wanted.priority), 0)
    since = written(seen.since or job.submitted)
    conditions: list[Raw] = []
    status: Raw = {"conditions": conditions}
    if seen.state.holds:
        conditions += [
            {"type": kind, "status": "True", "reason": kind, "lastTransitionTime": since}
            for kind in ("QuotaReserved", "Admitted")
        ]
        flavors = {"cpu": MACHINE_FLAVOR, "memory": MACHINE_FLAVOR}
        if wanted.needs.accelerators is not None:
            flavors[_resource(platform, flavor)] = flavor
        use = _requests(platform, job, flavor, wanted.replicas)
        assigned = {"name": "main", "count": wanted.replicas, "flavors": flavors, "resourceUsage": use}
        status["admission"] = {"clusterQueue": wanted.team, "podSetAssignments": [assigned]}
    elif seen.state in _WAITS and seen.reason:
        pending = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": seen.reason}
        conditions.append({**pending, "lastTransitionTime": since})
    spec: Raw = {
        "queueName": labels.LOCAL_QUEUE,
        "priority": rung,
        "priorityClassRef": {"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": wanted.priority},
        "active": True,
        "podSets": [{"name": "main", "count": wanted.replicas, "template": _template(platform, job, flavor)}],
    }
    if wanted.run_time is not None:
        spec["maximumExecutionTimeSeconds"] = wanted.run_time
    created = written(job.submitted)
    meta = {"uid": f"w-{job.id}", "creationTimestamp": created, "ownerReferences": _owned_by(job, name)}
    return _object(_KUEUE, "Workload", f"job-{name[:50]}", wanted.team, meta=meta, spec=spec, status=status)


def _template(platform: Platform, job: StoredJob, flavor: str) -> Raw:
    requests = _requests(platform, job, flavor, 1)
    device = _resource(platform, flavor) if flavor else ""
    limits = {name: amount for name, amount in requests.items() if name in {"memory", device}}
    container = {"name": "main", "image": "local", "resources": {"requests": requests, "limits": limits}}
    spec: Raw = {"containers": [container], "restartPolicy": "Never", "serviceAccountName": "default"}
    wish = job.job.needs.accelerators
    if wish is not None and flavor != SLOTS:
        term = {"matchExpressions": [{"key": labels.ACCELERATOR, "operator": "In", "values": list(wish.classes)}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        spec["affinity"] = {"nodeAffinity": required}
    return {"metadata": {"labels": {labels.TEAM: job.job.team}}, "spec": spec}


def _requests(platform: Platform, job: StoredJob, flavor: str, times: int) -> dict[str, str]:
    needs = job.job.needs
    found = {"cpu": f"{needs.cpu * times}m", "memory": str(needs.memory * times)}
    if needs.accelerators is not None:
        found[_resource(platform, flavor)] = str(needs.accelerators.count * times)
    return found


def _flavor_of(machine: RecognisedMachine, seen: FollowedJob) -> str:
    held = {device for place in seen.places for device in place.devices}
    return next((name for name, ids in machine.devices.items() if held & set(ids)), "")


def _resource(platform: Platform, flavor: str) -> str:
    known = platform.accelerators.get(flavor)
    return _SLOT_RESOURCE if known is None else known.resource_name


def _named(platform: Platform, resource: str, flavor: str) -> str:
    return _resource(platform, flavor) if resource == DEVICE else resource


def _amount(resource: str, amount: int) -> str:
    return f"{amount}m" if resource == CPU else str(amount)


def _active() -> Raw:
    ready = {"type": "Active", "status": "True", "reason": "Ready", "message": "Can admit new workloads"}
    return {"conditions": [ready]}


def _object(api: str, kind: str, name: str, namespace: str = "", *, meta: Raw | None = None, **rest: Any) -> Raw:
    """A raw object; `meta` is what its metadata hold beside the names."""
    place = {"namespace": namespace} if namespace else {}
    metadata = {"uid": f"{kind}-{namespace}-{name}", **place, **(meta or {}), "name": name}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}
