"""Declared objects whose name somebody else's object has, and what would rest on these.

A queue whose flavor or cohort is somebody else's would run by that one's nodes, tolerations and limits, and change with
them. So it waits with them, and says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, ObjectKey, key_of
from allotment.model.mark import MARK
from allotment.model.rights import resource_of
from allotment.plan.adoption.words import word_of
from allotment.plan.changes import Action, Blocked, Change, Create, MissingRight, Update, team_of
from allotment.plan.disguised import authors, without_marks
from allotment.plan.survey import Survey, in_inventory
from allotment.plan.work_found import made_by

_Write = TypeVar("_Write", bound=Create | Update)

_KUEUE: Final = "kueue.x-k8s.io"
_OTHERWISE: Final = "delete the object if nobody needs it"
_ANOTHER_NAME: Final[Mapping[str, str]] = {
    "Namespace": "give the team another one (namespaces in its Team document)",
    "ResourceFlavor": "choose another name (names.flavors in the Cluster document)",
    "ClusterQueue": "choose another name (names.queues in the Cluster document)",
    "Cohort": "choose another name (cohorts in the Cluster document)",
    "PriorityClass": "choose another name (in its Priority document)",
    "WorkloadPriorityClass": "choose another name (in its Priority document)",
    "StorageClass": "choose another name (in its StorageClass document)",
}
"""By kind, where a name is chosen. Nobody is told to delete these: work and data hang on them."""


_TAKEN_OVER: Final = (
    f"take it over with `allot adopt {word_of(MARK)}`, which lets nothing of others stay in it; or delete it if nobody "
    "needs it, and plan again"
)
_WHOSE_MARK: Final = "is this the right cluster?"


def foreign(live: Survey, platform: str) -> Iterator[Blocked]:
    """A step for each declared object that exists and is not ours."""
    for manifest, body in live.foreign:
        key = manifest.key
        if in_inventory(body, platform):
            yield _labelled(manifest, body)
            continue
        marks = body["metadata"].get("labels") or {}
        owner = marks.get(labels.PLATFORM)
        if key.kind == "Namespace" and not owner and marks.get(labels.TENANT) and team_of(body) == manifest.team:
            yield _unlabelled(key, manifest.team, platform)
            continue
        by = made_by(body["metadata"])
        not_ours = f"Allotment did not create it{f' ({by} did)' if by else ''}, and takes nothing over unasked"
        if by == labels.FIELD_MANAGER:
            not_ours = f"it lacks the label {labels.PLATFORM}, and whoever writes as {by} proves nothing by that"
        why = f"it belongs to the platform {owner}" if owner else not_ours
        yield _not_ours(key, why, _advice(key, adoptable=not owner), remedy="" if owner else word_of(key))


def _not_ours(key: ObjectKey, why: str, fix: str, remedy: str = "") -> Blocked:
    return Blocked(key, Action.CREATE, f"{key} exists and is not ours", why, fix, remedy=remedy)


def _labelled(manifest: Manifest, body: Body) -> Blocked:
    """The step for a namespace that says that it is ours, while nobody applied it as such."""
    key, team = manifest.key, team_of(body)
    fix = f"take them off with `{without_marks(body)}`; then {_advice(key, adoptable=True)}"
    if team and team != manifest.team:
        fix = (
            f"name another namespace for team {manifest.team} if it is team {team}'s, as these labels say: with it "
            f"would go their work, Secrets and data; if the labels are a mistake, {fix}"
        )
    why = (
        f"it carries the platform's labels{authors(body)}, but nobody applied it with them, and a label proves nothing"
    )
    return _not_ours(key, why, fix)


def _unlabelled(key: ObjectKey, team: str, platform: str) -> Blocked:
    """The step for a namespace that says whose it is, and not of which platform: one was lost, or one was forged."""
    return _not_ours(
        key,
        f"it carries the label {labels.TENANT}, but not {labels.PLATFORM}, and anybody who may change it can write one",
        f"if it is team {team}'s and lost the other, put that back: `kubectl label namespace {key.name} "
        f"{labels.PLATFORM}={platform}`; if it is somebody else's, take off the one that it has (`kubectl label "
        f"namespace {key.name} --field-manager={labels.ADOPTING_MANAGER} {labels.TENANT}-`), then "
        f"{_advice(key, adoptable=True)}",
    )


def to_be_given_back(body: Body) -> Blocked:
    """The step for an object that was taken over, is declared no longer, and goes back rather than away."""
    key = key_of(body)
    return Blocked(
        key,
        Action.DELETE,
        f"{key} is no longer declared, and is not deleted",
        "it was there before Allotment, which took it over; others, and work that runs, may count on it",
        f"give it back with `allot adopt --undo {word_of(key)}`, or declare it again",
        remedy=f"--undo {word_of(key)}",
    )


def unmarked(changes: Iterable[Change]) -> Blocked | None:
    """The step for the platform's own namespace where it cannot be made ours: nothing may be applied without it."""
    found = (step for step in changes if isinstance(step, Blocked) and step.key == MARK)
    return next((step for step in found if step.wanted is Action.CREATE), None)


