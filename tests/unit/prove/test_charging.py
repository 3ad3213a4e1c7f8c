"""What a pod requests, by the rule of Kubernetes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from allotment.prove.charging import differences, pod_requests, told


def asking(amount: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": amount}}, **more}


SIDECAR = asking("2", restartPolicy="Always")

CASES: Mapping[str, tuple[dict[str, Any], str]] = {
    "containers side by side": ({"containers": [asking("1"), asking("500m")]}, "1.5"),
    "an init container that needs more": ({"containers": [asking("1")], "initContainers": [asking("4")]}, "4"),
    "init containers one after the other": (
        {"containers": [asking("1")], "initContainers": [asking("2"), asking("3")]}, "3",
    ),
    "a sidecar beside the containers": ({"containers": [asking("1")], "initContainers": [SIDECAR]}, "3"),
    "an init container beside the sidecar before it": (
        {"containers": [asking("1")], "initContainers": [SIDECAR, asking("4")]}, "6",
    ),
    "an init container before the sidecar": (
        {"containers": [asking("1")], "initContainers": [asking("4"), SIDECAR]}, "4",
    ),
    "the pod as a whole": ({"containers": [asking("1")], "resources": {"requests": {"cpu": "7"}}}, "7"),
    "overhead on top": ({"containers": [asking("1")], "overhead": {"cpu": "250m"}}, "1.25"),
    "nothing": ({"containers": [{}]}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_requests(name: str) -> None:
    spec, cpu = CASES[name]
    assert told(pod_requests(spec)) == (f"cpu {cpu}" if cpu else "")


def test_differences_name_both_sides_and_leave_the_count_of_pods_out() -> None:
    spec = {"containers": [asking("2")]}
    one = pod_requests(spec)
    assert differences({**one, "pods": one["cpu"]}, one) == ()
    assert differences({}, one) == ("cpu: charged 0, taken 2",)
