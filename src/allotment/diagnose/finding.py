"""What a rule says: a cause with its evidence, and what might help. Nothing in it has been tried yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

from allotment.diagnose.case import Case
from allotment.errors import unquoted
from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    ContributingCause,
    Doer,
    Evidence,
    Explanation,
    FlavorTried,
    Layer,
    Patch,
    RemedyKind,
)
from allotment.model.observed.base import Reference


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that might help; `remedies.trying` finds out whether it does.

    Attributes:
        summary: what to do, an imperative with names and numbers.
        target: the object to change; None where it is no object of this cluster.
        patch: the change. `RESUBMIT` and `STRATEGIC` bodies name only what changes, containers by name. `WAIT` and
            `SIGNAL` may have a body that says for what.
        first: acts that whoever acts has to do before, such as a claim that the changed work then names.
        then: acts that whoever acts has to do after it, such as submitting again what was given up.
        effect: further changes that follow from the act and are not written by whoever acts (a node comes back, a
            controller sets a status): (target, patch) pairs, for trying only.
        cost: order among remedies of the same doer; what takes from somebody costs more than what does not.
        command: the line that does it, where kubectl has a verb of its own; empty = made from the patch.
    """

    kind: RemedyKind
    who: Doer
    summary: str
    target: Reference | None = None
    patch: Patch | None = None
    first: tuple[tuple[Reference, Patch], ...] = ()
    then: tuple[tuple[Reference, Patch], ...] = ()
    effect: tuple[tuple[Reference, Patch], ...] = ()
    cost: int = 0
    command: str = ""


class Deferred(Sequence[Proposal]):
    """Proposals that are worked out when somebody asks for them: the cause alone is wanted far more often."""

    def __init__(self, proposals: Iterable[Proposal]) -> None:
        """Of what is not yet gone through, such as a generator."""
        self._proposals = proposals

    @cached_property
    def _all(self) -> tuple[Proposal, ...]:
        return tuple(self._proposals)

    @overload
    def __getitem__(self, at: int) -> Proposal: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Proposal, ...]: ...

    def __getitem__(self, at: int | slice) -> Proposal | tuple[Proposal, ...]:
        """One, or several."""
        return self._all[at]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._all)


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause that holds for a case.

    Attributes:
        cause: id of the vocabulary.
        verdict: of this case; some causes have more than one.
        summary: one sentence with the numbers, without a full stop at the end.
        confidence: SURE only where the evidence leaves nothing else.
        proposals: cheapest first within a doer; those that do not help are dropped when they are tried.
        never: refused even by an emptied fleet.
    """

    cause: str
    verdict: CauseVerdict
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    confidence: Confidence = Confidence.SURE
    proposals: Sequence[Proposal] = ()
    flavors: tuple[FlavorTried, ...] = ()
    never: bool = False


Rule = Callable[[Case], Finding | None]
"""One cause: what it finds in a case, or None."""


@dataclass(frozen=True, slots=True)
class CauseEntry:
    """A line of the table of causes.

    Attributes:
        code: ``ALT-nnnn``; keeps its meaning for ever.
        id: of the vocabulary.
        title: what it is, for lists; a few words.
        find: the rule.
    """

    code: str
    id: str
    layer: Layer
    title: str
    find: Rule


def explanation_of(case: Case, entry: CauseEntry, finding: Finding) -> Explanation:
    """The answer as far as its dominant cause tells it."""
    return Explanation(
        subject=case.reference,
        observed_at=case.snapshot.taken_at,
        cause=finding.cause,
        code=entry.code,
        layer=entry.layer,
        verdict=finding.verdict,
        confidence=finding.confidence,
        summary=unquoted(finding.summary),
        facts=finding.facts,
        evidence=finding.evidence,
        flavors=finding.flavors,
    )


def contributing(found: Iterable[Finding]) -> tuple[ContributingCause, ...]:
    """Causes that hold beside the dominant one."""
    return tuple(ContributingCause(each.cause, unquoted(each.summary)) for each in found)
