"""Job → a submission to Slurm, in a place that says what the platform's words are called there."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import CapacityError, InputError, quoted
from allotment.jobs.fetching import STAGING_CPU, STAGING_MEMORY, fetch_arguments, told_of_data
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.trials import trials_of
from allotment.model.grammar import count
from allotment.model.jobs.given import volume_variable
from allotment.model.jobs.job import AcceleratorWish, Job, NearnessDomain, Sweep
from allotment.model.quantity import Bytes, format_bytes
from allotment.model.slurm.submission import SlurmArray, SlurmGres, SlurmSubmission, SlurmWarning

_MIB: Final = 1 << 20
PYTHON: Final = 'command -v python >/dev/null || exec python3 "$@"; exec python "$@"'
"""Many nodes have Python under one of its names alone; on this machine, too, either is taken."""
RANKS: Final = (
    'export ALLOTMENT_RANK="${SLURM_ARRAY_TASK_ID:-$SLURM_PROCID}" SLURM_OVERLAP=1 '
    "ALLOTMENT_ATTEMPT=$((ALLOTMENT_ATTEMPT + ${SLURM_RESTART_COUNT:-0})); "
    'if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then if [ -n "${ALLOTMENT_CHECKPOINT_DIR:-}" ]; then '
    'export ALLOTMENT_CHECKPOINT_DIR="$ALLOTMENT_CHECKPOINT_DIR/$SLURM_ARRAY_TASK_ID"; '
    'mkdir -p "$ALLOTMENT_CHECKPOINT_DIR" || exit; fi; '
    'elif [ "$ALLOTMENT_REPLICAS" -gt 1 ]; then '
    'export RANK="$SLURM_PROCID" LOCAL_RANK="$SLURM_LOCALID" MASTER_ADDR="$SLURM_LAUNCH_NODE_IPADDR" '
    "MASTER_PORT=$((16384 + SLURM_JOB_ID % 16384)); fi; "
    'if [ -z "${HOME:-}" ]; then HOME=$(getent passwd "$(id -u)" | cut -d: -f6); export HOME; fi; '
    'exec "$@"'
)
"""A constant program before the user's: which replica or trial it is, and how often it was requeued, only the node
knows. A trial has a folder of its own for its checkpoints. Several jobs share a node, so the port on which rank 0 of a
gang listens follows from the job's number: below those that Linux gives out by itself, and above those of services.
An srun in the user's program would wait for ever for what its own step holds: it overlaps it instead."""


@dataclass(frozen=True, slots=True)
class SlurmShape:
    """What the nodes with devices of a class have; of different ones, the least of each.

    Attributes:
        gres: the class's name on Slurm, such as ``a100``.
        devices: of one node.
        cpus: of one node.
        memory: bytes of one node.
    """

    gres: str
    devices: int
    cpus: int
    memory: Bytes


@dataclass(frozen=True, slots=True)
class SlurmPlace:
    """What the platform's words are called on one Slurm.

    Attributes:
        name: of the back end.
        shapes: nodes by class of the catalogue; a class that is not among them is not there.
        plain: nodes without devices; None where there are none.
        accounts: by team; a team that is not among them has the account of its own name.
        partitions: by rung; the cluster's default for rungs that are not among them.
        qualities: quality of service by rung; the account's default for rungs that are not among them.
        bundles: OCI bundles by image, where containers are set up.
    """

    name: str
    shapes: Mapping[str, SlurmShape]
    plain: SlurmShape | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    qualities: Mapping[str, str] = field(default_factory=dict)
    bundles: Mapping[str, str] = field(default_factory=dict)

    def class_of(self, gres: str) -> str:
        """The class that Slurm calls so; empty where it is none of the catalogue."""
        return next((name for name, shape in self.shapes.items() if gres and shape.gres == gres), "")


@dataclass(frozen=True, slots=True)
class SlurmFolders:
    """Folders of a job, absolute, seen alike by all nodes.

    Attributes:
        code: where the program starts.
        logs: of its output, a file for each replica.
        checkpoint: kept from attempt to attempt; empty where it writes none.
        volumes: by name.
        secrets: files with the values of its variables, by the variable's name.
    """

    code: str
    logs: str
    checkpoint: str = ""
    volumes: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


def told_on_slurm(job: Job, bundles: Mapping[str, str]) -> tuple[str, ...]:
    """What is different there from what the file says, in sentences.

    Args:
        job: what is submitted.
        bundles: see `SlurmPlace`.
    """
    image = job.program.image
    said = [f"it runs without a container: on these nodes {image} stands for what they have"] * (
        bundles.get(image) == ""
    )
    said += [
        f"nothing is mounted at {each.path}: the volume {each.name} is a folder that all nodes see, "
        f"named in {volume_variable(each.name)}"
        for each in job.volumes
    ]
    if job.run_time is not None and job.run_time % 60:
        said.append("its run time is rounded up to whole minutes")
    if job.checkpoint is None and not job.retries.safe:
        said.append("it is not started again after a preemption: it has no checkpoint, and is not declared safe")
    if job.retries.limit and not job.retries.safe:
        said.append("it is tried again only where Slurm could not start it: it is not declared safe (retries.safe)")
    return (*said, *told_of_data(job))


