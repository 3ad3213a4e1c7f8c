"""Answers over the API: the documents of the commands, byte for byte, of what the caller may see and no more."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from allotment import wiring
from allotment.adapters.clock import FixedClock
from allotment.api import answers
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.errors import NotFoundError, UnreachableError
from allotment.model.access.rights import OWN
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.taking import snapshot_of_file
from allotment.observe.written import encode
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.ask.observing_all import unreached_source
from allotment.operations.ask.recorded import recording
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.fleet.followed import HeardCluster
from allotment.operations.fleet.joined import JoinedClusters
from allotment.ports.job_service import JobSubmission
from allotment.ports.sign_in import SignInOffer
from allotment.spec.load import load_platform
from allotment.wiring import directory
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import ISSUER, Hall, Vouching, requests_room
from tests.unit.api.test_service import World, at_home, submitted
from tests.unit.cli.conftest import ACME, ROOT, Run, home, run
from tests.unit.operations.run.machine import job

__all__ = ["home", "run"]  # fixtures

NOW = dt.datetime(2027, 1, 11, 9, 30, 30, tzinfo=dt.UTC)
EXAMPLES = ROOT / "examples" / "snapshots"
CANARY = "https://canary-7.example:6443"
GROUPS = {"member": "acme-nlp", "viewer": "acme-product", "owner": "acme-nlp-leads", "admin": "acme-platform-engineers"}


def example(file: str, name: str) -> Source:
    (source,) = snapshot_of_file((EXAMPLES / file).read_bytes()).sources
    return msgspec.structs.replace(source, name=name)


TRAINING, DEV = example("training-eastus.json", "training-eastus"), example("holdings.json", "dev-eastus")


class SeenClusters:
    """Clusters as they were seen."""

    def __init__(self, *sources: Source) -> None:
        self.sources = {each.name: each for each in sources}
        self.errors: dict[str, Exception] = {}
        self.hangs = threading.Event()
        self.hanging = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.sources)

    def all_heard(self, names: Iterable[str]) -> tuple[HeardCluster, ...]:
        if self.hanging:
            self.hangs.wait(60)
        return tuple(self._heard(each) for each in names)

    def _heard(self, name: str) -> HeardCluster:
        source, error = self.sources[name], self.errors.get(name)
        snapshot = None if source.unreached else Snapshot(taken_at=source.observed_at, sources=(source,))
        return HeardCluster(name, snapshot, error, NOW if error else None)  # type: ignore[arg-type]

    def source_of(self, heard: HeardCluster) -> Source:
        return msgspec.structs.replace(self.sources[heard.name], stale=heard.away)


class House(Hall):
    """A server with the example platform and clusters that were seen."""

    clusters: SeenClusters
    joined: JoinedClusters

    def answer(self, text: str, name: str, query: str = "") -> dict[str, Any]:
        status, said = self.asked("GET", f"/api/v1/answers/{name}", text, query=query)
        assert status == 200, said
        found: dict[str, Any] = said["answer"]
        return found


@pytest.fixture
def house(tmp_path: Path) -> House:
    world, clock = World(), FixedClock(NOW)
    submitted(world.desk, name="secret-of-nlp")
    tree = directory(ACME).read()
    world.platform = load_platform(tree, NOW.date()).platform
    store, people = world.machine.store, lambda: people_of(world.platform)
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Vouching(), offer, people, world.machine.clock, os.urandom)  # type: ignore[arg-type]
    registry = Registry(store, world.machine.clock, os.urandom, "acme", "1", people, signs)
    door = TokenDoor(Doorkeeper(store, world.machine.clock, people))
    room, clusters = requests_room(world), SeenClusters(TRAINING, DEV)
    joined = JoinedClusters(
        clusters,
        clock,
        lambda: (world.platform, tree.files),
        lambda: recording(wiring.files(), str(tmp_path / "recorded")),
    )
    api = job_api(world.desk, registry, partial(RequestsOf, RequestDesk(room), room), door, joined)
    made = House(world, signs, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1"))
    made.clusters, made.joined = clusters, joined
    return made


def text_of(document: dict[str, Any]) -> str:
    """As a command writes it; without how long something took, and how old something is by now."""
    return steady(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def steady(text: str) -> str:
    return re.sub(r'"(ageSeconds|tookSeconds)": [\d.]+', r'"\1": 0', text)


def saved(path: Path, *sources: Source) -> str:
    path.write_bytes(encode(Snapshot(taken_at=max(each.observed_at for each in sources), sources=sources)))
    return str(path)


PLATFORM = ("--platform", str(ACME))
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "queues": ("queues", ()),
    "gpus": ("gpus", ()),
    "who": ("who", ()),
    "who?accelerator=a100": ("who", ("--accelerator", "a100")),
    "who?namespace=team-nlp": ("who", ("-n", "team-nlp")),
    "who?team=vision": ("who", ("--team", "vision")),
    "quotas": ("quotas", PLATFORM),
    "quotas?all=true": ("quotas", ("--all", *PLATFORM)),
    "quotas?namespace=nlp&all=true": ("quotas", ("-n", "nlp", "--all", *PLATFORM)),
    "waste": ("waste", PLATFORM),
    "waste?by=team": ("waste", ("--by", "team", *PLATFORM)),
    "waste?by=node&idle=job%3D30%25/10min": ("waste", ("--by", "node", "--idle", "job=30%/10min", *PLATFORM)),
    "saturation": ("saturation", ()),
    "capacity?shape=8&shape=2xa100,cpu%3D4": ("capacity", ("8", "2xa100,cpu=4")),
    "why": ("why", ()),
    "when?runs=10": ("when", ("--runs", "10")),
    "when?runs=10&seed=3&horizon=1d&confidence=90&submissions=none": (
        "when",
        ("--runs", "10", "--seed", "3", "--horizon", "1d", "--confidence", "90", "--submissions", "none"),
    ),
    "snapshot-summary": ("snapshot", ()),
}
"""Routes, each with the command that gives the same."""
OF_TRAINING = {
    "capacity": ("capacity", ()),
    "books": ("books", (*PLATFORM, "--cluster", "training-eastus")),
    "why/tune?kind=job&namespace=nlp": ("why", ("job/tune", "-n", "nlp")),
}


def asked_of_file(run: Run, file: str, command: str, *more: str) -> str:
    if command == "snapshot":
        return steady(run("snapshot", "show", file, "-o", "json").ok())
    return steady(run(command, *more, "--snapshot", file, "-o", "json").ok())


@pytest.mark.parametrize("route", COMMANDS)
def test_a_route_gives_what_the_command_gives_of_all_clusters(
    house: House, run: Run, tmp_path: Path, route: str
) -> None:
    text, (command, more) = house.session("eve", GROUPS["admin"]), COMMANDS[route]
    name, _, query = route.partition("?")
    query = "&".join(filter(None, (query, "cluster=training-eastus&cluster=dev-eastus")))
    found = house.answer(text, name, query)
    file = saved(tmp_path / "f.gz", TRAINING, DEV)
    assert text_of(found["document"]) == asked_of_file(run, file, command, *more)
    assert [each["name"] for each in found["sources"]] == ["training-eastus", "dev-eastus"]


def first_waiting(house: House, text: str) -> str:
    items = house.answer(text, "why", "cluster=training-eastus")["document"]["items"]
    subject = items[0]["subject"]
    return f"{subject['kind'].lower()} {subject['name']} {subject['namespace']}"


@pytest.mark.parametrize("name", ["capacity", "books", "why", "when"])
def test_a_route_gives_what_the_command_gives_of_one(house: House, run: Run, tmp_path: Path, name: str) -> None:
    text, file = house.session("eve", GROUPS["admin"]), saved(tmp_path / "f.gz", TRAINING)
    kind, subject, namespace = first_waiting(house, text).split(" ")
    asked = {"why": f"why/{subject}", "when": f"when/{subject}"}.get(name, name)
    query = f"&kind={kind}&namespace={namespace}" if asked != name else ""
    found = house.answer(text, asked, f"cluster=training-eastus{query}")
    more = {
        "books": (*PLATFORM, "--cluster", "training-eastus"),
        "why": (f"{kind}/{subject}", "-n", namespace),
        "when": (f"{kind}/{subject}", "-n", namespace),
    }.get(name, ())
    told = asked_of_file(run, file, name, *more)
    if name in {"books", "why"}:
        # Commands in an answer of a file lead nowhere, and those of a server to itself.
        for each in ("text", "commands", "kubectl", "command", "remedies", "how"):
            told, found["document"] = without(told, each), json.loads(without(text_of(found["document"]), each))
    assert json.loads(text_of(found["document"])) == json.loads(told)


CHANGES = ("quota:nlp/a100-on-demand/nvidia.com/gpu=2", "lending:cv/a100-spot/nvidia.com/gpu=0", "hold:cv")
WHAT_IF = urlencode([("change", each) for each in CHANGES])


@pytest.mark.parametrize("role", ["admin", "member"])
@pytest.mark.parametrize(("query", "words"), {"": (), "&all=true": ("--all",), "&namespace=nlp": ("-n", "nlp")}.items())
def test_a_what_if_is_the_command_s(
    house: House, run: Run, tmp_path: Path, role: str, query: str, words: tuple[str, ...]
) -> None:
    """Without a time for futures both tell what changes at once, however fast a machine is."""
    file = saved(tmp_path / "f.gz", TRAINING)
    if role == "member":
        run("snapshot", "save", str(tmp_path / "view.gz"), "--snapshot", file, "--view", "team:nlp").ok()
        file = str(tmp_path / "view.gz")
    changes = CHANGES if role == "admin" else CHANGES[:1]
    asked = urlencode([("cluster", "training-eastus"), ("budget", "0s"), *(("change", each) for each in changes)])
    found = house.answer(house.session("ada", GROUPS[role]), "whatif", asked + query)
    flags = [word for each in changes for word in ("--change", each)]
    assert text_of(found["document"]) == asked_of_file(run, file, "whatif", *flags, "--budget", "0s", *words)
    assert [each["name"] for each in found["sources"]] == ["training-eastus"]
    assert [each["before"] for each in found["document"]["settings"]][:1] == ["12"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("cluster=training-eastus", "nothing is to be changed"),
        (f"{WHAT_IF}", "a change is made in one cluster"),
        ("cluster=training-eastus&change=job%3A%2Fetc%2Fpasswd", "jobs of a file are not added to a live cluster"),
        ("cluster=training-eastus&change=hold%3Anosuch", "there is no queue"),
        ("cluster=training-eastus&" + "&".join(["change=hold%3Anlp"] * 33), "33 changes are too many at once"),
    ],
)
def test_a_what_if_that_cannot_be_is_refused_in_words(house: House, query: str, says: str) -> None:
    status, said = house.asked("GET", "/api/v1/answers/whatif", house.session("eve", GROUPS["admin"]), query=query)
    assert status in {400, 404}
    assert says in said["what"]


def without(text: str, key: str) -> str:
    return json.dumps(json.loads(text, object_hook=lambda each: {k: v for k, v in each.items() if k != key}))


@pytest.mark.parametrize("role", ["member", "viewer", "owner"])
@pytest.mark.parametrize("route", ["queues", "gpus", "who", "saturation", "why", "capacity?shape=8"])
def test_people_of_a_team_are_given_what_its_view_gives(
    house: House, run: Run, tmp_path: Path, route: str, role: str
) -> None:
    text = house.session("ada", GROUPS[role])
    whole, view = saved(tmp_path / "f.gz", TRAINING), str(tmp_path / "view.gz")
    run("snapshot", "save", view, "--snapshot", whole, "--view", "team:nlp").ok()
    name, _, query = route.partition("?")
    found = house.answer(text, name, "&".join(filter(None, (query, "cluster=training-eastus"))))
    more = ("8",) if name == "capacity" else ()
    assert text_of(found["document"]) == asked_of_file(run, view, name, *more)
    assert not found["partial"], "what a team may not see is no lack"


def test_of_all_back_ends_the_machine_is_one_and_a_source_says_how_old_it_is(house: House) -> None:
    found = house.answer(house.session("eve", GROUPS["admin"]), "gpus")
    assert [(each["name"], each["kind"], each["state"]) for each in found["sources"]] == [
        ("local", "machine", "current"),
        ("training-eastus", "cluster", "current"),
        ("dev-eastus", "cluster", "current"),
    ]
    training = found["sources"][1]
    assert (training["observed_at"], training["age_seconds"]) == (TRAINING.observed_at, 30)
    assert (found["partial"], found["stale"]) == (False, False)
    clusters = {each["cluster"] for each in found["document"]["items"]}
    assert {"training-eastus", "dev-eastus"} <= clusters


def test_one_that_is_away_leaves_every_other_answer_as_it_was_and_its_age_is_told(house: House) -> None:
    text = house.session("eve", GROUPS["admin"])
    before = {name: house.answer(text, name, "cluster=dev-eastus") for name in ("gpus", "who", "queues")}
    joined = house.answer(text, "gpus")
    house.clusters.errors["training-eastus"] = UnreachableError(f"{CANARY} does not answer")
    for name, told in before.items():
        assert house.answer(text, name, "cluster=dev-eastus") == told
    found = house.answer(text, "gpus")
    assert found["document"] == joined["document"], "answers go on with what was seen last"
    assert (found["partial"], found["stale"]) == (False, True)
    training = found["sources"][1]
    assert (training["state"], training["age_seconds"]) == ("stale", 30)
    assert training["why"] == "it has not answered since 2027-01-11T09:30:30Z"
    assert CANARY not in json.dumps(found)
    house.clusters.sources["training-eastus"] = unreached_source("training-eastus", "it has not answered", "x")
    found = house.answer(text, "gpus")
    assert (found["partial"], found["sources"][1]["state"]) == (True, "silent")
    assert found["sources"][1]["age_seconds"] is None
    status, said = house.asked("GET", "/api/v1/answers/gpus", text, query="cluster=training-eastus")
    assert (status, said["error"]) == (503, "UnreachableError")


ROUTES = [*answers.QUICK, "why", "when", "capacity?shape=8", "whatif?change=hold%3Anlp", "clusters"]


@pytest.mark.parametrize("route", ROUTES)
def test_a_foreign_team_or_cluster_is_as_if_it_were_not_there(house: House, route: str) -> None:
    """Teams by `view`, clusters by `cluster`: one whose pools are all another team's is none."""
    text = house.session("ada", GROUPS["member"])
    name, _, query = route.partition("?")

    def said(more: str) -> tuple[int, str]:
        status, body = house.asked("GET", f"/api/v1/answers/{name}", text, query=f"{query}&{more}")
        return status, json.dumps(body)

    foreign, absent = said("view=cv"), said("view=nosuch")
    assert foreign[0] == absent[0] == 404
    assert foreign[1].replace("cv", "nosuch") == absent[1]
    if name != "clusters":
        status, body = said("cluster=nosuch")
        assert (status, "nosuch" in body) == (404, True)
        assert "training-eastus" not in body, "which others there are is not told"


