"""Whether pods that are still to be made pass a bound of their namespace: asked once for all pods alike."""

from __future__ import annotations

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.reach import missing_pods, refusals
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.limits import breaches
from allotment.diagnose.rules.policy.quota_use import excesses, quotas_of, unsaid
from allotment.model.observed.pods import PodSpec


class _Whole(dict[tuple[str, bytes], "PodSpec | None"]):
    """Specs with their defaults, by namespace and all that they say; None where one pod passes a bound already."""


def past_bounds(case: Case) -> bool:
    """Whether a LimitRange or a ResourceQuota may keep pods of the subject from being made, or has by its words."""
    if case.subject is None or refusals(case):
        return True
    pods = missing_pods(case)
    return bool(pods) and any(_pass(case, part.template.spec, pods) for part in case.to_come)


def _pass(case: Case, spec: PodSpec, pods: int) -> bool:
    kept = case.index.beside.once(_Whole, _Whole)
    key = (case.namespace, msgspec.json.encode(spec))
    if key not in kept:
        kept[key] = _alone(case, spec)
    whole = kept[key]
    return whole is None or (bool(quotas_of(case)) and bool(excesses(case, whole, pods)))


def _alone(case: Case, spec: PodSpec) -> PodSpec | None:
    whole = admitted(case.index, case.namespace, spec)
    return None if breaches(case, spec) or unsaid(case, whole) else whole
