"""Data of jobs on this machine: fetched by a process that holds no device, before the job stands in its queue.

It is a launch like any other, of attempt 0, so that it outlives the server, is found by the next one, and is removed
with the others. To fetch twice does no harm: what nobody saw end is begun anew. All trials of a sweep share their data:
they are known by the sweep's id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError, quoted, shown
from allotment.jobs.fetching import SAYS, STAGING_CPU, STAGING_MEMORY, fetch_arguments, fetch_program
from allotment.model.jobs.given import volume_variable
from allotment.operations.run.following import MOST_SAID
from allotment.operations.run.local.conclusions import code_of
from allotment.operations.run.local.launching import LocalStorage, launch_id, secrets_of, volumes_of
from allotment.ports.backends import EndOfRun, JobRefusedError, JobToStart
from allotment.ports.job_processes import JobAlive, JobEnded, JobGone, JobLaunch, JobProcesses, LaunchState

STAGING_ATTEMPT: Final = 0
AT_ONCE: Final = 4
"""Jobs whose data are fetched at the same time; nothing in the queues counts them."""
_MOST_AT_ONCE: Final = 2 * AT_ONCE
"""With those of teams of which nothing else is fetched, however many there are."""
LONGEST_FETCH: Final = 24 * 60 * 60
"""Seconds after which fetching is ended: a source without an end holds its place no longer."""
_TRIES: Final = 4
"""Times that what nobody saw end is begun."""
_GRACE: Final = 10.0
_TAIL: Final = 1 << 12
"""Bytes of the log's end in which it is said what could not be fetched."""


def next_to_fetch(waiting: Iterable[tuple[str, str]], alive: Mapping[str, str]) -> frozenset[str]:
    """Ids of the data that are fetched next, in the order in which they came.

    One place is never a team's own, and a team of which nothing is fetched waits for a place at most where many teams
    fetch: sources without an end, of one team or of a few, hold up no other.

    Args:
        waiting: id and team of what is not there yet.
        alive: the team, by id of what is being fetched.
    """
    taken = dict(alive)
    for data_id, team in waiting:
        own = sum(each == team for each in taken.values())
        if own < AT_ONCE - 1 and len(taken) < (AT_ONCE if own else _MOST_AT_ONCE):
            taken.setdefault(data_id, team)
    return frozenset(taken.keys() - alive.keys())


def check_means(order: JobToStart, storage: LocalStorage) -> None:
    """Refuse a job whose secrets are not there, or whose data this machine has no program for.

    Raises:
        JobRefusedError: that is so.
    """
    job = order.job
    try:
        for each in job.program.secrets:
            storage.secrets.path(job.team, each.secret, each.key)
    except InputError as error:
        raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error
    for data in job.data:
        program = fetch_program(data)
        # A job with a PATH of its own may have it elsewhere.
        if "PATH" not in job.program.environment and not storage.has_program(program):
            raise JobRefusedError(
                f"{shown(data.source)} cannot be fetched",
                why=f"there is no program {quoted(program)} on this machine",
                fix="install it, or write data.command with one that is there",
            )


@dataclass(frozen=True, slots=True)
class DataStanding:
    """How far the data of a job are.

    Attributes:
        there: all of them are.
        alive: they are being fetched.
        failed: how that failed; None where it did not.
    """

    there: bool = False
    alive: bool = False
    failed: EndOfRun | None = None


class LocalStaging:
    """See the module. It remembers nothing: whatever is asked is looked up."""

    def __init__(self, processes: JobProcesses, storage: LocalStorage) -> None:
        """Nothing is begun.

        Args:
            processes: what runs it.
            storage: where it is fetched to.
        """
        self._processes = processes
        self._storage = storage

    def look(self, data_id: str) -> DataStanding:
        """How far they are; what is fetched for too long is told to end."""
        number, state = self._last(data_id)
        match state:
            case JobAlive(seconds=seconds):
                if seconds >= LONGEST_FETCH:
                    self._processes.stop(launch_id(data_id, STAGING_ATTEMPT, number), _GRACE)
                return DataStanding(alive=True)
            case JobEnded(exit_code=0):
                return DataStanding(there=True)
            case JobEnded():
                return DataStanding(failed=self._failure(data_id, state))
        return DataStanding()

    def begin(self, order: JobToStart) -> EndOfRun | None:
        """Have them fetched, unless that goes on or is done; how it failed where it cannot be begun."""
        number, state = self._last(order.data_id)
        if isinstance(state, JobAlive | JobEnded):
            return None
        if isinstance(state, JobGone):
            with suppress(NotFoundError):
                self._processes.kill(launch_id(order.data_id, STAGING_ATTEMPT, number))
            number += 1
        if number >= _TRIES:
            return EndOfRun(None, said=f"its data could not be fetched: nobody saw how any of {_TRIES} tries ended")
        try:
            with suppress(ConflictError):  # by an earlier run, which did not live to say so
                self._processes.launch(self._launch(order, number))
        except AllotmentError as error:
            return EndOfRun(None, said=f"its data could not be fetched: {error.what}: {error.why}"[:MOST_SAID])
        return None

    def stop(self, data_id: str) -> None:
        """End it, if it goes on."""
        number, state = self._last(data_id)
        if isinstance(state, JobAlive):
            self._processes.stop(launch_id(data_id, STAGING_ATTEMPT, number), _GRACE)

    def _last(self, data_id: str) -> tuple[int, LaunchState | None]:
        """The last that was begun, and how it stands; None where none was."""
        last: tuple[int, LaunchState | None] = (0, None)
        for number in range(_TRIES):
            try:
                last = number, self._processes.look(launch_id(data_id, STAGING_ATTEMPT, number))
            except NotFoundError:
                break
        return last

    def _launch(self, order: JobToStart, number: int) -> JobLaunch:
        job = order.job
        volumes = volumes_of(order, 1, self._storage.folders)
        return JobLaunch(
            id=launch_id(order.data_id, STAGING_ATTEMPT, number),
            argv=fetch_arguments(job, volumes, "-"),
            working_directory=Path(volumes[job.data[0].volume]),
            environment={
                **secrets_of(job, self._storage.secrets),
                **job.program.environment,
                **_told(order, volumes),
            },
            name=f"{job.name}: its data",
            cpu_milli=STAGING_CPU,
            memory_bytes=STAGING_MEMORY,
            grace_seconds=_GRACE,
        )

    def _failure(self, data_id: str, ended: JobEnded) -> EndOfRun:
        number, _ = self._last(data_id)
        try:
            log = self._processes.log(launch_id(data_id, STAGING_ATTEMPT, number), None, _TAIL).data
        except AllotmentError:
            log = b""
        told = [
            each.removeprefix(SAYS) for each in log.decode("utf-8", "replace").splitlines() if each.startswith(SAYS)
        ]
        words = ended.not_started or (told[-1] if told else "it was ended" if ended.signal else "")
        if ended.stopped and ended.seconds >= LONGEST_FETCH:
            words = f"it was ended, because it went on for {LONGEST_FETCH // 3600} hours"
        said = ": ".join(filter(None, ("its data could not be fetched", words)))
        return EndOfRun(code_of(ended), said=said[:MOST_SAID])


def _told(order: JobToStart, volumes: Mapping[str, str]) -> dict[str, str]:
    return {
        "ALLOTMENT_JOB_ID": order.id,
        "ALLOTMENT_JOB_NAME": order.job.name,
        "ALLOTMENT_TEAM": order.job.team,
        **{volume_variable(name): folder for name, folder in volumes.items()},
    }
