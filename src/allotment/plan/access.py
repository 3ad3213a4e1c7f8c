"""Access that changes hands as a whole: an edit of two words can give a namespace, with all that is in it, to others.

Bindings are objects like any other, so such a plan reads ``20 to change``. It is what a mistaken `id:` looks like, or
two teams' groups exchanged; and who gets in reads the Secrets and the data of those who were there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, ObjectKey, key_of
from allotment.plan.changes import Change, Create, Delete, PlanWarning, Update, WarningCode
from allotment.plan.survey import Survey


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A namespace in which nobody whom some binding lets in now is let in by it any more.

    Attributes:
        bindings: names of such bindings.
        lost: who had access to the namespace and has none any more.
        got: who has it now and had none.
        all_new: whether nobody at all keeps it.
    """

    namespace: str
    team: str
    bindings: tuple[str, ...]
    lost: frozenset[str]
    got: frozenset[str]
    all_new: bool


def warnings(changes: Iterable[Change], live: Survey, desired: Iterable[Manifest]) -> Iterator[PlanWarning]:
    """One warning for each namespace of a team whose people are exchanged.

    Args:
        changes: the steps.
        live: what was found.
        desired: all that the directory has in the cluster.
    """
    look = _Look(changes, live)
    spaces: dict[str, list[Manifest]] = {}
    for manifest in desired:
        if manifest.key.kind == "RoleBinding" and manifest.team:
            spaces.setdefault(manifest.key.namespace, []).append(manifest)
    exchanges = [one for space, found in sorted(spaces.items()) if (one := look.exchange(space, found)) is not None]
    for one in exchanges:
        others = sorted({other.team for other in exchanges if other.team != one.team and one.got <= other.lost})
        key = ObjectKey("", "Namespace", "", one.namespace)
        yield PlanWarning(WarningCode.ACCESS_EXCHANGED, key, _message(one, others))


def newcomers(live: Survey, bound: Mapping[str, tuple[Body, ...]]) -> Iterator[PlanWarning]:
    """One warning for each binding to come that lets somebody into others' namespace, in which nothing names him now.

    Args:
        live: what was found.
        bound: by namespace that is there, every RoleBinding in it; those that could not be read are left out.
    """
    foreign = {manifest.key.name for manifest, _ in live.foreign if manifest.key.kind == "Namespace"}
    for manifest in live.absent:
        bindings = bound.get(manifest.key.namespace) if manifest.key.kind == "RoleBinding" else None
        if bindings is None:
            continue
        others = any(labels.PLATFORM not in (body["metadata"].get("labels") or {}) for body in bindings)
        new = entering(manifest.body, bindings)
        if new and (others or manifest.key.namespace in foreign):
            message = (
                f"{', '.join(new)} get{'s' if len(new) == 1 else ''} into the namespace {manifest.key.namespace}, in "
                "which no binding names them now; with it goes what is there: its Secrets and claims"
            )
            yield PlanWarning(WarningCode.ACCESS_GAINED, manifest.key, message)


def entering(binding: Body, bindings: Iterable[Body]) -> list[str]:
    """The people of a binding to come whom none of these bindings of its namespace names."""
    known = frozenset(who for body in bindings for who in _subjects(body))
    return sorted(who for who in _subjects(binding) - known if not who.startswith("ServiceAccount "))


class _Look:
    """Who is let in by bindings now, and who then."""

    def __init__(self, changes: Iterable[Change], live: Survey) -> None:
        steps = list(changes)
        self._updated = {step.key for step in steps if isinstance(step, Update)}
        self._created = {step.key for step in steps if isinstance(step, Create)}
        self._absent = {manifest.key for manifest in live.absent}
        self._live = {each.manifest.key: _subjects(each.live) for each in live.different}
        self._surplus = [body for body in live.surplus if body["kind"] == "RoleBinding"]
        self._deleted = {step.key for step in steps if isinstance(step, Delete)}

    def exchange(self, namespace: str, bindings: Iterable[Manifest]) -> _Exchange | None:
        """What becomes of a namespace's access; None where of each binding somebody stays, or nobody is new."""
        surplus = {key_of(body): _subjects(body) for body in self._surplus if key_of(body).namespace == namespace}
        now = set().union(*surplus.values())
        then = set().union(*(who for key, who in surplus.items() if key not in self._deleted))
        exchanged: list[Manifest] = []
        for manifest in bindings:
            before, after = self._before(manifest), self._after(manifest)
            now |= before
            then |= after
            if manifest.key in self._updated and before and after and not before & after:
                exchanged.append(manifest)
        lost, got = frozenset(now - then), frozenset(then - now)
        if not (exchanged and lost and got):
            return None
        names = tuple(manifest.key.name for manifest in exchanged)
        return _Exchange(namespace, exchanged[0].team or "", names, lost, got, all_new=not now & then)

    def _before(self, manifest: Manifest) -> frozenset[str]:
        if manifest.key in self._absent:
            return frozenset()
        # What does not differ is live as it is declared.
        return self._live.get(manifest.key, _subjects(manifest.body))

    def _after(self, manifest: Manifest) -> frozenset[str]:
        written = manifest.key in self._updated | self._created
        return _subjects(manifest.body) if written else self._before(manifest)


def _message(one: _Exchange, others: Iterable[str]) -> str:
    by = "" if one.all_new else f" by RoleBinding{'s' if len(one.bindings) > 1 else ''} {', '.join(one.bindings)}"
    teams = [one.team, *others]
    exchanged = f"; the ids of teams {' and '.join(teams)} look exchanged" if len(teams) > 1 else ""
    return (
        f"nobody who has access{by} now keeps it: {', '.join(sorted(one.lost))} lose it, "
        f"{', '.join(sorted(one.got))} get it; with it goes what is in the namespace: its Secrets and claims{exchanged}"
    )


def _subjects(binding: Body) -> frozenset[str]:
    """``Group cv-members``, ``ServiceAccount ci/runner``."""
    return frozenset(
        f"{each.get('kind')} {'/'.join(filter(None, (each.get('namespace'), each.get('name'))))}"
        for each in binding.get("subjects") or ()
    )
