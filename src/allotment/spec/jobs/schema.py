"""Kind Job: its replicas, its trials, when it is run, for how long, and what becomes of it when it is displaced."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from allotment.model.jobs.job import DependencyState, JobType, NearnessDomain
from allotment.model.spelling import nearest
from allotment.spec.jobs.forms import (
    RUN_SHORT,
    AsWritten,
    CronText,
    Duration,
    EitherPath,
    JobName,
    MetricName,
    Moment,
    RangeNumber,
    Replicas,
    Retries,
    Seed,
    SweptName,
    Trials,
    ZoneName,
)
from allotment.spec.jobs.replica import CodeSpec, JobVolumeSpec, ResourcesSpec, RunSpec, StagedDataSpec
from allotment.spec.problems import echo
from allotment.spec.schema import json_schema
from allotment.spec.schema.base import KindSpec, Spec, fields_of
from allotment.spec.schema.choices import EnvironmentChoice, choice
from allotment.spec.schema.scalars import Flag, LabelKey, LabelValue, Name, TenantName
from allotment.spec.schema.short_forms import ONE_OR_LIST, short_for


class RangeScale(StrEnum):
    """How a range is drawn from."""

    LINEAR = "linear"
    LOG = "log"


JobTypeChoice = Annotated[JobType, *choice(JobType)]
NearnessChoice = Annotated[NearnessDomain, *choice(NearnessDomain)]
DependencyChoice = Annotated[DependencyState, *choice(DependencyState)]
ScaleChoice = Annotated[RangeScale, *choice(RangeScale)]


class NearnessSpec(Spec):
    """How close together the replicas are to run; a plain word will do."""

    within: NearnessChoice = Field(description="node, rack or zone.", examples=["rack"])
    required: Flag = Field(
        default=False,
        description="Whether it rather waits than runs apart. false: near if there is room.",
        examples=[True],
    )


class CheckpointSpec(Spec):
    """How the job survives that it is displaced; a plain path is the directory."""

    directory: EitherPath = Field(
        description="Where it writes checkpoints: in one of its volumes, or relative to its code's folder. The program "
        "finds it in ALLOTMENT_CHECKPOINT_DIR.",
        examples=["/ckpt"],
    )
    interval: Duration | None = Field(
        default=None,
        description="Time between two checkpoints: what a displaced job loses at most. Not known by default.",
        examples=["10m"],
    )
    grace: Duration | None = Field(
        default=None,
        description="Time to write one after SIGTERM, ALLOTMENT_GRACE_SECONDS; at most the team's maxGrace. 1m, or "
        "maxGrace where that is less.",
        examples=["2m"],
    )


class RetriesSpec(Spec):
    """What happens after a failure of its own; being displaced costs no retry."""

    limit: Retries = Field(default=0, description="Times that it is started again.", examples=[3])
    safe: Flag = Field(
        default=False,
        description="Declares that running it twice does no harm. Without it a job that has begun is not started again "
        "after a failure.",
        examples=[True],
    )


class SweptRangeSpec(Spec):
    """A range that values are drawn from."""

    from_: RangeNumber = Field(alias="from", description="Least value.", examples=["1e-5"])
    to: RangeNumber = Field(description="Largest value.", examples=["1e-2"])
    scale: ScaleChoice = Field(
        default=RangeScale.LINEAR,
        description="linear, or log: every order of magnitude alike.",
        examples=["log"],
    )
    whole: Flag = Field(default=False, description="Whether only whole numbers are drawn.", examples=[True])


class EarlyStopSpec(Spec):
    """Trials that fall behind are stopped: worse than the median of the others at the same report."""

    metric: MetricName = Field(description="Its name; a line NAME=NUMBER of the log reports it.", examples=["loss"])
    maximise: Flag = Field(default=False, description="Whether more is better.", examples=[True])
    after: Retries = Field(default=3, description="Reports that every trial may make first.", examples=[3])


class SweepSpec(Spec):
    """Many trials of one program: all combinations of a grid, or random draws. Each parameter becomes --NAME=VALUE."""

    grid: dict[SweptName, tuple[AsWritten, ...]] = Field(
        default_factory=dict,
        description="Values by parameter, each taken as it is written. None: it is random.",
        examples=[{"lr": ["1e-3", "3e-4"]}],
    )
    random: dict[SweptName, SweptRangeSpec] = Field(
        default_factory=dict,
        description="Ranges by parameter. None: it is a grid.",
        examples=[{"lr": {"from": "1e-5", "to": "1e-2", "scale": "log"}}],
    )
    trials: Trials | None = Field(
        default=None, description="How many are drawn; a grid has as many as it has combinations.", examples=[20]
    )
    seed: Seed = Field(default=0, description="The same seed draws the same trials.", examples=[7])
    at_once: Trials | None = Field(
        default=None,
        description="Trials at the same time. 4, or all where they are fewer: the team's other work goes on.",
        examples=[4],
    )
    early_stop: EarlyStopSpec | None = Field(
        default=None,
        description="Whether trials that fall behind are stopped. None: all run to their end.",
        examples=[{"metric": "loss"}],
    )

    @classmethod
    def stands_for(cls, name: str, value: Any) -> str:
        """A list or a mapping is a parameter that stands a level too high."""
        told = echo(name, quote=False)
        if isinstance(value, (list, tuple)):
            return f"values that are tried stand below `grid`, as `grid: {{{told}: […]}}`"
        if isinstance(value, dict) and not nearest(name, fields_of(cls)):
            return f"a range to draw from stands below `random`, as `random: {{{told}: {{from: …, to: …}}}}`"
        return ""


class ScheduleSpec(Spec):
    """When it runs; a plain cron expression will do. Two runs never overlap: one that is due meanwhile is left out."""

    cron: CronText = Field(
        description="Five fields, or @hourly, @daily, @weekly, @monthly, @yearly.", examples=["0 2 * * *"]
    )
    time_zone: ZoneName = Field(default="Etc/UTC", description="IANA name.", examples=["Europe/Berlin"])
    starting_deadline: Duration | None = Field(
        default=None,
        description="Time after which a run that could not start is left out. 1h, or half of the shortest time "
        "between two runs where that is less.",
        examples=["1h"],
    )


class DependencySpec(Spec):
    """Another job of the team that has to be over first; its plain name will do."""

    job: JobName = Field(description="Its name, in this file or submitted before.", examples=["prep"])
    is_: DependencyChoice = Field(
        default=DependencyState.SUCCEEDED,
        alias="is",
        description="succeeded, or ended: however it ended.",
        examples=["ended"],
    )


class JobFileSpec(KindSpec):
    """A job: work with an end, a service, or a notebook. Ten lines will do."""

    kind: Literal["Job"] = Field(description="Which kind of document this is.", examples=["Job"])
    name: JobName = Field(description="What people call it; need not be unique over time.", examples=["train-llm"])
    team: TenantName | None = Field(
        default=None, description="Team of the platform directory. The one that --team names.", examples=["nlp"]
    )
    type: JobTypeChoice | None = Field(
        default=None,
        description="training, evaluation, sweep, scheduled, service or notebook. sweep with `sweep`, scheduled with "
        "`schedule`, else training.",
        examples=["training"],
    )
    run: Annotated[RunSpec, RUN_SHORT] = Field(
        description="What is run: a script's path, or a mapping.", examples=["train.py"]
    )
    code: Annotated[CodeSpec, short_for("folder")] | None = Field(
        default=None,
        description="Folder that travels with the job. The job file's own where a script is named by a relative path; "
        "else none.",
        examples=["."],
    )
    resources: ResourcesSpec = Field(
        default_factory=ResourcesSpec, description="What one replica is given.", examples=[{"accelerators": "a100:2"}]
    )
    replicas: Replicas = Field(
        default=1, description="Processes (pods) at once; each knows its rank by ALLOTMENT_RANK.", examples=[2]
    )
    gang: Flag | None = Field(
        default=None,
        description="Whether replicas start all or not at all. true for training and scheduled work with several.",
        examples=[True],
    )
    nearness: Annotated[NearnessSpec, short_for("within")] | None = Field(
        default=None, description="How close together they run. It does not matter by default.", examples=["rack"]
    )
    priority: Name | None = Field(
        default=None,
        description="Rung of the ladder. The team's default; the others have to be given to it.",
        examples=["scheduled-training"],
    )
    spot: Flag | None = Field(
        default=None,
        description="Whether it may run on capacity that can be taken away. true where it checkpoints, or is safe to "
        "run twice, or where the team has nothing else of what it needs.",
        examples=[True],
    )
    max_run_time: Duration | None = Field(
        default=None, description="After which it is ended. No end of its own by default.", examples=["4h"]
    )
    deadline: Moment | None = Field(
        default=None,
        description="When its result is needed. It does not matter by default.",
        examples=["2027-12-01T06:00:00Z"],
    )
    checkpoint: Annotated[CheckpointSpec, short_for("directory")] | None = Field(
        default=None, description="How it survives that it is displaced. None: it begins again.", examples=["/ckpt"]
    )
    retries: Annotated[RetriesSpec, short_for("limit")] = Field(
        default_factory=RetriesSpec,
        description="What happens after a failure of its own; a plain number is the limit. Nothing by default.",
        examples=[{"limit": 3, "safe": True}],
    )
    volumes: dict[Name, JobVolumeSpec] = Field(
        default_factory=dict,
        description="Storage by name. None by default.",
        examples=[{"data": {"claim": "datasets", "path": "/data"}}],
    )
    data: tuple[Annotated[StagedDataSpec, short_for("source")], ...] = Field(
        default=(),
        description="Data and weights that are fetched first. None by default.",
        examples=[["s3://bucket/corpus"]],
    )
    sweep: SweepSpec | None = Field(
        default=None, description="Many trials. None: one run.", examples=[{"grid": {"lr": ["1e-3", "3e-4"]}}]
    )
    schedule: Annotated[ScheduleSpec, short_for("cron")] | None = Field(
        default=None, description="When it runs again and again. None: once.", examples=["0 2 * * *"]
    )
    after: Annotated[tuple[Annotated[DependencySpec, short_for("job")], ...], ONE_OR_LIST] = Field(
        default=(),
        description="Jobs that have to be over first; one name or a list. None by default.",
        examples=["prep"],
    )
    project: LabelValue | None = Field(
        default=None, description="One of the team's projects. Its first.", examples=["assistant"]
    )
    cost_center: LabelValue | None = Field(
        default=None, description="Cost centre. The project's; another one is refused.", examples=["cc-4521"]
    )
    environment: EnvironmentChoice | None = Field(
        default=None,
        description="production, staging or development. That of the cluster where it runs.",
        examples=["staging"],
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description="Further labels, such as model and experiment. None by default.",
        examples=[{"model": "llm-7b"}],
    )

    @classmethod
    def stands_for(cls, name: str, value: Any) -> str:
        """What others run before the job is a part of its image, or of its script."""
        del value
        if name == "setup":
            return "there is no setup: install what it needs in the image (`run.image`), or in the script that it runs"
        return ""


def job_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one document of a job file."""
    found = JobFileSpec.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions: Mapping[str, Any] = found.pop("$defs", {})
    name = JobFileSpec.__name__
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Allotment job file",
        "type": "object",
        "required": ["kind"],
        "oneOf": [{"$ref": f"#/$defs/{name}"}],
        "$defs": {**definitions, name: found},
    }


def every_kind() -> dict[str, Any]:
    """JSON Schema of one document of a platform directory or of a job file, for what is said of fields."""
    directory, job = json_schema(), job_json_schema()
    return {
        **directory,
        "oneOf": [*directory["oneOf"], *job["oneOf"]],
        "$defs": {**directory["$defs"], **job["$defs"]},
    }
