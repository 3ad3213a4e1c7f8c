"""Options as one frozen request: click makes exactly the fields, and of the types, that mypy believes in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any, get_type_hints

import click
import pytest

from allotment.cli.commands.change.plan import PlanOptions, plan
from allotment.cli.commands.foresee.capacity import CapacityOptions, capacity
from allotment.cli.commands.foresee.simulate import SimulateOptions, simulate
from allotment.cli.commands.foresee.whatif import WhatIfOptions, whatif
from allotment.cli.commands.foresee.when import WhenOptions, when

OF_A_SOURCE = {"snapshot", "backend", "namespace", "everywhere"}
SHARED = {"no_headers", "sort_by", "selector", "limit", "force_conflicts", "allow_uncounted", *OF_A_SOURCE}
"""Flags of several commands that end up in `OutputOptions` and `Liberties`; the session's, click keeps to itself."""

COMMANDS = [
    (capacity, CapacityOptions),
    (plan, PlanOptions),
    (simulate, SimulateOptions),
    (whatif, WhatIfOptions),
    (when, WhenOptions),
]


def type_of(param: click.Parameter) -> Any:
    """What click makes of a parameter."""
    plain: type = {click.IntRange: int, click.FloatRange: float, type(click.BOOL): bool}.get(type(param.type), str)
    if param.multiple or param.nargs == -1:
        return tuple[plain, ...]
    always = param.required or isinstance(param.default, plain) or getattr(param, "is_flag", False)
    return plain if always else plain | None


@pytest.mark.parametrize(("command", "kind"), COMMANDS, ids=lambda value: getattr(value, "name", ""))
def test_the_fields_are_what_click_makes(command: click.Command, kind: type) -> None:
    own = {param.name: type_of(param) for param in command.params if param.expose_value and param.name not in SHARED}
    assert get_type_hints(kind) == own


def test_a_request_is_frozen() -> None:
    asked = WhatIfOptions(
        words=(),
        named="x",
        changes=(),
        scenario=None,
        until=None,
        report=None,
        everybody=False,
        budget=None,
        recorded=None,
    )
    with pytest.raises(FrozenInstanceError):
        asked.named = "y"  # type: ignore[misc]
