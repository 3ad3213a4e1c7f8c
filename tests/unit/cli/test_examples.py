"""Every example of every `--help`, run as a user types it: in a shell, in a folder with the reference platform."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from allotment.cli.main import cli
from allotment.cli.shell.examples.form import Example, ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from allotment.cli.shell.lazy import LazyGroup
from tests.unit.cli.conftest import ACME, Run

OFFLINE = [
    pytest.param(example, id=f"{' '.join(words) or 'allot'}: {example.note}")
    for words, examples in EXAMPLES.items()
    for example in examples
    if example.needs is ExampleNeeds.DIRECTORY
]


def commands(group: LazyGroup, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {words: group}
    for entry in group.entries:
        command = group.get_command(click.Context(group), entry.name)
        assert command is not None
        path = (*words, entry.name)
        found |= commands(command, path) if isinstance(command, LazyGroup) else {path: command}
    return found


ALL = commands(cli)


PLAIN = [
    param
    for param in OFFLINE
    if param.values[0].line.startswith("allot ") and not set(param.values[0].line) & set("&|$<>;`*?~(")
]
"""A shell makes words of these, and nothing else: the `=` that would set a variable stands in no first word."""
FOR_A_SHELL = [param for param in OFFLINE if param not in PLAIN]


@pytest.mark.parametrize("example", PLAIN)
def test_example_works(example: Example, run: Run, acme: Path) -> None:
    run(*shlex.split(example.line)[1:]).ok()


@pytest.mark.parametrize("example", FOR_A_SHELL)
def test_example_works_in_a_shell(example: Example, tmp_path: Path) -> None:
    shutil.copytree(ACME, tmp_path / "my-platform")
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
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{example.line}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(ALL)


def test_every_example_shows_its_own_command() -> None:
    for words, examples in EXAMPLES.items():
        for example in examples:
            assert " ".join(("allot", *words)) in example.line, example.line


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "allot")
def test_help_shows_the_examples_word_for_word(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*words, "--help"], prog_name="allot")
    assert result.exit_code == 0
    assert "\\b" not in result.stdout, "click's mark for a block, printed as it stands"
    lines = [line.strip() for line in result.stdout.splitlines()]
    for example in EXAMPLES[words]:
        assert example.line in lines
        assert f"# {example.note}" in lines


@pytest.mark.parametrize("words", ALL, ids=lambda words: " ".join(words) or "allot")
def test_every_flag_has_a_help_text_and_every_command_a_summary(words: tuple[str, ...]) -> None:
    command = ALL[words]
    assert command.help
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert param.help, param.opts
            assert param.help.rstrip("]").endswith((".", *(f"ALLOTMENT_{word}" for word in ENV_WORDS))), param.help


ENV_WORDS = (
    "PROMETHEUS_CLUSTER_LABEL",
    "FORGE",
    "FORGE_ADDRESS",
    "FORGE_REPOSITORY",
    "FORGE_TOKEN",
    "REPOSITORY_TAKE_BACK",
    "RECORDED",
    "KEY_FILE",
    "PLATFORM",
    "CLUSTER",
    "TEAM",
    "CONTEXT",
    "KUBECONFIG",
    "OUTPUT",
    "COLOR",
    "NO_INPUT",
    "PROMETHEUS",
    "STORE",
    "SERVER",
    "NOTICES",
    "LISTEN",
    "HOSTS",
    "TRUSTED_PROXIES",
    "TLS_CERT",
    "TLS_KEY",
    "REPOSITORY",
    "REPOSITORY_BRANCH",
    "REPOSITORY_FOLDER",
    "REPOSITORY_MODE",
    "OIDC_ISSUER",
    "OIDC_CLIENT",
    "OIDC_GROUPS",
    "OIDC_GROUPS_PREFIX",
    "OIDC_SCOPES",
    "OIDC_CA",
    "CA",
    "METRICS_LISTEN",
    "ADVERTISE",
    "SHARED_FOLDER",
    "LOG_FORMAT",
)
