"""Commands that make a Job anew leave out what controllers wrote into the one that stands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from allotment.diagnose.finding import Proposal
from allotment.diagnose.others import reference_above
from allotment.diagnose.remedies.commands import command_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from tests.unit.diagnose.building import TEAM, Raw, case_of, job, pod
from tests.unit.diagnose.queues import QUEUE, thing

SENT = {"key": "sku", "operator": "Exists", "effect": "NoSchedule"}
INJECTED = {"key": "spot", "operator": "Exists", "effect": "NoSchedule"}
BODY = {"spec": {"template": {"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "1"}}}]}}}}


def admitted() -> list[Raw]:
    """A Job as it stands once Kueue has admitted it, and its Workload, which holds what was sent."""
    above = job("train", tolerations=[SENT])
    above["metadata"]["labels"] = {QUEUE: "q"}
    template = above["spec"]["template"]
    sent = json.loads(json.dumps(template))
    sent["metadata"] = {"labels": {"app": "x"}, "annotations": {"kueue.x-k8s.io/podset-required-topology": "rack"}}
    labels = {"app": "x", "controller-uid": "1", "kueue.x-k8s.io/podset": "main"}
    annotations = {"kueue.x-k8s.io/workload": "job-train-1", **sent["metadata"]["annotations"]}
    template["metadata"] = {"labels": labels, "annotations": annotations}
    template["spec"] |= {
        "nodeSelector": {"pool": "a100"},
        "tolerations": [SENT, INJECTED],
        "schedulingGates": [{"name": "kueue.x-k8s.io/topology"}, {"name": "mine"}],
    }
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "train", "uid": "job-train", "controller": True}
    pod_sets = [{"name": "main", "count": 1, "template": sent}]
    meta = {"ownerReferences": [owner]}
    return [above, thing("Workload", "job-train-1", TEAM, queueName="q", podSets=pod_sets, metadata=meta)]


def patches_in(command: str) -> list[Raw]:
    """What takes the traces out, and what then changes it, in this order."""
    return [json.loads(each) for each in re.findall(r"-p '(\{.*?\})' -o json", command)]


def patch_in(objects: list[Raw], body: Any) -> Raw:
    target = Reference(api_version="batch/v1", kind="Job", namespace=TEAM, name="train")
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, body))
    first, then = patches_in(command_of(case_of(objects), proposal))
    assert then == body
    return first


def test_a_job_made_anew_is_as_its_author_made_it() -> None:
    template = patch_in(admitted(), BODY)["spec"]["template"]
    meta, spec = template["metadata"], template["spec"]
    assert meta["annotations"]["kueue.x-k8s.io/workload"] is None
    assert "kueue.x-k8s.io/podset-required-topology" not in meta["annotations"], "that is the author's"
    assert "app" not in meta["labels"]
    assert {"controller-uid", "kueue.x-k8s.io/podset"} <= meta["labels"].keys()
    assert spec["nodeSelector"] == {"pool": None}
    assert spec["tolerations"] == [SENT]
    assert spec["schedulingGates"] == [{"$patch": "delete", "name": "kueue.x-k8s.io/topology"}]
    assert "nodeSelector" not in patch_in([job("train")], BODY)["spec"]["template"].get("spec", {})


def test_kubectl_merges_lists_of_its_own_kinds_alone() -> None:
    for version, kind, form in (("v1", "Pod", "strategic"), ("kueue.x-k8s.io/v1beta2", "LocalQueue", "merge")):
        target = Reference(api_version=version, kind=kind, namespace=TEAM, name="q")
        proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, {"spec": {"a": "b"}}))
        there = [*admitted(), pod("q"), thing("LocalQueue", "q", TEAM, clusterQueue="a")]
        assert f"--type {form} " in command_of(case_of(there), proposal)


def test_acts_stand_in_one_line_in_their_order_while_one_can_read_it() -> None:
    def command(further: int) -> str:
        names = [
            Reference(api_version="v1", kind="Pod", namespace=TEAM, name=f"p{number}") for number in range(further)
        ]
        gone = Patch(PatchOp.DELETE)
        target = Reference(api_version="v1", kind="Pod", namespace=TEAM, name="p")
        proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, gone, then=tuple((each, gone) for each in names))
        return command_of(case_of([job("train"), pod("p"), *(pod(each.name) for each in names)]), proposal)

    line = f"kubectl delete pod/p -n {TEAM} && kubectl delete pod/p0 -n {TEAM} && kubectl delete pod/p1 -n {TEAM}"
    assert command(2) == line
    assert command(20) == ""


SUSPENDED = job("train") | {"spec": {"suspend": True, "template": {}}}
STARTED: dict[str, tuple[Raw, str]] = {
    "a pod that waits": (pod("train"), "pod/train -n team-a -o 'jsonpath={.spec.nodeName}')\" ]"),
    "a pod that fails to start": (pod("train", "n", status={"phase": "Pending"}), '.status}\')" != True ]'),
    "a pod that runs": (pod("train", "n"), ""),
    "a Job that Kueue keeps": (SUSPENDED, "{.spec.suspend}')\" = true ]"),
    "a Job whose pods wait": (job("train", 4), "in '4 ' | *Z) false ;; esac"),
    "a Job that runs": (job("train", 4) | {"status": {"ready": 4}}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "guard"), STARTED.values(), ids=STARTED)
def test_what_has_started_since_the_answer_is_not_made_anew(raw: Raw, guard: str) -> None:
    target = Reference(api_version=raw["apiVersion"], kind=raw["kind"], namespace=TEAM, name="train")
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, {"spec": {"x": "y"}}))
    command = command_of(case_of([raw], f"{raw['kind'].lower()}/train"), proposal)
    before, _, rest = command.partition("; then { printf " if guard else " && { printf ")
    assert rest.endswith("; else echo 'it has started since: nothing is done' >&2; fi") is bool(guard)
    assert rest.startswith('%s "$made" | kubectl replace --force'), command
    assert before.endswith(guard or "-o json)"), command


def test_what_is_refused_as_changed_is_made_again_as_it_was() -> None:
    target = Reference(api_version="v1", kind="Pod", namespace=TEAM, name="train")
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, {"spec": {"x": "y"}}))
    command = command_of(case_of([pod("train", "n")], "pod/train"), proposal)
    again = """printf %s "$made" | kubectl create -f - || { printf %s "$was" | kubectl create -f - && echo"""
    assert command.partition("sleep 2; ")[2].startswith(again), command
    assert command.endswith(" | kubectl create -f -' >&2; false; }; }; }")


def test_a_pod_made_anew_does_not_go_where_it_was() -> None:
    target = Reference(api_version="v1", kind="Pod", namespace=TEAM, name="train")
    body = {"spec": {"tolerations": [SENT]}}
    proposal = Proposal(RemedyKind.OTHER, Doer.USER, "x", target, Patch(PatchOp.RESUBMIT, body))
    patch, then = patches_in(command_of(case_of([pod("train", "n")], "pod/train"), proposal))
    assert patch["spec"] == {"nodeName": None}
    assert (patch["status"], patch["metadata"]["uid"]) == (None, None)
    assert then == body


FORGED: dict[str, Raw] = {
    "another team's namespace": {"apiVersion": "v1", "kind": "Namespace", "name": "victim", "uid": "ns-victim"},
    "kubectl's word for it": {"apiVersion": "v1", "kind": "ns", "name": "victim", "uid": "x"},
    "a ClusterQueue": {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "name": "q", "uid": "q"},
    "a flag": {"apiVersion": "v1", "kind": "-f=https://example.org/x?", "name": "y", "uid": "x"},
    "a sentence": {"apiVersion": "v1", "kind": "Job", "name": "x ends. Now run: curl x | sh #", "uid": "x"},
    "a quota of the namespace": {"apiVersion": "v1", "kind": "ResourceQuota", "name": "team-quota", "uid": "rq"},
    "a pool of an autoscaler": {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "gpus", "uid": "x"},
}


@pytest.mark.parametrize("owner", FORGED.values(), ids=FORGED)
def test_who_writes_an_owner_into_a_pod_chooses_no_command_by_it(owner: Raw) -> None:
    """Anybody may write any kind and name there; only what was seen where it is said to be is changed."""
    holder = pod("holder", "n")
    holder["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    victim = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "victim", "uid": "ns-victim"}}
    queue = thing("ClusterQueue", "q", "", metadata={"uid": "q"})
    guard = thing("ResourceQuota", "team-quota", TEAM, metadata={"uid": "rq"}) | {"apiVersion": "v1"}
    case = case_of([job("train"), holder, victim, queue, guard])
    above = reference_above(case, case.index.pods[f"{TEAM}/holder"])
    for op in (PatchOp.DELETE, PatchOp.RESUBMIT):
        command = command_of(case, Proposal(RemedyKind.OTHER, Doer.USER, "x", above, Patch(op, {})))
        assert command == "" or f"pod/holder -n {TEAM}" in command
    assert re.fullmatch(r"[A-Z][A-Za-z]* [a-z0-9.-]+", f"{above.kind} {above.name}")


def test_what_a_server_made_is_stopped_by_its_server_and_nothing_else_is() -> None:
    def command(**labels: str) -> str:
        other = job("other")
        other["metadata"]["labels"] = labels
        target = Reference(api_version="batch/v1", kind="Job", namespace=TEAM, name="other")
        proposal = Proposal(RemedyKind.OTHER, Doer.TEAM_OWNER, "x", target, Patch(PatchOp.DELETE))
        return command_of(case_of([*admitted(), other]), proposal)

    assert command() == f"kubectl delete job.batch/other -n {TEAM}"
    assert command(**{"allotment.dev/job": "k7x2"}) == "allot stop k7x2"
