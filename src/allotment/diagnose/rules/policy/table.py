"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.policy import (
    creation_refused,
    limitrange_bounds,
    pod_security_violation,
    policy_refused,
    policy_refused_gpu_limits,
    policy_refused_label,
    policy_refused_namespace,
    queue_label_missing,
    repair_not_noticed,
    resourcequota_exceeded,
    resourcequota_missing_limits,
    rollout_blocks_itself,
)
from allotment.diagnose.rules.submission.table import INVALID
from allotment.model.explanation import Layer

_LAYER: Final = Layer.POLICY
_ROLLOUT: Final = CauseEntry(
    "ALT-1019",
    "rollout-blocks-itself",
    Layer.SUBMISSION,
    "a rollout waits for its old pods",
    rollout_blocks_itself.find,
)
"""Of how it was submitted; it stands here for it counts what ResourceQuotas leave."""

CAUSES: Final[tuple[CauseEntry, ...]] = (
    _ROLLOUT,
    CauseEntry("ALT-1108", "queue-label-missing", _LAYER, "names no queue", queue_label_missing.find),
    CauseEntry("ALT-1103", "policy-refused-gpu-limits", _LAYER, "GPUs without limits", policy_refused_gpu_limits.find),
    CauseEntry("ALT-1101", "policy-refused-label", _LAYER, "a policy asks for a label", policy_refused_label.find),
    CauseEntry("ALT-1102", "policy-refused-namespace", _LAYER, "not in this namespace", policy_refused_namespace.find),
    CauseEntry("ALT-1109", "policy-refused", _LAYER, "a policy refused it", policy_refused.find),
    CauseEntry("ALT-1104", "pod-security-violation", _LAYER, "Pod Security refused it", pod_security_violation.find),
    CauseEntry("ALT-1105", "limitrange-max", _LAYER, "above a LimitRange's maximum", limitrange_bounds.above_max),
    CauseEntry("ALT-1110", "limitrange-min", _LAYER, "below a LimitRange's minimum", limitrange_bounds.below_min),
    CauseEntry(
        "ALT-1111", "limitrange-ratio", _LAYER, "limit too far from the request", limitrange_bounds.beyond_ratio
    ),
    CauseEntry(
        "ALT-1107",
        "resourcequota-missing-limits",
        _LAYER,
        "a quota wants limits said",
        resourcequota_missing_limits.find,
    ),
    CauseEntry(
        "ALT-1106", "resourcequota-exceeded", _LAYER, "the namespace's quota is used", resourcequota_exceeded.find
    ),
    INVALID,
    CauseEntry("ALT-1112", "creation-refused", _LAYER, "refused by the API server", creation_refused.find),
    CauseEntry("ALT-1113", "repair-not-noticed", _LAYER, "a repair is not noticed yet", repair_not_noticed.find),
)
