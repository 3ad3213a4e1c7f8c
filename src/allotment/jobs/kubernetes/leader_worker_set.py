"""LeaderWorkerSet: a service of several pods that are of use only together; one that goes takes the group along."""

from __future__ import annotations

from typing import Final

from allotment.jobs.kubernetes.deployment import probes
from allotment.jobs.kubernetes.environment import RankSource
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.jobs.kubernetes.pods import PodTraits, WorkDraft, metadata, queued, template
from allotment.model.manifest import Body

WORKER_INDEX: Final = "leaderworkerset.sigs.k8s.io/worker-index"
"""Label of its pods, by its controller: 0 is the leader."""


def leader_worker_set(draft: WorkDraft) -> Body:
    """One group of a leader and its workers. The leader alone is asked by clients, so it alone has probes."""
    job = draft.order.job
    # The controller names the pods of the first group after the set, a zero, and their index; its Service is the set's.
    master = f"{draft.name}-0.{draft.name}"
    worker = PodTraits(RankSource.WORKER, master, restart="Always")
    port = job.program.port
    leader = PodTraits(RankSource.WORKER, master, restart="Always", probes=None if port is None else probes(port))
    return {
        "apiVersion": API_VERSIONS[WorkKind.LEADER_WORKER_SET],
        "kind": "LeaderWorkerSet",
        "metadata": metadata(draft, queued(draft)),
        "spec": {
            "replicas": 1,
            "leaderWorkerTemplate": {
                "size": job.replicas,
                "restartPolicy": "RecreateGroupOnPodRestart",
                "leaderTemplate": template(draft, leader),
                "workerTemplate": template(draft, worker),
            },
        },
    }
