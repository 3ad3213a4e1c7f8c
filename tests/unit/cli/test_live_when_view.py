"""What a table says of work that never starts: the numbers alone, whatever else Kueue wrote."""

from __future__ import annotations

import pytest

from allotment.cli.commands.foresee.live_when_view import live_when_listing
from allotment.diagnose.emptied import HopelessFor
from allotment.model.observed.base import Reference
from allotment.operations.foresee.live.when import LiveWhen, LiveWhenRequest, WaitingStart
from allotment.reports.documents.live_start import message_of
from allotment.scheduling.snapshot.standing import NotQueued, OutOfQueue

REFUSED = (
    "couldn't assign flavors to pod set main: flavor lovelace doesn't match node affinity, insufficient quota for cpu "
    "in flavor hopper, previously considered podsets requests (0) + current podset request (200) > maximum capacity "
    "(192)"
)
NO_NODE = "0/18 nodes are available: 18 Insufficient nvidia.com/gpu. preemption: 0/18 nodes are available: 18 no help"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (REFUSED, "never: cpu in flavor hopper: 200, at most 192"),
        (REFUSED.replace("(0)", "(8)"), "never: cpu in flavor hopper: 200 beside 8, at most 192"),
        (
            "couldn't assign flavors to pod set main: resource amd.com/gpu unavailable in ClusterQueue",
            "never: its queue has no amd.com/gpu",
        ),
        ("couldn't assign flavors to pod set main: flavor nope not found", "never: flavor nope not found"),
        (NO_NODE, "never: 0/18 nodes are available: 18 Insufficient nvidia.com/gpu."),
        ("x" * 300, f"never: {'x' * 99}…"),
    ],
)
def test_a_refusal_for_ever_is_told_in_short(message: str, shown: str) -> None:
    row = WaitingStart(Reference(kind="Job", name="train"), "cq", None, never=HopelessFor("quota", message))
    found = LiveWhen("", LiveWhenRequest(), (row,), 0, 1, 0, 0, 0, 0, 0.0, 0, 0, ())
    (column,) = (each for each in live_when_listing(found).columns if each.title == "MESSAGE")

    assert column.text is not None
    assert column.text(row) == shown
    assert message in str(column.of(row)), "csv and JSON have it whole"


def test_a_queue_that_was_not_read_is_told_as_that() -> None:
    kept = NotQueued(OutOfQueue.NOT_SEEN, ("main",))
    row = WaitingStart(Reference(kind="Job", name="train"), "", None, kept=kept)

    assert message_of(row) == "its queue could not be read: main"


def test_the_time_of_the_next_try_is_told() -> None:
    kept = NotQueued(OutOfQueue.BACKING_OFF, until=1_793_535_000_000)
    row = WaitingStart(Reference(kind="Job", name="train"), "", None, kept=kept)

    assert message_of(row) == "Kueue sent it back, and tries it again at 2026-11-01T12:10:00Z"
