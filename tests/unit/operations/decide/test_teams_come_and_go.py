"""A team comes by a request, and leaves by one: step by step, whoever is killed, and nothing of it is left."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.git_repository.fake import MemoryRepository
from allotment.cli.commands.decide.request_view import request_text, told_text
from allotment.cli.commands.decide.teams import NEEDS
from allotment.errors import AllotmentError, CapacityError, ConflictError, ForbiddenError, NotFoundError, UsageError
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct, RequestState
from allotment.model.requests.team import IsolationNeed, NewTeam
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.model.requests.timeline import StepOutcome
from allotment.model.team import Team
from allotment.operations.access.people import people_of
from allotment.operations.decide.room import Applied
from allotment.operations.decide.team_carrier import TeamCarrier, TeamWorld
from allotment.operations.directory.isolation import Needs, advise
from allotment.ports.repository import CommitMessage, CommitMode, CommitPerson, FileChanges
from allotment.ports.request_service import AskedMove, AskedRequest
from allotment.ports.requests import RequestFilter
from allotment.reports.documents.requests import grant_document, told_document
from allotment.requests.team_steps import COMING, GONE, LEAVING
from allotment.spec.problems import InvalidPlatformError
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.adapters.store.jobs import submitted as stored_job
from tests.unit.operations.decide.test_desk import (
    ACME,
    CLUSTER,
    ENGINEER,
    HOUR,
    HUMAN,
    LEAD,
    MEMBER,
    Office,
    gpus,
    load,
)

OWNERS = ("acme-nlp-leads",)
DAY = 24 * 3600


class KilledError(Exception):
    """The server ends here."""


@dataclass
class TeamOffice(Office):
    """One that has teams come and go; jobs and proofs are only noted."""

    proved: list[tuple[str, str]] = field(default_factory=list)
    disproved: str = ""
    running: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.begin()

    def begin(self) -> None:
        """As a server does that was just started."""
        world = TeamWorld(self.store, lambda: people_of(self.present), self.stop, self.prove)
        self.teams = TeamCarrier(self.room, world)

    def stop(self, team: str) -> int:
        self.running, left = 0, self.running
        return left

    def prove(self, platform: Platform, cluster: str, team: Team) -> str:
        self.proved.append((cluster, team.name))
        return self.disproved

    def passes(self, number: int = 9) -> None:
        for _ in range(number):
            super().passes(1)
            self.teams.carry_out()

    def team(self, name: str) -> Team | None:
        return load(self.repository.read().tree.files).team(name)


@pytest.fixture
def office() -> TeamOffice:
    return TeamOffice()


NEW = NewTeam(
    owners=("acme-vision-leads",),
    members=("acme-vision",),
    clusters=(CLUSTER,),
    accelerators=(("a100", 2),),
    cpu="8",
    memory="32Gi",
    cost_center="c-7",
    budget=1_500_000_000,
)


def comes(name: str = "vision", new: NewTeam = NEW) -> AskedRequest:
    return AskedRequest(RequestKind.TEAM, name, WorkloadType.TRAINING, "a new group", new_team=new)


def leaves(office: Office, days: int = 30, team: str = "nlp", typed: str = "") -> AskedRequest:
    until = dt.datetime.fromtimestamp(office.now, dt.UTC).date() + dt.timedelta(days=days)
    return AskedRequest(
        RequestKind.LEAVE, team, WorkloadType.TRAINING, "it is done", subject=typed or team,
        keep_data_until=until.isoformat(),
    )  # fmt: skip


def approved(office: Office, asked: AskedRequest, groups: tuple[str, ...] = OWNERS) -> str:
    made = office.of("olga", groups).ask(asked)
    assert (made.state, made.route) == (RequestState.WAITING, "engineering-leadership")
    office.of("boss", LEAD).move(made.id, AskedMove(RequestAct.APPROVE))
    return made.id


@pytest.mark.parametrize(
    ("leaving", "first"),
    [
        (False, "a request for a new team vision would be waiting"),
        (True, "a request that team nlp leaves would be waiting"),
    ],
)
def test_what_is_asked_about_a_team_is_said_as_it_is(office: TeamOffice, leaving: bool, first: str) -> None:
    olga, asked = office.of("olga", OWNERS), leaves(office) if leaving else comes()
    assert told_text(olga.preview(asked), "USD").splitlines()[0] == first
    made = olga.ask(asked)
    said = f"request {made.id}: {'team nlp leaves' if leaving else 'a new team vision'}, waiting"
    assert request_text(made, "USD").splitlines()[0] == said
    office.now += 60
    assert olga.request(made.id).warning == "", "nobody has named a beginning"


def test_a_team_that_is_approved_is_committed_applied_and_proved(office: TeamOffice) -> None:
    ada = office.of("ada", MEMBER)
    told = ada.preview(comes())
    assert told.change is not None
    assert "+name: vision" in told.change.diff
    assert "budgets" not in told.change.diff, "what stands beside a line of it is others'"
    (made,) = told.change.made
    assert (made.cluster, dict(made.kinds)["Namespace"]) == (CLUSTER, 1)
    id_ = approved(office, comes(), MEMBER)
    office.passes()

    team = office.team("vision")
    assert team is not None
    assert (team.groups.members, team.cost_center) == (("acme-vision",), "c-7")
    assert office.present.approvals.budget_of("vision") == 1_500_000_000
    assert office.grant(id_) is GrantState.ACTIVE
    told = office.of("boss", LEAD).request(id_)
    assert [(each.name, each.outcome) for each in told.timeline] == [(each.value, StepOutcome.DONE) for each in COMING]
    assert office.applied[-1] == (CLUSTER,)
    assert office.proved == [(CLUSTER, "vision")]
    vera = office.of("vera", ("acme-vision",))
    assert vera.ask(gpus(1, team="vision", lasts=HOUR)).state is RequestState.APPROVED, "its people are let in"
    head = office.repository.commits[office.store.grant(id_).commit]
    assert head.author.name == "olga"
    assert "> a new group" in head.text
    assert ("allotment", "grant.give") in office.verbs()
    assert "what was done:" in told_text(told, "USD")
    assert told_document(told)["timeline"][0]["step"] == "commit"
    assert grant_document(office.store.grant(id_))["timeline"][2]["step"] == "prove"
    office.passes()
    assert len(office.proved) == 1, "once it is done nothing more is"


def test_a_team_is_asked_for_in_no_cluster_of_which_the_asker_does_not_know() -> None:
    """One whose pools are all another team's is as if it were not there, but for who may see everything."""
    begin, _, pools = ACME["clusters/dev-eastus.yaml"].partition("overrides:")[0].partition("nodePools:\n")
    (own,) = (each for each in pools.split("  - name: ") if each.startswith("a10g-data-science"))
    vault = f"{begin}nodePools:\n  - name: {own}".replace("dev-eastus", "vault").replace("data-science", "cv")
    office = TeamOffice(files={**ACME, "clusters/vault.yaml": vault})

    def said(groups: tuple[str, ...], cluster: str) -> str:
        with pytest.raises(NotFoundError) as caught:
            office.of("olga", groups).preview(comes(new=NewTeam(clusters=(cluster,))))
        return f"{caught.value.line} {caught.value.fix}".replace(cluster, "NAME")

    assert said(OWNERS, "vault") == said(OWNERS, "attic")
    for groups in (("acme-cv",), ENGINEER):
        office.of("carl", groups).preview(comes(new=NewTeam(clusters=("vault",), cpu="1", memory="1Gi")))


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (comes("nlp"), ConflictError),
        (comes("No Name"), UsageError),
        (comes(new=NewTeam(clusters=("nowhere",))), NotFoundError),
        (comes(new=NewTeam(clusters=(CLUSTER,), accelerators=(("a100", 999),))), CapacityError),
        (comes(new=NewTeam(clusters=(CLUSTER,), cpu="lots")), UsageError),
    ],
)
def test_what_cannot_be_is_not_even_asked_for(office: TeamOffice, asked: AskedRequest, error: type[Exception]) -> None:
    with pytest.raises(error):
        office.of("ada", MEMBER).ask(asked)


