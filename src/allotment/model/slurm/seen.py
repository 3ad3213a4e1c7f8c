"""What a Slurm tells: jobs, nodes, partitions, limits with their use, and what was booked. All text is foreign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from allotment.model.slurm.submission import identity_of
from allotment.model.slurm.tres import GPUS, gpus_of


class SlurmPhase(StrEnum):
    """What Slurm's states come to."""

    WAITING = "waiting"
    RUNNING = "running"
    """Holds its nodes; `configuring` and `suspended` are among it."""
    ENDING = "ending"
    """Over, while its nodes are cleaned."""
    ENDED = "ended"


_OF_TYPE: Final = f"{GPUS}:"
_ENDED: Final = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "RECONFIG_FAIL", "REVOKED", "TIMEOUT",
})  # fmt: skip
_BY_ITSELF: Final = frozenset({"COMPLETED", "FAILED"})
_WAITING: Final = frozenset({
    "PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT",
})  # fmt: skip


def phase_of(states: tuple[str, ...]) -> SlurmPhase:
    """Of all words that a job's state consists of; newer versions give several."""
    words = set(states)
    if words & _WAITING:
        return SlurmPhase.WAITING
    if "COMPLETING" in words:
        return SlurmPhase.ENDING
    return SlurmPhase.ENDED if words & _ENDED else SlurmPhase.RUNNING


@dataclass(frozen=True, slots=True)
class SlurmExit:
    """How a job ended: its exit code, or the signal that ended it."""

    code: int = 0
    signal: int = 0

    @property
    def as_shell(self) -> int:
        """One number, as shells have it: 128 and the signal."""
        return 128 + self.signal if self.signal else self.code


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """A job as slurmctld has it now; it forgets those that ended minutes ago.

    Attributes:
        job_id: of this one; tasks of an array that wait together are one.
        array_id: of the array that it belongs to; 0 for none.
        array_tasks: its number in it, or those that wait, such as ``3-9%2``.
        states: Slurm's words, most telling first, such as PENDING.
        reasons: why it waits, or why it ended so: every word that Slurm gives; None stands for none.
        said: Slurm's sentence to it.
        requested: resources by name (`tres`), memory in MiB.
        allocated: the same while it runs, and what it had afterwards.
        nodes: that it runs on, or ran on.
        node_count: how many it has or wants.
        tasks: processes in all.
        submitted: seconds since 1970, as are all times; 0 where there is none.
        eligible: from when on it may start.
        started: when, or when Slurm expects it.
        ends: when it ended, or will at the latest.
        told_to_go: when it was told last to make room for others.
        minutes: time limit; None for none.
        restarts: times that it was requeued.
        dependency: those that are still open, as Slurm writes them.
        features: of nodes that it asks for, as Slurm writes them.
        required: nodes that it must have, by name.
        reservation: in whose nodes it is to run; empty for none.
        licenses: that it asks for, by name.
        output: file, its patterns still in it in some versions.
    """

    job_id: int
    name: str
    user: str
    states: tuple[str, ...]
    account: str = ""
    partition: str = ""
    qos: str = ""
    array_id: int = 0
    array_tasks: str = ""
    reasons: tuple[str, ...] = ()
    said: str = ""
    requested: Mapping[str, int] = field(default_factory=dict)
    allocated: Mapping[str, int] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    node_count: int = 1
    tasks: int = 1
    submitted: int = 0
    eligible: int = 0
    started: int = 0
    ends: int = 0
    told_to_go: int = 0
    minutes: int | None = None
    restarts: int = 0
    priority: int = 0
    end: SlurmExit = SlurmExit()
    dependency: str = ""
    features: str = ""
    required: tuple[str, ...] = ()
    reservation: str = ""
    licenses: Mapping[str, int] = field(default_factory=dict)
    comment: str = ""
    output: str = ""

    @property
    def gpu_type(self) -> str:
        """Of all its devices, as Slurm calls it; empty where it does not count by type, or they are of several."""
        held = (name for name, count in self.allocated.items() if count)
        found = {name.removeprefix(_OF_TYPE) for name in held if name.startswith(_OF_TYPE)}
        return found.pop() if len(found) == 1 else ""

    @property
    def identity(self) -> str:
        """The id that it was handed in with; empty for a job of others."""
        return identity_of(self.name)

    @property
    def number(self) -> int:
        """By which it is known: its own, or its array's."""
        return self.array_id or self.job_id

    @property
    def called(self) -> str:
        """As squeue shows it: its number, of a task of an array ``12_5``; of tasks that wait together the array's."""
        return (
            f"{self.array_id}_{self.array_tasks}"
            if self.array_id and self.array_tasks.isdecimal()
            else str(self.number)
        )

    @property
    def phase(self) -> SlurmPhase:
        """What its states come to."""
        return phase_of(self.states)

    @property
    def displaced(self) -> bool:
        """Whether it was told in this run to make room for others, whatever it did then."""
        return bool(self.told_to_go) and self.told_to_go >= self.started

    @property
    def end_word(self) -> str:
        """Slurm's word for how it ended; empty where it has not.

        What leaves by itself when it has to make room Slurm counts by its exit code, as if it had done its work.
        """
        if self.phase is not SlurmPhase.ENDED:
            return ""
        return "PREEMPTED" if self.displaced and self.states[0] in _BY_ITSELF else self.states[0]

    @property
    def held(self) -> bool:
        """Whether it waits for somebody to release it."""
        return self.phase is SlurmPhase.WAITING and any(each.startswith("JobHeld") for each in self.reasons)

    @property
    def holds(self) -> bool:
        """Whether it holds what was allocated to it."""
        return self.phase in {SlurmPhase.RUNNING, SlurmPhase.ENDING}

    @property
    def gpus(self) -> int:
        """Devices that it holds; 0 while it waits and when it is over."""
        return gpus_of(self.allocated) if self.holds else 0


