"""`RepositoryPort` of a working copy on this machine, in which people work as well.

A commit is made without the working copy, and the branch is moved only if it is where it was. Then the files and the
index are brought along, each only where it is as it was before; a note in the repository says so until that is done,
so that whoever comes after one who was killed does the rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.adapters.git_repository.commands import Git
from allotment.adapters.git_repository.commits import Commits, WantedFiles, index_lines, last_change, moved, one_commit
from allotment.adapters.git_repository.holding import held
from allotment.adapters.git_repository.trees import TreeEntry, contents, entries_at, indexed, platform_at
from allotment.adapters.git_repository.working_files import WorkingFiles
from allotment.errors import AllotmentError, InputError, NotFoundError, quoted_message, shown
from allotment.ports.repository import (
    CommitMessage,
    CommitMode,
    CommitPerson,
    EditedByHandError,
    FileChanges,
    LastChange,
    RepositoryState,
)

_Entries = Mapping[str, TreeEntry | None]
_INDEX_PATIENCE: Final = 2.0
_INDEX_STEP: Final = 0.1
"""Seconds that a git command of somebody's has for the index, and between two tries."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """The working copy, as it is while it is held.

    Attributes:
        git: in it.
        files: of it.
        folder: the platform directory within; empty for all of it.
        branch: that is checked out, as a reference.
        note: file that says what is still to be brought along.
    """

    git: Git
    files: WorkingFiles
    folder: str
    branch: str
    note: Path


@dataclass(frozen=True, slots=True)
class WorkingCopyRepository:
    """Implements `RepositoryPort`; the branch that counts is the one that is checked out.

    Attributes:
        directory: the platform directory.
        committer: who commits.
    """

    directory: Path
    committer: CommitPerson

    def place(self) -> str:
        """The directory."""
        return shown(self.directory)

    @property
    def mode(self) -> CommitMode:
        """There is nobody to propose anything to."""
        return CommitMode.DIRECT

    def read(self) -> RepositoryState:
        """What is committed; edits that are not do not count."""
        with self._opened() as copy:
            head = self._head(copy)
            _bring_along_rest(copy, head)
            return RepositoryState(head, platform_at(copy.git, head, copy.folder))

    def commit(self, change: FileChanges, message: CommitMessage) -> str:
        """Commit on the branch, and bring the working copy along."""
        with self._opened() as copy:
            head = self._head(copy)
            _bring_along_rest(copy, head)
            commits = Commits(copy.git, copy.folder, self.committer, copy.note.parent)
            wanted = commits.wanted(change, message)
            if found := commits.standing(wanted, head):
                return found
            if head != change.expected:
                raise moved(self.place())
            _check_untouched(copy, head, wanted)
            made = self._moved(copy, commits, wanted, commits.made(wanted, message))
            _bring_along_rest(copy, made)
            return made

    def last_change(self, commit: str, path: str) -> LastChange | None:
        """Who has changed a file last."""
        with self._opened() as copy:
            return last_change(copy.git, copy.folder, commit, path)

    def _head(self, copy: _Copy) -> str:
        head = one_commit(copy.git, copy.branch)
        if not head:
            raise NotFoundError(f"{self.place()} lies in a repository without a commit", fix="commit it once")
        return head

    def _moved(self, copy: _Copy, commits: Commits, wanted: WantedFiles, commit: str) -> str:
        """The commit that the branch is moved to, with a note of it."""
        head = wanted.expected
        _write_note(copy.note, commit, head)
        answer = copy.git.ask("update-ref", "-m", "allotment: commit", copy.branch, commit, head)
        if answer.code == 0:
            return commit
        now = self._head(copy)
        if now == head:
            raise AllotmentError(
                f"git does not move the branch of {self.place()}",
                why=quoted_message(answer.said),
                fix="end other git commands there, and remove the lock that a killed one left",
            )
        # A command that a killed predecessor has left may have been faster.
        found = commits.since_expected(wanted, now)
        if not found:
            raise moved(self.place())
        _write_note(copy.note, found, head)
        return found

    @contextmanager
    def _opened(self) -> Iterator[_Copy]:
        git = Git(("-C", str(self.directory)), self.place())
        answer = git.ask("rev-parse", "--show-toplevel", "--absolute-git-dir", "--show-prefix")
        lines = os.fsdecode(answer.out).split("\n")
        if answer.code or len(lines) != 4:
            raise InputError(
                f"{self.place()} lies in no working copy of Git",
                why=quoted_message(answer.said) if answer.said else "",
                fix="make one: `git init`, then commit the platform directory",
            )
        top, own, prefix = Path(lines[0]), Path(lines[1]), lines[2].rstrip("/")
        git = Git(("-C", str(top)), self.place())
        with held(own / "allotment-held", self.place()):
            answer = git.ask("symbolic-ref", "--quiet", "HEAD")
            branch = os.fsdecode(answer.out).strip()
            if answer.code or not branch.startswith("refs/heads/"):
                raise InputError(
                    f"no branch is checked out in {self.place()}",
                    why="a commit would belong to none, as in the middle of a rebase",
                    fix="end the rebase, or check a branch out: `git switch main`",
                )
            yield _Copy(git, WorkingFiles(top), prefix, branch, own / "allotment-pending")


def _check_untouched(copy: _Copy, head: str, wanted: WantedFiles) -> None:
    """Refuse a change of files that somebody has changed and not committed.

    Raises:
        EditedByHandError: somebody has.
    """
    there = entries_at(copy.git, head, wanted.entries)
    staged = indexed(copy.git, wanted.entries)
    for path, after in wanted.entries.items():
        before = there[path]
        if not any(_is_staged(staged[path], each) for each in (before, after)):
            raise EditedByHandError(
                _relative(copy, path),
                why="the change is staged, and not committed",
                fix="commit it, or take it back: `git restore --staged --worktree`",
            )
        if not any(copy.files.holds(path, _content(copy.git, each)) for each in (before, after)):
            raise EditedByHandError(
                _relative(copy, path), why="the edit is not committed", fix="commit it, or take it back: `git restore`"
            )


def _relative(copy: _Copy, path: str) -> str:
    return path.removeprefix(f"{copy.folder}/") if copy.folder else path


def _bring_along_rest(copy: _Copy, head: str) -> None:
    """Bring files and index along with what a note says; it stays where somebody holds the index."""
    parts = _read_note(copy.note)
    if len(parts) == 2 and copy.git.ask("merge-base", "--is-ancestor", parts[0], head).code == 0:
        old, new = parts[1], parts[0]
        out = copy.git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
        paths = [os.fsdecode(each) for each in out.split(b"\0") if each]
        before, after, now = (entries_at(copy.git, commit, paths) for commit in (old, new, head))
        # What was committed on top since is for whoever did it.
        ours = [path for path in paths if now[path] == after[path]]
        if not _index_brought_along(
            copy.git, {path: before[path] for path in ours}, {path: after[path] for path in ours}
        ):
            return
        for path in ours:
            copy.files.exchange(path, _content(copy.git, before[path]), _content(copy.git, after[path]))
    copy.note.unlink(missing_ok=True)


def _index_brought_along(git: Git, before: _Entries, after: _Entries) -> bool:
    """Whether nobody else holds the index."""
    until = time.monotonic() + _INDEX_PATIENCE
    while True:
        staged = indexed(git, after)
        behind = {path: entry for path, entry in after.items() if _is_staged(staged[path], before[path])}
        if not behind:
            return True
        # Each path has a content before or after.
        length = max(len(each.blob) for each in (*before.values(), *after.values()) if each)
        if git.ask("update-index", "-z", "--index-info", stdin=index_lines(behind, length)).code == 0:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(_INDEX_STEP)


def _is_staged(found: list[TreeEntry], wanted: TreeEntry | None) -> bool:
    return [each.blob for each in found] == ([] if wanted is None else [wanted.blob])


def _content(git: Git, entry: TreeEntry | None) -> bytes | None:
    return None if entry is None else contents(git, [entry.blob])[0]


def _write_note(note: Path, commit: str, before: str) -> None:
    fresh = note.with_name(f"{note.name}.new")
    try:
        fresh.write_text(f"{commit} {before}\n", encoding="ascii")
        fresh.replace(note)
    except OSError as error:
        raise AllotmentError(
            f"{shown(note)} cannot be written", why=error.strerror or str(error), fix="check its owner, mode and disk"
        ) from error


def _read_note(note: Path) -> list[str]:
    try:
        return note.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []
