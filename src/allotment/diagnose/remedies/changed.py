"""A source as it would be after an act: the object changed, and what controllers make of that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.owned import as_read, recounted
from allotment.diagnose.reach import held_back, missing_pods
from allotment.diagnose.remedies.derived import rederived, without_events
from allotment.diagnose.remedies.moved import lies_at
from allotment.diagnose.remedies.ordered import kept_waiting
from allotment.diagnose.remedies.patching import PatchError, patched
from allotment.diagnose.remedies.readmission import refused
from allotment.diagnose.remedies.rolling import with_old_pods
from allotment.diagnose.rollouts import old_ready
from allotment.diagnose.subjects import find_in
from allotment.model.explanation import Patch, PatchOp
from allotment.model.observed.base import Object, Reference
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Objects, Source
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas, Work
from allotment.observe.kinds import BY_KIND, ObservedKind
from allotment.observe.reading import read_object, read_shaped

_ACTS: Final = frozenset(
    {PatchOp.MERGE, PatchOp.STRATEGIC, PatchOp.JSON, PatchOp.CREATE, PatchOp.DELETE, PatchOp.RESUBMIT}
)


def after(case: Case, proposal: Proposal) -> Case | None:
    """The case after a proposal was carried out; None if that cannot be told.

    Where what is made anew is refused, it is the case of a submission: nothing of it is there.
    """
    acts = [*proposal.first, (proposal.target, proposal.patch), *proposal.then, *proposal.effect]
    objects = case.source.objects
    about = case.reference
    remade = False
    for target, patch in acts:
        if target is None or patch is None or patch.op not in _ACTS:
            continue
        remade = True
        lies = lies_at(case, target, patch)
        changed = _changed(case, objects, lies, patch)
        if changed is None:
            return None
        before, now = seen_object(objects, lies), seen_object(changed, target)
        never_made = refused(case, changed, before, now, anew=patch.op is PatchOp.RESUBMIT)
        if never_made is not None:
            never_made.supposed = never_made.brief = True
            return never_made
        objects = changed
        about = _moved(about, lies, patch)
    if not remade:
        return None
    source = msgspec.structs.replace(case.source, objects=_dated(objects, case.snapshot.taken_at), order=())
    snapshot = msgspec.structs.replace(case.snapshot, sources=(source,), submissions=())
    found = find_in(snapshot, source, about, case.index)
    if found is not None and _is_queued_then(case, found, proposal):
        assert found.top is not None  # noqa: S101  asked only then
        objects = _dated(rederived(found.index, found.top, anew=False), case.snapshot.taken_at)
        source = msgspec.structs.replace(source, objects=objects)
        found = find_in(msgspec.structs.replace(snapshot, sources=(source,)), source, about, case.index)
    if found is not None:
        found.supposed = found.brief = True
    return found


def with_pods(case: Case) -> Case | None:
    """A supposed case once controllers have made the pods that are missing; None where none are to be made by them."""
    work = case.top
    if work is None or not isinstance(work, Job | Replicas) or case.queue_name or held_back(case):
        return None
    if not missing_pods(case):
        return None
    source = msgspec.structs.replace(case.source, objects=rederived(case.index, work, anew=False))
    snapshot = msgspec.structs.replace(case.snapshot, sources=(source,))
    found = find_in(snapshot, source, case.reference, case.index)
    if found is not None:
        found.supposed = found.brief = True
    return found


def _is_queued_then(case: Case, found: Case, proposal: Proposal) -> bool:
    """Whether Kueue makes a Workload of it now: it makes none that names a class which is not there."""
    made = proposal.patch is not None and proposal.patch.op is PatchOp.CREATE
    named = proposal.target is not None and proposal.target.kind == "WorkloadPriorityClass"
    return made and named and case.workload is None and bool(found.queue_name) and isinstance(found.top, Job | Owner)


def _dated(objects: Objects, now: str) -> Objects:
    """What was made by the act is as old as the moment: it stands behind all who queued before."""
    if all(each.metadata.creation_timestamp for each in objects.workloads):
        return objects
    dated = tuple(
        each
        if each.metadata.creation_timestamp
        else msgspec.structs.replace(each, metadata=msgspec.structs.replace(each.metadata, creation_timestamp=now))
        for each in objects.workloads
    )
    return msgspec.structs.replace(objects, workloads=dated)


def _moved(about: Reference, target: Reference, patch: Patch) -> Reference:
    """The subject where it then is: what is created anew can be created in another namespace."""
    if (
        patch.op is not PatchOp.RESUBMIT
        or isinstance(patch.body, list)
        or (target.kind, target.name) != (about.kind, about.name)
    ):
        return about
    elsewhere = patch.body.get("metadata", {}).get("namespace", "")
    return msgspec.structs.replace(about, namespace=elsewhere) if elsewhere else about


def _changed(case: Case, objects: Objects, target: Reference, patch: Patch) -> Objects | None:
    kind = _kind(target)
    if kind is None:
        return None
    listed: tuple[Any, ...] = getattr(objects, kind.field)
    before = next((each for each in listed if _is(each, target)), None)
    if patch.op is PatchOp.DELETE:
        return _goes_on(case, _with(objects, kind, (each for each in listed if each is not before)), before)
    if patch.op is PatchOp.CREATE:
        made = read_object(kind, patch.body).value
        return None if made is None else _with(objects, kind, (*listed, made))
    was_sent = None
    if before is None and case.submission is not None and case.subject is None and target.name == case.reference.name:
        was_sent = case.submission.manifest
    base = before if before is not None else was_sent
    if base is None:
        return None
    now = _patched(base, kind, patch)
    if now is None:
        return None
    changed = _with(objects, kind, (*(each for each in listed if each is not before), now))
    if before is not None and (patch.op is PatchOp.RESUBMIT or _runs_differ(before, now)):
        changed = without_events(changed, {before.metadata.uid} - {""})
    if isinstance(now, Job | CronJob | Replicas | DaemonSet | Owner | Pod):
        anew = patch.op is PatchOp.RESUBMIT
        rolled = _rolled(before, now) or (isinstance(before, Replicas) and bool(old_ready(case.index, before)))
        if rolled and not anew and kept_waiting(case.index, before):
            return changed  # for these its controller waits first
        made = rederived(Index(Source(objects=changed), case.index), now, anew=anew or rolled)
        return with_old_pods(case, made, now) if rolled and not anew else made
    return changed


def _goes_on(case: Case, objects: Objects, gone: Object | None) -> Objects:
    """What a StatefulSet makes of its present template once the last pod for which it waited is deleted."""
    controller = gone.metadata.controller if isinstance(gone, Pod) else None
    if gone is None or controller is None:
        return objects
    work = next((each for each in objects.replicas if each.metadata.uid == controller.uid), None)
    waited = {pod.key for pod in kept_waiting(case.index, work)}
    if work is None or gone.key not in waited or any(pod.key in waited for pod in objects.pods):
        return objects
    return rederived(Index(Source(objects=objects), case.index), work, anew=True)


def seen_object(objects: Objects, target: Reference) -> Object | None:
    """The object that a reference names, of a kind that is read or of an extension's; None if it was not seen."""
    kind = _kind(target)
    listed: tuple[Any, ...] = objects.owners if kind is None else getattr(objects, kind.field)
    return next((each for each in listed if _is(each, target) and (kind or each.kind == target.kind)), None)


