"""What the people of a team may do to their own work: make it and delete it, and of some kinds no more.

Which rights an asker has stands in no snapshot. Who may read some namespaces alone is one of a team's people, and so is
who asks a view; what the roles that are rendered give them is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.model import labels
from allotment.model.explanation import Doer, Patch, PatchOp
from allotment.model.observed.base import Reference

MADE_ANEW: Final = frozenset(
    {
        ("batch", "Job"),
        ("jobset.x-k8s.io", "JobSet"),
        ("ray.io", "RayCluster"),
        ("ray.io", "RayJob"),
        ("trainer.kubeflow.org", "TrainJob"),
    }
)
"""Groups and kinds that the roles of a team's namespace may create and delete, and not patch."""
OWNERS_MAKE: Final = frozenset({("", "Secret"), ("apps", "StatefulSet"), ("batch", "CronJob")})
"""Groups and kinds that owners of a team may make, change and delete, and its members may not."""
OWNERS_CHANGE: Final = frozenset({("", "ConfigMap"), ("", "PersistentVolumeClaim"), ("", "Service")})
"""Groups and kinds that members of a team make and delete, and owners alone patch."""
_IN_PLACE: Final = frozenset({PatchOp.MERGE, PatchOp.STRATEGIC, PatchOp.JSON})
_ACTS: Final = _IN_PLACE | {PatchOp.CREATE, PatchOp.DELETE, PatchOp.RESUBMIT}


def permitted(case: Case, proposal: Proposal) -> Proposal:
    """The same by whom it may be done: what members could not patch is made anew with the change, unless it runs."""
    target, patch = proposal.target, proposal.patch
    if proposal.who is Doer.PLATFORM or proposal.command or case.subject is None or target is None or patch is None:
        return proposal
    if not case.source.namespaces and not case.snapshot.view:
        return proposal  # who reads the whole cluster
    acts = [*proposal.first, (target, patch), *proposal.then]
    owned = any(_is_of_a_team(case, each) and _for_owners(each, act) for each, act in acts)
    proposal = replace(proposal, who=Doer.TEAM_OWNER) if owned else proposal
    if case.running_pods:
        return proposal
    return replace(
        proposal,
        patch=_anew(case, target, patch),
        first=tuple((each, _anew(case, each, act)) for each, act in proposal.first),
        then=tuple((each, _anew(case, each, act)) for each, act in proposal.then),
    )


def _for_owners(target: Reference, patch: Patch) -> bool:
    kind = _kind(target)
    return (kind in OWNERS_MAKE and patch.op in _ACTS) or (kind in OWNERS_CHANGE and patch.op in _IN_PLACE)


def _anew(case: Case, target: Reference, patch: Patch) -> Patch:
    work = case.index.work_by_name.get((target.kind, target.namespace, target.name))
    if patch.op not in _IN_PLACE or _kind(target) not in MADE_ANEW or not _is_of_a_team(case, target):
        return patch
    if work is None or labels.JOB in work.metadata.labels:
        return patch  # the work of a server is changed by its job file
    return Patch(PatchOp.RESUBMIT, patch.body)


def _is_of_a_team(case: Case, target: Reference) -> bool:
    namespace = case.index.namespaces.get(target.namespace)
    return namespace is not None and labels.TENANT in namespace.metadata.labels


def _kind(target: Reference) -> tuple[str, str]:
    group, slash, _ = target.api_version.partition("/")
    return (group if slash else ""), target.kind