def test_a_cluster_that_a_team_s_share_does_not_hold_is_none_for_its_people(house: House) -> None:
    """The example's clusters have pools for all; one that is no cluster of his share is the administrators'."""
    house.clusters.sources["hidden-7"] = msgspec.structs.replace(DEV, name="hidden-7")
    his = house.answer(house.session("ada", GROUPS["member"]), "gpus")
    assert [each["name"] for each in his["sources"]] == ["local", "training-eastus", "dev-eastus"]
    status, body = house.asked(
        "GET", "/api/v1/answers/gpus", house.session("ada", GROUPS["member"]), query="cluster=hidden-7"
    )
    absent = house.asked(
        "GET", "/api/v1/answers/gpus", house.session("ada", GROUPS["member"]), query="cluster=absent-7"
    )
    assert (status, json.dumps(body).replace("hidden-7", "absent-7")) == (404, json.dumps(absent[1]))


def test_a_namespace_that_is_a_team_s_in_one_cluster_is_not_its_own_in_another(house: House) -> None:
    """Each source is viewed by itself: `team-vision` is cv's in one cluster and vision's in the other."""
    spaces = tuple(
        msgspec.structs.replace(
            each, metadata=msgspec.structs.replace(each.metadata, labels={"allotment.dev/tenant": "vision-7"})
        )
        if each.name == "nlp"
        else each
        for each in TRAINING.objects.namespaces
    )
    moved = msgspec.structs.replace(
        TRAINING, name="dev-eastus", objects=msgspec.structs.replace(TRAINING.objects, namespaces=spaces)
    )
    house.clusters.sources["dev-eastus"] = moved
    found = house.answer(house.session("ada", GROUPS["member"]), "why")
    assert {each["subject"]["namespace"] for each in found["document"]["items"]} <= {"nlp"}
    assert not [each for each in found["document"]["items"] if each.get("cluster") == "dev-eastus"]


