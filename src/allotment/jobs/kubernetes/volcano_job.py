"""Job of Volcano: a gang that Volcano's own scheduler starts whole.

It waits in no queue of Kueue and is charged to nobody there; so no back end of ours starts it, and the guardrails of a
team's namespace leave no pods to another scheduler. It is for clusters where Volcano shares the devices out.
"""

from __future__ import annotations

from typing import Any

from allotment.jobs.kubernetes.batch_job import KEPT_SECONDS
from allotment.jobs.kubernetes.environment import RankSource
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind, api_kind
from allotment.jobs.kubernetes.pods import MAIN, PodTraits, WorkDraft, marks, metadata, template
from allotment.model import labels
from allotment.model.manifest import Body


def volcano_job(draft: WorkDraft) -> Body:
    """The Job; Volcano's plug-in `svc` gives its pods names by which they find each other."""
    job = draft.order.job
    several = job.replicas > 1
    master = f"{draft.name}-{MAIN}-0.{draft.name}" if several and job.gang else ""
    pods: dict[str, Any] = template(draft, PodTraits(RankSource.TASK if several else RankSource.ALONE, master))
    if job.run_time is not None:
        pods = {**pods, "spec": {**pods["spec"], "activeDeadlineSeconds": job.run_time}}
    return {
        "apiVersion": API_VERSIONS[WorkKind.VOLCANO_JOB],
        "kind": api_kind(WorkKind.VOLCANO_JOB),
        "metadata": metadata(draft, marks(draft)),
        "spec": {
            "schedulerName": "volcano",
            "queue": labels.LOCAL_QUEUE,
            "priorityClassName": job.priority,
            "minAvailable": job.replicas if job.gang else 1,
            "maxRetry": draft.order.retries if job.retries.safe else 0,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            # One rank that goes takes the others along: they would wait for it, and hold their devices.
            "policies": [
                {"event": "PodEvicted", "action": "RestartJob"},
                {"event": "PodFailed", "action": "RestartJob" if draft.order.retries else "AbortJob"},
                {"event": "TaskCompleted", "action": "CompleteJob"},
            ],
            "plugins": {"env": [], "svc": []},
            "tasks": [{"name": MAIN, "replicas": job.replicas, "template": pods}],
        },
    }
