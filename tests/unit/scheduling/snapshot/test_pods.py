"""What a pod asks for in all: the cases of Kubernetes' documentation on sidecars, overhead and pod-level resources."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from allotment.model.observed.pods import PodSpec
from allotment.scheduling.snapshot.pods import pod_requests


def asks(**requests: Any) -> dict[str, Any]:
    return {"resources": {"requests": requests}}


def stays(**requests: Any) -> dict[str, Any]:
    return {**asks(**requests), "restartPolicy": "Always"}


CASES: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "nothing": ({"containers": [{}]}, {}),
    "containers add up": (
        {"containers": [asks(cpu="500m", memory="64Mi"), asks(cpu=1, memory="64Mi")]},
        {"cpu": 1500, "memory": 128 << 20},
    ),
    "a sum is rounded up once": ({"containers": [asks(cpu="0.5m"), asks(cpu="0.5m")]}, {"cpu": 1}),
    "one init container at a time": (
        {"initContainers": [asks(cpu=2), asks(cpu=3)], "containers": [asks(cpu=1), asks(cpu=1)]},
        {"cpu": 3000},
    ),
    "a sidecar runs beside all that comes after it": (
        {"initContainers": [asks(cpu=2), stays(cpu=1), asks(cpu=3)], "containers": [asks(cpu=1)]},
        {"cpu": 4000},
    ),
    "sidecars count beside the containers": (
        {"initContainers": [stays(cpu=1), stays(cpu=1)], "containers": [asks(cpu=3)]},
        {"cpu": 5000},
    ),
    "an init container before the sidecar does not meet it": (
        {"initContainers": [asks(cpu=5), stays(cpu=4)], "containers": [asks(cpu=1)]},
        {"cpu": 5000},
    ),
    "overhead on top": (
        {"containers": [asks(memory="100Mi")], "overhead": {"memory": "120Mi", "cpu": "250m"}},
        {"memory": 220 << 20, "cpu": 250},
    ),
    "the pod's own request in place of the sum, devices never": (
        {
            "containers": [asks(cpu=1, **{"nvidia.com/gpu": 1}), asks(cpu=2)],
            "resources": {"requests": {"cpu": "8", "nvidia.com/gpu": "4"}},
            "overhead": {"cpu": 1},
        },
        {"cpu": 9000, "nvidia.com/gpu": 1},
    ),
    "the pod's limit only where containers ask for nothing": (
        {"containers": [asks(cpu=1)], "resources": {"limits": {"cpu": 4, "memory": "1Gi"}}},
        {"cpu": 1000, "memory": 1 << 30},
    ),
    "a limit is the request that is missing": (
        {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "2"}, "requests": {"cpu": "1"}}}]},
        {"nvidia.com/gpu": 2, "cpu": 1000},
    ),
    "what is no quantity counts nothing": (
        {"containers": [asks(cpu="lots", memory="1e3")]},
        {"cpu": 0, "memory": 1000},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_pod_asks_for(name: str) -> None:
    spec, expected = CASES[name]
    assert pod_requests(msgspec.convert(spec, PodSpec)) == expected