def test_nobody_is_told_where_a_cluster_is(house: House) -> None:
    """Neither what the server's client says, nor its user's name there, gets to people of teams by any answer."""
    words = 'pods is forbidden: User "srv-of-acme" cannot list; https://10.0.0.7:6443'
    gaps = (Gap("configmaps", "", "forbidden", words), Gap("roles", "", "failed", words))
    house.clusters.sources["training-eastus"] = msgspec.structs.replace(TRAINING, gaps=gaps)
    house.clusters.errors["dev-eastus"] = UnreachableError(f"{CANARY} does not answer", why=CANARY, fix=CANARY)
    text = house.session("ada", GROUPS["member"])
    for route in ROUTES:
        name, _, query = route.partition("?")
        # A change is made in one cluster.
        query += "&cluster=training-eastus" if name == "whatif" else ""
        status, body = house.asked("GET", f"/api/v1/answers/{name}", text, query=query)
        assert status == 200, route
        for secret in ("canary-7", "srv-of-acme", "10.0.0.7"):
            assert secret not in json.dumps(body), route
    told = house.answer(house.session("eve", GROUPS["admin"]), "clusters")["document"]["items"]
    assert [(each["name"], each["state"], CANARY in (each["error"] or "")) for each in told] == [
        ("training-eastus", "current", False),
        ("dev-eastus", "stale", True),
    ]


