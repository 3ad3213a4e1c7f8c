"""People whom an identity provider knows: what each role may, of its own team, of another, and of what is not there."""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.routing import APIRoute

from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.routes import LET_IN, NEEDS, OPEN
from allotment.errors import NotFoundError, NotSignedInError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.identity import ProvenIdentity
from allotment.model.access.permission import AFAR, EVERYTHING, Permission
from allotment.model.access.person import SESSION_HOURS, STALE_AFTER
from allotment.model.access.rights import OWN, PLATFORM_ROLES, TEAM_ROLES, AccessRights, PersonRole
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import CodeFolder
from allotment.model.jobs.written import write_value
from allotment.model.quantity import Bytes
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns, SignInSession, shut_out
from allotment.operations.access.tokens import revoke_token
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.room import Applied, DecisionRoom
from allotment.operations.run.lane import Serving
from allotment.operations.run.unnamed import unnamed
from allotment.ports.identity import Flaw, IdentityRefusedError
from allotment.ports.job_service import JobSubmission
from allotment.ports.sign_in import SignInOffer, bound_nonce
from tests.unit.adapters.store.jobs import grant as stored_grant
from tests.unit.adapters.store.jobs import request as stored_request
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_service import World, submitted
from tests.unit.operations.run.machine import TwinBackend, job

ISSUER = "https://id.acme.example"
HERE = "127.0.0.1"
HOUR = 3600
ROLES = {
    "viewer": ("nlp-viewers",),
    "member": ("nlp-members",),
    "owner": ("nlp-owners",),
    "of both": ("nlp-viewers", "cv-members"),
    "admin": ("platform-engineers",),
}
MAY = {
    "viewer": TEAM_ROLES[PersonRole.VIEWER],
    "member": TEAM_ROLES[PersonRole.MEMBER],
    "owner": TEAM_ROLES[PersonRole.OWNER],
    "of both": TEAM_ROLES[PersonRole.MEMBER],
    "admin": PLATFORM_ROLES[PersonRole.ADMIN],
}


def said_of(offer: SignInOffer, subject: str, *groups: str, email: str = "", host: str = HERE) -> str:
    """A token: what is said, and a signature."""
    said = {"sub": subject, "groups": groups, "email": email, "nonce": bound_nonce(offer.nonce, host)}
    return f"{json.dumps(said)}.signed"


class Vouching:
    """An identity provider that believes whatever it is told, and keeps to nonces."""

    issuer = ISSUER

    def verify(self, token: str, now: int, nonce: str | None = None, *, may_lack_nonce: bool = False) -> ProvenIdentity:
        said = json.loads(token.rpartition(".")[0])
        if said["nonce"] != nonce and not (may_lack_nonce and said["nonce"] is None):
            raise IdentityRefusedError(Flaw.NONCE, "not signed in", why="it is of another sign-in")
        subject = said["sub"]
        return ProvenIdentity(
            ISSUER, subject, subject, said.get("email", ""), tuple(said.get("groups", ())), now + 1,
            said.get("iat", now), lacking="" if "groups" in said else "groups",
        )  # fmt: skip

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


@dataclass
class Hall:
    """A server with people, two jobs of two teams, and who signs in."""

    world: World
    sign_ins: SignIns
    routes: Sequence[Any]
    app: Hardened

    def session(self, subject: str, *groups: str, email: str = "") -> str:
        """Of somebody; what he shows."""
        offer = self.sign_ins.offer()
        return self.enter(offer, said_of(offer, subject, *groups, email=email)).text

    def enter(self, offer: SignInOffer, said: str, *, host: str = HERE, elsewhere: bool = False) -> SignInSession:
        return self.sign_ins.enter(said, offer.nonce, host, "10.1.2.3", elsewhere=elsewhere)

    def asked(self, verb: str, path: str, text: str, body: object = None, query: str = "") -> tuple[int, Any]:
        sent = b"" if body is None else json.dumps(body).encode()
        status, _, said = answered(self.app, verb, path, HOST, bearer(text), body=sent, query=query.encode())
        try:
            return status, json.loads(said)
        except ValueError:
            return status, said

    def acts(self) -> list[AuditedAct]:
        return [each.act for each in self.world.machine.store.whole_audit()]

    @property
    def now(self) -> int:
        return round(self.world.machine.clock.now().timestamp() * 1000)