def amended_object(before: Object, target: Reference, patch: Patch) -> Object | None:
    """An object with a patch applied; None where that cannot be told."""
    kind = _kind(target)
    found: Object | None = None if kind is None else _patched(before, kind, patch)
    return found


def _runs_differ(before: Object, now: Object) -> bool:
    """Whether a CronJob makes other Jobs: that earlier ones were refused says nothing of the next."""
    return (
        isinstance(before, CronJob) and isinstance(now, CronJob) and before.spec.job_template != now.spec.job_template
    )


def _rolled(before: Object | None, now: Work | Pod) -> bool:
    """Whether all pods are made anew: the work was not there, or its template is another."""
    if not isinstance(before, Replicas | DaemonSet) or not isinstance(now, Replicas | DaemonSet):
        return before is None
    return before.spec.template != now.spec.template


def _patched(base: Object, kind: ObservedKind, patch: Patch) -> Any:
    # Through JSON: builtins alone keep tuples, which no patch takes for lists.
    raw = msgspec.json.decode(msgspec.json.encode(base))
    raw.setdefault("kind", kind_of(base))
    if patch.op is PatchOp.RESUBMIT:
        # What is created anew knows nothing of what became of the one before.
        raw.pop("status", None)
        if isinstance(base, Pod):
            raw.get("spec", {}).pop("nodeName", None)
    try:
        shaped = patched(raw, as_read(base, patch) if isinstance(base, Owner) else patch)
        value, faults = read_shaped(kind.struct, shaped)
    except (PatchError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return None if faults else recounted(value) if isinstance(value, Owner) else value


def _kind(target: Reference) -> ObservedKind | None:
    group, slash, _ = target.api_version.partition("/")
    return BY_KIND.get((group if slash else "", target.kind))


def _is(each: Object, target: Reference) -> bool:
    same = each.name == target.name and each.namespace == target.namespace
    return same and (not each.kind or each.kind == target.kind)


def _with(objects: Objects, kind: ObservedKind, listed: Iterable[Any]) -> Objects:
    return msgspec.structs.replace(objects, **{kind.field: tuple(listed)})
