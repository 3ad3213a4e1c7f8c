"""Code that travels: the same files make the same bytes, and nothing of it leads out of its folder."""

from __future__ import annotations

import io
import os
import random
import socket
import tarfile
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import pytest

from allotment.adapters.local import packing
from allotment.adapters.local.job_folders import FolderPacker, FolderShelf, LocalJobFolders
from allotment.adapters.local.packing import stays_inside
from allotment.adapters.local.unpacking import unpack
from allotment.errors import InputError, NotFoundError
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from tests.by_day import by_day

MOST = 100_000


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Files; a text that begins with ``->`` is a link, a name that ends in ``/`` a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        elif text.startswith("->"):
            path.symlink_to(text[2:])
        else:
            path.write_text(text)
    return root


def packed(root: Path, *, folder: str = ".", most: int = MOST, ignore: str = ".allotignore") -> bytes:
    with FolderPacker().pack(root, CodeFolder(folder, ignore, Bytes(most))) as stream:
        return stream.read()


def names(archive: bytes) -> list[str]:
    return tarfile.open(fileobj=io.BytesIO(archive)).getnames()


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    files = {"b.py": "b", "a/x": "->../b.py", "a/z": "z", "a/empty/": "", "c\n\x1b.py": "", "É": "e"}
    one = tree(tmp_path / "one", files)
    two = tree(tmp_path / "two", dict(reversed(files.items())))
    (one / "b.py").chmod(0o700)
    (two / "b.py").chmod(0o775)
    os.utime(two / "a/z", (1, 1))
    assert packed(one) == packed(two)
    (two / "b.py").chmod(0o600)
    assert packed(one) != packed(two)


def test_a_round_trip(tmp_path: Path) -> None:
    root = tree(tmp_path / "code", {"run.sh": "sh", "src/a.py": "a" * 70_000, "src/l": "->../run.sh", "e/": ""})
    (root / "run.sh").chmod(0o755)
    (root / os.fsdecode(b"\xff\n")).write_bytes(b"\0")
    shelf, folders = FolderShelf(tmp_path / "shelf"), LocalJobFolders(tmp_path / "jobs")
    references = [shelf.put(io.BytesIO(packed(root))) for _ in range(2)]
    assert len(set(references)) == 1
    path = shelf.path(references[0])
    assert shelf.reference(path) == references[0]

    copy = Path(folders.working_copy("job-a", 1, path))
    assert folders.working_copy("job-a", 1, path) == str(copy)
    assert folders.working_copy("job-a", 2, path) != str(copy)
    assert (copy / "src/l").read_text() == "sh"
    assert {file.name for file in copy.rglob("*")} == {file.name for file in root.rglob("*")}
    assert [os.access(copy / name, os.X_OK) for name in ("run.sh", "src/a.py")] == [True, os.geteuid() == -1]
    assert (copy.stat().st_mode & 0o077, (copy / "run.sh").stat().st_mode & 0o077) == (0, 0)
    kept = folders.checkpoint("job-a")
    last = copy.parent.parent / "2" / "code"
    scratch = Path(folders.scratch("job-a", 2, "tmp"))
    folders.link(str(last), "out/ckpt", kept)
    (last / "out/ckpt/step").write_text("7")
    folders.link(str(last), "out/ckpt", kept)
    with pytest.raises(InputError):
        folders.link(str(last), "src", kept)
    folders.clear("job-a", 2)
    assert not copy.exists()
    assert not scratch.exists()
    assert (last / "src/l").read_text() == "sh"
    assert (Path(kept) / "step").read_text() == "7"


