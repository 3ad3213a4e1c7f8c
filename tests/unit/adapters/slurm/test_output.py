"""Jobs write into the folder of their output: what they put there leads nowhere else, and holds nobody up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from allotment.adapters.slurm.output import SharedOutput
from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError
from allotment.wiring.slurm import slurm, slurm_file, slurm_names


def test_only_plain_files_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    output = SharedOutput(tmp_path)
    folder = Path(output.folder("x1"))
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "attempt-1.log").write_bytes(b"0123456789")
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    assert output.names("x1") == ("attempt-1.log",)
    assert output.read("x1", "attempt-1.log", 3, 4) == b"3456"
    assert output.size("x1", "attempt-1.log") == 10
    for name in ("link", "pipe", "folder", "../../secret", "..", "", "absent"):
        assert (output.read("x1", name, 0), output.size("x1", name)) == (b"", 0)
    assert output.names("x2") == ()
    for odd in ("../x1", "a/b", ".."):
        with pytest.raises(InputError):
            output.read(odd, "attempt-1.log", 0)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("")
    with pytest.raises(AllotmentError, match="could not be made"):
        SharedOutput(tmp_path).folder("x1")


def test_which_file_describes_a_slurm(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert slurm_names(environment) == ()
    folder = tmp_path / "allotment" / "slurm"
    folder.mkdir(parents=True)
    (folder / "hpc.yaml").write_text("folder: /shared")
    (folder / "Not A Name.yaml").write_text("")
    (tmp_path / "allotment" / "config.yaml").write_text("team: nlp")
    assert slurm_names(environment) == ("hpc",)
    assert slurm_file("hpc", environment).read() == {"folder": "/shared"}
    for name in ("../config", "nowhere", "hpc.yaml", "a\nb"):
        with pytest.raises(NotFoundError):
            slurm_file(name, environment)
    with pytest.raises(UsageError):
        slurm("http://slurm.example:6820", environment)
