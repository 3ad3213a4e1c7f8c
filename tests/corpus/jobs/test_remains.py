"""What jobs left on the disk: listed, measured and removed over no link that a job has put in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.adapters.local.job_folders import LocalJobFolders
from allotment.adapters.local.processes import LocalProcesses
from allotment.adapters.local.remains import LocalRemains
from allotment.ports.job_remains import JobRemains, RemainsKind

pytestmark = pytest.mark.corpus


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "server"
    for name in ("launches/j1-1-0", "work/j1/1/code", "checkpoints/j1", "code"):
        (folder / name).mkdir(parents=True)
    (folder / "work/j1/1/code/data").write_bytes(b"x" * 100_000)
    (folder / "code/ab.tar").write_bytes(b"x" * 5000)
    (folder / "code/.part").write_bytes(b"x")
    return folder


def remains(root: Path) -> LocalRemains:
    return LocalRemains(root, lambda: LocalProcesses(root / "launches"))


def test_everything_is_listed_measured_and_removed(root: Path) -> None:
    one = remains(root)
    found = {(each.kind.value, each.name): each for each in one.listed()}
    assert set(found) == {("launch", "j1-1-0"), ("work", "j1"), ("checkpoint", "j1"), ("code", "ab")}
    assert 100_000 <= one.size(found["work", "j1"]) < 140_000
    assert 5000 <= one.size(found["code", "ab"]) < 16_000
    assert all(map(one.remove, found.values()))
    assert one.listed() == ()
    assert (root / "code/.part").exists()


def test_a_link_in_a_folders_place_leads_nowhere(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "1").mkdir(parents=True)
    (mine / "scratch").mkdir()
    for each in ("1/thesis", "scratch/thesis", "thesis"):
        (mine / each).write_bytes(b"x" * 100_000)
    one, folders = remains(root), LocalJobFolders(root)
    (root / "work/j1/1").rename(tmp_path / "aside")
    (root / "work/j1/1").symlink_to(mine)
    (root / "work/j2").symlink_to(mine)
    folders.clear("j1", 1)  # `scratch` of the last attempt would be that of another folder
    folders.clear("j2", 2)
    assert one.size(JobRemains(RemainsKind.WORK, "j1", 0)) < 50_000
    assert [each.name for each in one.listed() if each.kind is RemainsKind.WORK] == ["j1"]
    assert one.remove(JobRemains(RemainsKind.WORK, "j1", 0))
    assert one.remove(JobRemains(RemainsKind.WORK, "j2", 0))
    assert sorted(each.name for each in mine.rglob("*")) == ["1", "scratch", "thesis", "thesis", "thesis"]