def test_who_is_of_several_teams_names_the_one_whose_view_is_meant(house: House) -> None:
    text = house.session("ada", "acme-nlp", "acme-cv")
    status, said = house.asked("GET", "/api/v1/answers/gpus", text)
    assert (status, said["fix"]) == (400, "add view=TEAM")
    assert house.answer(text, "gpus", "view=cv")["sources"]


def test_an_administrator_may_look_with_the_eyes_of_a_team(house: House) -> None:
    his = house.answer(house.session("ada", GROUPS["member"]), "who")
    admin = house.session("eve", GROUPS["admin"])
    assert house.answer(admin, "who", "view=nlp")["document"] == his["document"]
    assert house.asked("GET", "/api/v1/answers/who", admin, query="view=nosuch")[0] == 404


@pytest.mark.parametrize(
    ("route", "status"),
    [
        ("waste?by=colour", 400),
        ("waste?idle=x", 400),
        ("capacity", 400),
        ("capacity?shape=what", 400),
        (f"capacity?{'&'.join(['shape=1'] * 17)}", 400),
        ("capacity?shape=8xb9", 404),
        ("when?runs=9", 400),
        ("when?confidence=100", 400),
        ("when?horizon=soon", 400),
        ("when?submissions=all", 400),
        ("who?accelerator=b9", 404),
        ("who?namespace=nosuch", 404),
        ("why/nosuch", 404),
        ("when/nosuch", 404),
        ("nosuch", 404),
    ],
)
def test_what_cannot_be_asked(house: House, route: str, status: int) -> None:
    name, _, query = route.partition("?")
    found, said = house.asked(
        "GET", f"/api/v1/answers/{name}", house.session("eve", GROUPS["admin"]), query=query.replace(" ", "%20")
    )
    assert (found, said.get("status", found)) == (status, status), said


