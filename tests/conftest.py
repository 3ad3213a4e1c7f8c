"""How tests are handed out to two processes: those that share a sandbox go to one of them, in their order."""

from __future__ import annotations

from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARING: Final = {
    **{folder: folder for folder in ("apply", "policies", "security")},
    **dict.fromkeys(("attacks", "books", "everyday", "pages"), "training"),
}
"""Folders of tests/live whose files share a sandbox that takes a minute to make, and what names it. Elsewhere a file
is a unit: some files stand in an order."""


def unit_of(nodeid: str) -> str:
    """What is not divided between processes."""
    file = nodeid.split("::", 1)[0]
    folder = file.removeprefix("tests/live/").split("/", 1)[0]
    return SHARING.get(folder, file)


class Together(LoadScopeScheduling):
    """Units as `unit_of` says."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """`--dist loadscope` means our units; other words keep their meaning."""
    return Together(config, log) if config.getoption("dist") == "loadscope" else None
