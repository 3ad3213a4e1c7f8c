"""What becomes of a back end's devices, told to the store as it happens: the ledger of this machine, without a gap.

Whoever watches devices says which there are. Each has one use at any time: it is being started on, runs for a job
(where that is measured: at work, or idle for as long as its rule says), or is not allocated. Only changes are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.accounting.ledger import CauseOfTime
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import AttemptUse
from allotment.ports.backends import FollowedJob
from allotment.ports.device_times import DeviceTurn, DeviceUse, TimedDevice
from allotment.ports.store import JobsReader
from allotment.ports.stored_jobs import StoredJob

RESOURCE: Final = "gpu"
"""As the ledger names it, whatever the vendor."""


@dataclass(frozen=True, slots=True)
class WatchedDevice:
    """A device of a back end.

    Attributes:
        node: where it is.
        model: class of the catalogue, or what a slot is called.
        price: of an hour, millionths of the currency; None where it is not known.
    """

    id: str
    node: str
    model: str
    price: int | None = None


class DeviceBooks:
    """Of one back end; goes on with what the store has of it."""

    def __init__(self, backend: str, devices: Iterable[WatchedDevice], reader: JobsReader) -> None:
        """What is on in the store of devices that are no more ends with the first turns.

        Args:
            backend: its name.
            devices: all that it has.
            reader: the store.
        """
        self._backend = backend
        self._devices = {each.id: each for each in devices}
        self._uses: dict[TimedDevice, DeviceUse | None] = {each.device: each.use for each in reader.in_use(backend)}

    def turns(self, jobs: Mapping[str, StoredJob], seen: Iterable[FollowedJob], now: int) -> list[DeviceTurn]:
        """What has changed since the last time; nothing is remembered until `kept`.

        Args:
            jobs: by id.
            seen: the back end's jobs as it shows them.
            now: milliseconds since the epoch.
        """
        shown = {each.id: each for each in seen}
        held = {
            device: (each, use) for each in shown.values() for device, use in self._held_by(each, jobs.get(each.id))
        }
        turns = []
        for watched in self._devices.values():
            device = TimedDevice(self._backend, watched.node, watched.id)
            holder = held.get(watched.id)
            use = holder[1] if holder is not None else self._idle(watched)
            if self._uses.get(device) != use:
                turns.append(DeviceTurn(device, self._since(device, holder, shown, now), use))
        known = {TimedDevice(self._backend, each.node, each.id) for each in self._devices.values()}
        turns += [DeviceTurn(device, now, None) for device, use in self._uses.items() if use and device not in known]
        return turns

    def _since(
        self,
        device: TimedDevice,
        holder: tuple[FollowedJob, DeviceUse] | None,
        shown: Mapping[str, FollowedJob],
        now: int,
    ) -> int:
        """Since when: who holds it says so, or else who held it before, if that has ended."""
        before = self._uses.get(device)
        if holder is not None and before is not None and before.job == holder[0].id:
            told = _turned_at(holder[0], before)
            if told is not None:
                return told
        left = shown.get(before.job) if before is not None else None
        told = holder[0].since if holder is not None else left.since if left is not None else None
        return now if told is None else told

    def kept(self, turns: Iterable[DeviceTurn]) -> None:
        """These turns are in the store."""
        self._uses.update({each.device: each.use for each in turns})

    def _held_by(self, seen: FollowedJob, job: StoredJob | None) -> Iterator[tuple[str, DeviceUse]]:
        if job is None or not seen.state.holds:
            return
        cause = CauseOfTime.STARTING if seen.state is JobState.STARTING else _cause(seen.measured)
        for place in seen.places:
            for name in place.devices:
                watched = self._devices.get(name)
                if watched is not None:
                    yield name, self._use(watched, cause, job)

    @staticmethod
    def _idle(watched: WatchedDevice) -> DeviceUse:
        return DeviceUse(CauseOfTime.UNALLOCATED.value, resource=RESOURCE, model=watched.model, price=watched.price)

    @staticmethod
    def _use(watched: WatchedDevice, cause: CauseOfTime, job: StoredJob) -> DeviceUse:
        wanted = job.job
        return DeviceUse(
            cause=cause.value,
            job=job.id,
            team=wanted.team,
            owner=job.owner,
            project=wanted.project,
            queue=wanted.team,
            resource=RESOURCE,
            model=watched.model,
            price=watched.price,
        )


_MEASURED: Final = frozenset({CauseOfTime.PRODUCTIVE.value, CauseOfTime.IDLE_HELD.value, CauseOfTime.UNMEASURED.value})


def _cause(use: AttemptUse | None) -> CauseOfTime:
    if use is None or not use.known:
        return CauseOfTime.UNMEASURED
    return CauseOfTime.IDLE_HELD if use.idle else CauseOfTime.PRODUCTIVE


def _turned_at(seen: FollowedJob, before: DeviceUse) -> int | None:
    """When what is measured of a job that went on running became something else; None where it only began to run.

    A streak of idleness counts from its beginning, as in every other ledger of ours; what is measured for the first
    time, without a gap, from when it ran on.
    """
    use = seen.measured
    if before.cause not in _MEASURED or seen.state is JobState.STARTING:
        return None
    if use is None:
        return None
    if use.idle and use.idle_since is not None:
        return use.idle_since
    return use.since if before.cause == CauseOfTime.UNMEASURED.value and not use.unmeasured_ms else use.until
