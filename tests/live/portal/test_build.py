"""The portal is built the same from the same sources, and its own tests pass."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.portal import SOURCES, differences

pytestmark = [pytest.mark.live, pytest.mark.nightly]


@pytest.fixture(autouse=True)
def node() -> None:
    if shutil.which("npm") is None:
        pytest.skip("no node and npm here")


def test_what_is_committed_comes_out_again(tmp_path: Path) -> None:
    assert differences(tmp_path) == []
    done = subprocess.run(
        ["npx", "--no-install", "vitest", "run"],
        cwd=tmp_path / SOURCES.name,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
