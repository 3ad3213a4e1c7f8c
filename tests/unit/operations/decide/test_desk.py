"""Requests from their submission to the day when nothing is left of what was granted."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from allotment.adapters.git_repository.fake import MemoryRepository
from allotment.adapters.store.fake import MemoryStore
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnreachableError,
    UsageError,
    quoted,
)
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import EVERYTHING
from allotment.model.access.rights import OWN
from allotment.model.access.token import ApiToken
from allotment.model.moments import written
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.model.source import SourceTree
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.people import people_of
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.carrying_out import GrantCarrier
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.of_platform import PlatformRequests
from allotment.operations.decide.room import Applied, ApplyCause, DecisionRoom
from allotment.ports.repository import CommitMode, CommitPerson, RepositoryState
from allotment.ports.request_service import AskedMove, AskedRequest, OtherTerms
from allotment.ports.requests import RequestFilter
from allotment.spec.granting import grant_path
from allotment.spec.load import load_platform
from allotment.wiring import directory
from allotment.wiring.running import example_platform
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request

HOUR = 3_600_000
ACME = dict(directory(example_platform()).read().files)
HUMAN = CommitPerson("Grace", "grace@acme.example")
CLUSTER, FLAVOR = "training-eastus", "a100-on-demand"
MEMBER, LEAD, ENGINEER = ("acme-nlp",), ("acme-engineering-leads",), ("acme-platform-engineers",)


@dataclass
class _Turned:
    """A clock that tests turn."""

    office: Office

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.office.now, dt.UTC)

    def sleep(self, seconds: float) -> None:
        self.office.now += seconds


@dataclass
class Office:
    """A server that decides, over memory; what is applied is only noted."""

    now: float = 1_796_000_000.0
    store: MemoryStore = field(default_factory=MemoryStore)
    repository: MemoryRepository = field(
        default_factory=lambda: MemoryRepository(CommitMode.DIRECT, CommitPerson("Allotment", "allotment@acme.example"))
    )
    applied: list[tuple[str, ...]] = field(default_factory=list)
    trouble: dict[str, str] = field(default_factory=dict)
    causes: list[ApplyCause] = field(default_factory=list)
    files: Mapping[str, str] = field(default_factory=lambda: ACME)

    def __post_init__(self) -> None:
        self.repository.commit_by(HUMAN, self.files)
        self.present, self.declared = load(self.files), dict(self.files)
        self.ids = (f"r{number:07d}" for number in itertools.count())
        self.room = DecisionRoom(
            store=PlatformRequests(self.store, lambda: self.present.name),
            clock=_Turned(self),
            platform=lambda: self.present,
            files=lambda: self.declared,
            repository=self.repository,
            load=load,
            apply=self.apply,
            snapshots=lambda _: (),
            need=lambda _platform, _team, _clusters: (None, "nobody looked"),
            spent=lambda _: 0,
            seed=1,
            new_id=lambda: next(self.ids),
        )
        self.desk = RequestDesk(self.room)
        self.carrier = GrantCarrier(self.room)

    def apply(self, platform: Platform, clusters: Sequence[str], cause: ApplyCause) -> Applied:
        self.present, self.declared = platform, dict(cause.state.tree.files)
        self.applied.append(tuple(clusters))
        self.causes.append(cause)
        return Applied({each: why for each, why in self.trouble.items() if each in clusters})

    def of(self, name: str, groups: Sequence[str]) -> RequestsOf:
        rights = people_of(self.present).rights_of(groups, name)
        token = ApiToken("abcdefgh", "session", rights.all, "", name, 0, 9, person="p", session=True)
        return RequestsOf(
            self.desk, self.room, LetIn(Caller(name, CallerKind.PERSON, "10.1.2.3"), rights, token, tuple(groups))
        )

    def passes(self, number: int = 4) -> None:
        for _ in range(number):
            self.desk.pass_time()
            self.carrier.carry_out()
            self.now += 16

    def nominal(self, team: str = "nlp") -> int:
        found = load(self.repository.read().tree.files).team(team)
        assert found is not None
        placement = found.placement_in(CLUSTER)
        assert placement is not None
        return placement.quota.of(FLAVOR)

    def file(self, grant: str) -> str | None:
        return self.repository.read().tree.files.get(grant_path(grant))

    def grant(self, grant: str) -> GrantState:
        return self.store.grant(grant).state

    def verbs(self) -> list[tuple[str, str]]:
        return [(each.act.who, each.act.verb) for each in self.store.whole_audit()]


def load(files: Mapping[str, str]) -> Platform:
    return load_platform(SourceTree(files)).platform


def gpus(number: int, *, lasts: int | None = 72 * HOUR, team: str = "nlp", **more: Any) -> AskedRequest:
    asked = AskedRequest(RequestKind.GPUS, team, WorkloadType.TRAINING, "a release", accelerator=FLAVOR, devices=number)
    return replace(asked, clusters=(CLUSTER,), lasts=lasts, **more)


@pytest.fixture
def office() -> Office:
    return Office()


def story(office: Office) -> GrantRequest:
    """A member asks for eight, is offered six for two days, and takes that."""
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8))
    assert (asked.state, asked.route) == (RequestState.WAITING, "engineering-leadership")
    offer = AskedMove(RequestAct.COUNTER, "cv needs some", OtherTerms(devices=6, lasts=48 * HOUR), asked.revision)
    offered = boss.move(asked.id, offer)
    assert (offered.state, offered.terms.devices) == (RequestState.OFFERED, 6)
    return ada.move(asked.id, AskedMove(RequestAct.ACCEPT, revision=offered.revision))


@pytest.mark.parametrize("said", ["", "  \n "])
def test_what_says_no_reason_is_refused(office: Office, said: str) -> None:
    with pytest.raises(UsageError, match="nothing says what it is needed for") as caught:
        office.of("ada", MEMBER).ask(replace(gpus(8), justification=said))
    assert "`justification`" in caught.value.fix


def test_what_is_offered_and_taken_is_given_and_goes_by_itself(office: Office) -> None:
    before = office.nominal()
    taken = story(office)
    assert taken.terms.price == 6 * 48 * 3_000_000
    office.passes()
    assert (office.grant(taken.id), office.nominal(), office.applied) == (GrantState.ACTIVE, before + 6, [(CLUSTER,)])
    head = office.repository.commits[office.store.grant(taken.id).commit]
    assert (head.author.name, head.author.email) == ("ada", "ada@localhost"), (
        "a user of this machine has an address, too"
    )
    assert head.committer.name == "Allotment"
    assert f"Allotment-Request: {taken.id}" in head.text
    assert "Signed-off-by: Allotment" in head.text
    office.now += 48 * 3600
    office.passes()
    assert (office.grant(taken.id), office.nominal(), office.file(taken.id)) == (GrantState.ENDED, before, None)
    assert office.applied == [(CLUSTER,)] * 2
    office.passes()
    assert len(office.applied) == 2
    assert office.verbs() == [
        ("ada", "request.submit"), ("boss", "request.counter"), ("ada", "request.accept"),
        ("allotment", "grant.begin"), ("allotment", "grant.give"),
        ("allotment", "grant.expire"), ("allotment", "grant.take-back"),
    ]  # fmt: skip


def test_a_little_passes_by_itself_and_is_taken_back_when_it_is_ended(office: Office) -> None:
    ada, before = office.of("ada", MEMBER), office.nominal()
    asked = ada.ask(gpus(2, lasts=HOUR))
    assert (asked.state, asked.gate, asked.decisions[0].by) == (RequestState.APPROVED, "one-or-two-gpus", "")
    # Together with those that nobody decided on they are more than a little.
    assert ada.ask(gpus(2)).state is RequestState.APPROVED
    assert ada.ask(gpus(4)).route == "engineering-leadership"
    office.passes()
    assert office.nominal() == before + 4
    with pytest.raises(NotFoundError, match="there is no grant"):
        office.of("eve", ("acme-cv",)).end_grant(asked.id, "")
    with pytest.raises(ForbiddenError, match="is not yours to end"):
        office.of("bob", MEMBER).end_grant(asked.id, "")
    ada.end_grant(asked.id, "done")
    office.passes()
    assert (office.grant(asked.id), office.nominal()) == (GrantState.ENDED, before + 2)


class _Counted(MemoryRepository):
    """One whose readings are counted, and that may be away."""

    reads = 0
    away = False

    def read(self) -> RepositoryState:
        self.reads += 1
        if self.away:
            raise UnreachableError("the remote does not answer")
        return super().read()


def test_a_repository_is_not_read_while_nothing_is_to_be_done() -> None:
    """It may lie elsewhere, and a grant lives for days."""
    repository = _Counted(CommitMode.DIRECT, CommitPerson("Allotment", "allotment@acme.example"))
    office = Office(repository=repository)
    story(office)
    office.carrier = GrantCarrier(office.room, read_again=30_000)
    assert office.carrier.carry_out()
    given = repository.reads
    for _ in range(300):
        office.now += 2
        office.carrier.carry_out()
    assert repository.reads - given == 20
    repository.away = True
    office.now += 30
    for _ in range(10):
        with pytest.raises(UnreachableError):
            office.carrier.carry_out()
        office.now += 2
    assert repository.reads - given == 21
    repository.away = False
    office.now += 48 * 3600
    assert office.carrier.carry_out()
    assert {each.state for each in office.store.grants(frozenset(GrantState))} == {GrantState.ENDED}


class Killed(BaseException):
    """Nobody catches this."""


def killable(office: Office, calls: Iterator[int]) -> None:
    """The n-th of all calls that change something kills the server, before it is done or after."""

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **words: Any) -> Any:
            number = next(calls)
            if number == 0:
                raise Killed
            result = call(*args, **words)
            if number == 1:
                raise Killed
            return result

        return done

    for owner, name in ((office.store, "keep_requests"), (office.repository, "commit"), (office, "apply")):
        setter = object.__setattr__
        if isinstance(owner, MemoryRepository):
            reads = {"read": owner.read, "place": owner.place, "last_change": owner.last_change}
            patched = type("Killable", (), {**reads, "commit": staticmethod(wrapped(owner.commit))})
            office.room = replace(office.room, repository=patched())  # type: ignore[arg-type]
        else:
            setter(owner, name, wrapped(getattr(owner, name)))
    office.room = replace(office.room, apply=office.apply)
    office.desk = RequestDesk(office.room)
    office.carrier = GrantCarrier(office.room)


@pytest.mark.parametrize("moment", range(16))
def test_killed_at_any_moment_it_ends_the_same(moment: int) -> None:
    """The story's passes, killed at the n-th change of anything and gone on with: one commit for each change."""
    office = Office()
    taken, before = story(office), len(office.repository.commits)
    calls = iter([2] * (moment // 2) + [moment % 2] + [2] * 100)
    killable(office, calls)
    for hours in (0, 48):
        office.now += hours * 3600
        for _ in range(8):
            try:
                office.carrier.carry_out()
            except Killed:
                office.carrier = GrantCarrier(office.room)
    assert office.grant(taken.id) is GrantState.ENDED
    assert office.file(taken.id) is None
    given, gone = list(office.repository.commits)[before:]
    assert office.store.grant(taken.id).commit == gone
    told = {each.act.verb: dict(each.act.details).get("commit") for each in office.store.whole_audit()}
    assert (told["grant.give"], told["grant.take-back"]) == (given, gone)
    assert [verb for _, verb in office.verbs()][3:] == ["grant.begin", "grant.give", "grant.expire", "grant.take-back"]


def test_what_somebody_does_by_hand_is_not_overwritten(office: Office) -> None:
    taken = story(office)
    office.passes()
    text = office.file(taken.id)
    assert text is not None
    path = grant_path(taken.id)
    office.repository.commit_by(HUMAN, {path: text.replace("devices: 6", "devices: 4")})
    office.passes()
    assert office.grant(taken.id) is GrantState.CONFLICT
    trouble = office.store.grant(taken.id).trouble
    assert trouble.startswith(f"its file was changed by {quoted(f'{HUMAN.name} <{HUMAN.email}>')} in commit ")
    assert "devices: 4" in trouble
    assert "devices: 6" in trouble
    assert f"`allot grant keep {taken.id}`" in trouble
    office.now += 50 * 3600
    office.passes()
    assert office.file(taken.id) is not None, "its time is over, and people have not decided yet"
    office.now -= 50 * 3600
    with pytest.raises(ForbiddenError, match="for administrators"):
        office.of("ada", MEMBER).settle(taken.id, restore=True)
    engineer = office.of("root@acme", ENGINEER)
    kept = engineer.settle(taken.id, restore=False)
    assert (kept.state, kept.terms.devices) == (GrantState.GIVING, 4)
    applied = len(office.applied)
    office.passes()
    assert (office.grant(taken.id), len(office.applied)) == (GrantState.ACTIVE, applied + 1)
    assert office.file(taken.id) == text.replace("devices: 6", "devices: 4"), "in the words of whoever wrote it"
    office.repository.commit_by(HUMAN, {path: None})
    office.passes()
    assert office.grant(taken.id) is GrantState.CONFLICT
    engineer.settle(taken.id, restore=True)
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE
    assert "devices: 4" in (office.file(taken.id) or "")
    restored = office.repository.commits[office.store.grant(taken.id).commit].text
    assert restored.startswith(f"nlp: restore 4 {FLAVOR}")
    assert "Restored by root@acme: it takes the place of what commit " in restored
    assert "\n> a release\n" in restored
    assert office.store.grant(taken.id).settled_by == ""
    with pytest.raises(ConflictError):
        engineer.settle(taken.id, restore=True)


def test_what_keeps_a_grant_from_being_so_is_told_and_tried_again(office: Office) -> None:
    taken = story(office)
    office.trouble = {CLUSTER: "the server does not answer"}
    office.passes()
    grant = office.store.grant(taken.id)
    assert (grant.state, grant.trouble) == (GrantState.GIVING, f"{CLUSTER}: the server does not answer")
    revision = grant.revision
    office.passes()
    assert office.store.grant(taken.id).revision == revision, "what is known is not written down again"
    office.trouble = {}
    office.passes(1)
    assert (office.grant(taken.id), office.store.grant(taken.id).trouble) == (GrantState.ACTIVE, "")


def test_a_directory_that_would_not_be_valid_is_not_committed(office: Office) -> None:
    taken = story(office)
    team = ACME["teams/nlp.yaml"].replace("a100-on-demand: {nominal: 12", "a100-on-demand: {nominal: 20")
    office.repository.commit_by(HUMAN, {"teams/nlp.yaml": team})
    head = office.repository.read().commit
    office.passes()
    assert office.repository.read().commit == head
    assert office.grant(taken.id) is GrantState.GIVING
    assert office.store.grant(taken.id).trouble
    office.repository.commit_by(HUMAN, {"teams/nlp.yaml": ACME["teams/nlp.yaml"]})
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE


def test_what_is_kept_as_somebody_wrote_it_is_applied_before_it_counts(office: Office) -> None:
    taken, engineer = story(office), office.of("root@acme", ENGINEER)
    office.passes()
    path = grant_path(taken.id)
    office.repository.commit_by(HUMAN, {path: None})
    office.passes()
    office.trouble = {CLUSTER: "it does not answer"}
    applied = len(office.applied)
    assert engineer.settle(taken.id, restore=False).state is GrantState.TAKING_BACK
    office.passes()
    assert (office.grant(taken.id), office.store.grant(taken.id).trouble) == (
        GrantState.TAKING_BACK, f"{CLUSTER}: it does not answer"
    )  # fmt: skip
    office.trouble = {}
    office.passes()
    assert (office.grant(taken.id), office.applied[-1]) == (GrantState.ENDED, (CLUSTER,))
    assert len(office.applied) > applied + 1
    assert office.causes[0].by == f"grant {taken.id} of ada"
    said = f"grant {taken.id} of ada, as root@acme has decided"
    assert office.causes[-1] == ApplyCause(office.repository.read(), said, teams=frozenset({"nlp"}), grant=taken.id)


def test_a_file_that_gives_more_is_its_writers_own_and_is_applied(office: Office) -> None:
    taken, engineer = story(office), office.of("root@acme", ENGINEER)
    office.passes()
    more = (office.file(taken.id) or "").replace("devices: 6", "devices: 7")
    office.repository.commit_by(HUMAN, {grant_path(taken.id): more})
    office.passes()
    applied = len(office.applied)
    engineer.settle(taken.id, restore=False)
    office.passes()
    assert (office.grant(taken.id), office.file(taken.id), len(office.applied)) == (GrantState.ENDED, more, applied + 1)


def test_a_line_wrong_in_one_teams_file_keeps_no_grant_from_its_end(office: Office) -> None:
    first, second = story(office), office.of("ada", MEMBER).ask(gpus(1, lasts=HOUR))
    office.passes()
    text = office.repository.read().tree.files["teams/cv.yaml"]
    office.repository.commit_by(HUMAN, {"teams/cv.yaml": f"{text}\ncolour: red\n"})
    applied = len(office.applied)
    office.now += 48 * 3600
    office.passes()
    for each in (first, second):
        assert (office.file(each.id), office.grant(each.id)) == (None, GrantState.TAKING_BACK)
        assert "colour" in office.store.grant(each.id).trouble
        assert office.store.grant(each.id).commit in office.repository.commits
    assert len(office.applied) == applied, "what is not valid is applied to nothing"
    office.repository.commit_by(HUMAN, {"teams/cv.yaml": text})
    office.now += 16
    office.passes()
    assert {office.grant(each.id) for each in (first, second)} == {GrantState.ENDED}


def test_trouble_of_any_text_is_kept_and_one_grant_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = story(office), office.of("ada", MEMBER).ask(gpus(1))
    office.trouble = {CLUSTER: "a\udcff.yaml\x1b[31m is no file"}
    office.passes()
    assert office.store.grant(first.id).trouble == rf"{CLUSTER}: a\udcff.yaml\x1b[31m is no file"
    office.trouble = {}
    keep = office.store.keep_requests

    def keeping(requests: Sequence[GrantRequest], grants: Sequence[TeamGrant] = (), *more: Any) -> None:
        if any(each.id == first.id for each in grants):
            raise InputError("it cannot be kept")
        keep(requests, grants, *more)

    monkeypatch.setattr(office.store, "keep_requests", keeping)
    office.now += 16
    with pytest.raises(InputError, match="it cannot be kept"):
        office.carrier.carry_out()
    assert office.grant(second.id) is GrantState.ACTIVE


def test_why_a_grant_is_in_trouble_is_for_administrators(office: Office) -> None:
    taken = story(office)
    office.trouble = {CLUSTER: "no kubeconfig: /home/grace/.kube/config does not exist"}
    office.passes()

    def told(name: str, groups: Sequence[str]) -> str:
        (grant,) = office.of(name, groups).grants().rows
        return grant.trouble

    assert "/home/grace" in told("root@acme", ENGINEER)
    assert told("ada", MEMBER) == (
        f"it could not be done in {CLUSTER} yet, and is tried again: the platform's administrators see why"
    )
    office.trouble = {}
    office.passes()
    office.repository.commit_by(HUMAN, {grant_path(taken.id): None})
    office.passes()
    assert told("ada", MEMBER).startswith('its file was removed by "Grace ')


def test_on_a_branch_it_counts_once_somebody_has_merged_it() -> None:
    office = Office()
    office.repository.mode = CommitMode.BRANCH
    taken, before = story(office), office.nominal()
    office.passes()
    assert (office.grant(taken.id), office.nominal()) == (GrantState.GIVING, before)
    assert office.store.grant(taken.id).trouble == "its change waits to be merged"
    office.repository.merge(f"allotment/{taken.id}", HUMAN)
    office.passes()
    assert (office.grant(taken.id), office.nominal()) == (GrantState.ACTIVE, before + 6)


def test_an_extension_is_decided_like_any_request_and_joins_on(office: Office) -> None:
    taken, ada = story(office), office.of("ada", MEMBER)
    office.passes()
    more = ada.ask(
        AskedRequest(RequestKind.GPUS, "nlp", WorkloadType.TRAINING, "more", lasts=24 * HOUR, extends=taken.id)
    )
    # Somebody has decided on two days: nobody gives a third at once.
    assert (more.state, more.gate) == (RequestState.WAITING, "some-gpus")
    engineer = office.of("root@acme", ENGINEER)
    until = written(taken.terms.since + 72 * HOUR)
    assert engineer.request(more.id).warning.startswith(
        f"it changes grant {taken.id}, which then lasts from {written(taken.terms.since)} until {until}; "
    )
    engineer.move(more.id, AskedMove(RequestAct.APPROVE))
    office.passes()
    office.now += 60 * 3600
    office.passes()
    assert office.grant(taken.id) is GrantState.ACTIVE
    office.now += 13 * 3600
    office.passes()
    assert office.grant(taken.id) is GrantState.ENDED
    with pytest.raises(NotFoundError, match="there is no grant"):
        office.of("eve", ("acme-cv",)).ask(gpus(1, team="cv", extends=taken.id))


def test_what_gives_nothing_and_what_has_no_devices_waits_for_no_cluster_and_no_repository(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    first, second = ada.ask(gpus(8)), ada.ask(gpus(8, since=round(office.now * 1000) + 200 * HOUR))

    def away(names: Sequence[str]) -> Sequence[Any]:
        assert not names, "it would be waited for"
        return ()

    def gone(_self: object) -> RepositoryState:
        raise AssertionError("it would be waited for")

    office.room = replace(office.room, snapshots=away)
    office.desk = RequestDesk(office.room)
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryRepository, "read", gone)
        assert boss.move(first.id, AskedMove(RequestAct.DENY, "no")).state is RequestState.DENIED
        assert ada.move(second.id, AskedMove(RequestAct.WITHDRAW)).state is RequestState.WITHDRAWN
        endpoint = AskedRequest(
            RequestKind.ENDPOINT, "nlp", WorkloadType.SERVING, "launch", subject="chat", environment="production"
        )
        assert ada.preview(endpoint).request.state is RequestState.WAITING
        assert ada.ask(endpoint).state is RequestState.WAITING
    record = office.store.request(first.id).decisions[-1]
    assert "not looked at" in record.unknown


def test_what_was_approved_counts_though_the_repository_does_not_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    story(office)

    def gone(_self: object) -> RepositoryState:
        raise AssertionError("it would be waited for")

    monkeypatch.setattr(MemoryRepository, "read", gone)
    with pytest.raises(CapacityError, match="2 could be"):
        office.of("ada", MEMBER).ask(gpus(8))


def test_whoever_does_not_answer_in_time_hands_on(office: Office) -> None:
    asked = office.of("ada", MEMBER).ask(
        AskedRequest(
            RequestKind.ENDPOINT, "nlp", WorkloadType.SERVING, "launch", subject="chat", environment="production"
        )
    )
    assert asked.route == "platform-lead"
    office.now += 24 * 3600
    office.passes()
    assert office.store.request(asked.id).route == "engineering-leadership"
    office.now += 3 * 24 * 3600
    office.passes()
    assert office.store.request(asked.id).state is RequestState.LAPSED
    assert ("allotment", "request.escalate") in office.verbs()


def test_a_list_tells_on_which_of_them_the_caller_decides(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    first, second = ada.ask(gpus(8)), ada.ask(gpus(8))
    everybody = {"ada": (), "bob": (), "pm": (), "boss": (second.id, first.id)}
    groups = {"ada": MEMBER, "bob": MEMBER, "pm": ("acme-product",), "boss": LEAD}
    for name, decides in everybody.items():
        page = office.of(name, groups[name]).requests(RequestFilter())
        assert {each.id for each in page.rows} == {first.id, second.id}, name
        assert page.decides == decides, name
    boss.move(first.id, AskedMove(RequestAct.DENY, "use spot"))
    assert boss.requests(RequestFilter()).decides == (second.id,), "what is over is decided"
    page = boss.requests(RequestFilter(), limit=1)
    assert page.decides == tuple(each.id for each in page.rows), "of the rows of the page alone"


def test_requests_of_others_are_as_if_not_there(office: Office) -> None:
    asked = office.of("ada", MEMBER).ask(gpus(8))
    eve = office.of("eve", ("acme-cv",))
    assert eve.requests(RequestFilter()).rows == ()
    for call in (
        eve.request,
        lambda id_: eve.move(id_, AskedMove(RequestAct.WITHDRAW)),
        lambda id_: eve.move(id_, AskedMove(RequestAct.APPROVE)),
    ):
        told = []
        for id_ in (asked.id, "absent22"):
            with pytest.raises(NotFoundError) as error:
                call(id_)
            told.append(str(error.value).replace(id_, ""))
        assert told[0] == told[1]
    with pytest.raises(NotFoundError, match="for which you may ask"):
        eve.ask(gpus(1))
    boss, both = office.of("boss", LEAD), office.of("both", (*LEAD, *MEMBER))
    assert [each.id for each in boss.requests(RequestFilter()).rows] == [asked.id]
    assert boss.request(asked.id).decides
    assert boss.grants().rows == ()
    assert [each.id for each in both.requests(RequestFilter()).rows] == [asked.id]
    viewer = office.of("pm", ("acme-product",))
    assert not viewer.request(asked.id).decides
    with pytest.raises(ForbiddenError):
        viewer.move(asked.id, AskedMove(RequestAct.WITHDRAW))
    with pytest.raises(ForbiddenError):
        office.of("bob", MEMBER).move(asked.id, AskedMove(RequestAct.APPROVE))
    boss.move(asked.id, AskedMove(RequestAct.DENY, "use spot"))
    assert boss.request(asked.id).request.state is RequestState.DENIED, "whoever has decided may read it again"


def test_what_was_read_is_what_is_decided_on(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    asked = ada.ask(gpus(8))
    boss.move(asked.id, AskedMove(RequestAct.COUNTER, terms=OtherTerms(devices=4), revision=1))
    with pytest.raises(ConflictError, match="has changed since you read it"):
        ada.move(asked.id, AskedMove(RequestAct.WITHDRAW, revision=1))


BROWSER = ApiToken("abcdefgh", "session", EVERYTHING, "", "root", 0, 9, session=True)


@pytest.mark.parametrize("token", [None, BROWSER], ids=["on his socket", "in his browser"])
def test_the_servers_own_user_decides_on_every_route_and_not_for_himself_where_that_is_not_allowed(
    office: Office, token: ApiToken | None
) -> None:
    owner = RequestsOf(office.desk, office.room, LetIn(Caller("root", CallerKind.LOCAL, "here"), OWN, token))
    own = owner.ask(gpus(8))
    with pytest.raises(ForbiddenError, match="nobody decides for himself"):
        owner.move(own.id, AskedMove(RequestAct.APPROVE))
    asked = office.of("ada", MEMBER).ask(gpus(8))
    after = owner.move(asked.id, AskedMove(RequestAct.APPROVE))
    assert (after.state, after.decisions[-1].for_himself) == (RequestState.APPROVED, False)
    # What was approved is nobody else's any more, though its file is not there yet.
    with pytest.raises(CapacityError, match="0 could be"):
        owner.ask(gpus(1))


def test_a_preview_keeps_nothing(office: Office) -> None:
    told = office.of("ada", MEMBER).preview(gpus(8))
    assert told.request.state is RequestState.WAITING
    assert "has not been read" in told.unknown
    assert office.store.requests(RequestFilter()) == ()
    assert office.verbs() == []
    with pytest.raises(AllotmentError, match="could be"):
        office.of("ada", MEMBER).preview(gpus(500))


def test_of_whom_something_is_taken_is_for_those_who_decide(office: Office) -> None:
    office.store.keep_requests((stored_request("r0000009"),), (stored_grant("r0000009"),))
    ada, engineer = office.of("eva", MEMBER), office.of("root@acme", ENGINEER)

    def named(one: RequestsOf) -> set[str]:
        (request,) = one.requests(RequestFilter()).rows
        (grant,) = one.grants().rows
        every = (request.terms, request.asked, one.request(request.id).request.terms, grant.terms, *grant.approved)
        return {each.team for terms in every for each in terms.taken}

    assert named(ada) == {"others"}
    assert named(engineer) == {"cv"}


def test_what_cannot_be_done_is_left_for_a_while_and_holds_up_nothing_else(office: Office) -> None:
    first, ada = story(office), office.of("ada", MEMBER)
    office.trouble = {CLUSTER: "the server does not answer"}
    office.carrier.carry_out()
    times = len(office.applied)
    office.now += 3
    office.carrier.carry_out()
    assert len(office.applied) == times
    second = ada.ask(gpus(1))
    office.now += 3
    office.trouble = {}
    office.carrier.carry_out()
    assert (office.grant(first.id), office.grant(second.id)) == (GrantState.GIVING, GrantState.ACTIVE)
    office.now += 15
    office.carrier.carry_out()
    assert office.grant(first.id) is GrantState.ACTIVE
    office.trouble = {CLUSTER: "the server does not answer"}
    third = ada.ask(gpus(1))
    office.carrier.carry_out()
    ada.end_grant(third.id, "")
    office.carrier.carry_out()
    assert office.file(third.id) is None, "what people do is done at once"


def test_without_a_repository_nothing_is_promised(office: Office) -> None:
    office.room = replace(office.room, repository=None)
    office.desk = RequestDesk(office.room)
    ada = office.of("ada", MEMBER)
    for act in (ada.ask, ada.preview):
        with pytest.raises(ConflictError, match="can grant nothing"):
            act(gpus(1))
    assert office.store.requests(RequestFilter()) == ()


def test_what_is_asked_again_with_the_same_key_is_one_request(office: Office) -> None:
    """A server that was killed right after it had kept a request has answered nobody, and whoever asked asks again."""
    ada = office.of("ada", MEMBER)
    first = ada.ask(gpus(8, key="once"))
    assert ada.ask(gpus(8, key="once")) == first
    for other in (gpus(9, key="once"), replace(gpus(8, key="once"), justification="another")):
        with pytest.raises(ConflictError, match="key was used for another request"):
            ada.ask(other)
    # Others, other keys and no key mean other requests.
    others = [office.of("bob", MEMBER).ask(gpus(8, key="once")), ada.ask(gpus(8, key="twice")), ada.ask(gpus(8))]
    assert len({first.id, *(each.id for each in others)}) == 4
    assert [verb for _, verb in office.verbs()] == ["request.submit"] * 4
    # What became of it is told then.
    offer = AskedMove(RequestAct.COUNTER, "", OtherTerms(devices=6), first.revision)
    offered = office.of("boss", LEAD).move(first.id, offer)
    assert ada.ask(gpus(8, key="once")).state is offered.state is RequestState.OFFERED
    with pytest.raises(UsageError, match="a key of 201 characters"):
        ada.ask(gpus(8, key="k" * 201))
