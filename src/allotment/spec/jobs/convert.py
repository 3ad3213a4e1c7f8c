"""A checked document as a `Job`: short forms written out, defaults filled in."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import (
    AcceleratorWish,
    CheckpointPolicy,
    CodeFolder,
    EarlyStop,
    Job,
    JobDependency,
    JobSchedule,
    JobType,
    JobVolume,
    Nearness,
    Program,
    ReplicaNeeds,
    RetryPolicy,
    SecretVariable,
    StagedData,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.team import Team
from allotment.spec.jobs.context import JobContext
from allotment.spec.jobs.cron import parse_cron
from allotment.spec.jobs.replica import (
    AcceleratorWishSpec,
    CodeSpec,
    JobVolumeSpec,
    ResourcesSpec,
    RunSpec,
    StagedDataSpec,
)
from allotment.spec.jobs.schema import RangeScale, ScheduleSpec, SweepSpec
from allotment.spec.jobs.wishes import classes_for, has_lasting, usual_size

USUAL_GRACE: Final = 60
"""Seconds: a checkpoint of a few GB is written in less, and the team's maxGrace allows far more."""
USUAL_STARTING_DEADLINE: Final = 3_600
USUAL_AT_ONCE: Final = 4
_USUAL_PORTS: Final = {JobType.SERVICE: 8080, JobType.NOTEBOOK: 8888}
_INTERPRETERS: Final = {".py": "python", ".sh": "sh"}
_TOGETHER: Final = frozenset({JobType.TRAINING, JobType.SCHEDULED})
"""Work whose replicas are of no use one by one, unless it says otherwise."""


def job_of(context: JobContext, team: Team) -> Job:
    """The job that a document means; its checks have passed."""
    spec, kind = context.spec, context.type
    needs = replica_needs(spec.resources, context.platform, team)
    wish = needs.accelerators
    classes = () if wish is None else wish.classes
    resumes = spec.checkpoint is not None or spec.retries.safe
    return Job(
        name=spec.name,
        team=team.name,
        type=kind,
        program=program(spec.run, code_of(spec.run, spec.code), kind),
        needs=needs,
        priority=spec.priority or usual_priority(context.platform, team),
        project=spec.project or (team.projects[0].name if team.projects else ""),
        cost_center=cost_center(team, spec.project),
        environment="" if spec.environment is None else spec.environment.value,
        labels=dict(spec.labels),
        replicas=spec.replicas,
        gang=spec.gang if spec.gang is not None else spec.replicas > 1 and kind in _TOGETHER,
        nearness=None if spec.nearness is None else Nearness(spec.nearness.within, spec.nearness.required),
        run_time=spec.max_run_time,
        deadline=spec.deadline or "",
        spot=_spot(spec.spot, wish, resumes or not has_lasting(context.platform, team, classes)),
        checkpoint=None
        if spec.checkpoint is None
        else CheckpointPolicy(
            spec.checkpoint.directory,
            spec.checkpoint.interval,
            spec.checkpoint.grace or min(USUAL_GRACE, team.max_grace),
        ),
        retries=RetryPolicy(spec.retries.limit, spec.retries.safe),
        data=tuple(_staged(each, spec.volumes) for each in spec.data),
        volumes=tuple(_volume(name, each) for name, each in spec.volumes.items()),
        sweep=None if spec.sweep is None else _sweep(spec.sweep),
        schedule=None if spec.schedule is None else schedule(spec.schedule),
        after=tuple(JobDependency(each.job, each.is_) for each in spec.after),
    )


def _spot(written: bool | None, wish: AcceleratorWish | None, usual: bool) -> bool:  # noqa: FBT001 (a value, no switch)
    if written is not None:
        return written
    if wish is not None and wish.capacity_type:
        return wish.capacity_type == CapacityType.SPOT
    return usual


def usual_priority(platform: Platform, team: Team) -> str:
    """The rung of work that names none."""
    return team.priorities[0] if team.priorities else platform.default_priority.name


def cost_center(team: Team, project: str | None) -> str:
    """The cost centre of a project; of the team's first where none is named."""
    named = [each for each in team.projects if project is None or each.name == project]
    return named[0].cost_center if named else team.cost_center


def code_of(run: RunSpec, code: CodeSpec | None) -> CodeSpec | None:
    """The folder that travels with the job: its file's own where a script of it is named."""
    if code is None and run.script is not None and not run.script.startswith("/"):
        return CodeSpec()
    return code


def program(run: RunSpec, code: CodeSpec | None, kind: JobType) -> Program:
    """What is run, as the words that are handed to the machine."""
    return Program(
        argv=_argv(run),
        image=run.image or "",
        environment=dict(run.env),
        secrets=tuple(
            SecretVariable(variable, reference.secret, reference.key or variable)
            for variable, reference in run.secrets.items()
        ),
        code=None if code is None else CodeFolder(code.folder, code.ignore_file, Bytes(code.most)),
        working_directory=run.working_directory or "",
        port=run.port or _USUAL_PORTS.get(kind),
    )


