"""Jobs to keep, and whatever may happen to a store, drawn at random and legal most of the time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from operator import attrgetter
from typing import Any

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import AllotmentError
from allotment.model.access.permission import Permission
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken, digest_of
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import (
    AcceleratorWish,
    CheckpointPolicy,
    Job,
    JobType,
    Program,
    ReplicaNeeds,
    RetryPolicy,
    Sweep,
    SweptParameter,
)
from allotment.model.jobs.run import MOVES, JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import UseSummary
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.notice import Notice, NoticeKind, NoticeSeverity, ToldKey
from allotment.model.requests.request import (
    DecisionRecord,
    DemonstratedNeed,
    Effect,
    GrantRequest,
    RequestAct,
    RequestState,
)
from allotment.model.requests.terms import QuotaShare, RequestKind, TakenShare, Terms, Wish, WorkloadType
from allotment.ports.audit import AuditFilter
from allotment.ports.backends import EndOfRun
from allotment.ports.device_times import DeviceTurn, DeviceUse, TimedDevice
from allotment.ports.notices import Delivery, DeliveryState
from allotment.ports.requests import RequestFilter, RequestMark
from allotment.ports.store import JobFilter, JobsStore
from allotment.ports.stored_jobs import JobAttempt, JobEvent, StoredChange, StoredJob, StoredWait

NOW = 1_800_000_000_000
HOUR = 3_600_000


def job(name: str = "train", team: str = "nlp", *, devices: int = 2, **fields: Any) -> Job:
    wish = AcceleratorWish(devices, ("a100", "h100"), least_memory=Bytes(40 << 30)) if devices else None
    return Job(
        name=name,
        team=team,
        type=JobType.TRAINING,
        program=Program(("python", "train.py", "--lr=3e-4"), environment={"A": "yes", "B": "{{ x }}\n\x00"}),
        needs=ReplicaNeeds(MilliCpu(4000), Bytes(8 << 30), wish),
        priority="normal",
        project="llm",
        checkpoint=CheckpointPolicy("/ckpt", 60, 30),
        retries=RetryPolicy(2, safe=True),
        sweep=Sweep((SweptParameter("lr", low=Fraction(1, 3), high=Fraction(2)),), 4, 7, 2),
        **fields,
    )


def submitted(id_: str, at: int = NOW, *, owner: str = "ada", backend: str = "local", **fields: Any) -> StoredJob:
    first = Move(at, JobState.SUBMITTED, MoveCause.SUBMITTED, said="came")
    return StoredJob(id_, job(**fields), owner, backend, JobHistory((first,)))


def moved(stored: StoredJob, *states: JobState, at: int = NOW + 1, **more: Any) -> StoredChange:
    moves = tuple(Move(at + number, state, MoveCause.TAKEN, 1) for number, state in enumerate(states))
    return StoredChange(stored.id, stored.version, moves, **more)


def act(at: int = NOW, **fields: Any) -> AuditedAct:
    usual = {"who": "ada", "kind": "local", "whence": "unix socket", "verb": "job.stop", "outcome": "done"}
    return AuditedAct(at=at, **{**usual, **fields})


def token(id_: str, at: int = NOW, **fields: Any) -> ApiToken:
    some = frozenset({Permission.READ, Permission.STOP})
    usual = {"name": "ci", "permissions": some, "digest": digest_of("x"), "by": "ada", "expires": at + HOUR}
    return ApiToken(id=id_, created=at, **{**usual, **fields})


def person(id_: str, subject: str = "4711", name: str = "ada@x", *, seen: int = NOW) -> Person:
    return Person(id_, "https://id.example", subject, name, "ada\x00@x", ("nlp", "b\x00"), NOW, seen)


def request(
    id_: str,
    *,
    revision: int = 1,
    created: int = NOW,
    state: RequestState = RequestState.WAITING,
    requester: str = "ada",
    team: str = "nlp",
) -> GrantRequest:
    share = QuotaShare("training", "a100", 4, MilliCpu(4000), Bytes(8 << 30))
    terms = Terms((share,), (TakenShare("cv", share),), created, created + HOUR, 5)
    wish = Wish(RequestKind.GPUS, team, WorkloadType.TRAINING, "yes\x00\n{{ x }}")
    need = DemonstratedNeed(30, 9, 8, None, 2, 4, 0)
    effect = Effect("cv", "train", None, 60)
    record = DecisionRecord(
        created, RequestAct.DENY, "bob", "here", "g", "lead", terms, "no", (effect,), "", need, 1, False
    )
    decided = (record,) if state.over else ()
    return GrantRequest(
        id_, wish, requester, created, state, terms, terms, "g", "lead", created + 1, "", revision, decided
    )


def grant(id_: str, revision: int = 1, state: GrantState = GrantState.ACTIVE) -> TeamGrant:
    terms = request(id_).terms
    told = ("hours:80",)
    return TeamGrant(id_, "nlp", RequestKind.GPUS, "", "ada", terms, (terms,), state, revision, "d", "c", "", told)


def found_within(store: JobsStore, reference: str, teams: frozenset[str]) -> Any:
    try:
        return store.find(reference, within=teams)
    except AllotmentError as error:
        return type(error).__name__


def devices(number: int, backend: str = "local") -> list[TimedDevice]:
    return [TimedDevice(backend, "node-a", f"GPU-{each}") for each in range(number)]


@dataclass(frozen=True)
class Act:
    """A call of a store that writes."""

    verb: str
    arguments: tuple[Any, ...]

    def on(self, store: JobsStore) -> Any:
        """What it gives, or the kind of error that it ends with."""
        try:
            return attrgetter(self.verb)(store)(*self.arguments)
        except AllotmentError as error:
            return type(error).__name__


class Acts:
    """Acts on a store, drawn so that most of them are allowed; clocks jump."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.now = NOW
        self.count = 0

    def draw(self, store: MemoryStore) -> Act:
        self.now += self.rng.choice((0, 1, 500, 60_000, HOUR, -HOUR))
        known = sorted(store._jobs)
        kind = self.rng.randrange(10)
        if kind < 3 or not known:
            self.count += 1
            return Act("add", (self._new(known), self._audited()))
        if kind == 3:
            return Act("prune", (self.now - self.rng.choice((0, HOUR, 24 * HOUR)), self._audited()))
        if kind == 4:
            some = (Act("audit", (self._audited(),)), self._of_token(sorted(store._tokens)), self._of_person(store))
            return self.rng.choice((*some, self._of_request(store), self._of_notice(store)))
        ids = self.rng.sample(known, min(len(known), self.rng.randint(1, 3)))
        return Act("record", ([self._change(store.get(each)) for each in ids], self._turns(ids)))

    def _new(self, known: list[str]) -> StoredJob:
        if known and self.rng.random() < 0.05:
            return submitted(self.rng.choice(known), self.now)
        id_ = f"{self.rng.choice('abc')}{self.count:04d}"
        return submitted(
            id_,
            self.now,
            owner=self.rng.choice(("ada", "bob\x00\udc80")),
            backend=self.rng.choice(("local", "hpc")),
            name=self.rng.choice(("train", "trains", "a", "a-train")),
            team=self.rng.choice(("nlp", "vision")),
            devices=self.rng.randrange(3),
        )

    def _change(self, stored: StoredJob) -> StoredChange:
        rng, version = self.rng, stored.version
        states = sorted(MOVES[stored.state]) or [JobState.RUNNING]
        moves = [Move(self.now, rng.choice(states), rng.choice(list(MoveCause)), rng.randrange(3), "it \x00 moved")]
        if rng.random() < 0.05:
            moves.append(Move(self.now, JobState.SUBMITTED, MoveCause.LOST))
        if rng.random() < 0.05:
            version += rng.choice((-1, 1))
        end = EndOfRun(rng.choice((0, 1, 137, None)), rng.choice((None, 0, 3)), "over", displaced=rng.random() < 0.5)
        places = (RunningPlace(0, "node-a", ("GPU-1", "GPU-2")), RunningPlace(1, "node-b"))
        attempt = JobAttempt(rng.randint(1, 2), self.now, rng.choice((None, self.now)), places, rng.choice((None, end)))
        wait = StoredWait(
            NOW + rng.randrange(2), rng.choice(("quota", "gang")), "QuotaExceeded", "full", rng.choice((None, 5))
        )
        return StoredChange(
            stored.id,
            version,
            tuple(moves[: rng.randrange(3)]),
            native=rng.choice((None, "job/x", "4711")),
            code=rng.choice((None, "sha256:1")),
            attempts=(attempt,) * rng.randrange(2),
            events=(JobEvent(self.now, "checkpoint", "step 5"),) * rng.randrange(3),
            waits=(wait,) * rng.randrange(2),
            use=rng.choice((None, UseSummary(run_ms=5, held_ms=10, cost=rng.randrange(9)))),
            audited=rng.choice((None, *self._audited())),
        )

    def _of_token(self, known: list[str]) -> Act:
        some = self.rng.choice((*known, "nobody", "a\x00")) if known else "nobody"
        new = token(self.rng.choice((f"t{self.count:04d}", *known[:1])), self.now, by=self.rng.choice(("ada", "b\x00")))
        return self.rng.choice(
            (
                Act("add_token", (new, self._audited())),
                Act("revoke_token", (some, self.now, self._audited())),
                Act("token_used", (some, self.now)),
            )
        )

    def _of_person(self, store: MemoryStore) -> Act:
        """New, or known and as he is now; names and subjects are taken now and then."""
        known = self.rng.choice(("new", *sorted(store._people)))
        id_ = known if known != "new" else f"p{self.count:04d}"
        subject = self.rng.choice(("1", "2", f"s{self.count}", "b\x00"))
        name = self.rng.choice(("ada@x", f"n{self.count}@x"))
        if known != "new" and self.rng.random() < 0.3:
            return self.rng.choice(
                (Act("shut_out", (known, self.now, self._audited())), Act("let_in", (known, self._audited())))
            )
        if self.rng.random() < 0.1:
            return self.rng.choice((Act("shut_out", ("nobody", self.now)), Act("let_in", ("a\x00",))))
        ids = sorted(store._tokens)
        session = token(
            self.rng.choice((f"s{self.count:04d}", *ids[:1])), self.now, person=id_, session=self.rng.random() < 0.8
        )
        return Act("signed_in", (person(id_, subject, name, seen=self.now), session, self._audited()))

    def _of_request(self, store: MemoryStore) -> Act:
        """Requests and grants, new and moved, at the right revision most of the time."""
        id_ = f"r{self.rng.randrange(6):07d}"
        wanted = store._requests.get(id_)
        revision = (0 if wanted is None else wanted.revision) + self.rng.choice((1, 1, 1, 1, 0, 2))
        new = request(
            id_,
            revision=revision,
            created=self.now if wanted is None else wanted.created,
            state=self.rng.choice(list(RequestState)),
            requester=self.rng.choice(("ada", "bob", "b\udc80")),
            team=self.rng.choice(("nlp", "vision")),
        )
        new = replace(
            new, due=self.rng.choice((None, self.now, self.now + HOUR)), platform=self.rng.choice(("", "acme", "other"))
        )
        given = store._grants.get(id_)
        after = grant(id_, (0 if given is None else given.revision) + 1, self.rng.choice(list(GrantState)))
        after = replace(after, platform=new.platform)
        grants = self.rng.choice(((), (after,), (replace(after, revision=after.revision + 1),)))
        return Act("keep_requests", ((new,), grants, self._audited()))

    def _of_notice(self, store: MemoryStore) -> Act:
        """On its way, settled for itself and for a grant that may not be there, and forgotten."""
        key = f"quota/{self.rng.randrange(5)}"
        grants = self.rng.sample((*sorted(store._grants), "r9999999"), 1)
        settles = (ToldKey("", key), *(ToldKey(each, self.rng.choice(("time:80", "time:100"))) for each in grants))
        new = Notice(key, NoticeKind.QUOTA, NoticeSeverity.INFO, "nlp", (), "s", (), (), settles)
        state = self.rng.choice(list(DeliveryState))
        tried = Delivery(
            new.id, self.rng.choice("ab"), "s\x00", state, self.rng.randrange(1, 9), self.now, "down\udc80"
        )
        return self.rng.choice(
            (
                Act("notices.keep", (tried,)),
                Act("notices.settle", (new, self.now)),
                Act("notices.forget", (self.now - HOUR,)),
            )
        )

    def _audited(self) -> list[AuditedAct]:
        """None, one or two, by all kinds of people."""
        return [
            act(
                self.now,
                who=self.rng.choice(("ada", "bob\x00\udc80")),
                verb=self.rng.choice(("job.stop", "job.submit", "jobs.prune")),
                team=self.rng.choice(("nlp", "vision", "")),
                subject=self.rng.choice(("job/a0001", "job/b0002", "")),
                details=self.rng.choice(((), (("grace", "30 s"), ("why", "yes\x00\n{{ x }}")))),
            )
            for _ in range(self.rng.randrange(3))
        ]

    def _turns(self, ids: list[str]) -> list[DeviceTurn]:
        uses = [None, DeviceUse("unallocated", price=5), *(DeviceUse("unmeasured", each, "nlp") for each in ids)]
        some = self.rng.sample(devices(4), self.rng.randrange(4))
        return [DeviceTurn(each, self.now + self.rng.randint(-9, 9), self.rng.choice(uses)) for each in some]


