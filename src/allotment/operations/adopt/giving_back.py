"""Use case: undo adoptions. An object gets its earlier values back, and we let go of it.

A namespace goes back with all that is in it: what was taken over there gets its earlier values, what apply made there
is deleted, access first and guardrails last, and claims stay with their data, out of the inventory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from allotment.errors import AllotmentError, NotFoundError
from allotment.model import labels
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.operations.adopt.taking_over import ATTEMPTS, Fate, Handled, attempted
from allotment.operations.change.planning import work_in_use, workloads
from allotment.plan import order
from allotment.plan.additions import if_unchanged
from allotment.plan.adoption import around, promises, record, returning
from allotment.plan.adoption.adopting import Hindrance
from allotment.plan.adoption.words import Word, word_of
from allotment.plan.changes import team_of
from allotment.plan.difference import FieldChange, difference
from allotment.plan.fields import ownership_of
from allotment.plan.foreign import grounds_of
from allotment.plan.in_use import reach_of
from allotment.plan.survey import is_adoptable
from allotment.plan.uncounted import InUse
from allotment.ports.kube import KubePort, RefusedError

_RELEASED: Final = {labels.PLATFORM: None, labels.MANAGED_BY: None}


@dataclass(frozen=True, slots=True)
class Return:
    """What undoing does to one object.

    Attributes:
        live: the object as it was seen.
        fate: given back, deleted or released.
        written: the record that its adoption left; None where apply made it.
        fields: what changes, now to earlier.
        after: the object with its earlier values; None where it has none.
        stake: what depends on it, in words.
        remarks: what the reader should know before he agrees.
        hindrances: why it is held back; empty if nothing stands against it.
    """

    live: Body
    fate: Fate
    written: record.AdoptionRecord | None
    fields: tuple[FieldChange, ...]
    after: Body | None = None
    stake: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    hindrances: tuple[Hindrance, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Identity of the object."""
        return key_of(self.live)


def look_back(kube: KubePort, platform: str, words: Sequence[Word]) -> tuple[Return, ...]:
    """What undoing would do, in the order in which it is done; changes nothing.

    Args:
        kube: the cluster.
        platform: only what this platform has taken over.
        words: what to give back; empty: everything that was taken over, as a list.

    Raises:
        NotFoundError: a word names nothing that was taken over.
        InputError: a record cannot be read.
    """
    ours = list(_ours(kube, platform))
    # Only what is meant is read: a record that somebody spoilt holds up no other.
    adopted = [body for body in ours if record.is_adopted(body)]
    for word in words:
        if not any(_named(word, body) for body in adopted):
            raise NotFoundError(
                f"{word.text} was not taken over by {platform}",
                why=f"nothing of that name carries the annotation {labels.ADOPTED}",
                fix="`allot adopt --undo` without names lists what was taken over",
            )
    if not words:
        return _looked_at(kube, ours, adopted)
    spaces = {word.name for word in words if word.kind == "namespace"}
    chosen = [body for body in adopted if any(word.means(key_of(body)) for word in words)]
    known = {key_of(body) for body in chosen}
    chosen += [body for body in ours if key_of(body).namespace in spaces and key_of(body) not in known]
    return _looked_at(kube, ours, chosen)


def _looked_at(kube: KubePort, ours: Sequence[Body], going: Sequence[Body]) -> tuple[Return, ...]:
    returns = [_return(body) for body in _ranked(going)]
    keys = {each.key for each in returns}
    queues = [(each.live, each.after) for each in returns if each.key.kind == "ClusterQueue" and each.after is not None]
    in_use = work_in_use(kube, queues, (), ())
    return tuple(
        replace(
            each,
            stake=(stake := tuple(_stake(kube, each))),
            remarks=(*_remarks(each.live, ours, keys), *_losses(each, ours, stake)),
            hindrances=_hindrances(each, in_use),
        )
        for each in returns
    )


def _stake(kube: KubePort, each: Return) -> Iterator[str]:
    """Work that relies on an object; what may not be read is said."""
    try:
        match each.key.kind:
            case "ClusterQueue":
                said = returning.queue_at_stake(each.live, ())
            case "LocalQueue":
                work = kube.list(each.live["apiVersion"], "Workload", namespace=each.key.namespace)
                said = returning.queue_at_stake(each.live, work)
            case "Namespace":
                said = around.work_in_words(workloads(kube, each.key.name))
            case _:
                said = ""
    except RefusedError as error:
        said = f"its work could not be read: {error.message}"
    if said:
        yield said


def _losses(each: Return, ours: Sequence[Body], stake: Sequence[str]) -> Iterator[str]:
    """What its work loses."""
    if each.key.kind == "LocalQueue" and each.fate is Fate.DELETED and stake:
        yield returning.LEFT_WAITING
    if each.after is None:
        return
    yield from returning.lowered(each.live, each.after)
    if each.key.kind == "ClusterQueue" and (sharing := promises.sharing_remark(each.live, each.after)):
        yield sharing
    if each.key.kind == "Namespace" and stake:
        bindings = (body for body in ours if body["kind"] == "ValidatingAdmissionPolicyBinding")
        yield from returning.refused_outside(each.live, each.after, reach_of((), bindings).refused_outside)


