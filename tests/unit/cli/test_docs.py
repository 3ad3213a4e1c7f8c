"""docs/cli.md against the program: every command, alias-free, with every flag, and none that is gone."""

from __future__ import annotations

import re

import click
import pytest

from allotment.cli.shell.lazy import GLOBAL_SECTION, Flag
from allotment.cli.shell.options import OUTPUT_SECTION
from allotment.operations.directory.configuration import SETTINGS
from tests.unit.cli.conftest import ROOT
from tests.unit.cli.test_examples import ALL

TEXT = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SHARED_TEXT = TEXT.partition("## Flags that many commands share")[2].partition("## Settings")[0]
SECTIONS = {
    tuple(title.split()[1:]): body
    for title, body in re.findall(r"^### `(allot[^`]*)`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
}


def flags_of(command: click.Command, *, shared: bool) -> set[str]:
    found: set[str] = set()
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            section = param.section if isinstance(param, Flag) else "Options"
            if (section in (OUTPUT_SECTION, GLOBAL_SECTION)) is shared:
                found.update(param.opts)
    return found - {"--help", "-h", "--version"}


def test_the_page_has_exactly_the_commands_that_exist() -> None:
    assert set(SECTIONS) == set(ALL) - {()}


@pytest.mark.parametrize("words", [words for words in ALL if words], ids=" ".join)
def test_a_command_s_section_has_its_flags_and_no_other(words: tuple[str, ...]) -> None:
    section = SECTIONS[words]
    for flag in flags_of(ALL[words], shared=False):
        assert f"`{flag}`" in section, flag
    listed = set(re.findall(r"`(--?[A-Za-z][a-z-]*)`", "\n".join(re.findall(r"^- (`.*?):", section, re.MULTILINE))))
    assert listed == flags_of(ALL[words], shared=False)


def test_shared_flags_are_documented_once() -> None:
    for command in ALL.values():
        for flag in flags_of(command, shared=True):
            assert f"`{flag}`" in SHARED_TEXT, flag


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_settings_are_documented(setting) -> None:
    assert f"| `{setting.key}` | `{setting.variable}` |" in TEXT
