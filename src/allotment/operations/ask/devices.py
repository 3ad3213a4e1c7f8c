"""Use cases: who holds devices, how many there are and are left, and what is out first; over all clusters seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.books import devices_promised_twice, flavor_books
from allotment.accounting.capacity import PER_DEVICE, devices_by_node
from allotment.accounting.claims import hands_out_devices
from allotment.accounting.fleet_devices import AcceleratorRoom, accelerator_rooms, fleet_fragments
from allotment.accounting.holdings import OTHERS, DeviceHold, JobHold, device_holds, job_holds
from allotment.accounting.idleness import USUAL_RULES, IdleRules
from allotment.accounting.saturation import AcceleratorSaturation, saturation
from allotment.errors import NotFoundError, shown
from allotment.model.moments import moment
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask.resting import demand, demand_nodes, half_seen
from allotment.operations.ask.sparing import spared
from allotment.scheduling.placement.asking import matching_models
from allotment.scheduling.snapshot.placement import PlacementView, placement_view

ANOTHER_TEAM: Final = "another team"
"""Who holds what a saved snapshot may not name."""


@dataclass(frozen=True, slots=True)
class WhoHolds:
    """Who holds devices.

    Attributes:
        now: milliseconds since 1970; 0 where the snapshot says no time.
        notes: what could not be seen.
    """

    now: int
    holds: tuple[JobHold, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuCount:
    """Devices by accelerator.

    Attributes:
        fragmented: by cluster, free GPUs in millionths that the mean pod of the whole cluster could not use; None where
            no pod asks for GPUs.
        notes: what could not be seen, or is not counted in.
    """

    rooms: tuple[AcceleratorRoom, ...]
    fragmented: Mapping[str, int | None]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saturated:
    """What is out first, by accelerator."""

    accelerators: tuple[AcceleratorSaturation, ...]
    notes: tuple[str, ...] = ()


def who_holds(
    snapshot: Snapshot,
    *,
    accelerator: str = "",
    team: str = "",
    namespace: str = "",
    idle: IdleRules = USUAL_RULES,
) -> WhoHolds:
    """Who holds devices.

    Args:
        snapshot: what was seen.
        accelerator: only devices of this model, or of this resource; empty for all.
        team: only what this team holds; a namespace without a team is its own.
        namespace: only what is held from there.
        idle: when a device is.

    Raises:
        NotFoundError: there is no such accelerator, or no such team.
        ForbiddenError: no pods could be read.
    """
    demand(snapshot, "pods", for_what="who holds devices")
    found, left = spared(snapshot, lambda each: _who_holds(each, accelerator, team, namespace, idle))
    return replace(found, notes=(*found.notes, *left))


def _who_holds(snapshot: Snapshot, accelerator: str, team: str, namespace: str, idle: IdleRules) -> WhoHolds:
    now = moment(snapshot.taken_at) or 0
    found: list[DeviceHold] = []
    notes: list[str] = []
    teams: set[str] = set()
    for source in snapshot.sources:
        index = Index(source)
        own = device_holds(index, moment(source.observed_at) or now, idle)
        found += own
        teams |= {team_of(each) for each in own} | {each.name for each in index.objects.namespaces}
        notes += _unseen(snapshot, source)
    if accelerator:
        wanted = _named(accelerator, found)
        found = [each for each in found if wanted & {each.accelerator, each.resource}]
    if team:
        _known(team, teams)
        found = [each for each in found if team_of(each) == team]
    if namespace:
        found = [each for each in found if each.owner.namespace == namespace]
    return WhoHolds(now, job_holds(found), tuple(notes))


def team_of(hold: DeviceHold | JobHold) -> str:
    """The team, or the namespace where it has none; of those who may not be named, that they are others."""
    if hold.owner == OTHERS:
        return ANOTHER_TEAM
    return hold.owner.team or hold.owner.namespace


def _named(accelerator: str, holds: Sequence[DeviceHold]) -> set[str]:
    if "/" in accelerator:
        return {accelerator}
    models = {each.accelerator for each in holds}
    # Nothing of any kind is held: then nothing of this kind is.
    # Who holds slices and shares of a device holds it, too.
    return set(matching_models(accelerator, models, parts_too=True)) if models else {accelerator}


def _known(team: str, teams: set[str]) -> None:
    if team not in teams:
        raise NotFoundError(
            f"no team {team!r} holds devices here, and no namespace has that name",
            fix=f"there are {', '.join(sorted(teams)[:_MOST_NAMED])}" if teams else "ask without --team",
        )


_MOST_NAMED: Final = 20


def count_gpus(snapshot: Snapshot, idle: IdleRules = USUAL_RULES) -> GpuCount:
    """Devices by accelerator and cluster: there, healthy, held, idle, free, fragmented, and how many more pods fit.

    Args:
        snapshot: what was seen.
        idle: when a device is.

    Raises:
        ForbiddenError: no nodes could be read.
    """
    demand_nodes(snapshot, for_what="which devices there are")
    found, left = spared(snapshot, lambda each: _count_gpus(each, idle))
    return replace(found, notes=(*found.notes, *left))


def _count_gpus(snapshot: Snapshot, idle: IdleRules) -> GpuCount:
    rooms: list[AcceleratorRoom] = []
    fragmented: dict[str, int | None] = {}
    notes: list[str] = []
    for source in snapshot.sources:
        index = Index(source)
        view = placement_view(index)
        holds = device_holds(index, moment(source.observed_at) or moment(snapshot.taken_at) or 0, idle)
        own = accelerator_rooms(view, holds)
        rooms += own
        fragmented[source.name] = fleet_fragments(view)
        notes += [_of(snapshot, source, each) for each in view.unmodelled]
        stray = sum(each.parts for each in holds) - sum(each.used for each in own)
        if stray > 0 and index.nodes:
            told = (
                f"{stray / PER_DEVICE:,g} more are held than these nodes have, on them or on nodes that are not there"
            )
            notes.append(_of(snapshot, source, f"{told}: see `allot who`"))
    return GpuCount(tuple(rooms), fragmented, tuple(notes))


def saturated(snapshot: Snapshot) -> Saturated:
    """What is out first by accelerator and cluster: the devices, or what stands around them.

    Raises:
        ForbiddenError: no nodes could be read.
    """
    demand_nodes(snapshot, for_what="which devices there are")
    found, left = spared(snapshot, _saturated)
    return replace(found, notes=(*found.notes, *left))


def _saturated(snapshot: Snapshot) -> Saturated:
    found: list[AcceleratorSaturation] = []
    notes: list[str] = []
    for source in snapshot.sources:
        index = Index(source)
        view = placement_view(index)
        found += saturation(view)
        told = (*view.unmodelled, *_untold(view), *_promised_twice(index))
        notes += [_of(snapshot, source, each) for each in told]
    return Saturated(tuple(found), tuple(notes))


def _untold(view: PlacementView) -> Iterator[str]:
    """Devices that the scheduler's twin knows no room for: no plug-in counts them."""
    resources = {part.resource for parts in devices_by_node(view.index).values() for part in parts}
    for each in sorted(resources - view.state.rows.keys()):
        why = "are handed out by claims" if hands_out_devices(each) else "are offered by no node now"
        yield f"devices of {shown(each)} {why}: what is out first there is not known"


def _promised_twice(index: Index) -> Iterator[str]:
    """Quota that is there on paper alone: shares of quota are too low by it."""
    for books, nominal, there in devices_promised_twice(flavor_books(index)):
        flavors = " and ".join(shown(book.flavor) for book in books)
        yield (
            f"{nominal:,} {shown(books[0].resource)} are guaranteed in the flavors {flavors}, whose nodes are the same "
            f"and have {there:,}: see `allot books`"
        )


def _unseen(snapshot: Snapshot, source: Source) -> list[str]:
    notes = [f"{each}: more may be held" for each in half_seen(source, ("pods", "nodes"))]
    return [_of(snapshot, source, each) for each in notes]


def _of(snapshot: Snapshot, source: Source, note: str) -> str:
    return f"{source.name}: {note}" if len(snapshot.sources) > 1 else note
