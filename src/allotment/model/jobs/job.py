"""A job as its file asks for it, after defaults and checks; nothing here says where it will run.

Numbers and names that cannot be are refused with InputError by whatever they would be part of: a job that comes through
a socket, or out of a store, went through no job file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from allotment.errors import InputError
from allotment.model.accelerator import CapacityType, Vendor
from allotment.model.jobs import bounds
from allotment.model.jobs.bounds import must_be, must_be_within
from allotment.model.moments import moment
from allotment.model.names import is_dns_label
from allotment.model.quantity import Bytes, MilliCpu


class JobType(StrEnum):
    """What a job is for; it decides the kind that a back end starts, and what is linted."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    SWEEP = "sweep"
    SCHEDULED = "scheduled"
    SERVICE = "service"
    NOTEBOOK = "notebook"

    @property
    def ends(self) -> bool:
        """Whether it is done some day; a service and a notebook run until they are stopped."""
        return self not in {JobType.SERVICE, JobType.NOTEBOOK}


@dataclass(frozen=True, slots=True)
class SecretVariable:
    """An environment variable whose value lies in a secret: only the reference is ever kept.

    Attributes:
        variable: name in the environment.
        secret: name of the Secret (Kubernetes), or of a file in the team's folder of secrets (elsewhere).
        key: which of its entries.
    """

    variable: str
    secret: str
    key: str


@dataclass(frozen=True, slots=True)
class CodeFolder:
    """A folder that travels with the job.

    Attributes:
        folder: relative to the job file.
        ignore_file: name of the file in it that says what stays behind (gitignore's patterns); empty for none.
        most: bytes that it may be packed.
    """

    folder: str
    ignore_file: str
    most: Bytes

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("code.most", self.most, 0, bounds.MOST_AMOUNT)


@dataclass(frozen=True, slots=True)
class Program:
    """What is run.

    Attributes:
        argv: never a shell's text; empty where the image's own entry is run.
        image: reference of a container image; empty where the machine's own programs are used.
        environment: by variable.
        secrets: further variables.
        code: None where everything is in the image, or on the machine.
        working_directory: absolute in an image; relative to the code elsewhere; empty for the usual one.
        port: on which a service or a notebook answers; None for what answers nobody.
    """

    argv: tuple[str, ...]
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretVariable, ...] = ()
    code: CodeFolder | None = None
    working_directory: str = ""
    port: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("run.port", self.port, 1, bounds.MOST_PORT)


@dataclass(frozen=True, slots=True)
class AcceleratorWish:
    """Which devices one replica needs: classes by name, or whatever has certain attributes.

    Attributes:
        count: devices of one replica; more than 0.
        classes: names of the catalogue in order of preference. Of a wish by attributes those that it was resolved
            to, cheapest first; so it is never empty.
        least_memory: bytes of one device; None where it does not matter.
        vendor: None for any.
        interconnect: such as ``NVLink``; empty for any.
        architecture: such as ``Hopper``; empty for any.
        capacity_type: empty for any; ``spot``, ``on-demand``, ``reserved``.
        any_class: nobody named a class: the classes are those that the attributes were resolved to.
    """

    count: int
    classes: tuple[str, ...]
    least_memory: Bytes | None = None
    vendor: Vendor | None = None
    interconnect: str = ""
    architecture: str = ""
    capacity_type: str = ""
    any_class: bool = False

    @property
    def said(self) -> str:
        """What listings call them: the class that is liked best, or ``any`` where none was named."""
        return "any" if self.any_class else self.classes[0]

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("accelerators.count", self.count, 1, bounds.MOST_DEVICES)
        must_be_within("accelerators.memory", self.least_memory, 1, bounds.MOST_AMOUNT)
        if not self.classes:
            raise InputError("the accelerators have no class", fix="name at least one of the catalogue")
        for each in self.classes:
            must_be("accelerators.class", each, fits=is_dns_label(each), rule="it is no name of the catalogue")
        known = not self.capacity_type or self.capacity_type in set(CapacityType)
        rule = f"there are {', '.join(CapacityType)}"
        must_be("accelerators.capacityType", self.capacity_type, fits=known, rule=rule)


@dataclass(frozen=True, slots=True)
class ReplicaNeeds:
    """What one replica is given.

    Attributes:
        memory: bytes.
        shared_memory: bytes of /dev/shm; None for the usual ones.
        ephemeral_storage: bytes; None where nothing is asked for.
    """

    cpu: MilliCpu
    memory: Bytes
    accelerators: AcceleratorWish | None = None
    shared_memory: Bytes | None = None
    ephemeral_storage: Bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("cpu", self.cpu, 1, bounds.MOST_AMOUNT)
        must_be_within("memory", self.memory, 1, bounds.MOST_AMOUNT)
        must_be_within("sharedMemory", self.shared_memory, 0, bounds.MOST_AMOUNT)
        must_be_within("ephemeralStorage", self.ephemeral_storage, 0, bounds.MOST_AMOUNT)