def submission_of(
    job: Job,
    part: SlurmPart,
    place: SlurmPlace,
    folders: SlurmFolders,
    *,
    trials: Collection[int] = (),
) -> SlurmSubmission:
    """One attempt of a job.

    Args:
        job: one that runs into none of `SLURM_LOSSES`.
        part: which attempt of which job.
        place: where it is handed in.
        folders: of the job.
        trials: of a sweep, those that are run; none for all.

    Raises:
        CapacityError: no node has what one replica needs.
        InputError: the place has no container for its image.
        SlurmFieldError: a name or a path has a form that Slurm could take for something else.
    """
    wish = job.needs.accelerators
    shape = _shape(job, place)
    together = _together(job, shape)
    cpus = -(-job.needs.cpu // 1000)
    attempt = part.attempt
    array = _array(job.sweep, trials)
    container = _bundle(job, place)
    return SlurmSubmission(
        identity=part.identity,
        name=job.name,
        argv=("sh", "-c", RANKS, "sh", *_argv(job, container)),
        directory=_start(job, folders),
        output=f"{_escaped(folders.logs)}/{batch_log(attempt, None if array is None else '%a')}",
        task_output=f"{_escaped(folders.logs)}/{task_log(attempt, '%t' if array is None else '%a')}",
        account=place.accounts.get(job.team, job.team),
        partitions=place.partitions.get(job.priority, ()),
        qos=place.qualities.get(job.priority, ""),
        gres=() if wish is None else (SlurmGres(wish.count * together, shape.gres),),
        nodes=job.replicas // together,
        tasks=job.replicas,
        tasks_per_node=together,
        devices_per_task=wish.count if wish is not None and together > 1 else 0,
        cpus_per_task=max(1, cpus),
        memory_mib=-(-job.needs.memory * together // _MIB),
        minutes=minutes_of(job),
        warning=None if job.checkpoint is None else SlurmWarning("TERM", min(job.grace, 65535)),
        requeue=job.checkpoint is not None or job.retries.safe,
        append=True,
        container=container,
        comment=comment_of(job),
        environment=tuple(sorted(_environment(job, part, folders).items())),
        secrets=tuple(sorted(folders.secrets.items())),
        array=array,
        trials=() if job.sweep is None or array is None else _trials(job.sweep, array),
    )


def staging_of(job: Job, job_id: str, place: SlurmPlace, folders: SlurmFolders) -> SlurmSubmission:
    """What fetches the data of a job before: it asks for no device, and the work depends on it.

    Args:
        job: one that has data, and runs into none of `SLURM_LOSSES`.
        job_id: unique over all jobs.
        place: where it is handed in.
        folders: of the job.

    Raises:
        SlurmFieldError: a name or a path has a form that Slurm could take for something else.
    """
    part = SlurmPart(job_id, 0, 0)
    return SlurmSubmission(
        identity=part.identity,
        name=job.name,
        argv=fetch_arguments(job, folders.volumes, f"{folders.logs}/{FETCHED_LOG}"),
        steps=False,
        directory=folders.volumes[job.data[0].volume],
        output=f"{_escaped(folders.logs)}/{STAGING_LOG}",
        account=place.accounts.get(job.team, job.team),
        partitions=place.partitions.get(job.priority, ()),
        qos=place.qualities.get(job.priority, ""),
        cpus_per_task=-(-STAGING_CPU // 1000),
        memory_mib=STAGING_MEMORY // _MIB,
        # To fetch twice does no harm.
        requeue=True,
        append=True,
        comment=fetching_comment(comment_of(job)),
        environment=tuple(sorted(_environment(job, part, folders).items())),
        secrets=tuple(sorted(folders.secrets.items())),
    )


STAGING_LOG: Final = "staging.log"
"""Name of the file with what Slurm says of the fetching of data, and what could not be fetched."""
FETCHED_LOG: Final = "staging.rank-0.log"
"""Name of the file with what the programs say that fetch them."""


def batch_log(attempt: int, trial: int | str | None = None) -> str:
    """Name of the file with what Slurm itself says of an attempt, or of one trial in it."""
    return f"attempt-{attempt}.log" if trial is None else f"attempt-{attempt}.trial-{trial}.log"


def task_log(attempt: int, rank: int | str) -> str:
    """Name of the file with the output of one replica, or one trial."""
    return f"attempt-{attempt}.rank-{rank}.log"


def _array(sweep: Sweep | None, trials: Collection[int]) -> SlurmArray | None:
    if sweep is None:
        return None
    return SlurmArray(0, sweep.trials - 1, at_most=sweep.at_once, only=tuple(sorted(trials)))


def _trials(sweep: Sweep, array: SlurmArray) -> tuple[tuple[int, tuple[str, ...]], ...]:
    arguments = trials_of(sweep)
    return tuple((number, arguments[number]) for number in array.numbers)


def minutes_of(job: Job) -> int:
    """Its time limit; 0 where it asks for none."""
    return 0 if job.run_time is None else max(1, -(-job.run_time // 60))


def comment_of(job: Job) -> str:
    """Of all that is handed in for a job."""
    return f"allotment {job.team}{f'/{job.project}' if job.project else ''}"


def fetching_comment(comment: str) -> str:
    """Of what fetches the data of a job with that one."""
    return f"{comment}: fetches its data"


def _argv(job: Job, container: str) -> tuple[str, ...]:
    """Its command; in a container Python has the name that it has there."""
    argv = job.program.argv
    if argv[0] != "python" or container:
        return argv
    return ("sh", "-c", PYTHON, "sh", *argv[1:])


def _shape(job: Job, place: SlurmPlace) -> SlurmShape:
    """Of the first class that has room for one replica."""
    wish, needs = job.needs.accelerators, job.needs
    if wish is None:
        offered = [place.plain, *place.shapes.values()]
        there = "nodes without devices"
    else:
        offered = [place.shapes.get(name) for name in wish.classes]
        there = " or ".join(wish.classes)
    known = [each for each in offered if each is not None]
    if not known:
        names = ", ".join(sorted(place.shapes)) or "none"
        raise CapacityError(
            f"there is no {there} on {place.name}", why=f"its classes are {names}", fix="ask for one of these"
        )
    for each in known:
        if _fits(job, each, 1):
            return each
    most = known[0]
    raise CapacityError(
        f"no node of {place.name} holds one replica",
        why=f"{_of_what(wish, most)} has {_amounts(most.devices, most.cpus, most.memory)}; "
        f"one replica of {job.name} asks for "
        f"{_amounts(0 if wish is None else wish.count, -(-needs.cpu // 1000), needs.memory)}",
        fix="ask for less in one replica, and for more replicas",
    )


def _of_what(wish: AcceleratorWish | None, shape: SlurmShape) -> str:
    if wish is None:
        return f"a node with {shape.gres}" if shape.gres else "a node without devices"
    return f"a node with {' or '.join(wish.classes)}"


def _amounts(devices: int, cpus: int, memory: Bytes) -> str:
    named = f"{count(devices, 'device')}, " if devices else ""
    return f"{named}{count(cpus, 'CPU')} and {format_bytes(memory)} of memory"


def _fits(job: Job, shape: SlurmShape, replicas: int) -> bool:
    wish = job.needs.accelerators
    return (
        (0 if wish is None else wish.count) * replicas <= shape.devices
        and -(-job.needs.cpu // 1000) * replicas <= shape.cpus
        and job.needs.memory * replicas <= shape.memory
    )


def _together(job: Job, shape: SlurmShape) -> int:
    """Replicas on one node: as many as fit, and the same number on each."""
    found = max(each for each in range(1, job.replicas + 1) if job.replicas % each == 0 and _fits(job, shape, each))
    nearness = job.nearness
    if (
        nearness is not None and nearness.required and nearness.within is NearnessDomain.NODE
        and found < job.replicas
    ):  # fmt: skip
        raise CapacityError(
            f"no node holds all {job.replicas} replicas",
            why=f"{found} fit into one, and nearness asks for one node",
            fix="set nearness.required: false, or ask for fewer replicas",
        )
    return found


def _start(job: Job, folders: SlurmFolders) -> str:
    inside = job.program.working_directory
    return posixpath.normpath(posixpath.join(folders.code, inside)) if inside else folders.code


def _escaped(path: str) -> str:
    """A path in which no per cent sign is one of Slurm's patterns."""
    return path.replace("%", "%%")


def _bundle(job: Job, place: SlurmPlace) -> str:
    image = job.program.image
    if not image:
        return ""
    if image not in place.bundles:
        known = ", ".join(sorted(place.bundles)) or "none"
        raise InputError(
            f"{place.name} has no container for the image {quoted(image)}",
            why=f"set up are {known}",
            fix=f"leave run.image out and use the cluster's own programs, or name it in the Slurm's `images`: "
            f'{{{quoted(image)}: /folder/of/its/bundle}}, or "" where nodes have what is in it by themselves',
        )
    return place.bundles[image]


def _environment(job: Job, part: SlurmPart, folders: SlurmFolders) -> dict[str, str]:
    found = {
        **job.program.environment,
        "ALLOTMENT_JOB_ID": part.job_id,
        "ALLOTMENT_JOB_NAME": job.name,
        "ALLOTMENT_TEAM": job.team,
        "ALLOTMENT_ATTEMPT": str(max(1, part.attempt)),
        "ALLOTMENT_REPLICAS": str(job.replicas if job.sweep is None else job.sweep.trials),
        "ALLOTMENT_GRACE_SECONDS": str(job.grace),
        **({"ALLOTMENT_CHECKPOINT_DIR": folders.checkpoint} if folders.checkpoint else {}),
        **{volume_variable(name): folder for name, folder in folders.volumes.items()},
    }
    if job.replicas > 1:
        found |= {"WORLD_SIZE": str(job.replicas)}
    return found
