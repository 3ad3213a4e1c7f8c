"""Queues and namespaces as they are → the teams that there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.names import is_dns_label, is_plain
from allotment.spec.imports.apart import owner_first, parted, why_apart
from allotment.spec.imports.live import LiveCluster, Notes, in_spaces, is_system, name_of, space_of, title


@dataclass(frozen=True, slots=True)
class FoundTeam:
    """A team to be declared.

    Attributes:
        queue: its ClusterQueue; None where only a namespace shows that it is there.
        guest_of: the ClusterQueue of another team that its work runs by now; None if by its own.
        shared: the cohort by which quota is shared with guests where the queue has none; empty if with nobody.
    """

    name: str
    namespaces: tuple[str, ...]
    queue: Body | None
    guest_of: Body | None = None
    shared: str = ""

    @property
    def counted(self) -> Body | None:
        """The ClusterQueue that its work is counted in now."""
        return self.queue or self.guest_of


def found_teams(live: LiveCluster, notes: Notes) -> tuple[FoundTeam, ...]:
    """A team for each ClusterQueue that namespaces lead to, and for each other namespace with a quota."""
    spaces = {name_of(body) for body in live.namespaces if not is_system(name_of(body)) and is_plain(name_of(body))}
    leading: dict[str, str] = {}
    for local in live.local_queues:
        if space_of(local) not in spaces:
            notes.add(local, "its namespace is the system's, or no team's namespace can have that name")
            continue
        queue = local["spec"].get("clusterQueue", "")
        if leading.setdefault(space_of(local), queue) != queue:
            notes.add(local, f"a second queue of the namespace: the directory has one, {leading[space_of(local)]}")
    teams: list[FoundTeam] = []
    taken: set[str] = set()
    for queue in live.cluster_queues:
        mine = tuple(sorted(space for space, name in leading.items() if name == name_of(queue)))
        if not mine:
            notes.add(queue, "no namespace leads to it: no team is made of it")
            continue
        parts = owner_first(live, name_of(queue), parted(live, mine))
        # A namespace of the name of another team would pass for that one's.
        free = is_plain(name_of(queue)) and name_of(queue) not in leading.keys() - {*parts[0]}
        owner = _name(name_of(queue) if free else parts[0][0], taken)
        teams += _sharing(live, queue, owner, parts, taken, notes)
    held = {space for team in teams for space in team.namespaces}
    limited = sorted({space_of(quota) for quota in live.quotas} & spaces - held)
    teams += [FoundTeam(_name(space, taken), (space,), None) for space in limited]
    for space in sorted(spaces - held - set(limited)):
        notes.say(f"Namespace {space}", "it has neither a LocalQueue nor a ResourceQuota: no team is made of it")
    return tuple(teams)


def _sharing(
    live: LiveCluster, queue: Body, owner: str, parts: tuple[tuple[str, ...], ...], taken: set[str], notes: Notes
) -> Iterator[FoundTeam]:
    """The team that keeps a queue, and those whose work runs by it too, and which are others."""
    owned, *others = parts
    queues = {name_of(each) for each in live.cluster_queues}  # a team's queue has its name
    shared = _shared_cohort(live, owner) if others and cohort_of(queue) is None else ""
    yield FoundTeam(owner, owned, queue, None, shared)
    for part in others:
        guest = _name(part[0], taken | queues)
        taken.add(guest)
        cohort = shared or cohort_of(queue)
        notes.warn(
            f"teams {owner} and {guest}",
            f"{', '.join(owned)} and {', '.join(part)} share ClusterQueue {name_of(queue)}, and "
            f"{why_apart(live, owned, part)}: they are declared as two teams, so that no group gets into a namespace "
            f"in which it is not now. {owner} keeps the queue; {guest} gets one with no quota of its own, which "
            f"borrows from it in cohort {cohort}, and what it borrows can be reclaimed. "
            f"{_leading_on(live, part, name_of(queue))}. If they are one team, write all namespaces into its document: "
            "all its groups then get into all of them",
        )
        yield FoundTeam(guest, part, None, queue, shared)


def _shared_cohort(live: LiveCluster, wished: str) -> str:
    """A cohort of a name that no other has."""
    there = {name_of(body) for body in live.cohorts} | {cohort_of(queue) for queue in live.cluster_queues}
    return _name(wished, {name for name in there if name}, "shared")


def _name(wished: str, taken: set[str], suffix: str = "team") -> str:
    name = wished
    while name in taken:
        name = f"{name}-{suffix}"
    taken.add(name)
    return name


def _leading_on(live: LiveCluster, spaces: tuple[str, ...], queue: str) -> str:
    """What becomes of the LocalQueues of a guest: Kueue lets none lead elsewhere."""
    mine = in_spaces(live.local_queues, spaces)
    names = ", ".join(f"{space_of(body)}/{name_of(body)}" for body in mine)
    lead = f"{names} {'leads' if len(mine) == 1 else 'lead'} to {queue} as before"
    if any(name_of(body) == labels.LOCAL_QUEUE for body in mine):
        return f"{lead}: let that work end, and delete it before you adopt: apply makes {labels.LOCAL_QUEUE} anew"
    return f"{lead}: move that work to {labels.LOCAL_QUEUE}, which apply makes, and delete it before you adopt"


def cohort_of(queue: Body) -> str | None:
    """The cohort that a ClusterQueue is in, if the directory can name it."""
    spec = queue.get("spec", {})
    name = str(spec.get("cohortName") or spec.get("cohort") or "")
    return name if is_dns_label(name) else None


def describe(team: FoundTeam) -> str:
    """What a team was made of, in words."""
    origin = title(team.counted) if team.counted is not None else "a ResourceQuota"
    if team.guest_of is not None:
        origin = f"{origin}, which another team keeps,"
    return f"{origin} and the namespaces {', '.join(team.namespaces)}"
