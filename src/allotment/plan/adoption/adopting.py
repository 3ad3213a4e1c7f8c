"""Whether, and how, one object is taken over: decided from what was read, without asking anybody."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, ObjectKey
from allotment.model.waiting import HOLD_AND_WAIT
from allotment.plan.additions import additions, without
from allotment.plan.adoption import record
from allotment.plan.adoption.cuts import Cut
from allotment.plan.adoption.origin import Origin, origins_of
from allotment.plan.caution import cautions
from allotment.plan.difference import FieldChange, difference
from allotment.plan.fields import ownership_of
from allotment.plan.uncounted import Holding, InUse, offered, told
from allotment.plan.verdict import Accepted, Disputed, Refused, Verdict


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why an object is not taken over, and what to do about it."""

    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an object besides itself.

    Attributes:
        stake: what depends on it, in words: work, claims, Secrets by their number.
        remarks: what the reader should know before he agrees.
        cuts: network policies that would come into the namespace, those that the directory leaves out included.
        left_out: whether the directory leaves them out.
        hindrances: reasons, found outside of the object, not to take it over.
        in_use: what Kueue's workloads hold.
        kept: what is left in a namespace to its owner, for its record.
    """

    stake: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()
    left_out: bool = False
    hindrances: tuple[Hindrance, ...] = ()
    in_use: InUse = field(default_factory=InUse)
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Adoption:
    """One object that exists under a declared name and is not ours.

    Attributes:
        live: the object as it was seen; only as such it is taken over.
        origins: who has it in hand.
        fields: what changes, live to declared.
        hindrances: every reason why it cannot be taken over, the gravest first; empty if it can.
    """

    manifest: Manifest
    live: Body
    origins: tuple[Origin, ...]
    fields: tuple[FieldChange, ...]
    facts: Facts
    hindrances: tuple[Hindrance, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Identity of the object."""
        return self.manifest.key

    @property
    def hindrance(self) -> Hindrance | None:
        """The gravest reason why it cannot be taken over; None if it can."""
        return self.hindrances[0] if self.hindrances else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the reader should know, what its present owners go on doing first."""
        return (*filter(None, (origin.goes_on for origin in self.origins)), *self.facts.remarks)


def needs_trial(manifest: Manifest) -> bool:
    """Whether the server has to be asked what would become of the object.

    A namespace is labels and annotations, which nobody defaults; and admission lets none be claimed for a trial.
    """
    return manifest.key.kind != "Namespace"


def adoption(manifest: Manifest, live: Body, verdict: Verdict | None, facts: Facts) -> Adoption:
    """What taking over one object means, or what stands against it.

    Args:
        manifest: as declared.
        live: as it is.
        verdict: of a forced dry run; None for what needs none (`needs_trial`).
        facts: what else is known.
    """
    after = _after(manifest, live, verdict)
    shape = ownership_of(live).shape
    fields = () if after is None else difference(live, after, shape)
    hindrances = tuple(_hindrances(manifest, live, verdict, after, facts))
    return Adoption(manifest, live, origins_of(live), fields, facts, hindrances)


def _after(manifest: Manifest, live: Body, verdict: Verdict | None) -> Body | None:
    if isinstance(verdict, Accepted):
        body: Body = verdict.body
    elif verdict is None:
        body = _labelled(manifest.body, live)
    else:
        return None
    return without(body, additions(manifest.body, live, ownership_of(live).shape))


def _labelled(declared: Body, live: Body) -> dict[str, Any]:
    after: dict[str, Any] = copy.deepcopy(dict(live))
    for name in ("annotations", "labels"):
        values = {**(live["metadata"].get(name) or {}), **(declared["metadata"].get(name) or {})}
        if values:
            after["metadata"][name] = values
    return after


def _hindrances(
    manifest: Manifest, live: Body, verdict: Verdict | None, after: Body | None, facts: Facts
) -> Iterator[Hindrance]:
    marks: Mapping[str, str] = live["metadata"].get("labels") or {}
    other = marks.get(labels.PLATFORM) or marks.get(labels.TENANT)
    if other:
        yield Hindrance(f"it belongs to {_whose(marks)}", _OTHER_PLATFORM)
    if isinstance(verdict, Refused) and verdict.reason == "Forbidden" and " cannot patch resource " in verdict.message:
        yield Hindrance(f"this account may not: {verdict.message}", _ANOTHER_ACCOUNT)
    elif isinstance(verdict, Refused):
        yield Hindrance(f"the server refuses what is declared: {verdict.message}", _REFUSED)
    if isinstance(verdict, Disputed):
        yield Hindrance("the server holds fields of it for others", "run it again")
    yield from facts.hindrances
    if after is not None:
        below = [f"{warning.message}" for warning in cautions(live, after)]
        if below:
            yield Hindrance(f"less would be declared than is in use: {'; '.join(below)}", _BELOW_USE)
    lost = facts.in_use.lost_by(live, manifest.body) if manifest.key.kind == "ClusterQueue" else ()
    if lost:
        yield Hindrance(f"it would no longer count what runs: {told(lost)}", _counting(manifest.body, lost))
    written = record.AdoptionRecord("", (), record.before_of(manifest.body, live))
    if len(record.to_text(written).encode()) > record.LONGEST:
        yield Hindrance(f"its earlier values are longer than {record.LONGEST} bytes, too long to be kept", _TOO_LONG)


def _counting(declared: Body, lost: Iterable[Holding]) -> str:
    """How the queue can be taken over. A flavor that it goes on to have, for something else, has its name already."""
    there = {flavor for flavor, _ in offered(declared)}
    wait = HOLD_AND_WAIT.format(declared["metadata"]["name"])
    return wait if any(one.flavor in there for one in lost) else f"{_NAME_IT}; or {wait}"


def _whose(marks: Mapping[str, str]) -> str:
    platform = marks.get(labels.PLATFORM)
    return f"the platform {platform}" if platform else f"the team {marks[labels.TENANT]}"


_OTHER_PLATFORM: Final = (
    "is this the right cluster? If it is, give it up there first, with `allot adopt --undo` in that platform's "
    "directory, or take its labels off"
)
_ANOTHER_ACCOUNT: Final = (
    "take it over with another account; `allot preflight --rights apply -o yaml` prints what that needs"
)
_REFUSED: Final = (
    "declare what the object is, or choose another name; what cannot be changed in place has to be deleted by hand "
    "first"
)
_BELOW_USE: Final = "declare at least what is in use, and lower it once the work has ended"
_NAME_IT: Final = (
    "declare the flavor that the work holds as well (names: {flavors: {USUAL: ITS-NAME}} in the Cluster document gives "
    "one of the declared flavors its name)"
)
_TOO_LONG: Final = "save it with kubectl, delete it, and let apply create it"
