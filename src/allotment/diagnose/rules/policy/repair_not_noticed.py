"""A controller could not make something, what it lacked is there now, and it has not tried since."""

from __future__ import annotations

from typing import Any, Final

from allotment.diagnose.by_hand import line
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal, Rule
from allotment.diagnose.rules.policy import (
    limitrange_bounds,
    pod_security_violation,
    policy_refused,
    policy_refused_gpu_limits,
    policy_refused_label,
    policy_refused_namespace,
    resourcequota_exceeded,
    resourcequota_missing_limits,
)
from allotment.diagnose.rules.policy.creation_refused import recomputed
from allotment.diagnose.rules.submission import priorityclass_missing, service_account_missing
from allotment.diagnose.tried_before import EarlierTry, of_kueue, of_pods
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.index import kind_of
from allotment.model.observed.work import DaemonSet, Replicas

_MARK: Final = "tried-again"
"""An annotation that nobody reads: that it changes is enough."""

_HELD: Final[tuple[Rule, ...]] = (
    priorityclass_missing.find,
    service_account_missing.find,
    policy_refused_gpu_limits.find,
    policy_refused_label.find,
    policy_refused_namespace.find,
    policy_refused.find,
    pod_security_violation.find,
    limitrange_bounds.above_max,
    limitrange_bounds.below_min,
    limitrange_bounds.beyond_ratio,
    resourcequota_missing_limits.find,
    resourcequota_exceeded.find,
)
"""Causes of such words: while one of them holds, nothing was mended."""


def find(case: Case) -> Finding | None:
    """Words of an earlier try that do not hold any more; or a priority class that came after the work."""
    if case.supposed:
        return None
    pods = of_pods(case)
    if pods is not None and recomputed(case, pods.message) and not any(rule(case) for rule in _HELD):
        at = f" at {pods.at}" if pods.at else ""
        made = "run" if pods.object.kind == "CronJob" else "pod"
        what = f"a {made} of it could not be made{at} ({quoted_message(pods.message)}), which does not hold any more"
        return _finding(case, pods, what)
    kueue = of_kueue(case)
    if kueue is None:
        return None
    return _finding(case, kueue, f"Kueue could not queue it without {kueue.mended}")


def _finding(case: Case, tried: EarlierTry, what: str) -> Finding:
    return Finding(
        "repair-not-noticed",
        CauseVerdict.WAITING,
        f"{what}; its controller tries again by itself, at intervals that grow to some minutes",
        facts={"message": tried.message or None, "last_try": tried.at or None, "mended": tried.mended or None},
        evidence=(
            Evidence(tried.object, tried.field, tried.value, "of an earlier try" if tried.message else "made since"),
        ),
        confidence=Confidence.LIKELY,
        proposals=(
            _restarted(case, tried),
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                "wait until it is tried again",
                reference_of(tried.by),
                Patch(PatchOp.WAIT, {"until": "created"}),
                cost=5,
            ),
        ),
    )


def _restarted(case: Case, tried: EarlierTry) -> Proposal:
    """A rollout anew where nothing of it runs, and else a mark: either way its controller looks at it at once."""
    work, now = case.top, case.snapshot.taken_at
    kind = kind_of(work).lower() if work is not None else ""
    body: dict[str, Any] = {"metadata": {"annotations": {_MARK: now}}}
    if isinstance(work, Replicas | DaemonSet) and kind != "replicaset" and not case.running_pods:
        command = line("kubectl", "rollout", "restart", f"{kind}/{work.name}", "-n", work.namespace)
        again = {"spec": {"template": body}}
        what = f"have it tried again at once: restart the rollout of {work.name}"
        return Proposal(
            RemedyKind.OTHER, Doer.USER, what, reference_of(work), Patch(PatchOp.MERGE, again), command=command
        )
    target = f"{kind_of(tried.by).lower()}/{tried.by.name}"
    command = line("kubectl", "annotate", "--overwrite", target, "-n", tried.by.namespace, f"{_MARK}={now}")
    what = f"have it tried again at once: change anything of {target}, such as an annotation"
    return Proposal(
        RemedyKind.OTHER, Doer.USER, what, reference_of(tried.by), Patch(PatchOp.MERGE, body), command=command
    )
