"""Job files, or a command line that stands for one → jobs that are submitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.platform import Platform
    from allotment.ports.job_service import ForeseenJob, JobReceipt, JobService, JobSubmission
    from allotment.spec.jobs.load import JobDocument

COMMAND_LINE: Final = "the command line"
"""Where problems of a job are said to be that was written as flags."""


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
    run: dict[str, Any] = {"script": script.name}
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


def loaded_jobs(session: Session, platform: Platform, files: Mapping[str, str]) -> tuple[JobDocument, ...]:
    """The jobs of job files.

    Raises:
        InvalidJobFileError: they have errors.
    """
    from allotment import wiring
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.load import load_jobs

    return load_jobs(SourceTree(files), platform, wiring.clock().now(), session.value("team"))


def submitted(
    service: JobService, documents: Sequence[JobDocument], folders: Mapping[str, Path], backend: str
) -> list[JobReceipt]:
    """Submit jobs, with their code.

    Args:
        service: the server.
        documents: the jobs; one that waits for another of them comes after it.
        folders: where each job file lies, by its name.
        backend: where they are to run.
    """
    return [service.submit(each) for each in _submissions(service, documents, folders, backend)]


def foreseen(
    service: JobService, documents: Sequence[JobDocument], folders: Mapping[str, Path], backend: str
) -> list[ForeseenJob]:
    """What would become of jobs, each as if it came alone; the arguments are those of `submitted`.

    What a job waits for of the same files is left out: it is not there yet.
    """
    names = {each.job.name for each in documents}
    alone = [
        replace(each, job=replace(each.job, after=tuple(one for one in each.job.after if one.job not in names)))
        for each in documents
    ]
    return [service.foresee(each) for each in _submissions(service, alone, folders, backend)]


def _submissions(
    service: JobService, documents: Sequence[JobDocument], folders: Mapping[str, Path], backend: str
) -> Iterator[JobSubmission]:
    from allotment.operations.run.local.fitting import OPEN_FIELDS
    from allotment.ports.job_service import JobSubmission
    from allotment.wiring import running

    packed: dict[tuple[Path, object], str] = {}
    for each in in_order(documents):
        code, base = each.job.program.code, folders[each.source.file]
        reference = ""
        if code is not None:
            if (base, code) not in packed:
                with running.code_packer().pack(base, code) as stream:
                    packed[base, code] = service.put_code(stream)
            reference = packed[base, code]
        unwritten = frozenset(OPEN_FIELDS) - each.written
        yield JobSubmission(each.job, backend, reference, unwritten)


def in_order(documents: Sequence[JobDocument]) -> list[JobDocument]:
    """Jobs after those of the same files that they wait for; there are no circles among them."""
    left, done = list(documents), []
    while left:
        names = {each.job.name for each in left}
        free = [each for each in left if not names & {before.job for before in each.job.after}]
        done += free
        left = [each for each in left if each not in free]
    return done
