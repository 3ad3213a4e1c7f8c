"""RayJob of KubeRay: a Ray cluster for one program; it goes when the program has ended."""

from __future__ import annotations

import shlex
from typing import Any, Final

from allotment.jobs.kubernetes.environment import RANK
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.jobs.kubernetes.pods import PodTraits, WorkDraft, metadata, queued, template
from allotment.model.manifest import Body

_WORKERS: Final = "workers"


def ray_job(draft: WorkDraft) -> Body:
    """The RayJob: rank 0 is Ray's head, and as many workers stand beside it as there are further replicas."""
    job = draft.order.job
    pods = _ray_pods(draft)
    workers = [
        {
            "groupName": _WORKERS,
            "replicas": job.replicas - 1,
            "minReplicas": job.replicas - 1,
            "maxReplicas": job.replicas - 1,
            "rayStartParams": {},
            "template": pods,
        }
    ]
    return {
        "apiVersion": API_VERSIONS[WorkKind.RAY_JOB],
        "kind": "RayJob",
        "metadata": metadata(draft, queued(draft)),
        "spec": {
            "suspend": True,
            # Ray hands it to a shell of its own: each argument is quoted for it.
            "entrypoint": shlex.join(job.program.argv),
            "submissionMode": "HTTPMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": min(60, draft.place.max_grace),
            "backoffLimit": draft.order.retries if job.retries.safe else 0,
            **({} if job.run_time is None else {"activeDeadlineSeconds": job.run_time}),
            "rayClusterSpec": {
                "headGroupSpec": {"rayStartParams": {"dashboard-host": "0.0.0.0"}, "template": pods},  # noqa: S104
                **({"workerGroupSpecs": workers} if job.replicas > 1 else {}),
            },
        },
    }


def _ray_pods(draft: WorkDraft) -> dict[str, Any]:
    """Pods of Ray: what they run is Ray's, and the program is handed to it."""
    pods = template(draft, PodTraits(restart="Never"))
    (main,) = pods["spec"]["containers"]
    ray = {name: value for name, value in main.items() if name not in {"command", "workingDir"}}
    # Ray gives ranks itself.
    ray["env"] = [each for each in main["env"] if each["name"] != RANK]
    pods["spec"]["containers"] = [ray]
    return pods