def test_whoever_asks_for_a_team_hears_what_isolates_it(office: TeamOffice) -> None:
    ada = office.of("ada", MEMBER)
    told = ada.preview(comes())
    assert "  isolation namespace: RBAC, quota, network policies, admission policies; nothing you named" in told_text(
        told, "USD"
    )


@pytest.mark.parametrize(
    ("need", "level"),
    [
        (IsolationNeed.UNTRUSTED_CODE, "node-pool"),
        (IsolationNeed.OWN_HARDWARE, "node-pool"),
        (IsolationNeed.OWN_DEFINITIONS, "cluster"),
        (IsolationNeed.COMPLIANCE, "cluster"),
        (IsolationNeed.REGULATED, "subscription"),
        (IsolationNeed.SEPARATE_BILL, "subscription"),
    ],
)
def test_what_a_namespace_cannot_give_is_refused_with_the_level_that_can(
    office: TeamOffice, need: IsolationNeed, level: str
) -> None:
    with pytest.raises(UsageError, match=f"isolated by {level}: ") as found:
        office.of("ada", MEMBER).ask(comes(new=replace(NEW, needs=(need,))))
    assert "allot team isolation" in found.value.fix
    assert advise(Needs.named([need])).reasons[0] in found.value.why


def test_needs_of_a_team_are_those_of_the_helper() -> None:
    assert [each.value for each in IsolationNeed] == list(NEEDS)
    assert [each.name.lower() for each in IsolationNeed] == [each.name for each in fields(Needs)]


