"""What of a folder of code stays behind: what is never code, what holds credentials by its name, what is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from typing import Final, Self

from pathspec import GitIgnoreSpec, Pattern

LEFT_BEHIND: Final = (".git/", ".hg/", ".svn/", "__pycache__/", "*.pyc", ".venv/", ".mypy_cache/", ".pytest_cache/")
"""What stays behind unless the ignore file takes it in again, as in ``!.venv/``."""
CREDENTIAL_FILES: Final = (
    ".env",
    ".env.*",
    ".docker/config.json",
    ".git-credentials",
    ".netrc",
    ".pgpass",
    ".pypirc",
    "*.pem",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "kaggle.json",
)
"""Names that programs keep credentials under; whoever sees a job may read its code, and nobody means to send these."""
CREDENTIAL_FOLDERS: Final = (".aws", ".azure", ".config/gcloud", ".gnupg", ".kube", ".ssh")
_EXAMPLES: Final = (".example", ".sample", ".template")
"""Ends of names of files that show which variables there are, without their values."""


class LeftReason(Enum):
    """Why something stays behind."""

    NO_CODE = auto()
    """The ignore file names it, or it is never code."""
    CREDENTIALS = auto()
    """Its name says that it holds credentials."""
    GIT = auto()
    """A .gitignore names it."""
    CHECKPOINTS = auto()
    """The job's own are to lie in its place."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one ignore file, by what they say of an entry itself; what is in a folder, whoever walks knows.

    Attributes:
        files: as they are written, the last first.
        folders: the same for paths of folders without a slash at their end: without the slash that says that only
            folders are meant.
    """

    files: Sequence[Pattern]
    folders: Sequence[Pattern]

    @classmethod
    def of(cls, lines: Sequence[str]) -> Self:
        """Patterns, the last that matches counts.

        Raises:
            ValueError: one of them cannot be.
        """
        return cls(_compiled(lines), _compiled(list(_of_folders(lines))))

    @classmethod
    def of_git(cls, lines: Sequence[str]) -> Self:
        """Patterns of a .gitignore: one that cannot be matches nothing there."""
        return cls.of([each for each in lines if _can_be(each)])

    def say(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether it stays behind; None where no pattern matches.

        Args:
            path: relative to the file's folder, without a slash at its end.
            is_folder: whether it is one.
        """
        return next(
            (each.include for each in (self.folders if is_folder else self.files) if _matches(each, path)), None
        )


def _compiled(lines: Sequence[str]) -> Sequence[Pattern]:
    try:
        found = GitIgnoreSpec.from_lines(lines).patterns
    except re.error as error:
        raise ValueError(f"invalid git pattern: {error}") from error
    return tuple(each for each in reversed(list(found)) if each.include is not None)


def _matches(pattern: Pattern, path: str) -> bool:
    """Whether a pattern means the path itself: where it means a folder above, pathspec marks that one's slash.

    Git asks of every folder on the way by itself, and so does the walk: `!src/` says nothing of `src/a.key`.
    """
    found = pattern.match_file(path)
    return found is not None and found.match.groupdict().get("ps_d") is None


