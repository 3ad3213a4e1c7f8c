"""Events as they travel: server-sent events, as browsers read them.

A frame is lines, ended by an empty one. What somebody wrote stands in JSON, in which no end of a line is left: neither
those of the format nor those that a reader of lines may take for one.
"""

from __future__ import annotations

from typing import Final

from allotment.model.jobs.written import write_value
from allotment.ports.event_service import BEGIN, END, RESET, StreamBegin, StreamReset, ToldEvent
from allotment.ports.job_service import RefusedSubmission

EVENT_STREAM: Final = "text/event-stream"
_ENDS_OF_LINES: Final = {ord(each): f"\\u{ord(each):04x}" for each in "\x7f\x85\u2028\u2029"}
"""What JSON leaves as it is, and some reader of lines does not."""


def frame_of(event: ToldEvent) -> bytes:
    """One event."""
    if event.kind is not None:
        return _frame(event.kind.value, event.told, event.number)
    name = BEGIN if isinstance(event.told, StreamBegin) else RESET
    return _frame(name, event.told, event.number)


def begin_frame(number: int) -> bytes:
    """That nothing is missing from here on."""
    return frame_of(ToldEvent(number, None, StreamBegin(number)))


def reset_frame(number: int) -> bytes:
    """That what came before may be missing."""
    why = "what has changed since is not kept any more: read all anew, and go on from here"
    return frame_of(ToldEvent(number, None, StreamReset(number, why)))


def end_frame(refused: RefusedSubmission) -> bytes:
    """Why the stream ends."""
    return _frame(END, refused, None)


def beat_frame(number: int | None) -> bytes:
    """That the server is there; with the number up to which there was nothing to tell, where that has grown."""
    return b":\n\n" if number is None else f":\nid: {number}\n\n".encode()


def _frame(name: str, value: object, number: int | None) -> bytes:
    data = write_value(name, value, most=None).translate(_ENDS_OF_LINES)
    mark = "" if number is None else f"id: {number}\n"
    return f"{mark}event: {name}\ndata: {data}\n\n".encode()
