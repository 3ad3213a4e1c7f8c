"""Real repositories with somebody who works in them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.git_repository.remote import RemoteBranch, RemoteRepository
from allotment.adapters.git_repository.remotes import remote_place
from allotment.adapters.git_repository.working_copy import WorkingCopyRepository
from allotment.ports.repository import CommitMode, CommitPerson
from tests.unit.adapters.git_repository.contract import ALLOTMENT, FIRST, HUMAN, Told

_SHAPE = "%P%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%B"


def git(folder: Path, *words: str) -> str:
    """What somebody does by hand; without what he has set up otherwise."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {"GIT_AUTHOR_NAME": HUMAN.name, "GIT_AUTHOR_EMAIL": HUMAN.email, "GIT_COMMITTER_NAME": HUMAN.name,
           "GIT_COMMITTER_EMAIL": HUMAN.email, "GIT_CONFIG_GLOBAL": "/dev/null",
           "GIT_CONFIG_SYSTEM": "/dev/null"}  # fmt: skip
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True, env={**clean, **who}
    ).stdout


def put(folder: Path, files: Mapping[str, str | None]) -> None:
    for path, text in files.items():
        file = folder / path
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")


def new_copy(folder: Path, platform: str = "") -> Path:
    """A working copy with `FIRST` committed."""
    folder.mkdir()
    git(folder, "-c", "init.defaultBranch=main", "init", "--quiet", "--template=")
    put(folder / platform, FIRST)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@dataclass(frozen=True)
class WorkingCopyScene:
    """Somebody works in the very copy; `platform` is the platform directory's path within."""

    copy: Path
    platform: str = ""

    @property
    def directory(self) -> Path:
        return self.copy / self.platform

    @property
    def port(self) -> WorkingCopyRepository:
        return WorkingCopyRepository(self.directory, ALLOTMENT)

    def by_hand(self, files: Mapping[str, str | None], branch: str = "main") -> str:
        assert branch == "main"
        put(self.directory, files)
        git(self.copy, "add", "--all", ".")
        git(self.copy, "commit", "--quiet", "-m", "by hand")
        return self.branches()["main"]

    def merge(self, branch: str) -> str:
        raise AssertionError("nothing is proposed here")

    def files(self, commit: str) -> dict[str, str]:
        return files_of(self.copy, commit, self.platform)

    def told(self, commit: str) -> Told:
        return told_of(self.copy, commit)

    def branches(self) -> dict[str, str]:
        return branches_of(self.copy)


@dataclass(frozen=True)
class RemoteScene:
    """A bare remote in `root`, and somebody who works with a clone of it."""

    root: Path
    mode: CommitMode
    platform: str = ""

    @property
    def bare(self) -> Path:
        return self.root / "remote.git"

    @property
    def theirs(self) -> Path:
        return self.root / "theirs"

    @property
    def port(self) -> RemoteRepository:
        return self.port_at("clone")

    def port_at(self, clone: str) -> RemoteRepository:
        at = RemoteBranch(remote_place(str(self.bare)), "main", self.platform)
        return RemoteRepository(at, self.mode, ALLOTMENT, self.root / clone)

    def by_hand(self, files: Mapping[str, str | None], branch: str = "main") -> str:
        self._on(branch)
        put(self.theirs / self.platform, files)
        git(self.theirs, "add", "--all", ".")
        git(self.theirs, "commit", "--quiet", "-m", "by hand")
        git(self.theirs, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return self.branches()[branch]

    def merge(self, branch: str) -> str:
        self._on("main")
        git(self.theirs, "merge", "--quiet", "--no-ff", "-m", "merge", f"origin/{branch}")
        git(self.theirs, "push", "--quiet", "origin", "HEAD:refs/heads/main")
        return self.branches()["main"]

    def files(self, commit: str) -> dict[str, str]:
        return files_of(self.bare, commit, self.platform)

    def told(self, commit: str) -> Told:
        return told_of(self.bare, commit)

    def branches(self) -> dict[str, str]:
        return branches_of(self.bare)

    def _on(self, branch: str) -> None:
        git(self.theirs, "fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*")
        git(self.theirs, "switch", "--quiet", "--detach", f"origin/{branch}")


def remote_scene(root: Path, mode: CommitMode, platform: str = "") -> RemoteScene:
    scene = RemoteScene(root, mode, platform)
    new_copy(scene.theirs, platform)
    git(root, "clone", "--quiet", "--bare", "theirs", "remote.git")
    git(scene.theirs, "remote", "add", "origin", str(scene.bare))
    return scene


def files_of(repository: Path, commit: str, platform: str) -> dict[str, str]:
    names = git(repository, "ls-tree", "-r", "--name-only", "-z", f"{commit}:{platform}").split("\0")
    below = f"{platform}/" if platform else ""
    return {name: git(repository, "show", f"{commit}:{below}{name}") for name in names if name}


def told_of(repository: Path, commit: str) -> Told:
    parents, author, email, committer, committing, at, text = git(
        repository, "show", "--no-patch", f"--format={_SHAPE}", commit
    ).split("\0")
    return Told(
        tuple(parents.split()), CommitPerson(author, email), CommitPerson(committer, committing), int(at), text.rstrip()
    )


def branches_of(repository: Path) -> dict[str, str]:
    lines = git(repository, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
    return dict(line.split() for line in lines)