def test_checkpoints_are_handed_on_once_and_back(tmp_path: Path) -> None:
    folders = LocalJobFolders(tmp_path / "jobs")
    assert not folders.hand_on("job-a", "job-b")
    before = Path(folders.checkpoint("job-a"))
    assert not folders.hand_on("job-a", "job-b")
    (before / "step").write_text("7")
    assert folders.hand_on("job-a", "job-b")
    assert folders.hand_on("job-a", "job-b")
    assert (Path(folders.checkpoint("job-b")) / "step").read_text() == "7"
    assert not before.exists()
    assert folders.hand_on("job-b", "job-a")
    before.rename(tmp_path / "moved")
    before.symlink_to(tmp_path / "moved")
    assert not folders.hand_on("job-a", "job-b")


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        ("", ["a.py", "data", "data/big.bin", "data/keep.txt", "log.txt"]),
        ("data/\n*.txt", ["a.py"]),
        ("data/*\n!data/keep.txt", ["a.py", "data", "data/keep.txt", "log.txt"]),
        ("# all\n/*\n!/a.py", ["a.py"]),
        ("!.venv/", [".venv", ".venv/x", "a.py", "data", "data/big.bin", "data/keep.txt", "log.txt"]),
    ],
)
def test_what_stays_behind(tmp_path: Path, patterns: str, left: list[str]) -> None:
    root = tree(
        tmp_path,
        {
            "a.py": "", "data/big.bin": "", "data/keep.txt": "", "log.txt": "", ".git/config": "", ".venv/x": "",
            "__pycache__/a.pyc": "", ".allotignore": patterns,
        },
    )  # fmt: skip
    assert sorted(name for name in names(packed(root)) if name != ".allotignore") == left


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"link": "->/etc/passwd"}, "leaves the folder"),
        ({"a/link": "->../../secret"}, "leaves the folder"),
        ({"a/link": "->.."}, ""),
        ({"d": "->a", "a/b/x": "", "link": "->d/../.."}, "leaves the folder"),
        ({"dangling": "->nowhere"}, ""),
        (
            {"big": "x" * (MOST + 1), "a.py": ""},
            r"100,001 bytes of code; 100,000 may be packed\nwhy: the largest are big \(97.7 KiB\)\n",
        ),
        ({f"{'d/' * (packing.MOST_DEPTH + 1)}x": ""}, "too deep"),
        ({".allotignore": "->elsewhere"}, "cannot be read"),
    ],
)
def test_what_cannot_travel(tmp_path: Path, files: dict[str, str], said: str) -> None:
    root = tree(tmp_path, files)
    if not said:
        packed(root)
        return
    with pytest.raises(InputError, match=said) as error:
        packed(root)
    assert error.value.why
    assert error.value.fix


def test_sockets_and_allotments_own_state_stay_behind(tmp_path: Path) -> None:
    state = tmp_path / "home" / ".local" / "state" / "allotment"
    (state / "server").mkdir(parents=True)
    (state / "server" / "secret").write_text("x")
    (state.parent / "other").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "home" / "agent.sock"))
        (tmp_path / "home" / "train.py").write_text("print(1)")
        (tmp_path / "seen-as").symlink_to(state)
        packer = FolderPacker((tmp_path / "seen-as", tmp_path / "nowhere"))
        with (
            packer.pack(tmp_path / "home", CodeFolder(".", "", Bytes(1000))) as made,
            tarfile.open(fileobj=made) as tar,
        ):
            assert tar.getnames() == [".local", "train.py", ".local/state", ".local/state/other"]


def test_pipes_and_too_many_files_cannot_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="no file, folder or link"):
        packed(tmp_path)
    (tmp_path / ".allotignore").write_text("pipe")
    assert names(packed(tmp_path)) == [".allotignore"]
    monkeypatch.setattr(packing, "MOST_ENTRIES", 3)
    tree(tmp_path, {"a": "", "b": "", "c": ""})
    with pytest.raises(InputError, match="holds more than 3"):
        packed(tmp_path)


@pytest.mark.parametrize("folder", ["nowhere", "link", "..", "a/../..", "file"])
def test_a_folder_that_is_not_there(tmp_path: Path, folder: str) -> None:
    tree(tmp_path / "base", {"a/x": "", "file": "", "link": "->a"})
    with pytest.raises(NotFoundError):
        packed(tmp_path / "base", folder=folder)


