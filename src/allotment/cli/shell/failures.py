"""Failures as users see them: what, why, next step. On standard error, as JSON with `-o json`, never a traceback."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from allotment.cli.shell.foreign_flags import our_flag
from allotment.cli.shell.lazy import UnknownCommandError
from allotment.cli.shell.session import Session
from allotment.cli.shell.terminal import harmless_json, printable
from allotment.errors import INTERRUPTED, AllotmentError, shown
from allotment.reports.documents.problems import error_document, problem_document

EXIT_CODES: Final = {
    0: "done",
    1: "failed",
    2: "wrong call",
    3: "not found",
    4: "not signed in",
    5: "forbidden",
    6: "conflict",
    7: "quota or capacity",
    8: "timed out",
    9: "server unreachable",
    INTERRUPTED: "interrupted",
    141: "the reader of the output went away",
}
"""Every code `allot` ends with. `docs/cli.md` documents them; a test holds both together."""

BROKEN_PIPE: Final = 141
_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: what Python makes of the bytes of words, paths and variables that are not UTF-8."""
_TOKEN: Final = re.compile(r"(allot_[a-z2-7]{8}_)[A-Za-z0-9_-]+")
"""A token of an API (`model/access/token.py`); its id is no secret."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error, ready to be shown.

    Attributes:
        problems: the single problems of an invalid platform, as (text, fix, JSON).
    """

    code: int
    what: str
    why: str
    fix: str
    problems: tuple[tuple[str, str, dict[str, Any]], ...] = ()


def describe(error: BaseException, words: Sequence[str] = ()) -> Failure:
    """What to tell the user about an exception.

    Args:
        error: what was raised.
        words: of the command line.
    """
    match error:
        case AllotmentError():
            error = error.whole
            problems = _problems(error)
            # Problems tell the cause line by line; the summary that repeats them is for logs.
            return Failure(error.exit_code, error.what, "" if problems else error.why, error.fix, problems)
        case UnknownCommandError():
            return Failure(2, error.message, "", error.advice)
        case click.NoSuchOption() if error.option_name == "--server":
            # What is like it by its letters leads nowhere.
            advice = (
                "the variable ALLOTMENT_SERVER, or the setting `server`, names it where a command asks one at all; "
            )
            return Failure(2, "there is no flag '--server'", "", advice + _see_help(error))
        case click.NoSuchOption():
            near = [name for name in (our_flag(error), *(error.possibilities or ())) if name]
            advice = f"did you mean {near[0]!r}? " if near else ""
            return Failure(2, f"there is no flag {error.option_name!r}", "", advice + _see_help(error))
        case click.UsageError():
            return Failure(2, _sentence(error.format_message()), "", _values(error) + _see_help(error))
        case click.Abort() | KeyboardInterrupt():
            return Failure(INTERRUPTED, "interrupted", "", "")
        case click.ClickException():
            return Failure(1, _sentence(error.format_message()), "", "")
        case _:
            return _of_python(error, words)


def _of_python(error: BaseException, words: Sequence[str]) -> Failure:
    match error:
        case UnicodeEncodeError() if _HALF.search(error.object):
            # The text that failed may be a secret; a word of the call is none.
            what = next((shown(word) for word in words if _HALF.search(word)), "a name or a value")
            return Failure(2, f"{what} is not UTF-8", "it holds bytes that are no text", "write it in UTF-8")
        case OSError() if error.strerror:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            # Files are written under their names; what has none is one of the process's own streams.
            where = f"{error.filename}: " if error.filename else "the output cannot be written: " if full else ""
            fix = "free some space, or write to another disk" if full else "check the path and its permissions"
            return Failure(1, f"{where}{error.strerror}", "", fix)
        case _:
            return Failure(
                1,
                f"unexpected {type(error).__name__}: {error}".splitlines()[0],
                "this is a mistake in Allotment, not in your input",
                "set ALLOTMENT_DEBUG=1 to see the traceback, and report it",
            )


def _sentence(message: str) -> str:
    text = " ".join(message.split()).removesuffix(".")
    text = text.replace("is not a valid integer range", "is no whole number")
    text = text.replace("is not a valid float range", "is no number")
    return text[:1].lower() + text[1:]


def _values(error: click.UsageError) -> str:
    """The values that a flag may have which was given none, where they are few and fixed."""
    if not isinstance(error, click.BadOptionUsage) or error.ctx is None:
        return ""
    kinds = [param.type for param in error.ctx.command.params if error.option_name in param.opts]
    choices = [str(value) for kind in kinds if isinstance(kind, click.Choice) for value in kind.choices]
    return f"say {' or '.join(f'{error.option_name}={value}' for value in choices)}; " if choices else ""


def _see_help(error: click.UsageError) -> str:
    return f"see `{error.ctx.command_path} --help`" if error.ctx else "see `allot --help`"


def _problems(error: AllotmentError) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    return tuple(problem_parts(problem) for problem in getattr(error, "problems", ()))


def problem_parts(problem: Any) -> tuple[str, str, dict[str, Any]]:
    """A problem of the platform directory as (headline, fix, JSON)."""
    file = shown(problem.file)
    where = f"{file}:{problem.line}:{problem.column}" if problem.line else file
    severity = str(problem.severity)
    field = f"{problem.field}: " if problem.field else ""
    return f"{where}: {severity}: {field}{problem.what}", problem.fix, problem_document(problem)


def _masked(text: str) -> str:
    """Without what would let somebody in: a token that was typed in the wrong place ends up in logs otherwise."""
    return _TOKEN.sub(r"\1…", text)


def report(session: Session, failure: Failure, form: str) -> None:
    """Tell it on standard error."""
    if form == "json":
        document = json.dumps(failure_document(session, failure), indent=2, ensure_ascii=False)
        session.note(_masked(harmless_json(document)))
        return
    lines = problem_lines([(headline, fix) for headline, fix, _ in failure.problems])
    lines.append(f"{click.style('error:', fg='red', bold=True)} {shown(failure.what)}")
    if failure.why:
        lines.append(f"  {click.style('why:', bold=True)} {_indented(failure.why)}")
    if failure.fix:
        lines.append(f"  {click.style('fix:', bold=True)} {_indented(session.hint(failure.fix))}")
    session.note(_masked("\n".join(lines)))


def failure_document(session: Session, failure: Failure) -> Mapping[str, Any]:
    """It as JSON."""
    return error_document(
        failure.code,
        reason=EXIT_CODES.get(failure.code, "failed"),
        what=failure.what,
        why=failure.why,
        fix=session.hint(failure.fix),
        problems=[problem for _, _, problem in failure.problems],
    )


def problem_lines(problems: Sequence[tuple[str, str]]) -> list[str]:
    """Problems, one or two lines each."""
    lines = []
    for headline, fix in problems:
        lines.append(_colored(shown(headline)))
        if fix:
            lines.append(f"  {click.style('fix:', bold=True)} {_indented(fix)}")
    return lines


def _colored(headline: str) -> str:
    for word, color in ((": error: ", "red"), (": warning: ", "yellow")):
        before, found, after = headline.partition(word)
        if found:
            return f"{before}: {click.style(word.strip(': ') + ':', fg=color, bold=True)} {after}"
    return headline


def _indented(text: str) -> str:
    return printable(text).replace("\n", "\n       ")
