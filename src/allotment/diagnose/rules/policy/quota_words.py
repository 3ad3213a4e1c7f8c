"""What a refusal says of a ResourceQuota, where what it counts is not recomputed from pods: objects, storage.

The API server's own answer is believed. An event is not: who may create events in a namespace writes any quota, name
and number into one. It is held against the quota itself and what its kind of object can ask for, and never raises it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.diagnose.amending import sent_again
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import RefusedAttempt, missing_pods
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.diagnose.rules.policy.quota_use import quotas_of
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Amounts, Reference
from allotment.model.observed.namespaced import ResourceQuota
from allotment.model.observed.work import Replicas

_SAYS: Final = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>[^:]+), used: (?P<used>[^:]+), "
    r"limited: (?P<limited>[^:\n]+)"
)
_QUANTITY: Final = re.compile(r"\d[\w.]{0,30}", re.ASCII)
_JOBS: Final = "count/jobs.batch"
_STORAGE: Final = "requests.storage"
_OF_PODS: Final = re.compile(r"(requests|limits)\.|(count/)?pods$|(cpu|memory|ephemeral-storage)$")
_OF_CLAIMS: Final = re.compile(
    r"requests\.storage$|(count/)?persistentvolumeclaims$|.+\.storageclass\.storage\.k8s\.io/"
)
_COUNTED: Final[Mapping[str, tuple[re.Pattern[str], ...]]] = {
    "CronJob": (re.compile(rf"{_JOBS}$"),),
    "DaemonSet": (_OF_PODS,),
    "Deployment": (re.compile(r"count/replicasets\.apps$"),),
    "Job": (_OF_PODS,),
    "ReplicaSet": (_OF_PODS,),
    "ReplicationController": (_OF_PODS,),
    "StatefulSet": (_OF_PODS, _OF_CLAIMS),
}
"""What a quota counts of what the controllers of these kinds make; those of other kinds make anything."""


def words_of(said: RefusedAttempt) -> re.Match[str] | None:
    """The quota and its numbers, if the words are of one."""
    return _SAYS.search(said.message)


def told(case: Case, said: RefusedAttempt) -> Finding | None:
    """Counts of objects, storage and whatever else is not recomputed here: only the refusal knows."""
    match = words_of(said)
    if match is None:
        return None
    name = match["quota"].strip()
    quota = next((each for each in quotas_of(case) if each.name == name), None)
    asked, used, hard = (_amounts(match[each]) for each in ("requested", "used", "limited"))
    if said.by_event:
        asked = {key: value for key, value in asked.items() if _may_ask(case, said, key)}
        # One that is not there, or does not bound this, refuses nothing.
        if case.seen("resourcequotas"):
            bounds: Amounts = quota.spec.hard if quota is not None else {}
            asked = {key: value for key, value in asked.items() if key in bounds}
            used, hard = _as_counted(quota)
    counts_jobs = set(asked) == {_JOBS} and case.subject is not None and case.seen("jobs")
    if counts_jobs:
        asked, used = {_JOBS: "1"}, {**used, _JOBS: str(_jobs(case))}
    claimed = _claimed(case) if set(asked) == {_STORAGE} else None
    if claimed is not None:
        asked = {_STORAGE: written(_STORAGE, claimed.storage)}
    over = {key: written(key, amount(used.get(key)) + amount(value)) for key, value in asked.items()}
    # A quota that has been raised since, or whose pods were counted above and fit, refuses nothing any more.
    if not asked or (quota is not None and _has_room(quota, over)):
        return None
    resource = next(iter(asked))
    if claimed is not None:
        over = {_STORAGE: written(_STORAGE, amount(used.get(_STORAGE)) + claimed.storage * claimed.pods)}
    certain = not said.by_event or ((counts_jobs or claimed is not None) and quota is not None)
    never = claimed is not None and quota is not None and claimed.storage > amount(hard.get(_STORAGE))
    target = Reference(api_version="v1", kind="ResourceQuota", namespace=case.namespace, name=name)
    return Finding(
        "resourcequota-exceeded",
        CauseVerdict.MISCONFIGURED,
        f"the ResourceQuota {spelled(name)} allows {hard.get(resource, '?')} {spelled(resource)} in namespace "
        f"{case.namespace}: {used.get(resource, '?')} are used and {asked[resource]} more is asked for",
        facts={
            "resource_quota": name,
            "namespace": case.namespace,
            "resource": resource,
            "hard": hard.get(resource),
            "used": used.get(resource),
            "requested": asked[resource],
        },
        evidence=(Evidence(said.object, said.field, said.message),),
        confidence=Confidence.SURE if certain else said.sureness,
        proposals=(
            *_emptied(case, resource),
            *(_smaller(case, claimed, amount(hard[resource]) - amount(used.get(resource))) if claimed else ()),
            _raised(case, target, over) if certain else _looked_at(target, resource),
        ),
        never=never,
    )


def _may_ask(case: Case, said: RefusedAttempt, key: str) -> bool:
    """Whether what a controller makes can ask for a resource, and it was not counted from its pods already."""
    known = _COUNTED.get(said.object.kind)
    if known is not None and not any(each.match(key) for each in known):
        return False
    return not (_OF_PODS.match(key) and not _OF_CLAIMS.match(key) and case.seen("pods") and case.seen("resourcequotas"))


def _as_counted(quota: ResourceQuota | None) -> tuple[dict[str, str], dict[str, str]]:
    """What is used and what there may be, by the quota's own status and bounds."""
    if quota is None:
        return {}, {}
    used, hard = quota.status.used, quota.spec.hard
    return {key: str(value) for key, value in used.items()}, {key: str(value) for key, value in hard.items()}


