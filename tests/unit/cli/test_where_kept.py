"""`allot why NAME` without a flag that says where: a living job of the server of this machine is asked of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from allotment.errors import NotFoundError
from allotment.model.jobs.run import JobState
from allotment.ports.backends import BackendOffer
from allotment.ports.job_service import ServedBackend
from allotment.wiring import running
from tests.unit.cli.conftest import Run, home, run
from tests.unit.operations.run.test_served import FAILED, STAGING, kept, stored

__all__ = ["home", "run"]  # fixtures


class Keeping:
    """A server that keeps one job that lives, one that is over, and one of a cluster."""

    jobs = (stored("j1", STAGING), stored("old", FAILED), stored("far", (JobState.QUEUED,), backend="prod"))

    def find(self, reference: str, *, team: str = "") -> Any:
        for each in self.jobs:
            if each.id.startswith(reference) and team in {"", each.job.team}:
                return each
        raise NotFoundError("there is none")

    def status(self) -> Any:
        kinds = (("local", "local"), ("prod", "kubernetes"))
        return SimpleNamespace(backends=tuple(ServedBackend(name, BackendOffer(kind, ())) for name, kind in kinds))

    def snapshot(self, backend: str) -> Any:
        assert backend == "local"
        return kept(*self.jobs[:2])


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "job_server", lambda _: SimpleNamespace(service=Keeping()))


@pytest.mark.parametrize("asked", [("j1",), ("job/j1",)], ids=" ".join)
def test_a_living_job_is_asked_of_the_server(run: Run, asked: tuple[str, ...]) -> None:
    told = run("why", *asked)
    assert "its data are being fetched" in told.ok()
    assert "j1 is a job of local" in told.err


@pytest.mark.parametrize(
    "asked",
    [("old",), ("far",), ("j",), ("pod/j1",), ("j1", "-n", "cv"), ("j1", "--context", "prod")],
    ids=" ".join,
)
def test_everything_else_is_asked_of_the_cluster(run: Run, asked: tuple[str, ...]) -> None:
    told = run("why", *asked)
    assert "kubeconfig" in told.err
    assert "is a job of" not in told.err
