"""Use case: carry adoptions out, object by object. One that fails holds back what lies in it, and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Final, Protocol

from allotment.errors import AllotmentError, ConflictError, NotSignedInError, UnreachableError
from allotment.model import labels
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.model.mark import MARK
from allotment.operations.change.apply import take_out
from allotment.plan.additions import if_unchanged
from allotment.plan.adoption import record
from allotment.plan.adoption.adopting import Adoption
from allotment.plan.changes import seen
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort, RefusedError

ATTEMPTS: Final = 5
"""Tries for one object: controllers write status to it all the time, and only what was shown is taken over."""


class Fate(StrEnum):
    """What became of an object."""

    ADOPTED = "adopted"
    GIVEN_BACK = "given-back"
    DELETED = "deleted"
    RELEASED = "released"
    HELD = "held"
    SKIPPED = "skipped"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


DONE: Final = frozenset({Fate.ADOPTED, Fate.GIVEN_BACK, Fate.DELETED, Fate.RELEASED})

_EXIT_CODES: Final = (
    (Fate.UNREACHABLE, UnreachableError.exit_code),
    (Fate.REFUSED, AllotmentError.exit_code),
    (Fate.SKIPPED, AllotmentError.exit_code),
    (Fate.HELD, ConflictError.exit_code),
)


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of one object.

    Attributes:
        message: why, where it was not done; empty otherwise.
        warnings: what the server said besides.
        error: the error behind it, if there was one.
    """

    key: ObjectKey
    fate: Fate
    message: str = ""
    warnings: tuple[str, ...] = ()
    error: AllotmentError | None = None


def exit_code(handled: Iterable[Handled]) -> int:
    """The CLI contract's code: 0, or that of the gravest thing that happened."""
    found = {each.fate for each in handled}
    return next((code for fate, code in _EXIT_CODES if fate in found), 0)


