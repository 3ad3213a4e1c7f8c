"""One cluster of three is away: what is answered of the others is the same to the byte, and is as soon there."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from urllib.parse import quote

import msgspec
import pytest

from allotment.errors import UnreachableError
from allotment.operations.ask.observing_all import unreached_source
from allotment.operations.fleet.followed import HeardCluster
from tests.unit.api.test_answers import DEV, GROUPS, TRAINING, House, SeenClusters, first_waiting, house, steady

__all__ = ["house"]

THIRD = "prod-inference-eastus"
OTHERS = "cluster=training-eastus&cluster=dev-eastus"
OF_ONE = "cluster=training-eastus"
SIX_TIMES, GRACE = 6.0, 2.0
"""What is answered with one away may take so many times what it takes otherwise, and so many seconds: who waits for a
cluster that does not answer waits ten times as long."""
WAITS = 20.0
ASKED: dict[str, str] = {
    "books": OF_ONE,
    "capacity": f"{OTHERS}&shape=8",
    "causes": "",
    "causes/{code}": "",
    "clusters": "",
    "gpus": OTHERS,
    "queue-trends": OTHERS,
    "queues": OTHERS,
    "quotas": OTHERS,
    "saturation": OTHERS,
    "snapshot-summary": OTHERS,
    "teams": "",
    "waste": OTHERS,
    "whatif": f"{OF_ONE}&budget=0s&change=hold%3Acv",
    "when": f"{OF_ONE}&runs=10",
    "when/{reference}": f"{OF_ONE}&runs=10",
    "who": OTHERS,
    "why": OTHERS,
    "why/{reference}": OF_ONE,
}
"""All answers there are, each with a question about clusters that are there."""
ELSEWHERE = {"drift"}
"""What is no answer of what was seen, but a look of its own; see test_drift_looks."""
OF_ALL = {"clusters"}
"""What tells of every cluster: there, the rows of the others stay the same."""


class HangingClusters(SeenClusters):
    """Of which one, once it hangs, is waited for by whoever asks for it."""

    hanging_one = ""

    def all_heard(self, names: Iterable[str]) -> tuple[HeardCluster, ...]:
        asked = tuple(names)
        if self.hanging_one in asked:
            self.hangs.wait(WAITS)
        return super().all_heard(asked)


@pytest.fixture
def three(house: House) -> House:
    """The server with a third cluster, which is much like the second."""
    clusters = HangingClusters(TRAINING, DEV, msgspec.structs.replace(DEV, name=THIRD))
    house.joined.clusters = clusters
    house.clusters = clusters
    return house


def said(house: House, text: str, name: str) -> str:
    query = ASKED[name]
    if "{reference}" in name:
        kind, subject, namespace = first_waiting(house, text).split(" ")
        name, query = name.replace("{reference}", quote(subject)), f"{query}&kind={kind}&namespace={namespace}"
    name = name.replace("{code}", "ALT-1316")
    status, told = house.asked("GET", f"/api/v1/answers/{name}", text, query=query)
    assert status == 200, (name, told)
    if name in OF_ALL:
        told["answer"]["sources"] = [each for each in told["answer"]["sources"] if each["name"] != THIRD]
        told["answer"] = {"sources": told["answer"]["sources"], "document": without_third(told["answer"]["document"])}
    return steady(msgspec.json.encode(told).decode())


def without_third(document: dict[str, object]) -> dict[str, object]:
    items = document["items"]
    assert isinstance(items, list)
    return {**document, "items": [each for each in items if each.get("name") != THIRD]}


def test_every_answer_is_asked_for_here(three: House) -> None:
    before = "/api/v1/answers/"
    there = {each.path.removeprefix(before) for each in three.routes if each.path.startswith(before)}
    assert there == {*ASKED, *ELSEWHERE}


@pytest.mark.parametrize("how", ["away", "never seen"])
def test_what_is_answered_of_the_others_is_the_same_and_as_soon_there(three: House, how: str) -> None:
    text = three.session("eve", GROUPS["admin"])
    # Who asks after all of them may wait a little for one: how long, is the hub's own affair (test_hub).
    asked = [each for each in ASKED if how == "never seen" or each not in OF_ALL]

    def timed() -> tuple[dict[str, str], list[float]]:
        told, took = {}, []
        for name in asked:
            began = time.monotonic()
            told[name] = said(three, text, name)
            took.append(time.monotonic() - began)
        return told, took

    timed()
    before, usual = timed()
    clusters = three.clusters
    assert isinstance(clusters, HangingClusters)
    clusters.errors[THIRD] = UnreachableError("https://canary-7.example does not answer")
    if how == "never seen":
        clusters.sources[THIRD] = unreached_source(THIRD, "it has not answered", "x")
    else:
        clusters.hanging_one = THIRD
    after, took = timed()
    assert {name: told for name, told in after.items() if told != before[name]} == {}
    for name, there, away in zip(asked, usual, took, strict=True):
        assert away <= SIX_TIMES * there + GRACE, name
    assert statistics.median(took) <= SIX_TIMES * statistics.median(usual) + GRACE
