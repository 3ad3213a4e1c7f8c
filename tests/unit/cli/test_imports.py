"""Start-up: what `--help` may import, counted in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

COMMANDS = "allotment.cli.commands"
OURS_FOR_HELP = {
    "allotment",
    "allotment.cli",
    "allotment.cli.shell.examples",
    "allotment.cli.shell.examples.access",
    "allotment.cli.shell.examples.ask",
    "allotment.cli.shell.examples.audit",
    "allotment.cli.shell.examples.change",
    "allotment.cli.shell.examples.decide",
    "allotment.cli.shell.examples.declare",
    "allotment.cli.shell.examples.foresee",
    "allotment.cli.shell.examples.form",
    "allotment.cli.shell.examples.reference",
    "allotment.cli.shell.examples.job_files",
    "allotment.cli.shell.examples.run",
    "allotment.cli.shell.examples.sandbox",
    "allotment.cli.shell.examples.store",
    "allotment.cli.shell.examples.table",
    "allotment.cli.shell.lazy",
    "allotment.cli.main",
    "allotment.cli.shell",
    "allotment.cli.shell.options",
    "allotment.cli.shell.session",
    "allotment.cli.shell.streams",
    "allotment.cli.shell.terminal",
    "allotment.errors",
    "allotment.model",
    "allotment.model.spelling",
    "allotment.operations",
    "allotment.operations.directory",
    "allotment.operations.directory.configuration",
}
"""Add to this only what is light: it is paid for by every call, completion included."""

THEIRS = {"click"}
"""Top-level packages beside the standard library."""

_PROBE = """
import json, sys
before = set(sys.modules)
from allotment.cli.main import cli
code = cli.main(json.loads(sys.argv[1]), prog_name="allot", standalone_mode=False)
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def imported_by(*args: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, json.dumps(args)], check=True, capture_output=True, text=True, timeout=60
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def command(section: str, name: str) -> set[str]:
    return {COMMANDS, f"{COMMANDS}.{section}", f"{COMMANDS}.{section}.{name}"}


@pytest.mark.parametrize(
    ("args", "more"),
    [
        (("--help",), set()),
        (("--version",), set()),
        (
            ("team", "--help"),
            command("declare", "team"),
        ),
        (
            ("validate", "--help"),
            command("declare", "validate"),
        ),
        (
            ("store", "--help"),
            command("run", "store"),
        ),
        (
            ("plan", "--help"),
            command("change", "plan"),
        ),
        (
            ("sandbox", "up", "--help"),
            command("sandbox", "sandbox"),
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_imports_nothing_heavy(args: tuple[str, ...], more: set[str]) -> None:
    found = imported_by(*args)
    assert {name for name in found if name.split(".")[0] == "allotment"} == OURS_FOR_HELP | more
    top = {name.split(".")[0] for name in found}
    others = {name for name in top if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert others - {"allotment"} == THEIRS


@pytest.mark.parametrize(
    "args",
    [("validate", "examples/minimal", "-o", "json"), ("accelerator", "list", "examples/minimal", "-o", "name")],
    ids=" ".join,
)
def test_what_reads_a_directory_imports_no_server_client(args: tuple[str, ...]) -> None:
    found = imported_by(*args)
    top = {name.split(".")[0] for name in found}
    assert not top & {"lightkube", "httpx2", "rich", "numpy", "cryptography", "stamina", "asyncio"}
