"""Some lines of a log, and never more time than their pieces looked for one after the other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import UsageError
from allotment.operations.run import log_search
from allotment.operations.run.log_search import holds, searched
from allotment.ports.backends import LogLine
from allotment.ports.log_lines import LogQuery, LogSearch

LOG = [b"step 0 loss=3.5", b"", b"step 1 loss=nan", b"\xff\xfe", b"error: loss", b"step 2 loss=2.5 *"]


def lines(texts: list[bytes] = LOG) -> Iterator[LogLine | None]:
    for each in texts:
        yield LogLine(0, each, 5)
        yield None


@pytest.mark.parametrize(
    ("wanted", "numbers", "after"),
    [
        (LogQuery(), [0, 1, 2, 3, 4, 5], None),
        (LogQuery(2), [2, 3, 4, 5], None),
        (LogQuery(2, 4), [2, 3], None),
        (LogQuery(4, 2), [], None),
        (LogQuery(9), [], None),
        (LogQuery(limit=2), [0, 1], 2),
        (LogQuery(2, limit=2), [2, 3], 4),
        (LogQuery(limit=6), [0, 1, 2, 3, 4, 5], None),
        (LogQuery(text="loss"), [0, 2, 4, 5], None),
        (LogQuery(text="loss", limit=1), [0], 1),
        (LogQuery(text="LOSS=N"), [], None),
        (LogQuery(text="LOSS=N", any_case=True), [2], None),
        (LogQuery(text="Step*LOSS", any_case=True), [0, 2, 5], None),
        (LogQuery(1, text="loss", limit=1), [2], 3),
        (LogQuery(text="step*nan"), [2], None),
        (LogQuery(text="*"), [0, 1, 2, 3, 4, 5], None),
        (LogQuery(text="nan*step"), [], None),
        (LogQuery(text="(a+)+$"), [], None),
        (LogQuery(text="LOSS"), [], None),
    ],
)
def test_those_that_are_meant(wanted: LogQuery, numbers: list[int], after: int | None) -> None:
    found = searched(lines(), wanted, lambda: True)
    assert ([each.number for each in found.lines], found.next, found.matches) == (numbers, after, len(numbers))


@given(st.lists(st.sampled_from(LOG), max_size=30), st.sampled_from(["", "loss", "step*5"]), st.integers(1, 7))
def test_page_after_page_has_each_line_once(texts: list[bytes], text: str, limit: int) -> None:
    whole = searched(lines(texts), LogQuery(text=text, limit=1000), lambda: True)
    pages: list[LogSearch] = []
    start: int | None = 0
    while start is not None:
        pages.append(searched(lines(texts), LogQuery(start, text=text, limit=limit), lambda: True))
        start = pages[-1].next
    assert tuple(itertools.chain.from_iterable(each.lines for each in pages)) == whole.lines
    assert sum(each.matches for each in pages) == whole.matches
    assert sum(each.looked_at for each in pages) == whole.looked_at == len(texts)


def test_it_ends_where_there_is_no_time_or_too_much_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "_LOOK_AT_THE_CLOCK", 2)
    found = searched(lines(), LogQuery(text="nothing"), lambda: False)
    assert (found.looked_at, found.next, found.matches) == (2, 2, 0)
    on = searched(lines(), LogQuery(found.next, text="nothing"), lambda: False)
    assert on.next == 4, "each call gets on"
    monkeypatch.setattr(log_search, "MOST_READ", 20)
    assert searched(lines(), LogQuery(), lambda: True).next == 3
    assert searched(lines(), LogQuery(3), lambda: True).next is None, "what stands before it does not count"
    with pytest.raises(UsageError):
        searched(lines(), LogQuery(text="x" * 1001), lambda: True)


def test_what_is_passed_takes_time_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "_LOOK_AT_THE_CLOCK", 2)
    found = searched(lines(), LogQuery(1 << 53), lambda: False)
    assert (found.looked_at, found.next) == (0, 2)
    monkeypatch.setattr(log_search, "MOST_SKIPPED", 0)
    assert searched(lines(), LogQuery(1 << 53), lambda: True).next == 1


def test_no_text_takes_long() -> None:
    began = time.process_time()
    assert not holds(b"a" * (1 << 20), [b"a" * 30] * 400 + [b"b"])
    assert time.process_time() - began < 2


def test_what_is_no_text_and_what_is_too_long_is_told_so() -> None:
    found = searched(lines([b"\xff", b"x" * (1 << 17)]), LogQuery(), lambda: True)
    assert [len(each.text) for each in found.lines] == [1, log_search.MOST_LINE]
    assert found.lines[0].text == "\ufffd"
