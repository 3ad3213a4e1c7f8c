"""StatefulSets that make their pods in order: a pod that is not ready is not replaced when the template changes.

Whoever mends a broken template has to delete the pods that were made of it; the StatefulSet then goes on with the
present template.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case, pod_ready, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.patching import patched
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Object
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod, PodSpec
from allotment.model.observed.work import Replicas

_IN_PLACE: Final = frozenset({PatchOp.MERGE, PatchOp.STRATEGIC})
_MOST: Final = 5
"""Pods that a sentence names."""


def kept_waiting(index: Index, work: Object | None) -> list[Pod]:
    """Pods for which such a StatefulSet waits before it does anything else; none of other work.

    Of one in a queue Kueue looks after the pods.
    """
    if not isinstance(work, Replicas) or work.kind != "StatefulSet" or KUEUE_QUEUE in work.metadata.labels:
        return []
    if work.spec.pod_management_policy == "Parallel":
        return []
    return [pod for pod in index.pods_under(work.metadata.uid) if not pod.ended and not pod_ready(pod)]


def in_order(case: Case, proposals: Sequence[Proposal]) -> Iterator[Proposal]:
    """The same, such that the pods that are in the way are deleted.

    Where the template has been mended already, that alone is left to do.
    """
    work = case.work
    pods = kept_waiting(case.index, work)
    if not isinstance(work, Replicas) or not pods or len(pods) > _MOST:
        yield from proposals
        return
    deletes = tuple((reference_of(pod), Patch(PatchOp.DELETE)) for pod in pods)
    named = f"the pod{'s' if len(pods) > 1 else ''} {', '.join(pod.name for pod in pods)}"
    earlier = any(_of_another(case, work, pod) for pod in pods)
    if earlier:
        said = f"delete {named}: made of an earlier template, and a StatefulSet replaces none that is not ready"
        target, patch = deletes[0]
        yield Proposal(RemedyKind.OTHER, Doer.USER, said, target, patch, then=deletes[1:])
    for each in proposals:
        if each.target != reference_of(work) or not _of_template(each.patch):
            yield each
        elif not earlier or _changes(work, each.patch):
            said = f"{each.summary}, and delete {named}: a StatefulSet replaces none that is not ready"
            yield replace(each, summary=said, then=(*each.then, *deletes))


def _of_template(patch: Patch | None) -> bool:
    return patch is not None and patch.op in _IN_PLACE and "template" in patch.body.get("spec", {})


def _changes(work: Replicas, patch: Patch | None) -> bool:
    if patch is None:
        return False
    raw: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(work))
    return patched(raw, patch) != raw


def _of_another(case: Case, work: Replicas, pod: Pod) -> bool:
    """Whether a pod shows that it was not made of the present template."""
    template = admitted(case.index, pod.namespace, work.spec.template.spec)
    return _shape(template) != _shape(pod.spec)


def _shape(spec: PodSpec) -> tuple[object, ...]:
    containers = [(each.name, each.image, each.resources) for each in (*spec.containers, *spec.init_containers)]
    return containers, spec.node_selector, spec.affinity
