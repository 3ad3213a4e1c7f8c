"""How clusters are connected over the API: by administrators alone, and what was given is told to nobody."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.sealing.key_file import sealing_of
from allotment.api.cluster_routes import MOST_KUBECONFIG
from allotment.api.clusters import ClusterWays
from allotment.api.deciding import PresentPlatform
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import NotFoundError, UnreachableError
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.served import ServedClusters
from allotment.ports.sign_in import SignInOffer
from tests.unit.api.test_people import ISSUER, ROLES, Hall, Vouching, requests_room
from tests.unit.api.test_service import World
from tests.unit.operations.fleet.test_credentials import EVE, given
from tests.unit.operations.fleet.test_hub import Fleet
from tests.unit.operations.fleet.test_one_context import CANARY

AWAY = UnreachableError("https://canary-7.example:6443 does not answer")


class Yard(Hall):
    """A server with two clusters, and the credentials that it was given."""

    fleet: Fleet
    credentials: ClusterCredentials

    def connected(self, text: str, name: str, document: object) -> tuple[int, Any]:
        body = {"version": 1, "kubeconfig": document}
        return self.asked("PUT", f"/api/v1/clusters/{name}/credential", text, body)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    world, fleet = World(), Fleet("training", "dev")
    store, clock, people = world.machine.store, world.machine.clock, lambda: people_of(world.platform)
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Vouching(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    registry, room = Registry(store, clock, os.urandom, "acme", "1", people, signs), requests_room(world)
    credentials = ClusterCredentials(
        store, lambda: sealing_of(tmp_path / "key", {}), lambda: "acme", clock, fleet.hub.reopen
    )
    door = TokenDoor(Doorkeeper(store, clock, people))
    served = ServedClusters(fleet.hub, credentials, SystemClock())
    api = job_api(world.desk, registry, partial(RequestsOf, RequestDesk(room), room), door, clusters=served)
    made = Yard(world, signs, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1"))
    made.fleet, made.credentials = fleet, credentials
    with fleet.hub:
        yield made


def test_a_credential_is_given_used_and_taken_back_and_told_to_nobody(yard: Yard, tmp_path: Path) -> None:
    admin = yard.session("eve", *ROLES["admin"])
    said: list[object] = []
    _, before = yard.asked("GET", "/api/v1/clusters", admin)
    assert [(each["name"], each["state"], each["connected"]) for each in before["clusters"]] == [
        ("training", "current", None),
        ("dev", "current", None),
    ]
    opened = len(yard.fleet.opened)
    status, told = yard.connected(admin, "training", given())
    assert (status, told["cluster"]["state"], told["cluster"]["connected_by"]) == (
        200, "current", "oidc:eve@id.acme.example",
    )  # fmt: skip
    assert yard.fleet.opened[opened:] == ["training"], "it is opened anew, and the other stays as it is"
    assert yard.credentials.opened("training") == given()
    said += [told, yard.asked("GET", "/api/v1/clusters", admin), yard.asked("POST", "/api/v1/cluster-key", admin)]
    assert said[-1] == (200, {"version": 1, "sealed": 1})
    said += [yard.asked("DELETE", "/api/v1/clusters/training/credential", admin)]
    assert said[-1] == (204, b"")
    status, gone = yard.asked("DELETE", "/api/v1/clusters/training/credential", admin)
    assert (status, gone["error"]) == (404, "NotFoundError")
    said += [gone, [str(each) for each in yard.acts()]]
    assert [each.verb for each in yard.acts() if each.verb.startswith(("cluster", "key"))] == [
        "cluster.connect",
        "key.rotate",
        "cluster.disconnect",
    ]
    assert CANARY not in json.dumps(said, default=str)
    assert CANARY.encode() not in (tmp_path / "key").read_bytes()


@pytest.mark.parametrize("role", [each for each in ROLES if each != "admin"])
def test_administrators_alone_may(yard: Yard, role: str) -> None:
    text = yard.session("ada", *ROLES[role])
    assert yard.connected(text, "training", given())[0] == 403
    for verb, path in (
        ("GET", "/api/v1/clusters"),
        ("DELETE", "/api/v1/clusters/training/credential"),
        ("POST", "/api/v1/cluster-key"),
    ):
        assert yard.asked(verb, path, text)[0] == 403, path
    assert yard.credentials.kept("training") is None


def test_what_is_refused_is_not_repeated_and_not_kept(yard: Yard) -> None:
    admin = yard.session("eve", *ROLES["admin"])
    runs = given()
    runs["users"] = [{"name": "training", "user": {"exec": {"command": CANARY}}}]
    named = given()
    named["clusters"] = [
        {"name": "training", "cluster": {"server": "https://x", "certificate-authority": f"/etc/{CANARY}"}}
    ]
    for document, status in ((runs, 422), (named, 422), ([CANARY], 422), (CANARY, 422), ({"contexts": CANARY}, 422)):
        found, told = yard.connected(admin, "training", document)
        assert found == status, told
        assert CANARY not in json.dumps(told)
    assert yard.connected(admin, "nosuch", given())[0] == 404
    assert yard.connected(admin, "training", {"x": "y" * MOST_KUBECONFIG})[0] == 422
    assert yard.credentials.kept("training") is None
    assert not [each for each in yard.acts() if each.verb.startswith("cluster")]


def test_one_that_does_not_answer_is_connected_all_the_same_and_administrators_are_told_why(yard: Yard) -> None:
    admin = yard.session("eve", *ROLES["admin"])
    yard.fleet.wrong["dev"] = AWAY
    _, told = yard.connected(admin, "dev", given("dev"))
    assert (told["cluster"]["state"], AWAY.what in told["cluster"]["error"]) == ("silent", True)
    assert yard.credentials.kept("dev") is not None


def test_a_cluster_is_reached_by_what_was_given_and_else_as_the_environment_says(tmp_path: Path) -> None:
    world = World()
    credentials = ClusterCredentials(
        world.machine.store, lambda: sealing_of(tmp_path / "key", {}), lambda: "acme", world.machine.clock
    )
    asked: list[str] = []

    def connect(context: str) -> Any:
        asked.append(context)
        raise NotFoundError("no context")

    present = PresentPlatform(world.platform, {})
    cluster = present.platform.clusters[0]
    ways = ClusterWays(present, credentials, connect)
    for way in (partial(ways.to, cluster.name, cluster.context), partial(ways.by_context, cluster.context)):
        with pytest.raises(NotFoundError):
            way()
    assert asked == [cluster.context] * 2
    words = ways.words(cluster.name, cluster.context)
    document = given()
    document["clusters"] = [{"name": "training", "cluster": {"server": "https://one.example:6443"}}]
    credentials.connect(EVE, cluster.name, document)
    for way in (partial(ways.to, cluster.name, cluster.context), partial(ways.by_context, cluster.context)):
        with way() as kube:
            assert (kube.endpoint().url, kube.endpoint().context) == ("https://one.example:6443", cluster.name)
    assert asked == [cluster.context] * 2
    assert ways.words(cluster.name, cluster.context) != words
