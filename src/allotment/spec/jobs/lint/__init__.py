"""The lint of job files: what is legal, and goes wrong. A rule is a function in a table, with its word and reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.spec.jobs.lint import fleet, storage, survival, timing, tokens, words
from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule
from allotment.spec.jobs.load import JobDocument
from allotment.spec.problems import Issue, Problem, Severity
from allotment.spec.read import locate

RULES: Final[tuple[LintRule, ...]] = (
    *survival.RULES,
    *fleet.RULES,
    *timing.RULES,
    *storage.RULES,
    *tokens.RULES,
    *words.RULES,
)
"""All of them, in the order in which the documentation tells of them."""


@dataclass(frozen=True, slots=True)
class LintWarning:
    """What a rule says, with its word and its line.

    Attributes:
        job: name of the job.
    """

    word: str
    job: str
    problem: Problem


def advice(
    job: Job, platform: Platform, now: dt.datetime, written: Collection[str] = ()
) -> Iterator[tuple[str, LintAdvice]]:
    """What all rules say of a job, each with its word.

    Args:
        job: from wherever it comes.
        platform: whose pools, quotas and ladder it is held against.
        now: the moment by which times are judged; aware.
        written: paths of the fields that somebody wrote, as `JobDocument` has them.
    """
    team = platform.team(job.team)
    if team is None:
        return
    linted = LintedJob(job, platform, team, now, written)
    for rule in RULES:
        for each in rule.check(linted):
            yield rule.word, each


def lint_files(
    files: SourceTree, found: Sequence[JobDocument], platform: Platform, now: dt.datetime
) -> tuple[LintWarning, ...]:
    """What all rules say of the jobs of some files, by file and line."""
    told: list[tuple[str, str]] = []
    issues: list[Issue] = []
    for document in found:
        for word, each in advice(document.job, platform, now, document.written):
            told.append((word, document.job.name))
            issues.append(Issue(document.source, each.path, each.why, each.fix, Severity.WARNING))
    warnings = [
        LintWarning(word, job, problem) for (word, job), problem in zip(told, locate(files, issues), strict=True)
    ]
    return tuple(sorted(warnings, key=lambda each: (each.problem.file, each.problem.line, each.problem.column)))
