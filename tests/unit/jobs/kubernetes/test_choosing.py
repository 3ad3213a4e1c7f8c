"""Which kind runs a job, and where no kind can."""

from __future__ import annotations

import pytest

from allotment.errors import InputError
from allotment.jobs.kubernetes.choosing import choose
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.jobs.job import Job, JobType
from tests.unit.jobs.kubernetes.work import ALL, GRID, gang, job, nightly, service

PLAIN = frozenset({WorkKind.JOB, WorkKind.CRON_JOB, WorkKind.DEPLOYMENT})


@pytest.mark.parametrize(
    ("asked", "kinds", "kind", "reason"),
    [
        (job(), ALL, WorkKind.JOB, "one pod"),
        (job(type=JobType.NOTEBOOK), ALL, WorkKind.JOB, "one pod"),
        (job(replicas=3), ALL, WorkKind.JOB, "do not need each other"),
        (gang(), ALL, WorkKind.JOB_SET, "as a whole"),
        (gang(), PLAIN, WorkKind.JOB, "no JobSet"),
        (gang(replicas=1), ALL, WorkKind.JOB, "one pod"),
        (job(sweep=GRID), ALL, WorkKind.JOB, "trials"),
        (nightly(), ALL, WorkKind.CRON_JOB, "schedule"),
        (service(), PLAIN, WorkKind.DEPLOYMENT, "started again"),
        (service(replicas=2), ALL, WorkKind.LEADER_WORKER_SET, "several pods"),
    ],
)
def test_the_best_kind_and_why(asked: Job, kinds: frozenset[WorkKind], kind: WorkKind, reason: str) -> None:
    chosen = choose(asked, kinds, queues_pods=True)
    assert chosen.kind is kind
    assert reason in chosen.reason


@pytest.mark.parametrize(
    ("asked", "queues_pods", "why"),
    [
        (service(), False, "holds no pods"),
        (service(replicas=2), True, "does not serve LeaderWorkerSet"),
    ],
)
def test_a_cluster_that_has_no_kind_for_it(asked: Job, queues_pods: bool, why: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(asked, PLAIN, queues_pods=queues_pods)
    assert why in caught.value.why
    assert caught.value.fix
