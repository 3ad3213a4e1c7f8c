"""JobSet: a gang. All ranks start, and start again, together; a headless Service lets them find each other."""

from __future__ import annotations

from typing import Any, Final

from allotment.jobs.kubernetes.batch_job import KEPT_SECONDS
from allotment.jobs.kubernetes.environment import RankSource
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.jobs.kubernetes.pods import MAIN, PodTraits, WorkDraft, marks, metadata, queued, template
from allotment.model.manifest import Body

_DISPLACED: Final = {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}
"""One rank that goes takes the others along: they would wait for it, and hold their devices."""
_NO_FAILURE: Final = {
    "name": "displaced",
    "action": "RestartJobSetAndIgnoreMaxRestarts",
    "onJobFailureReasons": ["PodFailurePolicy"],
}


def job_set(draft: WorkDraft) -> Body:
    """The JobSet, of one Job with a pod a rank: Kueue would give back quota of several Jobs one by one."""
    job = draft.order.job
    return {
        "apiVersion": API_VERSIONS[WorkKind.JOB_SET],
        "kind": "JobSet",
        "metadata": metadata(draft, queued(draft)),
        "spec": {
            "suspend": True,
            "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
            "failurePolicy": {
                "maxRestarts": draft.order.retries if job.retries.safe else 0,
                "rules": [_NO_FAILURE],
            },
            "replicatedJobs": [
                {
                    "name": MAIN,
                    "replicas": 1,
                    "template": {"metadata": {"labels": marks(draft)}, "spec": _ranks(draft)},
                }
            ],
            "ttlSecondsAfterFinished": KEPT_SECONDS,
        },
    }


def _ranks(draft: WorkDraft) -> dict[str, Any]:
    job = draft.order.job
    shape = PodTraits(RankSource.INDEX, f"{draft.name}-{MAIN}-0-0.{draft.name}")
    return {
        "completionMode": "Indexed",
        "completions": job.replicas,
        "parallelism": job.replicas,
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": [_DISPLACED]},
        **({} if job.run_time is None else {"activeDeadlineSeconds": job.run_time}),
        "template": template(draft, shape),
    }