def _advice(key: ObjectKey, *, adoptable: bool) -> str:
    if key == MARK:
        return f"nothing is applied before it is the platform's: {_TAKEN_OVER if adoptable else _WHOSE_MARK}"
    another = _ANOTHER_NAME.get(key.kind)
    if not adoptable:
        return another or _OTHERWISE
    return f"take it over with `allot adopt {word_of(key)}`, or {another or _OTHERWISE}"


def resting_on(foreign_keys: Iterable[ObjectKey], changes: Iterable[Change]) -> list[Change]:
    """The steps, with those blocked that would rest on somebody else's object, or on a step that is so blocked."""
    steps = list(changes)
    lost = frozenset(key for key in foreign_keys if key.group == _KUEUE)
    written = [step for step in steps if isinstance(step, Create | Update)]
    found = _resting(written, lambda step: grounds_of(step.manifest.body), lost.__contains__)
    return [
        _waiting(step, *found[step.key]) if isinstance(step, Create | Update) and step.key in found else step
        for step in steps
    ]


def resting_on_unread(changes: Iterable[Change], right: MissingRight) -> frozenset[ObjectKey]:
    """Creations that would rest on objects of a kind that was not looked at: whether these are ours is not known.

    Of the others that is known without a dry run, so they are blocked for whoever may only read, too.
    """
    created = [step for step in changes if isinstance(step, Create)]
    return frozenset(
        _resting(
            created,
            lambda step: (*_space_of(step), *grounds_of(step.manifest.body)),
            lambda key: _is_of(right, key),
        )
    )


def _resting(
    steps: Sequence[_Write],
    grounds: Callable[[_Write], Iterable[ObjectKey]],
    is_lost: Callable[[ObjectKey], bool],
) -> dict[ObjectKey, tuple[ObjectKey, ObjectKey]]:
    """The steps that rest on what is lost, or on a creation that does: on which object, and because of which."""
    found: dict[ObjectKey, tuple[ObjectKey, ObjectKey]] = {}
    roots: dict[ObjectKey, ObjectKey] = {}
    before = -1
    while len(found) > before:
        before = len(found)
        for step in steps:
            ground = next((key for key in grounds(step) if key in roots or is_lost(key)), None)
            if step.key in found or ground is None:
                continue
            root = roots.get(ground, ground)
            found[step.key] = ground, root
            if isinstance(step, Create):
                roots[step.key] = root
    return found


def _is_of(right: MissingRight, key: ObjectKey) -> bool:
    return (right.group, right.resource) == (key.group, resource_of(key.kind))


def _space_of(step: Create) -> Iterator[ObjectKey]:
    if step.key.namespace:
        yield ObjectKey("", "Namespace", "", step.key.namespace)


def grounds_of(body: Body) -> Iterator[ObjectKey]:
    """Objects of Kueue's without which, or beside a stranger of that name, this one is not what is declared."""
    spec = body.get("spec") or {}
    match body["kind"]:
        case "ClusterQueue" | "Cohort":
            for group in spec.get("resourceGroups") or ():
                yield from (_key("ResourceFlavor", flavor["name"]) for flavor in group.get("flavors") or ())
            for field in ("cohortName", "cohort", "parentName"):
                if spec.get(field):
                    yield _key("Cohort", spec[field])
        case "LocalQueue":
            yield _key("ClusterQueue", spec.get("clusterQueue", ""))


def _key(kind: str, name: str) -> ObjectKey:
    return ObjectKey(_KUEUE, kind, "", name)


def _waiting(step: Create | Update, ground: ObjectKey, root: ObjectKey) -> Blocked:
    why = f"it would rest on {ground}, which is somebody else's"
    if ground != root:
        why = f"it would rest on {ground}, which is blocked because of {root}"
    what = f"{step.key} waits for {root}"
    return Blocked(step.key, step.action, what, why, "solve that first", following=str(root))
