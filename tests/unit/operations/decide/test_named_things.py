"""A namespace and a volume are given at once, stand in a document of their own, and go with all that is in them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from allotment.cli.commands.decide.request_view import grants_listing, told_text
from allotment.errors import AllotmentError, CapacityError, ConflictError, NotFoundError, UsageError
from allotment.model.access.person import Person
from allotment.model.jobs.job import JobType
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, Wish, WorkloadType
from allotment.operations.decide.carrying_out import GrantCarrier, settle
from allotment.operations.decide.notebooks import notebook_of
from allotment.ports.request_service import AskedMove, AskedRequest
from allotment.render.manifests import render
from allotment.reports.documents.requests import told_document
from allotment.requests.sound_terms import DAY
from allotment.spec.granting import grant_path
from tests.unit.operations.decide.test_desk import CLUSTER, ENGINEER, HOUR, HUMAN, LEAD, MEMBER, Office, gpus, load

GI, DEV = 1 << 30, "dev-eastus"


@pytest.fixture
def office() -> Office:
    return Office()


def space(name: str = "playground", **more: Any) -> AskedRequest:
    asked = AskedRequest(RequestKind.NAMESPACE, "nlp", WorkloadType.EXPERIMENT, "a course", subject=name)
    return replace(asked, environment="development", **more)


def volume(name: str = "corpora", gi: int = 100, **more: Any) -> AskedRequest:
    asked = AskedRequest(RequestKind.VOLUME, "nlp", WorkloadType.TRAINING, "a data set", subject=name, size=gi * GI)
    return replace(asked, **more)


def objects(office: Office, cluster: str = CLUSTER) -> set[tuple[str, str, str]]:
    platform = load(office.repository.read().tree.files)
    found = platform.cluster(cluster)
    assert found is not None
    return {(each.key.kind, each.key.namespace, each.key.name) for each in render(platform, found)}


def given(office: Office, asked: AskedRequest) -> GrantRequest:
    made = office.of("ada", MEMBER).ask(asked)
    assert made.state is RequestState.APPROVED, made
    office.passes(2)
    assert office.grant(made.id) is GrantState.ACTIVE, office.store.grant(made.id).trouble
    return made


def test_a_namespace_comes_with_its_guardrails_and_goes_by_itself(office: Office) -> None:
    before = objects(office, DEV)
    made = given(office, space())
    assert (made.gate, made.terms.lasts) == ("development-namespaces", 30 * DAY)
    new = objects(office, DEV) - before
    assert {kind for kind, place, _ in new if place == "playground"} >= {
        "ResourceQuota", "LimitRange", "NetworkPolicy", "LocalQueue", "RoleBinding",
    }  # fmt: skip
    assert ("Namespace", "", "playground") in new
    assert ("Namespace", "", "playground") not in objects(office), "in the development cluster alone"
    assert office.applied == [(DEV,)]
    assert (
        "grant namespace playground in dev-eastus" in office.repository.commits[office.store.grant(made.id).commit].text
    )
    assert "is deleted, with all that is in it" in office.of("ada", MEMBER).request(made.id).after

    office.now += 31 * DAY // 1000
    office.passes(2)
    assert (office.grant(made.id), objects(office, DEV)) == (GrantState.ENDED, before)
    assert office.causes[-1].agreed.namespaces == {"playground"}


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (space(), f"namespace playground in {DEV}"),
        (volume(clusters=(DEV, CLUSTER)), f"volume corpora of 100Gi in {DEV}, {CLUSTER}"),
    ],
)
def test_a_dry_run_says_how_large_it_is_and_where(office: Office, asked: AskedRequest, what: str) -> None:
    ada = office.of("ada", MEMBER)
    told = ada.preview(asked)
    assert told_text(told, "USD").splitlines()[0] == f"a request of {what} for team nlp would be approved"
    assert told_document(told)["clusters"] == list(told.request.wish.clusters)
    made = ada.ask(asked)
    assert grants_listing([office.store.grant(made.id)], "USD").columns[2].of(office.store.grant(made.id)) == what


def test_a_volume_counts_against_the_teams_storage(office: Office) -> None:
    made = given(office, volume())
    (claim,) = objects(office) - objects(Office())
    assert claim == ("PersistentVolumeClaim", "nlp", "corpora")
    assert made.terms.lasts == 90 * DAY
    with pytest.raises(ConflictError, match="cannot be given as it is asked for"):
        office.of("ada", MEMBER).ask(volume("huge", 900_000))
    with pytest.raises(ConflictError):
        office.of("ada", MEMBER).ask(volume())
    office.of("ada", MEMBER).end_grant(made.id, "")
    office.passes(2)
    assert office.causes[-1].agreed.claims == {("corpora", "nlp")}
    assert office.grant(made.id) is GrantState.ENDED


def test_what_is_approved_and_not_there_yet_counts(office: Office) -> None:
    ada = office.of("ada", MEMBER)
    ada.ask(space())
    with pytest.raises(ConflictError):
        ada.ask(space())


def test_so_many_are_given_at_once_and_no_more(office: Office) -> None:
    ada = office.of("ada", MEMBER)
    for number in range(10):
        assert ada.ask(volume(f"v{number}", 1)).state is RequestState.APPROVED
    eleventh = ada.preview(volume("v10", 1))
    assert eleventh.request.state is RequestState.WAITING
    assert "more than is given at once" in eleventh.warning
    assert ada.ask(space()).state is RequestState.APPROVED, "each kind for itself"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (space("cv"), ConflictError),
        (space("kube-system"), ConflictError),
        (space("No Name"), UsageError),
        (space(clusters=("elsewhere",)), NotFoundError),
        (space(clusters=("prod-inference-eastus",)), UsageError),
        (volume(gi=0), UsageError),
        (space(size=5), UsageError),
    ],
)
def test_what_cannot_be_is_refused_before_it_is_kept(
    office: Office, asked: AskedRequest, error: type[Exception]
) -> None:
    with pytest.raises(error) as told:
        office.of("ada", MEMBER).ask(asked)
    assert "team cv" not in str(told.value)


@pytest.mark.parametrize(
    ("old", "new", "goes_on"),
    [
        ("playground", "elsewhere", False),
        ("clusters: [dev-eastus]", "clusters: [prod-inference-eastus]", False),
        ("kind: Grant\n", "kind: Grant\n# mine\n", True),
        ("namespaces:", "gpus: [{cluster: training-eastus, flavor: a100-on-demand, devices: 1}]\nnamespaces:", False),
    ],
)
def test_by_hand_it_gives_no_more_than_was_approved(office: Office, old: str, new: str, goes_on: bool) -> None:
    made = given(office, space())
    text = office.file(made.id)
    assert text is not None
    assert old in text, text
    office.repository.commit_by(HUMAN, {grant_path(made.id): text.replace(old, new)})
    office.passes(1)
    assert office.grant(made.id) is GrantState.CONFLICT
    settle(office.room, made.id, office.of("root", ENGINEER)._party.caller, restore=False)
    office.passes(2)
    assert office.grant(made.id) is (GrantState.ACTIVE if goes_on else GrantState.ENDED)


def test_a_namespace_is_extended(office: Office) -> None:
    made = given(office, space())
    more = AskedRequest(
        RequestKind.NAMESPACE, "nlp", WorkloadType.EXPERIMENT, "more", "playground", "development",
        lasts=5 * DAY, extends=made.id,
    )  # fmt: skip
    assert office.of("ada", MEMBER).ask(more).state is RequestState.APPROVED
    office.passes(2)
    grant = office.store.grant(made.id)
    assert (grant.state, grant.terms.lasts) == (GrantState.ACTIVE, 35 * DAY)
    assert office.file(made.id) is not None


# Notebooks


@dataclass
class _Notebooks:
    """Notes what is begun and ended."""

    begun: list[tuple[str, str, str]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def begin(self, grant: TeamGrant, wish: Wish) -> str:
        self.begun.append((grant.id, grant.requester, wish.clusters[0]))
        return "jabc"

    def end(self, job_id: str) -> None:
        self.ended.append(job_id)


def notebook(**more: Any) -> AskedRequest:
    asked = AskedRequest(RequestKind.NOTEBOOK, "nlp", WorkloadType.NOTEBOOK, "notes", "mine", image="jupyter:4")
    return replace(asked, **{"lasts": 2 * HOUR, **more})


def test_a_notebook_is_a_job_of_its_requester_and_ends_with_its_grant(office: Office) -> None:
    notebooks = _Notebooks()
    office.room = replace(office.room, notebooks=notebooks)
    office.carrier = GrantCarrier(office.room)
    made = given(office, notebook(accelerator="a100", clusters=(CLUSTER,)))
    assert made.terms.price == 2 * 3_000_000
    office.passes(3)
    assert notebooks.begun == [(made.id, "ada", CLUSTER)]
    assert office.store.grant(made.id).made == "job/jabc"
    office.now += 3 * 3600
    office.passes(2)
    assert (office.grant(made.id), notebooks.ended) == (GrantState.ENDED, ["jabc"])
    assert office.applied == [], "nothing is committed for it"


@pytest.mark.parametrize("accelerator", ["", "a100"])
def test_the_job_of_a_notebook(office: Office, accelerator: str) -> None:
    wish = Wish(
        RequestKind.NOTEBOOK, "nlp", WorkloadType.NOTEBOOK, "", "mine", clusters=(CLUSTER,), image="jupyter:4",
        accelerator=accelerator,
    )  # fmt: skip
    job = notebook_of(wish, office.present, office.room.clock.now()).job
    assert (job.name, job.team, job.type, job.program.image) == ("mine", "nlp", JobType.NOTEBOOK, "jupyter:4")
    assert (job.needs.accelerators is not None) == bool(accelerator)


@pytest.mark.parametrize("asked", [notebook(image=""), notebook(accelerator="none-such"), notebook(subject="No")])
def test_a_notebook_that_cannot_be_is_refused(office: Office, asked: AskedRequest) -> None:
    with pytest.raises(AllotmentError):
        office.of("ada", MEMBER).ask(asked)


@pytest.mark.parametrize(
    ("asked", "flag"),
    [(notebook(image="NAME:TAG"), "--image: "), (notebook(accelerator="No Class"), "--accelerator: ")],
)
def test_what_cannot_be_of_a_notebook_is_called_by_its_flag(office: Office, asked: AskedRequest, flag: str) -> None:
    with pytest.raises(UsageError) as told:
        office.of("ada", MEMBER).ask(asked)
    assert told.value.what.startswith(flag)


def test_whoever_approves_what_is_gone_meanwhile_is_told(office: Office) -> None:
    ada, boss = office.of("ada", MEMBER), office.of("boss", LEAD)
    first, second = (ada.ask(gpus(8)) for _ in range(2))
    boss.move(first.id, AskedMove(RequestAct.APPROVE))
    with pytest.raises(CapacityError, match="is not there any more"):
        boss.move(second.id, AskedMove(RequestAct.APPROVE))
    office.passes(2)
    with pytest.raises(CapacityError):
        boss.move(second.id, AskedMove(RequestAct.APPROVE))
    boss.move(second.id, AskedMove(RequestAct.DENY, "cv has them"))


@pytest.mark.parametrize(
    ("asked", "state", "environment", "said"),
    [
        (space(clusters=(DEV,)), RequestState.APPROVED, "development", ""),
        (space(clusters=(CLUSTER,)), RequestState.WAITING, "staging", ""),
        (space(clusters=(DEV, CLUSTER)), RequestState.WAITING, "staging", ""),
        (space(lasts=90 * DAY), RequestState.APPROVED, "development", ""),
        (space(lasts=91 * DAY), RequestState.WAITING, "development", "longer than the 90 days"),
        (volume(lasts=36_500 * DAY), RequestState.WAITING, "staging", "longer than the 90 days"),
        (notebook(lasts=4_000 * DAY), RequestState.WAITING, "development", "longer than the 90 days"),
        (notebook(lasts=100 * HOUR, accelerator="a100", clusters=(CLUSTER,)), RequestState.APPROVED, "staging", ""),
        (notebook(lasts=101 * HOUR, accelerator="a100", clusters=(CLUSTER,)), RequestState.WAITING, "staging", "cost"),
    ],
)
def test_what_nobody_decides_on_is_bounded_by_where_it_is_how_long_and_how_dear(
    office: Office, asked: AskedRequest, state: RequestState, environment: str, said: str
) -> None:
    told = office.of("ada", MEMBER).preview(asked)
    assert (told.request.state, told.request.wish.environment) == (state, environment)
    assert said in told.warning


@pytest.mark.parametrize("asked", [volume(), notebook()])
def test_nothing_is_in_production_that_was_not_asked_for_there(office: Office, asked: AskedRequest) -> None:
    with pytest.raises(UsageError, match="is a production cluster"):
        office.of("ada", MEMBER).ask(replace(asked, clusters=("prod-inference-eastus",)))


def test_more_time_for_a_notebook_costs_as_much_as_before(office: Office) -> None:
    ada = office.of("ada", MEMBER)
    made = ada.ask(notebook(accelerator="a100", clusters=(CLUSTER,), lasts=60 * HOUR))
    more = ada.preview(replace(notebook(lasts=41 * HOUR), extends=made.id))
    assert (more.request.state, more.request.terms.price) == (RequestState.WAITING, 41 * 3_000_000)


@pytest.mark.parametrize(
    ("groups", "suspended", "why"),
    [
        (MEMBER, None, ""),
        (MEMBER, 1, "he was shut out"),
        (("acme-cv",), None, "he may not ask for team nlp any more"),
    ],
)
def test_a_notebook_that_is_due_begins_while_its_requester_may_still(
    office: Office, groups: tuple[str, ...], suspended: int | None, why: str
) -> None:
    notebooks = _Notebooks()
    office.room = replace(office.room, notebooks=notebooks)
    office.carrier = GrantCarrier(office.room)
    later = round(office.now * 1000) + 20 * DAY
    made = office.of("ada", MEMBER).ask(notebook(clusters=(CLUSTER,), since=later))
    assert made.state is RequestState.APPROVED
    now = round(office.now * 1000)
    ada = Person("p1", "https://id.example", "ada", "ada", "ada", groups, now, now, suspended)
    object.__setattr__(office.store, "people", lambda: (ada,))
    office.now = later / 1000 + 1
    office.passes(3)
    grant = office.store.grant(made.id)
    assert (grant.state, bool(notebooks.begun)) == (GrantState.ENDED if why else GrantState.ACTIVE, not why)
    assert why in grant.trouble


def test_why_a_volume_cannot_be_is_no_warning_of_another_line(office: Office) -> None:
    given(office, replace(volume("tiny"), size=1))
    with pytest.raises(ConflictError) as told:
        office.of("ada", MEMBER).ask(volume("huge", 900_000))
    assert "hardly a container" not in str(told.value)
    assert "why: " in str(told.value)
