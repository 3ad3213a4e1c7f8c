"""Rules about data, volumes and the network around them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.grammar import count
from allotment.model.jobs.job import JobVolume, StagingTime, VolumeUse
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule

_A_STAMPEDE: Final = 4
"""So many that load the same weights at the same moment are felt by a store."""


def staging_holds_devices(linted: LintedJob) -> Iterator[LintAdvice]:
    """Devices idle while data come over the network."""
    job = linted.job
    held = f"{count(job.devices, 'device')} {'is' if job.devices == 1 else 'are'}"
    for index, data in enumerate(job.data):
        if data.when is StagingTime.AT_START and job.devices:
            yield LintAdvice(
                ("data", index, "when"),
                f"{held} held, and idle, while it is fetched",
                "write `when: before`, into a volume with a claim",
            )


def weight_stampede(linted: LintedJob) -> Iterator[LintAdvice]:
    """Many load the same thing at the same moment."""
    job = linted.job
    at_once = job.replicas * (1 if job.sweep is None else job.sweep.at_once)
    for index, data in enumerate(job.data):
        if data.when is StagingTime.AT_START and at_once >= _A_STAMPEDE:
            yield LintAdvice(
                ("data", index),
                f"{at_once} replicas fetch it from its store at the same moment",
                "fetch it once, `when: before`, into a volume that all of them read",
            )


def staged_into_scratch(linted: LintedJob) -> Iterator[LintAdvice]:
    """What is fetched by a step of its own cannot be handed over in what goes away with that step."""
    scratch = {volume.name for volume in linted.job.volumes if volume.use is VolumeUse.SCRATCH}
    for index, data in enumerate(linted.job.data):
        if data.when is StagingTime.BEFORE and data.volume in scratch:
            yield LintAdvice(
                ("data", index, "volume"),
                "scratch goes away with the step that fetches: in a cluster the job would find it empty",
                "stage into a volume with a claim; or write `when: at-start`",
            )


def data_and_checkpoints_together(linted: LintedJob) -> Iterator[LintAdvice]:
    """Reading data and writing checkpoints at the same storage."""
    job = linted.job
    keepers = [volume for volume in job.volumes if _keeps_checkpoints(linted, volume)]
    kept_on = {_place(volume) for volume in keepers}
    fed = {data.volume for data in job.data}
    for volume in job.volumes:
        shares = volume not in keepers and volume.use is VolumeUse.READ_MOSTLY and _place(volume) in kept_on
        feeds = volume in keepers and (volume.use is VolumeUse.READ_MOSTLY or volume.name in fed)
        if shares or feeds:
            yield LintAdvice(
                ("volumes", volume.name),
                "data are read from where checkpoints are written to: on slow storage that looks like an idle GPU",
                "keep checkpoints on a claim of their own",
            )


def _keeps_checkpoints(linted: LintedJob, volume: JobVolume) -> bool:
    checkpoint = linted.job.checkpoint
    inside = checkpoint is not None and f"{checkpoint.directory}/".startswith(f"{volume.path}/")
    return inside or volume.use is VolumeUse.CHECKPOINT


def _place(volume: JobVolume) -> tuple[str, str]:
    return (volume.claim, "") if volume.claim else ("", volume.folder or volume.name)


def claim_unknown(linted: LintedJob) -> Iterator[LintAdvice]:
    """A claim that the team does not begin with."""
    known = [claim.name for claim in linted.team.storage.claims]
    for volume in linted.job.volumes:
        if known and volume.claim and volume.claim not in known:
            yield LintAdvice(
                ("volumes", volume.name, "claim"),
                f"the platform declares no such claim for team {linted.team.name}; it has {', '.join(known)}",
                "choose one of them, or make sure that somebody made it",
            )


def registry_not_trusted(linted: LintedJob) -> Iterator[LintAdvice]:
    """An image that the policy of a cluster refuses."""
    image = linted.job.program.image
    policy = next((each for each in linted.platform.policies if each.name is PolicyName.TRUSTED_REGISTRIES), None)
    if not image or policy is None or not policy.registries or image.startswith(policy.registries):
        return
    refusing = [each.cluster for each in linted.team.placements if _refuses(linted, policy, each.cluster)]
    if refusing:
        refuse = "refuses" if len(refusing) == 1 else "refuse"
        yield LintAdvice(
            ("run", "image"),
            f"{', '.join(refusing)} {refuse} images that do not come from {', '.join(policy.registries)}, but for "
            "what platform engineers submit themselves",
            "copy the image there, and name the copy",
        )


def _refuses(linted: LintedJob, policy: Policy, name: str) -> bool:
    """Whether a policy does more than warn where a team's jobs run in a cluster."""
    cluster, namespace = linted.platform.cluster(name), linted.team.namespaces[0]
    if policy.modes.get(name) is not Mode.ENFORCE or namespace in policy.exempt_namespaces:
        return False
    return cluster is None or not policy.may_only_warn or namespace not in cluster.warn_namespaces


def nearness_of_one(linted: LintedJob) -> Iterator[LintAdvice]:
    """Near to what?"""
    if linted.job.nearness is not None and linted.job.replicas == 1:
        yield LintAdvice(("nearness",), "one replica is near to itself wherever it runs", "remove the field")


RULES: Final = (
    LintRule(
        "staging-holds-devices",
        "Data fetched while devices are held",
        "20 GB of weights take minutes, and the GPU is paid for while it waits.",
        staging_holds_devices,
    ),
    LintRule(
        "weight-stampede",
        "Many replicas that load the same data at once",
        "They stampede the store, and all of them are slow.",
        weight_stampede,
    ),
    LintRule(
        "staged-into-scratch",
        "Data staged before into scratch",
        "Scratch goes away with the step that fetched them.",
        staged_into_scratch,
    ),
    LintRule(
        "data-and-checkpoints-together",
        "Data and checkpoints on one claim",
        "Writing a checkpoint stops the data loaders of all replicas.",
        data_and_checkpoints_together,
    ),
    LintRule(
        "claim-unknown",
        "A claim that the platform does not declare",
        "A pod waits for ever for a claim that is not there.",
        claim_unknown,
    ),
    LintRule(
        "registry-not-trusted",
        "An image from a registry that a cluster refuses",
        "Admission refuses the job.",
        registry_not_trusted,
    ),
    LintRule("nearness-of-one", "Nearness of one replica", "It says nothing.", nearness_of_one),
)
