"""The examples of the engine's commands, run as a user types them, in a folder with the repository's `examples`."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from allotment.cli.shell.examples.form import Example, ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from tests.unit.cli.conftest import ROOT, Run

pytestmark = pytest.mark.corpus  # starts processes, which takes longer than unit tests may

IN_A_CHECKOUT = [
    pytest.param(example, id=f"{' '.join(words)}: {example.note}")
    for words, examples in EXAMPLES.items()
    for example in examples
    if example.needs is ExampleNeeds.CHECKOUT
]


PLAIN = [param for param in IN_A_CHECKOUT if not set(param.values[0].line) & set("&|$*>;")]
FOR_A_SHELL = [param for param in IN_A_CHECKOUT if param not in PLAIN]


@pytest.mark.parametrize("example", PLAIN)
def test_example_works(example: Example, run: Run, home: Path) -> None:
    shutil.copytree(ROOT / "examples", home / "examples")
    run(*shlex.split(example.line)[1:]).ok()


@pytest.mark.parametrize("example", FOR_A_SHELL)
def test_example_works_in_a_shell(example: Example, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path / "home"),
        "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-c", example.line],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{example.line}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