def _has_room(quota: ResourceQuota, over: Mapping[str, str]) -> bool:
    return all(amount(quota.spec.hard.get(key)) >= amount(value) for key, value in over.items())


def _jobs(case: Case) -> int:
    return sum(each.namespace == case.namespace for each in case.index.objects.jobs)


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What a StatefulSet has its claims ask for.

    Attributes:
        at: place of the template that asks for most.
        storage: of that, in bytes.
        pods: that are still to be made, each with a claim of it.
    """

    work: Replicas
    at: int
    storage: Fraction
    pods: int


def _claimed(case: Case) -> _Claimed | None:
    work = case.work
    if case.subject is None or not isinstance(work, Replicas):
        return None
    asked = [amount(each.spec.resources.requests.get("storage")) for each in work.spec.volume_claim_templates]
    most = max(asked, default=Fraction(0))
    return _Claimed(work, asked.index(most), most, max(1, missing_pods(case))) if most else None


def _smaller(case: Case, claimed: _Claimed, left: Fraction) -> list[Proposal]:
    """A smaller claim; the field is fixed, so the StatefulSet is made anew, which only one without pods can be."""
    size = Fraction(int(left / claimed.pods) >> 30 << 30)
    if size <= 0 or case.pods:
        return []
    value, was = written(_STORAGE, size), written(_STORAGE, claimed.storage)
    path = f"/spec/volumeClaimTemplates/{claimed.at}/spec/resources/requests/storage"
    return [
        Proposal(
            RemedyKind.REDUCE_REQUEST,
            Doer.USER,
            f"claim less storage for each pod: {was} → {value}",
            reference_of(claimed.work),
            Patch(PatchOp.RESUBMIT, [{"op": "replace", "path": path, "value": value}]),
        )
    ]


def _raised(case: Case, target: Reference, over: Mapping[str, str]) -> Proposal:
    more = ", ".join(f"{spelled(key)} {value}" for key, value in over.items())
    return Proposal(
        RemedyKind.RAISE_NAMESPACE_QUOTA,
        Doer.PLATFORM,
        f"raise the ResourceQuota {spelled(target.name)} to {more}",
        target,
        Patch(PatchOp.MERGE, {"spec": {"hard": dict(over)}}),
        effect=sent_again(case),
    )


def _looked_at(target: Reference, resource: str) -> Proposal:
    return Proposal(
        RemedyKind.OTHER,
        Doer.TEAM_OWNER,
        f"see what uses the {spelled(resource)} of the ResourceQuota {spelled(target.name)}: only an event says that "
        "more is asked for",
        target,
        Patch(PatchOp.SIGNAL, {}),
    )


def _emptied(case: Case, resource: str) -> list[Proposal]:
    """Finished Jobs count as objects until somebody deletes them."""
    if resource != _JOBS:
        return []
    again = "" if case.subject is not None else ", then submit again"
    over = [
        each
        for each in case.index.objects.jobs
        if each.namespace == case.namespace
        and any(one.true and one.type in {"Complete", "Failed"} for one in each.status.conditions)
    ]
    return [
        Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            f"delete the Job {each.name}, which is over and counts yet{again}",
            reference_of(each),
            Patch(PatchOp.DELETE),
            effect=sent_again(case),
        )
        for each in over[:1]
    ]


def _amounts(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(","):
        key, equals, value = part.strip().partition("=")
        if equals and _QUANTITY.fullmatch(value):
            found[key] = value
    return found
