"""A server with all that a server can have: clusters, quotas, drift, requests that are granted, people of every role.

What is nlp's is `OWN`, what is cv's `OTHER`; cv alone is in one of the clusters, has a project and a flavor of its own.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from allotment.adapters.clock import FixedClock, SystemClock
from allotment.adapters.kube.fake import FakeKube
from allotment.adapters.sealing.key_file import sealing_of
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.teaming import identity_as_declared
from allotment.errors import NotFoundError
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.carrying_out import GrantCarrier
from allotment.operations.decide.desk import RequestDesk
from allotment.operations.decide.of_platform import PlatformRequests
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.decide.team_carrier import TeamCarrier, TeamWorld
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.joined import JoinedClusters
from allotment.operations.fleet.served import ServedClusters
from allotment.operations.run.lane import Serving
from allotment.ports.job_service import JobSubmission
from allotment.ports.kube import KubePort
from allotment.ports.sign_in import SignInOffer
from allotment.spec.jobs.rules import refuse_broken_rules
from tests.unit.api.test_answers import NOW, SeenClusters, example
from tests.unit.api.test_people import ISSUER, Hall, Vouching
from tests.unit.api.test_service import World
from tests.unit.operations.decide.test_desk import ACME, Office
from tests.unit.operations.fleet.test_hub import Fleet
from tests.unit.operations.run.machine import TwinBackend, job

HOUR = 3_600_000
OURS, VAULT = "training-eastus", "vault-westeu"
"""A cluster of both teams, and one of cv's alone."""
OF_CV = "cv's"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "viewer": ("acme-product",),
    "member": ("acme-nlp",),
    "owner": ("acme-nlp-leads",),
    "of both": ("acme-nlp", "acme-cv"),
    "auditor": ("acme-reviewers",),
    "approver": ("acme-engineering-leads",),
    "admin": ("acme-platform-engineers",),
    "deputy": ("acme-nlp",),
    OF_CV: ("acme-cv-leads",),
}
"""Groups of somebody of each role."""


_AWAY: Final = """absences: # of the approver, for whom the deputy decides
  - user: approver-1@acme.example
    delegate: deputy-1@acme.example
    from: "2026-11-01T00:00:00Z"
    until: "2027-06-01T00:00:00Z"
"""


def _vault(dev: str) -> str:
    """Another development cluster, whose only pool is cv's: no other team knows of it."""
    begin, pools = dev.split("overrides:", maxsplit=1)[0].replace("dev-eastus", VAULT).split("nodePools:\n")
    (own,) = [each for each in pools.split("  - name: ") if each.startswith("a10g-data-science")]
    return f"{begin}nodePools:\n  - name: {own.replace('data-science', 'cv')}"


_FILES: Final = {
    **ACME,
    "approvals.yaml": f"{ACME['approvals.yaml']}\n{_AWAY}",
    "platform.yaml": ACME["platform.yaml"].replace(
        "adminGroups: [acme-platform-engineers]",
        "adminGroups: [acme-platform-engineers]\nauditorGroups: [acme-reviewers]",
    ),
    f"clusters/{OURS}.yaml": ACME[f"clusters/{OURS}.yaml"].replace("maxNodes: 5\n", "maxNodes: 20\n"),
    f"clusters/{VAULT}.yaml": _vault(ACME["clusters/dev-eastus.yaml"]),
    "teams/cv.yaml": ACME["teams/cv.yaml"]
    .replace("projects: [", "projects: [vaulted-faces, ")
    .replace("placements:\n", f"placements:\n  {VAULT}:\n    accelerators:\n      a10g: 2\n"),
}


