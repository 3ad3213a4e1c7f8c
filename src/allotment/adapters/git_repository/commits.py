"""Commits of ours: made without a working copy, and found again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.adapters.git_repository.commands import Git
from allotment.adapters.git_repository.messages import identity, is_of, text_of
from allotment.adapters.git_repository.trees import FILE_MODE, TreeEntry, entries_at, paths_within
from allotment.errors import AllotmentError
from allotment.ports.repository import CommitMessage, CommitPerson, FileChanges, HeadMovedError, LastChange

_MOST_LOOKED_AT: Final = 1000
"""Commits that touch the files of a change, newest first: what was made longer ago is not looked for."""

_APART: Final = "allotment-index-"
"""Begins the names of folders with an index of our own; what is there before was left by somebody who was killed."""


@dataclass(frozen=True, slots=True)
class WantedFiles:
    """What a change makes of the repository.

    Attributes:
        entries: by path within the repository; None where nothing is to stand.
        expected: the commit that it was decided on.
        request: whose change it is.
    """

    entries: Mapping[str, TreeEntry | None]
    expected: str
    request: str


@dataclass(frozen=True, slots=True)
class _Logged:
    commit: str
    committer: str
    text: str


def last_change(git: Git, folder: str, commit: str, path: str) -> LastChange | None:
    """As `RepositoryPort.last_change`."""
    within = paths_within(folder, (path,))[path]
    out = git.run("log", "--max-count=1", "--format=%H%x00%an%x00%ae", commit, "--", within)
    parts = out.decode(errors="replace").removesuffix("\n").split("\0")
    return LastChange(parts[0], CommitPerson(parts[1], parts[2])) if len(parts) == 3 else None


def moved(place: str) -> HeadMovedError:
    """Somebody was faster."""
    return HeadMovedError(
        f"{place} has gone on since it was read", why="somebody has committed meanwhile", fix="try again"
    )


@dataclass(frozen=True, slots=True)
class Commits:
    """Of one platform directory.

    Attributes:
        git: in its repository.
        folder: the platform directory within; empty for the repository itself.
        committer: who commits.
        scratch: a folder, for whoever holds the repository alone.
    """

    git: Git
    folder: str
    committer: CommitPerson
    scratch: Path

    def wanted(self, change: FileChanges, message: CommitMessage) -> WantedFiles:
        """A change with its contents in the repository, where they do no harm if nothing comes of it.

        Raises:
            InputError: a path leads out of the platform directory.
        """
        paths = paths_within(self.folder, change.files)
        entries = {
            paths[relative]: None if text is None else TreeEntry(FILE_MODE, self._written(text))
            for relative, text in change.files.items()
        }
        return WantedFiles(entries, change.expected, message.request)

    def _written(self, text: str) -> str:
        return self.git.line("hash-object", "-w", "-t", "blob", "--no-filters", "--stdin", stdin=text.encode())

    def standing(self, wanted: WantedFiles, head: str) -> str:
        """The commit by which it is done already; empty where it is not.

        Of the same request and with the same content, since what was expected; or, where all of it stands there at the
        head, the last of this request that did it, or the head.
        """
        if found := self.since_expected(wanted, head):
            return found
        if not self._has(head, wanted):
            return ""
        return self._same(wanted, head) or head

    def since_expected(self, wanted: WantedFiles, head: str) -> str:
        """A commit of the same request and content that was made since; empty for none."""
        if head == wanted.expected or not self.knows(wanted.expected):
            return ""
        return self._same(wanted, f"{wanted.expected}..{head}")

    def _same(self, wanted: WantedFiles, commits: str) -> str:
        """The newest commit of the same request and content; empty for none."""
        for each in self._logged(commits, wanted.entries):
            if is_of(each.text, wanted.request) and self._has(each.commit, wanted):
                return each.commit
        return ""

    def _has(self, commit: str, wanted: WantedFiles) -> bool:
        found = entries_at(self.git, commit, wanted.entries)
        return all(
            (None if (there := found[path]) is None else there.blob) == (None if entry is None else entry.blob)
            for path, entry in wanted.entries.items()
        )

    def only_ours(self, commits: str, request: str) -> bool:
        """Whether nobody else has committed any of them."""
        name, email = identity(self.committer)
        return all(
            each.committer == f"{name} <{email}>" and is_of(each.text, request) for each in self._logged(commits)
        )

    def knows(self, commit: str) -> bool:
        """Whether there is such a commit here."""
        return self.git.ask("cat-file", "-e", f"{commit}^{{commit}}").code == 0

    def is_part_of(self, commit: str, head: str) -> bool:
        """Whether a commit is the other, or lies behind it."""
        return self.git.ask("merge-base", "--is-ancestor", commit, head).code == 0

    def made(self, wanted: WantedFiles, message: CommitMessage) -> str:
        """The commit, which nothing refers to yet.

        Raises:
            InputError: a path leads through a link, or to what is no file.
        """
        there = entries_at(self.git, wanted.expected, wanted.entries)
        for left in self.scratch.glob(f"{_APART}*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_APART, dir=self.scratch) as folder:
            apart = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git.run("read-tree", wanted.expected, more=apart)
            lines = index_lines({
                path: entry and TreeEntry((there[path] or entry).mode, entry.blob)
                for path, entry in wanted.entries.items()
            }, len(wanted.expected))  # fmt: skip
            self.git.run("update-index", "-z", "--index-info", stdin=lines, more=apart)
            tree = self.git.line("write-tree", more=apart)
        text = text_of(message, self.committer).encode(errors="replace")
        return self.git.line(
            "commit-tree", tree, "-p", wanted.expected, stdin=text, more=_named(message, self.committer)
        )

    def _logged(self, commits: str, paths: Iterable[str] = ()) -> Iterator[_Logged]:
        """Commits that touch the paths, newest first; all of them where no path is named."""
        shape = "--format=%x00%H%x00%cn <%ce>%x00%B%x00"
        out = self.git.run("rev-list", f"--max-count={_MOST_LOOKED_AT}", shape, commits, "--", *paths)
        parts = out.decode(errors="replace").split("\0")
        for at in range(1, len(parts) - 1, 4):
            yield _Logged(*parts[at : at + 3])


def index_lines(entries: Mapping[str, TreeEntry | None], length: int) -> bytes:
    """What ``update-index --index-info -z`` reads.

    Args:
        entries: by path; None for what goes away.
        length: of a name of an object.
    """
    return b"".join(
        f"{entry.mode} {entry.blob}\t{path}\0".encode(errors="surrogateescape")
        if entry is not None
        else f"0 {'0' * length}\t{path}\0".encode(errors="surrogateescape")
        for path, entry in entries.items()
    )


def _named(message: CommitMessage, committer: CommitPerson) -> dict[str, str]:
    """Author, committer and time, as git reads them from the environment."""
    names: dict[str, str] = {}
    for role, person in (("AUTHOR", message.author), ("COMMITTER", committer)):
        names[f"GIT_{role}_NAME"], names[f"GIT_{role}_EMAIL"] = identity(person)
        names[f"GIT_{role}_DATE"] = f"@{message.at // 1000} +0000"
    return names


def one_commit(git: Git, ref: str) -> str:
    """The commit that a reference names; empty where there is none.

    Raises:
        AllotmentError: it names something else.
    """
    answer = git.ask("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    found = answer.out.decode(errors="replace").strip()
    if answer.code or not found.isalnum():
        if answer.said:
            raise AllotmentError(f"git rev-parse fails on {git.place}", fix="look at the repository: `git fsck`")
        return ""
    return found