@pytest.mark.parametrize("other", ["..", "../b", ".", "../b/.."])
def test_links_that_stay_inside_do(tmp_path: Path, other: str) -> None:
    tree(tmp_path, {"a/": "", "b/": ""})
    if stays_inside("a/c", other):
        (tmp_path / "a/c").symlink_to(other)
    targets = ["/".join(parts) for length in (1, 2, 3) for parts in product(("c", "..", "b"), repeat=length)]
    made = [target for target in targets if stays_inside("a/d", target)]
    for target in made:
        (tmp_path / "a/d").symlink_to(target)
        assert (tmp_path / "a/d").resolve().is_relative_to(tmp_path), target
        (tmp_path / "a/d").unlink()
    assert {"..", "../b", "c", "c/b"} <= set(made)


def member(
    name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", data: bytes = b"x"
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    return info, data


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


FOLDER = member("d", tarfile.DIRTYPE)


@pytest.mark.parametrize(
    "members",
    [
        [member("/etc/owned")],
        [member("../owned")],
        [FOLDER, member("d/../../owned")],
        [member("nowhere/owned")],
        [member("a"), member("a")],
        [member("./a")],
        [member("l", tarfile.SYMTYPE, link=".."), member("l/owned")],
        [member("l", tarfile.SYMTYPE, link="/etc")],
        [member("l", tarfile.SYMTYPE, link="d/../..")],
        [member("a"), member("h", tarfile.LNKTYPE, link="a")],
        [member("h", tarfile.LNKTYPE, link="/etc/passwd")],
        [member("dev", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("big", data=b"x" * 2000)],
    ],
    ids=lambda members: "+".join(each[0].name for each in members),
)
def test_what_is_not_unpacked(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    path = tmp_path / "in" / "packed.tar"
    path.parent.mkdir()
    path.write_bytes(archive_of(*members))
    with pytest.raises(InputError):
        unpack(path, tmp_path / "in" / "out", most=1000)
    assert sorted(each.name for each in (tmp_path / "in").iterdir()) == ["out", "packed.tar"]
    assert [each.name for each in tmp_path.iterdir()] == ["in"]
    with pytest.raises(InputError):
        LocalJobFolders(tmp_path / "jobs").working_copy("job-a", 1, str(path)) if "big" not in str(members) else unpack(
            path, tmp_path / "again", most=10
        )
    assert not list((tmp_path / "jobs").rglob("code"))


def damaged(good: bytes, chance: random.Random) -> Iterator[bytes]:
    for _ in range(by_day(90)):
        raw = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            raw[chance.randrange(0, 1536)] = chance.choice(b"\0\xff/.0123456789xLKgS")
        yield bytes(raw[: chance.choice([len(raw), chance.randrange(len(raw))])])


def test_damaged_archives_never_lead_out_or_crash(tmp_path: Path) -> None:
    good = packed(tree(tmp_path / "code", {"a/b": "b" * 600, "a/l": "->b", "c": "c"}))
    path = tmp_path / "packed.tar"
    refused = 0
    for number, raw in enumerate(damaged(good, random.Random(5))):
        path.write_bytes(raw)
        try:
            unpack(path, tmp_path / f"out-{number}")
        except InputError:
            refused += 1
    assert refused > 15
    assert {each.name.split("-")[0] for each in tmp_path.iterdir()} == {"code", "packed.tar", "out"}


@pytest.mark.parametrize("wrong", ["", "..", "../x", "a/b", "a\0", "a" * 300, ".x", "\x1b"])
def test_names_never_become_other_paths(tmp_path: Path, wrong: str) -> None:
    folders, shelf = LocalJobFolders(tmp_path), FolderShelf(tmp_path / "shelf")
    for ask in (
        lambda: folders.checkpoint(wrong),
        lambda: folders.hand_on(wrong, "job-b"),
        lambda: folders.hand_on("job-a", wrong),
        lambda: folders.claim(wrong),
        lambda: folders.scratch("job-a", 1, wrong),
        lambda: folders.working_copy(wrong, 1, ""),
        lambda: folders.clear(wrong, 1),
    ):
        with pytest.raises(InputError):
            ask()
    for ask in (lambda: shelf.path(wrong), lambda: shelf.reference(wrong)):
        with pytest.raises(NotFoundError):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_code_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        FolderShelf(tmp_path, most=10).put(io.BytesIO(b"x" * 11))
    assert list(tmp_path.iterdir()) == []
