"""What becomes of devices' time, kept as it happens: each device has a line of stretches without gap or overlap.

Whoever sees a device turn to another use says so once, with the time. The stretch that was on ends there, and the next
begins there: so the stretches of a device sum to the time that it was watched, whatever a clock does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from allotment.ports.stored_jobs import kept_text


@dataclass(frozen=True, slots=True, order=True)
class TimedDevice:
    """A device whose time is kept.

    Attributes:
        backend: name of the back end, or of the observed cluster.
        node: node or host.
        device: UUID or index, unique on its node.
    """

    backend: str
    node: str
    device: str


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """What a device's time is used for, and by whom; empty for nobody.

    Attributes:
        cause: a word of `accounting.ledger.CauseOfTime`.
        job: id.
        queue: that admitted it.
        resource: as pods ask for it, or ``gpu``.
        model: class of the catalogue.
        price: of an hour, millionths of the currency; None where it is not known.
    """

    cause: str
    job: str = ""
    team: str = ""
    owner: str = ""
    project: str = ""
    queue: str = ""
    resource: str = ""
    model: str = ""
    price: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceTurn:
    """A device turns to another use.

    Attributes:
        at: milliseconds since the epoch; never counted as before the turn that came last.
        use: None where it is watched no longer.
    """

    device: TimedDevice
    at: int
    use: DeviceUse | None


def kept_turn(turn: DeviceTurn) -> DeviceTurn:
    """A turn whose names every store can keep."""
    device = TimedDevice(*(kept_text(each) for each in (turn.device.backend, turn.device.node, turn.device.device)))
    if turn.use is None:
        return replace(turn, device=device)
    use = turn.use
    kept = DeviceUse(
        cause=kept_text(use.cause),
        job=kept_text(use.job),
        team=kept_text(use.team),
        owner=kept_text(use.owner),
        project=kept_text(use.project),
        queue=kept_text(use.queue),
        resource=kept_text(use.resource),
        model=kept_text(use.model),
        price=use.price,
    )
    return replace(turn, device=device, use=kept)


@dataclass(frozen=True, slots=True)
class DeviceInterval:
    """A stretch of a device's time in one use, in milliseconds since the epoch; the end does not belong to it.

    Attributes:
        end: None while it is on.
    """

    device: TimedDevice
    start: int
    end: int | None
    use: DeviceUse


@dataclass(frozen=True, slots=True)
class TurnOutcome:
    """What a turn does to a device's line.

    Attributes:
        replaced: the last stretch goes, because it would have no length.
        ended: the last stretch with its end; None where it stays as it is, or goes.
        begun: the next one; None where there is none.
    """

    replaced: bool = False
    ended: DeviceInterval | None = None
    begun: DeviceInterval | None = None


def turned(last: DeviceInterval | None, turn: DeviceTurn) -> TurnOutcome:
    """What becomes of a device's line.

    Args:
        last: its latest stretch, whether on or ended; None where there is none.
        turn: told about the same device.
    """
    if last is not None and last.end is None:
        if last.use == turn.use:
            return TurnOutcome()
        at = max(turn.at, last.start)
        begun = None if turn.use is None else DeviceInterval(turn.device, at, None, turn.use)
        if at == last.start:
            return TurnOutcome(replaced=True, begun=begun)
        return TurnOutcome(ended=replace(last, end=at), begun=begun)
    if turn.use is None:
        return TurnOutcome()
    at = turn.at if last is None or last.end is None else max(turn.at, last.end)
    return TurnOutcome(begun=DeviceInterval(turn.device, at, None, turn.use))


def clipped(interval: DeviceInterval, since: int, until: int) -> DeviceInterval | None:
    """The part of a stretch that lies in a time; one that is on lasts until its end. None where none of it does."""
    start, end = max(interval.start, since), until if interval.end is None else min(interval.end, until)
    return replace(interval, start=start, end=end) if start < end else None