def test_a_step_that_fails_is_told_and_tried_again(office: TeamOffice) -> None:
    office.trouble[CLUSTER] = "it does not answer"
    id_ = approved(office, comes(), MEMBER)
    office.passes(4)
    grant = office.store.grant(id_)
    assert (grant.state, grant.timeline[-1].outcome) == (GrantState.GIVING, StepOutcome.FAILED)
    assert "it does not answer" in grant.timeline[-1].said
    assert "administrators see why" in office.of("olga", MEMBER).request(id_).timeline[-1].said
    assert "it does not answer" in office.of("root", ENGINEER).request(id_).timeline[-1].said
    office.trouble.clear()
    office.disproved = "a pod without a label was let in"
    office.passes(4)
    assert office.store.grant(id_).timeline[-1].name == "prove"
    office.disproved = ""
    office.passes(2)
    grant = office.store.grant(id_)
    assert (grant.state, grant.trouble) == (GrantState.ACTIVE, "")
    assert grant.timeline[1].tries > 1


def test_a_team_that_somebody_made_meanwhile_is_not_taken_over(office: TeamOffice) -> None:
    id_ = approved(office, comes(), MEMBER)
    text = "kind: Team\nname: vision\ngroups: {members: [evil]}\nplacements: {training-eastus: {cpu: 1, memory: 1Gi}}\n"
    office.repository.commit_by(HUMAN, {"teams/vision.yaml": text})
    with pytest.raises(NotFoundError):
        office.of("eve", ("evil",)).request(id_)
    office.passes(3)
    grant = office.store.grant(id_)
    assert (grant.state, grant.timeline[-1].outcome) == (GrantState.GIVING, StepOutcome.FAILED)
    assert "there is a team vision already" in grant.trouble


def test_whoever_asks_for_a_team_sees_it_and_others_do_not(office: TeamOffice) -> None:
    made = office.of("ada", MEMBER).ask(comes())
    assert [each.id for each in office.of("ada", MEMBER).requests(RequestFilter()).rows] == [made.id]
    assert office.of("bob", ("acme-cv",)).requests(RequestFilter()).rows == ()
    with pytest.raises(NotFoundError):
        office.of("bob", ("acme-cv",)).request(made.id)
    office.of("ada", MEMBER).move(made.id, AskedMove(RequestAct.WITHDRAW))


def test_no_gate_gives_a_team_at_once(office: TeamOffice) -> None:
    text = office.files["approvals.yaml"].replace("kinds: [team, leave]\n    route: engineering-leadership",
                                                  "kinds: [team, leave]\n    route: at-once")  # fmt: skip
    office.repository.commit_by(HUMAN, {"approvals.yaml": text})
    office.present = load(office.repository.read().tree.files)
    assert office.of("ada", MEMBER).ask(comes()).state is RequestState.WAITING


# Leaving


