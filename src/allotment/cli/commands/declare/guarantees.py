"""Flags that say what a team is guaranteed, of every command that makes or changes a team."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

accelerators_flag = click.option(
    "--accelerator",
    "accelerators",
    multiple=True,
    metavar="[CLUSTER/]NAME=N",
    help="Guaranteed devices, such as a100=4 or a100:spot=4; training/a100=4 in one cluster. May be repeated.",
)
_cpu_flag = click.option(
    "--cpu", default="64", show_default=True, metavar="QUANTITY", help="Guaranteed CPU in each cluster."
)
_memory_flag = click.option(
    "--memory", default="256Gi", show_default=True, metavar="QUANTITY", help="Guaranteed memory."
)


def guarantee_flags(command: F) -> F:
    """Devices, CPU and memory of a team that is new."""
    return accelerators_flag(_cpu_flag(_memory_flag(command)))
