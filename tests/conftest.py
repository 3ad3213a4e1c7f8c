"""How tests are found, and handed out to two processes: those that share a sandbox go to one of them, in order."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.by_day import ALL, by_day

SHARING: Final = {
    **{folder: folder for folder in ("apply", "policies", "security", "slurm", "story")},
    **dict.fromkeys(("attacks", "books", "decide", "deploy", "everyday", "fleet", "jobs", "kubernetes"), "training"),
    **dict.fromkeys(("answers/test_reading.py", "security/test_exceptions.py", "pages"), "training"),
    **dict.fromkeys(("oidc/test_in_a_cluster.py", "portal/test_team_story.py", "replicas"), "training"),
}
"""Folders and files of tests/live that share a sandbox that takes a minute to make, and what names it. Elsewhere a file
is a unit: some files stand in an order."""

settings.register_profile("here", max_examples=by_day(100), deadline=None, derandomize=not ALL)
settings.load_profile("here")

# What a shell runs in the background is deaf to Ctrl-C, and hands that on: programs that tests interrupt would be, too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

HERE: Final = Path(__file__).parent

MARKED: Final = {HERE / name: name for name in ("corpus", "live")}
"""Folders whose tests all carry one mark."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What `-m` leaves out as a whole is not even read: two processes would rewrite and import it for nothing."""
    terms = str(config.getoption("markexpr")).split(" and ")
    if any(len(term.removeprefix("not ").split()) != 1 for term in terms):
        return None
    if f"not {MARKED.get(collection_path)}" in terms:
        return True
    wanted = [f"mark.{term}" for term in terms if term in MARKED.values()]
    if not wanted or not collection_path.name.startswith("test_"):
        return None
    words = collection_path.read_text()
    own = _mark_of(collection_path)
    if own is not None and f"mark.{own}" not in words:
        return None  # what would run nowhere is told of below
    return None if all(each in words for each in wanted) else True


def _mark_of(path: Path) -> str | None:
    return MARKED.get(HERE / path.relative_to(HERE).parts[0])


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test without its folder's mark would run nowhere."""
    mark = _mark_of(item.path)
    if mark is not None and item.get_closest_marker(mark) is None:
        raise pytest.UsageError(f"{item.nodeid} carries no mark {mark!r}: what needs none stands in tests/unit")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is found stays until the end, so the collector of garbage need not walk it over and over."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def unit_of(nodeid: str) -> str:
    """What is not divided between processes."""
    file = nodeid.split("::", 1)[0]
    inner = file.removeprefix("tests/live/")
    return SHARING.get(inner) or SHARING.get(inner.split("/", 1)[0], file)


class Together(LoadScopeScheduling):
    """Units as `unit_of` says."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """`--dist loadscope` means our units; other words keep their meaning."""
    return Together(config, log) if config.getoption("dist") == "loadscope" else None
