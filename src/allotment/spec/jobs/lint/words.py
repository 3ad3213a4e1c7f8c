"""Rules about the words of a command: no shell reads it, so no blank separates them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from allotment.spec.jobs.lint.linted import LintAdvice, LintedJob, LintRule
from allotment.spec.jobs.lint.tokens import looks_like_a_secret
from allotment.spec.problems import LONGEST_ECHO, Path

_FLAG_AND_MORE: Final = re.compile(r"--[A-Za-z0-9][\w.-]*\s+\S")
_SCRIPTS: Final = (".py", ".sh")
_LONGEST_LIST: Final = 300
"""Characters of a list that is written out."""


def command_in_one_word(linted: LintedJob) -> Iterator[LintAdvice]:
    """A program is looked for that is called as the whole line is. One with a blank in its path is left alone."""
    argv = linted.job.program.argv
    if not argv or not linted.was_written("run.command"):
        return
    words = _split(argv[0])
    beyond = any(word.startswith("-") or word.endswith(_SCRIPTS) for word in words[1:])
    if len(words) > 1 and (beyond or "/" not in words[0]):
        yield LintAdvice(
            ("run", "command", 0),
            "no shell reads the command: a program is looked for whose name is the whole line, blanks included",
            f"write each word by itself: {_listed(words)}",
        )


def flag_in_one_word_with_its_value(linted: LintedJob) -> Iterator[LintAdvice]:
    """A program is handed a flag that it does not know."""
    for word in linted.job.program.argv[1:]:
        if _FLAG_AND_MORE.match(word):
            yield LintAdvice(
                _where(linted),
                "no shell splits an argument: the program gets the flag and what follows as one word",
                f"write each word by itself: {_listed(_split(word))}",
            )


def _where(linted: LintedJob) -> Path:
    """The field that holds the arguments; what is above both where a job has both."""
    fields = [field for field in ("command", "args") if linted.was_written(f"run.{field}")]
    return ("run", *fields) if len(fields) == 1 else ("run",)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark without its other half
        return text.split()


def _listed(words: Sequence[str]) -> str:
    """The words as a list of YAML; what may be secret, or is long, is left out."""
    text = json.dumps(list(_tellable(words)), ensure_ascii=False)
    return text if len(text) < _LONGEST_LIST and text.isprintable() else '["…", "…"]'


def _tellable(words: Sequence[str]) -> Iterator[str]:
    before = ""
    for word in words:
        flag, _, value = word.partition("=") if word.startswith("-") else (before, "", word)
        yield "…" if len(word) > LONGEST_ECHO or looks_like_a_secret(flag, value) else word
        before = word if word.startswith("-") else ""


RULES: Final = (
    LintRule(
        "command-in-one-word",
        "A command line in one word",
        "No shell reads the command: it starts, holds its devices, and there is no program of that name.",
        command_in_one_word,
    ),
    LintRule(
        "flag-with-its-value",
        "A flag and its value in one argument",
        "Each argument arrives as it is written: the program starts, holds its devices, and does not know the flag.",
        flag_in_one_word_with_its_value,
    ),
)
