"""Colours, width, control characters."""

from __future__ import annotations

import io
import json
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import table_text  # noqa: F401  (rich is imported here once, not inside hypothesis)
from allotment.cli.shell.terminal import harmless_json, printable, wants_color, width_of
from allotment.errors import shown
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    ("mode", "environment", "terminal", "colored"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, True, False),
        ("auto", {"CLICOLOR_FORCE": "1"}, False, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False, False),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, False, True),
        ("auto", {"CLICOLOR": "0"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"CLICOLOR_FORCE": "1"}, True, False),
    ],
    ids=str,
)
def test_colour_is_decided_in_one_place(mode: str, environment: dict[str, str], terminal: bool, colored: bool) -> None:
    assert wants_color(mode, environment, is_terminal=terminal) is colored


@pytest.mark.parametrize(
    ("env", "args", "colored"),
    [
        ({}, (), False),
        ({"CLICOLOR_FORCE": "1"}, (), True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"ALLOTMENT_COLOR": "always"}, (), True),
        ({"ALLOTMENT_COLOR": "always"}, ("--color", "never"), False),
    ],
    ids=str,
)
def test_colour_reaches_both_streams(
    run: Run, acme: Path, env: dict[str, str], args: tuple[str, ...], colored: bool
) -> None:
    good = run("validate", "my-platform", *args, env=env)
    assert ("\x1b[" in good.ok()) is colored
    bad = run("validate", "nowhere", *args, env=env)
    assert ("\x1b[" in bad.err) is colored
    assert "\x1b[" not in run("validate", "my-platform", "-o", "json", *args, env=env).ok()


@pytest.mark.parametrize(
    ("columns", "width"), [("80", 80), ("3", 20), ("", None), ("0", None), ("x", None), ("99999", None), ("²", None)]
)
def test_width_of_a_pipe_is_what_columns_says(columns: str, width: int | None) -> None:
    assert width_of(io.StringIO(), {"COLUMNS": columns}) == width


def test_width_of_a_closed_stream_is_unlimited() -> None:
    stream = io.StringIO()
    stream.close()
    assert width_of(stream, {}) is None


@given(st.text())
def test_printable_text_cannot_drive_a_terminal(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(character < " " and character not in "\n\t" for character in shown)
    assert not set(shown) & {"\x1b", "\x7f", "\x9b", "\N{RIGHT-TO-LEFT OVERRIDE}"}


def test_a_name_in_an_error_cannot_drive_the_terminal(run: Run, acme: Path) -> None:
    ran = run("plan", "my-platform", "--offline", "--cluster", "x\x1b]0;owned\x07")
    assert ran.code == 3
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_not_seen_or_turns_text_round_is_never_printed() -> None:
    """One set for all, by Unicode's categories."""
    for char in map(chr, range(0x110000)):
        if category(char) in {"Cc", "Cf", "Zl", "Zp"}:
            assert char not in shown(char)
            assert char in "\t\n" or char not in printable(char)
    assert shown("\u200b\U000e0041é日") == r"\u200b\U000e0041é日"


def test_an_error_as_json_cannot_drive_it_either_and_says_the_same(run: Run, acme: Path) -> None:
    name = "x\x9b2J\N{RIGHT-TO-LEFT OVERRIDE}\u2028"
    ran = run("why", "job/train", "--context", name, "-o", "json")
    assert not set(ran.err) & {"\x9b", "\N{RIGHT-TO-LEFT OVERRIDE}", "\u2028"}
    assert json.loads(ran.err)["kind"] == "Error"


@given(st.text())
def test_json_is_written_so_that_it_drives_no_terminal_and_reads_as_it_was(text: str) -> None:
    written = harmless_json(json.dumps({"what": text}, ensure_ascii=False))
    assert json.loads(written) == {"what": text}
    assert printable(written) == written
