"""Each device's stretches sum to the time that it was watched, whatever the clock that tells of turns does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.store.fake import MemoryStore
from allotment.ports.device_times import DeviceInterval, DeviceTurn, DeviceUse, TimedDevice, clipped

USES = [DeviceUse("unallocated"), DeviceUse("unmeasured", "j1", "nlp", price=7), DeviceUse("unmeasured", "j2")]
DEVICES = [TimedDevice("local", "node-a", each) for each in ("0", "1")]
LATEST = 2_000

turns = st.builds(DeviceTurn, st.sampled_from(DEVICES), st.integers(0, LATEST), st.sampled_from(USES))


@given(st.lists(turns, max_size=30), st.integers(0, LATEST), st.integers(0, LATEST))
def test_stretches_close_to_the_time_that_a_device_was_watched(told: list[DeviceTurn], one: int, other: int) -> None:
    store = MemoryStore()
    for turn in told:
        store.record([], [turn])
    since, until = sorted((one, other))
    for device in DEVICES:
        mine = [each for each in told if each.device == device]
        line = [each for each in store.device_times(since, until) if each.device == device]
        watched = max(0, until - max(since, mine[0].at)) if mine else 0
        assert sum(each.end - each.start for each in line if each.end is not None) == watched
        assert all(one.end == two.start for one, two in pairwise(line))
        assert [each.use for each in store.in_use("local") if each.device == device] == [each.use for each in mine[-1:]]


@given(st.lists(st.tuples(turns, st.booleans()), max_size=30))
def test_stretches_of_a_device_that_comes_and_goes_never_overlap(told: list[tuple[DeviceTurn, bool]]) -> None:
    store = MemoryStore()
    for turn, goes in told:
        store.record([], [turn, *([DeviceTurn(turn.device, turn.at + 5, None)] if goes else [])])
    for device in DEVICES:
        line = [each for each in store.device_times(0, 2 * LATEST) if each.device == device]
        assert all(one.end is not None and one.end <= two.start for one, two in pairwise(line))


def test_a_turn_to_the_same_use_is_no_turn_and_a_stretch_without_length_is_none() -> None:
    store, (device, _) = MemoryStore(), DEVICES
    for at, use in [(5, USES[0]), (9, USES[0]), (9, USES[1]), (8, USES[2]), (8, None), (7, USES[0]), (7, None)]:
        store.record([], [DeviceTurn(device, at, use)])

    assert store.device_times(0, 100) == (DeviceInterval(device, 5, 9, USES[0]),)


def test_a_part_of_a_stretch() -> None:
    whole, on = DeviceInterval(DEVICES[0], 10, 20, USES[0]), DeviceInterval(DEVICES[0], 10, None, USES[0])
    cuts = [(whole, 0, 99), (whole, 12, 15), (whole, 20, 30), (whole, 0, 10), (on, 15, 90), (on, 0, 10)]
    found = [clipped(*each) for each in cuts]
    assert [each and (each.start, each.end) for each in found] == [(10, 20), (12, 15), None, None, (15, 90), None]
