"""What a team's view says of persons: those of its own work, where the mark is kept true; of others nobody."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from allotment.model.observed.base import LabelRequirement, ObjectMeta, Reference, Selector
from allotment.model.observed.snapshot import Snapshot, Submission
from allotment.model.observed.work import Job
from allotment.observe.gathering import Gathered
from allotment.observe.written import decode, encode, unpacked
from allotment.operations.ask.devices import who_holds
from allotment.operations.ask.viewing import viewed
from tests.unit.accounting.scenes import GPU, moment_of, node, pod
from tests.unit.accounting.test_holdings import signing
from tests.unit.observe.objects import OURS, THEIRS, raw

ELSEWHERE = Selector(match_expressions=(LabelRequirement(key="tier", operator="In", values=("canary-7",)),))
NOT_THERE = Selector(match_expressions=(LabelRequirement(key="tier", operator="NotIn", values=("canary-7",)),))


def spaces() -> tuple[Any, ...]:
    gathered = Gathered()
    for name, labels in ((OURS, {"team": "nlp"}), (THEIRS, {"team": "canary-7", "tier": "canary-7"})):
        gathered.take_any([raw("Namespace", "v1", name, meta={"labels": labels})])
    return gathered.objects().namespaces


def marked(name: str, namespace: str, person: str) -> Any:
    marks = {"allotment.dev/submitted-by": person}
    meta = ObjectMeta(name=name, namespace=namespace, uid=f"pod-{name}", annotations=marks)
    return replace(pod(name, "n1", {GPU: "1"}), metadata=meta)


def view_of(selector: Selector | None, *submissions: Submission) -> Snapshot:
    pods = (marked("tune", OURS, "mia"), marked("train-canary-7", THEIRS, "canary-7-zoe"))
    nodes = (node("n1", {GPU: "8"}),)
    moment = moment_of(0, nodes=nodes, pods=pods, **signing("Deny", selector=selector))
    (source,) = moment.sources
    source = replace(source, objects=replace(source.objects, namespaces=spaces()))
    whole = Snapshot(taken_at=moment.taken_at, sources=(source,), submissions=submissions)
    packed = encode(viewed(whole, "nlp", frozenset({OURS})))
    assert b"canary" not in unpacked(packed)
    return decode(packed)


@pytest.mark.parametrize(
    ("selector", "person"), [(None, "mia"), (NOT_THERE, "mia"), (ELSEWHERE, "")], ids=["all", "ours too", "not ours"]
)
def test_a_member_sees_the_persons_of_the_team_s_own_work(selector: Selector | None, person: str) -> None:
    holds = who_holds(view_of(selector)).holds
    assert sorted(each.owner.person for each in holds) == sorted(["", person])


def attempt(message: str, *, namespace: str = OURS, user: str = "mia@nlp.example") -> Submission:
    subject = Reference(kind="Job", namespace=OURS, name="tune-2")
    sent = Job(metadata=ObjectMeta(name="tune-2", namespace=namespace))
    return Submission(subject=subject, user=user, job=sent, code=403, message=message)


def test_a_refusal_names_nobody_but_the_team() -> None:
    said = f'jobs "tune-2": {THEIRS}/train-canary-7 of zoe@rival.example holds it; User "mia@nlp.example" cannot create'
    (seen,) = view_of(None, attempt(said), attempt(said, namespace=THEIRS)).submissions
    assert seen.message == 'jobs "tune-2": hidden/hidden of hidden holds it; User "mia@nlp.example" cannot create'
    assert seen.job == attempt("").job
