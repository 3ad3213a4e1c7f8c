"""Which series an exporter measured: by the labels that the server sets itself, and no more devices than can be."""

from __future__ import annotations

import pytest

from allotment.observe.exporters import MOST_EACH, MOST_UNKNOWN, KnownOfExporters, measured_by_exporters
from allotment.observe.telemetry import Labels

KNOWN = KnownOfExporters({"n1": 2, "n2": 2}, frozenset({"alpha"}), {"gpu-operator/dcgm-2": "n2"})


def series(node: str = "n1", device: str = "0", **more: str) -> dict[str, str]:
    target = {"job": "dcgm", "instance": f"{node}:9400"}
    return {"Hostname": node, "UUID": device, "namespace": "bravo", "pod": "train", **target, **more}


def renamed(space: str, pod: str, **more: str) -> dict[str, str]:
    return series(exported_namespace="bravo", exported_pod="train", namespace=space, pod=pod, **more)


OTHER = {"job": "alpha/push", "instance": "10.0.0.9:80"}
HONEST = [series(node, device) for node in ("n1", "n2") for device in "01"]
FORGED: dict[str, tuple[list[dict[str, str]], bool]] = {
    "the exporter's own": ([series("n1", "1")], True),
    "pushed: a job and no instance": ([series(instance="", job="pushgateway")], False),
    "pushed through a gateway that honours nothing": ([series(exported_job="dcgm")], False),
    "without a target, where others have one": ([series(job="", instance="")], False),
    "of a team's own target": ([renamed("alpha", "evil")], False),
    "of a target on another node": ([renamed("gpu-operator", "dcgm-2")], False),
    "of an exporter that is not seen": ([renamed("gpu-operator", "dcgm-1")], True),
    "of another job on a node with an exporter": ([series("n1", "9", **OTHER)], False),
    "of another job on every node": ([series(node, "0", **OTHER) for node in ("n1", "n2")], False),
}


@pytest.mark.parametrize(("told", "counts"), FORGED.values(), ids=FORGED)
def test_a_series_counts_where_its_target_is_an_exporter(told: list[Labels], counts: bool) -> None:
    kept, said = measured_by_exporters([*HONEST, *told], KNOWN)
    assert kept == list(range(len(HONEST) + (len(told) if counts else 0)))
    assert said == (
        ()
        if counts
        else (f"left out: {len(told)} series that no exporter of the cluster measured, by the labels of their targets",)
    )


def test_the_job_that_names_as_many_devices_as_a_node_has_is_its_exporter_s_and_of_equals_both_stay() -> None:
    honest = [series("n1", device) for device in "01"]
    assert measured_by_exporters([*honest, series("n1", "9", **OTHER)], KNOWN)[0] == [0, 1]
    equal = [series("n1", device, **OTHER) for device in "01"]
    assert measured_by_exporters([*honest, *equal], KNOWN)[0] == [0, 1, 2, 3]


def test_a_server_without_any_targets_labels_is_believed() -> None:
    assert measured_by_exporters([series(job="", instance="")], KNOWN) == ([0], ())


def test_a_node_has_no_more_devices_than_it_can_have() -> None:
    many = [series(node, str(number)) for number in range(500) for node in ("n1", "elsewhere")]
    kept, said = measured_by_exporters(many, KNOWN)
    assert len(kept) == 2 * MOST_EACH + MOST_UNKNOWN
    assert said == (f"left out: {1000 - len(kept)} series of more devices than their nodes can have (elsewhere, n1)",)
