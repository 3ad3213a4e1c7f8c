"""Commands of an answer go to the cluster that was asked: every call of kubectl, and nothing that is only quoted."""

from __future__ import annotations

import pytest

from allotment.model.explanation import Confidence, Doer, Explanation, Remedy, RemedyKind
from allotment.model.observed.base import Reference
from allotment.operations.ask.directing import WayToCluster, directed, why_directed
from allotment.operations.ask.explaining import ExplainedWaiting

EAST = WayToCluster(context="east")


@pytest.mark.parametrize(
    "line",
    [
        "CALL delete job/x -n nlp",
        "printf %s '{}' | CALL create -f -",
        'CALL patch a -p \'{"a":"kubectl get x"}\'',
        "CALL get 'a'\"'\"'; kubectl x'",
        "made=$(CALL get j -o json | CALL patch --local -f -) && { CALL replace -f - || { sleep 2; CALL create; }; }",
        "if [ \"$(CALL get j -o 'jsonpath={.a}')\" = true ]; then CALL replace -f -; else echo 'kubectl x' >&2; fi",
        "case \"$(CALL get j)\" in '2 ' | *Z) false ;; esac && CALL get k",
        'echo "kubectl get \\"x\\"" && CALL get y',
        "CALL get pod/kubectl -n my-kubectl",
        "",
    ],
)
def test_every_call_of_kubectl_goes_there(line: str) -> None:
    command = line.replace("CALL", "kubectl")
    assert directed(command, EAST) == line.replace("CALL", "kubectl --context=east")
    assert directed(command, WayToCluster()) == command


def test_flags_are_quoted_and_no_name_passes_for_one() -> None:
    odd = WayToCluster("/a b/config", "-x;id")
    assert directed("kubectl get x", odd) == "kubectl '--kubeconfig=/a b/config' '--context=-x;id' get x"


def test_a_file_chooses_neither_a_cluster_nor_who_gets_rights() -> None:
    def remedy(kind: str) -> Remedy:
        target = Reference(api_version="v1", kind=kind, namespace="nlp", name="x")
        return Remedy(RemedyKind.OTHER, Doer.USER, "do it", target, command="kubectl create -f -")

    explanation = Explanation(
        Reference(), "", "c", "", None, None, Confidence.SURE, "s", remedies=(remedy("Job"), remedy("RoleBinding"))
    )
    for way, commands in (
        (WayToCluster(), 2), (WayToCluster(seen=False), 1), (WayToCluster(context="a", seen=False), 1),
        (WayToCluster(known=False, seen=False), 0),
    ):  # fmt: skip
        found = why_directed(ExplainedWaiting(explanation), lambda _, way=way: way)  # type: ignore[misc]
        assert sum(bool(each.command) for each in found.explanation.remedies) == commands
