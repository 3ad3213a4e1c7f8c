"""Teams come and go. Edits are texts: they can be read before they are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Final

from allotment.errors import ConflictError, UsageError
from allotment.model.source import Changes, SourceTree
from allotment.spec import amounts, edit
from allotment.spec.amounts import AmountsRequest
from allotment.spec.edit import TeamRequest
from allotment.spec.load import load_platform
from allotment.spec.problems import Problem
from allotment.spec.renaming import rename_team


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the platform directory that has been checked, but not written.

    Attributes:
        changes: new text by path, None where a file goes.
        diff: the same as a unified diff.
        warnings: what the directory warns of afterwards and did not before.
        clusters: where something changes for the team in question.
    """

    changes: Changes
    diff: str
    warnings: tuple[Problem, ...]
    clusters: tuple[str, ...] = ()


def start(present: SourceTree, name: str) -> Edit:
    """A commented starter directory.

    Raises:
        UsageError: the name cannot be a platform's.
        ConflictError: the folder holds YAML files already.
    """
    if present.files:
        raise ConflictError(
            f"the folder holds YAML files already: {', '.join(sorted(present.files)[:3])}",
            why="a platform directory is read as a whole, so the starter would mix with them",
            fix="name an empty or new folder",
        )
    files: Changes = dict(edit.starter(name))
    return Edit(files, diff_of(present, files), ())


def add(tree: SourceTree, request: TeamRequest) -> Edit:
    """A new team.

    Raises:
        AllotmentError: as `spec.edit.add_team`.
    """
    return checked(tree, edit.add_team(tree, request), request.name)


def set_amounts(tree: SourceTree, request: AmountsRequest) -> Edit:
    """Other guarantees for a team.

    Raises:
        AllotmentError: as `spec.amounts.set_amounts`.
    """
    return checked(tree, amounts.set_amounts(tree, request), request.name)


def rename(tree: SourceTree, name: str, new: str) -> Edit:
    """Another name for a team, in the directory alone.

    Raises:
        AllotmentError: as `spec.renaming.rename_team`.
    """
    return checked(tree, rename_team(tree, name, new), new)


def remove(tree: SourceTree, name: str, keep_data_until: dt.date, today: dt.date) -> Edit:
    """A team that leaves: it runs nothing any more, its data stay until the day has passed.

    Raises:
        UsageError: the day is past.
        AllotmentError: as `spec.edit.remove_team`.
    """
    if keep_data_until < today:
        raise UsageError(
            f"{keep_data_until} is past",
            why="the team's data would be deleted with the next apply",
            fix="name today or a later day with --keep-data-until; over HTTP it is `keep_data_until`",
        )
    return checked(tree, edit.remove_team(tree, name, keep_data_until), name)


def purge(tree: SourceTree, today: dt.date) -> Edit:
    """Take the teams out whose data need not be kept any longer.

    Raises:
        AllotmentError: as `spec.edit.finish_removals`.
    """
    return checked(tree, edit.finish_removals(tree, today))


def list_namespace(tree: SourceTree, cluster: str, fields: Sequence[str], namespace: str) -> Edit:
    """A namespace added to lists of a cluster.

    Raises:
        InputError: the cluster's file has to be edited by hand.
    """
    return checked(tree, edit.list_namespace(tree, cluster, fields, namespace))


def checked(tree: SourceTree, changes: Changes, name: str = "") -> Edit:
    """An edit whose outcome has been loaded, with what it warns of.

    Raises:
        InvalidPlatformError: the directory would have errors.
    """
    # Lines move with an edit, so a warning is the same one if file, field and words are.
    before = {_identity(problem) for problem in load_platform(tree).warnings}
    after = load_platform(tree.with_changes(changes))
    team = after.platform.team(name)
    return Edit(
        changes,
        diff_of(tree, changes),
        tuple(problem for problem in after.warnings if _identity(problem) not in before),
        () if team is None else tuple(placement.cluster for placement in team.placements),
    )


def _identity(problem: Problem) -> tuple[str, str, str]:
    return problem.file, problem.field, problem.what


def accelerators_of(words: tuple[str, ...]) -> Mapping[str, int]:
    """``("a100=4", "h100:spot=2", "training/t4=1")`` as counts by accelerator.

    Raises:
        UsageError: a word is not ``NAME=COUNT``, or a name is given twice.
    """
    counts: dict[str, int] = {}
    for word in words:
        name, sign, number = word.partition("=")
        if not (
            name
            and name.strip("/") == name
            and sign
            and number.isascii()
            and number.isdigit()
            and len(number) < _MOST_DIGITS
        ):
            raise UsageError(f"--accelerator {word!r} is not NAME=COUNT", fix="write for example --accelerator a100=4")
        if name in counts:
            raise UsageError(f"--accelerator names {name} twice", fix="give it once, with the sum")
        counts[name] = int(number)
    return counts


def limits_of(flag: str, words: tuple[str, ...]) -> Mapping[str, int | None]:
    """``("a100=4", "training/t4=none")`` as bounds by accelerator; None for no bound.

    Raises:
        UsageError: a word is not ``NAME=COUNT`` or ``NAME=none``, or a name is given twice.
    """
    bounds: dict[str, int | None] = {}
    for word in words:
        name, sign, number = word.partition("=")
        count = number.isascii() and number.isdigit() and len(number) < _MOST_DIGITS
        if not (name and name.strip("/") == name and sign and (count or number == "none")):
            raise UsageError(
                f"{flag} {word!r} is not NAME=COUNT", fix=f"write for example {flag} a100=4, or a100=none for no bound"
            )
        if name in bounds:
            raise UsageError(f"{flag} names {name} twice", fix="give it once")
        bounds[name] = int(number) if count else None
    return bounds


_MOST_DIGITS: Final = 9


def diff_of(before: SourceTree, changes: Changes) -> str:
    """What an edit changes, as a unified diff that `git apply` and `patch -p1` take."""
    return "".join(line for path in sorted(changes) for line in _file_diff(path, before.files.get(path), changes[path]))


def _file_diff(path: str, old: str | None, new: str | None) -> Iterator[str]:
    lines = unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        fromfile="/dev/null" if old is None else f"a/{path}",
        tofile="/dev/null" if new is None else f"b/{path}",
    )
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