def everything(store: JobsStore) -> Iterator[Any]:
    """All that can be asked of a store, in parts that tell where two differ."""
    wanted = [
        JobFilter(),
        JobFilter(team="nlp", owner="ada"),
        JobFilter(states=frozenset({JobState.QUEUED, JobState.RUNNING}), backend="hpc"),
        JobFilter(prefix="train", since=NOW + 60_000),
        JobFilter(prefix="T"),
        JobFilter(within=frozenset({"vision"}), prefix="a"),
        JobFilter(within=frozenset()),
    ]
    for each in wanted:
        mark = None
        while True:
            page = store.page(each, after=mark, limit=3)
            yield each, page
            if page.next is None:
                break
            mark = page.next
    for row in store.page(JobFilter(), limit=1000).rows:
        yield store.get(row.id)
    for reference in ("train", "a0", "zzz", "", "a\x00", "%", "Train"):
        yield reference, Act("find", (reference,)).on(store)
        yield reference, found_within(store, reference, frozenset({"nlp"}))
    yield store.unfinished()
    yield store.unfinished("hpc")
    yield store.device_times(NOW - 24 * HOUR, NOW + 24 * 365 * HOUR)
    yield store.device_times(NOW + 500, NOW + HOUR, backend="local")
    yield store.device_times(NOW, NOW + HOUR, team="nlp")
    yield store.watched_from("local", NOW + 500)
    yield [store.cost(team, NOW) for team in ("nlp", "vision", "a\x00")]
    yield store.in_use("local")
    yield store.tokens()
    for each in ("t0001", "t0002", "nobody", "a\x00"):
        yield each, Act("token", (each,)).on(store)
    yield from everybody(store)
    yield store.notices.deliveries()
    yield store.notices.told()
    yield store.audit_head()
    yield list(store.whole_audit())
    # Numbers go by the clock: of two stores they differ.
    for change in store.changes(1).changes:
        entry = change.entry
        yield entry.kind, entry.id, entry.team, entry.change, change.now
    for asked in (
        AuditFilter(),
        AuditFilter(who="ada", team="nlp", since=NOW + HOUR),
        AuditFilter(verb="job", until=NOW + 24 * HOUR),
        AuditFilter(verb="jobs.prune", who="bob\x00\udc80", outcome="done"),
        AuditFilter(about="job/a0001"),
    ):
        before = None
        while True:
            some = store.audited(asked, before=before, limit=3)
            yield asked, some
            before = some.before
            if before is None:
                break


