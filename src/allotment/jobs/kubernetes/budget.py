"""PodDisruptionBudget of a gang that must not be thinned: a drain waits for it, as long as it may run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.jobs.kubernetes.pods import MAIN, WorkDraft, marks, metadata
from allotment.model import labels
from allotment.model.jobs.job import Job
from allotment.model.manifest import Body

BUDGET_API: Final = "policy/v1"
BUDGET: Final = "PodDisruptionBudget"
BUDGET_PART: Final = "budget"
_OF: Final = frozenset({WorkKind.JOB, WorkKind.JOB_SET, WorkKind.CRON_JOB})


def must_not_be_thinned(job: Job) -> bool:
    """Whether a drain of one node would cost all that a job has done.

    One that writes checkpoints is better displaced; one without a longest time would hold a drain up for ever. What the
    queue displaces it displaces all the same: a budget bounds evictions alone.
    """
    return job.gang and job.replicas > 1 and job.checkpoint is None and job.run_time is not None


def disruption_budget(draft: WorkDraft, kind: WorkKind) -> Iterator[Body]:
    """The budget, if it should have one: none of its ranks goes while they run."""
    job = draft.order.job
    if kind in _OF and must_not_be_thinned(job):
        yield {
            "apiVersion": BUDGET_API,
            "kind": BUDGET,
            "metadata": metadata(draft, marks(draft, BUDGET_PART)),
            "spec": {
                "minAvailable": job.replicas,
                "selector": {"matchLabels": {labels.JOB: draft.order.id, labels.JOB_PART: MAIN}},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            },
        }
