"""What `allot simulate` and its relatives share: values of flags, and the progress bar."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TypeVar

from allotment.cli.shell.progress import ProgressLine
from allotment.cli.shell.steps import duration
from allotment.errors import UsageError
from allotment.model.grammar import count
from allotment.model.spelling import did_you_mean
from allotment.operations.foresee.simulating import Headway, Watch

E = TypeVar("E", bound=Enum)


def chosen_policies(kind: type[E], names: Iterable[str]) -> tuple[E, ...]:
    """Policies by name, in their order, each once.

    Raises:
        UsageError: there is no such policy.
    """
    known = {str(each.value): each for each in kind}
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no policy {name!r} for this file",
                why=f"the policies are {', '.join(known)}",
                fix=did_you_mean(name, list(known), "name one of them"),
            )
    return tuple(known[name] for name in dict.fromkeys(names))


def quotas_of(entries: Iterable[str]) -> dict[str, int]:
    """``QUEUE=N``, several.

    Raises:
        UsageError: one is something else, or a queue is named twice.
    """
    quotas: dict[str, int] = {}
    for entry in entries:
        queue, equals, number = entry.rpartition("=")
        if not equals or not queue or not (number.isascii() and number.isdigit() and len(number) < 12):
            raise UsageError(f"{entry!r} is no quota", fix="write QUEUE=N, for example --quota nlp=64")
        if queue in quotas:
            raise UsageError(f"{queue} has two quotas", fix="give one")
        quotas[queue] = int(number)
    return quotas


def gauge(line: ProgressLine) -> Watch | None:
    """A bar that shows the share of arrived jobs; None where nobody looks, so that nothing is computed for it."""
    if not line.visible:
        return None
    drawn = -1

    def draw(headway: Headway) -> None:
        nonlocal drawn
        share = 1000 * headway.arrived // max(headway.of, 1)
        if share != drawn:
            drawn = share
            full = share // 50
            bar = "█" * full + "░" * (20 - full)
            line.tell(f"{bar} {headway.arrived:,} of {count(headway.of, 'job')}, at {duration(headway.now / 1000)}")

    return draw