def test_a_cluster_without_such_devices_has_no_room_and_hides_not_that_of_others(house: House) -> None:
    text = house.session("eve", GROUPS["admin"])
    found = house.answer(text, "capacity", "shape=1xH100")["document"]
    alone = house.answer(text, "capacity", "shape=1xH100&cluster=dev-eastus")["document"]
    assert found["shapes"] == alone["shapes"]
    assert found["shapes"][0]["fitsOnNodes"] > 0
    assert house.asked("GET", "/api/v1/answers/capacity", text, query="shape=1xH100&cluster=training-eastus")[0] == 404


def test_a_job_of_the_server_is_told_of_where_it_is(house: House) -> None:
    house.world.run(1)
    text = house.session("eve", GROUPS["admin"])
    found = house.answer(text, "why/secret-of-nlp")
    assert [each["name"] for each in found["sources"]] == ["local"]
    assert found["document"]["subject"]["name"] == "secret-of-nlp"


def test_a_job_on_a_cluster_that_is_away_is_told_of_as_it_was_and_nobody_waits_for_the_cluster(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = house.session("eve", GROUPS["admin"])
    items = house.answer(text, "why", "cluster=training-eastus")["document"]["items"]
    name = next(each["subject"]["name"] for each in items if each["subject"]["namespace"] == "nlp")
    kept = replace(house.world.desk.find("j0"), backend="training-eastus")

    def silent(*_: object) -> Snapshot:
        raise AssertionError("the back end is asked")

    monkeypatch.setattr(house.world.desk, "find", lambda *_, **__: kept)
    monkeypatch.setattr(house.world.desk, "snapshot", silent)
    house.clusters.errors["training-eastus"] = UnreachableError(f"{CANARY} does not answer")
    found = house.answer(text, f"why/{name}")
    assert (found["sources"][0]["state"], found["stale"]) == ("stale", True)
    assert found["document"]["subject"]["name"] == name


def test_with_the_eyes_of_a_team_an_administrator_sees_no_more_of_the_machine_either(house: House) -> None:
    house.world.desk.submit(JobSubmission(job(team="cv", name="secret-of-cv"), "local"))
    house.world.run(1)
    text = house.session("eve", GROUPS["admin"])
    assert "secret-of-cv" in json.dumps(house.answer(text, "who"))
    assert "secret-of-cv" not in json.dumps(house.answer(text, "who", "view=nlp"))


def test_an_answer_that_takes_too_long_is_not_waited_for_and_holds_up_no_other_kind(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ANSWERED_IN", 0.3)
    text = house.session("eve", GROUPS["admin"])
    house.clusters.hanging = True
    began = time.monotonic()
    status, said = house.asked("GET", "/api/v1/answers/gpus", text)
    house.clusters.hangs.set()
    assert (status, said["error"]) == (504, "TimedOutError")
    assert time.monotonic() - began < 30


def test_a_server_that_runs_nothing_itself_answers_of_its_clusters() -> None:
    joined = JoinedClusters(SeenClusters(TRAINING), FixedClock(NOW), lambda: None)

    def there(_name: str, _team: str) -> Snapshot:
        raise NotFoundError("nothing runs there")

    scope = joined.scope(OWN)
    assert [each.name for each in joined.snapshot(scope, (), there).sources] == ["training-eastus"]
    with pytest.raises(NotFoundError, match='no cluster "local"'):
        joined.snapshot(scope, ("local",), there)


def test_a_server_without_clusters_answers_of_its_machine() -> None:
    status, _, body = answered(at_home(World()), "GET", "/api/v1/answers/gpus", HOST, bearer("x"))
    assert status == 200
    assert [each["name"] for each in json.loads(body)["answer"]["sources"]] == ["local"]


@pytest.mark.parametrize(
    ("route", "words"),
    [
        ("teams", ("team", "list", *PLATFORM)),
        ("causes", ("causes",)),
        ("causes/ALT-1316", ("explain", "ALT-1316")),
        ("causes/cohort-exhausted", ("explain", "ALT-1316")),
    ],
)
def test_what_is_declared_and_what_causes_mean_is_given_as_the_commands_give_it(
    house: House, run: Run, route: str, words: tuple[str, ...]
) -> None:
    found = house.answer(house.session("eve", GROUPS["admin"]), route)
    assert found["document"] == json.loads(run(*words, "-o", "json").ok())
    assert (found["sources"], found["partial"], found["stale"]) == ([], False, False)


def test_people_of_a_team_are_given_their_own_team_alone(house: House) -> None:
    found = house.answer(house.session("ada", GROUPS["member"]), "teams")
    assert [each["name"] for each in found["document"]["items"]] == ["nlp"]
    assert house.asked("GET", "/api/v1/answers/causes/ALT-9999", house.session("ada", GROUPS["member"]))[0] == 404


def recorded(folder: Path, *sources: Source, minutes: int = 12) -> Path:
    """A snapshot every four minutes, in which nothing changes."""
    folder.mkdir()
    for minute in range(0, minutes + 1, 4):
        at = (NOW - dt.timedelta(minutes=minutes - minute)).strftime("%Y-%m-%dT%H:%M:%SZ")
        seen = tuple(msgspec.structs.replace(each, observed_at=at) for each in sources)
        (folder / f"{at.replace(':', '')}.json").write_bytes(encode(Snapshot(taken_at=at, sources=seen)))
    return folder


@pytest.mark.parametrize(("query", "words"), [("since=all", ()), ("since=6min", ("--since", "6min"))])
def test_where_time_went_is_told_as_the_command_tells_it_of_the_recording(
    house: House, run: Run, tmp_path: Path, query: str, words: tuple[str, ...]
) -> None:
    folder = recorded(tmp_path / "recorded", TRAINING)
    found = house.answer(house.session("eve", GROUPS["admin"]), "waste", query)
    told = run("waste", "--recorded", str(folder), *words, "--platform", str(ACME), "-o", "json")
    assert found["document"] == json.loads(told.ok())
    document = found["document"]
    assert document["capacityGpuMs"] > 0
    assert sum(each["gpuMs"] for each in document["entries"]) == document["capacityGpuMs"]
    assert [each["name"] for each in found["sources"]] == ["training-eastus"]


def test_people_of_a_team_see_of_a_recording_no_more_than_of_the_present(house: House, tmp_path: Path) -> None:
    recorded(tmp_path / "recorded", TRAINING, DEV)
    document = house.answer(house.session("ada", GROUPS["member"]), "waste", "since=all")["document"]
    present = house.answer(house.session("ada", GROUPS["member"]), "waste")["document"]
    teams = {each["team"] for each in document["entries"]}
    assert teams == {each["team"] for each in present["entries"]}
    assert teams <= {"nlp", ""}
    assert {each["cluster"] for each in document["entries"]} <= {each["cluster"] for each in present["entries"]}


@pytest.mark.parametrize(
    ("query", "status"), [("since=all", 404), ("since=yesterday", 400), ("since=all&cluster=x", 404)]
)
def test_a_time_of_which_nothing_was_recorded_is_no_time_without_devices(house: House, query: str, status: int) -> None:
    assert house.asked("GET", "/api/v1/answers/waste", house.session("eve", GROUPS["admin"]), query=query)[0] == status
