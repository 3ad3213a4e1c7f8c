"""Which commit a folder is at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from allotment.adapters.git import revision


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *who, "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    folder = tmp_path / "platform"
    folder.mkdir()
    (folder / "a.yaml").write_text("a: 1\n", encoding="utf-8")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    return folder


def test_a_commit_and_what_differs_below_the_folder_only(platform: Path) -> None:
    commit = git(platform, "rev-parse", "HEAD").strip()
    assert revision(platform) == (commit, False)
    (platform.parent / "elsewhere").write_text("x", encoding="utf-8")
    assert revision(platform) == (commit, False)
    (platform / "b.yaml").write_text("b: 1\n", encoding="utf-8")
    assert revision(platform) == (commit, True)


def test_no_repository_no_commit_and_no_folder(tmp_path: Path) -> None:
    assert revision(tmp_path) == ("", False)
    git(tmp_path, "init")
    assert revision(tmp_path) == ("", False)
    assert revision(tmp_path / "missing") == ("", False)


def test_no_program_of_the_repository_is_run(platform: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    git(platform, "config", "core.fsmonitor", f"touch {mark}; false")
    revision(platform)
    assert not mark.exists()


def test_no_filter_of_the_repository_is_run(platform: Path, tmp_path: Path) -> None:
    """As of a folder that came as an archive: `.gitattributes` names a filter, and `.git/config` its program."""
    mark = tmp_path / "ran"
    (platform / ".gitattributes").write_text("*.yaml filter=x diff=x text working-tree-encoding=UTF-16\n")
    git(tmp_path, "config", "filter.x.clean", f"sh -c 'id > {mark}; cat'")
    git(tmp_path, "config", "filter.x.process", f"touch {mark}")
    git(tmp_path, "config", "diff.x.textconv", f"touch {mark}")
    os.utime(platform / "a.yaml", (1, 1))
    assert revision(platform)[1] is False
    (platform / "a.yaml").write_text("a: 2\n", encoding="utf-8")
    assert revision(platform)[1] is True
    assert not mark.exists()


def test_nothing_is_fetched_of_a_repository_that_lacks_objects(platform: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for name, value in (
        ("remote.o.url", "ssh://nowhere.example/x"), ("remote.o.promisor", "true"), ("extensions.partialClone", "o"),
        ("core.sshCommand", f"touch {mark};"), ("core.repositoryFormatVersion", "1"),
    ):  # fmt: skip
        git(tmp_path, "config", name, value)
    tree = git(tmp_path, "rev-parse", "HEAD:platform").strip()
    (tmp_path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    revision(platform)
    assert not mark.exists()


def test_what_differs_is_yaml_and_whether_git_ignores_it_does_not_matter(platform: Path) -> None:
    (platform / ".gitignore").write_text("ignored.yaml\nnotes\n")
    (platform / "notes").write_text("x")
    (platform / ".hidden").mkdir()
    (platform / ".hidden" / "x.yaml").write_text("x")
    assert revision(platform)[1] is False
    (platform / "ignored.yaml").write_text("kind: Team\n")
    assert revision(platform)[1] is True, "it is read as part of the directory"
    (platform / "ignored.yaml").unlink()
    (platform / "a.yaml").unlink()
    assert revision(platform)[1] is True


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_names_of_contents_of_either_form(tmp_path: Path, form: str) -> None:
    git(tmp_path, "init", f"--object-format={form}")
    (tmp_path / "ä.yaml").write_text("a: 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "one")
    assert revision(tmp_path)[1] is False
    (tmp_path / "ä.yaml").write_text("a: 2\n")
    assert revision(tmp_path)[1] is True
