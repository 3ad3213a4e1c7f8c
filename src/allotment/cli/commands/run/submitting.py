"""Job files, or a command line that stands for one → jobs that are submitted."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from allotment.cli.commands.run.left_behind import check_script_travels, left_behind_notes
from allotment.errors import AllotmentError, ConflictError, UnreachableError

if TYPE_CHECKING:
    from allotment.model.jobs.job import CodeFolder
    from allotment.ports.job_code import LeftBehind
    from allotment.ports.job_service import ForeseenJob, JobService, JobSubmission, SubmissionAnswer
    from allotment.spec.jobs.load import JobDocument

COMMAND_LINE: Final = "the command line"
"""Where problems of a job are said to be that was written as flags."""
_FIRST: Final = 10
_MOST: Final = 250
_LONG: Final = 0.5
"""Jobs that travel together, first and at most, and seconds beyond which fewer do."""


@dataclass(frozen=True, slots=True)
class RunFlags:
    """A job as flags say it; what is empty, or None, is not said.

    Attributes:
        args: for the script.
    """

    script: str
    args: tuple[str, ...] = ()
    name: str = ""
    gpus: int | None = None
    accelerator: str = ""
    cpu: str = ""
    memory: str = ""
    replicas: int | None = None
    priority: str = ""
    project: str = ""
    checkpoint: str = ""
    max_run_time: str = ""
    env: tuple[str, ...] = ()


def document_of(flags: RunFlags, team: str) -> str:
    """The job file that says the same."""
    from allotment.spec.writing import block

    script = Path(flags.script)
    run: dict[str, Any] = {"script": f"./{script.name}" if script.name.startswith("-") else script.name}
    if flags.args:
        run["args"] = list(flags.args)
    if flags.env:
        run["env"] = dict(each.partition("=")[::2] for each in flags.env)
    resources: dict[str, Any] = {}
    if flags.gpus or flags.accelerator:
        count = 1 if flags.gpus is None else flags.gpus
        resources["accelerators"] = {"count": str(count), **({"class": flags.accelerator} if flags.accelerator else {})}
    resources |= {name: value for name, value in (("cpu", flags.cpu), ("memory", flags.memory)) if value}
    fields: Mapping[str, Any] = {
        "kind": "Job",
        "name": flags.name or _plain(script.stem),
        "team": team,
        "run": run,
        "code": ".",
        "resources": resources,
        "replicas": None if flags.replicas is None else str(flags.replicas),
        "priority": flags.priority,
        "project": flags.project,
        "checkpoint": flags.checkpoint,
        "maxRunTime": flags.max_run_time,
    }
    # JSON is not quite YAML: it writes what lies beyond 16 bits as two halves, which no reader of YAML takes.
    return "\n".join(block({name: value for name, value in fields.items() if value}))


def _plain(stem: str) -> str:
    """A name of a job out of a file's name."""
    letters = "".join(each if each.isascii() and each.isalnum() else "-" for each in stem.lower())
    return "-".join(part for part in letters.split("-") if part)[:40].strip("-") or "job"


@dataclass(frozen=True, slots=True)
class WantedJobs:
    """Jobs that are handed in.

    Attributes:
        documents: the jobs.
        folders: where each job file lies, by its name.
        backend: where they are to run.
        key: what comes again with it is not taken twice; empty for none.
        supersedes: id of the job that they are clones of, whose code they have; empty where their own travels.
    """

    documents: Sequence[JobDocument]
    folders: Mapping[str, Path]
    backend: str
    key: str = ""
    supersedes: str = ""


