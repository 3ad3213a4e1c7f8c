"""`RepositoryPort` of a repository elsewhere, through a bare clone of our own that holds nothing but what is fetched.

What is written goes to the remote, or nowhere: a push names the commit that the branch has to be at still, so nothing
of anybody is ever overwritten. Where the answer to a push is lost, the remote is asked what it has.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.adapters.git_repository.commands import Git, GitAnswer
from allotment.adapters.git_repository.commits import Commits, WantedFiles, last_change, moved, one_commit
from allotment.adapters.git_repository.holding import held
from allotment.adapters.git_repository.remotes import RemotePlace, checked_branch
from allotment.adapters.git_repository.trees import checked_folder, platform_at
from allotment.errors import (
    AllotmentError,
    NotFoundError,
    NotSignedInError,
    TimedOutError,
    UnreachableError,
    quoted_message,
)
from allotment.ports.private_folders import must_be_private
from allotment.ports.repository import (
    CommitMessage,
    CommitMode,
    CommitPerson,
    EditedByHandError,
    FileChanges,
    LastChange,
    PushRefusedError,
    RepositoryState,
    branch_of,
)

NETWORK_LIMIT: Final = 60.0
"""Seconds of a fetch or a push."""
_FIRST_LIMIT: Final = 600.0
"""Seconds of the first fetch, which brings everything."""
_HEAD: Final = "refs/allotment/head"
_PROPOSED: Final = "refs/allotment/proposed"
_MOST_LINES: Final = 5
"""Of what a server said, in a message."""
_NOT_SIGNED_IN: Final = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied|Host key verification failed"
    r"|returned error: 40[13]|Access denied"
)
_NOT_THERE: Final = re.compile(
    r"repository .*not found|does not appear to be a git repository|returned error: 404", re.IGNORECASE
)
_NO_BRANCH: Final = re.compile(r"couldn't find remote ref")


@dataclass(frozen=True, slots=True)
class RemoteBranch:
    """What is read and written.

    Attributes:
        remote: the repository.
        branch: that counts.
        folder: the platform directory within; empty for the repository itself.

    Raises `UsageError` for what is no branch's name, and `InputError` for what is no path within.
    """

    remote: RemotePlace
    branch: str
    folder: str

    def __post_init__(self) -> None:
        checked_branch(self.branch)
        checked_folder(self.folder)


@dataclass(frozen=True, slots=True)
class RemoteRepository:
    """Implements `RepositoryPort`.

    Attributes:
        at: what is read and written.
        mode: where commits go.
        committer: who commits.
        clone: our own folder for what is fetched, made where it is missing; it can be removed at any time.
    """

    at: RemoteBranch
    mode: CommitMode
    committer: CommitPerson
    clone: Path

    def place(self) -> str:
        """The address, and the branch."""
        return f"{self.at.remote.shown} {self.at.branch}"

    def read(self) -> RepositoryState:
        """The platform directory, after a fetch."""
        with self._opened() as git:
            head = self._fetched(git)
            return RepositoryState(head, platform_at(git, head, self.at.folder))

    def commit(self, change: FileChanges, message: CommitMessage) -> str:
        """Commit, and push."""
        with self._opened() as git:
            head = self._fetched(git, message.request)
            commits = Commits(git, self.at.folder, self.committer, self.clone)
            wanted = commits.wanted(change, message)
            if found := commits.standing(wanted, head):
                return found
            if self.mode is CommitMode.DIRECT:
                if head != change.expected:
                    raise moved(self.place())
                return self._pushed(commits, wanted, commits.made(wanted, message), self.at.branch, head)
            return self._proposed(commits, wanted, head, message)

    def last_change(self, commit: str, path: str) -> LastChange | None:
        """Who has changed a file last; nothing is fetched for it."""
        with self._opened() as git:
            return last_change(git, self.at.folder, commit, path)

    def _proposed(self, commits: Commits, wanted: WantedFiles, head: str, message: CommitMessage) -> str:
        """Onto the request's branch, where nothing of anybody else's lies."""
        branch = branch_of(message.request)
        before = one_commit(commits.git, f"{_PROPOSED}/{message.request}")
        if before and (found := commits.since_expected(wanted, before)):
            return found
        if head != wanted.expected:
            raise moved(self.place())
        merged = not before or commits.is_part_of(before, head)
        if not merged and not commits.only_ours(f"{head}..{before}", message.request):
            raise EditedByHandError(
                branch,
                why="somebody else has committed to it, and it is not merged",
                fix=f"merge or delete the branch {branch}",
            )
        return self._pushed(commits, wanted, commits.made(wanted, message), branch, before)

    def _pushed(self, commits: Commits, wanted: WantedFiles, commit: str, branch: str, before: str) -> str:
        """Push, if the branch is still where it was; `before` is empty where there is to be none."""
        ref = f"refs/heads/{branch}"
        try:
            answer = commits.git.ask(
                "push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no",
                f"--force-with-lease={ref}:{before}", "--", "allotment", f"{commit}:{ref}", limit=NETWORK_LIMIT,
            )  # fmt: skip
        except TimedOutError as error:
            return self._asked_after(commits, wanted, branch, before, error)
        return commit if answer.code == 0 else self._asked_after(commits, wanted, branch, before, self._refusal(answer))

    def _asked_after(
        self, commits: Commits, wanted: WantedFiles, branch: str, before: str, error: AllotmentError
    ) -> str:
        """What became of a push that nobody has acknowledged: that of a killed predecessor may have come in as well."""
        head = self._fetched(commits.git, wanted.request)
        now = head if branch == self.at.branch else one_commit(commits.git, f"{_PROPOSED}/{wanted.request}")
        if now and (found := commits.since_expected(wanted, now)):
            return found
        if now != before:
            raise moved(f"{self.at.remote.shown} {branch}") from None
        raise error

    def _refusal(self, answer: GitAnswer) -> AllotmentError:
        said = [line.partition(":")[2].strip() for line in answer.said.splitlines() if line.startswith("remote:")]
        flags = [line for line in answer.out.decode(errors="replace").splitlines() if line.startswith("!")]
        if not flags:
            return self._away(answer)
        reasons = [line.rpartition("\t")[2] for line in flags]
        told = [line for line in said if line][:_MOST_LINES] or reasons
        return PushRefusedError(
            f"{self.at.remote.shown} does not take the commit",
            why=quoted_message(" / ".join(told)),
            fix="let Allotment's user push there, or let it propose branches instead (mode branch)",
        )

    def _fetched(self, git: Git, request: str = "") -> str:
        """The head of the branch that counts, and of the request's own, as they are now."""
        wanted = [f"+refs/heads/{self.at.branch}:{_HEAD}"]
        if request and self.mode is CommitMode.BRANCH:
            # A pattern, as it need not be there; ids are of one length, and what more it finds does no harm.
            wanted.append(f"+refs/heads/{branch_of(request)}*:{_PROPOSED}/{request}*")
        limit = NETWORK_LIMIT if one_commit(git, _HEAD) else _FIRST_LIMIT
        answer = git.ask(
            "fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--no-recurse-submodules", "--",
            "allotment", *wanted, limit=limit,
        )  # fmt: skip
        if answer.code:
            raise self._away(answer)
        return one_commit(git, _HEAD)

    def _away(self, answer: GitAnswer) -> AllotmentError:
        shown = self.at.remote.shown
        lines = [line for line in answer.said.splitlines() if line.strip()][:_MOST_LINES]
        why = quoted_message(" / ".join(lines)) if lines else f"exit code {answer.code}"
        if _NO_BRANCH.search(answer.said):
            return NotFoundError(f"{shown} has no branch {self.at.branch}", fix="push the platform directory there")
        if _NOT_SIGNED_IN.search(answer.said):
            return NotSignedInError(
                f"{shown} does not let Allotment in",
                why=why,
                fix="give its user a key or a token for it; try `git ls-remote` as that user",
            )
        if _NOT_THERE.search(answer.said):
            return NotFoundError(f"there is no repository at {shown}", why=why, fix="check the address, and the rights")
        return UnreachableError(f"{shown} does not answer", why=why, fix="check the address, and the network")

    @contextmanager
    def _opened(self) -> Iterator[Git]:
        """Our clone, for us alone."""
        try:
            self.clone.mkdir(parents=True, exist_ok=True, mode=0o700)
            must_be_private(self.clone, self.clone.stat(), os.geteuid())
            with held(self.clone / "allotment-held", self.at.remote.shown):
                git = Git((f"--git-dir={self.clone}",), self.at.remote.shown, self.at.remote.protocol)
                self._made_good(git)
                yield git
        except OSError as error:
            raise AllotmentError(
                f"{self.clone} cannot be written",
                why=error.strerror or str(error),
                fix="check its owner, mode and disk",
            ) from error

    def _made_good(self, git: Git) -> None:
        """As it has to be, whatever a killed predecessor left."""
        for lock in (*self.clone.glob("*.lock"), *(self.clone / "refs").rglob("*.lock")):
            lock.unlink(missing_ok=True)
        if not (self.clone / "HEAD").exists() or not (self.clone / "objects").is_dir():
            git.run("init", "--quiet", "--bare", "--template=")
        config = self.clone / "config"
        text = _configuration(self.at.remote)
        if not config.exists() or config.read_text(encoding="utf-8", errors="replace") != text:
            fresh = self.clone / "config.allotment"
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            fresh.replace(config)


def _configuration(remote: RemotePlace) -> str:
    """What git reads of the clone: secrets stand here, and in no argument that others see."""
    header = f"\textraHeader = {_quoted(remote.header)}\n" if remote.header else ""
    return (
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
        f"[http]\n\tfollowRedirects = false\n{header}"
        f'[remote "allotment"]\n\turl = {_quoted(remote.url)}\n'
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