def _hindrances(each: Return, in_use: InUse) -> tuple[Hindrance, ...]:
    if each.key.kind != "ClusterQueue" or each.after is None:
        return ()
    return returning.no_longer_counted(in_use.lost_by(each.live, each.after))


def _remarks(body: Body, ours: Sequence[Body], going: set[ObjectKey]) -> Iterator[str]:
    """Whom of those that stay an object's earlier values concern."""
    queues = [each for each in ours if each["kind"] == "ClusterQueue" and key_of(each) not in going]
    if body["kind"] in {"ResourceFlavor", "Cohort"}:
        resting = sorted(each["metadata"]["name"] for each in queues if key_of(body) in set(grounds_of(each)))
        if resting:
            yield (
                f"its earlier values then hold for all queues of the platform that use it: {', '.join(resting)}; "
                "give those back first that were taken over"
            )
    team = team_of(body)
    if body["kind"] == "Namespace" and team:
        first = [word_of(key_of(each)) for each in queues if record.is_adopted(each) and team_of(each) == team]
        if first:
            yield (
                f"its queue stays taken over, and may take no work of the namespace any more: give it back first, "
                f"`allot adopt --undo {' '.join(first)}`"
            )


def _ours(kube: KubePort, platform: str) -> Iterator[Body]:
    for group, kind in order.kinds():
        versions = (f"{group}/{version}" if group else version for version in order.VERSIONS[group])
        served = next((version for version in versions if kube.serves(version, kind)), None)
        if served is not None:
            yield from kube.list(served, kind, labels=f"{labels.PLATFORM}={platform}")


def _named(word: Word, body: Body) -> bool:
    key = key_of(body)
    return word.means(key) and (not word.name or key.name == word.name)


def _ranked(bodies: Sequence[Body]) -> list[Body]:
    """As deletion goes: access first, guardrails and then the namespace last."""
    return sorted(bodies, key=lambda body: (-order.place(key_of(body)), key_of(body)))


def _return(body: Body) -> Return:
    written = record.record_of(body)
    if written is not None:
        after = _patched(body, record.restoration(body, written, ownership_of(body).ours))
        return Return(body, Fate.GIVEN_BACK, written, difference(body, after, ownership_of(body).shape), after)
    stays = body["kind"] == "PersistentVolumeClaim" or is_adoptable(key_of(body))
    return Return(body, Fate.RELEASED if stays else Fate.DELETED, None, ())


def give_back(returns: Sequence[Return], kube: KubePort) -> tuple[Handled, ...]:
    """Undo, in the given order; a namespace stays ours where something in it could not be undone.

    Never raises for a single object; look at what became of it.
    """
    done: list[Handled] = []
    stuck: set[str] = set()
    for each in returns:
        if each.key.kind == "Namespace" and each.key.name in stuck:
            message = "something in it could not be undone; its guardrails stay until that is solved"
            done.append(Handled(each.key, Fate.SKIPPED, message))
            continue
        if each.hindrances:
            why = "; ".join(one.why for one in each.hindrances)
            handled = Handled(each.key, Fate.HELD, why)
        else:
            handled = attempted(each.key, each.fate, partial(_undo, each, kube))
        if handled.fate is not each.fate:
            stuck.add(each.key.namespace)
        done.append(handled)
    return tuple(done)


def _undo(each: Return, kube: KubePort) -> tuple[str, ...]:
    api_version, key = each.live["apiVersion"], each.key
    if each.fate is Fate.DELETED:
        kube.delete(api_version, key, uid=each.live["metadata"]["uid"])
        return ()
    if each.fate is Fate.RELEASED:
        released = {"metadata": {"labels": _RELEASED}}
        answer = kube.merge_patch(api_version, key, released, manager=labels.ADOPTING_MANAGER)
        # Of a claim the size is ours, and cannot go; of Kubernetes' own account everything that we set can.
        return answer.warnings if key.kind == "PersistentVolumeClaim" else _let_go(api_version, key, kube)
    return _restore(each, kube)


def _restore(each: Return, kube: KubePort) -> tuple[str, ...]:
    """Earlier values first, then the end of our ownership: what only we set beside them goes with it."""
    api_version, key = each.live["apiVersion"], each.key
    live: Body | None = each.live
    for attempt in range(ATTEMPTS):
        written = record.record_of(live) if live is not None else None
        if live is None or written != each.written or written is None:
            raise AllotmentError(f"{key} has changed since it was shown", fix="run it again")
        patch = if_unchanged(record.restoration(live, written, ownership_of(live).ours), live)
        try:
            kube.merge_patch(api_version, key, patch, manager=labels.ADOPTING_MANAGER)
        except RefusedError as error:
            if error.reason != "Conflict" or attempt == ATTEMPTS - 1:
                raise
            live = kube.get(api_version, key)
        else:
            break
    return _let_go(api_version, key, kube)


def _let_go(api_version: str, key: ObjectKey, kube: KubePort) -> tuple[str, ...]:
    """Own nothing of an object any more; what nobody else owns goes."""
    place: dict[str, Any] = {"name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
    return kube.apply({"apiVersion": api_version, "kind": key.kind, "metadata": place}, force=True).warnings


def _patched(body: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(body) if isinstance(body, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _patched(merged.get(name), value)
    return merged