def requests_room(world: World) -> DecisionRoom:
    """Nothing can be granted, and nothing is known of clusters."""
    ids = (f"r{number:07d}" for number in itertools.count())
    return DecisionRoom(
        store=world.machine.store,
        clock=world.machine.clock,
        platform=lambda: world.platform,
        files=dict,
        repository=None,
        load=lambda _: world.platform,
        apply=lambda _platform, _clusters, _cause: Applied({}),
        snapshots=lambda _: (),
        need=lambda _platform, _team, _clusters: (None, ""),
        spent=lambda _: 0,
        seed=1,
        new_id=lambda: next(ids),
    )


@pytest.fixture
def hall() -> Hall:
    world = World()
    submitted(world.desk, name="secret-of-nlp")
    world.desk.submit(JobSubmission(job(team="cv", name="secret-of-cv"), "local"))
    store, clock = world.machine.store, world.machine.clock
    people = lambda: people_of(world.platform)  # noqa: E731
    sign_ins = SignIns(store, Vouching(), SignInOffer(ISSUER, "allotment", ("openid",), ""), people, clock, os.urandom)  # type: ignore[arg-type]
    registry = Registry(store, clock, os.urandom, "acme", "1", people, sign_ins)
    door = TokenDoor(Doorkeeper(store, clock, people))
    room = requests_room(world)
    api = job_api(world.desk, registry, partial(RequestsOf, RequestDesk(room), room), door)
    return Hall(world, sign_ins, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1"))


def operations(hall: Hall) -> Iterator[tuple[str, str, Permission]]:
    for route in hall.routes:
        assert isinstance(route, APIRoute)
        (verb,) = route.methods
        needs = (route.openapi_extra or {})[NEEDS]
        if needs not in (OPEN, LET_IN):
            yield verb, route.path, Permission(needs)


def test_no_role_has_what_its_own_machine_alone_gives() -> None:
    every = {**TEAM_ROLES, **PLATFORM_ROLES}
    assert set(every) == set(PersonRole)
    for given in every.values():
        assert not given & {Permission.END, Permission.TOKENS, Permission.OWN_TOKENS}
    assert TEAM_ROLES[PersonRole.VIEWER] < TEAM_ROLES[PersonRole.MEMBER] < TEAM_ROLES[PersonRole.OWNER]
    assert OWN.all == EVERYTHING


@pytest.mark.parametrize("role", ROLES)
def test_each_operation_and_each_role(hall: Hall, role: str) -> None:
    """What a role does not give is refused, whatever it is asked of; what is another team's is as if it were absent."""
    text = hall.session("ada", *ROLES[role])
    may = MAY[role] | {Permission.OWN_TOKENS}
    everywhere = role == "admin"
    of_cv = "of both" if role == "of both" else ""
    asked = list(operations(hall))
    assert len(asked) >= 20
    for verb, path, needs in asked:
        if path == "/api/v1/session":
            continue
        answers = {
            which: hall.asked(verb, path.replace("{reference}", id_), text)
            for which, id_ in {"own": "j0", "other": "j1", "absent": "j9", "by name": "secret-of-cv"}.items()
        }
        if needs not in may:
            assert {each[0] for each in answers.values()} == {403}, (verb, path, answers)
            assert len({json.dumps(each[1]) for each in answers.values()}) == 1, (verb, path)
            continue
        assert not {each[0] for each in answers.values()} & {401, 500}, (verb, path, answers)
        if path.startswith("/api/v1/jobs/{reference}") and not everywhere and not of_cv:
            for which, id_ in (("other", "j1"), ("by name", "secret-of-cv")):
                status, said = answers[which]
                assert (status, json.dumps(said).replace(id_, "j9")) == (404, json.dumps(answers["absent"][1])), path
        if not everywhere and not of_cv:
            assert "secret-of-cv" not in json.dumps(answers["own"][1], default=str), (verb, path)


def test_people_see_the_jobs_of_their_teams_and_no_other_by_any_way(hall: Hall) -> None:
    text = hall.session("ada", "nlp-members")
    _, page = hall.asked("GET", "/api/v1/jobs", text)
    assert [each["name"] for each in page["page"]["rows"]] == ["secret-of-nlp"]
    for query in ("team=cv", "prefix=secret-of-cv", "owner=ada&team=cv"):
        assert hall.asked("GET", "/api/v1/jobs", text, query=query)[1]["page"]["rows"] == []
    assert hall.asked("GET", "/api/v1/jobs/j", text)[1]["job"]["id"] == "j0", (
        "what begins so is looked for among his own"
    )
    assert hall.asked("GET", "/api/v1/status", text)[1]["status"]["teams"] == ["nlp"]
    assert hall.asked("GET", "/api/v1/jobs", hall.session("eve", "platform-engineers"))[1]["page"]["rows"][1:]


def test_what_is_submitted_is_for_a_team_of_ones_own_and_runs_not_as_the_server_s_user(hall: Hall) -> None:
    text = hall.session("ada", "nlp-members", "cv-viewers")

    def said(team: str, **more: object) -> tuple[int, Any]:
        submission = replace(JobSubmission(job(team=team), "local"), **more)  # type: ignore[arg-type]
        return hall.asked("POST", "/api/v1/jobs", text, json.loads(write_value("submission", submission)))

    status, told = said("nlp", key="retry\0j1\0001")
    assert (status, told["detail"]) == (400, "such keys are those of retries")
    foreign, absent = said("cv"), said("nobody")
    assert foreign[0] == absent[0] == 404
    assert json.dumps(foreign[1]).replace("cv", "nobody") == json.dumps(absent[1])
    status, here = said("nlp")
    assert (status, here["error"]) == (403, "ForbiddenError")
    assert "as the user whose server it is" in here["why"]
    assert hall.asked("POST", "/api/v1/jobs/j0/retry", text)[0] == 403
    status, refused = hall.asked("POST", "/api/v1/jobs/j1/stop", text)
    assert (status, refused["what"]) == (403, "you may see the jobs of team cv, and not stop them")
    status, stopped = hall.asked("POST", "/api/v1/jobs/j0/stop", text)
    assert (status, stopped["job"]["id"]) == (200, "j0")
    assert [(each.who, each.kind) for each in hall.acts() if each.verb == "job.stop"] == [
        ("oidc:ada@id.acme.example", "person")
    ]


def test_where_programs_are_kept_apart_a_member_submits_for_his_team(hall: Hall) -> None:
    desk = hall.world.desk
    desk._identity = replace(desk._identity, clusters=frozenset({"local"}))
    text = hall.session("ada", "nlp-members", "cv-viewers")

    def said(team: str) -> tuple[int, Any]:
        return hall.asked(
            "POST", "/api/v1/jobs", text, json.loads(write_value("submission", JobSubmission(job(team=team), "local")))
        )

    status, receipt = said("nlp")
    assert (status, receipt["receipt"]["job"]["owner"]) == (200, "oidc:ada@id.acme.example")
    assert said("cv")[0] == 404
    together = [JobSubmission(job(team=each, name=each), "local") for each in ("nlp", "cv", "nlp")]
    status, answers = hall.asked("POST", "/api/v1/submissions", text, json.loads(write_value("submissions", together)))
    assert [each["receipt"] is not None for each in answers["answers"]] == [True, False, True]
    foreseen = JobSubmission(job(team="nlp", devices=4), "local")
    status, told = hall.asked("POST", "/api/v1/foresee", text, json.loads(write_value("submission", foreseen)))
    assert status == 200
    assert "secret-of-cv" not in json.dumps(told)


def test_the_code_of_a_job_goes_to_no_job_of_another_team_and_to_nobody_who_may_only_look(hall: Hall) -> None:
    desk = hall.world.desk
    desk._identity = replace(desk._identity, clusters=frozenset({"local"}))
    program = replace(job().program, code=CodeFolder(".", "", Bytes(1 << 20)))
    reference = desk.put_code(io.BytesIO(b"the code of nlp"))
    theirs = desk.submit(JobSubmission(replace(job(team="nlp"), program=program), "local", reference)).job.id
    spy, ada = hall.session("spy", "cv-members", "nlp-viewers"), hall.session("ada", "nlp-members", "cv-members")

    def said(text: str, team: str, of: str, name: str = "own") -> int:
        submission = JobSubmission(replace(job(team=team, name=name), program=program), "local", supersedes=of)
        return hall.asked("POST", "/api/v1/jobs", text, json.loads(write_value("submission", submission)))[0]

    assert said(spy, "cv", theirs) == said(spy, "cv", "j9") == said(spy, "nlp", theirs) == 404
    assert said(spy, "cv", "j1", name=theirs) == 200
    assert said(spy, "cv", theirs) == 404, "a job of his own that is called as the other one's id is not the other one"
    assert said(ada, "cv", theirs) == 404
    assert said(ada, "nlp", theirs) == 200
    codes = [hall.asked("GET", f"/api/v1/jobs/{theirs}", text)[1]["job"]["code"] for text in (spy, ada)]
    assert codes == ["", reference], "and where it lies on the server's machine is told to nobody"


def test_a_group_that_is_left_is_left_with_the_next_sign_in_and_a_team_that_goes_at_once(hall: Hall) -> None:
    text = hall.session("ada", "nlp-members")
    hall.session("ada", "cv-members")
    assert [each["name"] for each in hall.asked("GET", "/api/v1/jobs", text)[1]["page"]["rows"]] == ["secret-of-cv"]
    left = tuple(each for each in hall.world.platform.teams if each.name != "cv")
    hall.world.platform = replace(hall.world.platform, teams=left)
    assert hall.asked("GET", "/api/v1/jobs", text)[0] == 401


def test_who_is_shut_out_opens_nothing_from_then_on(hall: Hall) -> None:
    text, admin = hall.session("ada", "nlp-members"), hall.session("eve", "platform-engineers")
    made = {"name": "mine", "permissions": ["read"], "lasts": HOUR * 1000, "team": ""}
    status, given = hall.asked("POST", "/api/v1/tokens", text, {"version": 1, "wanted": made})
    assert status == 200
    own = given["given"]["text"]
    keeper = Doorkeeper(hall.world.machine.store, hall.world.machine.clock, lambda: people_of(hall.world.platform))
    streaming = keeper.admit(text, "10.1.2.3")
    assert keeper.still(streaming)
    assert hall.asked("POST", "/api/v1/people/oidc:ada@id.acme.example/shut-out", admin)[0] == 200
    assert not keeper.still(streaming)
    for each in (text, own):
        status, told = hall.asked("GET", "/api/v1/jobs", each)
        assert (status, told) == (401, hall.asked("GET", "/api/v1/whoami", each)[1])
        assert told["why"] == "an administrator of the platform has shut you out"
        assert told["fix"] == "ask one of them to let you in again"
    with pytest.raises(NotSignedInError):
        hall.session("ada", "nlp-members")
    assert hall.asked("POST", "/api/v1/people/oidc:eve@id.acme.example/shut-out", admin)[0] == 409
    assert hall.asked("POST", "/api/v1/people/nobody/shut-out", admin)[0] == 404
    hall.asked("POST", "/api/v1/people/oidc:ada@id.acme.example/let-in", admin)
    for each in (text, own):
        assert hall.asked("GET", "/api/v1/jobs", each)[0] == 401, "who is let in again signs in anew"
    assert hall.asked("GET", "/api/v1/jobs", hall.session("ada", "nlp-members"))[0] == 200
    assert [each.verb for each in hall.acts() if each.verb.startswith("person")] == ["person.shut-out", "person.let-in"]
    keep = hall.world.machine.store
    with pytest.raises(NotFoundError):
        shut_out(keep, "nobody", Caller("ada", CallerKind.LOCAL, "x"), 1, out=True)


def test_a_session_is_over_by_itself_and_own_tokens_once_nobody_signs_in(hall: Hall) -> None:
    text = hall.session("ada", "nlp-members")
    made = {"name": "mine", "permissions": ["read"], "lasts": 300 * 86_400_000, "team": ""}
    own = hall.asked("POST", "/api/v1/tokens", text, {"version": 1, "wanted": made})[1]["given"]["text"]
    hall.world.machine.clock.sleep(SESSION_HOURS * HOUR)
    assert [hall.asked("GET", "/api/v1/jobs", each)[0] for each in (text, own)] == [401, 200]
    hall.world.machine.clock.sleep(STALE_AFTER * 24 * HOUR)
    assert hall.asked("GET", "/api/v1/jobs", own)[0] == 401
    hall.session("ada", "nlp-members")
    assert hall.asked("GET", "/api/v1/jobs", own)[0] == 200


def test_tokens_are_ones_own_or_a_team_s_and_no_way_to_more(hall: Hall) -> None:
    member, owner = hall.session("ada", "nlp-members"), hall.session("bob", "nlp-owners")

    def make(text: str, team: str = "", permissions: tuple[str, ...] = ("read", "submit", "stop")) -> tuple[int, Any]:
        wanted = {"name": "ci", "permissions": permissions, "lasts": HOUR * 1000, "team": team}
        return hall.asked("POST", "/api/v1/tokens", text, {"version": 1, "wanted": wanted})

    assert make(member, "nlp")[0] == 403
    assert [make(owner, each)[0] for each in ("cv", "nobody")] == [404, 404]
    assert make(member, permissions=("own-tokens",))[0] == make(member, permissions=("people",))[0] == 400
    own, of_team = make(member)[1]["given"], make(owner, "nlp")[1]["given"]
    for each in (own, of_team):
        assert make(each["text"])[0] == 403, "a token makes no token"
        assert [row["team"] for row in hall.asked("GET", "/api/v1/jobs", each["text"])[1]["page"]["rows"]] == ["nlp"]
        assert hall.asked("POST", "/api/v1/end", each["text"])[0] == 403
    seen = {name: {each["id"] for each in hall.asked("GET", "/api/v1/tokens", text)[1]["page"]["rows"]}
            for name, text in (("member", member), ("owner", owner))}  # fmt: skip
    assert seen == {"member": {own["token"]["id"]}, "owner": {of_team["token"]["id"]}}
    for id_ in (of_team["token"]["id"], "absent22"):
        assert hall.asked("DELETE", f"/api/v1/tokens/{id_}", member)[0] == 404
    whoami = hall.asked("GET", "/api/v1/whoami", of_team["text"])[1]["visitor"]
    assert (whoami["name"], whoami["kind"], whoami["roles"]) == ("ci of nlp", "service", ["member of nlp"])
    # Whoever is no member any more takes no one's rights along: his own token is what he is now.
    hall.session("ada", "nlp-viewers")
    assert hall.asked("POST", "/api/v1/jobs/j0/stop", own["text"])[0] == 403
    assert hall.asked("DELETE", "/api/v1/tokens/ci", owner)[0] == 200
    assert hall.asked("GET", "/api/v1/jobs", of_team["text"])[0] == 401


def test_requests_tokens_and_people_come_in_pages_however_much_they_say(hall: Hall) -> None:
    owner, admin = hall.session("bob", "nlp-owners"), hall.session("root", "platform-engineers")
    for each in range(3):
        wanted = {"name": f"ci{each}", "permissions": ["read"], "lasts": HOUR * 1000, "team": ""}
        assert hall.asked("POST", "/api/v1/tokens", owner, {"version": 1, "wanted": wanted})[0] == 200
        long = replace(stored_request(f"r000000{each}"), platform="x" * (1 << 19))  # as an older version kept them
        hall.world.machine.store.keep_requests((long,), (replace(stored_grant(long.id), subject="x" * (1 << 19)),))
    for path, who, number in (("tokens", owner, 3), ("people", admin, 2), ("requests", owner, 3), ("grants", owner, 3)):
        found, query = [], "limit=2"
        while query:
            status, told = hall.asked("GET", f"/api/v1/{path}", who, query=query)
            assert status == 200, told
            mark = told["page"]["next"]
            assert len(told["page"]["rows"]) <= 2
            found += [each["id"] for each in told["page"]["rows"]]
            marks = (
                {"after_id": mark["id"], "after_at": mark["at"]} if path == "requests" and mark else {"after_id": mark}
            )
            query = urlencode({"limit": 2, **marks}) if mark else ""
        assert len(found) == len(set(found)) == number, path


def test_of_a_back_end_that_is_not_there_a_stranger_learns_nothing_else(hall: Hall) -> None:
    def no_such(name: str) -> object:
        raise NotFoundError(f"there is no back end {name}", why="there are local, secret-cluster", fix="/home/grace/x")

    hall.world.desk._opener = no_such  # type: ignore[assignment]
    status, told = hall.asked("GET", "/api/v1/snapshot", hall.session("ada", "nlp-members"), query="backend=x")
    assert (status, told["what"]) == (404, 'there is no back end "x" that you could ask')
    assert "secret-cluster" not in json.dumps(told)
    assert "/home/grace" not in json.dumps(told)


def test_a_cluster_that_is_another_team_s_alone_is_as_if_it_were_not_there(hall: Hall) -> None:
    desk = hall.world.desk
    local = desk._opener("local")
    clusters = frozenset({"shared", "vault"})

    def opener(name: str) -> Serving:
        if name not in clusters:
            raise NotFoundError(f"there is no back end {name}")
        return replace(local, backend=TwinBackend(local.backend, name))  # type: ignore[arg-type]

    desk._opener = opener
    desk.become(replace(desk._identity, clusters=clusters, known_to={"vault": frozenset({"cv"})}))
    ada, carl = hall.session("ada", "nlp-members"), hall.session("carl", "cv-members")
    snapshots = [hall.asked("GET", "/api/v1/snapshot", carl, query=f"backend={each}")[0] for each in clusters]
    assert snapshots == [200, 200], "both are open from here on"

    def asked(text: str, backend: str, team: str) -> list[tuple[int, str]]:
        wanted = json.loads(write_value("submission", JobSubmission(job(team=team), backend)))
        answers = [
            hall.asked("GET", "/api/v1/snapshot", text, query=f"backend={backend}"),
            hall.asked("POST", "/api/v1/foresee", text, wanted),
            hall.asked("POST", "/api/v1/jobs", text, wanted),
        ]
        return [(status, json.dumps(said, default=str).replace(backend, "NAME")) for status, said in answers]

    assert asked(ada, "vault", "nlp") == asked(ada, "attic", "nlp")
    assert [status for status, _ in asked(ada, "vault", "nlp")] == [404, 403, 403]
    assert [status for status, _ in asked(carl, "vault", "cv")] == [200, 200, 200]
    assert [status for status, _ in asked(ada, "shared", "nlp")] == [200, 200, 200]
    names = [
        {each["name"] for each in hall.asked("GET", "/api/v1/status", text)[1]["status"]["backends"]}
        for text in (ada, carl, hall.session("root", "platform-engineers"))
    ]
    assert names == [{"local", "shared"}, {"local", "shared", "vault"}, {"local", "shared", "vault"}]


def test_signing_out_ends_the_session(hall: Hall) -> None:
    text, other = hall.session("ada", "nlp-members"), hall.session("ada", "nlp-members")
    assert hall.asked("DELETE", "/api/v1/session", text)[0] == 204
    assert [hall.asked("GET", "/api/v1/jobs", each)[0] for each in (text, other)] == [401, 200]


def test_so_many_tokens_and_no_more_are_worth_something_at_once(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("allotment.operations.access.tokens.MOST_TOKENS", 2)
    member, owner = hall.session("ada", "nlp-members"), hall.session("bob", "nlp-owners")

    def make(text: str, team: str = "") -> int:
        wanted = {"name": "ci", "permissions": ["read"], "lasts": HOUR * 1000, "team": team}
        return hall.asked("POST", "/api/v1/tokens", text, {"version": 1, "wanted": wanted})[0]

    assert [make(member) for _ in range(3)] == [200, 200, 409]
    assert [make(owner, "nlp") for _ in range(3)] == [200, 200, 409]
    assert make(owner) == 200
    hall.world.machine.clock.sleep(HOUR)
    assert make(member) == 200, "what is over counts no more"


def test_a_token_that_reads_the_trail_is_made_by_who_reads_it_and_gives_nothing_else(hall: Hall) -> None:
    hall.world.platform = replace(hall.world.platform, auditor_groups=("reviewers",))
    auditor, member = hall.session("rita", "reviewers"), hall.session("ada", "nlp-members")
    owner = hall.session("bob", "nlp-owners")

    def make(text: str, team: str = "", *gives: str) -> tuple[int, Any]:
        wanted = {"name": "siem", "permissions": gives or ("audit",), "lasts": HOUR * 1000, "team": team}
        return hall.asked("POST", "/api/v1/tokens", text, {"version": 1, "wanted": wanted})

    status, told = make(auditor)
    assert status == 200
    siem = told["given"]["text"]
    paths = ("/api/v1/audit", "/api/v1/audit/export", "/api/v1/jobs", "/api/v1/requests", "/api/v1/tokens")
    assert [hall.asked("GET", path, siem)[0] for path in paths] == [200, 200, 403, 403, 403]
    assert (make(member)[0], make(member)[1]["why"]) == (403, "you may not read the audit trail yourself")
    assert (make(owner, "nlp")[0], make(owner, "nlp")[1]["why"]) == (400, "the audit trail is of all teams")
    status, told = make(auditor, "", "people")
    assert (status, told["why"]) == (400, "who gets in, who is asked and what is decided are for people, who sign in")
    assert "audit, read, stop, submit" in told["fix"]


def test_whoami_tells_of_a_session_what_its_person_may(hall: Hall) -> None:
    visitor = hall.asked("GET", "/api/v1/whoami", hall.session("vera", "nlp-viewers"))[1]["visitor"]
    assert visitor["token"]["permissions"] == visitor["permissions"]
    assert "submit" not in visitor["permissions"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("waits; preemptor: job/secret in cv", "waits"),
        ("displaced 3 times so far, last by job/secret in cv: it waits", "displaced 3 times so far"),
        (
            "Preempted to accommodate a workload (UID: 1-a) due to reclamation; preemptor path: /a; preemptee path: /b",
            "Preempted to accommodate a workload (UID: hidden) due to reclamation",
        ),
        ("it waits for quota", "it waits for quota"),
    ],
)
def test_whom_others_made_room_for_is_not_told(said: str, told: str) -> None:
    assert unnamed(said) == told


def test_rights_are_no_more_than_what_they_are_narrowed_to() -> None:
    rights = AccessRights(frozenset({Permission.AUDIT}), {"nlp": AFAR, "cv": frozenset({Permission.READ})})
    assert rights.within(Permission.READ) == {"nlp", "cv"}
    assert rights.within(Permission.AUDIT) is None
    less = rights.narrowed(frozenset({Permission.READ}))
    assert (less.all, less.within(Permission.SUBMIT)) == ({Permission.READ}, frozenset())
    assert not rights.gives(Permission.STOP, "cv")


def test_revoking_by_hand_is_for_tokens_that_are_seen(hall: Hall) -> None:
    store = hall.world.machine.store
    hall.session("ada", "nlp-members")
    (session,) = store.tokens()
    with pytest.raises(NotFoundError):
        revoke_token(store, session.id, Caller("bob", CallerKind.LOCAL, "x"), 1, lambda _: False)
