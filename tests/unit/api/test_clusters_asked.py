"""Clusters of a server, asked in the process, through the socket and over the network: one suite for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from allotment.errors import NotFoundError
from tests.unit.api.premises import ODD_NAME, WAYS, Asking, Premises, opened, refused_by
from tests.unit.operations.fleet.test_credentials import given


@pytest.fixture
def premises(tmp_path: Path) -> Iterator[Premises]:
    with opened(tmp_path) as found:
        yield found


@pytest.mark.parametrize("way", WAYS)
def test_a_credential_from_its_giving_to_its_end(premises: Premises, way: str) -> None:
    own = premises.own(way)
    assert [(each.name, each.state, each.connected) for each in own.clusters.clusters()] == [
        ("training", "current", None),
        ("dev", "current", None),
    ]
    assert own.clusters.rotate_key() == 0
    told = own.clusters.connect_cluster("training", given())
    assert (told.name, told.state, told.connected_by) == ("training", "current", own.name)
    assert told.connected is not None
    assert premises.served.credentials.opened("training") == given()
    assert own.clusters.rotate_key() == 1
    (kept,) = [each for each in own.clusters.clusters() if each.connected is not None]
    assert (kept.name, kept.connected, kept.connected_by) == ("training", told.connected, own.name)
    assert own.clusters.disconnect_cluster("training") is None  # type: ignore[func-returns-value]
    assert premises.served.credentials.kept("training") is None
    with pytest.raises(NotFoundError):
        own.clusters.disconnect_cluster("training")
    assert premises.acts("cluster", "key") == [
        (own.name, "key.rotate"), (own.name, "cluster.connect"), (own.name, "key.rotate"),
        (own.name, "cluster.disconnect"),
    ]  # fmt: skip


def runs_a_program() -> dict[str, Any]:
    found = given()
    return {**found, "users": [{"name": "training", "user": {"exec": {"command": "sh"}}}]}


REFUSED: Final[Mapping[str, tuple[str, Callable[[Asking], object]]]] = {
    "no such cluster": ("NotFoundError", lambda of: of.clusters.connect_cluster("nosuch", given())),
    "a name that is none": ("NotFoundError", lambda of: of.clusters.connect_cluster(ODD_NAME, given())),
    "nothing in it": ("InputError", lambda of: of.clusters.connect_cluster("dev", {})),
    "a program in it": ("InputError", lambda of: of.clusters.connect_cluster("training", runs_a_program())),
    "nothing to forget": ("NotFoundError", lambda of: of.clusters.disconnect_cluster("dev")),
    "forgetting what is none": ("NotFoundError", lambda of: of.clusters.disconnect_cluster(ODD_NAME)),
}


@pytest.fixture(scope="module")
def callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Asking]]:
    with opened(tmp_path_factory.mktemp("server")) as found:
        yield {way: found.own(way) for way in WAYS}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_the_same_error_each_way(callers: Mapping[str, Asking], case: str) -> None:
    kind, call = REFUSED[case]
    inside, socket, network = (refused_by(call, callers[way]) for way in WAYS)
    assert inside == socket == network
    assert inside.kind == kind


def test_clusters_of_a_demo_are_connected_to_nothing(tmp_path: Path) -> None:
    with opened(tmp_path, made_up=True) as premises:
        refused = {refused_by(REFUSED["nothing in it"][1], premises.own(way)) for way in WAYS}
        assert [(each.kind, each.exit_code) for each in refused] == [("ConflictError", 6)]
