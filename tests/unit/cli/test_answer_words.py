"""How answers say it: what is cut, what is counted, and what a filter that matches nothing says."""

from __future__ import annotations

import pytest

from allotment.cli.commands.foresee.capacity_view import short_shape
from tests.unit.cli.conftest import ROOT, Run

EXAMPLE = ("--snapshot", str(ROOT / "examples" / "snapshots" / "training-eastus.json"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("gpus", "-l", "accelerator=a101"), 3, "nothing here has the accelerator a101"),
        (("gpus", "-l", "model=a100"), 2, "the labels are accelerator, cluster, resource"),
        (("queues", "-l", "cohort in (train, inference)"), 3, "nothing here has the cohort"),
        (("quotas", "-l", "alarm=none,resource=x"), 0, "matches -l alarm=none,resource=x; here alarm is "),
        (("why", "-n", "nlp", "-l", "app=nope"), 0, "matches -l app=nope; "),
    ],
)
def test_a_filter_that_matches_nothing_says_what_there_is(
    run: Run, words: tuple[str, ...], code: int, says: str
) -> None:
    ran = run(*words, *EXAMPLE)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err


def test_a_namespace_that_is_not_there_is_an_error_in_every_answer(run: Run) -> None:
    for words in (("why",), ("who",), ("quotas",), ("when",), ("gpus",), ("whatif", "--change", "hold:nlp")):
        ran = run(*words, "-n", "nlpp", *EXAMPLE)
        assert (ran.code, "did you mean 'nlp'?" in ran.err) == (3, True), words

def test_shapes_that_are_cut_stay_apart() -> None:
    long = "1xnvidia.com/gpu,cpu=2,memory=4Gi,node:campus.example/hw=l40s"
    tolerant, other = f"{long},tolerate:gpu-only", f"2{long}"

    assert short_shape(other, [other, long]) == f"{other[:59]}…"
    assert [short_shape(each, [long, tolerant, other]) for each in (long, tolerant)] == [long, tolerant]
