"""The workflow of docs/ci.md does what the page says, as far as no cluster is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import ACME, ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(PAGE.partition("```yaml\n")[2].partition("\n```\n")[0])
OWN = "github.event.pull_request.head.repo.full_name == github.repository"


def test_credentials_are_only_where_forks_do_not_come() -> None:
    jobs = WORKFLOW["jobs"]
    assert {name for name, job in jobs.items() if "env" in str(job["steps"])} == {"plan"}
    assert jobs["plan"]["if"] == OWN
    assert WORKFLOW["permissions"] == {"contents": "read"}


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)], ids=["changes", "error"])
def test_the_step_ends_with_1_only_for_an_error(tmp_path: Path, broken: bool, code: int) -> None:
    shutil.copytree(ACME, tmp_path / "platform")
    if broken:
        (tmp_path / "platform" / "platform.yaml").write_text("kind: Platform\n", encoding="utf-8")
    (step,) = [step for step in WORKFLOW["jobs"]["plan"]["steps"] if step.get("name") == "plan"]
    script = step["run"].replace("${{ matrix.cluster }}", "dev-eastus").replace("--exit-code", "--exit-code --offline")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path / "platform", env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert ("error:" if broken else "Plan for dev-eastus") in summary
    assert summary.count("```") == 2