def _argv(run: RunSpec) -> tuple[str, ...]:
    if run.script is None:
        return (*run.command, *run.args)
    _name, dot, suffix = run.script.rpartition(".")
    interpreter = _INTERPRETERS.get(dot + suffix)
    if interpreter is not None:
        # An interpreter would take what begins with a dash for a flag of its own.
        dashed = run.script.startswith("-")
        return (interpreter, f"./{run.script}" if dashed else run.script, *run.args)
    # Without a slash in it a name would be looked for among the machine's programs.
    return (run.script if "/" in run.script else f"./{run.script}", *run.args)


def replica_needs(spec: ResourcesSpec, platform: Platform, team: Team) -> ReplicaNeeds:
    """What a replica is given, CPU and memory filled in."""
    wish = None if spec.accelerators is None else wish_of(spec.accelerators, platform, team)
    usual = usual_size(platform, team, () if wish is None else wish.classes, 0 if wish is None else wish.count)
    return ReplicaNeeds(
        cpu=usual.cpu if spec.cpu is None else MilliCpu(spec.cpu),
        memory=usual.memory if spec.memory is None else Bytes(spec.memory),
        accelerators=wish,
        shared_memory=None if spec.shared_memory is None else Bytes(spec.shared_memory),
        ephemeral_storage=None if spec.ephemeral_storage is None else Bytes(spec.ephemeral_storage),
    )


def wish_of(spec: AcceleratorWishSpec, platform: Platform, team: Team) -> AcceleratorWish:
    """Devices, with the classes that attributes mean."""
    return AcceleratorWish(
        count=spec.count,
        classes=spec.class_ or classes_for(spec, platform, team),
        any_class=not spec.class_,
        least_memory=None if spec.memory is None else Bytes(spec.memory),
        vendor=spec.vendor,
        interconnect=spec.interconnect or "",
        architecture=spec.architecture or "",
        capacity_type="" if spec.capacity_type is None else spec.capacity_type.value,
    )


def _volume(name: str, spec: JobVolumeSpec) -> JobVolume:
    return JobVolume(
        name=name,
        use=use_of(spec),
        path=spec.path or f"/{name}",
        claim=spec.claim or "",
        folder=spec.folder or "",
        size=None if spec.size is None else Bytes(spec.size),
    )


def use_of(spec: JobVolumeSpec) -> VolumeUse:
    """What a volume is for, if it is not written."""
    if spec.use is not None:
        return spec.use
    return VolumeUse.READ_MOSTLY if spec.claim or spec.folder else VolumeUse.SCRATCH


def volume_for_data(volumes: dict[str, JobVolumeSpec]) -> str | None:
    """The volume that data are copied to where none is named: the only one that keeps no checkpoints."""
    fitting = [name for name, each in volumes.items() if use_of(each) is not VolumeUse.CHECKPOINT]
    return fitting[0] if len(fitting) == 1 else None


def last_part(source: str) -> str:
    """The last part of an address, without what follows its path; empty where it has none."""
    place = source.partition("://")[2].partition("/")[2] if "://" in source else source
    return place.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]


def _staged(spec: StagedDataSpec, volumes: dict[str, JobVolumeSpec]) -> StagedData:
    return StagedData(
        source=spec.source,
        volume=spec.volume or volume_for_data(volumes) or "",
        path=spec.path or last_part(spec.source) or ".",
        when=spec.when,
        size=None if spec.size is None else Bytes(spec.size),
        image=spec.image or "",
        argv=spec.command,
    )


def trials_of(spec: SweepSpec) -> int:
    """How many trials there are: of a grid all combinations, as far as anybody counts."""
    if not spec.grid:
        return spec.trials or 0
    number = 1
    for values in spec.grid.values():
        number *= len(values)
    return number


def _sweep(spec: SweepSpec) -> Sweep:
    swept = [SweptParameter(name, values) for name, values in spec.grid.items()]
    drawn = [
        SweptParameter(
            name,
            low=Fraction(each.from_),
            high=Fraction(each.to),
            logarithmic=each.scale is RangeScale.LOG,
            whole=each.whole,
        )
        for name, each in spec.random.items()
    ]
    trials = trials_of(spec)
    stop = spec.early_stop
    return Sweep(
        parameters=(*swept, *drawn),
        trials=trials,
        seed=spec.seed,
        at_once=min(trials, spec.at_once or USUAL_AT_ONCE),
        early_stop=None if stop is None else EarlyStop(stop.metric, stop.maximise, stop.after),
    )


def schedule(spec: ScheduleSpec) -> JobSchedule:
    """When it runs, the starting deadline filled in."""
    usual = min(USUAL_STARTING_DEADLINE, max(1, parse_cron(spec.cron).shortest_period // 2))
    return JobSchedule(spec.cron, spec.time_zone, spec.starting_deadline or usual)
