"""What no request may ask for is told as bad usage: it ends in no traceback, and nothing is done before."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from allotment.model.jobs.job import JobType
from allotment.model.jobs.run import JobState
from allotment.model.jobs.written import write_value
from allotment.ports.job_service import JobSubmission
from tests.unit.api.test_service import World, at_home
from tests.unit.operations.run.machine import job


def answered(app: Any, verb: str, path: str, query: str = "", body: bytes = b"") -> tuple[int, dict[str, str]]:
    """The status and the JSON of one request, without a socket."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": verb,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


UNFIT = (
    ("GET", "/api/v1/jobs", "since=1e30"),
    ("GET", "/api/v1/jobs", f"since={10**30}"),
    ("GET", "/api/v1/jobs", "since=-1"),
    ("GET", "/api/v1/jobs", f"after_id=j0&after_submitted={10**30}"),
    ("POST", "/api/v1/jobs/j0/stop", f"grace={10**400}"),
    ("POST", "/api/v1/jobs/j0/stop", "grace=-1"),
    ("GET", "/api/v1/jobs/j0/log", f"rank={10**30}"),
    ("GET", "/api/v1/jobs/j0/log", f"tail={10**30}"),
)


def test_what_cannot_be_is_told_and_nothing_is_done() -> None:
    world = World()
    world.desk.submit(JobSubmission(job(), "local"))
    app = at_home(world)
    for verb, path, query in UNFIT:
        status, told = answered(app, verb, path, query)
        name = query.rpartition("&")[2].partition("=")[0]
        assert (status, told["error"], told["what"]) == (400, "UsageError", f"{name} cannot be that"), query
    assert world.desk.find("j0").state is JobState.SUBMITTED
    # What was posted did not come out of a store.
    status, told = answered(app, "POST", "/api/v1/jobs", body=b"{}")
    assert (status, told["error"]) == (422, "InputError")
    assert "that was sent" in told["what"]
    assert "store" not in " ".join(map(str, told.values()))
    # A server that refuses a job is not one that fails.
    body = write_value("submission", JobSubmission(job(type=JobType.SERVICE), "local")).encode()
    status, told = answered(app, "POST", "/api/v1/jobs", body=body)
    assert (status, told["error"]) == (422, "JobRefusedError")
