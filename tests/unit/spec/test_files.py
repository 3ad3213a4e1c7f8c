"""Reading and writing directories: nothing outside, nothing endless, nothing half written."""

from __future__ import annotations

import errno
import os

import pytest

from allotment.adapters.files import tree as files
from allotment.adapters.files.tree import read_tree, write_files
from allotment.errors import AllotmentError, InputError, NotFoundError
from allotment.spec.problems import InvalidPlatformError


def test_yaml_is_read_and_the_rest_is_left_alone(tmp_path):
    (tmp_path / "a.yaml").write_text("a: ü", encoding="utf-8")
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "b.yml").write_text("b")
    (tmp_path / "README.md").write_bytes(b"\xff")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "c.yaml").write_text("c")
    (tmp_path / ".hidden.yaml").write_text("d")
    assert dict(read_tree(tmp_path).files) == {"a.yaml": "a: ü", "teams/b.yml": "b"}


def test_no_such_directory(tmp_path):
    with pytest.raises(NotFoundError, match="is no directory"):
        read_tree(tmp_path / "nothing")


def problems(path):
    with pytest.raises(InvalidPlatformError) as caught:
        read_tree(path)
    return [(p.file, p.line, p.column, p.what) for p in caught.value.problems]


def test_bytes_that_are_no_text_are_told_with_their_place(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"one\ntwo \xff\n")
    (tmp_path / "b.yaml").write_bytes(b"\x80")
    assert problems(tmp_path) == [
        ("a.yaml", 2, 5, "byte 0xff is no UTF-8"),
        ("b.yaml", 1, 1, "byte 0x80 is no UTF-8"),
    ]


def test_links_are_refused_not_followed(tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2")
    platform = tmp_path / "platform"
    platform.mkdir()
    (platform / "link.yaml").symlink_to(secret)
    (platform / "folder").symlink_to(tmp_path)
    assert sorted(place[0] for place in problems(platform)) == ["folder", "link.yaml"]


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert problems(tmp_path) == [("pipe.yaml", 1, 1, "is no regular file")]


def test_large_files_and_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_FILE_BYTES", 10)
    (tmp_path / "a.yaml").write_text("x" * 11)
    assert [place[0] for place in problems(tmp_path)] == ["a.yaml"]
    (tmp_path / "a.yaml").write_text("x" * 10)
    assert read_tree(tmp_path).files["a.yaml"] == "x" * 10
    monkeypatch.setattr(files, "MOST_FILES", 1)
    (tmp_path / "b.yaml").write_text("x")
    with pytest.raises(InputError, match="holds more than 1 YAML files"):
        read_tree(tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("platform.yaml", "kind: Platform\nname: x\n", id="its own file"),
        pytest.param("all.yml", "kind: Team\n---\nkind: 'Platform' # ours\r\n", id="among others, under another name"),
        pytest.param("platform.yaml", "kind: Platform\nname: [\n", id="one that cannot be read to its end"),
    ],
)
def test_a_directory_with_a_platform_of_its_own_may_hold_anything_else(tmp_path, monkeypatch, file, text):
    monkeypatch.setattr(files, "MOST_ENTRIES", 3)
    for number in range(9):
        (tmp_path / f"{number}.txt").touch()
    (tmp_path / file).write_bytes(text.encode())
    assert list(read_tree(tmp_path).files) == [file]


def test_without_one_only_so_much_is_looked_through(tmp_path, monkeypatch):
    walked = []
    walk = os.walk

    def counted(*args, **more):
        for step in walk(*args, **more):
            walked.append(step[0])
            yield step

    monkeypatch.setattr(os, "walk", counted)
    for name in ("a", "b", "c", "platform"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").touch()
    (tmp_path / "platform" / "platform.yaml").write_text("kind: Platform\n")
    monkeypatch.setattr(files, "MOST_ENTRIES", 9)
    assert list(read_tree(tmp_path).files) == ["platform/platform.yaml"]
    walked.clear()
    monkeypatch.setattr(files, "MOST_ENTRIES", 5)
    with pytest.raises(InputError, match="is no platform directory") as caught:
        read_tree(tmp_path)
    assert "its own YAML files hold no document of kind Platform" in caught.value.why
    assert [os.path.relpath(each, tmp_path) for each in walked] == [".", "a", "b"]


def test_changes_are_written_and_removed(tmp_path):
    (tmp_path / "old.yaml").write_text("old")
    write_files(tmp_path, {"teams/new.yaml": "ü\n", "old.yaml": None, "gone.yaml": None})
    assert (tmp_path / "teams" / "new.yaml").read_bytes() == "ü\n".encode()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new.yaml", "teams"]


def test_permissions_stay(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("old")
    file.chmod(0o600)
    write_files(tmp_path, {"a.yaml": "new"})
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "path", ["../a.yaml", "/etc/a.yaml", "a/../../b.yaml", "", "a//b.yaml", "./a.yaml", "a\\b", "a\0b"]
)
def test_no_way_out(tmp_path, path):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(InputError, match="no path inside"):
        write_files(inside, {"good.yaml": "x", path: "x"})
    assert [file.name for file in tmp_path.rglob("*")] == ["inside"]


def test_links_are_not_written_through(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "teams").symlink_to(outside)
    (inside / "a.yaml").symlink_to(outside / "a.yaml")
    for path in ("teams/b.yaml", "a.yaml"):
        with pytest.raises(InputError, match="symbolic link"):
            write_files(inside, {path: "x"})
    assert list(outside.iterdir()) == []


def test_a_failed_write_leaves_the_old_text_and_no_leftovers(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text("old")

    def fail(_fd):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(AllotmentError, match="cannot be written"):
        write_files(tmp_path, {"a.yaml": "new"})
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    assert (tmp_path / "a.yaml").read_text() == "old"


def test_what_is_not_read_is_known(tmp_path):
    (tmp_path / "a.YAML").write_text("a")
    (tmp_path / ".b.yml").write_text("b")
    (tmp_path / ".c.yaml").write_bytes(b"\xff")
    (tmp_path / ".d.yaml").symlink_to(tmp_path / "a.YAML")
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "e.yaml").write_text("e")
    found = read_tree(tmp_path)
    assert dict(found.files) == {}
    assert dict(found.left_out) == {"a.YAML": "a", ".b.yml": "b"}
    assert dict(found.with_changes({"x.yaml": "x"}).left_out) == {"a.YAML": "a", ".b.yml": "b"}


@pytest.mark.parametrize("at", range(2))
def test_a_full_disk_changes_nothing(tmp_path, monkeypatch, at):
    (tmp_path / "a.yaml").write_text("old")
    (tmp_path / "gone.yaml").write_text("old")
    real, left = files._write_new, iter(range(at))

    def full(target, temporary, text):
        real(target, temporary, text)
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_write_new", full)
    with pytest.raises(AllotmentError, match="cannot be written") as caught:
        write_files(tmp_path, {"a.yaml": "new", "b.yaml": "new", "gone.yaml": None})
    assert caught.value.why == "No space left on device; nothing was changed"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.yaml": "old", "gone.yaml": "old"}
