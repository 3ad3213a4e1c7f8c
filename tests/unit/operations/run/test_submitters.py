"""Whose name a job is made in: the cluster's rules bind whoever submitted it, and never spare him for the server's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import ForbiddenError
from allotment.model.access.person import Person
from allotment.model.jobs.job import JobSchedule, JobType
from allotment.model.jobs.run import JobState
from allotment.operations.run.kubernetes.backend import KubernetesBackend
from allotment.operations.run.kubernetes.making import ClusterAccess
from allotment.operations.run.kubernetes.submitters import Submitters
from allotment.ports.backends import JobToStart
from allotment.ports.kube import AccessRefusedError, Identity
from tests.unit.jobs.kubernetes.work import gang, job, world
from tests.unit.operations.run.test_kubernetes_backend import WITH_CODE

ADA = "ada@acme.example"
AS_ADA = Identity(ADA, ("acme-nlp", "system:authenticated"))
TOKEN = "ci of nlp"


def person(name: str, *groups: str) -> Person:
    return Person("p1", "https://id.example", name, name, name, groups, 0, 0)


def submitters(*people: Person, own: str = "root") -> Submitters:
    return Submitters(lambda: people, world()[0], own)


MEMBERS = tuple(sorted(next(each for each in world()[0].teams if each.name == "nlp").groups.members))
AS_NLP = Identity("token:nlp", (*MEMBERS, "system:authenticated"))


@pytest.mark.parametrize(
    ("owner", "people", "found"),
    [
        # The provider's own names for people may be any text.
        ("oidc:a b@host", (person("oidc:a b@host", "g"),), Identity("oidc:a b@host", ("g", "system:authenticated"))),
        ("oidc:x of nlp", (person("oidc:x of nlp"),), Identity("oidc:x of nlp", ("system:authenticated",))),
        (ADA, (person(ADA, "acme-nlp"),), AS_ADA),
        (ADA, (person(ADA),), Identity(ADA, ("system:authenticated",))),
        # What a provider has no right to tell, and what no request can carry, is nobody's group.
        (ADA, (person(ADA, "system:masters", "acme-nlp", "a\nb", " ", ""),), AS_ADA),
        (TOKEN, (), AS_NLP),
        ("root@host of nlp", (person("root@host", "admins"),), AS_NLP),
        ("own@acme.example", (), None),
        ("own@acme.example", (person("own@acme.example"),), Identity("own@acme.example", ("system:authenticated",))),
    ],
)  # fmt: skip
def test_somebody_acts_as_himself_and_a_token_as_a_member_of_its_team(
    owner: str, people: tuple[Person, ...], found: Identity | None
) -> None:
    assert submitters(*people, own="own@acme.example").identity(owner) == found


@pytest.mark.parametrize("owner", [ADA, "ci of gone", "system:x@host", "jane", "oidc:ada x@host", ""])
def test_in_the_name_of_nobody_who_is_known_nothing_is_made(owner: str) -> None:
    with pytest.raises(ForbiddenError):
        submitters(person("system:x@host")).identity(owner)


class Served:
    """A cluster in memory, and the back end of a server over it."""

    def __init__(self, tmp_path: Path, *people: Person) -> None:
        self.kube = FakeKube()
        self.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
        (tmp_path / "code.tar").write_bytes(b"a tar")
        self.code = str(tmp_path / "code.tar")
        self.people = people
        self.backend = self.anew()

    def anew(self) -> KubernetesBackend:
        platform, cluster = world()
        whose = submitters(*self.people).identity
        access = ClusterAccess(self.kube, ("nlp",), key=b"k", in_name_of=whose)
        return KubernetesBackend("training", access, platform, cluster, lambda path: Path(path).read_bytes())

    def order(self, owner: str, **changes: Any) -> JobToStart:
        return replace(JobToStart("k7x2", WITH_CODE, owner, 1, code=self.code), **changes)

    def made_by(self) -> dict[str, set[str | None]]:
        found: dict[str, set[str | None]] = {}
        for call in self.kube.calls:
            if call.verb == "create":
                name = None if call.identity is None else call.identity.user
                found.setdefault(call.key.kind, set()).add(name)
        return found


@pytest.mark.parametrize(("owner", "name"), [(ADA, ADA), (TOKEN, "token:nlp"), ("root", None)])
def test_what_a_job_becomes_is_asked_for_and_made_in_its_owner_s_name(
    tmp_path: Path, owner: str, name: str | None
) -> None:
    there = Served(tmp_path, person(ADA, "acme-nlp"))
    there.backend.check(there.order(owner))
    assert there.made_by() == {"Job": {name}, "ConfigMap": {name}}
    # A server that was started between taking and making knows it from what is kept.
    assert there.anew().start(there.order(owner)).state is JobState.QUEUED
    assert there.made_by() == {"Job": {name}, "ConfigMap": {name}}


def test_a_budget_is_made_where_its_owner_may_make_one(tmp_path: Path) -> None:
    there = Served(tmp_path, person(ADA, "acme-nlp"))
    asked = []

    def rights(identity: Identity, _question: object) -> bool:
        asked.append(identity)
        return identity.user == "token:nlp"

    there.kube.rights = rights
    order = replace(there.order(ADA), job=gang(), code="")
    assert "only owners of a team may" in " ".join(there.backend.told(order))
    assert "waits until it has ended" in " ".join(there.backend.told(replace(order, owner=TOKEN)))
    assert asked == [AS_ADA, AS_NLP]


@pytest.mark.parametrize(
    ("message", "what", "fix"),
    [
        (
            'users "ada@acme.example" is forbidden: User "server" cannot impersonate resource "users" in API group ""',
            "does not let this server act in your name",
            "the verb impersonate on users and groups",
        ),
        ('cronjobs.batch is forbidden: User "ada" cannot create resource', "you may not make a CronJob", "an owner"),
    ],
)
def test_what_the_cluster_does_not_let_the_server_do_is_refused_and_never_done_as_the_server(
    tmp_path: Path, message: str, what: str, fix: str
) -> None:
    there = Served(tmp_path, person(ADA, "acme-nlp"))

    def hook(call: Call) -> None:
        if call.verb == "create" and call.identity is not None:
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=message)

    there.kube.hook = hook
    order = there.order(ADA, job=job(type=JobType.SCHEDULED, schedule=JobSchedule("* * * * *", "Etc/UTC", 60)), code="")
    for act in (there.backend.check, there.backend.start):
        with pytest.raises(ForbiddenError) as caught:
            act(order)
        assert what in caught.value.what
        assert fix in caught.value.fix
    assert there.made_by() == {}
    there.backend.start(replace(order, owner="root"))
    assert there.made_by() == {"CronJob": {None}}


def test_what_is_there_runs_on_when_its_owner_has_lost_his_rights(tmp_path: Path) -> None:
    there = Served(tmp_path, person(ADA, "acme-nlp"))
    there.backend.start(there.order(ADA))
    there.people = ()
    assert there.anew().start(there.order(ADA, taken=True)).state is JobState.QUEUED
