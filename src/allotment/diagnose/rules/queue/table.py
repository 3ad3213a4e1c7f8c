"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.queue import (
    admission_check_pending,
    admission_check_rejected_or_retry,
    backing_off,
    claims_not_counted,
    clusterqueue_inactive_admission_check,
    clusterqueue_inactive_missing_flavor,
    clusterqueue_inactive_other,
    clusterqueue_terminating,
    contradicts_admission,
    controller_absent,
    job_suspended_by_user,
    kept_back,
    localqueue_points_to_missing_clusterqueue,
    multikueue,
    namespace_selector_mismatch,
    not_admitted_yet,
    pod_groups,
    provisioning_requests,
    queue_missing,
    stopped,
    strict_fifo_head_blocks,
    workload_deactivated,
    workload_missing,
    workload_priority_class_missing,
)
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = tuple(
    CauseEntry(code, name, Layer.QUEUE, title, find)
    for code, name, title, find in (
        ("ALT-1201", "queue-missing", "no such queue", queue_missing.find),
        (
            "ALT-1202",
            "localqueue-points-to-missing-clusterqueue",
            "the queue leads nowhere",
            localqueue_points_to_missing_clusterqueue.find,
        ),
        ("ALT-1203", "localqueue-held", "the LocalQueue is stopped", stopped.local_queue),
        ("ALT-1204", "queue-held", "the ClusterQueue is stopped", stopped.cluster_queue),
        ("ALT-1205", "clusterqueue-terminating", "the ClusterQueue is being deleted", clusterqueue_terminating.find),
        (
            "ALT-1206",
            "clusterqueue-inactive-missing-flavor",
            "the ClusterQueue lacks a flavor",
            clusterqueue_inactive_missing_flavor.find,
        ),
        (
            "ALT-1207",
            "clusterqueue-inactive-admission-check",
            "the ClusterQueue lacks an admission check",
            clusterqueue_inactive_admission_check.find,
        ),
        (
            "ALT-1208",
            "clusterqueue-inactive-missing-topology",
            "the ClusterQueue lacks a topology",
            clusterqueue_inactive_other.missing_topology,
        ),
        ("ALT-1209", "cohort-cycle", "cohorts form a ring", clusterqueue_inactive_other.ring_of_cohorts),
        (
            "ALT-1210",
            "admission-checks-in-conflict",
            "admission checks exclude each other",
            clusterqueue_inactive_other.checks_in_conflict,
        ),
        (
            "ALT-1211",
            "namespace-selector-mismatch",
            "the queue does not take the namespace",
            namespace_selector_mismatch.find,
        ),
        ("ALT-1221", "provisioning-request-failed", "nodes could not be provided", provisioning_requests.failed),
        ("ALT-1222", "provisioning-booking-expired", "booked nodes are gone", provisioning_requests.expired),
        (
            "ALT-1212",
            "admission-check-rejected-or-retry",
            "an admission check said no",
            admission_check_rejected_or_retry.find,
        ),
        ("ALT-1215", "workload-deactivated", "the workload is deactivated", workload_deactivated.find),
        (
            "ALT-1232",
            "template-contradicts-admission",
            "the template contradicts the admission",
            contradicts_admission.find,
        ),
        ("ALT-1216", "job-suspended-by-user", "suspended by hand", job_suspended_by_user.find),
        (
            "ALT-1217",
            "workload-priority-class-missing",
            "no such workload priority class",
            workload_priority_class_missing.find,
        ),
        ("ALT-1218", "admission-gated", "kept out of its queue by a controller", kept_back.gated),
        ("ALT-1219", "pod-group-incomplete", "pods of the group are missing", pod_groups.find),
        ("ALT-1234", "claims-not-counted", "Kueue cannot count what is claimed", claims_not_counted.find),
        ("ALT-1220", "requeue-backoff", "its next try has a time", backing_off.find),
        ("ALT-1223", "provisioning-request-pending", "nodes are being provided", provisioning_requests.pending),
        ("ALT-1224", "multikueue-no-worker", "no worker cluster takes it", multikueue.find),
        ("ALT-1225", "admission-check-pending", "an admission check has not answered", admission_check_pending.find),
        ("ALT-1226", "priority-below-others", "others have a higher priority", strict_fifo_head_blocks.by_priority),
        ("ALT-1227", "strict-fifo-head-blocks", "the first in line blocks the queue", strict_fifo_head_blocks.find),
        ("ALT-1228", "behind-in-line", "others stand before it", not_admitted_yet.behind_in_line),
        ("ALT-1229", "preemption-pending", "others are being preempted for it", not_admitted_yet.preempting),
        ("ALT-1233", "workload-missing", "Kueue makes no Workload of it", workload_missing.find),
        ("ALT-1230", "stale-verdict", "Kueue does not look again", not_admitted_yet.stale),
        ("ALT-1231", "not-looked-at-yet", "Kueue has not looked yet", not_admitted_yet.just_queued),
        ("ALT-1235", "controller-absent", "nobody makes its pods", controller_absent.find),
    )
)
