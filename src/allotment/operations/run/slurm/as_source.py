"""A Slurm as a snapshot shows a cluster: its nodes, a queue for each account with a limit, a Job for each job.

So `who`, `gpus`, `queues` and `waste` answer for it from the same rules as for a cluster. Why a job waits is told from
what Slurm says itself, which the source keeps beside the objects (`SlurmFacts`). Jobs of others are called by their
numbers: the names that people give on Slurm are no names of objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.errors import AllotmentError
from allotment.jobs.slurm.identities import part_of
from allotment.model import labels
from allotment.model.moments import written
from allotment.model.observed.slurm import SlurmFacts, node_facts
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.slurm.seen import SlurmJob, SlurmNode, SlurmPhase
from allotment.model.slurm.tres import GPUS
from allotment.observe.gathering import Gathered
from allotment.operations.run.slurm.configured import ConfiguredSlurm
from allotment.ports.slurm import SlurmPort
from allotment.ports.stored_jobs import StoredJob

Raw = dict[str, Any]

_KUEUE: Final = "kueue.x-k8s.io/v1beta2"
_ADMISSION: Final = "admissionregistration.k8s.io/v1"
_DEVICE: Final = "nvidia.com/gpu"
"""What a device is called whose class the catalogue does not know."""
_FLAVOR: Final = "devices"
_PODS: Final = "10000"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class SlurmWords:
    """How what is read on a Slurm is called on the platform.

    Attributes:
        name: of the back end.
        platform: with its catalogue.
        told: what the Slurm's description says.
    """

    name: str
    platform: Platform
    told: ConfiguredSlurm

    def class_of(self, kind: str) -> str:
        """The class of the catalogue of a GRES type; the type itself where there is none."""
        for name in self.platform.accelerators:
            if self.told.classes.get(name, name).lower() == kind.lower():
                return name
        return kind

    def resource_of(self, kind: str) -> str:
        """What such devices are called as a resource."""
        known = self.platform.accelerators.get(self.class_of(kind))
        return _DEVICE if known is None else known.resource_name

    def team_of(self, account: str) -> str:
        """The team that an account is of; the account itself where none is named."""
        teams = [team for team, name in self.told.accounts.items() if name == account]
        return teams[0] if len(teams) == 1 else account


@dataclass(frozen=True, slots=True)
class _SlurmNow:
    facts: SlurmFacts
    nodes: tuple[SlurmNode, ...]
    gaps: tuple[Gap, ...]


def slurm_snapshot(port: SlurmPort, words: SlurmWords, jobs: Mapping[str, StoredJob], now: int) -> Snapshot:
    """A Slurm at a moment, as its user sees it.

    Args:
        port: to ask.
        words: how things are called.
        jobs: ours that are not over, by id.
        now: milliseconds since the epoch.

    Raises:
        UnreachableError: it does not answer.
        NotSignedInError: it does not accept the token.
    """
    seen = _seen(port)
    ours = _ours(seen.facts, jobs)
    names = _names(seen.facts.jobs, words, ours)
    gathered, typed = Gathered(), _kinds(seen.nodes)
    gathered.take_any(_surroundings(seen, words, now))
    for job in seen.facts.jobs:
        gathered.take_any(_SlurmObjects(job, words, *names[job.job_id], typed, ours.get(job.job_id)).all())
    named = {f"{place}/{name}": number for number, (place, name) in names.items()}
    from_structs = {each: getattr(seen.facts, each) for each in seen.facts.__struct_fields__}
    source = Source(
        name=words.name,
        kind="slurm",
        observed_at=written(now),
        server=port.version(),
        objects=gathered.objects(),
        gaps=(*gathered.gaps, *seen.gaps),
        slurm=SlurmFacts(**{**from_structs, "named": named}),
    )
    return Snapshot(taken_at=written(now), sources=(source,))


def slurm_told(port: SlurmPort, name: str, now: int) -> Source:
    """The same without objects: what it says itself, for whoever asks its rules alone.

    Args:
        port: to ask.
        name: of the back end.
        now: milliseconds since the epoch.

    Raises:
        UnreachableError: it does not answer.
        NotSignedInError: it does not accept the token.
    """
    seen = _seen(port)
    return Source(name=name, kind="slurm", observed_at=written(now), gaps=seen.gaps, slurm=seen.facts)


def _seen(port: SlurmPort) -> _SlurmNow:
    jobs, nodes, gaps, more = port.jobs(), port.nodes(), list[Gap](), dict[str, Any]()
    for name in ("associations", "qualities", "reservations", "licenses"):
        try:
            more[name] = getattr(port, name)()
        except AllotmentError as error:  # the accounting may be away while slurmctld answers
            gaps.append(Gap(what=name, reason="failed", detail=str(error)))
    user = ""
    with suppress(AllotmentError):
        user = port.user
    facts = SlurmFacts(
        user=user,
        jobs=jobs,
        nodes=tuple(map(node_facts, nodes)),
        partitions=port.partitions(),
        accounted=bool(more.get("associations")),
        **more,
    )
    return _SlurmNow(facts, nodes, tuple(gaps))


def _ours(facts: SlurmFacts, jobs: Mapping[str, StoredJob]) -> dict[int, StoredJob]:
    """By number what of them runs a job of ours: its name counts only until its number is known.

    What of it is over stands for it only where nothing else does.
    """
    mine = [each for each in facts.jobs if facts.user in {"", each.user}]
    numbered = {int(each.native): each for each in jobs.values() if each.native.isdecimal()}
    seen = {each.number for each in mine}
    found = {each.job_id: numbered[each.number] for each in mine if each.number in numbered}
    over = {each.job_id for each in mine if each.phase is SlurmPhase.ENDED}
    for job in mine:
        part = part_of(job.identity)
        named = None if part is None or part.fetches or job.job_id in over else jobs.get(part.job_id)
        if named is not None and not (named.native.isdecimal() and int(named.native) in seen):
            found.setdefault(job.job_id, named)
    alive = {each.id for number, each in found.items() if number not in over}
    return {number: each for number, each in found.items() if number not in over or each.id not in alive}


def _names(every: Iterable[SlurmJob], words: SlurmWords, ours: Mapping[int, StoredJob]) -> dict[int, tuple[str, str]]:
    """Namespace and name of each, by number: ours as they are called here, those of others as squeue calls them."""
    jobs = {job.job_id: job for job in every}
    found = {
        number: (words.team_of(job.account) or "none", job.called) for number, job in jobs.items() if number not in ours
    }
    often = Counter((each.job.team, each.job.name) for each in ours.values())
    tasks = Counter(each.id for each in ours.values())
    for number, each in ours.items():
        name = each.job.name
        # The name of a sweep is that of the whole, which the server tells of.
        swept = each.job.sweep is not None
        if often[each.job.team, name] > 1 or swept:
            name = f"{name[:40]}-{jobs[number].called if swept or tasks[each.id] > 1 else each.id}"
        found[number] = each.job.team, name
    return found


def _kinds(nodes: tuple[SlurmNode, ...]) -> dict[str, str]:
    """The type of devices by node; a node with several is called by its first."""
    found = {}
    for node in nodes:
        kinds = sorted(kind for device, kind in node.gres if device == "gpu")
        if kinds:
            found[node.name] = kinds[0]
    return found


def _surroundings(seen: _SlurmNow, words: SlurmWords, now: int) -> Iterator[Raw]:
    for node in seen.nodes:
        yield _node(node, words, now)
    # Whose a job is Slurm knows itself: nobody can say that somebody else's it were.
    kept = {"policyName": labels.SUBMITTER_KEPT, "validationActions": ["Deny"]}
    yield _object(_ADMISSION, "ValidatingAdmissionPolicy", labels.SUBMITTER_KEPT, spec={})
    yield _object(_ADMISSION, "ValidatingAdmissionPolicyBinding", labels.SUBMITTER_KEPT, spec=kept)
    yield _object(_KUEUE, "ResourceFlavor", _FLAVOR, spec={})
    accounts = {each.account: each for each in seen.facts.associations if not each.user}
    for account in sorted({*accounts, *(each.account for each in seen.facts.jobs)} - {""}):
        team = words.team_of(account)
        marks = {labels.TENANT: team, labels.TEAM: team}
        yield _object("v1", "Namespace", team, meta={"labels": marks})
        limit = accounts[account].group.get(GPUS) if account in accounts else None
        if limit is None:
            continue
        quota = {"name": _FLAVOR, "resources": [{"name": _DEVICE, "nominalQuota": str(limit)}]}
        groups = [{"coveredResources": [_DEVICE], "flavors": [quota]}]
        spec = {"namespaceSelector": {"matchLabels": {labels.TENANT: team}}, "resourceGroups": groups}
        yield _object(_KUEUE, "ClusterQueue", account, spec=spec, status=_active())
        queue = {"clusterQueue": account}
        yield _object(_KUEUE, "LocalQueue", labels.LOCAL_QUEUE, team, spec=queue, status=_active())


def _node(node: SlurmNode, words: SlurmWords, now: int) -> Raw:
    room = {"cpu": str(node.cpus), "memory": str(node.memory_mib * _MIB), "pods": _PODS}
    marks = {"kubernetes.io/hostname": node.name}
    for (device, kind), number in sorted(node.gres.items()):
        if device == "gpu":
            resource = words.resource_of(kind)
            room[resource] = str(int(room.get(resource, "0")) + number)
            if kind:
                marks.setdefault(labels.ACCELERATOR, words.class_of(kind))
    words_ = {each.strip("*~#!%$@^-+").lower() for each in node.states}
    down = bool(words_ & {"down", "fail", "unknown", "inval"})
    ready = {"type": "Ready", "status": "False" if down else "True", "lastTransitionTime": written(now)}
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    return _object(
        "v1", "Node", node.name, meta={"labels": marks}, spec={"unschedulable": not node.usable}, status=status
    )


@dataclass(frozen=True, slots=True)
class _SlurmObjects:
    """A job of Slurm's as objects: a Job, a Workload, and a Pod for each node that it holds."""

    job: SlurmJob
    words: SlurmWords
    place: str
    name: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    mine: StoredJob | None = None

    def all(self) -> Iterator[Raw]:
        job = self.job
        holds = job.holds
        meta: Raw = {
            "uid": f"slurm-{job.job_id}",
            "creationTimestamp": written(job.submitted * 1000),
            "labels": {labels.KUEUE_QUEUE: labels.LOCAL_QUEUE, labels.TEAM: self.place},
            "annotations": {labels.SUBMITTER: job.user},
        }
        if self.mine is not None:
            meta["labels"] |= {labels.JOB: self.mine.id, labels.JOB_PART: labels.JOB_MAIN}
            meta["annotations"] |= {labels.JOB_NAME: self.mine.job.name}
        template = {"metadata": {}, "spec": self._pod_spec("")}
        count = max(1, len(job.nodes) if holds else job.node_count)
        spec = {"parallelism": count, "completions": count, "suspend": not holds, "template": template}
        if holds and job.minutes is not None:
            spec["activeDeadlineSeconds"] = job.minutes * 60
        status: Raw = {"active": count} if holds else {}
        if holds:
            status["startTime"] = written(job.started * 1000)
        over = job.phase is SlurmPhase.ENDED
        if over:
            ended = "Complete" if "COMPLETED" in job.states else "Failed"
            since = written(job.ends * 1000)
            status["conditions"] = [{"type": ended, "status": "True", "lastTransitionTime": since}]
        yield _object("batch/v1", "Job", self.name, self.place, meta=meta, spec=spec, status=status)
        if over:
            return
        yield self._workload(template, count)
        for number, node in enumerate(job.nodes if holds else ()):
            yield self._pod(number, node)

    def _pod(self, number: int, node: str) -> Raw:
        since = written(self.job.started * 1000)
        meta = {
            "uid": f"slurm-{self.job.job_id}-{number}",
            "creationTimestamp": since,
            "labels": {labels.TEAM: self.place},
            "ownerReferences": [self._owner()],
        }
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}], "startTime": since}
        spec = {**self._pod_spec(node), "nodeName": node}
        return _object("v1", "Pod", f"{self.name[:50]}-{number}", self.place, meta=meta, spec=spec, status=status)

    def _pod_spec(self, node: str) -> Raw:
        requests = self._share(node)
        limits = {name: amount for name, amount in requests.items() if name != "cpu"}
        container = {"name": "main", "image": "slurm", "resources": {"requests": requests, "limits": limits}}
        return {"containers": [container], "restartPolicy": "Never"}

    def _share(self, node: str) -> dict[str, str]:
        """What it has, or asks for, on one node: Slurm spreads it evenly."""
        job = self.job
        tres, nodes = (job.allocated, len(job.nodes)) if job.holds else (job.requested, job.node_count)
        nodes = max(1, nodes)
        found = {"cpu": str(-(-tres.get("cpu", 0) // nodes)), "memory": str(tres.get("mem", 0) // nodes * _MIB)}
        devices = -(-self._devices(tres) // nodes)
        if devices:
            named = (name.partition(":")[2] for name in tres if name.startswith(f"{GPUS}:"))
            found[self.words.resource_of(next(named, "") or self.kinds.get(node, ""))] = str(devices)
        return found

    def _devices(self, tres: Mapping[str, int]) -> int:
        return tres.get(GPUS) or sum(count for name, count in tres.items() if name.startswith(f"{GPUS}:"))

    def _workload(self, template: Raw, count: int) -> Raw:
        job = self.job
        conditions: list[Raw] = []
        status: Raw = {"conditions": conditions}
        if job.holds:
            since = written(job.started * 1000)
            conditions += [
                {"type": kind, "status": "True", "reason": kind, "lastTransitionTime": since}
                for kind in ("QuotaReserved", "Admitted")
            ]
            devices = self._devices(job.allocated)
            assigned: Raw = {"name": "main", "count": count}
            if devices:
                assigned |= {"flavors": {_DEVICE: _FLAVOR}, "resourceUsage": {_DEVICE: str(devices)}}
            status["admission"] = {"clusterQueue": job.account, "podSetAssignments": [assigned]}
        spec = {
            "queueName": labels.LOCAL_QUEUE,
            "priority": min(job.priority, (1 << 31) - 1),
            "active": True,
            "podSets": [{"name": "main", "count": count, "template": template}],
        }
        meta = {
            "uid": f"w-slurm-{job.job_id}",
            "creationTimestamp": written(job.submitted * 1000),
            "ownerReferences": [self._owner()],
        }
        name = f"job-{self.name[:50]}"
        return _object(_KUEUE, "Workload", name, self.place, meta=meta, spec=spec, status=status)

    def _owner(self) -> Raw:
        uid = f"slurm-{self.job.job_id}"
        return {"apiVersion": "batch/v1", "kind": "Job", "name": self.name, "uid": uid, "controller": True}


def _active() -> Raw:
    ready = {"type": "Active", "status": "True", "reason": "Ready", "message": "Can admit new workloads"}
    return {"conditions": [ready]}


def _object(api: str, kind: str, name: str, namespace: str = "", *, meta: Raw | None = None, **rest: Any) -> Raw:
    place = {"namespace": namespace} if namespace else {}
    metadata = {"uid": f"{kind}-{namespace}-{name}", **place, **(meta or {}), "name": name}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}
