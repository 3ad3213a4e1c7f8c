"""Job files as a user names them → jobs: every problem of every file in one go, those of reading them included."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.cli.commands.run.foreign import INTERPRETED, refuse_as_job_file
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError, quoted, shown

if TYPE_CHECKING:
    from allotment.model.platform import Platform
    from allotment.ports.job_service import JobService
    from allotment.spec.jobs.load import JobDocument
    from allotment.spec.problems import Issue, Problem

STDIN: Final = "-"
STDIN_NAME: Final = "standard input"
_MOST_STDIN: Final = 16 << 20
"""Bytes that are read of standard input; a file's bound is the reader's."""
_KUBERNETES: Final = re.compile(r"^apiVersion:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class JobTexts:
    """Job files that were read.

    Attributes:
        texts: by the names that messages have for them.
        folders: where each lies; of standard input, the current one.
        problems: of those that could not be read.
    """

    texts: Mapping[str, str]
    folders: Mapping[str, Path]
    problems: tuple[Problem, ...] = ()


def job_texts(names: Sequence[str]) -> JobTexts:
    """Read job files; ``-`` is standard input.

    Raises:
        AllotmentError: there is one file, and it cannot be read.
    """
    from allotment import wiring
    from allotment.spec.problems import Problem, Severity

    texts: dict[str, str] = {}
    folders: dict[str, Path] = {}
    problems = []
    for name in dict.fromkeys(names):
        place = Path() if name == STDIN else wiring.files().user_path(name)
        told = STDIN_NAME if name == STDIN else name
        try:
            texts[told] = _standard_input() if name == STDIN else wiring.files().read_text(place)
            _check_format(told, texts[told])
        except AllotmentError as error:
            if len(names) == 1:
                raise
            texts.pop(told, None)
            what = error.line
            problems.append(Problem(told, 0, 0, "", what, error.fix, Severity.ERROR))
            continue
        folders[told] = place.absolute() if name == STDIN else place.absolute().parent
    return JobTexts(texts, folders, tuple(problems))


def loaded_jobs(session: Session, platform: Platform, found: JobTexts, *, piped: bool = True) -> Sequence[JobDocument]:
    """The jobs of job files, whose scripts are there.

    Args:
        session: whose.
        platform: that they are checked against.
        found: the files.
        piped: whether the scripts of what came by standard input have to be there, too.

    Raises:
        InvalidJobFileError: they have errors; all are told.
    """
    from allotment import wiring
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.load import InvalidJobFileError, load_jobs
    from allotment.spec.problems import sort_problems
    from allotment.spec.read import locate

    tree, problems = SourceTree(found.texts), list(found.problems)
    documents: Sequence[JobDocument] = ()
    try:
        documents = load_jobs(tree, platform, wiring.clock().now(), session.value("team")) if found.texts else ()
    except InvalidJobFileError as error:
        problems += error.problems
    lie = [each for each in documents if piped or each.source.file != STDIN_NAME]
    problems += locate(tree, [issue for each in lie for issue in _absent_script(each, found.folders)])
    if problems:
        raise InvalidJobFileError(sort_problems(problems))
    return documents


_FLAGS: Final = {
    "name": "--name",
    "team": "--team",
    "run.script": "the script",
    "run.env": "--env",
    "run.args": "an argument of the script",
    "resources.accelerators.count": "--gpus",
    "resources.accelerators.class": "--accelerator",
    "resources.accelerators": "--gpus",
    "resources.cpu": "--cpu",
    "resources.memory": "--memory",
    "replicas": "--replicas",
    "priority": "--priority",
    "project": "--project",
    "checkpoint": "--checkpoint",
    "maxRunTime": "--max-run-time",
}
"""What a user has typed for a field."""


@contextmanager
def by_flags(names: Mapping[str, str] = _FLAGS) -> Iterator[None]:
    """Problems of a job that was written as flags name these: there is no file that could be corrected.

    Args:
        names: what a user has typed for a field; the field itself where it is not among them.
    """
    from allotment.spec.jobs.load import InvalidJobFileError

    try:
        yield
    except InvalidJobFileError as error:
        told = [(_flag(each.field, names), each) for each in error.problems]
        first = f"{told[0][0]}: {told[0][1].what}"
        more = "; ".join(f"{flag}: {each.what} ({each.fix})" for flag, each in told[1:])
        raise told[0][1].kind.error(first, why=more and f"besides, {more}", fix=told[0][1].fix) from error


def _flag(field: str, names: Mapping[str, str]) -> str:
    known = [each for each in names if field == each or field.startswith((f"{each}.", f"{each}["))]
    return names[max(known, key=len)] if known else field or "the job"


def awaited_elsewhere(documents: Sequence[JobDocument]) -> Iterator[tuple[JobDocument, int, str]]:
    """What some wait for that stands in none of the files: by whom, as which of its `after`, and its name."""
    there = {(each.job.team, each.job.name) for each in documents}
    for each in documents:
        for number, before in enumerate(each.job.after):
            if (each.job.team, before.job) not in there:
                yield each, number, before.job


def tell_of_awaited(session: Session, documents: Sequence[JobDocument], who: str) -> None:
    """Name what jobs wait for that stands in none of the files: only the server knows whether it is there.

    Args:
        session: whose.
        documents: the jobs.
        who: what is typed to ask it.
    """
    names = sorted({shown(name) for _, _, name in awaited_elsewhere(documents)})
    if names:
        session.note(f"whether there is {' and '.join(names)} to wait for, the server knows alone: `{who}` tells")


def check_awaited(service: JobService, found: JobTexts, documents: Sequence[JobDocument]) -> None:
    """Refuse to wait for what is neither in the files nor on the server.

    Raises:
        InvalidJobFileError: there is no such job, or several of that beginning; each is told with its place.
    """
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.load import InvalidJobFileError
    from allotment.spec.problems import Issue, sort_problems
    from allotment.spec.read import locate

    looked: dict[tuple[str, str], str] = {}
    issues = []
    for document, number, name in awaited_elsewhere(documents):
        key = document.job.team, name
        if key not in looked:
            looked[key] = _awaited_trouble(service, *key)
        if looked[key]:
            fix = "check the name or id, submit that job first, or leave `after` out"
            issues.append(Issue(document.source, ("after", number, "job"), looked[key], fix))
    if issues:
        raise InvalidJobFileError(sort_problems(locate(SourceTree(found.texts), issues)))


def _awaited_trouble(service: JobService, team: str, name: str) -> str:
    try:
        service.find(name, team=team)
    except NotFoundError:
        return f"there is no job {quoted(name)} of team {team}, in these files or among those that were submitted"
    except UsageError as error:
        return error.what
    return ""


def _absent_script(document: JobDocument, folders: Mapping[str, Path]) -> Iterator[Issue]:
    """What keeps a job from being started, as far as its folder of code shows it here."""
    from allotment.spec.problems import Issue

    program = document.job.program
    if program.code is None or "run.script" not in document.written or program.image:
        return
    script = next((each for each in program.argv[:2] if "/" in each or "." in each), program.argv[-1])
    where = folders[document.source.file] / program.code.folder
    path = where / program.working_directory / script
    at = ("run", "script")
    if not path.is_file():
        words = script.removeprefix("./")
        what = f"there is no script {quoted(words)} in the folder {shown(where)}"
        fix = "name a file that is there"
        if " " in words:
            fix = "the arguments of a script stand in `run.args`, a command and its words in `run.command`, as lists"
        yield Issue(document.source, at, what, fix)
    elif path.suffix not in INTERPRETED and not os.access(path, os.X_OK):
        what = f"{quoted(path.name)} cannot be executed, and only .py and .sh have a program that runs them"
        yield Issue(document.source, at, what, "make it executable (`chmod +x`), or name the program in `run.command`")


def _check_format(name: str, text: str) -> None:
    """Refuse what somebody else takes."""
    refuse_as_job_file(name, text)
    begin = "begin a job file with `allot template new train`; docs/job-file.md explains its fields"
    if (found := _KUBERNETES.search(text)) and "allotment" not in text[found.end() :].partition("\n")[0]:
        raise InputError(
            f"{shown(name)} is an object of Kubernetes, and no job file", fix=f"{begin}; kubectl takes this"
        )


def _standard_input() -> str:
    data = sys.stdin.buffer.read(_MOST_STDIN + 1)
    if len(data) > _MOST_STDIN:
        raise InputError(f"standard input holds more than {_MOST_STDIN >> 20} MiB", fix="a job file is some KiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError("standard input is no text in UTF-8", fix="send it a job file") from None