def test_a_team_leaves_and_nothing_of_it_is_left(office: TeamOffice) -> None:
    ada, kim = office.of("ada", MEMBER), "kim@acme"
    given_ = ada.ask(gpus(2, lasts=80 * DAY * 1000))
    office.passes(2)
    assert office.grant(given_.id) is GrantState.ACTIVE
    waiting = ada.ask(gpus(6))
    assert waiting.state is RequestState.WAITING
    person = Person("p1", "https://id.example", kim, kim, kim, MEMBER, 0, 0)
    both = Person("p2", "https://id.example", "both", "both", "both", (*MEMBER, "acme-cv"), 0, 0)
    later = round(office.now * 1000) + 99 * DAY * 1000
    for number, (who, team) in enumerate(((person, ""), (both, ""), (None, "nlp"), (None, "cv"))):
        token = ApiToken(f"abcdefg{number + 2}", "one", frozenset(), "", "x", 0, later, person=who.id if who else "",
                         team=team, session=who is not None)  # fmt: skip
        if who is None:
            office.store.add_token(token)
        else:
            office.store.signed_in(who, token)
    office.running = 3
    id_ = approved(office, leaves(office))
    office.passes()

    team = office.team("nlp")
    assert team is not None
    assert team.offboarding is not None
    grant = office.store.grant(id_)
    assert (grant.state, [each.name for each in grant.timeline]) == (
        GrantState.ACTIVE,
        [each.value for each in LEAVING],
    )
    assert office.grant(given_.id) is GrantState.ENDED
    assert office.store.request(waiting.id).state is RequestState.WITHDRAWN
    worthless = {each.id for each in office.store.tokens() if each.why_not(round(office.now * 1000))}
    assert worthless == {"abcdefg2", "abcdefg4"}, "whoever is something elsewhere stays in"
    assert office.running == 0
    agreed = [each.agreed.teams for each in office.causes if each.agreed.teams]
    assert agreed
    assert set().union(*agreed) == {"nlp"}
    with pytest.raises(NotFoundError):
        office.of("root", ENGINEER).ask(gpus(1))
    office.passes()
    assert office.team("nlp") is not None, "its data are kept"

    office.now += 31 * DAY
    office.passes()
    assert office.team("nlp") is None
    assert office.grant(id_) is GrantState.ENDED
    assert [each.name for each in office.store.grant(id_).timeline[-2:]] == [each.value for each in GONE]
    assert "nlp" not in "".join(office.repository.read().tree.files["approvals.yaml"].split("budgets")[1])
    assert all("team: nlp" not in text for text in office.repository.read().tree.files.values())


