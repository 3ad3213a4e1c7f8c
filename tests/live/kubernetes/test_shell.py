"""A sweep's trial is handed its arguments by a real shell, whatever they hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from allotment.jobs.kubernetes.environment import command, trial_lines
from allotment.jobs.kubernetes.order import WorkOrder
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
