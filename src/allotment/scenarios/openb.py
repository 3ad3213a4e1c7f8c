"""Alibaba's openb lists of GPU nodes and pods, as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.errors import InputError
from allotment.model.quantity import MIB
from allotment.scenarios.lines import CsvRow, echo
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode, GpuPod, GpuShape


def openb_nodes(rows: Iterable[CsvRow]) -> list[GpuNode]:
    """Nodes of an openb node list (`sn, cpu_milli, memory_mib, gpu, model`), one a row.

    Raises:
        InputError: a column is missing or not a number, a node is listed twice, or none has a GPU; file and line are
            named.
    """
    nodes: list[GpuNode] = []
    seen: dict[str, str] = {}
    for row in rows:
        name = row.cells.get("sn") or f"node-{row.number}"
        _once(row, "node", name, seen)
        nodes.append(
            GpuNode(
                name,
                _number(row, "cpu_milli"),
                _number(row, "memory_mib") * MIB,
                _gpus(row),
                row.cells.get("model", ""),
            )
        )
    if nodes and not any(node.gpus for node in nodes):
        first = next(iter(seen.values()))
        raise InputError(f"{first}: no node of the list has a GPU", fix="name a node list whose column gpu is not 0")
    return nodes


def _gpus(row: CsvRow) -> int:
    gpus = _number(row, "gpu")
    if gpus > _MOST_GPUS:
        raise InputError(f"{row.where}: column gpu is {gpus}, more than any node has", fix=_COUNTED)
    return gpus


_MOST_GPUS: Final = 1024
"""Of a node; memory is taken for as many of every node."""


def openb_pods(rows: Iterable[CsvRow]) -> list[GpuPod]:
    """Pods of an openb pod list (`name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec`); times are not read.

    Raises:
        InputError: a column is missing or not a number, a pod is listed twice, or a share is asked for that there
            cannot be; file and line are named.
    """
    pods: list[GpuPod] = []
    seen: dict[str, str] = {}
    for row in rows:
        gpus = _number(row, "num_gpu")
        name = row.cells.get("name") or f"pod-{row.number}"
        _once(row, "pod", name, seen)
        shape = GpuShape(
            _number(row, "cpu_milli"),
            _number(row, "memory_mib") * MIB,
            gpus,
            _number(row, "gpu_milli") if gpus else 0,
            tuple(sorted(model for model in (row.cells.get("gpu_spec") or "").split("|") if model)),
        )
        _check_share(row, shape)
        pods.append(GpuPod(name, shape))
    return pods


def _check_share(row: CsvRow, shape: GpuShape) -> None:
    if shape.gpus > 1 and shape.milli != WHOLE:
        raise InputError(
            f"{row.where}: {shape.gpus} GPUs at {shape.milli} milli each",
            why="only a single GPU can be shared",
            fix="ask for one GPU, or for whole ones (gpu_milli 1000)",
        )
    if shape.gpus and not 0 < shape.milli <= WHOLE:
        raise InputError(
            f"{row.where}: column gpu_milli is {shape.milli}",
            why="it is a share of one GPU",
            fix="write 1 to 1000, and more GPUs into num_gpu",
        )


def _once(row: CsvRow, what: str, name: str, seen: dict[str, str]) -> None:
    if name in seen:
        raise InputError(
            f"{row.where}: a second {what} {name}", why=f"the first is at {seen[name]}", fix="list it once"
        )
    seen[name] = row.where


def _number(row: CsvRow, column: str) -> int:
    text = row.cells.get(column)
    if text is None or not (text.strip().isascii() and text.strip().isdigit()):
        raise InputError(
            f"{row.where}: column {column} is {text if text is None else echo(text)}, not a whole number",
            fix="compare the header with the openb lists: cpu_milli, memory_mib, gpu or num_gpu, gpu_milli",
        )
    if len(text.strip()) > _MOST_DIGITS:
        raise InputError(f"{row.where}: column {column} is {echo(text)}, more than any node has", fix=_COUNTED)
    return int(text)


_MOST_DIGITS: Final = 12
"""Sums of so large amounts still fit 63 bits."""
_COUNTED: Final = "count CPU in thousandths, memory in MiB and GPUs in whole ones"
