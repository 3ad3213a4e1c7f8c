"""A team comes, or leaves: which steps that takes, in which order, and what becomes of the grant with each of them.

What was approved is kept as a grant: active once the team can work, or has stopped to. Each step looks at what stands
there and does what is missing, so that one that was done and not noted is done again without harm. None begins before
all steps in front of it are done; one that fails is tried again, and all others wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from allotment.errors import ConflictError
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import RequestKind
from allotment.model.requests.timeline import StepOutcome, TimelineStep
from allotment.requests.granting import become
from allotment.requests.pricing import cut_off

OF_TEAMS: Final = frozenset({RequestKind.TEAM, RequestKind.LEAVE})
"""Kinds of requests that are about a team as a whole."""


class TeamStep(Enum):
    """What is done; the text is what the timeline has."""

    COMMIT = "commit"
    """The team stands in the platform directory, or stands there as one that leaves."""
    APPLY = "apply"
    """Its clusters are as declared. Of a team that leaves: its work goes, then access, and guardrails stay."""
    PROVE = "prove"
    """Its guardrails were tried, and hold."""
    WITHDRAW = "withdraw requests"
    END_GRANTS = "end grants"
    STOP = "stop jobs"
    REVOKE = "revoke access"
    """Its tokens, and sessions and tokens of people who are nothing here without it."""
    TAKE_OUT = "take out of the directory"
    DELETE = "delete data"


COMING: Final = (TeamStep.COMMIT, TeamStep.APPLY, TeamStep.PROVE)
LEAVING: Final = (
    # From the commit on nobody submits for the team any more, so what is ended afterwards stays ended.
    TeamStep.COMMIT,
    TeamStep.WITHDRAW,
    TeamStep.END_GRANTS,
    TeamStep.STOP,
    TeamStep.REVOKE,
    TeamStep.APPLY,
    TeamStep.PROVE,
)
GONE: Final = (TeamStep.TAKE_OUT, TeamStep.DELETE)
"""Once the last day is over on which the data of a team that has left are kept."""

_PHASES: Final[Mapping[tuple[RequestKind, GrantState], tuple[TeamStep, ...]]] = MappingProxyType(
    {
        (RequestKind.TEAM, GrantState.GIVING): COMING,
        (RequestKind.LEAVE, GrantState.GIVING): LEAVING,
        (RequestKind.LEAVE, GrantState.TAKING_BACK): GONE,
    }
)
_AFTER: Final[Mapping[GrantState, GrantState]] = MappingProxyType(
    {GrantState.GIVING: GrantState.ACTIVE, GrantState.TAKING_BACK: GrantState.ENDED}
)


def begun(grant: TeamGrant, now: int) -> TeamGrant:
    """The grant in the state in which something is to be done for it now; itself where nothing is, or it is already.

    Args:
        grant: of a team that comes or leaves.
        now: milliseconds since the epoch.
    """
    if grant.state is GrantState.DUE and now >= grant.terms.since:
        return become(grant, GrantState.GIVING)
    over = grant.terms.until is not None and now >= grant.terms.until
    if grant.kind is RequestKind.LEAVE and grant.state is GrantState.ACTIVE and over:
        return become(grant, GrantState.TAKING_BACK)
    return grant


def next_step(grant: TeamGrant) -> TeamStep | None:
    """The first step that is not done; None where there is nothing to do."""
    done = {each.name for each in grant.timeline if each.outcome is StepOutcome.DONE}
    steps = _PHASES.get((grant.kind, grant.state), ())
    return next((each for each in steps if each.value not in done), None)


def noted(
    grant: TeamGrant, step: TeamStep, at: int, said: str, outcome: StepOutcome = StepOutcome.DONE
) -> TeamGrant:  # fmt: skip
    """The grant with what came of a step; in its next state where that was the last of its phase.

    Args:
        grant: as it stands.
        step: the next one (`next_step`).
        at: milliseconds since the epoch.
        said: what came of it, or why it failed.
        outcome: of it.

    Raises:
        ValueError: it is not its turn.
    """
    if next_step(grant) is not step:
        raise ValueError(f"it is not the turn of {step.value}")
    before = next((each for each in grant.timeline if each.name == step.value), None)
    tries = 1 if before is None else before.tries + 1
    this = TimelineStep(step.value, at, outcome, said, tries)
    timeline = (*(each for each in grant.timeline if each is not before), this)
    if outcome is not StepOutcome.DONE:
        return replace(grant, timeline=timeline, trouble=said, revision=grant.revision + 1)
    done = replace(grant, timeline=timeline, trouble="")
    if next_step(done) is None:
        return become(done, _AFTER[grant.state])
    return replace(done, revision=grant.revision + 1)


def over_with_team(request: GrantRequest) -> GrantRequest:
    """An open request of a team that leaves: nobody decides on it any more.

    Raises:
        ConflictError: it is over already.
    """
    if request.state.over:
        raise ConflictError(f"request {request.id} is {request.state.value}", fix="nothing is left to do")
    return replace(request, state=RequestState.WITHDRAWN, route="", due=None, revision=request.revision + 1)


def ended_with_team(grant: TeamGrant, now: int) -> tuple[TeamGrant, ...]:
    """What becomes of a grant whose team leaves, revision by revision; nothing where it goes already, or has gone.

    Its file went with the commit that has the team leave, so a conflict about it is over, too.

    Args:
        grant: of that team; the one by which it leaves stays.
        now: milliseconds since the epoch.
    """
    if grant.kind is RequestKind.LEAVE or grant.state in {GrantState.TAKING_BACK, GrantState.ENDED}:
        return ()
    if grant.state is GrantState.DUE:
        return (become(grant, GrantState.ENDED, terms=cut_off(grant.terms, now)),)
    out = become(grant, GrantState.TAKING_BACK, terms=cut_off(grant.terms, now))
    return (out, become(out, GrantState.ENDED)) if grant.kind is RequestKind.TEAM else (out,)
