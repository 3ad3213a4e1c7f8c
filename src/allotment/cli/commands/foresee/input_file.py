"""Which file a question is about: ``--file``. Where jobs are asked about, a bare word is a job.

Earlier calls named it otherwise, and go on to work with a hint: as the first word, and ``whatif`` as ``--snapshot``.
`simulate` takes it either way. `when`, `whatif` and `capacity` ask a cluster, or a snapshot of one, where no file is
named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from allotment.cli.shell.session import Session
from allotment.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

_UNNAMED: Final = "name it: --file FILE"
_LIKE_A_FILE: Final = re.compile(r"/|^~|^-$|\.(jsonl?|ya?ml|csv|swf|txt|gz)$", re.IGNORECASE)
"""Words that are meant as files, whether or not there is one: a path, or a name that ends as files do."""


def file_flag(text: str) -> Callable[[F], F]:
    """``--file``.

    Args:
        text: what the file is, for the help.
    """
    return click.option("--file", "named", metavar="FILE", type=click.Path(), help=text)


_KINDS: Final = re.compile(r"[a-z]+(\.[a-z.]+)?/[^/]+", re.IGNORECASE)
"""``KIND/NAME``, as a job of a cluster is named: no file, unless there is one."""


def names_a_file(named: str | None, words: tuple[str, ...]) -> bool:
    """Whether a call names a scenario's file, by flag or as its first word; else it asks a cluster."""
    if named is not None:
        return True
    if not words:
        return False
    if _KINDS.fullmatch(words[0]) and words[0].partition("/")[0].partition(".")[0].lower() in _WORK:
        return _is_there(words[0])
    return bool(_LIKE_A_FILE.search(words[0])) or _is_there(words[0])


_WORK: Final = frozenset(
    f"{kind}{ending}"
    for kind in (
        *("job", "cronjob", "jobset", "rayjob", "trainjob", "mpijob", "pytorchjob", "tfjob", "appwrapper"),
        *("pod", "workload", "deployment", "statefulset", "replicaset", "daemonset", "leaderworkerset"),
        *("raycluster", "rayservice", "wl", "po", "deploy", "sts", "lws"),
    )
    for ending in ("", "s")
)
"""Kinds of what waits; a folder of such a name is named with ``./`` before it."""


def file_and_jobs(session: Session, named: str | None, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The file, and the words that are jobs.

    Raises:
        UsageError: no file is named, and the first word is none either.
    """
    if named is not None:
        return named, words
    if not words:
        raise UsageError("no file is named", fix=_UNNAMED)
    # Whether it is there and can be read is said by its reader, in the same words as of a file that --file names.
    if not _LIKE_A_FILE.search(words[0]) and not _is_there(words[0]):
        raise UsageError("no file is named", why=f"there is no file {words[0]}, and a bare word is a job", fix=_UNNAMED)
    return _by_its_place(session, words)


def file_alone(session: Session, named: str | None, words: tuple[str, ...], command: str) -> str:
    """The file of a command that knows no other words.

    Args:
        session: where the hint goes.
        named: by ``--file``.
        words: the first was the file's name.
        command: as it is called, for its help.

    Raises:
        UsageError: no file is named, or more than that.
    """
    if named is None and not words:
        raise UsageError("no file is named", fix=_UNNAMED)
    file, more = (named, words) if named is not None else _by_its_place(session, words)
    if more:
        raise UsageError(f"{more[0]}: one file, and no further words", fix=f"see `{command} --help`")
    return file


def _by_its_place(session: Session, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    _hint(session, f"a file is named with --file: --file {words[0]}")
    return words[0], words[1:]


def _is_there(word: str) -> bool:
    from allotment import wiring

    try:
        return wiring.files().user_path(word).exists()
    except OSError:
        return True


def file_or_snapshot(session: Session, named: str | None, snapshot: str | None, words: tuple[str, ...]) -> str:
    """The file of `whatif`; ``--snapshot`` was its name for a scenario.

    Raises:
        UsageError: none is named, or two.
    """
    if snapshot is None:
        return file_alone(session, named, words, "allot whatif")
    if named is not None:
        raise UsageError("--file and --snapshot name one thing", fix="leave --snapshot out")
    _hint(session, f"a scenario is named with --file: --file {snapshot}")
    return file_alone(session, snapshot, words, "allot whatif")


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
