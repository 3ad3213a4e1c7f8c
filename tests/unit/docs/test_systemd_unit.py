"""The unit for systemd is one that systemd takes, and leaves jobs alone when the server ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NOT_CHECKED = "systemd-analyze is not there (Debian: systemd), so what systemd says of the unit was NOT checked"
UNIT = Path(__file__).parents[3] / "examples" / "systemd" / "allotment.service"


def test_jobs_outlive_the_service() -> None:
    lines = UNIT.read_text().splitlines()
    assert {"KillMode=process", "Delegate=yes", "UMask=0077"} <= set(lines)
    assert "ExecStart=%h/.local/bin/allot up --foreground" in lines


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason=_NOT_CHECKED)
def test_systemd_takes_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("%h/.local/bin/allot", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])
