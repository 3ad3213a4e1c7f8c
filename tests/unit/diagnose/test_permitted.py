"""Remedies that a team's people may carry out: their roles give no patch of what a job is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from allotment.diagnose.explaining import explain
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.permitted import MADE_ANEW, OWNERS_CHANGE, OWNERS_MAKE, permitted
from allotment.diagnose.subjects import find_case
from allotment.model.cluster import Feature
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.render.rbac import Role, rules_of
from tests.unit.diagnose.building import TEAM, Raw, case_of, node
from tests.unit.diagnose.queues import cluster_queue, platform, queued, quota

OF_A_TEAM = {"allotment.dev/tenant": "a"}


@pytest.mark.parametrize(
    ("of_a_team", "of_a_job", "reads", "command"),
    [
        (OF_A_TEAM, {}, (TEAM,), "kubectl replace --force"),
        (OF_A_TEAM, {}, (), "kubectl patch job.batch/train"),
        ({}, {}, (TEAM,), "kubectl patch job.batch/train"),
        (OF_A_TEAM, {"allotment.dev/job": "k7x2"}, (TEAM,), ""),
    ],
    ids=["a team's people", "an engineer", "somewhere else", "a server's job"],
)
def test_waiting_work_is_changed_by_what_its_people_may_do(
    of_a_team: Raw, of_a_job: Raw, reads: tuple[str, ...], command: str
) -> None:
    there = [*platform(cluster_queue("cq", quota("f", 8))), *queued(queue="wrong", labels=of_a_job)]
    there[0]["metadata"]["labels"] |= of_a_team
    seen = case_of([*there, node("n", 64, amounts={"cpu": "500", "memory": "2000Gi"})])
    source = replace(seen.source, namespaces=reads)
    found = explain(find_case(replace(seen.snapshot, sources=(source,)), "job/train", TEAM))
    fixed = next(each for each in found.remedies if each.kind is RemedyKind.FIX_QUEUE_NAME)
    assert fixed.patch is not None
    assert (fixed.patch.op is PatchOp.RESUBMIT) is ("replace" in command)
    assert command in fixed.command


@pytest.mark.parametrize(
    ("kind", "op", "who"),
    [
        ("CronJob", PatchOp.MERGE, Doer.TEAM_OWNER),
        ("CronJob", PatchOp.WAIT, Doer.USER),
        ("Job", PatchOp.DELETE, Doer.USER),
    ],
)
def test_what_owners_alone_may_do_is_theirs(kind: str, op: PatchOp, who: Doer) -> None:
    there = [*platform(cluster_queue("cq", quota("f", 8))), *queued()]
    there[0]["metadata"]["labels"] |= OF_A_TEAM
    case = case_of(there)
    case.source = replace(case.source, namespaces=(TEAM,))
    target = Reference(api_version="batch/v1", kind=kind, namespace=TEAM, name="train")
    assert permitted(case, Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(op, {}))).who is who


def verbs_of(role: Role, group: str, kind: str) -> set[str]:
    rules = [each for each in rules_of(role, frozenset(Feature)) if group in each["apiGroups"]]
    return {verb for each in rules if f"{kind.lower()}s" in each["resources"] for verb in each["verbs"]}


def test_these_are_the_kinds_that_no_role_may_patch_or_owners_alone() -> None:
    for kind in MADE_ANEW:
        for role in (Role.MEMBER, Role.OWNER):
            assert {"create", "delete"} <= verbs_of(role, *kind)
            assert "patch" not in verbs_of(role, *kind)
    for kind in OWNERS_MAKE:
        assert {"create", "patch", "delete"} <= verbs_of(Role.OWNER, *kind)
        assert not {"create", "patch", "delete"} & verbs_of(Role.MEMBER, *kind)
    for kind in OWNERS_CHANGE:
        assert "patch" in verbs_of(Role.OWNER, *kind)
        assert {"create", "delete"} <= verbs_of(Role.MEMBER, *kind)
        assert "patch" not in verbs_of(Role.MEMBER, *kind)
