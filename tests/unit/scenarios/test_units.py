"""Files count memory in MiB, both twins in bytes: converted once, where a file is read."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.errors import InputError
from allotment.scenarios.lines import CsvRow
from allotment.scenarios.openb import openb_nodes
from allotment.scenarios.placement.reading import PlacementScenario, read_placement

NODE = {"sn": "a", "cpu_milli": "64000", "memory_mib": "3", "gpu": "2"}


def placement(memory: int, storage: int = 0) -> PlacementScenario:
    amounts = {"cpu": 5, "memory": memory, "ephemeral-storage": storage, "nvidia.com/gpu": 7}
    data: dict[str, Any] = {
        "nodes": [{"name": "a", "allocatable": amounts}],
        "pods": [{"name": "p", "requests": amounts}],
    }
    return read_placement({"id": "s", **data})


def test_memory_and_storage_are_read_as_bytes_and_nothing_else_is() -> None:
    read = placement(3, storage=2)
    expected = {"cpu": 5, "memory": 3 << 20, "ephemeral-storage": 2 << 20, "nvidia.com/gpu": 7}
    assert read.nodes[0].allocatable == dict(read.pods[0].shape.requests) == expected


def test_a_list_of_nodes_is_read_alike() -> None:
    assert openb_nodes([CsvRow("list.csv", 2, NODE)])[0].memory == 3 << 20


@pytest.mark.parametrize(("memory", "storage", "named"), [(1 << 42, 0, "memory"), (0, 1 << 42, "ephemeral-storage")])
def test_more_than_the_engine_can_count_is_refused(memory: int, storage: int, named: str) -> None:
    with pytest.raises(InputError, match=f"{named}: {1 << 42} MiB are more than there can be"):
        placement(memory, storage)
    assert placement((1 << 42) - 1).nodes[0].allocatable["memory"] < 1 << 62
