"""`allot why NAME` without a flag that says where: a job that the server of this machine knows is asked where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest

from allotment import wiring
from allotment.adapters.kube.fake import FakeKube
from allotment.errors import NotFoundError, UnreachableError
from allotment.model import labels
from allotment.model.jobs.run import JobState
from allotment.model.moments import written
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.namespaced import Namespace
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from allotment.operations.run.served import ServedJobs, with_served
from allotment.ports.backends import BackendOffer
from allotment.ports.job_service import ServedBackend
from allotment.ports.store import JobFilter, JobsPage
from allotment.ports.stored_jobs import row_of
from allotment.wiring import running
from tests.unit.cli.conftest import Run, home, run
from tests.unit.cli.test_why_command import queued
from tests.unit.operations.run.test_served import FAILED, HELD, NOON, RUNNING, STAGING, kept, stored

__all__ = ["home", "run"]  # fixtures

CLUSTER = "training-eastus"
"""Of the platform that comes along, which the server serves."""


class Keeping:
    """A server that keeps one job that lives, one that is over, and one of a cluster."""

    jobs = (
        stored("j1", STAGING),
        stored("old", FAILED),
        stored("far", (JobState.QUEUED,), backend=CLUSTER),
        stored("done", (*RUNNING, JobState.SUCCEEDED), "exit code 0", backend=CLUSTER),
        stored("held", HELD, "it waits until far has succeeded", backend=CLUSTER),
        stored("twice-3", FAILED),
        stored("twice-1", HELD),
        stored("twice-2", STAGING),
        stored("twicer", STAGING),
    )

    def find(self, reference: str, *, team: str = "") -> Any:
        for each in self.jobs:
            if reference in {each.job.name, each.id[: len(reference)]} and team in {"", each.job.team}:
                return each
        raise NotFoundError("there is none")

    def page(self, wanted: JobFilter, *, limit: int) -> JobsPage:
        found = (each for each in self.jobs if each.state in wanted.states and each.job.name.startswith(wanted.prefix))
        return JobsPage(tuple(map(row_of, found)))

    def status(self) -> Any:
        kinds = (("local", "local"), (CLUSTER, "kubernetes"))
        backends = tuple(ServedBackend(name, BackendOffer(kind, ())) for name, kind in kinds)
        return SimpleNamespace(backends=backends, directory="", environment=self.environment)

    environment: ClassVar[dict[str, str] | None] = {"KUBECONFIG": "/its/config"}

    def snapshot(self, backend: str, team: str = "") -> Any:
        if backend == CLUSTER:
            objects = Objects(namespaces=(Namespace(metadata=ObjectMeta(name="nlp")),))
            bare = Snapshot(taken_at=written(NOON), sources=(Source(name=CLUSTER, objects=objects),))
            jobs = {each.id: each for each in self.jobs if each.backend == CLUSTER}
            return with_served(bare, ServedJobs(jobs, lambda _: False, lambda _: (), NOON))
        return kept(*(each for each in self.jobs if each.id != "far"))


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "job_server", lambda _: SimpleNamespace(service=Keeping()))


@pytest.mark.parametrize("asked", [("j1",), ("job/j1",)], ids=" ".join)
def test_a_living_job_is_asked_of_the_server(run: Run, asked: tuple[str, ...]) -> None:
    told = run("why", *asked)
    assert "its data are being fetched" in told.ok()
    assert "j1 is a job of local" in told.err


@pytest.mark.parametrize("asked", [("twice",), ("twice", "--on", "local")], ids=" ".join)
def test_of_several_living_jobs_of_a_name_one_is_told_though_the_newest_is_over(
    run: Run, asked: tuple[str, ...]
) -> None:
    assert "its data are being fetched" in run("why", *asked).ok()
    assert "its data are being fetched" in run("when", *asked).ok()


def test_who_asks_for_what_is_not_there_is_told_to_list_what_was_asked(run: Run) -> None:
    told = run("why", "nosuchjob", "--on", "local")
    assert told.code == 3
    assert "allot why -A --on local" in told.err


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], FakeKube]:
    """Clusters by the kubeconfig and the context that lead there; others are not there."""
    clusters: dict[tuple[str, str], FakeKube] = {}

    @contextmanager
    def connect(kubeconfig: str, context: str) -> Iterator[FakeKube]:
        if (kubeconfig, context) not in clusters:
            raise NotFoundError("no kubeconfig: ~/.kube/config does not exist", fix="set KUBECONFIG")
        yield clusters[kubeconfig, context]

    monkeypatch.setattr(wiring, "connect", connect)
    return clusters


def in_cluster(name: str, namespace: str, job_id: str = "") -> dict[str, Any]:
    found = queued(name, namespace)
    found["metadata"]["labels"] |= {labels.JOB: job_id, labels.JOB_PART: labels.JOB_MAIN} if job_id else {}
    return found


@pytest.mark.parametrize("command", [("why", "-o", "name"), ("when",)], ids=lambda each: each[0])
@pytest.mark.parametrize(
    ("own", "kubeconfig"), [({}, "/its/config"), ({"KUBECONFIG": "/its/config"}, "")], ids=["another", "the same"]
)
def test_a_job_of_a_cluster_is_asked_there_in_its_team_s_namespace(
    run: Run, reached: dict[tuple[str, str], FakeKube], command: tuple[str, ...], own: dict[str, str], kubeconfig: str
) -> None:
    reached[kubeconfig, CLUSTER] = FakeKube()
    reached[kubeconfig, CLUSTER].put(in_cluster("far-1", "nlp", "far"), in_cluster("far", "default"))
    told = run(*command, "far", env=own)
    assert "far-1" in told.out + told.err
    given = f"--kubeconfig {kubeconfig} " if kubeconfig else ""
    assert f"far is a job of {CLUSTER}: as with {given}--context {CLUSTER} --namespace nlp" in told.err


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("command", ["why", "when"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("far", "it is queued since"), ("done", "it has succeeded at"), ("held", "it waits until far has succeeded")],
)
def test_what_a_cluster_holds_nothing_of_is_told_as_the_server_knows_it(
    run: Run,
    reached: dict[tuple[str, str], FakeKube],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    said: str,
    command: str,
    *,
    elsewhere: bool,
) -> None:
    if elsewhere:
        monkeypatch.setattr(Keeping, "environment", None)
    else:
        reached["/its/config", CLUSTER] = FakeKube()
    told = run(command, name)
    assert said in " ".join(told.ok().split())
    assert (f"{name} is a job of {CLUSTER}: as with --on {CLUSTER} -n nlp" in told.err) is elsewhere


def test_a_job_that_is_over_is_told_of_unless_the_cluster_has_another_of_its_name(
    run: Run, reached: dict[tuple[str, str], FakeKube]
) -> None:
    assert "it failed" in run("why", "old").ok()
    reached["", ""] = FakeKube()
    reached["", ""].put(in_cluster("old", "default"))
    assert run("why", "old", "-o", "name").ok() == "job/old -n default\n"


def test_what_is_watched_is_asked_where_it_is_too(run: Run, reached: dict[tuple[str, str], FakeKube]) -> None:
    assert f"far is a job of {CLUSTER}" in run("why", "far", "--watch").err
    assert "--on and --watch do not go together" in run("why", "j1", "--watch").err
    assert run("why", "nosuch", "--watch").err.startswith("error: there is no job nosuch\n")


@pytest.mark.parametrize("command", ["why", "when"])
def test_a_name_that_nobody_knows_is_told_as_that(
    run: Run, reached: dict[tuple[str, str], FakeKube], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run(command, "nosuch")
    assert told.code == 3
    assert told.err.startswith("error: there is no job nosuch\n")
    assert "the server of this machine knows none, and no kubeconfig" in told.err
    monkeypatch.setattr(Keeping, "find", Mock(side_effect=UnreachableError("no")))
    assert "no server of this machine runs that could know one, and no kubeconfig" in run(command, "nosuch").err
    reached["", ""] = FakeKube()
    reached["", ""].put(in_cluster("another", "nlp"))
    told = run(command, "job/nosuch", "-n", "nlp")
    assert told.err.startswith("error: there is no job nosuch\n")
    assert "and there is no job nosuch in namespace nlp" in told.err


@pytest.mark.parametrize(
    "asked", [("pod/j1",), ("j1", "--context", "prod"), ("far", "--context", "prod")], ids=" ".join
)
def test_flags_and_other_kinds_say_where(
    run: Run, reached: dict[tuple[str, str], FakeKube], asked: tuple[str, ...]
) -> None:
    told = run("why", *asked)
    assert told.err.startswith("error: no kubeconfig")
    assert "is a job of" not in told.err


def test_the_id_of_a_job_begins_no_other_and_its_team_is_the_namespace(
    run: Run, reached: dict[tuple[str, str], FakeKube]
) -> None:
    assert "there is no job j\n" in run("why", "j").err
    assert "knows none of team cv" in run("why", "j1", "-n", "cv").err
