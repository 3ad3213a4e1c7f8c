"""What a server does beside all else: its own beginning and end are told, what is old goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

from allotment import wiring
from allotment.api.keyed_calls import forget_old
from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditVerb, act_of
from allotment.model.audit.chain import ChainHead
from allotment.operations.run.desk import ServerIdentity
from allotment.operations.run.pruning import tidied
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.job_remains import RemainsOfJobs
from allotment.ports.journal import JOURNAL_DAYS
from allotment.ports.store import DAY_MS, JobsStore

_FIRST_TIDYING: Final = 600.0
_TIDYING: Final = 6 * 3600.0
"""Seconds until old logs are looked for: after the start, and from then on."""
_WITNESSING: Final = 3600.0
"""Seconds between two heads of the audit trail in the log."""


@contextmanager
def answered_for(store: JobsStore, identity: ServerIdentity, clock: Clock) -> Iterator[None]:
    """The server's own beginning and end, in the audit trail."""
    itself = Caller(identity.owner, CallerKind.ALLOTMENT, f"process {identity.pid}")
    told = (("platform", identity.platform), ("directory", identity.directory), ("version", identity.version))

    def tell(verb: AuditVerb) -> ChainHead:
        now = epoch_ms(clock)
        return store.audit([act_of(itself, verb, now, details=tuple(each for each in told if each[1]))])

    _say_head(tell(AuditVerb.SERVER_STARTED))
    try:
        yield
    finally:
        try:
            _say_head(tell(AuditVerb.SERVER_ENDED))
        except AllotmentError as error:
            say(f"the audit trail lacks this server's end: {error.whole}")


def witness(store: JobsStore, ending: Event) -> None:
    """Have the log say again and again how far the audit trail goes: what is cut off of it is noticed by that."""
    said: ChainHead | None = None
    while not ending.wait(_WITNESSING):
        try:
            head = store.audit_head()
        except AllotmentError as error:
            say(f"the audit trail cannot be read: {error.whole}")
            continue
        if head != said:
            _say_head(head)
        said = head


def _say_head(head: ChainHead) -> None:
    say(head)


def tidy(store: JobsStore, remains: RemainsOfJobs, clock: Clock, ending: Event) -> None:
    """Give back the room of old logs and of packed code that no job refers to, again and again."""
    wait = _FIRST_TIDYING
    while not ending.wait(wait):
        wait = _TIDYING
        try:
            store.prune_journal(epoch_ms(wiring.clock()) - JOURNAL_DAYS * DAY_MS)
            forget_old(store, epoch_ms(clock))
            gone = tidied(store.kept(), remains, epoch_ms(clock))
        except (AllotmentError, OSError) as error:
            said = error.whole if isinstance(error, AllotmentError) else error
            say(f"old logs stay: {said}")
            continue
        for kind, number in gone.removed.items():
            say(f"removed {number} old: {kind.value}")
