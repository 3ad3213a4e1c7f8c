"""What docs/requests.md shows goes with examples/acme, as it says."""

from __future__ import annotations

import re
import shlex

import pytest

from allotment.errors import CapacityError
from allotment.model.requests.request import RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.ports.request_service import AskedMove, AskedRequest, OtherTerms
from allotment.scenarios.times import milliseconds
from tests.unit.docs.pages import DOCS
from tests.unit.operations.decide.test_desk import LEAD, MEMBER, Office

PAGE = (DOCS / "requests.md").read_text(encoding="utf-8")


def commands(verb: str) -> list[list[str]]:
    """Words of the page's first block after a verb."""
    block = PAGE.partition("```\n")[2].partition("```")[0]
    found = [shlex.split(line, comments=True)[1:] for line in block.splitlines() if line]
    return [words for words in found if " ".join(words).startswith(verb)]


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def asked(words: list[str]) -> AskedRequest:
    return AskedRequest(
        RequestKind.GPUS, option(words, "--team"), WorkloadType.TRAINING, option(words, "--why"),
        accelerator=option(words, "--accelerator"), devices=int(words[2]), lasts=milliseconds(option(words, "--for")),
    )  # fmt: skip


def test_what_the_page_asks_for_waits_and_is_offered_in_part() -> None:
    office = Office()
    (first, *others) = commands("request gpus")
    made = office.of("ada", MEMBER).ask(asked(first))
    assert made.state is RequestState.WAITING
    assert {asked(each).devices for each in others} == {made.terms.devices}
    (offer,) = commands("counter")
    other = OtherTerms(devices=int(option(offer, "--gpus")), lasts=milliseconds(option(offer, "--for")))
    assert office.of("boss", LEAD).move(made.id, AskedMove(RequestAct.COUNTER, "", other)).state is RequestState.OFFERED


def test_what_is_more_is_refused_with_how_many_could_be() -> None:
    (most,) = re.findall(r"there (\d+) more A100 could be guaranteed", PAGE)
    with pytest.raises(CapacityError, match=f"{most} could be"):
        Office().of("ada", MEMBER).preview(
            AskedRequest(RequestKind.GPUS, "nlp", WorkloadType.TRAINING, "x", accelerator="a100", devices=int(most) + 1)
        )
