"""What an import reads of a live cluster."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.operations.adopt.importing import edit_of, read_cluster
from allotment.spec.imports.directory import Imported
from allotment.spec.imports.live import PodFacts, Unsaid
from allotment.spec.problems import Severity

GPUS = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}}}]}
PLAIN = {"containers": [{"name": "main", "resources": {"requests": {"cpu": "1"}}}]}


def made(api_version: str, kind: str, spec: dict[str, Any], phase: str = "") -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "legacy"}
    status = {"status": {"phase": phase}} if phase else {}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, **status}


@pytest.mark.parametrize(
    ("body", "asking"),
    [
        (made("v1", "Pod", GPUS, "Running"), True),
        (made("v1", "Pod", GPUS, "Succeeded"), False),
        (made("v1", "Pod", PLAIN, "Running"), False),
        (made("batch/v1", "CronJob", {"jobTemplate": {"spec": {"template": {"spec": GPUS}}}}), True),
        (made("apps/v1", "Deployment", {"replicas": 0, "template": {"spec": GPUS}}), True),
        (made("apps/v1", "Deployment", {"template": {"spec": PLAIN}}), False),
    ],
)  # fmt: skip
def test_work_that_asks_for_accelerators_is_seen_with_and_without_pods(body: dict[str, Any], asking: bool) -> None:
    kube = FakeKube()
    kube.put(body)
    assert ("legacy" in read_cluster(kube).asking) is asking


def test_of_pods_only_facts_are_kept() -> None:
    kube = FakeKube()
    kube.put(made("v1", "Pod", {**GPUS, "priorityClassName": "urgent"}, "Pending"))
    assert read_cluster(kube).pods == {"legacy": PodFacts(1, frozenset({"urgent"}), asks=True)}


def test_what_is_to_be_read_first_is_a_warning_as_well() -> None:
    first = (Unsaid("teams a and b", "they share a queue"),)
    (warning,) = edit_of(Imported({}, (), (), first), "").warnings
    assert (warning.file, warning.severity, warning.what) == (
        "IMPORT.md", Severity.WARNING, "teams a and b: they share a queue",
    )  # fmt: skip
