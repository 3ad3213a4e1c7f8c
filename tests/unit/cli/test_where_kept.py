"""`allot why NAME` without a flag that says where: a living job of the server of this machine is asked of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from allotment.errors import NotFoundError
from allotment.model.jobs.run import JobState
from allotment.ports.backends import BackendOffer
from allotment.ports.job_service import ServedBackend
from allotment.ports.store import JobFilter, JobsPage
from allotment.ports.stored_jobs import row_of
from allotment.wiring import running
from tests.unit.cli.conftest import Run, home, run
from tests.unit.operations.run.test_served import FAILED, HELD, STAGING, kept, stored

__all__ = ["home", "run"]  # fixtures


class Keeping:
    """A server that keeps one job that lives, one that is over, and one of a cluster."""

    jobs = (
        stored("j1", STAGING),
        stored("old", FAILED),
        stored("far", (JobState.QUEUED,), backend="prod"),
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
        kinds = (("local", "local"), ("prod", "kubernetes"))
        return SimpleNamespace(backends=tuple(ServedBackend(name, BackendOffer(kind, ())) for name, kind in kinds))

    def snapshot(self, backend: str) -> Any:
        assert backend == "local"
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
    assert "job/twice-twice-2 -n nlp --on local" in run("when", *asked).err


def test_who_asks_for_what_is_not_there_is_told_to_list_what_was_asked(run: Run) -> None:
    told = run("why", "nosuchjob", "--on", "local")
    assert told.code == 3
    assert "allot why -A --on local" in told.err


@pytest.mark.parametrize(
    "asked",
    [("old",), ("far",), ("j",), ("pod/j1",), ("j1", "-n", "cv"), ("j1", "--context", "prod")],
    ids=" ".join,
)
def test_everything_else_is_asked_of_the_cluster(run: Run, asked: tuple[str, ...]) -> None:
    told = run("why", *asked)
    assert "kubeconfig" in told.err
    assert "is a job of" not in told.err
