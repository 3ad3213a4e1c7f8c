"""Alibaba's openb lists: read with file and line, and nothing taken that cannot be."""

from __future__ import annotations

import pytest

from allotment.errors import InputError
from allotment.scenarios.lines import CsvRow
from allotment.scenarios.openb import openb_nodes, openb_pods
from allotment.scheduling.placement.gpu.model import GpuNode, GpuPod, GpuShape

NODE = {"sn": "a", "cpu_milli": "64000", "memory_mib": "262144", "gpu": "2", "model": "P100"}
POD = {"name": "p", "cpu_milli": "1", "memory_mib": "2", "num_gpu": "1", "gpu_milli": "460", "gpu_spec": "V100|T4"}


def rows(*cells: dict[str, str]) -> list[CsvRow]:
    return [CsvRow("list.csv", number, each) for number, each in enumerate(cells, start=2)]


def test_lists_are_read() -> None:
    assert openb_nodes(rows(NODE)) == [GpuNode("a", 64000, 256 << 30, 2, "P100")]
    assert openb_pods(rows(POD)) == [GpuPod("p", GpuShape(1, 2 << 20, 1, 460, ("T4", "V100")))]
    assert openb_pods(rows(POD | {"num_gpu": "0"}))[0].shape.demand == 0
    assert [node.name for node in openb_nodes(rows(NODE, NODE | {"sn": "", "gpu": "0"}))] == ["a", "node-3"]


@pytest.mark.parametrize(
    ("cells", "what", "why"),
    [
        ([POD | {"cpu_milli": "many"}], "list.csv:2: column cpu_milli is 'many'", ""),
        ([POD | {"memory_mib": "²"}], "list.csv:2: column memory_mib is '²'", ""),
        ([{k: v for k, v in POD.items() if k != "num_gpu"}], "list.csv:2: column num_gpu is None", ""),
        ([POD | {"cpu_milli": "9" * 5000}], "column cpu_milli is '9999", ""),
        ([POD | {"memory_mib": "9" * 13}], "column memory_mib is '9999999999999', more than any node has", ""),
        ([POD | {"num_gpu": "2"}], "list.csv:2: 2 GPUs at 460 milli each", "only a single GPU can be shared"),
        ([POD | {"gpu_milli": "1500"}], "list.csv:2: column gpu_milli is 1500", "a share of one GPU"),
        ([POD | {"gpu_milli": "0"}], "list.csv:2: column gpu_milli is 0", "a share of one GPU"),
        ([POD, POD], "list.csv:3: a second pod p", "the first is at list.csv:2"),
    ],
)
def test_a_bad_pod_is_named(cells: list[dict[str, str]], what: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        openb_pods(rows(*cells))
    assert what in caught.value.what
    assert why in caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize(
    ("column", "value"), [("cpu_milli", "9" * 5000), ("memory_mib", "9" * 20), ("gpu", "9" * 30), ("gpu", "1025")]
)
def test_what_no_node_has_is_named(column: str, value: str) -> None:
    with pytest.raises(InputError) as caught:
        openb_nodes(rows(NODE | {column: value}))
    assert f"list.csv:2: column {column} is" in caught.value.what
    assert "more than any node has" in caught.value.what
    assert len(caught.value.what) < 150


def test_nodes_are_listed_once_and_have_gpus() -> None:
    with pytest.raises(InputError, match=r"list\.csv:3: a second node a"):
        openb_nodes(rows(NODE, NODE))
    with pytest.raises(InputError, match="no node of the list has a GPU"):
        openb_nodes(rows(NODE | {"gpu": "0"}))
