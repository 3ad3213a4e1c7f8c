"""The repository in memory keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from allotment.adapters.git_repository.fake import MemoryRepository
from allotment.ports.repository import CommitMode, FileChanges, PushRefusedError
from tests.unit.adapters.git_repository.contract import (
    ALLOTMENT,
    FIRST,
    HUMAN,
    PATH,
    TEXT,
    ProposingContract,
    RepositoryContract,
    Told,
    message,
)


@dataclass(frozen=True)
class MemoryScene:
    port: MemoryRepository

    def by_hand(self, files: Mapping[str, str | None], branch: str = "main") -> str:
        return self.port.commit_by(HUMAN, files, branch)

    def merge(self, branch: str) -> str:
        return self.port.merge(branch, HUMAN)

    def files(self, commit: str) -> dict[str, str]:
        return dict(self.port.commits[commit].files)

    def told(self, commit: str) -> Told:
        found = self.port.commits[commit]
        return Told(found.parents, found.author, found.committer, found.at, found.text.rstrip())

    def branches(self) -> dict[str, str]:
        return dict(self.port.branches)


def memory(mode: CommitMode) -> MemoryScene:
    scene = MemoryScene(MemoryRepository(mode, ALLOTMENT))
    scene.by_hand(FIRST)
    return scene


class TestDirect(RepositoryContract):
    @pytest.fixture
    def scene(self) -> MemoryScene:
        return memory(CommitMode.DIRECT)


class TestProposing(ProposingContract):
    @pytest.fixture
    def scene(self) -> MemoryScene:
        return memory(CommitMode.BRANCH)


def test_a_server_that_takes_nothing() -> None:
    scene = memory(CommitMode.DIRECT)
    scene.port.refusal = "protected branch"
    head = scene.port.read().commit
    with pytest.raises(PushRefusedError):
        scene.port.commit(FileChanges(head, {PATH: TEXT}), message())
    assert scene.port.read().commit == head
