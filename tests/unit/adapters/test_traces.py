"""Files of scenarios and traces: the port's promises, on real files and on the fake."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from allotment.adapters.traces.fake import MemoryFiles
from allotment.adapters.traces.files import TraceFiles
from allotment.errors import ConflictError, NotFoundError
from allotment.ports.scenario_files import ScenarioFilesPort

Made = Callable[[Mapping[str, str]], ScenarioFilesPort]


@pytest.fixture(params=["real", "fake"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Files with these texts."""

    def make(texts: Mapping[str, str]) -> ScenarioFilesPort:
        if request.param == "fake":
            return MemoryFiles(texts)
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8", newline="")
        return TraceFiles(tmp_path.joinpath)

    return make


def read(files: ScenarioFilesPort, file: str) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in files.lines(file)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a\nb\n", ["a", "b"], id="a line feed ends a line"),
        pytest.param("a\nb", ["a", "b"], id="the last one may be without"),
        pytest.param("a\r\nb\r\n", ["a", "b"], id="a carriage return before it goes"),
        pytest.param("a\n\n\nb\n", ["a", "", "", "b"], id="blank lines are lines"),
        pytest.param("\n", [""], id="only a blank line"),
        pytest.param("a\u2028b\x0bc\n", ["a\u2028b\x0bc"], id="nothing else ends a line"),
    ],
)
def test_lines_with_their_numbers(made: Made, text: str, lines: list[str]) -> None:
    assert read(made({"x": text}), "x") == list(enumerate(lines, 1))


def test_a_line_knows_the_place_that_messages_name(made: Made) -> None:
    files = made({"x": "a\nb\n"})
    assert [line.where for line in files.lines("x")] == [f"{files.place('x')}:{number}" for number in (1, 2)]


def test_a_file_is_read_anew_each_time(made: Made) -> None:
    files = made({"x": "a\n"})
    assert read(files, "x") == read(files, "x") == [(1, "a")]


def test_a_file_that_is_not_there(made: Made) -> None:
    files = made({})
    with pytest.raises(NotFoundError, match="there is no file"):
        read(files, "x")


def test_answers_are_lines_of_json(made: Made) -> None:
    files = made({"x": "a\n"})
    with files.answers("own", ["x"]) as answers:
        answers.write({"id": "é", "answers": [1, 2]})
        answers.write({})
    assert read(files, "own") == [(1, '{"id":"é","answers":[1,2]}'), (2, "{}")]


def test_no_answers_are_an_empty_file(made: Made) -> None:
    files = made({"own": "older\n"})
    with files.answers("own", []):
        pass
    assert read(files, "own") == []


def break_off(files: ScenarioFilesPort, *written: Mapping[str, str]) -> None:
    with files.answers("own", []) as answers:
        for answer in written:
            answers.write(answer)
        raise ZeroDivisionError


def test_answers_stay_when_the_work_breaks_off(made: Made) -> None:
    files = made({})
    with pytest.raises(ZeroDivisionError):
        break_off(files, {})
    assert read(files, "own") == [(1, "{}")]


def test_an_older_file_stays_when_the_work_breaks_off_before_the_first_answer(made: Made) -> None:
    files = made({"own": "older\n"})
    with pytest.raises(ZeroDivisionError):
        break_off(files)
    assert read(files, "own") == [(1, "older")]


def test_answers_never_go_to_a_file_that_is_read(made: Made) -> None:
    files = made({"x": "a\n"})
    with pytest.raises(ConflictError, match="is also read"), files.answers("x", ["x"]):
        pytest.fail("opened")
    assert read(files, "x") == [(1, "a")]


def test_what_counts_for_gzip_is_the_content(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(gzip.compress(b"a\nb\n"))
    assert read(TraceFiles(tmp_path.joinpath), "x.csv") == [(1, "a"), (2, "b")]
