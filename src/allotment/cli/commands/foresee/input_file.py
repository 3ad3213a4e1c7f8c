"""Which file a question is about: ``--file``. Where jobs are asked about, a bare word is a job.

Earlier calls named it otherwise, and go on to work with a hint: as the first word, and ``whatif`` as ``--snapshot``.
`simulate` takes it either way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from allotment.cli.shell.session import Session
from allotment.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

_UNNAMED: Final = "name it: --file FILE"


def file_flag(text: str) -> Callable[[F], F]:
    """``--file``.

    Args:
        text: what the file is, for the help.
    """
    return click.option("--file", "named", metavar="FILE", type=click.Path(), help=text)


def file_and_jobs(session: Session, named: str | None, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The file, and the words that are none: jobs.

    Raises:
        UsageError: no file is named, or the first word was to be one and is not.
    """
    if named is not None:
        return named, words
    if not words:
        raise UsageError("no file is named", fix=_UNNAMED)
    if not Path(words[0]).exists():
        raise UsageError(
            "no file is named", why=f"there is no file {words[0]}, so it is taken for a job", fix=f"{_UNNAMED}, too"
        )
    return _first(session, words)


def file_alone(session: Session, named: str | None, words: tuple[str, ...]) -> str:
    """The file, of a command that takes no words besides.

    Raises:
        UsageError: no file is named, the first word was to be one and is not, or there are more words.
    """
    if named is None:
        if not words:
            raise UsageError("no file is named", fix=_UNNAMED)
        if not Path(words[0]).exists():
            raise UsageError(f"there is no file {words[0]}", why="nothing but a file can be named", fix=_UNNAMED)
        named, words = _first(session, words)
    if words:
        raise UsageError(f"{words[0]}: one file, and no further words", fix="leave it out")
    return named


def file_or_snapshot(session: Session, named: str | None, snapshot: str | None, words: tuple[str, ...]) -> str:
    """The file of `whatif`; ``--snapshot`` was its name for a scenario.

    Raises:
        UsageError: none is named, or two.
    """
    if snapshot is None:
        return file_alone(session, named, words)
    if named is not None:
        raise UsageError("--file and --snapshot name one thing", fix="leave --snapshot out")
    _hint(session, f"a scenario is named with --file: --file {snapshot}")
    return file_alone(session, snapshot, words)


def file_by_either(word: str | None, named: str | None) -> str:
    """The file of `simulate`: as its argument, or by ``--file``.

    Raises:
        UsageError: none is named, or two.
    """
    if word is not None and named is not None:
        raise UsageError(f"{word} and --file {named} name one thing", fix="leave one of them out")
    file = word if named is None else named
    if file is None:
        raise UsageError("no file is named", fix=_UNNAMED)
    return file


def _first(session: Session, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    _hint(session, f"a file is named with --file: --file {words[0]}")
    return words[0], words[1:]


def not_with_this_file(flag: str, why: str) -> UsageError:
    """An option was given that says nothing about a file of this kind."""
    return UsageError(f"{flag} does not go with this file", why=why, fix="leave it out")


def node_list(named: str | None) -> str:
    """The node list of an openb pod list.

    Raises:
        UsageError: none is named.
    """
    if named is None:
        raise UsageError(
            "which nodes?",
            why="an openb pod list says nothing of nodes",
            fix="name an openb node list with --nodes FILE",
        )
    return named


def _hint(session: Session, text: str) -> None:
    session.note(f"{click.style('hint:', fg='blue', bold=True)} {text}")
