"""Every kind of attempt as a server-side dry run: refused for its own reason, or admitted."""

from __future__ import annotations

import pytest

from allotment.ports.kube import AccessQuestion
from tests.live.attacks.attempts import ATTEMPTS, QUESTIONS, SUBMITTER, Attempt, Question, empty_signature
from tests.live.training import PEOPLE, Training

pytestmark = pytest.mark.live


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: f"{attempt.who}: {attempt.id}")
def test_attempt(training: Training, attempt: Attempt) -> None:
    message = training.refusal(attempt.body, PEOPLE[attempt.who])
    if not attempt.says:
        assert message == ""
        return
    missing = [word for word in attempt.says if word not in message]
    assert missing == [], message or "admitted"


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_right(training: Training, question: Question) -> None:
    resource, _, subresource = question.resource.partition("/")
    asked = AccessQuestion(question.verb, question.group, resource, subresource, question.namespace)
    assert training.kube.allowed(PEOPLE[question.who], asked) is question.allowed


def test_an_empty_name_becomes_the_true_one(training: Training) -> None:
    made = training.kube.create(empty_signature(), dry_run=True, identity=PEOPLE["member"]).body
    assert made["metadata"]["annotations"][SUBMITTER] == PEOPLE["member"].user