def _of_folders(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        pattern = line.rstrip(" ")
        bare = pattern[:-1] if pattern.endswith("/") else line
        if bare not in {"", "!"} or bare == line:
            yield bare


def _can_be(line: str) -> bool:
    try:
        Patterns.of([line])
    except ValueError:
        return False
    return True


@dataclass(slots=True)
class Sieve:
    """What of one folder stays behind. Folders are asked before what they hold, which is not asked where they stay.

    Attributes:
        ignored: what is never code, and the ignore file.
        taken_in: the patterns of the ignore file that take something in again, without their ``!``.
        git: whether .gitignore counts: there is no ignore file.
        above: .gitignore of folders above, the nearest first: the way from there to the folder, and its patterns.
        checkpoints: path of the folder in whose place checkpoints are to lie; empty for none.
    """

    ignored: Patterns
    taken_in: Sequence[str]
    git: bool
    above: Sequence[tuple[str, Patterns]] = ()
    checkpoints: str = ""
    _inner: dict[str, Patterns] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Sequence[str] | None, *, git: bool, above: Sequence[tuple[str, Patterns]] = ()) -> Self:
        """Of an ignore file's lines; None where there is none.

        Raises:
            ValueError: one of its patterns cannot be.
        """
        patterns = [each.rstrip(" ") for each in lines or ()]
        taken_in = [each[1:] for each in patterns if each.startswith("!")]
        return cls(Patterns.of([*LEFT_BEHIND, *(lines or ())]), taken_in, git, above)

    def heed(self, folder: str, lines: Sequence[str]) -> None:
        """A .gitignore lies in a folder of it.

        Args:
            folder: path within the folder of code; empty for itself.
            lines: of the file.
        """
        self._inner[folder] = Patterns.of_git(lines)

    def reason(self, path: str, *, is_folder: bool) -> LeftReason | None:
        """Why it stays behind; None where it travels."""
        if self.ignored.say(path, is_folder=is_folder):
            return LeftReason.NO_CODE
        if is_folder and path == self.checkpoints:
            return LeftReason.CHECKPOINTS
        kind = _credential(path, is_folder=is_folder)
        if kind and not self._names(path, kind, is_folder=is_folder):
            return LeftReason.CREDENTIALS
        return LeftReason.GIT if self.git and self._git_says(path, is_folder=is_folder) else None

    @property
    def heeds_git(self) -> bool:
        """Whether any .gitignore was there."""
        return bool(self._inner or self.above)

    def _names(self, path: str, kind: str, *, is_folder: bool) -> bool:
        """Whether it is taken in again by its name or by what is said here: `!*` and `!src/**` do not mean secrets."""
        meant = {path.rpartition("/")[2], kind.rpartition("/")[2]}
        return any(
            Patterns.of([each]).say(path, is_folder=is_folder)
            for each in self.taken_in
            if each.rstrip("/").rpartition("/")[2] in meant
        )

    def _git_says(self, path: str, *, is_folder: bool) -> bool:
        at = path
        while at:
            at = at.rpartition("/")[0]
            if at in self._inner:
                said = self._inner[at].say(path[len(at) + 1 :] if at else path, is_folder=is_folder)
                if said is not None:
                    return said
        return bool(said_above(self.above, path, is_folder=is_folder))


def said_above(above: Sequence[tuple[str, Patterns]], path: str, *, is_folder: bool) -> bool | None:
    """What .gitignore of folders above says: the nearest that says anything."""
    every = (patterns.say(f"{way}/{path}" if way else path, is_folder=is_folder) for way, patterns in above)
    return next((said for said in every if said is not None), None)


def counted_above(way: Sequence[str], files: Mapping[int, Sequence[str]]) -> Sequence[tuple[str, Patterns]]:
    """The patterns above a folder of code that git would ask, the nearest first.

    None, where they ignore the folder itself: who submits it nevertheless means what is in it.

    Args:
        way: names of the folders that lead from the repository to the folder of code.
        files: lines of the .gitignore that lies so many steps down that way.
    """
    patterns = {number: Patterns.of_git(lines) for number, lines in files.items()}

    def seen_from(depth: int) -> list[tuple[str, Patterns]]:
        return [("/".join(way[at:depth]), patterns[at]) for at in sorted(patterns, reverse=True) if at <= depth]

    for depth, name in enumerate(way):
        if said_above(seen_from(depth), name, is_folder=True):
            return ()
    return seen_from(len(way))


def _credential(path: str, *, is_folder: bool) -> str:
    """The name for credentials that it has, as it is listed; empty for none."""
    low = path.lower()
    if low.endswith(_EXAMPLES):
        return ""
    name = low.rpartition("/")[2]
    listed = CREDENTIAL_FOLDERS if is_folder else CREDENTIAL_FILES
    return next((each for each in listed if fnmatchcase(name, each) or f"/{low}".endswith(f"/{each}")), "")