@pytest.mark.parametrize(
    ("who", "typed", "error"),
    [
        (OWNERS, "cv", UsageError),
        (MEMBER, "nlp", ForbiddenError),
        (("acme-cv",), "nlp", NotFoundError),
    ],
)
def test_only_its_owners_have_a_team_leave_and_type_its_name(
    office: TeamOffice, who: tuple[str, ...], typed: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        office.of("x", who).ask(leaves(office, typed=typed))


def test_a_team_does_not_leave_with_a_day_that_is_over(office: TeamOffice) -> None:
    with pytest.raises(UsageError):
        office.of("olga", OWNERS).ask(leaves(office, days=-2))


def test_what_is_about_a_team_is_not_ended_like_a_grant(office: TeamOffice) -> None:
    id_ = approved(office, comes(), MEMBER)
    with pytest.raises(ConflictError, match="cannot be ended"):
        office.of("root", ENGINEER).end_grant(id_, "")


def test_a_request_for_a_team_that_leaves_meanwhile_is_not_approved(office: TeamOffice) -> None:
    first, second = leaves(office), leaves(office, days=40)
    made = office.of("olga", OWNERS).ask(second)
    approved(office, first)
    office.passes(2)
    boss = office.of("boss", LEAD)
    with pytest.raises(NotFoundError):
        boss.move(made.id, AskedMove(RequestAct.APPROVE))


# Killed anywhere


@dataclass
class _Counter:
    """Ends the server at its n-th act."""

    at: int
    count: int = 0

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise KilledError


class _Mortal(MemoryRepository):
    """One whose server may end before a commit, or right after it."""

    counter: _Counter

    def commit(self, change: FileChanges, message: CommitMessage) -> str:
        self.counter.step()
        made = super().commit(change, message)
        self.counter.step()
        return made


@settings(max_examples=12)
@given(st.lists(st.integers(1, 24), min_size=1, max_size=3), st.booleans())
def test_killed_anywhere_a_team_comes_or_leaves_once(deaths: list[int], comes_: bool) -> None:
    counter = _Counter(0)
    repository = _Mortal(CommitMode.DIRECT, CommitPerson("Allotment", "allotment@acme.example"))
    repository.counter = counter
    office = TeamOffice(repository=repository)
    id_ = approved(office, comes() if comes_ else leaves(office), MEMBER if comes_ else OWNERS)
    keep, apply = office.store.keep_requests, office.room.apply

    def kept(*words: Any, **more: Any) -> None:
        counter.step()
        keep(*words, **more)
        counter.step()

    def applied(*words: Any) -> Applied:
        counter.step()
        found = apply(*words)
        counter.step()
        return found

    with mock.patch.object(office.store, "keep_requests", kept):
        office.room = replace(office.room, apply=applied)
        for at in deaths:
            counter.at, counter.count = at, 0
            office.begin()
            with suppress(KilledError):
                for _ in range(10):
                    office.teams.carry_out()
                    office.now += 16
        counter.at = 0
        office.begin()
        for _ in range(10):
            office.teams.carry_out()
    assert office.grant(id_) is GrantState.ACTIVE
    names = [each.name for each in office.store.grant(id_).timeline]
    assert names == [each.value for each in (COMING if comes_ else LEAVING)]
    commits = [each for each in office.repository.commits.values() if f"Allotment-Request: {id_}" in each.text]
    assert len(commits) == 1


def test_on_a_branch_it_waits_until_somebody_merges(office: TeamOffice) -> None:
    office.repository.mode = CommitMode.BRANCH
    id_ = approved(office, comes(), MEMBER)
    office.passes(3)
    grant = office.store.grant(id_)
    assert (grant.timeline[-1].outcome, grant.timeline[-1].said) == (StepOutcome.WAITS, "its change waits to be merged")
    office.repository.merge(f"allotment/{id_}", HUMAN)
    office.passes(5)
    assert office.grant(id_) is GrantState.ACTIVE


@pytest.mark.parametrize("budget", [-1, 10**30])
def test_a_budget_that_cannot_be_is_not_even_asked_for(office: TeamOffice, budget: int) -> None:
    with pytest.raises(UsageError, match="cannot have such a budget"):
        office.of("ada", MEMBER).ask(comes(new=replace(NEW, budget=budget)))


def test_what_breaks_the_directory_is_neither_approved_nor_committed(office: TeamOffice) -> None:
    made = office.of("ada", MEMBER).ask(comes())
    broken = mock.patch("allotment.spec.budgets.written_price", return_value="none at all")
    boss = office.of("boss", LEAD)
    with broken:
        assert boss.request(made.id).change is None
        with pytest.raises(InvalidPlatformError):
            boss.move(made.id, AskedMove(RequestAct.APPROVE))
    boss.move(made.id, AskedMove(RequestAct.APPROVE))
    commits = len(office.repository.commits)
    with mock.patch(
        "allotment.operations.decide.team_carrier.changes_of", return_value={"teams/vision.yaml": "kind: x\n"}
    ):
        # Whatever makes them: the carrier looks once more before it commits.
        office.passes(2)
    assert len(office.repository.commits) == commits
    assert office.store.grant(made.id).timeline[-1].outcome is StepOutcome.FAILED


@pytest.mark.parametrize("new", [replace(NEW, cpu="999999"), replace(NEW, clusters=("nowhere",))])
def test_why_there_is_no_room_names_no_other_team(office: TeamOffice, new: NewTeam) -> None:
    others = [each.name for each in office.present.teams if each.name != "nlp"]
    with pytest.raises((CapacityError, NotFoundError)) as told:
        office.of("ada", MEMBER).preview(comes(new=new))
    assert not [each for each in (*others, "prod-inference-eastus") if each in str(told.value)]
    with pytest.raises(AllotmentError, match=r"vision|recsys|prod-inference") as whole:
        office.of("root", ENGINEER).preview(comes(new=new))
    assert str(whole.value) != str(told.value)


@pytest.mark.parametrize("kept", ["job", "request", "grant"])
def test_the_name_of_a_team_that_has_gone_is_not_given_again(office: TeamOffice, kept: str) -> None:
    ada = office.of("ada", MEMBER)
    waits = ada.ask(comes())
    if kept == "job":
        office.store.add(stored_job("jvision1", team="vision"))
    else:
        name = office.present.name
        asked = replace(stored_request("vold0001"), platform=name)
        asked = replace(asked, wish=replace(asked.wish, team="vision"))
        granted = replace(stored_grant("vold0001"), team="vision", platform=name)
        office.store.keep_requests(*(((asked,), ()) if kept == "request" else ((), (granted,))))
    for act in (ada.ask, ada.preview):
        with pytest.raises(ConflictError, match='there was a team "vision"'):
            act(comes())
    with pytest.raises(ConflictError):
        office.of("boss", LEAD).move(waits.id, AskedMove(RequestAct.APPROVE))
    assert ada.ask(comes("sight")).state is RequestState.WAITING


def test_data_are_kept_until_no_day_beyond_the_calendar(office: TeamOffice) -> None:
    with pytest.raises(UsageError, match="beyond all calendars"):
        office.of("olga", OWNERS).ask(replace(leaves(office), keep_data_until="9999-12-31"))
