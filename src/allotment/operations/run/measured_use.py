"""Looks at devices → what is known of an attempt's use: each look accounts for the time since the one before.

Nothing is kept of single looks but sums, so a week costs no more room than a minute. A look that is late stands for
`LONGEST` at most; the time before that is unmeasured, and ends a streak of idleness: what nobody saw was not idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.model.jobs.use import AttemptUse, IdleMark
from allotment.model.policy import IdlePolicy
from allotment.model.quantity import Bytes

EVERY: Final = 5_000
"""Milliseconds between two looks."""
LONGEST: Final = 4 * EVERY
"""Milliseconds that one look stands for at most."""


@dataclass(frozen=True, slots=True)
class DeviceLook:
    """What one device was seen to do for a job.

    Attributes:
        percent: how busy, in whole percent; None where nobody tells.
        memory: bytes in use; None where nobody tells.
    """

    percent: int | None = None
    memory: int | None = None


def use_from(since: int, devices: int) -> AttemptUse:
    """Of an attempt that begins to run now; nothing was measured yet."""
    return AttemptUse(since, since, devices)


def with_looks(use: AttemptUse, looks: Sequence[DeviceLook], now: int, policy: IdlePolicy | None) -> AttemptUse:
    """What is known after one look at each device.

    Args:
        use: before it.
        looks: one for each device that answered.
        now: when they were looked at, in milliseconds since the epoch.
        policy: when it is idle, and what would be done; None for no rule.
    """
    below = 0 if policy is None else policy.below
    passed = max(0, now - use.until)
    seen_ms = min(passed, LONGEST)
    told = [each.percent for each in looks if each.percent is not None][: use.devices]
    times = dict(use.by_percent)
    for percent in told:
        times[percent] = times.get(percent, 0) + seen_ms
    idle = [percent for percent in told if percent < below]
    known = bool(use.devices) and len(told) == use.devices
    streak = use.idle_since if passed <= LONGEST and use.idle_since is not None else max(use.until, now) - seen_ms
    memory = [each.memory for each in looks if each.memory is not None]
    until = max(use.until, now)
    idles = known and len(idle) == use.devices
    found = replace(
        use,
        until=until,
        by_percent=tuple(sorted(times.items())) if seen_ms else use.by_percent,
        unmeasured_ms=use.unmeasured_ms + use.devices * passed - len(told) * seen_ms,
        idle_ms=use.idle_ms + len(idle) * seen_ms,
        idle_since=streak if idles else None,
        idle_after_ms=use.devices * (until - streak) if idles else 0,
        known=known,
        memory=Bytes(max(memory)) if memory and (use.memory is None or max(memory) > use.memory) else use.memory,
        looks=use.looks + sum(each.percent is not None or each.memory is not None for each in looks),
    )
    return _judged(found, use.devices * passed, (len(told) - len(idle)) * seen_ms, policy)


def closed_at(use: AttemptUse, end: int) -> AttemptUse:
    """What is known of an attempt that is over; nobody saw what its devices did after the last look."""
    passed = max(0, end - use.until)
    if not passed:
        return use
    found = replace(use, until=use.until + passed, unmeasured_ms=use.unmeasured_ms + use.devices * passed)
    mark = found.mark
    return found if mark is None else replace(found, mark=replace(mark, held_ms=mark.held_ms + use.devices * passed))


def _judged(use: AttemptUse, held_ms: int, busy_ms: int, policy: IdlePolicy | None) -> AttemptUse:
    """What its rule says of it."""
    mark = use.mark
    if mark is not None:
        mark = replace(mark, held_ms=mark.held_ms + held_ms, busy_ms=mark.busy_ms + busy_ms)
    if policy is None or use.idle_since is None:
        return replace(use, idle=False, mark=mark)
    due = use.idle_since + policy.after * 1000
    if use.until < due:
        return replace(use, idle=False, mark=mark)
    if mark is None:
        mark = IdleMark(policy.name, policy.action.value, due, use.devices * (use.until - due))
    return replace(use, idle=True, mark=mark)
