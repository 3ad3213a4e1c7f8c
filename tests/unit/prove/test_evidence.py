"""The report as evidence."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.prove.evidence import to_markdown
from allotment.prove.verdicts import ProofReport, Result, Verdict

AT = dt.datetime(2026, 11, 22, 8, 30, 5, tzinfo=dt.UTC)


def result(verdict: Verdict = Verdict.PROVED, guardrail: str = "roles", got: str = "as promised") -> Result:
    return Result(guardrail, "nlp", "ask", "Roles", "a member of nlp", "answers", got, verdict, AT)


def report(*results: Result) -> ProofReport:
    return ProofReport("acme", "dev", "https://127.0.0.1:6443", "v1.36.3", AT, AT + dt.timedelta(seconds=3), results)


@pytest.mark.parametrize(
    ("verdicts", "failed", "says"),
    [
        ((Verdict.PROVED,), False, "every guardrail that was tried holds"),
        ((Verdict.PROVED, Verdict.NOT_PROVABLE), False, "1 of 2 probes could show nothing"),
        ((Verdict.PROVED, Verdict.FAILED), True, "**broken: roles**"),
        ((Verdict.ERROR,), True, "**not proved: 1 of 1 probes could not be tried"),
        ((), False, "every guardrail that was tried holds"),
    ],
)
def test_the_outcome(verdicts: tuple[Verdict, ...], failed: bool, says: str) -> None:
    found = report(*(result(verdict) for verdict in verdicts))
    assert found.failed is failed
    assert says in to_markdown(found)


def test_broken_guardrails_are_named_once_in_order() -> None:
    found = report(
        result(Verdict.FAILED, "queues"), result(Verdict.ERROR, "x"), result(Verdict.FAILED, "roles"),
        result(Verdict.FAILED, "queues"),
    )  # fmt: skip
    assert found.broken == ("queues", "roles")
    assert {verdict: number for verdict, number in found.counts.items() if number} == {
        Verdict.FAILED: 3, Verdict.ERROR: 1,
    }  # fmt: skip


def test_what_adoption_left_is_neither_broken_nor_proved() -> None:
    found = report(result(Verdict.KEPT, "roles"), result(Verdict.PROVED, "queues"))
    assert (found.kept, found.broken, found.failed) == (("roles",), (), False)
    assert "holds, but for what adoption left there: roles" in to_markdown(found)


def test_markdown_holds_time_cluster_object_verdict_and_words() -> None:
    text = to_markdown(report(result()))
    for part in ("acme on dev", "v1.36.3", "2026-11-22T08:30:05", "08:30:05", "## roles", "proved", "a member of nlp"):
        assert part in text


@pytest.mark.parametrize("words", ["a | b", "line\nbreak", "<script>alert(1)</script>", "`code` *b* [x](javascript:y)"])
def test_what_a_server_says_is_text_and_never_markup(words: str) -> None:
    (line,) = [line for line in to_markdown(report(result(got=words))).splitlines() if "08:30:05 |" in line]
    assert "<" not in line
    assert line.replace("\\|", "").count("|") == 9
    assert "[x](" not in line
    assert "\\`" in line if "`" in words else "`" not in line
