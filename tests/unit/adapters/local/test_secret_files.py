"""Files of secrets: which are read, and which are refused because somebody else could have a hand in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from allotment.adapters.local.secret_files import LONGEST_SECRET, SecretFiles
from allotment.errors import InputError

VALUE = "s3cr3t $(id) é"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets" / "nlp" / "hub"
    folder.mkdir(parents=True)
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o700)
    (folder / "token").write_text(f"{VALUE}\n\n")
    (folder / "token").chmod(0o600)
    return tmp_path / "secrets"


def test_a_value_and_its_place(root: Path) -> None:
    secrets = SecretFiles(root)
    assert secrets.value("nlp", "hub", "token") == VALUE
    assert secrets.path("nlp", "hub", "token") == str(root / "nlp" / "hub" / "token")


def readable(root: Path) -> None:
    (root / "nlp/hub/token").chmod(0o640)


def writable(root: Path) -> None:
    (root / "nlp/hub/token").chmod(0o602)


def open_folder(root: Path) -> None:
    (root / "nlp").chmod(0o770)


def a_link(root: Path) -> None:
    (root / "nlp/hub/token").rename(root / "elsewhere")
    (root / "nlp/hub/token").symlink_to(root / "elsewhere")


def a_linked_folder(root: Path) -> None:
    (root / "nlp/hub").rename(root / "elsewhere")
    (root / "nlp/hub").symlink_to(root / "elsewhere")


def a_pipe(root: Path) -> None:
    (root / "nlp/hub/token").unlink()
    os.mkfifo(root / "nlp/hub/token", 0o600)


def an_open_folder_above(root: Path) -> None:
    root.parent.chmod(0o777)


def an_open_folder_above_a_link(root: Path) -> None:
    (root.parent / "real").mkdir(mode=0o700)
    root.rename(root.parent / "real" / "secrets")
    (root.parent / "real").chmod(0o770)
    real = root.parent.rename(root.parent.with_name("moved"))
    root.parent.symlink_to(real / "real")


def nul(root: Path) -> None:
    (root / "nlp/hub/token").write_bytes(b"a\0b")


def long(root: Path) -> None:
    (root / "nlp/hub/token").write_bytes(b"x" * (LONGEST_SECRET + 1))


def gone(root: Path) -> None:
    (root / "nlp/hub/token").unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        readable,
        writable,
        open_folder,
        a_link,
        a_linked_folder,
        a_pipe,
        an_open_folder_above,
        an_open_folder_above_a_link,
        nul,
        long,
        gone,
    ],
    ids=lambda f: f.__name__,
)
def test_what_others_could_have_a_hand_in_is_refused(root: Path, spoil: Callable[[Path], None]) -> None:
    spoil(root)
    with pytest.raises(InputError) as told:
        SecretFiles(root).value("nlp", "hub", "token")
    with pytest.raises(InputError) as at_submit:
        SecretFiles(root).path("nlp", "hub", "token")
    assert str(at_submit.value) == str(told.value)
    said = f"{told.value} {told.value.why} {told.value.fix}"
    assert "hub/token of the team nlp" in said
    assert "s3cr3t" not in said


def test_the_commands_that_are_told_make_what_is_not_there(tmp_path: Path) -> None:
    root = tmp_path / "a b" / "secrets"
    with pytest.raises(InputError) as told:
        SecretFiles(root).path("nlp", "hub", "token")
    folder, file = f"'{root}/nlp/hub'", f"'{root}/nlp/hub/token'"
    assert told.value.fix.startswith(f"`install -d -m 700 {folder}`, then `( umask 077; cat > {file} )`")


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o1777])
def test_a_folder_above_in_which_nobody_can_exchange_it_is_taken_and_a_link_to_it(root: Path, mode: int) -> None:
    root.parent.chmod(mode)
    link = root.parent.with_name(f"{root.parent.name}-link")
    link.symlink_to(root.parent)
    assert SecretFiles(link / "secrets").value("nlp", "hub", "token") == VALUE


def test_a_file_of_somebody_else_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(InputError, match="cannot be used") as told:
        SecretFiles(root).path("nlp", "hub", "token")
    assert "belongs to somebody else" in told.value.why


@pytest.mark.parametrize(
    "names", [("..", "hub", "token"), ("nlp", ".", "x"), ("nlp", "hub", "../token"), ("", "a", "b")]
)
def test_what_is_no_name_is_no_path(root: Path, names: tuple[str, str, str]) -> None:
    with pytest.raises(InputError, match="no name"):
        SecretFiles(root).path(*names)
