"""Job files to jobs, in steps: read, check against the platform, convert. All problems are told in one run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from allotment.errors import CapacityError, InputError, NotFoundError, shown
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec import documents
from allotment.spec.documents import Document
from allotment.spec.jobs.checks import CHECKS
from allotment.spec.jobs.context import JobContext, JobSiblings
from allotment.spec.jobs.convert import job_of
from allotment.spec.jobs.schema import JobFileSpec
from allotment.spec.problems import (
    MOST_TOLD,
    Issue,
    Path,
    Problem,
    ProblemKind,
    Source,
    did_you_mean,
    dotted,
    echo,
    sort_problems,
)
from allotment.spec.read import locate
from allotment.spec.schema import KINDS
from allotment.spec.schema.base import Spec
from allotment.spec.translate import issues_of

MOST_JOBS: Final = 1_000
"""Documents of one file."""
KIND: Final = "Job"
_EXIT_CODES: Final = {
    ProblemKind.ABSENT: NotFoundError.exit_code,
    ProblemKind.TOO_MUCH: CapacityError.exit_code,
}


@dataclass(frozen=True, slots=True)
class JobDocument:
    """A job, and where it stands.

    Attributes:
        written: paths of the fields that the file has, such as ``schedule.startingDeadline``: the rest are defaults.
    """

    job: Job
    source: Source
    written: frozenset[str]


class InvalidJobFileError(InputError):
    """Job files have errors. Where all are of one kind, the exit code is what flags that say the same end with.

    Attributes:
        problems: all of them, sorted by file and line; the first `MOST_TOLD`.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        number = len(problems)
        files = dict.fromkeys(problem.file for problem in problems)
        where = shown(next(iter(files))) if len(files) == 1 else f"{len(files)} job files"
        errors = "one error" if number == 1 else f"{number:,} errors"
        have = "has" if len(files) == 1 else "have"
        super().__init__(
            f"{where} {have} {errors}" if number <= MOST_TOLD else f"{where} {have} more than {MOST_TOLD:,} errors",
            why="\n".join(str(problem) for problem in problems[:MOST_TOLD]),
            fix="correct the named lines and run `allot job check` again",
        )
        self.problems = tuple(problems[:MOST_TOLD])
        kinds = {each.kind for each in problems}
        if len(kinds) == 1:
            self.exit_code = _EXIT_CODES.get(kinds.pop(), self.exit_code)


def load_jobs(files: SourceTree, platform: Platform, now: dt.datetime, team: str = "") -> tuple[JobDocument, ...]:
    """Read, default, check and convert job files; each may hold several jobs.

    Args:
        files: job files by the name that messages have for them; every one is read, whatever it is called.
        platform: whose teams, ladder, catalogue and pools they are checked against.
        now: the moment by which deadlines are judged; aware.
        team: of jobs that name none.

    Raises:
        InvalidJobFileError: there are errors; `problems` holds all of them.
    """
    parsed = {name: documents.parse(name, text) for name, text in sorted(files.files.items())}
    problems = [problem for each in parsed.values() for problem in each.problems]
    issues: list[Issue] = []
    found: list[JobDocument] = []
    for name, each in parsed.items():
        if not each.documents and not each.problems:
            fix = "write `kind: Job`, `name:`, `team:` and `run:`; or begin with `allot template list`"
            issues.append(Issue(Source(name, 0), ("kind",), "the file holds no job", fix))
        contexts = list(_contexts(each.documents, issues, _Surroundings(platform, now, team)))
        if each.problems:
            # What could not be read may be what the others refer to.
            continue
        for context in contexts:
            told = [issue for check in CHECKS for issue in check(context)]
            issues.extend(told)
            if not told and context.team is not None:
                spec = context.spec
                found.append(JobDocument(job_of(context, context.team), context.source, frozenset(_written(spec))))
        if len(issues) > MOST_TOLD:
            break
    problems.extend(locate(files, issues))
    if problems:
        raise InvalidJobFileError(sort_problems(problems))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    platform: Platform
    now: dt.datetime
    team: str


def _contexts(found: Sequence[Document], issues: list[Issue], around: _Surroundings) -> Iterator[JobContext]:
    if len(found) > MOST_JOBS:
        what = f"more than {MOST_JOBS:,} jobs in a file"
        last = found[MOST_JOBS]
        issues.append(Issue(Source(last.file, last.index), (), what, "split the file, or write a sweep"))
    siblings = JobSiblings()
    for document in found[:MOST_JOBS]:
        source = Source(document.file, document.index)
        spec = _spec(document, source, issues)
        if spec is not None:
            name = spec.team or around.team
            context = JobContext(
                spec, source, around.platform, around.now, around.platform.team(name) if name else None, name, siblings
            )
            siblings.by_name.setdefault(spec.name, context)
            yield context


def _spec(document: Document, source: Source, issues: list[Issue]) -> JobFileSpec | None:
    data = document.data
    if not isinstance(data, dict):
        fix = "write `kind: Job` and the job's fields, one a line"
        issues.append(Issue(source, (), f"{echo(data)} where a mapping belongs", fix))
        return None
    kind = data.get("kind")
    if kind != KIND:
        if kind in KINDS if isinstance(kind, str) else False:
            what, fix = f"{kind} is a kind of the platform directory", "name that with --platform; a job has kind: Job"
        else:
            what = f"unknown kind {echo(kind)}" if "kind" in data else "the document has no kind"
            fix = did_you_mean(kind if isinstance(kind, str) else "", [KIND])
        issues.append(Issue(source, ("kind",), what, fix))
        return None
    try:
        return JobFileSpec.model_validate(data)
    except ValidationError as error:
        issues.extend(islice(issues_of(error, JobFileSpec, source, "see `allot explain job`"), MOST_TOLD + 1))
    return None


def _written(value: Any, path: Path = ()) -> Iterator[str]:
    """Paths of what was given, not defaulted; short forms count as the field that they stand for."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield dotted((*path, str(key)))
            yield from _written(item, (*path, str(key)))
        return
    if isinstance(value, Spec):
        fields = type(value).model_fields
        for name in value.model_fields_set:
            here = (*path, str(fields[name].alias or name))
            yield dotted(here)
            yield from _written(getattr(value, name), here)
