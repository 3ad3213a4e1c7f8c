"""A job → the objects that run it, or the reasons why they cannot."""

from __future__ import annotations

import io
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import InputError, shown
from allotment.jobs.fetching import staged
from allotment.jobs.kubernetes.batch_job import batch_job, staging_job
from allotment.jobs.kubernetes.beside import arguments_of, code_of, front_name, front_service, headless_service
from allotment.jobs.kubernetes.budget import disruption_budget
from allotment.jobs.kubernetes.choosing import ChosenKind, choose
from allotment.jobs.kubernetes.cron_job import cron_job
from allotment.jobs.kubernetes.deployment import deployment
from allotment.jobs.kubernetes.job_set import job_set
from allotment.jobs.kubernetes.kinds import NOTHING_WITHHELD, WithheldKind, WorkKind
from allotment.jobs.kubernetes.leader_worker_set import WORKER_INDEX, leader_worker_set
from allotment.jobs.kubernetes.losses import COMMON, OF_KIND
from allotment.jobs.kubernetes.order import ONLY_CHECKED, WorkOrder
from allotment.jobs.kubernetes.place import JobPlace
from allotment.jobs.kubernetes.pods import WorkDraft
from allotment.jobs.kubernetes.ray_job import ray_job
from allotment.jobs.kubernetes.storage import MOST_CODE, checkpoint_folder
from allotment.jobs.kubernetes.train_job import train_job
from allotment.jobs.kubernetes.volcano_job import volcano_job
from allotment.jobs.losses import FieldLoss, lost
from allotment.model.jobs.heavy import largest_parts
from allotment.model.jobs.job import StagingTime
from allotment.model.manifest import Body

RENDERERS: Final[Mapping[WorkKind, Callable[[WorkDraft], Body]]] = {
    WorkKind.JOB: batch_job,
    WorkKind.JOB_SET: job_set,
    WorkKind.LEADER_WORKER_SET: leader_worker_set,
    WorkKind.CRON_JOB: cron_job,
    WorkKind.DEPLOYMENT: deployment,
    WorkKind.TRAIN_JOB: train_job,
    WorkKind.RAY_JOB: ray_job,
    WorkKind.VOLCANO_JOB: volcano_job,
}


@dataclass(frozen=True, slots=True)
class RenderedWork:
    """What is made in the cluster, in order.

    Attributes:
        chosen: kind of `main`.
        staging: what has to be complete before `main` is made; None for nothing.
        main: what runs the job.
        beside: what goes with `main`, whose it is.
        told: what was decided for the job, in sentences.
    """

    chosen: ChosenKind
    staging: Body | None
    main: Body
    beside: tuple[Body, ...]
    told: tuple[str, ...]

    def __iter__(self) -> Iterator[Body]:
        """All objects."""
        yield from (() if self.staging is None else (self.staging,))
        yield self.main
        yield from self.beside


def render_work(
    order: WorkOrder,
    place: JobPlace,
    kinds: Collection[WorkKind],
    *,
    wanted: WorkKind | None = None,
    withheld: Mapping[WorkKind, WithheldKind] = NOTHING_WITHHELD,
) -> RenderedWork:
    """The objects of one attempt of a job.

    Args:
        order: the attempt.
        place: where it runs.
        kinds: what the cluster serves.
        wanted: a kind that somebody asks for; None for the best.
        withheld: what it serves and is not to be started.

    Raises:
        InputError: Kubernetes, or this cluster, cannot express the job.
    """
    chosen = choose(order.job, kinds, queues_pods=place.queues_pods, withheld=withheld)
    if wanted is not None:
        chosen = ChosenKind(wanted, "it was asked for")
    _check(order, chosen.kind)
    draft = WorkDraft(order, place)
    return RenderedWork(
        chosen=chosen,
        staging=staging_job(draft) if staged(order.job, StagingTime.BEFORE) else None,
        main=RENDERERS[chosen.kind](draft),
        beside=(
            *code_of(draft),
            *arguments_of(draft),
            *_network(draft, chosen.kind),
            *disruption_budget(draft, chosen.kind),
        ),
        told=(f"{chosen.kind.value}: {chosen.reason}", *place.told, *_told_of_checkpoints(order)),
    )


def _told_of_checkpoints(order: WorkOrder) -> Iterator[str]:
    kept = checkpoint_folder(order)
    if kept is not None and order.id:
        inner = posixpath.dirname(kept.inner) if order.job.sweep is not None else kept.inner
        parts = inner.split("/")
        folder = "/".join("ID" if each == ONLY_CHECKED else each for each in parts)
        once = ": ID is the job's id once it is submitted" if ONLY_CHECKED in parts else ""
        yield f"its checkpoints lie in the claim {kept.volume.claim}, in the folder {folder} of it{once}"


def losses_of(order: WorkOrder, kind: WorkKind) -> tuple[FieldLoss, ...]:
    """What of a job a kind cannot express."""
    return tuple(lost(order.job, (*COMMON, *OF_KIND[kind])))


def _check(order: WorkOrder, kind: WorkKind) -> None:
    missing = losses_of(order, kind)
    if missing:
        raise InputError(
            f"Kubernetes cannot run the job as it is ({kind.value})",
            why="; ".join(f"{each.field} cannot {each.what}" for each in missing),
            fix="; ".join(dict.fromkeys(each.instead for each in missing)),
        )
    if len(order.code) > MOST_CODE:
        raise _too_large(order)
    if order.job.program.code is not None and not order.code:
        raise InputError("the code folder was not packed", fix="submit the job again from where its code is")


def _too_large(order: WorkOrder) -> InputError:
    folder = order.job.program.code
    ignore = shown(folder.ignore_file) if folder is not None else ""
    left_out = f"{ignore}, or, where there is none, in .gitignore" if ignore else "an ignore file (`code.ignoreFile`)"
    largest = largest_parts(_unpacked(order.code))
    return InputError(
        f"the code folder is {len(order.code) >> 10:,} KiB when it is packed",
        why=f"{MOST_CODE >> 10} KiB travel with a job in Kubernetes"
        + (f"; the largest are {largest}" if largest else ""),
        fix=f"name what is not code in {left_out}, or build the code into an image",
    )


def _unpacked(code: bytes) -> list[tuple[str, int]]:
    """The files of packed code with their bytes; none where it cannot be read."""
    try:
        with tarfile.open(fileobj=io.BytesIO(code), mode="r:gz") as archive:
            return [(each.name, each.size) for each in archive if each.isreg()]
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError):
        return []


def _network(draft: WorkDraft, kind: WorkKind) -> Iterator[Body]:
    job = draft.order.job
    if kind in {WorkKind.JOB, WorkKind.CRON_JOB} and job.gang and job.replicas > 1:
        yield headless_service(draft)
    if job.program.port is None:
        return
    if kind is WorkKind.DEPLOYMENT:
        yield front_service(draft, job.program.port)
    elif kind is WorkKind.LEADER_WORKER_SET:
        # The controller's own headless Service has the set's name.
        front = front_service(draft, job.program.port, {WORKER_INDEX: "0"})
        yield {**front, "metadata": {**front["metadata"], "name": front_name(draft.name)}}
