"""Drift and changes of quotas over the API: for administrators alone, as the commands have it, safe from conflicts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import FakeKube
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import UnreachableError
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.change.drift import drift_of
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.served import ServedClusters
from allotment.ports.kube import KubePort
from allotment.ports.sign_in import SignInOffer
from allotment.reports.documents.drift import drift_document, drift_rows
from allotment.reports.documents.form import versioned
from tests.unit.api.test_answers import GROUPS, NOW
from tests.unit.api.test_people import ISSUER, Hall, Vouching, requests_room
from tests.unit.api.test_service import World
from tests.unit.operations.decide.test_desk import ACME, CLUSTER, FLAVOR, HUMAN, Office, load

WISH = {"team": "nlp", "cluster": CLUSTER, "flavor": FLAVOR, "nominal": 10}


@dataclass
class Townhall(Hall):
    """A server of the example platform, whose one cluster that answers has nothing of it yet."""

    office: Office

    def changed(self, text: str, expected: str, **more: object) -> tuple[int, Any]:
        asked = {"wish": {**WISH, **more}, "expected": expected, "reason": "it is winter"}
        return self.asked("POST", "/api/v1/quota-changes", text, {"version": 1, "asked": asked})

    def previewed(self, text: str) -> tuple[int, Any]:
        return self.asked("POST", "/api/v1/quota-previews", text, {"version": 1, "wish": WISH})


@contextmanager
def connect(context: str) -> Iterator[KubePort]:
    if "dev" not in context:
        raise UnreachableError(f"{context} does not answer", why="nobody is there")
    yield FakeKube()


@pytest.fixture
def townhall() -> Townhall:
    office, world = Office(), World()
    world.platform = load(ACME)
    store, clock = world.machine.store, world.machine.clock
    people = lambda: people_of(world.platform)  # noqa: E731
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Vouching(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    registry = Registry(store, clock, os.urandom, "acme", "1", people, signs)
    room = requests_room(world)
    served = ServedClusters(
        cast("Any", None),
        cast("Any", None),
        FixedClock(NOW),
        looks=DriftLooks(lambda: office.present, connect, FixedClock(NOW)),
        quotas=QuotaDesk(office.room),
    )
    door = TokenDoor(Doorkeeper(store, clock, people))
    api = job_api(world.desk, registry, partial(RequestsOf, RequestDesk(room), room), door, clusters=served)
    return Townhall(world, signs, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1"), office)


def test_drift_is_told_as_the_command_tells_it_with_what_does_not_answer(townhall: Townhall) -> None:
    text = townhall.session("eve", GROUPS["admin"])
    status, said = townhall.asked("GET", "/api/v1/answers/drift", text)
    assert status == 200, said
    answer, platform = said["answer"], townhall.office.present
    dev = platform.cluster("dev-eastus")
    assert dev is not None
    alone = townhall.asked("GET", "/api/v1/answers/drift", text, query="cluster=dev-eastus")[1]["answer"]
    report = drift_of(platform, (dev,), lambda _: FakeKube(), FixedClock(NOW))
    assert alone["document"] == json.loads(json.dumps(versioned(drift_document(report, drift_rows(report)))))
    assert [each["state"] for each in alone["sources"]] == ["current"]
    states = {each["name"]: each["state"] for each in answer["sources"]}
    assert states == {each.name: "current" if each is dev else "silent" for each in platform.clusters}
    assert (answer["partial"], answer["document"]["inSync"]) == (True, False)
    assert "dev-eastus" not in answer["document"]["degraded"]
    status, said = townhall.asked("GET", "/api/v1/answers/drift", text, query="cluster=nowhere")
    assert (status, said["error"]) == (404, "NotFoundError")


@pytest.mark.parametrize("role", ["member", "viewer", "owner"])
def test_administrators_alone_may(townhall: Townhall, role: str) -> None:
    text = townhall.session("mallory", GROUPS[role])
    answers = [
        townhall.asked("GET", "/api/v1/answers/drift", text),
        townhall.previewed(text),
        townhall.changed(text, "0" * 40),
    ]
    for status, said in answers:
        assert (status, said["error"]) == (403, "ForbiddenError")
        assert CLUSTER not in json.dumps(said)
    assert townhall.office.nominal() == 12


def test_a_change_that_was_seen_is_made_once_and_an_outdated_one_not_at_all(townhall: Townhall) -> None:
    text = townhall.session("eve", GROUPS["admin"])
    status, said = townhall.previewed(text)
    assert status == 200, said
    seen = said["foreseen"]
    assert seen["changes"] == [f"quota:nlp/{FLAVOR}/nvidia.com/gpu=10"]
    townhall.office.repository.commit_by(HUMAN, {**ACME, "teams/cv.yaml": ACME["teams/cv.yaml"] + "# a note\n"})
    status, said = townhall.changed(text, seen["expected"])
    assert (status, said["error"]) == (412, "OutdatedError")
    status, said = townhall.changed(text, townhall.previewed(text)[1]["foreseen"]["expected"])
    assert status == 200, said
    done = said["changed"]
    assert (done["unmade"], done["awaited"], townhall.office.nominal()) == ([], "", 10)
    assert townhall.office.repository.commits[done["commit"]].author.name.startswith("oidc:eve")
    assert [verb for _, verb in townhall.office.verbs()] == ["quota.change"]
    status, said = townhall.changed(text, done["commit"], nominal=10)
    assert (status, said["what"]) == (400, "nothing would change")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"version": 1, "wish": {**WISH, "more": 1}}, "more"),
        ({"version": 1, "wish": {"team": "nlp"}}, "cluster"),
        ({"version": 1, "wish": {**WISH, "nominal": "ten"}}, "nominal"),
        ({"version": 1, "wish": {**WISH, "nominal": None}}, "nothing is to be changed"),
    ],
)
def test_what_is_no_wish_is_refused_in_words(townhall: Townhall, body: object, says: str) -> None:
    text = townhall.session("eve", GROUPS["admin"])
    status, said = townhall.asked("POST", "/api/v1/quota-previews", text, body)
    assert status in {400, 422}
    assert says in json.dumps(said)
