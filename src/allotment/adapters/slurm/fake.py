"""`SlurmPort` in memory, with a clock that moves when it is told to; checked against a real Slurm by contract.

It decides as far as the contract looks: who waits and why, who has to give way, what ends how. Jobs run nothing; how
long each would run and how it would end is told beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from allotment.adapters.slurm.answers import use_by, use_by_qos
from allotment.adapters.slurm.finding import found_again
from allotment.errors import CapacityError, NotFoundError, UnreachableError
from allotment.model.slurm.seen import (
    SlurmAssociation,
    SlurmBooking,
    SlurmExit,
    SlurmJob,
    SlurmLicense,
    SlurmNode,
    SlurmPartition,
    SlurmQos,
    SlurmReservation,
)
from allotment.model.slurm.submission import SlurmSubmission
from allotment.model.slurm.used import SlurmUse
from allotment.ports.slurm import SlurmReceipt, SlurmRefusedError

NORMAL: Final = SlurmExit()
REQUEUED_AFTER: Final = 5
"""Seconds that a job waits at least after it was requeued."""


@dataclass(slots=True)
class FakeSlurmJob:
    """One job, or one task of an array."""

    job_id: int
    asked: SlurmSubmission
    partition: SlurmPartition
    account: str
    qos: str
    submitted: int
    array_id: int = 0
    task: int | None = None
    state: str = "PENDING"
    reason: str = "None"
    eligible: int = 0
    started: int = 0
    ended: int = 0
    restarts: int = 0
    gives_way_at: int = 0
    told_to_go: int = 0
    nodes: tuple[str, ...] = ()
    end: SlurmExit = NORMAL
    name: str = ""
    comment: str = ""

    def __post_init__(self) -> None:
        """Called as it was asked for, at first."""
        self.name, self.comment = self.name or self.asked.job_name, self.comment or self.asked.comment

    @property
    def minutes(self) -> int | None:
        """Its time limit."""
        return self.asked.minutes or self.partition.default_minutes

    @property
    def tres(self) -> dict[str, int]:
        """All that it asks for."""
        nodes, found = self.asked.nodes, {"cpu": self.asked.tasks * self.asked.cpus_per_task}
        found["mem"] = (self.asked.memory_mib or 100 * found["cpu"] // nodes) * nodes
        found["node"], found["billing"] = nodes, found["cpu"]
        for each in self.asked.gres:
            for name in {f"gres/{each.name}", f"gres/{each.name}:{each.type}".rstrip(":")}:
                found[name] = found.get(name, 0) + each.count * nodes
        return found


@dataclass(slots=True)
class FakeSlurm:
    """A cluster.

    Attributes:
        machines: nodes, with nothing of them used.
        lanes: partitions; the first that is the default takes jobs that name none.
        limits: of accounts; the first names the default account.
        services: qualities of service; the first is the default.
        user: who we are.
        now: seconds since 1970.
        runs: seconds that a command would run, and how it would end; a second and 0 for others. Of a task with
            arguments of its own, the command with these comes first.
        uses: what the accounting gathered, by number of the job.
        silent_accounting: slurmdbd is away.
        loses_answers: of so many of the next hand-ins, which come in all the same.
    """

    machines: tuple[SlurmNode, ...]
    lanes: tuple[SlurmPartition, ...]
    limits: tuple[SlurmAssociation, ...]
    services: tuple[SlurmQos, ...]
    user: str = "root"
    now: int = 1_795_600_800
    runs: dict[tuple[str, ...], tuple[int, int]] = field(default_factory=dict)
    uses: dict[int, SlurmUse] = field(default_factory=dict)
    silent_accounting: bool = False
    loses_answers: int = 0
    _jobs: list[FakeSlurmJob] = field(default_factory=list)
    _booked: list[SlurmBooking] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def place(self) -> str:
        """A made-up address."""
        return "fake://slurm"

    def version(self) -> str:
        """A made-up release."""
        return "0.0 (fake)"

    def submit(self, asked: SlurmSubmission, since: int | None = 0) -> SlurmReceipt:
        """Hand a job in, once."""
        if since is not None and (found := found_again(asked, self.user, self.jobs(), self.bookings(0), since)):
            return found
        partition = self._partition(asked)
        account = asked.account or self.limits[0].account
        if account not in {each.account for each in self.limits}:
            raise SlurmRefusedError(f"there is no account {account}")
        if asked.qos and asked.qos not in {each.name for each in self.services}:
            raise SlurmRefusedError(f"there is no quality of service {asked.qos}")
        tasks = [None] if asked.array is None else asked.array.numbers
        number, *more = (next(self._ids) for _ in tasks)
        qos = asked.qos or self.services[0].name
        # The last task of an array bears the number of the whole.
        made = [
            FakeSlurmJob(own, asked, partition, account, qos, self.now, task=task)
            for own, task in zip((*more, number), tasks, strict=True)
        ]
        if len(self._fitting(made[0], empty=True, down=True)) < asked.nodes:
            made[0].state, made[0].reason, made[0].ended = "FAILED", "BadConstraints", self.now
            self._jobs.append(made[0])
            raise CapacityError("no node could ever run it")
        for each in made:
            each.array_id = 0 if asked.array is None else number
            each.reason = "JobHeldUser" if asked.hold else "None"
        self._jobs += made
        if self.loses_answers:
            self.loses_answers -= 1
            raise UnreachableError("slurmctld does not answer")
        return SlurmReceipt(number)

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All."""
        waiting: dict[int, list[FakeSlurmJob]] = {}
        shown = []
        for job in self._jobs:
            if job.array_id and job.state == "PENDING" and not job.restarts:
                waiting.setdefault(job.array_id, []).append(job)
            else:
                shown.append(self._seen(job, "" if job.task is None else str(job.task)))
        for array_id, tasks in waiting.items():
            numbers = ",".join(str(each.task) for each in tasks)
            if (array := tasks[0].asked.array) is not None and array.at_most:
                numbers = f"{numbers}%{array.at_most}"
            shown.append(replace(self._seen(tasks[0], numbers), job_id=array_id))
        return tuple(shown)

    def cancel(self, job_id: int, signal: str = "", *, task: int | None = None) -> None:
        """End it; signals do nothing here, as nothing runs."""
        for job in self._named(job_id):
            if not signal and task in {None, job.task} and job.state in {"PENDING", "RUNNING"}:
                self._over(job, "CANCELLED", SlurmExit(0, 15 if job.state == "RUNNING" else 0))

    def update(self, job_id: int, *, name: str = "", comment: str = "", account: str = "", minutes: int = 0) -> None:
        """What the owner of a job may do with ``scontrol update``; what is empty stays."""
        for job in self._named(job_id):
            job.name, job.comment = name or job.name, comment or job.comment
            job.account = account or job.account
            job.asked = replace(job.asked, minutes=minutes or job.asked.minutes)

    def hold(self, job_id: int) -> None:
        """Let it not start."""
        for job in self._named(job_id):
            job.reason = "JobHeldAdmin"

    def release(self, job_id: int) -> None:
        """Let it start."""
        for job in self._named(job_id):
            job.reason = "None"

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All, with what jobs hold of them."""
        return tuple(self._node(each) for each in self.machines)

    def partitions(self) -> tuple[SlurmPartition, ...]:
        """All."""
        return self.lanes

    def associations(self) -> tuple[SlurmAssociation, ...]:
        """All, with what jobs hold of them."""
        used = use_by(self.jobs(), {each.account: each.parent for each in self.limits if not each.user})
        return tuple(replace(each, used=used.get((each.account, each.user), {})) for each in self.limits)

    def qualities(self) -> tuple[SlurmQos, ...]:
        """All, with what jobs hold of them."""
        used = use_by_qos(self.jobs())
        return tuple(replace(each, used=used.get(each.name, {})) for each in self.services)

    def reservations(self) -> tuple[SlurmReservation, ...]:
        """None are made here."""
        return ()

    def licenses(self) -> tuple[SlurmLicense, ...]:
        """None are counted here."""
        return ()

    def used(self, job_id: int) -> SlurmUse:
        """What a test has put there."""
        return self.uses.get(job_id, SlurmUse())

    def bookings(self, since: int) -> tuple[SlurmBooking, ...]:
        """Runs that ended since, and those that run."""
        if self.silent_accounting:
            raise UnreachableError("slurmdbd does not answer")
        running = [self._booking(each) for each in self._jobs if each.state == "RUNNING"]
        return tuple(each for each in (*self._booked, *running) if each.ended == 0 or each.ended >= since)

    def forget(self) -> None:
        """What ended, as slurmctld does after some minutes; the accounting keeps it."""
        self._jobs = [each for each in self._jobs if each.state in {"PENDING", "RUNNING"}]

    def advance(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.now += 1
            for job in [each for each in self._jobs if each.state == "RUNNING"]:
                self._run_on(job)
            self._schedule()

    def _run_on(self, job: FakeSlurmJob) -> None:
        usual = self.runs.get(job.asked.argv, (1, 0))
        length, code = self.runs.get((*job.asked.argv, *dict(job.asked.trials).get(job.task or 0, ())), usual)
        if job.gives_way_at and self.now >= job.gives_way_at:
            self._displace(job)
        elif self.now >= job.started + length:
            self._over(job, "FAILED" if code else "COMPLETED", SlurmExit(code))
        elif job.minutes is not None and self.now >= job.started + 60 * job.minutes:
            self._over(job, "TIMEOUT", SlurmExit(0, 15))

    def _schedule(self) -> None:
        blocked: set[str] = set()
        waiting = [each for each in self._jobs if each.state == "PENDING"]
        for job in sorted(
            waiting, key=lambda each: (-each.partition.tier, each.array_id or each.job_id, each.task or 0)
        ):
            job.reason = self._reason(job)
            if job.reason != "None":
                continue
            places = self._fitting(job)
            if len(places) >= job.asked.nodes:
                job.state, job.started, job.nodes = "RUNNING", self.now, places[: job.asked.nodes]
                continue
            if len(self._fitting(job, empty=True)) < job.asked.nodes:
                job.reason = "ReqNodeNotAvail"
                continue
            job.reason = "Priority" if job.partition.name in blocked else "Resources"
            blocked.add(job.partition.name)
            self._make_room(job)

    def _reason(self, job: FakeSlurmJob) -> str:
        """Why it may not start whatever is free; None where nothing stands against it."""
        if job.reason.startswith("JobHeld"):
            return job.reason
        if max(job.asked.begin, job.eligible) > self.now:
            return "BeginTime"
        if open_ := self._dependency(job):
            return open_
        if job.partition.minutes is not None and (job.minutes or 0) > job.partition.minutes:
            return "PartitionTimeLimit"
        running = [each for each in self._jobs if each.state == "RUNNING"]
        held_by = {"Assoc": [each for each in running if each.account == job.account],
                   "QOS": [each for each in running if each.qos == job.qos]}  # fmt: skip
        limit_of = {"Assoc": next((each.group for each in self.limits if each.account == job.account), {}),
                    "QOS": next((each.group for each in self.services if each.name == job.qos), {})}  # fmt: skip
        for kind, group in limit_of.items():
            for name, most in group.items():
                if sum(each.tres.get(name, 0) for each in held_by[kind]) + job.tres.get(name, 0) > most:
                    return f"{kind}Grp{'GRES' if name.startswith('gres/') else name.upper()}"
        at_most = job.asked.array.at_most if job.asked.array else 0
        if at_most and sum(each.array_id == job.array_id for each in running) >= at_most:
            return "JobArrayTaskLimit"
        return "None"

    def _dependency(self, job: FakeSlurmJob) -> str:
        for each in job.asked.dependencies:
            others = [other for other in self._jobs if each.job_id in {other.job_id, other.array_id}]
            if any(other.state in {"PENDING", "RUNNING"} for other in others):
                return "Dependency"
            if each.kind == "afterok" and any(other.state != "COMPLETED" for other in others):
                return "DependencyNeverSatisfied"
            if each.kind == "afternotok" and any(other.state == "COMPLETED" for other in others):
                return "DependencyNeverSatisfied"
        return ""

    def _make_room(self, job: FakeSlurmJob) -> None:
        for other in self._jobs:
            if (
                other.state == "RUNNING"
                and not other.gives_way_at
                and other.partition.tier < job.partition.tier
                and other.partition.preemption == "requeue"
            ):
                other.told_to_go = self.now
                other.gives_way_at = self.now + other.partition.grace

    def _displace(self, job: FakeSlurmJob) -> None:
        if not job.asked.requeue:
            self._over(job, "PREEMPTED", SlurmExit(0, 15))
            return
        self._booked.append(replace(self._booking(job), state="REQUEUED", ended=self.now))
        job.state, job.reason, job.nodes, job.gives_way_at = "PENDING", "BeginTime", (), 0
        job.restarts, job.eligible, job.started = job.restarts + 1, self.now + REQUEUED_AFTER, 0

    def _over(self, job: FakeSlurmJob, state: str, end: SlurmExit) -> None:
        job.state, job.ended, job.end, job.reason = state, self.now, end, "None"
        self._booked.append(self._booking(job))

    def _fitting(self, job: FakeSlurmJob, *, empty: bool = False, down: bool = False) -> tuple[str, ...]:
        """Nodes that have room for its part on one node; with `empty`, that would have it if nothing ran."""
        share = -(-job.tres["cpu"] // job.asked.nodes), job.tres["mem"] // job.asked.nodes
        found = []
        for machine in self.machines:
            node = machine if empty else self._node(machine)
            devices = all(
                _count(node.gres, each.name, each.type) - _count(node.gres_used, each.name, each.type) >= each.count
                for each in job.asked.gres
            )
            room = node.cpus - node.cpus_used >= share[0] and node.memory_mib - node.memory_used_mib >= share[1]
            if (
                devices and room
                and (down or node.usable)
                and node.name in job.partition.nodes
                and set(job.asked.features) <= set(node.features)
            ):  # fmt: skip
                found.append(node.name)
        return tuple(found)

    def _node(self, machine: SlurmNode) -> SlurmNode:
        here = [each for each in self._jobs if each.state == "RUNNING" and machine.name in each.nodes]
        used = dict.fromkeys(machine.gres, 0)
        for job in here:
            for each in job.asked.gres:
                for key in used:
                    if key[0] == each.name and each.type in {"", key[1]}:
                        used[key] += each.count
        return replace(
            machine,
            cpus_used=sum(each.tres["cpu"] // each.asked.nodes for each in here),
            memory_used_mib=sum(each.tres["mem"] // each.asked.nodes for each in here),
            gres_used=used,
        )

    def _partition(self, asked: SlurmSubmission) -> SlurmPartition:
        for each in self.lanes:
            if each.name in asked.partitions or (not asked.partitions and each.default):
                return each
        raise SlurmRefusedError("there is no such partition")

    def _named(self, job_id: int) -> list[FakeSlurmJob]:
        found = [each for each in self._jobs if job_id in {each.job_id, each.array_id}]
        if not found:
            raise NotFoundError(f"there is no job {job_id}")
        return found

    def _seen(self, job: FakeSlurmJob, tasks: str) -> SlurmJob:
        return SlurmJob(
            job_id=job.job_id,
            name=job.name,
            user=self.user,
            states=(job.state,),
            account=job.account,
            partition=job.partition.name,
            qos=job.qos,
            array_id=job.array_id,
            array_tasks=tasks,
            reasons=() if job.reason == "None" else (job.reason,),
            requested=job.tres,
            allocated={} if job.state == "PENDING" else job.tres,
            nodes=job.nodes,
            node_count=job.asked.nodes,
            tasks=job.asked.tasks,
            submitted=job.submitted,
            eligible=max(job.eligible, job.asked.begin, job.submitted),
            started=job.started,
            ends=job.ended,
            told_to_go=job.told_to_go,
            minutes=job.minutes,
            restarts=job.restarts,
            end=job.end,
            dependency=",".join(map(str, job.asked.dependencies)) if self._dependency(job) else "",
            comment=job.comment,
            output=job.asked.output,
        )

    def _booking(self, job: FakeSlurmJob) -> SlurmBooking:
        return SlurmBooking(
            job_id=job.job_id,
            name=job.name,
            user=self.user,
            account=job.account,
            state=job.state,
            partition=job.partition.name,
            qos=job.qos,
            array_id=job.array_id,
            array_task="" if job.task is None else str(job.task),
            submitted=job.submitted,
            started=job.started,
            ended=job.ended,
            elapsed=(job.ended or self.now) - job.started if job.started else 0,
            end=job.end,
            requested=job.tres,
            allocated=job.tres if job.started else {},
            nodes=job.nodes,
        )


def _count(gres: Mapping[tuple[str, str], int], name: str, type_: str) -> int:
    return sum(_matching(gres, name, type_))


def _matching(gres: Mapping[tuple[str, str], int], name: str, type_: str) -> Iterable[int]:
    return (found for (kind, own), found in gres.items() if kind == name and type_ in {"", own})
