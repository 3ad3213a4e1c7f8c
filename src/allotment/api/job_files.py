"""The route that reads job files: what their defaults and short forms come to, for whoever sends jobs from a page."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response

from allotment.api.bodies import text_within, value_answer
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
from allotment.spec.load import load_platform

_MOST_TEXT: Final = 256 << 10
"""Bytes of a job file that is sent to be read."""
_AT_ONCE: Final = 4
"""Files that are read at once, a thread each."""
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


class _Platforms:
    """The platform as each caller may read it; read anew where its files are others."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[str, Platform] = OrderedDict()
        self._alone = Lock()

    def of(self, files: Mapping[str, str]) -> Platform:
        said = "\0".join(f"{path}\0{text}" for path, text in sorted(files.items()))
        digest = hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
        with self._alone:
            found = self._known.get(digest)
        if found is None:
            found = load_platform(SourceTree(files), self._clock.now().date()).platform
        with self._alone:
            self._known[digest] = found
            self._known.move_to_end(digest)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found


def add_job_file_route(routes: Routes, clock: Clock) -> None:
    """What the jobs of a file are.

    Args:
        routes: of the application.
        clock: time.
    """
    reading, platforms = CapacityLimiter(_AT_ONCE), _Platforms(clock)

    @routes.add(
        "POST",
        "/api/v1/job-files",
        Permission.SUBMIT,
        takes=JsonValue("file", SentJobFile),
        gives=JsonValue("jobs", tuple[Job, ...]),
        change=Change(None),
    )
    async def read(asked: Asked, file: Annotated[SentJobFile, Depends(_file)]) -> Response:
        def jobs() -> Response:
            platform = platforms.of(asked.jobs.declared())
            found = load_jobs(SourceTree({_NAME: file.text}), platform, clock.now())
            return value_answer("jobs", tuple(each.job for each in found))

        return await to_thread.run_sync(jobs, limiter=reading)


async def _file(request: Request) -> SentJobFile:
    text = await text_within(request, "job file", _MOST_TEXT, "send fewer jobs at once")
    return read_value("file", SentJobFile, text, SENT)
