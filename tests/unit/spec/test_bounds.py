"""What is told about a directory is bounded, and says so."""

from __future__ import annotations

import pytest

from allotment.model.source import SourceTree
from allotment.spec import read
from allotment.spec.load import load_platform
from allotment.spec.problems import MOST_TOLD, InvalidPlatformError, Problem, Severity
from tests.unit.spec.trees import tiny


def refused(files: dict[str, str]) -> InvalidPlatformError:
    with pytest.raises(InvalidPlatformError) as caught:
        load_platform(SourceTree(files))
    return caught.value


@pytest.mark.parametrize(
    "files",
    [
        tiny(many="--- {a: b}\n" * 19_000),
        tiny(team="kind: Team\n" + "".join(f"f{number}: 1\n" for number in range(50_000))),
        tiny(**{f"part{number}": "--- {kind: Team}\n" * 900 for number in range(4)}),
    ],
    ids=["documents", "fields", "files"],
)
def test_the_first_thousand_errors_are_told(files: dict[str, str]) -> None:
    error = refused(files)
    assert error.what == "the platform directory has more than 1,000 errors; the first 1,000 are told"
    assert len(error.problems) == MOST_TOLD
    assert all(problem.line for problem in error.problems if problem.file != "platform.yaml")


def test_a_thousand_errors_are_all_of_them() -> None:
    error = refused(tiny(many="--- {a: b}\n" * MOST_TOLD))
    assert error.what == "the platform directory has 1000 errors"


def test_warnings_are_told_beside_the_errors() -> None:
    warning = Problem("z.yaml", 1, 1, "", "odd", "look", Severity.WARNING)
    errors = [Problem("a.yaml", number, 1, "", "wrong", "mend", Severity.ERROR) for number in range(MOST_TOLD + 5)]
    assert InvalidPlatformError([*errors, warning]).problems == (*errors[:MOST_TOLD], warning)


def test_documents_of_a_directory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MOST_DOCUMENTS", 4)
    error = refused(tiny(other="--- {kind: Team}\n" * 2))
    assert "more than 4 documents in the directory" in error.why
    assert "`include`" in error.why
