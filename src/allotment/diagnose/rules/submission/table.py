"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.submission import (
    already_exists,
    asks_for_no_pods,
    cronjob_forbid_overlap,
    cronjob_missed_deadline,
    cronjob_not_due,
    cronjob_schedule_never,
    cronjob_suspended,
    namespace_missing,
    namespace_terminating,
    object_invalid,
    priorityclass_missing,
    rbac_forbidden,
    rollout_paused,
    service_account_missing,
    webhook_refused,
    webhook_unreachable,
)
from allotment.model.explanation import Layer

_LAYER: Final = Layer.SUBMISSION

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-1001", "rbac-forbidden", _LAYER, "no right to create it", rbac_forbidden.find),
    CauseEntry("ALT-1011", "namespace-missing", _LAYER, "no such namespace", namespace_missing.find),
    CauseEntry("ALT-1012", "namespace-terminating", _LAYER, "namespace is being deleted", namespace_terminating.find),
    CauseEntry("ALT-1013", "already-exists", _LAYER, "the name is taken", already_exists.find),
    CauseEntry(
        "ALT-1010", "admission-webhook-unreachable", _LAYER, "a webhook cannot be reached", webhook_unreachable.find
    ),
    CauseEntry("ALT-1009", "admission-webhook-refused", _LAYER, "a webhook refused it", webhook_refused.find),
    CauseEntry("ALT-1002", "priorityclass-missing", _LAYER, "no such priority class", priorityclass_missing.find),
    CauseEntry("ALT-1003", "service-account-missing", _LAYER, "no such service account", service_account_missing.find),
    CauseEntry("ALT-1004", "cronjob-suspended", _LAYER, "the CronJob is suspended", cronjob_suspended.find),
    CauseEntry("ALT-1005", "cronjob-forbid-overlap", _LAYER, "the run before is still on", cronjob_forbid_overlap.find),
    CauseEntry("ALT-1006", "cronjob-schedule-never", _LAYER, "no run is ever due", cronjob_schedule_never.find),
    CauseEntry("ALT-1007", "cronjob-missed-deadline", _LAYER, "runs come too late", cronjob_missed_deadline.find),
    CauseEntry("ALT-1018", "cronjob-not-due", _LAYER, "no run is due yet", cronjob_not_due.find),
    CauseEntry("ALT-1014", "scaled-to-zero", _LAYER, "scaled to zero", asks_for_no_pods.scaled_to_zero),
    CauseEntry("ALT-1015", "parallelism-zero", _LAYER, "a Job of no pods", asks_for_no_pods.parallelism_zero),
    CauseEntry("ALT-1016", "rollout-paused", _LAYER, "the rollout is paused", rollout_paused.find),
)
INVALID: Final = CauseEntry("ALT-1008", "object-invalid", _LAYER, "the object is not valid", object_invalid.find)
"""Stands behind the policies: they know some of what the API server does not take better."""
