"""One act that somebody has to answer for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from allotment.model.access.caller import Caller, KeyedCall


class AuditVerb(Enum):
    """What can be done; the text is what is kept."""

    SERVER_STARTED = "server.start"
    SERVER_ENDED = "server.end"
    JOB_SUBMITTED = "job.submit"
    JOB_RETRIED = "job.retry"
    JOB_STOPPED = "job.stop"
    JOB_FORGOTTEN = "job.forget"
    JOBS_PRUNED = "jobs.prune"
    ACCESS_GIVEN = "token.make"
    ACCESS_TAKEN = "token.revoke"
    REQUEST_SUBMITTED = "request.submit"
    REQUEST_APPROVED = "request.approve"
    REQUEST_COUNTERED = "request.counter"
    REQUEST_ACCEPTED = "request.accept"
    REQUEST_DENIED = "request.deny"
    REQUEST_WITHDRAWN = "request.withdraw"
    REQUEST_ESCALATED = "request.escalate"
    REQUEST_LAPSED = "request.lapse"
    GRANT_BEGUN = "grant.begin"
    GRANT_GIVEN = "grant.give"
    GRANT_EXPIRED = "grant.expire"
    GRANT_TAKEN_BACK = "grant.take-back"
    GRANT_ENDED = "grant.end"
    GRANT_IN_CONFLICT = "grant.conflict"
    GRANT_SETTLED = "grant.settle"
    QUOTA_CHANGED = "quota.change"
    CLUSTER_CONNECTED = "cluster.connect"
    CLUSTER_DISCONNECTED = "cluster.disconnect"
    KEY_ROTATED = "key.rotate"
    PERSON_SHUT_OUT = "person.shut-out"
    PERSON_LET_IN = "person.let-in"
    SIGNED_IN = "sign-in"
    ASKED = "ask"


class AuditOutcome(Enum):
    """What became of it; the text is what is kept.

    A change that was refused for what it asks, such as too many devices, is none, and is not kept.
    """

    DONE = "done"
    DENIED = "denied"
    """Whoever asked may not do it."""


@dataclass(frozen=True, slots=True)
class AuditedAct:
    """What is kept of an act.

    Attributes:
        at: milliseconds since the epoch.
        who: name of who did it.
        kind: what `who` is, a word of `CallerKind`.
        whence: from where it was asked.
        verb: a word of `AuditVerb`, or of a later version.
        subject: what it was done to, such as ``job/jk3f…``; empty where it is the server itself.
        name: of the subject, as people call it.
        team: whose it is; empty where it is no team's.
        outcome: a word of `AuditOutcome`.
        why: the reason that was given, or why it was denied; foreign text.
        details: what else matters, in the order in which it is told.
        call: that it was done for, where that came with a key; not kept in the trail.
    """

    at: int
    who: str
    kind: str
    whence: str
    verb: str
    outcome: str
    subject: str = ""
    name: str = ""
    team: str = ""
    why: str = ""
    details: tuple[tuple[str, str], ...] = ()
    call: KeyedCall | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AuditSubject:
    """What something is done to.

    Attributes:
        id: such as ``job/jk3f…``; empty for the server itself.
        name: as people call it.
        team: whose it is; empty where it is no team's.
    """

    id: str = ""
    name: str = ""
    team: str = ""


NO_SUBJECT: Final = AuditSubject()
"""The server itself."""


def act_of(
    caller: Caller,
    verb: AuditVerb,
    at: int,
    subject: AuditSubject = NO_SUBJECT,
    *,
    why: str = "",
    details: tuple[tuple[str, str], ...] = (),
) -> AuditedAct:
    """What somebody has done.

    Args:
        caller: who.
        verb: what.
        at: milliseconds since the epoch.
        subject: to what.
        why: the reason that was given.
        details: what else matters.
    """
    return AuditedAct(
        at=at,
        who=caller.name,
        kind=caller.kind.value,
        whence=caller.whence,
        verb=verb.value,
        outcome=AuditOutcome.DONE.value,
        subject=subject.id,
        name=subject.name,
        team=subject.team,
        why=why,
        details=details,
        call=caller.call,
    )


def denied(act: AuditedAct) -> AuditedAct:
    """The same, where whoever asked may not do it."""
    return replace(act, outcome=AuditOutcome.DENIED.value, call=None)
