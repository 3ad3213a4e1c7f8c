"""Simulations as JSON: what is written is read again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.operations.foresee.simulating import RunRequest, simulate
from allotment.reports.documents.chances import ChoiceFields, choice_document, read_choice
from allotment.reports.documents.form import versioned
from allotment.reports.documents.simulation import read_run, run_document
from allotment.scenarios.parsing import parsed
from allotment.scheduling.queueing.choices import ChanceKind
from allotment.simulation.difference import summary_of
from allotment.simulation.figures import RunFigures
from allotment.simulation.outcome import RandomChoice
from tests.by_day import by_day
from tests.unit.simulation.test_figures import job, scenario

ANY_JOB = st.tuples(st.sampled_from("ab"), st.integers(0, 5000), st.integers(1, 5000), st.integers(1, 5))
"""Queue, submission, run time, GPUs; more than there is of them stay pending."""


def run_of(*jobs: tuple[str, int, int, int]) -> RunFigures:
    submitted = [job(f"j{number}", *each) for number, each in enumerate(jobs)]
    return simulate(scenario(*submitted, quotas={"a": 2, "b": 2}), RunRequest())


def saved(run: RunFigures) -> dict[str, Any]:
    return json.loads(json.dumps(versioned(run_document(run, RunRequest(), run.queues, None))))


@settings(max_examples=by_day(40), deadline=None)
@given(st.lists(ANY_JOB, max_size=8))
def test_a_saved_run_is_read_as_it_was(jobs: list[tuple[str, int, int, int]]) -> None:
    run = run_of(*jobs)
    found, wanted = read_run(json.dumps(saved(run)), "x.json"), summary_of(run, "x.json")
    assert (found.name, found.jobs, found.makespan) == (wanted.name, wanted.jobs, wanted.makespan)
    assert found.utilisation == tuple((resource, round(share, 6)) for resource, share in wanted.utilisation)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("kind", "PlacementRuns", "x.json is no saved simulation"),
        ("jobs", [{"job": "j0", "queue": "a", "waitSeconds": "long", "evictions": 0}], "jobs[0].waitSeconds"),
        ("makespanSeconds", None, "makespanSeconds"),
        ("randomChoices", [{"seconds": 1, "what": "luck", "chosen": [], "others": []}], "randomChoices[0].what"),
    ],
    ids=["another document", "a wait that is text", "no makespan", "a choice of no kind"],
)
def test_what_is_no_saved_run_is_refused_by_its_field(field: str, value: object, said: str) -> None:
    written = saved(run_of(("a", 0, 1000, 1)))
    assert read_run(json.dumps(written), "x.json").jobs
    with pytest.raises(InputError) as refused:
        read_run(json.dumps({**written, field: value}), "x.json")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "choice",
    [
        RandomChoice(60_000, 0, ChanceKind.PREEMPTED, "c", ("b",), ("a",)),
        RandomChoice(60_001, 0, ChanceKind.PREEMPTED, "c", (), ("a",)),
        RandomChoice(0, 0, ChanceKind.FIRST, "", ("a",), ("b", "c", "d", "e")),
    ],
    ids=["preempted", "nobody here", "comes first"],
)
def test_a_choice_is_read_as_it_was(choice: RandomChoice) -> None:
    assert read_choice(parsed(choice_document(choice), ChoiceFields)) == choice
