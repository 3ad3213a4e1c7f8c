"""Job files for whoever sends jobs from a page: what one comes to with its defaults, and the file that means a job."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final

from fastapi import Depends, Request, Response

from allotment.api.bodies import text_within, value_answer
from allotment.api.caller_turns import CallerTurns
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Change
from allotment.model.access.permission import Permission
from allotment.model.jobs.job import Job
from allotment.model.jobs.written import SENT, read_value
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.ports.clock import Clock
from allotment.spec.jobs.load import load_jobs
from allotment.spec.jobs.writing import job_text
from allotment.spec.load import load_platform

_MOST_TEXT: Final = 256 << 10
"""Bytes of a job file that is sent to be read."""
_AT_ONCE: Final = 4
"""Files that are read at once, one of a person, a thread each."""
_REMEMBERED: Final = 32
"""Platforms, as the people of some teams may read them, that are kept."""
_NAME: Final = "job.yaml"


@dataclass(frozen=True, slots=True)
class SentJobFile:
    """A job file, as somebody writes it.

    Attributes:
        text: YAML; code beside it is not there.
    """

    text: str


@lru_cache(maxsize=_REMEMBERED)
def _platform_of(files: tuple[tuple[str, str], ...], today: dt.date) -> Platform:
    """As whoever may read these files has it; a day may end a part of it."""
    return load_platform(SourceTree(dict(files)), today).platform


def add_job_file_routes(routes: Routes, clock: Clock) -> None:
    """What the jobs of a file are, and the file that a job is.

    Args:
        routes: of the application.
        clock: time.
    """
    turns = CallerTurns(lambda _: _AT_ONCE)

    @routes.add(
        "POST",
        "/api/v1/job-files",
        Permission.SUBMIT,
        takes=JsonValue("file", SentJobFile),
        gives=JsonValue("jobs", tuple[Job, ...]),
        change=Change(None),
    )
    async def read(request: Request, asked: Asked, file: Annotated[SentJobFile, Depends(_file)]) -> Response:
        def jobs() -> Response:
            files, now = asked.jobs.declared(), clock.now()
            platform = _platform_of(tuple(sorted(files.items())), now.date())
            found = load_jobs(SourceTree({_NAME: file.text}), platform, now)
            return value_answer("jobs", tuple(each.job for each in found))

        return await turns.made(request, _NAME, asked.admitted.counts_as, jobs)

    @routes.add("GET", "/api/v1/jobs/{reference}/file", Permission.READ, gives=JsonValue("file", SentJobFile))
    def written(asked: Asked, reference: str) -> Response:
        return value_answer("file", SentJobFile(job_text(asked.jobs.find(reference).job)))


async def _file(request: Request) -> SentJobFile:
    text = await text_within(request, "job file", _MOST_TEXT, "send fewer jobs at once")
    return read_value("file", SentJobFile, text, SENT)
