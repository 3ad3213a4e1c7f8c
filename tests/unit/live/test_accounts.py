"""The rule by which a pod's requests are added up, by hand-made examples. Offline."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.live.books.accounts import amounts, charged, difference, pod_requests, taken


def asking(cpu: str, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu}}, **more}


ALWAYS = {"restartPolicy": "Always"}

CASES = {
    "containers run together": ({"containers": [asking("1"), asking("2500m")]}, "3500m"),
    "an init container runs alone": ({"containers": [asking("1")], "initContainers": [asking("4"), asking("3")]}, "4"),
    "a small init container costs nothing": ({"containers": [asking("2")], "initContainers": [asking("1")]}, "2"),
    "a sidecar runs beside": ({"containers": [asking("1")], "initContainers": [asking("1", **ALWAYS)]}, "2"),
    "an init container after a sidecar": (
        {"containers": [asking("1")], "initContainers": [asking("2", **ALWAYS), asking("3")]},
        "5",
    ),
    "an init container before a sidecar": (
        {"containers": [asking("1")], "initContainers": [asking("3"), asking("2", **ALWAYS)]},
        "3",
    ),
    "the pod as a whole": ({"containers": [asking("1")], "resources": {"requests": {"cpu": "7"}}}, "7"),
    "the overhead": ({"containers": [asking("1")], "overhead": {"cpu": "250m"}}, "1250m"),
    "nothing": ({"containers": [{}]}, "0"),
}


@pytest.mark.parametrize(("spec", "cpu"), CASES.values(), ids=CASES)
def test_pod_requests(spec: dict[str, Any], cpu: str) -> None:
    assert pod_requests(spec).get("cpu", 0) == amounts({"cpu": cpu})["cpu"]


def test_what_kueue_charged_is_summed_over_pod_sets() -> None:
    sets = [{"resourceUsage": {"cpu": "2", "nvidia.com/gpu": "8"}}, {"resourceUsage": {"cpu": "500m"}}]
    workload = {"status": {"admission": {"podSetAssignments": sets}}}
    assert charged(workload) == {"cpu": Fraction(5, 2), "nvidia.com/gpu": 8}
    assert charged({"status": {}}) == {}


def test_only_pods_on_nodes_that_have_not_ended_take_anything() -> None:
    spec = {"containers": [asking("1")]}
    pods = [
        {"spec": {**spec, "nodeName": "n"}, "status": {"phase": "Running"}},
        {"spec": {**spec, "nodeName": "n"}, "status": {"phase": "Succeeded"}},
        {"spec": spec, "status": {"phase": "Pending"}},
    ]
    assert taken(pods) == {"cpu": 1}


def test_differences_name_both_sides() -> None:
    one, other = amounts({"cpu": "1", "memory": "1Gi", "pods": "2"}), amounts({"cpu": "1", "memory": "2Gi"})
    assert difference(one, other) == {"memory": ("1073741824", "2147483648")}