class NearnessDomain(StrEnum):
    """Within what the replicas of a gang should be together."""

    NODE = "node"
    RACK = "rack"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class Nearness:
    """How close together replicas are to run.

    Attributes:
        required: whether it rather waits than runs apart.
    """

    within: NearnessDomain
    required: bool


@dataclass(frozen=True, slots=True)
class CheckpointPolicy:
    """How a job survives that it is displaced.

    Attributes:
        directory: where it writes checkpoints: a path in a volume of the job, or in its code folder on this machine.
            The job finds it in ``ALLOTMENT_CHECKPOINT_DIR``.
        interval: seconds between two checkpoints; None where the job says nothing of it.
        grace: seconds that it needs to write one after SIGTERM (``ALLOTMENT_GRACE_SECONDS``).
        of: id of the job whose checkpoints it goes on with, where these stay where they are; empty for its own.
    """

    directory: str
    interval: int | None
    grace: int
    of: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("checkpoint.interval", self.interval, 1, bounds.LONGEST_RUN)
        must_be_within("checkpoint.grace", self.grace, 0, bounds.LONGEST_RUN)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What happens after a failure of its own; being displaced costs no retry.

    Attributes:
        limit: times it is started again.
        safe: declared: running it twice does no harm. Where it is not, it is started again only if it never began.
    """

    limit: int = 0
    safe: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("retries.limit", self.limit, 0, bounds.MOST_RETRIES)


class VolumeUse(StrEnum):
    """What a volume is for: it decides the class of storage, and what is linted."""

    READ_MOSTLY = "read-mostly"
    CHECKPOINT = "checkpoint"
    SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class JobVolume:
    """Storage at a path of the job.

    Attributes:
        claim: name of a claim that is there already; empty for scratch, which comes and goes with the job.
        folder: host path, for back ends without claims; empty for none.
        path: absolute; where the job sees it.
        size: bytes, of scratch.
    """

    name: str
    use: VolumeUse
    path: str
    claim: str = ""
    folder: str = ""
    size: Bytes | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be(
            "the name of a volume", self.name, fits=is_dns_label(self.name), rule="it has letters, digits and dashes"
        )
        must_be_within("the size of a volume", self.size, 0, bounds.MOST_AMOUNT)


class StagingTime(StrEnum):
    """When data are brought to where the job runs."""

    BEFORE = "before"
    """By a step of its own that holds no accelerator. The default."""
    AT_START = "at-start"
    """By the job's own pod, while it holds its accelerators: booked as staging."""


@dataclass(frozen=True, slots=True)
class StagedData:
    """Data or weights that are copied before the program starts.

    Attributes:
        source: URI (``https://``, ``s3://``, ``hf://``) or an absolute path.
        volume: name of the job's volume that they are copied to.
        path: relative, in that volume.
        size: bytes as far as known; None if not.
        image: with what they are fetched; empty for the platform's usual image.
        argv: how they are fetched; empty for the usual way of the scheme.
    """

    source: str
    volume: str
    path: str
    when: StagingTime
    size: Bytes | None = None
    image: str = ""
    argv: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("the size of data", self.size, 0, bounds.MOST_AMOUNT)


@dataclass(frozen=True, slots=True)
class SweptParameter:
    """One parameter of a sweep: the values of a grid, or a range that is drawn from.

    Attributes:
        values: of a grid, as they are handed to the program.
        low: of a range; None for a grid.
        high: of a range; None for a grid.
        logarithmic: whether the range is drawn by its orders of magnitude.
        whole: whether only whole numbers are drawn.
    """

    name: str
    values: tuple[str, ...] = ()
    low: Fraction | None = None
    high: Fraction | None = None
    logarithmic: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not self.values and self.low is None:
            raise InputError("a parameter of the sweep has no values", fix="give it values, or a range")
        if (self.low is None) is not (self.high is None) or (self.values and self.low is not None):
            why = "a range has a low and a high end, and no values"
            raise InputError(
                "a parameter of the sweep is neither a grid nor a range", why=why, fix="give it one of them"
            )
        if self.low is not None and self.high is not None:
            bounds.must_be_drawable(self.low, self.high, logarithmic=self.logarithmic, whole=self.whole)


