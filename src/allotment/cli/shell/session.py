"""One run of `allot`: its settings, its streams, its questions. Made in `main`, handed to every command by click."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from allotment.cli.shell.terminal import PLAIN_WIDTH, is_terminal, wants_color, width_of
from allotment.errors import AllotmentError, UsageError
from allotment.operations.directory.configuration import SettingOrigin, Value, resolve

if TYPE_CHECKING:
    from allotment.ports.settings import SettingsPort


class Session:
    """What a command needs to know about the call besides its own arguments.

    Attributes:
        environment: the process's environment, read once.
        flags: settings given as flags; the option callbacks fill it while click parses.
        contexts: those that were named, where a command asks several clusters.
        override: the other cluster's mark that ``--override-identity`` names; no setting, so that nothing implies it.
        program: path or name that this program was started by.
        hint: makes the commands in a text complete; once a cluster was chosen, they lead to it.
    """

    def __init__(self, environment: Mapping[str, str], program: str = "allot") -> None:
        self.environment = environment
        self.program = program
        self.flags: dict[str, str | None] = {}
        self.contexts: tuple[str, ...] = ()
        self.override = ""
        self.hint: Callable[[str], str] = lambda text: text
        self._resolved_with: tuple[dict[str, str | None], dict[str, Value]] | None = None

    @cached_property
    def call(self) -> str:
        """What to type to call this program again: ``allot`` where a shell finds us by that name, else as just now."""
        from allotment.cli.shell.calling import call_again

        return call_again(self.program, self.environment.get("PATH", ""))

    @cached_property
    def settings_file(self) -> SettingsPort:
        """The configuration file."""
        from allotment import wiring

        return wiring.settings(self.environment)

    @property
    def config_path(self) -> Path:
        """Where the configuration file is, whether it exists or not."""
        return self.settings_file.path

    @cached_property
    def file_settings(self) -> dict[str, str]:
        """What the configuration file says.

        Raises:
            InputError: it says something that cannot be.
        """
        from allotment.operations.directory.settings import kept

        # Read at most once: reporting the failure asks for settings too, and must not fail (or hang) the same way.
        self.__dict__["file_settings"] = {}
        return kept(self.settings_file)

    @property
    def settings(self) -> dict[str, Value]:
        """Every setting by key, resolved with the flags seen so far."""
        if self._resolved_with is None or self._resolved_with[0] != self.flags:
            values = resolve(self.flags, self.environment, self.file_settings, str(self.config_path))
            self._resolved_with = (dict(self.flags), {value.key: value for value in values})
        return self._resolved_with[1]

    def value(self, key: str) -> str:
        """The value in force of a setting; empty when nothing is set."""
        return self.settings[key].value

    def given(self, key: str) -> bool:
        """Whether anybody set it: flag, environment or file."""
        return self.settings[key].origin is not SettingOrigin.DEFAULT

    @property
    def no_input(self) -> bool:
        """Whether questions are forbidden or there is nobody to answer them."""
        return self.value("no-input") == "true" or not is_terminal(sys.stdin)

    @property
    def color_out(self) -> bool:
        """Whether standard output may be coloured."""
        return wants_color(self._color_mode(), self.environment, is_terminal=is_terminal(sys.stdout))

    @property
    def color_err(self) -> bool:
        """Whether standard error may be coloured."""
        return wants_color(self._color_mode(), self.environment, is_terminal=is_terminal(sys.stderr))

    def _color_mode(self) -> str:
        # Errors are printed with it too, the error that the settings cannot be read among them.
        try:
            return self.value("color")
        except AllotmentError:
            return "auto"

    @property
    def table_width(self) -> int | None:
        """Columns for tables; None means that lines may be as long as they are."""
        return width_of(sys.stdout, self.environment)

    @property
    def text_width(self) -> int:
        """Columns for running text."""
        return min(width_of(sys.stdout, self.environment) or PLAIN_WIDTH, 120)

    @property
    def progress_width(self) -> int | None:
        """Columns for a progress line on standard error; None when nobody looks, so that none is drawn."""
        if not is_terminal(sys.stderr) or self.environment.get("TERM") == "dumb":
            return None
        return width_of(sys.stderr, self.environment)

    def out(self, text: str) -> None:
        """Data: standard output."""
        click.echo(text, color=self.color_out)

    def note(self, text: str) -> None:
        """Everything else: standard error."""
        click.echo(text, err=True, color=self.color_err)

    def confirm(self, question: str, *, flag: str) -> bool:
        """Ask yes or no; no is the default.

        Raises:
            UsageError: nobody can answer; the message names the flag that answers.
        """
        if self.no_input:
            raise self._nobody_answers(question, flag)
        return click.confirm(question, default=False, err=True)

    def typed(self, question: str, expected: str, *, flag: str) -> bool:
        """Ask for a word to be typed, for what is hard to undo. Whether it was exactly that word.

        Raises:
            UsageError: nobody can answer; the message names the flag that answers.
        """
        if self.no_input:
            raise self._nobody_answers(question, flag)
        answer: str = click.prompt(question, default="", show_default=False, err=True)
        return answer.strip() == expected

    @staticmethod
    def _nobody_answers(question: str, flag: str) -> UsageError:
        return UsageError(
            f"this needs an answer: {question}",
            why="there is no terminal to ask on, or --no-input forbids to ask",
            fix=f"answer it with {flag}",
        )
