"""batch/v1 CronJob: a Job at its times. Runs never overlap, and one that could not start in time is left out."""

from __future__ import annotations

from typing import Final

from allotment.jobs.kubernetes.batch_job import KEPT_SECONDS, job_spec
from allotment.jobs.kubernetes.pods import WorkDraft, marks, metadata, queued
from allotment.model.manifest import Body

RUN_FIELD: Final = "metadata.labels['batch.kubernetes.io/job-name']"
"""Where a pod finds the name of the Job that the CronJob made."""


def cron_job(draft: WorkDraft) -> Body:
    """The CronJob. Each Job that it makes waits in the queue as one that was submitted then.

    Raises:
        ValueError: the job has no schedule.
    """
    job = draft.order.job
    if job.schedule is None:
        raise ValueError("a CronJob needs a schedule")
    run = RUN_FIELD if (job.gang and job.replicas > 1) or job.checkpoint is not None else ""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(draft, marks(draft)),
        "spec": {
            "schedule": job.schedule.cron,
            "timeZone": job.schedule.time_zone,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": job.schedule.starting_deadline,
            "jobTemplate": {
                "metadata": {"labels": queued(draft)},
                "spec": {**job_spec(draft, run=run), "ttlSecondsAfterFinished": KEPT_SECONDS},
            },
        },
    }
