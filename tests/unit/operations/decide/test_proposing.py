"""Changes that are proposed at a forge: given once they are merged, refused once they are closed, and never later."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters.forge.fake import MemoryForge
from allotment.errors import UnreachableError
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import RequestAct
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.operations.decide.carrying_out import GrantCarrier, settle
from allotment.operations.decide.proposing import Proposer
from allotment.operations.decide.team_carrier import TeamCarrier
from allotment.ports.forge import PullRequest, PullRequestState, PullRequestText
from allotment.ports.repository import CommitMode
from allotment.ports.request_service import AskedMove, AskedRequest
from tests.unit.operations.decide.test_desk import ENGINEER, HOUR, HUMAN, LEAD, MEMBER, gpus, load
from tests.unit.operations.decide.test_teams_come_and_go import TeamOffice, approved, comes

URL = "https://forge.example/team/platform/pulls/1"


@dataclass
class _Forge(MemoryForge):
    """A forge of the repository in memory; it may be away."""

    office: ForgeOffice | None = None
    away: bool = False

    def open_pull_request(self, branch: str, commit: str, text: PullRequestText) -> PullRequest:
        if self.away:
            raise UnreachableError("the forge does not answer")
        assert self.office is not None
        self.branches |= set(self.office.repository.branches)
        return super().open_pull_request(branch, commit, text)


@dataclass
class ForgeOffice(TeamOffice):
    """One whose changes are pull requests."""

    forge: _Forge = field(default_factory=_Forge)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.forge.office = self
        self.repository.mode = CommitMode.BRANCH
        self.room = replace(self.room, proposer=Proposer(self.forge))
        self.carrier = GrantCarrier(self.room)
        self.begin()

    def begin(self) -> None:
        super().begin()
        self.teams = TeamCarrier(self.room, self.teams._world)

    def merge(self, number: int = 1) -> None:
        pull = self.forge.pulls[number - 1]
        assert pull.state is PullRequestState.OPEN
        self.repository.merge(pull.branch, HUMAN)
        pull.state = PullRequestState.MERGED

    def close(self, number: int = 1) -> None:
        self.forge.pulls[number - 1].state = PullRequestState.CLOSED


@pytest.fixture
def office() -> ForgeOffice:
    return ForgeOffice()


def asked(office: ForgeOffice) -> str:
    id_ = office.of("ada", MEMBER).ask(gpus(2, lasts=HOUR)).id
    office.passes(2)
    return id_


def trouble(office: ForgeOffice, id_: str) -> str:
    (found,) = (each for each in office.of("ada", MEMBER).grants().rows if each.id == id_)
    return found.trouble


def test_what_is_merged_is_given_and_taken_back_in_the_same_way(office: ForgeOffice) -> None:
    before, id_ = office.nominal(), asked(office)
    assert (office.grant(id_), trouble(office, id_)) == (GrantState.GIVING, f"its change waits to be merged: {URL}")
    assert office.forge.pulls[0].text.title == "nlp: grant 2 a100-on-demand in training-eastus"
    office.passes(2)
    assert len(office.forge.pulls) == 1
    office.merge()
    office.passes(2)
    assert (office.grant(id_), office.nominal(), trouble(office, id_)) == (GrantState.ACTIVE, before + 2, "")
    office.now += 3600
    office.passes(2)
    assert (office.grant(id_), office.nominal()) == (GrantState.TAKING_BACK, before + 2)
    office.merge(2)
    office.passes(2)
    assert (office.grant(id_), office.nominal()) == (GrantState.ENDED, before)


def test_what_is_closed_is_refused_and_costs_nothing(office: ForgeOffice) -> None:
    id_ = asked(office)
    office.close()
    office.passes(2)
    grant = office.store.grant(id_)
    assert (grant.state, grant.terms.price, office.nominal()) == (GrantState.ENDED, 0, office.nominal())
    assert "a person has refused it: pull request 1 was closed" in trouble(office, id_)
    assert URL in trouble(office, id_)


def test_what_is_not_merged_in_time_is_withdrawn(office: ForgeOffice) -> None:
    id_ = asked(office)
    office.now += 2 * 3600
    office.passes(2)
    assert office.grant(id_) is GrantState.ENDED
    assert office.forge.pulls[0].state is PullRequestState.CLOSED


def test_who_refuses_that_it_is_taken_back_makes_a_conflict(office: ForgeOffice) -> None:
    before, id_ = office.nominal(), asked(office)
    office.merge()
    office.passes(2)
    office.now += 3600
    office.passes(2)
    office.close(2)
    office.passes(2)
    assert office.grant(id_) is GrantState.CONFLICT
    assert "was closed" in trouble(office, id_)
    root = office.of("root", ENGINEER)._party.caller
    settle(office.room, id_, root, restore=True)
    office.passes(3)
    assert (office.grant(id_), office.forge.pulls[-1].state) == (GrantState.TAKING_BACK, PullRequestState.OPEN)
    office.merge(3)
    office.passes(2)
    assert (office.grant(id_), office.nominal()) == (GrantState.ENDED, before)


def test_it_is_taken_back_directly_where_that_was_said(office: ForgeOffice) -> None:
    office.room = replace(office.room, taking=_Direct(office))
    office.carrier = GrantCarrier(office.room)
    before, id_ = office.nominal(), asked(office)
    office.merge()
    office.passes(2)
    office.now += 3600
    office.passes(2)
    assert (office.grant(id_), office.nominal(), len(office.forge.pulls)) == (GrantState.ENDED, before, 1)


class _Direct:
    """The same repository, with commits that count at once."""

    def __init__(self, office: ForgeOffice) -> None:
        self._repository = office.repository

    def __getattr__(self, name: str) -> object:
        return getattr(self._repository, name)

    def commit(self, *words: object) -> str:
        self._repository.mode = CommitMode.DIRECT
        try:
            return self._repository.commit(*words)  # type: ignore[arg-type]
        finally:
            self._repository.mode = CommitMode.BRANCH


def test_a_forge_that_is_away_is_asked_again(office: ForgeOffice) -> None:
    office.forge.away = True
    id_ = asked(office)
    assert office.grant(id_) is GrantState.GIVING
    assert "does not answer" in office.store.grant(id_).trouble
    office.forge.away = False
    office.passes(2)
    office.merge()
    office.passes(2)
    assert office.grant(id_) is GrantState.ACTIVE


@pytest.mark.parametrize(("merged", "state"), [(True, GrantState.ACTIVE), (False, GrantState.ENDED)])
def test_a_team_is_proposed_too(office: ForgeOffice, merged: bool, state: GrantState) -> None:
    id_ = approved(office, comes(), MEMBER)
    office.passes(3)
    assert URL in office.store.grant(id_).timeline[-1].said
    if merged:
        office.merge()
    else:
        office.close()
    office.passes(5)
    assert office.grant(id_) is state
    assert (office.team("vision") is not None) == merged


@settings(max_examples=15)
@given(st.lists(st.sampled_from(["merge", "close", "pass", "hour", "keep", "restore", "end"]), max_size=8))
def test_no_sequence_of_acts_gives_more_than_was_approved(acts: list[str]) -> None:
    office = ForgeOffice()
    before, id_ = office.nominal(), asked(office)
    root = office.of("root", ENGINEER)
    for act in acts:
        pulls = [number for number, each in enumerate(office.forge.pulls, 1) if each.state is PullRequestState.OPEN]
        grant = office.store.grant(id_)
        if act in ("merge", "close") and pulls:
            getattr(office, act)(pulls[-1])
        elif act == "hour":
            office.now += 3600
        elif act in ("keep", "restore") and grant.state is GrantState.CONFLICT:
            settle(office.room, id_, root._party.caller, restore=act == "restore")
        elif act == "end" and grant.state in (GrantState.ACTIVE, GrantState.GIVING):
            root.end_grant(id_, "")
        office.passes(1)
        merged = any(each.state is PullRequestState.MERGED for each in office.forge.pulls)
        assert office.nominal() <= before + (2 if merged else 0)
    office.now += 2 * 3600
    office.passes(2)
    for number, each in enumerate(office.forge.pulls, 1):
        if each.state is PullRequestState.OPEN:
            office.merge(number)
    office.passes(3)
    if office.grant(id_) is GrantState.ENDED and "keep" not in acts:
        assert office.nominal() == before


def test_a_cluster_is_proposed_and_made_by_a_person(office: ForgeOffice) -> None:
    asked_ = AskedRequest(RequestKind.CLUSTER, "nlp", WorkloadType.TRAINING, "Europe", "training-westeu", "staging")
    made = office.of("ada", MEMBER).ask(asked_)
    assert "a person makes it" in office.of("ada", MEMBER).request(made.id).warning
    office.of("boss", LEAD).move(made.id, AskedMove(RequestAct.APPROVE))
    office.passes(3)
    grant = office.store.grant(made.id)
    assert (grant.state, grant.made, len(office.forge.pulls)) == (GrantState.ACTIVE, URL, 1)
    assert office.forge.pulls[0].text.title == "nlp: a skeleton of cluster training-westeu"
    office.merge()
    assert load(office.repository.read().tree.files).cluster("training-westeu") is not None, "it is valid as it stands"


def test_with_commits_that_count_at_once_no_cluster_is_proposed(office: ForgeOffice) -> None:
    office.repository.mode = CommitMode.DIRECT
    asked_ = AskedRequest(RequestKind.CLUSTER, "nlp", WorkloadType.TRAINING, "Europe", "training-westeu")
    made = office.of("ada", MEMBER).ask(asked_)
    office.of("boss", LEAD).move(made.id, AskedMove(RequestAct.APPROVE))
    office.passes(3)
    assert (office.store.grant(made.id).state, office.store.grant(made.id).made) == (GrantState.ACTIVE, "")
    assert "clusters/training-westeu.yaml" not in office.repository.read().tree.files
