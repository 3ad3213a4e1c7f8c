"""Commands of an answer go to the cluster that was asked: every call of kubectl, and nothing that is only quoted."""

from __future__ import annotations

import pytest

from allotment.operations.ask.directing import WayToCluster, directed

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
