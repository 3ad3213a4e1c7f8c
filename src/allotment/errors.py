"""The error tree: every failure a user can meet, drawn once.

    AllotmentError                 exit 1   anything we can name
    ├── UsageError                 exit 2   the call itself is wrong
    ├── InputError                 exit 1   a file the user wrote is wrong (carries problems with file:line, field, fix)
    ├── NotFoundError              exit 3   a named thing does not exist
    ├── NotSignedInError           exit 4   no credentials, or expired ones
    ├── ForbiddenError             exit 5   signed in, but not allowed
    ├── ConflictError              exit 6   someone else owns or changed it
    │   └── OutdatedError          exit 6   it is not as whoever asks has read it
    ├── CapacityError              exit 7   quota or capacity does not allow it
    ├── TimedOutError              exit 8   it did not happen in time
    └── UnreachableError           exit 9   the server does not answer
        └── TooOftenError          exit 9   it was asked too often, and answers again in a while

An error says what happened, why, and the next step. `exit_code` is the CLI contract, and all
that a caller looks at: nobody matches on message text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

Told = TypeVar("Told", bound="AllotmentError")
INTERRUPTED: Final = 130
"""Exit code of what Ctrl-C ended: 128 and the number of SIGINT, as shells have it."""
CHANGES: Final = 2
"""Exit code of ``plan --exit-code`` where there is something to do, as of terraform's ``-detailed-exitcode``."""

UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Characters that move a cursor, turn text round or are not seen, as a pattern's set: Unicode's Cc, Cf, Zl, Zp."""
_UNPRINTABLE: Final = re.compile(f"[{UNPRINTABLE}]")


def shown(name: object) -> str:
    r"""A file's name as messages show it: on one line, what would move the cursor written as ``\n`` or ``\x1b``."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(name))


MOST_QUOTED: Final = 80
"""Characters of a foreign value in a sentence; JSON has it whole."""
MOST_SAID: Final = 240
"""Characters of a component's message in a sentence."""


_A_NAME: Final = re.compile(r"[A-Za-z0-9][\w./:=@+-]{0,252}", re.ASCII)
"""Names of objects, labels and resources have this form; a sentence of words has not."""


def unquoted(text: str) -> str:
    """Text in which nothing looks like a command of ours: no backquotes."""
    return text.replace("`", "'")


def quoted(value: object, most: int = MOST_QUOTED) -> str:
    """A foreign value within a sentence: in quotation marks that it cannot end, on one line, cut."""
    text = unquoted(shown(" ".join(str(value).split()))).replace('"', "'")
    return f'"{text if len(text) <= most else f"{text[:most]}…"}"'


def spelled(name: str) -> str:
    """A name in a sentence, which anybody may have chosen: as it is where it has the form of one, else quoted."""
    return name if _A_NAME.fullmatch(name) else quoted(name)


def quoted_message(message: str) -> str:
    """A component's message within a sentence, which anybody's words may stand in."""
    return quoted(message, MOST_SAID)


class AllotmentError(Exception):
    """Root of the tree.

    Attributes:
        what: what happened, one sentence without a full stop at the end.
        why: the cause, where it is known.
        fix: the next step for the reader, an imperative or a command.
        exit_code: of the CLI, as a rule the class's own.
        within: what lies behind it, for the log and the server's own user alone; None where all may be told to anybody.
    """

    exit_code: int = 1
    within: AllotmentError | None = None

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix

    @property
    def line(self) -> str:
        """What happened and why, in one line: where it is told of something, such as a job."""
        return f"{self.what}: {self.why}" if self.why else self.what

    @property
    def whole(self) -> AllotmentError:
        """With all that is known of it: for logs, and for whoever is at the machine itself."""
        return self.within or self

    def __str__(self) -> str:
        """What may be told, one part a line."""
        lines = [self.what]
        if self.why:
            lines.append(f"why: {self.why}")
        if self.fix:
            lines.append(f"fix: {self.fix}")
        return "\n".join(lines)


def veiled(whole: AllotmentError, told: Told) -> Told:
    """What anybody may be told of an error, with all of it within.

    Args:
        whole: for the log, and the server's own user.
        told: for everybody else.
    """
    told.within = whole
    return told


class UsageError(AllotmentError):
    """The call itself is wrong: flags that exclude each other, a value that cannot be."""

    exit_code = 2


class InputError(AllotmentError):
    """A file the user wrote is wrong."""


class NotFoundError(AllotmentError):
    """A named thing does not exist."""

    exit_code = 3


class NotSignedInError(AllotmentError):
    """No credentials for the server, or expired ones."""

    exit_code = 4


class ForbiddenError(AllotmentError):
    """Signed in, but not allowed to do this."""

    exit_code = 5


class ConflictError(AllotmentError):
    """Someone else owns or changed the thing."""

    exit_code = 6


class OutdatedError(ConflictError):
    """It is not as whoever asks has read it."""


class CapacityError(AllotmentError):
    """Quota or capacity does not allow it."""

    exit_code = 7


class NoRoomError(AllotmentError):
    """This machine lacks disk, memory or processes for it at present: the same may go well a moment later."""


class TimedOutError(AllotmentError):
    """It did not happen in time."""

    exit_code = 8


class UnreachableError(AllotmentError):
    """The server does not answer."""

    exit_code = 9


class TooOftenError(UnreachableError):
    """The server was asked too often.

    Attributes:
        wait: seconds after which it answers again.
    """

    def __init__(self, wait: float = 1.0, why: str = "") -> None:
        super().__init__("the server was asked too often", why=why, fix="ask again in a second, and less often")
        self.wait = wait


@contextmanager
def at(where: str) -> Iterator[None]:
    """Put a file, or file and line, in front of an `InputError` from code that does not know them."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error.what}", why=error.why, fix=error.fix) from error
