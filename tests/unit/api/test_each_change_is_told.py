"""Each call that changes something leaves an entry in the audit trail, or says here why it leaves none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.sealing.key_file import sealing_of
from allotment.adapters.store.fake import MemoryStore
from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditVerb
from allotment.model.requests.grant import GrantState
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns, shut_out
from allotment.operations.account.trail import gone_along
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.served import ServedClusters
from allotment.ports.requests import RequestFilter
from allotment.ports.sign_in import SignInOffer
from allotment.spec.granting import grant_path
from tests.unit.api.test_answers import GROUPS
from tests.unit.api.test_declared_routes import WISH, connect
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_looked_at_anew import ASKED, CHANGING, value
from tests.unit.api.test_people import ISSUER, Hall, Vouching
from tests.unit.api.test_service import World, submitted
from tests.unit.operations.decide.test_desk import ACME, HUMAN, MEMBER, Office, gpus
from tests.unit.operations.fleet.test_credentials import given
from tests.unit.operations.fleet.test_hub import Fleet

CLUSTER = "training-eastus"
ROOT = Caller("root", CallerKind.LOCAL, "here")
BOB = "oidc:bob@id.acme.example"
EVE = "oidc:eve@id.acme.example"
JOB_FILE = json.dumps(
    {
        "kind": "Job",
        "name": "train",
        "team": "nlp",
        "run": {"command": ["true"]},
        "resources": {"cpu": 1, "memory": "1Gi"},
    }
)
Call = tuple[str, str]


@dataclass
class City(Hall):
    """A server of which everything can be asked: jobs, people, requests with a repository, clusters and quotas.

    Attributes:
        own: makes the same server, on the socket of its own user.
    """

    office: Office
    credentials: ClusterCredentials
    own: Callable[[], Any]

    def request(self, by: str = EVE, number: int = 8) -> str:
        return self.office.of(by, MEMBER).ask(gpus(number)).id

    def grant(self) -> str:
        made = self.request(number=1)
        self.office.passes(2)
        assert self.office.grant(made) is GrantState.ACTIVE
        return made

    def grant_in_conflict(self) -> str:
        made = self.grant()
        self.office.repository.commit_by(HUMAN, {grant_path(made): None})
        self.office.passes(2)
        assert self.office.grant(made) is GrantState.CONFLICT
        return made

    def token(self, text: str) -> str:
        body = json.loads(CHANGING["POST", "/api/v1/tokens"])
        token: str = self.asked("POST", "/api/v1/tokens", text, body)[1]["given"]["token"]["id"]
        return token

    def connected(self, name: str = CLUSTER) -> str:
        self.credentials.connect(ROOT, name, given(name))
        return name

    def job(self) -> str:
        return submitted(self.world.desk).job.id

    def job_that_is_over(self) -> str:
        made = self.job()
        self.world.run(15)
        assert self.world.desk.find(made).state.over
        return made

    def bob(self, *, out: bool = False) -> str:
        self.session("bob", GROUPS["member"])
        if out:
            shut_out(self.world.machine.store, BOB, ROOT, 9, out=True)
        return BOB


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    world, fleet = World(), Fleet(CLUSTER)
    store, clock = world.machine.store, world.machine.clock
    office = Office(store=cast("MemoryStore", store))
    world.platform = office.present
    world.desk._identity = replace(world.desk._identity, clusters=frozenset({"local"}), declared=ACME)
    people = lambda: people_of(world.platform)  # noqa: E731
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Vouching(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    entrance = BrowserEntrance(store, "ada", clock, os.urandom, signs)
    registry = Registry(store, clock, os.urandom, "acme", "1", people, signs, entrance=entrance)
    credentials = ClusterCredentials(
        store, lambda: sealing_of(tmp_path / "key", {}), lambda: "acme", clock, fleet.hub.reopen
    )
    looks = DriftLooks(lambda: office.present, connect, clock)
    served = ServedClusters(fleet.hub, credentials, SystemClock(), looks=looks, quotas=QuotaDesk(office.room))
    requests = partial(RequestsOf, office.desk, office.room)
    door = TokenDoor(Doorkeeper(store, clock, people))
    api = job_api(world.desk, registry, requests, door, clusters=served)
    own = partial(job_api, world.desk, registry, requests, HomeDoor("ada"), clusters=served)
    hardened = Hardened(api, ("127.0.0.1",), lambda: "request-1")
    with fleet.hub:
        yield City(world, signs, api.routes, hardened, office, credentials, own)


def nothing(_city: City, _text: str) -> str:
    return ""


@dataclass(frozen=True)
class Told:
    """What a call leaves.

    Attributes:
        verb: of the entry.
        about: makes what the call is about, and names it; it may take what the caller shows.
        body: makes what is sent; None for that of `CHANGING`.
    """

    verb: AuditVerb
    about: Callable[[City, str], str] = nothing
    body: Callable[[City], bytes] | None = None


def quota_change(city: City) -> bytes:
    return value("asked", {"wish": WISH, "expected": city.office.repository.read().commit, "reason": "it is winter"})


def endpoint(_city: City) -> bytes:
    return value("asked", {**ASKED, "environment": "production"})


TOLD: Mapping[Call, Told] = {
    ("POST", "/api/v1/jobs"): Told(AuditVerb.JOB_SUBMITTED),
    ("POST", "/api/v1/submissions"): Told(AuditVerb.JOB_SUBMITTED),
    ("POST", "/api/v1/jobs/{reference}/stop"): Told(AuditVerb.JOB_STOPPED, lambda city, _: city.job()),
    ("POST", "/api/v1/jobs/{reference}/retry"): Told(AuditVerb.JOB_RETRIED, lambda city, _: city.job_that_is_over()),
    ("POST", "/api/v1/tokens"): Told(AuditVerb.ACCESS_GIVEN),
    ("DELETE", "/api/v1/tokens/{reference}"): Told(AuditVerb.ACCESS_TAKEN, City.token),
    ("DELETE", "/api/v1/session"): Told(AuditVerb.ACCESS_TAKEN),
    ("POST", "/api/v1/people/{reference}/shut-out"): Told(AuditVerb.PERSON_SHUT_OUT, lambda city, _: city.bob()),
    ("POST", "/api/v1/people/{reference}/let-in"): Told(AuditVerb.PERSON_LET_IN, lambda city, _: city.bob(out=True)),
    ("POST", "/api/v1/requests"): Told(AuditVerb.REQUEST_SUBMITTED, body=endpoint),
    ("POST", "/api/v1/requests/{reference}/decision"): Told(
        AuditVerb.REQUEST_DENIED, lambda city, _: city.request("ada")
    ),
    ("POST", "/api/v1/requests/{reference}/answer"): Told(AuditVerb.REQUEST_WITHDRAWN, lambda city, _: city.request()),
    ("POST", "/api/v1/grants/{reference}/end"): Told(AuditVerb.GRANT_ENDED, lambda city, _: city.grant()),
    ("POST", "/api/v1/grants/{reference}/settling"): Told(
        AuditVerb.GRANT_SETTLED, lambda city, _: city.grant_in_conflict()
    ),
    ("PUT", "/api/v1/clusters/{reference}/credential"): Told(
        AuditVerb.CLUSTER_CONNECTED, lambda *_: CLUSTER, lambda _: value("kubeconfig", given(CLUSTER))
    ),
    ("DELETE", "/api/v1/clusters/{reference}/credential"): Told(
        AuditVerb.CLUSTER_DISCONNECTED, lambda city, _: city.connected()
    ),
    ("POST", "/api/v1/cluster-key"): Told(AuditVerb.KEY_ROTATED, lambda city, _: city.connected()),
    ("POST", "/api/v1/quota-changes"): Told(AuditVerb.QUOTA_CHANGED, body=quota_change),
}
"""By which entry each call is found again."""
UNTOLD: Mapping[Call, str] = {
    ("POST", "/api/v1/code"): "nothing runs of it: the job that names it is told, and what no job names goes in a day",
    ("POST", "/api/v1/browser-codes"): "for a minute it lets in the same user once: that he came in so is told",
    ("POST", "/api/v1/end"): "the server itself tells its end (`server.end`), however it comes to it",
    ("POST", "/api/v1/foresee"): "a preview: nothing is kept",
    ("POST", "/api/v1/job-files"): "a file is read: nothing is kept",
    ("POST", "/api/v1/request-previews"): "a preview: nothing is kept",
    ("POST", "/api/v1/quota-previews"): "a preview: nothing is kept",
}
"""Why each of these leaves none."""
BODIES: Mapping[Call, Callable[[City], bytes]] = {
    ("POST", "/api/v1/request-previews"): endpoint,
    ("POST", "/api/v1/job-files"): lambda _: value("file", {"text": JOB_FILE}),
    ("POST", "/api/v1/quota-previews"): lambda _: value("wish", WISH),
}


def called(city: City, call: Call, about: str, body: bytes, text: str) -> tuple[int, bytes]:
    verb, path = call
    status, _, said = answered(city.app, verb, path.replace("{reference}", about), HOST, bearer(text), body=body)
    return status, said


def test_each_changing_call_is_told_or_says_why_not() -> None:
    assert not set(TOLD) & set(UNTOLD)
    assert set(TOLD) | set(UNTOLD) == set(CHANGING)


@pytest.mark.parametrize("call", TOLD, ids=" ".join)
def test_what_a_call_has_done_is_told_with_who_asked_and_from_where(city: City, call: Call) -> None:
    told, text = TOLD[call], city.session("eve", GROUPS["admin"], GROUPS["member"])
    about = told.about(city, text)
    body = CHANGING[call] if told.body is None else told.body(city)
    store = city.world.machine.store
    assert called(city, ("GET", "/api/v1/whoami"), "", b"", text)[0] == 200  # that he came is told once
    before = store.audit_head().number
    status, said = called(city, call, about, body, text)
    assert status in (200, 204), said
    new = [each.act for each in store.whole_audit()][before:]
    assert [(each.verb, each.who, each.kind, each.outcome) for each in new] == [
        (told.verb.value, EVE, "person", "done")
    ]
    assert new[0].whence.startswith("10.1.2.3")
    said_of = f"{new[0].subject} {new[0].name} {dict(new[0].details)}"
    assert about in said_of or told.verb is AuditVerb.KEY_ROTATED, said_of
    assert gone_along(store.whole_audit()).sound


def test_what_leaves_no_entry_has_changed_nothing_that_is_kept(city: City) -> None:
    store, own = city.world.machine.store, city.own()
    before = store.audit_head()
    for call in UNTOLD:
        body = BODIES[call](city) if call in BODIES else CHANGING[call]
        status, _, said = answered(own, call[0], call[1], body=body)
        assert status in (200, 204), (call, said)
        kept = store.tokens(), store.unfinished(), store.requests(RequestFilter()), store.grants()
        assert (store.audit_head(), kept) == (before, ((), (), (), ())), call
    assert city.office.repository.read().tree.files == city.office.files
