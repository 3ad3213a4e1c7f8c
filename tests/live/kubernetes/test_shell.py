"""What a container starts, started by a real shell: arguments arrive as they are, whatever they hold."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from allotment.adapters.local.packing import FolderPacker
from allotment.jobs.kubernetes.environment import CODE, PACKAGE, PACKED, command, trial_lines
from allotment.jobs.kubernetes.order import WorkOrder
from allotment.model.jobs.job import CodeFolder
from allotment.model.quantity import Bytes
from tests.unit.jobs.kubernetes.test_hostile import HOSTILE, expanded
from tests.unit.jobs.kubernetes.work import GRID, job, program

pytestmark = pytest.mark.live


def test_a_trial_is_handed_its_lines_as_arguments(tmp_path: Path) -> None:
    given = [each for each in HOSTILE if "\n" not in each]
    for name, text in trial_lines([["--lr=1"], given]).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    order = WorkOrder("k7x2", job(program=program(argv=("printf", "%s|")), sweep=GRID))
    argv = [expanded(each).replace("/allotment/trials", str(tmp_path)) for each in command(order)]
    done = subprocess.run(argv, env={"JOB_COMPLETION_INDEX": "1"}, capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"{each}|" for each in given)


def test_packed_code_is_unpacked_and_the_program_starts_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "source" / "a b; id"
    folder.mkdir(parents=True)
    (folder / "train.sh").write_text('printf "%s|" "$@"; pwd; ls', encoding="utf-8")
    code = CodeFolder("source", "", Bytes(1 << 20))
    packed, unpacked = tmp_path / "packed", tmp_path / "code"
    packed.mkdir()
    unpacked.mkdir()
    with FolderPacker().pack(tmp_path, code) as tar:
        data = gzip.compress(tar.read(), mtime=0)
    (packed / PACKAGE).write_bytes(data)
    given = [each for each in HOSTILE if "\0" not in each]
    asked = job(program=program(argv=("sh", "train.sh", *given), code=code, working_directory="a b; id"))
    places = {PACKED: str(packed), CODE: str(unpacked)}
    argv = [expanded(each) for each in command(WorkOrder("k7x2", asked, code=data))]
    for place, here in places.items():
        argv = [each.replace(place, here) for each in argv]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == f"{''.join(f'{each}|' for each in given)}{unpacked}/a b; id\ntrain.sh\n"