def attempted(key: ObjectKey, fate: Fate, act: Callable[[], tuple[str, ...]]) -> Handled:
    """Do something to an object; what goes wrong becomes its fate."""
    try:
        return Handled(key, fate, warnings=act())
    except RefusedError as error:
        return Handled(key, Fate.REFUSED, error.message, error=error)
    except (UnreachableError, NotSignedInError) as error:
        return Handled(key, Fate.UNREACHABLE, error.what, error=error)
    except AllotmentError as error:
        return Handled(key, Fate.REFUSED, str(error), error=error)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a run of adoptions.

    Attributes:
        edited: whether the directory says now what goes with them.
    """

    handled: tuple[Handled, ...]
    edited: bool = False


class DirectoryEdit(Protocol):
    """What the directory has to say for what runs in a namespace to go on, once the namespace is taken over."""

    def write(self) -> None:
        """Write it."""

    def put_back(self) -> bool:
        """Take it back, unless somebody has changed the files since; whether it is gone."""


def take_over_and_edit(
    adoptions: Sequence[Adoption], kube: KubePort, clock: Clock, edit: DirectoryEdit, platform: str
) -> Taken:
    """Take over what can be, with an edit of the directory that goes before it: a kill between leaves the milder word.

    Where no namespace became the platform's, the directory is put back as it was.

    Raises:
        AllotmentError: the directory cannot be written; nothing was taken over.
    """
    edit.write()
    handled = take_over(adoptions, kube, clock)
    spaces = [each for each in adoptions if each.key.kind == "Namespace"]
    needed = any(_may_be_ours(each, kube, platform) for each in spaces)
    return Taken(handled, edited=needed or not edit.put_back())


def _may_be_ours(each: Adoption, kube: KubePort, platform: str) -> bool:
    """A namespace may have been claimed although the adoption then failed, and an answer may have been lost."""
    try:
        live = kube.get(each.manifest.api_version, each.key)
    except AllotmentError:
        return True
    return live is not None and (live["metadata"].get("labels") or {}).get(labels.PLATFORM) == platform


def take_over(adoptions: Iterable[Adoption], kube: KubePort, clock: Clock) -> tuple[Handled, ...]:
    """Take over what can be, in the given order.

    Never raises for a single object; look at what became of it.
    """
    done: list[Handled] = []
    closed: set[str] = set()
    for each in adoptions:
        handled = _handled(each, kube, clock, closed)
        if each.key.kind == "Namespace" and handled.fate is not Fate.ADOPTED:
            closed.add(each.key.name)
        done.append(handled)
    return tuple(done)


def _handled(each: Adoption, kube: KubePort, clock: Clock, closed: set[str]) -> Handled:
    if each.hindrances:
        return Handled(each.key, Fate.HELD, "; ".join(one.why for one in each.hindrances))
    if each.key.namespace in closed:
        return Handled(each.key, Fate.SKIPPED, f"the namespace {each.key.namespace} was not taken over")
    return attempted(each.key, Fate.ADOPTED, lambda: _adopt(each, kube, clock))


def _adopt(each: Adoption, kube: KubePort, clock: Clock) -> tuple[str, ...]:
    manifest = each.manifest
    before = record.to_text(record.record(manifest.body, each.live, each.origins, clock.now(), each.facts.kept))
    if manifest.key.kind == "Namespace":
        _claim(each, before, kube)
    else:
        _mark(each, {labels.ADOPTED: before}, kube)
    answer = kube.apply(manifest.body, force=True)
    take_out(kube, manifest, answer.body)
    return answer.warnings


def _claim(each: Adoption, before: str, kube: KubePort) -> None:
    """Make an existing namespace a team's, or the platform's own: an engineer's word, then the claim that it lets in.

    Admission looks for the word on the namespace as it was before the claim, and for its end in the claim; so it is
    good for this namespace, this team and this once.
    """
    manifest = each.manifest
    _mark(each, {labels.CONSENT: f"{manifest.team or ''}/{each.live['metadata']['uid']}"}, kube)
    wanted = manifest.body["metadata"]["labels"]
    inventory = {key: wanted[key] for key in (labels.PLATFORM, labels.MANAGED_BY, labels.TENANT) if key in wanted}
    claim = {"metadata": {"labels": inventory, "annotations": {labels.CONSENT: None, labels.ADOPTED: before}}}
    try:
        kube.merge_patch(manifest.api_version, each.key, claim, manager=labels.ADOPTING_MANAGER)
    except AllotmentError:
        with contextlib.suppress(AllotmentError):
            back = {"metadata": {"annotations": {labels.CONSENT: None}}}
            kube.merge_patch(manifest.api_version, each.key, back, manager=labels.ADOPTING_MANAGER)
        raise
    if each.key == MARK:
        _replace_accounts(kube)


def _replace_accounts(kube: KubePort) -> None:
    """Whoever made the platform's own namespace may hold tokens of its accounts, and no policy binds those.

    A token is good for one account: what Kubernetes makes anew under the name, knows no earlier one.
    """
    for body in list(kube.list("v1", "ServiceAccount", namespace=MARK.name)):
        kube.delete("v1", key_of(body))


def _mark(each: Adoption, annotations: dict[str, str], kube: KubePort) -> None:
    """Write annotations on an object, as long as it is what was shown."""
    live, shown = each.live, seen(each.live)
    for attempt in range(ATTEMPTS):
        patch = if_unchanged({"metadata": {"annotations": annotations}}, live)
        try:
            kube.merge_patch(each.manifest.api_version, each.key, patch, manager=labels.ADOPTING_MANAGER)
        except RefusedError as error:
            if error.status != HTTPStatus.CONFLICT or attempt == ATTEMPTS - 1:
                raise
        else:
            return
        live = _as_shown(kube.get(each.manifest.api_version, each.key), each.key, shown.uid, shown.fingerprint)


def _as_shown(live: Body | None, key: ObjectKey, uid: str, fingerprint: str) -> Body:
    now = None if live is None else seen(live)
    if live is None or now is None or (now.uid, now.fingerprint) != (uid, fingerprint):
        raise AllotmentError(
            f"{key} has changed since it was shown", why="only what was looked at is taken over", fix="run it again"
        )
    return live
