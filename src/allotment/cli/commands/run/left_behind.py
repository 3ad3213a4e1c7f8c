"""What stays behind when a folder of code is packed, told where it is submitted: a job may need it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from allotment.errors import InputError, shown

if TYPE_CHECKING:
    from allotment.model.jobs.job import CodeFolder, Program
    from allotment.ports.job_code import LeftBehind

_MOST_NAMED: Final = 5


def left_behind_notes(left: LeftBehind, folder: CodeFolder) -> Iterator[str]:
    """A sentence for each reason that something stays behind for, with how to take it along."""
    file = _ignore_file(folder)
    if left.credentials:
        name = left.credentials[0].rstrip("/").rpartition("/")[2]
        yield (
            f"left behind, as such files hold credentials: {_named(left.credentials)}; values travel by `run.secrets`, "
            f"and a line such as `!{shown(name)}` in {file} takes a file along"
        )
    if left.checkpoints:
        yield (
            f"left behind: {_named(left.checkpoints)}, as the job's own checkpoints lie there: it starts without those "
            "in it (`allot retry --resume JOB` goes on from those of an earlier job)"
        )
    if left.by_git:
        named = _named(sorted(left.by_git, key=_in_sight))
        yield (
            f"left behind, as .gitignore names it: {named}; if the job needs any of it, write {file}, which counts in "
            "place of .gitignore (an empty one will do)"
        )


def check_script_travels(program: Program, left: LeftBehind, folder: CodeFolder) -> None:
    """Refuse a job whose script stays behind.

    Args:
        program: a script: one of its first two words.
        left: what stays behind.
        folder: its folder of code.

    Raises:
        InputError: it does.
    """
    # An absolute working directory is one of an image: nothing of the folder lies there.
    every = [posixpath.normpath(posixpath.join(program.working_directory, each)) for each in program.argv[:2]]
    script = next((each for each in every if left.holding(each)), "")
    if not script:
        return
    lacking = left.holding(script)
    by_name = lacking in left.credentials
    if lacking in left.checkpoints:
        raise InputError(
            f"the script {shown(script)} would not travel with the job",
            why=f"{shown(lacking)} is where its checkpoints are to lie",
            fix="name another folder as the checkpoint's",
        )
    name = lacking.rstrip("/").rpartition("/")[2]
    raise InputError(
        f"the script {shown(script)} would not travel with the job",
        why=f"{shown(lacking)} is named as what holds credentials" if by_name else f".gitignore names {shown(lacking)}",
        fix=f"write `!{shown(name)}` in {_ignore_file(folder)}"
        if by_name
        else f"take it out there, or write {_ignore_file(folder)}, which counts in its place (an empty one will do)",
    )


def _ignore_file(folder: CodeFolder) -> str:
    return shown(folder.ignore_file) if folder.ignore_file else "an ignore file (`code.ignoreFile`)"


def _in_sight(path: str) -> tuple[bool, int, str]:
    """What lies at the top and in sight first: what hides is seldom what a script reads."""
    return path.startswith("."), path.rstrip("/").count("/"), path


def _named(paths: Sequence[str]) -> str:
    """The first few."""
    told = ", ".join(shown(each) for each in paths[:_MOST_NAMED])
    more = len(paths) - _MOST_NAMED
    return f"{told} and {more:,} more" if more > 0 else told
