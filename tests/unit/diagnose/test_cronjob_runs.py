"""A CronJob whose run waits: the run's own cause is told."""

from __future__ import annotations

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict
from tests.unit.diagnose.building import EARLIER, TEAM, case_of, owned_by
from tests.unit.diagnose.queues import cluster_queue, platform, queued, quota

ROOM = cluster_queue("cq", quota("f", 8))


def test_what_keeps_the_run_of_a_cronjob_is_what_keeps_the_cronjob() -> None:
    run = queued("nightly-1", queue="lost")
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly", "namespace": TEAM, "uid": "cron", "creationTimestamp": EARLIER},
        "spec": {"schedule": "*/5 * * * *", "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": run[0]["spec"]}},
    }
    run[0]["metadata"]["ownerReferences"] = [owned_by(cron)]
    found = explain(case_of([*platform(ROOM), cron, *run], "cronjob/nightly"))
    assert (found.cause, found.verdict) == ("queue-missing", CauseVerdict.MISCONFIGURED)
    assert [each.cause for each in found.contributing] == ["cronjob-forbid-overlap"]
    first = found.remedies[0].target
    assert first is not None
    assert (first.kind, first.name) == ("Job", "nightly-1")
