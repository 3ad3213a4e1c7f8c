"""The people of a made-up fleet act at its server as people do: they sign in, submit, and ask for more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.person import Person
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.access.token import ID_BYTES, token_id
from allotment.model.jobs.run import JobState
from allotment.model.platform import Platform
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.model.source import SourceTree
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.tokens import new_session
from allotment.operations.run.desk import Desk
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.job_service import JobSubmission
from allotment.ports.people import PeopleStore
from allotment.ports.request_service import AskedRequest, RequestService
from allotment.ports.store import JobFilter, JobGroup, JobsStore
from allotment.simulation.demo.fates import DemoPace
from allotment.simulation.demo.people import REQUESTS, PlannedJob, arriving, people
from allotment.spec.jobs.load import load_jobs

ISSUER: Final = "https://demo.invalid"
"""Nobody signs in there: whom the demo makes up comes from it."""
_DAY: Final = 86_400_000
_FILE: Final = "demo.yaml"


def bring_people(store: PeopleStore, now: int, random: Callable[[int], bytes]) -> None:
    """Everybody has signed in once.

    Args:
        store: where they are kept.
        now: milliseconds since the epoch.
        random: gives so many bytes.
    """
    for each in people():
        made = token_id(random(ID_BYTES))
        person = Person(made, ISSUER, each.name, each.name, each.name, each.groups, now, now)
        store.signed_in(person, new_session(person.name, person.id, now, random).token)


@dataclass(slots=True)
class DemoPeople:
    """See the module; for one thread.

    Attributes:
        platform: whose teams they are.
        groups: which groups are what.
        requests: what somebody may ask of requests.
        began: milliseconds since the epoch.
    """

    desk: Desk
    store: JobsStore
    platform: Platform
    groups: PeopleOfPlatform
    requests: Callable[[LetIn], RequestService]
    clock: Clock
    pace: DemoPace
    began: int
    _came: Counter[str] = field(default_factory=Counter)

    def step(self) -> int:
        """Submit what comes now; how many jobs."""
        done = 0
        for each in arriving(self.pace, epoch_ms(self.clock) - self.began, self._under_way(), dict(self._came)):
            self._came[each.cluster] += 1
            done += self._submitted(each)
        return done

    def ask(self) -> tuple[str, ...]:
        """Ask for what is asked for as the fleet begins; why some of it could not be."""
        known, refused = {each.name: each for each in people()}, []
        for each in REQUESTS:
            groups = known[each.who].groups
            caller = Caller(each.who, CallerKind.PERSON, "demo")
            let_in = LetIn(caller, self.groups.rights_of(groups, each.who), groups=groups)
            asked = AskedRequest(
                RequestKind.GPUS,
                each.team,
                WorkloadType.TRAINING,
                each.why,
                accelerator=each.accelerator,
                devices=each.devices,
                clusters=(each.cluster,),
                lasts=each.days * _DAY,
            )
            try:
                self.requests(let_in).ask(asked)
            except AllotmentError as error:
                refused.append(error.line)
        return tuple(refused)

    def _under_way(self) -> Mapping[str, int]:
        living = frozenset(state for state in JobState if not state.over)
        counts = self.store.counts(JobFilter(states=living), (JobGroup.BACKEND,))
        return {each.of[JobGroup.BACKEND]: each.jobs for each in counts}

    def _submitted(self, planned: PlannedJob) -> bool:
        caller = Caller(planned.owner, CallerKind.PERSON, "demo")
        try:
            (document,) = load_jobs(SourceTree({_FILE: planned.text()}), self.platform, self.clock.now())
            self.desk.submit(JobSubmission(document.job, planned.cluster), caller)
        except AllotmentError:
            return False  # the platform, or the cluster, was changed so that it takes it no more
        return True
