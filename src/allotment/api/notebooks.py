"""Notebooks that were given, as jobs of the server's own desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from allotment.errors import NotFoundError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.platform import Platform
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.terms import Wish
from allotment.operations.decide.notebooks import notebook_of
from allotment.operations.run.desk import Desk
from allotment.operations.run.local.fitting import OPEN_FIELDS
from allotment.ports.clock import Clock
from allotment.ports.job_service import JobSubmission

_ITSELF: Final = Caller("allotment", CallerKind.ALLOTMENT, "a grant's time")


class ServedNotebooks:
    """Implements `operations.decide.notebooks.Notebooks`."""

    def __init__(self, desk: Desk, platform: Callable[[], Platform], clock: Clock) -> None:
        """Nothing is begun yet.

        Args:
            desk: of the server's jobs.
            platform: as declared now.
            clock: time.
        """
        self._desk = desk
        self._platform = platform
        self._clock = clock

    def begin(self, grant: TeamGrant, wish: Wish) -> str:
        """Submit it in its requester's name; what is submitted again for the same grant is the same job."""
        found = notebook_of(wish, self._platform(), self._clock.now())
        caller = Caller(grant.requester, CallerKind.PERSON, f"request {grant.id}")
        unwritten = frozenset(OPEN_FIELDS) - found.written
        wanted = JobSubmission(found.job, wish.clusters[0], unwritten=unwritten, key=f"grant-{grant.id}")
        return self._desk.submit(wanted, caller).job.id

    def end(self, job_id: str) -> None:
        """Stop it; nothing where it is over, or nobody knows it any more."""
        try:
            self._desk.stop(job_id, caller=_ITSELF)
        except NotFoundError:
            return
