"""In a team's view no command, and no patch, is about what the view hides; it is said whose act it is."""

from __future__ import annotations

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.explaining import explain
from allotment.diagnose.finding import Proposal
from allotment.diagnose.remedies.hidden import NOT_SHOWN, names_hidden
from allotment.diagnose.subjects import find_case
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.written import decode, encode
from allotment.operations.ask.viewing import viewed
from tests.unit.diagnose.building import GPU, NOW, TEAM, node
from tests.unit.diagnose.queues import cluster_queue, condition, holding, platform, queued, quota, thing

OTHERS = "team-b"


def view_with_a_ghost(namespace: str) -> Case:
    """A team's view of a queue whose quota a Workload holds that nobody owns any more."""
    ghost = holding("left", "cq", gpus=6, ran=False, since=NOW, namespace=namespace)[1]
    ghost["metadata"]["ownerReferences"] = []
    ghost["status"]["conditions"].append(condition("Evicted", reason="PodsReadyTimeout", at=NOW))
    gathered = Gathered()
    gathered.take_any(
        [
            *platform(cluster_queue("cq", quota("f", 8))),
            thing("LocalQueue", "q", OTHERS, clusterQueue="cq"),
            node("n", 64, amounts={"cpu": "500", "memory": "2000Gi"}),
            ghost,
            *queued(gpus=4),
        ]
    )
    source = Source(name="test", observed_at=NOW, objects=gathered.objects())
    whole = Snapshot(taken_at=NOW, sources=(source,))
    return find_case(decode(encode(viewed(whole, TEAM, frozenset({TEAM})))), "job/train", TEAM)


def test_what_is_another_team_s_is_left_to_who_sees_it() -> None:
    found = explain(view_with_a_ghost(OTHERS))
    assert found.cause == "ghost-reservation"
    (remedy,) = (each for each in found.remedies if each.summary.startswith("delete the Workload"))
    assert remedy.command == ""
    assert remedy.patch == Patch(PatchOp.SIGNAL)
    assert remedy.who is Doer.PLATFORM
    assert remedy.summary.endswith(NOT_SHOWN)


def test_what_is_the_team_s_own_has_its_command() -> None:
    found = explain(view_with_a_ghost(TEAM))
    (remedy,) = (each for each in found.remedies if each.summary.startswith("delete the Workload"))
    assert remedy.command == f"kubectl delete workload.kueue.x-k8s.io/left -n {TEAM}"
    assert NOT_SHOWN not in remedy.summary


JOB = Reference(api_version="batch/v1", kind="Job", namespace=TEAM, name="train")
QUEUE = Reference(api_version="kueue.x-k8s.io/v1beta2", kind="ClusterQueue", name="hidden-queue-2")
TOLERATES = Patch(PatchOp.RESUBMIT, {"tolerations": [{"key": "hidden-value-1.invalid/name"}]})
SMALLER = Patch(PatchOp.RESUBMIT, {"limits": {GPU: 1}, "name": "unhidden-1"})
PROPOSALS = {
    # name: (proposal, whether it names what is hidden)
    "a queue of others": (Proposal(RemedyKind.OTHER, Doer.PLATFORM, "x", QUEUE, Patch(PatchOp.MERGE, {})), True),
    "a value of others": (Proposal(RemedyKind.OTHER, Doer.USER, "x", JOB, TOLERATES), True),
    "first something of others": (
        Proposal(RemedyKind.OTHER, Doer.USER, "x", JOB, SMALLER, first=((QUEUE, Patch(PatchOp.DELETE)),)),
        True,
    ),
    "a line of its own": (Proposal(RemedyKind.OTHER, Doer.USER, "x", command="kubectl get pod/hidden-pod-3"), True),
    "its own": (Proposal(RemedyKind.OTHER, Doer.USER, "x", JOB, SMALLER), False),
}


@pytest.mark.parametrize(("proposal", "hidden"), PROPOSALS.values(), ids=PROPOSALS)
def test_every_name_of_a_remedy_is_looked_at(proposal: Proposal, hidden: bool) -> None:
    assert names_hidden(view_with_a_ghost(OTHERS), proposal) is hidden
