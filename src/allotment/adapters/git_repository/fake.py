"""A repository in memory; tests hold it to what Git does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.adapters.git_repository.messages import identity, is_of, text_of
from allotment.adapters.git_repository.trees import paths_within
from allotment.errors import NotFoundError
from allotment.model.source import SourceTree, is_read
from allotment.ports.repository import (
    CommitMessage,
    CommitMode,
    CommitPerson,
    EditedByHandError,
    FileChanges,
    HeadMovedError,
    LastChange,
    PushRefusedError,
    RepositoryState,
    branch_of,
)

_MAIN: Final = "main"


@dataclass(frozen=True, slots=True)
class MemoryCommit:
    """One commit.

    Attributes:
        parents: names of those before; none of the first.
        files: text by path.
        author: who asked.
        committer: who committed.
        text: what it says.
        at: seconds since the epoch.
    """

    parents: tuple[str, ...]
    files: Mapping[str, str]
    author: CommitPerson
    committer: CommitPerson
    text: str
    at: int


@dataclass(slots=True)
class MemoryRepository:
    """A `RepositoryPort` without a disk; its branch that counts is ``main``.

    Attributes:
        mode: where commits go.
        committer: who commits.
        refusal: what a server says that takes nothing; empty where it takes commits.
        commits: by name.
        branches: the last commit of each.
    """

    mode: CommitMode
    committer: CommitPerson
    refusal: str = ""
    commits: dict[str, MemoryCommit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def place(self) -> str:
        """A made-up place."""
        return "memory"

    def read(self) -> RepositoryState:
        """As it is.

        Raises:
            NotFoundError: nothing was committed yet.
        """
        head = self._head()
        return RepositoryState(head, SourceTree({
            path: text for path, text in self.commits[head].files.items() if is_read(path)
        }))  # fmt: skip

    def commit(self, change: FileChanges, message: CommitMessage) -> str:
        """Commit, on the branch that counts or the request's own."""
        head = self._head()
        paths_within("", change.files)
        if found := self._standing(change, message.request, head):
            return found
        if self.mode is CommitMode.DIRECT:
            if head != change.expected:
                raise HeadMovedError("memory has gone on since it was read")
            return self._made(change, message, _MAIN)
        branch = branch_of(message.request)
        before = self.branches.get(branch)
        if before and (found := self._since_expected(change, message.request, before)):
            return found
        if head != change.expected:
            raise HeadMovedError("memory has gone on since it was read")
        if before and not all(
            is_of(self.commits[each].text, message.request) and self.commits[each].committer == self.committer
            for each in self._since(head, before)
        ):
            raise EditedByHandError(branch, why="somebody else has committed to it", fix="merge it, or delete it")
        return self._made(change, message, branch)

    def last_change(self, commit: str, path: str) -> LastChange | None:
        """Who has changed a file last."""
        (path,) = paths_within("", (path,))
        for each in self._behind(commit):
            made = self.commits[each]
            before = [self.commits[parent].files.get(path) for parent in made.parents] or [None]
            if made.files.get(path) not in before:
                return LastChange(each, made.author)
        return None

    def commit_by(self, person: CommitPerson, files: Mapping[str, str | None], branch: str = _MAIN) -> str:
        """What somebody else commits."""
        parent = self.branches.get(branch)
        before = self.commits[parent].files if parent else {}
        return self._put(
            branch, MemoryCommit((parent,) if parent else (), _changed(before, files), person, person, "by hand", 0)
        )

    def merge(self, branch: str, person: CommitPerson) -> str:
        """Merge a branch into the one that counts; what both have changed is as the branch has it."""
        head, other = self._head(), self.branches[branch]
        changes: dict[str, str | None] = {}
        for each in reversed(list(self._since(head, other))):
            before, after = self.commits[self.commits[each].parents[0]].files, self.commits[each].files
            changes.update({path: after.get(path) for path in {*before, *after} if before.get(path) != after.get(path)})
        files = _changed(self.commits[head].files, changes)
        return self._put(_MAIN, MemoryCommit((head, other), files, person, person, "merge", 0))

    def _head(self) -> str:
        if _MAIN not in self.branches:
            raise NotFoundError("memory has no branch main")
        return self.branches[_MAIN]

    def _standing(self, change: FileChanges, request: str, head: str) -> str:
        if found := self._since_expected(change, request, head):
            return found
        if not self._has(head, change.files):
            return ""
        return self._same(change, request, self._behind(head)) or head

    def _since_expected(self, change: FileChanges, request: str, head: str) -> str:
        if change.expected not in self.commits:
            return ""
        return self._same(change, request, self._since(change.expected, head))

    def _same(self, change: FileChanges, request: str, commits: Iterator[str]) -> str:
        for each in commits:
            if is_of(self.commits[each].text, request) and self._has(each, change.files):
                return each
        return ""

    def _has(self, commit: str, files: Mapping[str, str | None]) -> bool:
        return all(self.commits[commit].files.get(path) == text for path, text in files.items())

    def _behind(self, head: str) -> Iterator[str]:
        waiting, seen = [head], set[str]()
        while waiting:
            if (commit := waiting.pop(0)) not in seen:
                seen.add(commit)
                yield commit
                waiting.extend(self.commits[commit].parents)

    def _since(self, old: str, head: str) -> Iterator[str]:
        known = set(self._behind(old))
        return (each for each in self._behind(head) if each not in known)

    def _made(self, change: FileChanges, message: CommitMessage, branch: str) -> str:
        if self.refusal:
            raise PushRefusedError("memory does not take the commit", why=self.refusal)
        files = _changed(self.commits[change.expected].files, change.files)
        author = CommitPerson(*identity(message.author))
        text = text_of(message, self.committer)
        return self._put(
            branch, MemoryCommit((change.expected,), files, author, self.committer, text, message.at // 1000)
        )

    def _put(self, branch: str, commit: MemoryCommit) -> str:
        name = hashlib.sha256(f"{len(self.commits)} {commit!r}".encode(errors="replace")).hexdigest()[:40]
        self.commits[name] = commit
        self.branches[branch] = name
        return name


def _changed(files: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    together = {**files, **changes}
    return {path: text for path, text in together.items() if text is not None}
