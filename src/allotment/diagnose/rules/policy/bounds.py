"""Whether pods that are still to be made pass a bound of their namespace: asked once for all pods alike."""

from __future__ import annotations

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.reach import missing_pods, refusals
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.limits import breaches
from allotment.diagnose.rules.policy.quota_use import excesses, quotas_of, unsaid
from allotment.model.observed.pods import PodSpec


class _Past(dict[tuple[object, ...], bool]):
    """What has been found out, by namespace, number of pods, and all of what their templates say."""


def past_bounds(case: Case) -> bool:
    """Whether a LimitRange or a ResourceQuota may keep pods of the subject from being made, or has by its words."""
    if case.subject is None or refusals(case):
        return True
    pods = missing_pods(case)
    if not pods:
        return False
    kept = case.index.beside.once(_Past, _Past)
    specs = [part.template.spec for part in case.to_come]
    key = (case.namespace, pods, *map(msgspec.json.encode, specs))
    if key not in kept:
        kept[key] = any(_passes(case, spec, pods) for spec in specs)
    return kept[key]


def _passes(case: Case, spec: PodSpec, pods: int) -> bool:
    if breaches(case, spec):
        return True
    if not quotas_of(case):
        return False
    whole = admitted(case.index, case.namespace, spec)
    return bool(unsaid(case, whole) or excesses(case, whole, pods))
