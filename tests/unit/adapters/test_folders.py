"""Files and trees that commands write: nothing outside, nothing foreign, nothing half."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.adapters import folders
from allotment.adapters.folders import INVENTORY, STAGING, holds_platform, read_text, user_path, write_text, write_tree
from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError


def files_in(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != INVENTORY
    }


def test_a_tree_is_made_changed_and_cleaned(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    first = write_tree(root, {"base/a.yaml": "1", "clusters/x/k.yaml": "2"})
    assert (first.added, first.changed, first.removed, first.unchanged) == (
        ("base/a.yaml", "clusters/x/k.yaml"), (), (), 0,
    )  # fmt: skip
    (root / "README.md").write_text("mine", encoding="utf-8")
    second = write_tree(root, {"base/a.yaml": "one", "base/b.yaml": "3"})
    assert (second.added, second.changed, second.removed) == (
        ("base/b.yaml",),
        ("base/a.yaml",),
        ("clusters/x/k.yaml",),
    )
    assert files_in(root) == {"README.md": "mine", "base/a.yaml": "one", "base/b.yaml": "3"}
    assert not (root / "clusters").exists()
    assert write_tree(root, {"base/a.yaml": "one", "base/b.yaml": "3"}).unchanged == 2


def test_a_foreign_file_is_not_overwritten_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("theirs", encoding="utf-8")
    with pytest.raises(ConflictError, match="was not written by Allotment"):
        write_tree(tmp_path, {"a.yaml": "ours", "b.yaml": "ours"})
    assert files_in(tmp_path) == {"a.yaml": "theirs"}
    write_tree(tmp_path, {"a.yaml": "theirs"})
    write_tree(tmp_path, {"a.yaml": "ours"}, force=True)
    assert files_in(tmp_path) == {"a.yaml": "ours"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a\\b", "", "a\0b"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(InputError):
        write_tree(root, {path: "x"})
    assert files_in(tmp_path) == {}


def test_symbolic_links_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    root.mkdir()
    (root / "base").symlink_to(outside)
    with pytest.raises(InputError, match="symbolic link"):
        write_tree(root, {"base/a.yaml": "x"})
    assert files_in(outside) == {}


def test_a_forged_inventory_removes_nothing_outside(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("x", encoding="utf-8")
    root = tmp_path / "root"
    root.mkdir()
    (root / INVENTORY).write_text("../victim\n", encoding="utf-8")
    with pytest.raises(InputError):
        write_tree(root, {"a.yaml": "1"})
    assert (tmp_path / "victim").exists()


def test_a_run_that_was_killed_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"a": "1", "b": "1", "c": "1"})
    real = folders._publish
    calls = iter(range(10))

    def dying(root: Path, staged: str, path: str) -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt
        real(root, staged, path)

    monkeypatch.setattr(folders, "_publish", dying)
    # Killed outright: nothing is tidied up.
    monkeypatch.setattr(folders, "_discard", lambda _staging: None)
    with pytest.raises(KeyboardInterrupt):
        write_tree(tmp_path, {"d": "2", "e": "2"})
    monkeypatch.undo()
    assert (tmp_path / STAGING).exists()
    write_tree(tmp_path, {"e": "3"})
    assert files_in(tmp_path) == {"e": "3"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT], ids=["full", "quota"])
@pytest.mark.parametrize("at", range(6))
def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, code: int) -> None:
    root = tmp_path / "tree"
    before = {"base/a": "1", "base/b": "1"}
    write_tree(root, before)
    monkeypatch.setattr(folders, "_write_new", full_after(at, code))
    with pytest.raises(AllotmentError, match=r"tree cannot be written") as caught:
        write_tree(root, {"base/a": "2", "c/d": "2", "c/e/f": "2", "g": "2"})
    assert caught.value.why.startswith(f"{os.strerror(code)} on the disk at /")
    assert "free some space on /" in caught.value.fix
    assert everything_in(tmp_path) == {"tree", "tree/base", "tree/base/a", "tree/base/b", f"tree/{INVENTORY}"}
    assert files_in(root) == before
    monkeypatch.undo()
    assert write_tree(root, before).unchanged == 2


def test_a_full_disk_leaves_no_folders_of_a_new_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_write_new", full_after(1, errno.ENOSPC))
    with pytest.raises(AllotmentError):
        write_tree(tmp_path / "a" / "tree", {"base/a": "1", "c/d": "2"})
    assert everything_in(tmp_path) == set()


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report.md").write_text("old", encoding="utf-8")
    monkeypatch.setattr(folders, "_write_new", full_after(0, errno.ENOSPC))
    with pytest.raises(AllotmentError, match=r"report.md cannot be written"):
        write_text(tmp_path / "report.md", "new")
    assert files_in(tmp_path) == {"report.md": "old"}


def full_after(number: int, code: int) -> Callable[..., None]:
    """Writes that many files, and half of the next."""
    left = iter(range(number))

    def write(path: Path, data: bytes, mode: int = 0o644) -> None:
        if next(left, None) is None:
            path.write_bytes(data[: len(data) // 2])
            raise OSError(code, os.strerror(code), str(path))
        path.write_bytes(data)

    return write


def everything_in(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is no regular file"):
        read_text(tmp_path / "pipe")


@settings(deadline=None)
@given(
    texts=st.lists(
        st.dictionaries(st.sampled_from("abcd"), st.text(st.characters(codec="utf-8"), max_size=5)), max_size=4
    )
)
def test_the_last_tree_is_what_stands(tmp_path_factory: pytest.TempPathFactory, texts: list[dict[str, str]]) -> None:
    root = tmp_path_factory.mktemp("tree")
    for files in texts:
        write_tree(root, files)
    found = {path.name: path.read_bytes() for path in root.iterdir() if path.name != INVENTORY}
    assert found == {name: text.encode("utf-8") for name, text in (texts[-1] if texts else {}).items()}


def test_files_are_replaced_with_the_asked_mode_and_leave_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "plan"
    write_text(target, "secret", mode=0o600)
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["plan"]
    with pytest.raises(InputError, match="is a folder"):
        write_text(tmp_path / "deep", "x")
    with pytest.raises(AllotmentError, match="cannot be written"):
        write_text(target / "below", "x")


def test_a_device_is_written_to_not_replaced() -> None:
    write_text(Path(os.devnull), "x")
    assert not Path(os.devnull).is_file()


def test_reading_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(InputError, match="is not text"):
        read_text(tmp_path / "x")


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        pytest.param("none", NotFoundError, "there is no file none", id="not there"),
        pytest.param("-", NotFoundError, "there is no file -\nwhy: standard input is not read", id="standard input"),
        pytest.param("folder", InputError, "folder is a folder", id="a folder"),
        pytest.param("acme", InputError, "acme is a platform directory", id="a platform directory"),
        pytest.param("a" * 300, InputError, "cannot be read", id="a name that no file system takes"),
    ],
)
def test_reading_what_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: type[AllotmentError], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "platform.yaml").write_text("kind: Platform\n", encoding="utf-8")
    with pytest.raises(kind) as caught:
        read_text(Path(name))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kind: Platform\n", True),
        ("name: x\nkind: Platform # ours\n", True),
        ('kind: "Platform"\n', True),
        ("---\nkind: Team\n---\nkind: Platform\n", True),
        ("kind: PlatformX\n", False),
        ("  kind: Platform\n", False),
        ("", False),
    ],
)
def test_a_platform_directory_is_recognised(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "any.yaml").write_text(text, encoding="utf-8")
    assert holds_platform(tmp_path) is found
    assert not holds_platform(tmp_path / "none")


def test_a_home_that_is_nobody_s_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/x") == Path("/home/me/x")
    assert user_path("~nobody-of-that-name/x") == Path("~nobody-of-that-name/x")