def everybody(store: JobsStore) -> Iterator[Any]:
    """People, and what they ask for."""
    yield store.people()
    for each in ("p0001", "nobody", "a\x00"):
        yield each, Act("person", (each,)).on(store), Act("person_of", ("https://id.example", each)).on(store)
    yield store.person_of("https://id.example", "1")
    for among in (
        RequestFilter(),
        RequestFilter(team="nlp", requester="ada"),
        RequestFilter(states=frozenset({RequestState.WAITING, RequestState.OFFERED}), route="lead"),
        RequestFilter(within=frozenset({"vision"})),
        RequestFilter(within=frozenset()),
        RequestFilter(platform="acme"),
    ):
        first = store.requests(among, 2)
        yield among, store.requests(among), first
        if first:
            yield store.requests(among, 2, after=RequestMark(first[-1].created, first[-1].id))
    yield from _in_time(store)
    for each in ("r0000001", "nobody", "a\x00"):
        yield each, Act("request", (each,)).on(store), Act("grant", (each,)).on(store)
    yield store.grants()
    yield store.grants(frozenset({GrantState.ACTIVE, GrantState.CONFLICT}))
    yield store.grants(within=frozenset({"vision"})), store.grants(platform="acme"), store.grants(limit=2)
    yield store.grants(after="r0000001", limit=2)


def _in_time(store: JobsStore) -> Iterator[Any]:
    """Requests that are due, page by page."""
    mark: RequestMark | None = None
    until = 2_000_000_000_000
    while page := store.due_requests(until, 2, after=mark):
        yield page
        mark = RequestMark(page[-1].due or 0, page[-1].id)
    yield store.due_requests(until, platform="acme"), store.due_requests(0)
    for each in ("a\x00", "\udc80"):
        yield store.requests(RequestFilter(), after=RequestMark(NOW, each)), store.grants(after=each)