@dataclass(frozen=True, slots=True)
class SlurmNode:
    """A node.

    Attributes:
        states: Slurm's words in small letters, such as idle, mixed, drain.
        reason: why it is drained or down, in the words of whoever did it.
        cpus_used: held by jobs.
        memory_mib: in all.
        memory_used_mib: held by jobs.
        gres: devices by name and type.
        gres_used: held by jobs.
    """

    name: str
    states: tuple[str, ...]
    reason: str = ""
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    cpus: int = 0
    cpus_used: int = 0
    memory_mib: int = 0
    memory_used_mib: int = 0
    gres: Mapping[tuple[str, str], int] = field(default_factory=dict)
    gres_used: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether a job may start there."""
        return not {"down", "drain", "drained", "draining", "fail", "failing", "unknown", "inval", "maint"} & {
            each.strip("*~#!%$@^-+").lower() for each in self.states
        }

    def devices(self, name: str = "gpu") -> int:
        """Of all types."""
        return sum(count for (found, _), count in self.gres.items() if found == name)

    def devices_used(self, name: str = "gpu") -> int:
        """Of all types, held by jobs."""
        return sum(count for (found, _), count in self.gres_used.items() if found == name)


@dataclass(frozen=True, slots=True)
class SlurmPartition:
    """A partition.

    Attributes:
        up: whether it takes and starts jobs.
        minutes: longest time limit; None for any.
        default_minutes: of jobs that ask for none; None where that is the longest.
        tier: jobs of a higher one go first, and may preempt those of a lower one.
        preemption: what becomes of its jobs then: off, requeue, cancel, suspend; empty where it was not said.
        grace: seconds between the warning and the end then.
        own_qos: quality of service whose limits hold for all of its jobs, before all others; empty for none.
    """

    name: str
    up: bool
    default: bool = False
    nodes: tuple[str, ...] = ()
    minutes: int | None = None
    default_minutes: int | None = None
    tier: int = 1
    preemption: str = ""
    grace: int = 0
    accounts: tuple[str, ...] = ()
    qos: tuple[str, ...] = ()
    own_qos: str = ""


@dataclass(frozen=True, slots=True)
class SlurmAssociation:
    """Limits of an account, or of a user in it.

    Attributes:
        cluster: on which; one accounting may serve several.
        user: empty for the account's own, which all of its users share.
        parent: the account above; limits of all of them hold.
        group: most that its jobs may hold together, by resource.
        used: what they hold now, by resource.
        per_job: most that one job may hold.
        jobs: most that may run together, of all below it; None for any number.
        own_jobs: most that may run together of this account and user alone; None for any number.
        minutes: longest time limit of a job; None for any.
        qos: that it may use.
    """

    account: str
    cluster: str = ""
    user: str = ""
    partition: str = ""
    parent: str = ""
    group: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)
    per_job: Mapping[str, int] = field(default_factory=dict)
    jobs: int | None = None
    own_jobs: int | None = None
    minutes: int | None = None
    qos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlurmQos:
    """A quality of service with its limits; the fields mean what those of `SlurmAssociation` do.

    Attributes:
        preempts: others whose jobs it may displace.
        per_user: most that one user's jobs may hold together.
        per_account: most that the jobs of one account may hold together.
        jobs, jobs_per_user, jobs_per_account: most that may run together; None for any number.
    """

    name: str
    priority: int = 0
    preempts: tuple[str, ...] = ()
    group: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)
    per_user: Mapping[str, int] = field(default_factory=dict)
    per_job: Mapping[str, int] = field(default_factory=dict)
    minutes: int | None = None
    per_account: Mapping[str, int] = field(default_factory=dict)
    jobs: int | None = None
    jobs_per_user: int | None = None
    jobs_per_account: int | None = None


@dataclass(frozen=True, slots=True)
class SlurmReservation:
    """Nodes that are kept for some.

    Attributes:
        starts, ends: seconds since 1970.
        users, accounts: who may use it; a name with a dash before it may not.
    """

    name: str
    starts: int = 0
    ends: int = 0
    nodes: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    partition: str = ""


@dataclass(frozen=True, slots=True)
class SlurmLicense:
    """Something that is counted for the whole cluster, such as licences of a program."""

    name: str
    total: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class SlurmBooking:
    """One run of a job as the accounting has it; a job that was requeued has several.

    Attributes:
        state: Slurm's word, such as COMPLETED.
        elapsed: seconds that it ran.
        end: None where nobody knows; slurmrestd of 22.05 does not tell it of jobs that failed.
        allocated: what it held, by resource.
    """

    job_id: int
    name: str
    user: str
    account: str
    state: str
    partition: str = ""
    qos: str = ""
    array_id: int = 0
    array_task: str = ""
    submitted: int = 0
    started: int = 0
    ended: int = 0
    elapsed: int = 0
    end: SlurmExit | None = None
    requested: Mapping[str, int] = field(default_factory=dict)
    allocated: Mapping[str, int] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """The id that it was handed in with; empty for a job of others."""
        return identity_of(self.name)

    @property
    def number(self) -> int:
        """By which it is known: its own, or its array's."""
        return self.array_id or self.job_id

    @property
    def over(self) -> bool:
        """Whether this run has ended."""
        return phase_of((self.state,)) is SlurmPhase.ENDED or (self.ended > 0 and self.state != "RUNNING")