@dataclass
class Borough(Hall):
    """See the module.

    Attributes:
        tokens: what somebody of each role shows.
        carrier: carries out what was granted.
        teams: the same of teams that come and leave.
    """

    office: Office
    desk: RequestDesk
    carrier: GrantCarrier
    teams: TeamCarrier
    fleet: Fleet
    tokens: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def come(self, role: str) -> str:
        """Somebody of a role signs in; what he shows."""
        name = f"{'carl' if role == OF_CV else role.replace(' ', '-')}-1"
        return self.session(name, *GROUPS[role], email=f"{name}@acme.example")

    def token(self, role: str, name: str, team: str = "", *gives: str, lasts: int = 999 * HOUR) -> tuple[int, Any]:
        """One that somebody makes: status, and what is told of it."""
        wanted = {"name": name, "permissions": gives or ("read",), "lasts": lasts, "team": team}
        return self.asked("POST", "/api/v1/tokens", self.tokens[role], {"version": 1, "wanted": wanted})

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What is done meanwhile is undone in the store, but for its journal and its trail."""
        kept = {name: each for name, each in vars(self.world.machine.store).items() if isinstance(each, dict)}
        before = {name: dict(each) for name, each in kept.items()}
        try:
            yield
        finally:
            for name, each in before.items():
                setattr(self.world.machine.store, name, each)


@contextmanager
def _connect(_context: str) -> Iterator[KubePort]:
    yield FakeKube()


@contextmanager
def borough(folder: Path) -> Iterator[Borough]:
    """One of these, with nobody in it yet.

    Args:
        folder: of its keys.
    """
    world, office = World(), Office(files=_FILES)
    world.ids = (f"j{number:09d}" for number in itertools.count())
    store, clock = world.machine.store, world.machine.clock
    clock.at = dt.datetime.fromtimestamp(office.now, dt.UTC)
    world.platform = office.present
    _serve(world, office)
    people = lambda: people_of(office.present)  # noqa: E731
    signs = SignIns(store, Vouching(), SignInOffer(ISSUER, "allotment", ("openid",), ""), people, clock, os.urandom)  # type: ignore[arg-type]
    registry = Registry(store, clock, os.urandom, "acme", "1", people, signs)
    room = replace(office.room, store=PlatformRequests(store, lambda: office.present.name), clock=clock)
    desk = RequestDesk(room)
    comings = TeamWorld(store, people, lambda _team: 0, lambda *_: "")
    names = tuple(each.name for each in office.present.clusters)
    fleet = Fleet(*names)
    credentials = ClusterCredentials(
        store, lambda: sealing_of(folder / "key", {}), lambda: "acme", clock, fleet.hub.reopen
    )
    looks = DriftLooks(lambda: office.present, _connect, FixedClock(NOW))
    served = ServedClusters(fleet.hub, credentials, SystemClock(), looks=looks, quotas=QuotaDesk(room))
    seen = SeenClusters(example("training-eastus.json", OURS), example("training-eastus.json", VAULT))
    joined = JoinedClusters(seen, FixedClock(NOW), lambda: (office.present, office.declared))
    door = TokenDoor(Doorkeeper(store, clock, people))
    api = job_api(world.desk, registry, partial(RequestsOf, desk, room), door, joined, served)
    app = Hardened(api, ("127.0.0.1",), lambda: "request-1")
    with fleet.hub:
        yield Borough(
            world, signs, api.routes, app, office, desk, GrantCarrier(room), TeamCarrier(room, comings), fleet
        )


def _serve(world: World, office: Office) -> None:
    """Have its clusters take jobs as this machine would."""
    there = {each.name for each in office.present.clusters}
    local = world.desk._opener("local")

    def opener(name: str) -> Serving:
        if name not in {"local", *there}:
            raise NotFoundError(f"there is no back end {name}", why=f"there are {', '.join(sorted(there))}")
        return local if name == "local" else replace(local, backend=TwinBackend(local.backend, name))  # type: ignore[arg-type]

    desk = world.desk
    desk._opener = opener
    identity = replace(desk._identity, refuse=lambda wanted: refuse_broken_rules(wanted, office.present))
    desk.become(identity_as_declared(identity, office.present, office.declared))


def peopled(hall: Borough) -> Borough:
    """The same with somebody of each role, and with something of each kind of two teams."""
    tokens = hall.tokens
    for role in GROUPS:
        tokens[role] = hall.come(role)
    hall.session("mallory", "acme-nlp")
    tokens["shut out"] = hall.session("eve", "acme-nlp-leads")
    hall.asked("POST", "/api/v1/people/oidc:eve@id.acme.example/shut-out", tokens["admin"])
    tokens |= {"nobody": "", "with a wrong token": "allot_aaaaaaaa_" + "A" * 43}
    tokens["token that only reads"] = hall.token("member", "narrow")[1]["given"]["text"]
    tokens["token of a team"] = hall.token("owner", "ci", "nlp", "read", "submit", "stop")[1]["given"]["text"]
    hall.subjects = {
        "team": ("nlp", "cv", "qq"),
        "job": (*_jobs(hall), "j999999999"),
        "job by name": ("secret-of-nlp", "secret-of-cv", "secret-of-qq"),
        "workload": ("summarise", "detector-v4", "detector-v9"),
        "request": (_asked(hall, "member", "nlp", 8), _asked(hall, "cv's", "cv", 8), "r9999999"),
        "grant": (_asked(hall, "member", "nlp", 1), _asked(hall, "cv's", "cv", 1), "r9999998"),
        "token": (
            hall.token("owner", "ours", "nlp")[1]["given"]["token"]["id"],
            hall.token("cv's", "vaulted", "cv")[1]["given"]["token"]["id"],
            "zzzzzzzz",
        ),
        "person": ("oidc:mallory@id.acme.example", "carl-1@acme.example", "nemo-1@acme.example"),
        "cluster": (OURS, VAULT, "attic-westeu"),
        "project": ("assistant", "vaulted-faces", "vaulted-cases"),
        "cost centre": ("cc-4521", "cc-4522", "cc-9999"),
        "group": ("acme-nlp", "acme-cv", "acme-qq"),
        "flavor": ("a100-on-demand", "a10g-cv", "a10g-qq"),
        "claim": ("datasets", "vaulted-claim", "attic-claim-1"),
        "secret of a team": ("hub", "vaulted-key", "attic-key-1"),
        "change": tuple(f"quota:{each}/a100-on-demand/nvidia.com/gpu=10" for each in ("nlp", "cv", "qq")),
    }  # type: ignore[dict-item]
    for _ in range(4):
        hall.carrier.carry_out()
    return hall


def _jobs(hall: Borough) -> tuple[str, str]:
    """One of each team that has run, and is over."""
    desk = hall.world.desk
    program = replace(job().program, code=CodeFolder(".", "", Bytes(1 << 20)))
    found = []
    for team in ("nlp", "cv"):
        code = desk.put_code(io.BytesIO(f"the code of {team}, and of nobody else".encode()))
        wanted = replace(job(team=team, name=f"secret-of-{team}"), program=program)
        found.append(desk.submit(JobSubmission(wanted, OURS, code)).job.id)
    hall.world.run(15)
    return found[0], found[1]


def _asked(hall: Borough, role: str, team: str, devices: int) -> str:
    """A request: eight devices wait for a decision, one is given at once."""
    asked = {
        "kind": "gpus", "team": team, "workload": "training", "justification": "a release",
        "accelerator": "a100-on-demand", "devices": devices, "clusters": [OURS], "lasts": HOUR,
    }  # fmt: skip
    status, told = hall.asked("POST", "/api/v1/requests", hall.tokens[role], {"version": 1, "asked": asked})
    assert status == 200, told
    found: str = told["request"]["id"]
    return found
