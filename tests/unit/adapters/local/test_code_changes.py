"""Headers of an archive that was made by hand, and files that are gone while they are packed."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import tempfile
from pathlib import Path

import pytest

from allotment.adapters.local import packing, unpacking
from allotment.adapters.local.job_folders import FolderPacker, FolderShelf
from allotment.adapters.local.unpacking import unpack
from allotment.errors import InputError, NoRoomError
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes


def with_header(kind: bytes, data: bytes, times: int = 1) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for _ in range(times):
            header = tarfile.TarInfo("header")
            header.type, header.size = kind, len(data)
            archive.addfile(header, io.BytesIO(data))
        archive.addfile(tarfile.TarInfo("a"))
    return stream.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    ],
)
def test_long_headers_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes
) -> None:
    for read in ("_proc_pax", "_proc_gnulong"):
        monkeypatch.setattr(tarfile.TarInfo, read, lambda *_: pytest.fail("it was read"))
    (tmp_path / "packed").write_bytes(with_header(kind, b"1" * (16 * 1024 + 1)))
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(tmp_path / "packed", tmp_path / "out")


def test_many_headers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "packed"
    path.write_bytes(with_header(tarfile.XHDTYPE, b"10 a=bcde\n", 600))
    with pytest.raises(InputError):  # each is read within the one before
        unpack(path, tmp_path / "chain")
    path.write_bytes(with_header(tarfile.XHDTYPE, b"10 a=bcde\n", 3))
    unpack(path, tmp_path / "few")
    monkeypatch.setattr(unpacking, "_MOST_SEARCH", 250)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack(path, tmp_path / "many")


def test_the_longest_names_travel(tmp_path: Path) -> None:
    code = tmp_path / "code"
    folder = code / "/".join(["é" * 120] * 4)
    folder.mkdir(parents=True)
    (folder / "x").touch()
    (folder / "l").symlink_to("/".join(["y" * 200] * 19))
    with FolderPacker().pack(code, CodeFolder(".", "", Bytes(1000))) as stream:
        (tmp_path / "packed").write_bytes(stream.read())
    unpack(tmp_path / "packed", tmp_path / "out")
    assert sorted(each.name for each in (tmp_path / "out").rglob("[lx]")) == ["l", "x"]


@pytest.mark.parametrize("call", ["stat", "readlink"])
def test_what_is_gone_while_it_is_packed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    (tmp_path / "a").symlink_to("b")
    real = getattr(os, call)

    def vanishing(path: str, **options: object) -> object:
        if path == "a":
            (tmp_path / "a").unlink()
        return real(path, **options)

    monkeypatch.setattr(packing.os, call, vanishing)
    with pytest.raises(InputError, match="changed while it was packed"):
        FolderPacker().pack(tmp_path, CodeFolder(".", "", Bytes(1000)))


def test_a_full_disk_is_named_and_is_not_more_than_one_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a.py").touch()
    shelf = FolderShelf(tmp_path / "shelf")
    monkeypatch.setattr(packing, "_add", full)
    monkeypatch.setattr(os, "fsync", full)
    for where, call in (
        (tempfile.gettempdir(), lambda: FolderPacker().pack(tmp_path, CodeFolder(".", "", Bytes(1000)))),
        (str(tmp_path / "shelf"), lambda: shelf.put(io.BytesIO(b"x"))),
    ):
        with pytest.raises(NoRoomError) as told:
            call()
        assert told.value.exit_code == 1
        assert told.value.why == f"{where}: No space left on device"
        assert "make room on that disk" in told.value.fix