def handed_in(
    service: JobService, wanted: WantedJobs, tell: Callable[[str], None]
) -> Iterator[list[tuple[JobDocument, SubmissionAnswer]]]:
    """Submit jobs, with their code: some at a time, and what became of them as it is known.

    One that waits for another comes after it, and is refused where that one is. The more a server takes in half a
    second, the more come together.

    Args:
        service: the server.
        wanted: the jobs.
        tell: is told what of their code stays behind.
    """
    from allotment.ports.job_service import answer_of

    ids: dict[tuple[str, str], str] = {}
    refused: set[tuple[str, str]] = set()
    packer, size = _Packer(service, tell), _FIRST
    keys = _keys(wanted)
    for layer in layers(wanted.documents):
        for each in layer:
            lacking = _before(each, refused)
            if not lacking:
                continue
            refused.add((each.job.team, each.job.name))
            yield [(each, answer_of(_not_without(each, lacking)))]
        left = [each for each in layer if (each.job.team, each.job.name) not in refused]
        while left:
            some, left = left[:size], left[size:]
            made = [replace(packer.submission(_pinned(each, ids), wanted), key=keys[id(each)]) for each in some]
            began = time.monotonic()
            answers = service.submit_all([replace(each, supersedes=wanted.supersedes) for each in made])
            size = min(_MOST, size * 2) if time.monotonic() - began < _LONG else max(1, size // 2)
            for each, answer in zip(some, answers, strict=True):
                if answer.receipt is None:
                    refused.add((each.job.team, each.job.name))
                else:
                    ids[each.job.team, each.job.name] = answer.receipt.job.id
            yield list(zip(some, answers, strict=True))


def _keys(wanted: WantedJobs) -> Mapping[int, str]:
    """A key for each job: of the whole, with its team, its name and how many of that name there were."""
    keys: dict[int, str] = {}
    times: dict[tuple[str, str], int] = {}
    for each in wanted.documents:
        name = each.job.team, each.job.name
        times[name] = times.get(name, 0) + 1
        keys[id(each)] = "/".join((wanted.key, *name, str(times[name]))) if wanted.key else ""
    return keys


def _pinned(document: JobDocument, ids: Mapping[tuple[str, str], str]) -> JobDocument:
    """With what it waits for by id, where that was submitted just now."""
    job = document.job
    after = tuple(replace(each, job=ids.get((job.team, each.job), each.job)) for each in job.after)
    return replace(document, job=replace(job, after=after))


def _before(document: JobDocument, refused: Collection[tuple[str, str]]) -> str:
    job = document.job
    return next((each.job for each in job.after if (job.team, each.job) in refused), "")


def _not_without(document: JobDocument, lacking: str) -> ConflictError:
    return ConflictError(
        f"{document.job.name} was not submitted",
        why=f"it waits for {lacking}, which was refused",
        fix=f"mend {lacking}",
    )


def foreseen(
    service: JobService, wanted: WantedJobs, tell: Callable[[str], None]
) -> list[tuple[JobDocument, ForeseenJob | AllotmentError]]:
    """What would become of jobs, each as if it came alone; the error of one that would be refused.

    Args:
        service: the server.
        wanted: the jobs.
        tell: is told what of their code stays behind.

    Raises:
        UnreachableError: the server does not answer.
    """
    packer = _Packer(service, tell)
    names = {each.job.name for each in wanted.documents}
    found: list[tuple[JobDocument, ForeseenJob | AllotmentError]] = []
    for layer in layers(wanted.documents):
        for each in layer:
            try:
                found.append((each, _foreseen(service, packer, each, names, wanted)))
            except UnreachableError:
                raise
            except AllotmentError as error:
                found.append((each, error))
    return found


def _foreseen(
    service: JobService, packer: _Packer, document: JobDocument, names: Collection[str], wanted: WantedJobs
) -> ForeseenJob:
    """One of them. What it waits for of the same files is not there yet, so the server is not asked about that."""
    beside = [each.job for each in document.job.after if each.job in names]
    others = tuple(each for each in document.job.after if each.job not in names)
    alone = replace(document, job=replace(document.job, after=others))
    answer = service.foresee(replace(packer.submission(alone, wanted), supersedes=wanted.supersedes))
    if not beside:
        return answer
    more = answer.start.waits_for or answer.start.untold
    said = f"it waits for these first: {', '.join(beside)}{f'; then {more}' if more else ''}"
    return replace(answer, start=replace(answer.start, now=False, waits_for=said, untold="", within=None, displaces=()))


class _Packer:
    """Sends each folder of code once."""

    def __init__(self, service: JobService, tell: Callable[[str], None]) -> None:
        self._service, self._tell = service, tell
        self._packed: dict[tuple[Path, CodeFolder, str], tuple[str, LeftBehind]] = {}
        self._told: set[str] = set()

    def submission(self, document: JobDocument, wanted: WantedJobs) -> JobSubmission:
        from allotment.operations.run.local.fitting import OPEN_FIELDS
        from allotment.ports.job_service import JobSubmission

        code, reference = document.job.program.code, ""
        if code is not None and not wanted.supersedes:
            checkpoint = document.job.checkpoint
            inner = "" if checkpoint is None or checkpoint.directory.startswith("/") else checkpoint.directory
            key = wanted.folders[document.source.file], code, inner
            if key not in self._packed:
                self._packed[key] = self._sent(*key)
            reference, left = self._packed[key]
            if "run.script" in document.written:
                check_script_travels(document.job.program, left, code)
        unwritten = frozenset(OPEN_FIELDS) - document.written
        return JobSubmission(document.job, wanted.backend, reference, unwritten)

    def _sent(self, base: Path, code: CodeFolder, checkpoints: str) -> tuple[str, LeftBehind]:
        """The reference of a folder that was sent, and what of it stays behind, which is told."""
        from allotment.wiring import running

        packed = running.code_packer().pack(base, code, checkpoints)
        with packed as stream:
            for note in left_behind_notes(packed.left, code):
                if note not in self._told:
                    self._told.add(note)
                    self._tell(note)
            return self._service.put_code(stream), packed.left


def layers(documents: Sequence[JobDocument]) -> Iterator[list[JobDocument]]:
    """Jobs, those first that wait for none of the others; there are no circles among them."""
    left = list(documents)
    while left:
        names = {each.job.name for each in left}
        free: list[JobDocument] = []
        later: list[JobDocument] = []
        for each in left:
            (later if names & {before.job for before in each.job.after} else free).append(each)
        yield free
        left = later
