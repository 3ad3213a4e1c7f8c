"""Rules about being displaced, failing and starting again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.grammar import count
from allotment.model.jobs.job import JobType
from allotment.spec.jobs.lint.linted import BEARABLE, LintAdvice, LintedJob, LintRule

_LONGEST_INTERVAL: Final = 1_800
"""Seconds of work that a preemption may lose."""
_LEAST_GRACE: Final = 30
"""Seconds; what Kubernetes gives to whoever asks for nothing."""
_ONE_BY_ONE_IS_NO_USE: Final = frozenset({JobType.TRAINING, JobType.SCHEDULED})
_TRAINS: Final = ("train", "finetune", "fine-tune", "fine_tune", "pretrain")


def spot_without_checkpoint(linted: LintedJob) -> Iterator[LintAdvice]:
    """It may be taken away, and begins again each time."""
    job = linted.job
    if job.spot and job.type.ends and linted.is_long and not linted.survives:
        how = "it may run on spot capacity" if linted.was_written("spot") else "all that its team has of them is spot"
        yield LintAdvice(
            ("spot",),
            f"{how}, which can be taken away at any time, and the job cannot resume",
            "add `checkpoint:`; or `spot: false`; or `retries: {safe: true}` where beginning again is cheap",
        )


def displaced_without_checkpoint(linted: LintedJob) -> Iterator[LintAdvice]:
    """A rung that others displace, and all work since the start is lost."""
    job = linted.job
    rung = next((each for each in linted.platform.priorities if each.name == job.priority), None)
    if rung is None or not job.type.ends or not linted.is_long or linted.survives or job.spot:
        return
    above = [each.name for each in linted.platform.priorities if each.preempts and each.value > rung.value]
    if above:
        yield LintAdvice(
            ("priority",),
            f"{' and '.join(above)} displace {rung.name}, and without a checkpoint all its work is lost",
            f"add `checkpoint:`, or `maxRunTime:` of {BEARABLE // 3600}h or less, or `retries: {{safe: true}}`",
        )


def long_interval(linted: LintedJob) -> Iterator[LintAdvice]:
    """More between two checkpoints than a preemption may lose."""
    checkpoint = linted.job.checkpoint
    if checkpoint is not None and checkpoint.interval is not None and checkpoint.interval > _LONGEST_INTERVAL:
        where = f" on {count(linted.job.devices, 'device')}" if linted.job.devices else ""
        yield LintAdvice(
            ("checkpoint", "interval"),
            f"up to {checkpoint.interval // 60} minutes of work{where} are lost each time that it is displaced",
            f"write a checkpoint every {_LONGEST_INTERVAL // 60} minutes or more often",
        )


def short_grace(linted: LintedJob) -> Iterator[LintAdvice]:
    """No time to write a checkpoint."""
    checkpoint = linted.job.checkpoint
    if checkpoint is not None and checkpoint.grace < _LEAST_GRACE:
        yield LintAdvice(
            ("checkpoint", "grace"),
            f"{checkpoint.grace} s after SIGTERM it is killed, perhaps while it writes",
            f"write {_LEAST_GRACE}s or more; the team may take {linted.team.max_grace}s",
        )


def checkpoint_nowhere(linted: LintedJob) -> Iterator[LintAdvice]:
    """In a container, what lies in no volume goes away with it."""
    job = linted.job
    if job.checkpoint is None or not job.program.image:
        return
    folder = job.checkpoint.directory
    if not any(f"{folder}/".startswith(f"{volume.path}/") for volume in job.volumes):
        yield LintAdvice(
            ("checkpoint", "directory"),
            "it lies in none of the job's volumes: in a container it goes away with what is displaced",
            "add a volume with `use: checkpoint` and a claim, and write there",
        )


def retries_not_safe(linted: LintedJob) -> Iterator[LintAdvice]:
    """Retries that do not happen."""
    if linted.job.retries.limit and not linted.job.retries.safe:
        yield LintAdvice(
            ("retries",),
            "running it twice is not declared to do no harm: once it has begun it is not started again",
            "add `safe: true` if that is so, or remove `retries`",
        )


def replicas_without_gang(linted: LintedJob) -> Iterator[LintAdvice]:
    """Some hold devices and wait for the others."""
    job = linted.job
    if job.replicas > 1 and not job.gang and job.type in _ONE_BY_ONE_IS_NO_USE:
        yield LintAdvice(
            ("gang",),
            f"some of its {job.replicas} replicas may start and hold their devices while the others wait",
            "write `gang: true`; or `type: evaluation` where each is of use by itself",
        )


def training_as_service(linted: LintedJob) -> Iterator[LintAdvice]:
    """What has an end, started again for ever."""
    job = linted.job
    if job.type is not JobType.SERVICE:
        return
    name = " ".join(job.program.argv[:4]).lower()
    if job.checkpoint is not None or job.run_time is not None or any(word in name for word in _TRAINS):
        yield LintAdvice(
            ("type",),
            "a service is started again whenever it ends: training would begin anew for ever",
            "write `type: training`",
        )


def image_moves(linted: LintedJob) -> Iterator[LintAdvice]:
    """A name that means another program tomorrow."""
    image = linted.job.program.image
    tag = image.rpartition("/")[2].partition(":")[2]
    if image and "@sha256:" not in image and tag in {"", "latest"}:
        yield LintAdvice(
            ("run", "image"),
            "the image has no version: what resumes after a preemption may be another program",
            "name a tag that stays, or a digest",
        )


RULES: Final = (
    LintRule(
        "spot-without-checkpoint",
        "Spot capacity for what cannot resume",
        "Spot is taken away without asking, and the work since the start is paid and lost.",
        spot_without_checkpoint,
    ),
    LintRule(
        "displaced-without-checkpoint",
        "A priority that others displace, without a checkpoint",
        "Whoever may be displaced needs a checkpoint, or has to be short.",
        displaced_without_checkpoint,
    ),
    LintRule(
        "long-interval",
        "More than 30 minutes between two checkpoints",
        "A preemption loses up to the interval, on all devices.",
        long_interval,
    ),
    LintRule("short-grace", "Less than 30 s to write a checkpoint", "A checkpoint cut short is none.", short_grace),
    LintRule(
        "checkpoint-nowhere",
        "Checkpoints in no volume",
        "The disk of a container ends with it: there is nothing to resume from.",
        checkpoint_nowhere,
    ),
    LintRule(
        "retries-not-safe",
        "Retries of what is not safe to run twice",
        "Such a job is started again only if it never began.",
        retries_not_safe,
    ),
    LintRule(
        "replicas-without-gang",
        "Several replicas that need not start together",
        "Half of two gangs each hold what the other waits for.",
        replicas_without_gang,
    ),
    LintRule(
        "training-as-service",
        "Training as a service",
        "A Deployment restarts for ever what has an end.",
        training_as_service,
    ),
    LintRule(
        "image-moves",
        "An image without a version",
        "After a preemption another program may resume from the checkpoint.",
        image_moves,
    ),
)
