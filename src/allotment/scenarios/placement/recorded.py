"""Answers recorded in a placement scenario: looked at whole, with its picks where the replay looks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

from msgspec import field

from allotment.scenarios.fields import Amount, Name, Whole
from allotment.scenarios.parsing import Fields, SomeFields, missing, parsed, unknown_name
from allotment.scenarios.placement.reading import Json, PlacementScenario


class _StatusFields(Fields, frozen=True):
    plugin: str
    code: str
    reasons: tuple[str, ...] = ()
    nodes: tuple[Name, ...] = ()


class _CandidateFields(Fields, frozen=True, rename="lower"):
    node: Name
    victims: tuple[Name, ...] = ()
    pdb_violations: Amount = 0


class _PreemptionFields(Fields, frozen=True, rename="lower"):
    candidates: tuple[_CandidateFields, ...] = ()
    best: tuple[Name, ...] = ()
    nominated: Name | None = None
    victims: tuple[Name, ...] = ()
    node_status: tuple[_StatusFields, ...] = ()


class _AttemptFields(Fields, frozen=True, rename="lower"):
    outcome: Literal["bound", "unschedulable"] | None = None
    node: Name | None = None
    nominated: Name | None = None
    feasible: tuple[Name, ...] = ()
    total: tuple[Whole, ...] = ()
    scores: dict[str, tuple[Whole, ...]] = field(default_factory=dict)
    best: tuple[Name, ...] = ()
    tried_nominated: Name | None = None
    message: str = ""
    unschedulable_plugins: tuple[str, ...] = ()
    prefilter_message: str = ""
    node_status: tuple[_StatusFields, ...] = ()
    other_nodes_status: _StatusFields | None = None
    preemption: _PreemptionFields | None = None


class _AnswerFields(Fields, frozen=True):
    attempts: tuple[_AttemptFields, ...]
    pod: Name | None = None


class _AnswersFields(SomeFields, frozen=True):
    answers: tuple[_AnswerFields, ...] = ()


def with_picks(data: Json, scenario: PlacementScenario) -> Json:
    """The line with its picks where the replay looks for them.

    A file of inputs may hold picks alone: entries without ``pod`` then follow the pods' order, and ``nominated`` may
    stand in the attempt itself.

    Args:
        data: the line.
        scenario: the scenario in it.

    Raises:
        InputError: the answers are not of the format, or name a pod that is not to be placed; the field is named.
    """
    if "answers" not in data:
        return data
    pods = [pod.name for pod in scenario.pods]
    _check(parsed({"answers": data["answers"]}, _AnswersFields).answers, pods)
    filled = [
        {"pod": pod, **answer, "attempts": [_picked(each) for each in answer["attempts"]]}
        for pod, answer in zip_longest(pods[: len(data["answers"])], data["answers"])
    ]
    return {**data, "answers": filled}


def _check(answers: Sequence[_AnswerFields], pods: Sequence[str]) -> None:
    for index, answer in enumerate(answers):
        if answer.pod is not None and answer.pod not in pods:
            raise unknown_name(f"answers[{index}].pod", answer.pod, pods, "pods")
        if answer.pod is None and index >= len(pods):
            raise missing(f"answers[{index}].pod", "a name")


def _picked(attempt: Mapping[str, Any]) -> Mapping[str, Any]:
    if "nominated" not in attempt or "preemption" in attempt:
        return attempt
    return {**attempt, "preemption": {"nominated": attempt["nominated"]}}


def has_answers(data: Json) -> bool:
    """Whether there are whole answers, not only picks."""
    answers = data.get("answers") or ()
    return bool(answers) and all("outcome" in attempt for answer in answers for attempt in answer["attempts"])
