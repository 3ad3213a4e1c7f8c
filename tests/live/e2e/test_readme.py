"""The README's ten minutes, as it stands there, typed into a shell of somebody who has nothing yet."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.adapters.sandbox.store import SandboxStore

pytestmark = pytest.mark.live

BLOCK = re.compile(r"## Ten minutes\n\n```\n(.*?)```", re.DOTALL)


@pytest.fixture
def environment(sandbox_store: SandboxStore, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A home of its own for settings and sandboxes; the built programs are the user's."""
    found = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOTMENT_", "KUBE", "XDG_"))}
    found |= {
        "PATH": f"{Path(sys.executable).parent}:{found['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    yield found
    # Also when a step failed: no sandbox of this test may stay.
    subprocess.run(["allot", "sandbox", "down", "dev-eastus"], env=found, capture_output=True, check=False)


def test_every_step_works_and_removes_what_it_made(environment: dict[str, str], tmp_path: Path) -> None:
    readme = Path("README.md").read_text(encoding="utf-8")
    steps = BLOCK.findall(readme)
    assert len(steps) == 1
    # Removing a team and deleting objects ask for a typed confirmation; a script gives it by a flag.
    script = re.sub(r"^(allot (?:apply|team remove)[^#\n]*?) *(#.*)?$", r"\1 --yes", steps[0], flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-euxc", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert (tmp_path / "fleet-config" / "clusters" / "dev-eastus" / "kustomization.yaml").exists()
    assert not list((tmp_path / "state").glob("allotment/sandboxes/dev-eastus/*"))
