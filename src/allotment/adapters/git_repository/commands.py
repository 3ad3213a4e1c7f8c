"""Git, run by its arguments alone: never a shell, never a question at a terminal, and nothing for longer than is given.

Of what a repository's configuration names no program is run: it may be somebody else's. The user's own configuration
counts for remotes: it knows how one gets there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from allotment.errors import AllotmentError, NotFoundError, TimedOutError, quoted_message

LOCAL_LIMIT: Final = 30.0
"""Seconds of a command that asks nobody elsewhere."""
_SECURE: Final = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.splitIndex=false", "log.showSignature=false",
        "i18n.commitEncoding=UTF-8", "i18n.logOutputEncoding=UTF-8",
        # Housekeeping ends within the command that it is part of, and so within its time.
        "gc.autoDetach=false", "maintenance.autoDetach=false",
        # A server that says nothing for so long is left, should nobody be there to end the command.
        "http.lowSpeedLimit=1", "http.lowSpeedTime=60",
    )
    for word in ("-c", setting)
)  # fmt: skip
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+@")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GitAnswer:
    """What came of a command.

    Attributes:
        code: its exit status.
        out: what it printed.
        said: what it complained of, without credentials.
    """

    code: int
    out: bytes
    said: str


@dataclass(frozen=True, slots=True)
class Git:
    """Commands in one repository.

    Attributes:
        where: arguments that say which.
        place: how it is shown.
        protocol: that may be spoken with other repositories; empty for none.
    """

    where: tuple[str, ...]
    place: str
    protocol: str = ""
    _environment: Mapping[str, str] = field(default_factory=lambda: _cleaned(os.environ), repr=False)

    def ask(
        self, *words: str, stdin: bytes = b"", more: Mapping[str, str] = _NOTHING, limit: float = LOCAL_LIMIT
    ) -> GitAnswer:
        """Run a command, whatever comes of it.

        Args:
            words: command and arguments.
            stdin: what it reads.
            more: environment besides.
            limit: seconds.

        Raises:
            TimedOutError: it took longer, and was ended.
            NotFoundError: there is no git.
        """
        environment = {**self._environment, "GIT_ALLOW_PROTOCOL": self.protocol, **more}
        try:
            return _ended(["git", *_SECURE, *self.where, *words], stdin, environment, limit)
        except FileNotFoundError:
            raise NotFoundError("there is no git on this machine", fix="install git 2.30 or later") from None
        except subprocess.TimeoutExpired:
            raise TimedOutError(
                f"git {words[0]} takes longer than {limit:g} s on {self.place}",
                fix="see that the disk and the network answer, and try again",
            ) from None

    def run(
        self, *words: str, stdin: bytes = b"", more: Mapping[str, str] = _NOTHING, limit: float = LOCAL_LIMIT
    ) -> bytes:
        """What a command prints.

        Raises:
            AllotmentError: it fails; as `ask` besides.
        """
        answer = self.ask(*words, stdin=stdin, more=more, limit=limit)
        if answer.code:
            raise AllotmentError(
                f"git {words[0]} fails on {self.place}",
                why=quoted_message(answer.said) if answer.said else f"exit code {answer.code}",
                fix="look at the repository: `git fsck`, and its owner and mode",
            )
        return answer.out

    def line(self, *words: str, stdin: bytes = b"", more: Mapping[str, str] = _NOTHING) -> str:
        """The one line that a command prints.

        Raises:
            AllotmentError: as `run`.
        """
        return self.run(*words, stdin=stdin, more=more).decode(errors="surrogateescape").strip()


def _cleaned(given: Mapping[str, str]) -> dict[str, str]:
    """Without what changes git's mind, and without anything that could ask a person."""
    kept = {name: value for name, value in given.items() if not name.startswith("GIT_") and name != "SSH_ASKPASS"}
    return {
        **kept,
        "GIT_ASKPASS": "",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "SSH_ASKPASS_REQUIRE": "never",
    }


def _ended(argv: list[str], stdin: bytes, environment: Mapping[str, str], limit: float) -> GitAnswer:
    # A session of its own has no terminal that ssh could ask at, and ends as a whole.
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, said = process.communicate(stdin, timeout=limit)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return GitAnswer(process.returncode, out, _CREDENTIALS.sub("", said.decode(errors="replace")).strip())
