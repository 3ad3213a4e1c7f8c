"""batch/v1 Job: work that ends. Several pods are indexed; the indices of a sweep are its trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.jobs.kubernetes.environment import OWN_OF_RUNS, RankSource
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.jobs.kubernetes.pods import (
    MAIN,
    STAGING,
    PodTraits,
    WorkDraft,
    metadata,
    queued,
    staging_template,
    template,
)
from allotment.model.jobs.job import Job
from allotment.model.manifest import Body

KEPT_SECONDS: Final = 24 * 60 * 60
"""How long an ended Job stays. It holds nothing, and its logs are read until then; a namespace may have a hundred."""

_DISPLACED: Final = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
"""A pod that was displaced is replaced, and counts for no failure."""
_BEGAN: Final = {"containerName": MAIN, "operator": "NotIn", "values": [0]}
"""Of a program that began and failed; a pod whose program never began has no exit code."""


def batch_job(draft: WorkDraft) -> Body:
    """The Job. It is suspended as it comes, whether or not Kueue sees it; Kueue starts it when its quota is free."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(draft, queued(draft)),
        "spec": {**job_spec(draft), "ttlSecondsAfterFinished": KEPT_SECONDS},
    }


def job_spec(draft: WorkDraft, *, run: str = "") -> dict[str, Any]:
    """Spec of a Job on its own.

    Args:
        draft: what is run.
        run: field of a pod that holds its Job's name, where that is made up later.
    """
    job = draft.order.job
    pods = template(draft, _shape(draft, run))
    most = {} if job.run_time is None else {"activeDeadlineSeconds": job.run_time}
    if job.sweep is not None:
        # It bounds a trial, and not all of them together.
        pods = {**pods, "spec": {**pods["spec"], **most}}
        most = {}
    return {
        "suspend": True,
        **_pods(job),
        **_retries(draft.order),
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [_DISPLACED, *_not_again(job)]},
        **most,
        "template": pods,
    }


def _not_again(job: Job) -> Iterator[dict[str, Any]]:
    """A program that began is not run again unless that is declared to do no harm."""
    if job.retries.limit and not job.retries.safe:
        yield {"action": "FailJob" if job.sweep is None else "FailIndex", "onExitCodes": _BEGAN}


def _pods(job: Job) -> dict[str, Any]:
    if job.sweep is not None:
        side_by_side = min(job.sweep.at_once, job.sweep.trials)
        return {"completionMode": "Indexed", "completions": job.sweep.trials, "parallelism": side_by_side}
    if job.replicas > 1:
        return {"completionMode": "Indexed", "completions": job.replicas, "parallelism": job.replicas}
    return {}


def _retries(order: WorkOrder) -> Mapping[str, Any]:
    sweep = order.job.sweep
    if sweep is not None:
        # A trial that fails does not take the others with it.
        return {"backoffLimitPerIndex": order.retries, "maxFailedIndexes": sweep.trials}
    if order.job.replicas > 1:
        # One failure of all ranks is one failure: counted by pod it would use up as many retries as there are ranks.
        return {"backoffLimitPerIndex": order.retries, "maxFailedIndexes": 0}
    return {"backoffLimit": order.retries}


def _shape(draft: WorkDraft, run: str) -> PodTraits:
    job = draft.order.job
    if job.sweep is not None:
        return PodTraits(RankSource.INDEX, run=run)
    if job.replicas == 1:
        return PodTraits(run=run)
    if not job.gang:
        return PodTraits(RankSource.INDEX, run=run)
    first = f"$({OWN_OF_RUNS})" if run else draft.name
    return PodTraits(RankSource.INDEX, f"{first}-0.{draft.name}", draft.name, run)


def staging_job(draft: WorkDraft) -> Body:
    """The Job that fetches data before: it waits for CPU alone, and holds no device.

    What the data are for is made only when it is complete. Held in any other way it would hold its quota meanwhile:
    Kueue admits a JobSet whole, whatever its Jobs wait for.
    """
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(draft, queued(draft, STAGING), staging_name(draft.name)),
        "spec": {
            "suspend": True,
            # To fetch twice does no harm.
            "backoffLimit": 3,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": [_DISPLACED]},
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": staging_template(draft),
        },
    }


def staging_name(work: str) -> str:
    """Name of the Job that fetches data before, by that of what runs the job."""
    return f"{work}-{STAGING}"