@dataclass(frozen=True, slots=True)
class EarlyStop:
    """Trials that fall behind are stopped: worse than the median of the others at the same report.

    Attributes:
        metric: name; a line ``NAME=NUMBER`` of the log reports it.
        maximise: whether more is better.
        after: reports that every trial may make first.
    """

    metric: str
    maximise: bool
    after: int

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("earlyStop.after", self.after, 0, bounds.MOST_RETRIES)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Many trials of one program.

    Attributes:
        parameters: each is handed to the program as ``--NAME=VALUE``.
        trials: how many: all combinations of a grid, or as many as are drawn.
        seed: of what is drawn: the same seed draws the same trials.
        at_once: trials that may run at the same time.
    """

    parameters: tuple[SweptParameter, ...]
    trials: int
    seed: int
    at_once: int
    early_stop: EarlyStop | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("sweep.trials", self.trials, 1, bounds.MOST_TRIALS)
        must_be_within("sweep.atOnce", self.at_once, 1, self.trials)
        must_be_within("sweep.seed", self.seed, 0, bounds.MOST_SEED)
        if not self.parameters:
            raise InputError("the sweep has no parameters", fix="name one at least")
        if all(each.low is None for each in self.parameters):
            combinations = math.prod(len(each.values) for each in self.parameters[: bounds.MOST_SWEPT])
            must_be_within("the number of combinations of the grid", combinations, 1, bounds.MOST_TRIALS)


@dataclass(frozen=True, slots=True)
class JobSchedule:
    """When a scheduled job runs; two runs never overlap.

    Attributes:
        cron: five fields.
        time_zone: IANA name.
        starting_deadline: seconds after its time within which a run may still start.
    """

    cron: str
    time_zone: str
    starting_deadline: int

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        must_be_within("schedule.startingDeadline", self.starting_deadline, 1, bounds.LONGEST_RUN)


class DependencyState(StrEnum):
    """How another job must have ended."""

    SUCCEEDED = "succeeded"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class JobDependency:
    """Another job of the same team that has to be over first."""

    job: str
    must_have: DependencyState


@dataclass(frozen=True, slots=True)
class Job:
    """A job, valid by construction.

    Attributes:
        name: what people call it; not unique over time.
        team: name of the team in the platform directory.
        project: value of the label ``project``; empty for the team's usual one.
        labels: further labels, such as model and experiment.
        needs: of one replica.
        replicas: processes (pods) that run at once; each knows its rank.
        gang: whether replicas start all or not at all.
        priority: a rung of the ladder.
        run_time: most seconds that it runs, after which it is ended; None for no end of its own.
        deadline: RFC 3339, when its result is needed; empty if it does not matter.
        spot: whether it may run on capacity that can be taken away.
    """

    name: str
    team: str
    type: JobType
    program: Program
    needs: ReplicaNeeds
    priority: str
    project: str = ""
    cost_center: str = ""
    environment: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    gang: bool = False
    nearness: Nearness | None = None
    run_time: int | None = None
    deadline: str = ""
    spot: bool = True
    checkpoint: CheckpointPolicy | None = None
    retries: RetryPolicy = RetryPolicy()
    data: tuple[StagedData, ...] = ()
    volumes: tuple[JobVolume, ...] = ()
    sweep: Sweep | None = None
    schedule: JobSchedule | None = None
    after: tuple[JobDependency, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        short = is_dns_label(self.name) and len(self.name) <= bounds.LONGEST_NAME
        rule = f"it has lower-case letters, digits and dashes inside, {bounds.LONGEST_NAME} at most"
        must_be("the name of the job", self.name, fits=short, rule=rule)
        for what, name in (("team", self.team), ("priority", self.priority)):
            must_be(what, name, fits=is_dns_label(name), rule="it has lower-case letters, digits and dashes inside")
        must_be_within("replicas", self.replicas, 1, bounds.MOST_REPLICAS)
        must_be_within("maxRunTime", self.run_time, 1, bounds.LONGEST_RUN)
        timely = not self.deadline or moment(self.deadline) is not None
        must_be("deadline", self.deadline, fits=timely, rule="it is no time as RFC 3339 has it")

    @property
    def devices(self) -> int:
        """Accelerators of all its replicas."""
        return 0 if self.needs.accelerators is None else self.needs.accelerators.count * self.replicas

    @property
    def grace(self) -> int:
        """Seconds between SIGTERM and SIGKILL; 30, as Kubernetes has it, where it writes no checkpoint."""
        return 30 if self.checkpoint is None else self.checkpoint.grace
