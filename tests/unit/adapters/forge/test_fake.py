"""The forge in memory keeps the contract."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from allotment.adapters.forge.fake import MemoryForge
from allotment.ports.forge import PullRequestState
from tests.unit.adapters.forge.contract import ForgeContract


@dataclass(frozen=True)
class MemoryScene:
    port: MemoryForge = field(default_factory=MemoryForge)

    def push(self, branch: str) -> None:
        self.port.branches.add(branch)

    def decide(self, number: int, state: PullRequestState) -> None:
        pull = self.port.pulls[number - 1]
        pull.state = state
        self.port.branches.discard(pull.branch)

    def count(self) -> int:
        return len(self.port.pulls)


class TestFake(ForgeContract):
    @pytest.fixture
    def forge(self) -> MemoryScene:
        return MemoryScene()
