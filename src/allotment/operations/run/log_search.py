"""What a job wrote, some lines of it: those between two numbers, those that hold a text, so many at once.

Works on the lines of any back end, and reads no more of them than one call may: where it stopped is told. A text is
looked for as it is; ``*`` in it stands for anything. No pattern takes longer than its pieces looked for one after the
other, whatever somebody writes, and whatever stands in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from allotment.errors import UsageError
from allotment.ports.backends import LogLine
from allotment.ports.log_lines import MOST_FOUND, FoundLine, LogQuery, LogSearch

MOST_READ: Final = 256 << 20
"""Bytes that one call looks at, from its first line on: so each call gets on."""
MOST_SKIPPED: Final = 1 << 30
"""Bytes that one call passes before its first line, within the time of the call."""
MOST_LINE: Final = 64 << 10
"""Bytes of one line that are told."""
_LOOK_AT_THE_CLOCK: Final = 4096
"""Lines between two looks at whether there is time left."""
_LONGEST_TEXT: Final = 1000


def searched(lines: Iterator[LogLine | None], wanted: LogQuery, has_time: Callable[[], bool]) -> LogSearch:
    """Look for lines.

    Args:
        lines: of the log, from its beginning.
        wanted: which are meant.
        has_time: whether to go on.

    Raises:
        UsageError: the text is too long.
    """
    if len(wanted.text) > _LONGEST_TEXT:
        raise UsageError(f"a text of {len(wanted.text)} characters is looked for", fix=f"{_LONGEST_TEXT} are the most")
    pieces = [each.encode() for each in wanted.text.split("*") if each]
    pieces = [each.lower() for each in pieces] if wanted.any_case else pieces
    limit = min(max(1, wanted.limit), MOST_FOUND)
    found: list[FoundLine] = []
    read, skipped, looked_at = 0, 0, 0
    for number, line in enumerate(each for each in lines if each is not None):
        if wanted.last is not None and number >= wanted.last:
            return LogSearch(tuple(found), len(found), looked_at, None)
        late = number % _LOOK_AT_THE_CLOCK == 0 and number not in (0, wanted.first) and not has_time()
        far = number < wanted.first and skipped > MOST_SKIPPED
        if len(found) >= limit or read > MOST_READ or far or late:
            return LogSearch(tuple(found), len(found), looked_at, number)
        if number < wanted.first:
            skipped += len(line.text) + 1
            continue
        read += len(line.text) + 1
        looked_at += 1
        if holds(line.text.lower() if wanted.any_case else line.text, pieces):
            text = line.text[:MOST_LINE].decode("utf-8", "replace")
            found.append(FoundLine(number, line.rank, text, line.at))
    return LogSearch(tuple(found), len(found), looked_at, None)


def holds(text: bytes, pieces: list[bytes]) -> bool:
    """Whether some pieces stand in a text, one after the other."""
    at = 0
    for each in pieces:
        at = text.find(each, at)
        if at < 0:
            return False
        at += len(each)
    return True
